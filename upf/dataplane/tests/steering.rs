//! Packets that go elsewhere besides, or in place of, where they want to (TS 29.244 5.4.7, 5.2.3.1).

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use dataplane::{Config, DropReason, Frame, Verdict};
use gtpu::Datagram;
use proptest::prelude::*;
use rules::{Action, Duplicate, FarId, QerId, Redirect, RemoteTunnel, Steering};
use support::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
const PROBE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
const PROBE_TEID: u32 = 0x99;

fn server() -> Redirect {
    Redirect::Server { ipv4: Some(SERVER), ipv6: None }
}

/// A plain session whose uplink is redirected.
fn redirected(redirect: Redirect) -> rules::Session {
    let mut session = plain();
    let far = session.fars.get_mut(&FarId(1)).expect("the uplink's");
    far.steering = Some(Box::new(Steering { redirect: Some(redirect), duplicates: Vec::new() }));
    session
}

/// A plain session with copies of all to a probe.
fn copied() -> rules::Session {
    let mut session = plain();
    let tunnel = RemoteTunnel { teid: PROBE_TEID, address: PROBE.into() };
    for (_, far) in session.fars.iter_mut() {
        far.action.duplicate = true;
        let duplicates = vec![Duplicate { tunnel, marking: (0xb8, 0xfc) }];
        far.steering = Some(Box::new(Steering { redirect: None, duplicates }));
    }
    session
}

/// The user's packets in the copies that wait to be sent, all of them to the probe.
fn copies(bench: &mut Bench) -> Vec<Vec<u8>> {
    let outbox = bench.forwarder.take_outbox();
    let to_probe = Verdict::ToN3(SocketAddr::from((PROBE, gtpu::PORT)));
    let copy = |frame: &Frame| {
        assert_eq!((frame.verdict, frame.marking), (to_probe, 0xb8));
        let datagram = Datagram::parse(frame.packet()).expect("is GTP-U");
        assert_eq!(datagram.teid, PROBE_TEID);
        datagram.payload.to_vec()
    };
    let copies = outbox.iter().map(copy).collect();
    bench.forwarder.recycle(outbox);
    copies
}

#[test]
fn a_server_is_asked_in_place_of_another_and_nobody_notices() {
    let mut bench = Bench::with(&redirected(server()));
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 80), 10))), (Verdict::ToN6, udp(UE, SERVER, (1000, 80), 10)));
    let (verdict, sent) = bench.down(&udp(SERVER, UE, (80, 1000), 20));
    assert_eq!(verdict, Verdict::ToN3(gnb()));
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, udp(HOST, UE, (80, 1000), 20));
    // What the server says of itself stays its own, as does what it is asked.
    let (_, sent) = bench.down(&udp(SERVER, UE, (81, 1000), 20));
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, udp(SERVER, UE, (81, 1000), 20));
    assert_eq!(bench.up(&up(&udp(UE, SERVER, (7, 7), 10))).1, udp(UE, SERVER, (7, 7), 10));
    // Rules that change leave flows as they are.
    bench.install(Some(&redirected(server())), &[], false);
    let (_, sent) = bench.down(&udp(SERVER, UE, (80, 1000), 20));
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, udp(HOST, UE, (80, 1000), 20));
    // The redirection ends.
    bench.install(Some(&plain()), &[], false);
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 80), 10))).1, udp(UE, HOST, (1000, 80), 10));
    // There is no server for packets of IPv6 alone.
    let nowhere = Redirect::Server { ipv4: None, ipv6: Some([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()) };
    bench.install(Some(&redirected(nowhere)), &[], false);
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 80), 10))).0, Verdict::Drop);
    assert_eq!((bench.dropped(DropReason::Redirect), bench.forwarder.counters().snapshot().redirected), (1, 2));
}

#[test]
fn who_asks_the_server_itself_from_the_same_port_hears_the_server() {
    let mut bench = Bench::with(&redirected(server()));
    for asked in [HOST, SERVER, HOST] {
        assert_eq!(bench.up(&up(&udp(UE, asked, (1000, 80), 10))).1, udp(UE, SERVER, (1000, 80), 10));
        let (_, sent) = bench.down(&udp(SERVER, UE, (80, 1000), 20));
        assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, udp(asked, UE, (80, 1000), 20));
    }
}

#[test]
fn who_asks_the_web_is_told_of_a_page_and_the_rest_goes_nowhere() {
    let mut bench = Bench::with(&redirected(Redirect::Url("http://portal.example/".into())));
    let tcp = |port, payload: &[u8]| {
        let builder = etherparse::PacketBuilder::ipv4(UE.octets(), HOST.octets(), 64).tcp(1000, port, 7, 1024);
        let mut packet = Vec::new();
        let builder = if payload.is_empty() { builder.syn() } else { builder.ack(99) };
        builder.write(&mut packet, payload).expect("a packet");
        up(&packet)
    };
    for (asked, said) in [(&b""[..], &b""[..]), (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 302 ")] {
        let (verdict, sent) = bench.up(&tcp(80, asked));
        assert_eq!(verdict, Verdict::ToN3(gnb()));
        let datagram = Datagram::parse(&sent).expect("is GTP-U");
        assert_eq!(datagram.teid, GNB_TEID);
        let answer = etherparse::SlicedPacket::from_ip(datagram.payload).expect("IP");
        let Some(etherparse::TransportSlice::Tcp(segment)) = answer.transport else { panic!("{answer:?}") };
        assert_eq!((segment.source_port(), segment.destination_port()), (80, 1000));
        assert!(segment.payload().starts_with(said));
    }
    assert_eq!(bench.up(&tcp(443, b"")).0, Verdict::Drop);
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 443), 10))).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Redirect), 2);
    let [uplink, downlink] = bench.forwarder.counters().snapshot().packets;
    assert_eq!((uplink, downlink), (0, 2), "answers count as what the UE gets");
}

#[test]
fn copies_go_to_the_probe_of_what_passes_and_of_what_is_to_be_dropped() {
    let mut bench = Bench::with(&copied());
    let (asked, answered) = (udp(UE, HOST, (1, 2), 10), udp(HOST, UE, (2, 1), 10));
    assert_eq!(bench.up(&up(&asked)), (Verdict::ToN6, asked.clone()));
    assert_eq!(copies(&mut bench), std::slice::from_ref(&asked));
    let (verdict, sent) = bench.down(&answered);
    assert_eq!((verdict, Datagram::parse(&sent).expect("is GTP-U").payload), (Verdict::ToN3(gnb()), &answered[..]));
    assert_eq!(copies(&mut bench), std::slice::from_ref(&answered));
    // A limit drops a packet as if it had not come.
    let mut closed = copied();
    closed.qers.get_mut(&QerId(1)).expect("there").uplink_closed = true;
    bench.install(Some(&closed), &[], false);
    assert_eq!(bench.up(&up(&asked)).0, Verdict::Drop);
    assert!(copies(&mut bench).is_empty());
    let mut dropping = copied();
    let far = dropping.fars.get_mut(&FarId(1)).expect("the uplink's");
    far.action = Action { duplicate: true, ..Action::DROP };
    bench.install(Some(&dropping), &[], false);
    assert_eq!(bench.up(&up(&asked)).0, Verdict::Drop);
    assert_eq!(copies(&mut bench), [asked]);
    // What waits for the UE is copied once it goes on.
    let mut waiting = copied();
    waiting.fars.get_mut(&FarId(2)).expect("the downlink's").action = Action { duplicate: true, ..Action::BUFFER };
    bench.install(Some(&waiting), &[], false);
    bench.sent.clear();
    assert_eq!(bench.down(&answered).0, Verdict::Drop);
    assert!(copies(&mut bench).is_empty());
    bench.install(Some(&copied()), &[], false);
    let verdicts: Vec<Verdict> = bench.sent.iter().map(|frame| frame.verdict).collect();
    assert_eq!(verdicts, [Verdict::ToN3(SocketAddr::from((PROBE, gtpu::PORT))), Verdict::ToN3(gnb())]);
    assert_eq!(bench.forwarder.counters().snapshot().copies, 4);
}

#[test]
fn copies_beyond_what_there_is_room_for_are_counted_and_packets_pass() {
    let mut bench = Bench::new(Config { buffer_total: 2, ..Config::new(N3.into()) });
    bench.install(Some(&copied()), &[], false);
    let packet = udp(UE, HOST, (1, 2), 10);
    for _ in 0..5 {
        assert_eq!(bench.up(&up(&packet)).0, Verdict::ToN6);
    }
    assert_eq!(copies(&mut bench).len(), 2);
    assert_eq!(bench.dropped(DropReason::Copy), 3);
    // Sent, there is room again.
    assert_eq!(bench.up(&up(&packet)).0, Verdict::ToN6);
    assert_eq!(copies(&mut bench).len(), 1);
}

proptest! {
    /// Whatever comes, a packet is forwarded once or dropped once, its copies are no more than asked for, and the room for them
    /// is there again when they are sent.
    #[test]
    fn no_packet_is_two_and_no_room_is_lost(
        packets in proptest::collection::vec((any::<bool>(), 0u8..3, proptest::collection::vec(any::<u8>(), 0..60)), 1..40),
        url: bool,
    ) {
        let mut session = copied();
        let redirect = if url { Redirect::Url("http://portal.example/".into()) } else { server() };
        let far = session.fars.get_mut(&FarId(1)).expect("the uplink's");
        far.steering.as_mut().expect("it has copies").redirect = Some(redirect);
        let mut bench = Bench::new(Config { buffer_total: 2, ..Config::new(N3.into()) });
        bench.install(Some(&session), &[], false);
        let sum = |bench: &Bench| {
            let counted = bench.forwarder.counters().snapshot();
            let lost = counted.drops.iter().sum::<u64>() - counted.dropped(DropReason::Copy);
            counted.packets.iter().sum::<u64>() + lost
        };
        for (uplink, shape, mut tail) in packets {
            let (from, to) = if uplink { (UE, HOST) } else { (SERVER, UE) };
            let mut packet = match shape {
                0 => udp(from, to, (1000, 80), tail.len()),
                _ => vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, if shape == 1 { 6 } else { 17 }, 0, 0],
            };
            if shape > 0 {
                packet.extend(from.octets().into_iter().chain(to.octets()));
                packet.append(&mut tail);
                let length = u16::try_from(packet.len()).expect("short");
                packet[2..4].copy_from_slice(&length.to_be_bytes());
            }
            let before = sum(&bench);
            if uplink { bench.up(&up(&packet)) } else { bench.down(&packet) };
            prop_assert_eq!(sum(&bench), before + 1);
            prop_assert!(copies(&mut bench).len() <= 1);
        }
        prop_assert_eq!(bench.dropped(DropReason::Copy), 0);
    }
}
