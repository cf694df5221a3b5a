//! When this process started, as peers that count in seconds are told it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of this start in whole seconds, later than that of every start before with the same `name`: peers see a restart
/// by it (the Recovery Time Stamp of TS 29.244 8.2.65), and a process may be killed and be back within one second.
///
/// The last one given is kept in the file `<name>.started` of `state_dir`. Where that cannot be read or written, the clock
/// alone has to do.
pub fn start_time(state_dir: &Path, name: &str) -> SystemTime {
    let file = state_dir.join(format!("{name}.started"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let last = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    // Far ahead of the clock it is not a run of restarts: the clock was wrong then.
    let next = last.filter(|last| last.saturating_sub(now) < A_DAY).map_or(0, |last| last + 1);
    let started = now.max(next);
    if let Err(error) = std::fs::write(&file, format!("{started}\n")) {
        tracing::warn!(file = %file.display(), %error, "a restart within this second will not be noticed by peers");
    }
    UNIX_EPOCH + Duration::from_secs(started)
}

/// In seconds.
const A_DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_later_than_the_one_before() {
        let place = tempfile::tempdir().expect("a directory");
        let starts: Vec<SystemTime> = (0..5).map(|_| start_time(place.path(), "upf")).collect();
        assert!(starts.is_sorted_by(|one, next| one < next), "{starts:?}");
        assert!(starts[4] <= SystemTime::now() + Duration::from_secs(5), "{starts:?}");
    }

    #[test]
    fn what_cannot_be_a_start_is_not_followed() {
        let place = tempfile::tempdir().expect("a directory");
        for nonsense in ["", "yesterday", "99999999999", "18446744073709551615"] {
            std::fs::write(place.path().join("smf.started"), nonsense).expect("written");
            let started = start_time(place.path(), "smf");
            assert!(started <= SystemTime::now(), "{nonsense}: {started:?}");
        }
    }

    #[test]
    fn without_a_place_the_clock_has_to_do() {
        assert!(start_time(Path::new("/nonexistent"), "upf") <= SystemTime::now());
    }
}
