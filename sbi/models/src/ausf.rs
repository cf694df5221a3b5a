//! Nausf_UEAuthentication (TS 29.509).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use crate::udm::{AuthType, ResynchronizationInfo};
use crate::{HexOctets, Pei, SecretHex, Supi, SupiOrSuci};

/// Request to authenticate a UE (TS 29.509 6.1.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationInfo {
    /// Who, as the UE said it or as it is known from before.
    pub supi_or_suci: SupiOrSuci,
    /// `5G:mncXXX.mccXXX.3gppnetwork.org`.
    pub serving_network_name: String,
    /// Where the UE asked to resynchronise.
    pub resynchronization_info: Option<ResynchronizationInfo>,
    /// The equipment.
    pub pei: Option<Pei>,
    /// For finding the UDM.
    pub routing_indicator: Option<String>,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

impl AuthenticationInfo {
    /// A first request.
    pub fn new(supi_or_suci: SupiOrSuci, serving_network_name: String) -> Self {
        Self {
            supi_or_suci,
            serving_network_name,
            resynchronization_info: None,
            pei: None,
            routing_indicator: None,
            supported_features: None,
        }
    }
}

/// 5G serving environment authentication vector (TS 29.509 6.1.6.2.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Av5gAka {
    /// The challenge.
    pub rand: HexOctets<16>,
    /// The network's proof.
    pub autn: HexOctets<16>,
    /// Hash of the answer expected.
    pub hxres_star: HexOctets<16>,
}

/// A link to a resource (TS 29.571 `LinksValueSchema`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Absolute URI.
    pub href: String,
}

/// An authentication under way (TS 29.509 6.1.6.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UeAuthenticationCtx {
    /// Method.
    pub auth_type: AuthType,
    /// The challenge.
    #[serde(rename = "5gAuthData")]
    pub auth_data: Av5gAka,
    /// `5g-aka`: where the answer goes.
    #[serde(rename = "_links")]
    pub links: BTreeMap<String, Link>,
    /// The serving network.
    pub serving_network_name: Option<String>,
}

/// The UE's answer (TS 29.509 6.1.6.2.4); null where there was none or it was wrong in the AMF already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmationData {
    /// RES*.
    pub res_star: Option<HexOctets<16>>,
}

open_enum! {
    /// Outcome of an authentication (TS 29.509 6.1.6.3.2).
    AuthResult {
        Success = "AUTHENTICATION_SUCCESS",
        Failure = "AUTHENTICATION_FAILURE",
        Ongoing = "AUTHENTICATION_ONGOING",
    }
}

/// Outcome and, after success, identity and key (TS 29.509 6.1.6.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmationDataResponse {
    /// The outcome.
    pub auth_result: AuthResult,
    /// Who it is.
    pub supi: Option<Supi>,
    /// KSEAF.
    pub kseaf: Option<SecretHex<32>>,
}
