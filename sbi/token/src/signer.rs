//! The NRF's side: a key and what is signed with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::digest::{SHA256, digest};
use ring::pkcs8::Document;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair, KeyPair as _};
use sbi_models::nrf::{AccessTokenClaims, Jwk, JwkSet};

use crate::{ALGORITHM, Head};

/// Octets of a P-256 point as one of its two coordinates.
const COORDINATE: usize = 32;

/// Why a key or a token cannot be made. Nothing of a key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The octets are no PKCS #8 document of a P-256 key.
    #[error("not a PKCS #8 document of a P-256 key")]
    NotAKey,
    /// The system gave no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// Signs tokens.
pub struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    public: Jwk,
}

impl Signer {
    /// Makes a new private key, as a PKCS #8 document to be kept secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> Result<impl AsRef<[u8]> + use<>, SignError> {
        let document: Document =
            EcdsaKeyPair::generate_pkcs8(&P256, &SystemRandom::new()).map_err(|_| SignError::NoRandomness)?;
        Ok(document)
    }

    /// Signs with this key, a PKCS #8 document.
    ///
    /// # Errors
    /// It is none of a P-256 key.
    pub fn new(pkcs8: &[u8]) -> Result<Self, SignError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&P256, pkcs8, &random).map_err(|_| SignError::NotAKey)?;
        let public = public_key(pair.public_key().as_ref()).ok_or(SignError::NotAKey)?;
        Ok(Self { pair, random, public })
    }

    /// The token that says this.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn sign(&self, claims: &AccessTokenClaims) -> Result<String, SignError> {
        let head = Head { alg: ALGORITHM.into(), typ: Some("JWT".into()), kid: self.public.kid.clone(), crit: None };
        let part = |json: Result<Vec<u8>, _>| BASE64URL.encode(json.unwrap_or_default()); // plain structs: cannot fail
        let mut token = format!("{}.{}", part(serde_json::to_vec(&head)), part(serde_json::to_vec(claims)));
        let signature = self.pair.sign(&self.random, token.as_bytes()).map_err(|_| SignError::NoRandomness)?;
        token.push('.');
        BASE64URL.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What others need to know our tokens by.
    pub fn public_keys(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.public.kid)
    }
}

/// From an uncompressed point (SEC 1 2.3.3). Its name is its thumbprint (RFC 7638).
fn public_key(point: &[u8]) -> Option<Jwk> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(COORDINATE)?;
    let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some(Jwk {
        kty: "EC".into(),
        crv: Some("P-256".into()),
        kid: Some(BASE64URL.encode(digest(&SHA256, canonical.as_bytes()))),
        x: Some(x),
        y: Some(y),
        alg: Some(ALGORITHM.into()),
        key_use: Some("sig".into()),
    })
}
