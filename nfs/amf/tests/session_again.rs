//! A session that ends and begins again under the same identity: what is said about the old one does not touch the new.

mod support;

use nas::GmmMessage;
use nas::ie::{PduSessions, RequestType};
use ngap::Message;
use support::{Net, Node, SessionScript, Ue, settle};

/// Lets everything happen that needs a moment, and no timer of a procedure.
async fn moments() {
    for _ in 0..20 {
        settle().await;
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
    }
    settle().await;
}

/// The UE releases session 1; node and UE complete it at once.
async fn release(node: &mut Node, ue: &mut Ue) {
    ue.say_session(node, 1, None, None, "release request");
    let heard = ue.hear(node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceReleaseCommand(_)), "{heard:?}");
    ue.session_released(node, 1);
    ue.say_session(node, 1, None, None, "release complete");
}

async fn with_session(net: &Net) -> (Node, Ue) {
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    moments().await;
    (node, ue)
}

/// The last release's notification comes while the next context is being made (TS 29.502 5.2.2.5).
#[tokio::test(start_paused = true)]
async fn a_late_notification_does_not_end_the_next_session() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    net.home.script(SessionScript::HearLateOfTheOneBefore);
    for _ in 0..5 {
        net.ladder.clear();
        release(&mut node, &mut ue).await;
        moments().await;
        ue.establish(&mut node, 1).await;
        moments().await;
        let told = net.ladder.text();
        let at = |what: &str| told.find(what).unwrap_or_else(|| panic!("no {what} in\n{told}"));
        let (asked, late) = (at("CreateSMContext request"), at("StatusNotify request"));
        assert!(asked < late && late < at("CreateSMContext response"), "{told}");
        assert!(told.contains("StatusNotify response 204"), "{told}");
        assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
        assert_eq!(net.machine.status()["sessions"], 1);
    }
    // The session's own notification ends it all the same.
    net.home.script(SessionScript::Accept);
    release(&mut node, &mut ue).await;
    moments().await;
    assert_eq!(net.home.sessions(), 0);
    assert_eq!(net.machine.status()["sessions"], 0);
}

/// And when the next session has been established for long.
#[tokio::test(start_paused = true)]
async fn a_very_late_notification_does_not_end_the_next_session() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    net.home.script(SessionScript::HearLateOfTheOneBefore);
    release(&mut node, &mut ue).await;
    moments().await;
    net.home.script(SessionScript::Accept);
    ue.establish(&mut node, 1).await;
    moments().await;
    net.home.tell_of_released().await;
    moments().await;
    assert!(net.ladder.text().contains("StatusNotify response 204"));
    assert_eq!(net.machine.status()["sessions"], 1);
}

/// The UE does not wait for anything between its release and its next request.
#[tokio::test(start_paused = true)]
async fn release_and_request_in_one_breath() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    for script in [SessionScript::Accept, SessionScript::HearLateOfTheOneBefore].repeat(10) {
        net.home.script(script);
        release(&mut node, &mut ue).await;
        ue.establish(&mut node, 1).await;
        moments().await;
        assert_eq!(net.home.sessions(), 1);
        assert_eq!(net.machine.status()["sessions"], 1);
    }
}

/// A command about the old session, on its way as the UE asks for a new one, is not taken for the new one's accept.
#[tokio::test(start_paused = true)]
async fn a_command_for_the_session_before_is_not_carried_out() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    net.home.script(SessionScript::CrossReleaseWithCommand);
    net.ladder.clear();
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    let Message::PduSessionResourceReleaseCommand(command) = heard.n2 else { panic!("{heard:?}") };
    assert_eq!(command.nas_pdu, None, "the UE has replaced it already");
    ue.session_released(&node, 1);
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}\n{}", net.ladder.text());
    ue.sessions_set_up(&node, &[1]);
    moments().await;
    assert!(node.drain().is_empty(), "{}", net.ladder.text());
    assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
}

/// The UE repeats the identity of an active session (TS 24.501 5.4.5.2.5 c): the old one goes at SMF and node, the UE hears
/// of the new one alone.
#[tokio::test(start_paused = true)]
async fn an_active_identity_that_is_used_again() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    net.ladder.clear();
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceReleaseCommand(_)), "{heard:?}");
    ue.session_released(&node, 1);
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}");
    ue.sessions_set_up(&node, &[1]);
    moments().await;
    net.ladder.check(
        "pdu-session-establishment-again",
        "PDU Session Establishment with the identity of an active session",
        "TS 23.502 4.3.2.2.1 where the UE uses the identity of a session that it has: the old one is released at SMF, UPF and gNB first (TS 24.501 5.4.5.2.5 c).",
    );
    assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
}

/// In idle the node has nothing to release.
#[tokio::test(start_paused = true)]
async fn an_inactive_identity_that_is_used_again() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    ue.go_idle(&mut node).await;
    moments().await;
    let whole = ue.whole_request(support::periodic());
    ue.send_protected_registration_request(&mut node, support::periodic(), whole);
    ue.complete(&mut node).await;
    ue.establish(&mut node, 1).await;
    moments().await;
    assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
}

/// An SMF that started anew has forgotten the session (TS 23.527 6): the UE that wants its user plane, and has told no status,
/// learns that it is gone, and makes it once more.
#[tokio::test(start_paused = true)]
async fn a_session_that_its_smf_has_lost() {
    let net = Net::new();
    let (mut node, mut ue) = with_session(&net).await;
    ue.go_idle(&mut node).await;
    moments().await;
    net.home.restart_smf();
    ue.send_service_request(&mut node, &[1]);
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::ServiceAccept(accept)) = heard.nas else { panic!("{heard:?}") };
    assert_eq!(accept.pdu_session_status, Some(PduSessions::default()));
    assert_eq!(accept.reactivation_result, Some([1].into_iter().collect()));
    assert_eq!(accept.reactivation_error_causes, None);
    let Message::InitialContextSetupRequest(request) = heard.n2 else { panic!("no context") };
    assert_eq!(request.pdu_session_resource_setup_list, None);
    ue.context_set_up(&node, &[]);
    moments().await;
    assert_eq!(net.machine.status()["sessions"], 0);
    ue.establish(&mut node, 1).await;
    moments().await;
    assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
}
