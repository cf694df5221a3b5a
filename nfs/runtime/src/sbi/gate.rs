//! Who may use our services: NFs of a type that has business with them, by what they say of themselves (User-Agent, TS 29.500
//! 5.2.2.2), and, with OAuth 2.0 (TS 33.501 13.4.1.1.2), with a token of our NRF that is meant for us and allows the service. A token's
//! signature is verified once; a connection that remembers is asked for it once per service.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderValue, StatusCode, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use sbi_api::{Answer, Problem, Request};
use sbi_models::nrf::{AccessTokenClaims, NfType};
use sbi_token::Fault;
use sbi_transport::{Gate, Guard, Verdict};
use uuid::Uuid;

use super::consumers::{admits, producer_of, service_of};
use super::nrf_keys::NrfKeys;
use crate::Metrics;

/// Tokens whose claims are kept. Beyond, all are verified anew.
const MOST_TOKENS: usize = 4096;

/// Services that one connection may use.
const MOST_GRANTS: usize = 16;

/// Seconds since 1970.
pub(crate) type Clock = fn() -> u64;

/// The system's time.
pub(crate) fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Stands before the servers of an instance.
#[derive(Clone)]
pub(crate) struct TokenGate(Arc<Checks>);

/// Knows which tokens are good here.
struct Checks {
    nf_type: NfType,
    instance_id: Uuid,
    /// Without them no tokens are asked for.
    keys: Option<Arc<NrfKeys>>,
    clock: Clock,
    /// What tokens say that were found genuine.
    genuine: Mutex<HashMap<HeaderValue, Arc<AccessTokenClaims>>>,
    refusals: Family<RefusalLabel, Counter>,
    /// Second of the last line in the log about a refusal.
    told: AtomicU64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabel {
    reason: &'static str,
}

/// Why a request is not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("NFs of this type may not use this service")]
    NfType,
    #[error("no access token")]
    NoToken,
    #[error("{0}")]
    Fault(Fault),
    #[error("the token is for others")]
    Audience,
    #[error("the token does not allow this service")]
    Scope,
}

impl Refusal {
    fn label(self) -> &'static str {
        match self {
            Self::NfType => "nf_type",
            Self::NoToken => "no_token",
            Self::Fault(Fault::Expired) => "expired",
            Self::Fault(Fault::UnknownKey) => "foreign",
            Self::Fault(_) => "invalid",
            Self::Audience => "audience",
            Self::Scope => "scope",
        }
    }

    /// The answer (TS 29.500 6.7.3, RFC 6750 3).
    fn answer(self, service: &str) -> Answer {
        let (status, challenge) = match self {
            Self::NfType => return self.problem(StatusCode::FORBIDDEN),
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer".to_owned()),
            Self::Scope => (StatusCode::FORBIDDEN, format!("Bearer error=\"insufficient_scope\", scope=\"{service}\"")),
            Self::Fault(_) | Self::Audience => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"".to_owned()),
        };
        let mut response = self.problem(status);
        // A service's name with characters that no field may have has no token for it either.
        let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }

    fn problem(self, status: StatusCode) -> Answer {
        Problem { status: status.as_u16(), detail: Some(self.to_string()), ..Problem::default() }.into()
    }
}

impl TokenGate {
    /// The gate of an instance, which asks for tokens if it has the keys for them.
    pub(crate) fn new(
        nf_type: NfType,
        instance_id: Uuid,
        keys: Option<Arc<NrfKeys>>,
        clock: Clock,
        metrics: &Metrics,
    ) -> Self {
        let refusals = Family::default();
        let help = "Requests refused for the type of the NF or for want of a good token, by reason";
        metrics.register("sbi_refusals", help, refusals.clone());
        let (genuine, told) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Checks { nf_type, instance_id, keys, clock, genuine, refusals, told }))
    }
}

impl Checks {
    /// Whether a request for the service may be handled as to its token; if it needs one, until when.
    fn admit(&self, request: &Request, service: &str, now: u64) -> Result<Option<Grant>, Refusal> {
        let Some(keys) = &self.keys else { return Ok(None) };
        let token = request.headers().get(header::AUTHORIZATION).ok_or(Refusal::NoToken)?;
        let claims = self.examine(keys, token, service, now)?;
        Ok(Some(Grant { service: service.to_owned(), token: token.clone(), until: claims.exp }))
    }

    /// What a token says that is good for a service here.
    fn examine(
        &self,
        keys: &NrfKeys,
        token: &HeaderValue,
        service: &str,
        now: u64,
    ) -> Result<Arc<AccessTokenClaims>, Refusal> {
        let claims = self.claims(keys, token, now).map_err(Refusal::Fault)?;
        if !claims.aud.includes(&self.nf_type, self.instance_id) {
            return Err(Refusal::Audience);
        }
        if claims.allows(service) { Ok(claims) } else { Err(Refusal::Scope) }
    }

    /// What a genuine token says. The signature is verified when it is seen first.
    fn claims(&self, keys: &NrfKeys, token: &HeaderValue, now: u64) -> Result<Arc<AccessTokenClaims>, Fault> {
        let known = self.genuine().get(token).cloned();
        if let Some(claims) = known {
            return if claims.exp > now { Ok(claims) } else { Err(Fault::Expired) };
        }
        let claims = Arc::new(keys.verify(bearer(token)?, now)?);
        let mut genuine = self.genuine();
        if genuine.len() >= MOST_TOKENS {
            genuine.retain(|_, claims| claims.exp > now);
        }
        if genuine.len() >= MOST_TOKENS {
            genuine.clear();
        }
        genuine.insert(token.clone(), claims.clone());
        Ok(claims)
    }

    fn genuine(&self) -> MutexGuard<'_, HashMap<HeaderValue, Arc<AccessTokenClaims>>> {
        self.genuine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal, and logs one per second: the counter has them all.
    fn note(&self, refusal: Refusal, service: &str, now: u64) {
        self.refusals.get_or_create(&RefusalLabel { reason: refusal.label() }).inc();
        if self.told.swap(now, Relaxed) != now {
            tracing::warn!("a request to {:?} is refused: {refusal}", service.get(..32).unwrap_or(service));
        }
    }
}

impl Gate for TokenGate {
    fn guard(&self, remembers: bool) -> Box<dyn Guard> {
        Box::new(TokenGuard { gate: self.0.clone(), remembers, grants: Mutex::default() })
    }
}

/// The guard of one connection.
struct TokenGuard {
    gate: Arc<Checks>,
    remembers: bool,
    grants: Mutex<Vec<Grant>>,
}

/// A service that the connection has shown a token for.
struct Grant {
    service: String,
    token: HeaderValue,
    until: u64,
}

impl Guard for TokenGuard {
    fn check(&self, request: &Request) -> Verdict {
        let service = service_of(request.uri().path());
        if producer_of(service).is_none() {
            return Verdict::Admitted;
        }
        let (token, now) = (request.headers().get(header::AUTHORIZATION), (self.gate.clock)());
        let said = request.headers().get(header::USER_AGENT).and_then(named_type);
        if said.is_some_and(|said| !admits(service, &said)) {
            return self.refuse(Refusal::NfType, service, now);
        }
        if self.is_granted(service, token, now) {
            return Verdict::Admitted;
        }
        match self.gate.admit(request, service, now) {
            Ok(grant) => {
                grant.into_iter().for_each(|grant| self.grant(grant, now));
                Verdict::Admitted
            }
            Err(refusal) => self.refuse(refusal, service, now),
        }
    }
}

impl TokenGuard {
    fn refuse(&self, refusal: Refusal, service: &str, now: u64) -> Verdict {
        let answer = refusal.answer(service);
        let stale = self.gate.keys.as_ref().filter(|keys| keys.may_be_stale());
        if let (Refusal::Fault(Fault::UnknownKey), Some(keys)) = (refusal, stale) {
            let keys = keys.clone();
            return Verdict::Undecided(Box::pin(async move { keys.refresh().await }), answer);
        }
        self.gate.note(refusal, service, now);
        Verdict::Refused(answer)
    }

    /// Whether the connection has shown a token for the service that still holds: the very token, where one comes along.
    fn is_granted(&self, service: &str, token: Option<&HeaderValue>, now: u64) -> bool {
        let holds = |grant: &Grant| {
            grant.service == service && grant.until > now && token.map_or(self.remembers, |token| *token == grant.token)
        };
        self.grants().iter().any(holds)
    }

    fn grant(&self, grant: Grant, now: u64) {
        let mut grants = self.grants();
        grants.retain(|other| other.service != grant.service && other.until > now);
        if grants.len() < MOST_GRANTS {
            grants.push(grant);
        }
    }

    fn grants(&self) -> MutexGuard<'_, Vec<Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The type at the start of a User-Agent: `UDM`, `UDM-4947a69a-f61b-4bc1-b9da-47c9c5d14b64 udm.example`.
fn named_type(agent: &HeaderValue) -> Option<NfType> {
    let text = agent.to_str().ok()?;
    text.split(['-', ' ', '/']).next().map(NfType::from)
}

/// The token in an `Authorization` field (RFC 6750 2.1).
fn bearer(field: &HeaderValue) -> Result<&[u8], Fault> {
    let (scheme, token) = field.as_bytes().split_at_checked("Bearer ".len()).ok_or(Fault::Malformed)?;
    if scheme.eq_ignore_ascii_case(b"Bearer ") { Ok(token.trim_ascii()) } else { Err(Fault::Malformed) }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
