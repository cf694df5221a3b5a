//! The server's end of HTTP/2 connections.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::{Uri, header};
use sbi_api::{Answer, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::{BodyError, CONNECTION_WINDOW, STREAM_WINDOW, read_body, send_body};
use crate::accept::HANDSHAKE;
use crate::service::{Service, too_large};
use crate::stats::{Stats, count};

/// Shakes hands over `io`, then answers what comes.
pub(super) async fn serve_connection<Io: AsyncRead + AsyncWrite + Unpin>(io: Io, service: Arc<Service>) {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(service.limits.max_header_list)
        .max_concurrent_streams(service.limits.max_in_flight)
        .max_concurrent_reset_streams(1024)
        .max_pending_accept_reset_streams(64)
        .max_send_buffer_size(STREAM_WINDOW as usize);
    match tokio::time::timeout(HANDSHAKE, builder.handshake(io)).await {
        Ok(Ok(connection)) => serve_streams(connection, service).await,
        Ok(Err(error)) => tracing::debug!(%error, "a client's HTTP/2 handshake failed"),
        Err(_) => tracing::debug!("a client did not finish its HTTP/2 handshake in time"),
    }
}

/// Shakes hands over `io` and says why that is all (RFC 9113 7).
pub(super) async fn refuse<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io) {
    let said = async {
        let mut connection = h2::server::handshake(&mut io).await.map_err(std::io::Error::other)?;
        connection.abrupt_shutdown(h2::Reason::INADEQUATE_SECURITY);
        poll_fn(|cx| connection.poll_closed(cx)).await.map_err(std::io::Error::other)?;
        drop(connection);
        // Closed with something unread, a socket is reset, and the peer may lose what it was told: the peer closes first.
        tokio::io::copy(&mut io, &mut tokio::io::sink()).await
    };
    // Whatever comes of it, the peer is not let in.
    let _ = tokio::time::timeout(HANDSHAKE, said).await;
}

/// Answers the requests of one connection. Its streams end with it.
async fn serve_streams<Io: AsyncRead + AsyncWrite + Unpin>(
    mut connection: Connection<Io, Bytes>,
    service: Arc<Service>,
) {
    let mut streams = JoinSet::new();
    let mut draining = std::pin::pin!(service.draining());
    let mut is_draining = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let mut stream = Box::pin(serve_stream(request, respond, service.clone()));
                    // Most handlers are done at their first poll: those need no task.
                    if poll_fn(|cx| Poll::Ready(stream.as_mut().poll(cx).is_pending())).await {
                        streams.spawn(stream);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "an HTTP/2 connection broke");
                    return;
                }
                None => return,
            },
            Some(_) = streams.join_next() => {}
            () = &mut draining, if !is_draining => {
                is_draining = true;
                connection.graceful_shutdown();
            }
        }
    }
}

async fn serve_stream(request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>, service: Arc<Service>) {
    let stats = service.stats.clone();
    let answer = std::pin::pin!(answer(request, service));
    let reset = poll_fn(|cx| respond.poll_reset(cx));
    let response = match select(answer, std::pin::pin!(reset)).await {
        Either::Left((Some(response), _)) => response,
        // The client gave up or broke off in the middle of its body; dropping the answer cancels the handler.
        Either::Left((None, _)) | Either::Right(_) => return,
    };
    if let Err(error) = send(response, respond, &stats).await {
        tracing::debug!(%error, "an answer could not be sent");
    }
}

async fn answer(request: http::Request<RecvStream>, service: Arc<Service>) -> Option<Answer> {
    let limit = service.limits.max_body;
    let (mut parts, stream) = request.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Some(too_large(limit));
    }
    let body = match read_body(stream, limit).await {
        Ok(body) => body,
        Err(BodyError::TooLarge(limit)) => return Some(too_large(limit)),
        Err(BodyError::Broken(_)) => return None,
    };
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    Some(service.answer(Request::from_parts(parts, body)).await)
}

async fn send(response: Answer, mut respond: SendResponse<Bytes>, stats: &Stats) -> Result<(), h2::Error> {
    let (parts, body) = response.into_parts();
    let body = body.into_bytes();
    count(&stats.bytes_sent, body.len());
    let mut stream = respond.send_response(http::Response::from_parts(parts, ()), body.is_empty())?;
    send_body(&mut stream, body).await
}
