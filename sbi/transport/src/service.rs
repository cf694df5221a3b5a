//! What a server does with a request, the same for every transport.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use sbi_api::{Answer, BoxFuture, Handler, Problem, Request};
use tokio::sync::watch;

use crate::stats::{Stats, count};
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
}

impl Service {
    pub(crate) fn new(
        handler: Arc<dyn Handler>,
        gate: Option<Arc<dyn Gate>>,
        limits: Limits,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        let (limits, stats) = (Arc::new(limits), Arc::default());
        Arc::new(Self { handler, gate, guard: None, limits, stats, phase })
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
        })
    }

    /// Begins to answer one request; a handler that panics harms nothing but its own answer.
    pub(crate) fn answer(self: &Arc<Self>, request: Request) -> Answering {
        count(&self.stats.calls, 1);
        count(&self.stats.bytes_received, request.body().len());
        let place = Place::take(self);
        let handled = match place.within_limit {
            false => Handled::Already(Some(busy(self.limits.max_concurrent))),
            true => shielded(|| self.handle(request)),
        };
        Answering { handled, _place: place }
    }

    /// Has a request handled, if it may be.
    fn handle(self: &Arc<Self>, request: Request) -> Handled {
        let verdict = self.guard.as_ref().map_or(Verdict::Admitted, |guard| guard.check(&request));
        match verdict {
            Verdict::Admitted => Handled::Soon(self.handler.handle(request)),
            Verdict::Refused(answer) => Handled::Already(Some(answer)),
            Verdict::Undecided(known, _) => {
                let service = self.clone();
                Handled::Soon(Box::pin(async move {
                    known.await;
                    match service.guard.as_ref().map(|guard| guard.check(&request)) {
                        None | Some(Verdict::Admitted) => service.handler.handle(request).await,
                        Some(Verdict::Refused(answer) | Verdict::Undecided(_, answer)) => answer,
                    }
                }))
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
}

/// A request being answered.
pub(crate) struct Answering {
    handled: Handled,
    _place: Place,
}

enum Handled {
    Soon(BoxFuture<'static, Answer>),
    Already(Option<Answer>),
}

impl Future for Answering {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let response = match &mut self.get_mut().handled {
            Handled::Already(response) => response.take(),
            Handled::Soon(handler) => {
                // What a panic leaves behind is the handler's alone, and it is not polled again.
                let polled = catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx)));
                Some(ready!(polled.unwrap_or_else(|_| Poll::Ready(crashed()))))
            }
        };
        Poll::Ready(response.unwrap_or_else(crashed))
    }
}

/// Lets nothing of a panic out but the answer that there was one.
fn shielded(handle: impl FnOnce() -> Handled) -> Handled {
    // The handler is shared, and its state its own affair: as with a panic in a task, it sees to that.
    catch_unwind(AssertUnwindSafe(handle)).unwrap_or_else(|_| Handled::Already(Some(crashed())))
}

/// A request being handled; gives its place back however that ends.
struct Place {
    service: Arc<Service>,
    within_limit: bool,
}

impl Place {
    fn take(service: &Arc<Service>) -> Self {
        // A bound, not a lock: it orders nothing else, so Relaxed.
        let before = service.stats.under_way.fetch_add(1, Relaxed);
        Self { service: service.clone(), within_limit: before < service.limits.max_concurrent as u64 }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.service.stats.under_way.fetch_sub(1, Relaxed);
    }
}

fn busy(limit: usize) -> Answer {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NF_CONGESTION", format_args!("{limit} requests are being handled"))
        .into()
}

fn crashed() -> Answer {
    tracing::error!("a handler panicked; its request is answered with 500");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE", "the handler failed").into()
}

/// The answer to a request whose body is over the limit.
pub(crate) fn too_large(limit: usize) -> Answer {
    let problem = Problem {
        status: StatusCode::PAYLOAD_TOO_LARGE.as_u16(),
        detail: Some(format!("body over the limit of {limit} octets")),
        ..Problem::default()
    };
    problem.into()
}
