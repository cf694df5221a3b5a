//! The answers of TS 38.413 clause 10 to what cannot be processed, as one table.

use crate::cause::{Cause, CauseProtocol};
use crate::diagnostics::{Criticality, CriticalityDiagnostics, TriggeringMessage};
use crate::error::{DecodeError, Fault};
use crate::message::{Message, Unsupported};
use crate::{
    AmfConfigurationUpdateFailure, ErrorIndication, InitialContextSetupFailure, NgSetupFailure,
    RanConfigurationUpdateFailure, UeContextModificationFailure,
};

const AMF_CONFIGURATION_UPDATE: u8 = 0;
const ERROR_INDICATION: u8 = 9;
const INITIAL_CONTEXT_SETUP: u8 = 14;
const NG_SETUP: u8 = 21;
const RAN_CONFIGURATION_UPDATE: u8 = 35;
const UE_CONTEXT_MODIFICATION: u8 = 40;

impl DecodeError {
    /// The message to send back, if there is one to send.
    ///
    /// A faulty initiating message gets the unsuccessful outcome of its procedure, or an Error
    /// Indication where the procedure has none or its mandatory IEs are not known (clauses
    /// 10.3.4.2, 10.3.5, 10.3.6). A transfer syntax error gets an Error Indication (10.2). A
    /// faulty outcome ends its procedure locally, and an Error Indication is never answered by
    /// another (10.5).
    pub fn answer(&self) -> Option<Message> {
        let procedure = self.procedure_code.map(|code| code.0);
        if procedure == Some(ERROR_INDICATION) {
            return None;
        }
        let syntax = matches!(self.fault, Fault::TooLong | Fault::TransferSyntax);
        if syntax {
            return Some(self.error_indication());
        }
        if self.triggering_message != Some(TriggeringMessage::InitiatingMessage) {
            return None;
        }
        Some(self.unsuccessful_outcome(procedure?).unwrap_or_else(|| self.error_indication()))
    }

    fn error_indication(&self) -> Message {
        Message::ErrorIndication(ErrorIndication {
            amf_ue_ngap_id: self.amf_ue_ngap_id,
            ran_ue_ngap_id: self.ran_ue_ngap_id,
            cause: Some(self.cause()),
            criticality_diagnostics: self.diagnostics_for_error_indication(),
            five_g_s_tmsi: None,
        })
    }

    /// The unsuccessful outcome of the procedure, where there is one that can be built.
    fn unsuccessful_outcome(&self, procedure: u8) -> Option<Message> {
        let cause = self.cause();
        let criticality_diagnostics = Some(self.diagnostics_for_outcome());
        let ue = self.amf_ue_ngap_id.zip(self.ran_ue_ngap_id);
        Some(match (procedure, ue) {
            (NG_SETUP, _) => NgSetupFailure { cause, time_to_wait: None, criticality_diagnostics }.into(),
            (RAN_CONFIGURATION_UPDATE, _) => {
                RanConfigurationUpdateFailure { cause, time_to_wait: None, criticality_diagnostics }.into()
            }
            (AMF_CONFIGURATION_UPDATE, _) => {
                AmfConfigurationUpdateFailure { cause, time_to_wait: None, criticality_diagnostics }.into()
            }
            (INITIAL_CONTEXT_SETUP, Some((amf_ue_ngap_id, ran_ue_ngap_id))) => InitialContextSetupFailure {
                amf_ue_ngap_id,
                ran_ue_ngap_id,
                pdu_session_resource_failed_to_setup_list: None,
                cause,
                criticality_diagnostics,
            }
            .into(),
            (UE_CONTEXT_MODIFICATION, Some((amf_ue_ngap_id, ran_ue_ngap_id))) => {
                UeContextModificationFailure { amf_ue_ngap_id, ran_ue_ngap_id, cause, criticality_diagnostics }.into()
            }
            _ => return None,
        })
    }
}

impl Unsupported {
    /// The Error Indication for a procedure that is not comprehended, unless its criticality is
    /// ignore (clause 10.3.4.1).
    pub fn answer(&self) -> Option<Message> {
        let cause = match self.criticality {
            Criticality::Reject => CauseProtocol::AbstractSyntaxErrorReject,
            Criticality::Notify => CauseProtocol::AbstractSyntaxErrorIgnoreAndNotify,
            Criticality::Ignore => return None,
        };
        Some(Message::ErrorIndication(ErrorIndication {
            amf_ue_ngap_id: self.amf_ue_ngap_id,
            ran_ue_ngap_id: self.ran_ue_ngap_id,
            cause: Some(Cause::Protocol(cause)),
            criticality_diagnostics: Some(CriticalityDiagnostics {
                procedure_code: Some(self.procedure_code),
                triggering_message: Some(self.triggering_message),
                procedure_criticality: Some(self.criticality),
                ies_criticality_diagnostics: None,
            }),
            five_g_s_tmsi: None,
        }))
    }
}
