//! Criticality Diagnostics (TS 38.413 clause 9.3.1.3).

use oxirush_ngap::ngap;

use crate::wire::{Invalid, Wire, enumerated, lists, record};

enumerated! {
    /// What a receiver that does not comprehend an IE or a procedure is to do.
    Criticality = Criticality {
        /// Reject the procedure.
        Reject = reject,
        /// Go on without it.
        Ignore = ignore,
        /// Go on without it and report it.
        Notify = notify,
    }
}

enumerated! {
    /// Which message of the procedure the diagnostics are about, or was received.
    TriggeringMessage = TriggeringMessage {
        /// The initiating message.
        InitiatingMessage = initiating_message,
        /// The successful outcome.
        SuccessfulOutcome = successful_outcome,
        /// The unsuccessful outcome.
        UnsuccessfulOutcome = unsuccessful_outcome,
    }
}

enumerated! {
    /// What is wrong with an IE.
    TypeOfError = TypeOfError {
        /// Not comprehended.
        NotUnderstood = not_understood,
        /// Not there.
        Missing = missing,
    }
}

/// A procedure code (clause 9.3.4.1's elementary procedures), such as 21 for NG Setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcedureCode(pub u8);

impl Wire<ngap::ProcedureCode> for ProcedureCode {
    fn from_wire(wire: ngap::ProcedureCode) -> Result<Self, Invalid> {
        Ok(Self(wire.0))
    }
    fn to_wire(&self) -> Result<ngap::ProcedureCode, Invalid> {
        Ok(ngap::ProcedureCode(self.0))
    }
}

impl Wire<ngap::ProtocolIEID> for u16 {
    fn from_wire(wire: ngap::ProtocolIEID) -> Result<Self, Invalid> {
        Ok(wire.0)
    }
    fn to_wire(&self) -> Result<ngap::ProtocolIEID, Invalid> {
        Ok(ngap::ProtocolIEID(*self))
    }
}

record! {
    /// One IE of the received message that was missing or not understood.
    #[derive(Copy)]
    CriticalityDiagnosticsIeItem = CriticalityDiagnosticsIEItem {
        /// The criticality the receiver acted on: reject or notify.
        ie_criticality: Criticality,
        /// The protocol IE identifier.
        ie_id: u16,
        /// What was wrong.
        type_of_error: TypeOfError,
    }
}

lists! { CriticalityDiagnosticsIEList = CriticalityDiagnosticsIeItem, }

record! {
    /// Criticality Diagnostics: which procedure and which of its IEs were not comprehended.
    #[derive(Default)]
    CriticalityDiagnostics = CriticalityDiagnostics {
        /// The procedure, in an Error Indication.
        procedure_code: Option<ProcedureCode>,
        /// Its message, in an Error Indication.
        triggering_message: Option<TriggeringMessage>,
        /// The criticality of the procedure.
        procedure_criticality: Option<Criticality>,
        /// The IEs, at most 256; never an empty list.
        ies_criticality_diagnostics: Option<Vec<CriticalityDiagnosticsIeItem>>,
    }
}
