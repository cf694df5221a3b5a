//! One endpoint of a peer: its connection, and when to try again after a failure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::{ConnectError, Connection};
use crate::guard::{Credentials, Shown};
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits};

/// Longest time to wait for a connection before the next endpoint gets its chance.
const CONNECT: Duration = Duration::from_secs(1);

/// Rest after a first failed connect; doubled with every further one.
const FIRST_REST: Duration = Duration::from_millis(50);

/// Longest rest between attempts to connect.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// An endpoint that was called at least once.
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    pub(crate) stats: Arc<Stats>,
    state: Mutex<State>,
    /// Held by the one caller that connects; the others wait for its result.
    connecting: tokio::sync::Mutex<()>,
}

/// A connection, and what was shown on it.
pub(crate) struct Link {
    pub(crate) connection: Arc<dyn Connection>,
    shown: Mutex<Shown>,
}

impl Link {
    /// Whether the server has these in mind.
    pub(crate) fn has_shown(&self, credentials: &Arc<Credentials>) -> bool {
        self.connection.remembers() && self.shown().contains(credentials)
    }

    /// The server has taken them.
    pub(crate) fn has_taken(&self, credentials: &Arc<Credentials>) {
        if self.connection.remembers() {
            self.shown().add(credentials);
        }
    }

    /// The server has them no longer in mind.
    pub(crate) fn has_forgotten(&self, credentials: &Arc<Credentials>) {
        self.shown().remove(credentials);
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Link>>,
    rest: Option<Duration>,
    resting_until: Option<Instant>,
    /// The server hangs: it shows no sign of life on a connection, or takes too long to make one.
    hangs: bool,
    /// How often connecting has failed, and how it did last.
    failures: u64,
    failure: Option<ConnectError>,
}

impl Peer {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, stats: Arc::default(), state: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// The open connection, made if there is still none.
    pub(crate) async fn connection(&self, limits: &Limits) -> Result<Arc<Link>, ConnectError> {
        let failures = self.state().failures;
        let _turn = self.connecting.lock().await;
        if let Some(open) = self.open_connection() {
            return Ok(open);
        }
        // What failed while we waited for it has failed for us too: one after the other, each would wait as long again.
        if let Some(failure) = self.state().failure_since(failures) {
            return Err(failure);
        }
        let made = self.connect(limits).await.map(|connection| Arc::new(Link { connection, shown: Mutex::default() }));
        let mut state = self.state();
        match &made {
            Ok(connection) => {
                count(&self.stats.connects, 1);
                let failures = state.failures;
                *state = State { connection: Some(connection.clone()), failures, ..State::default() };
            }
            Err(error) => state.fail(error),
        }
        made
    }

    async fn connect(&self, limits: &Limits) -> Result<Arc<dyn Connection>, ConnectError> {
        let carrier = self.endpoint.carrier();
        let connecting = carrier.connect(limits.clone(), self.stats.clone());
        let outcome = tokio::time::timeout(CONNECT, connecting).await;
        self.state().hangs = outcome.is_err();
        outcome.unwrap_or_else(|_| Err(ConnectError(format!("no connection within {} ms", CONNECT.as_millis()))))
    }

    /// Whether other endpoints are better now: connecting failed so recently, or the server hangs.
    pub(crate) fn is_resting(&self) -> bool {
        let state = self.state();
        state.hangs || state.rests()
    }

    /// Whether the server hung when last seen, and it is time to see whether it still does. True for one who asks, who does.
    pub(crate) fn is_to_be_seen(&self) -> bool {
        let mut state = self.state();
        let now = state.hangs && !state.rests();
        if now {
            state.resting_until = Some(Instant::now() + CONNECT);
        }
        now
    }

    /// Connects to a server that hung, which nobody waits for.
    pub(crate) async fn see(&self, limits: &Limits) {
        match self.connection(limits).await {
            Ok(_) => tracing::info!("{} answers again", self.endpoint),
            Err(error) => tracing::debug!(%error, "{} does not answer yet", self.endpoint),
        }
    }

    /// Whether there is an open connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.open_connection().is_some()
    }

    /// The open connection, if there is one.
    pub(crate) fn open_connection(&self) -> Option<Arc<Link>> {
        let mut state = self.state();
        // Dropping a dead connection here frees its descriptors and memory as soon as somebody calls again.
        if let Some(closed) = state.connection.take_if(|link| !link.connection.is_open())
            && closed.connection.is_silent()
        {
            tracing::warn!("{} shows no sign of life: calls go another way where there is one", self.endpoint);
            state.hangs = true;
            state.resting_until = Some(Instant::now() + FIRST_REST);
        }
        state.connection.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn rests(&self) -> bool {
        self.resting_until.is_some_and(|until| Instant::now() < until)
    }

    /// How connecting failed, where it did since it had failed so often.
    fn failure_since(&self, failures: u64) -> Option<ConnectError> {
        self.failure.clone().filter(|_| self.failures != failures)
    }

    fn fail(&mut self, error: &ConnectError) {
        self.failures = self.failures.wrapping_add(1);
        self.failure = Some(error.clone());
        let rest = self.rest.map_or(FIRST_REST, |rest| (rest * 2).min(LONGEST_REST));
        self.connection = None;
        self.rest = Some(rest);
        self.resting_until = Some(Instant::now() + rest);
    }
}
