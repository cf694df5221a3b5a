//! Access tokens of the service-based interface (TS 33.501 13.4.1, TS 29.510 6.3.5): JSON Web Tokens (RFC 7519) signed by the NRF
//! with ES256 (RFC 7515, RFC 7518 3.4).
//!
//! [`Signer`] makes them, [`Keys`] knows the genuine ones. Nothing here knows HTTP, and time is an argument.

mod keys;
mod signer;

pub use keys::{Fault, Keys, LONGEST};
pub use signer::{SignError, Signer};

/// The one algorithm. Whatever else a token names is refused, `none` above all.
const ALGORITHM: &str = "ES256";

/// The head of a token (RFC 7515 4.1). A head with `crit` asks for what is not understood here, so it is read to be refused.
#[derive(serde::Serialize, serde::Deserialize)]
struct Head {
    alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests;
