//! The control plane: the same core with its service-based interface over shared memory and over HTTP/2, in turn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use topo::{Core, Host, Usage};

use crate::Failure;
use crate::ran::{Ran, outcome};
use crate::result::{result, write};
use crate::samples::Samples;

/// A pair to compare: for each its name, and its section `sbi` of the configuration.
type Pair = [(&'static str, &'static str); 2];

/// What can be compared.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Compared {
    /// Shared memory and HTTP/2 over TCP
    Transports,
    /// No access tokens and access tokens, over shared memory
    Tokens,
    /// No access tokens and access tokens, over HTTP/2
    TokensH2,
}

impl Compared {
    fn pair(self) -> Pair {
        match self {
            Self::Transports => [("shm", "transports: [shm, h2]"), ("h2", "transports: [h2]")],
            Self::Tokens => [("none", "oauth2: false"), ("tokens", "oauth2: true")],
            Self::TokensH2 => {
                [("none", "transports: [h2], oauth2: false"), ("tokens", "transports: [h2], oauth2: true")]
            }
        }
    }
}

pub(crate) const CORE: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 1);
pub(crate) const GNB: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 2);

/// Where the cores have their files: gone with the namespaces.
pub(crate) const FOLDER: &str = "/run/bench";

/// The first subscribers' IMSIs; the others of each file follow.
pub(crate) const FIRST_IMSI: u64 = 999_700_000_100_001;
const SECOND_IMSI: u64 = 999_700_000_500_001;

/// How long an idle core is watched.
const IDLE: Duration = Duration::from_secs(5);

/// Runs at each number of UEs, in each round.
const REPEATS: usize = 5;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// What to compare
    #[arg(long, value_enum, default_value_t = Compared::Transports)]
    compare: Compared,
    /// Rounds: each measures both once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Numbers of UEs that arrive at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    ues: Vec<usize>,
    /// UEs of the run that gives rate, CPU and memory
    #[arg(long, default_value_t = 3000)]
    crowd: usize,
    /// UEs of the crowd at work at the same time
    #[arg(long, default_value_t = 64)]
    parallel: usize,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Quantity to samples, one a round.
pub(crate) type Cells = BTreeMap<String, Samples>;

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    topo::enter()?;
    let (core, ran) = (Host::new("core")?, Host::new("ran")?);
    topo::link((&core, CORE), (&ran, GNB))?;
    let mut cells: BTreeMap<&str, Cells> = BTreeMap::new();
    for round in 0..options.rounds {
        let pair = options.compare.pair();
        for turn in 0..pair.len() {
            // The order alternates, so that none always comes first.
            let (name, sbi) = pair[(round + turn) % pair.len()];
            eprintln!("round {} of {}: {name}", round + 1, options.rounds);
            measure(options, (&core, &ran), sbi, cells.entry(name).or_default())?;
        }
    }
    print!("{}", table(options.compare.pair(), &cells));
    match &options.json {
        None => Ok(()),
        Some(path) => write(path, format!("{:#}\n", result(options.rounds, &cells))),
    }
}

/// One core from start to end.
fn measure(options: &Options, hosts: (&Host, &Host), sbi: &str, cells: &mut Cells) -> Result<(), Failure> {
    let folder = Path::new(FOLDER);
    let _ = fs::remove_dir_all(folder); // of the core before
    let configuration = format!(
        "amf: {{n2: {{listen: [\"{CORE}:38412\"]}}}}\nupf: {{n3: {{listen: \"{CORE}:2152\"}}}}\n\
         sbi: {{{sbi}}}\nlogging: {{level: warn}}\n"
    );
    let core = Core::start(hosts.0, folder, &configuration)?;
    let most = options.ues.iter().copied().max().unwrap_or_default().max(options.crowd);
    let first = subscribers(&core, folder, "first.jsonl", FIRST_IMSI, most)?;
    let second = subscribers(&core, folder, "second.jsonl", SECOND_IMSI, options.crowd)?;
    let ran = Ran { host: hosts.1, own: GNB, amf: CORE, folder, subscribers: &first };
    idle(&core, cells);
    ran.attach(&["--ues", "16"])?; // connections are made, code is in memory
    for ues in &options.ues {
        for _ in 0..REPEATS {
            latency(&ran, *ues, cells)?;
        }
    }
    crowd(options, &core, &ran, cells)?;
    // What grows once, such as pages of memory that are touched for the first time, has grown by now.
    memory(options, &core, &Ran { subscribers: &second, ..ran }, cells)?;
    Ok(core.stop()?)
}

/// Provisions `count` subscribers and returns the file that `peregrine-ran` takes them from.
pub(crate) fn subscribers(core: &Core, folder: &Path, name: &str, imsi: u64, count: usize) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    write(&path, topo::subscriber_lines(imsi, count, topo::USUAL_SLICES))?;
    core.peregrine(&["subscriber", "import", &path.to_string_lossy()])?;
    Ok(path)
}

pub(crate) fn put(cells: &mut Cells, quantity: impl Into<String>, value: f64) {
    cells.entry(quantity.into()).or_default().push(value);
}

/// What a core uses that has nothing to do.
fn idle(core: &Core, cells: &mut Cells) {
    let before = core.usage();
    sleep(IDLE);
    let after = core.usage();
    let used: f64 = difference(&before, &after).values().map(|usage| usage.cpu.as_secs_f64()).sum();
    put(cells, "idle: CPU, percent of a core", 100.0 * used / IDLE.as_secs_f64());
    let memory: u64 = after.iter().map(|(_, usage)| usage.memory).sum();
    put(cells, "idle: memory, MiB", mebibytes(memory));
}

/// So many UEs at once: each registers, opens a session and leaves.
fn latency(ran: &Ran<'_>, ues: usize, cells: &mut Cells) -> Result<(), Failure> {
    let outcomes = ran.attach(&["--ues", &ues.to_string(), "--release"])?;
    for procedure in ["registration", "session"] {
        let latency = &outcome(&outcomes, procedure)?.latency_us;
        for (what, value) in [("p50", latency.p50), ("p99", latency.p99), ("max", latency.max)] {
            put(cells, format!("{ues:>3} UEs: {procedure} {what}, ms"), value / 1000.0);
        }
    }
    Ok(())
}

/// Many UEs register and stay: the rate, and what each of them costs.
fn crowd(options: &Options, core: &Core, ran: &Ran<'_>, cells: &mut Cells) -> Result<(), Failure> {
    let (ues, parallel) = (options.crowd.to_string(), options.parallel.to_string());
    let before = core.usage();
    let arguments = ["--ues", &ues, "--parallel", &parallel, "--sessions", "0", "--no-deregister"];
    let outcomes = ran.attach(&arguments)?;
    let registered = outcome(&outcomes, "registration")?.count as f64;
    let used = difference(&before, &core.usage());
    put(cells, "crowd: registrations per second", registered / outcomes.elapsed_s);
    for (nf, usage) in &used {
        put(cells, format!("crowd: CPU per registration, {nf}, us"), usage.cpu.as_secs_f64() * 1e6 / registered);
    }
    let cpu: f64 = used.values().map(|usage| usage.cpu.as_secs_f64()).sum();
    put(cells, "crowd: CPU per registration, all, us", cpu * 1e6 / registered);
    Ok(())
}

/// As many again register and stay idle: what each of them keeps in memory.
fn memory(options: &Options, core: &Core, ran: &Ran<'_>, cells: &mut Cells) -> Result<(), Failure> {
    let (ues, parallel) = (options.crowd.to_string(), options.parallel.to_string());
    let before = core.usage();
    let outcomes = ran.attach(&["--ues", &ues, "--parallel", &parallel, "--sessions", "0", "--no-deregister"])?;
    let registered = outcome(&outcomes, "registration")?.count as f64;
    let used: u64 = difference(&before, &core.usage()).values().map(|usage| usage.memory).sum();
    put(cells, "crowd: memory per registered idle UE, octets", used as f64 / registered);
    Ok(())
}

pub(crate) fn difference(before: &[(String, Usage)], after: &[(String, Usage)]) -> BTreeMap<String, Usage> {
    let earlier = |name: &str| before.iter().find(|(nf, _)| nf == name).map(|(_, usage)| *usage).unwrap_or_default();
    after.iter().map(|(name, usage)| (name.clone(), *usage - earlier(name))).collect()
}

fn mebibytes(octets: u64) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

/// A line a quantity: the medians, and the second's over the first's, round by round.
fn table([(first, _), (second, _)]: Pair, cells: &BTreeMap<&str, Cells>) -> String {
    let ratio = format!("{second} / {first} (lowest - highest)");
    let mut text = format!("{:<46} {first:>10} {second:>10}   {ratio}\n", "");
    let (Some(of_first), Some(of_second)) = (cells.get(first), cells.get(second)) else { return text };
    for (quantity, samples) in of_first {
        let Some(others) = of_second.get(quantity) else { continue };
        let ratio = others.ratio(samples);
        let (lowest, highest) = ratio.spread();
        let (own, other, middle) = (samples.median(), others.median(), ratio.median());
        let compared = match lowest.is_finite() && highest.is_finite() {
            true => format!("{middle:.2} ({lowest:.2} - {highest:.2})"),
            false => "-".to_owned(), // nothing was used
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{quantity:<46} {own:>10.2} {other:>10.2}   {compared}");
    }
    text
}
