//! What nodes may send and must not achieve (TS 38.413 clauses 8.7 and 10).

mod support;

use bytes::Bytes;
use ngap::*;
use support::node::{areas, location, setup_request, tai};
use support::{Net, Node, Ue, settle};

fn misc(cause: CauseMisc) -> Cause {
    Cause::Misc(cause)
}

#[tokio::test(start_paused = true)]
async fn ng_setup_is_refused_with_the_right_cause_and_explained() {
    let net = Net::new();
    for (request, cause, key) in [
        (areas("001-01", 1, 1), misc(CauseMisc::UnknownPlmnOrSnpn), "network.plmn"),
        (areas("999-070", 1, 1), misc(CauseMisc::UnknownPlmnOrSnpn), "network.plmn"),
        (areas("999-70", 7, 1), misc(CauseMisc::Unspecified), "network.tacs"),
        (areas("999-70", 1, 9), Cause::RadioNetwork(CauseRadioNetwork::SliceNotSupported), "network.slices"),
    ] {
        let mut node = Node::connect(&net.machine, &net.ladder, 1);
        node.send(setup_request(1, request), None);
        let Message::NgSetupFailure(failure) = node.recv().await else { panic!("no failure") };
        assert_eq!((failure.cause, failure.time_to_wait), (cause, Some(TimeToWait::V10s)));
        assert!(net.explanations()[0].contains(key), "{:?}", net.explanations());
        // It may correct itself on the same association.
        node.ng_setup().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_match_among_many_is_enough() {
    let net = Net::new();
    let mut node = Node::connect(&net.machine, &net.ladder, 1);
    let mut list = areas("001-01", 9, 9);
    list.extend(areas("999-70", 1, 1));
    list[1].broadcast_plmn_list[0].tai_slice_support_list =
        vec![Snssai { sst: 5, sd: None }, Snssai { sst: 1, sd: Some([0xff; 3]) }];
    node.send(setup_request(1, list), None);
    assert!(matches!(node.recv().await, Message::NgSetupResponse(_)));
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_before_ng_setup() {
    let net = Net::new();
    let mut node = Node::connect(&net.machine, &net.ladder, 1);
    node.initial(RanUeNgapId(1), Bytes::from_static(&[0x7e, 0, 0x41]), "?");
    let Message::ErrorIndication(error) = node.recv().await else { panic!("no error indication") };
    assert_eq!(error.cause, Some(Cause::Protocol(CauseProtocol::MessageNotCompatibleWithReceiverState)));
    // A response that nobody asked for is none of our business, before and after.
    node.send(
        NgSetupFailure { cause: misc(CauseMisc::Unspecified), time_to_wait: None, criticality_diagnostics: None },
        None,
    );
    assert!(node.drain().is_empty());
    assert_eq!(net.machine.counts(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_association_without_setup_ends() {
    let net = Net::new();
    let node = Node::connect(&net.machine, &net.ladder, 1);
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    net.machine.handle_timeout(tokio::time::Instant::now().into_std());
    assert!(node.is_ended());
}

#[tokio::test(start_paused = true)]
async fn setup_again_starts_afresh_and_the_same_node_elsewhere_takes_over() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    node.ng_setup().await;
    settle().await;
    assert_eq!(net.machine.counts(), (1, 1, 0), "the UE is idle, its context stays");
    let other = net.node(2).await;
    let _again = net.node(1).await;
    assert!(node.is_ended() && !other.is_ended());
}

#[tokio::test(start_paused = true)]
async fn garbage_gets_an_error_indication_and_touches_nobody() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    for octets in [&[0u8][..], &[], &[0xff; 40], &[0, 21, 0, 0]] {
        node.send_octets(0, octets);
        assert!(matches!(node.recv().await, Message::ErrorIndication(_)), "{octets:?}");
    }
    node.send_octets(0, &vec![0; MAX_MESSAGE_LEN + 1]);
    assert!(matches!(node.recv().await, Message::ErrorIndication(_)));
    // Unknown procedure codes: answered by their criticality (10.3.4.1).
    node.send_octets(0, &[0, 250, 0, 3, 0, 0, 0]);
    assert!(matches!(node.recv().await, Message::ErrorIndication(_)));
    node.send_octets(0, &[0, 250, 0x40, 3, 0, 0, 0]);
    assert!(node.drain().is_empty());
    ue.establish(&mut node, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_only_an_amf_sends_is_refused() {
    let net = Net::new();
    let mut node = net.node(1).await;
    node.send(OverloadStop {}, None);
    let Message::ErrorIndication(error) = node.recv().await else { panic!("no error indication") };
    assert_eq!(error.cause, Some(Cause::Protocol(CauseProtocol::MessageNotCompatibleWithReceiverState)));
}

#[tokio::test(start_paused = true)]
async fn another_nodes_ue_is_out_of_reach() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut thief = net.node(2).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let (amf, ran) = (ue.amf.expect("connected"), ue.ran);
    thief.uplink(amf, ran, Bytes::from_static(&[0x7e, 0, 0x41]), "?");
    let Message::ErrorIndication(error) = thief.recv().await else { panic!("no error indication") };
    assert_eq!(error.cause, Some(Cause::RadioNetwork(CauseRadioNetwork::UnknownLocalUeNgapId)));
    let cause = misc(CauseMisc::OmIntervention);
    thief.send(
        UeContextReleaseRequest { amf_ue_ngap_id: amf, ran_ue_ngap_id: ran, pdu_session_resource_list: None, cause },
        None,
    );
    assert!(matches!(thief.recv().await, Message::ErrorIndication(_)));
    // A partial reset is acknowledged as it came, and touches none of the other node's UEs.
    let item = UeAssociatedLogicalNgConnectionItem { amf_ue_ngap_id: Some(amf), ran_ue_ngap_id: Some(ran) };
    thief.send(NgReset { cause, reset_type: ResetType::PartOfNgInterface(vec![item]) }, None);
    let Message::NgResetAcknowledge(ack) = thief.recv().await else { panic!("no acknowledgement") };
    assert_eq!(ack.ue_associated_logical_ng_connection_list, Some(vec![item]));
    settle().await;
    assert_eq!(net.machine.counts(), (1, 2, 1));
    ue.establish(&mut node, 1).await;
}

#[tokio::test(start_paused = true)]
async fn identifiers_never_given_out_are_unknown() {
    let net = Net::new();
    let mut node = net.node(1).await;
    for amf in [0, 1, AmfUeNgapId::MAX] {
        let amf = AmfUeNgapId::new(amf).expect("40 bits");
        node.uplink(amf, RanUeNgapId(9), Bytes::from_static(&[0x7e, 0, 0x41]), "?");
        let Message::ErrorIndication(error) = node.recv().await else { panic!("no error indication") };
        assert_eq!((error.amf_ue_ngap_id, error.ran_ue_ngap_id), (Some(amf), Some(RanUeNgapId(9))));
    }
}

#[tokio::test(start_paused = true)]
async fn identifiers_that_do_not_belong_together_cost_both_connections() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let (mut one, mut two, mut three) = (Ue::new(1), Ue::new(2), Ue::new(3));
    one.register(&mut node).await;
    two.register(&mut node).await;
    three.register(&mut node).await;
    node.uplink(one.amf.expect("connected"), two.ran, Bytes::from_static(&[0x7e, 0, 0x41]), "?");
    let Message::ErrorIndication(error) = node.recv().await else { panic!("no error indication") };
    assert_eq!(error.cause, Some(Cause::RadioNetwork(CauseRadioNetwork::InconsistentRemoteUeNgapId)));
    settle().await;
    assert_eq!(net.machine.counts(), (3, 1, 1), "all stay registered, the third stays connected");
    three.establish(&mut node, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_ran_id_used_twice_names_the_newer_ue() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut one = Ue::new(1);
    one.register(&mut node).await;
    let mut two = Ue::new(2);
    two.ran = one.ran;
    two.request = Some(two.whole_request(support::initial()));
    let request = nas::GmmMessage::from(two.registration_request(support::initial())).encode().expect("encodes");
    node.initial(one.ran, request.into(), "RegistrationRequest");
    two.authenticate(&mut node).await;
    two.secure(&mut node).await;
    two.complete(&mut node).await;
    settle().await;
    assert_eq!(net.machine.counts(), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_ue_keeps_its_stream_and_others_use_stream_zero() {
    let net = Net::new();
    let mut node = net.node(1).await;
    assert_eq!(node.last_stream, 0);
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, support::initial());
    ue.hear(&mut node).await;
    assert_eq!(node.last_stream, 3, "the stream it came on");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_read_is_disconnected_and_nobody_waits() {
    let net = Net::with(|config, _| config.limits.outbox = 16);
    let slow = net.node(1).await;
    let mut node = net.node(2).await;
    for _ in 0..40 {
        slow.send_octets(0, &[0]);
    }
    assert!(slow.is_ended());
    Ue::new(1).register(&mut node).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_and_ues_are_bounded() {
    let net = Net::with(|config, _| {
        config.limits.gnbs = 2;
        config.limits.ues_per_gnb = 3;
        config.limits.ues = 4;
    });
    let mut one = net.node(1).await;
    let mut two = net.node(2).await;
    assert!(net.machine.connect(std::time::Instant::now(), 10).is_none());
    for (node, first) in [(&mut one, 1), (&mut two, 11)] {
        for number in first..first + 5 {
            Ue::new(number).send_registration_request(node, support::initial());
        }
    }
    settle().await;
    let (ues, _, connections) = net.machine.counts();
    assert!(ues <= 4 && connections <= 6, "{ues} UEs, {connections} connections");
    let answers = one.drain();
    let overload = Some(misc(CauseMisc::ControlProcessingOverload));
    assert!(answers.iter().any(|answer| matches!(answer, Message::ErrorIndication(error) if error.cause == overload)));
}

#[tokio::test(start_paused = true)]
async fn configuration_updates_are_taken_whole_or_not_at_all() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let update = |list| RanConfigurationUpdate { supported_ta_list: Some(list), ..Default::default() };
    node.send(update(areas("999-70", 8, 1)), None);
    assert!(matches!(node.recv().await, Message::RanConfigurationUpdateFailure(_)));
    assert_eq!(net.machine.status()["gnb_list"][0]["tacs"][0], 1);
    node.send(RanConfigurationUpdate { ran_node_name: Some("new".into()), ..Default::default() }, None);
    assert!(matches!(node.recv().await, Message::RanConfigurationUpdateAcknowledge(_)));
    assert_eq!(net.machine.status()["gnb_list"][0]["name"], "new");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_never_completed_is_forgotten() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.release_request(&node);
    assert!(matches!(ue.hear(&mut node).await.n2, Message::UeContextReleaseCommand(_)));
    assert_eq!(net.machine.counts().2, 1);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    net.machine.handle_timeout(tokio::time::Instant::now().into_std());
    assert_eq!(net.machine.counts(), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_abort_with_procedures_under_way_leaves_nothing() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ues: Vec<Ue> = (1..=40).map(Ue::new).collect();
    for ue in &mut ues {
        ue.send_registration_request(&mut node, support::initial());
    }
    node.disconnect();
    settle().await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(net.machine.counts(), (0, 0, 0));
    let _ = (location(1), tai(1));
}
