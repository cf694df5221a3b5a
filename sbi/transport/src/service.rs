//! What a server does with a request, the same for every transport.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::FutureExt;
use http::StatusCode;
use sbi_api::{Handler, Problem, Request, Response};
use tokio::sync::watch;

use crate::stats::{Stats, UnderWay, count};
use crate::{Gate, Guard, Limits, Verdict};

/// How far a server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Answers requests.
    Serving,
    /// Answers those it has, takes no more.
    Draining,
}

/// A handler with the bounds and counters of its server, as one connection sees it.
pub(crate) struct Service {
    handler: Arc<dyn Handler>,
    gate: Option<Arc<dyn Gate>>,
    guard: Option<Box<dyn Guard>>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) stats: Arc<Stats>,
    phase: watch::Receiver<Phase>,
    running: Arc<AtomicUsize>,
}

impl Service {
    pub(crate) fn new(
        handler: Arc<dyn Handler>,
        gate: Option<Arc<dyn Gate>>,
        limits: Limits,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        let (limits, stats, running) = (Arc::new(limits), Arc::default(), Arc::default());
        Arc::new(Self { handler, gate, guard: None, limits, stats, phase, running })
    }

    /// The same for a connection of its own.
    pub(crate) fn for_connection(&self, remembers: bool) -> Arc<Self> {
        Arc::new(Self {
            handler: self.handler.clone(),
            gate: None,
            guard: self.gate.as_ref().map(|gate| gate.guard(remembers)),
            limits: self.limits.clone(),
            stats: self.stats.clone(),
            phase: self.phase.clone(),
            running: self.running.clone(),
        })
    }

    /// Answers one request; a handler that panics harms nothing but its own answer.
    pub(crate) async fn answer(self: Arc<Self>, request: Request) -> Response {
        count(&self.stats.calls, 1);
        let _under_way = UnderWay::begin(&self.stats);
        count(&self.stats.bytes_received, request.body().len());
        let Some(_place) = self.admit() else { return busy(self.limits.max_concurrent) };
        let handled = AssertUnwindSafe(async {
            match self.refusal(&request).await {
                Some(refusal) => refusal,
                None => self.handler.handle(request).await,
            }
        });
        let handled = handled.catch_unwind().await;
        let response = handled.unwrap_or_else(|_| crashed());
        count(&self.stats.bytes_sent, response.body().len());
        response
    }

    /// The answer to a request that may not be handled.
    async fn refusal(&self, request: &Request) -> Option<Response> {
        let guard = self.guard.as_ref()?;
        match guard.check(request) {
            Verdict::Admitted => None,
            Verdict::Refused(answer) => Some(answer),
            Verdict::Undecided(known, _) => {
                known.await;
                match guard.check(request) {
                    Verdict::Admitted => None,
                    Verdict::Refused(answer) | Verdict::Undecided(_, answer) => Some(answer),
                }
            }
        }
    }

    /// True once the server is to close.
    pub(crate) fn is_draining(&self) -> bool {
        *self.phase.borrow() == Phase::Draining
    }

    /// Waits until the server is to close.
    pub(crate) async fn draining(&self) {
        let mut phase = self.phase.clone();
        let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    }

    fn admit(&self) -> Option<Place<'_>> {
        // A bound, not a lock: it orders nothing else, so Relaxed.
        let before = self.running.fetch_add(1, Relaxed);
        let place = Place(&self.running);
        (before < self.limits.max_concurrent).then_some(place)
    }
}

/// A request being handled; gives its place back however that ends.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn busy(limit: usize) -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NF_CONGESTION", format_args!("{limit} requests are being handled"))
        .into()
}

fn crashed() -> Response {
    tracing::error!("a handler panicked; its request is answered with 500");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE", "the handler failed").into()
}

/// The answer to a request whose body is over the limit.
pub(crate) fn too_large(limit: usize) -> Response {
    let problem = Problem {
        status: StatusCode::PAYLOAD_TOO_LARGE.as_u16(),
        detail: Some(format!("body over the limit of {limit} octets")),
        ..Problem::default()
    };
    problem.into()
}
