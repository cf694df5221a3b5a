//! Admission in the AMF: the same core with different limits of procedures that run at once, in turn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use topo::{Core, Host, Outcomes};

use crate::Failure;
use crate::control_plane::{CORE, Cells, FIRST_IMSI, FOLDER, GNB, difference, put, subscribers};
use crate::ran::{Ran, outcome};
use crate::result::{result, write};

/// More than ever come at once: no limit.
const NONE: usize = 1_000_000;

/// Runs at each number of UEs, in each round.
const REPEATS: usize = 3;

/// How long more arrive than can be served.
const OVERLOAD_SECONDS: usize = 8;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: each measures every limit once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Limits of registrations, and of session establishments, at once; none at all is measured beside them
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 128, 256])]
    limits: Vec<usize>,
    /// Numbers of UEs that arrive at once
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256, 1000])]
    ues: Vec<usize>,
    /// Registrations per second that arrive for 8 seconds: more than the core can serve; 0: this is not measured
    #[arg(long, default_value_t = 8_000)]
    overload: u32,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    topo::enter()?;
    let (core, ran) = (Host::new("core")?, Host::new("ran")?);
    topo::link((&core, CORE), (&ran, GNB))?;
    let limits: Vec<usize> = options.limits.iter().copied().chain([NONE]).collect();
    let mut cells: BTreeMap<usize, Cells> = BTreeMap::new();
    for round in 0..options.rounds {
        // The order moves on, so that none always comes first.
        for limit in limits.iter().cycle().skip(round).take(limits.len()) {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, name(*limit));
            measure(options, (&core, &ran), *limit, cells.entry(*limit).or_default())?;
        }
    }
    print!("{}", table(&cells));
    let named: BTreeMap<String, &Cells> = cells.iter().map(|(limit, cells)| (name(*limit), cells)).collect();
    match &options.json {
        None => Ok(()),
        Some(path) => write(path, format!("{:#}\n", result(options.rounds, &named))),
    }
}

fn name(limit: usize) -> String {
    if limit == NONE { "no limit".to_owned() } else { format!("limit {limit}") }
}

/// One core from start to end.
fn measure(options: &Options, hosts: (&Host, &Host), limit: usize, cells: &mut Cells) -> Result<(), Failure> {
    let folder = Path::new(FOLDER);
    let _ = fs::remove_dir_all(folder); // of the core before
    let configuration = format!(
        "amf: {{n2: {{listen: [\"{CORE}:38412\"]}}, limits: {{procedures: {{registration: {limit}, session: {limit}}}}}}}\n\
         upf: {{n3: {{listen: \"{CORE}:2152\"}}}}\nlogging: {{level: warn}}\n"
    );
    let core = Core::start(hosts.0, folder, &configuration)?;
    let overloading = options.overload as usize * OVERLOAD_SECONDS;
    let most = options.ues.iter().copied().max().unwrap_or_default().max(overloading);
    let subscribers = subscribers(&core, folder, "subscribers.jsonl", FIRST_IMSI, most)?;
    let ran = Ran { host: hosts.1, own: GNB, amf: CORE, folder, subscribers: &subscribers };
    ran.attach(&["--ues", "64", "--release"])?; // connections are made, code is in memory
    for ues in &options.ues {
        for _ in 0..REPEATS {
            at_once(&core, &ran, *ues, cells)?;
        }
    }
    if overloading > 0 {
        overload(&core, &ran, options.overload, cells)?;
    }
    Ok(core.stop()?)
}

/// So many UEs at once: each registers and leaves; then each registers, opens a session and leaves.
fn at_once(core: &Core, ran: &Ran<'_>, ues: usize, cells: &mut Cells) -> Result<(), Failure> {
    let count = ues.to_string();
    // While the first open sessions the last register: alone, registrations show what the limit does to them.
    let alone = ran.attach(&["--ues", &count, "--sessions", "0"])?;
    put_latency(cells, &format!("{ues:>4} UEs: registration alone"), &alone, "registration")?;
    let before = core.usage();
    let outcomes = ran.attach(&["--ues", &count, "--release"])?;
    let used = difference(&before, &core.usage());
    for procedure in ["registration", "session"] {
        put_latency(cells, &format!("{ues:>4} UEs: {procedure}"), &outcomes, procedure)?;
    }
    let cpu: f64 = used.values().map(|usage| usage.cpu.as_secs_f64()).sum();
    put(cells, format!("{ues:>4} UEs: CPU of the core per UE, us"), cpu * 1e6 / ues as f64);
    Ok(())
}

fn put_latency(cells: &mut Cells, name: &str, outcomes: &Outcomes, procedure: &str) -> Result<(), Failure> {
    let latency = &outcome(outcomes, procedure)?.latency_us;
    for (what, value) in [("p50", latency.p50), ("p99", latency.p99), ("max", latency.max)] {
        put(cells, format!("{name} {what}, ms"), value / 1000.0);
    }
    Ok(())
}

/// More arrivals than can be served: how many are registered before T3510 runs out (15 s, TS 24.501 10.2), and how soon.
fn overload(core: &Core, ran: &Ran<'_>, rate: u32, cells: &mut Cells) -> Result<(), Failure> {
    let (ues, seconds) = ((rate as usize * OVERLOAD_SECONDS).to_string(), OVERLOAD_SECONDS.to_string());
    let before = core.usage();
    let arguments = ["--ues", &ues, "--rate", &rate.to_string(), "--duration", &seconds, "--mix", "register=1"];
    let outcomes = ran.load(&arguments)?;
    let used = difference(&before, &core.usage());
    let registrations = outcome(&outcomes, "registration")?;
    eprintln!("{} of {ues} registered; not: {:?}", registrations.count, registrations.failures);
    put(cells, "overload: registered", registrations.count as f64);
    put(cells, "overload: not registered", registrations.failed as f64);
    put_latency(cells, "overload: registration", &outcomes, "registration")?;
    let cpu: f64 = used.values().map(|usage| usage.cpu.as_secs_f64()).sum();
    put(cells, "overload: CPU of the core per UE registered, us", cpu * 1e6 / registrations.count.max(1) as f64);
    Ok(())
}

/// A line a quantity: the medians, and for each limit its ratio to none, run by run.
fn table(cells: &BTreeMap<usize, Cells>) -> String {
    let Some(without) = cells.get(&NONE) else { return String::new() };
    let mut text = format!("{:<48} {:>10}", "", name(NONE));
    for limit in cells.keys().filter(|limit| **limit != NONE) {
        // Writing to a String does not fail.
        let _ = write!(text, " {:>28}", name(*limit));
    }
    text.push('\n');
    for (quantity, none) in without {
        let _ = write!(text, "{quantity:<48} {:>10.2}", none.median());
        for samples in cells.iter().filter(|(limit, _)| **limit != NONE).filter_map(|(_, cells)| cells.get(quantity)) {
            let ratio = samples.ratio(none);
            let (lowest, highest) = ratio.spread();
            let compared = format!("{:.2} ({lowest:.2}-{highest:.2})", ratio.median());
            let _ = write!(text, " {:>10.2} {compared:>17}", samples.median());
        }
        text.push('\n');
    }
    text
}
