//! TS 38.413 clause 10: what is wrong with a message, and what is answered.

use oxirush_ngap::build_ngap;
use oxirush_ngap::ngap::{self as asn, Criticality as C, NGAP_PDU, ProtocolIEField, ProtocolIEID};

use crate::sample::{Sample, Seed};
use crate::wire::Wire;
use crate::*;

/// A valid message of type `T`, as a PDU to be spoilt.
fn pdu_of<T: Sample + Into<Message>>() -> NGAP_PDU {
    let message: Message = T::sample(&mut Seed(1)).into();
    NGAP_PDU::decode(&message.encode().unwrap()).unwrap()
}

/// Receives the PDU with its IEs changed by `spoil`.
fn spoilt(pdu: &NGAP_PDU, spoil: impl FnOnce(&mut Vec<ProtocolIEField<'static>>)) -> Result<Received, DecodeError> {
    let mut pdu = pdu.clone();
    let mut ies = pdu.protocol_ies().unwrap().into_owned();
    spoil(&mut ies.0);
    pdu.set_protocol_ies(ies).unwrap();
    receive(&pdu.encode().unwrap())
}

fn unknown(id: u16, criticality: C) -> ProtocolIEField<'static> {
    ProtocolIEField::new(ProtocolIEID(id), criticality, vec![0].into())
}

fn cause_of(answer: Option<Message>) -> (Cause, CriticalityDiagnostics) {
    match answer.expect("an answer") {
        Message::ErrorIndication(m) => (m.cause.unwrap(), m.criticality_diagnostics.unwrap_or_default()),
        Message::NgSetupFailure(m) => (m.cause, m.criticality_diagnostics.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn octets_that_are_no_pdu_are_a_transfer_syntax_error() {
    for octets in [&[][..], &[0x00], &[0xff; 40], &[0x00, 0x15, 0x00, 0x05, 0x00]] {
        let error = receive(octets).unwrap_err();
        assert_eq!(error.fault, Fault::TransferSyntax);
        let (cause, _) = cause_of(error.answer());
        assert_eq!(cause, Cause::Protocol(CauseProtocol::TransferSyntaxError));
    }
}

#[test]
fn a_message_over_the_limit_is_not_looked_at() {
    let error = receive(&vec![0; MAX_MESSAGE_LEN + 1]).unwrap_err();
    assert_eq!(error.fault, Fault::TooLong);
    assert!(error.answer().is_some());
}

#[test]
fn a_missing_ie_of_criticality_reject_fails_the_procedure_and_is_named() {
    let request = pdu_of::<NgSetupRequest>();
    let error = spoilt(&request, |ies| ies.retain(|ie| ie.id.0 != 102)).unwrap_err();
    assert_eq!(error.fault, Fault::AbstractSyntaxReject);
    let (cause, diagnostics) = cause_of(error.answer());
    assert_eq!(cause, Cause::Protocol(CauseProtocol::AbstractSyntaxErrorReject));
    let item = CriticalityDiagnosticsIeItem {
        ie_criticality: Criticality::Reject,
        ie_id: 102,
        type_of_error: TypeOfError::Missing,
    };
    assert_eq!(diagnostics.ies_criticality_diagnostics, Some(vec![item]));
    assert_eq!(diagnostics.procedure_code, None);
}

#[test]
fn a_missing_ie_of_criticality_ignore_has_its_default() {
    let request = pdu_of::<NgSetupRequest>();
    let received = spoilt(&request, |ies| ies.retain(|ie| ie.id.0 != 21)).unwrap();
    let Message::NgSetupRequest(request) = received.message else { panic!() };
    assert_eq!(request.default_paging_drx, PagingDrx::V128);
}

#[test]
fn a_procedure_without_an_unsuccessful_outcome_gets_an_error_indication_with_both_ids() {
    let transport = pdu_of::<UplinkNasTransport>();
    let error = spoilt(&transport, |ies| ies.retain(|ie| ie.id.0 != 38)).unwrap_err();
    let Some(Message::ErrorIndication(indication)) = error.answer() else { panic!() };
    assert!(indication.amf_ue_ngap_id.is_some() && indication.ran_ue_ngap_id.is_some());
    let diagnostics = indication.criticality_diagnostics.unwrap();
    assert_eq!(diagnostics.procedure_code, Some(ProcedureCode(46)));
    assert_eq!(diagnostics.triggering_message, Some(TriggeringMessage::InitiatingMessage));
}

#[test]
fn unknown_ies_are_treated_by_their_criticality() {
    let request = pdu_of::<NgSetupRequest>();
    let plain = spoilt(&request, |_| ()).unwrap();
    let ignored = spoilt(&request, |ies| ies.push(unknown(9999, C::ignore))).unwrap();
    assert_eq!(ignored, plain);
    let notified = spoilt(&request, |ies| ies.insert(0, unknown(9999, C::notify))).unwrap();
    assert_eq!(notified.message, plain.message);
    assert_eq!(notified.notify.len(), 1);
    assert_eq!(notified.notify[0].type_of_error, TypeOfError::NotUnderstood);
    let rejected = spoilt(&request, |ies| ies.push(unknown(9999, C::reject))).unwrap_err();
    assert_eq!(rejected.fault, Fault::AbstractSyntaxReject);
    assert!(matches!(rejected.answer(), Some(Message::NgSetupFailure(_))));
}

#[test]
fn repeated_and_reordered_ies_are_a_falsely_constructed_message() {
    let request = pdu_of::<NgSetupRequest>();
    let falsely = Cause::Protocol(CauseProtocol::AbstractSyntaxErrorFalselyConstructedMessage);
    let repeated = spoilt(&request, |ies| ies.push(ies[0].clone())).unwrap_err();
    assert_eq!(cause_of(repeated.answer()).0, falsely);
    let reordered = spoilt(&request, |ies| ies.reverse()).unwrap_err();
    assert_eq!(cause_of(reordered.answer()).0, falsely);
}

#[test]
fn a_cause_of_a_later_release_does_not_keep_a_release_request_from_being_served() {
    let request = pdu_of::<UeContextReleaseRequest>();
    let spoil = |ies: &mut Vec<ProtocolIEField<'static>>| {
        let cause = ies.iter_mut().find(|ie| ie.id.0 == 15).unwrap();
        cause.value = vec![0xff, 0xff].into();
    };
    let received = spoilt(&request, spoil).unwrap();
    let Message::UeContextReleaseRequest(request) = received.message else { panic!() };
    assert_eq!(request.cause, Cause::default());
}

#[test]
fn a_mandatory_ie_that_does_not_decode_is_a_transfer_syntax_error() {
    let transport = pdu_of::<UplinkNasTransport>();
    let spoil = |ies: &mut Vec<ProtocolIEField<'static>>| ies[0].value = vec![0xff; 9].into();
    let error = spoilt(&transport, spoil).unwrap_err();
    assert_eq!(error.fault, Fault::TransferSyntax);
    assert_eq!(error.amf_ue_ngap_id, None);
    assert!(matches!(error.answer(), Some(Message::ErrorIndication(_))));
}

#[test]
fn an_unknown_procedure_is_answered_by_its_criticality() {
    // Procedure 200, no IEs, with each criticality.
    for (octet, answered) in [(0x00, true), (0x40, false), (0x80, true)] {
        let octets = [0x00, 200, octet, 0x03, 0x00, 0x00, 0x00];
        let Ok(Message::Unsupported(unsupported)) = decode(&octets) else { panic!() };
        assert_eq!(unsupported.procedure_code, ProcedureCode(200));
        assert_eq!(unsupported.answer().is_some(), answered);
    }
}

#[test]
fn a_known_procedure_without_a_type_is_unsupported_with_its_ue() {
    let pdu = build_ngap!(
        InitiatingMessage,
        HandoverCancel,
        HandoverCancel,
        AMF_UE_NGAP_ID(5u64),
        RAN_UE_NGAP_ID(6u32),
        Cause(asn::Cause::radioNetwork(asn::CauseRadioNetwork::handover_cancelled)),
    );
    let octets = pdu.unwrap().encode().unwrap();
    let Ok(Message::Unsupported(unsupported)) = decode(&octets) else { panic!() };
    assert_eq!(unsupported.amf_ue_ngap_id, AmfUeNgapId::new(5));
    assert_eq!(unsupported.criticality, Criticality::Reject);
}

#[test]
fn faulty_outcomes_and_error_indications_are_not_answered() {
    let response = pdu_of::<InitialContextSetupResponse>();
    let error = spoilt(&response, |ies| ies.push(unknown(9999, C::reject))).unwrap_err();
    assert_eq!(error.answer(), None);
    let indication = pdu_of::<ErrorIndication>();
    let error = spoilt(&indication, |ies| ies.push(unknown(9999, C::reject))).unwrap_err();
    assert_eq!(error.answer(), None);
}

#[test]
fn an_amf_ue_ngap_id_of_more_than_40_bits_does_not_exist() {
    assert_eq!(AmfUeNgapId::new(1 << 40), None);
    assert!(AmfUeNgapId::from_wire(asn::AMFUENGAPID(1 << 40)).is_err());
}

#[test]
fn lists_longer_than_the_asn1_bound_are_refused_by_the_encoder() {
    let areas = |count| {
        let request = NgSetupRequest {
            supported_ta_list: vec![Sample::sample(&mut Seed(3)); count],
            ..Sample::sample(&mut Seed(3))
        };
        Message::from(request).encode()
    };
    assert!(areas(256).is_ok());
    assert!(areas(257).is_err());
    assert!(areas(0).is_err());
}
