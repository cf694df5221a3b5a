//! Calls of the service-based interface, as they are shown.

use http::HeaderMap;
use sbi_api::{Answer, Body, BoxFuture, Handler, Request, Response};
use sbi_transport::{Endpoint, Side, Tap, Watcher};
use std::sync::Arc;

use super::record::{Call, Head, Octets, Shown};
use super::{Kind, Trace};

/// Shows the calls of a process.
pub(super) struct Calls(pub(super) Trace);

impl Watcher for Calls {
    fn request(&self, call: u64, side: Side, endpoint: &Endpoint, authority: &str, request: &Request) {
        let shown = Call {
            call,
            incoming: side == Side::Server,
            transport: endpoint.transport().to_owned(),
            endpoint: endpoint.to_string(),
            authority: authority.to_owned(),
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            head: head(request.headers(), request.body()),
        };
        self.0.show(Kind::Sbi, Shown::Request(shown));
    }

    fn response(&self, call: u64, response: &Response) {
        let head = head(response.headers(), response.body());
        self.0.show(Kind::Sbi, Shown::Response { call, status: response.status().as_u16(), head });
    }

    fn failed(&self, call: u64, why: &str) {
        self.0.show(Kind::Sbi, Shown::Failed { call, why: why.to_owned() });
    }
}

/// A copy: what is shown must not keep a peer's shared memory.
fn head(fields: &HeaderMap, body: &[u8]) -> Head {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Head { fields: fields.iter().map(field).collect(), body: Octets(body.to_vec()), blanked: Vec::new() }
}

/// A handler whose calls can be watched: for servers whose clients may be others' programs, which show nothing.
pub(crate) struct WatchedHandler {
    pub(crate) tap: Tap,
    /// Where the server listens.
    pub(crate) endpoint: Endpoint,
    /// Its host and port, as its clients call it.
    pub(crate) authority: String,
    pub(crate) inner: Arc<dyn Handler>,
}

impl Handler for WatchedHandler {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        let watched = self.tap.begin(Side::Server, &self.endpoint, &self.authority, || request.clone());
        let answer = self.inner.handle(request);
        let Some(watched) = watched else { return answer };
        Box::pin(async move {
            let response = answer.await.map(Body::into_bytes);
            watched.answered(&response);
            response.map(Body::from)
        })
    }
}
