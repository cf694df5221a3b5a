//! Sessions with IPv6: the UPF as the router on the UE's link, and what does not fit the tunnel.

mod support;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use dataplane::{Config, DropReason, Subnet, Verdict};
use etherparse::{Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TcpOptionElement, TransportSlice};
use gtpu::{Datagram, PduSession, Qfi};
use rules::{Action, FarId};
use support::*;

const PREFIX: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 0, 0, 0, 0);
const UE6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 0xabcd, 0, 0, 9);
const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 0, 0, 0, 0, 1);
const MTU: u16 = 1400;

/// As [`plain`], of a UE that has a prefix besides its address.
fn dual() -> rules::Session {
    let mut rules = plain();
    rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.ue.push(PREFIX.into()));
    rules
}

fn config() -> Config {
    let v4 = Subnet { network: [10, 45, 0, 0].into(), prefix: 16, gateway: [10, 45, 0, 1].into(), mtu: MTU };
    let v6 = Subnet { network: GATEWAY6.into(), prefix: 48, gateway: GATEWAY6.into(), mtu: MTU };
    Config { subnets: vec![v4, v6], ..Config::new(N3.into()) }
}

fn bench() -> Bench {
    let mut bench = Bench::new(config());
    bench.install(Some(&dual()), &[], false);
    bench
}

fn udp6(from: Ipv6Addr, to: Ipv6Addr, length: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv6(from.octets(), to.octets(), 64).udp(1, 2);
    builder.write(&mut packet, &vec![7; length]).expect("a packet");
    packet
}

fn icmp6(from: Ipv6Addr, to: Ipv6Addr, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv6(from.octets(), to.octets(), 255);
    let kind = Icmpv6Type::Unknown { type_u8: kind, code_u8: 0, bytes5to8: [0; 4] };
    builder.icmpv6(kind).write(&mut packet, rest).expect("a packet");
    packet
}

fn solicitation(from: Ipv6Addr) -> Vec<u8> {
    icmp6(from, ALL_ROUTERS, 133, &[])
}

/// The addressee of a Router Advertisement in the UE's tunnel, which must be one.
fn advertised(sent: &[u8]) -> Ipv6Addr {
    let datagram = Datagram::parse(sent).expect("is GTP-U");
    assert_eq!(datagram.teid, GNB_TEID);
    assert_eq!(datagram.pdu_session, Some(PduSession::Downlink { qfi: Qfi::new(9), rqi: false }));
    let sliced = SlicedPacket::from_ip(datagram.payload).expect("IPv6");
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (&sliced.net, &sliced.transport) else {
        panic!("{sliced:?}");
    };
    let to = ip.header().destination_addr();
    assert!(icmp.is_checksum_valid(ROUTER.octets(), to.octets()));
    assert_eq!((icmp.type_u8(), ip.header().source_addr()), (134, ROUTER));
    assert_eq!((&datagram.payload[72..88], &datagram.payload[94..]), (&PREFIX.octets()[..], &MTU.to_be_bytes()[..]));
    to
}

#[test]
fn a_solicitation_is_answered_in_the_ues_tunnel() {
    let mut bench = bench();
    let (verdict, sent) = bench.up(&up(&solicitation(LINK_LOCAL)));
    assert_eq!((verdict, advertised(&sent)), (Verdict::ToN3(gnb()), LINK_LOCAL));
    let (verdict, sent) = bench.up(&up(&solicitation(Ipv6Addr::UNSPECIFIED)));
    assert_eq!((verdict, advertised(&sent)), (Verdict::ToN3(gnb()), ALL_NODES));
    let (verdict, sent) = bench.up(&up(&solicitation(UE6)));
    assert_eq!((verdict, advertised(&sent)), (Verdict::ToN3(gnb()), UE6));
    assert_eq!(bench.forwarder.counters().snapshot().router_advertisements, 3);
    let answered = (0..1000).filter(|_| bench.up(&up(&solicitation(LINK_LOCAL))).0 != Verdict::Drop).count();
    assert_eq!(answered, 7, "ten in a second in all");
    assert_eq!(bench.dropped(DropReason::LinkLocal), 993);
}

#[test]
fn a_ue_that_looks_whether_its_router_is_there_is_told() {
    let mut bench = bench();
    let question = icmp6(LINK_LOCAL, ROUTER, 135, &ROUTER.octets());
    let (verdict, sent) = bench.up(&up(&question));
    let payload = Datagram::parse(&sent).expect("is GTP-U").payload;
    assert_eq!((verdict, payload[40], &payload[24..40]), (Verdict::ToN3(gnb()), 136, &LINK_LOCAL.octets()[..]));
}

#[test]
fn a_ue_is_told_of_its_router_as_soon_as_it_can_be_reached() {
    let mut rules = dual();
    rules.fars.get_mut(&FarId(2)).expect("there").action = Action::BUFFER;
    let mut bench = Bench::new(config());
    bench.install(Some(&rules), &[], false);
    assert_eq!(bench.forwarder.poll_timeout(), None, "not while it is idle");
    bench.install(Some(&dual()), &[], false);
    for _ in 0..3 {
        let due = bench.forwarder.poll_timeout().expect("an advertisement is due");
        bench.now = bench.now.max(due);
        bench.forwarder.handle_timeout(bench.now);
        let outbox = bench.forwarder.take_outbox();
        assert_eq!(outbox.len(), 1);
        assert_eq!((outbox[0].verdict, advertised(outbox[0].packet())), (Verdict::ToN3(gnb()), ALL_NODES));
        let next = bench.forwarder.poll_timeout().expect("another");
        assert!(next - bench.now >= Duration::from_secs(3600), "hours later");
        // A change of the session is no reason to say it again.
        bench.install(Some(&dual()), &[], false);
        assert_eq!(bench.forwarder.poll_timeout(), Some(next));
    }
    assert!(bench.sent.is_empty() && bench.events().is_empty());
    // Idle, it asks on its way back, before the tunnel is there.
    bench.install(Some(&rules), &[], false);
    assert_eq!(bench.up(&up(&solicitation(LINK_LOCAL))).0, Verdict::Drop);
    bench.install(Some(&dual()), &[], false);
    assert_eq!(bench.forwarder.poll_timeout(), Some(bench.now));
}

#[test]
fn packets_of_ipv6_pass_by_the_prefix() {
    let mut bench = bench();
    let packet = udp6(UE6, HOST6, 100);
    assert_eq!(bench.up(&up(&packet)), (Verdict::ToN6, packet));
    let packet = udp6(HOST6, UE6, 100);
    let (verdict, sent) = bench.down(&packet);
    assert_eq!(verdict, Verdict::ToN3(gnb()));
    assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, packet);
    let other = udp(HOST, UE, (1, 2), 10);
    assert_eq!(bench.down(&other).0, Verdict::ToN3(gnb()), "IPv4 as well");
}

#[test]
fn what_is_of_the_link_or_of_another_goes_nowhere() {
    let mut bench = bench();
    let listener_report = icmp6(LINK_LOCAL, "ff02::16".parse().expect("an address"), 143, &[0; 20]);
    let duplicate = icmp6(Ipv6Addr::UNSPECIFIED, "ff02::1:ff00:9".parse().expect("an address"), 135, &UE6.octets());
    for packet in
        [udp6(LINK_LOCAL, HOST6, 10), udp6(UE6, ROUTER, 10), udp6(UE6, ALL_NODES, 10), listener_report, duplicate]
    {
        assert_eq!(bench.up(&up(&packet)).0, Verdict::Drop);
    }
    assert_eq!(bench.dropped(DropReason::LinkLocal), 5);
    assert_eq!(bench.up(&up(&udp6(HOST6, UE6, 10))).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Spoofed), 1);
    // Nobody beyond speaks for the UE's router.
    assert_eq!(bench.down(&icmp6(ROUTER, UE6, 134, &[0; 12])).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::LinkLocal), 6);
    // A session without IPv6 has no such link.
    bench.install(Some(&plain()), &[], false);
    assert_eq!(bench.up(&up(&solicitation(LINK_LOCAL))).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Spoofed), 2);
}

#[test]
fn the_sender_of_what_does_not_fit_is_told() {
    let mut bench = bench();
    let (verdict, told) = bench.down(&udp6(HOST6, UE6, 1353));
    assert_eq!(verdict, Verdict::ToN6);
    let inner = SlicedPacket::from_ip(&told).expect("IPv6");
    let Some(NetSlice::Ipv6(ip)) = &inner.net else { panic!("{inner:?}") };
    assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (GATEWAY6, HOST6));
    assert_eq!(told[40..48], [2, 0, told[42], told[43], 0, 0, 5, 120]);

    let mut long = udp(HOST, UE, (1, 2), 1373);
    long[6] = 0x40;
    let (verdict, told) = bench.down(&long);
    assert_eq!(
        (verdict, &told[12..20], &told[20..22]),
        (Verdict::ToN6, &[10, 45, 0, 1, 192, 0, 2, 1][..], &[3, 4][..])
    );
    assert_eq!(bench.dropped(DropReason::TooBig), 2);
    long[6] = 0;
    assert_eq!(bench.down(&long).0, Verdict::ToN3(gnb()), "it may be cut on its way");
    assert_eq!(bench.down(&udp6(HOST6, UE6, 1352)).0, Verdict::ToN3(gnb()), "it fits");
    let answered = (0..1000).filter(|_| bench.down(&udp6(HOST6, UE6, 1353)).0 == Verdict::ToN6).count();
    assert_eq!((answered, bench.dropped(DropReason::TooBig)), (98, 1002));
}

#[test]
fn connections_agree_on_segments_that_fit() {
    let mut bench = bench();
    let syn = |from: IpAddr, to: IpAddr| {
        let builder = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
            (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
            _ => panic!("one version"),
        };
        let builder = builder.tcp(1000, 80, 7, 1024).syn().options(&[TcpOptionElement::MaximumSegmentSize(1460)]);
        let mut packet = Vec::new();
        builder.expect("it fits").write(&mut packet, &[]).expect("a packet");
        packet
    };
    let mss = |packet: &[u8]| {
        let sliced = SlicedPacket::from_ip(packet).expect("IP");
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("no TCP") };
        u16::from_be_bytes([tcp.options()[2], tcp.options()[3]])
    };
    for (ue, host, most) in [(IpAddr::from(UE), IpAddr::from(HOST), 1360), (UE6.into(), HOST6.into(), 1340)] {
        assert_eq!(mss(&bench.up(&up(&syn(ue, host))).1), most);
        let (_, sent) = bench.down(&syn(host, ue));
        assert_eq!(mss(Datagram::parse(&sent).expect("is GTP-U").payload), most);
    }
}
