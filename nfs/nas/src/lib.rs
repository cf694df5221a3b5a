//! The 5GS non-access stratum (TS 24.501): messages as plain owned types, and NAS security.
//!
//! - [`Envelope::open`] looks at a NAS PDU's header: plain, or security protected.
//! - [`GmmMessage`] is every 5GMM message of registration, authentication, security, configuration, service and
//!   transport; [`GsmPdu`] is every 5GSM message with its PDU session and procedure transaction identity.
//! - [`SecurityContext`] protects and checks messages and keeps both NAS COUNTs.
//! - [`ie`] has the information elements.
//!
//! A message is decoded once: what comes out is valid, except for what only the procedure can know. An optional
//! element that is syntactically incorrect is treated as absent (TS 24.501 7.7.1), a mandatory one makes a
//! [`DecodeError`] that carries the cause the specification answers with. Encoding writes only the optional elements
//! that are `Some`.

mod cause;
mod error;
pub mod gmm;
pub mod gsm;
mod header;
pub mod ie;
mod message;
mod security;

pub use cause::{GmmCause, GsmCause};
pub use error::{DecodeError, EncodeError, GsmDecodeError};
pub use gmm::GmmMessage;
pub use gsm::{GsmHeader, GsmMessage, GsmPdu};
pub use header::{Envelope, Protected, SecurityHeaderType};
pub use security::{
    Algorithms, CipheringAlgorithm, CountExhausted, IntegrityAlgorithm, NasCount, NasKeys, Plain, SecurityContext,
    Side, UnprotectError,
};

/// Extended protocol discriminator of 5GMM.
pub const EPD_5GMM: u8 = 0x7e;
/// Extended protocol discriminator of 5GSM.
pub const EPD_5GSM: u8 = 0x2e;
