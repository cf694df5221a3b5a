//! Channels of messages between two processes over memory that only they share.
//!
//! A [`Listener`] waits on a unix socket; each peer that [`connect`]s there, and whose user is allowed, gets a channel: a
//! sealed memfd that the two alone map, with, in each direction, a ring of descriptors and a slab of blocks for the payload,
//! and an eventfd on either side as doorbell. The socket stays open: its hang-up is how the death of a peer is noticed.
//!
//! A channel is a [`Sender`] (any number, from any task) and a [`Receiver`]. A message is a stream number and a kind, which
//! mean what the two ends agree, and a payload of octets. Whoever holds a channel must keep polling its receiver: it is what
//! answers the doorbell, for messages that came and for room to send.
//!
//! Whoever makes a message of values can [`reserve`](Sender::reserve) room and write it where the peer will read it.
//!
//! A thread that waits for nothing else makes it a [`BlockingChannel`], which its bell wakes without a runtime.
//!
//! Where octets are wanted and not messages, [`Connections`] lets any number of byte [`Stream`]s run over a channel.
//!
//! The peer is not trusted with our safety: each index, offset and length is read from shared memory once, checked, then used.
//! What does not fit fails the channel with a [`ChannelError`] that says what was wrong, and nothing else.
// The memory is another process's too, which no safe type describes. All of it is in `segment` (and one block
// in `bell`), each with its case.
#![allow(unsafe_code)]

#[cfg(test)]
mod death_tests;
mod doorbell;
mod ending;
mod error;
mod ring;
#[cfg(test)]
mod ring_tests;
mod slab;
mod sync;

mod bell;
mod blocking;
mod channel;
mod counts;
mod crowd;
mod hello;
mod layout;
mod payload;
mod receiver;
mod segment;
mod sender;
mod socket;
mod spin;
mod step;
mod stream;

pub use error::{ChannelError, HelloError, Violation};

pub use {
    blocking::BlockingChannel,
    channel::Options,
    counts::{ChannelCounters, Tally},
    hello::{Incoming, Listener, connect, node_identity},
    payload::{Message, Payload},
    receiver::Receiver,
    sender::{Room, Sender},
    socket::SocketFile,
    stream::{BlockingStream, Connections, Stream, StreamState},
};
