//! The service-based interface between two processes: every way to carry a call, alternating in one run.

mod audit;
mod certificates;
#[cfg(feature = "iceoryx2")]
mod iceoryx;
mod other;
mod ring;
mod series;
mod table;
mod ways;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Failure;
use crate::samples::Samples;

use other::Other;
pub(crate) use other::{OtherOptions, run as run_other};
use series::Pattern;
use ways::{Client, Way};

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: each measures every way once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Octets of the body, there and back
    #[arg(long, value_delimiter = ',', default_values_t = [256, 2048, 16_384])]
    sizes: Vec<usize>,
    /// Ways to carry a call; all where none is named
    #[arg(long, value_delimiter = ',')]
    ways: Vec<Way>,
    /// Calls under way
    #[arg(long, value_delimiter = ',', default_values_t = [Pattern::Asleep, Pattern::BackToBack, Pattern::Window(32), Pattern::Window(512)])]
    patterns: Vec<Pattern>,
    /// Where the two processes run
    #[arg(long, value_delimiter = ',', default_values_t = [Placement::OneCore, Placement::TwoCores])]
    placements: Vec<Placement>,
    /// Calls of a series; fewer where each takes long
    #[arg(long, default_value_t = 8192)]
    calls: usize,
    /// Count system calls too: each series once more, under strace
    #[arg(long)]
    audit: bool,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Where the two processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Placement {
    /// Both on the first core
    OneCore,
    /// Each on its own
    TwoCores,
}

impl Placement {
    /// Core of the caller and of the other process.
    fn cores(self) -> (usize, usize) {
        match self {
            Self::OneCore => (0, 0),
            Self::TwoCores => (0, 1),
        }
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OneCore => "one-core",
            Self::TwoCores => "two-cores",
        })
    }
}

/// Where and how: a line group of the table.
pub(crate) type Place = (Placement, Pattern, usize);

/// Quantity to samples, one a round.
pub(crate) type Cells = BTreeMap<Place, BTreeMap<Way, BTreeMap<&'static str, Samples>>>;

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let ways = if options.ways.is_empty() { Way::ALL.to_vec() } else { options.ways.clone() };
    let window = options.patterns.iter().map(|pattern| pattern.callers()).max().unwrap_or(1);
    let mut cells = Cells::new();
    for placement in &options.placements {
        let (own, others) = placement.cores();
        pin(own)?;
        measure(options, &ways, *placement, &Other::start(others, window)?, &mut cells)?;
    }
    print!("{}", table::text(&cells));
    match &options.json {
        None => Ok(()),
        Some(path) => table::write(path, options.rounds, &cells),
    }
}

/// All series with one other process.
fn measure(
    options: &Options,
    ways: &[Way],
    placement: Placement,
    other: &Other,
    cells: &mut Cells,
) -> Result<(), Failure> {
    let runtime = runtime()?;
    let clients = ways
        .iter()
        .filter(|way| placement == Placement::TwoCores || !way.only_spins())
        .map(|way| Ok((*way, runtime.block_on(Client::connect(*way, other))?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    for pattern in &options.patterns {
        for size in &options.sizes {
            let cell = cells.entry((placement, *pattern, *size)).or_default();
            eprintln!("{placement}, {pattern}, {size} octets");
            // The round before the first warms up and is not counted.
            for round in 0..=options.rounds {
                for turn in 0..clients.len() {
                    let (way, client) = &clients[(round + turn) % clients.len()];
                    let figures = series::run(&runtime, client, other, *pattern, *size, options.calls)?;
                    for (quantity, value) in figures.into_iter().filter(|_| round > 0) {
                        cell.entry(*way).or_default().entry(quantity).or_default().push(value);
                    }
                }
            }
            for (way, client) in clients.iter().filter(|_| options.audit) {
                let count = audit::system_calls(&runtime, client, other, *pattern, *size)?;
                cell.entry(*way).or_default().entry("system calls").or_default().push(count);
            }
        }
    }
    Ok(())
}

/// One thread, as an NF has by default.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
    made.map_err(|error| Failure::Other(format!("no runtime: {error}")))
}

/// Lets this process run on one core only.
fn pin(core: usize) -> Result<(), Failure> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).map_err(|error| Failure::Other(format!("core {core}: {error}")))
}
