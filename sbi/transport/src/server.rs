//! A server at one endpoint, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use sbi_api::Handler;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::service::{Phase, Service};
use crate::{Counters, Endpoint, Gate, Limits};

/// Why an endpoint could not be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve {endpoint}: {reason}")]
pub struct ServeError {
    endpoint: Endpoint,
    reason: String,
}

impl ServeError {
    pub(crate) fn new(endpoint: Endpoint, reason: impl ToString) -> Self {
        Self { endpoint, reason: reason.to_string() }
    }
}

/// A running server. Dropped, it ends at once and fails what is under way; [`Server::close`] lets that finish.
pub struct Server {
    endpoint: Endpoint,
    service: Arc<Service>,
    phase: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

/// Answers requests at `endpoint` with `handler`, on the current tokio runtime.
///
/// # Errors
/// The address or path cannot be taken.
pub fn serve(endpoint: &Endpoint, handler: Arc<dyn Handler>, limits: Limits) -> Result<Server, ServeError> {
    start(endpoint, handler, None, limits)
}

/// As [`serve`], but only requests that `gate` admits are handled.
///
/// # Errors
/// The address or path cannot be taken.
pub fn serve_guarded(
    endpoint: &Endpoint,
    handler: Arc<dyn Handler>,
    gate: Arc<dyn Gate>,
    limits: Limits,
) -> Result<Server, ServeError> {
    start(endpoint, handler, Some(gate), limits)
}

fn start(
    endpoint: &Endpoint,
    handler: Arc<dyn Handler>,
    gate: Option<Arc<dyn Gate>>,
    limits: Limits,
) -> Result<Server, ServeError> {
    let (phase, phase_seen) = watch::channel(Phase::Serving);
    let service = Service::new(handler, gate, limits, phase_seen);
    let (endpoint, serving) = endpoint.carrier().listen(service.clone())?;
    Ok(Server { endpoint, service, phase, task: tokio::spawn(serving) })
}

impl Server {
    /// Where it really listens: a port 0 has become one.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The server's counters so far.
    pub fn stats(&self) -> Counters {
        self.service.stats.read()
    }

    /// Takes no more connections and requests, and waits up to `grace` until those under way are answered.
    /// Returns whether all were.
    pub async fn close(mut self, grace: Duration) -> bool {
        let _ = self.phase.send(Phase::Draining);
        tokio::time::timeout(grace, &mut self.task).await.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
