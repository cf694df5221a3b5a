//! The foreign AMF: a client that walks a registration (TS 23.502 4.2.2.2.2) and a session (4.3.2.2.1), with a UE of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use aka::{Autn, K, Opc, Rand, Usim};
use nas::{GsmMessage, GsmPdu};
use ngap::transfer::{
    PduSessionResourceReleaseCommandTransfer, PduSessionResourceSetupRequestTransfer,
    PduSessionResourceSetupResponseTransfer,
};
use serde_json::{Value, json};

use crate::http2::{Answer, Message, call};
use crate::multipart::{self, NAS, NGAP, Said};
use crate::nf::{JSON, NETWORK, Nf, Serve, listen, lock, octets, segments, text};
use crate::udm::{self, SUPI};

/// The running AMF.
pub(crate) struct Amf {
    pub(crate) nf: Nf,
    /// The address of the session that the SMF told of last.
    address: Mutex<Option<Ipv4Addr>>,
}

impl Serve for Amf {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        match (message.method.as_str(), segments(&message.path).as_slice()) {
            ("POST", ["namf-comm", "v1", "ue-contexts", SUPI, "n1-n2-messages"]) => self.transfer(&message),
            // Where the SMF was told to send its news: no token is needed there.
            ("POST", ["gone"]) => {
                let body = self.nf.body(&message, JSON);
                let released = body["statusInfo"]["resourceStatus"] == "RELEASED";
                self.nf.expect(released, || format!("status {body}"));
                self.nf.saw("gone");
                Answer::empty()
            }
            _ => self.nf.unknown(&message),
        }
    }
}

/// An NF of ours with a token for a service of its.
struct Peer<'a> {
    nf: &'a Nf,
    place: SocketAddr,
    token: String,
}

impl Peer<'_> {
    async fn call(&self, method: &str, path: &str, kind: &'static str, body: impl Into<bytes::Bytes>) -> Answer {
        let message = Message::new(method, path).with("user-agent", self.nf.kind).with("authorization", &self.token);
        let message = if kind.is_empty() { message } else { message.with("content-type", kind) };
        call(self.place, message.body(body)).await
    }

    /// A call with JSON, answered so.
    async fn json(&self, method: &str, path: &str, body: Option<Value>, status: u16) -> (Value, Option<String>) {
        let (kind, body) = body.map_or(("", Value::Null), |body| (JSON, body));
        let sent = if kind.is_empty() { bytes::Bytes::new() } else { octets(&body) };
        let answer = self.call(method, path, kind, sent).await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!(answer.status, status, "{method} {path}: {said}");
        let typed = answer.body.is_empty() || answer.kind.ends_with("json");
        assert!(typed && (status != 204 || answer.body.is_empty()), "{method} {path}: {}", answer.kind);
        (said, answer.location)
    }
}

impl Amf {
    pub(crate) async fn start() -> Arc<Self> {
        let amf = Arc::new(Self { nf: Nf::new("AMF", 8086), address: Mutex::default() });
        listen(&amf).await;
        amf.nf.register(&[("namf-comm", "v1")]).await;
        amf
    }

    async fn peer(&self, kind: &str, service: &str) -> Peer<'_> {
        let token = format!("Bearer {}", self.nf.token(kind, service).await);
        Peer { nf: &self.nf, place: self.nf.discover(kind, service).await, token }
    }

    /// Steps 9 and 14 of a registration: authentication, and the subscriber's data.
    pub(crate) async fn register_ue(&self) {
        self.authenticate().await;
        let uecm = self.peer("UDM", "nudm-uecm").await;
        let path = format!("/nudm-uecm/v1/{SUPI}/registrations/amf-3gpp-access");
        let registration = json!({
            "amfInstanceId": self.nf.id, "deregCallbackUri": self.nf.uri("/dereg"), "guami": guami(), "ratType": "NR", "later": {},
            "initialRegistrationInd": true, "imsVoPs": "HOMOGENEOUS_NON_SUPPORT", "supportedFeatures": "0",
        });
        let (said, location) = uecm.json("PUT", &path, Some(registration), 201).await;
        assert_eq!(said["amfInstanceId"], self.nf.id.as_str());
        assert!(location.is_some_and(|uri| uri.starts_with("http://") && uri.ends_with(&path)));
        let sdm = self.peer("UDM", "nudm-sdm").await;
        let plmn = "plmn-id=%7B%22mcc%22%3A%22999%22%2C%22mnc%22%3A%2270%22%7D";
        let get = |data| format!("/nudm-sdm/v2/{SUPI}/{data}?supported-features=0&{plmn}");
        let (am, _) = sdm.json("GET", &get("am-data"), None, 200).await;
        assert_eq!(am["nssai"]["defaultSingleNssais"][0]["sst"], 1, "{am}");
        assert!(am["subscribedUeAmbr"]["uplink"].as_str().is_some_and(|rate| rate.ends_with("bps")), "{am}");
        let (select, _) = sdm.json("GET", &get("smf-select-data"), None, 200).await;
        assert!(select["subscribedSnssaiInfos"]["1"]["dnnInfos"][0]["dnn"].is_string(), "{select}");
        let path = format!("/nudm-sdm/v2/{SUPI}/sdm-subscriptions");
        let wanted = json!({"nfInstanceId": self.nf.id, "callbackReference": self.nf.uri("/changed"), "implicitUnsubscribe": true,
            "monitoredResourceUris": [format!("/nudm-sdm/v2/{SUPI}/am-data")], "later": 1});
        let (_, location) = sdm.json("POST", &path, Some(wanted), 201).await;
        let location = location.expect("a Location");
        let at = location.find("/nudm-sdm/").expect("a path");
        sdm.json("DELETE", &location[at..], None, 204).await;
    }

    /// TS 33.501 6.1.3.2 between AMF and AUSF.
    async fn authenticate(&self) {
        let ausf = self.peer("AUSF", "nausf-auth").await;
        let wanted =
            json!({"supiOrSuci": "suci-0-999-70-0000-0-0-0000000001", "servingNetworkName": NETWORK, "later": [1]});
        let sent = octets(&wanted);
        let answer =
            ausf.call("POST", "/nausf-auth/v1/ue-authentications", "application/json; charset=utf-8", sent).await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!((answer.status, answer.kind.as_str()), (201, "application/3gppHal+json"), "{said}");
        assert_eq!(said["authType"], "5G_AKA");
        let [rand, autn] = ["rand", "autn"].map(|name| text(&said["5gAuthData"][name]));
        let (k, opc) = (K::from_hex(udm::K).expect("32 digits"), Opc::from_hex(udm::OPC).expect("32 digits"));
        let (rand, autn) = (Rand::from_hex(&rand).expect("32 digits"), Autn::from_hex(&autn).expect("32 digits"));
        let ue = Usim::new(k, opc).authenticate(&rand, &autn, NETWORK).expect("a genuine challenge");
        let link = text(&said["_links"]["5g-aka"]["href"]);
        let at = link.find("/nausf-auth/").expect("an absolute link");
        let (said, _) =
            ausf.json("PUT", &link[at..], Some(json!({"resStar": ue.res_star.to_hex().to_uppercase()})), 200).await;
        assert_eq!((&said["authResult"], &said["supi"]), (&json!("AUTHENTICATION_SUCCESS"), &json!(SUPI)));
        assert_eq!(text(&said["kseaf"]), ue.kausf.kseaf(NETWORK).expect("a name").to_hex());
    }

    /// A session is opened, and closed by the UE or without it.
    pub(crate) async fn session(&self, by_ue: bool) {
        let smf = self.peer("SMF", "nsmf-pdusession").await;
        let before = self.nf.seen(["transfer"])[0];
        let create = json!({
            "supi": SUPI, "pduSessionId": 5, "dnn": "internet", "sNssai": {"sst": 1}, "servingNfId": self.nf.id, "guami": guami(),
            "servingNetwork": {"mcc": "999", "mnc": "70"}, "anType": "3GPP_ACCESS", "ratType": "NR", "later": [null],
            "requestType": "INITIAL_REQUEST", "smContextStatusUri": self.nf.uri("/gone"), "n1SmMsg": {"contentId": "its"},
        });
        // PDU SESSION ESTABLISHMENT REQUEST of an IPv4 session (TS 24.501 8.3.1).
        let request = [0x2e, 5, 1, 0xc1, 0xff, 0xff, 0x91];
        let body = multipart::write(&create, &[("its", NAS, &request)]);
        let answer = smf.call("POST", "/nsmf-pdusession/v1/sm-contexts", multipart::KIND, body).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let location = answer.location.expect("a Location");
        let context = location[location.find("/nsmf-pdusession/").expect("a path")..].to_owned();
        self.nf.until([("transfer", before + 1)]).await;
        let address = lock(&self.address).take();
        assert!(address.is_some_and(|address| address.octets()[..2] == [10, 45]), "{address:?}");
        let (modify, response) = (format!("{context}/modify"), setup_response());
        let update = json!({"n2SmInfoType": "PDU_RES_SETUP_RSP", "n2SmInfo": {"contentId": "n2"}, "later": 1});
        let body = multipart::write(&update, &[("n2", NGAP, &response)]);
        let answer = smf.call("POST", &modify, multipart::KIND, body).await;
        assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
        if by_ue {
            self.release_by_ue(&smf, &modify).await;
        } else {
            smf.json("POST", &format!("{context}/release"), Some(json!({"cause": "LATER", "later": 1})), 204).await;
        }
        let answer = smf.call("POST", &modify, JSON, octets(&json!({"upCnxState": "ACTIVATING"}))).await;
        assert_eq!(answer.status, 404, "the context is gone");
    }

    /// PDU SESSION RELEASE REQUEST and COMPLETE (TS 24.501 8.3.12, 8.3.15), with what the node says in between.
    async fn release_by_ue(&self, smf: &Peer<'_>, modify: &str) {
        let update = json!({"n1SmMsg": {"contentId": "n1"}});
        let body = multipart::write(&update, &[("n1", NAS, &[0x2e, 5, 2, 0xd1])]);
        let answer = smf.call("POST", modify, multipart::KIND, body).await;
        assert_eq!(answer.status, 200);
        let message = Message::new("", modify).with("content-type", &answer.kind).body(answer.body);
        let said = Said::read(&self.nf, &message);
        let command = said.part(&self.nf, "n1SmMsg", NAS).and_then(|n1| GsmPdu::decode(n1).ok());
        assert!(matches!(command, Some(GsmPdu { pti: 2, message: GsmMessage::PduSessionReleaseCommand(_), .. })));
        let n2 = said.part(&self.nf, "n2SmInfo", NGAP).expect("for the node");
        assert!(
            said.json["n2SmInfoType"] == "PDU_RES_REL_CMD"
                && PduSessionResourceReleaseCommandTransfer::decode(n2).is_ok()
        );
        let released = json!({"n2SmInfoType": "PDU_RES_REL_RSP", "n2SmInfo": {"contentId": "n2"}});
        let body = multipart::write(&released, &[("n2", NGAP, &[0])]);
        assert!(matches!(smf.call("POST", modify, multipart::KIND, body).await.status, 200 | 204));
        let gone = self.nf.seen(["gone"])[0];
        let body = multipart::write(&update, &[("n1", NAS, &[0x2e, 5, 2, 0xd4])]);
        assert!(matches!(smf.call("POST", modify, multipart::KIND, body).await.status, 200 | 204));
        self.nf.until([("gone", gone + 1)]).await;
    }

    /// The UE is gone (TS 29.503 5.3.2.4.2).
    pub(crate) async fn deregister_ue(&self) {
        let uecm = self.peer("UDM", "nudm-uecm").await;
        let path = format!("/nudm-uecm/v1/{SUPI}/registrations/amf-3gpp-access");
        let purged = octets(&json!({"guami": guami(), "purgeFlag": true, "later": 1}));
        let answer = uecm.call("PATCH", &path, "application/merge-patch+json", purged).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }

    /// N1N2MessageTransfer of our SMF (TS 29.518 5.2.2.3.1): the accept and the tunnel.
    fn transfer(&self, message: &Message) -> Answer {
        self.nf.check(message, &["SMF"]);
        let said = Said::read(&self.nf, message);
        let (n1, n2) = (&said.json["n1MessageContainer"], &said.json["n2InfoContainer"]);
        let content = &n2["smInfo"]["n2InfoContent"];
        let whole = n1["n1MessageClass"] == "SM" && n2["n2InformationClass"] == "SM" && said.json["pduSessionId"] == 5;
        self.nf.expect(whole && content["ngapIeType"] == "PDU_RES_SETUP_REQ", || format!("transfer {}", said.json));
        let accept = said.named(&self.nf, &n1["n1MessageContent"], NAS).and_then(|n1| GsmPdu::decode(n1).ok());
        match accept.map(|pdu| pdu.message) {
            Some(GsmMessage::PduSessionEstablishmentAccept(accept)) => {
                *lock(&self.address) = accept.pdu_address.and_then(|address| address.ipv4());
            }
            other => self.nf.fault(format!("N1: {other:?}")),
        }
        let tunnel = said.named(&self.nf, &content["ngapData"], NGAP);
        let tunnel = tunnel.and_then(|n2| PduSessionResourceSetupRequestTransfer::decode(n2).ok());
        self.nf.expect(tunnel.is_some(), || "N2: no setup request".into());
        self.nf.saw("transfer");
        Answer::json(200, &json!({"later": 1, "cause": "N1_N2_TRANSFER_INITIATED"}))
            .of_kind("application/json; charset=utf-8")
    }
}

fn guami() -> Value {
    json!({"plmnId": {"mcc": "999", "mnc": "70"}, "amfId": "c0ffee", "later": 1})
}

/// What a gNB answers that takes downlink packets at 127.0.0.97.
fn setup_response() -> bytes::Bytes {
    let tunnel = ngap::GtpTunnel {
        transport_layer_address: ngap::TransportLayerAddress::V4(Ipv4Addr::new(127, 0, 0, 97)),
        gtp_teid: 7,
    };
    let flows = ngap::transfer::QosFlowPerTnlInformation {
        up_transport_layer_information: tunnel,
        associated_qos_flow_list: vec![ngap::Qfi::new(1).expect("a QFI")],
    };
    let response = PduSessionResourceSetupResponseTransfer {
        dl_qos_flow_per_tnl_information: flows,
        qos_flow_failed_to_setup_list: None,
    };
    response.encode().expect("a transfer")
}
