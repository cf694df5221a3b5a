//! The foreign NRF (TS 29.510): profiles as they are, less what is a vendor's own, and tokens of a key that is told in a file.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::http2::{Answer, Message, call};
use crate::nf::{JSON, Nf, Serve, listen, lock, octets, problem, segments, text};

/// The running NRF.
pub(crate) struct Nrf {
    pub(crate) nf: Nf,
    key: EcdsaKeyPair,
    profiles: Mutex<BTreeMap<String, Value>>,
    /// By subscriber, where it is notified.
    subscriptions: Mutex<HashMap<String, String>>,
}

impl Serve for Nrf {
    fn nf(&self) -> &Nf {
        &self.nf
    }

    async fn answer(self: Arc<Self>, message: Message) -> Answer {
        self.check(&message);
        match (message.method.as_str(), segments(&message.path).as_slice()) {
            ("PUT", ["nnrf-nfm", "v1", "nf-instances", id]) => self.register(&message, id),
            ("PATCH", ["nnrf-nfm", "v1", "nf-instances", id]) => self.heartbeat(&message, id),
            ("DELETE", ["nnrf-nfm", "v1", "nf-instances", id]) => {
                self.nf.body(&message, "");
                lock(&self.profiles).remove(*id);
                Answer::empty()
            }
            ("POST", ["nnrf-nfm", "v1", "subscriptions"]) => self.subscribe(&message),
            ("GET", ["nnrf-disc", "v1", "nf-instances"]) => self.discover(&message),
            ("POST", ["oauth2", "token"]) => self.token(&message),
            _ => self.nf.unknown(&message),
        }
    }
}

impl Nrf {
    pub(crate) async fn start() -> Arc<Self> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("random numbers");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        let (profiles, subscriptions) = (Mutex::default(), Mutex::default());
        let nrf = Arc::new(Self { nf: Nf::new("NRF", 8084), key, profiles, subscriptions });
        listen(&nrf).await;
        nrf
    }

    /// The public key as a JWK set (RFC 7517 5), without a name.
    pub(crate) fn public_keys(&self) -> String {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let key = json!({"y": BASE64URL.encode(y), "x": BASE64URL.encode(x), "crv": "P-256", "kty": "EC", "later": 1});
        json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, key]}).to_string()
    }

    /// Types of those registered.
    pub(crate) fn registered(&self) -> Vec<String> {
        lock(&self.profiles).values().map(|profile| text(&profile["nfType"])).collect()
    }

    /// Tells all subscribers of an NF that is registered (TS 29.510 5.2.2.6). Returns how many took it.
    pub(crate) async fn notify(&self) -> usize {
        let profile = lock(&self.profiles).values().next().cloned().expect("one at least");
        let uri = self.nf.uri(&format!("/nnrf-nfm/v1/nf-instances/{}", text(&profile["nfInstanceId"])));
        let news = json!({"event": "NF_PROFILE_CHANGED", "nfInstanceUri": uri, "nfProfile": profile, "later": {}});
        let places: Vec<String> = lock(&self.subscriptions).values().cloned().collect();
        let mut taken = 0;
        for place in places {
            let (authority, path) = place.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URI");
            let message =
                Message::new("POST", &format!("/{path}")).with("content-type", JSON).with("user-agent", "NRF");
            let answer = call(authority.parse().expect("an address"), message.body(octets(&news))).await;
            self.nf.expect(answer.status == 204, || format!("{place} answered {}", answer.status));
            taken += 1;
        }
        taken
    }

    /// What a request to an NRF has (TS 29.500 5.2.2.2); no token, which is had here.
    fn check(&self, message: &Message) {
        let agent = message.field("user-agent").split('-').next().unwrap_or_default();
        let known = ["AMF", "SMF", "AUSF", "UDM", "UDR", "UPF"].contains(&agent);
        self.nf.expect(known, || format!("{}: user-agent {agent}", message.path));
        self.nf.expect(message.field("accept").contains("json"), || format!("{}: accept", message.path));
        self.nf.expect(message.field("authorization").is_empty(), || format!("{}: a token", message.path));
    }

    /// NFRegister (TS 29.510 5.2.2.2; mandatory attributes of 6.1.6.2.2 and 6.1.6.2.3).
    fn register(&self, message: &Message, id: &str) -> Answer {
        let mut profile = self.nf.body(message, JSON);
        let whole =
            profile["nfInstanceId"] == id && profile["nfType"].is_string() && profile["nfStatus"] == "REGISTERED";
        let reachable = !profile["ipv4Addresses"].is_null() || !profile["fqdn"].is_null();
        self.nf.expect(whole && reachable, || format!("profile {profile}"));
        for service in profile["nfServices"].as_array().into_iter().flatten() {
            let names = ["serviceInstanceId", "serviceName", "scheme", "nfServiceStatus"];
            let version = &service["versions"][0];
            let whole = names.iter().all(|name| service[name].is_string())
                && ["apiVersionInUri", "apiFullVersion"].iter().all(|name| version[name].is_string());
            self.nf.expect(whole, || format!("service {service}"));
        }
        // An NRF need not keep what is another vendor's own (TS 29.500 6.6.3).
        let members = profile.as_object_mut().expect("an object");
        members.retain(|name, _| !name.starts_with("vendorSpecific-"));
        members.insert("heartBeatTimer".into(), json!(1));
        members.insert("attributeOfALaterRelease".into(), json!([{"x": null}]));
        lock(&self.profiles).insert(id.to_owned(), profile.clone());
        self.nf.saw("register");
        Answer::json(201, &profile).of_kind("application/json; charset=utf-8").at(self.nf.uri(&message.path))
    }

    /// A heartbeat (TS 29.510 5.2.2.3.2): 204, or 200 with the profile.
    fn heartbeat(&self, message: &Message, id: &str) -> Answer {
        let patch = self.nf.body(message, "application/json-patch+json");
        let beats = patch
            .as_array()
            .into_iter()
            .flatten()
            .any(|item| item["op"] == "replace" && item["path"] == "/nfStatus" && item["value"] == "REGISTERED");
        self.nf.expect(beats, || format!("heartbeat {patch}"));
        let Some(profile) = lock(&self.profiles).get(id).cloned() else {
            return problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND");
        };
        if self.nf.saw("heartbeat").is_multiple_of(2) { Answer::json(200, &profile) } else { Answer::empty() }
    }

    /// NFStatusSubscribe (TS 29.510 5.2.2.5).
    fn subscribe(&self, message: &Message) -> Answer {
        let mut body = self.nf.body(message, JSON);
        let place = text(&body["nfStatusNotificationUri"]);
        self.nf.expect(place.starts_with("http://"), || format!("subscription {body}"));
        body["subscriptionId"] = json!(text(&body["reqNfInstanceId"]));
        body["validityTime"] = json!("2036-11-27T05:00:00.123+01:00");
        lock(&self.subscriptions).insert(text(&body["reqNfInstanceId"]), place);
        let uri = self.nf.uri(&format!("/nnrf-nfm/v1/subscriptions/{}", text(&body["subscriptionId"])));
        Answer::json(201, &body).at(uri)
    }

    /// NFDiscover (TS 29.510 5.3.2.2). One that is suspended is found too, before the others, and is not to be used: who does comes
    /// here, where that is a fault.
    fn discover(&self, message: &Message) -> Answer {
        self.nf.body(message, "");
        let query = fields(message.path.split_once('?').map_or("", |(_, query)| query));
        let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
        let (target, service) = (asked("target-nf-type"), asked("service-names"));
        let whole = !target.is_empty() && !asked("requester-nf-type").is_empty() && !service.is_empty();
        self.nf.expect(whole, || format!("discovery {}", message.path));
        let offers = |profile: &&Value| {
            let mut services = profile["nfServices"].as_array().into_iter().flatten();
            profile["nfType"] == target && services.any(|offered| offered["serviceName"] == service)
        };
        let suspended = json!({"nfInstanceId": "5bd0c1bb-3ce8-4f4e-9dc9-0b2a1c9e7d11", "nfType": target, "nfStatus": "SUSPENDED",
            "priority": 0, "ipv4Addresses": [self.nf.own.ip()], "nfServices": [{"serviceInstanceId": "1", "serviceName": service, "scheme": "http",
            "priority": 0, "ipEndPoints": [{"ipv4Address": self.nf.own.ip(), "port": self.nf.own.port()}],
            "versions": [{"apiVersionInUri": "v1", "apiFullVersion": "1.0.0", "expiry": "2036-01-01T00:00:00Z"}], "nfServiceStatus": "SUSPENDED"}]});
        let found: Vec<Value> =
            std::iter::once(suspended).chain(lock(&self.profiles).values().filter(offers).cloned()).collect();
        self.nf.saw("discovery");
        let body = json!({"validityPeriod": 100, "nfInstances": found, "nrfSupportedFeatures": "0", "later": []});
        Answer::json(200, &body).of_kind("application/json;charset=utf-8")
    }

    /// AccessToken_Get (TS 29.510 5.4.2.2, claims of 6.3.5.2.4). Neither token nor answer says more than it must.
    fn token(&self, message: &Message) -> Answer {
        let kind = message.field("content-type");
        self.nf.expect(kind == "application/x-www-form-urlencoded", || format!("token: content-type {kind}"));
        let form = fields(std::str::from_utf8(&message.body).unwrap_or_default());
        let asked = |name: &str| form.get(name).cloned().unwrap_or_default();
        let known =
            lock(&self.profiles).get(&asked("nfInstanceId")).is_some_and(|own| own["nfType"] == asked("nfType"));
        let whole = asked("grant_type") == "client_credentials" && !asked("scope").is_empty();
        self.nf.expect(whole, || "token: grant_type or scope".into());
        if !known {
            return Answer::json(400, &json!({"error": "invalid_client"}));
        }
        let expires = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()) + 600;
        let claims = json!({"exp": expires, "iat": expires - 600, "iss": self.nf.id, "scope": asked("scope"), "later": [1],
            "sub": asked("nfInstanceId"), "aud": asked("targetNfType")});
        let part = |value: &Value| BASE64URL.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        let token = format!("{signed}.{}", BASE64URL.encode(signature));
        self.nf.saw("token");
        Answer::json(200, &json!({"token_type": "bearer", "access_token": token, "expires_in": 600}))
    }
}

/// `name=value` joined by `&`; nothing that is asked for here has an escape.
fn fields(text: &str) -> HashMap<String, String> {
    text.split('&').filter_map(|field| field.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}
