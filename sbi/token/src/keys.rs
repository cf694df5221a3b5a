//! The producers' side: what makes a token genuine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use sbi_models::nrf::{AccessTokenClaims, Jwk, JwkSet};

use crate::{ALGORITHM, Head};

/// Octets of the longest token that is looked at. Ours have about 400.
pub const LONGEST: usize = 4096;

/// Most keys taken of an NRF.
const MOST_KEYS: usize = 16;

/// Why a token is not taken. What it says of itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Longer than [`LONGEST`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url, or what is in them is not the JSON it should be.
    #[error("not a JSON Web Token")]
    Malformed,
    /// Not signed, or in a way that is not taken.
    #[error("not signed with ES256")]
    Algorithm,
    /// Signed by nobody we know: another NRF, or ours since it has a new key.
    #[error("signed with a key that is not our NRF's")]
    UnknownKey,
    /// The signature is not that of the text.
    #[error("the signature is wrong")]
    Signature,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
}

/// An NRF's public keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<(Option<String>, Vec<u8>)>);

impl Keys {
    /// The usable ones of a set: P-256 keys. Others are left out.
    pub fn new(set: &JwkSet) -> Self {
        Self(set.keys.iter().filter_map(read).take(MOST_KEYS).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a token says, if one of these keys signed it and it has not expired at `now`, in seconds since 1970.
    /// Audience and scope are for the caller to look at.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &[u8], now: u64) -> Result<AccessTokenClaims, Fault> {
        if token.len() > LONGEST {
            return Err(Fault::TooLong);
        }
        let token = std::str::from_utf8(token).map_err(|_| Fault::Malformed)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (head, claims) = signed.split_once('.').ok_or(Fault::Malformed)?;
        let head: Head = json(head)?;
        if head.alg != ALGORITHM || head.crit.is_some() {
            return Err(Fault::Algorithm);
        }
        let octets = BASE64URL.decode(signature).map_err(|_| Fault::Malformed)?;
        self.signature(head.kid.as_deref(), signed, &octets)?;
        // Only now is it worth reading: before, anybody may have written it.
        let claims: AccessTokenClaims = json(claims)?;
        if claims.exp > now { Ok(claims) } else { Err(Fault::Expired) }
    }

    /// Whether the key of this name signed a text. A name is optional in tokens and in keys (RFC 7515 4.1.4, RFC 7517 4.5): where one
    /// of them has none, any key may have.
    fn signature(&self, name: Option<&str>, signed: &str, octets: &[u8]) -> Result<(), Fault> {
        let genuine = |key: &[u8]| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed.as_bytes(), octets).is_ok()
        };
        let named = |key: &Option<String>| name.is_some() && key.as_deref() == name;
        if let Some((_, key)) = self.0.iter().find(|(key, _)| named(key)) {
            return if genuine(key) { Ok(()) } else { Err(Fault::Signature) };
        }
        let mut others = self.0.iter().filter(|(key, _)| name.is_none() || key.is_none());
        if others.any(|(_, key)| genuine(key)) { Ok(()) } else { Err(Fault::UnknownKey) }
    }
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Fault> {
    let text = BASE64URL.decode(part).map_err(|_| Fault::Malformed)?;
    serde_json::from_slice(&text).map_err(|_| Fault::Malformed)
}

/// Name and uncompressed point of a key.
fn read(key: &Jwk) -> Option<(Option<String>, Vec<u8>)> {
    let usable = key.kty == "EC" && key.crv.as_deref() == Some("P-256");
    let point = [&[4][..], &BASE64URL.decode(key.x.as_ref()?).ok()?, &BASE64URL.decode(key.y.as_ref()?).ok()?].concat();
    (usable && point.len() == 65).then_some((key.kid.clone(), point))
}
