//! The procedures of TS 23.502 as the SMF takes part in them, one file per clause.

pub(crate) mod an_release;
pub(crate) mod pdu_session_establishment;
pub(crate) mod pdu_session_release;
pub(crate) mod service_request;
pub(crate) mod session_restoration;
