//! `make demo`: the whole core, a gNB and UEs in network namespaces, and what they did in a table.

mod configuration;
mod failure;
mod flood;
mod network;
mod ran;
mod report;
mod transfer;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use topo::Core;

use crate::configuration::{SECOND, SECOND_AMBR};
use crate::failure::Failure;
use crate::network::{CORE, Network, SERVER};
use crate::ran::Ran;
use crate::report::Report;
use crate::transfer::{Transferred, transfer};

/// Where the core has its files: in a file system that ends with the namespaces.
const FOLDER: &str = "/run/demo";
/// The first subscriber's IMSI; the others follow it. The one that the core knows by itself is left alone.
const FIRST_IMSI: u64 = 999_700_000_100_001;
/// Exit status after Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Shows Peregrine at work: starts the core, a gNB and UEs in namespaces of its own; they register, open sessions,
/// exchange traffic and leave.
#[derive(Debug, Parser)]
#[command(name = "peregrine-demo", version)]
struct Arguments {
    /// How many UEs
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    ues: u16,
    /// Megabytes of each TCP transfer
    #[arg(long, default_value_t = 100)]
    megabytes: u64,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Parts of the demo that run on another host.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
enum Part {
    /// Serves TCP transfers
    TcpServer { address: Ipv4Addr },
    /// Takes datagrams and says how many came
    UdpReceive { address: Ipv4Addr },
    /// Sends datagrams at a rate
    UdpSend { from: Ipv4Addr, to: Ipv4Addr, megabits: u32 },
    /// Makes one TCP transfer
    TcpClient { direction: String, ue: Ipv4Addr, server: Ipv4Addr, octets: u64 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        Some(Part::TcpServer { address }) => transfer::serve(*address).map_err(|error| error.to_string()),
        Some(Part::UdpReceive { address }) => flood::receive(*address).map_err(|error| error.to_string()),
        Some(Part::UdpSend { from, to, megabits }) => {
            flood::send(*from, *to, *megabits).map_err(|error| error.to_string())
        }
        Some(Part::TcpClient { direction, ue, server, octets }) => {
            transfer::call(direction == "up", *ue, *server, *octets).map_err(|error| error.to_string())
        }
        None => demo(&arguments).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peregrine-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo(arguments: &Arguments) -> Result<(), Failure> {
    topo::enter()?;
    end_on_interrupt()?;
    let network = step("Making the network: core, RAN and data network", || Ok(Network::new()?))?;
    let folder = Path::new(FOLDER);
    let yaml = configuration::yaml(CORE);
    let core = step("Starting the core: NRF, UDR, UDM, AUSF, AMF, SMF and UPF", || {
        Ok(Core::start(&network.core, folder, &yaml)?)
    })?;
    let shown = show(arguments, &network, &core, folder);
    let report = shown.inspect_err(|_| eprintln!("{}", core.last_words()))?;
    step("Ending the core, looking for anything left behind", || Ok(core.stop()?))?;
    println!("\n{}", report.text());
    match report.failures() {
        0 => Ok(()),
        failures => Err(Failure::Told(format!("{failures} procedures failed"))),
    }
}

/// What happens between the core's start and its end.
fn show(arguments: &Arguments, network: &Network, core: &Core, folder: &Path) -> Result<Report, Failure> {
    let lines = folder.join("subscribers.jsonl");
    let subscribers = topo::subscriber_lines(FIRST_IMSI, usize::from(arguments.ues), &configuration::slices());
    std::fs::write(&lines, subscribers).map_err(|source| Failure::io("writing subscribers", source))?;
    let title = format!("Importing {} subscribers", arguments.ues);
    step(&title, || Ok(core.peregrine(&["subscriber", "import", &lines.to_string_lossy()])?))?;
    let mut ran = Ran::start(&network.ran, arguments.ues, &lines, folder)?;
    let ues = ran.wait_until_attached()?;
    let _server = transfer::start_server(&network.server, SERVER)?;
    let octets = arguments.megabytes * 1_000_000;
    let through = |up| transfer(&network.ran, ues.first, SERVER, octets, up);
    // The second data network has a hundred rules, and its sessions a rate: twice of it is sent.
    let (ue, server) = ((&network.ran, ues.second), (&network.server, SERVER));
    let limited = |from, to| within(0.8, flood::flood(from, to, 2 * SECOND_AMBR)?);
    // TCP finds that rate, and takes little less.
    let octets = u64::from(SECOND_AMBR) * 1_000_000 / 8 * 2;
    let finds_rate = |up| within(0.5, transfer(&network.ran, ues.second, SERVER, octets, up)?);
    let transfers: Vec<(String, Transferred)> = vec![
        ("TCP up".into(), step("TCP up through a UE's tunnel", || through(true))?),
        ("TCP down".into(), step("TCP down through a UE's tunnel", || through(false))?),
        (format!("TCP up, {SECOND}"), step(&format!("TCP up in {SECOND}"), || finds_rate(true))?),
        (format!("TCP down, {SECOND}"), step(&format!("TCP down in {SECOND}"), || finds_rate(false))?),
        (format!("UDP up, {SECOND}"), step(&limited_title("up"), || limited(ue, server))?),
        (format!("UDP down, {SECOND}"), step(&limited_title("down"), || limited(server, ue))?),
    ];
    let usage = core.usage();
    let procedures = ran.leave()?;
    Ok(Report { procedures, transfers, usage })
}

fn limited_title(direction: &str) -> String {
    let sent = 2 * SECOND_AMBR;
    format!("UDP {direction} in {SECOND}, {sent} Mb/s: 100 SDF rules, session AMBR {SECOND_AMBR} Mb/s")
}

/// The session gets this much of its rate, and no more than 2 % above it.
fn within(least: f64, transferred: Transferred) -> Result<Transferred, Failure> {
    let of_ambr = transferred.rate() / f64::from(SECOND_AMBR);
    match (least..=1.02).contains(&of_ambr) {
        true => Ok(transferred),
        false => Err(Failure::Told(format!("{:.1} Mb/s in place of {SECOND_AMBR}", transferred.rate()))),
    }
}

/// Runs a step under a title that tells how long it took.
fn step<T>(title: &str, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let bar = ProgressBar::new_spinner().with_message(title.to_owned());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    let began = Instant::now();
    let done = run();
    bar.finish_and_clear();
    let mark = if done.is_ok() { "✓" } else { "✗" };
    println!("{mark} {title} ({:.2} s)", began.elapsed().as_secs_f64());
    done
}

/// Ctrl-C ends this process, and with it, as it is the first in its namespaces, all the others and what they made.
fn end_on_interrupt() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::io("listening for Ctrl-C", source))?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            eprintln!("interrupted");
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}
