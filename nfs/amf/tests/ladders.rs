//! The ladder of every procedure, as text. What is in docs/procedures is what the AMF does.

mod support;

use nas::GmmMessage;
use nas::gmm::DeregistrationRequestUeOriginating;
use nas::ie::{AccessType, DeregistrationType, MobileIdentity, NgKsi, RequestType};
use ngap::Message;
use sbi_models::PduSessionId;
use sbi_models::amf::NgapIeType;
use support::{Net, SessionScript, Ue, initial, periodic, settle};

#[tokio::test(start_paused = true)]
async fn registration_by_suci() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.usim = Ue::with_sqn(1, 0).usim;
    let accept = ue.register(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-suci",
        "General Registration, initial, by SUCI",
        "NG Setup (TS 38.413 8.7.1), then TS 23.502 4.2.2.2.2 with 5G-AKA (TS 33.501 6.1.3.2), security mode control and configuration update.",
    );
    assert!(accept.guti.is_some() && accept.tai_list.is_some() && accept.allowed_nssai.is_some());
    assert_eq!(net.machine.counts(), (1, 1, 1));
    let uecm = net.home.uecm(ue.supi().as_str()).expect("registered at the UDM");
    assert_eq!(uecm.pei.map(|pei| pei.to_string()).as_deref(), Some("imeisv-4370816125816151"));
}

#[tokio::test(start_paused = true)]
async fn registration_by_known_guti() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.go_idle(&mut node).await;
    net.ladder.clear();
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(&mut node, initial(), whole);
    let old = ue.guti;
    ue.complete(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-guti-known",
        "General Registration, initial, by a known 5G-GUTI",
        "TS 23.502 4.2.2.2.2: the request is protected with the keys of the context that the GUTI names, so that neither identity nor authentication is asked for.",
    );
    assert_ne!(ue.guti, old, "a new GUTI with every registration");
    assert_eq!(net.machine.counts(), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn registration_by_unknown_guti() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let guti = ue.guti;
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::with_sqn(1, 0);
    ue.guti = guti;
    net.ladder.clear();
    ue.send_registration_request(&mut node, initial());
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::IdentityRequest(_))), "{heard:?}");
    let suci = ue.suci();
    ue.say_plainly(&node, nas::gmm::IdentityResponse::new(suci));
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    ue.complete(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-guti-unknown",
        "General Registration, initial, by an unknown 5G-GUTI",
        "TS 23.502 4.2.2.2.2 with Identity Request (steps 6 and 7).",
    );
}

#[tokio::test(start_paused = true)]
async fn registration_with_resynchronisation() {
    let net = Net::new();
    let mut node = net.node(1).await;
    // The USIM is far ahead of the home network, beyond 32 bits.
    let mut ue = Ue::with_sqn(1, 0x1234_5678_9ae0);
    net.ladder.clear();
    ue.send_registration_request(&mut node, initial());
    ue.authenticate(&mut node).await;
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    ue.complete(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-resynchronisation",
        "Authentication with synchronisation failure",
        "TS 33.501 6.1.3.3: the USIM answers AUTS, the home network takes its sequence number over, the second challenge succeeds.",
    );
}

#[tokio::test(start_paused = true)]
async fn periodic_registration() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.go_idle(&mut node).await;
    net.ladder.clear();
    let whole = ue.registration_request(periodic());
    ue.send_protected_registration_request(&mut node, periodic(), whole);
    ue.complete(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-periodic",
        "Periodic registration update",
        "TS 23.502 4.2.2.2.2 by a UE in CM-IDLE whose T3512 has expired.",
    );
}

#[tokio::test(start_paused = true)]
async fn pdu_session_establishment() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    net.ladder.clear();
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.check(
        "pdu-session-establishment",
        "UE Requested PDU Session Establishment",
        "TS 23.502 4.3.2.2.1, as the AMF sees it.",
    );
    assert_eq!(net.home.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn pdu_session_establishment_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    net.ladder.clear();
    net.home.script(SessionScript::RefuseAtOnce);
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::DlNasTransport(transport)) = heard.nas else { panic!("{heard:?}") };
    assert_eq!((transport.payload_container.as_slice(), transport.cause), (&b"reject"[..], None));
    net.home.script(SessionScript::RefuseLater);
    ue.say_session(&node, 2, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::DlNasTransport(_))), "{heard:?}");
    settle_with_time().await;
    net.ladder.check(
        "pdu-session-establishment-refused",
        "UE Requested PDU Session Establishment, refused by the SMF",
        "TS 23.502 4.3.2.2.1: at once (step 5) for session 1, after the SM context was made (step 11) for session 2.",
    );
    assert_eq!(net.home.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn pdu_session_release_by_ue() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.clear();
    ue.say_session(&node, 1, None, None, "release request");
    release(&mut node, &mut ue).await;
    net.ladder.check(
        "pdu-session-release-by-ue",
        "PDU Session Release, requested by the UE",
        "TS 23.502 4.3.4.2, as the AMF sees it.",
    );
    assert_eq!(net.home.sessions(), 0);
    assert_eq!(net.machine.status()["sessions"], 0);
}

#[tokio::test(start_paused = true)]
async fn pdu_session_release_by_network() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.clear();
    let session = PduSessionId::new(1).expect("1 to 15");
    let n2 = (NgapIeType::PduResRelCmd, "release");
    net.home.transfer(&ue.supi(), session, Some("release command"), Some(n2)).await.expect("taken");
    release(&mut node, &mut ue).await;
    net.ladder.check(
        "pdu-session-release-by-network",
        "PDU Session Release, requested by the network",
        "TS 23.502 4.3.4.2 step 1e and following, as the AMF sees it.",
    );
    assert_eq!(net.machine.status()["sessions"], 0);
}

/// Hears the release command; node and UE complete it.
async fn release(node: &mut support::Node, ue: &mut Ue) {
    let heard = ue.hear(node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceReleaseCommand(_)), "{heard:?}");
    let response = ngap::PduSessionResourceReleaseResponse {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_released_list: vec![ngap::PduSessionResourceResponseItem {
            pdu_session_id: ngap::PduSessionId(1),
            transfer: bytes::Bytes::from_static(b"released"),
        }],
        user_location_information: None,
        criticality_diagnostics: None,
    };
    node.send(response, None);
    ue.say_session(node, 1, None, None, "release complete");
    settle_with_time().await;
}

#[tokio::test(start_paused = true)]
async fn deregistration_by_ue() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.clear();
    ue.say(&node, deregistration_request(&ue, false));
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::DeregistrationAcceptUeOriginating(_))), "{heard:?}");
    ue.released(&mut node).await;
    settle_with_time().await;
    net.ladder.check(
        "deregistration-by-ue",
        "UE-initiated Deregistration",
        "TS 23.502 4.2.2.3.2 by a UE with one PDU session.",
    );
    assert_eq!((net.machine.counts(), net.home.sessions()), ((1, 1, 0), 0), "kept for its next registration");
    net.ladder.clear();
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(&mut node, initial(), whole);
    ue.complete(&mut node).await;
    settle().await;
    net.ladder.check(
        "registration-after-deregistration",
        "General Registration after deregistration",
        "TS 23.502 4.2.2.2.2 by a UE that uses the 5G-GUTI and the security context of its former registration (TS 24.501 5.5.2): neither identity nor authentication is asked for.",
    );
    assert_eq!((net.machine.counts(), net.home.purged()), ((1, 1, 1), vec![]));
}

fn deregistration_request(ue: &Ue, switch_off: bool) -> DeregistrationRequestUeOriginating {
    let kind = DeregistrationType { switch_off, reregistration_required: false, access: AccessType::ThreeGpp };
    let ksi = ue.security.as_ref().map_or(NgKsi::NO_KEY, nas::SecurityContext::ng_ksi);
    DeregistrationRequestUeOriginating::new(kind, ksi, MobileIdentity::Guti(ue.guti.expect("a GUTI")))
}

#[tokio::test(start_paused = true)]
async fn deregistration_by_network() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    net.ladder.clear();
    let (machine, supi) = (net.machine.clone(), ue.supi());
    let done = tokio::spawn(async move { machine.deregister(&supi, false).await });
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::DeregistrationRequestUeTerminated(_))), "{heard:?}");
    ue.say(&node, nas::gmm::DeregistrationAcceptUeTerminated::new());
    ue.released(&mut node).await;
    assert!(done.await.expect("no panic"));
    settle().await;
    net.ladder.check(
        "deregistration-by-network",
        "Network-initiated Deregistration",
        "TS 23.502 4.2.2.3.3, asked for by the operator (`peregrine ue deregister`).",
    );
    assert!(!net.machine.deregister(&ue.supi(), false).await, "it is deregistered");
}

#[tokio::test(start_paused = true)]
async fn an_release_and_service_request() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.clear();
    ue.go_idle(&mut node).await;
    settle_with_time().await;
    net.ladder.check(
        "an-release",
        "AN Release, requested by the gNB",
        "TS 23.502 4.2.6 (UE Context Release Request, TS 38.413 8.3.2) for a UE with one PDU session.",
    );
    net.ladder.clear();
    ue.send_service_request(&mut node, &[1]);
    service_accepted(&mut node, &mut ue, &[1]).await;
    net.ladder.check(
        "service-request",
        "UE Triggered Service Request",
        "TS 23.502 4.2.3.2: a UE in CM-IDLE with uplink data in one PDU session.",
    );
    assert_eq!(net.machine.counts(), (1, 1, 1));
}

async fn service_accepted(node: &mut support::Node, ue: &mut Ue, sessions: &[u8]) {
    let heard = ue.hear(node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::ServiceAccept(_))), "{heard:?}");
    let Message::InitialContextSetupRequest(request) = heard.n2 else { panic!("no context") };
    assert_eq!(request.pdu_session_resource_setup_list.map_or(0, |list| list.len()), sessions.len());
    ue.context_set_up(node, sessions);
    settle_with_time().await;
}

#[tokio::test(start_paused = true)]
async fn paging() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    ue.go_idle(&mut node).await;
    settle_with_time().await;
    net.ladder.clear();
    let session = PduSessionId::new(1).expect("1 to 15");
    let n2 = (NgapIeType::PduResSetupReq, "setup");
    let cause = net.home.transfer(&ue.supi(), session, None, Some(n2)).await.expect("taken");
    assert_eq!(cause.as_str(), "ATTEMPTING_TO_REACH_UE");
    let paged = node.hear().await;
    let Message::Paging(paged) = paged else { panic!("{paged:?}") };
    assert_eq!(paged.ue_paging_identity.five_g_tmsi, ue.guti.expect("a GUTI").s_tmsi.tmsi);
    ue.send_service_request_for(&mut node, nas::ie::ServiceType::MobileTerminatedServices, &[]);
    service_accepted(&mut node, &mut ue, &[1]).await;
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::ConfigurationUpdateCommand(command)) = heard.nas else { panic!("{heard:?}") };
    assert_ne!(command.guti, ue.guti);
    ue.guti = command.guti;
    ue.say(&node, nas::gmm::ConfigurationUpdateComplete::new());
    settle_with_time().await;
    net.ladder.check(
        "paging",
        "Network Triggered Service Request",
        "TS 23.502 4.2.3.3: downlink data for a UE in CM-IDLE, which gets a new 5G-GUTI (TS 33.501 6.12.3).",
    );
}

#[tokio::test(start_paused = true)]
async fn ng_reset() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle_with_time().await;
    net.ladder.clear();
    let cause = ngap::Cause::Misc(ngap::CauseMisc::OmIntervention);
    node.send(ngap::NgReset { cause, reset_type: ngap::ResetType::NgInterface }, None);
    node.hear().await;
    settle_with_time().await;
    net.ladder.check(
        "ng-reset",
        "NG Reset by the gNB",
        "TS 38.413 8.7.4: all of the interface; the UE is in CM-IDLE then.",
    );
    assert_eq!(net.machine.counts(), (1, 1, 0));
}

/// Lets everything happen that needs a moment, and no timer of a procedure.
async fn settle_with_time() {
    for _ in 0..20 {
        settle().await;
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
    }
    settle().await;
}
