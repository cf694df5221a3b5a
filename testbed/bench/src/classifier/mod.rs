//! Classifiers on the same rules and packets, in turn.

mod filters;
mod pdrs;
mod synthetic;
mod table;
mod trace;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use classifier::{
    Auto, BitVector, Classifier, Lanes, Linear, PartitionSort, Regions, Rule, RuleId, TupleMerge, TupleSpace,
};

use crate::Failure;
use crate::result::{environment, result, write};
use crate::samples::Samples;
use synthetic::Family;
use trace::Trace;

/// What is measured of one classifier on one workload, each a sample a round.
pub(crate) type Cells = BTreeMap<&'static str, Samples>;

/// A classifier by name, and the function that measures it.
type Contestant = (&'static str, fn(&Workload, &Options, &mut Cells));

const CONTESTANTS: [Contestant; 8] = [
    ("linear", measure::<Linear>),
    ("partition-sort", measure::<PartitionSort>),
    ("tuple-space", measure::<TupleSpace>),
    ("tuple-merge", measure::<TupleMerge>),
    ("lanes", measure::<Lanes>),
    ("bit-vector", measure::<BitVector>),
    ("regions", measure::<Regions>),
    ("auto", measure::<Auto>),
];

/// What to measure. Without `--rules` or `--pdrs`: made-up filters of every family and size.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A ClassBench filter file; may be given several times
    #[arg(long)]
    rules: Vec<PathBuf>,
    /// PDRs of 20 information elements in each session
    #[arg(long, value_delimiter = ',')]
    pdrs: Vec<usize>,
    /// Sessions of so many PDRs
    #[arg(long, default_value_t = 1)]
    sessions: usize,
    /// Families of made-up filters
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Family::Acl, Family::Fw, Family::Ipc])]
    families: Vec<Family>,
    /// How many filters are made up
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 100, 1_000, 10_000, 50_000])]
    sizes: Vec<usize>,
    /// What chance starts from: the same seed gives the same rules and packets
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds: each measures every classifier once
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Only these classifiers
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Milliseconds of look-ups for each figure
    #[arg(long, default_value_t = 20)]
    milliseconds: u64,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Rules, a set a session, and packets.
struct Workload {
    dimensions: usize,
    sets: Vec<Vec<Rule>>,
    traces: [(&'static str, Trace); 2],
}

impl Workload {
    fn new(sets: Vec<Vec<Rule>>, seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let traces = [
            ("look-up, random, ns", Trace::random(&sets, &mut chance)),
            ("look-up, skewed, ns", Trace::skewed(&sets, &mut chance)),
        ];
        let dimensions = sets.iter().flatten().next().map_or(0, |rule| rule.fields.len());
        Self { dimensions, sets, traces }
    }
}

/// Runs the measurement and prints its tables.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    println!("{:#}\n", environment());
    let mut all = BTreeMap::new();
    for (name, sets) in sources(options) {
        let cells = compare(options, &Workload::new(sets()?, options.seed));
        println!("{}", table::table(&name, &cells));
        all.insert(name, cells);
    }
    let Some(path) = &options.json else { return Ok(()) };
    write(path, format!("{:#}\n", result(options.rounds, &all)))
}

/// A workload's name, and the sets of rules to be made when it is its turn.
type Source<'a> = (String, Box<dyn Fn() -> Result<Vec<Vec<Rule>>, Failure> + 'a>);

/// The workloads asked for.
fn sources(options: &Options) -> Vec<Source<'_>> {
    let mut sources: Vec<Source<'_>> = Vec::new();
    for path in &options.rules {
        sources.push((path.display().to_string(), Box::new(move || Ok(vec![filters::read(path)?]))));
    }
    for count in &options.pdrs {
        let name = format!("{} sessions of {count:>5} PDRs", options.sessions);
        sources.push((name, Box::new(move || Ok(pdrs::sessions(options.sessions, *count, options.seed)))));
    }
    if !sources.is_empty() {
        return sources;
    }
    for family in &options.families {
        for size in &options.sizes {
            let name = format!("{family} {size:>5}");
            sources.push((name, Box::new(move || Ok(vec![synthetic::filters(*family, *size, options.seed)]))));
        }
    }
    sources
}

fn compare(options: &Options, workload: &Workload) -> BTreeMap<&'static str, Cells> {
    let asked = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let contestants: Vec<Contestant> = CONTESTANTS.into_iter().filter(|(name, _)| asked(name)).collect();
    let mut cells: BTreeMap<&str, Cells> = BTreeMap::new();
    for round in 0..options.rounds {
        for turn in 0..contestants.len() {
            // The order alternates, so that none always comes first.
            let (name, measure) = contestants[(round + turn) % contestants.len()];
            measure(workload, options, cells.entry(name).or_default());
        }
    }
    cells
}

fn measure<C: Classifier>(workload: &Workload, options: &Options, cells: &mut Cells) {
    let mut put = |quantity, value| cells.entry(quantity).or_default().push(value);
    let rules: usize = workload.sets.iter().map(Vec::len).sum();
    let copies = workload.sets.clone();
    let begin = Instant::now();
    let mut built: Vec<C> = copies.into_iter().map(|set| build(workload.dimensions, set)).collect();
    put("build, us a rule", begin.elapsed().as_secs_f64() * 1e6 / rules as f64);
    put("octets a rule", built.iter().map(C::memory).sum::<usize>() as f64 / rules as f64);
    put("octets", built.iter().map(C::memory).sum::<usize>() as f64 / built.len() as f64);
    put("parts", built.iter().map(C::parts).sum::<usize>() as f64 / built.len() as f64);
    for (name, trace) in &workload.traces {
        put(name, look_up(&built, trace, Duration::from_millis(options.milliseconds)));
    }
    let (inserted, deleted) = update(&mut built, workload, options.seed);
    put("insert, median, ns", inserted.median());
    put("delete, median, ns", deleted.median());
    put(
        "look-up after updates, ns",
        look_up(&built, &workload.traces[0].1, Duration::from_millis(options.milliseconds)),
    );
}

fn build<C: Classifier>(dimensions: usize, rules: Vec<Rule>) -> C {
    C::build(dimensions, rules).expect("the rules are of one length, each with its own id and no empty interval")
}

/// Nanoseconds a look-up takes: the median of many bursts, each too short for another process to come between often.
fn look_up<C: Classifier>(built: &[C], trace: &Trace, time: Duration) -> f64 {
    const BURST: Duration = Duration::from_micros(20);
    let mut start = 0;
    let mut burst = |count: usize| {
        start = if start + 2 * count > trace::PACKETS { 0 } else { start + count };
        let begin = Instant::now();
        for (set, key) in trace.packets(start, count) {
            black_box(built[set].lookup(key));
        }
        begin.elapsed()
    };
    burst(500); // the code and the rules are in the cache
    let first = burst(500).min(burst(500)) / 500;
    let count = (BURST.as_nanos() / first.as_nanos().max(1)).clamp(4, 4000) as usize;
    let mut bursts = Samples::default();
    let begin = Instant::now();
    while begin.elapsed() < time {
        bursts.push(burst(count).as_nanos() as f64 / count as f64);
    }
    bursts.median()
}

/// Removes rules taken at random and puts them back: nanoseconds of each, what a look at the clock takes included.
fn update<C: Classifier>(built: &mut [C], workload: &Workload, seed: u64) -> (Samples, Samples) {
    const UPDATES: usize = 1000;
    let mut chance = fastrand::Rng::with_seed(seed);
    let (mut inserted, mut deleted) = (Samples::default(), Samples::default());
    for _ in 0..UPDATES {
        let set = chance.usize(..workload.sets.len());
        let rule: Rule = workload.sets[set][chance.usize(..workload.sets[set].len())].clone();
        let id: RuleId = rule.id;
        let begin = Instant::now();
        black_box(built[set].delete(id));
        deleted.push(begin.elapsed().as_nanos() as f64);
        let begin = Instant::now();
        let _ = black_box(built[set].insert(rule));
        inserted.push(begin.elapsed().as_nanos() as f64);
    }
    (inserted, deleted)
}
