//! The SMF's part of each procedure as a ladder.

mod support;

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use nas::ie::{EpcoRequest, IntegrityMaximumDataRate, PduAddress, PduSessionType};
use nas::{GsmCause, GsmMessage, GsmPdu, gsm};
use ngap::transfer::{
    PduSessionResourceSetupRequestTransfer, PduSessionResourceSetupResponseTransfer,
    PduSessionResourceSetupUnsuccessfulTransfer, QosFlowPerTnlInformation,
};
use ngap::{GtpTunnel, TransportLayerAddress};
use pfcp::{NodeId, NodeReportRequest, NodeReportType, PathFailureReport, PathRecoveryReport};
use runtime::Network;
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::{Codec, Multipart, WithParts};
use sbi_models::amf::N1N2MessageTransferReqData;
use sbi_models::smf::{
    Cause, N2SmInfoType, SmContextCreateData, SmContextCreateError, SmContextReleaseData, SmContextUpdateData,
    SmContextUpdatedData, UpCnxState,
};
use sbi_models::{AccessType, PlmnIdNid};

use support::Scene;

const SM_DATA: &str = r#"[{"singleNssai":{"sst":1},"dnnConfigurations":{"internet":{
    "pduSessionTypes":{"defaultSessionType":"IPV4"},"sscModes":{"defaultSscMode":"SSC_MODE_1"},
    "5gQosProfile":{"5qi":7,"arp":{"priorityLevel":3,"preemptCap":"NOT_PREEMPT","preemptVuln":"PREEMPTABLE"}},
    "sessionAmbr":{"uplink":"20 Mbps","downlink":"50 Mbps"}}}}]"#;

const SUPI: &str = "imsi-999700000000001";

fn request(session_type: Option<PduSessionType>) -> GsmPdu {
    let request = gsm::PduSessionEstablishmentRequest {
        integrity_maximum_data_rate: IntegrityMaximumDataRate::FULL,
        pdu_session_type: session_type,
        ssc_mode: None,
        capability: None,
        always_on_requested: None,
        dn_request_container: None,
        epco: Some(EpcoRequest::usual()),
    };
    GsmPdu::new(1, 5, request)
}

async fn create(scene: &Scene, dnn: &str, pdu: &GsmPdu) -> sbi_api::Response {
    let plmn: PlmnIdNid = serde_json::from_str(r#"{"mcc":"999","mnc":"70"}"#).expect("a PLMN");
    let status_uri = format!("http://amf.test/namf-callback/v1/{SUPI}/sm-context-status/1");
    let mut data = SmContextCreateData::new(uuid::Uuid::nil(), plmn, AccessType::ThreeGpp, status_uri);
    data.supi = SUPI.parse().ok();
    data.pdu_session_id = sbi_models::PduSessionId::new(1).ok();
    data.dnn = dnn.parse().ok();
    data.s_nssai = "1".parse().ok();
    let mut body = WithParts::from(data);
    body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, pdu.encode().expect("a message").into()));
    let (content_type, octets) = Multipart::<SmContextCreateData>::encode(&body);
    scene.amf("/nsmf-pdusession/v1/sm-contexts", content_type.to_str().expect("text"), octets).await
}

/// Creates the session and returns the path of its context.
async fn established(scene: &Scene) -> String {
    let response = create(scene, "internet", &request(None)).await;
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    location.strip_prefix("http://smf.test:7777").expect("our root").to_owned()
}

async fn update(
    scene: &Scene,
    context: &str,
    body: WithParts<SmContextUpdateData>,
) -> Option<WithParts<SmContextUpdatedData>> {
    let (content_type, octets) = Multipart::<SmContextUpdateData>::encode(&body);
    let response = scene.amf(&format!("{context}/modify"), content_type.to_str().expect("text"), octets).await;
    assert!(response.status().is_success(), "{response:?}");
    let content_type = response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
    content_type.map(|kind| Multipart::decode(&kind, response.into_body()).expect("an update's answer"))
}

async fn ran_sets_up(scene: &Scene, context: &str) {
    let transfer = PduSessionResourceSetupResponseTransfer {
        dl_qos_flow_per_tnl_information: QosFlowPerTnlInformation {
            up_transport_layer_information: GtpTunnel {
                transport_layer_address: TransportLayerAddress::V4([192, 0, 2, 1].into()),
                gtp_teid: 9,
            },
            associated_qos_flow_list: vec![ngap::Qfi::new(1).expect("below 64")],
        },
        qos_flow_failed_to_setup_list: None,
    };
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n2_sm_info = Some(body.attach("n2", NGAP, transfer.encode().expect("a container")));
    body.json.n2_sm_info_type = Some(N2SmInfoType::PduResSetupRsp);
    update(scene, context, body).await;
}

fn last_transfer(scene: &Scene) -> WithParts<N1N2MessageTransferReqData> {
    let (content_type, body) = scene.to_amf.lock().expect("no panic").pop_front().expect("the AMF was sent something");
    Multipart::decode(&content_type, body).expect("a transfer")
}

fn n1_of(body: &WithParts<N1N2MessageTransferReqData>) -> GsmPdu {
    let container = body.json.n1_message_container.as_ref().expect("an N1 message");
    GsmPdu::decode(&body.part(&container.n1_message_content).expect("a part")).expect("a 5GSM message")
}

#[tokio::test]
async fn establishment_and_release_by_the_ue() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    let ladder = scene.ladder.until("SMF -> AMF").await;
    assert_eq!(
        ladder,
        "AMF -> SMF: POST sm-contexts\n\
         SMF -> UDM: GET /nudm-sdm/v2/imsi-999700000000001/sm-data\n\
         SMF -> UDM: PUT /nudm-uecm/v1/imsi-999700000000001/registrations/smf-registrations/1\n\
         SMF -> UPF: SessionEstablishmentRequest\n\
         SMF -> AMF: POST /namf-comm/v1/ue-contexts/imsi-999700000000001/n1-n2-messages\n"
    );
    let transfer = last_transfer(&scene);
    let GsmMessage::PduSessionEstablishmentAccept(accept) = n1_of(&transfer).message else { panic!("no accept") };
    assert_eq!((accept.session_ambr.uplink_kbps, accept.session_ambr.downlink_kbps), (20_000, 50_000));
    assert_eq!(accept.pdu_address.and_then(|address| address.ipv4()), Some([10, 45, 0, 2].into()));
    assert_eq!(accept.epco.expect("asked for").mtu(), Some(1400));
    let n2 = transfer.json.n2_info_container.as_ref().and_then(|n2| n2.sm_info.as_ref()).expect("N2 SM information");
    let n2 = transfer.part(&n2.n2_info_content.as_ref().expect("content").ngap_data).expect("a part");
    let setup = PduSessionResourceSetupRequestTransfer::decode(&n2).expect("a setup request");
    assert_eq!(setup.ul_ngu_up_tnl_information.gtp_teid, 0x1234);

    ran_sets_up(&scene, &context).await;
    let release = GsmPdu::new(1, 6, gsm::PduSessionReleaseRequest { cause: None, epco: None });
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, release.encode().expect("a message").into()));
    let answer = update(&scene, &context, body).await.expect("an answer with N1 and N2");
    assert_eq!(answer.json.n2_sm_info_type, Some(N2SmInfoType::PduResRelCmd));
    let command = GsmPdu::decode(&answer.part(answer.json.n1_sm_msg.as_ref().expect("N1")).expect("a part"));
    let command = command.expect("a 5GSM message");
    assert!(matches!((command.pti, command.message), (6, GsmMessage::PduSessionReleaseCommand(_))));

    let complete = GsmPdu::new(1, 6, gsm::PduSessionReleaseComplete { cause: None, epco: None });
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, complete.encode().expect("a message").into()));
    update(&scene, &context, body).await;
    let mut ladder = scene.ladder.until("SMF -> AMF").await;
    let udm = "SMF -> UDM: DELETE /nudm-uecm/v1/imsi-999700000000001/registrations/smf-registrations/1\n";
    if !ladder.contains(udm) {
        ladder += &scene.ladder.until("SMF -> UDM").await; // nothing waits for it
    }
    assert_eq!(
        ladder.replace(udm, ""),
        "AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(2)\n\
         AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionDeletionRequest\n\
         AMF -> SMF: POST modify\n\
         SMF -> AMF: POST /namf-callback/v1/imsi-999700000000001/sm-context-status/1\n"
    );
}

#[tokio::test]
async fn a_release_that_the_ue_does_not_acknowledge_is_told_again_and_ends() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    scene.ladder.until("SMF -> AMF").await;
    let release = GsmPdu::new(1, 6, gsm::PduSessionReleaseRequest { cause: None, epco: None });
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, release.encode().expect("a message").into()));
    update(&scene, &context, body).await;
    let ladder = scene.ladder.until("SMF -> AMF: POST /namf-callback").await;
    assert_eq!(ladder.matches("n1-n2-messages").count(), 4, "{ladder}");
}

#[tokio::test]
async fn the_user_plane_goes_and_comes_back() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    scene.ladder.until("SMF -> AMF").await;
    ran_sets_up(&scene, &context).await;
    let state = |wanted| SmContextUpdateData { up_cnx_state: Some(wanted), ..SmContextUpdateData::default() }.into();
    let answer = update(&scene, &context, state(UpCnxState::Deactivated)).await.expect("an answer");
    assert_eq!(answer.json.up_cnx_state, Some(UpCnxState::Deactivated));
    let answer = update(&scene, &context, state(UpCnxState::Activating)).await.expect("an answer");
    assert_eq!(answer.json.n2_sm_info_type, Some(N2SmInfoType::PduResSetupReq));
    ran_sets_up(&scene, &context).await;
    assert_eq!(
        scene.ladder.until("SMF -> UPF: SessionModificationRequest ApplyAction(12)").await
            + &scene.ladder.until("SMF -> UPF: SessionModificationRequest ApplyAction(2)").await,
        "AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(2)\n\
         AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(12)\n\
         AMF -> SMF: POST modify\n\
         AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(2)\n"
    );
}

#[tokio::test]
async fn a_context_that_the_amf_releases_is_gone() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    let (content_type, octets) = Multipart::<SmContextReleaseData>::encode(&SmContextReleaseData::default().into());
    let content_type = content_type.to_str().expect("text");
    let path = format!("{context}/release");
    assert_eq!(scene.amf(&path, content_type, octets.clone()).await.status(), 204);
    scene.ladder.until("SMF -> UPF: SessionDeletionRequest").await;
    let again = scene.amf(&path, content_type, octets).await;
    assert_eq!(again.status(), 404);
}

/// TS 23.527 4.3: the sessions of a UPF that started again are made there once more, as they were.
#[tokio::test]
async fn a_session_is_restored_at_a_upf_that_starts_again() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    scene.ladder.until("SMF -> UPF: SessionModificationRequest").await;
    scene.upf.restart();
    assert_eq!(
        scene.ladder.until("SMF -> UPF: SessionModificationRequest").await,
        "UPF is associated\n\
         SMF -> UPF: SessionEstablishmentRequest\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(2)\n"
    );
}

/// TS 29.244 6.2.9: paths that failed or recovered are taken note of, and nothing is done to the sessions that use them.
#[tokio::test]
async fn paths_that_a_upf_tells_of_are_counted_and_sessions_stay() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    scene.ladder.until("SMF -> UPF: SessionModificationRequest").await;
    let upf = NodeId::Address([192, 0, 2, 7].into());
    let mut failure = NodeReportRequest::new(upf.clone(), NodeReportType::UPFR);
    scene.upf.report(failure.clone());
    let answer = scene.ladder.until("SMF -> UPF").await;
    assert_eq!(answer, "SMF -> UPF: NodeReportResponse ConditionalIeMissing (67)\n");

    let peers = vec![IpAddr::from([192, 0, 2, 1]).into(), IpAddr::from([192, 0, 2, 2]).into()];
    failure.path_failure = Some(PathFailureReport { peers: peers.clone() });
    let mut recovery = NodeReportRequest::new(upf, NodeReportType::UPRR);
    recovery.path_recovery = Some(PathRecoveryReport { peers });
    for report in [failure, recovery] {
        scene.upf.report(report);
        let answer = scene.ladder.until("SMF -> UPF").await;
        assert_eq!(answer, "SMF -> UPF: NodeReportResponse RequestAccepted (1)\n");
    }
    let metrics = scene.metrics.encode();
    for change in ["failed", "recovered"] {
        let counted = metrics.lines().find(|line| line.contains("n3_path_changes") && line.contains(change));
        assert!(counted.is_some_and(|line| line.ends_with(" 2")), "{metrics}");
    }
    // It is there, and released as any other.
    let (content_type, octets) = Multipart::<SmContextReleaseData>::encode(&SmContextReleaseData::default().into());
    let content_type = content_type.to_str().expect("text");
    let response = scene.amf(&format!("{context}/release"), content_type, octets).await;
    assert_eq!(response.status(), 204);
    assert!(scene.ladder.until("SMF -> UPF").await.contains("SessionDeletionRequest"));
}

/// A session that is there again but cannot be made what it was is deleted there, and the UE is told to make a new one.
#[tokio::test]
async fn a_session_half_restored_is_deleted_at_its_upf() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    scene.ladder.until("SMF -> UPF: SessionModificationRequest").await;
    scene.upf.changes.store(false, Relaxed);
    scene.upf.restart();
    assert_eq!(
        scene.ladder.until("SMF -> AMF").await,
        "UPF is associated\n\
         SMF -> UPF: SessionEstablishmentRequest\n\
         SMF -> UPF: SessionModificationRequest ApplyAction(2)\n\
         SMF -> UPF: SessionDeletionRequest\n\
         SMF -> AMF: POST /namf-comm/v1/ue-contexts/imsi-999700000000001/n1-n2-messages\n"
    );
    // The session's acceptance came first.
    last_transfer(&scene);
    let GsmMessage::PduSessionReleaseCommand(command) = n1_of(&last_transfer(&scene)).message else {
        panic!("no command")
    };
    assert_eq!(command.cause, GsmCause::ReactivationRequested);
}

/// One that is not made again is not deleted either: there is nothing.
#[tokio::test]
async fn a_session_that_a_restarted_upf_refuses_is_released() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    scene.ladder.until("SMF -> UPF: SessionModificationRequest").await;
    scene.upf.accepts.store(false, Relaxed);
    scene.upf.restart();
    assert_eq!(
        scene.ladder.until("SMF -> AMF").await,
        "UPF is associated\n\
         SMF -> UPF: SessionEstablishmentRequest\n\
         SMF -> AMF: POST /namf-comm/v1/ue-contexts/imsi-999700000000001/n1-n2-messages\n"
    );
}

/// Sends a 5GSM message of the UE, and reads what comes back for it.
async fn n1(scene: &Scene, context: &str, octets: Vec<u8>) -> Option<GsmPdu> {
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, octets.into()));
    let answer = update(scene, context, body).await?;
    let part = answer.part(answer.json.n1_sm_msg.as_ref()?).expect("a part");
    Some(GsmPdu::decode(&part).expect("a 5GSM message"))
}

/// Phones wait for an answer to whatever they ask, under the transaction they gave it (TS 24.501 6.4.2.4, 7.3).
#[tokio::test]
async fn whatever_the_ue_asks_of_a_session_is_answered() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    // Types that begin with the right header: modification request, release request, release complete, one nobody knows.
    let [modification, release, complete, unknown] =
        [0xc9, 0xd1, 0xd4, 0xff].map(|kind| move |id, pti| vec![0x2e, id, pti, kind]);
    let cases = [
        (modification(1, 9), 9, "reject", GsmCause::ServiceOptionNotSupported),
        (release(1, 0), 0, "reject", GsmCause::InvalidPtiValue),
        (complete(1, 9), 9, "status", GsmCause::MessageTypeNotCompatible),
        (modification(2, 9), 9, "status", GsmCause::InvalidPduSessionIdentity),
        (unknown(1, 9), 9, "status", GsmCause::MessageTypeNonExistent),
    ];
    for (octets, pti, what, cause) in cases {
        let pdu = n1(&scene, &context, octets.clone()).await.unwrap_or_else(|| panic!("{octets:02x?}: no answer"));
        let answered = match pdu.message {
            GsmMessage::PduSessionModificationReject(reject) => ("reject", reject.cause),
            GsmMessage::PduSessionReleaseReject(reject) => ("reject", reject.cause),
            GsmMessage::GsmStatus(status) => ("status", status.cause),
            other => panic!("{octets:02x?}: {other:?}"),
        };
        assert_eq!((pdu.pti, answered), (pti, (what, cause)), "{octets:02x?}");
    }
    // Nothing to answer: cut before its header's end, or a status, which is an answer itself.
    for octets in [vec![0x2e, 1], vec![0x2e, 1, 9], vec![0x2e, 1, 9, 0xd6, 43]] {
        assert_eq!(n1(&scene, &context, octets.clone()).await, None, "{octets:02x?}");
    }
    // The session is as it was.
    scene.ladder.until("SMF -> UPF: SessionModificationRequest").await;
    let state = SmContextUpdateData { up_cnx_state: Some(UpCnxState::Deactivated), ..SmContextUpdateData::default() };
    assert!(update(&scene, &context, state.into()).await.is_some());
}

async fn ran_fails(scene: &Scene, context: &str) {
    let transfer = PduSessionResourceSetupUnsuccessfulTransfer {
        cause: ngap::Cause::RadioNetwork(ngap::CauseRadioNetwork::RadioResourcesNotAvailable),
        criticality_diagnostics: None,
    };
    let mut body = WithParts::from(SmContextUpdateData::default());
    body.json.n2_sm_info = Some(body.attach("n2", NGAP, transfer.encode().expect("a container")));
    body.json.n2_sm_info_type = Some(N2SmInfoType::PduResSetupFail);
    update(scene, context, body).await;
}

/// The RAN has no room: a session that was there stays, without a user plane, and comes back when there is room.
#[tokio::test]
async fn a_session_outlives_the_refusal_of_the_ran() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    ran_sets_up(&scene, &context).await;
    let state = |wanted| SmContextUpdateData { up_cnx_state: Some(wanted), ..SmContextUpdateData::default() }.into();
    update(&scene, &context, state(UpCnxState::Deactivated)).await;
    for _ in 0..2 {
        let answer = update(&scene, &context, state(UpCnxState::Activating)).await.expect("an answer");
        assert_eq!(answer.json.n2_sm_info_type, Some(N2SmInfoType::PduResSetupReq));
        ran_fails(&scene, &context).await;
    }
    update(&scene, &context, state(UpCnxState::Activating)).await.expect("an answer");
    scene.ladder.until("SMF -> UPF: SessionModificationRequest ApplyAction(2)").await;
    ran_sets_up(&scene, &context).await;
    let told = scene.ladder.until("SMF -> UPF: SessionModificationRequest ApplyAction(2)").await;
    assert!(!told.contains("SessionDeletionRequest") && !told.contains("sm-context-status"), "{told}");
}

/// One that is being established ends with the refusal: the UE never got its acceptance, which the RAN had (23.502 4.3.2.2.1 16c).
#[tokio::test]
async fn a_new_session_ends_with_the_refusal_of_the_ran() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    scene.ladder.until("SMF -> AMF").await;
    ran_fails(&scene, &context).await;
    let told = scene.ladder.until("SMF -> AMF: POST /namf-callback").await;
    assert!(told.contains("SMF -> UPF: SessionDeletionRequest"), "{told}");
    let response = create(&scene, "internet", &request(None)).await;
    assert_eq!(response.status(), 201, "its identity and address are free");
}

/// Names of data networks are names of labels, in any case (TS 23.003 9.1).
#[tokio::test]
async fn a_data_network_in_any_case() {
    let scene = Scene::new(SM_DATA, true).await;
    for dnn in ["Internet", "INTERNET"] {
        assert_eq!(create(&scene, dnn, &request(None)).await.status(), 201, "{dnn}");
    }
}

/// The UE uses the identity of an active session again (TS 29.502 5.2.2.3): the RAN is to release the old one, the UE hears
/// nothing of it; at the UDM the old one is gone before the new one is registered.
#[tokio::test]
async fn an_identity_that_is_used_again() {
    let scene = Scene::new(SM_DATA, true).await;
    let context = established(&scene).await;
    scene.ladder.until("SMF -> AMF").await;
    ran_sets_up(&scene, &context).await;
    scene.ladder.until("SMF -> UPF").await;
    let held = scene.deregistration.clone().lock_owned().await;
    let cause = Some(Cause::RelDueToDuplicateSessionId);
    let release = SmContextUpdateData { release: Some(true), cause, ..SmContextUpdateData::default() };
    let answer = update(&scene, &context, release.into()).await.expect("an answer with N2");
    assert_eq!((answer.json.n2_sm_info_type, answer.json.n1_sm_msg), (Some(N2SmInfoType::PduResRelCmd), None));

    let before = scene.ladder.until("SMF -> UDM: DELETE").await;
    let again = async {
        established(&scene).await;
    };
    let udm = async {
        let before = before + &scene.ladder.until("SMF -> UDM: GET").await;
        // Whatever can happen happens now.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(held);
        before + &scene.ladder.until("SMF -> AMF").await
    };
    let ((), ladder) = tokio::join!(again, udm);
    assert_eq!(
        ladder,
        "AMF -> SMF: POST modify\n\
         SMF -> UPF: SessionDeletionRequest\n\
         SMF -> UDM: DELETE /nudm-uecm/v1/imsi-999700000000001/registrations/smf-registrations/1\n\
         AMF -> SMF: POST sm-contexts\n\
         SMF -> UDM: GET /nudm-sdm/v2/imsi-999700000000001/sm-data\n\
         UDM -> SMF: deregistered\n\
         SMF -> UDM: PUT /nudm-uecm/v1/imsi-999700000000001/registrations/smf-registrations/1\n\
         SMF -> UPF: SessionEstablishmentRequest\n\
         SMF -> AMF: POST /namf-comm/v1/ue-contexts/imsi-999700000000001/n1-n2-messages\n"
    );
}

/// The NAS cause and the application error of a refused creation.
async fn refused(scene: &Scene, dnn: &str, pdu: &GsmPdu) -> (u16, String, u8, u8) {
    let response = create(scene, dnn, pdu).await;
    let status = response.status().as_u16();
    let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
    let error: WithParts<SmContextCreateError> =
        Multipart::decode(&content_type, response.into_body()).expect("an SmContextCreateError");
    let n1 = error.part(error.json.n1_sm_msg.as_ref().expect("a NAS reject")).expect("a part");
    let pdu = GsmPdu::decode(&n1).expect("a 5GSM message");
    let GsmMessage::PduSessionEstablishmentReject(reject) = pdu.message else { panic!("no reject") };
    (status, error.json.error.cause.expect("a cause"), reject.cause.value(), pdu.pti)
}

#[tokio::test]
async fn refusals_carry_the_cause_the_transaction_and_an_explanation() {
    let scene = Scene::new(SM_DATA, true).await;
    let ask = request;
    assert_eq!(refused(&scene, "nowhere", &ask(None)).await, (403, "DNN_NOT_SUPPORTED".into(), 27, 5));
    assert_eq!(refused(&scene, "ims", &ask(None)).await, (403, "SUBSCRIPTION_DENIED".into(), 33, 5));
    let ipv6 = ask(Some(PduSessionType::Ipv6));
    assert_eq!(refused(&scene, "internet", &ipv6).await, (403, "PDUTYPE_NOT_SUPPORTED".into(), 50, 5));
    let journal = scene.rejects.latest(Some(SUPI));
    assert_eq!(journal.len(), 3);
    assert!(journal.iter().any(|record| record.reject.to_string().contains("'nowhere' is not configured")));
}

/// As [`SM_DATA`], with every type of IP allowed.
const SM_DATA_ALL_TYPES: &str = r#"[{"singleNssai":{"sst":1},"dnnConfigurations":{"internet":{
    "pduSessionTypes":{"defaultSessionType":"IPV4","allowedSessionTypes":["IPV4","IPV6","IPV4V6"]},
    "sscModes":{"defaultSscMode":"SSC_MODE_1"}}}}]"#;

/// With what is no IP besides.
const SM_DATA_OTHER_TYPES: &str = r#"[{"singleNssai":{"sst":1},"dnnConfigurations":{"internet":{
    "pduSessionTypes":{"defaultSessionType":"IPV4","allowedSessionTypes":["ETHERNET","UNSTRUCTURED"]},
    "sscModes":{"defaultSscMode":"SSC_MODE_1"}}}}]"#;

/// What UE and RAN are told of a session of the type asked for.
async fn told(
    scene: &Scene,
    asked: PduSessionType,
) -> (gsm::PduSessionEstablishmentAccept, ngap::transfer::PduSessionType) {
    let response = create(scene, "internet", &request(Some(asked))).await;
    assert_eq!(response.status(), 201);
    scene.ladder.until("SMF -> AMF: POST /namf-comm").await;
    let transfer = last_transfer(scene);
    let GsmMessage::PduSessionEstablishmentAccept(accept) = n1_of(&transfer).message else { panic!("no accept") };
    let n2 = transfer.json.n2_info_container.as_ref().and_then(|n2| n2.sm_info.as_ref()).expect("N2 SM information");
    let n2 = transfer.part(&n2.n2_info_content.as_ref().expect("content").ngap_data).expect("a part");
    let setup = PduSessionResourceSetupRequestTransfer::decode(&n2).expect("a setup request");
    (*accept, setup.pdu_session_type)
}

/// TS 24.501 6.4.1.3: the UE of an IPv6 session is told its interface identifier, not its prefix.
#[tokio::test]
async fn sessions_of_ipv6_and_of_both() {
    const INTERFACE: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 2];
    let scene = Scene::new(SM_DATA_ALL_TYPES, true).await;
    let (accept, at_ran) = told(&scene, PduSessionType::Ipv6).await;
    assert_eq!((accept.pdu_session_type, accept.cause), (PduSessionType::Ipv6, None));
    assert_eq!(accept.pdu_address, Some(PduAddress::Ipv6(INTERFACE)));
    let epco = accept.epco.expect("asked for");
    assert_eq!((epco.mtu(), epco.dns_ipv6().len()), (None, 2));
    assert_eq!(at_ran, ngap::transfer::PduSessionType::Ipv6);

    let scene = Scene::new(SM_DATA_ALL_TYPES, true).await;
    let (accept, at_ran) = told(&scene, PduSessionType::Ipv4v6).await;
    assert_eq!((accept.pdu_session_type, accept.cause), (PduSessionType::Ipv4v6, None));
    assert_eq!(accept.pdu_address, Some(PduAddress::Ipv4v6(INTERFACE, [10, 45, 0, 2].into())));
    assert_eq!(accept.epco.expect("asked for").mtu(), Some(1400));
    assert_eq!(at_ran, ngap::transfer::PduSessionType::Ipv4v6);
}

/// TS 24.501 6.4.1.3: a UE that asks for both gets what there is, and the cause.
#[tokio::test]
async fn of_both_types_the_one_there_is() {
    let scene = Scene::new(SM_DATA, true).await;
    let (accept, _) = told(&scene, PduSessionType::Ipv4v6).await;
    assert_eq!(accept.pdu_session_type, PduSessionType::Ipv4);
    assert_eq!(accept.cause.map(|cause| cause.value()), Some(50));

    let mut network = Network::default();
    network.dnns[0].ipv4 = None;
    let scene = Scene::in_network(network, SM_DATA_ALL_TYPES, true).await;
    let (accept, _) = told(&scene, PduSessionType::Ipv4v6).await;
    assert_eq!(accept.pdu_session_type, PduSessionType::Ipv6);
    assert_eq!(accept.cause.map(|cause| cause.value()), Some(51));
    let ipv4 = request(Some(PduSessionType::Ipv4));
    assert_eq!(refused(&scene, "internet", &ipv4).await, (403, "PDUTYPE_NOT_SUPPORTED".into(), 51, 5));
    let ethernet = request(Some(PduSessionType::Ethernet));
    assert_eq!(refused(&scene, "internet", &ethernet).await, (403, "PDUTYPE_NOT_SUPPORTED".into(), 28, 5));
}

/// TS 24.501 8.3.2.5, 23.501 5.7.1.4: no address of the UE's, and of an unstructured session no packet filter.
#[tokio::test]
async fn ethernet_and_unstructured_sessions_are_accepted() {
    let mut network = Network::default();
    network.dnns[0].ethernet = Some(runtime::EthernetSessions { tap: "lan".into() });
    let peer = "192.0.2.9:5000".parse().expect("an address");
    network.dnns[0].unstructured = Some(runtime::UnstructuredSessions { peer });
    for (kind, at_ran, filters, asked_for) in [
        (PduSessionType::Ethernet, ngap::transfer::PduSessionType::Ethernet, 1, None),
        (PduSessionType::Unstructured, ngap::transfer::PduSessionType::Unstructured, 0, Some([10, 45, 0, 2].into())),
    ] {
        let scene = Scene::in_network(network.clone(), SM_DATA_OTHER_TYPES, true).await;
        let (accept, told) = told(&scene, kind).await;
        assert_eq!((accept.pdu_session_type, accept.cause, accept.pdu_address), (kind, None, None));
        assert_eq!(accept.qos_rules.0[0].filters.len(), filters);
        assert_eq!(told, at_ran);
        assert_eq!(scene.upf.asked_for(), [asked_for]);
    }
}

/// TS 23.501 5.8.2.2: the UE is told the address that the UPF chose, and a UPF that starts again is told it too.
#[tokio::test]
async fn an_address_that_the_upf_chooses() {
    let config = smf::Config { ue_addresses: smf::UeAddresses::Upf, ..smf::Config::default() };
    let scene = Scene::set(Network::default(), config, SM_DATA, true).await;
    let (accept, _) = told(&scene, PduSessionType::Ipv4).await;
    assert_eq!(accept.pdu_address.and_then(|address| address.ipv4()), Some(support::CHOSEN));
    scene.upf.restart();
    scene.ladder.until("SMF -> UPF: SessionEstablishmentRequest").await;
    assert_eq!(scene.upf.asked_for(), [None, Some(support::CHOSEN)], "by UE address");
}

/// A UPF that makes the session and chooses no address for it is not left with it.
#[tokio::test]
async fn an_address_that_the_upf_does_not_choose() {
    let config = smf::Config { ue_addresses: smf::UeAddresses::Upf, ..smf::Config::default() };
    let scene = Scene::set(Network::default(), config, SM_DATA_ALL_TYPES, true).await;
    assert_eq!(create(&scene, "internet", &request(Some(PduSessionType::Ipv6))).await.status(), 201);
    scene.ladder.until("SMF -> UPF: SessionEstablishmentRequest").await;
    scene.ladder.until("SMF -> UPF: SessionDeletionRequest").await;
}

#[tokio::test]
async fn a_upf_that_refuses_makes_the_ue_hear_it() {
    let scene = Scene::new(SM_DATA, false).await;
    established(&scene).await;
    scene.ladder.until("SMF -> AMF: POST /namf-callback").await;
    let GsmMessage::PduSessionEstablishmentReject(reject) = n1_of(&last_transfer(&scene)).message else {
        panic!("no reject")
    };
    assert_eq!(reject.cause.value(), 38);
}

#[tokio::test]
async fn malformed_creations_are_answered() {
    let scene = Scene::new(SM_DATA, true).await;
    for (content_type, body) in [
        ("application/json", "{}"),
        ("multipart/related", "--x"),
        ("multipart/related; boundary=x", "--x\r\n\r\n{}\r\n--x--"),
        ("text/plain", "hello"),
    ] {
        let response =
            scene.amf("/nsmf-pdusession/v1/sm-contexts", content_type, Bytes::from_static(body.as_bytes())).await;
        assert!(response.status().is_client_error(), "{content_type}: {response:?}");
    }
}

/// This UPF has no feature FRRT.
#[tokio::test]
async fn what_the_subscription_fixes_is_asked_for_as_far_as_the_upf_can() {
    const FIXED: &str = r#"[{"singleNssai":{"sst":1},"dnnConfigurations":{"internet":{
        "pduSessionTypes":{"defaultSessionType":"IPV4"},"sscModes":{"defaultSscMode":"SSC_MODE_1"},
        "staticIpAddress":[{"ipv4Addr":"10.45.3.3"}],"ipv4FrameRouteList":[{"ipv4Mask":"198.51.100.0/24"}]}}}]"#;
    let scene = Scene::new(FIXED, true).await;
    established(&scene).await;
    scene.ladder.until("SMF -> AMF").await;
    assert_eq!(scene.upf.asked_for(), [Some([10, 45, 3, 3].into())]);
    assert!(!scene.upf.with_routes.load(Relaxed), "the UPF does not know what they are");
    let accept = n1_of(&last_transfer(&scene));
    assert!(matches!(accept.message, GsmMessage::PduSessionEstablishmentAccept(accept)
        if accept.pdu_address == Some(PduAddress::Ipv4([10, 45, 3, 3].into()))));
}

#[tokio::test]
async fn an_address_that_is_not_the_data_networks_is_refused_by_name() {
    const FOREIGN: &str = r#"[{"singleNssai":{"sst":1},"dnnConfigurations":{"internet":{
        "pduSessionTypes":{"defaultSessionType":"IPV4"},"sscModes":{"defaultSscMode":"SSC_MODE_1"},
        "staticIpAddress":[{"ipv4Addr":"10.77.3.3"}]}}}]"#;
    let scene = Scene::new(FOREIGN, true).await;
    let response = create(&scene, "internet", &request(None)).await;
    assert_eq!(response.status(), 500);
    let told = scene.rejects.latest(Some(SUPI));
    assert!(told.iter().any(|record| record.reject.to_string().contains("10.77.3.3")), "{told:?}");
}
