//! What processes use, read from `/proc`.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all its threads, past ones too; 10 ms steps.
    pub cpu: Duration,
    /// Proportional share of its resident memory, octets: shared pages are split among those that map them.
    pub memory: u64,
}

impl Usage {
    /// What the process uses now; `None` when it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, the second field, is in parentheses and may hold blanks: count from behind it.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let tick = Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
        let cpu = tick * u32::try_from(user + system).ok()?;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let kilobytes: u64 = pss.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(Self { cpu, memory: kilobytes * 1024 })
    }
}

impl Sub for Usage {
    type Output = Self;

    /// What was used between two readings; memory given back counts as none.
    fn sub(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), memory: self.memory.saturating_sub(earlier.memory) }
    }
}

/// Process ids of the running programs whose file name starts with `prefix`, with that name.
pub fn processes_named(prefix: &str) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let name = program.file_name()?.to_str()?.to_owned();
        name.starts_with(prefix).then_some((pid, name))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself() {
        let own = std::process::id();
        let before = Usage::of(own).expect("this process is there");
        let block = vec![1u8; 32 << 20];
        let after = Usage::of(own).expect("this process is there");
        assert!(after.memory >= before.memory + (30 << 20), "{before:?} {after:?} {}", block.len());
        assert!(processes_named("topo").iter().any(|(pid, _)| *pid == own));
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        let mut child = std::process::Command::new("true").spawn().expect("starts");
        let pid = child.id();
        child.wait().expect("ends");
        assert_eq!(Usage::of(pid), None);
    }
}
