//! Unstructured sessions: whatever a UE sends, in UDP on N6 and back.

mod support;

use std::net::{IpAddr, SocketAddr};

use dataplane::{DropReason, Verdict};
use gtpu::Datagram;
use rules::{Action, FarId, Kind};
use support::{Bench, GNB_TEID, HOST, UE, plain, udp, up};

const PORT: u16 = 5000;

fn session() -> rules::Session {
    let mut session = plain();
    session.kind = Kind::Unstructured(SocketAddr::from((HOST, PORT)));
    session
}

/// What the UE gets.
fn got(packet: &[u8]) -> Vec<u8> {
    let datagram = Datagram::parse(packet).expect("GTP-U");
    assert_eq!(datagram.teid, GNB_TEID);
    datagram.payload.to_vec()
}

#[test]
fn a_payload_goes_into_the_tunnel_and_out_of_it_as_it_is() {
    let mut bench = Bench::with(&session());
    for payload in [&b"no IP packet"[..], b"", &[0x45; 60]] {
        let (verdict, packet) = bench.up(&up(payload));
        assert_eq!(verdict, Verdict::ToN6);
        let read = etherparse::SlicedPacket::from_ip(&packet).expect("IP");
        let Some(etherparse::TransportSlice::Udp(datagram)) = read.transport else { panic!("no UDP") };
        let Some(etherparse::NetSlice::Ipv4(ip)) = read.net else { panic!("no IPv4") };
        assert_eq!((ip.header().source_addr(), ip.header().destination_addr()), (UE, HOST));
        assert_eq!((datagram.source_port(), datagram.destination_port(), datagram.payload()), (PORT, PORT, payload));
    }
    let (verdict, packet) = bench.down(&udp(HOST, UE, (PORT, PORT), 11));
    assert!(matches!(verdict, Verdict::ToN3(_)));
    assert_eq!(got(&packet), [7; 11]);
    let reports = bench.install(Some(&session()), &[], false);
    assert_eq!((reports[0].octets, reports[0].packets), ([72, 11], [3, 1]), "of payloads alone");
}

#[test]
fn others_do_not_reach_the_ue_through_it() {
    let mut bench = Bench::with(&session());
    let other = [192, 0, 2, 77].into();
    for (from, ports) in [(other, (PORT, PORT)), (HOST, (PORT + 1, PORT)), (HOST, (PORT, PORT + 1))] {
        assert_eq!(bench.down(&udp(from, UE, ports, 11)).0, Verdict::Drop);
    }
    let mut fragment = udp(HOST, UE, (PORT, PORT), 11);
    fragment[6] |= 0x20;
    assert_eq!(bench.down(&fragment).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::Spoofed), 4);
}

#[test]
fn payloads_wait_for_the_ue() {
    let mut bench = Bench::with(&session());
    let mut idle = session();
    idle.fars.get_mut(&FarId(2)).expect("downlink").action = Action::BUFFER;
    bench.install(Some(&idle), &[], false);
    for length in 1..4 {
        assert_eq!(bench.down(&udp(HOST, UE, (PORT, PORT), length)).0, Verdict::Drop);
    }
    bench.install(Some(&session()), &[], false);
    let sent: Vec<Vec<u8>> = bench.sent.iter().map(|frame| got(frame.packet())).collect();
    assert_eq!(sent, [vec![7; 1], vec![7; 2], vec![7; 3]]);
}

#[test]
fn it_is_ipv6_where_the_peer_is() {
    let own: IpAddr = "fd00:10:47:1::".parse().expect("an address");
    let peer: SocketAddr = "[2001:db8::9]:5000".parse().expect("an address");
    let mut rules = session();
    rules.kind = Kind::Unstructured(peer);
    rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.ue = vec![own]);
    let mut bench = Bench::with(&rules);
    let (verdict, packet) = bench.up(&up(b"anything"));
    assert_eq!(verdict, Verdict::ToN6);
    let Ok(etherparse::SlicedPacket { net: Some(etherparse::NetSlice::Ipv6(ip)), .. }) =
        etherparse::SlicedPacket::from_ip(&packet)
    else {
        panic!("no IPv6")
    };
    assert_eq!(
        (IpAddr::from(ip.header().source_addr()), IpAddr::from(ip.header().destination_addr())),
        (own, peer.ip())
    );
    let (IpAddr::V6(from), IpAddr::V6(to)) = (peer.ip(), own) else { panic!("IPv6") };
    let mut answer = Vec::new();
    let builder = etherparse::PacketBuilder::ipv6(from.octets(), to.octets(), 64).udp(PORT, PORT);
    builder.write(&mut answer, b"back").expect("fits");
    let (_, packet) = bench.down(&answer);
    assert_eq!(got(&packet), b"back");
}
