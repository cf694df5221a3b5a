//! What a series cost, counted by the kernel and by the transports: nothing here is estimated.

use std::ops::{Add, Sub};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::other::Other;
use super::series::Pattern;
use super::ways::Client;
use crate::Failure;

/// Calls of a series under strace.
const TRACED: usize = 2000;

/// What a process has spent so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Processor time of all its threads.
    pub(crate) processor: Duration,
    /// Times a thread gave up its core to wait.
    voluntary: u64,
    /// Times a thread lost its core to another.
    involuntary: u64,
    /// Times this end of a channel was woken.
    wakeups: u64,
    /// Times it had to wake the other: a system call each.
    doorbells: u64,
    /// Payloads copied into shared memory.
    copied_in: u64,
    /// Payloads copied out of it.
    copied_out: u64,
    /// Times polling found a message, and times it did not.
    spins: [u64; 2],
}

impl Spent {
    /// By this process; of channels only that of the client.
    pub(crate) fn ours(client: &Client) -> Self {
        Self::process().with(client.counters())
    }

    pub(crate) fn process() -> Self {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let processor = Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default());
        let (voluntary, involuntary) = context_switches();
        Self { processor, voluntary, involuntary, ..Self::default() }
    }

    /// With these counters of channels.
    pub(crate) fn with(self, counters: shm::ChannelCounters) -> Self {
        Self {
            wakeups: counters.wakeups,
            doorbells: counters.doorbells,
            copied_in: counters.copied_in,
            copied_out: counters.copied_out,
            spins: [counters.spins_paid, counters.spins_lost],
            ..self
        }
    }

    pub(crate) fn counts(&self) -> [(&'static str, u64); 8] {
        [
            ("voluntary switches", self.voluntary),
            ("involuntary switches", self.involuntary),
            ("wake-ups", self.wakeups),
            ("doorbells", self.doorbells),
            ("copies in", self.copied_in),
            ("copies out", self.copied_out),
            ("spins paid", self.spins[0]),
            ("spins lost", self.spins[1]),
        ]
    }

    fn zip(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            processor: Duration::ZERO,
            voluntary: each(self.voluntary, other.voluntary),
            involuntary: each(self.involuntary, other.involuntary),
            wakeups: each(self.wakeups, other.wakeups),
            doorbells: each(self.doorbells, other.doorbells),
            copied_in: each(self.copied_in, other.copied_in),
            copied_out: each(self.copied_out, other.copied_out),
            spins: [each(self.spins[0], other.spins[0]), each(self.spins[1], other.spins[1])],
        }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { processor: self.processor + other.processor, ..self.zip(other, u64::wrapping_add) }
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { processor: self.processor.saturating_sub(other.processor), ..self.zip(other, u64::saturating_sub) }
    }
}

/// Voluntary and involuntary ones of all threads.
fn context_switches() -> (u64, u64) {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    texts.fold((0, 0), |sum, text| {
        let read = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        (sum.0 + read("voluntary_ctxt_switches:"), sum.1 + read("nonvoluntary_ctxt_switches:"))
    })
}

/// System calls per call, of both processes, counted by strace over a series of its own. Its tracing slows every system call
/// down, so that more calls share one than otherwise: with several under way the figure is a lower bound.
pub(crate) fn system_calls(
    runtime: &Runtime,
    client: &Client,
    other: &Other,
    pattern: Pattern,
    size: usize,
) -> Result<f64, Failure> {
    let calls = if pattern == Pattern::Asleep { TRACED / 20 } else { TRACED.max(pattern.callers() * 4) };
    let counted = other.folder().join("strace");
    let (ours, theirs) = (std::process::id().to_string(), other.process().to_string());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-c", "-U", "calls,name", "-p", &ours, "-p", &theirs, "-o"]).arg(&counted);
    let failed = |error: std::io::Error| Failure::Other(format!("strace: {error}"));
    let mut tracing = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().map_err(failed)?;
    until_traced(&ours)?;
    until_traced(&theirs)?;
    let done = client.calls(runtime, pattern, size, calls)?.len();
    rustix::process::kill_process(rustix::process::Pid::from_child(&tracing), rustix::process::Signal::INT)
        .map_err(|error| failed(error.into()))?;
    tracing.wait().map_err(failed)?;
    let text = std::fs::read_to_string(&counted).map_err(failed)?;
    let total: u64 = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (count, name) = (words.next()?.parse::<u64>().ok()?, words.next()?);
            // Of the pause itself nothing is the transport's, nor is what we do to watch for strace.
            (!matches!(name, "total" | "openat" | "read" | "close" | "statx" | "lseek")).then_some(count)
        })
        .sum();
    Ok(total as f64 / done as f64)
}

/// Waits until the process is traced.
fn until_traced(process: &str) -> Result<(), Failure> {
    for _ in 0..500 {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map_or("0", str::trim);
        if tracer != "0" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(Failure::Other("strace may not attach".into()))
}
