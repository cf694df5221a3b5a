//! NAS: messages, elements, and a security context between a sender and somebody who listens and interferes.

use std::collections::BTreeSet;

use nas::gmm::*;
use nas::gsm::*;
use nas::ie::*;
use nas::*;

use crate::choices::{Choices, with_length};

/// A 5GMM message: what is taken can be said again.
pub fn nas_gmm(data: &[u8]) {
    if let Ok(Envelope::Protected(protected)) = Envelope::open(data) {
        assert!(protected.message().len() < data.len());
    }
    match GmmMessage::decode(data) {
        // Padded when it came; without, it is too short for most elements.
        Ok(message) if format!("{message:?}").contains("NoIdentity") => {}
        Ok(message) => {
            let octets = message.encode().expect("what was read can be written");
            assert_eq!(GmmMessage::decode(&octets).as_ref(), Ok(&message), "what we say is what we understood");
        }
        Err(error) => assert!(error.to_string().len() < 512),
    }
}

/// A 5GSM message, its identities checked.
pub fn nas_gsm(data: &[u8]) {
    match GsmPdu::decode(data) {
        Ok(pdu) => {
            assert!((1..=15).contains(&pdu.pdu_session_id) && pdu.pti != 255);
            let octets = pdu.encode().expect("what was read can be written");
            assert_eq!(GsmPdu::decode(&octets).as_ref(), Ok(&pdu), "what we say is what we understood");
        }
        Err(error) => assert!(error.to_string().len() < 512),
    }
}

/// One information element; the first octet says which.
pub fn nas_elements(data: &[u8]) {
    fn again<E: Element + PartialEq + std::fmt::Debug>(octets: &[u8]) {
        if let Some(element) = E::decode(octets) {
            assert_eq!(E::decode(&element.encode()).as_ref(), Some(&element));
        }
    }
    let Some((kind, octets)) = data.split_first() else { return };
    match kind % 18 {
        0 => again::<MobileIdentity>(octets),
        1 => again::<QosRules>(octets),
        2 => again::<QosFlows>(octets),
        3 => again::<EpcoRequest>(octets),
        4 => again::<EpcoAnswer>(octets),
        5 => again::<Dnn>(octets),
        6 => again::<Nssai>(octets),
        // What a slice is mapped to is read and never said.
        7 => drop(RejectedNssai::decode(octets).map(|nssai| RejectedNssai::decode(&nssai.encode()).expect("our own"))),
        8 => again::<SNssai>(octets),
        9 => again::<TaiList>(octets),
        10 => again::<UeSecurityCapability>(octets),
        // The rate is written in the largest unit that fits, and rounded once.
        11 => {
            let written = |ambr: SessionAmbr| ambr.encode();
            if let Some(once) = SessionAmbr::decode(octets).map(written) {
                assert_eq!(SessionAmbr::decode(&once).map(written), Some(once));
            }
        }
        12 => again::<PduAddress>(octets),
        13 => again::<UniversalTime>(octets),
        14 => again::<PduSessions>(octets),
        15 => again::<PduSessionCauses>(octets),
        16 => again::<GprsTimer3>(octets),
        _ => answer_of_options(octets),
    }
}

/// What a UE asks to be configured with gets an answer that can be read.
fn answer_of_options(octets: &[u8]) {
    let Some(request) = EpcoRequest::decode(octets) else { return };
    let options = SessionOptions {
        dns_ipv4: vec![std::net::Ipv4Addr::new(8, 8, 8, 8)],
        dns_ipv6: vec![std::net::Ipv6Addr::LOCALHOST],
        mtu: Some(1400),
        ..SessionOptions::default()
    };
    if let Some(answer) = request.answer(&options) {
        assert!(answer.encode().len() < 1024, "however often the UE asks");
        assert!(EpcoAnswer::decode(&answer.encode()).is_some());
    }
}

fn context(side: Side, algorithms: u8) -> SecurityContext {
    let algorithms = Algorithms {
        integrity: IntegrityAlgorithm::ALL[1 + usize::from(algorithms) % 3],
        ciphering: CipheringAlgorithm::ALL[usize::from(algorithms) / 4 % 4],
    };
    let keys = NasKeys::new(&[7; 16], &[9; 16]);
    SecurityContext::new(side, NgKsi::native(1).expect("below 7"), algorithms, keys)
}

/// A UE that sends, a network that receives, and somebody between them who drops, repeats, reorders, forges and alters.
/// Nothing is accepted that was not sent, nothing twice, and what is refused changes nothing.
pub fn nas_security(data: &[u8]) {
    let mut choices = Choices::new(data);
    let algorithms = choices.octet();
    let first = choices.pick(&[0, 1, 0xfe, 0xff, 0xfff0, 0x00ff_fff0, 0x00ff_ffff]);
    let first = NasCount::new(first).expect("24 bits");
    let mut ue = context(Side::Ue, algorithms).with_counts(first, NasCount::default());
    let mut network = context(Side::Network, algorithms).with_counts(NasCount::default(), first);
    let mut sent: Vec<(Vec<u8>, Vec<u8>, SecurityHeaderType)> = Vec::new();
    let mut accepted = BTreeSet::new();
    while !choices.is_empty() {
        let pdu = match choices.below(6) {
            0 | 1 => {
                let header = choices.pick(&[
                    SecurityHeaderType::IntegrityProtected,
                    SecurityHeaderType::IntegrityProtectedAndCiphered,
                    SecurityHeaderType::IntegrityProtectedAndCipheredWithNewContext,
                ]);
                // Two octets at least: a message has a discriminator and a type.
                let plain = [&[EPD_5GMM, 0, 0x43], choices.octets()].concat();
                match ue.protect(&plain, header) {
                    Ok(pdu) => sent.push((plain, pdu.clone(), header)),
                    Err(CountExhausted) => assert_eq!(ue.next_sent().get(), NasCount::MAX.get() + 1),
                }
                if choices.flag() {
                    continue;
                }
                sent.last().map(|(_, pdu, _)| pdu.clone()).unwrap_or_default()
            }
            2 | 3 if !sent.is_empty() => sent[usize::from(choices.octet()) % sent.len()].1.clone(),
            4 if !sent.is_empty() => {
                let mut pdu = sent[usize::from(choices.octet()) % sent.len()].1.clone();
                let at = usize::from(choices.octet()) % pdu.len();
                pdu[at] ^= 1 << choices.below(8);
                pdu
            }
            _ => choices.octets().to_vec(),
        };
        receive(&mut network, &pdu, &sent, &mut accepted);
    }
}

fn receive(
    network: &mut SecurityContext,
    pdu: &[u8],
    sent: &[(Vec<u8>, Vec<u8>, SecurityHeaderType)],
    accepted: &mut BTreeSet<NasCount>,
) {
    let Ok(Envelope::Protected(protected)) = Envelope::open(pdu) else { return };
    let before = network.last_received();
    match network.unprotect(&protected) {
        Ok(plain) => {
            assert!(accepted.last().is_none_or(|last| *last < plain.count), "counts only grow");
            accepted.insert(plain.count);
            assert_eq!(network.last_received(), plain.count);
            // The header type is not covered by the MAC: altering it may garble a message, not make a new one.
            let known = sent.iter().any(|(octets, _, header)| *octets == plain.octets || *header != plain.header_type);
            assert!(known, "nobody sent this");
        }
        Err(_) => assert_eq!(network.last_received(), before, "what is refused changes nothing"),
    }
}

fn guti() -> Guti {
    let s_tmsi = STmsi { amf_set_id: 1, amf_pointer: 0, tmsi: 0x0102_0304 };
    Guti { plmn: Plmn::new("999", "70").expect("digits"), amf_region_id: 2, s_tmsi }
}

fn suci() -> MobileIdentity {
    MobileIdentity::Suci(Suci {
        plmn: Plmn::new("999", "70").expect("digits"),
        routing_indicator: "0000".into(),
        protection_scheme: 0,
        key_id: 0,
        scheme_output: "0000000001".into(),
    })
}

fn registration(identity: MobileIdentity) -> RegistrationRequest {
    let kind = RegistrationType::from_octet(0x09).expect("initial, with a request to follow");
    let mut request = RegistrationRequest::new(kind, NgKsi::native(1).expect("below 7"), identity);
    request.security_capability = Some(UeSecurityCapability::new(0xf0, 0x70));
    request.requested_nssai = Nssai::decode(&[1, 1]);
    request
}

/// What a UE says while it registers, and what it is told.
pub(crate) fn gmm_messages() -> Vec<Vec<u8>> {
    let ng_ksi = NgKsi::native(1).expect("below 7");
    let capability = UeSecurityCapability::new(0xf0, 0x70);
    let algorithms = Algorithms { integrity: IntegrityAlgorithm::Nia2, ciphering: CipheringAlgorithm::Nea2 };
    let mut request = AuthenticationRequest::new(ng_ksi, vec![0, 0]);
    (request.rand, request.autn) = (Some([1; 16]), Some([2; 16]));
    let mut response = AuthenticationResponse::new();
    response.res_star = Some([3; 16]);
    let mut failure = AuthenticationFailure::new(GmmCause::SynchFailure);
    failure.auts = Some([4; 14]);
    let mut complete = SecurityModeComplete::new();
    complete.imeisv = Some(Imeisv("4370816125816151".into()));
    complete.nas_message_container = GmmMessage::from(registration(suci())).encode().ok();
    let mut transport = UlNasTransport::new(PayloadContainerType::N1SmInformation, gsm_messages().remove(0));
    transport.pdu_session_id = Some(1);
    transport.request_type = Some(RequestType::Initial);
    transport.dnn = Dnn::new("internet");
    transport.s_nssai = Some(SNssai::new(1, None));
    let messages: Vec<GmmMessage> = vec![
        registration(suci()).into(),
        registration(MobileIdentity::Guti(guti())).into(),
        request.into(),
        response.into(),
        failure.into(),
        SecurityModeCommand::new(algorithms, ng_ksi, capability).into(),
        complete.into(),
        RegistrationComplete::new().into(),
        IdentityResponse::new(suci()).into(),
        transport.into(),
        GmmStatus::new(GmmCause::MessageTypeNonExistent).into(),
    ];
    messages.iter().map(|message| message.encode().expect("has an encoding")).collect()
}

/// What a UE says of its sessions.
pub(crate) fn gsm_messages() -> Vec<Vec<u8>> {
    let mut establishment = PduSessionEstablishmentRequest::new(IntegrityMaximumDataRate::FULL);
    establishment.pdu_session_type = Some(PduSessionType::Ipv4);
    establishment.epco = Some(EpcoRequest::usual());
    let pdus = [
        GsmPdu::new(1, 1, establishment),
        GsmPdu::new(1, 2, PduSessionReleaseRequest::new()),
        GsmPdu::new(1, 2, PduSessionReleaseComplete::new()),
        GsmPdu::new(15, 254, PduSessionModificationRequest::new()),
        GsmPdu::new(2, 0, GsmStatus::new(GsmCause::InvalidPduSessionIdentity)),
        GsmPdu::new(3, 9, PduSessionEstablishmentReject::new(GsmCause::InvalidPduSessionIdentity)),
    ];
    pdus.iter().map(|pdu| pdu.encode().expect("has an encoding")).collect()
}

/// Elements with structure of their own, each with its number before it.
pub(crate) fn elements() -> Vec<Vec<u8>> {
    let of = |kind: u8, octets: Vec<u8>| [&[kind], octets.as_slice()].concat();
    vec![
        of(0, suci().encode()),
        of(0, guti().encode()),
        of(1, QosRules(vec![QosRule::match_all(1, 1)]).encode()),
        of(2, QosFlows(vec![QosFlow::create(1, 9)]).encode()),
        of(3, EpcoRequest::usual().encode()),
        of(17, EpcoRequest::usual().encode()),
        of(5, Dnn::new("internet.mnc070").map(|dnn| dnn.encode()).unwrap_or_default()),
        of(6, vec![1, 1, 4, 1, 0, 0, 1]),
        of(9, vec![0, 0x99, 0xf9, 0x07, 0, 0, 1]),
    ]
}

/// Rows of decisions for [`nas_security`].
pub(crate) fn security_sequences() -> Vec<Vec<u8>> {
    let send = |through: u8| [&[0, 1], with_length(&[1, 2, 3]).as_slice(), &[through]].concat();
    let replay = [2, 0];
    let altered = [4, 0, 9, 3];
    vec![
        [&[5, 0][..], &send(0), &send(0), &replay, &altered, &send(0)].concat(),
        [&[0, 2][..], &send(1), &send(0), &replay, &replay, &send(0)].concat(),
        [&[14, 6][..], &send(0), &send(0), &replay].concat(),
    ]
}
