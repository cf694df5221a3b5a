//! The calling side: from a service's name to the instance that answers, whichever transport leads there.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use sbi_api::nnrf_disc::NnrfDisc;
use sbi_api::nnrf_nfm;
use sbi_api::nnrf_oauth2::NnrfOauth2;
use sbi_api::{
    ApiRoot, Body, BoxFuture, CallError, Caller, MESSAGE_PRIORITY, Request, Response, SbiError, ServiceQuery, Target,
};
use sbi_models::nrf::{NfType, NotificationData, SearchQuery, SearchResult};
use sbi_transport::{Credentials, Endpoint, Pool};

use super::consumers::service_of;
use super::directory::{Directory, Instance, Lookup};
use super::metrics::ClientMetrics;
use super::reach::Reach;
use super::tokens::{Requester, Tokens};
use crate::sections::SbiSettings;

/// The first pause before a call looks again for an NF that is not there; each next one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The priority of heartbeats and of what else an NF tells the NRF of itself: late, they take it out of service.
const PRIORITY_OF_MANAGEMENT: HeaderValue = HeaderValue::from_static("8");

/// How long the NRF may take to answer a discovery.
const NRF_PATIENCE: Duration = Duration::from_secs(1);

/// Brings a request to any of some endpoints: the transports, or a script in tests.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// As [`Pool::call_as`].
    fn carry(
        &self,
        endpoints: &[Endpoint],
        authority: &str,
        request: &Request<Body<'_>>,
        credentials: &Arc<Credentials>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Response, CallError>> + Send;
}

impl Carrier for Arc<Pool> {
    fn carry(
        &self,
        endpoints: &[Endpoint],
        authority: &str,
        request: &Request<Body<'_>>,
        credentials: &Arc<Credentials>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Response, CallError>> + Send {
        self.call_as(endpoints, authority, request, Some(credentials), deadline.into())
    }
}

/// How long a call may take and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the call in all.
    pub(crate) timeout: Duration,
    /// Of that, for an NF that is not there.
    pub(crate) absence: Duration,
}

impl From<&SbiSettings> for Patience {
    fn from(settings: &SbiSettings) -> Self {
        Self {
            timeout: Duration::from_millis(settings.timeout_ms),
            absence: Duration::from_millis(settings.patience_ms),
        }
    }
}

/// The [`Caller`] of every NF.
pub(crate) struct SbiCaller<C> {
    direct: Arc<DirectCaller<C>>,
    nrf: Option<NnrfDisc>,
    own_type: NfType,
    tokens: Arc<Tokens>,
    patience: Patience,
    directory: Mutex<Directory>,
    /// One at a time asks the NRF about a service; the others wait for its result.
    asking: Mutex<HashMap<ServiceQuery, Arc<tokio::sync::Mutex<()>>>>,
    metrics: ClientMetrics,
}

impl<C: Carrier> SbiCaller<C> {
    /// A caller that asks the NRF at `nrf`, and for tokens there if `oauth2` is on; the NRF itself has none to ask.
    pub(crate) fn new(
        carrier: C,
        reach: Reach,
        nrf: Option<ApiRoot>,
        oauth2: bool,
        who: Requester,
        patience: Patience,
        metrics: ClientMetrics,
    ) -> Self {
        let own_type = who.nf_type.clone();
        let direct = Arc::new(DirectCaller { carrier, reach, timeout: patience.timeout, credentials: who.plain() });
        let issuer = nrf.clone().filter(|_| oauth2).map(|root| NnrfOauth2::at(direct.clone(), root));
        let tokens = Tokens::new(who, issuer);
        let nrf = nrf.map(|root| NnrfDisc::at(direct.clone(), root));
        let (directory, asking) = (Mutex::default(), Mutex::default());
        Self { direct, nrf, own_type, tokens, patience, directory, asking, metrics }
    }

    /// A caller of given addresses only, over the same connections.
    pub(crate) fn direct(&self) -> Arc<dyn Caller> {
        self.direct.clone()
    }

    /// The NRF tells of a change.
    pub(crate) fn handle_notification(&self, notification: &NotificationData) {
        self.directory().handle_notification(Instant::now(), notification);
    }

    /// The NRF started anew: what it told may have changed without a notification.
    pub(crate) fn expire_all(&self) {
        self.directory().expire_all(Instant::now());
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls any instance of a service; waits a while for one that is not there. Nothing was sent while it waits.
    async fn call_service(&self, query: &ServiceQuery, request: &Request<Body<'_>>) -> Result<Response, CallError> {
        let began = Instant::now();
        let deadline = began + self.patience.timeout;
        let patient_until = deadline.min(began + self.patience.absence);
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.call_instances(query, request, deadline).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let absent = matches!(error, CallError::NoInstance(_) | CallError::Unreachable { .. });
            if !absent || Instant::now() + pause > patient_until {
                return Err(error);
            }
            Box::pin(tokio::time::sleep(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tries the instances in turn, as long as the request surely was not acted on or may be repeated.
    async fn call_instances(
        &self,
        query: &ServiceQuery,
        request: &Request<Body<'_>>,
        deadline: Instant,
    ) -> Result<Response, CallError> {
        let repeatable = request.method().is_idempotent();
        let instances = self.discover(query).await?;
        let credentials = self.tokens.credentials(query.service.as_str()).await?;
        let mut last = CallError::NoInstance(query.service.to_string());
        for (tried, instance) in instances.iter().enumerate() {
            let others = instances.len() - tried - 1;
            let by = if repeatable { share(deadline, others) } else { deadline };
            let shown = if instance.needs_token { &credentials } else { self.tokens.plain() };
            let place = (instance.endpoints.as_slice(), instance.authority.as_str());
            let error = match self.carry(place, request, shown, by).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            self.directory().instance_failed(Instant::now(), query, instance.id);
            let elsewhere = match &error {
                CallError::Unreachable { .. } | CallError::NoInstance(_) => true,
                CallError::Broken { .. } | CallError::Timeout(_) => repeatable,
                CallError::TooLarge(_) | CallError::NotAllowed(_) => false,
            };
            if !elsewhere {
                return Err(error);
            }
            last = error;
        }
        Err(last)
    }

    /// Calls the very NF at `root` with a token of the service; waits a while for one, as for an NF that is not there.
    async fn call_root(&self, root: &ApiRoot, request: &Request<Body<'_>>) -> Result<Response, CallError> {
        let began = Instant::now();
        let deadline = began + self.patience.timeout;
        let patient_until = deadline.min(began + self.patience.absence);
        let mut pause = FIRST_PAUSE;
        let shown = loop {
            match self.tokens.credentials(service_of(request.uri().path())).await {
                Ok(credentials) => break credentials,
                Err(error @ CallError::NotAllowed(_)) => return Err(error),
                Err(error) if Instant::now() + pause > patient_until => return Err(error),
                Err(_) => Box::pin(tokio::time::sleep(pause)).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.call_at(root, request, &shown, deadline).await
    }

    async fn call_at(
        &self,
        root: &ApiRoot,
        request: &Request<Body<'_>>,
        shown: &Arc<Credentials>,
        deadline: Instant,
    ) -> Result<Response, CallError> {
        let endpoints = self.direct.reach.of_root(root, resolve(root).await?);
        self.carry((&endpoints, root.authority()), request, shown, deadline).await
    }

    /// Carries a request; where the token is refused, once more with a new one: the request was not looked at.
    async fn carry(
        &self,
        place: (&[Endpoint], &str),
        request: &Request<Body<'_>>,
        shown: &Arc<Credentials>,
        by: Instant,
    ) -> Result<Response, CallError> {
        let response = self.direct.carrier.carry(place.0, place.1, request, shown, by).await?;
        match response.status() == StatusCode::UNAUTHORIZED && shown.authorization.is_some() {
            false => Ok(response),
            true => Box::pin(self.carry_again(place, request, shown, by, response)).await,
        }
    }

    async fn carry_again(
        &self,
        (endpoints, authority): (&[Endpoint], &str),
        request: &Request<Body<'_>>,
        refused: &Arc<Credentials>,
        by: Instant,
        refusal: Response,
    ) -> Result<Response, CallError> {
        let service = service_of(request.uri().path());
        self.tokens.forget(service, refused);
        match self.tokens.credentials(service).await {
            Ok(renewed) => self.direct.carrier.carry(endpoints, authority, request, &renewed, by).await,
            Err(_) => Ok(refusal),
        }
    }

    /// The instances of a service in the order to try: as known, or as the NRF says, or as it said last if it does not answer.
    async fn discover(&self, query: &ServiceQuery) -> Result<Vec<Arc<Instance>>, CallError> {
        match self.lookup(query) {
            Lookup::Fresh(instances) => Ok(instances),
            // Boxed, here and where else a call takes what it seldom does: room for that in the future of each call is paid by all.
            _ => Box::pin(self.find(query)).await,
        }
    }

    async fn find(&self, query: &ServiceQuery) -> Result<Vec<Arc<Instance>>, CallError> {
        let gate = self.gate(query);
        let _turn = gate.lock().await;
        let stale = match self.lookup(query) {
            Lookup::Fresh(instances) => return Ok(instances),
            Lookup::Stale(instances) => Some(instances),
            Lookup::Unknown => None,
        };
        match self.ask_nrf(query).await {
            Ok(found) => {
                self.directory().store(Instant::now(), query, &found, &self.direct.reach);
                match self.lookup(query) {
                    Lookup::Fresh(instances) | Lookup::Stale(instances) => Ok(instances),
                    Lookup::Unknown => Err(CallError::NoInstance(query.service.to_string())),
                }
            }
            Err(error) => {
                self.directory().nrf_failed(Instant::now(), query);
                stale.ok_or(error)
            }
        }
    }

    fn lookup(&self, query: &ServiceQuery) -> Lookup {
        self.directory().lookup(Instant::now(), query)
    }

    fn gate(&self, query: &ServiceQuery) -> Arc<tokio::sync::Mutex<()>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.entry(query.clone()).or_default().clone()
    }

    async fn ask_nrf(&self, query: &ServiceQuery) -> Result<SearchResult, CallError> {
        let no_instance = || CallError::NoInstance(query.service.to_string());
        let nrf = self.nrf.as_ref().ok_or_else(no_instance)?;
        let search = SearchQuery::new(self.own_type.clone(), query.nf_type.clone(), query.service.clone());
        let unreachable = |reason: String| CallError::Unreachable { peer: "NRF".into(), reason };
        match tokio::time::timeout(NRF_PATIENCE, nrf.search(&search)).await {
            Ok(found) => found.map_err(|error| match error {
                SbiError::Call(error) => error,
                other => unreachable(other.to_string()),
            }),
            Err(_) => Err(unreachable("it does not answer".into())),
        }
    }
}

/// When an attempt must be over so that `others` get their part of the time too.
fn share(deadline: Instant, others: usize) -> Instant {
    let now = Instant::now();
    let parts = u32::try_from(others.saturating_add(1)).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / parts
}

impl<C: Carrier> Caller for SbiCaller<C> {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: Request<Body<'a>>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async move {
            let timed = self.metrics.begin(request.uri().path());
            // In a box of its own each is below the kibioctet from which on allocating takes much longer.
            let outcome = match target {
                Target::Service(query) => Box::pin(self.call_service(query, &request)).await,
                Target::Root(root) => Box::pin(self.call_root(root, &request)).await,
                Target::Callback(root) => {
                    let deadline = Instant::now() + self.patience.timeout;
                    Box::pin(self.call_at(root, &request, self.tokens.plain(), deadline)).await
                }
            };
            timed.end(&outcome);
            outcome
        })
    }
}

/// Calls given addresses, without discovery and token: the NRF.
struct DirectCaller<C> {
    carrier: C,
    reach: Reach,
    timeout: Duration,
    credentials: Arc<Credentials>,
}

impl<C: Carrier> Caller for DirectCaller<C> {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: Request<Body<'a>>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async move {
            let root = match target {
                Target::Root(root) | Target::Callback(root) => root,
                Target::Service(query) => return Err(CallError::NoInstance(query.service.to_string())),
            };
            let mut request = request;
            if request.uri().path().starts_with(nnrf_nfm::ROOT) {
                request.headers_mut().insert(MESSAGE_PRIORITY, PRIORITY_OF_MANAGEMENT);
            }
            let endpoints = self.reach.of_root(root, resolve(root).await?);
            let deadline = Instant::now() + self.timeout;
            self.carrier.carry(&endpoints, root.authority(), &request, &self.credentials, deadline).await
        })
    }
}

/// The address behind a root: as written, or as its name resolves.
async fn resolve(root: &ApiRoot) -> Result<SocketAddr, CallError> {
    match root.authority().parse() {
        Ok(address) => Ok(address),
        Err(_) => Box::pin(look_up(root)).await,
    }
}

async fn look_up(root: &ApiRoot) -> Result<SocketAddr, CallError> {
    let authority = root.authority();
    let unreachable = |reason: String| CallError::Unreachable { peer: root.to_string(), reason };
    let with_port = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:{}", if root.is_secure() { 443 } else { 80 })
    };
    let found = tokio::net::lookup_host(with_port).await.map_err(|error| unreachable(error.to_string()))?;
    found.into_iter().next().ok_or_else(|| unreachable("its name has no address".into()))
}

#[cfg(test)]
#[path = "caller_tests.rs"]
mod tests;
