//! How a listener or an association is set up, and which stack carries it.

use std::fmt;
use std::time::Duration;

/// The SCTP stack that carries an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The operating system's own SCTP.
    Kernel,
    /// libusrsctp in this process, over raw IP.
    UserSpace,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Kernel => "kernel",
            Backend::UserSpace => "user-space",
        })
    }
}

/// What [`Backend::probe`] found: the stack to use and the sentence for the log that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The stack to use.
    pub backend: Backend,
    /// One sentence for the log.
    pub reason: String,
}

impl Backend {
    /// Finds out which stack this host has: the kernel's if a plain SCTP socket can be opened, else the user-space one.
    ///
    /// Nothing is kept open, and no address is touched.
    pub fn probe() -> Probe {
        match socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::STREAM,
            Some(socket2::Protocol::from(libc::IPPROTO_SCTP)),
        ) {
            Ok(_) => Probe { backend: Backend::Kernel, reason: "N2 uses kernel SCTP".to_owned() },
            Err(error) => Probe {
                backend: Backend::UserSpace,
                reason: format!("N2 uses user-space SCTP (libusrsctp over raw IP): the kernel has none ({error})"),
            },
        }
    }
}

/// Settings of a [`Listener`](crate::Listener) or an [`Association`](crate::Association); the defaults suit N2.
#[derive(Debug, Clone)]
pub struct Options {
    /// The stack to use; `None` probes.
    pub backend: Option<Backend>,
    /// Outgoing streams asked for; the peer may grant fewer.
    pub outbound_streams: u16,
    /// Most incoming streams granted to the peer.
    pub inbound_streams: u16,
    /// The longest message in bytes, either way. A longer one from the peer is dropped and told as
    /// [`Event::Oversized`](crate::Event::Oversized).
    pub max_message: usize,
    /// Most associations of one listener at a time; further ones are aborted as they arrive.
    pub max_associations: usize,
    /// Bytes the stack holds for sending before [`Sender::send`](crate::Sender::send) waits; at least `max_message` is used.
    pub send_buffer: usize,
    /// Time between heartbeats on an idle path.
    pub heartbeat: Duration,
    /// Bounds of the retransmission timeout. The lower one must exceed the peer's delay of
    /// acknowledgements, commonly 200 ms.
    pub rto: (Duration, Duration),
    /// Retransmissions and heartbeats without answer after which the peer counts as lost.
    pub max_retransmissions: u16,
    /// Time [`Association::connect`](crate::Association::connect) waits for the peer.
    pub connect_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            backend: None,
            outbound_streams: 10,
            inbound_streams: 64,
            max_message: 64 * 1024,
            max_associations: 1024,
            send_buffer: 256 * 1024,
            heartbeat: Duration::from_secs(2),
            rto: (Duration::from_millis(500), Duration::from_secs(2)),
            max_retransmissions: 8,
            connect_timeout: Duration::from_secs(5),
        }
    }
}
