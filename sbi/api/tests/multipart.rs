//! Bodies with binary parts, ours and broken ones.

use bytes::Bytes;
use proptest::prelude::*;
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::{Codec, Multipart, Part, WithParts};

type Body = Multipart<serde_json::Value>;

fn decode(content_type: &str, body: &[u8]) -> Result<WithParts<serde_json::Value>, u16> {
    Body::decode(content_type, Bytes::copy_from_slice(body)).map_err(|problem| problem.status)
}

#[test]
fn json_and_parts_and_back() {
    let mut value = WithParts::from(serde_json::json!({"n1SmMsg": {"contentId": "n1"}}));
    let reference = value.attach("n1", NAS_5GS, Bytes::from_static(b"\x2e\x01\r\n--x\r\n"));
    value.attach("n2", NGAP, Bytes::new());
    let (content_type, body) = Body::encode(&value);
    let read = Body::decode(content_type.to_str().expect("text"), body).expect("reads");
    assert_eq!(read, value);
    assert_eq!(read.part(&reference).expect("there"), value.parts[0].data);
    assert_eq!(read.part(&"n3".into()).map_err(|problem| problem.status), Err(400));
}

#[test]
fn without_parts_it_is_json() {
    let value = WithParts::from(serde_json::json!({"a": 1}));
    let (content_type, body) = Body::encode(&value);
    assert_eq!(content_type, "application/json");
    assert_eq!(Body::decode("application/json; charset=utf-8", body).expect("reads"), value);
}

/// As other cores write it: preamble, angle brackets, other headers, lower-case names, no line end at the close.
#[test]
fn a_body_of_another_implementation() {
    let body = b"ignored\r\n--=-abc \t\r\ncontent-type: application/json\r\n\r\n{}\r\n--=-abc\r\nContent-Transfer-Encoding: binary\r\n\
        Content-ID: <5gnas-sm>\r\nContent-Type:application/vnd.3gpp.5gnas\r\n\r\n\x2e\r\n\r\n--=-abc--";
    let read = decode("Multipart/Related; type=\"application/json\"; Boundary=\"=-abc\"", body).expect("reads");
    let part =
        Part { content_id: "5gnas-sm".into(), content_type: NAS_5GS.into(), data: Bytes::from_static(b"\x2e\r\n") };
    assert_eq!(read.parts, [part]);
}

#[test]
fn broken_bodies_are_refused() {
    let related = "multipart/related; boundary=b";
    for (content_type, body) in [
        ("multipart/related", "--b\r\n\r\n{}\r\n--b--"),
        ("multipart/related; boundary=", "--\r\n\r\n{}\r\n----"),
        (related, ""),
        (related, "--b"),
        (related, "--b--"),
        (related, "--b\r\n"),
        (related, "--b\r\nContent-Type: application/json\r\n\r\n{}"),
        (related, "--b\r\nContent-Type: application/json\r\n{}\r\n--b--"),
        (related, "--b\r\nContent-Type application/json\r\n\r\n{}\r\n--b--"),
        (related, "--b\r\nContent-Type: application/json\r\n\r\n{\r\n--b--"),
        (related, "--bx\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--"),
        ("application/json", "--b\r\n"),
    ] {
        assert_eq!(decode(content_type, body.as_bytes()), Err(400), "{content_type}: {body}");
    }
    assert_eq!(decode("text/plain", b"{}"), Err(415));
    assert_eq!(decode(related, b"--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b--"), Err(415));
    let many = format!("--b\r\nContent-Type: application/json\r\n\r\n{{}}{}\r\n--b--", "\r\n--b\r\n\r\n".repeat(1000));
    assert_eq!(decode(related, many.as_bytes()), Err(400));
}

proptest! {
    #[test]
    fn any_parts_come_back(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..5)) {
        let mut value = WithParts::from(serde_json::json!({"text": "\r\n----peregrine"}));
        for (n, data) in parts.into_iter().enumerate() {
            value.attach(&format!("part{n}"), NGAP, data.into());
        }
        value.attach("boundary", NAS_5GS, Bytes::from_static(b"\r\n------peregrine--\r\n"));
        let (content_type, body) = Body::encode(&value);
        prop_assert_eq!(Body::decode(content_type.to_str().expect("text"), body).expect("reads"), value);
    }

    #[test]
    fn arbitrary_and_mutated_bytes_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..300, with in any::<u8>(), cut in 0usize..300) {
        let _ = decode("multipart/related; boundary=b", &noise);
        let mut value = WithParts::from(serde_json::json!({"a": 1}));
        value.attach("n1", NAS_5GS, Bytes::from(noise));
        let (content_type, body) = Body::encode(&value);
        let mut body = body.to_vec();
        if let Some(octet) = body.get_mut(at) {
            *octet = with;
        }
        body.truncate(body.len().saturating_sub(cut));
        let _ = decode(content_type.to_str().expect("text"), &body);
    }
}
