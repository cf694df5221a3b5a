//! The foreign UDM (TS 29.503), with one subscriber whose card it knows.

use std::sync::{Arc, Mutex};

use aka::{AmfField, Auts, HomeVector, K, Milenage, Opc, Rand, Sqn};
use serde_json::{Value, json};

use crate::http2::{Answer, Message};
use crate::nf::{JSON, NETWORK, Nf, Serve, listen, lock, problem, segments, text};

pub(crate) const SUPI: &str = "imsi-999700000000001";
const SUCI: &str = "suci-0-999-70-0000-0-0-0000000001";
/// The card that the simulated UE has by itself.
pub(crate) const K: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
pub(crate) const OPC: &str = "E8ED289DEBA952E4283B54E88E6183CA";

/// The running UDM.
pub(crate) struct Udm {
    pub(crate) nf: Nf,
    /// The last sequence number given out.
    sqn: Mutex<Sqn>,
    /// The AMF's registration.
    amf: Mutex<Option<Value>>,
    /// Sessions with an SMF.
    sessions: Mutex<Vec<String>>,
}

impl Serve for Udm {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        match (message.method.as_str(), segments(&message.path).as_slice()) {
            ("POST", ["nudm-ueau", "v1", who @ (SUPI | SUCI), "security-information", "generate-auth-data"]) => {
                self.vector(&message, who)
            }
            ("POST", ["nudm-ueau", "v1", SUPI, "auth-events"]) => self.event(&message),
            ("GET", ["nudm-sdm", "v2", SUPI, data]) => self.subscription(&message, data),
            (method, ["nudm-uecm", "v1", SUPI, "registrations", "amf-3gpp-access"]) => self.amf(&message, method),
            (method, ["nudm-uecm", "v1", SUPI, "registrations", "smf-registrations", id]) => {
                self.smf(&message, method, id)
            }
            _ => self.nf.unknown(&message),
        }
    }
}

impl Udm {
    pub(crate) async fn start() -> Arc<Self> {
        let nf = Nf::new("UDM", 8082);
        let (sqn, amf, sessions) = (Mutex::default(), Mutex::default(), Mutex::default());
        let udm = Arc::new(Self { nf, sqn, amf, sessions });
        listen(&udm).await;
        udm.nf.register(&[("nudm-ueau", "v1"), ("nudm-sdm", "v2"), ("nudm-uecm", "v1")]).await;
        udm
    }

    /// Whether the subscriber has neither AMF nor session.
    pub(crate) fn is_left(&self) -> bool {
        let purged = lock(&self.amf).as_ref().is_some_and(|amf| amf["purgeFlag"] == true);
        purged && lock(&self.sessions).is_empty()
    }

    /// Get (TS 29.503 5.4.2.2). The first vector has a sequence number that the card has seen, so that it asks to resynchronise.
    fn vector(&self, message: &Message, who: &str) -> Answer {
        self.nf.check(message, &["AUSF"]);
        let asked = self.nf.body(message, JSON);
        self.nf.expect(asked["servingNetworkName"] == NETWORK, || format!("servingNetworkName of {asked}"));
        self.nf.expect(asked["ausfInstanceId"].is_string(), || format!("ausfInstanceId of {asked}"));
        let milenage = Milenage::new(&K::from_hex(K).expect("32 digits"), &Opc::from_hex(OPC).expect("32 digits"));
        let mut sqn = lock(&self.sqn);
        match asked.get("resynchronizationInfo") {
            Some(info) => {
                let rand = Rand::from_hex(&text(&info["rand"])).expect("32 digits");
                let auts = Auts::from_hex(&text(&info["auts"])).expect("28 digits");
                match milenage.resynchronise(&rand, &auts) {
                    Ok(seen) => *sqn = seen.next(),
                    Err(error) => self.nf.fault(format!("{who}: auts: {error}")),
                }
                self.nf.saw("resynchronisation");
            }
            None if self.nf.saw("vector") > 1 => *sqn = sqn.next(),
            None => {} // zero
        }
        let rand = Rand::generate().expect("random numbers");
        let vector = HomeVector::generate(&milenage, rand, *sqn, AmfField::SEPARATED, NETWORK).expect("a vector");
        let body = json!({
            "supi": SUPI, "authType": "5G_AKA", "supportedFeatures": "4", "akmaInd": false, "attributeOfALaterRelease": [{}],
            "authenticationVector": {
                "kausf": vector.kausf.to_hex(), "autn": vector.autn.to_hex(), "xresStar": vector.xres_star.to_hex(),
                "rand": vector.rand.to_hex(), "avType": "5G_HE_AKA", "attributeOfALaterRelease": 1,
            },
        });
        Answer::json(200, &body).of_kind("application/json; charset=utf-8")
    }

    /// ResultConfirmation (TS 29.503 5.4.2.3).
    fn event(&self, message: &Message) -> Answer {
        self.nf.check(message, &["AUSF"]);
        let event = self.nf.body(message, JSON);
        for name in ["nfInstanceId", "success", "timeStamp", "authType", "servingNetworkName"] {
            self.nf.expect(!event[name].is_null(), || format!("{name} of {event}"));
        }
        self.nf.expect(event["success"] == true, || format!("{event}"));
        let count = self.nf.saw("event");
        Answer::json(201, &event).at(self.nf.uri(&format!("/nudm-ueau/v1/{SUPI}/auth-events/{count}")))
    }

    /// Nudm_SDM_Get (TS 29.503 5.2.2.2): the slices are told apart, as `nssai` of the access and mobility data is optional.
    fn subscription(&self, message: &Message, data: &str) -> Answer {
        self.nf.check(message, if data == "sm-data" { &["SMF"] } else { &["AMF"] });
        self.nf.body(message, "");
        self.nf.saw(data);
        let nssai = json!({"defaultSingleNssais": [{"sst": 1}], "singleNssais": [{"sst": 2, "sd": "A0B1c2"}],
            "supportedFeatures": "0", "suppressNssrgInd": true});
        let body = match data {
            "nssai" => nssai,
            "am-data" => json!({
                "supportedFeatures": "20", "gpsis": ["msisdn-99970000001"], "subscribedUeAmbr": {"uplink": "1.5 Gbps", "downlink": "2 Gbps"},
                "ratRestrictions": ["VIRTUAL"], "attributeOfALaterRelease": {"deep": [{"er": null}]}, "odbPacketServices": null,
            }),
            "smf-select-data" => json!({
                "supportedFeatures": "0", "attributeOfALaterRelease": [],
                "subscribedSnssaiInfos": {
                    "2-A0B1c2": {"dnnInfos": [{"dnn": "*"}]},
                    "1": {"dnnInfos": [{"dnn": "internet", "defaultDnnIndicator": true, "lboRoamingAllowed": false, "later": {}}], "later": 1},
                },
            }),
            "sm-data" => {
                let query = message.path.split_once('?').map_or("", |(_, query)| query);
                self.nf.expect(query.contains("single-nssai=") && query.contains("dnn=internet"), || {
                    format!("sm-data?{query}")
                });
                json!([
                    {"singleNssai": {"sst": 2}, "attributeOfALaterRelease": 1},
                    {"singleNssai": {"sst": 1}, "dnnConfigurations": {"Internet": {
                        "sscModes": {"defaultSscMode": "SSC_MODE_1", "allowedSscModes": ["SSC_MODE_1", "SSC_MODE_9"]},
                        "pduSessionTypes": {"defaultSessionType": "IPV4", "allowedSessionTypes": ["IPV4", "LATER"]},
                        "sessionAmbr": {"downlink": "500.5 Mbps", "uplink": "100 Mbps"}, "3gppChargingCharacteristics": "0800",
                        "5gQosProfile": {"5qi": 9, "arp": {"priorityLevel": 8, "preemptCap": "NOT_PREEMPT", "preemptVuln": "PREEMPTABLE"}},
                        "iwkEpsInd": false, "attributeOfALaterRelease": {"x": [1]},
                    }}},
                ])
            }
            _ => return self.nf.unknown(message),
        };
        Answer::json(200, &body).of_kind("application/json;charset=UTF-8")
    }

    /// The AMF's registration (TS 29.503 5.3.2.2.2, 5.3.2.4.2): 201 at first, 204 afterwards.
    fn amf(&self, message: &Message, method: &str) -> Answer {
        self.nf.check(message, &["AMF"]);
        let mut kept = lock(&self.amf);
        match method {
            "PUT" => {
                let body = self.nf.body(message, JSON);
                for name in ["amfInstanceId", "deregCallbackUri", "guami", "ratType"] {
                    self.nf.expect(!body[name].is_null(), || format!("{name} of {body}"));
                }
                self.nf.expect(body["initialRegistrationInd"] == true, || format!("initialRegistrationInd of {body}"));
                self.nf.saw("amf");
                let created = kept.replace(body.clone()).is_none();
                let uri = self.nf.uri(&format!("/nudm-uecm/v1/{SUPI}/registrations/amf-3gpp-access"));
                if created { Answer::json(201, &body).at(uri) } else { Answer::empty() }
            }
            "PATCH" => {
                let body = self.nf.body(message, "application/merge-patch+json");
                let Some(kept) = kept.as_mut() else { return problem(404, "CONTEXT_NOT_FOUND") };
                self.nf.expect(body["guami"] == kept["guami"], || format!("guami of {body}"));
                kept["purgeFlag"] = body["purgeFlag"].clone();
                self.nf.saw("amf update");
                // 200 with the result of the patch is as good as 204 (TS 29.503 table 6.2.3.2.3.2-3).
                Answer::json(200, &json!({"report": []}))
            }
            _ => self.nf.unknown(message),
        }
    }

    /// An SMF's registration (TS 29.503 5.3.2.2.4, 5.3.2.4.4).
    fn smf(&self, message: &Message, method: &str, id: &str) -> Answer {
        self.nf.check(message, &["SMF"]);
        let mut sessions = lock(&self.sessions);
        match method {
            "PUT" => {
                let body = self.nf.body(message, JSON);
                self.nf.expect(body["pduSessionId"].as_u64() == id.parse().ok(), || format!("pduSessionId of {body}"));
                for name in ["smfInstanceId", "singleNssai", "plmnId", "dnn"] {
                    self.nf.expect(!body[name].is_null(), || format!("{name} of {body}"));
                }
                sessions.push(id.to_owned());
                self.nf.saw("smf");
                let uri = self.nf.uri(&format!("/nudm-uecm/v1/{SUPI}/registrations/smf-registrations/{id}"));
                Answer::json(201, &body).at(uri)
            }
            "DELETE" => {
                self.nf.body(message, "");
                sessions.retain(|session| session != id);
                drop(sessions);
                self.nf.saw("smf gone");
                Answer::empty()
            }
            _ => self.nf.unknown(message),
        }
    }
}
