//! Framed routes over N4 (TS 29.244 5.16), with workers that share the sessions.

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dataplane::{Bucket, Verdict};
use pfcp::*;
use support::*;

/// A session with networks behind its UE.
fn with(cp: u64, ue: IpAddr, networks: &[&str]) -> SessionEstablishmentRequest {
    let mut request = establishment(cp, ue);
    for pdr in &mut request.create_pdrs {
        pdr.pdi.framed_routes = networks.iter().map(|network| FramedRoute(format!("{network} 0.0.0.0 1"))).collect();
    }
    request
}

/// Whether a downlink packet to this address comes to the gNB in this tunnel, whichever worker it comes to.
fn reaches(site: &Site, to: Ipv4Addr, teid: u32) -> bool {
    [&site.network, &site.others[0]].iter().all(|port| {
        let down = packet(HOST.into(), to.into());
        port.send_n6(&down);
        let (verdict, sent) = site.network.receive(LIMIT).expect("sent");
        let datagram = gtpu::Datagram::parse(&sent).expect("is GTP-U");
        verdict == Verdict::ToN3(SocketAddr::new(GNB, gtpu::PORT)) && (datagram.teid, datagram.payload) == (teid, &down)
    })
}

/// Waits until each of the two workers has done what it was told before: it answers in order.
fn settle(site: &mut Site) {
    for worker in 0..2 {
        let mut addresses = (1..=200).map(|host| IpAddr::from([10, 45, 200, host]));
        let of_worker = |address: &IpAddr| Bucket::of_address(*address).0 % 2 == worker;
        let (seid, _) = site.establish(establishment(99, addresses.find(of_worker).expect("one of many")));
        assert_eq!(site.ask(seid, SessionDeletionRequest::new()).cause(), Some(Cause::RequestAccepted));
    }
}

#[test]
fn networks_are_behind_one_ue_and_end_with_its_session() {
    let mut site = Site::with_workers(10, 2);
    let other = IpAddr::from([10, 45, 0, 3]);
    let (first, teid) = site.establish(with(7, UE, &["198.51.100.0/24"]));
    let (second, _) = site.establish(with(8, other, &["198.51.100.128/25", "203.0.113.0/24"]));
    assert_eq!(site.ask(first, activation(0x71)).cause(), Some(Cause::RequestAccepted));
    assert_eq!(site.ask(second, activation(0x82)).cause(), Some(Cause::RequestAccepted));
    settle(&mut site);
    // The longest prefix counts; addresses of every bucket come.
    for host in (1..128).step_by(7) {
        assert!(reaches(&site, [198, 51, 100, host].into(), 0x71));
        assert!(reaches(&site, [198, 51, 100, host + 128].into(), 0x82));
        assert!(reaches(&site, [203, 0, 113, host].into(), 0x82));
    }
    let up = packet([198, 51, 100, 9].into(), HOST.into());
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
    assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));

    let taken = (Cause::RequestRejected, Some(ie::FRAMED_ROUTE), None);
    assert_eq!(site.refused(with(9, [10, 45, 0, 4].into(), &["203.0.113.0/24"])), taken);
    let wrong = (Cause::MandatoryIeIncorrect, Some(ie::FRAMED_ROUTE), None);
    assert_eq!(site.refused(with(9, [10, 45, 0, 4].into(), &["0.0.0.0/0"])), wrong);
    // The UE's address changes, and with it the way to what is behind.
    let moved = IpAddr::from([10, 45, 1, 200]);
    let pdis = with(7, moved, &["198.51.100.0/24"])
        .create_pdrs
        .into_iter()
        .map(|pdr| UpdatePdr { pdi: Some(pdr.pdi), ..UpdatePdr::new(pdr.pdr_id) });
    let change = SessionModificationRequest { update_pdrs: pdis.collect(), ..SessionModificationRequest::new() };
    assert_eq!(site.ask(first, change).cause(), Some(Cause::RequestAccepted));
    settle(&mut site);
    assert!(reaches(&site, [198, 51, 100, 9].into(), 0x71));
    // With the second session the longer prefix goes: the first has what it leaves, and the network can be another's.
    assert_eq!(site.ask(second, SessionDeletionRequest::new()).cause(), Some(Cause::RequestAccepted));
    settle(&mut site);
    assert!(reaches(&site, [198, 51, 100, 200].into(), 0x71));
    let (third, _) = site.establish(with(9, [10, 45, 0, 4].into(), &["203.0.113.0/24"]));
    assert_eq!(site.ask(third, activation(0x93)).cause(), Some(Cause::RequestAccepted));
    settle(&mut site);
    assert!(reaches(&site, [203, 0, 113, 5].into(), 0x93));
}
