//! What a UE's task is told.

use bytes::Bytes;
use nas::{GmmMessage, NasCount};
use ngap::{AmfUeNgapId, InitialUeMessage, Message, UserLocationInformation};
use tokio::sync::oneshot;

use super::context::UeContext;
use crate::admission::Permit;
use crate::n2::Detached;

/// Something for the task that owns a UE.
#[derive(Debug)]
pub(crate) enum Event {
    /// The first message on its connection.
    Initial(Box<InitialUeMessage>),
    /// A NAS message.
    Nas(Bytes, Option<Box<UserLocationInformation>>),
    /// A NAS message that was opened already.
    Opened(Box<Opened>),
    /// Any other message of N2.
    N2(Box<Message>),
    /// The connection is gone.
    Detached(AmfUeNgapId, Detached),
    /// Another task wants the context, for a connection on which the UE is.
    Claim(Claim),
    /// An SMF has messages for the UE and its node.
    Transfer(Box<Transfer>),
    /// An SMF has released a session.
    SessionReleased { session: u8, context: u64 },
    /// The UE is to be deregistered.
    Deregister(DeregisterOrder),
    /// What the UE at rest waited for is due, and there is room for it: user planes go that a lost connection has left, or
    /// the mobile reachable timer and what follows it have expired and the UE counts as gone, or it is deregistered and what
    /// was kept of it is not kept any longer.
    Due(Permit),
}

/// A NAS message, decoded, and how it was protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) message: GmmMessage,
    /// The plain octets.
    pub(crate) octets: Vec<u8>,
    /// The count it came with, if its integrity was verified.
    pub(crate) verified: Option<NasCount>,
}

/// A wish to take a context over.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Why it may.
    pub(crate) proof: Proof,
    /// Gets the context; `None` if the proof does not convince.
    pub(crate) reply: oneshot::Sender<Option<Taken>>,
}

/// Why a context may be taken over.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// A message protected with its keys.
    Message(Bytes),
    /// The subscriber was authenticated on the new connection.
    Authenticated,
}

/// A context taken over.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) context: Box<UeContext>,
    /// The message that proved it.
    pub(crate) opened: Option<Opened>,
    /// What the former owner had not come to.
    pub(crate) deferred: Vec<Event>,
}

/// Messages from an SMF (TS 29.518 5.2.2.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) session: u8,
    /// The SM context that was asked for last when this came: it is not about a later one.
    pub(crate) last_context: u64,
    /// A 5GSM message.
    pub(crate) n1: Option<Bytes>,
    /// An NGAP transfer, and what it is.
    pub(crate) n2: Option<(N2Kind, Bytes)>,
    /// Only if the UE is connected.
    pub(crate) skip_if_idle: bool,
    /// Where a failure is told.
    pub(crate) failure_uri: Option<String>,
    /// What this transfer is called in such a notification.
    pub(crate) uri: String,
}

/// What an SMF wants of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum N2Kind {
    Setup,
    Modify,
    Release,
}

/// Who wants a UE gone, and how.
#[derive(Debug)]
pub(crate) struct DeregisterOrder {
    /// The UE is asked to register again.
    pub(crate) reregister: bool,
    /// It is the UDM's wish: the UDM knows that this AMF does not serve the UE any more.
    pub(crate) by_udm: bool,
    /// The UDM withdrew the subscription.
    pub(crate) subscription_withdrawn: bool,
    /// Told when it is done.
    pub(crate) done: Option<oneshot::Sender<()>>,
}
