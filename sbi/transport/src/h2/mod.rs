//! HTTP/2 with prior knowledge (TS 29.500 5.2), over TCP, TLS or a unix socket, on the `h2` crate.

mod client;
mod over_shm;
mod server;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::uri::Scheme;
use sbi_api::BoxFuture;
use socket2::TcpKeepalive;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::accept::{self, Door};
use crate::connection::{ConnectError, Connection, Transport};
use crate::service::Service;
use crate::stats::{Stats, count};
use crate::{Endpoint, Limits, ServeError};

pub(crate) use over_shm::OverShm;
pub(crate) use tls::OverTls;
pub use tls::{Tls, TlsError};

/// Octets in flight that one stream may have before its reader has taken them.
const STREAM_WINDOW: u32 = 1 << 20;

/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Time after which a peer that acknowledges nothing is taken for gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// HTTP/2 over TCP.
pub(crate) struct Tcp(pub(crate) SocketAddr);

/// HTTP/2 over a unix stream socket.
pub(crate) struct Unix(pub(crate) PathBuf);

impl Transport for Tcp {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move {
            let stream = TcpStream::connect(self.0).await?;
            tune(&stream)?;
            client::start(stream, Scheme::HTTP, limits, stats).await
        })
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let failed = |error: std::io::Error| ServeError::new(Endpoint::H2(self.0), error);
        let listener = listener(self.0).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok((Endpoint::H2(address), Box::pin(accept::run(TcpDoor(listener), service))))
    }
}

impl Transport for Unix {
    fn connect(&self, limits: Limits, stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(async move { client::start(UnixStream::connect(&self.0).await?, Scheme::HTTP, limits, stats).await })
    }

    fn listen(&self, service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        let endpoint = Endpoint::H2Unix(self.0.clone());
        let failed = |error: std::io::Error| ServeError::new(endpoint.clone(), error);
        let (listener, file) = ::shm::SocketFile::bind(&self.0).map_err(failed)?;
        // Who may knock; who is let in, the check of credentials decides.
        let mode = if service.limits.allowed_uids.is_empty() { 0o600 } else { 0o666 };
        std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        let listener = UnixListener::from_std(listener).map_err(failed)?;
        Ok((endpoint, Box::pin(accept::run(UnixDoor { _file: file, listener }, service))))
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Small frames go at once, and a peer whose machine is gone is noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(UNACKNOWLEDGED).with_interval(UNACKNOWLEDGED / 4))
}

struct TcpDoor(TcpListener);

impl Door for TcpDoor {
    type Guest = TcpStream;
    const REMEMBERS: bool = false;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.0.accept().await?;
        tune(&stream)?;
        Ok(stream)
    }

    fn serve(guest: TcpStream, service: Arc<Service>) -> impl Future<Output = ()> + Send + 'static {
        server::serve_connection(guest, service)
    }
}

struct UnixDoor {
    // Dropped first, so that what is removed is our file and not a successor's.
    _file: ::shm::SocketFile,
    listener: UnixListener,
}

impl Door for UnixDoor {
    type Guest = UnixStream;
    const REMEMBERS: bool = false;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    fn serve(guest: UnixStream, service: Arc<Service>) -> impl Future<Output = ()> + Send + 'static {
        let allowed = guest.peer_cred().is_ok_and(|peer| service.limits.admits(peer.uid()));
        async move {
            if allowed {
                return server::serve_connection(guest, service).await;
            }
            count(&service.stats.refusals, 1);
            tracing::warn!("a process of another user was not let in at a unix socket");
            server::refuse(guest).await;
        }
    }
}

/// Why a body could not be read to its end.
enum BodyError {
    /// Longer than this limit.
    TooLarge(usize),
    /// The stream or connection broke.
    Broken(h2::Error),
}

/// Reads a body of at most `limit` octets, giving back flow-control credit as it goes.
async fn read_body(mut stream: RecvStream, limit: usize) -> Result<Bytes, BodyError> {
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(part) = stream.data().await {
        let part = part.map_err(BodyError::Broken)?;
        let _ = stream.flow_control().release_capacity(part.len());
        if whole.len() + joined.len() + part.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Nearly every body comes in one frame, and then is not copied.
        if whole.is_empty() && joined.is_empty() {
            whole = part;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&part);
        }
    }
    Ok(if joined.is_empty() { whole } else { joined.freeze() })
}

/// Sends a body and ends the stream, as fast as flow control lets it.
async fn send_body(stream: &mut h2::SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(granted) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { break };
        let part = body.split_to(granted?.min(body.len()));
        stream.send_data(part, body.is_empty())?;
    }
    Ok(())
}
