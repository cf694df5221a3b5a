//! NAS security: algorithms against the published vectors, protected messages against another implementation, counts.

use nas::ie::{NgKsi, UeSecurityCapability};
use nas::{
    Algorithms, CipheringAlgorithm, CountExhausted, Envelope, IntegrityAlgorithm, NasCount, NasKeys, Plain, Protected,
    SecurityContext, SecurityHeaderType, Side, UnprotectError,
};
use oxirush_security::{Bearer, Direction, nea_cipher_bits, nia_mac_bits};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn key(text: &str) -> [u8; 16] {
    hex(text).try_into().expect("16 octets")
}

fn ciphering(k: &str, count: u32, bearer: u8, bits: u64, plain: &str, algorithm: CipheringAlgorithm) -> Vec<u8> {
    let key = oxirush_security::nas_5gs::KNasEnc::new(&key(k));
    let mut data = hex(plain);
    let bearer = Bearer::new(bearer).expect("5 bits");
    let direction = if algorithm == CipheringAlgorithm::Nea3 { Direction::Uplink } else { Direction::Downlink };
    let algorithm = oxirush_security::CipheringAlgorithm::try_from(algorithm.identity()).expect("an algorithm");
    nea_cipher_bits(&key, count, bearer, direction, &mut data, bits, algorithm).expect("enough octets");
    data
}

#[test]
fn test_set_1_of_each_ciphering_algorithm() {
    let k = "d3c5d592327fb11c4035c6680af8c6d1";
    let plain = "981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1f0";
    let aes = "e9fed8a63d155304d71df20bf3e82214b20ed7dad2f233dc3c22d7bdeeed8e78";
    let snow = "5d5bfe75eb04f68ce0a12377ea00b37d47c6a0ba06309155086a859c4341b378";
    assert_eq!(ciphering(k, 0x398a_59b4, 0x15, 253, plain, CipheringAlgorithm::Nea2), hex(aes));
    assert_eq!(ciphering(k, 0x398a_59b4, 0x15, 253, plain, CipheringAlgorithm::Nea1), hex(snow));
    let k = "173d14ba5003731d7a60049470f00a29";
    let plain = "6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200000000";
    let zuc = "a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800000000";
    let got = ciphering(k, 0x6603_5492, 0x0f, 193, plain, CipheringAlgorithm::Nea3);
    assert_eq!(got.get(..24), hex(zuc).get(..24));
}

#[test]
fn test_set_1_of_the_zuc_and_aes_integrity_algorithms() {
    let mac = |k: &str, count, bearer, direction, data: &str, bits, algorithm: u8| {
        let key = oxirush_security::nas_5gs::KNasInt::new(&key(k));
        let algorithm = oxirush_security::IntegrityAlgorithm::try_from(algorithm).expect("an algorithm");
        nia_mac_bits(&key, count, Bearer::new(bearer).expect("5 bits"), direction, &hex(data), bits, algorithm)
    };
    let zeros = "00000000000000000000000000000000";
    assert_eq!(mac(zeros, 0, 0, Direction::Uplink, "00000000", 1, 3), Ok(0xc8a9_595e));
    let k = "2bd6459f82c5b300952c49104881ff48";
    assert_eq!(mac(k, 0x38a6_f056, 0x18, Direction::Uplink, "3332346263393840", 58, 2), Ok(0x118c_6eb8));
}

fn context(side: Side, integrity: IntegrityAlgorithm, ciphering: CipheringAlgorithm) -> SecurityContext {
    let keys = NasKeys::new(&key("68c1b91f3eb481f9f4694de8d740c3df"), &key("1feed6bfc79973d28c52be1028e56b03"));
    let ng_ksi = NgKsi::native(0).expect("below 7");
    SecurityContext::new(side, ng_ksi, Algorithms { integrity, ciphering }, keys)
}

fn aes(side: Side) -> SecurityContext {
    context(side, IntegrityAlgorithm::Nia2, CipheringAlgorithm::Nea2)
}

fn count(value: u32) -> NasCount {
    NasCount::new(value).expect("24 bits")
}

fn protected(pdu: &[u8]) -> Protected<'_> {
    match Envelope::open(pdu) {
        Ok(Envelope::Protected(protected)) => protected,
        other => panic!("{other:?}"),
    }
}

fn receive(context: &mut SecurityContext, pdu: &[u8]) -> Result<Plain, UnprotectError> {
    context.unprotect(&protected(pdu))
}

#[test]
fn protected_messages_as_another_implementation_makes_them() {
    let mut ue = aes(Side::Ue).with_counts(count(0x1ff), count(0));
    let complete = ue.protect(&hex("7e0043"), SecurityHeaderType::IntegrityProtectedAndCiphered);
    assert_eq!(complete, Ok(hex("7e02d63044dcffb57615")));
    let mut network = aes(Side::Network);
    let command = hex("7e005d220004f070f070");
    let pdu = network.protect(&command, SecurityHeaderType::IntegrityProtectedWithNewContext);
    assert_eq!(pdu, Ok(hex("7e03795ca236007e005d220004f070f070")));
}

#[test]
fn both_ends_understand_each_other_under_every_algorithm() {
    for integrity in IntegrityAlgorithm::ALL {
        for ciphering in CipheringAlgorithm::ALL {
            let (mut ue, mut network) =
                (context(Side::Ue, integrity, ciphering), context(Side::Network, integrity, ciphering));
            for sent in 0..600u32 {
                let plain = vec![0x7e, 0, 0x43, sent.to_be_bytes()[3], sent.to_be_bytes()[2]];
                let header = SecurityHeaderType::IntegrityProtectedAndCiphered;
                let up = ue.protect(&plain, header).expect("counts are left");
                let got = receive(&mut network, &up).expect("accepted");
                assert_eq!((got.octets, got.count, got.header_type), (plain.clone(), count(sent), header));
                assert_eq!(network.last_received(), count(sent));
                let down = network.protect(&plain, header).expect("counts are left");
                assert_eq!(receive(&mut ue, &down).map(|got| got.octets), Ok(plain));
            }
        }
    }
}

#[test]
fn a_message_is_taken_once_and_lost_ones_do_not_matter() {
    let (mut ue, mut network) = (aes(Side::Ue), aes(Side::Network));
    let header = SecurityHeaderType::IntegrityProtectedAndCiphered;
    let mut sent: Vec<_> = (0..10).map(|_| ue.protect(&[0x7e, 0, 0x43], header).expect("counts are left")).collect();
    assert!(receive(&mut network, &sent[0]).is_ok());
    assert_eq!(receive(&mut network, &sent[0]), Err(UnprotectError::Replayed));
    assert!(receive(&mut network, &sent[9]).is_ok());
    assert_eq!(receive(&mut network, &sent[5]), Err(UnprotectError::Replayed));
    let last = sent[9].len() - 1;
    sent[9][last] ^= 1;
    assert_eq!(receive(&mut network, &sent[9]), Err(UnprotectError::Mac));
    assert_eq!(network.last_received(), count(9));
}

#[test]
fn what_one_end_sent_is_not_taken_back_by_it() {
    let (mut ue, mut network) = (aes(Side::Ue), aes(Side::Network));
    let pdu = network.protect(&[0x7e, 0, 0x55], SecurityHeaderType::IntegrityProtected).expect("counts are left");
    assert_eq!(receive(&mut network, &pdu), Err(UnprotectError::Mac));
    assert!(receive(&mut ue, &pdu).is_ok());
}

#[test]
fn counts_end() {
    let mut ue = aes(Side::Ue).with_counts(NasCount::MAX, NasCount::MAX);
    let mut network = aes(Side::Network).with_counts(NasCount::MAX, NasCount::MAX);
    let header = SecurityHeaderType::IntegrityProtected;
    let last = ue.protect(&[0x7e, 0, 0x43], header).expect("the last count");
    assert_eq!(ue.protect(&[0x7e, 0, 0x43], header), Err(CountExhausted));
    assert!(receive(&mut network, &last).is_ok());
    assert_eq!(receive(&mut network, &last), Err(UnprotectError::Exhausted));
}

#[test]
fn the_container_of_an_initial_message_is_ciphered_under_its_count() {
    let (mut ue, mut network) = (aes(Side::Ue), aes(Side::Network));
    let whole = hex("7e004c1000");
    let mut container = whole.clone();
    ue.cipher_container(&mut container);
    assert_ne!(container, whole);
    let pdu = ue.protect(&container, SecurityHeaderType::IntegrityProtected).expect("counts are left");
    let plain = receive(&mut network, &pdu).expect("accepted");
    let mut deciphered = plain.octets;
    network.decipher_container(plain.count, &mut deciphered);
    assert_eq!(deciphered, whole);
}

#[test]
fn the_operators_preference_decides_among_what_the_ue_has() {
    let all = (IntegrityAlgorithm::ALL, CipheringAlgorithm::ALL);
    let select =
        |encryption, integrity| Algorithms::select(&UeSecurityCapability::new(encryption, integrity), &all.0, &all.1);
    let chosen = |integrity, ciphering| Some(Algorithms { integrity, ciphering });
    assert_eq!(select(0xf0, 0xf0), chosen(IntegrityAlgorithm::Nia1, CipheringAlgorithm::Nea0));
    assert_eq!(select(0x30, 0x30), chosen(IntegrityAlgorithm::Nia2, CipheringAlgorithm::Nea2));
    assert_eq!(select(0xf0, 0x80), None, "NIA0 alone");
    assert_eq!(select(0x00, 0xf0), None, "no ciphering at all");
}

#[test]
fn keys_do_not_print() {
    let printed = format!("{:?}", aes(Side::Ue));
    assert!(printed.contains("<secret>") && !printed.contains("68c1"), "{printed}");
}
