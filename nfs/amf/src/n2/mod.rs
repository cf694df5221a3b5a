//! N2, the interface to NG-RAN nodes (TS 38.413): associations, which UE is whose, and what concerns no UE.

pub(crate) mod association;
pub(crate) mod carry;
mod message;
pub(crate) mod outbox;
pub(crate) mod serve;
mod setup;

pub use association::AssociationId;
pub(crate) use association::{Action, Association, Context, Detached};
pub(crate) use outbox::Connection;
pub use outbox::Outgoing;
