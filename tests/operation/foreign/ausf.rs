//! The foreign AUSF: JSON values and HTTP/2 frames, no type of ours above the key derivation.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aka::{Kausf, Rand, ResStar, XresStar};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::http2::{Answer, Message, call, serve};

const NETWORK: &str = "5G:mnc070.mcc999.3gppnetwork.org";
const OWN: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 99), 8081);

/// An NF of ours by the last octet of its address.
pub(crate) fn nf(last: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, last), 7777).into()
}

/// The running AUSF.
#[derive(Clone)]
pub(crate) struct Ausf(Arc<State>);

struct State {
    id: String,
    udm: SocketAddr,
    contexts: Mutex<HashMap<String, Context>>,
    faults: Mutex<Vec<String>>,
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

impl Ausf {
    /// Registers at the NRF (TS 29.510 5.2.2.2), finds a UDM (5.3.2.2), and serves.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(OWN).await.expect("a free address");
        let id = Uuid::new_v4().to_string();
        register(&id).await;
        let state = State {
            udm: discover("UDM", "nudm-ueau").await,
            id,
            contexts: Mutex::default(),
            faults: Mutex::default(),
            events: Mutex::default(),
        };
        let ausf = Self(Arc::new(state));
        let own = ausf.clone();
        tokio::spawn(serve(
            listener,
            Arc::new(move |message| {
                let own = own.clone();
                async move { own.answer(message).await }
            }),
        ));
        ausf
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// What in the AMF's requests was not as specified.
    pub(crate) fn faults(&self) -> Vec<String> {
        lock(&self.0.faults).clone()
    }

    pub(crate) fn authenticated(&self) -> usize {
        lock(&self.0.events).len()
    }

    /// Client credentials (TS 29.510 5.4.2.2, RFC 6749 4.4).
    pub(crate) async fn token(&self, nf_type: &str, scope: &str) -> String {
        let id = self.id();
        let form =
            format!("grant_type=client_credentials&nfInstanceId={id}&nfType=AUSF&targetNfType={nf_type}&scope={scope}");
        let message = Message::new("POST", "/oauth2/token").with("content-type", "application/x-www-form-urlencoded");
        let answer = call(nf(10), message.body(form)).await;
        let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"), "{said}");
        // `scope` may be left out where it is what was asked for (RFC 6749 5.1).
        assert_eq!(
            (said["token_type"].as_str(), said["scope"].as_str().unwrap_or(scope)),
            (Some("Bearer"), scope),
            "{said}"
        );
        assert!(said["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{said}");
        said["access_token"].as_str().expect("a token").to_owned()
    }

    /// Takes the last event back (TS 29.503 5.4.2.4).
    pub(crate) async fn remove_event(&self) {
        let uri = lock(&self.0.events).last().cloned().expect("there was one");
        let path = uri.strip_prefix(&format!("http://{}", self.0.udm)).expect("a URI at the UDM").to_owned();
        let mut event = self.event();
        event["authRemovalInd"] = json!(true);
        let answer = self.to_udm("PUT", &path, event).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
    }

    async fn answer(&self, message: Message) -> Answer {
        let segments: Vec<&str> = message.path.trim_start_matches('/').split('/').collect();
        match (message.method.as_str(), segments.as_slice()) {
            ("POST", ["nausf-auth", "v1", "ue-authentications"]) => self.challenge(&message).await,
            ("PUT", ["nausf-auth", "v1", "ue-authentications", id, "5g-aka-confirmation"]) => {
                self.confirm(&message, id).await
            }
            ("DELETE", ["nausf-auth", "v1", "ue-authentications", _, "5g-aka-confirmation"]) => {
                Answer { status: 204, ..Answer::default() }
            }
            _ => {
                self.fault(format!("{} {}: no such operation", message.method, message.path));
                problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")
            }
        }
    }

    /// TS 29.509 5.2.2.2.2.
    async fn challenge(&self, message: &Message) -> Answer {
        let asked = self.check(message, "application/json");
        self.expect(asked["servingNetworkName"] == NETWORK, || format!("servingNetworkName of {asked}"));
        let Some(identity) = asked["supiOrSuci"].as_str().filter(|text| text.starts_with("suci-0-999-70-")) else {
            self.fault(format!("supiOrSuci of {asked}"));
            return problem(400, "MANDATORY_IE_INCORRECT");
        };
        let path = format!("/nudm-ueau/v1/{identity}/security-information/generate-auth-data");
        let wanted =
            json!({"servingNetworkName": NETWORK, "ausfInstanceId": self.id(), "attributeOfALaterRelease": [1]});
        let given = self.to_udm("POST", &path, wanted).await;
        let said: Value = serde_json::from_slice(&given.body).unwrap_or_default();
        let vector = &said["authenticationVector"];
        let [rand, autn, xres_star, kausf] = ["rand", "autn", "xresStar", "kausf"].map(|name| text(&vector[name]));
        let sound = given.status == 200 && given.kind == "application/json" && vector["avType"] == "5G_HE_AKA";
        self.expect(sound, || format!("the UDM answered {} {}", given.status, given.kind));
        let hxres_star = XresStar::from_hex(&xres_star).expect("32 digits");
        let hxres_star = hxres_star.hxres_star(&Rand::from_hex(&rand).expect("32 digits"));
        let context = Context { supi: text(&said["supi"]), xres_star, kausf };
        let id = format!("ctx.{}", lock(&self.0.contexts).len());
        lock(&self.0.contexts).insert(id.clone(), context);
        let uri = format!("http://{}:{}/nausf-auth/v1/ue-authentications/{id}", OWN.0, OWN.1);
        let body = json!({
            "authType": "5G_AKA",
            "5gAuthData": {"rand": rand, "autn": autn, "hxresStar": hxres_star.to_hex()},
            "_links": {"5g-aka": {"href": format!("{uri}/5g-aka-confirmation")}},
            "servingNetworkName": NETWORK,
            "attributeOfALaterRelease": {"x": null},
        });
        Answer { status: 201, kind: "application/3gppHal+json".into(), location: Some(uri), body: octets(&body) }
    }

    /// TS 29.509 5.2.2.2.2, step 3.
    async fn confirm(&self, message: &Message, id: &str) -> Answer {
        let asked = self.check(message, "application/json");
        let Some(context) = lock(&self.0.contexts).get(id).cloned() else { return problem(404, "CONTEXT_NOT_FOUND") };
        let given = ResStar::from_hex(&text(&asked["resStar"]));
        let expected = XresStar::from_hex(&context.xres_star).expect("32 digits");
        self.expect(given.is_ok_and(|given| expected.accepts(&given)), || "resStar is not the UE's answer".into());
        let path = format!("/nudm-ueau/v1/{}/auth-events", context.supi);
        let told = self.to_udm("POST", &path, self.event()).await;
        self.expect(told.status == 201, || format!("auth-events answered {}", told.status));
        lock(&self.0.events).extend(told.location);
        let kseaf = Kausf::from_hex(&context.kausf).expect("64 digits").kseaf(NETWORK).expect("a name");
        let body = json!({"authResult": "AUTHENTICATION_SUCCESS", "supi": context.supi, "kseaf": kseaf.to_hex()});
        Answer { status: 200, kind: "application/json; charset=utf-8".into(), location: None, body: octets(&body) }
    }

    fn event(&self) -> Value {
        json!({"nfInstanceId": self.id(), "success": true, "timeStamp": "2026-11-27T05:00:00.5+01:00",
            "authType": "5G_AKA", "servingNetworkName": NETWORK})
    }

    async fn to_udm(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = format!("Bearer {}", self.token("UDM", "nudm-ueau").await);
        let message = Message::new(method, path).with("content-type", "application/json").with("authorization", &token);
        call(self.0.udm, message.with("user-agent", "AUSF").body(octets(&body))).await
    }

    /// What every request of a consumer has (TS 29.500 5.2.2.2, RFC 6750 2.1), and its body.
    fn check(&self, message: &Message, kind: &str) -> Value {
        self.expect(message.field("content-type") == kind, || {
            format!("content-type {}", message.field("content-type"))
        });
        let (agent, accept, token) =
            (message.field("user-agent"), message.field("accept"), message.field("authorization"));
        self.expect(agent == "AMF" || agent.starts_with("AMF-"), || format!("user-agent {agent}"));
        self.expect(accept.contains("json"), || format!("accept {accept}"));
        let is_token = token.strip_prefix("Bearer ").is_some_and(|token| token.split('.').count() == 3);
        self.expect(is_token, || "no bearer token".into());
        serde_json::from_slice(&message.body).unwrap_or_else(|error| {
            self.fault(format!("{}: {error}", message.path));
            Value::Null
        })
    }

    fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(what());
        }
    }

    fn fault(&self, what: String) {
        lock(&self.0.faults).push(what);
    }
}

async fn register(id: &str) {
    let profile = json!({
        "nfInstanceId": id, "nfType": "AUSF", "nfStatus": "REGISTERED", "heartBeatTimer": 60, "priority": 1, "capacity": 100,
        "ipv4Addresses": [OWN.0], "plmnList": [{"mcc": "999", "mnc": "70"}], "ausfInfo": {"groupId": "theirs"},
        "vendorSpecific-000000": {"any": ["thing"]},
        "nfServices": [{
            "serviceInstanceId": "auth-1", "serviceName": "nausf-auth", "scheme": "http", "nfServiceStatus": "REGISTERED",
            "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.2.1"}], "allowedNfTypes": ["AMF"], "oauth2Required": true,
            "ipEndPoints": [{"ipv4Address": OWN.0, "transport": "TCP", "port": OWN.1}],
        }],
    });
    let message = Message::new("PUT", &format!("/nnrf-nfm/v1/nf-instances/{id}")).with("user-agent", "AUSF");
    let answer = call(nf(10), message.with("content-type", "application/json").body(octets(&profile))).await;
    let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, answer.kind.as_str()), (201, "application/json"), "{said}");
    assert!(answer.location.is_some_and(|uri| uri.ends_with(&format!("/nnrf-nfm/v1/nf-instances/{id}"))));
    assert!(said["heartBeatTimer"].as_u64().is_some_and(|seconds| seconds > 0), "{said}");
}

/// Where a service is.
async fn discover(nf_type: &str, service: &str) -> SocketAddr {
    let query = format!("target-nf-type={nf_type}&requester-nf-type=AUSF&service-names={service}");
    let message = Message::new("GET", &format!("/nnrf-disc/v1/nf-instances?{query}")).with("user-agent", "AUSF");
    let answer = call(nf(10), message.with("accept", "application/json")).await;
    let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"), "{said}");
    assert!(said["validityPeriod"].is_u64(), "{said}");
    let services = said["nfInstances"][0]["nfServices"].as_array().expect("services");
    let found = services.iter().find(|offered| offered["serviceName"] == service).expect("the service");
    let place = &found["ipEndPoints"][0];
    let port = place["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    let address = place["ipv4Address"].as_str().or(said["nfInstances"][0]["ipv4Addresses"][0].as_str());
    (address.expect("an address").parse::<Ipv4Addr>().expect("IPv4"), port).into()
}

fn problem(status: u16, cause: &str) -> Answer {
    let body = json!({"status": status, "cause": cause});
    Answer { status, kind: "application/problem+json".into(), location: None, body: octets(&body) }
}

fn octets(value: &Value) -> bytes::Bytes {
    value.to_string().into()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
