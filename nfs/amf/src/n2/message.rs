//! Which UE a message says it is about.

use ngap::{AmfUeNgapId, Message, RanUeNgapId};

/// What an AMF does with a message, by its type alone.
pub(super) enum Class {
    /// Belongs to the UE with these identifiers.
    Ue(AmfUeNgapId, RanUeNgapId),
    /// Concerns the interface.
    Interface,
    /// Is an initiating message that only an AMF sends.
    Misdirected,
    /// Is an outcome of a procedure that this AMF did not start: ignored.
    Unasked,
}

/// Lists the message types that carry both identifiers.
macro_rules! ue_associated {
    ($message:expr; $($kind:ident),+; $rest:expr) => {
        match $message {
            $(Message::$kind(message) => Class::Ue(message.amf_ue_ngap_id, message.ran_ue_ngap_id),)+
            _ => $rest,
        }
    };
}

/// Sorts a message.
pub(super) fn classify(message: &Message) -> Class {
    ue_associated!(message;
        UplinkNasTransport, InitialContextSetupResponse, InitialContextSetupFailure,
        PduSessionResourceSetupResponse, PduSessionResourceReleaseResponse, PduSessionResourceModifyResponse,
        PduSessionResourceNotify, UeContextReleaseRequest, UeContextReleaseComplete,
        UeContextModificationResponse, UeContextModificationFailure, UeRadioCapabilityInfoIndication,
        NasNonDeliveryIndication;
        without_ue(message))
}

fn without_ue(message: &Message) -> Class {
    match message {
        Message::NgSetupRequest(_)
        | Message::RanConfigurationUpdate(_)
        | Message::NgReset(_)
        | Message::NgResetAcknowledge(_)
        | Message::ErrorIndication(_)
        | Message::InitialUeMessage(_)
        | Message::UplinkRanConfigurationTransfer(_)
        | Message::Unsupported(_) => Class::Interface,
        Message::NgSetupResponse(_)
        | Message::NgSetupFailure(_)
        | Message::RanConfigurationUpdateAcknowledge(_)
        | Message::RanConfigurationUpdateFailure(_)
        | Message::AmfConfigurationUpdateAcknowledge(_)
        | Message::AmfConfigurationUpdateFailure(_) => Class::Unasked,
        _ => Class::Misdirected,
    }
}
