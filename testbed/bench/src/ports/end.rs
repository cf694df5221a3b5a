//! The ends of the tunnel that is measured, each this program once more on its host: a UPF, the bare forwarder that it is
//! compared with, and the access network.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use dataplane::{
    AfXdp, AfXdpConfig, Bucket, Command, Config, Event, Frame, InstallId, NextHops, Origin, Port, Session, TunAddress,
    TunConfig, UdpTun, Verdict, Waker, Workers,
};
use rules::{
    Action, Destination, Far, FarId, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Qer, QerId, Rates, RemoteTunnel, Source,
    Teid, Urr, UrrId,
};
use topo::Host;

use crate::Failure;

/// What an end does with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The whole path: look-up, source check, AMBR, usage, header with the QoS flow
    Upf,
    /// A header of constant length off, a constant one on
    Bare,
}

/// The ports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum PortKind {
    /// UDP socket and TUN device, many packets as one
    UdpTun,
    /// UDP socket and TUN device, packet by packet
    UdpTunPlain,
    /// AF_XDP sockets on the interfaces of N3 and N6; as root
    AfXdp,
}

/// An end of the tunnel.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// What it does
    #[arg(long)]
    pub(crate) role: Role,
    /// Its port
    #[arg(long)]
    pub(crate) port: PortKind,
    /// Its address on N3
    #[arg(long)]
    pub(crate) own: Ipv4Addr,
    /// The other end's
    #[arg(long)]
    pub(crate) far: Ipv4Addr,
    /// The address of its TUN device
    #[arg(long)]
    pub(crate) tun: Ipv4Addr,
    /// The address that is reached through the tunnel
    #[arg(long)]
    pub(crate) behind: Ipv4Addr,
    /// Where packets to the data network go, for AF_XDP
    #[arg(long)]
    pub(crate) next_hop: Ipv4Addr,
}

/// Octets of the longest inner packet.
const MTU: u16 = 1400;

/// The rate that the session is held to: never reached, so that it is checked and nothing is dropped.
const AMBR: u64 = 100_000_000_000;

/// The tunnel that packets to this end come in.
pub(crate) fn tunnel_to(end: Ipv4Addr) -> u32 {
    end.to_bits()
}

/// Starts an end on a host. It is killed with this program, or when dropped.
pub(crate) fn start(host: &Host, options: &Options) -> Result<Running, Failure> {
    let mut command = host.command(std::env::current_exe().map_err(Failure::system)?);
    command.args(["upf-end", "--role", &name(&options.role), "--port", &name(&options.port)]);
    let addresses = [
        ("own", options.own),
        ("far", options.far),
        ("tun", options.tun),
        ("behind", options.behind),
        ("next-hop", options.next_hop),
    ];
    for (name, address) in addresses {
        command.args([format!("--{name}"), address.to_string()]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(Failure::system)?;
    let mut byte = [0];
    let ready = child.stdout.as_mut().map(|output| output.read_exact(&mut byte));
    match ready {
        Some(Ok(())) => Ok(Running(child)),
        _ => Err(Failure::Tunnel(format!("{options:?} did not start"))),
    }
}

/// A value as it is given on the command line.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// An end that runs.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn of(child: Child) -> Self {
        Self(child)
    }

    /// The processor time it has used.
    pub(crate) fn cpu(&self) -> Duration {
        topo::Usage::of(self.0.id()).map(|usage| usage.cpu).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The end's process: says that it is ready, and runs until its input ends.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let n3 = SocketAddr::from((options.own, gtpu::PORT));
    if options.port == PortKind::AfXdp {
        let config = AfXdpConfig {
            n3,
            n3_interface: "to-ran".into(),
            n6_interface: "to-dn".into(),
            n6_next_hops: NextHops { ipv4: Some(options.next_hop), ipv6: None },
            ues: vec![(options.behind.into(), 16)],
        };
        return serve(options, AfXdp::open(&config, 1).map_err(|why| Failure::Tunnel(why.to_string()))?);
    }
    let tun = TunConfig {
        name: "n6".into(),
        mtu: MTU,
        addresses: vec![TunAddress { address: options.tun.into(), prefix: 16 }],
        routes: Vec::new(),
        offload: options.port == PortKind::UdpTun,
    };
    serve(options, UdpTun::open(n3, &tun, &[], 1).map_err(|why| Failure::Tunnel(why.to_string()))?)
}

fn serve(options: &Options, ports: Vec<impl Port + 'static>) -> Result<(), Failure> {
    let waker = Waker::new().map_err(Failure::system)?;
    for port in ports {
        match options.role {
            Role::Bare => return bare(options, port, &waker),
            Role::Upf => whole(options, port, waker.clone())?,
        }
    }
    Ok(())
}

fn ready() -> Result<(), Failure> {
    println!(".");
    std::io::stdout().flush().map_err(Failure::system)
}

fn whole(options: &Options, port: impl Port + 'static, waker: Waker) -> Result<(), Failure> {
    let (tell, told) = std::sync::mpsc::channel();
    let config = Config { protected: vec![], ..Config::new(options.own.into()) };
    // The receiver ends with the process.
    let events = move |event| drop(tell.send(event));
    let workers = Workers::start(vec![(port, waker)], &config, &[], events).map_err(Failure::system)?;
    let command = Command::Install {
        id: InstallId(1),
        session: Some(Session::compile(1, &rules(options), Instant::now())),
        seid: 1,
        report: BTreeSet::new(),
        end_markers: vec![],
        drop_buffered: false,
    };
    workers.send(Bucket::of_address(options.behind.into()), command);
    let installed = told.recv().is_ok_and(|event| matches!(event, Event::Installed { .. }));
    if !installed {
        return Err(Failure::Tunnel("the session was not installed".into()));
    }
    ready()?;
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(workers);
    Ok(())
}

/// One session: everything in its tunnel to N6, and what N6 has for the address behind it into the other end's tunnel.
fn rules(options: &Options) -> rules::Session {
    let mut session = rules::Session::default();
    let mut pdi = Pdi::from(Source::Access).of(options.behind.into());
    pdi.tunnel = Some(LocalTunnel::Given(Teid(tunnel_to(options.own))));
    let (qers, urrs) = (vec![QerId(1)], vec![UrrId(1)]);
    let uplink = Pdr { precedence: 255, pdi, outer_header_removal: true, far: Some(FarId(1)), qers, urrs };
    let pdi = Pdi::from(Source::Core).of(options.behind.into());
    let downlink = Pdr { pdi, outer_header_removal: false, far: Some(FarId(2)), ..uplink.clone() };
    session.pdrs.extend([(PdrId(1), uplink), (PdrId(2), downlink)]);
    let to_core = Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
    let tunnel = Some(RemoteTunnel { teid: tunnel_to(options.far), address: options.far.into() });
    let to_access = Forwarding { destination: Destination::Access, tunnel, ..to_core.clone() };
    let far = |forwarding| Far { action: Action::FORWARD, forwarding: Some(forwarding), bar: None, steering: None };
    session.fars.extend([(FarId(1), far(to_core)), (FarId(2), far(to_access))]);
    let mbr = Some(Rates { uplink: AMBR, downlink: AMBR });
    session.qers.insert(QerId(1), Qer { qfi: Some(9), mbr, ..Qer::default() });
    session.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
    session
}

/// Frames of a burst, as the workers have them.
const BURST: usize = 64;

/// The least that the port can be used for: no look-up, no check, no count.
fn bare(options: &Options, mut port: impl Port, waker: &Waker) -> Result<(), Failure> {
    let to = SocketAddr::from((options.far, gtpu::PORT));
    let container = gtpu::PduSession::Downlink { qfi: gtpu::Qfi::new(9), rqi: false };
    let header = gtpu::Encapsulation { teid: tunnel_to(options.far), pdu_session: Some(container) };
    let mut frames: Vec<Frame> = (0..BURST).map(|_| Frame::new(2048)).collect();
    ready()?;
    loop {
        let count = port.receive(&mut frames);
        let frames = frames.get_mut(..count).unwrap_or_default();
        for frame in &mut *frames {
            frame.verdict = match frame.origin {
                Origin::N3 => {
                    frame.strip(gtpu::HEADROOM);
                    Verdict::ToN6
                }
                Origin::N6 | Origin::Ethernet(_) => {
                    let length = frame.packet().len();
                    let written = header.write(frame.headroom(), length);
                    frame.prepend(written.unwrap_or_default());
                    Verdict::ToN3(to)
                }
            };
        }
        port.send(frames);
        if count == 0 {
            port.wait(waker, None);
        }
    }
}
