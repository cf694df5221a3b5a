//! Messages that are wrong, and the cause the specification answers them with; and that nothing panics.

use nas::ie::{Element, MobileIdentity};
use nas::{DecodeError, Envelope, GmmCause, GmmMessage, GsmCause, GsmPdu};
use proptest::prelude::*;

fn fault(octets: &[u8]) -> DecodeError {
    GmmMessage::decode(octets).expect_err("refused")
}

#[test]
fn what_is_ignored() {
    for octets in [&[][..], &[0x7e], &[0x7e, 0], &[0x2e, 1, 1, 0xc1], &[0x7e, 2, 1, 2, 3, 4, 5, 6], &[0x00; 9]] {
        assert_eq!(fault(octets).gmm_cause(), None, "{octets:02x?}");
    }
    for octets in [&[][..], &[0x7e, 5, 0, 0, 0, 0, 0, 0, 0, 0], &[0x7e, 2, 1, 2, 3, 4, 5, 0x7e, 0], &[0x7e, 0]] {
        assert!(Envelope::open(octets).is_err(), "{octets:02x?}");
    }
}

#[test]
fn what_is_answered_with_a_cause() {
    assert_eq!(fault(&[0x7e, 0, 0x40]).gmm_cause(), Some(GmmCause::MessageTypeNonExistent));
    assert_eq!(fault(&[0x7e, 0, 0x41]).gmm_cause(), Some(GmmCause::InvalidMandatoryInformation));
    // A mobile identity that is shorter than its type.
    let short = [0x7e, 0, 0x41, 0x79, 0, 5, 0xf2, 0x99, 0xf9, 0x07, 0x02];
    assert_eq!(fault(&short).gmm_cause(), Some(GmmCause::InvalidMandatoryInformation));
    // An unknown element that must be comprehended.
    let comprehension = [0x7e, 0, 0x5c, 0, 1, 0, 0x05, 1, 9];
    assert_eq!(fault(&comprehension).gmm_cause(), Some(GmmCause::InvalidMandatoryInformation));
}

#[test]
fn an_optional_element_that_is_wrong_is_absent() {
    // S-NSSAI of three octets, then a DNN whose label overruns.
    let octets = [0x7e, 0, 0x67, 1, 0, 1, 0, 0x12, 1, 0x81, 0x22, 3, 1, 2, 3, 0x25, 3, 9, b'a', b'b'];
    let GmmMessage::UlNasTransport(transport) = GmmMessage::decode(&octets).expect("readable") else { panic!() };
    assert_eq!((transport.s_nssai, transport.dnn), (None, None));
    assert_eq!(transport.pdu_session_id, Some(1));
}

#[test]
fn a_session_message_says_what_an_answer_repeats() {
    for (octets, cause) in [
        (&[0x2e, 1, 7, 0xc0][..], Some(GsmCause::MessageTypeNonExistent)),
        (&[0x2e, 1, 7, 0xc1, 0xff], Some(GsmCause::InvalidMandatoryInformation)),
        (&[0x2e, 0, 7, 0xc1, 0xff, 0xff], Some(GsmCause::InvalidPduSessionIdentity)),
        (&[0x2e, 16, 7, 0xc1, 0xff, 0xff], Some(GsmCause::InvalidPduSessionIdentity)),
        (&[0x2e, 1, 255, 0xc1, 0xff, 0xff], Some(GsmCause::InvalidPtiValue)),
    ] {
        let error = GsmPdu::decode(octets).expect_err("refused");
        assert_eq!(error.cause(), cause, "{octets:02x?}");
        let header = error.header.expect("a header");
        assert_eq!((header.pdu_session_id, header.pti), (octets[1], octets[2]));
    }
    assert_eq!(GsmPdu::decode(&[0x2e, 1, 7]).expect_err("refused").header, None);
}

/// Messages to mutate: one of each shape.
const SEEDS: [&[u8]; 5] = [
    &[0x7e, 0, 0x41, 0x79, 0, 13, 1, 0x99, 0xf9, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x2e, 4, 0xf0, 0x70, 0xf0, 0x70],
    &[
        0x7e, 0, 0x42, 1, 1, 0x77, 0, 11, 0xf2, 0x99, 0xf9, 7, 2, 0, 0x40, 0, 0, 0, 1, 0x54, 7, 0, 0x99, 0xf9, 7, 0, 0,
        1,
    ],
    &[0x7e, 0, 0x5d, 2, 0, 4, 0xa0, 0x20, 0xa0, 0x20, 0xe1, 0x36, 1, 2],
    &[0x2e, 1, 1, 0xc1, 0xff, 0xff, 0x91, 0xa1, 0x7b, 0, 7, 0x80, 0, 13, 0, 0, 16, 0],
    &[0x2e, 1, 1, 0xc9, 0x7a, 0, 9, 1, 0, 6, 0x31, 0x31, 1, 1, 0xff, 1, 0x79, 0, 6, 1, 0x20, 0x41, 1, 1, 9],
];

fn decode_all(octets: &[u8]) {
    let _ = Envelope::open(octets);
    if let Ok(message) = GmmMessage::decode(octets) {
        message.encode().expect("what was read can be written");
    }
    if let Ok(pdu) = GsmPdu::decode(octets) {
        pdu.encode().expect("what was read can be written");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_octets(octets in prop::collection::vec(any::<u8>(), 0..120)) {
        decode_all(&octets);
        let _ = MobileIdentity::decode(&octets);
    }

    #[test]
    fn any_body_under_every_header(
        kind in 0x41u8..0x70, gsm in 0xc1u8..0xd7, body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        decode_all(&[&[0x7e, 0, kind], body.as_slice()].concat());
        decode_all(&[&[0x2e, 1, 1, gsm], body.as_slice()].concat());
    }

    #[test]
    fn mutated_messages(seed in 0..SEEDS.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()) {
        let mut octets = SEEDS[seed].to_vec();
        for (at, value) in changes {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        decode_all(&octets);
        decode_all(&octets[..cut.index(octets.len())]);
    }
}
