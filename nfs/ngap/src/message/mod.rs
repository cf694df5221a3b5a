//! The NGAP messages: which there are, and their way from and to octets.

pub(crate) mod ie;

pub(crate) mod interface;
pub(crate) mod nas_transport;
pub(crate) mod pdu_session;
pub(crate) mod ran_transfer;
pub(crate) mod ue_context;

use bytes::Bytes;
use oxirush_ngap::ngap::NGAPPDU;
use oxirush_ngap::{NgapPduKind, ie as asn_ie};

use crate::diagnostics::{Criticality, ProcedureCode, TriggeringMessage};
use crate::error::EncodeError;
use crate::ids::{AmfUeNgapId, RanUeNgapId};
use ie::{Body, Faulty};
use {interface::*, nas_transport::*, pdu_session::*, ran_transfer::*, ue_context::*};

/// A message of a procedure that this crate has no type for, or that TS 38.413 has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The procedure.
    pub procedure_code: ProcedureCode,
    /// Which message of the procedure.
    pub triggering_message: TriggeringMessage,
    /// What the sender wants done about it.
    pub criticality: Criticality,
    /// The AMF UE NGAP ID in it, if there is one that can be read.
    pub amf_ue_ngap_id: Option<AmfUeNgapId>,
    /// The RAN UE NGAP ID in it, if there is one that can be read.
    pub ran_ue_ngap_id: Option<RanUeNgapId>,
}

impl Unsupported {
    pub(crate) fn of(pdu: &NGAPPDU<'_>) -> Self {
        Self {
            procedure_code: ProcedureCode(pdu.procedure_code()),
            triggering_message: triggering_message(pdu),
            criticality: criticality(pdu),
            amf_ue_ngap_id: ie::optional::<asn_ie::AMF_UE_NGAP_ID, _>(pdu).ok().flatten(),
            ran_ue_ngap_id: ie::optional::<asn_ie::RAN_UE_NGAP_ID, _>(pdu).ok().flatten(),
        }
    }
}

/// Which of the three kinds of message a PDU is.
pub(crate) fn triggering_message(pdu: &NGAPPDU<'_>) -> TriggeringMessage {
    match pdu.direction() {
        "SuccessfulOutcome" => TriggeringMessage::SuccessfulOutcome,
        "UnsuccessfulOutcome" => TriggeringMessage::UnsuccessfulOutcome,
        _ => TriggeringMessage::InitiatingMessage,
    }
}

/// The criticality a PDU came with.
pub(crate) fn criticality(pdu: &NGAPPDU<'_>) -> Criticality {
    match pdu.criticality() {
        oxirush_ngap::ngap::Criticality::reject => Criticality::Reject,
        oxirush_ngap::ngap::Criticality::ignore => Criticality::Ignore,
        oxirush_ngap::ngap::Criticality::notify => Criticality::Notify,
    }
}

/// Declares the enum of all messages and its way from and to PDUs.
macro_rules! message_enum {
    ($($Name:ident = $Kind:ident,)*) => {
        /// Any NGAP message.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant)]
        pub enum Message {
            $(#[doc = concat!("See [`", stringify!($Name), "`].")] $Name($Name),)*
            /// Anything else, which the receiver answers by its criticality (clause 10.3.4.1).
            Unsupported(Unsupported),
        }

        impl Message {
            /// The name of the message's type, for logs, spans and metrics.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Name(_) => stringify!($Name),)*
                    Self::Unsupported(_) => "Unsupported",
                }
            }

            /// One message of each type.
            #[cfg(test)]
            pub(crate) fn samples(seed: &mut crate::sample::Seed) -> Vec<Self> {
                vec![$(Self::$Name(crate::sample::Sample::sample(seed)),)*]
            }

            /// Whether this crate has a type for what `pdu` is.
            pub(crate) fn supports(pdu: &NGAPPDU<'_>) -> bool {
                matches!(pdu.kind(), $(NgapPduKind::$Kind)|*)
            }

            /// The message that `pdu` holds.
            pub(crate) fn read(pdu: &NGAPPDU<'_>) -> Result<Self, Faulty> {
                match pdu.kind() {
                    $(NgapPduKind::$Kind => $Name::read(pdu).map(Self::$Name),)*
                    _ => Ok(Self::Unsupported(Unsupported::of(pdu))),
                }
            }

            /// The octets of the message.
            ///
            /// # Errors
            /// A field that its IE cannot carry (an empty list, a number out of range), and
            /// [`Message::Unsupported`], which has no IEs.
            pub fn encode(&self) -> Result<Bytes, EncodeError> {
                let pdu = match self {
                    $(Self::$Name(message) => message.write()?,)*
                    Self::Unsupported(_) => {
                        let reason = "a message without a type".to_owned();
                        return Err(EncodeError { message: "Unsupported", reason });
                    }
                };
                pdu.encode().map(Bytes::from).map_err(ie::unencodable(self.name()))
            }
        }
    };
}

message_enum! {
    AmfConfigurationUpdate = Initiating_AMFConfigurationUpdate,
    AmfConfigurationUpdateAcknowledge = Successful_AMFConfigurationUpdate,
    AmfConfigurationUpdateFailure = Unsuccessful_AMFConfigurationUpdate,
    DownlinkNasTransport = Initiating_DownlinkNASTransport,
    DownlinkRanConfigurationTransfer = Initiating_DownlinkRANConfigurationTransfer,
    ErrorIndication = Initiating_ErrorIndication,
    InitialContextSetupRequest = Initiating_InitialContextSetup,
    InitialContextSetupResponse = Successful_InitialContextSetup,
    InitialContextSetupFailure = Unsuccessful_InitialContextSetup,
    InitialUeMessage = Initiating_InitialUEMessage,
    NasNonDeliveryIndication = Initiating_NASNonDeliveryIndication,
    NgReset = Initiating_NGReset,
    NgResetAcknowledge = Successful_NGReset,
    NgSetupRequest = Initiating_NGSetup,
    NgSetupResponse = Successful_NGSetup,
    NgSetupFailure = Unsuccessful_NGSetup,
    OverloadStart = Initiating_OverloadStart,
    OverloadStop = Initiating_OverloadStop,
    Paging = Initiating_Paging,
    PduSessionResourceModifyRequest = Initiating_PDUSessionResourceModify,
    PduSessionResourceModifyResponse = Successful_PDUSessionResourceModify,
    PduSessionResourceNotify = Initiating_PDUSessionResourceNotify,
    PduSessionResourceReleaseCommand = Initiating_PDUSessionResourceRelease,
    PduSessionResourceReleaseResponse = Successful_PDUSessionResourceRelease,
    PduSessionResourceSetupRequest = Initiating_PDUSessionResourceSetup,
    PduSessionResourceSetupResponse = Successful_PDUSessionResourceSetup,
    RanConfigurationUpdate = Initiating_RANConfigurationUpdate,
    RanConfigurationUpdateAcknowledge = Successful_RANConfigurationUpdate,
    RanConfigurationUpdateFailure = Unsuccessful_RANConfigurationUpdate,
    UeContextModificationRequest = Initiating_UEContextModification,
    UeContextModificationResponse = Successful_UEContextModification,
    UeContextModificationFailure = Unsuccessful_UEContextModification,
    UeContextReleaseCommand = Initiating_UEContextRelease,
    UeContextReleaseComplete = Successful_UEContextRelease,
    UeContextReleaseRequest = Initiating_UEContextReleaseRequest,
    UeRadioCapabilityInfoIndication = Initiating_UERadioCapabilityInfoIndication,
    UplinkNasTransport = Initiating_UplinkNASTransport,
    UplinkRanConfigurationTransfer = Initiating_UplinkRANConfigurationTransfer,
}
