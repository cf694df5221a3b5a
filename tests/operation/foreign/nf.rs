//! What every foreign NF has: an identity and an address, an entry and tokens at the NRF, and a list of what it found wrong.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::http2::{Answer, Message, call, serve};

pub(crate) const NETWORK: &str = "5G:mnc070.mcc999.3gppnetwork.org";
pub(crate) const JSON: &str = "application/json";

/// An NF of ours by the last octet of its address.
pub(crate) fn nf(last: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, last), 7777).into()
}

/// A foreign NF of any type.
pub(crate) struct Nf {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) own: SocketAddr,
    faults: Mutex<Vec<String>>,
    /// How often each operation was called.
    seen: watch::Sender<BTreeMap<String, usize>>,
}

/// What answers requests: the part that differs.
pub(crate) trait Serve: Send + Sync + 'static {
    fn nf(&self) -> &Nf;
    fn answer(self: Arc<Self>, message: Message) -> impl Future<Output = Answer> + Send;
}

/// Has an NF answer at its address from now on.
pub(crate) async fn listen<S: Serve>(server: &Arc<S>) {
    let listener = TcpListener::bind(server.nf().own).await.expect("a free address");
    let own = server.clone();
    tokio::spawn(serve(listener, Arc::new(move |message| own.clone().answer(message))));
}

impl Nf {
    pub(crate) fn new(kind: &'static str, port: u16) -> Self {
        let own = (Ipv4Addr::new(127, 0, 0, 99), port).into();
        Self { id: Uuid::new_v4().to_string(), kind, own, faults: Mutex::default(), seen: watch::Sender::default() }
    }

    /// The URI of a path here.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.own)
    }

    /// NFRegister (TS 29.510 5.2.2.2) with these services, each with its version.
    pub(crate) async fn register(&self, services: &[(&str, &str)]) {
        let (address, port, id) = (self.own.ip(), self.own.port(), &self.id);
        let service = |(name, version): &(&str, &str)| {
            json!({
                "serviceInstanceId": format!("{name}-1"), "serviceName": name, "scheme": "http", "nfServiceStatus": "REGISTERED",
                "versions": [{"apiVersionInUri": version, "apiFullVersion": "1.2.1"}], "oauth2Required": true,
                "ipEndPoints": [{"ipv4Address": address, "transport": "TCP", "port": port}],
            })
        };
        let profile = json!({
            "nfInstanceId": id, "nfType": self.kind, "nfStatus": "REGISTERED", "heartBeatTimer": 60, "priority": 1, "capacity": 100,
            "ipv4Addresses": [address], "plmnList": [{"mcc": "999", "mnc": "70"}], "vendorSpecific-000000": {"any": ["thing"]},
            "nfServices": services.iter().map(service).collect::<Vec<_>>(),
        });
        let message = Message::new("PUT", &format!("/nnrf-nfm/v1/nf-instances/{id}")).with("user-agent", self.kind);
        let answer = call(nf(10), message.with("content-type", JSON).body(octets(&profile))).await;
        let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, answer.kind.as_str()), (201, JSON), "{said}");
        assert!(answer.location.is_some_and(|uri| uri.ends_with(&format!("/nnrf-nfm/v1/nf-instances/{id}"))));
        assert!(said["heartBeatTimer"].as_u64().is_some_and(|seconds| seconds > 0), "{said}");
    }

    /// Where a service is (TS 29.510 5.3.2.2).
    pub(crate) async fn discover(&self, nf_type: &str, service: &str) -> SocketAddr {
        let query = format!("target-nf-type={nf_type}&requester-nf-type={}&service-names={service}", self.kind);
        let message = Message::new("GET", &format!("/nnrf-disc/v1/nf-instances?{query}")).with("user-agent", self.kind);
        let answer = call(nf(10), message.with("accept", JSON)).await;
        let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, answer.kind.as_str()), (200, JSON), "{said}");
        assert!(said["validityPeriod"].is_u64(), "{said}");
        let services = said["nfInstances"][0]["nfServices"].as_array().expect("services");
        let found = services.iter().find(|offered| offered["serviceName"] == service).expect("the service");
        let place = &found["ipEndPoints"][0];
        let port = place["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let address = place["ipv4Address"].as_str().or(said["nfInstances"][0]["ipv4Addresses"][0].as_str());
        (address.expect("an address").parse::<Ipv4Addr>().expect("IPv4"), port).into()
    }

    /// Client credentials (TS 29.510 5.4.2.2, RFC 6749 4.4).
    pub(crate) async fn token(&self, nf_type: &str, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&nfInstanceId={}&nfType={}&targetNfType={nf_type}&scope={scope}",
            self.id, self.kind
        );
        let message = Message::new("POST", "/oauth2/token").with("content-type", "application/x-www-form-urlencoded");
        let answer = call(nf(10), message.body(form)).await;
        let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, answer.kind.as_str()), (200, JSON), "{said}");
        // `scope` may be left out where it is what was asked for (RFC 6749 5.1).
        let granted = said["scope"].as_str().unwrap_or(scope);
        assert_eq!((said["token_type"].as_str(), granted), (Some("Bearer"), scope), "{said}");
        assert!(said["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{said}");
        said["access_token"].as_str().expect("a token").to_owned()
    }

    /// What every request of a consumer of one of these types has (TS 29.500 5.2.2.2, RFC 6750 2.1).
    pub(crate) fn check(&self, message: &Message, consumers: &[&str]) {
        let (agent, accept, token) =
            (message.field("user-agent"), message.field("accept"), message.field("authorization"));
        let said = agent.split('-').next().unwrap_or_default();
        self.expect(consumers.contains(&said), || format!("{}: user-agent {agent}", message.path));
        self.expect(accept.contains("json"), || format!("{}: accept {accept}", message.path));
        let is_token = token.strip_prefix("Bearer ").is_some_and(|token| token.split('.').count() == 3);
        self.expect(is_token, || format!("{}: no bearer token", message.path));
    }

    /// The body of a request, which must be of this media type; nothing where there must be none.
    pub(crate) fn body(&self, message: &Message, kind: &str) -> Value {
        let said = message.field("content-type");
        self.expect(said == kind, || format!("{} {}: content-type '{said}'", message.method, message.path));
        if kind.is_empty() {
            self.expect(message.body.is_empty(), || format!("{} {}: a body", message.method, message.path));
            return Value::Null;
        }
        serde_json::from_slice(&message.body).unwrap_or_else(|error| {
            self.fault(format!("{}: {error}", message.path));
            Value::Null
        })
    }

    /// Counts an operation.
    pub(crate) fn saw(&self, operation: &str) -> usize {
        let mut count = 0;
        self.seen.send_modify(|seen| {
            let times = seen.entry(operation.to_owned()).or_default();
            *times += 1;
            count = *times;
        });
        count
    }

    /// How often these operations were called.
    pub(crate) fn seen<const N: usize>(&self, operations: [&str; N]) -> [usize; N] {
        operations.map(|operation| self.seen.borrow().get(operation).copied().unwrap_or_default())
    }

    /// Waits until each of these was called as often as this: ours do some of it after they have answered.
    pub(crate) async fn until<const N: usize>(&self, operations: [(&str, usize); N]) {
        let mut seen = self.seen.subscribe();
        let enough = |seen: &BTreeMap<String, usize>| {
            operations.iter().all(|(operation, times)| seen.get(*operation).is_some_and(|seen| seen >= times))
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), seen.wait_for(enough)).await;
        assert!(waited.is_ok(), "{:?}\n{}", self.seen.borrow(), self.faults().join("\n"));
    }

    /// No such resource here: our NFs must not ask for it.
    pub(crate) fn unknown(&self, message: &Message) -> Answer {
        self.fault(format!("{} {}: no such operation", message.method, message.path));
        problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")
    }

    pub(crate) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(what());
        }
    }

    pub(crate) fn fault(&self, what: String) {
        lock(&self.faults).push(what);
    }

    /// What in the requests was not as specified.
    pub(crate) fn faults(&self) -> Vec<String> {
        lock(&self.faults).clone()
    }
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, kind: JSON.into(), location: None, body: octets(body) }
    }

    /// Without a body.
    pub(crate) fn empty() -> Self {
        Self { status: 204, ..Self::default() }
    }

    pub(crate) fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }

    pub(crate) fn of_kind(self, kind: &str) -> Self {
        Self { kind: kind.into(), ..self }
    }
}

pub(crate) fn problem(status: u16, cause: &str) -> Answer {
    Answer::json(status, &json!({"status": status, "cause": cause})).of_kind("application/problem+json")
}

/// Path without query, as segments.
pub(crate) fn segments(path: &str) -> Vec<&str> {
    path.split('?').next().unwrap_or_default().trim_start_matches('/').split('/').collect()
}

pub(crate) fn octets(value: &Value) -> bytes::Bytes {
    value.to_string().into()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
