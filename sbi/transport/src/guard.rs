//! Who may have requests answered: what decides is the application's, when it is asked is the transport's.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, header};
use sbi_api::{Answer, Body, BoxFuture, Request};

/// Stands before a server and gives every connection a guard of its own.
pub trait Gate: Send + Sync + 'static {
    /// A guard for a new connection. With `remembers` the client shows what it may do once ([`Credentials`]), and the guard
    /// has to keep it in mind for later requests of the same connection; without, every request comes with it.
    fn guard(&self, remembers: bool) -> Box<dyn Guard>;
}

/// Looks at the requests of one connection before they are handled.
pub trait Guard: Send + Sync {
    /// Whether the request may be handled.
    fn check(&self, request: &Request) -> Verdict;
}

/// What becomes of a request.
pub enum Verdict {
    /// It is handled.
    Admitted,
    /// It gets this answer.
    Refused(Answer),
    /// Once this future is done the guard is asked again; if it is as undecided then, the request gets this answer.
    Undecided(BoxFuture<'static, ()>, Answer),
}

/// What a client shows of itself: on a connection whose server remembers it, once until it changes, else with each request.
///
/// Two are the same if they are one `Arc`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `User-Agent`: type and instance of the NF (TS 29.500 5.2.2.2).
    pub user_agent: HeaderValue,
    /// `Authorization`: the token, if one is needed.
    pub authorization: Option<HeaderValue>,
}

impl Credentials {
    /// The request with these credentials.
    pub(crate) fn on<'a>(&self, request: &Request<Body<'a>>) -> Request<Body<'a>> {
        let mut request = request.clone();
        let fields = request.headers_mut();
        fields.insert(header::USER_AGENT, self.user_agent.clone());
        if let Some(token) = &self.authorization {
            fields.insert(header::AUTHORIZATION, token.clone());
        }
        request
    }
}

/// A token is a secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.user_agent)
    }
}

/// Most credentials remembered of a connection. Those of one process to another are one per service.
const MOST_SHOWN: usize = 16;

/// What was shown on a connection, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Shown(Vec<Arc<Credentials>>);

impl Shown {
    pub(crate) fn contains(&self, credentials: &Arc<Credentials>) -> bool {
        self.0.iter().any(|shown| Arc::ptr_eq(shown, credentials))
    }

    pub(crate) fn add(&mut self, credentials: &Arc<Credentials>) {
        if !self.contains(credentials) {
            if self.0.len() >= MOST_SHOWN {
                self.0.remove(0);
            }
            self.0.push(credentials.clone());
        }
    }

    pub(crate) fn remove(&mut self, credentials: &Arc<Credentials>) {
        self.0.retain(|shown| !Arc::ptr_eq(shown, credentials));
    }
}
