//! SUCI against the vectors of TS 33.501 annex C.4, and concealment against de-concealment.

use aka::suci::{Concealment, HomeNetworkPrivateKey, KeyRing, Scheme, SuciError, conceal_imsi};
use proptest::prelude::*;

const PRIVATE_A: &str = "c53c22208b61860b06c62e5406a7b330c2b577aa5558981510d128247d38bd1d";
const PUBLIC_A: &str = "5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650";
const OUTPUT_A: &str = "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457dcb02352410cddd9e730ef3fa87";
const PRIVATE_B: &str = "f1ab1074477ebcc7f554ea1c5fc368b1616730155e0041ac447d6301975fecda";
const PUBLIC_B: &str = "0272da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1";
const OUTPUT_B: &str = "039aab8376597021e855679a9778ea0b67396e68c66df32c0f41e9acca2da9b9d146a33fc2716ac7dae96aa30a4d";

fn keys() -> KeyRing {
    let mut keys = KeyRing::default();
    keys.insert(27, HomeNetworkPrivateKey::from_hex(Scheme::ProfileA, PRIVATE_A).expect("a key"));
    keys.insert(28, HomeNetworkPrivateKey::from_hex(Scheme::ProfileB, PRIVATE_B).expect("a key"));
    keys
}

#[test]
fn the_vectors_of_the_specification() {
    let supi = Ok("imsi-274012001002086".to_string());
    assert_eq!(keys().deconceal(&format!("suci-0-274-012-0-1-27-{OUTPUT_A}")), supi);
    assert_eq!(keys().deconceal(&format!("suci-0-274-012-0-2-28-{OUTPUT_B}")), supi);
    assert_eq!(keys().deconceal("suci-0-274-012-0-0-0-001002086"), Ok("imsi-274012001002086".into()));
}

#[test]
fn public_keys_belong_to_private_ones() {
    for (scheme, private, public) in [(Scheme::ProfileA, PRIVATE_A, PUBLIC_A), (Scheme::ProfileB, PRIVATE_B, PUBLIC_B)]
    {
        let key = HomeNetworkPrivateKey::from_hex(scheme, private).expect("a key");
        assert_eq!((key.scheme(), key.public_key().to_hex()), (scheme, public.into()));
        assert_eq!(format!("{key:?}"), "<secret>");
    }
}

#[test]
fn what_cannot_be_deconcealed_says_why() {
    let keys = keys();
    let cause = |suci: &str| keys.deconceal(suci).expect_err("refused").cause();
    assert_eq!(cause(&format!("suci-0-274-012-0-1-1-{OUTPUT_A}")), "INVALID_HN_PUBLIC_KEY_IDENTIFIER");
    assert_eq!(cause("suci-0-274-012-0-c-1-aabb"), "UNSUPPORTED_PROTECTION_SCHEME");
    let forged = OUTPUT_A.replace("fa87", "fa88");
    assert_eq!(cause(&format!("suci-0-274-012-0-1-27-{forged}")), "INVALID_SCHEME_OUTPUT");
    assert_eq!(cause("suci-0-274-012-0-1-27-b2e9"), "INVALID_SCHEME_OUTPUT");
    for malformed in ["", "suci", "imsi-1", "suci-0-274-012-0-1-27", "suci-1-274-012-0-0-0-1", "suci-0-274-012-0-0-0-x"]
    {
        assert!(keys.deconceal(malformed).is_err(), "{malformed}");
    }
}

/// The text form of the mobile identity `conceal_imsi` gives, for two-digit MNCs and four-digit routing indicators.
fn text_of(identity: &[u8]) -> String {
    let output: String = identity[8..].iter().map(|octet| format!("{octet:02x}")).collect();
    format!("suci-0-999-70-0000-{}-{}-{output}", identity[6], identity[7])
}

#[test]
fn a_ue_conceals_what_the_home_network_finds() {
    for (key_id, scheme) in [(1, Scheme::ProfileA), (2, Scheme::ProfileB)] {
        let private = HomeNetworkPrivateKey::generate(scheme).expect("random octets");
        let concealment = Concealment::Key { key_id, key: private.public_key() };
        assert_eq!(concealment.scheme(), scheme);
        let mut keys = KeyRing::default();
        keys.insert(key_id, private);
        let identity = conceal_imsi("999", "70", "0000000001", "0000", &concealment).expect("concealed");
        assert_eq!(keys.deconceal(&text_of(&identity)), Ok("imsi-999700000000001".into()));
        let again = conceal_imsi("999", "70", "0000000001", "0000", &concealment).expect("concealed");
        assert_ne!(identity, again);
    }
}

#[test]
fn identities_that_are_none_are_not_concealed() {
    for (mcc, mnc, msin) in [("99", "70", "1"), ("999", "7", "1"), ("999", "70", "x"), ("999", "70", "12345678901")] {
        assert_eq!(conceal_imsi(mcc, mnc, msin, "0", &Concealment::Null), Err(SuciError::Identity));
    }
}

proptest! {
    #[test]
    fn no_text_panics(suci in "\\PC{0,120}") {
        let _ = keys().deconceal(&suci);
    }

    #[test]
    fn no_output_panics(scheme in 0u8..4, key_id in 26u8..30, output in "[0-9a-f]{0,140}") {
        let _ = keys().deconceal(&format!("suci-0-274-012-0-{scheme}-{key_id}-{output}"));
    }
}
