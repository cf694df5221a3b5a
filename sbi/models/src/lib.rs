//! Data types of the 3GPP service-based interface (TS 29.571 and the TS 29.5xx services), serde only.
//!
//! Hand-picked: what Peregrine's procedures carry, named as in the specifications (`camelCase` on the wire). Enumerations
//! are open (TS 29.501 5.2.4.2): a value this release does not know becomes `Other` and is passed on unchanged.

#[macro_use]
mod open_enum;

pub mod nrf;
