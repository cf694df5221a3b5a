//! Whether more threads are ready to run than there are cores: then polling takes a core from somebody.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long what was seen holds. To look takes some microseconds.
const HOLDS: Duration = Duration::from_millis(4);

/// What a process saw last of its machine's run queues.
pub(crate) struct Crowd(Mutex<Option<(Instant, bool)>>);

/// What this one saw.
pub(crate) static CROWD: Crowd = Crowd::new();

impl Crowd {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether there are too many, as far as the system tells. Where it does not, there are.
    pub(crate) fn is_there(&self, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((when, crowded)) if now.saturating_duration_since(when) < HOLDS => crowded,
            _ => {
                let crowded = look().unwrap_or(true);
                *seen = Some((now, crowded));
                crowded
            }
        }
    }
}

fn look() -> Option<bool> {
    static CORES: OnceLock<Option<u32>> = OnceLock::new();
    let online = || std::fs::read_to_string("/sys/devices/system/cpu/online").ok().map(|list| cores(&list));
    let cores = (*CORES.get_or_init(online))?;
    Some(ready(&std::fs::read_to_string("/proc/loadavg").ok()?)? > cores)
}

/// Cores in a list as `0-3,8`.
fn cores(list: &str) -> u32 {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let of_range = |range: &str| match range.split_once('-') {
        Some((first, last)) => Some(number(last)?.checked_sub(number(first)?)?.saturating_add(1)),
        None => number(range).map(|_| 1),
    };
    list.split(',').filter_map(of_range).fold(0, u32::saturating_add)
}

/// Threads that run or are ready to, in what `/proc/loadavg` says (proc(5)): `0.20 0.18 0.12 1/80 11206`.
fn ready(load: &str) -> Option<u32> {
    load.split(' ').nth(3)?.split_once('/')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_counted() {
        for (list, count) in [("0\n", 1), ("0-1\n", 2), ("0-3,8,10-11\n", 7), ("", 0), ("3-1", 0), ("x,2", 1)] {
            assert_eq!(cores(list), count, "{list:?}");
        }
    }

    #[test]
    fn threads_that_are_ready_are_found_in_the_load() {
        assert_eq!(ready("9.25 8.94 7.09 9/161 4162\n"), Some(9));
        for text in ["", "1 2 3", "1 2 3 4", "1 2 3 x/4 5"] {
            assert_eq!(ready(text), None);
        }
    }

    #[test]
    fn what_this_machine_told_holds_a_while() {
        assert!(look().is_some(), "Linux tells");
        let now = Instant::now();
        for crowded in [false, true] {
            let crowd = Crowd(Mutex::new(Some((now, crowded))));
            assert_eq!(crowd.is_there(now + HOLDS / 2), crowded);
        }
    }
}
