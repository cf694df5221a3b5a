//! What users hold: a listener, associations, and their two halves.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::inbox::Inbox;
use crate::transport::{ListenerSocket, Socket};
use crate::{Backend, Error, Options};

/// What an association's receiving half tells, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole message.
    Message {
        /// The peer's stream it came on.
        stream: u16,
        /// Payload protocol identifier, host order: 60 for NGAP.
        ppid: u32,
        /// The message, never longer than [`Options::max_message`].
        data: Bytes,
    },
    /// The peer sent a message longer than [`Options::max_message`]; it was dropped.
    Oversized {
        /// The peer's stream it came on.
        stream: u16,
        /// Payload protocol identifier, host order.
        ppid: u32,
    },
    /// The peer started anew under the same addresses and port: what it knew is lost, the association goes on.
    Restarted,
    /// The association ended in good order, by either side's shutdown, or by our own abort. Nothing follows.
    Shutdown,
    /// The peer aborted the association, or no longer answers. Nothing follows.
    PeerAborted,
}

/// A listening end point, as an AMF has on N2. Dropping it leaves accepted associations untouched.
#[derive(Debug)]
pub struct Listener {
    socket: ListenerSocket,
}

impl Listener {
    /// Listens on all the given addresses, which share one port: several make the end point multihomed.
    pub async fn bind(addresses: &[SocketAddr], options: Options) -> Result<Listener, Error> {
        let socket = ListenerSocket::bind(addresses, options).await?;
        Ok(Listener { socket })
    }

    /// Waits for the next association. Those over [`Options::max_associations`] are aborted and not returned.
    ///
    /// Cancel safe. May be called from several tasks.
    pub async fn accept(&self) -> Result<Association, Error> {
        self.socket.accept().await.map(Association::new)
    }

    /// The stack in use.
    pub fn backend(&self) -> Backend {
        self.socket.backend()
    }

    /// The addresses listened on, with the port that was chosen if 0 was asked for.
    pub fn local_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        self.socket.local_addresses()
    }
}

/// An association with a peer. Dropping it, or both halves, shuts it down in good order in the background.
#[derive(Debug)]
pub struct Association {
    sender: Sender,
    receiver: Receiver,
}

impl Association {
    /// Opens an association with a peer that has the given addresses, all with one port.
    ///
    /// `local` are the addresses to use on this side, the first one's port included (0 for any); `None` leaves all of
    /// it to the stack.
    pub async fn connect(
        local: Option<&[SocketAddr]>,
        remote: &[SocketAddr],
        options: Options,
    ) -> Result<Association, Error> {
        Socket::connect(local, remote, options).await.map(Association::new)
    }

    fn new(socket: Socket) -> Association {
        let socket = Arc::new(socket);
        Association {
            sender: Sender { socket: Arc::clone(&socket) },
            receiver: Receiver { inbox: Inbox::new(), socket },
        }
    }

    /// See [`Sender::send`].
    pub async fn send(&self, stream: u16, ppid: u32, data: Bytes) -> Result<(), Error> {
        self.sender.send(stream, ppid, data).await
    }

    /// See [`Receiver::recv`].
    pub async fn recv(&mut self) -> Event {
        self.receiver.recv().await
    }

    /// Parts the association into a half that sends, which may be cloned, and one that receives.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// The sending half, without giving up this one.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// See [`Sender::outbound_streams`].
    pub fn outbound_streams(&self) -> u16 {
        self.sender.outbound_streams()
    }

    /// See [`Sender::peer_addresses`].
    pub fn peer_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        self.sender.peer_addresses()
    }

    /// See [`Sender::shutdown`].
    pub fn shutdown(&self) -> Result<(), Error> {
        self.sender.shutdown()
    }

    /// See [`Sender::abort`].
    pub fn abort(&self) {
        self.sender.abort();
    }

    /// Shuts down and waits, two seconds at most, until the peer has agreed: for the end of a process, with which a
    /// user-space stack falls silent. Messages that still arrive are dropped.
    pub async fn close(self) {
        let (sender, receiver) = self.split();
        receiver.close(&sender).await;
    }
}

/// The sending half of an association: cheap to clone, usable from any task.
#[derive(Clone)]
pub struct Sender {
    socket: Arc<Socket>,
}

impl Sender {
    /// Sends one message on a stream, in order with the others on that stream. `ppid` is in host order.
    ///
    /// Returns as soon as the stack has taken the message; waits while its send buffer is full. Cancel safe: a
    /// message is taken whole or not at all.
    pub async fn send(&self, stream: u16, ppid: u32, data: Bytes) -> Result<(), Error> {
        self.socket.send(stream, ppid, &data).await
    }

    /// How many outgoing streams were agreed; they are numbered from 0. At least 1.
    pub fn outbound_streams(&self) -> u16 {
        self.socket.outbound_streams()
    }

    /// The peer's addresses as it announced them, while the association lasts.
    pub fn peer_addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        self.socket.peer_addresses()
    }

    /// Ends the association in good order: what was sent is still delivered, then both sides learn
    /// [`Event::Shutdown`]. Returns at once.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.socket.shutdown()
    }

    /// Ends the association at once, dropping what is under way; the peer learns [`Event::PeerAborted`].
    pub fn abort(&self) {
        self.socket.abort();
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("socket", &self.socket).finish()
    }
}

/// The receiving half of an association.
#[derive(Debug)]
pub struct Receiver {
    socket: Arc<Socket>,
    inbox: Inbox,
}

impl Receiver {
    /// Waits for the next event. After [`Event::Shutdown`] or [`Event::PeerAborted`] it repeats that event.
    ///
    /// Cancel safe.
    pub async fn recv(&mut self) -> Event {
        self.inbox.next(&self.socket).await
    }

    /// Shuts down and waits, two seconds at most, until the peer has agreed.
    pub async fn close(mut self, sender: &Sender) {
        if sender.shutdown().is_err() {
            return;
        }
        let ended = async { while !matches!(self.recv().await, Event::Shutdown | Event::PeerAborted) {} };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), ended).await;
    }
}
