//! HTTP/2 over a byte stream in shared memory: the same protocol and crate, only the socket differs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ::shm::{Connections, Incoming, Listener, Options};
use http::uri::Scheme;
use sbi_api::BoxFuture;
use tokio::task::JoinSet;

use super::{client, server};
use crate::accept::{self, Door, HANDSHAKE};
use crate::connection::{ConnectError, Connection, Transport};
use crate::service::Service;
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits, ServeError};

/// Streams of one channel that are served at once: our client has one, and the bound on connections counts channels.
const STREAMS: usize = 8;

/// HTTP/2 over shared memory; the path is the unix socket where channels are made.
pub(crate) struct OverShm(pub(crate) PathBuf);

fn options(limits: &Limits, stats: &Stats) -> Options {
    Options {
        segment: limits.shm_segment,
        allowed_uids: limits.allowed_uids.clone(),
        huge_pages: limits.huge_pages,
        tally: stats.tally.clone(),
        ..Options::default()
    }
}

impl Transport for OverShm {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let opened = ::shm::connect(&self.0, &options(&limits, &stats)).await;
            let (sender, receiver) = opened.map_err(|error| ConnectError(error.to_string()))?;
            let connections = Connections::over(sender, receiver);
            let stream = connections.connect().await?;
            // The channel lives as long as its one stream.
            client::start(stream, Scheme::HTTP, limits, stats).await
        })
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let endpoint = Endpoint::H2Shm(self.0.clone());
        match Listener::bind(&self.0, options(&service.limits, &service.stats)) {
            Ok(listener) => Ok((endpoint, Box::pin(accept::run(ShmDoor(listener), service)))),
            Err(error) => Err(ServeError::new(endpoint, error)),
        }
    }
}

struct ShmDoor(Listener);

impl Door for ShmDoor {
    type Guest = Incoming;
    const REMEMBERS: bool = false;

    async fn accept(&self) -> io::Result<Incoming> {
        self.0.accept().await
    }

    async fn serve(guest: Incoming, service: Arc<Service>) {
        match tokio::time::timeout(HANDSHAKE, guest.open()).await {
            Ok(Ok((sender, receiver))) => serve_streams(&Connections::over(sender, receiver), service).await,
            Ok(Err(error)) => {
                count(&service.stats.refusals, 1);
                tracing::warn!(%error, "a shared-memory peer was not let in");
            }
            Err(_) => tracing::debug!("a shared-memory peer did not say hello in time"),
        }
    }
}

/// Serves every stream of a channel, until the client leaves or, once the service drains, none is left.
async fn serve_streams(connections: &Connections, service: Arc<Service>) {
    let mut serving = JoinSet::new();
    let mut draining = std::pin::pin!(service.draining());
    let mut is_draining = false;
    loop {
        tokio::select! {
            accepted = connections.accept() => match accepted {
                Some(stream) if serving.len() < STREAMS => {
                    drop(serving.spawn(server::serve_connection(stream, service.clone())));
                }
                Some(_) => count(&service.stats.refusals, 1), // dropped, so reset
                None => break,
            },
            Some(_) = serving.join_next() => {}
            () = &mut draining, if !is_draining => is_draining = true,
        }
        if is_draining && serving.is_empty() {
            return;
        }
    }
    while serving.join_next().await.is_some() {}
}
