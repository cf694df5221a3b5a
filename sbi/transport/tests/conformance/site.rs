//! A place with one server, its clients, and a handler that does as its requests say.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use sbi_api::{Answer, Body, BoxFuture, CallError, Codec as _, Handler, Json, Request, Response};
use sbi_transport::{Blocking, Endpoint, Gate, Limits, Pool, Server, Tls, serve, serve_guarded};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::certificates::Authority;

/// The transports.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Mem,
    Shm,
    H2,
    H2Tls,
    H2Unix,
    H2Shm,
    /// Shared memory, called by threads in a process without a runtime.
    ShmThreads,
    /// HTTP/2, called by threads beside the runtime.
    H2Threads,
}

/// Longer than any test takes; what runs into it has hung.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) handler: Arc<Obedient>,
    pub(crate) pool: Arc<Pool>,
    threads: Option<Arc<Blocking>>,
    endpoint: Endpoint,
    tls: Option<Tls>,
    _directory: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new(kind: Kind) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::tempdir().expect("a directory");
        let endpoint = match kind {
            Kind::Mem => Endpoint::Mem(format!("site-{}", NUMBER.fetch_add(1, Ordering::Relaxed))),
            Kind::Shm | Kind::ShmThreads => Endpoint::Shm(directory.path().join("shm")),
            Kind::H2 | Kind::H2Threads => Endpoint::H2(([127, 0, 0, 1], 0).into()),
            Kind::H2Tls => Endpoint::H2Tls { address: ([127, 0, 0, 1], 0).into(), name: None },
            Kind::H2Unix => Endpoint::H2Unix(directory.path().join("h2")),
            Kind::H2Shm => Endpoint::H2Shm(directory.path().join("h2-shm")),
        };
        let authority = Authority::new();
        let tls = matches!(kind, Kind::H2Tls).then(|| authority.tls(&["127.0.0.1"], &authority, directory.path()));
        let pool = Arc::new(Pool::new(Limits { tls: tls.clone(), ..Limits::default() }));
        let threads = match kind {
            Kind::ShmThreads => Some(Blocking::start(pool.clone()).expect("a thread")),
            Kind::H2Threads => Some(Blocking::on(pool.clone(), Handle::current())),
            _ => None,
        };
        Self { handler: Arc::default(), pool, threads: threads.map(Arc::new), endpoint, tls, _directory: directory }
    }

    /// Starts the server, and remembers where it is.
    pub(crate) fn serve(&mut self, limits: Limits) -> Server {
        let server = serve(&self.endpoint, self.handler.clone(), self.limits(limits)).expect("the endpoint is free");
        self.endpoint = server.endpoint().clone();
        server
    }

    /// The same, where only whom `gate` admits is heard.
    pub(crate) fn serve_guarded(&mut self, gate: Arc<dyn Gate>) -> Server {
        let limits = self.limits(Limits::default());
        let server = serve_guarded(&self.endpoint, self.handler.clone(), gate, limits).expect("the endpoint is free");
        self.endpoint = server.endpoint().clone();
        server
    }

    /// These limits, with the certificates of this place.
    pub(crate) fn limits(&self, limits: Limits) -> Limits {
        Limits { tls: self.tls.clone(), ..limits }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// An endpoint of the same transport where nobody is.
    pub(crate) fn elsewhere(&self) -> Endpoint {
        match &self.endpoint {
            Endpoint::Mem(name) => Endpoint::Mem(format!("not-{name}")),
            Endpoint::Shm(path) => Endpoint::Shm(path.with_extension("not")),
            Endpoint::H2(_) => Endpoint::H2(([127, 0, 0, 1], 1).into()),
            Endpoint::H2Tls { .. } => Endpoint::H2Tls { address: ([127, 0, 0, 1], 1).into(), name: None },
            Endpoint::H2Unix(path) => Endpoint::H2Unix(path.with_extension("not")),
            Endpoint::H2Shm(path) => Endpoint::H2Shm(path.with_extension("not")),
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Response, CallError> {
        self.call_at(std::slice::from_ref(&self.endpoint), request, Instant::now() + PATIENCE).await
    }

    pub(crate) async fn call_at(
        &self,
        endpoints: &[Endpoint],
        request: Request,
        deadline: Instant,
    ) -> Result<Response, CallError> {
        let Some(threads) = self.threads.clone() else {
            return self.pool.call(endpoints, "127.0.0.1:7777", request, deadline).await;
        };
        let (endpoints, request) = (endpoints.to_vec(), request.map(Body::from));
        let waiting = tokio::task::spawn_blocking(move || {
            threads.call(&endpoints, "127.0.0.1:7777", &request, deadline - Instant::now())
        });
        waiting.await.expect("no panic")
    }
}

pub(crate) async fn call(pool: &Pool, endpoint: &Endpoint, request: Request) -> Result<Response, CallError> {
    pool.call(std::slice::from_ref(endpoint), "127.0.0.1:7777", request, Instant::now() + PATIENCE).await
}

pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Request {
    request(Method::POST, path, body)
}

pub(crate) fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request {
    let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(body.into()).expect("a request")
}

/// Does what the first segment of the path says.
pub(crate) struct Obedient {
    /// Handlers that began.
    pub(crate) begun: watch::Sender<usize>,
    /// Handlers that were dropped before they were done.
    pub(crate) cancelled: Arc<watch::Sender<usize>>,
    /// What `/wait` waits for.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) handled: AtomicUsize,
}

impl Default for Obedient {
    fn default() -> Self {
        let (begun, cancelled) = (watch::Sender::new(0), Arc::new(watch::Sender::new(0)));
        Self { begun, cancelled, gate: Arc::new(Semaphore::new(0)), handled: AtomicUsize::new(0) }
    }
}

impl Obedient {
    pub(crate) async fn until_begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.expect("the sender lives");
    }

    pub(crate) async fn until_cancelled(&self, count: usize) {
        self.cancelled.subscribe().wait_for(|cancelled| *cancelled >= count).await.expect("the sender lives");
    }
}

impl Handler for Obedient {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        self.begun.send_modify(|begun| *begun += 1);
        self.handled.fetch_add(1, Ordering::Relaxed);
        let path = request.uri().path().to_owned();
        let (what, argument) =
            path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        match what {
            "echo" => Box::pin(ready(echo(request))),
            // Answered from a task of its own, in whatever order they come to run.
            "later" => Box::pin(async move {
                tokio::task::yield_now().await;
                echo(request)
            }),
            // What came is read, and its value is the answer.
            "value" => Box::pin(ready(value(request))),
            "value-later" => Box::pin(async move {
                tokio::task::yield_now().await;
                value(request)
            }),
            "wait" => {
                let unfinished = Unfinished(self.cancelled.clone());
                let gate = self.gate.clone();
                Box::pin(async move {
                    gate.acquire().await.expect("never closed").forget();
                    std::mem::forget(unfinished);
                    echo(request)
                })
            }
            "octets" => {
                Box::pin(ready(Response::new(Bytes::from(vec![7; argument.parse().expect("a number")]).into())))
            }
            "status" => {
                let response = http::Response::builder().status(argument);
                Box::pin(ready(response.body(request.into_body().into()).expect("a status")))
            }
            "panic" => panic!("as asked for"),
            "panic-later" => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("as asked for")
            }),
            other => panic!("no such thing: {other}"),
        }
    }
}

fn value(request: Request) -> Answer {
    let value = Json::<String>::decode("application/json", request.into_body()).expect("JSON");
    Response::new(Body::owned::<Json<String>>(value))
}

/// Answers with the request's body, method, path and fields.
fn echo(request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(body.into());
    *response.headers_mut() = parts.headers;
    response.headers_mut().insert("x-method", parts.method.as_str().parse().expect("a value"));
    response.headers_mut().insert("x-path", parts.uri.to_string().parse().expect("a value"));
    response
}

struct Unfinished(Arc<watch::Sender<usize>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.send_modify(|cancelled| *cancelled += 1);
    }
}
