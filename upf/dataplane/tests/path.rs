//! Packets through a forwarder, under a virtual clock.

mod support;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use dataplane::{
    BUCKETS, Bucket, Command, Config, DropReason, Event, InstallId, Memory, MemoryPeer, Origin, Owners, Session, Usage,
    Verdict, Waker, Workers,
};
use gtpu::{Datagram, PduSession, Qfi, message};
use proptest::prelude::*;
use rules::{
    Action, Bar, BarId, Far, FarId, Filter, LocalTunnel, PdrId, Qer, QerId, Rates, RemoteTunnel, Teid, Triggers,
};
use support::*;

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
    let (duration, triggers, part) = (None, Triggers::default(), None);
    let expected = Usage { urr: 1, octets: [128, 128], packets: [1, 1], duration, triggers, part };
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
    assert_eq!(answered, 99, "answers to a flood in no time: a second's worth with the one before");
    assert_eq!(bench.dropped(DropReason::UnknownTunnel), 10_001);
    bench.now += Duration::from_secs(1);
    assert_ne!(bench.up(&packet).0, Verdict::Drop);
    assert_eq!(bench.up(&tunnelled(0, 1, &packet)).0, Verdict::Drop, "tunnel 0 is nobody's");
}

#[test]
fn unknown_tunnels_are_not_answered_while_sessions_may_be_restored() {
    let mut bench = Bench::new(Config { restoration: Duration::from_secs(5), ..Config::new(N3.into()) });
    let packet = tunnelled(77, 1, &udp(UE, HOST, (1, 2), 10));
    assert_eq!(bench.up(&packet).0, Verdict::Drop);
    bench.now += Duration::from_secs(5);
    assert_eq!(bench.up(&packet).0, Verdict::ToN3(gnb()));
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
    rules.fars.insert(FarId(3), Far { action: Action::DROP, forwarding: None, bar: None, steering: None });
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
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: None, steering: None });
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
fn the_notification_waits_for_the_delay_of_the_bar() {
    let mut rules = plain();
    let forward = rules.fars[&FarId(2)].clone();
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: Some(BarId(1)), steering: None });
    rules.bars.insert(BarId(1), Bar { packets: None, delay_ms: Some(100) });
    let mut bench = Bench::with(&rules);
    let packet = udp(HOST, UE, (53, 1), 10);
    let told = |bench: &mut Bench| {
        bench.forwarder.handle_timeout(bench.now);
        bench.events().len()
    };
    bench.down(&packet);
    bench.down(&packet);
    assert_eq!((told(&mut bench), bench.forwarder.poll_timeout()), (0, Some(bench.now + Duration::from_millis(100))));
    bench.now += Duration::from_millis(100);
    assert_eq!([told(&mut bench), told(&mut bench)], [1, 0]);
    // The UE is there before the time is over: nobody needs to be told.
    rules.fars.insert(FarId(2), forward);
    let buffering = std::mem::replace(&mut bench, Bench::with(&rules));
    assert_eq!(buffering.forwarder.counters().snapshot().buffered, 2);
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: Some(BarId(1)), steering: None });
    bench.install(Some(&rules), &[], false);
    bench.down(&packet);
    bench.now += Duration::from_millis(50);
    rules.fars.insert(FarId(2), plain().fars[&FarId(2)].clone());
    bench.install(Some(&rules), &[], false);
    bench.now += Duration::from_millis(100);
    assert_eq!((told(&mut bench), bench.sent.len()), (0, 1));
}

#[test]
fn buffered_packets_can_be_given_up_and_their_room_is_used_again() {
    let mut rules = plain();
    rules.fars.insert(FarId(2), Far { action: Action::BUFFER, forwarding: None, bar: Some(BarId(1)), steering: None });
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
fn ipv6_sessions() {
    let mut rules = plain();
    let ue: IpAddr = "2001:db8:1:2::5".parse().expect("an address");
    rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.ue = vec![ue]);
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
        rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.filters = vec![flow.clone(), Filter { spi: Some(1), ..Filter::default() }, Filter::default()]);
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
