//! No secret is left, and nothing else is touched.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::trace::record::Octets;

fn blanked(content_type: &str, body: &[u8], secrets: bool) -> Head {
    let fields = vec![("content-type".to_owned(), content_type.to_owned())];
    let mut head = Head { fields, body: Octets(body.to_vec()), blanked: Vec::new() };
    super::head(&mut head, secrets);
    head
}

fn text(head: &Head) -> String {
    String::from_utf8_lossy(&head.body.0).into_owned()
}

#[test]
fn a_vector_is_blanked_and_what_goes_over_the_air_is_not() {
    let body = r#"{"authType":"5G_AKA","authenticationVector":{"rand":"00ff","autn":"1234","xresStar":"abcd","kausf":"00112233"}}"#;
    let head = blanked("application/json", body.as_bytes(), false);
    let expected = r#"{"authType":"5G_AKA","authenticationVector":{"rand":"00ff","autn":"1234","xresStar":"****","kausf":"********"}}"#;
    assert_eq!(text(&head), expected);
    assert_eq!(head.blanked, ["kausf", "xresStar"]);
    assert_eq!(text(&blanked("application/json", body.as_bytes(), true)), body, "a reader may ask for them");
}

#[test]
fn permanent_keys_are_never_shown() {
    let body = br#"{"encPermanentKey": "465b5ce8", "encOpcKey":"e8ed", "sequenceNumber": {"sqn": "000000000020"}}"#;
    for secrets in [false, true] {
        let shown = text(&blanked("application/json", body, secrets));
        assert_eq!(
            shown,
            r#"{"encPermanentKey": "********", "encOpcKey":"****", "sequenceNumber": {"sqn": "000000000020"}}"#
        );
    }
}

#[test]
fn a_key_in_another_spelling_or_behind_a_path_is_found() {
    let escaped = br#"{"k\u0061usf":"beef","x":1}"#;
    assert_eq!(text(&blanked("application/json", escaped, false)), r#"{"k\u0061usf":"****","x":1}"#);
    let patch = br#"[{"op":"replace","path":"/encPermanentKey","value":"beef"}]"#;
    let shown = text(&blanked("application/json-patch+json", patch, true));
    assert_eq!(shown, r#"[{"op":"replace","path":"/encPermanentKey","value":"****"}]"#);
    let harmless = br#"[{"op":"replace","path":"/sequenceNumber/sqn","value":"0020"}]"#;
    assert_eq!(text(&blanked("application/json-patch+json", harmless, false)).as_bytes(), harmless);
}

#[test]
fn tokens_are_blanked_in_headers_forms_and_answers() {
    let mut head = Head { fields: vec![("Authorization".into(), "Bearer abc".into())], ..Head::default() };
    super::head(&mut head, false);
    assert_eq!(head.fields, [("Authorization".to_owned(), "**********".to_owned())]);
    let form = b"grant_type=client_credentials&client_secret=abc&client%5fsecret=abc";
    assert_eq!(
        text(&blanked("application/x-www-form-urlencoded", form, false)),
        "grant_type=client_credentials&client_secret=***&client%5fsecret=***"
    );
    let answer = br#"{"access_token":"ey.J","token_type":"Bearer"}"#;
    assert_eq!(text(&blanked("application/json", answer, false)), r#"{"access_token":"****","token_type":"Bearer"}"#);
}

#[test]
fn parts_are_blanked_by_their_own_type() {
    let body = b"--b\r\nContent-Type: application/json\r\n\r\n{\"kseaf\":\"ab\"}\r\n--b\r\nContent-Type: application/vnd.3gpp.5gnas\r\nContent-Id: n1\r\n\r\n\x2e\x01\xc1\r\n--b--\r\n";
    let head = blanked("multipart/related; boundary=\"b\"", body, false);
    let expected = b"--b\r\nContent-Type: application/json\r\n\r\n{\"kseaf\":\"**\"}\r\n--b\r\nContent-Type: application/vnd.3gpp.5gnas\r\nContent-Id: n1\r\n\r\n\x2e\x01\xc1\r\n--b--\r\n";
    assert_eq!(head.body.0, expected);
}

#[test]
fn parts_are_those_that_the_receiver_reads() {
    // A delimiter within a line is none; a part without a blank line is shown to nobody.
    for (body, secret) in [
        (&b"--b\r\nContent-Type: application/json\r\n\r\n{\"x\":\"--b\",\"kseaf\":\"ab\"}\r\n--b--\r\n"[..], "ab"),
        (b"--b\nContent-Type: application/json\n\n{\"kseaf\":\"ab\"}\r\n--b--\r\n", "ab"),
    ] {
        let head = blanked("multipart/related; boundary=b", body, false);
        assert!(!text(&head).contains(secret), "{}", text(&head));
    }
}

#[test]
fn what_cannot_be_looked_into_is_blanked_whole() {
    for (content_type, body) in [
        ("application/json", &b"{\"kausf\":\"ab\""[..]),
        ("application/octet-stream", b"\x01\x02"),
        ("", b"kausf"),
        ("multipart/related", b"--x\r\n\r\nkausf"),
    ] {
        let head = blanked(content_type, body, true);
        assert!(head.body.0.iter().all(|octet| *octet == b'*'), "{content_type}: {}", text(&head));
        assert_eq!(head.blanked, ["body"]);
    }
}

/// JSON whose members have secret names now and then. Secret values are marked, so that they are known again.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\"\\\\é ]{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = prop_oneof!["[a-z\"\\\\]{0,4}", Just("kausf".to_owned()), Just("encOpcKey".to_owned())];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name, inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
        ]
    })
}

/// The same document with what is secret made equal.
fn without(value: &Value, secret: bool) -> Value {
    match value {
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| (name.clone(), without(value, secret || is_secret(name, OnRequest)));
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(list) => list.iter().map(|value| without(value, secret)).collect(),
        Value::String(_) if secret => json!("secret"),
        Value::Number(_) if secret => json!("secret"),
        other => other.clone(),
    }
}

fn has_secret(value: &Value, secret: bool) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| has_secret(value, secret || is_secret(name, OnRequest)))
        }
        Value::Array(list) => list.iter().any(|value| has_secret(value, secret)),
        Value::String(text) => secret && text.chars().any(|c| c != '*'),
        Value::Number(number) => secret && number.to_string().chars().any(|c| !matches!(c, '1' | '-')),
        _ => false,
    }
}

proptest! {
    #[test]
    fn secrets_go_and_all_else_stays(document in documents(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.expect("JSON");
        let head = blanked("application/problem+json", &body, false);
        prop_assert_eq!(head.body.0.len(), body.len());
        let shown: Value = serde_json::from_slice(&head.body.0).expect("still JSON");
        prop_assert!(!has_secret(&shown, false), "{}", shown);
        prop_assert_eq!(without(&shown, false), without(&document, false));
    }

    #[test]
    fn any_octets_under_any_type_do_no_harm(body in vec(any::<u8>(), 0..200), kind in 0..4_usize) {
        let types = ["application/json", "multipart/related; boundary=-", "application/x-www-form-urlencoded", "x"];
        prop_assert_eq!(blanked(types[kind], &body, false).body.0.len(), body.len());
    }
}
