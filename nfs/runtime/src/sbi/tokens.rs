//! The consumer's side of OAuth 2.0 (TS 33.501 13.4.1.1.2): a token per service, asked for when first needed and renewed before it
//! expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use sbi_api::nnrf_oauth2::NnrfOauth2;
use sbi_api::{CallError, Json, SbiError};
use sbi_models::nrf::{AccessTokenErr, AccessTokenError, AccessTokenReq, AccessTokenRsp, CLIENT_CREDENTIALS, NfType};
use sbi_transport::Credentials;
use uuid::Uuid;

use super::consumers::producer_of;

/// How long the NRF may take to answer.
const NRF_PATIENCE: Duration = Duration::from_secs(1);

/// How long a token is taken for good whose answer does not say.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// Shortest time between attempts to renew a token.
const RENEWAL_REST: Duration = Duration::from_secs(1);

/// Services that tokens are kept for: as many as there are, and then some.
const MOST_SERVICES: usize = 256;

/// What we show of ourselves to others.
pub(crate) struct Tokens {
    who: Requester,
    /// Without a token.
    plain: Arc<Credentials>,
    /// Where tokens are had; without it none are shown.
    nrf: Option<NnrfOauth2>,
    held: Mutex<HashMap<String, Held>>,
    /// One at a time asks for a token of a service; the others wait for it.
    asking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Who asks for tokens.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    /// Its type.
    pub(crate) nf_type: NfType,
    /// `nfInstanceId`.
    pub(crate) instance_id: Uuid,
}

impl Requester {
    /// What it shows without a token: its `User-Agent` is its type and, after a hyphen, the instance (TS 29.500 5.2.2.2).
    pub(crate) fn plain(&self) -> Arc<Credentials> {
        let user_agent = HeaderValue::try_from(format!("{}-{}", self.nf_type, self.instance_id));
        let user_agent = user_agent.unwrap_or(HeaderValue::from_static("NF"));
        Arc::new(Credentials { user_agent, authorization: None })
    }
}

struct Held {
    credentials: Arc<Credentials>,
    renew_at: Instant,
    expires_at: Instant,
}

impl Tokens {
    /// Tokens of the NRF behind `nrf`; without it only the name of who calls is shown.
    pub(crate) fn new(who: Requester, nrf: Option<NnrfOauth2>) -> Arc<Self> {
        let (held, asking) = (Mutex::default(), Mutex::default());
        Arc::new(Self { plain: who.plain(), who, nrf, held, asking })
    }

    /// What to show without a token.
    pub(crate) fn plain(&self) -> &Arc<Credentials> {
        &self.plain
    }

    /// What to show to use a service.
    ///
    /// # Errors
    /// The NRF does not answer, or gives no token.
    pub(crate) async fn credentials(self: &Arc<Self>, service: &str) -> Result<Arc<Credentials>, CallError> {
        let Some((nrf, producer)) = self.nrf.as_ref().zip(producer_of(service)) else { return Ok(self.plain.clone()) };
        match self.held_for(service) {
            Some(credentials) => Ok(credentials),
            None => Box::pin(self.obtain(nrf, service, producer)).await,
        }
    }

    async fn obtain(
        self: &Arc<Self>,
        nrf: &NnrfOauth2,
        service: &str,
        producer: NfType,
    ) -> Result<Arc<Credentials>, CallError> {
        let gate = self.gate(service);
        let _turn = gate.lock().await;
        match self.held_for(service) {
            Some(credentials) => Ok(credentials),
            None => self.ask(nrf, service, producer).await,
        }
    }

    /// A producer does not take them (any more): the next call asks for new ones.
    pub(crate) fn forget(&self, service: &str, refused: &Arc<Credentials>) {
        let mut held = self.held();
        if held.get(service).is_some_and(|held| Arc::ptr_eq(&held.credentials, refused)) {
            held.remove(service);
        }
    }

    /// What holds for a service. The first who finds that it should be renewed has that done, while all go on with it.
    fn held_for(self: &Arc<Self>, service: &str) -> Option<Arc<Credentials>> {
        let now = Instant::now();
        let mut all = self.held();
        let held = all.get_mut(service).filter(|held| held.expires_at > now)?;
        if held.renew_at <= now {
            held.renew_at = now + RENEWAL_REST;
            let (tokens, service) = (self.clone(), service.to_owned());
            tokio::spawn(async move { tokens.renew(&service).await });
        }
        Some(held.credentials.clone())
    }

    async fn renew(&self, service: &str) {
        let Some((nrf, producer)) = self.nrf.as_ref().zip(producer_of(service)) else { return };
        if let Err(error) = self.ask(nrf, service, producer).await {
            tracing::warn!("the token for {service} is not renewed yet: {error}");
        }
    }

    /// AccessToken_Get (TS 29.510 5.4.2.2).
    async fn ask(&self, nrf: &NnrfOauth2, service: &str, producer: NfType) -> Result<Arc<Credentials>, CallError> {
        let wanted = AccessTokenReq {
            grant_type: CLIENT_CREDENTIALS.into(),
            nf_instance_id: self.who.instance_id,
            nf_type: Some(self.who.nf_type.clone()),
            target_nf_type: Some(producer),
            scope: service.to_owned(),
            target_nf_instance_id: None,
            requester_plmn: None,
            target_plmn: None,
        };
        let asked = Instant::now();
        let given = match tokio::time::timeout(NRF_PATIENCE, nrf.access_token(&wanted)).await {
            Ok(given) => given.map_err(|error| no_token(service, error))?,
            Err(_) => return Err(unreachable("it does not answer".into())),
        };
        let held = self.accept(asked, &given)?;
        let credentials = held.credentials.clone();
        let mut all = self.held();
        if all.len() >= MOST_SERVICES {
            all.clear();
        }
        all.insert(service.to_owned(), held);
        Ok(credentials)
    }

    fn accept(&self, asked: Instant, given: &AccessTokenRsp) -> Result<Held, CallError> {
        let field = HeaderValue::try_from(format!("Bearer {}", given.access_token)).ok();
        let mut field = field
            .filter(|_| given.token_type.eq_ignore_ascii_case("Bearer"))
            .ok_or_else(|| unreachable("it gave a token that cannot be used".into()))?;
        field.set_sensitive(true);
        let lifetime = given.expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs).min(Duration::from_secs(86_400));
        let credentials =
            Arc::new(Credentials { user_agent: self.plain.user_agent.clone(), authorization: Some(field) });
        Ok(Held { credentials, renew_at: asked + lifetime * 4 / 5, expires_at: asked + lifetime })
    }

    fn gate(&self, service: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if asking.len() >= MOST_SERVICES {
            asking.clear();
        }
        asking.entry(service.to_owned()).or_default().clone()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(reason: String) -> CallError {
    CallError::Unreachable { peer: "NRF".into(), reason }
}

/// Why there is none, for people. An NRF that does not know us (yet, or again) or no producer is likely to do so in a moment.
fn no_token(service: &str, error: SbiError) -> CallError {
    let refusal = match &error {
        SbiError::Problem(problem) => problem.read_body::<Json<AccessTokenErr>>(),
        _ => None,
    };
    match (refusal, error) {
        (Some(AccessTokenErr { error: AccessTokenError::UnauthorizedClient, .. }), _) => {
            CallError::NotAllowed(service.to_owned())
        }
        (Some(refusal), _) => {
            let why = refusal.error_description.unwrap_or_default();
            unreachable(format!("no token for {service}: {} {why}", refusal.error))
        }
        (None, SbiError::Call(error)) => error,
        (None, other) if other.status() == Some(404) => {
            unreachable(format!("no token for {service}: this NRF gives none (configuration: sbi.oauth2: false)"))
        }
        (None, other) => unreachable(format!("no token for {service}: {other}")),
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
