//! Ethernet and unstructured PDU sessions through the whole system (TS 23.501 5.6.10.2, 5.6.10.3).

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command as Program;
use std::time::Duration;

use aka::{K, Opc};
use nas::ie::{Dnn, PduSessionType};
use ran::ue::{Command, SessionRequest};
use ran::{Payloads, Ran, RanSetup, Subscriber, UeId};
use tests::{Core, plmn};
use tokio::net::UdpSocket;

const KEY: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
const OPC: &str = "E8ED289DEBA952E4283B54E88E6183CA";

/// The other end of unstructured sessions: the core's own address in another data network.
const PEER: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
const CONFIGURATION: &str = "
network:
  dnns:
    - {name: internet, ipv4: 10.45.0.0/16}
    - {name: lan, ethernet: {tap: test-lan}}
    - {name: sensors, ipv4: 10.47.0.0/16, unstructured: {peer: \"10.45.0.1:5000\"}}
";

/// What a subscriber has who has everything.
const ALL: &str = "1:internet|lan=ethernet|sensors=ipv4+unstructured";

/// The host behind the TAP device, and the stations behind the UEs.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 50, 0, 1);
const FIRST: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 50, 0, 11));
const SECOND: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 2], Ipv4Addr::new(10, 50, 0, 12));
const NOBODY: Mac = [0; 6];
const BROADCAST: Mac = [0xff; 6];

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

type Mac = [u8; 6];

/// An ARP message (RFC 826) in its frame: a question has operation 1, an answer 2.
fn arp(operation: u8, (mac, address): (Mac, Ipv4Addr), to: Mac, (whom, asked): (Mac, Ipv4Addr)) -> Vec<u8> {
    let fixed = [8, 6, 0, 1, 8, 0, 6, 4, 0, operation];
    let mut frame = [&to[..], &mac, &fixed, &mac, &address.octets(), &whom, &asked.octets()].concat();
    frame.resize(60, 0); // the least that Ethernet has
    frame
}

fn question(from: (Mac, Ipv4Addr), about: Ipv4Addr) -> Vec<u8> {
    arp(1, from, BROADCAST, (NOBODY, about))
}

/// Who answers a question, where this is the answer.
fn answered(frame: &[u8], asker: (Mac, Ipv4Addr), about: Ipv4Addr) -> Option<Mac> {
    let mac: Mac = frame.get(6..12)?.try_into().ok()?;
    let expected = arp(2, (mac, about), asker.0, asker);
    (frame.get(..42) == expected.get(..42)).then_some(mac)
}

/// The first payload that this makes something of; others pass by, such as what the system says on its device.
async fn wanted<T>(payloads: &mut Payloads, mut read: impl FnMut(&[u8]) -> Option<T>) -> T {
    let found = async {
        loop {
            let payload = payloads.receive().await.expect("nobody else takes them");
            if let Some(found) = read(&payload) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it comes")
}

/// Asks until it is answered: the first question may come before the system has brought its device up.
async fn resolve(payloads: &mut Payloads, asker: (Mac, Ipv4Addr), about: Ipv4Addr) -> Mac {
    for _ in 0..20 {
        payloads.send(&question(asker, about)).await.expect("sent");
        let answer = wanted(payloads, |frame| answered(frame, asker, about));
        if let Ok(mac) = tokio::time::timeout(Duration::from_secs(1), answer).await {
            return mac;
        }
    }
    panic!("nobody answers for {about}");
}

/// Runs `ip`.
fn ip(arguments: &[&str]) {
    let output = Program::new("ip").args(arguments).output().expect("started");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A core, and UEs that are registered and have a session each of what they ask for.
async fn attached(asked: &[(PduSessionType, &str)], slices: &str) -> (Core, Ran) {
    let core = Core::start(CONFIGURATION);
    let (k, opc) = (K::from_hex(KEY).expect("a key"), Opc::from_hex(OPC).expect("a key"));
    let subscribers = Subscriber::range("999700000200000", asked.len(), &k, &opc).expect("15 digits");
    let row = |s: &Subscriber| format!("imsi-{},{KEY},{OPC},{slices}\n", s.imsi);
    let rows: String = subscribers.iter().map(row).collect();
    let file = core.file("subscribers.csv", &format!("supi,k,opc,slices\n{rows}"));
    core.peregrine(&["subscriber", "import", &file]);
    let ran = Ran::start(&RanSetup::new(plmn()), &subscribers).await;
    let ran = ran.unwrap_or_else(|error| panic!("the gNB: {error}\n{}", core.log()));
    for (ue, (kind, dnn)) in ran.ues().zip(asked) {
        let request = SessionRequest { kind: *kind, dnn: Dnn::new(dnn), ..SessionRequest::usual(1) };
        for command in [Command::Register, Command::Establish(request)] {
            ran.run(ue, command).await.unwrap_or_else(|error| panic!("{error}\n{}", core.log()));
        }
    }
    (core, ran)
}

#[tokio::test]
async fn ues_of_an_ethernet_network_and_a_host_behind_its_device_reach_each_other() {
    let ethernet = (PduSessionType::Ethernet, "lan");
    let (core, ran) = attached(&[ethernet, ethernet], ALL).await;
    ip(&["address", "add", "10.50.0.1/24", "dev", "test-lan"]);
    let (mut first, mut second) = (ran.payloads(UeId(0), 1), ran.payloads(UeId(1), 1));

    let host = resolve(&mut first, FIRST, HOST).await;
    let mut ping = Vec::new();
    let builder = etherparse::PacketBuilder::ethernet2(FIRST.0, host);
    let builder = builder.ipv4(FIRST.1.octets(), HOST.octets(), 64).icmpv4_echo_request(7, 1);
    builder.write(&mut ping, b"a host behind the TAP device").expect("fits");
    first.send(&ping).await.expect("sent");
    let reply = wanted(&mut first, |frame| {
        // From the host to the station, an echo reply: type 0.
        let header = [&FIRST.0[..], &host, &[8, 0]].concat();
        (frame.starts_with(&header) && frame.get(34) == Some(&0)).then(|| frame.to_vec())
    });
    assert_eq!(reply.await.get(42..), ping.get(42..));

    // What one UE asks all, the other hears, and answers to that one alone.
    let asked = question(FIRST, SECOND.1);
    first.send(&asked).await.expect("sent");
    wanted(&mut second, |frame| (frame == asked).then_some(())).await;
    second.send(&arp(2, SECOND, FIRST.0, FIRST)).await.expect("sent");
    assert_eq!(wanted(&mut first, |frame| answered(frame, FIRST, SECOND.1)).await, SECOND.0);

    // A UE that is idle is paged for a frame, and gets it and those behind it in order.
    ran.make_idle(UeId(1));
    let idle = async {
        while ran.has_session(UeId(1), 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.expect("its tunnel is released");
    let numbered = |number: u8| [&SECOND.0[..], &FIRST.0, &[0x88, 0xb5, number]].concat();
    let number_of = |frame: &[u8]| frame.strip_prefix(&numbered(0)[..14])?.first().copied();
    // Until the UPF is told (23.502 4.2.6 steps 5 to 7), frames still go where nobody is any more.
    let mut sent = 0;
    let begins = loop {
        assert!(sent < 250, "it is not paged");
        first.send(&numbered(sent)).await.expect("sent");
        sent += 1;
        let came = tokio::time::timeout(Duration::from_millis(80), wanted(&mut second, number_of)).await;
        if let Ok(number) = came {
            break number;
        }
    };
    for number in begins + 1..sent {
        assert_eq!(wanted(&mut second, number_of).await, number, "after {begins}");
    }

    for ue in ran.ues() {
        ran.run(ue, Command::Release(1)).await.unwrap_or_else(|error| panic!("{error}\n{}", core.log()));
    }
    assert_eq!(core.status()["upf"]["sessions"], 0);
}

#[tokio::test]
async fn an_unstructured_session_exchanges_datagrams_with_its_peer() {
    let (core, ran) =
        attached(&[(PduSessionType::Unstructured, "sensors"), (PduSessionType::Ipv4, "sensors")], ALL).await;
    let peer = UdpSocket::bind(SocketAddr::from((PEER, 5000))).await.expect("the core's device has the address");
    let mut payloads = ran.payloads(UeId(0), 1);
    assert!(ran.addresses(UeId(0), 1).is_empty(), "its end of the tunnel is none of the UE's");
    for number in 0..3u8 {
        payloads.send(&[0x45, number]).await.expect("sent");
        let mut room = [0; 100];
        let received = tokio::time::timeout(PATIENCE, peer.recv_from(&mut room)).await.expect("it comes");
        let (length, from) = received.expect("received");
        assert_eq!((&room[..length], from.port()), (&[0x45, number][..], 5000));
        peer.send_to(&[number; 5], from).await.expect("sent");
        assert_eq!(wanted(&mut payloads, |payload| Some(payload.to_vec())).await, [number; 5]);
    }
    // Sessions of IP are in the same network as ever.
    let pinged = ran.ping(UeId(1), 1, PEER.into(), PATIENCE).await;
    assert!(pinged.is_ok(), "{pinged:?}\n{}", core.log());
}

#[tokio::test]
async fn a_type_that_is_not_subscribed_is_refused() {
    let (_core, ran) = attached(&[(PduSessionType::Ipv4, "internet")], "1:internet|lan=ipv4").await;
    let request = SessionRequest { kind: PduSessionType::Ethernet, dnn: Dnn::new("lan"), ..SessionRequest::usual(2) };
    let refused = ran.run(UeId(0), Command::Establish(request)).await.expect_err("refused");
    assert!(refused.to_string().contains("28"), "unknown PDU session type: {refused}");
}
