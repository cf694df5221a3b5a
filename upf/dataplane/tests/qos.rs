//! QoS enforcement, under a virtual clock.

mod support;

use std::time::{Duration, Instant};

use dataplane::{Config, DropReason, Origin, Verdict};
use gtpu::{Datagram, PduSession, Qfi};
use proptest::prelude::*;
use rules::{Filter, PdrId, Qer, QerId, Rates, RemoteTunnel};
use support::*;

const AMBR: QerId = QerId(100);

/// The plain session with a PDR in each direction for each flow: the remote ports 1, 2, ..., each with its QER, and the
/// session's AMBR shared by those flows that are not guaranteed.
fn flows(qers: &[Qer], ambr: u64) -> rules::Session {
    let mut rules = plain();
    rules.qers.insert(AMBR, Qer { mbr: Some(Rates { uplink: ambr, downlink: ambr }), ..Qer::default() });
    for (number, qer) in (1..).zip(qers) {
        rules.qers.insert(QerId(number), *qer);
        for (direction, base) in [(PdrId(1), 10), (PdrId(2), 50)] {
            let mut pdr = rules.pdrs[&direction].clone();
            let flow = format!("permit out 17 from any {number} to assigned").parse().expect("a flow");
            pdr.pdi.filters = vec![Filter { flow: Some(flow), ..Filter::default() }];
            pdr.precedence = 10;
            pdr.qers = vec![QerId(number)];
            if qer.gbr.is_none() {
                pdr.qers.push(AMBR);
            }
            rules.pdrs.insert(PdrId(base + number as u16), pdr);
        }
    }
    rules
}

fn both(rate: u64) -> Option<Rates> {
    Some(Rates { uplink: rate, downlink: rate })
}

/// Offers each flow so many bits per second in packets of these lengths, for two seconds, in one direction, and returns the
/// bits of each flow that passed in the second of them.
fn offer(bench: &mut Bench, origin: Origin, rates: &[u64], lengths: &[usize]) -> Vec<u64> {
    let mut due: Vec<u64> = (0..rates.len() as u64).map(|flow| flow * 1000).collect();
    let mut passed = vec![0; rates.len()];
    let mut count = 0;
    let start = bench.now;
    loop {
        let (flow, at) = due.iter().copied().enumerate().min_by_key(|(_, at)| *at).expect("a flow");
        if at >= 2_000_000_000 {
            return passed;
        }
        bench.now = start + Duration::from_nanos(at);
        let length = lengths[count % lengths.len()];
        count += 1;
        let port = flow as u16 + 1;
        let (verdict, _) = match origin {
            Origin::N3 => bench.up(&up(&udp(UE, HOST, (9, port), length - 28))),
            Origin::N6 | Origin::Ethernet(_) => bench.down(&udp(HOST, UE, (port, 9), length - 28)),
        };
        if verdict != Verdict::Drop && at >= 1_000_000_000 {
            passed[flow] += length as u64 * 8;
        }
        due[flow] += length as u64 * 8_000_000_000 / rates[flow];
    }
}

/// Whether `bits` of a second are the rate, within 2 %.
fn is_near(bits: u64, rate: u64) -> bool {
    bits.abs_diff(rate) <= rate / 50
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// Every flow keeps its own rate, and all of them together the session's.
    #[test]
    fn flows_keep_their_rate_and_sessions_theirs(
        limits in proptest::collection::vec(1_000_000..4_000_000u64, 2..6),
        lengths in proptest::collection::vec(100..1400usize, 1..8),
        uplink in any::<bool>(),
    ) {
        let origin = if uplink { Origin::N3 } else { Origin::N6 };
        let qers: Vec<Qer> = limits.iter().map(|rate| Qer { mbr: both(*rate), ..Qer::default() }).collect();
        let offered: Vec<u64> = limits.iter().map(|rate| rate * 2).collect();
        let sum: u64 = limits.iter().sum();
        let mut bench = Bench::with(&flows(&qers, sum * 2));
        for (bits, rate) in offer(&mut bench, origin, &offered, &lengths).into_iter().zip(&limits) {
            prop_assert!(is_near(bits, *rate), "{bits} of {rate}");
        }
        let mut bench = Bench::with(&flows(&qers, sum / 2));
        let passed = offer(&mut bench, origin, &offered, &lengths);
        prop_assert!(is_near(passed.iter().sum(), sum / 2), "{passed:?} of {}", sum / 2);
        prop_assert!(passed.iter().zip(&limits).all(|(bits, rate)| *bits <= rate + rate / 50));
        prop_assert!(bench.dropped(DropReason::Rate) > 0);
    }
}

/// What is guaranteed passes whole through a link that others fill, and they get the rest. What the flow sends beyond
/// its guaranteed rate counts as theirs.
#[test]
fn a_guaranteed_rate_holds_on_a_full_link() {
    let guaranteed = Qer { gbr: both(3_000_000), mbr: both(8_000_000), qfi: Some(2), ..Qer::default() };
    let rules = flows(&[guaranteed, Qer::default(), Qer::default()], 100_000_000);
    for origin in [Origin::N3, Origin::N6] {
        let mut bench = Bench::new(Config { links: [10_000_000; 2], ..Config::new(N3.into()) });
        bench.install(Some(&rules), &[], false);
        let passed = offer(&mut bench, origin, &[2_900_000, 30_000_000, 30_000_000], &[700]);
        assert!(is_near(passed[0], 2_900_000), "{passed:?}");
        let outer = if origin == Origin::N6 { 44.0 / 700.0 } else { 0.0 };
        let link = passed.iter().sum::<u64>() as f64 * (1.0 + outer);
        assert!((9_800_000.0..10_200_000.0).contains(&link), "{passed:?} of 10 Mbit/s");
        assert!(bench.dropped(DropReason::Congestion) > 0);
        let passed = offer(&mut bench, origin, &[7_000_000, 30_000_000, 30_000_000], &[700]);
        assert!((2_900_000..5_000_000).contains(&passed[0]), "{passed:?}");
    }
}

#[test]
fn no_link_known_is_never_full() {
    let mut bench = Bench::with(&flows(&[Qer::default()], 100_000_000));
    let passed = offer(&mut bench, Origin::N6, &[50_000_000], &[1400]);
    assert!(is_near(passed[0], 50_000_000), "{passed:?}");
    assert_eq!(bench.dropped(DropReason::Congestion), 0);
}

#[test]
fn every_downlink_packet_bears_its_flow() {
    let qers: Vec<Qer> = (1..=9).map(|qfi| Qer { qfi: Some(qfi), rqi: qfi == 3, ..Qer::default() }).collect();
    let mut bench = Bench::with(&flows(&qers, 100_000_000));
    for qfi in 1..=9 {
        let (_, sent) = bench.down(&udp(HOST, UE, (u16::from(qfi), 9), 20));
        let expected = PduSession::Downlink { qfi: Qfi::new(qfi), rqi: qfi == 3 };
        assert_eq!(Datagram::parse(&sent).expect("is GTP-U").pdu_session, Some(expected));
    }
}

#[test]
fn marking_of_either_direction() {
    let mut rules = plain();
    for far in rules.fars.iter_mut().map(|(_, rule)| rule) {
        far.forwarding.as_mut().expect("forwards").marking = Some((0xb8, 0xfc));
    }
    let mut bench = Bench::with(&rules);
    // Towards the data network the packet itself is marked, and its congestion bits stay.
    let mut packet = udp(UE, HOST, (1, 2), 33);
    packet[1] = 0x02;
    let (header, _) = etherparse::Ipv4Header::from_slice(&packet).expect("IPv4");
    let sum = header.calc_header_checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let (_, sent) = bench.up(&up(&packet));
    let (header, _) = etherparse::Ipv4Header::from_slice(&sent).expect("IPv4");
    assert_eq!((sent[1], header.header_checksum), (0xba, header.calc_header_checksum()));
    assert_eq!(sent[20..], packet[20..]);
    // Towards the gNB the outer header is.
    let frame = bench.pass_frame(&udp(HOST, UE, (2, 1), 33), Origin::N6);
    assert_eq!((frame.marking, Datagram::parse(frame.packet()).expect("is GTP-U").payload[1]), (0xb8, 0));
}

/// Offers numbered packets at twice the rate for a second, in one direction; the time and number of each that leaves, until none
/// waits.
fn shaped(bench: &mut Bench, origin: Origin, rate: u64, length: usize) -> Vec<(Duration, u32)> {
    let start = bench.now;
    let interval = Duration::from_nanos(length as u64 * 8_000_000_000 / (2 * rate));
    let number_of = |packet: &[u8]| u32::from_be_bytes(packet[packet.len() - 4..].try_into().expect("four octets"));
    let mut left = Vec::new();
    let mut released = |bench: &mut Bench, until: Instant| {
        while let Some(at) = bench.forwarder.poll_timeout().filter(|at| *at <= until) {
            bench.forwarder.handle_timeout(at);
            let outbox = bench.forwarder.take_outbox();
            left.extend(outbox.iter().map(|frame| (at - start, number_of(frame.packet()))));
            bench.forwarder.recycle(outbox);
        }
    };
    let mut direct = Vec::new();
    for number in 0..(Duration::from_secs(1).as_nanos() / interval.as_nanos()) as u32 {
        let now = start + interval * number;
        released(bench, now);
        bench.now = now;
        let (from, to) = if origin == Origin::N3 { (UE, HOST) } else { (HOST, UE) };
        let mut packet = udp(from, to, (9, 9), length - 28);
        let place = packet.len() - 4;
        packet[place..].copy_from_slice(&number.to_be_bytes());
        let (verdict, sent) = match origin {
            Origin::N3 => bench.up(&up(&packet)),
            Origin::N6 | Origin::Ethernet(_) => bench.down(&packet),
        };
        if verdict != Verdict::Drop {
            direct.push((now - start, number_of(&sent)));
        }
    }
    released(bench, start + Duration::from_secs(2));
    direct.extend(left);
    direct.sort_by_key(|(at, _)| *at);
    direct
}

/// What is beyond the rate waits and leaves in its order, at the rate; what would wait for longer than allowed is dropped.
#[test]
fn packets_beyond_the_rate_wait_for_it() {
    for (origin, rate) in [(Origin::N3, 5_000_000), (Origin::N6, 50_000_000)] {
        let mut rules = plain();
        rules.qers.insert(QerId(1), Qer { mbr: both(rate), qfi: Some(9), ..Qer::default() });
        let mut bench = Bench::new(Config { shaping: Duration::from_millis(50), ..Config::new(N3.into()) });
        bench.install(Some(&rules), &[], false);
        let length = 1000;
        let left = shaped(&mut bench, origin, rate, length);
        assert!(left.windows(2).all(|two| two[0].1 < two[1].1), "none overtakes another");
        let within = |from: u64, to: u64| {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
            left.iter().filter(|(at, _)| (from..to).contains(at)).count() as u64 * length as u64 * 8
        };
        assert!(is_near(within(0, 1000), rate), "{} of {rate} in the first second", within(0, 1000));
        let half = within(500, 1000) * 2;
        assert!(is_near(half, rate), "{half} of {rate} once there is no credit");
        let last = left.last().expect("packets").0;
        assert!((Duration::from_millis(1040)..Duration::from_millis(1052)).contains(&last), "the last at {last:?}");
        let (sent, snapshot) = (left.len() as u64, bench.forwarder.counters().snapshot());
        assert_eq!(sent + snapshot.dropped(DropReason::Rate), 2 * rate / (length as u64 * 8));
        assert!(snapshot.shaped > 0 && snapshot.shaped < sent, "{} of {sent}", snapshot.shaped);
    }
}

/// Packets that wait for their rate are ahead of the End Marker that ends their tunnel (TS 23.502 4.9.1.2.2).
#[test]
fn an_end_marker_leaves_behind_the_packets_of_its_tunnel() {
    let rate = 1_000_000;
    let mut rules = plain();
    rules.qers.insert(QerId(1), Qer { mbr: both(rate), qfi: Some(9), ..Qer::default() });
    let mut bench = Bench::new(Config { shaping: Duration::from_millis(50), ..Config::new(N3.into()) });
    bench.install(Some(&rules), &[], false);
    let packet = udp(HOST, UE, (9, 9), 972);
    // 18 ms of the rate at once, 8 ms each after that.
    let passed = (0..6).filter(|_| bench.down(&packet).0 != Verdict::Drop).count();
    assert_eq!((passed, bench.dropped(DropReason::Rate)), (2, 0));
    bench.install(Some(&rules), &[RemoteTunnel { teid: GNB_TEID, address: GNB.into() }], false);
    assert!(bench.sent.is_empty(), "not before them");
    let end = bench.now + Duration::from_millis(100);
    while let Some(at) = bench.forwarder.poll_timeout().filter(|at| *at <= end) {
        bench.forwarder.handle_timeout(at);
        bench.sent.extend(bench.forwarder.take_outbox());
    }
    let kinds = bench.sent.iter().map(|frame| Datagram::parse(frame.packet()).expect("is GTP-U").message);
    let kinds: Vec<u8> = kinds.collect();
    assert_eq!(kinds, [[gtpu::message::G_PDU; 4].as_slice(), &[gtpu::message::END_MARKER]].concat());
}
