//! The ports of the UPF on links between network namespaces: the whole path against a bare forwarder on the same port,
//! in turn.

mod end;
mod load;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use topo::Host;

pub(crate) use end::Options as EndOptions;
use end::{PortKind, Role};
pub(crate) use load::Load;

use crate::Failure;
use crate::samples::Samples;

const UPF: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 1);
const GNB: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 2);
const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
/// The UPF's own address on its TUN device, where the server listens.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
/// The data network's host, and the UPF's address on the link to it.
const DN: Ipv4Addr = Ipv4Addr::new(10, 46, 0, 2);
const N6: Ipv4Addr = Ipv4Addr::new(10, 46, 0, 1);
/// Where the packets of a flood go: a route that drops them.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Where those of a flood towards the UE come from.
const FLOOD: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const FLOOD_SOURCE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: each measures every port in both roles once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each transfer and each flood
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Round trips
    #[arg(long, default_value_t = 1000)]
    pings: u16,
    /// The ports
    #[arg(long, value_delimiter = ',', default_values = ["udp-tun", "udp-tun-plain", "af-xdp"])]
    ports: Vec<PortKind>,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Quantity to samples, one a round, of a port in a role.
type Cells = BTreeMap<(PortKind, &'static str), Samplings>;

/// An end of the tunnel: its process.
pub(crate) fn run_end(options: &EndOptions) -> Result<(), Failure> {
    end::run(options)
}

/// A process that makes traffic.
pub(crate) fn run_load(load: &Load) -> Result<(), Failure> {
    load::run(load)
}

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    topo::enter()?;
    let hosts = Hosts::new(options.ports.contains(&PortKind::AfXdp))?;
    let mut cells = Cells::new();
    for round in 0..options.rounds {
        for port in &options.ports {
            // The order alternates, so that neither always comes first.
            let roles = if round % 2 == 0 { [Role::Upf, Role::Bare] } else { [Role::Bare, Role::Upf] };
            for role in roles {
                eprintln!("round {} of {}: {port:?} {role:?}", round + 1, options.rounds);
                let name = if role == Role::Upf { "upf" } else { "bare" };
                hosts.measure(options, *port, role, cells.entry((*port, name)).or_default())?;
            }
        }
    }
    print!("{}", table(&cells));
    let Some(path) = &options.json else { return Ok(()) };
    let text = format!("{:#}\n", report(options, &cells));
    std::fs::write(path, text).map_err(|source| Failure::File { path: path.display().to_string(), source })
}

struct Hosts {
    upf: Host,
    ran: Host,
    dn: Host,
}

/// Octets before the payload of a datagram on Ethernet.
const ON_ETHERNET: u64 = 14 + 28;

/// Where the data network is, as the port has it.
struct Beyond<'a> {
    /// Its host, the server's address there, and the interface that uplink packets come out of.
    host: &'a Host,
    server: Ipv4Addr,
    interface: &'static str,
    /// Octets before the payload of what comes out there.
    headers: u64,
}

/// The samples of one port in one role.
type Samplings = BTreeMap<&'static str, Samples>;

fn put(cells: &mut Samplings, quantity: &'static str, value: f64) {
    cells.entry(quantity).or_default().push(value);
}

impl Hosts {
    fn new(past_the_system: bool) -> Result<Self, Failure> {
        let (upf, ran, dn) = (Host::new("upf")?, Host::new("ran")?, Host::new("dn")?);
        topo::link((&upf, UPF), (&ran, GNB))?;
        topo::link((&upf, N6), (&dn, DN))?;
        for host in [&upf, &dn] {
            host.ip(["route", "add", "blackhole", "198.51.100.0/24"])?;
            host.sysctl("net.ipv4.ip_forward=1")?;
        }
        dn.ip(["route", "add", "10.45.0.0/16", "via", &N6.to_string()])?;
        if past_the_system {
            // Between namespaces packets have no checksums; on a cable they have.
            let done = dn.command("ethtool").args(["-K", "to-upf", "tx", "off"]).output();
            let done = done.map_err(|why| Failure::Tunnel(format!("ethtool: {why}")))?;
            if !done.status.success() {
                return Err(Failure::Tunnel("ethtool failed".into()));
            }
        }
        Ok(Self { upf, ran, dn })
    }

    fn beyond(&self, port: PortKind) -> Beyond<'_> {
        match port {
            PortKind::AfXdp => Beyond { host: &self.dn, server: DN, interface: "to-upf", headers: ON_ETHERNET },
            _ => Beyond { host: &self.upf, server: SERVER, interface: "n6", headers: 28 },
        }
    }

    fn measure(&self, options: &Options, port: PortKind, role: Role, cells: &mut Samplings) -> Result<(), Failure> {
        let upf = EndOptions { role, port, own: UPF, far: GNB, tun: SERVER, behind: UE, next_hop: DN };
        let beyond = self.beyond(port);
        let running = end::start(&self.upf, &upf)?;
        self.transfers(options, &beyond, cells)?;
        self.round_trips(options, &beyond, cells)?;
        self.floods(options, &running, &beyond, cells)
    }

    fn transfers(&self, options: &Options, beyond: &Beyond<'_>, cells: &mut Samplings) -> Result<(), Failure> {
        // The access network is the same in both cases.
        let (ue, server, seconds) = (UE.to_string(), beyond.server.to_string(), options.seconds.to_string());
        let (role, port) = (Role::Bare, PortKind::UdpTun);
        let access = EndOptions { role, port, own: GNB, far: UPF, tun: UE, behind: beyond.server, next_hop: DN };
        let _gnb = end::start(&self.ran, &access)?;
        self.ran.ip(["route", "replace", "10.46.0.0/16", "dev", "n6"])?;
        let _server = self.start(beyond.host, &["tcp-server", &server])?;
        for (quantity, up) in [("TCP up, Gb/s", true), ("TCP down, Gb/s", false)] {
            let mut arguments = vec!["tcp-client", &ue, &server, "--seconds", &seconds];
            arguments.extend(up.then_some("--up"));
            put(cells, quantity, rate(&self.load(&self.ran, &arguments)?)?);
        }
        Ok(())
    }

    fn round_trips(&self, options: &Options, beyond: &Beyond<'_>, cells: &mut Samplings) -> Result<(), Failure> {
        let addresses = [GNB, UPF, UE, beyond.server].map(|address| address.to_string());
        let count = options.pings.to_string();
        let mut arguments = vec!["ping"];
        arguments.extend(addresses.iter().map(String::as_str));
        arguments.extend(["--count", &count]);
        let told = self.load(&self.ran, &arguments)?;
        let mut times: Vec<f64> = told.lines().filter_map(|line| line.parse().ok()).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default() / 1e3;
        put(cells, "RTT p50, us", at(0.5));
        put(cells, "RTT p99, us", at(0.99));
        Ok(())
    }

    fn floods(
        &self,
        options: &Options,
        running: &end::Running,
        beyond: &Beyond<'_>,
        cells: &mut Samplings,
    ) -> Result<(), Failure> {
        let [gnb, n3, ue, nowhere, own, source] =
            [GNB, UPF, UE, NOWHERE, FLOOD, FLOOD_SOURCE].map(|address| address.to_string());
        let seconds = options.seconds.to_string();
        let up = ["flood", &gnb, "--upf", &n3, "--source", &ue, "--destination", &nowhere, "--seconds", &seconds];
        let flooded =
            self.flood(running, (&self.ran, &up), (beyond.host, beyond.interface, (beyond.headers, PAYLOAD)))?;
        put(cells, "uplink, Mpps", flooded.rate);
        put(cells, "uplink, CPU ns a packet", flooded.cpu);
        let tunnelled = PAYLOAD + 28 + gtpu::HEADROOM as u64;
        let down = ["flood", &own, "--source", &source, "--destination", &ue, "--seconds", &seconds];
        let flooded = self.flood(running, (beyond.host, &down), (&self.ran, "to-upf", (ON_ETHERNET, tunnelled)))?;
        put(cells, "downlink, Mpps", flooded.rate);
        put(cells, "downlink, CPU ns a packet", flooded.cpu);
        Ok(())
    }

    /// Floods, and counts what comes out at an interface, where a piece has so many octets of headers, and so many of payload
    /// for each packet that the system has joined in it.
    fn flood(
        &self,
        upf: &end::Running,
        (from, arguments): (&Host, &[&str]),
        (sink, interface, (headers, payload)): (&Host, &str, (u64, u64)),
    ) -> Result<Flooded, Failure> {
        let before = (received(sink, interface)?, upf.cpu(), Instant::now());
        self.load(from, arguments)?;
        let time = before.2.elapsed();
        let after = (received(sink, interface)?, upf.cpu());
        let (pieces, octets) = (after.0.0 - before.0.0, after.0.1 - before.0.1);
        let packets = octets.saturating_sub(headers * pieces) as f64 / payload as f64;
        let cpu = after.1.saturating_sub(before.1).as_nanos() as f64 / packets.max(1.0);
        Ok(Flooded { rate: packets / time.as_secs_f64() / 1e6, cpu })
    }

    fn load(&self, host: &Host, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = host.command(std::env::current_exe().map_err(Failure::system)?);
        let output = command.arg("upf-load").args(arguments).output().map_err(Failure::system)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Tunnel(format!("{arguments:?}: {}", said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts what runs until it is dropped.
    fn start(&self, host: &Host, arguments: &[&str]) -> Result<end::Running, Failure> {
        let mut command = host.command(std::env::current_exe().map_err(Failure::system)?);
        let mut child =
            command.arg("upf-load").args(arguments).stdout(Stdio::piped()).spawn().map_err(Failure::system)?;
        let ready = child.stdout.as_mut().map(|output| output.read_exact(&mut [0]));
        match ready {
            Some(Ok(())) => Ok(end::Running::of(child)),
            _ => Err(Failure::Tunnel(format!("{arguments:?} did not start"))),
        }
    }
}

/// Octets of payload in the packets of a flood.
const PAYLOAD: u64 = load::FLOOD_PAYLOAD as u64;

struct Flooded {
    /// Millions of packets a second.
    rate: f64,
    /// Nanoseconds of the UPF's processor time for each.
    cpu: f64,
}

/// Gigabits a second of "octets nanoseconds".
fn rate(told: &str) -> Result<f64, Failure> {
    let mut numbers = told.split_whitespace().filter_map(|number| number.parse::<f64>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(octets), Some(time)) if time > 0.0 => Ok(octets * 8.0 / time),
        _ => Err(Failure::Tunnel(format!("a transfer said '{told}'"))),
    }
}

/// What the system has received on an interface: pieces, each one packet or many, and octets.
fn received(host: &Host, interface: &str) -> Result<(u64, u64), Failure> {
    let output = host.command("ip").args(["-j", "-s", "link", "show", "dev", interface]).output();
    let output = output.map_err(Failure::system)?;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let count = |name: &str| told[0]["stats64"]["rx"][name].as_u64();
    count("packets").zip(count("bytes")).ok_or_else(|| Failure::Tunnel(format!("no interface {interface}")))
}

fn table(cells: &Cells) -> String {
    let mut text = String::from("| port | quantity | UPF | bare | UPF / bare (spread) |\n|---|---|---|---|---|\n");
    for ((port, role), quantities) in cells {
        let Some(bare) = cells.get(&(*port, "bare")).filter(|_| *role == "upf") else { continue };
        for (quantity, samples) in quantities {
            let Some(other) = bare.get(quantity) else { continue };
            let ratio = samples.ratio(other);
            let (low, high) = ratio.spread();
            let name = end::name(port);
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {name} | {quantity} | {:.2} | {:.2} | {:.2} ({low:.2}-{high:.2}) |",
                samples.median(),
                other.median(),
                ratio.median()
            );
        }
    }
    text
}

fn report(options: &Options, cells: &Cells) -> Value {
    let cell = |((port, role), quantities): (&(PortKind, &str), &BTreeMap<&str, Samples>)| json!({ "port": end::name(port), "role": role, "samples": quantities });
    let mut result = crate::result::result(options.rounds, &cells.iter().map(cell).collect::<Vec<_>>());
    result["seconds"] = json!(options.seconds);
    result
}
