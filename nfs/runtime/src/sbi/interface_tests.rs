//! Two NFs and a small NRF in one process, over the real transports.

use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use sbi_api::nnrf_disc::{self, NnrfDiscServer};
use sbi_api::nnrf_nfm::{self, NnrfNfmServer};
use sbi_api::nnrf_oauth2::{self, NnrfOauth2Server};
use sbi_api::{
    Answer, Body, BoxFuture, CallError, Problem, Request, Response, ServiceQuery, Stored, Target, WithLocation,
};
use sbi_models::nrf::{
    AccessTokenReq, AccessTokenRsp, JwkSet, PatchItem, SearchQuery, SearchResult, ServiceName, SubscriptionData,
};
use sbi_token::Signer;
use sbi_transport::{Endpoint, Server, serve};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::config::{Common, parse};

/// An NRF that keeps whatever profile it was sent last per instance, and gives a token to whoever wants one.
struct SmallNrf(Mutex<Vec<NfProfile>>, Signer);

impl SmallNrf {
    fn profiles(&self) -> std::sync::MutexGuard<'_, Vec<NfProfile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NnrfNfmServer for SmallNrf {
    async fn register(&self, id: Uuid, profile: NfProfile) -> Result<Stored<NfProfile>, Problem> {
        let mut profiles = self.profiles();
        profiles.retain(|known| known.nf_instance_id != id);
        profiles.push(profile.clone());
        Ok(Stored::replaced(profile))
    }

    async fn update(&self, id: Uuid, _: Vec<PatchItem>) -> Result<Option<NfProfile>, Problem> {
        let known = self.profiles().iter().any(|profile| profile.nf_instance_id == id);
        known.then_some(None).ok_or_else(|| Problem::not_found("CONTEXT_NOT_FOUND", id))
    }

    async fn deregister(&self, id: Uuid) -> Result<(), Problem> {
        self.profiles().retain(|known| known.nf_instance_id != id);
        Ok(())
    }

    async fn profile(&self, id: Uuid) -> Result<NfProfile, Problem> {
        Err(Problem::not_found("CONTEXT_NOT_FOUND", id))
    }

    async fn subscribe(&self, body: SubscriptionData) -> Result<WithLocation<SubscriptionData>, Problem> {
        Ok(WithLocation { location: "/1".into(), body })
    }

    async fn prolong(&self, _: String, _: Vec<PatchItem>) -> Result<Option<SubscriptionData>, Problem> {
        Ok(None)
    }

    async fn unsubscribe(&self, _: String) -> Result<(), Problem> {
        Ok(())
    }
}

impl NnrfDiscServer for SmallNrf {
    async fn search(&self, query: SearchQuery) -> Result<SearchResult, Problem> {
        let profiles = self.profiles();
        let wanted = profiles.iter().filter(|profile| profile.nf_type == query.target_nf_type);
        Ok(SearchResult { validity_period: Some(60), nf_instances: wanted.cloned().collect() })
    }
}

impl NnrfOauth2Server for SmallNrf {
    async fn access_token(&self, wanted: AccessTokenReq) -> Result<AccessTokenRsp, Problem> {
        let claims = serde_json::json!({
            "iss": Uuid::nil(), "sub": wanted.nf_instance_id, "aud": wanted.target_nf_type, "scope": wanted.scope,
            "exp": gate::wall_clock() + 60,
        });
        let claims = serde_json::from_value(claims).map_err(|why| Problem::invalid_body(&why))?;
        let access_token = self.1.sign(&claims).map_err(Problem::internal)?;
        Ok(AccessTokenRsp { access_token, token_type: "Bearer".into(), expires_in: Some(60), scope: None })
    }

    async fn keys(&self) -> Result<JwkSet, Problem> {
        Ok(self.1.public_keys())
    }
}

/// Answers every request with its path.
struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        Box::pin(async move { Response::new(Body::Octets(request.uri().path().to_owned().into())) })
    }
}

/// A core of an NRF, a UDM and an AMF on ports of its own.
struct Core {
    _place: TempDir,
    directories: Directories,
    settings: SbiSettings,
    nrf: Arc<SmallNrf>,
    _servers: Vec<Server>,
}

impl Core {
    /// The NRF serves; transports as configured, as `[shm, h2]`.
    fn new(transports: &str) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let directories = Directories { run: place.path().to_path_buf(), state: place.path().to_path_buf() };
        let held: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports: Vec<u16> = held.iter().map(|held| held.local_addr().expect("an address").port()).collect();
        drop(held);
        let text = format!(
            "sbi: {{transports: {transports}, listen: {{nrf: '127.0.0.1:{}', udm: '127.0.0.1:{}', amf: '127.0.0.1:{}'}}}}",
            ports[0], ports[1], ports[2]
        );
        let settings = parse::<Common>("core.yaml", &text).unwrap_or_else(|error| panic!("{error}")).sbi;
        let key = Signer::generate().expect("random numbers");
        let nrf = Arc::new(SmallNrf(Mutex::default(), Signer::new(key.as_ref()).expect("our own")));
        let routes = Arc::new(
            nnrf_nfm::routes(nrf.clone()).and(nnrf_disc::routes(nrf.clone())).and(nnrf_oauth2::routes(nrf.clone())),
        );
        let reach = Reach::new(reach::node(), directories.clone(), &settings);
        let endpoints = reach.of_address(settings.nrf().expect("configured"));
        let serve = |endpoint: &Endpoint| serve(endpoint, routes.clone(), Limits::default()).expect("served");
        Self { _place: place, directories, settings, nrf, _servers: endpoints.iter().map(serve).collect() }
    }

    fn interface(&self, nf_type: NfType) -> (Interface, Metrics) {
        let metrics = Metrics::new(nf_type.as_str());
        let interface = Interface::new(nf_type, &self.settings, &self.directories, &metrics, Tap::default());
        (interface.unwrap_or_else(|error| panic!("{error}")), metrics)
    }

    /// A UDM that serves and is registered.
    async fn udm(&self) -> (Interface, JoinHandle<()>) {
        let (udm, _) = self.interface(NfType::Udm);
        udm.serve(Arc::new(Echo)).unwrap_or_else(|error| panic!("{error}"));
        let offered = vec![OfferedService::new(ServiceName::NudmSdm, "v2")];
        let entry = udm.registration(&Network::default(), offered, Box::new(|_| ()));
        let (registration, mut changes) = entry.expect("there is an NRF");
        let keeping = tokio::spawn(async move { registration.keep().await });
        changes.wait_for(|state| *state == Registered::Yes).await.expect("it registers");
        (udm, keeping)
    }
}

async fn get(interface: &Interface) -> Result<u16, CallError> {
    let target = Target::Service(ServiceQuery { nf_type: NfType::Udm, service: ServiceName::NudmSdm });
    let request = http::Request::builder().uri("/nudm-sdm/v2/x").body(Default::default()).expect("a request");
    interface.caller().call(&target, request).await.map(|response| response.status().as_u16())
}

/// Requests sent so far over a transport.
fn sent(metrics: &Metrics, transport: &str) -> u64 {
    counted(metrics, "calls_total", &[&format!("transport=\"{transport}\"")])
}

/// The sum of a metric of the transports over the clients' rows with all these labels.
fn counted(metrics: &Metrics, metric: &str, labels: &[&str]) -> u64 {
    let name = format!("peregrine_sbi_transport_{metric}{{");
    let text = metrics.encode();
    let fits = |line: &&str| line.starts_with(&name) && labels.iter().all(|label| line.contains(label));
    let lines = text.lines().filter(fits).filter(|line| line.contains("client"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn nfs_of_one_machine_find_each_other_and_talk_over_shared_memory() {
    let core = Core::new("[shm, h2]");
    let (_udm, keeping) = core.udm().await;
    let (amf, metrics) = core.interface(NfType::Amf);
    assert_eq!(get(&amf).await, Ok(200));
    assert_eq!((sent(&metrics, "shm"), sent(&metrics, "h2")), (3, 0), "discovery, the token and the call");
    let to_udm = ["transport=\"shm\"", "peer=\"udm\""];
    assert_eq!(counted(&metrics, "calls_total", &to_udm), 1, "{}", metrics.encode());
    assert_eq!(counted(&metrics, "under_way", &to_udm), 0);
    let rows = metrics.encode();
    for metric in ["wakeups", "doorbells", "spins_paid", "spins_lost", "waits_for_room"] {
        let name = format!("peregrine_sbi_transport_{metric}_total{{");
        let row = |line: &str| line.starts_with(&name) && to_udm.iter().all(|label| line.contains(label));
        assert!(rows.lines().any(row), "no row of {name} for the UDM in\n{rows}");
    }
    keeping.abort();
}

#[tokio::test]
async fn without_shared_memory_the_same_goes_over_http2() {
    let core = Core::new("[h2]");
    let (_udm, keeping) = core.udm().await;
    assert!(core.nrf.profiles().iter().all(|profile| profile.local.is_none()), "no shared memory is told of");
    let (amf, metrics) = core.interface(NfType::Amf);
    assert_eq!(get(&amf).await, Ok(200));
    assert_eq!((sent(&metrics, "shm"), sent(&metrics, "h2")), (0, 3));
    keeping.abort();
}

#[tokio::test]
async fn a_call_outlives_the_peer_that_it_first_found() {
    let core = Core::new("[shm, h2]");
    let (udm, keeping) = core.udm().await;
    let (amf, _) = core.interface(NfType::Amf);
    assert_eq!(get(&amf).await, Ok(200));
    keeping.abort();
    udm.close(Duration::from_millis(100)).await;
    drop(udm);
    let (again, (_udm, keeping)) = tokio::join!(get(&amf), core.udm());
    assert_eq!(again, Ok(200), "it waits for the new one");
    keeping.abort();
}

#[tokio::test]
async fn where_shared_memory_is_refused_the_call_goes_over_http2() {
    let core = Core::new("[shm, h2]");
    let (udm, keeping) = core.udm().await;
    let socket = core.directories.shm_socket(core.settings.listen.of(&NfType::Udm).expect("configured"));
    std::fs::remove_file(socket).expect("it was there");
    let (amf, metrics) = core.interface(NfType::Amf);
    assert_eq!(get(&amf).await, Ok(200));
    assert_eq!(sent(&metrics, "h2"), 1);
    keeping.abort();
    drop(udm);
}

#[tokio::test]
async fn who_leaves_is_taken_out_of_the_nrf() {
    let core = Core::new("[shm, h2]");
    let (udm, _) = core.interface(NfType::Udm);
    udm.serve(Arc::new(Echo)).unwrap_or_else(|error| panic!("{error}"));
    let (registration, mut changes) =
        udm.registration(&Network::default(), Vec::new(), Box::new(|_| ())).expect("an NRF");
    tokio::select! {
        () = registration.keep() => unreachable!("it keeps for ever"),
        _ = changes.wait_for(|state| *state == Registered::Yes) => (),
    }
    assert_eq!(core.nrf.profiles().len(), 1);
    registration.deregister().await;
    assert!(core.nrf.profiles().is_empty());
}
