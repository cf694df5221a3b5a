//! The foreign SMF (TS 29.502) towards our AMF. It has no UPF: sessions have an address and a tunnel that nobody is behind.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use nas::ie::{PduAddress, PduSessionType, QosFlow, QosFlows, QosRule, QosRules, SessionAmbr, SscMode};
use nas::{GsmCause, GsmMessage, GsmPdu, gsm};
use ngap::transfer::{
    PduSessionResourceReleaseCommandTransfer, PduSessionResourceReleaseResponseTransfer,
    PduSessionResourceSetupRequestTransfer, PduSessionResourceSetupResponseTransfer,
};
use serde_json::{Value, json};

use crate::http2::{Answer, Message, call};
use crate::multipart::{self, NAS, NGAP, Said};
use crate::nf::{JSON, Nf, Serve, listen, lock, octets, problem, segments, text};
use crate::udm::SUPI;

/// The running SMF.
pub(crate) struct Smf {
    pub(crate) nf: Nf,
    /// Where the AMF hears of the contexts that there are.
    contexts: Mutex<HashMap<String, String>>,
}

impl Serve for Smf {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        self.nf.check(&message, &["AMF"]);
        match (message.method.as_str(), segments(&message.path).as_slice()) {
            ("POST", ["nsmf-pdusession", "v1", "sm-contexts"]) => self.create(&message),
            ("POST", ["nsmf-pdusession", "v1", "sm-contexts", id, "modify"]) => self.update(&message, id),
            ("POST", ["nsmf-pdusession", "v1", "sm-contexts", id, "release"]) => self.release(&message, id),
            _ => self.nf.unknown(&message),
        }
    }
}

impl Smf {
    pub(crate) async fn start() -> Arc<Self> {
        let smf = Arc::new(Self { nf: Nf::new("SMF", 8085), contexts: Mutex::default() });
        listen(&smf).await;
        smf.nf.register(&[("nsmf-pdusession", "v1")]).await;
        smf
    }

    /// Contexts that there are.
    pub(crate) fn contexts(&self) -> usize {
        lock(&self.contexts).len()
    }

    /// Create SM Context (TS 29.502 5.2.2.2), and then what the UE and its node are told (TS 23.502 4.3.2.2.1 step 11).
    fn create(self: &Arc<Self>, message: &Message) -> Answer {
        let said = Said::read(&self.nf, message);
        let asked = &said.json;
        for name in ["servingNfId", "servingNetwork", "anType", "smContextStatusUri", "supi", "pduSessionId", "sNssai"]
        {
            self.nf.expect(!asked[name].is_null(), || format!("{name} of {asked}"));
        }
        let right = asked["supi"] == SUPI && asked["dnn"] == "internet" && asked["requestType"] == "INITIAL_REQUEST";
        self.nf.expect(right, || format!("create {asked}"));
        let n1 = said.part(&self.nf, "n1SmMsg", NAS).and_then(|n1| GsmPdu::decode(n1).ok());
        let Some(GsmPdu { pdu_session_id, pti, message: GsmMessage::PduSessionEstablishmentRequest(_) }) = n1 else {
            self.nf.fault(format!("no establishment request in {asked}"));
            return problem(400, "N1_SM_ERROR");
        };
        let id = format!("ctx-{}", self.nf.saw("create"));
        lock(&self.contexts).insert(id.clone(), text(&asked["smContextStatusUri"]));
        let own = self.clone();
        tokio::spawn(async move { own.accept(pdu_session_id, pti).await });
        let body = json!({"upCnxState": "LATER", "smfServiceInstanceId": "1", "sNssai": {"sst": 1}, "later": [{}]});
        Answer::json(201, &body).at(self.nf.uri(&format!("/nsmf-pdusession/v1/sm-contexts/{id}")))
    }

    /// N1N2MessageTransfer (TS 29.518 5.2.2.3.1) with the accept and the tunnel.
    async fn accept(&self, session: u8, pti: u8) {
        let n1 = GsmPdu::new(session, pti, accept()).encode().expect("an accept");
        let n2 = setup().encode().expect("a transfer");
        let amf = self.nf.discover("AMF", "namf-comm").await;
        let token = format!("Bearer {}", self.nf.token("AMF", "namf-comm").await);
        let body = json!({
            "pduSessionId": session, "later": {"x": null}, "n1n2FailureTxfNotifURI": self.nf.uri("/failed"),
            "n2InfoContainer": {"n2InformationClass": "SM", "smInfo": {"pduSessionId": session, "sNssai": {"sst": 1}, "later": 1,
                "n2InfoContent": {"ngapData": {"contentId": "n2msg"}, "ngapIeType": "PDU_RES_SETUP_REQ", "later": 1}}},
            "n1MessageContainer": {"n1MessageContent": {"contentId": "n1msg"}, "n1MessageClass": "SM", "later": 1},
        });
        let parts: [(&str, &str, &[u8]); 2] = [("n2msg", NGAP, &n2), ("n1msg", NAS, &n1)];
        let message = Message::new("POST", &format!("/namf-comm/v1/ue-contexts/{SUPI}/n1-n2-messages"));
        let message = message.with("content-type", multipart::KIND).with("user-agent", "SMF-theirs smf.example");
        let answer = call(amf, message.with("authorization", &token).body(multipart::write(&body, &parts))).await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let initiated = answer.status == 200 && answer.kind == JSON && said["cause"] == "N1_N2_TRANSFER_INITIATED";
        self.nf.expect(initiated, || format!("the AMF answered {} {} {said}", answer.status, answer.kind));
        self.nf.saw("transfer");
    }

    /// Update SM Context (TS 29.502 5.2.2.3): what the UE or its node says.
    fn update(self: &Arc<Self>, message: &Message, id: &str) -> Answer {
        if !lock(&self.contexts).contains_key(id) {
            return problem(404, "CONTEXT_NOT_FOUND");
        }
        let said = Said::read(&self.nf, message);
        if let Some(n2) = said.part(&self.nf, "n2SmInfo", NGAP) {
            let kind = text(&said.json["n2SmInfoType"]);
            let sound = match kind.as_str() {
                "PDU_RES_SETUP_RSP" => PduSessionResourceSetupResponseTransfer::decode(n2).is_ok(),
                "PDU_RES_REL_RSP" => PduSessionResourceReleaseResponseTransfer::decode(n2).is_ok(),
                _ => false,
            };
            self.nf.expect(sound, || format!("{kind}: not what it should be"));
            self.nf.saw(&kind);
        }
        match said.part(&self.nf, "n1SmMsg", NAS).map(GsmPdu::decode) {
            None => Answer::empty(),
            Some(Ok(GsmPdu { pdu_session_id, pti, message: GsmMessage::PduSessionReleaseRequest(_) })) => {
                self.nf.saw("release request");
                release_command(pdu_session_id, pti)
            }
            Some(Ok(GsmPdu { message: GsmMessage::PduSessionReleaseComplete(_), .. })) => {
                let (own, id) = (self.clone(), id.to_owned());
                tokio::spawn(async move { own.gone(&id).await });
                // A body that says nothing is as good as 204.
                Answer::json(200, &json!({}))
            }
            Some(other) => {
                self.nf.fault(format!("N1: {other:?}"));
                problem(400, "N1_SM_ERROR")
            }
        }
    }

    /// SM context status notification (TS 29.502 5.2.2.5).
    async fn gone(&self, id: &str) {
        let Some(place) = lock(&self.contexts).remove(id) else { return };
        let (authority, path) = place.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URI");
        let body = json!({"statusInfo": {"cause": "LATER", "resourceStatus": "RELEASED", "later": 1}, "later": []});
        let message = Message::new("POST", &format!("/{path}")).with("content-type", "application/json; charset=utf-8");
        let answer = call(authority.parse().expect("an address"), message.body(octets(&body))).await;
        self.nf.expect(answer.status == 204, || format!("{place} answered {}", answer.status));
        self.nf.saw("gone");
    }

    /// Release SM Context (TS 29.502 5.2.2.4).
    fn release(&self, message: &Message, id: &str) -> Answer {
        Said::read(&self.nf, message);
        self.nf.saw("release");
        match lock(&self.contexts).remove(id) {
            Some(_) => Answer::json(200, &json!({"later": 1})),
            None => problem(404, "CONTEXT_NOT_FOUND"),
        }
    }
}

fn release_command(session: u8, pti: u8) -> Answer {
    let command =
        gsm::PduSessionReleaseCommand { cause: GsmCause::RegularDeactivation, back_off_timer: None, epco: None };
    let n1 = GsmPdu::new(session, pti, command).encode().expect("a command");
    let cause = ngap::Cause::Nas(ngap::CauseNas::NormalRelease);
    let n2 = PduSessionResourceReleaseCommandTransfer { cause }.encode().expect("a transfer");
    let body = json!({"n2SmInfoType": "PDU_RES_REL_CMD", "n2SmInfo": {"contentId": "b"}, "n1SmMsg": {"contentId": "a"}, "later": 1});
    multipart::answer(200, &body, &[("b", NGAP, &n2), ("a", NAS, &n1)])
}

fn accept() -> gsm::PduSessionEstablishmentAccept {
    gsm::PduSessionEstablishmentAccept {
        pdu_session_type: PduSessionType::Ipv4,
        ssc_mode: SscMode::Mode1,
        qos_rules: QosRules(vec![QosRule::match_all(1, 1)]),
        session_ambr: SessionAmbr { downlink_kbps: 1_000_000, uplink_kbps: 1_000_000 },
        cause: None,
        pdu_address: Some(PduAddress::Ipv4(Ipv4Addr::new(10, 99, 0, 2))),
        s_nssai: Some(nas::ie::SNssai::new(1, None)),
        always_on: None,
        qos_flows: Some(QosFlows(vec![QosFlow::create(1, 9)])),
        epco: None,
        dnn: nas::ie::Dnn::new("internet"),
    }
}

fn setup() -> PduSessionResourceSetupRequestTransfer {
    let descriptor = ngap::NonDynamic5QiDescriptor {
        five_qi: 9,
        priority_level_qos: None,
        averaging_window: None,
        maximum_data_burst_volume: None,
    };
    let priority = ngap::AllocationAndRetentionPriority {
        priority_level_arp: 8,
        pre_emption_capability: ngap::PreEmptionCapability::ShallNotTriggerPreEmption,
        pre_emption_vulnerability: ngap::PreEmptionVulnerability::NotPreEmptable,
    };
    let flow = ngap::QosFlowSetupRequestItem {
        qos_flow_identifier: ngap::Qfi::new(1).expect("a QFI"),
        qos_flow_level_qos_parameters: ngap::QosFlowLevelQosParameters {
            qos_characteristics: ngap::QosCharacteristics::NonDynamic5Qi(descriptor),
            allocation_and_retention_priority: priority,
        },
    };
    PduSessionResourceSetupRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: Some(ngap::PduSessionAggregateMaximumBitRate {
            pdu_session_aggregate_maximum_bit_rate_dl: 1_000_000_000,
            pdu_session_aggregate_maximum_bit_rate_ul: 1_000_000_000,
        }),
        ul_ngu_up_tnl_information: ngap::GtpTunnel {
            transport_layer_address: ngap::TransportLayerAddress::V4(Ipv4Addr::new(127, 0, 0, 98)),
            gtp_teid: 1,
        },
        pdu_session_type: ngap::transfer::PduSessionType::Ipv4,
        security_indication: None,
        qos_flow_setup_request_list: vec![flow],
    }
}
