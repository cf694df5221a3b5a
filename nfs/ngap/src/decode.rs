//! From octets to a message, with every check of TS 38.413 clause 10 that needs no state.

use oxirush_ngap::Deviation;
use oxirush_ngap::ngap::NGAPPDU;

use crate::diagnostics::{Criticality, CriticalityDiagnosticsIeItem, ProcedureCode, TypeOfError};
use crate::error::{DecodeError, Fault};
use crate::message::ie::{Faulty, received_criticality};
use crate::message::{Message, Unsupported, criticality, triggering_message};
use crate::wire::Wire;

/// The most octets of a message that is looked at. The largest legitimate ones carry a UE radio
/// capability of some ten thousand octets.
pub const MAX_MESSAGE_LEN: usize = 65_536;

/// A message, and what of it was ignored but is to be reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// IEs of criticality notify that were not comprehended: the outcome of the procedure, or an
    /// Error Indication if it has none, reports them (clause 10.3.4.2).
    pub notify: Vec<CriticalityDiagnosticsIeItem>,
}

/// The message that `octets` are.
///
/// # Errors
/// What clause 10 has the receiver answer: see [`DecodeError`].
pub fn decode(octets: &[u8]) -> Result<Message, DecodeError> {
    receive(octets).map(|received| received.message)
}

/// The message that `octets` are, with the IEs that the sender wants to be told about.
///
/// # Errors
/// What clause 10 has the receiver answer: see [`DecodeError`].
pub fn receive(octets: &[u8]) -> Result<Received, DecodeError> {
    if octets.len() > MAX_MESSAGE_LEN {
        let detail = format!("{} octets are more than a message has", octets.len());
        return Err(DecodeError::new(Fault::TooLong, detail));
    }
    let pdu =
        NGAPPDU::decode_borrowed(octets).map_err(|error| DecodeError::new(Fault::TransferSyntax, error.to_string()))?;
    if !Message::supports(&pdu) {
        let message = Message::Unsupported(Unsupported::of(&pdu));
        return Ok(Received { message, notify: Vec::new() });
    }
    let deviations = pdu.check_structure().map_err(|error| about(&pdu, Fault::TransferSyntax, error.to_string()))?;
    let notify = check(&pdu, &deviations)?;
    match Message::read(&pdu) {
        Ok(message) => Ok(Received { message, notify }),
        Err(faulty) => Err(unreadable(&pdu, &faulty)),
    }
}

/// An error about a PDU whose envelope was read.
fn about(pdu: &NGAPPDU<'_>, fault: Fault, detail: impl Into<String>) -> DecodeError {
    let known = Unsupported::of(pdu);
    DecodeError {
        procedure_code: Some(ProcedureCode(pdu.procedure_code())),
        triggering_message: Some(triggering_message(pdu)),
        procedure_criticality: Some(criticality(pdu)),
        amf_ue_ngap_id: known.amf_ue_ngap_id,
        ran_ue_ngap_id: known.ran_ue_ngap_id,
        ..DecodeError::new(fault, detail)
    }
}

/// The item of Criticality Diagnostics for a deviation that is reported.
fn item(deviation: &Deviation) -> Option<CriticalityDiagnosticsIeItem> {
    deviation.diagnostics_item().and_then(|item| Wire::from_wire(item).ok())
}

/// Refuses a message whose IEs are not those of its object set, unless what is wrong may be
/// ignored; gives the IEs to notify the sender of.
fn check(pdu: &NGAPPDU<'_>, deviations: &[Deviation]) -> Result<Vec<CriticalityDiagnosticsIeItem>, DecodeError> {
    let reported: Vec<_> = deviations.iter().filter_map(item).take(256).collect();
    let falsely_constructed = deviations
        .iter()
        .find(|deviation| matches!(deviation, Deviation::RepeatedIe { .. } | Deviation::OutOfOrder { .. }));
    let rejected = || {
        let reject = |item: &CriticalityDiagnosticsIeItem| item.ie_criticality == Criticality::Reject;
        deviations.iter().find(|deviation| item(deviation).as_ref().is_some_and(reject))
    };
    let fault = match falsely_constructed {
        Some(deviation) => Some((Fault::FalselyConstructed, deviation)),
        None => rejected().map(|deviation| (Fault::AbstractSyntaxReject, deviation)),
    };
    match fault {
        Some((fault, deviation)) => Err(DecodeError { ies: reported, ..about(pdu, fault, deviation.to_string()) }),
        None => Ok(reported),
    }
}

/// The error for an IE that is needed and cannot be had. A missing one of criticality reject was
/// found by the structure check, so one that comes here is what this crate cannot do without.
fn unreadable(pdu: &NGAPPDU<'_>, faulty: &Faulty) -> DecodeError {
    let (fault, id, name, what, type_of_error) = match faulty {
        Faulty::Missing { ie, id } => (Fault::AbstractSyntaxReject, *id, ie, "is missing", TypeOfError::Missing),
        Faulty::Undecodable { ie, id } => {
            (Fault::TransferSyntax, *id, ie, "does not decode", TypeOfError::NotUnderstood)
        }
    };
    let ie_criticality = match received_criticality(pdu, id) {
        Some(Criticality::Notify) => Criticality::Notify,
        _ => Criticality::Reject,
    };
    let item = CriticalityDiagnosticsIeItem { ie_criticality, ie_id: id, type_of_error };
    DecodeError { ies: vec![item], ..about(pdu, fault, format!("{name} (IE {id}) {what}")) }
}
