//! The kernel's SCTP, one-to-one sockets (RFC 6458 section 4).
//!
//! A message is received whole (`MSG_EOR`), its payload protocol identifier is in network order on the wire, and a full
//! send buffer makes the sender wait.

mod message;
mod sockopt;

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::transport::{Part, family};
use crate::{Backend, Error, Options};

#[derive(Debug)]
pub(crate) struct Socket {
    /// Gone after an abort: a one-to-one socket aborts its association when it is closed, and in no other way.
    fd: Mutex<Option<Arc<AsyncFd<socket2::Socket>>>>,
}

impl Socket {
    /// Starts an association; it is established once the notification of that comes.
    pub(crate) fn connect(local: &[SocketAddr], remote: &[SocketAddr], options: &Options) -> Result<Socket, Error> {
        let failed = |source| Error::Connect { peer: remote.to_vec(), source };
        let socket = bound(local, remote, options)?;
        sockopt::connect(&socket, remote).map_err(failed)?;
        Socket::new(socket).map_err(failed)
    }

    fn new(socket: socket2::Socket) -> io::Result<Socket> {
        Ok(Socket { fd: Mutex::new(Some(Arc::new(watched(socket)?))) })
    }

    fn fd(&self) -> io::Result<Arc<AsyncFd<socket2::Socket>>> {
        let fd = self.fd.lock().unwrap_or_else(PoisonError::into_inner);
        fd.clone().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        self.fd()?.async_io(Interest::READABLE, |socket| message::receive(socket, buffer)).await
    }

    pub(crate) async fn send(&self, stream: u16, ppid: u32, data: &[u8]) -> io::Result<()> {
        self.fd()?.async_io(Interest::WRITABLE, |socket| message::send(socket, stream, ppid, data)).await
    }

    pub(crate) fn outbound_streams(&self) -> io::Result<u16> {
        sockopt::outbound_streams(self.fd()?.get_ref())
    }

    pub(crate) fn peer_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        sockopt::peer_addresses(self.fd()?.get_ref())
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.fd()?.get_ref().shutdown(Shutdown::Write)
    }

    /// Takes effect when no call is under way on this socket any more.
    pub(crate) fn abort(&self) {
        if let Some(fd) = self.fd.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An association that is over already needs no abort.
            let _ = fd.get_ref().set_linger(Some(Duration::ZERO));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Listener {
    fd: AsyncFd<socket2::Socket>,
}

impl Listener {
    pub(crate) fn bind(addresses: &[SocketAddr], options: &Options) -> Result<Listener, Error> {
        let failed = |source| Error::Bind { addresses: addresses.to_vec(), source };
        let socket = bound(addresses, addresses, options)?;
        socket.listen(128).map_err(failed)?;
        Ok(Listener { fd: watched(socket).map_err(failed)? })
    }

    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        loop {
            match self.fd.async_io(Interest::READABLE, socket2::Socket::accept).await {
                Ok((socket, _)) => {
                    socket.set_nonblocking(true)?;
                    return Socket::new(socket);
                }
                // The peer was gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        sockopt::local_addresses(self.fd.get_ref())
    }
}

/// A socket with its options, bound to `local`.
fn bound(local: &[SocketAddr], other: &[SocketAddr], options: &Options) -> Result<socket2::Socket, Error> {
    let domain = socket2::Domain::from(family(&[local, other].concat()));
    let protocol = socket2::Protocol::from(libc::IPPROTO_SCTP);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(protocol)).map_err(|error| {
        Error::Unavailable { backend: Backend::Kernel, reason: format!("no SCTP socket can be opened: {error}") }
    })?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_send_buffer_size(options.send_buffer.max(options.max_message))?;
    sockopt::configure(&socket, options)?;
    sockopt::bind(&socket, local).map_err(|source| Error::Bind { addresses: local.to_vec(), source })?;
    Ok(socket)
}

/// The socket, its readiness watched by the running reactor.
fn watched(socket: socket2::Socket) -> io::Result<AsyncFd<socket2::Socket>> {
    // SAFETY: the socket owns its descriptor, which is neither closed nor replaced before the `AsyncFd` is dropped.
    Ok(unsafe { AsyncFd::register(socket) }?)
}
