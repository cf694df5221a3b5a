//! UE addresses that the SMF leaves to the UPF (TS 29.244 5.21).

mod support;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dataplane::Verdict;
use pfcp::*;
use support::*;

/// As an SMF begins a session whose address the UPF chooses.
fn choosing(cp: u64, network: &str) -> SessionEstablishmentRequest {
    let mut request = establishment(cp, UE);
    for pdr in &mut request.create_pdrs {
        let destination = pdr.pdi.ue_ip_addresses[0].destination;
        pdr.pdi.ue_ip_addresses = vec![UeIpAddress { choose_ipv4: true, destination, ..UeIpAddress::default() }];
        pdr.pdi.network_instance = Some(NetworkInstance(network.into()));
    }
    request
}

/// Establishes a session and returns its SEID, tunnel, and the address that both its PDRs got.
fn established(site: &mut Site, cp: u64) -> (Seid, u32, IpAddr) {
    let Message::SessionEstablishmentResponse(response) = site.ask(Seid(0), choosing(cp, "internet")) else {
        panic!("another")
    };
    assert_eq!(response.cause, Cause::RequestAccepted);
    let created = &response.created_pdrs;
    assert_eq!(created.iter().map(|created| created.pdr_id).collect::<Vec<_>>(), [PdrId(1), PdrId(2)]);
    assert_eq!(created[0].ue_ip_addresses, created[1].ue_ip_addresses);
    let (teid, _) = created[0].f_teid.and_then(|f_teid| f_teid.endpoint()).expect("chosen");
    let ue = created[0].ue_ip_addresses[0].ipv4.expect("chosen");
    assert_eq!((created[1].f_teid, created[0].ue_ip_addresses.len()), (None, 1));
    (response.up_f_seid.expect("given").seid, teid.0, ue.into())
}

#[test]
fn the_upf_chooses_an_address_and_has_it_back_with_the_session() {
    let mut site = Site::with_pool("10.45.0.0/29");
    let sessions: Vec<_> = (0..5).map(|cp| established(&mut site, cp)).collect();
    let chosen: BTreeSet<IpAddr> = sessions.iter().map(|(_, _, ue)| *ue).collect();
    assert_eq!(chosen, [2, 3, 4, 5, 6].map(|host| IpAddr::from(Ipv4Addr::new(10, 45, 0, host))).into());
    for (seid, teid, ue) in &sessions {
        let up = packet(*ue, HOST.into());
        site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(*teid, &up));
        assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));
        assert_eq!(site.ask(*seid, activation(7)).cause(), Some(Cause::RequestAccepted));
        let down = packet(HOST.into(), *ue);
        site.network.send_n6(&down);
        let (_, sent) = site.network.receive(LIMIT).expect("sent");
        assert_eq!(gtpu::Datagram::parse(&sent).expect("is GTP-U").payload, down);
    }
    // None is left; what is refused takes nothing, and what ends gives back.
    for _ in 0..3 {
        assert_eq!(site.refused(choosing(9, "internet")).0, Cause::AllDynamicAddressesAreOccupied);
    }
    let (ended, _, ue) = sessions[3];
    assert_eq!(site.ask(ended, SessionDeletionRequest::new()).cause(), Some(Cause::RequestAccepted));
    assert_eq!(established(&mut site, 9).2, ue);
    // With the SMF all of them go.
    site.smf = smf(2);
    site.associate();
    let again: BTreeSet<IpAddr> = (0..5).map(|cp| established(&mut site, cp).2).collect();
    assert_eq!(again, chosen);
}

#[test]
fn what_cannot_be_chosen_is_refused_by_its_element() {
    let mut site = Site::new(10);
    let refused = site.refused(choosing(1, "elsewhere"));
    assert_eq!(refused, (Cause::MandatoryIeIncorrect, Some(ie::NETWORK_INSTANCE), None));
    let mut request = choosing(1, "internet");
    request.create_pdrs[1].pdi.network_instance = None;
    assert_eq!(site.refused(request), (Cause::ConditionalIeMissing, Some(ie::NETWORK_INSTANCE), None));
    let mut request = choosing(1, "internet");
    request.create_pdrs[0].pdi.ue_ip_addresses[0].choose_ipv6 = true;
    assert_eq!(site.refused(request), (Cause::MandatoryIeIncorrect, Some(ie::NETWORK_INSTANCE), None), "no IPv6 here");
    let mut request = choosing(1, "internet");
    request.create_pdrs[0].pdi.ue_ip_addresses[0].ipv4 = Some(Ipv4Addr::new(10, 45, 0, 2));
    assert_eq!(site.refused(request).1, Some(ie::UE_IP_ADDRESS), "given and to be chosen");
    // One that is given out by the SMF is not chosen.
    let (_, _, ue) = established(&mut site, 2);
    site.establish(establishment(1, ue));
    assert_eq!(site.control.shared().sessions(), 1, "the SMF's own word goes before: it forgot a session");
}

/// TS 23.527 4.3: restored with the address that was chosen before the start, while others get other ones.
#[test]
fn a_session_is_restored_with_the_address_that_was_chosen() {
    let (_, teid, ue) = established(&mut Site::new(10), 7);
    let mut site = Site::new(10);
    let mut request = establishment(7, ue);
    request.create_pdrs[0].pdi.f_teid = Some(FTeid::new(Teid(teid), N3));
    request.se_req_flags = Some(SeReqFlags::RESTI);
    assert_eq!(site.ask(Seid(0), request).cause(), Some(Cause::RequestAccepted));
    assert_ne!(established(&mut site, 8).2, ue);
}
