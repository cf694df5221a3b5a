//! Admission in the AMF: the same core with different limits of procedures that run at once, in turn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use topo::{Core, Host, Outcomes};

use crate::Failure;
use crate::control_plane::{Cells, FIRST_IMSI, FOLDER, difference, put, subscribers};
use crate::ran::{Ran, outcome};
use crate::result::{result, write};

/// More than ever come at once: no limit.
const NONE: usize = 1_000_000;

/// The hosts that cores run on, one for each limit.
const HOSTS: [&str; 8] = ["core-1", "core-2", "core-3", "core-4", "core-5", "core-6", "core-7", "core-8"];

/// How long more arrive than can be served.
const OVERLOAD_SECONDS: usize = 8;

/// Seconds that a core has at most to clean up.
const SETTLING: usize = 60;

/// What a core that has done so uses in a second, at most.
const AT_REST: Duration = Duration::from_millis(50);

/// UEs that come before anything is measured.
const WARMING: usize = 64;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: each measures every limit once
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Rounds of the overload
    #[arg(long, default_value_t = 2)]
    overload_rounds: usize,
    /// Limits of registrations, and of session establishments, at once, up to seven; none at all is measured beside them
    #[arg(long, value_delimiter = ',', default_values_t = [32, 64, 128])]
    limits: Vec<usize>,
    /// Numbers of UEs that arrive at once
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256, 1000])]
    ues: Vec<usize>,
    /// Registrations per second that arrive for 8 seconds: more than the core can serve
    #[arg(long, default_value_t = 8_000)]
    overload: u32,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    topo::enter()?;
    let ran = Host::new("ran")?;
    let limits = options.limits.iter().copied().chain([NONE]);
    // All of them stand at the same time, so that bursts alternate within seconds; a core at rest takes next to nothing.
    let mut standing = Vec::new();
    for (place, limit) in limits.enumerate() {
        standing.push(Standing::start(options, &ran, place, limit)?);
    }
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for ues in &options.ues {
            in_turn(&mut standing, round, |one| one.at_once(*ues))?;
        }
    }
    for round in 0..options.overload_rounds {
        eprintln!("overload, round {} of {}", round + 1, options.overload_rounds);
        in_turn(&mut standing, round, |one| one.overload(options.overload))?;
    }
    let cells = standing.into_iter().map(Standing::stop).collect::<Result<BTreeMap<_, _>, Failure>>()?;
    print!("{}", table(&cells));
    let named: BTreeMap<String, &Cells> = cells.iter().map(|(limit, cells)| (name(*limit), cells)).collect();
    match &options.json {
        None => Ok(()),
        Some(path) => {
            let mut result = result(options.rounds, &named);
            result["overload rounds"] = options.overload_rounds.into();
            write(path, format!("{result:#}\n"))
        }
    }
}

/// Each once, and another first in each round.
fn in_turn(
    standing: &mut [Standing<'_>],
    round: usize,
    measure: impl Fn(&mut Standing<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let first = round.checked_rem(standing.len()).unwrap_or_default();
    standing.rotate_left(first);
    let outcome = standing.iter_mut().try_for_each(measure);
    standing.rotate_right(first);
    outcome
}

fn name(limit: usize) -> String {
    if limit == NONE { "no limit".to_owned() } else { format!("limit {limit}") }
}

/// A core that stands, with its limit, and what was measured with it.
struct Standing<'a> {
    limit: usize,
    core: Core,
    ran: &'a Host,
    place: u8,
    folder: PathBuf,
    subscribers: PathBuf,
    cells: Cells,
}

impl<'a> Standing<'a> {
    fn start(options: &Options, ran: &'a Host, place: usize, limit: usize) -> Result<Self, Failure> {
        let too_many = || Failure::Ran(format!("at most {} limits beside none", HOSTS.len() - 1));
        let host = Host::new(HOSTS.get(place).ok_or_else(too_many)?)?;
        let place = u8::try_from(place).map_err(|_| too_many())?;
        topo::link((&host, address(place, 1)), (ran, address(place, 2)))?;
        let own = address(place, 1);
        let configuration = format!(
            "amf: {{n2: {{listen: [\"{own}:38412\"]}}, limits: {{procedures: {{registration: {limit}, session: {limit}}}}}}}\n\
             upf: {{n3: {{listen: \"{own}:2152\"}}}}\nlogging: {{level: warn}}\n"
        );
        let folder = Path::new(FOLDER).join(place.to_string());
        let core = Core::start(&host, &folder, &configuration)?;
        let overloading = if options.overload_rounds == 0 { 0 } else { options.overload as usize * OVERLOAD_SECONDS };
        let most = options.ues.iter().copied().max().unwrap_or_default().max(overloading).max(WARMING);
        let subscribers = subscribers(&core, &folder, "subscribers.jsonl", FIRST_IMSI, most)?;
        let standing = Self { limit, core, ran, place, folder, subscribers, cells: Cells::new() };
        standing.ran().attach(&["--ues", &WARMING.to_string(), "--release"])?; // connections are made, code is in memory
        Ok(standing)
    }

    fn ran(&self) -> Ran<'_> {
        let [amf, own] = [1, 2].map(|end| address(self.place, end));
        Ran { host: self.ran, own, amf, folder: &self.folder, subscribers: &self.subscribers }
    }

    /// So many UEs at once: each registers and leaves; then each registers, opens a session and leaves.
    fn at_once(&mut self, ues: usize) -> Result<(), Failure> {
        let count = ues.to_string();
        // While the first open sessions the last register: alone, registrations show what the limit does to them.
        let alone = self.ran().attach(&["--ues", &count, "--sessions", "0"])?;
        let before = self.core.usage();
        let outcomes = self.ran().attach(&["--ues", &count, "--release"])?;
        let used = difference(&before, &self.core.usage());
        put_latency(&mut self.cells, &format!("{ues:>4} UEs: registration alone"), &alone, "registration")?;
        for procedure in ["registration", "session", "attach"] {
            put_latency(&mut self.cells, &format!("{ues:>4} UEs: {procedure}"), &outcomes, procedure)?;
        }
        let cpu: f64 = used.values().map(|usage| usage.cpu.as_secs_f64()).sum();
        put(&mut self.cells, format!("{ues:>4} UEs: CPU of the core per UE, us"), cpu * 1e6 / ues as f64);
        Ok(())
    }

    /// More arrivals than can be served: how many are registered before T3510 runs out (15 s, TS 24.501 10.2), and how soon.
    fn overload(&mut self, rate: u32) -> Result<(), Failure> {
        let (ues, seconds) = ((rate as usize * OVERLOAD_SECONDS).to_string(), OVERLOAD_SECONDS.to_string());
        let before = self.core.usage();
        let arguments = ["--ues", &ues, "--rate", &rate.to_string(), "--duration", &seconds, "--mix", "register=1"];
        let outcomes = self.ran().load(&arguments)?;
        let used = difference(&before, &self.core.usage());
        let registrations = outcome(&outcomes, "registration")?;
        eprintln!(
            "{}: {} of {ues} registered; not: {:?}",
            name(self.limit),
            registrations.count,
            registrations.failures
        );
        let cells = &mut self.cells;
        put(cells, "overload: registered", registrations.count as f64);
        put(cells, "overload: not registered", registrations.failed as f64);
        put_latency(cells, "overload: registration", &outcomes, "registration")?;
        let cpu: f64 = used.values().map(|usage| usage.cpu.as_secs_f64()).sum();
        put(cells, "overload: CPU of the core per UE registered, us", cpu * 1e6 / registrations.count.max(1) as f64);
        self.settle();
        Ok(())
    }

    /// Waits until the core has cleaned up behind an overload, so that the next has the processors to itself.
    fn settle(&self) {
        for _ in 0..SETTLING {
            let before = self.core.usage();
            sleep(Duration::from_secs(1));
            let used = difference(&before, &self.core.usage());
            if used.values().map(|usage| usage.cpu).sum::<Duration>() < AT_REST {
                return;
            }
        }
    }

    fn stop(self) -> Result<(usize, Cells), Failure> {
        self.core.stop()?;
        Ok((self.limit, self.cells))
    }
}

/// Of the link between a core and the gNB.
fn address(place: u8, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 100, place, end)
}

fn put_latency(cells: &mut Cells, name: &str, outcomes: &Outcomes, procedure: &str) -> Result<(), Failure> {
    let latency = &outcome(outcomes, procedure)?.latency_us;
    for (what, value) in [("p50", latency.p50), ("mean", latency.mean), ("max", latency.max)] {
        put(cells, format!("{name} {what}, ms"), value / 1000.0);
    }
    Ok(())
}

/// A line a quantity: the medians, and for each limit its ratio to none, round by round: the median, the middle half, and
/// in how many rounds it is below none.
fn table(cells: &BTreeMap<usize, Cells>) -> String {
    let Some(without) = cells.get(&NONE) else { return String::new() };
    let mut text = format!("{:<48} {:>10}", "", name(NONE));
    for limit in cells.keys().filter(|limit| **limit != NONE) {
        // Writing to a String does not fail.
        let _ = write!(text, " {:>34}", name(*limit));
    }
    text.push('\n');
    for (quantity, none) in without {
        let _ = write!(text, "{quantity:<48} {:>10.2}", none.median());
        for samples in cells.iter().filter(|(limit, _)| **limit != NONE).filter_map(|(_, cells)| cells.get(quantity)) {
            let ratio = samples.ratio(none);
            let ((lower, upper), (better, all)) = (ratio.quartiles(), ratio.below(1.0));
            let compared = format!("{:.2} ({lower:.2}-{upper:.2}) {better}/{all}", ratio.median());
            let _ = write!(text, " {:>9.2} {compared:>24}", samples.median());
        }
        text.push('\n');
    }
    text
}
