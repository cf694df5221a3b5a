//! The client's end of an HTTP/2 connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use http::uri::Scheme;
use http::{Uri, Version};
use sbi_api::{Body, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{BodyError, CONNECTION_WINDOW, STREAM_WINDOW, read_body, send_body};
use crate::Limits;
use crate::connection::{Calling, ConnectError, Connection, Failure, octets};
use crate::stats::Stats;

/// Shakes hands over `io` and starts the task that drives the connection.
pub(super) async fn start<Io>(
    io: Io,
    scheme: Scheme,
    limits: Limits,
    stats: Arc<Stats>,
) -> Result<Arc<dyn Connection>, ConnectError>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(limits.max_header_list)
        .max_concurrent_reset_streams(1024)
        .max_send_buffer_size(STREAM_WINDOW as usize)
        .enable_push(false);
    let handshake = builder.handshake::<_, Bytes>(io).await;
    let (requests, connection) = handshake.map_err(|error| ConnectError(error.to_string()))?;
    let open = Arc::new(AtomicBool::new(true));
    let still_open = open.clone();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP/2 connection ended");
        }
        still_open.store(false, Relaxed);
    });
    Ok(Arc::new(H2Connection { requests, scheme, open, limits, stats }))
}

struct H2Connection {
    requests: SendRequest<Bytes>,
    scheme: Scheme,
    /// A hint that spares a failing call; `Relaxed` because the call itself finds out the truth.
    open: Arc<AtomicBool>,
    limits: Limits,
    stats: Arc<Stats>,
}

impl Connection for H2Connection {
    fn call<'a>(&'a self, authority: &'a str, request: &'a Request<Body<'a>>, deadline: Instant) -> Calling<'a> {
        Calling::timed(deadline, async move {
            let body = octets(request.body(), &self.limits, &self.stats)?;
            let head = head(self.scheme.clone(), authority, request)?;
            let mut requests = self.requests.clone().ready().await.map_err(|error| {
                self.open.store(false, Relaxed);
                Failure::NotProcessed(error.to_string())
            })?;
            let (answer, mut stream) = requests.send_request(head, body.is_empty()).map_err(failure)?;
            let sending = std::pin::pin!(send_body(&mut stream, body));
            let receiving = std::pin::pin!(receive(answer, self.limits.max_body));
            match select(sending, receiving).await {
                // Whether or not the server took the whole body, it may have answered.
                Either::Left((_, receiving)) => receiving.await,
                Either::Right((answer, _)) => answer,
            }
        })
    }

    fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }
}

async fn receive(answer: ResponseFuture, limit: usize) -> Result<Response, Failure> {
    let (parts, stream) = answer.await.map_err(failure)?.into_parts();
    match read_body(stream, limit).await {
        Ok(body) => Ok(Response::from_parts(parts, body)),
        Err(BodyError::TooLarge(limit)) => Err(Failure::TooLarge(limit)),
        Err(BodyError::Broken(error)) => Err(failure(error)),
    }
}

/// The request's head with the absolute URI that HTTP/2 sends as `:scheme`, `:authority` and `:path`.
fn head(scheme: Scheme, authority: &str, request: &Request<Body<'_>>) -> Result<http::Request<()>, Failure> {
    let wrong = |error: http::Error| Failure::NotProcessed(error.to_string());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().map_err(wrong)?;
    let builder = http::Request::builder().method(request.method().clone()).uri(uri).version(Version::HTTP_2);
    let mut head = builder.body(()).map_err(wrong)?;
    head.headers_mut().clone_from(request.headers());
    Ok(head)
}

/// A GOAWAY fails only streams above the last one it says was processed, and `REFUSED_STREAM` says the same of one (RFC 9113
/// 6.8 and 8.7): these may be sent again.
fn failure(error: h2::Error) -> Failure {
    let untouched = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    match untouched {
        true => Failure::NotProcessed(error.to_string()),
        false => Failure::Broken(error.to_string()),
    }
}
