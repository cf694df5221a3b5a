//! Data types of the 3GPP service-based interface (TS 29.571 and the TS 29.5xx services), serde only.
//!
//! Hand-picked: what Peregrine's procedures carry, named as in the specifications (`camelCase` on the wire). Enumerations
//! are open (TS 29.501 5.2.4.2): a value this release does not know becomes `Other` and is passed on unchanged. Attributes
//! that nothing here reads are ignored, as TS 29.500 6.6.2 asks of a receiver.
//!
//! Identities are validated when they are read: a [`Supi`], [`Dnn`] or [`PlmnId`] that exists is well formed.

#[macro_use]
mod open_enum;
#[macro_use]
mod text;

mod identity;
mod location;
mod network;
mod octets;
mod problem;
mod session;
mod time;

pub mod amf;
pub mod ausf;
pub mod nrf;
pub mod smf;
pub mod udm;
pub mod udr;

pub use identity::{Gpsi, Pei, Supi, SupiOrSuci};
pub use location::{GlobalRanNodeId, GnbId, Ncgi, NrCellId, NrLocation, Tac, Tai, UserLocation};
pub use network::{AmfId, Dnn, Guami, PlmnId, PlmnIdNid, Sd, Snssai};
pub use octets::{HexOctets, RefToBinaryData, SecretHex};
pub use problem::ProblemDetails;
pub use session::{
    AccessType, Ambr, Arp, BitRate, IpAddr, PduSessionId, PduSessionType, PreemptionCapability,
    PreemptionVulnerability, RatType, SscMode,
};
pub use text::Malformed;
pub use time::DateTime;
