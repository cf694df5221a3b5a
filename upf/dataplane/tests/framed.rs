//! Networks behind a UE (TS 29.244 5.16): their packets are the session's, up and down.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use dataplane::{Bucket, Command, Config, DropReason, Subnet, Verdict};
use gtpu::Datagram;
use ipnet::IpNet;
use rules::{FarId, Pdr, PdrId};
use support::*;

const BEHIND: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);
const BESIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 101, 1);

fn network() -> IpNet {
    "198.51.100.0/24".parse().expect("a network")
}

/// A plain session with a network behind its UE.
fn framed() -> rules::Session {
    let mut session = plain();
    session.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.framed = vec![network()]);
    session
}

fn bench(session: &rules::Session) -> Bench {
    let subnet = Subnet { network: [10, 45, 0, 0].into(), prefix: 16, gateway: [10, 45, 0, 1].into(), mtu: 1400 };
    let mut bench = Bench::new(Config { subnets: vec![subnet], ..Config::new(N3.into()) });
    bench.install(Some(session), &[], false);
    let to = Some((Bucket::of_address(UE.into()), IpAddr::from(UE)));
    bench.forwarder.command(bench.now, Command::Route { network: network(), to });
    bench
}

#[test]
fn packets_of_what_is_behind_the_ue_pass_and_those_beside_do_not() {
    let mut bench = bench(&framed());
    for ue in [UE, BEHIND] {
        let packet = udp(ue, HOST, (1, 2), 10);
        assert_eq!(bench.up(&up(&packet)), (Verdict::ToN6, packet));
        let packet = udp(HOST, ue, (2, 1), 10);
        let (verdict, sent) = bench.down(&packet);
        assert_eq!(verdict, Verdict::ToN3(gnb()));
        assert_eq!(Datagram::parse(&sent).expect("is GTP-U").payload, packet);
    }
    assert_eq!(bench.up(&up(&udp(BESIDE, HOST, (1, 2), 10))).0, Verdict::Drop);
    assert_eq!(bench.down(&udp(HOST, BESIDE, (2, 1), 10)).0, Verdict::Drop);
    assert_eq!((bench.dropped(DropReason::Spoofed), bench.dropped(DropReason::UnknownUe)), (1, 1));
    let usage = bench.install(None, &[], false);
    assert_eq!(usage[0].octets, [2 * 38, 2 * 38], "counted as the UE's own");
    // With the session gone the way leads nowhere.
    assert_eq!(bench.down(&udp(HOST, BEHIND, (2, 1), 10)).0, Verdict::Drop);
    bench.forwarder.command(bench.now, Command::Route { network: network(), to: None });
    assert_eq!(bench.down(&udp(HOST, BEHIND, (2, 1), 10)).0, Verdict::Drop);
    assert_eq!(bench.dropped(DropReason::UnknownUe), 3);
}

/// A PDR matches the addresses that it names: the UE's, those behind, or both.
#[test]
fn rules_tell_the_ue_from_what_is_behind_it() {
    let mut session = framed();
    session
        .fars
        .insert(FarId(3), rules::Far { action: rules::Action::DROP, forwarding: None, bar: None, steering: None });
    for id in [1, 2] {
        let mut pdr: Pdr = session.pdrs[&PdrId(id)].clone();
        (pdr.precedence, pdr.far) = (10, Some(FarId(3)));
        // The network alone.
        pdr.pdi.ue.clear();
        session.pdrs.insert(PdrId(id + 10), pdr);
    }
    let mut both = bench(&session);
    let passes = |bench: &mut Bench, ue: Ipv4Addr| {
        let up = bench.up(&up(&udp(ue, HOST, (1, 2), 10))).0 == Verdict::ToN6;
        let down = bench.down(&udp(HOST, ue, (2, 1), 10)).0 == Verdict::ToN3(gnb());
        (up, down)
    };
    assert_eq!((passes(&mut both, UE), passes(&mut both, BEHIND)), ((true, true), (false, false)));
    // The UE alone.
    for id in [11, 12] {
        let pdi = &mut session.pdrs.get_mut(&PdrId(id)).expect("there").pdi;
        (pdi.ue, pdi.framed) = (vec![UE.into()], vec![]);
    }
    let mut both = bench(&session);
    assert_eq!((passes(&mut both, UE), passes(&mut both, BEHIND)), ((false, false), (true, true)));
}

/// What waits for the UE, and what is too long for it, is treated as if it were to the UE itself.
#[test]
fn packets_to_what_is_behind_wait_and_are_too_long_as_others() {
    let mut session = framed();
    session.fars.get_mut(&FarId(2)).expect("there").action = rules::Action::BUFFER;
    let mut bench = bench(&session);
    let packet = udp(HOST, BEHIND, (2, 1), 10);
    assert_eq!(bench.down(&packet).0, Verdict::Drop);
    bench.install(Some(&framed()), &[], false);
    assert_eq!(Datagram::parse(bench.sent[0].packet()).expect("is GTP-U").payload, packet);
    let mut long = udp(HOST, BEHIND, (2, 1), 1400);
    // Not to be cut: the header's sum is not looked at.
    long[6] |= 0x40;
    let (verdict, told) = bench.down(&long);
    assert_eq!((verdict, &told[12..16], &told[16..20]), (Verdict::ToN6, &[10, 45, 0, 1][..], &HOST.octets()[..]));
}
