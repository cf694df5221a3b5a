//! Packets through a forwarder, under a virtual clock.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use dataplane::{
    BUCKETS, Bucket, Command, Config, DropReason, Event, Forwarder, Frame, InstallId, Memory, MemoryPeer, Origin,
    Owners, Session, Usage, Verdict, Waker, Workers,
};
use gtpu::{Datagram, Encapsulation, PduSession, Qfi, message};
use proptest::prelude::*;
use rules::{
    Action, Bar, BarId, Destination, Far, FarId, Filter, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Qer, QerId, Rates,
    RemoteTunnel, Source, Teid, Urr, UrrId, Volumes,
};

const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const N3: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
const GNB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
const TEID: u32 = 0x4200_0001;
const GNB_TEID: u32 = 0x55;
const SEID: u64 = 9;

fn gnb() -> SocketAddr {
    SocketAddr::from((GNB, gtpu::PORT))
}

fn udp(from: Ipv4Addr, to: Ipv4Addr, ports: (u16, u16), length: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = etherparse::PacketBuilder::ipv4(from.octets(), to.octets(), 64).udp(ports.0, ports.1);
    builder.write(&mut packet, &vec![7; length]).expect("a packet");
    packet
}

fn up(packet: &[u8]) -> Vec<u8> {
    tunnelled(TEID, 1, packet)
}

fn tunnelled(teid: u32, qfi: u8, packet: &[u8]) -> Vec<u8> {
    let header = Encapsulation { teid, pdu_session: Some(PduSession::Uplink { qfi: Qfi::new(qfi) }) };
    let mut octets = [&[0; gtpu::HEADROOM], packet].concat();
    header.write(&mut octets[..gtpu::HEADROOM], packet.len()).expect("room");
    octets
}

/// The rules of a plain session: everything up, everything down, one QoS flow.
fn plain() -> rules::Session {
    let mut session = rules::Session::default();
    let mut pdi = Pdi::from(Source::Access).of(UE.into());
    pdi.tunnel = Some(LocalTunnel::Given(Teid(TEID)));
    let (qers, urrs) = (vec![QerId(1)], vec![UrrId(1)]);
    let uplink = Pdr { precedence: 255, pdi, outer_header_removal: true, far: Some(FarId(1)), qers, urrs };
    let pdi = Pdi::from(Source::Core).of(UE.into());
    let downlink = Pdr { pdi, outer_header_removal: false, far: Some(FarId(2)), ..uplink.clone() };
    session.pdrs.extend([(PdrId(1), uplink), (PdrId(2), downlink)]);
    let to_core = Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
    let tunnel = Some(RemoteTunnel { teid: GNB_TEID, address: GNB.into() });
    let to_access = Forwarding { destination: Destination::Access, tunnel, ..to_core.clone() };
    let far = |forwarding| Far { action: Action::FORWARD, forwarding: Some(forwarding), bar: None };
    session.fars.extend([(FarId(1), far(to_core)), (FarId(2), far(to_access))]);
    session.qers.insert(QerId(1), Qer { qfi: Some(9), ..Qer::default() });
    session.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
    session
}

struct Bench {
    now: Instant,
    forwarder: Forwarder,
    sent: Vec<Frame>,
}

impl Bench {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self { now, forwarder: Forwarder::new(config, 0, now), sent: Vec::new() }
    }

    fn with(session: &rules::Session) -> Self {
        let mut bench = Self::new(Config::new(N3.into()));
        bench.install(Some(session), &[], false);
        bench
    }

    /// Installs rules and returns what was reported, after sending what that let loose.
    fn install(
        &mut self,
        rules: Option<&rules::Session>,
        end_markers: &[RemoteTunnel],
        drop_buffered: bool,
    ) -> Vec<Usage> {
        let session = rules.map(|rules| Session::compile(SEID, rules, self.now));
        let report = BTreeSet::from([1]);
        let end_markers = end_markers.to_vec();
        let command = Command::Install { id: InstallId(1), session, seid: SEID, report, end_markers, drop_buffered };
        self.forwarder.command(self.now, command);
        let outbox = self.forwarder.take_outbox();
        self.sent.extend(outbox.iter().filter(|frame| frame.verdict != Verdict::Drop).cloned());
        self.forwarder.recycle(outbox);
        let events: Vec<Event> = self.forwarder.drain_events().collect();
        match events.into_iter().next_back() {
            Some(Event::Installed { reports, .. }) => reports,
            other => panic!("not installed: {other:?}"),
        }
    }

    fn pass(&mut self, packet: &[u8], origin: Origin) -> (Verdict, Vec<u8>) {
        let mut frame = Frame::new(2048);
        frame.room()[..packet.len()].copy_from_slice(packet);
        frame.received(packet.len(), origin, gnb());
        let mut burst = [frame];
        self.forwarder.process(self.now, &mut burst);
        let [frame] = burst;
        (frame.verdict, frame.packet().to_vec())
    }

    fn up(&mut self, payload: &[u8]) -> (Verdict, Vec<u8>) {
        self.pass(payload, Origin::N3)
    }

    fn down(&mut self, packet: &[u8]) -> (Verdict, Vec<u8>) {
        self.pass(packet, Origin::N6)
    }

    fn events(&mut self) -> Vec<Event> {
        self.forwarder.drain_events().collect()
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.forwarder.counters().snapshot().dropped(reason)
    }
}

#[test]
fn uplink_and_downlink() {
    let mut bench = Bench::with(&plain());
    let packet = udp(UE, HOST, (1000, 53), 100);
    assert_eq!(bench.up(&up(&packet)), (Verdict::ToN6, packet));

    let packet = udp(HOST, UE, (53, 1000), 100);
    let (verdict, sent) = bench.down(&packet);
    assert_eq!(verdict, Verdict::ToN3(gnb()));
    let datagram = Datagram::parse(&sent).expect("is GTP-U");
    assert_eq!((datagram.message, datagram.teid, datagram.payload), (message::G_PDU, GNB_TEID, &packet[..]));
    assert_eq!(datagram.pdu_session, Some(PduSession::Downlink { qfi: Qfi::new(9), rqi: false }));

    let counted = bench.forwarder.counters().snapshot();
    assert_eq!((counted.packets, counted.octets, counted.sessions), ([1, 1], [128, 128], 1));
    let reports = bench.install(None, &[], false);
    let expected = Usage { urr: 1, octets: [128, 128], packets: [1, 1], exhausted: false };
    assert_eq!(reports, [expected]);
    assert_eq!(bench.down(&packet).0, Verdict::Drop);
    assert_eq!((bench.dropped(DropReason::UnknownUe), bench.forwarder.counters().snapshot().sessions), (1, 0));
}

#[test]
fn octets_after_the_inner_packet_are_cut() {
    let mut bench = Bench::with(&plain());
    let packet = udp(UE, HOST, (1000, 53), 10);
    let padded = [&packet[..], &[0; 20]].concat();
    assert_eq!(bench.up(&up(&padded)), (Verdict::ToN6, packet));
}

#[test]
fn a_foreign_source_address_is_dropped() {
    let mut bench = Bench::with(&plain());
    let packet = udp(Ipv4Addr::new(10, 45, 0, 3), HOST, (1, 2), 10);
    assert_eq!(bench.up(&up(&packet)).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Spoofed), 1);
}

#[test]
fn the_core_itself_is_out_of_reach() {
    let mut bench = Bench::with(&plain());
    // GTP in GTP, and PFCP from a UE.
    for port in [2152, 8805] {
        assert_eq!(bench.up(&up(&udp(UE, N3, (1000, port), 30))).0, Verdict::Drop);
    }
    assert_eq!(bench.dropped(DropReason::Protected), 2);
}

#[test]
fn an_unknown_tunnel_gets_an_error_indication_and_not_too_many() {
    let mut bench = Bench::with(&plain());
    let packet = tunnelled(77, 1, &udp(UE, HOST, (1, 2), 10));
    let (verdict, answer) = bench.up(&packet);
    assert_eq!(verdict, Verdict::ToN3(gnb()));
    let datagram = Datagram::parse(&answer).expect("is GTP-U");
    assert_eq!(datagram.message, message::ERROR_INDICATION);
    let told = gtpu::ErrorIndication::read(datagram.payload).expect("well formed");
    assert_eq!((told.teid, told.address), (77, IpAddr::V4(N3)));
    let answered = (0..10_000).filter(|_| bench.up(&packet).0 != Verdict::Drop).count();
    assert!(answered < 100, "{answered} answers to a flood in no time");
    assert_eq!(bench.dropped(DropReason::UnknownTunnel), 10_001);
    bench.now += Duration::from_secs(1);
    assert_ne!(bench.up(&packet).0, Verdict::Drop);
    assert_eq!(bench.up(&tunnelled(0, 1, &packet)).0, Verdict::Drop, "tunnel 0 is nobody's");
}

#[test]
fn echo_is_answered_and_the_rest_of_signalling_is_borne() {
    let mut bench = Bench::with(&plain());
    let request = [0x32, message::ECHO_REQUEST, 0, 4, 0, 0, 0, 0, 0xab, 0xcd, 0, 0];
    assert_eq!(bench.up(&request), (Verdict::ToN3(gnb()), gtpu::echo_response(0xabcd).to_vec()));
    assert_eq!(bench.up(&gtpu::end_marker(TEID)).0, Verdict::Drop);
    assert_eq!(bench.up(&gtpu::supported_extension_headers()).0, Verdict::Drop);
    let unknown = [0x34, 255, 0, 8, 0, 0, 0, 7, 0, 0, 0, 0xa7, 1, 0, 0, 0];
    assert_eq!(bench.up(&unknown), (Verdict::ToN3(gnb()), gtpu::supported_extension_headers().to_vec()));
    assert_eq!(bench.up(&[0x30, 240, 0, 0, 0, 0, 0, 0]).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::OtherMessage), 1);
}

#[test]
fn an_error_indication_is_believed_of_its_sender_only() {
    let mut bench = Bench::with(&plain());
    let indication = |teid, address: Ipv4Addr| {
        let mut out = [0; 36];
        let length = gtpu::error_indication(teid, address.into(), &mut out);
        out[..length].to_vec()
    };
    bench.up(&indication(GNB_TEID, Ipv4Addr::new(127, 0, 0, 9)));
    bench.up(&indication(GNB_TEID + 1, GNB));
    assert!(bench.events().is_empty());
    bench.up(&indication(GNB_TEID, GNB));
    bench.up(&indication(GNB_TEID, GNB));
    let events = bench.events();
    assert!(matches!(events[..], [Event::ErrorIndication { seid: SEID, .. }]), "{events:?}");
}

#[test]
fn gates_and_rates() {
    let mut rules = plain();
    rules.qers.insert(QerId(1), Qer { uplink_closed: true, ..Qer::default() });
    let mut bench = Bench::with(&rules);
    let (packet, answer) = (udp(UE, HOST, (1, 2), 972), udp(HOST, UE, (2, 1), 972));
    assert_eq!(bench.up(&up(&packet)).0, Verdict::Drop);
    assert_ne!(bench.down(&answer).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Gate), 1);

    let mbr = Some(Rates { uplink: 8_000_000, downlink: 80_000_000 });
    rules.qers.insert(QerId(1), Qer { mbr, ..Qer::default() });
    bench.install(Some(&rules), &[], false);
    // 10 000 packets of 1000 octets in a second, up and down: 80 Mbit/s.
    let (mut uplink, mut downlink) = (0, 0);
    for _ in 0..10_000 {
        bench.now += Duration::from_micros(100);
        uplink += u64::from(bench.up(&up(&packet)).0 != Verdict::Drop);
        downlink += u64::from(bench.down(&answer).0 != Verdict::Drop);
        // Changing other rules gives no new credit.
        bench.install(Some(&rules), &[], false);
    }
    assert!((980..=1020).contains(&uplink), "{uplink} of 1000");
    assert!(downlink >= 9800, "{downlink} of 10000");
    assert_eq!(bench.dropped(DropReason::Rate), 20_000 - uplink - downlink);
}

#[test]
fn rules_by_precedence_ports_and_flows() {
    let mut rules = plain();
    let mut web = rules.pdrs[&PdrId(2)].clone();
    web.precedence = 10;
    web.far = Some(FarId(3));
    let flow = |text: &str| Filter { flow: Some(text.parse().expect("a flow")), ..Filter::default() };
    web.pdi.filters = vec![
        flow("permit out 17 from 192.0.2.0/24 80,443,8000-8099 to assigned"),
        flow("permit out 6 from any to assigned"),
    ];
    rules.fars.insert(FarId(3), Far { action: Action::DROP, forwarding: None, bar: None });
    let mut web_up = rules.pdrs[&PdrId(1)].clone();
    (web_up.precedence, web_up.far, web_up.pdi.filters) = (10, Some(FarId(3)), web.pdi.filters.clone());
    rules.pdrs.extend([(PdrId(3), web), (PdrId(4), web_up)]);
    let mut bench = Bench::with(&rules);
    let mut passes = |from, ports| bench.down(&udp(from, UE, ports, 10)).0 != Verdict::Drop;
    assert!(!passes(HOST, (443, 1)));
    assert!(!passes(HOST, (8050, 1)));
    assert!(passes(HOST, (8100, 1)));
    assert!(passes(HOST, (1, 443)), "the remote port counts");
    assert!(passes(Ipv4Addr::new(198, 51, 100, 1), (443, 1)));
    // Uplink the same flow has its ends exchanged.
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1, 443), 10))).0, Verdict::Drop);
    assert_eq!(bench.up(&up(&udp(UE, HOST, (443, 1), 10))).0, Verdict::ToN6);
    // A later fragment has no ports: the rule that asks for them does not match.
    let mut fragment = udp(HOST, UE, (443, 1), 10);
    fragment[7] = 1;
    assert_ne!(bench.down(&fragment).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Rule), 3);
}

#[test]
fn qos_flows_and_packets_that_match_nothing() {
    let mut rules = plain();
    rules.pdrs.get_mut(&PdrId(1)).expect("there").pdi.qfis = vec![1, 5];
    let mut bench = Bench::with(&rules);
    let packet = udp(UE, HOST, (1, 2), 10);
    assert_eq!(bench.up(&tunnelled(TEID, 5, &packet)).0, Verdict::ToN6);
    assert_eq!(bench.up(&tunnelled(TEID, 6, &packet)).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::NoRule), 1);
}

#[test]
fn buffering_keeps_order_tells_once_and_has_bounds() {
    let mut rules = plain();
    let forward = rules.fars[&FarId(2)].clone();
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: None });
    let mut bench = Bench::new(Config { buffer_per_session: 20, ..Config::new(N3.into()) });
    bench.install(Some(&rules), &[], false);
    let packet = |number: u16| udp(HOST, UE, (53, number), 10);
    for number in 0..30 {
        assert_eq!(bench.down(&packet(number)).0, Verdict::Drop);
    }
    let events = bench.events();
    assert!(matches!(events[..], [Event::DownlinkData { seid: SEID, pdr: 2 }]), "{events:?}");
    assert_eq!((bench.dropped(DropReason::BufferFull), bench.forwarder.counters().snapshot().buffered), (10, 20));
    // Still buffering: nothing is let loose, nothing is told again.
    bench.install(Some(&rules), &[], false);
    bench.down(&packet(99));
    assert!(bench.sent.is_empty() && bench.events().is_empty());

    let marked = [RemoteTunnel { teid: 3, address: GNB.into() }];
    rules.fars.insert(FarId(2), forward);
    bench.install(Some(&rules), &marked, false);
    let sent: Vec<Vec<u8>> = bench.sent.iter().map(|frame| frame.packet().to_vec()).collect();
    assert_eq!(sent[0], gtpu::end_marker(3), "the End Marker goes first");
    let payloads: Vec<&[u8]> = sent[1..].iter().map(|sent| Datagram::parse(sent).expect("is GTP-U").payload).collect();
    let expected: Vec<Vec<u8>> = (0..20).map(packet).collect();
    assert_eq!(payloads, expected);
    let reports = bench.install(None, &[], false);
    assert_eq!(reports[0].packets, [0, 20], "counted when sent, once");
}

#[test]
fn buffered_packets_can_be_given_up_and_their_room_is_used_again() {
    let mut rules = plain();
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: Some(BarId(1)) });
    rules.bars.insert(BarId(1), Bar { packets: Some(3), delay_ms: None });
    let mut bench = Bench::new(Config { buffer_total: 3, ..Config::new(N3.into()) });
    for _ in 0..5 {
        bench.install(Some(&rules), &[], false);
        (0..4).for_each(|number| drop(bench.down(&udp(HOST, UE, (53, number), 10))));
        bench.install(Some(&rules), &[], true);
    }
    assert_eq!((bench.dropped(DropReason::BufferFull), bench.dropped(DropReason::BufferDropped)), (5, 15));
    assert!(bench.sent.is_empty());
}

#[test]
fn thresholds_and_quotas() {
    let mut rules = plain();
    let total = |octets| Some(Volumes { total: Some(octets), ..Volumes::default() });
    rules.urrs.insert(
        UrrId(1),
        Urr { volume: true, volume_threshold: total(300), volume_quota: total(1000), ..Urr::default() },
    );
    let mut bench = Bench::with(&rules);
    let packet = up(&udp(UE, HOST, (1, 2), 72));
    let passed = (0..20).filter(|_| bench.up(&packet).0 == Verdict::ToN6).count();
    assert_eq!((passed, bench.dropped(DropReason::Quota)), (10, 10));
    let due: Vec<(u64, bool)> = bench
        .events()
        .into_iter()
        .map(|event| match event {
            Event::UsageDue { usage, .. } => (usage.octets[0], usage.exhausted),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(due, [(300, false), (300, false), (300, false), (100, true)]);
    // A new quota lets packets pass again.
    rules.urrs.get_mut(&UrrId(1)).expect("there").volume_quota = total(200);
    bench.install(Some(&rules), &[], false);
    assert_eq!((0..20).filter(|_| bench.up(&packet).0 == Verdict::ToN6).count(), 2);
}

#[test]
fn ipv6_sessions() {
    let mut rules = plain();
    let ue: IpAddr = "2001:db8:1:2::5".parse().expect("an address");
    rules.pdrs.values_mut().for_each(|pdr| pdr.pdi.ue = vec![ue]);
    let mut bench = Bench::with(&rules);
    let packet = |from: &str, to: &str| {
        let address = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("an address").octets();
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ipv6(address(from), address(to), 64).udp(1, 2);
        builder.write(&mut packet, &[1, 2, 3]).expect("a packet");
        packet
    };
    // Any address of the UE's prefix is its own.
    assert_eq!(bench.up(&up(&packet("2001:db8:1:2::77", "2001:db8::1"))).0, Verdict::ToN6);
    assert_eq!(bench.up(&up(&packet("2001:db8:1:3::5", "2001:db8::1"))).0, Verdict::Drop);
    assert_eq!(bench.down(&packet("2001:db8::1", "2001:db8:1:2::99")).0, Verdict::ToN3(gnb()));
}

#[test]
fn a_bucket_is_told_from_either_side() {
    let bucket = Bucket::of_address(UE.into());
    assert_eq!(Bucket::of_tunnel(bucket.tunnel(5)), bucket);
    let used: BTreeSet<u8> =
        (0..=u16::MAX).map(|host| Bucket::of_address((0x0a2d_0000 + u32::from(host)).to_be_bytes().into()).0).collect();
    assert_eq!(used.len(), BUCKETS);
}

/// So many workers on memory ports, with the plain session, and the far ends of their ports.
fn workers(count: usize, rules: &rules::Session) -> (Workers, Vec<MemoryPeer>) {
    let wakers = (0..count).map(|_| Waker::new().expect("a descriptor"));
    let (ports, peers): (Vec<_>, Vec<_>) = wakers
        .map(|waker| {
            let (port, peer) = Memory::pair(waker.clone());
            ((port, waker), peer)
        })
        .unzip();
    let (told, events) = std::sync::mpsc::channel();
    let config = Config::new(N3.into());
    let workers = Workers::start(ports, &config, &[], move |event| drop(told.send(event))).expect("starts");
    let install = Command::Install {
        id: InstallId(4),
        session: Some(Session::compile(SEID, rules, Instant::now())),
        seid: SEID,
        report: BTreeSet::new(),
        end_markers: Vec::new(),
        drop_buffered: false,
    };
    workers.send(Bucket::of_address(UE.into()), install);
    assert!(matches!(events.recv_timeout(LIMIT), Ok(Event::Installed { id: InstallId(4), old: None, .. })));
    (workers, peers)
}

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_worker_on_a_port() {
    let (workers, peers) = workers(1, &plain());
    for number in 0..1000u16 {
        peers[0].send_n3(gnb(), &up(&udp(UE, HOST, (number, 53), 100)));
        peers[0].send_n6(&udp(HOST, UE, (53, number), 100));
    }
    for number in 0..1000 {
        assert_eq!(peers[0].receive(LIMIT), Some((Verdict::ToN6, udp(UE, HOST, (number, 53), 100))));
        assert!(matches!(peers[0].receive(LIMIT), Some((Verdict::ToN3(_), _))));
    }
    assert_eq!(Workers::snapshot(&workers.counters()).packets, [1000, 1000]);
    assert!(workers.are_running());
}

#[test]
fn frames_reach_the_owner_of_their_bucket_in_order() {
    let mut rules = plain();
    let bucket = Bucket::of_address(UE.into());
    let teid = bucket.tunnel(1);
    rules.pdrs.get_mut(&PdrId(1)).expect("there").pdi.tunnel = Some(LocalTunnel::Given(Teid(teid)));
    let (workers, peers) = workers(3, &rules);
    let owner = Owners::among(3).of(bucket);
    // All of them come in at a worker that does not own the bucket, and go out at the one that does.
    let wrong = &peers[(owner + 1) % 3];
    for number in 0..2000u16 {
        wrong.send_n3(gnb(), &tunnelled(teid, 1, &udp(UE, HOST, (number, 53), 100)));
    }
    for number in 0..2000 {
        assert_eq!(peers[owner].receive(LIMIT), Some((Verdict::ToN6, udp(UE, HOST, (number, 53), 100))));
    }
    for number in 0..2000u16 {
        wrong.send_n6(&udp(HOST, UE, (53, number), 100));
    }
    for number in 0..2000 {
        let (_, sent) = peers[owner].receive(LIMIT).expect("sent");
        assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, udp(HOST, UE, (53, number), 100));
    }
    assert_eq!(Workers::snapshot(&workers.counters()).packets, [2000, 2000]);
}

proptest! {
    #[test]
    fn arbitrary_packets_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..200), origin in any::<bool>()) {
        let mut bench = Bench::with(&plain());
        bench.pass(&payload, if origin { Origin::N3 } else { Origin::N6 });
    }

    #[test]
    fn damaged_packets_never_panic_and_leave_only_as_the_ues_own(
        damage in proptest::collection::vec((0..70usize, any::<u8>()), 1..6),
        length in 0..90usize,
    ) {
        let mut rules = plain();
        let flow = Filter { flow: "permit out 17 from any 80 to assigned".parse().ok(), ..Filter::default() };
        rules.pdrs.values_mut().for_each(|pdr| pdr.pdi.filters = vec![flow.clone(), Filter { spi: Some(1), ..Filter::default() }, Filter::default()]);
        let mut bench = Bench::with(&rules);
        let mut payload = up(&udp(UE, HOST, (80, 80), 40));
        for (place, value) in damage {
            payload[place] = value;
        }
        payload.truncate(length);
        let (verdict, packet) = bench.up(&payload);
        if verdict == Verdict::ToN6 {
            prop_assert_eq!(&packet[12..16], &UE.octets()[..]);
        }
        let mut packet = udp(HOST, UE, (80, 80), 40);
        packet.truncate(length);
        bench.down(&packet);
    }
}
