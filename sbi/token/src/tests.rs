//! What is genuine, and what others make of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use sbi_models::nrf::{AccessTokenClaims, Audience, JwkSet, NfType};
use uuid::Uuid;

use super::*;

const NOW: u64 = 1_700_000_000;

fn signer() -> Signer {
    Signer::new(Signer::generate().expect("random numbers").as_ref()).expect("our own key")
}

fn claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: Uuid::from_u128(1),
        sub: Uuid::from_u128(2),
        aud: Audience::Type(NfType::Udm),
        scope: "nudm-sdm nudm-uecm".into(),
        exp: NOW + 1,
        consumer_plmn_id: None,
        producer_plmn_id: None,
        producer_snssai_list: None,
        producer_nf_set_id: None,
    }
}

/// A token with another head or other claims, and the signature of the genuine one.
fn forged(token: &str, head: Option<&str>, claims: Option<&str>) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    for (part, text) in parts.iter_mut().zip([head, claims]) {
        *part = text.map_or(part.clone(), |text| BASE64URL.encode(text));
    }
    parts.join(".")
}

#[test]
fn a_token_says_what_was_signed_until_it_expires() {
    let signer = signer();
    let keys = Keys::new(&signer.public_keys());
    let token = signer.sign(&claims()).expect("signed");
    assert_eq!(keys.verify(token.as_bytes(), NOW), Ok(claims()));
    assert_eq!(keys.verify(token.as_bytes(), NOW + 1), Err(Fault::Expired));
    assert!(token.len() < LONGEST / 4);
}

#[test]
fn the_keys_survive_the_way_as_json() {
    let signer = signer();
    let text = serde_json::to_string(&signer.public_keys()).expect("JSON");
    let keys = Keys::new(&serde_json::from_str::<JwkSet>(&text).expect("JSON"));
    assert!(keys.verify(signer.sign(&claims()).expect("signed").as_bytes(), NOW).is_ok());
}

#[test]
fn another_nrfs_token_is_foreign() {
    let (ours, other) = (signer(), signer());
    let token = other.sign(&claims()).expect("signed");
    assert_eq!(Keys::new(&ours.public_keys()).verify(token.as_bytes(), NOW), Err(Fault::UnknownKey));
    assert_eq!(Keys::default().verify(token.as_bytes(), NOW), Err(Fault::UnknownKey));
    // Under the name of our key as well.
    let mut disguised = other.public_keys();
    disguised.keys[0].kid = ours.public_keys().keys[0].kid.clone();
    let named = BASE64URL.decode(token.split('.').next().unwrap_or_default()).expect("base64");
    let head = String::from_utf8(named).expect("text");
    let own = other.public_keys().keys[0].kid.clone().expect("a name");
    let head = head.replace(&own, disguised.keys[0].kid.as_deref().expect("a name"));
    let token = forged(&token, Some(&head), None);
    assert_eq!(Keys::new(&ours.public_keys()).verify(token.as_bytes(), NOW), Err(Fault::Signature));
}

/// A key with a name, and a token that it has signed and that names none.
fn nameless_token() -> (Keys, String) {
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("random numbers");
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("our own key");
    let claims = serde_json::to_string(&claims()).expect("JSON");
    let signed = [r#"{"alg":"ES256"}"#, &claims].map(|part| BASE64URL.encode(part)).join(".");
    let signature = BASE64URL.encode(key.sign(&random, signed.as_bytes()).expect("signed"));
    let keys = Signer::new(pkcs8.as_ref()).expect("our own key").public_keys();
    assert!(keys.keys[0].kid.is_some());
    (Keys::new(&keys), format!("{signed}.{signature}"))
}

#[test]
fn names_of_keys_are_optional() {
    let (signer, mut nameless) = (signer(), signer().public_keys());
    let others = Keys::new(&nameless);
    nameless.keys[0].kid = None;
    let mut both = signer.public_keys();
    both.keys.insert(0, nameless.keys.remove(0));
    both.keys[1].kid = None;
    let (keys, token) = (Keys::new(&both), signer.sign(&claims()).expect("signed"));
    assert_eq!(keys.verify(token.as_bytes(), NOW), Ok(claims()), "a key without a name may have any");
    let unnamed = nameless_token();
    assert_eq!(unnamed.0.verify(unnamed.1.as_bytes(), NOW), Ok(claims()), "a token without a name may be of any key");
    let unnamed = forged(&token, Some(r#"{"alg":"ES256"}"#), None);
    assert_eq!(keys.verify(unnamed.as_bytes(), NOW), Err(Fault::UnknownKey), "another text than was signed");
    assert_eq!(others.verify(unnamed.as_bytes(), NOW), Err(Fault::UnknownKey));
}

#[test]
fn no_other_algorithm_is_taken() {
    let signer = signer();
    let keys = Keys::new(&signer.public_keys());
    let token = signer.sign(&claims()).expect("signed");
    let kid = signer.public_keys().keys[0].kid.clone().expect("a name");
    for algorithm in ["none", "None", "", "HS256", "RS512", "es256", "ES256 "] {
        let head = format!(r#"{{"alg":"{algorithm}","kid":"{kid}"}}"#);
        assert_eq!(
            keys.verify(forged(&token, Some(&head), None).as_bytes(), NOW),
            Err(Fault::Algorithm),
            "{algorithm}"
        );
    }
    let unsigned =
        format!("{}.{}.", BASE64URL.encode(r#"{"alg":"none"}"#), token.split('.').nth(1).unwrap_or_default());
    assert_eq!(keys.verify(unsigned.as_bytes(), NOW), Err(Fault::Algorithm));
    let critical = format!(r#"{{"alg":"ES256","kid":"{kid}","crit":["b64"],"b64":false}}"#);
    assert_eq!(keys.verify(forged(&token, Some(&critical), None).as_bytes(), NOW), Err(Fault::Algorithm));
}

#[test]
fn other_claims_under_the_same_signature_are_refused() {
    let signer = signer();
    let keys = Keys::new(&signer.public_keys());
    let token = signer.sign(&claims()).expect("signed");
    let more = serde_json::to_string(&AccessTokenClaims { scope: "nudr-dr".into(), ..claims() }).expect("JSON");
    assert_eq!(keys.verify(forged(&token, None, Some(&more)).as_bytes(), NOW), Err(Fault::Signature));
}

#[test]
fn what_is_no_token_is_refused() {
    let keys = Keys::new(&signer().public_keys());
    for text in ["", ".", "..", "...", "a.b.c", "Bearer", "e30.e30.", "\u{0}.\u{0}.\u{0}", "e30=.e30=.e30="] {
        assert_eq!(keys.verify(text.as_bytes(), NOW), Err(Fault::Malformed), "{text:?}");
    }
    assert_eq!(keys.verify(&[0xff; 16], NOW), Err(Fault::Malformed));
    assert_eq!(keys.verify(&[b'A'; LONGEST + 1], NOW), Err(Fault::TooLong));
}

#[test]
fn keys_that_are_not_of_the_curve_are_left_out() {
    let good = signer().public_keys().keys.remove(0);
    let with = |change: &dyn Fn(&mut sbi_models::nrf::Jwk)| {
        let mut key = good.clone();
        change(&mut key);
        Keys::new(&JwkSet { keys: vec![key] }).is_empty()
    };
    assert!(!with(&|_| ()));
    assert!(with(&|key| key.kty = "RSA".into()));
    assert!(with(&|key| key.crv = Some("P-384".into())));
    assert!(!with(&|key| key.kid = None), "a name is optional");
    assert!(with(&|key| key.x = Some("AA".into())));
    assert!(with(&|key| key.y = Some("~".into())));
}

proptest! {
    #[test]
    fn only_the_very_token_is_genuine(at in 0usize..512, to in any::<u8>()) {
        let signer = signer();
        let mut token = signer.sign(&claims()).expect("signed").into_bytes();
        let at = at % token.len();
        let (was, last) = (token[at], at + 1 == token.len());
        token[at] = to;
        let outcome = Keys::new(&signer.public_keys()).verify(&token, NOW);
        prop_assert_eq!(outcome.is_ok(), was == to, "octet {} of {}", at, token.len());
        prop_assert!(!last || was == to || outcome == Err(Fault::Signature) || outcome == Err(Fault::Malformed));
    }

    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Keys::new(&signer().public_keys()).verify(&octets, NOW).is_err());
    }
}
