//! Connections to all peers of a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use sbi_api::{Body, CallError, Request, Response};
use tokio::time::Instant;

use crate::connection::Failure;
use crate::peer::{Link, Peer};
use crate::stats::{Stats, UnderWay, count};
use crate::{Counters, Credentials, Endpoint, Limits, Side, Tap};

/// Sends requests; keeps one connection per endpoint.
pub struct Pool {
    limits: Limits,
    peers: Mutex<Peers>,
    tap: Tap,
}

impl Pool {
    /// A pool without connections; they are made when first needed.
    pub fn new(limits: Limits) -> Self {
        Self::tapped(limits, Tap::default())
    }

    /// The same; its calls can be watched at `tap`.
    pub fn tapped(limits: Limits, tap: Tap) -> Self {
        Self { limits, peers: Mutex::default(), tap }
    }

    /// Sends `request` to a peer that can be reached at any of `endpoints`, the preferred first, and waits for the answer
    /// until `deadline`. `authority` is the peer's host and port as HTTP names it. An answer of any status is `Ok`.
    ///
    /// Goes on to the next endpoint when one cannot be reached or surely has not acted on the request, and, for methods
    /// that may be repeated (RFC 9110 9.2.2), when a connection broke half-way. An endpoint that could not be reached is left
    /// out for a moment while others work, then tried again; one whose server hangs, until it answers. Dropping the future cancels the call at the server too.
    ///
    /// # Errors
    /// No endpoint could be reached, the connection broke, the deadline passed, or a body was too large.
    pub async fn call(
        &self,
        endpoints: &[Endpoint],
        authority: &str,
        request: Request,
        deadline: Instant,
    ) -> Result<Response, CallError> {
        self.call_as(endpoints, authority, &request.map(Body::from), None, deadline).await
    }

    /// As [`Pool::call`], with a body of any form, and credentials shown where they have to be.
    ///
    /// # Errors
    /// As [`Pool::call`].
    pub async fn call_as(
        &self,
        endpoints: &[Endpoint],
        authority: &str,
        request: &Request<Body<'_>>,
        credentials: Option<&Arc<Credentials>>,
        deadline: Instant,
    ) -> Result<Response, CallError> {
        let call = Call { authority, request, credentials, began: Instant::now(), deadline };
        self.attempt_all(endpoints, &call).await
    }

    /// Lets all servers know of what was sent to them.
    pub(crate) fn flush(&self) {
        let peers = self.peers();
        peers.all.values().filter_map(|peer| peer.open_connection()).for_each(|link| link.connection.flush());
    }

    /// Counters of every endpoint that was ever called.
    pub fn stats(&self) -> Vec<(Endpoint, Counters)> {
        let peers = self.peers();
        peers.all.iter().map(|(endpoint, peer)| (endpoint.clone(), peer.stats.read())).collect()
    }

    /// Forgets endpoints that are not connected, such as those of instances that left for good.
    pub fn forget_unconnected(&self) {
        let mut peers = self.peers();
        peers.all.retain(|_, peer| peer.is_connected());
        peers.last = None;
    }

    /// Two rounds: in the first, endpoints that failed a moment ago are passed over; in the second nothing is. An endpoint
    /// whose connection broke is thereby tried again, on a new connection.
    async fn attempt_all(&self, endpoints: &[Endpoint], call: &Call<'_>) -> Result<Response, CallError> {
        if matches!(call.request.body(), Body::Octets(octets) if octets.len() > self.limits.max_body) {
            return Err(CallError::TooLarge(self.limits.max_body));
        }
        let mut last = None;
        let mut refused = 0_u64;
        for round in 0..2 {
            for (endpoint, bit) in endpoints.iter().zip((0..64).map(|place| 1_u64 << place)) {
                let peer = self.peer(endpoint);
                if refused & bit != 0 {
                    continue;
                }
                if round == 0 && endpoints.len() > 1 && peer.is_resting() {
                    self.see_again(peer);
                    continue;
                }
                match self.attempt(&peer, call).await {
                    Ok(response) => return Ok(response),
                    Err(Attempt::Over(error)) => return Err(error),
                    Err(Attempt::Unreachable(error)) => {
                        refused |= bit;
                        last = Some(error);
                    }
                    Err(Attempt::Lost(error)) => last = Some(error),
                }
            }
        }
        Err(last.unwrap_or_else(|| CallError::Unreachable {
            peer: call.authority.to_owned(),
            reason: "it has no endpoint".into(),
        }))
    }

    /// Has somebody see whether a server that hung still does. No call waits for that.
    fn see_again(&self, peer: Arc<Peer>) {
        if peer.is_to_be_seen() {
            let limits = self.limits.clone();
            tokio::spawn(async move { peer.see(&limits).await });
        }
    }

    async fn attempt(&self, peer: &Peer, call: &Call<'_>) -> Result<Response, Attempt> {
        let mut unanswered = Unanswered(Some(&peer.stats));
        let _under_way = UnderWay::begin(&peer.stats);
        let link = match peer.open_connection() {
            Some(open) => open,
            // Boxed because it is rare and large.
            None => Box::pin(self.connect(peer, call)).await?,
        };
        count(&peer.stats.calls, 1);
        let watched = self.tap.begin(Side::Client, &peer.endpoint, call.authority, || octets_of(call.request));
        let failure = match exchange(&link, call).await {
            Ok(response) => {
                unanswered.0 = None;
                count(&peer.stats.bytes_received, response.body().len());
                if let Some(watched) = watched {
                    watched.answered(&response);
                }
                return Ok(response);
            }
            Err(failure) => failure,
        };
        let may_repeat = match failure {
            Failure::NotProcessed(_) => true,
            Failure::Broken(_) => call.request.method().is_idempotent(),
            Failure::TooLarge(_) | Failure::Late => false,
        };
        let error = call.error(failure, peer);
        if let Some(watched) = watched {
            watched.failed(&error.to_string());
        }
        Err(if may_repeat { Attempt::Lost(error) } else { Attempt::Over(error) })
    }

    async fn connect(&self, peer: &Peer, call: &Call<'_>) -> Result<Arc<Link>, Attempt> {
        match tokio::time::timeout_at(call.deadline, peer.connection(&self.limits)).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(Attempt::Unreachable(call.error(Failure::NotProcessed(error.to_string()), peer))),
            Err(_) => Err(Attempt::Over(call.error(Failure::Late, peer))),
        }
    }

    fn peer(&self, endpoint: &Endpoint) -> Arc<Peer> {
        self.peers().get(endpoint)
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All peers.
#[derive(Default)]
struct Peers {
    all: HashMap<Endpoint, Arc<Peer>>,
    /// The one asked for last: calls come in series, and to compare is sooner done than to hash.
    last: Option<Arc<Peer>>,
}

impl Peers {
    fn get(&mut self, endpoint: &Endpoint) -> Arc<Peer> {
        if let Some(last) = self.last.as_ref().filter(|last| last.endpoint == *endpoint) {
            return last.clone();
        }
        let peer = match self.all.get(endpoint) {
            Some(peer) => peer.clone(),
            None => {
                let new = Arc::new(Peer::new(endpoint.clone()));
                self.all.insert(endpoint.clone(), new.clone());
                new
            }
        };
        self.last = Some(peer.clone());
        peer
    }
}

/// What is to be called, and until when.
struct Call<'a> {
    authority: &'a str,
    request: &'a Request<Body<'a>>,
    credentials: Option<&'a Arc<Credentials>>,
    began: Instant,
    deadline: Instant,
}

impl Call<'_> {
    fn error(&self, failure: Failure, peer: &Peer) -> CallError {
        failure.into_error(&peer.endpoint, self.deadline.saturating_duration_since(self.began))
    }
}

/// Sends a request, with the credentials unless the server has them in mind.
async fn exchange(link: &Link, call: &Call<'_>) -> Result<Response, Failure> {
    let plain = || link.connection.call(call.authority, call.request, call.deadline);
    let Some(credentials) = call.credentials else { return plain().await };
    if link.has_shown(credentials) {
        let response = plain().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        link.has_forgotten(credentials);
    }
    let request = Box::new(credentials.on(call.request));
    let response = link.connection.call(call.authority, &request, call.deadline).await?;
    if response.status() != StatusCode::UNAUTHORIZED {
        link.has_taken(credentials);
    }
    Ok(response)
}

/// A request as it is shown.
fn octets_of(request: &Request<Body<'_>>) -> Request {
    let body = request.body().to_bytes();
    request.clone().map(|_| body)
}

/// Counts an attempt as failed unless it is answered, also one that the caller gives up.
struct Unanswered<'a>(Option<&'a Stats>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(stats) = self.0 {
            count(&stats.failures, 1);
        }
    }
}

/// How an attempt at one endpoint failed.
enum Attempt {
    /// No connection: this endpoint is out for this call.
    Unreachable(CallError),
    /// The connection was lost, but the request may be sent again.
    Lost(CallError),
    /// The call is over.
    Over(CallError),
}
