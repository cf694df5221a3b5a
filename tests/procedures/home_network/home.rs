//! A home network in one process: AUSF, UDM and UDR, joined by a wire that writes down who asks whom.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aka::Sqn;
use aka::suci::{Concealment, HomeNetworkPrivateKey, HomeNetworkPublicKey, Scheme, conceal_imsi};
use ausf::{AuthenticationServer, Identity, Limits};
use runtime::{Metrics, Network, Rejects};
use sbi_api::nausf_auth::NausfAuth;
use sbi_api::nudm_sdm::NudmSdm;
use sbi_api::nudm_uecm::NudmUecm;
use sbi_api::nudr_dr::NudrDr;
use sbi_api::{ApiRoot, Body, BoxFuture, CallError, Caller, Handler, Request, Response, Target};
use sbi_models::nrf::NfType;
use udm::DataManagement;
use udr::DataRepository;

pub(crate) const SUPI: &str = "imsi-999700000000001";
pub(crate) const HOME_NETWORK: &str = "5G:mnc070.mcc999.3gppnetwork.org";

/// Carries requests to the handlers of the network functions.
#[derive(Default)]
pub(crate) struct Wire {
    handlers: Mutex<HashMap<String, Arc<dyn Handler>>>,
    seen: Mutex<Vec<String>>,
    /// Bodies of notifications, with their URI.
    pub(crate) notified: Mutex<Vec<(String, String)>>,
}

impl Wire {
    fn attach(&self, nf: NfType, handler: impl Handler) {
        self.handlers.lock().expect("whole").insert(nf.to_string(), Arc::new(handler));
    }

    pub(crate) fn cut(&self, nf: &str) {
        self.handlers.lock().expect("whole").remove(nf);
    }

    pub(crate) fn clear(&self) {
        self.seen.lock().expect("whole").clear();
    }

    /// Every request so far, one line each, identities in paths left out.
    pub(crate) fn ladder(&self) -> String {
        self.seen.lock().expect("whole").iter().map(|line| format!("{line}\n")).collect()
    }

    fn note(&self, nf: &str, request: &Request) {
        let id = |segment: &str| segment.len() == 36 && segment.bytes().filter(|b| *b == b'-').count() == 4;
        let path: Vec<_> =
            request.uri().path().split('/').map(|segment| if id(segment) { "{id}" } else { segment }).collect();
        self.seen.lock().expect("whole").push(format!("{nf} {} {}", request.method(), path.join("/")));
    }
}

impl Caller for Wire {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: Request<Body<'a>>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        let request = request.map(Body::into_bytes);
        let Target::Service(query) = target else {
            let uri = format!("{}{}", root_of(target), request.uri());
            let body = String::from_utf8_lossy(request.body()).into_owned();
            self.notified.lock().expect("whole").push((uri, body));
            let done = http::Response::builder().status(204).body(bytes::Bytes::new()).expect("a response");
            return Box::pin(std::future::ready(Ok(done)));
        };
        let nf = query.nf_type.to_string();
        self.note(&nf, &request);
        let handler = self.handlers.lock().expect("whole").get(&nf).cloned();
        Box::pin(async move {
            match handler {
                Some(handler) => Ok(handler.handle(request).await.map(Body::into_bytes)),
                None => Err(CallError::NoInstance(nf)),
            }
        })
    }
}

fn root_of(target: &Target) -> String {
    match target {
        Target::Root(root) | Target::Callback(root) => root.to_string(),
        Target::Service(query) => query.service.to_string(),
    }
}

/// The network functions and clients of each.
pub(crate) struct Home {
    pub(crate) wire: Arc<Wire>,
    pub(crate) ausf: NausfAuth,
    pub(crate) uecm: NudmUecm,
    pub(crate) sdm: NudmSdm,
    udr: NudrDr,
    _place: tempfile::TempDir,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let (wire, network) = (Arc::new(Wire::default()), Network::default());
        let root = |host: u8| ApiRoot::http(format_args!("127.0.0.{host}:7777"));
        let config = udr::Config { store: Some(PathBuf::from("s.redb")), ..udr::Config::default() };
        let config = udr::Config { store: config.store.map(|file| place.path().join(file)), ..config };
        let store = udr::open_store(&config, &network, place.path()).await.expect("opens");
        let repository = DataRepository::new(Arc::new(store), root(20));
        wire.attach(NfType::Udr, sbi_api::nudr_dr::routes(Arc::new(repository)));
        let keys = udm::Config::default().key_ring().expect("the test keys");
        let management = DataManagement::new(wire.clone(), keys, network.plmn, root(12));
        wire.attach(NfType::Udm, Arc::new(management).routes());
        let identity = Identity {
            instance: uuid::Uuid::new_v4(),
            root: root(11),
            serving_networks: vec![network.plmn.serving_network_name()],
        };
        let limits = Limits { contexts: 1000, lifetime: Duration::from_secs(60) };
        let server =
            AuthenticationServer::new(wire.clone(), identity, limits, Metrics::new("ausf"), Rejects::default());
        wire.attach(NfType::Ausf, sbi_api::nausf_auth::routes(Arc::new(server)));
        Self {
            ausf: NausfAuth::new(wire.clone()),
            uecm: NudmUecm::new(wire.clone()),
            sdm: NudmSdm::new(wire.clone()),
            udr: NudrDr::new(wire.clone()),
            wire,
            _place: place,
        }
    }

    /// The last sequence number used.
    pub(crate) async fn sqn(&self) -> Sqn {
        let subscription = self.udr.authentication_subscription(&SUPI.parse().expect("a SUPI")).await.expect("there");
        Sqn::from_octets(subscription.sequence_number.sqn.0)
    }

    /// Whether the UDR keeps this outcome, once what runs in the background has run.
    pub(crate) async fn result_kept(&self, success: bool) -> bool {
        self.settled().await;
        let kept = self.udr.authentication_status(&SUPI.parse().expect("a SUPI")).await;
        kept.is_ok_and(|event| event.success == success)
    }

    pub(crate) async fn no_result(&self) -> bool {
        self.udr.authentication_status(&SUPI.parse().expect("a SUPI")).await.is_err()
    }

    /// Lets spawned tasks run: nothing on this wire ever waits.
    pub(crate) async fn settled(&self) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn suci_null() -> String {
    "suci-0-999-70-0000-0-0-0000000001".into()
}

/// Concealed with the key of profile A that the default configuration has.
pub(crate) fn suci_a() -> String {
    suci(Scheme::ProfileA, 1, "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d")
}

/// Concealed with the key of profile B that the default configuration has.
pub(crate) fn suci_b() -> String {
    suci(Scheme::ProfileB, 2, "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda")
}

fn suci(scheme: Scheme, key_id: u8, private: &str) -> String {
    let private = HomeNetworkPrivateKey::from_hex(scheme, private).expect("a key");
    let key: HomeNetworkPublicKey = private.public_key();
    let concealment = Concealment::Key { key_id, key };
    let octets = conceal_imsi("999", "70", "0000000001", "0000", &concealment).expect("concealed");
    let output: String = octets[8..].iter().map(|octet| format!("{octet:02x}")).collect();
    format!("suci-0-999-70-0000-{}-{key_id}-{output}", scheme.identifier())
}

/// Another last digit: the MAC tag no longer fits.
pub(crate) fn tampered(mut suci: String) -> String {
    let last = suci.pop().expect("not empty");
    suci.push(if last == '0' { '1' } else { '0' });
    suci
}

/// The SUCI in a ladder's request for a vector.
pub(crate) fn suci_of(ladder: &str) -> &str {
    let rest = ladder.split_once("/nudm-ueau/v1/").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
