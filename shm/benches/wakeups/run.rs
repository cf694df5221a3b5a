//! A series: this process and its child pass the turn to and fro.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::memory::Memory;
use crate::wake::{Bell, Sleeper, Way, eventfd};

/// Where the two processes run, and whether the turn is passed on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    pub(crate) cores: [usize; 2],
    pub(crate) pause: Option<Duration>,
}

/// Long enough for a core to have gone idle.
const PAUSE: Option<Duration> = Some(Duration::from_millis(1));

impl Seat {
    pub(crate) const ALL: [Self; 4] = [
        Self { cores: [0, 0], pause: None },
        Self { cores: [0, 0], pause: PAUSE },
        Self { cores: [0, 1], pause: None },
        Self { cores: [0, 1], pause: PAUSE },
    ];

    pub(crate) fn name(self) -> &'static str {
        match (self.cores[0] == self.cores[1], self.pause) {
            (true, None) => "one core, at once",
            (true, Some(_)) => "one core, 1 ms between",
            (false, None) => "two cores, at once",
            (false, Some(_)) => "two cores, 1 ms between",
        }
    }

    fn turns(self, most: u32) -> u32 {
        if self.pause.is_some() { most.div_ceil(16) } else { most }
    }
}

/// What a series has shown.
pub(crate) struct Round {
    pub(crate) way: Way,
    pub(crate) seat: Seat,
    pub(crate) cost: Cost,
}

/// Per turn, there and back; processor and switches of both processes.
pub(crate) struct Cost {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) cpu_us: f64,
    pub(crate) voluntary: f64,
    pub(crate) involuntary: f64,
}

/// Runs one, with a child of its own.
pub(crate) fn series(way: Way, seat: Seat, most: u32) -> Result<Cost, String> {
    let failed = |error: io::Error| format!("{}, {}: {error}", way.name(), seat.name());
    let turns = seat.turns(most);
    pin(seat.cores[0]).map_err(failed)?;
    let memory = Memory::new().map_err(|error| failed(error.into()))?;
    let bells = [eventfd().map_err(failed)?, eventfd().map_err(failed)?];
    let other = start(way, seat, turns, &memory, &bells).map_err(failed)?;
    let page = memory.page();
    let [own, others] = bells;
    let mut latencies = Vec::with_capacity(turns as usize);
    let mut spent = [0_u64; 3];
    runtime()
        .and_then(|runtime| {
            runtime.block_on(async {
                let bell = bell(way, &page.bells[1][0], others);
                let mut sleeper = Sleeper::new(way, &page.bells[0], own)?;
                sleeper.wait().await?; // the child is there
                let before = used();
                for _ in 0..turns {
                    if let Some(pause) = seat.pause {
                        std::thread::sleep(pause);
                    }
                    let begun = Instant::now();
                    bell.ring()?;
                    sleeper.wait().await?;
                    latencies.push(begun.elapsed());
                }
                spent = difference(used(), before);
                bell.ring()?;
                sleeper.wait().await // what it has spent is there
            })
        })
        .and_then(|()| end(other))
        .map_err(failed)?;
    let theirs = page.spent.each_ref().map(|word| word.load(Ordering::Relaxed)); // the last bell has come after them
    Ok(cost(latencies, [spent[0] + theirs[0], spent[1] + theirs[1], spent[2] + theirs[2]]))
}

fn cost(mut latencies: Vec<Duration>, [nanoseconds, voluntary, involuntary]: [u64; 3]) -> Cost {
    latencies.sort();
    let turns = latencies.len();
    let at = |percent: usize| latencies[(turns * percent / 100).min(turns - 1)].as_secs_f64() * 1e6;
    let each = |count: u64| count as f64 / turns as f64;
    Cost {
        p50_us: at(50),
        p99_us: at(99),
        cpu_us: each(nanoseconds) / 1e3,
        voluntary: each(voluntary),
        involuntary: each(involuntary),
    }
}

fn start(way: Way, seat: Seat, turns: u32, memory: &Memory, bells: &[OwnedFd; 2]) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["other", way.name()]);
    let files = [memory.file().as_raw_fd(), bells[0].as_raw_fd(), bells[1].as_raw_fd()];
    command.args(files.map(|file| file.to_string()));
    command.args([seat.cores[1].to_string(), turns.to_string()]).spawn()
}

fn end(mut other: Child) -> io::Result<()> {
    match other.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other("the other process failed")),
    }
}

/// Is the other process: way, descriptors, core and number of turns are its arguments.
pub(crate) fn other(arguments: &[String]) -> Result<(), String> {
    let [way, numbers @ ..] = arguments else { return Err("no way is named".into()) };
    let way = Way::by_name(way).ok_or("no such way")?;
    let numbers: Vec<i32> = numbers.iter().filter_map(|word| word.parse().ok()).collect();
    let [memory, theirs, own, core, turns] = numbers[..] else { return Err("five numbers are missing".into()) };
    // SAFETY: `start` left these three open for this process, where nothing else owns them.
    let [memory, theirs, own] = [memory, theirs, own].map(|file| unsafe { OwnedFd::from_raw_fd(file) });
    answer(way, memory, [own, theirs], core.unsigned_abs() as usize, turns).map_err(|error| error.to_string())
}

fn answer(way: Way, memory: OwnedFd, [own, theirs]: [OwnedFd; 2], core: usize, turns: i32) -> io::Result<()> {
    pin(core)?;
    let page = Memory::map(memory)?.page();
    runtime()?.block_on(async {
        let bell = bell(way, &page.bells[0][0], theirs);
        let mut sleeper = Sleeper::new(way, &page.bells[1], own)?;
        let before = used();
        bell.ring()?;
        for _ in 0..turns {
            sleeper.wait().await?;
            bell.ring()?;
        }
        sleeper.wait().await?;
        for (word, spent) in page.spent.iter().zip(difference(used(), before)) {
            word.store(spent, Ordering::Relaxed); // the bell orders them
        }
        bell.ring()
    })
}

fn bell(way: Way, word: &'static crate::memory::Word, eventfd: OwnedFd) -> Bell {
    match way {
        Way::Eventfd => Bell::Eventfd(word, eventfd),
        _ => Bell::Word(word),
    }
}

/// One thread, as an NF has by default.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn pin(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// By all threads of this process so far: nanoseconds of processor, times one waited, times one lost its core.
fn used() -> [u64; 3] {
    let processor = clock_gettime(ClockId::ProcessCPUTime);
    let processor = processor.tv_sec.unsigned_abs() * 1_000_000_000 + processor.tv_nsec.unsigned_abs();
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    texts.fold([processor, 0, 0], |[processor, voluntary, involuntary], text| {
        let read = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        [processor, voluntary + read("voluntary_ctxt_switches:"), involuntary + read("nonvoluntary_ctxt_switches:")]
    })
}

fn difference(after: [u64; 3], before: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|place| after[place].saturating_sub(before[place]))
}
