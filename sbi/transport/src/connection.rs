//! The trait behind which the transports stand.

use std::sync::Arc;

use sbi_api::{BoxFuture, CallError, Request, Response};

use crate::service::Service;
use crate::stats::Stats;
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
    /// Sends a request and waits for the answer; dropping the future tells the server to stop.
    fn call<'a>(&'a self, authority: &'a str, request: &'a Request) -> BoxFuture<'a, Result<Response, Failure>>;

    /// Whether the server remembers credentials once shown, for as long as the connection lives.
    fn remembers(&self) -> bool {
        false
    }

    /// False once no new call can succeed here.
    fn is_open(&self) -> bool;
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
}

impl Failure {
    /// As the caller sees it.
    pub(crate) fn into_error(self, peer: &Endpoint) -> CallError {
        let peer = peer.to_string();
        match self {
            Self::NotProcessed(reason) => CallError::Unreachable { peer, reason },
            Self::Broken(reason) => CallError::Broken { peer, reason },
            Self::TooLarge(limit) => CallError::TooLarge(limit),
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
