//! Calls within the process: no octet is copied and no connection can break, but all else is as on the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sbi_api::{Body, BoxFuture, Request};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection::{Calling, ConnectError, Connection, Failure, Transport, octets};
use crate::service::{Service, too_large};
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits, ServeError};

/// The in-process servers by name. What a socket's address is to the system, this is to the process.
static SERVERS: Mutex<Option<HashMap<String, Weak<Hall>>>> = Mutex::new(None);

/// A server and the calls under way in it.
struct Hall {
    service: Arc<Service>,
    calls: watch::Sender<usize>,
    /// Closed when the server is gone.
    alive: watch::Receiver<()>,
}

impl Hall {
    fn is_open(&self) -> bool {
        self.alive.has_changed().is_ok() && !self.service.is_draining()
    }
}

/// The transport to the server of this name.
pub(crate) struct Mem(pub(crate) String);

impl Transport for Mem {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        let hall = servers().get_or_insert_default().get(&self.0).and_then(Weak::upgrade);
        let made: Result<Arc<dyn Connection>, _> = match hall {
            Some(hall) => {
                let service = hall.service.for_connection(true);
                Ok(Arc::new(MemConnection { hall: Arc::downgrade(&hall), service, limits, stats }))
            }
            None => Err(ConnectError(format!("no server is named '{}'", self.0))),
        };
        Box::pin(std::future::ready(made))
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let endpoint = Endpoint::Mem(self.0.clone());
        let (gone, alive) = watch::channel(());
        let hall = Arc::new(Hall { service, calls: watch::Sender::new(0), alive });
        let mut servers = servers();
        let names = servers.get_or_insert_default();
        if names.get(&self.0).is_some_and(|server| server.strong_count() > 0) {
            return Err(ServeError::new(endpoint, "the name is taken"));
        }
        names.insert(self.0.clone(), Arc::downgrade(&hall));
        Ok((endpoint, Box::pin(run(hall, gone))))
    }
}

/// Holds the name until told to close, then waits for the calls under way. Dropped before, `gone` fails them.
async fn run(hall: Arc<Hall>, gone: watch::Sender<()>) {
    hall.service.draining().await;
    let _ = hall.calls.subscribe().wait_for(|calls| *calls == 0).await;
    drop(gone);
}

fn servers() -> MutexGuard<'static, Option<HashMap<String, Weak<Hall>>>> {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

struct MemConnection {
    hall: Weak<Hall>,
    service: Arc<Service>,
    limits: Limits,
    stats: Arc<Stats>,
}

impl Connection for MemConnection {
    fn call<'a>(&'a self, _authority: &'a str, request: &'a Request<Body<'a>>, deadline: Instant) -> Calling<'a> {
        Calling::timed(deadline, async move {
            let gone = || Failure::NotProcessed("the server is gone".into());
            let hall = self.hall.upgrade().filter(|hall| hall.is_open()).ok_or_else(gone)?;
            let (service, mut alive) = (self.service.clone(), hall.alive.clone());
            let _under_way = UnderWay::enter(&hall.calls);
            let body = octets(request.body(), &self.limits, &self.stats)?;
            if body.len() > service.limits.max_body {
                return Ok(too_large(service.limits.max_body).map(Body::into_bytes));
            }
            let request = request.clone().map(|_| body);
            let response = tokio::select! {
                biased;
                _ = alive.changed() => return Err(Failure::Broken("the server is gone".into())),
                response = service.answer(request) => response.map(Body::into_bytes),
            };
            count(&self.service.stats.bytes_sent, response.body().len());
            match response.body().len() > self.limits.max_body {
                true => Err(Failure::TooLarge(self.limits.max_body)),
                false => Ok(response),
            }
        })
    }

    fn remembers(&self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        self.hall.upgrade().is_some_and(|hall| hall.is_open())
    }
}

/// Counts a call while it lasts.
struct UnderWay<'a>(&'a watch::Sender<usize>);

impl<'a> UnderWay<'a> {
    fn enter(calls: &'a watch::Sender<usize>) -> Self {
        calls.send_modify(|calls| *calls += 1);
        Self(calls)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}
