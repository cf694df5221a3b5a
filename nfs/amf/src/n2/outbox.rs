//! What waits to be sent to a node, and the UE's end of its connection.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ngap::{AmfUeNgapId, Message, RanUeNgapId};
use tokio::sync::mpsc;

use super::AssociationId;

/// A message for the node, and the SCTP stream it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// SCTP stream.
    pub stream: u16,
    /// An NGAP message.
    pub octets: Bytes,
}

/// The node is gone, or so slow that it counts as gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable;

/// Takes messages for one node without ever waiting for it.
#[derive(Clone)]
pub(crate) struct Outbox(mpsc::Sender<Outgoing>);

impl Outbox {
    /// An outbox for at most `capacity` messages, and its other end.
    pub(crate) fn new(capacity: usize) -> (Self, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self(sender), receiver)
    }

    pub(crate) fn send(&self, stream: u16, message: &Message) -> Result<(), Unreachable> {
        let octets = match message.encode() {
            Ok(octets) => octets,
            Err(error) => {
                // Our own fault: the peer sees silence, the log says what.
                tracing::error!(%error, "message not sent");
                return Ok(());
            }
        };
        self.0.try_send(Outgoing { stream, octets }).map_err(|_| Unreachable)
    }

    /// Whether so much is waiting, a quarter of what may, that the node should not ask for more until it has taken some.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.capacity() < self.0.max_capacity() / 4 * 3 && !self.0.is_closed()
    }

    /// Whether more is waiting than half of what may: the node does not keep up.
    pub(crate) fn is_crowded(&self) -> bool {
        self.0.capacity() < self.0.max_capacity() / 2
    }
}

/// A UE-associated logical NG-connection, as the UE's task holds it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) association: AssociationId,
    pub(crate) outbox: Outbox,
    /// The node, for people.
    pub(crate) node: Arc<str>,
    pub(crate) amf_ue_ngap_id: AmfUeNgapId,
    pub(crate) ran_ue_ngap_id: RanUeNgapId,
    /// The stream of this UE, in both directions.
    pub(crate) stream: u16,
}

impl Connection {
    pub(crate) fn send(&self, message: &Message) -> Result<(), Unreachable> {
        self.outbox.send(self.stream, message)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} / {})", self.node, self.amf_ue_ngap_id, self.ran_ue_ngap_id)
    }
}
