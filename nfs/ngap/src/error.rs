//! What can be wrong with octets from a peer, or with a message of our own.

use std::fmt;

use crate::cause::{Cause, CauseProtocol};
use crate::diagnostics::{
    Criticality, CriticalityDiagnostics, CriticalityDiagnosticsIeItem, ProcedureCode, TriggeringMessage,
};
use crate::ids::{AmfUeNgapId, RanUeNgapId};

/// Our own fault: a message with a value that its IE cannot carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot encode {message}: {reason}")]
pub struct EncodeError {
    /// The message or container.
    pub message: &'static str,
    /// What does not fit.
    pub reason: String,
}

/// The classes of TS 38.413 clause 10, each with the cause of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More octets than any message we accept: not looked at, answered as a transfer syntax error.
    TooLong,
    /// The octets, or those of a needed IE, are no encoding of their type (clause 10.2).
    TransferSyntax,
    /// An IE of criticality reject is missing or not comprehended (clauses 10.3.4.2, 10.3.5).
    AbstractSyntaxReject,
    /// IEs in a wrong order or too often (clause 10.3.6).
    FalselyConstructed,
}

/// The peer's fault: octets that are no message to act on, with what clause 10 needs for the
/// answer. [`answer`](Self::answer) builds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The class of error.
    pub fault: Fault,
    /// The procedure, once that much could be read.
    pub procedure_code: Option<ProcedureCode>,
    /// Which message of the procedure.
    pub triggering_message: Option<TriggeringMessage>,
    /// The criticality it came with.
    pub procedure_criticality: Option<Criticality>,
    /// The AMF UE NGAP ID in it, if there is one that can be read.
    pub amf_ue_ngap_id: Option<AmfUeNgapId>,
    /// The RAN UE NGAP ID in it, if there is one that can be read.
    pub ran_ue_ngap_id: Option<RanUeNgapId>,
    /// The IEs of criticality reject or notify at fault.
    pub ies: Vec<CriticalityDiagnosticsIeItem>,
    /// What is wrong, for a log line.
    pub detail: String,
}

impl DecodeError {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            procedure_code: None,
            triggering_message: None,
            procedure_criticality: None,
            amf_ue_ngap_id: None,
            ran_ue_ngap_id: None,
            ies: Vec::new(),
            detail: detail.into(),
        }
    }

    /// The protocol cause of the answer.
    pub fn cause(&self) -> Cause {
        Cause::Protocol(match self.fault {
            Fault::TooLong | Fault::TransferSyntax => CauseProtocol::TransferSyntaxError,
            Fault::AbstractSyntaxReject => CauseProtocol::AbstractSyntaxErrorReject,
            Fault::FalselyConstructed => CauseProtocol::AbstractSyntaxErrorFalselyConstructedMessage,
        })
    }

    /// Criticality Diagnostics for an Error Indication: with the procedure and its message.
    pub fn diagnostics_for_error_indication(&self) -> Option<CriticalityDiagnostics> {
        self.procedure_code?;
        Some(CriticalityDiagnostics {
            procedure_code: self.procedure_code,
            triggering_message: self.triggering_message,
            ..self.diagnostics_for_outcome()
        })
    }

    /// Criticality Diagnostics for an outcome of the procedure itself: the IEs alone.
    pub fn diagnostics_for_outcome(&self) -> CriticalityDiagnostics {
        CriticalityDiagnostics {
            procedure_code: None,
            triggering_message: None,
            procedure_criticality: self.procedure_criticality,
            ies_criticality_diagnostics: (!self.ies.is_empty()).then(|| self.ies.clone()),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.detail)
    }
}

impl std::error::Error for DecodeError {}
