//! What a client and a server of the service-based interface exchange, whatever carries it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderName, Method, header};
use sbi_models::nrf::{NfType, ServiceName};

use crate::{Body, Codec, Problem, Reply};

/// A request; its URI is path and query only, the authority is the [`Target`]'s. One to be sent has a [`Body`].
pub type Request<B = Bytes> = http::Request<B>;

/// A response.
pub type Response<B = Bytes> = http::Response<B>;

/// A response to be sent.
pub type Answer = Response<Body<'static>>;

/// How urgent a message is (TS 29.500 5.2.3.2.2): 0, the most, to 31.
pub const MESSAGE_PRIORITY: HeaderName = HeaderName::from_static("3gpp-sbi-message-priority");

/// A boxed future, as object-safe traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Scheme and authority under which an NF instance offers its services (`{apiRoot}` of TS 29.501 4.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiRoot(String);

impl ApiRoot {
    /// The root `http://{authority}`.
    pub fn http(authority: impl fmt::Display) -> Self {
        Self(format!("http://{authority}"))
    }

    /// The root `https://{authority}`.
    pub fn https(authority: impl fmt::Display) -> Self {
        Self(format!("https://{authority}"))
    }

    /// Whether its scheme is `https`.
    pub fn is_secure(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, authority)| authority)
    }

    /// Splits an absolute URI into its root and its path with query.
    ///
    /// # Errors
    /// [`SbiError::Peer`] where the URI is not absolute `http` or `https`.
    pub fn split(uri: &str) -> Result<(Self, &str), SbiError> {
        let not_absolute = || SbiError::Peer(format!("'{uri}' is not an absolute http URI"));
        let (scheme, rest) = uri.split_once("://").ok_or_else(not_absolute)?;
        if !matches!(scheme, "http" | "https") {
            return Err(not_absolute());
        }
        let authority = rest.split('/').next().filter(|a| !a.is_empty()).ok_or_else(not_absolute)?;
        let (root, path) = uri.split_at(scheme.len() + 3 + authority.len());
        Ok((Self(root.to_owned()), if path.is_empty() { "/" } else { path }))
    }
}

impl fmt::Display for ApiRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ApiRoot {
    type Err = SbiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::split(text).map(|(root, _)| root)
    }
}

/// Which instances can answer, for discovery at the NRF (TS 29.510 6.2.3.2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceQuery {
    /// Type of the NF that offers the service.
    pub nf_type: NfType,
    /// The service.
    pub service: ServiceName,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Any instance that offers the service.
    Service(ServiceQuery),
    /// This very instance (a resource it made).
    Root(ApiRoot),
    /// Whoever gave this callback. The place is a peer's word: it is shown no token, whatever service the path looks like.
    Callback(ApiRoot),
}

/// Carries a request to its target and brings the answer: the client side of a transport with discovery.
pub trait Caller: Send + Sync + 'static {
    /// Sends `request`; an answer of any status is `Ok`.
    fn call<'a>(&'a self, target: &'a Target, request: Request<Body<'a>>)
    -> BoxFuture<'a, Result<Response, CallError>>;
}

/// Answers requests: the server side of every transport.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropping the future cancels the work.
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer>;
}

/// Why a request got no answer. The peer is at fault or away; nothing is said about whether it acted on the request
/// unless the variant does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The NRF knows no instance of the service.
    #[error("no instance of {0} is registered")]
    NoInstance(String),
    /// The NRF gives us no token for the service: NFs of our type may not use it (TS 33.501 13.4.1).
    #[error("NFs of this type may not use {0}")]
    NotAllowed(String),
    /// No connection could be made; the request was not sent.
    #[error("cannot reach {peer}: {reason}")]
    Unreachable {
        /// The endpoint tried last.
        peer: String,
        /// What the system or the peer said.
        reason: String,
    },
    /// The connection broke with the request under way.
    #[error("{peer} went away while answering: {reason}")]
    Broken {
        /// The endpoint.
        peer: String,
        /// What broke.
        reason: String,
    },
    /// No answer within the time allowed.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// Request or answer is over the size limit.
    #[error("body over the limit of {0} octets")]
    TooLarge(usize),
}

/// Why an operation failed, as its caller sees it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SbiError {
    /// There was no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer was an error, with its problem details.
    #[error("{0}")]
    Problem(Problem),
    /// The answer could not be understood.
    #[error("the peer's answer: {0}")]
    Peer(String),
}

impl SbiError {
    /// The application error of the answer (TS 29.500 5.2.7), if it had one.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.cause.as_deref(),
            _ => None,
        }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }
}

/// POSTs `body` to an absolute callback URI (TS 29.501 4.6.2: notifications).
///
/// # Errors
/// As any operation's, see [`SbiError`].
pub async fn notify<B: Codec, R: Reply>(caller: &dyn Caller, uri: &str, body: &B::Value) -> Result<R::Value, SbiError> {
    let (root, path) = ApiRoot::split(uri)?;
    let response = caller.call(&Target::Callback(root), build_request::<B>(Method::POST, path, Some(body))?).await?;
    R::read(response)
}

/// Makes the HTTP request of an operation.
pub(crate) fn build_request<'a, B: Codec>(
    method: Method,
    path: &str,
    body: Option<&'a B::Value>,
) -> Result<Request<Body<'a>>, SbiError> {
    let builder =
        http::Request::builder().method(method).uri(path).header(crate::reply::ACCEPT.0, crate::reply::ACCEPT.1);
    let request = match body {
        None => builder.body(Body::default()),
        Some(value) => builder.header(header::CONTENT_TYPE, B::content_type(value)).body(Body::of::<B>(value)),
    };
    request.map_err(|error| SbiError::Peer(format!("'{path}' is not a request target: {error}")))
}
