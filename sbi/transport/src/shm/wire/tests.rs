use super::*;
use proptest::prelude::*;

const LIMIT: u32 = 16 << 10;

fn a_request() -> Request {
    http::Request::builder()
        .method(Method::POST)
        .uri("/nsmf-pdusession/v1/sm-contexts?a=b")
        .header(header::CONTENT_TYPE, "multipart/related; boundary=\"xyz\"")
        .header(header::ACCEPT, "application/problem+json")
        .header("3gpp-sbi-max-rsp-time", "4000")
        .header("x", "1")
        .header("x", "2")
        .body(Bytes::from_static(b"body"))
        .expect("a request")
}

fn head_of(request: &Request) -> Vec<u8> {
    let mut head = vec![9; 3];
    encode_request("127.0.0.4:7777", request, LIMIT, &mut head).expect("it can be written");
    head
}

#[test]
fn a_request_arrives_as_it_was() {
    for method in METHODS.into_iter().chain([Method::from_bytes(b"FETCH").expect("a token")]) {
        let mut request = a_request();
        *request.method_mut() = method;
        let head = head_of(&request);
        assert_eq!(head_length(&head), Ok(head.len()));
        let read = decode_request(&head, request.body().clone(), LIMIT).expect("it can be read");
        assert_eq!(read.method(), request.method());
        assert_eq!(read.uri(), request.uri());
        assert_eq!(read.headers(), request.headers());
        assert_eq!(read.body(), request.body());
    }
}

#[test]
fn a_response_arrives_as_it_was() {
    let response = http::Response::builder().status(201).header(header::LOCATION, "http://a/b").body(Bytes::new());
    let response = response.expect("a response");
    let mut head = Vec::new();
    encode_response(&response, LIMIT, &mut head).expect("it can be written");
    let read = decode_response(&head, Bytes::new(), LIMIT).expect("it can be read");
    assert_eq!(read.status(), response.status());
    assert_eq!(read.headers(), response.headers());
}

#[test]
fn fields_over_the_limit_are_refused_at_both_ends() {
    let request = a_request();
    assert_eq!(encode_request("a", &request, 100, &mut Vec::new()), Err(WireError::TooLong));
    let head = head_of(&request);
    assert_eq!(decode_request(&head, Bytes::new(), 100).map(drop), Err(WireError::TooLong));
}

#[test]
fn a_value_as_long_as_a_code_is_refused() {
    let mut request = a_request();
    let long = "v".repeat(usize::from(KNOWN_VALUE));
    request.headers_mut().insert("x", HeaderValue::from_str(&long).expect("a value"));
    assert_eq!(encode_request("a", &request, u32::MAX, &mut Vec::new()), Err(WireError::TooLong));
}

#[test]
fn every_cut_is_noticed() {
    let head = head_of(&a_request());
    for length in 0..head.len() {
        assert!(decode_request(&head[..length], Bytes::new(), LIMIT).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn arbitrary_heads_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = head_length(&octets);
        let _ = decode_request(&octets, Bytes::new(), LIMIT);
        let _ = decode_response(&octets, Bytes::new(), LIMIT);
    }

    #[test]
    fn mutated_heads_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut head = head_of(&a_request());
        for (place, octet) in changes {
            *place.get_mut(&mut head) = octet;
        }
        let _ = decode_request(&head, Bytes::new(), LIMIT);
    }
}
