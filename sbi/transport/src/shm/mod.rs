//! Calls as messages in memory shared with the peer.
//!
//! A call is a [`kind::REQUEST`] and the server's one answer to it, under a stream number of the client's choice that is taken
//! until that answer. All other kinds are about ending: of a call, or of the connection.

mod calls;
mod client;
mod exchange;
mod server;
pub mod wire;
mod writer;

pub(crate) use client::Call;
use writer::Writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sbi_api::BoxFuture;

use crate::accept::{self, Door};
use crate::connection::{ConnectError, Connection, Transport};
use crate::service::Service;
use crate::stats::Stats;
use crate::{Endpoint, Limits, ServeError};

/// Messages taken before other tasks get their turn.
const BATCH: u32 = 64;

/// What a message of a channel is.
mod kind {
    /// Client: a request. The server answers with exactly one of `RESPONSE`, `CANCELLED` and `REFUSED`.
    pub(super) const REQUEST: u8 = 1;
    /// Server: the response.
    pub(super) const RESPONSE: u8 = 2;
    /// Client: the answer is no longer wanted. Nothing comes of it if the answer is on its way.
    pub(super) const CANCEL: u8 = 3;
    /// Server: there will be no response, as asked for.
    pub(super) const CANCELLED: u8 = 4;
    /// Server: the request was not looked at.
    pub(super) const REFUSED: u8 = 5;
    /// Server: send no more requests (stream 0).
    pub(super) const GO_AWAY: u8 = 6;
    /// Client: no more will come (stream 0).
    pub(super) const GOING: u8 = 7;
}

/// The transport to the server whose unix socket is at this path.
pub(crate) struct Shm(pub(crate) PathBuf);

impl Transport for Shm {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let options = options(&limits, &stats);
            match ::shm::connect(&self.0, &options).await {
                Ok((sender, receiver)) => Ok(client::start(Writer::new(sender, stats), receiver, limits)),
                Err(error) => Err(ConnectError(error.to_string())),
            }
        })
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let endpoint = Endpoint::Shm(self.0.clone());
        match ::shm::Listener::bind(&self.0, options(&service.limits, &service.stats)) {
            Ok(listener) => Ok((endpoint, Box::pin(accept::run(ShmDoor(listener), service)))),
            Err(error) => Err(ServeError::new(endpoint, error)),
        }
    }
}

struct ShmDoor(::shm::Listener);

impl Door for ShmDoor {
    type Guest = ::shm::Incoming;
    const REMEMBERS: bool = true;

    async fn accept(&self) -> io::Result<::shm::Incoming> {
        self.0.accept().await
    }

    fn serve(guest: ::shm::Incoming, service: Arc<Service>) -> impl Future<Output = ()> + Send + 'static {
        server::serve_channel(guest, service)
    }
}

fn options(limits: &Limits, stats: &Stats) -> ::shm::Options {
    ::shm::Options {
        segment: limits.shm_segment,
        // Room for the head as well, so that a request with too long a body can still be answered.
        max_message: limits.max_body + wire::max_head(limits.max_header_list),
        allowed_uids: limits.allowed_uids.clone(),
        huge_pages: limits.huge_pages,
        tally: stats.tally.clone(),
        ..::shm::Options::default()
    }
}
