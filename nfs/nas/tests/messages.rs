//! Messages on the wire: octets as UEs and cores send them, what is read from them, and the same octets again.

use nas::gmm::*;
use nas::gsm::*;
use nas::ie::*;
use nas::{Algorithms, CipheringAlgorithm, GmmCause, GmmMessage, GsmCause, GsmPdu, IntegrityAlgorithm};
use std::net::Ipv4Addr;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// What the octets say; writing it must give them back.
fn read(text: &str) -> GmmMessage {
    let octets = hex(text);
    let message = GmmMessage::decode(&octets).expect("a message");
    assert_eq!(message.encode().as_deref(), Ok(octets.as_slice()));
    message
}

/// The message written and read again.
fn again(message: impl Into<GmmMessage>) -> GmmMessage {
    let message = message.into();
    let octets = message.encode().expect("encodable");
    assert_eq!(GmmMessage::decode(&octets).as_ref(), Ok(&message));
    message
}

fn again_gsm(message: impl Into<GsmMessage>) -> GsmPdu {
    let pdu = GsmPdu::new(5, 1, message);
    let octets = pdu.encode().expect("encodable");
    assert_eq!(GsmPdu::decode(&octets).as_ref(), Ok(&pdu));
    pdu
}

fn plmn() -> Plmn {
    Plmn::new("999", "70").expect("digits")
}

fn guti() -> Guti {
    Guti { plmn: plmn(), amf_region_id: 2, s_tmsi: STmsi { amf_set_id: 1, amf_pointer: 0, tmsi: 0xc000_02df } }
}

#[test]
fn a_registration_request_with_a_null_suci() {
    let message = read("7e004179000d0199f9070000000000000010022e04f070f070");
    let GmmMessage::RegistrationRequest(request) = message else { panic!("{message:?}") };
    let kind = RegistrationType { kind: RegistrationKind::Initial, follow_on_request: true };
    assert_eq!((request.registration_type, request.ng_ksi), (kind, NgKsi::NO_KEY));
    let MobileIdentity::Suci(suci) = &request.identity else { panic!("{:?}", request.identity) };
    assert_eq!(suci.to_string(), "suci-0-999-70-0000-0-0-0000000120");
    let capability = request.security_capability.as_ref().expect("a capability");
    assert_eq!(capability.octets(), [0xf0, 0x70, 0xf0, 0x70]);
    assert!(request.nas_message_container.is_none());
}

#[test]
fn a_registration_accept_with_only_what_was_asked_for() {
    let message = RegistrationAccept {
        guti: Some(guti()),
        tai_list: Some(TaiList(vec![Tai { plmn: plmn(), tac: 1 }])),
        allowed_nssai: Some(Nssai(vec![SNssai::new(1, None)])),
        network_feature_support: Some(NetworkFeatureSupport::none().with_ims_voice_over_ps(true)),
        t3512: Some(GprsTimer3::from_seconds(540)),
        ..RegistrationAccept::new(RegistrationResult { access: AccessType::ThreeGpp, sms_allowed: false })
    };
    let octets = again(message).encode().expect("encodable");
    let expected =
        "7e00420101 77000bf299f907020040c00002df 54070099f907000001 15020101 21020100 5e0192".replace(' ', "");
    assert_eq!(octets, hex(&expected));
}

#[test]
fn messages_of_the_registration_procedure() {
    read("7e005b01");
    read("7e00560002000021ab6f2a1cc5c5938d38cba14dfe26b0012010a820e67b8896800076a638e98eed4747");
    read("7e00572d10494971b7c0300cf47df7412c1889aee1");
    read("7e0058");
    read("7e005914");
    read("7e005915300e42e43b09e703a522500165058d10");
    read("7e005d020004a020a020e1360102");
    read("7e005e7700094573806121856151f1");
    read("7e0043");
    read("7e0044165f012a");
    read("7e004509000bf299f907020040c00002df");
    read("7e0046");
    read("7e004701580a");
    read("7e0048");
    read("7e0055");
    read("7e006461");
    read("7e006501");
    read("7e006650020200");
}

#[test]
fn security_mode_command_names_algorithms_and_replays_the_capability() {
    let algorithms = Algorithms { integrity: IntegrityAlgorithm::Nia2, ciphering: CipheringAlgorithm::Nea1 };
    let capability = UeSecurityCapability::new(0xe0, 0xe0);
    let ng_ksi = NgKsi::native(3).expect("below 7");
    let message = SecurityModeCommand {
        imeisv_request: Some(ImeisvRequest::Requested),
        additional_information: Some(AdditionalSecurityInformation {
            retransmit_initial_message: true,
            horizontal_derivation: false,
        }),
        ..SecurityModeCommand::new(algorithms, ng_ksi, capability)
    };
    assert_eq!(again(message).encode().expect("encodable"), hex("7e005d120302e0e0e1360102"));
}

#[test]
fn a_ciphered_container_is_kept_as_it_is() {
    let container: Vec<u8> = (0..40).map(|octet: u8| octet.wrapping_mul(37) ^ 0xa5).collect();
    let service_request = ServiceRequest {
        nas_message_container: Some(container.clone()),
        uplink_data_status: Some([1].into_iter().collect()),
        ..ServiceRequest::new(NgKsi::native(0).expect("below 7"), ServiceType::Data, guti().s_tmsi)
    };
    again(service_request);
    let complete = SecurityModeComplete {
        imeisv: Some(Imeisv("4370816125816151".into())),
        nas_message_container: Some(container),
        ..SecurityModeComplete::new()
    };
    again(complete);
}

#[test]
fn a_configuration_update_with_names_and_time() {
    let message = ConfigurationUpdateCommand {
        full_name: Some(NetworkName("Peregrine".into())),
        short_name: Some(NetworkName("Réseau 東".into())),
        local_time_zone: Some(TimeZone::from_quarters(4)),
        universal_time: Some(UniversalTime::from_unix(1_795_218_128, TimeZone::from_quarters(4))),
        daylight_saving: Some(DaylightSaving(1)),
        ..ConfigurationUpdateCommand::new()
    };
    again(message);
    again(ConfigurationUpdateCommand {
        indication: Some(ConfigurationUpdateIndication {
            acknowledgement_requested: true,
            registration_requested: false,
        }),
        guti: Some(guti()),
        ..ConfigurationUpdateCommand::new()
    });
}

#[test]
fn rejects_and_service_messages() {
    again(RegistrationReject {
        t3502: Some(GprsTimer2::from_seconds(720)),
        rejected_nssai: Some(RejectedNssai(vec![(SNssai::new(2, None), RejectionReason::NotInPlmn)])),
        ..RegistrationReject::new(GmmCause::NoNetworkSlicesAvailable)
    });
    again(ServiceAccept {
        pdu_session_status: Some([1, 15].into_iter().collect()),
        reactivation_result: Some([1].into_iter().collect()),
        reactivation_error_causes: Some(PduSessionCauses(vec![(1, GmmCause::InsufficientUserPlaneResources)])),
    });
    again(ServiceReject::new(GmmCause::UeIdentityCannotBeDerived));
    again(IdentityResponse::new(MobileIdentity::NoIdentity));
    let terminated =
        DeregistrationType { switch_off: false, reregistration_required: true, access: AccessType::ThreeGpp };
    again(DeregistrationRequestUeTerminated::new(terminated));
}

#[test]
fn an_establishment_request_inside_its_transport() {
    let message = read(
        "7e0067010018\
         2e0101c1ffff91a12801007b000a80000d00000300001000\
         12018122010125090869\
         6e7465726e6574",
    );
    let GmmMessage::UlNasTransport(transport) = message else { panic!("{message:?}") };
    assert_eq!((transport.pdu_session_id, transport.request_type), (Some(1), Some(RequestType::Initial)));
    assert_eq!((transport.s_nssai, transport.dnn), (Some(SNssai::new(1, None)), Dnn::new("internet")));
    let pdu = GsmPdu::decode(&transport.payload_container).expect("a 5GSM message");
    assert_eq!((pdu.pdu_session_id, pdu.pti), (1, 1));
    let GsmMessage::PduSessionEstablishmentRequest(request) = pdu.message else { panic!("{pdu:?}") };
    assert_eq!(request.pdu_session_type, Some(PduSessionType::Ipv4));
    assert_eq!(request.ssc_mode, Some(SscMode::Mode1));
    assert_eq!(request.integrity_maximum_data_rate, IntegrityMaximumDataRate::FULL);
    assert_eq!(request.epco.as_ref().map(|epco| epco.0.len()), Some(3));
}

#[test]
fn an_establishment_accept_as_ueransim_can_read_it() {
    let accept = PduSessionEstablishmentAccept {
        pdu_address: Some(PduAddress::Ipv4(Ipv4Addr::new(10, 45, 0, 2))),
        s_nssai: Some(SNssai::new(1, None)),
        qos_flows: Some(QosFlows(vec![QosFlow::create(1, 9)])),
        epco: Some(EpcoAnswer(vec![EpcoUnit::new(0x0d, [8, 8, 8, 8])])),
        dnn: Dnn::new("internet"),
        ..PduSessionEstablishmentAccept::new(
            PduSessionType::Ipv4,
            SscMode::Mode1,
            QosRules(vec![QosRule::match_all(1, 1)]),
            SessionAmbr { downlink_kbps: 1_000_000, uplink_kbps: 1_000_000 },
        )
    };
    let octets = again_gsm(accept).encode().expect("encodable");
    let expected =
        "2e0501c2 11 0009 010006313101 01ff01 06 03f424 03f424 2905010a2d0002 22 0101 79 0006 0120410101 09 \
                    7b 0008 80000d0408080808 25 09 08696e7465726e6574"
            .replace(' ', "");
    assert_eq!(octets, hex(&expected));
}

#[test]
fn session_messages_of_every_kind() {
    again_gsm(PduSessionEstablishmentReject {
        back_off_timer: Some(GprsTimer3::from_seconds(60)),
        ..PduSessionEstablishmentReject::new(GsmCause::MissingOrUnknownDnn)
    });
    again_gsm(PduSessionModificationRequest {
        requested_qos_rules: Some(QosRules(vec![QosRule::match_all(2, 2)])),
        ..PduSessionModificationRequest::new()
    });
    again_gsm(PduSessionModificationReject::new(GsmCause::MessageTypeNonExistent));
    again_gsm(PduSessionModificationCommand {
        session_ambr: Some(SessionAmbr { downlink_kbps: 1, uplink_kbps: 2 }),
        ..PduSessionModificationCommand::new()
    });
    again_gsm(PduSessionModificationComplete::new());
    again_gsm(PduSessionModificationCommandReject::new(GsmCause::SemanticErrorInQosOperation));
    again_gsm(PduSessionReleaseRequest::new());
    again_gsm(PduSessionReleaseReject::new(GsmCause::PduSessionDoesNotExist));
    again_gsm(PduSessionReleaseCommand::new(GsmCause::RegularDeactivation));
    again_gsm(PduSessionReleaseComplete::new());
    again_gsm(GsmStatus::new(GsmCause::PtiMismatch));
}
