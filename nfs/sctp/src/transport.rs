//! One stack or the other: what both offer, and what is the same above both.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::{Backend, Error, Options, kernel, userspace};

/// What one receive call of a stack gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `length` bytes of a message, the last ones if `end`.
    Data { stream: u16, ppid: u32, length: usize, end: bool },
    /// A notification.
    Notice(Notice),
    /// The stack has no more to say about this association.
    End,
}

/// The notifications that matter here, whatever numbers a stack gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The association is established.
    Up,
    /// Aborted by either side, or the peer is unreachable, or the association never came about.
    Lost,
    /// The peer restarted; from now on there are so many outgoing streams.
    Restarted { outbound_streams: u16 },
    /// Shut down in good order.
    Complete,
    /// The message of which parts were delivered will not be completed.
    PartialAborted,
    /// Anything else.
    Other,
}

/// A stack's socket of one association.
#[derive(Debug)]
pub(crate) enum Stack {
    Kernel(kernel::Socket),
    UserSpace(userspace::Socket),
}

impl Stack {
    async fn connect(local: &[SocketAddr], remote: &[SocketAddr], options: &Options) -> Result<Stack, Error> {
        Ok(match backend(options) {
            Backend::Kernel => Stack::Kernel(kernel::Socket::connect(local, remote, options)?),
            Backend::UserSpace => Stack::UserSpace(userspace::Socket::connect(local, remote, options)?),
        })
    }

    /// Waits until the association is up.
    async fn established(&self) -> io::Result<()> {
        let mut buffer = [0; 512];
        loop {
            match self.receive(&mut buffer).await? {
                Part::Notice(Notice::Up) => return Ok(()),
                Part::Notice(Notice::Lost | Notice::Complete) | Part::End => {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Part::Notice(_) | Part::Data { .. } => {}
            }
        }
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        match self {
            Stack::Kernel(socket) => socket.receive(buffer).await,
            Stack::UserSpace(socket) => socket.receive(buffer).await,
        }
    }

    async fn send(&self, stream: u16, ppid: u32, data: &[u8]) -> io::Result<()> {
        match self {
            Stack::Kernel(socket) => socket.send(stream, ppid, data).await,
            Stack::UserSpace(socket) => socket.send(stream, ppid, data).await,
        }
    }

    fn outbound_streams(&self) -> io::Result<u16> {
        match self {
            Stack::Kernel(socket) => socket.outbound_streams(),
            Stack::UserSpace(socket) => socket.outbound_streams(),
        }
    }
}

/// An association's socket, shared by its two halves.
#[derive(Debug)]
pub(crate) struct Socket {
    stack: Stack,
    outbound_streams: AtomicU16,
    max_message: usize,
    aborted_here: AtomicBool,
    /// Ends calls that wait when the association is aborted here.
    aborting: Notify,
    over: AtomicBool,
    /// Counts this association against its listener's limit while it lives.
    _place: Option<OwnedSemaphorePermit>,
}

impl Socket {
    pub(crate) async fn connect(
        local: Option<&[SocketAddr]>,
        remote: &[SocketAddr],
        options: Options,
    ) -> Result<Socket, Error> {
        check(remote)?;
        let failed = |source| Error::Connect { peer: remote.to_vec(), source };
        let routed;
        let local = match local {
            Some(local) => local,
            None => {
                routed = [source_towards(remote).map_err(failed)?];
                &routed
            }
        };
        check(local)?;
        let stack = Stack::connect(local, remote, &options).await?;
        match tokio::time::timeout(options.connect_timeout, stack.established()).await {
            Ok(up) => up.map_err(failed)?,
            Err(_) => return Err(failed(io::ErrorKind::TimedOut.into())),
        }
        // It came up and is over already: the peer has no place for it.
        Socket::new(stack, &options, None).map_err(|_| failed(io::ErrorKind::ConnectionAborted.into()))
    }

    fn new(stack: Stack, options: &Options, place: Option<OwnedSemaphorePermit>) -> io::Result<Socket> {
        Ok(Socket {
            outbound_streams: AtomicU16::new(stack.outbound_streams()?),
            stack,
            max_message: options.max_message,
            aborted_here: AtomicBool::new(false),
            aborting: Notify::new(),
            over: AtomicBool::new(false),
            _place: place,
        })
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        let part = self.unless_aborted(self.stack.receive(buffer)).await?;
        if let Part::Notice(Notice::Restarted { outbound_streams }) = part {
            self.outbound_streams.store(outbound_streams, Ordering::Relaxed);
        }
        Ok(part)
    }

    pub(crate) async fn send(&self, stream: u16, ppid: u32, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() || data.len() > self.max_message {
            return Err(Error::Length { length: data.len(), max: self.max_message });
        }
        let streams = self.outbound_streams();
        if stream >= streams {
            return Err(Error::Stream { stream, streams });
        }
        if self.aborted_here() || self.over.load(Ordering::Relaxed) {
            return Err(Error::Closed);
        }
        self.stack
            .send(stream, ppid, data)
            .await
            .map_err(|error| if ended(&error) { Error::Closed } else { error.into() })
    }

    async fn unless_aborted<T>(&self, call: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut aborting = pin!(self.aborting.notified());
        // Listening before looking, so that no abort falls between the two.
        aborting.as_mut().enable();
        if self.aborted_here() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        tokio::select! {
            biased;
            () = aborting => Err(io::ErrorKind::NotConnected.into()),
            done = call => done,
        }
    }

    pub(crate) fn outbound_streams(&self) -> u16 {
        // Relaxed: a number on its own; nothing else is published with it.
        self.outbound_streams.load(Ordering::Relaxed)
    }

    pub(crate) fn max_message(&self) -> usize {
        self.max_message
    }

    pub(crate) fn aborted_here(&self) -> bool {
        // Acquire: pairs with the release in `abort`; who does not see it was listening to `aborting` before.
        self.aborted_here.load(Ordering::Acquire)
    }

    /// The receiving half has learnt of the end.
    pub(crate) fn over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn peer_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        Ok(match &self.stack {
            Stack::Kernel(socket) => socket.peer_addresses()?,
            Stack::UserSpace(socket) => socket.peer_addresses()?,
        })
    }

    pub(crate) fn shutdown(&self) -> Result<(), Error> {
        let done = match &self.stack {
            Stack::Kernel(socket) => socket.shutdown(),
            Stack::UserSpace(socket) => socket.shutdown(),
        };
        done.map_err(|error| if ended(&error) { Error::Closed } else { error.into() })
    }

    pub(crate) fn abort(&self) {
        self.aborted_here.store(true, Ordering::Release);
        match &self.stack {
            Stack::Kernel(socket) => socket.abort(),
            Stack::UserSpace(socket) => socket.abort(),
        }
        self.aborting.notify_waiters();
    }
}

/// Whether the error says that there is no association any more, rather than that something failed.
pub(crate) fn ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
        || error.raw_os_error() == Some(libc::ESHUTDOWN)
}

#[derive(Debug)]
enum ListenerStack {
    Kernel(kernel::Listener),
    UserSpace(userspace::Listener),
}

/// A listening socket and the places it has for associations.
#[derive(Debug)]
pub(crate) struct ListenerSocket {
    stack: ListenerStack,
    options: Options,
    places: Arc<Semaphore>,
}

impl ListenerSocket {
    pub(crate) async fn bind(addresses: &[SocketAddr], options: Options) -> Result<Self, Error> {
        check(addresses)?;
        let stack = match backend(&options) {
            Backend::Kernel => ListenerStack::Kernel(kernel::Listener::bind(addresses, &options)?),
            Backend::UserSpace => ListenerStack::UserSpace(userspace::Listener::bind(addresses, &options)?),
        };
        let places = Arc::new(Semaphore::new(options.max_associations));
        Ok(ListenerSocket { stack, options, places })
    }

    pub(crate) async fn accept(&self) -> Result<Socket, Error> {
        loop {
            let stack = match &self.stack {
                ListenerStack::Kernel(listener) => Stack::Kernel(listener.accept().await?),
                ListenerStack::UserSpace(listener) => Stack::UserSpace(listener.accept(&self.options).await?),
            };
            let place = Arc::clone(&self.places).try_acquire_owned().ok();
            let crowded = place.is_none();
            // An association that is over before it was accepted has no status any more.
            let Ok(socket) = Socket::new(stack, &self.options, place) else { continue };
            if crowded {
                tracing::debug!(max = self.options.max_associations, "SCTP association refused: too many");
                socket.abort();
                continue;
            }
            return Ok(socket);
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        match self.stack {
            ListenerStack::Kernel(_) => Backend::Kernel,
            ListenerStack::UserSpace(_) => Backend::UserSpace,
        }
    }

    pub(crate) fn local_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        Ok(match &self.stack {
            ListenerStack::Kernel(listener) => listener.local_addresses()?,
            ListenerStack::UserSpace(listener) => listener.local_addresses()?,
        })
    }
}

fn backend(options: &Options) -> Backend {
    options.backend.unwrap_or_else(|| Backend::probe().backend)
}

/// An end point has at least one address and exactly one port.
fn check(addresses: &[SocketAddr]) -> Result<(), Error> {
    let wrong = |reason| Err(Error::Addresses { addresses: addresses.to_vec(), reason });
    match addresses {
        [] => wrong("at least one is needed"),
        [first, rest @ ..] if rest.iter().any(|other| other.port() != first.port()) => {
            wrong("all addresses of an end point share one port")
        }
        _ => Ok(()),
    }
}

/// The local address that the host's routing takes towards a peer, with any port: without it a stack would
/// announce every address of the host to the peer, reachable from there or not.
fn source_towards(remote: &[SocketAddr]) -> io::Result<SocketAddr> {
    let first = remote.first().ok_or(io::ErrorKind::InvalidInput)?;
    let any: SocketAddr = match first.ip() {
        IpAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(first)?;
    Ok((socket.local_addr()?.ip(), 0).into())
}

/// Addresses one after the other in the form of `struct sockaddr_in` and `sockaddr_in6`, as both stacks take them.
pub(crate) fn packed(addresses: &[SocketAddr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for address in addresses {
        match address {
            SocketAddr::V4(v4) => {
                bytes.extend((libc::AF_INET as u16).to_ne_bytes());
                bytes.extend(v4.port().to_be_bytes());
                bytes.extend(v4.ip().octets());
                bytes.extend([0; 8]);
            }
            SocketAddr::V6(v6) => {
                bytes.extend((libc::AF_INET6 as u16).to_ne_bytes());
                bytes.extend(v6.port().to_be_bytes());
                bytes.extend(v6.flowinfo().to_be_bytes());
                bytes.extend(v6.ip().octets());
                bytes.extend(v6.scope_id().to_ne_bytes());
            }
        }
    }
    bytes
}

/// Reads `count` socket addresses that lie one after the other.
pub(crate) fn unpacked(mut bytes: &[u8], count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..count {
        let family = bytes.first_chunk().map(|family| libc::c_int::from(u16::from_ne_bytes(*family)));
        let (address, rest) = match family {
            Some(libc::AF_INET) => bytes.split_at_checked(size_of::<libc::sockaddr_in>()),
            Some(libc::AF_INET6) => bytes.split_at_checked(size_of::<libc::sockaddr_in6>()),
            _ => None,
        }
        .ok_or(io::ErrorKind::InvalidData)?;
        addresses.push(one_unpacked(address).ok_or(io::ErrorKind::InvalidData)?);
        bytes = rest;
    }
    Ok(addresses)
}

/// A `sockaddr_in` or `sockaddr_in6`, told apart by their length.
fn one_unpacked(address: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(address.get(2..4)?.try_into().ok()?);
    let ip = match address.len() {
        16 => <[u8; 4]>::try_from(address.get(4..8)?).ok()?.into(),
        _ => <[u8; 16]>::try_from(address.get(8..24)?).ok()?.into(),
    };
    Some(SocketAddr::new(ip, port))
}

/// The socket's address family: IPv6 if any of the addresses is, for such a socket takes IPv4 addresses too.
pub(crate) fn family(addresses: &[SocketAddr]) -> libc::c_int {
    if addresses.iter().any(SocketAddr::is_ipv6) { libc::AF_INET6 } else { libc::AF_INET }
}

/// Milliseconds for a socket option, as much as fits.
pub(crate) fn milliseconds(time: std::time::Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_and_at_least_one_address() {
        let a: SocketAddr = "127.0.0.1:1".parse().expect("literal");
        let b: SocketAddr = "127.0.0.2:2".parse().expect("literal");
        assert!(check(&[a]).is_ok());
        assert!(matches!(check(&[]), Err(Error::Addresses { .. })));
        assert!(matches!(check(&[a, b]), Err(Error::Addresses { .. })));
    }

    #[test]
    fn packed_addresses_have_the_length_of_their_structs() {
        let v4: SocketAddr = "10.1.2.3:38412".parse().expect("literal");
        let v6: SocketAddr = "[fd00::1]:38412".parse().expect("literal");
        let bytes = packed(&[v4, v6]);
        assert_eq!(bytes.len(), size_of::<libc::sockaddr_in>() + size_of::<libc::sockaddr_in6>());
        assert_eq!(&bytes[2..8], &[0x96, 0x0c, 10, 1, 2, 3]);
        assert_eq!(family(&[v4, v6]), libc::AF_INET6);
        assert_eq!(unpacked(&bytes, 2).expect("two addresses"), [v4, v6]);
        assert!(unpacked(&bytes[..30], 2).is_err());
        assert!(unpacked(&[0xff; 16], 1).is_err());
    }
}
