//! Devices of DPDK that need no network: one that gives back what it is sent, one that has always something.
#![cfg(feature = "dpdk")]

#[path = "support/namespace.rs"]
mod namespace;

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use dataplane::{Dpdk, DpdkConfig, DpdkLink, Frame, NextHops, Origin, Port, TunAddress, Verdict};
use namespace::{OF_A_USER, in_namespaces};

const N3: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 46, 0, 2);
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn packets_pass_through_memory() {
    in_namespaces(OF_A_USER, "two_ends_of_a_memory");
}

#[test]
fn buffers_come_back() {
    in_namespaces(OF_A_USER, "within_a_namespace");
}

fn link(device: &str, tap: &str, address: Ipv4Addr) -> DpdkLink {
    let addresses = vec![TunAddress { address: address.into(), prefix: 24 }];
    DpdkLink { device: device.into(), tap: tap.into(), addresses }
}

/// Of these devices for N3 and N6, each with its arguments.
fn config(n3: (&str, &str), n6: (&str, &str)) -> DpdkConfig {
    let eal = format!(
        "--no-huge -m 256 --no-shconf --no-pci --no-telemetry -l 0 --log-level=error --vdev={}{} --vdev={}{}",
        n3.0, n3.1, n6.0, n6.1
    );
    DpdkConfig {
        eal: eal.split_whitespace().map(str::to_owned).collect(),
        n3: (N3, gtpu::PORT).into(),
        n3_link: link(n3.0, "n3-system", N3),
        n6_link: Some(link(n6.0, "n6-system", Ipv4Addr::new(10, 46, 0, 1))),
        n6_next_hops: NextHops { ipv4: Some(HOST), ipv6: None },
        ues: vec![(Ipv4Addr::new(10, 45, 0, 0).into(), 16)],
        mtu: 1500,
        nap: Duration::ZERO,
    }
}

/// What `ip` says.
fn ip(arguments: &str) -> Option<String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What is sent on N6 comes to where this device of ours is: the next hop is said to have its address.
fn be_the_next_hop(device: &str) {
    let told = ip(&format!("-br link show dev {device}")).expect("it is there");
    let own = told.split_whitespace().nth(2).expect("an address");
    ip(&format!("neigh replace {HOST} lladdr {own} dev n6-system")).expect("set");
}

fn packet(number: u32) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ipv4(HOST.octets(), UE.octets(), 64).udp(1, 2);
    let mut packet = Vec::new();
    builder.write(&mut packet, &number.to_be_bytes()).expect("fits");
    packet
}

#[test]
#[ignore = "run by buffers_come_back, in a namespace"]
fn within_a_namespace() {
    let config = config(("net_null0", ""), ("net_ring0", ""));
    let mut ports = Dpdk::open(&config, 1).expect("opens");
    let again = Dpdk::open(&config, 1).err().expect("once in a process").to_string();
    assert!(again.contains("started before"), "{again}");
    let mut port = ports.remove(0);
    be_the_next_hop("n6-system");
    let nobody = ([0, 0, 0, 0], 0).into();
    let mut sent: Vec<Frame> = (0..64).map(|number| Frame::holding(&packet(number), Origin::N3, nobody)).collect();
    let mut received: Vec<Frame> = (0..64).map(|_| Frame::new(2048)).collect();
    sent.iter_mut().for_each(|frame| frame.verdict = Verdict::ToN6);
    let begun = Instant::now();
    while port.send(&sent) > 0 {
        // What the other device always has is none of ours, and goes to the system.
        assert_eq!(port.receive(&mut received), 0, "nothing is sent before the next hop is known");
        assert!(begun.elapsed() < PATIENCE, "the next hop is known");
    }
    let mut expected = 0..;
    let mut most = 0;
    for _ in 0..2000 {
        let mut left = 64;
        while left > 0 {
            let count = port.receive(&mut received);
            assert!(count <= left && begun.elapsed() < PATIENCE, "what is sent comes, and nothing else");
            left -= count;
            for frame in &received[..count] {
                assert_eq!((frame.origin, frame.packet()), (Origin::N6, &*packet(expected.next().unwrap_or(0) % 64)));
            }
        }
        most = most.max(port.buffers_in_use());
        assert_eq!(port.send(&sent), 0);
    }
    // Those to write into, a burst of each device, and what the system sends.
    assert!(most <= 256, "{most} buffers are kept");
    // A frame longer than a buffer is refused, and costs none.
    let mut long = Frame::holding(&[0x45; 4000], Origin::N3, nobody);
    long.verdict = Verdict::ToN6;
    assert_eq!(port.send(&[long]), 1);
    drop(port);
    assert_eq!(ip("-br link show dev n6-system"), None, "the system's devices go with the port");
}

/// What is sent on N6, the one end of a memory interface, comes on N3, the other: G-PDUs that a data network sends to our N3.
#[test]
#[ignore = "run by packets_pass_through_memory, in a namespace"]
fn two_ends_of_a_memory() {
    let socket = format!("id=0,socket=peregrine-test-{}", std::process::id());
    let (server, client) = (format!(",role=server,{socket}"), format!(",role=client,{socket}"));
    let config = config(("net_memif0", &server), ("net_memif1", &client));
    let mut port = Dpdk::open(&config, 1).expect("opens").remove(0);
    be_the_next_hop("n3-system");
    let nobody = ([0, 0, 0, 0], 0).into();
    let g_pdu = |number: u32| {
        let header = gtpu::Encapsulation { teid: 7, pdu_session: None };
        let inner = packet(number);
        let mut octets = vec![0; gtpu::HEADROOM];
        let written = header.write(&mut octets, inner.len()).expect("short");
        octets.drain(..gtpu::HEADROOM - written);
        [octets, inner].concat()
    };
    let outer = |number: u32| {
        let builder = etherparse::PacketBuilder::ipv4(HOST.octets(), N3.octets(), 64).udp(gtpu::PORT, gtpu::PORT);
        let mut octets = Vec::new();
        builder.write(&mut octets, &g_pdu(number)).expect("fits");
        octets
    };
    let mut received: Vec<Frame> = (0..64).map(|_| Frame::new(2048)).collect();
    let (mut sent, mut expected, mut count, begun) = (0, 0, 0, Instant::now());
    while count < 20_000 {
        assert!(begun.elapsed() < PATIENCE, "{count} of {sent} came");
        let mut frame = Frame::holding(&outer(sent), Origin::N3, nobody);
        frame.verdict = Verdict::ToN6;
        // Until both ends know each other, and the next hop is known, nothing leaves.
        sent += u32::from(port.send(&[frame]) == 0);
        let came = port.receive(&mut received);
        for frame in &received[..came] {
            let number = frame.packet().last_chunk().map_or(0, |octets| u32::from_be_bytes(*octets));
            assert!(number >= expected, "{number} after {expected}");
            assert_eq!((frame.origin, frame.packet()), (Origin::N3, &*g_pdu(number)));
            (expected, count) = (number + 1, count + 1);
        }
    }
}
