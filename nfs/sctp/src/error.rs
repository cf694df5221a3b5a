//! What can go wrong, told by whose doing it was.

use std::io;
use std::net::SocketAddr;

use crate::Backend;

/// Why an operation on an association or a listener failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This host or this process cannot use the stack: the text says what is missing and what to do.
    #[error("{backend} SCTP cannot be used here: {reason}")]
    Unavailable {
        /// The stack that was asked for.
        backend: Backend,
        /// What is missing, and what helps.
        reason: String,
    },
    /// The configured local address cannot be bound.
    #[error("cannot bind SCTP to {addresses:?}: {source}")]
    Bind {
        /// What was to be bound.
        addresses: Vec<SocketAddr>,
        /// The stack's reason.
        source: io::Error,
    },
    /// No association came about: nobody there, refused, or no answer in time.
    #[error("no SCTP association with {peer:?}: {source}")]
    Connect {
        /// Who was called.
        peer: Vec<SocketAddr>,
        /// The stack's reason.
        source: io::Error,
    },
    /// The caller passed no address, or addresses that do not go together.
    #[error("SCTP addresses {addresses:?} cannot be used together: {reason}")]
    Addresses {
        /// What was passed.
        addresses: Vec<SocketAddr>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The caller's message is empty or longer than [`Options::max_message`](crate::Options::max_message).
    #[error("a message of {length} bytes cannot be sent: 1 to {max} bytes are allowed")]
    Length {
        /// The message's length in bytes.
        length: usize,
        /// The longest allowed.
        max: usize,
    },
    /// The caller named a stream that was not agreed with the peer.
    #[error("stream {stream} does not exist: the association has {streams} outgoing streams")]
    Stream {
        /// The stream asked for.
        stream: u16,
        /// How many there are; numbers run from 0.
        streams: u16,
    },
    /// The association is over: [`Receiver::recv`](crate::Receiver::recv) tells how it ended.
    #[error("the association is over")]
    Closed,
    /// Our own stack or operating system failed.
    #[error("SCTP: {0}")]
    Io(#[from] io::Error),
}
