//! The kernel's SCTP, one-to-one sockets (RFC 6458 section 4).
//!
//! sctp-rs sets what notifications and ancillary data a socket delivers and reads addresses and status;
//! opening, sending and receiving are done here, on the same descriptor: a message is received whole
//! (`MSG_EOR`), its payload protocol identifier is in network order on the wire, and a full send buffer
//! makes the sender wait.

mod message;
mod sockopt;

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, IntoRawFd};

use sctp_rs::{ConnectedSocket, SubscribeEventAssocId};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::transport::{Part, family};
use crate::{Backend, Error, Options};

/// `SCTP_CURRENT_ASSOC` and the like mean nothing on a one-to-one socket: any id is its only association.
const ONLY: sctp_rs::AssociationId = 0;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: AsyncFd<socket2::Socket>,
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
        Ok(Socket { fd: watched(socket)? })
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        self.fd.async_io(Interest::READABLE, |socket| message::receive(socket, buffer)).await
    }

    pub(crate) async fn send(&self, stream: u16, ppid: u32, data: &[u8]) -> io::Result<()> {
        self.fd.async_io(Interest::WRITABLE, |socket| message::send(socket, stream, ppid, data)).await
    }

    pub(crate) fn outbound_streams(&self) -> io::Result<u16> {
        Ok(view(self.fd.get_ref())?.sctp_get_status(ONLY)?.outstreams)
    }

    pub(crate) fn peer_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        view(self.fd.get_ref())?.sctp_getpaddrs(ONLY)
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.fd.get_ref().shutdown(Shutdown::Write)
    }

    pub(crate) fn abort(&self) {
        // An association that is over already needs no abort.
        let _ = message::abort(self.fd.get_ref());
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
        view(self.fd.get_ref())?.sctp_getladdrs(ONLY)
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
    let view = view(&socket)?;
    let events = [sctp_rs::Event::Association, sctp_rs::Event::PartialDelivery];
    view.sctp_subscribe_events(&events, SubscribeEventAssocId::Future)?;
    view.sctp_request_rcvinfo(true)?;
    sockopt::bind(&socket, local).map_err(|source| Error::Bind { addresses: local.to_vec(), source })?;
    Ok(socket)
}

/// The socket, its readiness watched by the running reactor.
fn watched(socket: socket2::Socket) -> io::Result<AsyncFd<socket2::Socket>> {
    // SAFETY: the socket owns its descriptor, which is neither closed nor replaced before the `AsyncFd` is dropped.
    Ok(unsafe { AsyncFd::register(socket) }?)
}

/// sctp-rs's view of a socket: it owns a descriptor of its own for the same socket, closed again when it is dropped.
fn view(socket: &socket2::Socket) -> io::Result<ConnectedSocket> {
    ConnectedSocket::from_rawfd(socket.as_fd().try_clone_to_owned()?.into_raw_fd())
}
