//! The UPF as it runs: sockets on loopback and a real TUN device, or devices of DPDK on links to other hosts, in network
//! namespaces of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pfcp::*;
use runtime::{Context, NetworkFunction};
use sbi_api::{BoxFuture, CallError, Caller, Target};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use upf::{Upf, UpfConfig};

const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
/// The UE's prefix, and the address it makes of it.
const PREFIX: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 0, 0, 0, 0);
const UE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 0, 0, 0, 2);
const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 0, 0, 0, 0, 1);
const SMF: &str = "127.0.0.4:8805";
const UPF: &str = "127.0.0.7:8805";
const GNB: &str = "127.0.0.8:2152";
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_ue_pings_the_gateway() {
    in_namespaces(OF_A_USER, "within_a_namespace");
}

/// What an ordinary user may have.
const OF_A_USER: &[&str] = &["--user", "--map-root-user", "--net"];

/// Runs an ignored test in namespaces, those that `unshare` makes with these arguments.
fn in_namespaces(of: &[&str], test: &str) {
    let itself = std::env::current_exe().expect("a path");
    let script = "ip link set lo up && exec \"$0\" --exact $1 --ignored --nocapture";
    let status = Command::new("unshare").args(of).args(["sh", "-c", script]).arg(itself).arg(test).status();
    assert!(status.expect("unshare runs").success());
}

struct Nobody;

impl Caller for Nobody {
    fn call<'a>(
        &'a self,
        _target: &'a Target,
        _request: sbi_api::Request<sbi_api::Body<'a>>,
    ) -> BoxFuture<'a, Result<sbi_api::Response, CallError>> {
        Box::pin(async { Err(CallError::NoInstance("any".into())) })
    }
}

/// An SMF's end of N4 on a socket.
struct Smf {
    socket: UdpSocket,
    endpoint: Endpoint,
}

impl Smf {
    async fn event(&mut self) -> Event {
        let mut octets = [0; 2048];
        loop {
            while let Some(datagram) = self.endpoint.poll_transmit() {
                self.socket.send_to(&datagram.octets, datagram.to).await.expect("sent");
            }
            if let Some(event) = self.endpoint.poll_event() {
                return event;
            }
            let (length, from) =
                timeout(LIMIT, self.socket.recv_from(&mut octets)).await.expect("in time").expect("received");
            self.endpoint.handle_datagram(Instant::now(), from, &octets[..length]);
        }
    }

    async fn ask(&mut self, seid: Seid, message: impl Into<Message>) -> Message {
        let upf = address(UPF).ip();
        let asked = self.endpoint.request(Instant::now(), upf, seid, message).expect("an association");
        loop {
            match self.event().await {
                Event::Response { id, result } if id == asked => return result.expect("an answer"),
                other => assert!(matches!(other, Event::AssociationUp { .. }), "{other:?}"),
            }
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn context() -> Context<UpfConfig> {
    Context {
        config: UpfConfig::default(),
        network: runtime::Network::default(),
        instance_id: uuid::Uuid::nil(),
        caller: Arc::new(Nobody),
        api_root: sbi_api::ApiRoot::http("127.0.0.7:7777"),
        metrics: runtime::Metrics::new("upf"),
        rejects: runtime::Rejects::default(),
        trace: runtime::trace::Trace::default(),
        shutdown: runtime::Shutdown::new(),
        run_dir: std::env::temp_dir(),
        state_dir: "/nonexistent".into(),
    }
}

fn ue(destination: bool) -> UeIpAddress {
    UeIpAddress { ipv4: Some(UE), ipv6: Some(PREFIX), destination, ..UeIpAddress::default() }
}

fn establishment(gnb: IpAddr) -> SessionEstablishmentRequest {
    let smf = address(SMF).ip();
    let mut request = SessionEstablishmentRequest::new(NodeId::Address(smf), FSeid::new(Seid(7), smf));
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None });
    pdi.ue_ip_addresses = vec![ue(false)];
    let mut uplink = CreatePdr::new(PdrId(1), Precedence(255), pdi);
    uplink.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    uplink.far_id = Some(FarId(1));
    let mut pdi = Pdi::new(Interface::Core);
    pdi.ue_ip_addresses = vec![ue(true)];
    let mut downlink = CreatePdr::new(PdrId(2), Precedence(255), pdi);
    (downlink.far_id, downlink.qer_ids) = (Some(FarId(2)), vec![QerId(1)]);
    request.create_pdrs = vec![uplink, downlink];
    let mut qer = CreateQer::new(QerId(1), GateStatus::default());
    qer.qfi = Qfi::new(1);
    request.create_qers = vec![qer];
    let mut to_core = CreateFar::new(FarId(1), ApplyAction::FORW);
    to_core.forwarding_parameters = Some(ForwardingParameters::new(Interface::Core));
    let mut to_access = CreateFar::new(FarId(2), ApplyAction::FORW);
    let mut forwarding = ForwardingParameters::new(Interface::Access);
    forwarding.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(0x55), gnb));
    to_access.forwarding_parameters = Some(forwarding);
    request.create_fars = vec![to_core, to_access];
    request
}

fn echo_request(to: Ipv4Addr, sequence: u16) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ipv4(UE.octets(), to.octets(), 64).icmpv4_echo_request(1, sequence);
    let mut packet = Vec::new();
    builder.write(&mut packet, &[7; 56]).expect("fits");
    packet
}

fn echo_request_v6(to: Ipv6Addr, sequence: u16) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ipv6(UE_V6.octets(), to.octets(), 64);
    let mut packet = Vec::new();
    builder.icmpv6_echo_request(1, sequence).write(&mut packet, &[7; 56]).expect("fits");
    packet
}

/// What a datagram for the gNB carries, which came from the UPF.
async fn received(gnb: &UdpSocket, from: SocketAddr) -> Vec<u8> {
    let mut octets = [0; 2048];
    let (length, sender) = timeout(LIMIT, gnb.recv_from(&mut octets)).await.expect("in time").expect("received");
    let datagram = gtpu::Datagram::parse(&octets[..length]).expect("is GTP-U");
    assert_eq!((sender, datagram.teid), (from, 0x55));
    datagram.payload.to_vec()
}

/// Type and code of a message of ICMPv6.
fn icmpv6(packet: &[u8]) -> (u8, u8) {
    let sliced = etherparse::SlicedPacket::from_ip(packet).expect("is IP");
    let Some(etherparse::TransportSlice::Icmpv6(icmp)) = sliced.transport else { panic!("no ICMPv6") };
    (icmp.type_u8(), icmp.code_u8())
}

fn tunnelled(teid: u32, inner: &[u8]) -> Vec<u8> {
    let container = gtpu::PduSession::Uplink { qfi: gtpu::Qfi::new(1) };
    let mut octets = [&[0; gtpu::HEADROOM], inner].concat();
    let header = gtpu::Encapsulation { teid, pdu_session: Some(container) };
    header.write(&mut octets[..gtpu::HEADROOM], inner.len()).expect("room");
    octets
}

#[test]
#[ignore = "run by a_ue_pings_the_gateway, in a namespace"]
fn within_a_namespace() {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    threads.block_on(ping());
}

/// A UPF, an SMF that has made a session with it, and the session's tunnel.
async fn with_a_session(context: Context<UpfConfig>, gnb: IpAddr) -> (runtime::Running, Smf, SocketAddr, u32) {
    let running = Upf::start(context).await.expect("starts");
    let role = Role::Cp(CpFunctionFeatures::default());
    let config = EndpointConfig::new(NodeId::Address(address(SMF).ip()), role, RecoveryTimeStamp(1));
    let socket = UdpSocket::bind(SMF).await.expect("free");
    let mut smf = Smf { socket, endpoint: Endpoint::new(config) };
    smf.endpoint.associate(Instant::now(), address(UPF));
    let Event::AssociationUp { up_features, .. } = smf.event().await else { panic!("no association") };
    use UpFunctionFeatures as Offers;
    let all = [Offers::FTUP, Offers::EMPU, Offers::DDND, Offers::MNOP, Offers::PFDM, Offers::UEIP, Offers::FRRT];
    assert!(all.iter().all(|feature| up_features.contains(*feature)), "{up_features:?}");
    let Message::SessionEstablishmentResponse(response) = smf.ask(Seid(0), establishment(gnb)).await else {
        panic!("another")
    };
    assert_eq!(response.cause, Cause::RequestAccepted);
    let f_teid = response.created_pdrs[0].f_teid.and_then(|f_teid| f_teid.endpoint());
    let (teid, n3): (Teid, IpAddr) = f_teid.expect("chosen");
    (running, smf, SocketAddr::new(n3, gtpu::PORT), teid.0)
}

/// An echo request in the tunnel, and its answer.
async fn ping_once(gnb: &UdpSocket, (upf, teid): (SocketAddr, u32), to: Ipv4Addr, sequence: u16) {
    gnb.send_to(&tunnelled(teid, &echo_request(to, sequence)), upf).await.expect("sent");
    let payload = received(gnb, upf).await;
    let answer = etherparse::PacketHeaders::from_ip_slice(&payload).expect("is IP");
    let Some(etherparse::TransportHeader::Icmpv4(icmp)) = answer.transport else { panic!("no ICMP") };
    let echo = etherparse::IcmpEchoHeader { id: 1, seq: sequence };
    assert_eq!(icmp.icmp_type, etherparse::Icmpv4Type::EchoReply(echo));
}

/// The same with IPv6.
async fn ping_once_v6(gnb: &UdpSocket, (upf, teid): (SocketAddr, u32), to: Ipv6Addr, sequence: u16) {
    gnb.send_to(&tunnelled(teid, &echo_request_v6(to, sequence)), upf).await.expect("sent");
    let answer = received(gnb, upf).await;
    assert_eq!((icmpv6(&answer), &answer[46..48]), ((129, 0), &sequence.to_be_bytes()[..]));
}

async fn ping() {
    let mut context = context();
    // Whichever of the workers the system gives a packet to, the owner of its bucket gets it.
    context.config.workers = 3;
    let gnb = UdpSocket::bind(GNB).await.expect("free");
    let (running, mut smf, to, teid) = with_a_session(context, address(GNB).ip()).await;
    let mut octets = [0; 2048];
    let advertisement = received(&gnb, to).await;
    assert_eq!((icmpv6(&advertisement), &advertisement[72..88]), ((134, 0), &PREFIX.octets()[..]));
    for sequence in 0..100 {
        ping_once_v6(&gnb, (to, teid), GATEWAY_V6, sequence).await;
        ping_once(&gnb, (to, teid), GATEWAY, sequence).await;
    }
    gnb.send_to(&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 9, 0, 0], to).await.expect("sent");
    let (length, _) = timeout(LIMIT, gnb.recv_from(&mut octets)).await.expect("in time").expect("received");
    assert_eq!(octets[..length], gtpu::echo_response(9));

    let status = (running.status)();
    assert_eq!((status["sessions"].as_u64(), status["packets"]["uplink"].as_u64()), (Some(1), Some(200)));
    // At its end the UPF asks the SMF to release the association, which it does.
    let drained = tokio::spawn(running.drain);
    assert!(matches!(smf.event().await, Event::AssociationDown { why: Down::Released, .. }));
    timeout(LIMIT, drained).await.expect("in time").expect("ends");
    assert_eq!((running.status)()["sessions"].as_u64(), Some(0));
}

/// Ports past the system, on links to a gNB and to a host.
mod past_the_system {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use upf::PortKind;
    #[cfg(feature = "dpdk")]
    use upf::{Dpdk, DpdkLink};

    use super::*;

    const N3: &str = "10.99.0.1:2152";
    const GNB: &str = "10.99.0.2:2152";
    const HOST: Ipv4Addr = Ipv4Addr::new(10, 46, 0, 2);

    const HOST_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x46, 0, 0, 0, 0, 0, 2);

    /// The system has no address on the links but by the TAP devices.
    #[cfg(feature = "dpdk")]
    #[test]
    fn a_ue_pings_a_host_through_devices_of_dpdk() {
        in_namespaces(OF_A_USER, "past_the_system::through_devices_of_dpdk");
    }

    /// As root: programs are not loaded in user namespaces.
    #[test]
    #[ignore = "needs root: make test-xdp"]
    fn a_ue_pings_a_host_through_af_xdp() {
        in_namespaces(&["--net"], "past_the_system::through_af_xdp");
    }

    fn ip(arguments: &str) {
        let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip runs");
        assert!(status.success(), "ip {arguments}");
    }

    /// A host in a namespace of its own, joined to this one by a link `here`; what `set_up` makes there is handed back.
    fn host<T: Send + 'static>(here: &str, set_up: impl FnOnce() -> T + Send + 'static) -> (T, Sender<()>) {
        let (tell, told) = channel();
        let (done, made) = channel();
        let (go, goes): (Sender<()>, Receiver<()>) = channel();
        std::thread::spawn(move || {
            #[allow(deprecated, reason = "unsharing the network is safe; the newer function warns of descriptors")]
            rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).expect("a namespace");
            tell.send(rustix::thread::gettid().as_raw_nonzero()).expect("waits");
            goes.recv().expect("linked");
            done.send(set_up()).expect("waits");
            // The namespace lives as long as this.
            let _ = goes.recv();
        });
        let id = told.recv().expect("a thread");
        ip(&format!("link add {here} type veth peer name there netns {id}"));
        ip(&format!("link set {here} up"));
        go.send(()).expect("waits");
        (made.recv().expect("set up"), go)
    }

    fn config(port: PortKind) -> UpfConfig {
        let mut config = UpfConfig { port, ..UpfConfig::default() };
        config.n3.listen = address(N3);
        config.n6.next_hop = Some(HOST);
        config
    }

    #[cfg(feature = "dpdk")]
    #[test]
    #[ignore = "run by a_ue_pings_a_host_through_devices_of_dpdk, in a namespace"]
    fn through_devices_of_dpdk() {
        let link = |device: &str, tap: &str, addresses: &[&str]| DpdkLink {
            device: device.into(),
            tap: tap.into(),
            addresses: addresses.iter().map(|address| address.parse().expect("an address")).collect(),
        };
        let mut config = config(PortKind::Dpdk);
        config.workers = 2;
        config.n6.next_hop_ipv6 = Some(HOST_V6);
        let eal = "--no-huge -m 256 --no-shconf --no-pci --no-telemetry -l 0 --log-level=error \
                   --vdev=net_af_packet0,iface=n3,qpairs=2 --vdev=net_af_packet1,iface=n6,qpairs=2";
        config.dpdk = Some(Dpdk {
            eal: eal.split_whitespace().map(str::to_owned).collect(),
            n3: link("net_af_packet0", "n3-system", &["10.99.0.1/24"]),
            n6: Some(link("net_af_packet1", "n6-system", &["10.46.0.1/24", "fd00:46::1/64"])),
            nap_us: 100,
        });
        through(config, || {});
    }

    #[test]
    #[ignore = "run by a_ue_pings_a_host_through_af_xdp, in a namespace"]
    fn through_af_xdp() {
        let mut config = config(PortKind::AfXdp);
        (config.n3.interface, config.n6.interface) = (Some("n3".into()), Some("n6".into()));
        // By its address of the link.
        config.n6.next_hop_ipv6 = Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2));
        through(config, || {
            ip("addr add 10.99.0.1/24 dev n3");
            ip("addr add 10.46.0.1/24 dev n6");
            ip("addr add fd00:46::1/64 dev n6 nodad");
        });
    }

    /// A UE pings a host through a port on the interfaces `n3` and `n6`, once the system's share of them is set up.
    fn through(config: UpfConfig, set_up: impl FnOnce()) {
        let (gnb, _access) = host("n3", || {
            ip("addr add 10.99.0.2/24 dev there");
            ip("link set there up");
            std::net::UdpSocket::bind(GNB).expect("free")
        });
        let ((), _data_network) = host("n6", || {
            ip("addr add 10.46.0.2/24 dev there");
            ip("addr add fd00:46::2/64 dev there nodad");
            ip("addr add fe80::2/64 dev there nodad");
            ip("link set there up");
            ip("route add 10.45.0.0/16 via 10.46.0.1");
            ip("route add fd00:10:45::/48 via fd00:46::1");
        });
        set_up();
        let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        threads.block_on(async {
            gnb.set_nonblocking(true).expect("set");
            let gnb = UdpSocket::from_std(gnb).expect("a socket");
            ping_past(&gnb, config).await;
        });
    }

    /// Sends echo requests until one of each version is answered: the first ones towards a neighbour that is not known yet are
    /// lost.
    async fn meet_neighbours(gnb: &UdpSocket, (n3, teid): (SocketAddr, u32)) {
        let mut octets = [0; 2048];
        let mut answered = [false; 2];
        for _ in 0..100 {
            for packet in [echo_request(HOST, 0), echo_request_v6(HOST_V6, 0)] {
                gnb.send_to(&tunnelled(teid, &packet), n3).await.expect("sent");
            }
            while let Ok(Ok((length, _))) = timeout(Duration::from_millis(100), gnb.recv_from(&mut octets)).await {
                let datagram = gtpu::Datagram::parse(&octets[..length]).expect("is GTP-U");
                let first = datagram.payload.first().map(|first| first >> 4);
                answered[0] |= first == Some(4);
                // No router advertisement.
                answered[1] |= first == Some(6) && icmpv6(datagram.payload) == (129, 0);
            }
            if answered == [true; 2] {
                return;
            }
        }
        panic!("neighbours are found: {answered:?}");
    }

    async fn ping_past(gnb: &UdpSocket, config: UpfConfig) {
        let mut context = context();
        context.config = config;
        let (running, mut smf, n3, teid) = with_a_session(context, address(GNB).ip()).await;
        assert_eq!(n3, address(N3));
        meet_neighbours(gnb, (n3, teid)).await;
        for sequence in 1..=100 {
            ping_once(gnb, (n3, teid), HOST, sequence).await;
            ping_once_v6(gnb, (n3, teid), HOST_V6, sequence).await;
        }
        let status = (running.status)();
        assert!(status["packets"]["uplink"].as_u64() > Some(200), "{status}");
        let mut octets = [0; 2048];
        gnb.send_to(&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 9, 0, 0], n3).await.expect("sent");
        let (length, _) = timeout(LIMIT, gnb.recv_from(&mut octets)).await.expect("in time").expect("received");
        assert_eq!(octets[..length], gtpu::echo_response(9));
        let drained = tokio::spawn(running.drain);
        assert!(matches!(smf.event().await, Event::AssociationDown { why: Down::Released, .. }));
        timeout(LIMIT, drained).await.expect("in time").expect("ends");
    }
}
