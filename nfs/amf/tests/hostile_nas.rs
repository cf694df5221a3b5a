//! What UEs, and whoever pretends to be one, may send and must not achieve (TS 24.501 4.4.4, 5.4, 5.5; TS 33.501).

mod support;

use bytes::Bytes;
use nas::gmm::*;
use nas::ie::*;
use nas::{GmmCause, GmmMessage, SecurityHeaderType};
use ngap::Message;
use support::ue::plain;
use support::{Net, Node, Ue, initial, settle};

/// The UE is refused with this cause, and released.
async fn refused(ue: &mut Ue, node: &mut Node, cause: GmmCause) {
    let heard = ue.hear(node).await;
    let Some(GmmMessage::RegistrationReject(reject)) = heard.nas else { panic!("no reject: {heard:?}") };
    assert_eq!(reject.cause, cause);
    ue.released(node).await;
}

/// It is still registered, connected and served.
async fn unharmed(net: &Net, node: &mut Node, victim: &mut Ue) {
    settle().await;
    assert_eq!(net.machine.status()["ues"], 1);
    victim.establish(node, 7).await;
}

#[tokio::test(start_paused = true)]
async fn a_plain_request_with_anothers_guti_touches_nobody() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut victim = Ue::new(1);
    victim.register(&mut node).await;
    let mut thief = Ue::new(2);
    thief.guti = victim.guti;
    thief.send_registration_request(&mut node, initial());
    let heard = thief.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::IdentityRequest(_))), "{heard:?}");
    unharmed(&net, &mut node, &mut victim).await;
    // It becomes itself, not the other.
    let suci = thief.suci();
    thief.say_plainly(&node, IdentityResponse::new(suci));
    settle_session(&mut node, &mut victim).await;
    thief.authenticate(&mut node).await;
    thief.secure(&mut node).await;
    thief.complete(&mut node).await;
    assert_eq!(net.machine.status()["ues"], 2);
}

/// Takes what the victim's session still brings.
async fn settle_session(_: &mut Node, _: &mut Ue) {
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_protected_with_other_keys_is_a_strangers() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let (mut victim, mut thief) = (Ue::new(1), Ue::new(2));
    victim.register(&mut node).await;
    thief.register(&mut node).await;
    let own = thief.guti;
    thief.guti = victim.guti;
    let whole = thief.whole_request(initial());
    thief.send_protected_registration_request(&mut node, initial(), whole);
    let heard = node.recv().await;
    assert!(matches!(heard, Message::DownlinkNasTransport(_)), "an identity request: {heard:?}");
    thief.guti = own;
    settle().await;
    assert_eq!(net.machine.status()["ues"], 2);
    victim.establish(&mut node, 7).await;
}

#[tokio::test(start_paused = true)]
async fn a_replayed_initial_message_is_a_strangers() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut victim = Ue::new(1);
    victim.register(&mut node).await;
    victim.go_idle(&mut node).await;
    let request = {
        let mut request = victim.registration_request(support::periodic());
        request.nas_message_container = None;
        victim.protect_initial(request)
    };
    let first = node.new_ran_id();
    node.initial(first, request.clone(), "RegistrationRequest");
    victim.ran = first;
    victim.complete(&mut node).await;
    let again = node.new_ran_id();
    node.initial(again, request, "RegistrationRequest");
    let Message::DownlinkNasTransport(transport) = node.recv().await else { panic!("no answer") };
    let answer = GmmMessage::decode(&transport.nas_pdu).expect("in clear");
    assert!(matches!(answer, GmmMessage::IdentityRequest(_)), "{answer:?}");
    unharmed(&net, &mut node, &mut victim).await;
}

#[tokio::test(start_paused = true)]
async fn a_replayed_message_on_the_connection_is_silence() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let kind = DeregistrationType { switch_off: false, reregistration_required: false, access: AccessType::ThreeGpp };
    let request = GmmMessage::from(GmmStatus::new(GmmCause::ProtocolErrorUnspecified));
    let pdu = ue.protect(&request);
    for _ in 0..3 {
        node.uplink(ue.amf.expect("connected"), ue.ran, pdu.clone(), "GmmStatus");
    }
    // And so is a plain message, once there are keys.
    let identity = MobileIdentity::Guti(ue.guti.expect("a GUTI"));
    let request = DeregistrationRequestUeOriginating::new(kind, NgKsi::NO_KEY, identity);
    ue.say_plainly(&node, request);
    ue.say_plainly(&node, RegistrationComplete::new());
    settle().await;
    assert!(node.drain().is_empty());
    unharmed(&net, &mut node, &mut ue).await;
}

#[tokio::test(start_paused = true)]
async fn a_plain_deregistration_or_service_request_touches_nobody() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut victim = Ue::new(1);
    victim.register(&mut node).await;
    let guti = victim.guti.expect("a GUTI");
    let mut thief = Ue::new(2);

    let kind = DeregistrationType { switch_off: false, reregistration_required: false, access: AccessType::ThreeGpp };
    thief.ran = node.new_ran_id();
    let request = DeregistrationRequestUeOriginating::new(kind, NgKsi::NO_KEY, MobileIdentity::Guti(guti));
    node.initial(thief.ran, plain(request), "DeregistrationRequest");
    let heard = thief.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::DeregistrationAcceptUeOriginating(_))), "{heard:?}");
    thief.released(&mut node).await;

    thief.ran = node.new_ran_id();
    let request = ServiceRequest::new(NgKsi::NO_KEY, ServiceType::Data, guti.s_tmsi);
    node.initial(thief.ran, plain(request), "ServiceRequest");
    let heard = thief.hear(&mut node).await;
    let Some(GmmMessage::ServiceReject(reject)) = heard.nas else { panic!("{heard:?}") };
    assert_eq!(reject.cause, GmmCause::UeIdentityCannotBeDerived);
    assert_eq!(reject.pdu_session_status, None, "nothing of the other's is told");
    thief.released(&mut node).await;
    unharmed(&net, &mut node, &mut victim).await;
}

#[tokio::test(start_paused = true)]
async fn messages_out_of_the_blue_and_cut_ones_are_silence() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let suci = Ue::new(9).suci();
    let pdus: Vec<Bytes> = vec![
        plain(IdentityResponse::new(suci)),
        plain(AuthenticationResponse::new()),
        plain(RegistrationComplete::new()),
        plain(UlNasTransport::new(PayloadContainerType::N1SmInformation, vec![0; 32_000])),
        Bytes::from_static(&[0x7e]),
        Bytes::from_static(&[]),
        Bytes::from_static(&[0x7e, 2, 0, 0, 0, 0, 0]),
        Bytes::from_static(&[0x7e, 4, 1, 2, 3, 4, 0, 0x7e, 0, 0x5e]),
        Bytes::from_static(&[0x2e, 1, 1, 0xc1, 0xff, 0xff]),
        Bytes::from_static(&[0x7e, 0, 0xff]),
    ];
    for pdu in pdus {
        let ran = node.new_ran_id();
        node.initial(ran, pdu.clone(), "?");
        let answer = node.recv().await;
        let Message::UeContextReleaseCommand(command) = answer else { panic!("{pdu:?}: {answer:?}") };
        let mut ue = Ue::new(1);
        ue.ran = ran;
        ue.amf = match command.ue_ngap_ids {
            ngap::UeNgapIds::Pair { amf_ue_ngap_id, .. } => Some(amf_ue_ngap_id),
            ngap::UeNgapIds::AmfUeNgapId(id) => Some(id),
        };
        ue.release_complete(&node);
    }
    settle().await;
    assert_eq!(net.machine.counts(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_registration_with_a_broken_identity_is_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    // A 5G-GUTI of two octets; an IMEI; no identity at all; a GUTI of all zeros, which nobody has.
    ue.ran = node.new_ran_id();
    node.initial(ue.ran, Bytes::from_static(&[0x7e, 0, 0x41, 0x79, 0, 2, 0xf2, 0x99]), "RegistrationRequest");
    refused(&mut ue, &mut node, GmmCause::InvalidMandatoryInformation).await;
    for (identity, cause) in [
        (MobileIdentity::Imei("123456789012345".into()), GmmCause::UeIdentityCannotBeDerived),
        (MobileIdentity::NoIdentity, GmmCause::InvalidMandatoryInformation),
    ] {
        let mut request = ue.registration_request(initial());
        request.identity = identity;
        ue.ran = node.new_ran_id();
        node.initial(ue.ran, plain(request), "RegistrationRequest");
        refused(&mut ue, &mut node, cause).await;
    }
    let mut request = ue.registration_request(initial());
    let s_tmsi = STmsi { amf_set_id: 0, amf_pointer: 0, tmsi: 0 };
    let plmn = Plmn::new("999", "70").expect("a PLMN");
    request.identity = MobileIdentity::Guti(Guti { plmn, amf_region_id: 0, s_tmsi });
    ue.ran = node.new_ran_id();
    node.initial(ue.ran, plain(request), "RegistrationRequest");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::IdentityRequest(_))), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn capabilities_that_protect_nothing_are_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for (capability, cause) in [
        (Some(UeSecurityCapability::new(0xf0, 0x80)), GmmCause::UeSecurityCapabilitiesMismatch),
        (Some(UeSecurityCapability::new(0, 0)), GmmCause::UeSecurityCapabilitiesMismatch),
        (None, GmmCause::InvalidMandatoryInformation),
    ] {
        let mut ue = Ue::new(1);
        let mut request = ue.registration_request(initial());
        request.security_capability = capability.clone();
        ue.ran = node.new_ran_id();
        node.initial(ue.ran, plain(request), "RegistrationRequest");
        if capability.is_some() {
            ue.authenticate(&mut node).await;
        }
        refused(&mut ue, &mut node, cause).await;
    }
    assert!(net.explanations().iter().any(|text| text.contains("amf.security")), "{:?}", net.explanations());
}

#[tokio::test(start_paused = true)]
async fn wrong_and_missing_res_star_are_authentication_rejects() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for res_star in [None, Some([0; 16])] {
        let mut ue = Ue::new(1);
        ue.send_registration_request(&mut node, initial());
        ue.hear(&mut node).await;
        let mut response = AuthenticationResponse::new();
        response.res_star = res_star;
        ue.say_plainly(&node, response);
        let heard = ue.hear(&mut node).await;
        assert!(matches!(heard.nas, Some(GmmMessage::AuthenticationReject(_))), "{heard:?}");
        ue.released(&mut node).await;
    }
    settle().await;
    assert_eq!(net.machine.counts(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_mac_failure_is_explained() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    ue.hear(&mut node).await;
    ue.say_plainly(&node, AuthenticationFailure::new(GmmCause::MacFailure));
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::AuthenticationReject(_))), "{heard:?}");
    assert!(net.explanations()[0].contains("K, OPc"), "{:?}", net.explanations());
}

#[tokio::test(start_paused = true)]
async fn auts_again_and_again_ends() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::with_sqn(1, 0x8000_0000);
    ue.send_registration_request(&mut node, initial());
    let mut challenges = 0;
    loop {
        let heard = ue.hear(&mut node).await;
        match heard.nas {
            Some(GmmMessage::AuthenticationRequest(request)) => {
                challenges += 1;
                // The home network is always behind: its answer to the resynchronisation is undone.
                let answer = Ue::with_sqn(1, 0x8000_0000 << challenges).answer(&request);
                ue.say_plainly(&node, answer);
            }
            Some(GmmMessage::AuthenticationReject(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(challenges <= 4, "{challenges}");
}

#[tokio::test(start_paused = true)]
async fn an_ng_ksi_in_use_is_changed() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::AuthenticationRequest(first)) = heard.nas else { panic!("{heard:?}") };
    ue.say_plainly(&node, AuthenticationFailure::new(GmmCause::NgKsiAlreadyInUse));
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::AuthenticationRequest(second)) = heard.nas else { panic!("{heard:?}") };
    assert_ne!(first.ng_ksi, second.ng_ksi);
    let answer = ue.answer(&second);
    ue.say_plainly(&node, answer);
    ue.secure(&mut node).await;
    ue.complete(&mut node).await;
}

#[tokio::test(start_paused = true)]
async fn a_security_mode_complete_with_the_wrong_container_is_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for container in [vec![0x7e, 0, 0x41], GmmMessage::from(RegistrationComplete::new()).encode().expect("encodes")] {
        let mut ue = Ue::new(1);
        ue.send_registration_request(&mut node, initial());
        ue.authenticate(&mut node).await;
        ue.hear(&mut node).await;
        let mut complete = SecurityModeComplete::new();
        complete.nas_message_container = Some(container);
        ue.say(&node, complete);
        refused(&mut ue, &mut node, GmmCause::InvalidMandatoryInformation).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_security_mode_complete_in_the_old_protection_is_silence() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    ue.authenticate(&mut node).await;
    ue.hear(&mut node).await;
    let complete = GmmMessage::from(SecurityModeComplete::new()).encode().expect("encodes");
    let header = SecurityHeaderType::IntegrityProtectedAndCiphered;
    let pdu = ue.security.as_mut().expect("keys").protect(&complete, header).expect("counts left");
    node.uplink(ue.amf.expect("connected"), ue.ran, pdu.into(), "SecurityModeComplete");
    settle().await;
    assert!(node.drain().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refusals_are_explained() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut stranger = Ue::new(1);
    stranger.msin = "0000000001".into();
    let mut request = stranger.registration_request(initial());
    if let MobileIdentity::Suci(suci) = &mut request.identity {
        suci.plmn = Plmn::new("001", "01").expect("a PLMN");
    }
    stranger.ran = node.new_ran_id();
    node.initial(stranger.ran, plain(request), "RegistrationRequest");
    refused(&mut stranger, &mut node, GmmCause::IllegalUe).await;
    assert!(net.explanations()[0].contains("peregrine subscriber add"), "{:?}", net.explanations());

    net.home.subscribe(&["5"]);
    let mut ue = Ue::new(2);
    ue.send_registration_request(&mut node, initial());
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    refused(&mut ue, &mut node, GmmCause::NoNetworkSlicesAvailable).await;
    assert!(net.explanations()[0].contains("network.slices"), "{:?}", net.explanations());

    net.home.subscribe(&["1"]);
    let mut ue = Ue::new(3);
    ue.register(&mut node).await;
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("nowhere"), "request");
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::DlNasTransport(transport)) = heard.nas else { panic!("{heard:?}") };
    assert_eq!(transport.cause, Some(GmmCause::DnnNotSupportedOrSubscribed));
    assert_eq!(transport.payload_container, b"request");
    assert!(net.explanations()[0].contains("network.dnns"), "{:?}", net.explanations());
}

#[tokio::test(start_paused = true)]
async fn session_messages_for_nothing_come_back() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    // No request type and no such session; a modification and an existing session that are not there.
    for request in
        [None, Some(RequestType::Modification), Some(RequestType::Existing), Some(RequestType::InitialEmergency)]
    {
        ue.say_session(&node, 3, request, None, "payload");
        let heard = ue.hear(&mut node).await;
        let Some(GmmMessage::DlNasTransport(transport)) = heard.nas else { panic!("{heard:?}") };
        assert_eq!(transport.cause, Some(GmmCause::PayloadNotForwarded));
    }
    // Identities that no session can have, and payloads for nobody: silence.
    for id in [0, 16, 255] {
        ue.say_session(&node, id, Some(RequestType::Initial), None, "payload");
    }
    ue.say(&node, UlNasTransport::new(PayloadContainerType::Sms, vec![1]));
    ue.say(&node, UlNasTransport::new(PayloadContainerType::N1SmInformation, vec![0; 32_000]));
    settle().await;
    assert!(node.drain().is_empty());
    unharmed(&net, &mut node, &mut ue).await;
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_session_replaces_the_old_one() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    for _ in 0..3 {
        ue.establish(&mut node, 1).await;
        settle().await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        assert_eq!((net.home.sessions(), net.machine.status()["sessions"].as_u64()), (1, Some(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_network_being_down_is_no_ones_end() {
    let net = Net::new();
    let mut node = net.node(1).await;
    net.home.take_down("UDM");
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    refused(&mut ue, &mut node, GmmCause::ProtocolErrorUnspecified).await;
    net.home.bring_up();
    let mut ue = Ue::with_sqn(1, 32);
    ue.register(&mut node).await;
    net.home.take_down("SMF");
    ue.say_session(&node, 1, Some(RequestType::Initial), None, "request");
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::DlNasTransport(transport)) = heard.nas else { panic!("{heard:?}") };
    assert_eq!(transport.cause, Some(GmmCause::PayloadNotForwarded));
    net.home.bring_up();
    unharmed(&net, &mut node, &mut ue).await;
}
