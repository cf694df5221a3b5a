//! TCP through the port of a UDP socket and a TUN device, with many packets moved as one and without, and through ports past
//! the system: hosts as network namespaces, a UPF on one, on another the access network, which is the same path the other way round.

#[path = "support/namespace.rs"]
mod namespace;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Command as Process, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dataplane::{
    AfXdp, AfXdpConfig, Bucket, Command, Config, DropReason, Event, InstallId, NextHops, Port, Session, TunAddress,
    TunConfig, UdpTun, Waker, Workers,
};
use namespace::{OF_A_USER, in_namespaces};
use rules::{
    Action, Destination, Far, FarId, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Qer, QerId, RemoteTunnel, Source, Teid,
    Urr, UrrId,
};

const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
const UPF: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
const GNB: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// Octets of the transfer, each way.
const OCTETS: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn tcp_passes_whole_and_is_counted_packet_by_packet() {
    in_namespaces(OF_A_USER, "within_a_namespace");
}

/// Devices of DPDK on links between namespaces.
#[cfg(feature = "dpdk")]
#[test]
fn tcp_passes_through_devices() {
    in_namespaces(OF_A_USER, "through_packet_sockets");
}

/// The same on AF_XDP sockets that DPDK opens. As root, as without DPDK.
#[cfg(feature = "dpdk")]
#[test]
#[ignore = "needs root: make test-dpdk"]
fn tcp_passes_through_devices_past_the_system() {
    in_namespaces(&["--net"], "through_xdp_sockets");
}

#[cfg(feature = "dpdk")]
#[test]
#[ignore = "run by tcp_passes_through_devices, in a namespace"]
fn through_packet_sockets() {
    through_devices("net_af_packet");
}

#[cfg(feature = "dpdk")]
#[test]
#[ignore = "run by tcp_passes_through_devices_past_the_system, in a namespace"]
fn through_xdp_sockets() {
    through_devices("net_af_xdp");
}

#[cfg(feature = "dpdk")]
fn through_devices(driver: &str) {
    let link = |number: u8, tap: &str, address: Ipv4Addr| dataplane::DpdkLink {
        device: format!("{driver}{number}"),
        tap: tap.into(),
        addresses: vec![TunAddress { address: address.into(), prefix: 24 }],
    };
    let eal = format!(
        "--no-huge -m 256 --no-shconf --no-pci --no-telemetry -l 0 --log-level=error --vdev={driver}0,iface=n3 \
         --vdev={driver}1,iface=n6"
    );
    let config = dataplane::DpdkConfig {
        eal: eal.split_whitespace().map(str::to_owned).collect(),
        n3: (UPF, gtpu::PORT).into(),
        n3_link: link(0, "n3-system", UPF),
        n6_link: Some(link(1, "n6-system", Ipv4Addr::new(10, 46, 0, 1))),
        n6_next_hops: NextHops { ipv4: Some(HOST), ipv6: None },
        ues: vec![(Ipv4Addr::new(10, 45, 0, 0).into(), 16)],
        mtu: 1500,
        nap: Duration::from_micros(100),
    };
    past([None, None], Kind::Dpdk(config));
}

fn ip(arguments: &str) {
    let status = Process::new("ip").args(arguments.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {arguments}");
}

/// One end of the tunnel: whose address lies behind the far end's tunnel, and that of the far end itself.
struct End {
    own: Ipv4Addr,
    far: Ipv4Addr,
    behind: Ipv4Addr,
    port: Kind,
}

enum Kind {
    Tun(TunConfig),
    Xdp(AfXdpConfig),
    #[cfg(feature = "dpdk")]
    Dpdk(dataplane::DpdkConfig),
}

impl Kind {
    fn open(&self, own: Ipv4Addr) -> Box<dyn Port> {
        match self {
            Self::Tun(tun) => {
                let mut ports = UdpTun::open((own, gtpu::PORT).into(), tun, &[], 1).expect("opens");
                assert!(ports.iter().all(|port| port.offloads() == tun.offload), "this system has offloads");
                Box::new(ports.remove(0))
            }
            Self::Xdp(config) => Box::new(AfXdp::open(config, 1).expect("opens").remove(0)),
            #[cfg(feature = "dpdk")]
            Self::Dpdk(config) => Box::new(dataplane::Dpdk::open(config, 1).expect("opens").remove(0)),
        }
    }
}

impl End {
    fn start(&self) -> (Workers, Receiver<Event>) {
        let waker = Waker::new().expect("a descriptor");
        let (tell, told) = channel();
        let config = Config { protected: vec![], ..Config::new(self.own.into()) };
        let ports = vec![(self.port.open(self.own), waker)];
        let workers = Workers::start(ports, &config, &[], move |event| drop(tell.send(event))).expect("starts");
        workers.send(Bucket::of_address(self.behind.into()), self.install(Some(&self.rules())));
        told.recv_timeout(PATIENCE).expect("installed");
        (workers, told)
    }

    fn install(&self, rules: Option<&rules::Session>) -> Command {
        let session = rules.map(|rules| Session::compile(1, rules, Instant::now()));
        let report = BTreeSet::from([1]);
        Command::Install { id: InstallId(1), session, seid: 1, report, end_markers: vec![], drop_buffered: false }
    }

    /// Everything from the far end's tunnel to N6, and what N6 has for the address behind it into the tunnel.
    fn rules(&self) -> rules::Session {
        let mut session = rules::Session::default();
        let mut pdi = Pdi::from(Source::Access).of(self.behind.into());
        pdi.tunnel = Some(LocalTunnel::Given(Teid(u32::from_be_bytes(self.own.octets()))));
        let (qers, urrs) = (vec![QerId(1)], vec![UrrId(1)]);
        let uplink = Pdr { precedence: 255, pdi, outer_header_removal: true, far: Some(FarId(1)), qers, urrs };
        let pdi = Pdi::from(Source::Core).of(self.behind.into());
        let downlink = Pdr { pdi, outer_header_removal: false, far: Some(FarId(2)), ..uplink.clone() };
        session.pdrs.extend([(PdrId(1), uplink), (PdrId(2), downlink)]);
        let to_core =
            Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
        let tunnel = RemoteTunnel { teid: u32::from_be_bytes(self.far.octets()), address: self.far.into() };
        let to_access = Forwarding { destination: Destination::Access, tunnel: Some(tunnel), ..to_core.clone() };
        let far = |forwarding| Far { action: Action::FORWARD, forwarding: Some(forwarding), bar: None, steering: None };
        session.fars.extend([(FarId(1), far(to_core)), (FarId(2), far(to_access))]);
        session.qers.insert(QerId(1), Qer { qfi: Some(9), ..Qer::default() });
        session.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
        session
    }
}

fn tun(name: &str, address: Ipv4Addr, prefix: u8, offload: bool) -> Kind {
    let addresses = vec![TunAddress { address: address.into(), prefix }];
    Kind::Tun(TunConfig { name: name.into(), mtu: 1400, addresses, routes: Vec::new(), offload })
}

/// Octet number `place` of the transfer.
fn octet(place: usize) -> u8 {
    (place * 31 % 251) as u8
}

fn send(stream: &mut TcpStream) {
    let octets: Vec<u8> = (0..OCTETS).map(octet).collect();
    stream.write_all(&octets).expect("sent");
}

fn receive(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut octets = vec![0; OCTETS];
    stream.read_exact(&mut octets).expect("received");
    assert!(octets.iter().enumerate().all(|(place, value)| *value == octet(place)), "what was sent is received");
}

#[test]
#[ignore = "run by tcp_passes_whole_and_is_counted_packet_by_packet, in a namespace"]
fn within_a_namespace() {
    for (upf, gnb) in [(true, true), (true, false), (false, true)] {
        through(upf, gnb);
    }
}

/// A thread in a network namespace of its own.
struct Elsewhere {
    thread: JoinHandle<()>,
    id: std::num::NonZeroI32,
}

impl Elsewhere {
    fn start(run: impl FnOnce() + Send + 'static) -> Self {
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            // Only the network of this thread is another from now on.
            #[allow(deprecated, reason = "unsharing the network is safe; the newer function warns of descriptors")]
            rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).expect("a namespace");
            tell.send(rustix::thread::gettid().as_raw_nonzero()).expect("waits");
            run();
        });
        let id = told.recv().expect("a thread");
        Self { thread, id }
    }

    /// Joins this namespace to the thread's by a link, up at this end, there with an address if it is the system's.
    fn join_to(&self, here: &str, there: &str, address: Option<&str>) {
        ip(&format!("link add {here} type veth peer name {there} netns {}", self.id));
        if let Some(address) = address {
            ip(&format!("addr add {address} dev {here}"));
        }
        ip(&format!("link set {here} up"));
    }
}

/// Between namespaces packets have no checksums, and many are one; on a cable they have, and are not.
fn as_on_a_cable(interface: &str) {
    let set = Process::new("ethtool").args(["-K", interface, "tx", "off"]).stdout(Stdio::null()).status();
    assert!(set.expect("ethtool runs").success());
}

const HOST: Ipv4Addr = Ipv4Addr::new(10, 46, 0, 2);

/// As root: programs are not loaded in user namespaces.
#[test]
#[ignore = "needs root: make test-xdp"]
fn tcp_passes_past_the_system() {
    in_namespaces(&["--net"], "past_the_system");
}

#[test]
#[ignore = "run by tcp_passes_past_the_system, in a namespace"]
fn past_the_system() {
    let config = AfXdpConfig {
        n3: (UPF, gtpu::PORT).into(),
        n3_interface: "n3".into(),
        n6_interface: "n6".into(),
        n6_next_hops: NextHops { ipv4: Some(HOST), ipv6: None },
        ues: vec![(Ipv4Addr::new(10, 45, 0, 0).into(), 16)],
    };
    past([Some("10.99.0.1/24"), Some("10.46.0.1/24")], Kind::Xdp(config));
}

/// A transfer each way through a port on the interfaces `n3` and `n6`, which have these addresses with the system.
fn past([n3, n6]: [Option<&str>; 2], port: Kind) {
    let (to_gnb, go) = channel();
    let access = Elsewhere::start(move || {
        go.recv().expect("goes on");
        ip("addr add 10.99.0.2/24 dev gnb");
        ip("link set gnb up");
        as_on_a_cable("gnb");
        let end = End { own: GNB, far: UPF, behind: HOST, port: tun("ue", UE, 16, true) };
        let workers = end.start();
        ip("route add 10.46.0.0/16 dev ue");
        let mut stream = TcpStream::connect((HOST, 5001)).expect("connected");
        send(&mut stream);
        receive(&mut stream);
        drop(workers);
    });
    let (to_host, go_on) = channel();
    let (tell, served) = channel();
    let host = Elsewhere::start(move || {
        go_on.recv().expect("goes on");
        ip("addr add 10.46.0.2/24 dev dn");
        ip("link set dn up");
        as_on_a_cable("dn");
        ip("route add 10.45.0.0/16 via 10.46.0.1");
        let listener = TcpListener::bind((HOST, 5001)).expect("free");
        tell.send(()).expect("waits");
        let (mut stream, peer) = listener.accept().expect("accepted");
        assert_eq!(peer.ip(), IpAddr::from(UE));
        receive(&mut stream);
        send(&mut stream);
        // What is still on its way goes with this namespace.
        go_on.recv().expect("ends");
    });
    access.join_to("n3", "gnb", n3);
    host.join_to("n6", "dn", n6);
    to_host.send(()).expect("waits");
    served.recv().expect("listens");
    let end = End { own: UPF, far: GNB, behind: UE, port };
    let (workers, told) = end.start();
    to_gnb.send(()).expect("waits");
    access.thread.join().expect("the UE");
    to_host.send(()).expect("waits");
    host.thread.join().expect("the host");
    check(&end, &workers, &told);
}

/// A transfer each way; says for each end whether it moves many packets as one.
fn through(upf: bool, gnb: bool) {
    let (to_gnb, go) = channel();
    let access = Elsewhere::start(move || {
        go.recv().expect("goes on");
        ip("addr add 10.99.0.2/24 dev gnb");
        ip("link set gnb up");
        let end = End { own: GNB, far: UPF, behind: SERVER, port: tun("ue", UE, 16, gnb) };
        let workers = end.start();
        let mut stream = TcpStream::connect((SERVER, 5001)).expect("connected");
        send(&mut stream);
        receive(&mut stream);
        // Its end is on its way only once the other has it.
        stream.shutdown(Shutdown::Write).expect("shut down");
        let _ = stream.read(&mut [0]);
        drop(workers);
    });
    access.join_to("upf", "gnb", Some("10.99.0.1/24"));
    let end = End { own: UPF, far: GNB, behind: UE, port: tun("n6", SERVER, 16, upf) };
    let (workers, told) = end.start();
    let listener = TcpListener::bind((SERVER, 5001)).expect("free");
    to_gnb.send(()).expect("waits");
    let (mut stream, peer) = listener.accept().expect("accepted");
    assert_eq!(peer.ip(), IpAddr::from(UE));
    receive(&mut stream);
    send(&mut stream);
    // Its end comes when everything was received.
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let _ = stream.read(&mut [0]);
    drop(stream);
    access.thread.join().expect("the other end");
    check(&end, &workers, &told);
    drop(workers);
    // It goes with the other namespace, sooner or later.
    let _ = Process::new("ip").args(["link", "del", "upf"]).stderr(Stdio::null()).status();
}

/// Packets are those of the wire: none longer than the MTU, each with headers of its own.
fn check(end: &End, workers: &Workers, told: &Receiver<Event>) {
    let counted = Workers::snapshot(&workers.counters());
    workers.send(Bucket::of_address(UE.into()), end.install(None));
    let usage = loop {
        if let Event::Installed { reports, .. } = told.recv_timeout(PATIENCE).expect("an event") {
            break reports[0];
        }
    };
    const HEADERS: u64 = 52;
    for direction in [0, 1] {
        let (packets, octets) = (usage.packets[direction], usage.octets[direction]);
        assert!(counted.packets[direction] <= packets && counted.octets[direction] <= octets);
        assert!(octets <= packets * 1400, "{octets} octets in {packets} packets");
        let least = (OCTETS as u64).div_ceil(1400 - HEADERS);
        assert!(packets >= least, "{packets} packets for at least {least}");
        assert!(octets >= OCTETS as u64 + packets * 40);
    }
    assert_eq!(counted.dropped(DropReason::MalformedInner) + counted.dropped(DropReason::MalformedGtp), 0);
}
