//! Nudm_UEAuthentication: vectors and events (TS 29.503 6.3.6).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use crate::{DateTime, HexOctets, SecretHex, Supi};

open_enum! {
    /// Method of authentication (TS 29.503 6.3.6.3.2).
    AuthType {
        FiveGAka = "5G_AKA",
        EapAkaPrime = "EAP_AKA_PRIME",
        EapTls = "EAP_TLS",
    }
}

open_enum! {
    /// Kind of a vector (TS 29.503 6.3.6.3.3).
    AvType {
        FiveGHeAka = "5G_HE_AKA",
        EapAkaPrime = "EAP_AKA_PRIME",
    }
}

/// What a UE answered that wants another SQN (TS 29.503 6.3.6.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResynchronizationInfo {
    /// RAND of the challenge it refused.
    pub rand: HexOctets<16>,
    /// AUTS.
    pub auts: HexOctets<14>,
}

/// Request for a vector (TS 29.503 6.3.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationInfoRequest {
    /// `5G:mncXXX.mccXXX.3gppnetwork.org`.
    pub serving_network_name: String,
    /// Where the UE asked to resynchronise.
    pub resynchronization_info: Option<ResynchronizationInfo>,
    /// The AUSF.
    pub ausf_instance_id: Uuid,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

/// 5G home environment authentication vector (TS 29.503 6.3.6.2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationVector {
    /// [`AvType::FiveGHeAka`].
    pub av_type: AvType,
    /// The challenge.
    pub rand: HexOctets<16>,
    /// The answer expected.
    pub xres_star: SecretHex<16>,
    /// The network's proof.
    pub autn: HexOctets<16>,
    /// KAUSF.
    pub kausf: SecretHex<32>,
}

/// A vector, and whose it is (TS 29.503 6.3.6.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationInfoResult {
    /// Method the subscriber uses.
    pub auth_type: AuthType,
    /// The vector.
    pub authentication_vector: Option<AuthenticationVector>,
    /// The SUPI, where the request had a SUCI.
    pub supi: Option<Supi>,
    /// Features both support.
    pub supported_features: Option<String>,
}

/// Outcome of an authentication (TS 29.503 6.3.6.2.7).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthEvent {
    /// The AUSF.
    pub nf_instance_id: Uuid,
    /// Whether it succeeded.
    pub success: bool,
    /// When.
    pub time_stamp: DateTime,
    /// How.
    pub auth_type: AuthType,
    /// For which network.
    pub serving_network_name: String,
    /// True: the result is to be forgotten.
    pub auth_removal_ind: Option<bool>,
}
