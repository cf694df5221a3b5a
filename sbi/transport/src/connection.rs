//! The trait behind which the transports stand.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use sbi_api::{Body, BoxFuture, CallError, Request, Response};
use tokio::time::Instant;

use crate::service::Service;
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits, ServeError};

/// One way to carry calls to one place.
pub(crate) trait Transport: Send + Sync {
    /// Connects to the server there, however long that takes.
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>>;

    /// Takes the place, and answers what comes until told to close. The endpoint is where it really is (a port 0
    /// has become one).
    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError>;
}

/// The client's end of a connection.
pub(crate) trait Connection: Send + Sync + 'static {
    /// Sends a request and waits for the answer until the deadline; then, or when the future is dropped, the server is told to
    /// stop.
    fn call<'a>(&'a self, authority: &'a str, request: &'a Request<Body<'a>>, deadline: Instant) -> Calling<'a>;

    /// Whether the server remembers credentials once shown, for as long as the connection lives.
    fn remembers(&self) -> bool {
        false
    }

    /// Tells the server at once of what was sent, where that would otherwise wait for this process's other tasks.
    fn flush(&self) {}

    /// False once no new call can succeed here.
    fn is_open(&self) -> bool;

    /// Whether that is so because the server hangs: to connect again is likely to be in vain, and to take long.
    fn is_silent(&self) -> bool {
        false
    }
}

/// The octets of a request's body, which count as sent.
pub(crate) fn octets(body: &Body<'_>, limits: &Limits, stats: &Stats) -> Result<Bytes, Failure> {
    let octets = body.to_bytes();
    if octets.len() > limits.max_body {
        return Err(Failure::TooLarge(limits.max_body));
    }
    count(&stats.bytes_sent, octets.len());
    Ok(octets)
}

/// A call under way on a connection.
pub(crate) enum Calling<'a> {
    /// Sent already: nothing has to be allocated to wait for the answer.
    Shm(crate::shm::Call<'a>),
    /// Whatever else it takes.
    Boxed(BoxFuture<'a, Result<Response, Failure>>),
}

impl<'a> Calling<'a> {
    /// A call with a timer of its own.
    pub(crate) fn timed(deadline: Instant, call: impl Future<Output = Result<Response, Failure>> + Send + 'a) -> Self {
        let timed = async move { tokio::time::timeout_at(deadline, call).await.unwrap_or(Err(Failure::Late)) };
        Self::Boxed(Box::pin(timed))
    }
}

impl Future for Calling<'_> {
    type Output = Result<Response, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Shm(call) => Pin::new(call).poll(cx),
            Self::Boxed(call) => call.as_mut().poll(cx),
        }
    }
}

/// Why no connection could be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectError(pub(crate) String);

impl From<std::io::Error> for ConnectError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Why a call on an existing connection got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server surely has not acted on it.
    NotProcessed(String),
    /// The server may have acted on it.
    Broken(String),
    /// Request or answer is over the size limit.
    TooLarge(usize),
    /// The deadline passed.
    Late,
}

impl Failure {
    /// As the caller sees it, who allowed so much time.
    pub(crate) fn into_error(self, peer: &Endpoint, allowed: Duration) -> CallError {
        let peer = peer.to_string();
        match self {
            Self::NotProcessed(reason) => CallError::Unreachable { peer, reason },
            Self::Broken(reason) => CallError::Broken { peer, reason },
            Self::TooLarge(limit) => CallError::TooLarge(limit),
            Self::Late => CallError::Timeout(u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl Endpoint {
    /// What carries calls to this place.
    pub(crate) fn carrier(&self) -> Box<dyn Transport> {
        match self {
            Self::Shm(path) => Box::new(crate::shm::Shm(path.clone())),
            Self::H2(address) => Box::new(crate::h2::Tcp(*address)),
            Self::H2Tls { address, name } => Box::new(crate::h2::OverTls(*address, name.clone())),
            Self::H2Unix(path) => Box::new(crate::h2::Unix(path.clone())),
            Self::H2Shm(path) => Box::new(crate::h2::OverShm(path.clone())),
            Self::Mem(name) => Box::new(crate::mem::Mem(name.clone())),
        }
    }
}
