//! Redirection, duplication and forwarding policies over N4, with a worker that moves packets.

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dataplane::Verdict;
use pfcp::*;
use support::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
const PROBE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));

/// A session whose uplink FAR is changed.
fn with(change: impl FnOnce(&mut CreateFar)) -> SessionEstablishmentRequest {
    let mut request = establishment(7, UE);
    change(&mut request.create_fars[0]);
    request
}

fn forwarding(far: &mut CreateFar) -> &mut ForwardingParameters {
    far.forwarding_parameters.as_mut().expect("it forwards")
}

fn redirection(to: &str) -> RedirectInformation {
    match to.parse() {
        Ok(IpAddr::V4(v4)) => RedirectInformation::Ipv4(v4),
        Ok(IpAddr::V6(v6)) => RedirectInformation::Ipv6(v6),
        Err(_) if to.starts_with("sip:") => RedirectInformation::SipUri(to.into()),
        Err(_) => RedirectInformation::Url(to.into()),
    }
}

fn copy() -> DuplicatingParameters {
    let mut copy = DuplicatingParameters::new(Interface::LiFunction);
    copy.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(0x99), PROBE));
    copy
}

/// What an uplink packet becomes, in the order of sending.
fn sent(site: &Site, teid: u32, frames: usize) -> Vec<(Verdict, Vec<u8>)> {
    site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &packet(UE, HOST.into())));
    (0..frames).map(|_| site.network.receive(LIMIT).expect("sent")).collect()
}

#[test]
fn packets_go_where_the_rule_says_from_its_making_and_from_its_change() {
    let mut site = Site::new(10);
    let redirected = with(|far| forwarding(far).redirect_information = Some(redirection("192.0.2.99")));
    let (seid, teid) = site.establish(redirected);
    assert_eq!(sent(&site, teid, 1), [(Verdict::ToN6, packet(UE, SERVER.into()))]);
    let mut far = UpdateFar::new(FarId(1));
    let mut parameters = UpdateForwardingParameters::new();
    parameters.redirect_information = Some(redirection("192.0.2.98"));
    parameters.forwarding_policy = Some(ForwardingPolicy(b"video".to_vec()));
    (far.forwarding_parameters, far.apply_action) = (Some(parameters), Some(ApplyAction::FORW | ApplyAction::DUPL));
    let mut to = UpdateDuplicatingParameters::new();
    to.outer_header_creation = copy().outer_header_creation;
    far.duplicating_parameters = vec![to];
    let change = SessionModificationRequest { update_fars: vec![far], ..SessionModificationRequest::new() };
    assert_eq!(site.ask(seid, change).cause(), Some(Cause::RequestAccepted));
    let [(verdict, onward), (copied_to, copied)] = &sent(&site, teid, 2)[..] else { panic!("two") };
    let header = etherparse::Ipv4HeaderSlice::from_slice(onward).expect("IPv4");
    assert_eq!((*verdict, header.destination_addr()), (Verdict::ToN6, Ipv4Addr::new(192, 0, 2, 98)));
    assert_eq!(header.dcp().value(), 34);
    assert_eq!(*copied_to, Verdict::ToN3(SocketAddr::new(PROBE, gtpu::PORT)));
    let copied = gtpu::Datagram::parse(copied).expect("is GTP-U");
    assert_eq!((copied.teid, copied.payload), (0x99, &packet(UE, HOST.into())[..]), "as the UE sent it");
}

#[test]
fn what_cannot_be_steered_is_refused_by_its_element() {
    let mut site = Site::new(10);
    let mut refused = |change: &dyn Fn(&mut CreateFar)| {
        let (cause, element, _) = site.refused(with(change));
        (cause, element)
    };
    let to = |to: String| move |far: &mut CreateFar| forwarding(far).redirect_information = Some(redirection(&to));
    let redirect = Some(ie::REDIRECT_INFORMATION);
    assert_eq!(refused(&to("sip:a@example".into())), (Cause::ServiceNotSupported, redirect));
    for url in ["http://a/\r\nSet-Cookie: b".to_owned(), String::new(), "http://".to_owned() + &"a".repeat(400)] {
        assert_eq!(refused(&to(url)), (Cause::MandatoryIeIncorrect, redirect));
    }
    let policy = refused(&|far| forwarding(far).forwarding_policy = Some(ForwardingPolicy(b"unknown".to_vec())));
    assert_eq!(policy, (Cause::InvalidForwardingPolicy, Some(ie::FORWARDING_POLICY)));
    let duplicating = |parameters: Vec<DuplicatingParameters>| {
        move |far: &mut CreateFar| {
            far.apply_action = ApplyAction::FORW | ApplyAction::DUPL;
            far.duplicating_parameters.clone_from(&parameters);
        }
    };
    let missing = |element| (Cause::ConditionalIeMissing, Some(element));
    assert_eq!(refused(&duplicating(Vec::new())), missing(ie::DUPLICATING_PARAMETERS));
    let nowhere = DuplicatingParameters::new(Interface::LiFunction);
    assert_eq!(refused(&duplicating(vec![nowhere])), missing(ie::OUTER_HEADER_CREATION));
    assert_eq!(refused(&duplicating(vec![copy(); 5])), (Cause::NoResourcesAvailable, None));
    // Where packets go to the UE there is nobody else to ask.
    let mut request = establishment(7, UE);
    let mut to_access = ForwardingParameters::new(Interface::Access);
    to_access.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(1), GNB));
    to_access.redirect_information = Some(redirection("192.0.2.99"));
    (request.create_fars[1].apply_action, request.create_fars[1].forwarding_parameters) =
        (ApplyAction::FORW, Some(to_access));
    assert_eq!(site.refused(request), (Cause::ServiceNotSupported, redirect, None));
    assert_eq!(site.control.shared().sessions(), 0);
}
