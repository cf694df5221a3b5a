//! Nudr_DataRepository: what the UDM keeps in the UDR (TS 29.505, TS 29.504).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use crate::udm::AuthType;
use crate::{HexOctets, PlmnId, SecretHex, Snssai};

open_enum! {
    /// How sequence numbers are made (TS 29.505 5.4.3).
    SqnScheme {
        General = "GENERAL",
        NonTimeBased = "NON_TIME_BASED",
        TimeBased = "TIME_BASED",
    }
}

/// A subscriber's sequence number (TS 29.505 5.4.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceNumber {
    /// How it is made.
    pub sqn_scheme: Option<SqnScheme>,
    /// The last one used: 48 bits.
    pub sqn: HexOctets<6>,
    /// Bits of IND.
    pub ind_length: Option<u8>,
}

/// What authenticating a subscriber takes (TS 29.505 5.4.2.2).
///
/// The keys travel unencrypted inside the protected interface to the UDM: there is no `protectionParameterId`. At rest the
/// UDR encrypts them.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationSubscription {
    /// Method.
    pub authentication_method: AuthType,
    /// K.
    pub enc_permanent_key: SecretHex<16>,
    /// OPc.
    pub enc_opc_key: SecretHex<16>,
    /// AMF, the authentication management field.
    pub authentication_management_field: HexOctets<2>,
    /// `milenage`.
    pub algorithm_id: Option<String>,
    /// SQN.
    pub sequence_number: SequenceNumber,
}

/// JSON pointer of the SQN inside [`AuthenticationSubscription`].
pub const SQN_POINTER: &str = "/sequenceNumber/sqn";

/// A serving network in a path: the digits of MCC and MNC (TS 29.505 `VarPlmnId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarPlmnId(pub PlmnId);

impl FromStr for VarPlmnId {
    type Err = crate::Malformed;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = text.split_at_checked(3);
        let (mcc, mnc) = split.ok_or(crate::Malformed { what: "servingPlmnId", rule: "must be five or six digits" })?;
        PlmnId::new(mcc, mnc).map(Self)
    }
}

impl fmt::Display for VarPlmnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.mcc(), self.0.mnc())
    }
}

/// Which session management data (TS 29.505 5.2.9.3.1); absent: all.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProvisionedSmDataQuery {
    /// Of this slice.
    pub single_nssai: Option<Snssai>,
    /// Of this DNN.
    pub dnn: Option<crate::Dnn>,
}

/// The SMFs that serve a subscriber's sessions (TS 29.505 `SmfRegList`).
pub type SmfRegList = Vec<crate::udm::SmfRegistration>;
