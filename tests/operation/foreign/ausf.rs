//! The foreign AUSF: JSON values and HTTP/2 frames, no type of ours above the key derivation.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aka::{Kausf, Rand, ResStar, XresStar};
use serde_json::{Value, json};

use crate::http2::{Answer, Message, call};
use crate::nf::{JSON, NETWORK, Nf, Serve, listen, lock, octets, problem, segments, text};

/// The running AUSF.
pub(crate) struct Ausf {
    pub(crate) nf: Nf,
    udm: SocketAddr,
    contexts: Mutex<HashMap<String, Context>>,
    /// URIs that the UDM gave to reported events, with the subscriber.
    events: Mutex<Vec<String>>,
}

/// An authentication under way.
#[derive(Clone)]
struct Context {
    supi: String,
    xres_star: String,
    kausf: String,
}

impl Serve for Ausf {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        self.nf.check(&message, &["AMF"]);
        match (message.method.as_str(), segments(&message.path).as_slice()) {
            ("POST", ["nausf-auth", "v1", "ue-authentications"]) => self.challenge(&message).await,
            ("PUT", ["nausf-auth", "v1", "ue-authentications", id, "5g-aka-confirmation"]) => {
                self.confirm(&message, id).await
            }
            ("DELETE", ["nausf-auth", "v1", "ue-authentications", _, "5g-aka-confirmation"]) => Answer::empty(),
            _ => self.nf.unknown(&message),
        }
    }
}

impl Ausf {
    /// Registers at the NRF, finds a UDM, and serves.
    pub(crate) async fn start() -> Arc<Self> {
        let nf = Nf::new("AUSF", 8081);
        let udm = nf.discover("UDM", "nudm-ueau").await;
        let ausf = Arc::new(Self { nf, udm, contexts: Mutex::default(), events: Mutex::default() });
        listen(&ausf).await;
        ausf.nf.register(&[("nausf-auth", "v1")]).await;
        ausf
    }

    pub(crate) fn authenticated(&self) -> usize {
        lock(&self.events).len()
    }

    /// Takes the last event back (TS 29.503 5.4.2.4).
    pub(crate) async fn remove_event(&self) {
        let uri = lock(&self.events).last().cloned().expect("there was one");
        let path = uri.strip_prefix(&format!("http://{}", self.udm)).expect("a URI at the UDM").to_owned();
        let mut event = self.event();
        event["authRemovalInd"] = json!(true);
        let answer = self.to_udm("PUT", &path, event).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
    }

    /// TS 29.509 5.2.2.2.2.
    async fn challenge(&self, message: &Message) -> Answer {
        let asked = self.nf.body(message, JSON);
        self.nf.expect(asked["servingNetworkName"] == NETWORK, || format!("servingNetworkName of {asked}"));
        let Some(identity) = asked["supiOrSuci"].as_str().filter(|text| text.starts_with("suci-0-999-70-")) else {
            self.nf.fault(format!("supiOrSuci of {asked}"));
            return problem(400, "MANDATORY_IE_INCORRECT");
        };
        let path = format!("/nudm-ueau/v1/{identity}/security-information/generate-auth-data");
        let wanted =
            json!({"servingNetworkName": NETWORK, "ausfInstanceId": self.nf.id, "attributeOfALaterRelease": [1]});
        let given = self.to_udm("POST", &path, wanted).await;
        let said: Value = serde_json::from_slice(&given.body).unwrap_or_default();
        let vector = &said["authenticationVector"];
        let [rand, autn, xres_star, kausf] = ["rand", "autn", "xresStar", "kausf"].map(|name| text(&vector[name]));
        let sound = given.status == 200 && given.kind == JSON && vector["avType"] == "5G_HE_AKA";
        self.nf.expect(sound, || format!("the UDM answered {} {}", given.status, given.kind));
        let hxres_star = XresStar::from_hex(&xres_star).expect("32 digits");
        let hxres_star = hxres_star.hxres_star(&Rand::from_hex(&rand).expect("32 digits"));
        let context = Context { supi: text(&said["supi"]), xres_star, kausf };
        let id = format!("ctx.{}", lock(&self.contexts).len());
        lock(&self.contexts).insert(id.clone(), context);
        let uri = self.nf.uri(&format!("/nausf-auth/v1/ue-authentications/{id}"));
        let body = json!({
            "authType": "5G_AKA",
            "5gAuthData": {"rand": rand, "autn": autn, "hxresStar": hxres_star.to_hex()},
            "_links": {"5g-aka": {"href": format!("{uri}/5g-aka-confirmation")}},
            "servingNetworkName": NETWORK,
            "attributeOfALaterRelease": {"x": null},
        });
        Answer::json(201, &body).of_kind("application/3gppHal+json").at(uri)
    }

    /// TS 29.509 5.2.2.2.2, step 3.
    async fn confirm(&self, message: &Message, id: &str) -> Answer {
        let asked = self.nf.body(message, JSON);
        let Some(context) = lock(&self.contexts).get(id).cloned() else { return problem(404, "CONTEXT_NOT_FOUND") };
        let given = ResStar::from_hex(&text(&asked["resStar"]));
        let expected = XresStar::from_hex(&context.xres_star).expect("32 digits");
        let right = given.is_ok_and(|given| expected.accepts(&given));
        self.nf.expect(right, || "resStar is not the UE's answer".into());
        let path = format!("/nudm-ueau/v1/{}/auth-events", context.supi);
        let told = self.to_udm("POST", &path, self.event()).await;
        self.nf.expect(told.status == 201, || format!("auth-events answered {}", told.status));
        lock(&self.events).extend(told.location);
        let kseaf = Kausf::from_hex(&context.kausf).expect("64 digits").kseaf(NETWORK).expect("a name");
        let body = json!({"authResult": "AUTHENTICATION_SUCCESS", "supi": context.supi, "kseaf": kseaf.to_hex()});
        Answer::json(200, &body).of_kind("application/json; charset=utf-8")
    }

    fn event(&self) -> Value {
        json!({"nfInstanceId": self.nf.id, "success": true, "timeStamp": "2026-11-27T05:00:00.5+01:00",
            "authType": "5G_AKA", "servingNetworkName": NETWORK})
    }

    async fn to_udm(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = format!("Bearer {}", self.nf.token("UDM", "nudm-ueau").await);
        let message = Message::new(method, path).with("content-type", JSON).with("authorization", &token);
        call(self.udm, message.with("user-agent", "AUSF").body(octets(&body))).await
    }
}
