//! What stays of a UE after its deregistration (TS 24.501 5.5.2; TS 23.502 4.5.3), and what does not.

mod support;

use std::time::Duration;

use nas::gmm::{DeregistrationRequestUeOriginating, IdentityResponse};
use nas::ie::{AccessType, DeregistrationType, MobileIdentity, NgKsi};
use nas::{GmmCause, GmmMessage, SecurityHeaderType};
use ngap::Message;
use support::ue::plain;
use support::{Net, Node, Ue, initial, settle};
use tokio::time::Instant;

/// The UE switches itself off.
async fn switch_off(node: &mut Node, ue: &mut Ue) {
    let kind = DeregistrationType { switch_off: true, reregistration_required: false, access: AccessType::ThreeGpp };
    let ksi = ue.security.as_ref().map_or(NgKsi::NO_KEY, nas::SecurityContext::ng_ksi);
    let identity = MobileIdentity::Guti(ue.guti.expect("a GUTI"));
    ue.say(node, DeregistrationRequestUeOriginating::new(kind, ksi, identity));
    ue.released(node).await;
    settle().await;
}

/// Time passes, and what is due is done.
async fn pass(net: &Net, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    net.machine.handle_timeout(Instant::now().into_std());
    tokio::time::sleep(Duration::from_millis(10)).await;
}

async fn registers_by_guti(node: &mut Node, ue: &mut Ue) {
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(node, initial(), whole);
    ue.complete(node).await;
}

/// The UE's request with its GUTI is answered as a stranger's.
async fn is_a_stranger(node: &mut Node, ue: &mut Ue) {
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(node, initial(), whole);
    let heard = ue.hear(node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::IdentityRequest(_))), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_for_a_while_and_then_purged() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    switch_off(&mut node, &mut ue).await;
    pass(&net, 3_000).await;
    registers_by_guti(&mut node, &mut ue).await;
    // Being registered has ended the time it is kept; the next deregistration begins another.
    pass(&net, 3_000).await;
    assert_eq!(net.home.purged(), []);
    switch_off(&mut node, &mut ue).await;
    pass(&net, 3_590).await;
    assert_eq!((net.machine.counts().0, net.home.purged()), (1, vec![]));
    pass(&net, 20).await;
    assert_eq!((net.machine.counts(), net.home.purged()), ((0, 1, 0), vec![ue.supi()]));
    is_a_stranger(&mut node, &mut ue).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_gives_way() {
    let net = Net::with(|config, _| config.limits.deregistered_ues = 2);
    let mut node = net.node(1).await;
    let mut ues: Vec<Ue> = (1..=3).map(Ue::new).collect();
    for ue in &mut ues {
        ue.register(&mut node).await;
        switch_off(&mut node, ue).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((net.machine.counts().0, net.home.purged()), (2, vec![ues[0].supi()]));
    registers_by_guti(&mut node, &mut ues[2]).await;
}

#[tokio::test(start_paused = true)]
async fn it_makes_room_for_ues_that_come() {
    let net = Net::with(|config, _| config.limits.ues = 2);
    let mut node = net.node(1).await;
    let mut gone = Ue::new(1);
    gone.register(&mut node).await;
    switch_off(&mut node, &mut gone).await;
    for number in 2..=3 {
        Ue::new(number).register(&mut node).await;
    }
    assert_eq!(net.machine.counts().0, 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_where_the_operator_wants_it_so() {
    let net = Net::with(|config, _| config.timers.purge = 0);
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    switch_off(&mut node, &mut ue).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((net.machine.counts().0, net.home.purged()), (0, vec![ue.supi()]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_nor_purged_of_a_ue_that_the_udm_took_away() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.go_idle(&mut node).await;
    let reason = sbi_models::udm::DeregistrationReason::SubscriptionWithdrawn;
    net.home.notify_deregistered(&ue.supi(), reason).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((net.machine.counts().0, net.home.purged()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_stranger_with_its_guti_does_not_touch_it() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    switch_off(&mut node, &mut ue).await;
    let mut stranger = Ue::new(9);
    stranger.guti = ue.guti;
    stranger.send_registration_request(&mut node, initial());
    let heard = stranger.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::IdentityRequest(_))), "{heard:?}");
    registers_by_guti(&mut node, &mut ue).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_request_of_a_deregistered_ue_is_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    switch_off(&mut node, &mut ue).await;
    ue.send_service_request(&mut node, &[1]);
    let Some(GmmMessage::ServiceReject(reject)) = ue.hear(&mut node).await.nas else { panic!("no reject") };
    assert_eq!(reject.cause, GmmCause::UeIdentityCannotBeDerived);
}

/// A UE whose context the AMF has lost, and which answers the Identity Request ciphered.
async fn ciphered_identity_response(net: &Net, node: &mut Node) -> (Ue, Option<GmmMessage>) {
    let mut ue = Ue::new(1);
    ue.register(node).await;
    switch_off(node, &mut ue).await;
    pass(net, 3_700).await;
    is_a_stranger(node, &mut ue).await;
    let response = GmmMessage::from(IdentityResponse::new(ue.suci())).encode().expect("encodes");
    let security = ue.security.as_mut().expect("keys");
    let pdu = security.protect(&response, SecurityHeaderType::IntegrityProtectedAndCiphered).expect("counts left");
    node.uplink(ue.amf.expect("connected"), ue.ran, pdu.into(), "IdentityResponse");
    let answer = ue.hear(node).await.nas;
    (ue, answer)
}

#[tokio::test(start_paused = true)]
async fn a_ue_that_ciphers_its_identity_with_lost_keys_is_told_at_once() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let (mut ue, answer) = ciphered_identity_response(&net, &mut node).await;
    let Some(GmmMessage::RegistrationReject(reject)) = answer else { panic!("{answer:?}") };
    assert_eq!(reject.cause, GmmCause::UeIdentityCannotBeDerived);
    ue.released(&mut node).await;
    // It has no GUTI any more then, and comes with its SUCI.
    (ue.guti, ue.security) = (None, None);
    ue.register(&mut node).await;
}

#[tokio::test(start_paused = true)]
async fn an_identity_ciphered_with_the_null_algorithm_is_read() {
    let net = Net::with(|config, _| config.security.ciphering = vec![amf::Ciphering::NEA0]);
    let mut node = net.node(1).await;
    let (_, answer) = ciphered_identity_response(&net, &mut node).await;
    assert!(matches!(answer, Some(GmmMessage::AuthenticationRequest(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_registration_leaves_no_session_behind() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    ue.go_idle(&mut node).await;
    // It has gone where nobody serves.
    (ue.ran, ue.amf) = (node.new_ran_id(), None);
    let request = ue.registration_request(support::ue::mobility());
    let nas_pdu = ue.protect_initial(request);
    let elsewhere = ngap::InitialUeMessage {
        ran_ue_ngap_id: ue.ran,
        nas_pdu,
        user_location_information: support::node::location(99),
        rrc_establishment_cause: ngap::RrcEstablishmentCause::MoSignalling,
        five_g_s_tmsi: None,
        amf_set_id: None,
        ue_context_request: true,
        allowed_nssai: None,
    };
    node.send(elsewhere, Some("RegistrationRequest"));
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::RegistrationReject(_))), "{heard:?}");
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((net.machine.counts().0, net.home.sessions()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_registered_ue_refused_for_congestion_stays_registered() {
    let net = Net::with(|config, _| {
        config.limits.procedures.registration = 1;
        config.limits.procedures.queue = 1;
    });
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    ue.go_idle(&mut node).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    for number in 2..=3 {
        let (ran, request) = (node.new_ran_id(), Ue::new(number).registration_request(initial()));
        node.initial(ran, plain(request), "RegistrationRequest");
    }
    let whole = ue.whole_request(support::periodic());
    ue.send_protected_registration_request(&mut node, support::periodic(), whole);
    settle().await;
    let answers: Vec<Message> = node.drain();
    let refused = answers.iter().filter_map(support::ue::nas_pdu).filter_map(|pdu| ue.try_open(&pdu));
    let causes: Vec<_> = refused
        .filter_map(|message| match message {
            GmmMessage::RegistrationReject(reject) => Some(reject.cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [GmmCause::Congestion]);
    assert_eq!((net.machine.status()["ues"].as_u64(), net.home.sessions()), (Some(1), 1));
}
