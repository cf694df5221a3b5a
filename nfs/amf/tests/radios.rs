//! What real gNBs and phones do that simulators seldom do: answers in either order, in part, capabilities that come late and stay.

mod support;

use bytes::Bytes;
use nas::gmm::{RegistrationComplete, SecurityModeReject};
use nas::ie::{Element, PduSessions, RequestType, UeSecurityCapability};
use nas::{GmmCause, GmmMessage};
use ngap::{
    Cause, CauseRadioNetwork, InitialContextSetupRequest, InitialContextSetupResponse, Message,
    PduSessionResourceFailedItem, PduSessionResourceNotify, PduSessionResourceNotifyItem,
    PduSessionResourceSetupResponse, UeContextReleaseRequest, UeRadioCapabilityInfoIndication,
};
use support::ue::mobility;
use support::{Net, Node, Ue, periodic, settle};

const CAPABILITY: Bytes = Bytes::from_static(b"bands and features of a phone");

async fn moments() {
    for _ in 0..20 {
        settle().await;
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
    }
    settle().await;
}

async fn registered(net: &Net, sessions: &[u8]) -> (Node, Ue) {
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    for id in sessions {
        ue.establish(&mut node, *id).await;
    }
    moments().await;
    (node, ue)
}

fn tells_capability(node: &Node, ue: &Ue) {
    let indication = UeRadioCapabilityInfoIndication {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        ue_radio_capability: CAPABILITY,
        ue_radio_capability_for_paging: None,
    };
    node.send(indication, None);
}

/// Hears a context being set up, and what it carries.
async fn context(node: &mut Node, ue: &mut Ue) -> (InitialContextSetupRequest, Option<GmmMessage>) {
    let heard = ue.hear(node).await;
    let Message::InitialContextSetupRequest(request) = heard.n2 else { panic!("no context: {heard:?}") };
    (request, heard.nas)
}

/// TS 23.501 5.4.4.1: the AMF keeps the radio capability and gives it to the node with each context, until the UE registers afresh.
#[tokio::test(start_paused = true)]
async fn the_radio_capability_stays_until_the_ue_registers_afresh() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[]).await;
    tells_capability(&node, &ue);
    settle().await;
    for _ in 0..2 {
        ue.go_idle(&mut node).await;
        ue.send_service_request(&mut node, &[]);
        let (request, _) = context(&mut node, &mut ue).await;
        assert_eq!(request.ue_radio_capability, Some(CAPABILITY));
        ue.context_set_up(&node, &[]);
        moments().await;
    }
    // A periodic or mobility registration leaves it.
    ue.go_idle(&mut node).await;
    let whole = ue.whole_request(periodic());
    ue.send_protected_registration_request(&mut node, periodic(), whole);
    let (request, nas) = context(&mut node, &mut ue).await;
    assert_eq!(request.ue_radio_capability, Some(CAPABILITY));
    let Some(GmmMessage::RegistrationAccept(accept)) = nas else { panic!("no accept") };
    ue.context_set_up(&node, &[]);
    ue.guti = accept.guti.or(ue.guti);
    ue.say(&node, RegistrationComplete::new());
    moments().await;
    node.drain();
    // An initial one does not: the UE may have changed what it can.
    ue.go_idle(&mut node).await;
    let mut afresh = Ue::with_sqn(1, 1 << 20);
    net.home.set_sqn(afresh.supi().as_str(), 1 << 21);
    afresh.send_registration_request(&mut node, support::initial());
    afresh.authenticate(&mut node).await;
    afresh.secure(&mut node).await;
    let (request, _) = context(&mut node, &mut afresh).await;
    assert_eq!(request.ue_radio_capability, None);
}

/// Of two sessions that are to come back the node has room for one: each SMF hears what became of its own.
#[tokio::test(start_paused = true)]
async fn a_context_set_up_in_part() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1, 2]).await;
    ue.go_idle(&mut node).await;
    moments().await;
    net.ladder.clear();
    ue.send_service_request(&mut node, &[1, 2]);
    let (request, nas) = context(&mut node, &mut ue).await;
    assert!(matches!(nas, Some(GmmMessage::ServiceAccept(_))));
    assert!(request.ue_aggregate_maximum_bit_rate.is_some(), "there with sessions");
    let failed = PduSessionResourceFailedItem {
        pdu_session_id: ngap::PduSessionId(2),
        transfer: Bytes::from_static(b"no room"),
    };
    let set_up = ngap::PduSessionResourceResponseItem {
        pdu_session_id: ngap::PduSessionId(1),
        transfer: Bytes::from_static(b"set up"),
    };
    let response = InitialContextSetupResponse {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_setup_list: Some(vec![set_up]),
        pdu_session_resource_failed_to_setup_list: Some(vec![failed]),
        criticality_diagnostics: None,
    };
    node.send(response, None);
    moments().await;
    let told = net.ladder.text();
    assert_eq!(told.matches("(N2: set up) request").count(), 1, "{told}");
    assert_eq!(told.matches("(N2: not set up) request").count(), 1, "{told}");
    // The one that failed has no user plane to give up when the UE goes; the other has.
    net.ladder.clear();
    ue.go_idle(&mut node).await;
    moments().await;
    let told = net.ladder.text();
    assert_eq!(told.matches("(deactivate) request").count(), 1, "{told}");
    assert_eq!(net.machine.status()["sessions"], 2, "both are there");
}

/// The node refuses a session that the UE has just asked for: its SMF hears it, and says what becomes of the session.
#[tokio::test(start_paused = true)]
async fn a_session_that_the_node_refuses() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[]).await;
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}");
    let failed = PduSessionResourceFailedItem {
        pdu_session_id: ngap::PduSessionId(1),
        transfer: Bytes::from_static(b"no room"),
    };
    let response = PduSessionResourceSetupResponse {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_setup_list: None,
        pdu_session_resource_failed_to_setup_list: Some(vec![failed]),
        criticality_diagnostics: None,
        user_location_information: None,
    };
    node.send(response, None);
    moments().await;
    assert_eq!(net.ladder.text().matches("(N2: not set up) request").count(), 1, "{}", net.ladder.text());
    // And the UE may ask again.
    net.home.tell_of_released().await;
    ue.establish(&mut node, 1).await;
}

/// The UE's answers overtake the node's: at registration, and when a session is released.
#[tokio::test(start_paused = true)]
async fn the_ue_is_faster_than_its_node() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, support::initial());
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    let (_, nas) = context(&mut node, &mut ue).await;
    let Some(GmmMessage::RegistrationAccept(accept)) = nas else { panic!("no accept") };
    ue.guti = accept.guti;
    ue.say(&node, RegistrationComplete::new());
    // The UE goes on at once, too.
    ue.say_session(&node, 1, Some(RequestType::Initial), Some("internet"), "request");
    settle().await;
    assert!(node.drain().is_empty(), "no session and no command comes before the context is set up");
    ue.context_set_up(&node, &[]);
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::ConfigurationUpdateCommand(_))), "{heard:?}");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}");
    ue.sessions_set_up(&node, &[1]);
    moments().await;
    assert_eq!((net.home.sessions(), net.machine.status()["sessions"].as_u64()), (1, Some(1)));

    ue.say_session(&node, 1, None, None, "release request");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceReleaseCommand(_)), "{heard:?}");
    ue.say_session(&node, 1, None, None, "release complete");
    settle().await;
    ue.session_released(&node, 1);
    moments().await;
    assert_eq!((net.home.sessions(), net.machine.status()["sessions"].as_u64()), (0, Some(0)));
    assert!(node.drain().is_empty());
}

/// A connected UE that moved to another area wants its session's user plane back; it confirms its new GUTI before the node has
/// set the session up.
#[tokio::test(start_paused = true)]
async fn a_registration_in_connected_mode_with_uplink_data() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1, 2]).await;
    ue.go_idle(&mut node).await;
    ue.send_service_request(&mut node, &[]);
    context(&mut node, &mut ue).await;
    ue.context_set_up(&node, &[]);
    moments().await;
    net.ladder.clear();
    let mut request = ue.whole_request(mobility());
    request.uplink_data_status = Some([1].into_iter().collect());
    // Session 2 is gone at the UE.
    request.pdu_session_status = Some([1].into_iter().collect());
    ue.say(&node, request);
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::RegistrationAccept(accept)) = heard.nas else { panic!("no accept: {heard:?}") };
    assert_eq!(accept.pdu_session_status, Some([1].into_iter().collect::<PduSessions>()));
    assert_eq!(accept.reactivation_result, Some(PduSessions::default()), "no session fails");
    ue.guti = accept.guti.or(ue.guti);
    let heard = ue.hear(&mut node).await;
    let Message::PduSessionResourceSetupRequest(setup) = heard.n2 else { panic!("no setup: {heard:?}") };
    assert_eq!(setup.pdu_session_resource_setup_list.len(), 1);
    ue.say(&node, RegistrationComplete::new());
    settle().await;
    assert!(node.drain().is_empty(), "the UE has answered: nothing is wrong with that");
    ue.sessions_set_up(&node, &[1]);
    moments().await;
    let sent: Vec<_> = node.drain().iter().filter_map(support::ue::nas_pdu).map(|pdu| ue.open(&pdu)).collect();
    assert!(matches!(sent[..], [GmmMessage::ConfigurationUpdateCommand(_)]), "{sent:?}");
    let told = net.ladder.text();
    assert_eq!(told.matches("(N2: set up) request").count(), 1, "{told}");
    assert_eq!((net.home.sessions(), net.machine.status()["sessions"].as_u64()), (1, Some(1)), "{told}");
}

/// TS 38.413 8.3.2: the node says why it wants the connection released, and is not told another reason.
#[tokio::test(start_paused = true)]
async fn a_release_has_the_nodes_own_cause() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1]).await;
    let cause = Cause::RadioNetwork(CauseRadioNetwork::RadioConnectionWithUeLost);
    let request = UeContextReleaseRequest {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_list: None,
        cause,
    };
    node.send(request, None);
    let heard = ue.hear(&mut node).await;
    let Message::UeContextReleaseCommand(command) = heard.n2 else { panic!("no command: {heard:?}") };
    assert_eq!(command.cause, cause);
}

/// Phones send two octets of security capability, four with E-UTRA, or more that are spare: all come back to them.
#[tokio::test(start_paused = true)]
async fn security_capabilities_of_every_length() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for (number, octets) in
        (1..).zip([&[0xf0, 0x70][..], &[0xf0, 0x70, 0xe0, 0x60], &[0xf0, 0x70, 0xf0, 0x70, 0, 0, 0, 0]])
    {
        let mut ue = Ue::new(number);
        ue.capability = UeSecurityCapability::decode(octets).expect("a capability");
        ue.send_registration_request(&mut node, support::initial());
        ue.authenticate(&mut node).await;
        // Which compares what the command replays.
        ue.secure(&mut node).await;
        let (request, _) = context(&mut node, &mut ue).await;
        let capabilities = request.ue_security_capabilities;
        // Bit 8 of the octet is the null algorithm, which NGAP leaves out.
        let bits = |place: usize| octets.get(place).map_or(0, |octet| u16::from(*octet) << 9);
        assert_eq!(
            [
                capabilities.nr_encryption_algorithms,
                capabilities.nr_integrity_protection_algorithms,
                capabilities.eutra_encryption_algorithms,
                capabilities.eutra_integrity_protection_algorithms,
            ],
            [bits(0), bits(1), bits(2), bits(3)]
        );
    }
}

/// Data networks are asked for in any case (TS 23.003 9.1: names of labels), or not at all.
#[tokio::test(start_paused = true)]
async fn data_networks_in_any_case_and_by_default() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[]).await;
    for (id, dnn) in [(1, Some("Internet")), (2, Some("INTERNET")), (3, None)] {
        ue.say_session(&node, id, Some(RequestType::Initial), dnn, "request");
        let heard = ue.hear(&mut node).await;
        assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{dnn:?}: {heard:?}");
        ue.sessions_set_up(&node, &[id]);
        moments().await;
    }
    assert_eq!(net.home.sessions(), 3);
}

/// The radio link failed and only the UE knows: it comes anew, through another node, while the old one still has it. Its
/// sessions are taken off the old node's tunnels, where packets would vanish, and the one it wants back is set up anew.
#[tokio::test(start_paused = true)]
async fn a_ue_that_lost_its_radio_comes_through_another_node() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1, 2]).await;
    let mut other = net.node(2).await;
    let (old_ran, old_amf) = (ue.ran, ue.amf);
    net.ladder.clear();
    ue.send_service_request(&mut other, &[2]);
    let (request, nas) = context(&mut other, &mut ue).await;
    assert!(matches!(nas, Some(GmmMessage::ServiceAccept(_))));
    assert_eq!(request.pdu_session_resource_setup_list.map_or(0, |list| list.len()), 1);
    ue.context_set_up(&other, &[2]);
    moments().await;
    let [Message::UeContextReleaseCommand(command)] = &node.drain()[..] else { panic!("the old node keeps it") };
    let pair = ngap::UeNgapIds::Pair { amf_ue_ngap_id: old_amf.expect("connected"), ran_ue_ngap_id: old_ran };
    assert_eq!(command.ue_ngap_ids, pair);
    let told = net.ladder.text();
    assert_eq!(told.matches("(deactivate) request").count(), 2, "both leave the old tunnel\n{told}");
    assert_eq!(told.matches("(N2: set up) request").count(), 1, "{told}");
    assert_eq!(net.machine.status()["sessions"], 2);
}

/// PDU Session Resource Notify about sessions that the node has given up.
fn gives_up(node: &Node, ue: &Ue, sessions: &[u8]) {
    let released = |id: &u8| PduSessionResourceNotifyItem {
        pdu_session_id: ngap::PduSessionId(*id),
        transfer: Bytes::from_static(b"given up"),
    };
    let notify = PduSessionResourceNotify {
        amf_ue_ngap_id: ue.amf.expect("connected"),
        ran_ue_ngap_id: ue.ran,
        pdu_session_resource_notify_list: None,
        pdu_session_resource_released_list: Some(sessions.iter().map(released).collect()),
        user_location_information: None,
    };
    node.send(notify, None);
}

/// PDU Session Resource Notify (TS 38.413 8.2.4): the node gives a session's resources up by itself, and its SMF hears it.
#[tokio::test(start_paused = true)]
async fn a_node_that_gives_up_a_sessions_resources() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1, 2]).await;
    net.ladder.clear();
    // A session that it never had is nobody's.
    gives_up(&node, &ue, &[1, 9]);
    moments().await;
    let told = net.ladder.text();
    assert_eq!(told.matches("(N2: given up) request").count(), 1, "{told}");
    // It has no user plane to give up when the UE goes; the other has.
    net.ladder.clear();
    ue.go_idle(&mut node).await;
    moments().await;
    let told = net.ladder.text();
    assert_eq!(told.matches("(deactivate) request").count(), 1, "{told}");
    assert_eq!(net.machine.status()["sessions"], 2);
}

/// And while the AMF waits for something else of the node: it is looked at afterwards.
#[tokio::test(start_paused = true)]
async fn resources_given_up_in_the_middle_of_something_else() {
    let net = Net::new();
    let (mut node, mut ue) = registered(&net, &[1]).await;
    net.ladder.clear();
    ue.say_session(&node, 2, Some(RequestType::Initial), Some("internet"), "request");
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::PduSessionResourceSetupRequest(_)), "{heard:?}");
    gives_up(&node, &ue, &[1]);
    settle().await;
    ue.sessions_set_up(&node, &[2]);
    moments().await;
    let told = net.ladder.text();
    assert_eq!(told.matches("(N2: given up) request").count(), 1, "{told}");
    assert_eq!(told.matches("(N2: set up) request").count(), 1, "{told}");
}

/// A phone that finds its capabilities changed on the way, or cannot use the algorithms (TS 24.501 5.4.2.5): it is refused in a
/// way that it can read, operators learn which key to change, and it may try again.
#[tokio::test(start_paused = true)]
async fn a_phone_that_rejects_the_security_mode() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for (number, cause) in [(1, GmmCause::UeSecurityCapabilitiesMismatch), (2, GmmCause::SecurityModeRejected)] {
        let mut ue = Ue::new(number);
        ue.send_registration_request(&mut node, support::initial());
        ue.authenticate(&mut node).await;
        let heard = ue.hear(&mut node).await;
        assert!(matches!(heard.nas, Some(GmmMessage::SecurityModeCommand(_))), "{heard:?}");
        // It keeps the context of before, which is none.
        ue.security = None;
        ue.say_plainly(&node, SecurityModeReject::new(cause));
        let heard = ue.hear(&mut node).await;
        let Some(GmmMessage::RegistrationReject(reject)) = heard.nas else { panic!("no reject in clear: {heard:?}") };
        assert_eq!(reject.cause, cause);
        ue.released(&mut node).await;
        moments().await;
        let said = net.explanations();
        assert!(said.iter().any(|line| line.contains(&format!("Security Mode Reject {cause}"))), "{said:?}");
        assert_eq!(net.machine.status()["ues"], number - 1, "nothing is kept of it");
        ue.register(&mut node).await;
    }
}
