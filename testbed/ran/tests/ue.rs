//! The UE machine against a scripted network.

mod scripted;

use aka::{Auts, Rand};
use nas::gmm::*;
use nas::gsm::*;
use nas::ie::*;
use nas::{Algorithms, CipheringAlgorithm, Envelope, GmmCause, GmmMessage, GsmCause, GsmMessage, IntegrityAlgorithm};
use proptest::prelude::*;
use ran::ue::{Command, Failure, Output, Procedure, SessionRequest};
use scripted::{AES, Script, guti};
use std::net::Ipv4Addr;
use std::time::Duration;

fn registration_request(message: GmmMessage) -> RegistrationRequest {
    match message {
        GmmMessage::RegistrationRequest(request) => *request,
        other => panic!("{}", other.name()),
    }
}

fn internet(id: u8) -> SessionRequest {
    SessionRequest { dnn: Dnn::new("internet"), slice: Some(SNssai::new(1, None)), ..SessionRequest::usual(id) }
}

#[test]
fn registration_by_suci_with_every_algorithm() {
    for integrity in [IntegrityAlgorithm::Nia1, IntegrityAlgorithm::Nia2, IntegrityAlgorithm::Nia3] {
        for ciphering in CipheringAlgorithm::ALL {
            let mut script = Script::new();
            script.command(Command::Register);
            let request = registration_request(script.heard());
            let MobileIdentity::Suci(suci) = request.identity else { panic!("{:?}", request.identity) };
            assert_eq!(suci.to_string(), "suci-0-999-70-0000-0-0-0000000001");
            assert!(request.requested_nssai.is_none(), "only cleartext elements travel unprotected");
            let challenge = script.challenge(0);
            script.say_plain(challenge);
            let response = script.heard();
            script.check_response(response);
            script.command_security(Algorithms { integrity, ciphering }, |_| {});
            let GmmMessage::SecurityModeComplete(complete) = script.heard() else { panic!() };
            assert!(complete.imeisv.is_some());
            let container = complete.nas_message_container.expect("the whole request");
            let whole = registration_request(GmmMessage::decode(&container).expect("a message"));
            assert_eq!(whole.requested_nssai, Some(Nssai(vec![SNssai::new(1, None)])));
            script.accept(7);
            assert!(matches!(script.heard(), GmmMessage::RegistrationComplete(_)));
            assert_eq!(script.finished(Procedure::Registration), Ok(()));
            assert_eq!(script.ue.s_tmsi(), Some(guti(7).s_tmsi));
        }
    }
}

#[test]
fn a_network_with_another_key_is_not_believed() {
    let mut script = Script::new();
    script.command(Command::Register);
    script.heard();
    let mut challenge = script.challenge(0);
    if let Some(autn) = &mut challenge.autn {
        autn[15] ^= 1;
    }
    script.say_plain(challenge);
    let GmmMessage::AuthenticationFailure(failure) = script.heard() else { panic!() };
    assert_eq!((failure.cause, failure.auts), (GmmCause::MacFailure, None));
    assert_eq!(script.finished(Procedure::Registration), Err(Failure::NetworkNotAuthentic));
}

#[test]
fn a_sequence_number_used_before_is_answered_with_auts() {
    let mut script = Script::new();
    script.command(Command::Register);
    script.heard();
    let first = script.challenge(0);
    script.say_plain(first.clone());
    script.heard();
    script.say_plain(first.clone());
    let GmmMessage::AuthenticationFailure(failure) = script.heard() else { panic!() };
    assert_eq!(failure.cause, GmmCause::SynchFailure);
    let auts = Auts::new(failure.auts.expect("AUTS"));
    let sqn_ms = Script::milenage().resynchronise(&Rand::new(first.rand.expect("RAND")), &auts).expect("verifies");
    assert_eq!(sqn_ms, script.sqn);
    script.sqn = sqn_ms.next();
    let fresh = script.challenge(1);
    script.say_plain(fresh);
    let response = script.heard();
    script.check_response(response);
}

#[test]
fn an_identity_request_is_answered_with_the_suci() {
    let mut script = Script::new();
    script.command(Command::Register);
    script.heard();
    script.say_plain(IdentityRequest::new(IdentityType::Suci));
    let GmmMessage::IdentityResponse(response) = script.heard() else { panic!() };
    assert!(matches!(response.identity, MobileIdentity::Suci(_)));
    script.say_plain(IdentityRequest::new(IdentityType::Imeisv));
    script.silent();
}

#[test]
fn security_mode_commands_that_are_not_acceptable() {
    let nia0 = Algorithms { integrity: IntegrityAlgorithm::Nia0, ciphering: CipheringAlgorithm::Nea0 };
    let edit = |command: &mut SecurityModeCommand| {
        command.replayed_security_capability = UeSecurityCapability::new(0x80, 0x40);
    };
    for (algorithms, edited) in [(nia0, false), (AES, true)] {
        let mut script = Script::new();
        script.command(Command::Register);
        script.heard();
        let challenge = script.challenge(0);
        script.say_plain(challenge);
        let response = script.heard();
        script.check_response(response);
        script.command_security(algorithms, |command| {
            if edited {
                edit(command)
            }
        });
        let GmmMessage::SecurityModeReject(reject) = script.heard() else { panic!() };
        assert_eq!(reject.cause, GmmCause::UeSecurityCapabilitiesMismatch);
        assert!(matches!(script.finished(Procedure::Registration), Err(Failure::SecurityMode(_))));
    }
}

#[test]
fn rejects_end_the_registration_with_their_cause() {
    let mut script = Script::new();
    script.command(Command::Register);
    script.heard();
    script.say_plain(RegistrationReject::new(GmmCause::PlmnNotAllowed));
    assert_eq!(script.finished(Procedure::Registration), Err(Failure::Refused(GmmCause::PlmnNotAllowed)));
    script.ue.handle_released();
    script.command(Command::Register);
    script.heard();
    script.say_plain(AuthenticationReject::new());
    assert_eq!(script.finished(Procedure::Registration), Err(Failure::AuthenticationRejected));
}

#[test]
fn what_is_not_protected_is_not_believed() {
    let mut script = Script::registered();
    let terminated =
        DeregistrationType { switch_off: false, reregistration_required: false, access: AccessType::ThreeGpp };
    script.say_plain(DeregistrationRequestUeTerminated::new(terminated));
    script.silent();
    assert!(script.ue.is_registered());
    // The same message, protected, twice: once is enough.
    let pdu = script.protected(ConfigurationUpdateCommand {
        indication: Some(ConfigurationUpdateIndication {
            acknowledgement_requested: true,
            registration_requested: false,
        }),
        guti: Some(guti(9)),
        ..ConfigurationUpdateCommand::new()
    });
    script.ue.handle_nas(script.now, &pdu);
    assert!(matches!(script.heard(), GmmMessage::ConfigurationUpdateComplete(_)));
    script.ue.handle_nas(script.now, &pdu);
    script.silent();
    assert_eq!(script.ue.s_tmsi(), Some(guti(9).s_tmsi));
}

#[test]
fn sessions_are_opened_one_after_the_other_and_released() {
    let mut script = Script::registered();
    for id in [1, 2] {
        script.command(Command::Establish(internet(id)));
        let (transport, pdu) = script.heard_session();
        assert_eq!((transport.pdu_session_id, transport.request_type), (Some(id), Some(RequestType::Initial)));
        assert_eq!(transport.dnn, Dnn::new("internet"));
        let GsmMessage::PduSessionEstablishmentRequest(_) = pdu.message else { panic!("{pdu:?}") };
        let address = Ipv4Addr::new(10, 45, 0, id);
        script.say_session(id, pdu.pti, accept(address));
        let Output::SessionUp(session) = script.output() else { panic!() };
        assert_eq!((session.id, session.address, session.mtu), (id, Some(PduAddress::Ipv4(address)), Some(1400)));
        assert_eq!(script.finished(Procedure::Session), Ok(()));
    }
    script.command(Command::Release(1));
    let (_, pdu) = script.heard_session();
    script.say_session(1, pdu.pti, PduSessionReleaseCommand::new(GsmCause::RegularDeactivation));
    let (_, complete) = script.heard_session();
    assert!(matches!(complete.message, GsmMessage::PduSessionReleaseComplete(_)));
    assert_eq!(script.output(), Output::SessionDown(1));
    assert_eq!(script.finished(Procedure::SessionRelease), Ok(()));
    script.command(Command::Release(1));
    assert!(matches!(script.finished(Procedure::SessionRelease), Err(Failure::State(_))));
}

/// The UE of a session 1 at this address.
fn with_session() -> Script {
    let mut script = Script::registered();
    script.command(Command::Establish(internet(1)));
    let (_, pdu) = script.heard_session();
    script.say_session(1, pdu.pti, accept(Ipv4Addr::new(10, 45, 0, 1)));
    assert!(matches!(script.output(), Output::SessionUp(_)));
    assert_eq!(script.finished(Procedure::Session), Ok(()));
    script
}

/// The UE asks for the session that it had once more.
fn asks_again(script: &mut Script) {
    let (transport, pdu) = script.heard_session();
    assert_eq!((transport.pdu_session_id, transport.dnn), (Some(1), Dnn::new("internet")));
    script.say_session(1, pdu.pti, accept(Ipv4Addr::new(10, 45, 0, 2)));
    let Output::SessionUp(session) = script.output() else { panic!() };
    assert_eq!(session.address, Some(PduAddress::Ipv4(Ipv4Addr::new(10, 45, 0, 2))));
    assert_eq!(script.finished(Procedure::Session), Ok(()));
    script.silent();
}

#[test]
fn a_session_that_the_network_has_lost_is_made_again() {
    let mut script = with_session();
    script.ue.handle_resources_released(script.now);
    let GmmMessage::ServiceRequest(request) = script.heard() else { panic!() };
    assert_eq!(request.uplink_data_status, Some([1].into_iter().collect()));
    script.say(ServiceAccept { pdu_session_status: Some(PduSessions::default()), ..ServiceAccept::new() });
    assert_eq!(script.output(), Output::SessionDown(1));
    assert_eq!(script.finished(Procedure::Service), Ok(()));
    asks_again(&mut script);
}

#[test]
fn a_session_that_the_network_wants_anew_is_made_again() {
    let mut script = with_session();
    script.say_session(1, 0, PduSessionReleaseCommand::new(GsmCause::ReactivationRequested));
    assert!(matches!(script.heard_session().1.message, GsmMessage::PduSessionReleaseComplete(_)));
    assert_eq!(script.output(), Output::SessionDown(1));
    asks_again(&mut script);
}

fn accept(address: Ipv4Addr) -> PduSessionEstablishmentAccept {
    let options = SessionOptions { mtu: Some(1400), ..SessionOptions::default() };
    PduSessionEstablishmentAccept {
        pdu_address: Some(PduAddress::Ipv4(address)),
        epco: EpcoRequest::usual().answer(&options),
        ..PduSessionEstablishmentAccept::new(
            PduSessionType::Ipv4,
            SscMode::Mode1,
            QosRules(vec![QosRule::match_all(1, 1)]),
            SessionAmbr { downlink_kbps: 1000, uplink_kbps: 1000 },
        )
    }
}

#[test]
fn sessions_are_refused_by_smf_or_amf() {
    let mut script = Script::registered();
    script.command(Command::Establish(internet(1)));
    let (_, pdu) = script.heard_session();
    script.say_session(1, pdu.pti, PduSessionEstablishmentReject::new(GsmCause::MissingOrUnknownDnn));
    let refused = Failure::SessionRefused(GsmCause::MissingOrUnknownDnn);
    assert_eq!(script.finished(Procedure::Session), Err(refused));
    script.command(Command::Establish(internet(1)));
    let (transport, _) = script.heard_session();
    let mut back = DlNasTransport::new(PayloadContainerType::N1SmInformation, transport.payload_container);
    back.cause = Some(GmmCause::PayloadNotForwarded);
    script.say(back);
    assert_eq!(script.finished(Procedure::Session), Err(Failure::Refused(GmmCause::PayloadNotForwarded)));
}

#[test]
fn deregistration_and_return_by_guti() {
    let mut script = Script::registered();
    script.command(Command::Deregister(false));
    assert!(matches!(script.heard(), GmmMessage::DeregistrationRequestUeOriginating(_)));
    script.say(DeregistrationAcceptUeOriginating::new());
    assert_eq!(script.finished(Procedure::Deregistration), Ok(()));
    // The connection is still there: the new registration waits for its release.
    script.command(Command::Register);
    script.silent();
    script.ue.handle_released();
    let Output::Connect { nas, s_tmsi, .. } = script.output() else { panic!() };
    assert_eq!(s_tmsi, Some(guti(1).s_tmsi));
    let Ok(Envelope::Protected(protected)) = Envelope::open(&nas) else { panic!("not protected") };
    let context = script.security.as_mut().expect("keys");
    let plain = context.unprotect(&protected).expect("verifies");
    let request = registration_request(GmmMessage::decode(&plain.octets).expect("a message"));
    assert_eq!(request.identity, MobileIdentity::Guti(guti(1)));
    let mut container = request.nas_message_container.expect("the whole request");
    context.decipher_container(plain.count, &mut container);
    let whole = registration_request(GmmMessage::decode(&container).expect("a message"));
    assert!(whole.requested_nssai.is_some());
    script.accept(2);
    assert!(matches!(script.heard(), GmmMessage::RegistrationComplete(_)));
    assert_eq!(script.finished(Procedure::Registration), Ok(()));
}

#[test]
fn the_network_ends_the_registration() {
    let mut script = Script::registered();
    let terminated =
        DeregistrationType { switch_off: false, reregistration_required: true, access: AccessType::ThreeGpp };
    script.say(DeregistrationRequestUeTerminated::new(terminated));
    assert!(matches!(script.heard(), GmmMessage::DeregistrationAcceptUeTerminated(_)));
    assert_eq!(script.output(), Output::DeregisteredByNetwork);
    assert!(!script.ue.is_registered());
}

#[test]
fn paging_is_answered_with_a_service_request() {
    let mut script = Script::registered().released();
    script.ue.handle_paging(script.now);
    let Output::Connect { nas, paged, .. } = script.output() else { panic!() };
    assert!(paged);
    let Ok(Envelope::Protected(protected)) = Envelope::open(&nas) else { panic!("not protected") };
    let context = script.security.as_mut().expect("keys");
    let plain = context.unprotect(&protected).expect("verifies");
    let Ok(GmmMessage::ServiceRequest(request)) = GmmMessage::decode(&plain.octets) else { panic!() };
    assert_eq!(request.service_type, ServiceType::MobileTerminatedServices);
    let mut container = request.nas_message_container.expect("the whole request");
    context.decipher_container(plain.count, &mut container);
    assert!(matches!(GmmMessage::decode(&container), Ok(GmmMessage::ServiceRequest(_))));
    script.say(ServiceAccept::new());
    assert_eq!(script.finished(Procedure::Service), Ok(()));
}

#[test]
fn a_network_that_knows_the_ue_no_more_makes_it_forget() {
    let mut script = Script::registered().released();
    script.command(Command::Service);
    script.pdu();
    script.say_plain(ServiceReject::new(GmmCause::UeIdentityCannotBeDerived));
    let refused = Failure::Refused(GmmCause::UeIdentityCannotBeDerived);
    assert_eq!(script.finished(Procedure::Service), Err(refused));
    assert_eq!((script.ue.is_registered(), script.ue.s_tmsi()), (false, None));
}

#[test]
fn silence_and_lost_connections_end_a_procedure() {
    let mut script = Script::new();
    script.command(Command::Register);
    script.heard();
    let due = script.ue.poll_timeout().expect("a deadline");
    script.ue.handle_timeout(due - Duration::from_millis(1));
    script.silent();
    script.ue.handle_timeout(due);
    assert!(matches!(script.finished(Procedure::Registration), Err(Failure::Timeout(_))));
    assert_eq!(script.output(), Output::Disconnect);
    script.ue.handle_released();
    script.command(Command::Register);
    script.heard();
    script.ue.handle_released();
    assert_eq!(script.finished(Procedure::Registration), Err(Failure::Released));
}

#[test]
fn a_message_that_is_wrong_is_answered_with_status() {
    let mut script = Script::registered();
    let context = script.security.as_mut().expect("keys");
    let header = nas::SecurityHeaderType::IntegrityProtectedAndCiphered;
    let pdu = context.protect(&[0x7e, 0, 0x40], header).expect("counts are left");
    script.ue.handle_nas(script.now, &pdu);
    let GmmMessage::GmmStatus(status) = script.heard() else { panic!() };
    assert_eq!(status.cause, GmmCause::MessageTypeNonExistent);
    let mut transport = DlNasTransport::new(PayloadContainerType::N1SmInformation, vec![0x2e, 1, 9, 0xc0]);
    transport.pdu_session_id = Some(1);
    script.say(transport);
    let (_, pdu) = script.heard_session();
    assert_eq!((pdu.pdu_session_id, pdu.pti), (1, 9));
    assert_eq!(pdu.message, GsmStatus::new(GsmCause::MessageTypeNonExistent).into());
}

proptest! {
    #[test]
    fn nothing_the_network_sends_panics(
        pdus in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20), kinds in prop::collection::vec(0x40u8..0x70, 20),
    ) {
        let mut script = Script::registered();
        for (body, kind) in pdus.iter().zip(kinds) {
            script.ue.handle_nas(script.now, body);
            let plain = [&[0x7e, 0, kind], body.as_slice()].concat();
            script.ue.handle_nas(script.now, &plain);
            let header = nas::SecurityHeaderType::IntegrityProtectedAndCiphered;
            if let Some(Ok(pdu)) = script.security.as_mut().map(|context| context.protect(&plain, header)) {
                script.ue.handle_nas(script.now, &pdu);
            }
            while script.ue.poll_output().is_some() {}
        }
    }
}
