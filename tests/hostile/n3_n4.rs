//! Datagrams from whoever reaches N3 and N4: sessions of others are not touched, nothing ends, nothing grows.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use fuzz::Mutator;
use tests::World;

const UPF_N4: SocketAddr = address(7, 8805);
const SMF_N4: SocketAddr = address(4, 8805);
const UPF_N3: SocketAddr = address(7, 2152);

const fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port)
}

/// A stranger's socket.
fn stranger(number: u8, port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 2, number), port)).expect("an address of ours");
    socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a time");
    socket
}

/// One of the strangers is an SMF that may have an association.
const CONFIGURATION: &str = "upf: {n4: {allow: [127.0.0.4, 127.0.2.2]}}\n";

/// Sends; what a full receive buffer loses is lost.
fn send(socket: &UdpSocket, to: SocketAddr, octets: &[u8]) {
    socket.send_to(octets, to).expect("loopback takes it");
}

/// The next datagram of this type of message (the second octet, in PFCP and GTP-U alike), if one comes in time.
fn try_receive(socket: &UdpSocket, kind: u8) -> Option<Vec<u8>> {
    let mut octets = [0; 2048];
    loop {
        let length = socket.recv(&mut octets).ok()?;
        if octets[1] == kind {
            return Some(octets[..length].to_vec());
        }
    }
}

fn receive(socket: &UdpSocket, kind: u8) -> Vec<u8> {
    try_receive(socket, kind).unwrap_or_else(|| panic!("no message of type {kind}"))
}

/// Waits until the UPF has read what was sent before: a full receive buffer loses questions too.
fn drained(socket: &UdpSocket) {
    let heartbeat = pfcp(1, None, 9000, &[0, 96, 0, 4, 0xe0, 0, 0, 1]);
    let mut octets = [0; 2048];
    let answered = (0..10).any(|_| {
        send(socket, UPF_N4, &heartbeat);
        socket.recv(&mut octets).is_ok() && octets[1] == 2
    });
    assert!(answered, "the UPF does not answer heartbeats");
}

/// A PFCP message of a node: `kind`, a number, elements.
fn pfcp(kind: u8, seid: Option<u64>, number: u32, elements: &[u8]) -> Vec<u8> {
    let rest = [seid.map(|seid| seid.to_be_bytes().to_vec()).unwrap_or_default(), (number << 8).to_be_bytes().to_vec()];
    let rest = [rest.concat(), elements.to_vec()].concat();
    let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
    [&[0x20 | u8::from(seid.is_some()), kind][..], &length, &rest].concat()
}

/// Node ID and recovery time stamp of a stranger.
fn introduction(number: u8) -> Vec<u8> {
    [&[0, 60, 0, 5, 0, 127, 0, 2, number][..], &[0, 96, 0, 4, 0xe0, 0, 0, 1]].concat()
}

fn mutated_pfcp() {
    let seeds = (fuzz::target("pfcp").expect("a target").seeds)();
    let socket = stranger(1, 0);
    for number in 0..4000 {
        let input = Mutator::new(number).input(&seeds);
        send(&socket, if number % 2 == 0 { UPF_N4 } else { SMF_N4 }, &input);
    }
}

/// A stranger with an association of its own tries everybody's sessions.
fn foreign_sessions() {
    let socket = stranger(2, 8805);
    send(&socket, UPF_N4, &pfcp(5, None, 1, &introduction(2)));
    let answer = receive(&socket, 6);
    assert!(answer.windows(5).any(|element| element == [0, 19, 0, 1, 1]), "the association is accepted");
    for seid in 0..300 {
        let deletion = u32::try_from(seid).expect("small") * 2 + 10;
        send(&socket, UPF_N4, &pfcp(54, Some(seid), deletion, &[]));
        let refused = receive(&socket, 55);
        assert!(
            !refused.windows(5).any(|element| element == [0, 19, 0, 1, 1]),
            "session {seid} was not the stranger's"
        );
        send(&socket, UPF_N4, &pfcp(52, Some(seid), deletion + 1, &[0, 15, 0, 6, 0, 56, 0, 2, 0, 1]));
        receive(&socket, 53);
    }
    // One establishment of thousands of rules that are cut, and the same again.
    let rules = [0, 3, 0, 8, 0, 108, 0, 4, 0, 0, 0, 1].repeat(4000);
    let f_seid = [0, 57, 0, 13, 2, 0, 0, 0, 0, 0, 0, 0, 1, 127, 0, 2, 2];
    let elements = [&introduction(2)[..9], &f_seid, &rules].concat();
    for number in 5000..5003 {
        send(&socket, UPF_N4, &pfcp(50, Some(0), number, &elements));
        receive(&socket, 51);
    }
    send(&socket, UPF_N4, &pfcp(9, None, 6000, &introduction(2)[..9]));
    receive(&socket, 10);
}

fn associations_without_number() {
    for number in 3..250 {
        let socket = stranger(number, 0);
        send(&socket, UPF_N4, &pfcp(5, None, 1, &introduction(number)));
        let answer = receive(&socket, 6);
        assert!(
            answer.windows(5).any(|element| element == [0, 19, 0, 1, 64]),
            "request rejected: it is not an SMF of ours"
        );
        // Time goes backwards, then forwards: that node has started again.
        send(&socket, UPF_N4, &pfcp(1, None, 2, &[0, 96, 0, 4, 0, 0, 0, 1]));
        receive(&socket, 2);
        send(&socket, UPF_N4, &pfcp(9, None, 3, &introduction(number)[..9]));
        receive(&socket, 10);
    }
}

fn responses_nobody_waits_for() {
    let socket = stranger(1, 0);
    for number in 0..2000 {
        send(&socket, SMF_N4, &pfcp(6, None, number, &[&introduction(1)[..], &[0, 19, 0, 1, 64]].concat()));
        send(&socket, SMF_N4, &pfcp(55, Some(u64::from(number)), number, &[0, 19, 0, 1, 72]));
        send(&socket, UPF_N4, &pfcp(57, Some(u64::from(number)), number, &[0, 19, 0, 1, 65]));
    }
    // Another version, and a request of a type that nobody knows.
    drained(&socket);
    send(&socket, UPF_N4, &[0x40, 1, 0, 4, 0, 0, 1, 0]);
    receive(&socket, 11);
    send(&socket, UPF_N4, &pfcp(200, None, 1, &[]));
}

fn mutated_gtpu() {
    let seeds = (fuzz::target("gtpu").expect("a target").seeds)();
    let socket = stranger(1, 0);
    for number in 0..5000 {
        send(&socket, UPF_N3, &Mutator::new(number).input(&seeds));
    }
}

fn unknown_tunnels_and_echoes() {
    // One who asks and does not listen, and one who does.
    let (deaf, socket) = (stranger(2, 2152), stranger(1, 2152));
    for number in 0..2000_u16 {
        let [high, low] = number.to_be_bytes();
        send(&deaf, UPF_N3, &[0x32, 1, 0, 4, 0, 0, 0, 0, high, low, 0, 0]);
    }
    send(&socket, UPF_N3, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]);
    receive(&socket, 2);
    // In its first seconds the UPF says nothing of tunnels that it may only not know again yet: then it is asked again.
    let indicated = (0..4).any(|_| {
        for teid in [0, 0xdead_beef_u32, u32::MAX] {
            send(&socket, UPF_N3, &g_pdu(teid, Ipv4Addr::new(10, 45, 0, 2)));
        }
        try_receive(&socket, 26).is_some()
    });
    assert!(indicated, "no Error Indication");
    // An extension header that must be understood and is not.
    send(&socket, UPF_N3, &[0x34, 255, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0xfe, 1, 0, 0, 0]);
    receive(&socket, 31);
}

/// A packet from `source`, in a tunnel.
fn g_pdu(teid: u32, source: Ipv4Addr) -> Vec<u8> {
    let inner = [&[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0][..], &source.octets(), &[10, 45, 0, 1]].concat();
    let header = [&[0x34, 255, 0, 28][..], &teid.to_be_bytes(), &[0, 0, 0, 0x85, 1, 0x10, 1, 0]].concat();
    [header, inner].concat()
}

/// Packets in other people's tunnels from addresses that are not theirs, and word that those tunnels are gone.
fn forged_packets() {
    let socket = stranger(1, 2152);
    for teid in 0..2000 {
        send(&socket, UPF_N3, &g_pdu(teid, Ipv4Addr::new(192, 0, 2, 1)));
        let element = [&[16][..], &teid.to_be_bytes(), &[133, 0, 4, 127, 0, 0, 1]].concat();
        send(&socket, UPF_N3, &[&[0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0][..], &element].concat());
        send(&socket, UPF_N3, &[&[0x30, 254, 0, 0][..], &teid.to_be_bytes()].concat());
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        #[test]
        fn nobody_is_harmed() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut world = World::start_with(CONFIGURATION).await;
                let only = std::env::var("CASE").ok();
                $(if only.as_deref().is_none_or(|only| only == stringify!($case)) {
                    $case();
                    world.unharmed(stringify!($case)).await;
                })*
            });
        }
    };
}

cases! {
    mutated_pfcp foreign_sessions associations_without_number responses_nobody_waits_for
    mutated_gtpu unknown_tunnels_and_echoes forged_packets
}
