//! Access tokens (TS 29.510 6.3.5).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use super::NfType;
use crate::{PlmnId, Snssai};

/// The only grant there is between network functions (RFC 6749 4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";

/// A request for a token (TS 29.510 6.3.5.2.2), sent as a form.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessTokenReq {
    /// [`CLIENT_CREDENTIALS`].
    #[serde(rename = "grant_type")]
    pub grant_type: String,
    /// Who asks.
    pub nf_instance_id: Uuid,
    /// Its type; with it the token is for all of `target_nf_type`.
    pub nf_type: Option<NfType>,
    /// Type of the NF to be called.
    pub target_nf_type: Option<NfType>,
    /// Names of the services to be used, separated by spaces.
    pub scope: String,
    /// The one instance to be called.
    pub target_nf_instance_id: Option<Uuid>,
    /// Network of who asks.
    pub requester_plmn: Option<PlmnId>,
    /// Network of the NF to be called.
    pub target_plmn: Option<PlmnId>,
}

/// A token (TS 29.510 6.3.5.2.3). It is a secret: it has no `Debug`.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenRsp {
    /// The token, a signed JWT.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds it is good for.
    pub expires_in: Option<u64>,
    /// What it allows, where that is not what was asked for.
    pub scope: Option<String>,
}

open_enum! {
    /// Why there is no token (TS 29.510 6.3.5.2.5, RFC 6749 5.2).
    AccessTokenError {
        InvalidRequest = "invalid_request",
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        UnauthorizedClient = "unauthorized_client",
        UnsupportedGrantType = "unsupported_grant_type",
        InvalidScope = "invalid_scope",
    }
}

/// The body of a refusal (TS 29.510 6.3.5.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenErr {
    /// The reason, for programs.
    pub error: AccessTokenError,
    /// The reason, for people.
    pub error_description: Option<String>,
}

/// What a token says (TS 29.510 6.3.5.2.4).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessTokenClaims {
    /// The NRF that made it.
    pub iss: Uuid,
    /// The NF instance it was given to.
    pub sub: Uuid,
    /// Who may take it.
    pub aud: Audience,
    /// Names of the services it allows, separated by spaces.
    pub scope: String,
    /// When it ends, seconds since 1970.
    pub exp: u64,
    /// Network of who uses it.
    pub consumer_plmn_id: Option<PlmnId>,
    /// Network of who may take it.
    pub producer_plmn_id: Option<PlmnId>,
    /// Slices of who may take it.
    pub producer_snssai_list: Option<Vec<Snssai>>,
    /// Set of NFs that may take it.
    pub producer_nf_set_id: Option<String>,
}

impl AccessTokenClaims {
    /// Whether the service is among those allowed.
    pub fn allows(&self, service: &str) -> bool {
        self.scope.split(' ').any(|allowed| allowed == service)
    }
}

/// Whom a token is for: all NFs of a type, or some instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// These instances.
    Instances(Vec<Uuid>),
    /// Any of this type.
    Type(NfType),
}

impl Audience {
    /// Whether this instance is meant.
    pub fn includes(&self, nf_type: &NfType, instance: Uuid) -> bool {
        match self {
            Self::Instances(instances) => instances.contains(&instance),
            Self::Type(meant) => meant == nf_type,
        }
    }
}

/// Public keys of an NRF (RFC 7517 5), by which its tokens are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// A public key (RFC 7517 4, RFC 7518 6.2.1). Members for other kinds of key are ignored.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Kind of key: `EC`.
    pub kty: String,
    /// Curve: `P-256`.
    pub crv: Option<String>,
    /// Coordinates of the point, base64url.
    pub x: Option<String>,
    /// The other coordinate.
    pub y: Option<String>,
    /// The key's name in tokens.
    pub kid: Option<String>,
    /// Algorithm: `ES256`.
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use")]
    pub key_use: Option<String>,
}
