//! Applications by packet flow descriptions (TS 29.244 6.2.5), told before the sessions that name them and while they last.

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dataplane::Verdict;
use pfcp::*;
use support::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const MAPS: &[u8] = b"maps";

fn told(applications: &[(&[u8], &[&str])]) -> PfdManagementRequest {
    let of = |(id, flows): &(&[u8], &[&str])| ApplicationPfds {
        application_id: ApplicationId(id.to_vec()),
        contexts: flows.iter().map(|flow| PfdContext { contents: vec![PfdContents::flow(flow)] }).collect(),
    };
    PfdManagementRequest { applications: applications.iter().map(of).collect() }
}

fn at(server: Ipv4Addr) -> String {
    format!("permit out 17 from {server} 2 to any")
}

/// A session whose packets to and from the application are dropped.
fn without(application: &[u8], cp: u64, ue: IpAddr) -> SessionEstablishmentRequest {
    let mut request = establishment(cp, ue);
    request.create_fars.push(CreateFar::new(FarId(3), ApplyAction::DROP));
    for (id, mut pdi) in [(PdrId(3), uplink(ue)), (PdrId(4), downlink(ue))] {
        pdi.application_id = Some(ApplicationId(application.to_vec()));
        let mut pdr = CreatePdr::new(id, Precedence(10), pdi);
        pdr.far_id = Some(FarId(3));
        request.create_pdrs.push(pdr);
    }
    let tunnel = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: Some(1) });
    let uplink = request.create_pdrs.iter_mut().filter(|pdr| pdr.pdi.f_teid.is_some());
    uplink.for_each(|pdr| pdr.pdi.f_teid = tunnel);
    request
}

/// Whether an uplink packet to this address passes; one to another, sent behind it, does.
fn passes(site: &Site, teid: u32, ue: IpAddr, to: Ipv4Addr) -> bool {
    let (asked, behind) = (packet(ue, to.into()), packet(ue, HOST.into()));
    for packet in [&asked, &behind] {
        site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, packet));
    }
    let (verdict, first) = site.network.receive(LIMIT).expect("one at least");
    assert_eq!(verdict, Verdict::ToN6);
    if first == behind {
        return false;
    }
    assert_eq!((first, site.network.receive(LIMIT)), (asked, Some((Verdict::ToN6, behind))));
    true
}

#[test]
fn a_session_follows_what_is_known_of_its_applications() {
    let mut site = Site::new(10);
    let other = Ipv4Addr::new(198, 51, 100, 8);
    let refused = (Cause::UnknownApplicationId, Some(ie::APPLICATION_ID), None);
    assert_eq!(site.refused(without(MAPS, 7, UE)), refused);
    assert_eq!(site.ask(Seid(0), told(&[(MAPS, &[&at(SERVER)])])).cause(), Some(Cause::RequestAccepted));
    assert_eq!(site.refused(without(b"chat", 7, UE)), refused);
    let (seid, teid) = site.establish(without(MAPS, 7, UE));
    let seen = |site: &Site| [SERVER, other].map(|server| passes(site, teid, UE, server));
    assert_eq!(seen(&site), [false, true]);
    // The answer comes when the session has the new ones.
    assert_eq!(site.ask(Seid(0), told(&[(MAPS, &[&at(other)])])).cause(), Some(Cause::RequestAccepted));
    assert_eq!(seen(&site), [true, false]);
    assert_eq!(site.ask(Seid(0), told(&[(MAPS, &[&at(other), &at(SERVER)])])).cause(), Some(Cause::RequestAccepted));
    assert_eq!(seen(&site), [false, false]);
    // Others are nothing to it.
    assert_eq!(site.ask(Seid(0), told(&[(b"chat", &[&at(HOST)])])).cause(), Some(Cause::RequestAccepted));
    assert_eq!(seen(&site), [false, false]);
    // What is gone matches nothing; the session stays, and can be changed.
    assert_eq!(site.ask(Seid(0), told(&[(MAPS, &[])])).cause(), Some(Cause::RequestAccepted));
    assert_eq!(seen(&site), [true, true]);
    assert_eq!(site.ask(seid, activation(5)).cause(), Some(Cause::RequestAccepted));
    assert_eq!(site.ask(Seid(0), PfdManagementRequest::new()).cause(), Some(Cause::RequestAccepted));
    assert_eq!(site.refused(without(b"chat", 8, [10, 45, 0, 3].into())), refused);
    let Message::SessionDeletionResponse(gone) = site.ask(seid, SessionDeletionRequest::new()) else {
        panic!("another")
    };
    assert_eq!(gone.usage_reports[0].volume.expect("measured").uplink, Some(100 * 14), "counted all the while");
}

#[test]
fn a_refused_request_for_applications_changes_nothing() {
    let mut site = Site::new(10);
    site.ask(Seid(0), told(&[(MAPS, &[&at(SERVER)])]));
    let (_, teid) = site.establish(without(MAPS, 7, UE));
    let mut of_url = told(&[(MAPS, &[&at(HOST)]), (b"web", &[&at(HOST)])]);
    of_url.applications[1].contexts[0].contents[0].url = Some(b"example.org".to_vec());
    let Message::PfdManagementResponse(refused) = site.ask(Seid(0), of_url) else { panic!("another") };
    assert_eq!(
        (refused.cause, refused.offending_ie),
        (Cause::ServiceNotSupported, Some(OffendingIe(ie::PFD_CONTENTS)))
    );
    // More flows than a PDR with two QoS flows may ask for.
    let mut change = SessionModificationRequest::new();
    let mut pdi = uplink(UE);
    pdi.application_id = Some(ApplicationId(MAPS.to_vec()));
    pdi.qfis = [1, 2].into_iter().filter_map(Qfi::new).collect();
    let mut pdr = CreatePdr::new(PdrId(5), Precedence(11), pdi);
    pdr.far_id = Some(FarId(3));
    change.create_pdrs = vec![pdr];
    let seid = Seid((1000 << 32) + 1);
    assert_eq!(site.ask(seid, change).cause(), Some(Cause::RequestAccepted));
    let flows: Vec<String> = (0..200).map(|host| at([203, 0, 113, host].into())).collect();
    let flows: Vec<&str> = flows.iter().map(String::as_str).collect();
    assert_eq!(site.ask(Seid(0), told(&[(MAPS, &flows)])).cause(), Some(Cause::NoResourcesAvailable));
    assert!(!passes(&site, teid, UE, SERVER));
}

/// More sessions than are renewed at once; some end meanwhile, and the association with them.
#[test]
fn many_sessions_are_renewed_and_end_with_their_smf() {
    let mut site = Site::with_workers(1000, 2);
    site.ask(Seid(0), told(&[(MAPS, &[&at(SERVER)])]));
    let ue = |number: u16| {
        let [high, low] = (number + 2).to_be_bytes();
        IpAddr::from([10, 45, high, low])
    };
    let made: Vec<_> = (0..600).map(|number| site.establish(without(MAPS, number.into(), ue(number)))).collect();
    let other = Ipv4Addr::new(198, 51, 100, 8);
    let asked = site.smf.request(site.now, N4, Seid(0), told(&[(MAPS, &[&at(other)])])).expect("sent");
    site.carry();
    // One that waits for its turn ends before it comes.
    site.smf.request(site.now, N4, made[599].0, SessionDeletionRequest::new()).expect("sent");
    site.carry();
    while site.control.poll_timeout() == Some(site.now) {
        site.control.handle_timeout(site.now);
    }
    let mut answers = 0;
    while answers < 2 {
        let Event::Response { id, result } = site.event() else { panic!("another event") };
        answers += 1;
        assert_eq!(result.expect("an answer").cause(), Some(Cause::RequestAccepted), "{}", id == asked);
    }
    assert!((0..599).step_by(53).all(|at| !passes(&site, made[at].1, ue(at as u16), other)));
    // What an SMF told is forgotten with it.
    site.smf = smf(2);
    site.associate();
    assert_eq!(site.refused(without(MAPS, 7, UE)).0, Cause::UnknownApplicationId);
}
