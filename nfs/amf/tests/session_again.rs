//! A session that ends and begins again under the same identity: what is said about the old one does not touch the new.

mod support;

use bytes::Bytes;
use nas::ie::RequestType;
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
    let released = ngap::PduSessionResourceResponseItem {
        pdu_session_id: ngap::PduSessionId(1),
        transfer: Bytes::from_static(b"released"),
    };
    let response = ngap::PduSessionResourceReleaseResponse {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_released_list: vec![released],
        user_location_information: None,
        criticality_diagnostics: None,
    };
    node.send(response, None);
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
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}\n{}", net.ladder.text());
    ue.sessions_set_up(&node, &[1]);
    moments().await;
    assert!(node.drain().is_empty(), "{}", net.ladder.text());
    assert_eq!((net.home.sessions(), net.machine.counts().2), (1, 1));
}
