//! NGAP, the protocol between the NG-RAN and the AMF (TS 38.413), as owned Rust types.
//!
//! [`decode`] checks octets once: size, transfer syntax, presence, order and criticality of the
//! IEs. What it gives cannot fail afterwards; what it refuses says what clause 10 of the
//! specification has the receiver answer ([`DecodeError::answer`]). [`Message::encode`] is the way
//! back. The containers that SMF and RAN exchange through the AMF are in [`transfer`].
//!
//! Names are those of the specification. A field's presence is that of its table: mandatory IEs
//! are plain values, optional ones `Option`; a mandatory IE of criticality ignore that was not
//! understood is its type's default.

mod answer;
mod cause;
mod decode;
mod diagnostics;
mod error;
mod identity;
mod ids;
mod location;
mod message;
mod plmn;
mod qos;
mod ran_node;
#[cfg(test)]
mod sample;
mod security;
#[cfg(test)]
mod tests;
pub mod transfer;
mod tunnel;
mod wire;

pub use cause::{Cause, CauseMisc, CauseNas, CauseProtocol, CauseRadioNetwork, CauseTransport};
pub use decode::{MAX_MESSAGE_LEN, Received, decode, receive};
pub use diagnostics::{
    Criticality, CriticalityDiagnostics, CriticalityDiagnosticsIeItem, ProcedureCode, TriggeringMessage, TypeOfError,
};
pub use error::{DecodeError, EncodeError, Fault};
pub use identity::{AmfId, FiveGSTmsi, Guami, Snssai, Tac, Tai};
pub use ids::{AmfUeNgapId, PduSessionId, Qfi, RanUeNgapId};
pub use location::{TimeStamp, UserLocationInformation, UserLocationInformationEutra, UserLocationInformationNr};
pub use message::interface::*;
pub use message::nas_transport::*;
pub use message::pdu_session::*;
pub use message::ran_transfer::*;
pub use message::ue_context::*;
pub use message::{Message, Unsupported};
pub use plmn::{InvalidPlmn, PlmnId};
pub use qos::{
    AllocationAndRetentionPriority, NonDynamic5QiDescriptor, PduSessionAggregateMaximumBitRate, PreEmptionCapability,
    PreEmptionVulnerability, QosCharacteristics, QosFlowAddOrModifyRequestItem, QosFlowLevelQosParameters,
    QosFlowSetupRequestItem, QosFlowWithCauseItem, UeAggregateMaximumBitRate,
};
pub use ran_node::{EutraCellIdentity, EutraCgi, GlobalRanNodeId, GnbId, NgEnbId, NrCellIdentity, NrCgi};
pub use security::{MaskedImeisv, SecurityKey, UeSecurityCapabilities};
pub use tunnel::{GtpTunnel, TransportLayerAddress};

/// The SCTP payload protocol identifier of NGAP (TS 38.412 clause 7).
pub const PPID: u32 = 60;

/// The SCTP port of the AMF (TS 38.412 clause 7).
pub const PORT: u16 = 38412;

/// The octets of a message: [`Message::encode`] as a function.
///
/// # Errors
/// A field that its IE cannot carry.
pub fn encode(message: &Message) -> Result<bytes::Bytes, EncodeError> {
    message.encode()
}
