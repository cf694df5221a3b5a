//! The procedures, each a file that reads like its clause: an `await` is an arrow to another NF or the UE, `?` an early end.

pub(crate) mod an_release;
mod authentication;
mod configuration_update;
pub(crate) mod deregistration;
mod identification;
pub(crate) mod initial;
mod initial_context;
mod paging;
mod pdu_session_establishment;
mod pdu_session_release;
mod reactivation;
pub(crate) mod registration;
mod security_mode;
pub(crate) mod service_request;
pub(crate) mod session;
mod slices;
