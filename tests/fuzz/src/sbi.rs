//! The service-based interface: bodies with parts, and requests of any kind into a server's routes.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use runtime::{Context, Metrics, NetworkFunction, Rejects, Shutdown};
use sbi_api::{
    ApiRoot, Body, BoxFuture, CallError, Caller, Codec, Handler, Multipart, Request, Response, Target, WithParts,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// A body: the line before it is its Content-Type. What is read can be written and says the same.
pub fn sbi_multipart(data: &[u8]) {
    let Some(end) = data.iter().position(|octet| *octet == b'\n') else { return };
    let (line, body) = data.split_at(end);
    let Ok(content_type) = std::str::from_utf8(line) else { return };
    match Multipart::<Value>::decode(content_type, Bytes::copy_from_slice(&body[1..])) {
        Ok(value) => {
            assert!(value.parts.len() <= 16, "no more parts than there may be");
            assert!(value.parts.iter().map(|part| part.data.len()).sum::<usize>() <= body.len());
            let (content_type, octets) = Multipart::<Value>::encode(&value);
            let content_type = content_type.to_str().expect("we write text");
            let again = Multipart::<Value>::decode(content_type, octets).expect("our own body");
            // But for the last digits of a number with a fraction, which JSON does not promise.
            assert_eq!(again.parts, value.parts);
            assert_eq!(std::mem::discriminant(&again.json), std::mem::discriminant(&value.json));
        }
        Err(problem) => assert!((400..500).contains(&problem.status), "the peer's fault: {}", problem.status),
    }
}

/// Bodies as SMF and AMF exchange them.
pub(crate) fn multipart_bodies() -> Vec<Vec<u8>> {
    let mut with_parts = WithParts::from(json!({"n1SmMsg": {"contentId": "n1"}}));
    with_parts.attach("n1", sbi_api::multipart::NAS_5GS, Bytes::from_static(&[0x2e, 1, 1, 0xc1, 0xff, 0xff]));
    with_parts.attach("n2", sbi_api::multipart::NGAP, Bytes::from_static(b"--\r\n----peregrine\r\n"));
    let bodies = [with_parts, WithParts::from(json!({"supi": "imsi-999700000000001"}))];
    let encoded = bodies.iter().map(|body| {
        let (content_type, octets) = Multipart::<Value>::encode(body);
        [content_type.as_bytes(), b"\n", &octets].concat()
    });
    let foreign = b"Multipart/Related; boundary=\"b\"; type=x\npreamble\r\n--b \r\nContent-Type:application/json\r\n\r\n{}\r\n--b--";
    encoded.chain([foreign.to_vec()]).collect()
}

/// There is nobody to call.
struct Alone;

impl Caller for Alone {
    fn call<'a>(
        &'a self,
        _target: &'a Target,
        _request: Request<Body<'a>>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async { Err(CallError::NoInstance("NF".into())) })
    }
}

/// A directory that goes with this process.
fn place() -> &'static std::path::Path {
    static PLACE: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    PLACE.get_or_init(|| tempfile::tempdir().expect("a directory")).path()
}

fn context<C: Default>() -> Context<C> {
    let common = runtime::config::parse::<runtime::config::Common>("", runtime::config::BUILT_IN);
    Context {
        config: C::default(),
        network: common.expect("the built-in configuration").network,
        instance_id: Uuid::from_u128(7),
        caller: Arc::new(Alone),
        api_root: ApiRoot::http("127.0.0.10:7777"),
        metrics: Metrics::new("fuzz"),
        rejects: Rejects::default(),
        trace: runtime::trace::Trace::default(),
        shutdown: Shutdown::new(),
        run_dir: "/nonexistent".into(),
        state_dir: place().to_owned(),
    }
}

/// What separates requests of an input: ASCII's record separator.
const NEXT: u8 = 0x1e;

/// A request: `METHOD PATH`, a line with its Content-Type, a body. `None` where HTTP itself would refuse it.
fn request(text: &[u8]) -> Option<Request> {
    let mut lines = text.splitn(3, |octet| *octet == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let content_type = HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok()?;
    let body = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    http::Request::builder().method(method).uri(target).header(CONTENT_TYPE, content_type).body(body).ok()
}

/// What any answer must be: of a status that says whose fault it is, and an error with its problem details.
fn check(request: &str, response: &Response) {
    let status = response.status().as_u16();
    assert!((200..500).contains(&status) || status == 503, "{status} to {request}");
    if status >= 400 {
        let problem: Value = serde_json::from_slice(response.body()).expect("an error's body is JSON");
        // OAuth 2.0 has errors of its own (RFC 6749 5.2, TS 29.510 6.3.3.2.4).
        if problem["error"].is_string() {
            assert!(request.starts_with("POST /oauth2/token") && status == 400, "{status} to {request}");
        } else {
            assert_eq!(problem["status"], json!(status), "{request}");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json", "{request}");
        }
        assert!(response.body().len() < 8192, "the peer's words are not repeated at length");
    }
}

fn serve(handler: &dyn Handler, runtime: &Runtime, data: &[u8]) {
    for text in data.split(|octet| *octet == NEXT) {
        let Some(request) = request(text) else { continue };
        let line = format!("{} {}", request.method(), request.uri());
        check(&line, &runtime.block_on(handler.handle(request)).map(Body::into_bytes));
    }
}

/// Starts a network function anew for each input.
fn serve_all<N: NetworkFunction>(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let running = runtime.block_on(N::start(context())).unwrap_or_else(|error| panic!("{error}"));
    let handler = running.handler.expect("it serves");
    serve(&*handler, &runtime, data);
    assert!((running.status)().is_object());
}

/// Requests to the NRF, one after the other.
pub fn sbi_nrf(data: &[u8]) {
    serve_all::<nrf::Nrf>(data);
}

/// Registration, heartbeat, discovery, subscription and their ends.
pub(crate) fn nrf_requests() -> Vec<Vec<u8>> {
    let id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let instance = format!("/nnrf-nfm/v1/nf-instances/{id}");
    let profile = json!({
        "nfInstanceId": id, "nfType": "UDM", "nfStatus": "REGISTERED", "ipv4Addresses": ["127.0.0.12"], "capacity": 100,
        "nfServices": [{
            "serviceInstanceId": "1", "serviceName": "nudm-sdm", "nfServiceStatus": "REGISTERED", "scheme": "http",
            "versions": [{"apiVersionInUri": "v2", "apiFullVersion": "2.2.0"}],
            "ipEndPoints": [{"ipv4Address": "127.0.0.12", "port": 7777}],
        }],
    });
    let heartbeat = json!([{"op": "replace", "path": "/nfStatus", "value": "REGISTERED"}]);
    let subscription =
        json!({"nfStatusNotificationUri": "http://127.0.0.5:7777/status", "subscrCond": {"nfType": "UDM"}});
    let register = format!("PUT {instance}\napplication/json\n{profile}");
    let update = format!("PATCH {instance}\napplication/json-patch+json\n{heartbeat}");
    let discover = "GET /nnrf-disc/v1/nf-instances?target-nf-type=UDM&requester-nf-type=AMF&service-names=nudm-sdm";
    let subscribe = format!("POST /nnrf-nfm/v1/subscriptions\napplication/json\n{subscription}");
    let deregister = format!("DELETE {instance}");
    let form = format!("grant_type=client_credentials&nfInstanceId={id}&nfType=UDM&targetNfType=UDM&scope=nudm-sdm");
    let token = format!("POST /oauth2/token\napplication/x-www-form-urlencoded\n{form}");
    let rows: [&[&str]; 5] = [
        &[&register, &token, "GET /oauth2/jwks", &token.replace("UDM", "AMF")],
        &[&register, &update, discover, &deregister],
        &[&subscribe, &register, &format!("GET {instance}"), "DELETE /nnrf-nfm/v1/subscriptions/1"],
        &[&update, discover, "PATCH /nnrf-nfm/v1/subscriptions/%31\napplication/json-patch+json\n[]"],
        &["GET /nnrf-nfm/v1/nf-instances?limit=3", "POST /nnrf-disc/v1", "GET /%2e%2e/%00"],
    ];
    rows.iter().map(|row| row.join("\u{1e}").into_bytes()).collect()
}

/// Access tokens as they come in `Authorization`.
pub fn sbi_token(data: &[u8]) {
    let (signer, genuine) = signed();
    let keys = sbi_token::Keys::new(&signer.public_keys());
    match keys.verify(data, 0) {
        Ok(claims) => assert_eq!((data, claims.scope.as_str()), (genuine.as_bytes(), "nudm-sdm"), "nobody else signs"),
        Err(fault) => assert!(fault.to_string().len() < 64, "the token is not repeated"),
    }
}

/// An NRF's key, and a token that it signed.
fn signed() -> &'static (sbi_token::Signer, String) {
    static SIGNED: std::sync::OnceLock<(sbi_token::Signer, String)> = std::sync::OnceLock::new();
    SIGNED.get_or_init(|| {
        let key = sbi_token::Signer::generate().expect("random numbers");
        let signer = sbi_token::Signer::new(key.as_ref()).expect("our own key");
        let claims =
            json!({"iss": Uuid::from_u128(1), "sub": Uuid::from_u128(2), "aud": "UDM", "scope": "nudm-sdm", "exp": 9});
        let token = signer.sign(&serde_json::from_value(claims).expect("claims")).expect("signed");
        (signer, token)
    })
}

/// Genuine, unsigned and with claims of another type.
pub(crate) fn tokens() -> Vec<Vec<u8>> {
    let genuine = signed().1.clone();
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im51ZG0tc2RtIn0.";
    vec![genuine.clone().into_bytes(), unsigned.into(), genuine.replace('.', "..").into_bytes()]
}
