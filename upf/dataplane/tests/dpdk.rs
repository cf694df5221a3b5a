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
fn buffers_come_back() {
    in_namespaces(OF_A_USER, "within_a_namespace");
}

fn link(device: &str, tap: &str, address: Ipv4Addr) -> DpdkLink {
    let addresses = vec![TunAddress { address: address.into(), prefix: 24 }];
    DpdkLink { device: device.into(), tap: tap.into(), addresses }
}

fn config() -> DpdkConfig {
    let eal =
        "--no-huge -m 256 --no-shconf --no-pci --no-telemetry -l 0 --log-level=error --vdev=net_null0 --vdev=net_ring0";
    DpdkConfig {
        eal: eal.split_whitespace().map(str::to_owned).collect(),
        n3: (N3, gtpu::PORT).into(),
        n3_link: link("net_null0", "n3-system", N3),
        n6_link: Some(link("net_ring0", "n6-system", Ipv4Addr::new(10, 46, 0, 1))),
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

/// What is sent on N6 comes back there: the next hop is said to have our own address.
fn be_the_next_hop() {
    let told = ip("-br link show dev n6-system").expect("it is there");
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
    let mut ports = Dpdk::open(&config(), 1).expect("opens");
    let again = Dpdk::open(&config(), 1).err().expect("once in a process").to_string();
    assert!(again.contains("started before"), "{again}");
    let mut port = ports.remove(0);
    be_the_next_hop();
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
