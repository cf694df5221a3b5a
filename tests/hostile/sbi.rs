//! Requests and octets from whoever reaches the service-based interface over TCP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use fuzz::Mutator;
use sbi_api::{CallError, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool};
use tests::World;
use tokio::time::Instant;

/// Every NF that serves, by the last octet of its address.
const SERVERS: [(&str, u8); 6] = [("nrf", 10), ("udr", 20), ("udm", 12), ("ausf", 11), ("amf", 5), ("smf", 4)];

fn server(last: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, last), 7777).into()
}

async fn call(pool: &Pool, last: u8, request: Request) -> Result<Response, CallError> {
    let (endpoint, deadline) = (Endpoint::H2(server(last)), Instant::now() + Duration::from_secs(10));
    pool.call(&[endpoint], &server(last).to_string(), request, deadline).await
}

fn request(method: &str, path: &str, content_type: &str, body: impl Into<Bytes>) -> Option<Request> {
    http::Request::builder().method(method).uri(path).header("content-type", content_type).body(body.into()).ok()
}

/// Whoever errs is told so: 4xx with problem details. A server that says 5xx blames itself for it.
fn blames_the_client(what: &str, response: &Response) {
    let status = response.status().as_u16();
    assert!((200..500).contains(&status) || status == 503 || status == 504, "{what}: {status} {:?}", response.body());
    if status >= 400 {
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{what}");
        assert!(serde_json::from_slice::<serde_json::Value>(response.body()).is_ok(), "{what}");
    }
}

/// Paths of resources, with what does not belong there.
const PATHS: [&str; 16] = [
    "/",
    "/nothing/v1/here",
    "/nudm-sdm/v2/imsi-999700000000001/am-data",
    "/nudm-sdm/v2/imsi-99970000%00%1b%5b31m/am-data",
    "/nudm-sdm/v2/imsi-9997000000000019999999999999999/am-data?plmn-id=x",
    "/nudm-sdm/v2/%2e%2e/%2e%2e/am-data",
    "/nudm-ueau/v1/suci-0-999-70-0000-1-99-00/security-information/generate-auth-data",
    "/nudm-ueau/v1/suci-0-999-70-0000-1-1-zz/security-information/generate-auth-data",
    "/nudm-uecm/v1/imsi-999700000000001/registrations/amf-3gpp-access",
    "/nudr-dr/v2/subscription-data/imsi-%ff%fe/authentication-data/authentication-subscription",
    "/nausf-auth/v1/ue-authentications",
    "/nausf-auth/v1/ue-authentications/1/5g-aka-confirmation",
    "/namf-comm/v1/ue-contexts/imsi-999700000000001/n1-n2-messages",
    "/nsmf-pdusession/v1/sm-contexts",
    "/nsmf-pdusession/v1/sm-contexts/1/modify",
    "/nnrf-nfm/v1/nf-instances/not-a-uuid",
];

/// Every method on every path, with bodies that are not what is wanted.
async fn wrong_bodies_and_types() {
    let pool = Pool::new(Limits::default());
    let bodies = [
        ("application/json", "{"),
        ("application/json", "{}"),
        ("text/plain", "{}"),
        ("application/json", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
        ("multipart/related", "--x\r\n\r\n{}\r\n--x--"),
        ("multipart/related; boundary=x", "--x\r\ncut"),
        ("application/json-patch+json", "[{\"op\":\"remove\",\"path\":\"/\"}]"),
    ];
    for (name, last) in SERVERS {
        for path in PATHS {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                for (content_type, body) in bodies {
                    let Some(request) = request(method, path, content_type, body) else { continue };
                    let what = format!("{name}: {method} {path} {body}");
                    let response = call(&pool, last, request).await.unwrap_or_else(|error| panic!("{what}: {error}"));
                    blames_the_client(&what, &response);
                }
            }
        }
    }
}

/// JSON that nests a thousand deep, and bodies beyond the limit.
async fn bodies_that_are_too_much() {
    let deep = "[".repeat(100_000);
    let long = vec![b' '; (4 << 20) + 1];
    for (name, last) in SERVERS {
        let limits = Limits { max_body: 64 << 20, ..Limits::default() };
        let pool = Pool::new(limits);
        for path in
            ["/nausf-auth/v1/ue-authentications", "/nsmf-pdusession/v1/sm-contexts", "/nnrf-nfm/v1/subscriptions"]
        {
            let nested = request("POST", path, "application/json", deep.clone()).expect("a request");
            let response = call(&pool, last, nested).await.unwrap_or_else(|error| panic!("{name} {path}: {error}"));
            blames_the_client(name, &response);
            // It may be answered, or the stream ended with the body half-way.
            let much = request("POST", path, "application/json", long.clone()).expect("a request");
            if let Ok(response) = call(&pool, last, much).await {
                assert!((400..500).contains(&response.status().as_u16()), "{name}: {}", response.status());
            }
        }
    }
}

/// What is not HTTP/2, or stops being it.
async fn octets_that_are_not_http() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // A stream opened and reset at once, and a header block that never ends.
    let reset =
        [&[0, 0, 4, 1, 4, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0x41][..], &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]].concat();
    let open = [0, 0, 3, 1, 0, 0, 0, 0, 3, 0x82, 0x84, 0x86];
    let continuation = [&[0, 16, 0, 9, 0, 0, 0, 0, 3][..], &[0; 4096]].concat();
    let rows = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        preface[..10].to_vec(),
        [&preface[..], &[0xff; 64]].concat(),
        [&preface[..], &settings, &reset.repeat(3000)].concat(),
        [&preface[..], &settings, &open, &continuation.repeat(300)].concat(),
        [&preface[..], &settings, &settings.repeat(20_000)].concat(),
    ];
    for (_, last) in SERVERS {
        for row in &rows {
            let mut stream = TcpStream::connect(server(last)).expect("it listens");
            stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time");
            stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a time");
            // The server may end the connection at any point: that is its right.
            let _ = stream.write_all(row);
            let _ = stream.read(&mut [0; 4096]);
        }
        let idle: Vec<_> = (0..50).filter_map(|_| TcpStream::connect(server(last)).ok()).collect();
        assert_eq!(idle.len(), 50);
    }
}

/// Requests of honest NFs, mutated.
async fn mutated_requests() {
    let seeds = (fuzz::target("sbi_nrf").expect("a target").seeds)();
    let pool = Pool::new(Limits::default());
    for number in 0..1500 {
        let input = Mutator::new(number).input(&seeds);
        let (name, last) = SERVERS[usize::try_from(number).unwrap_or(0) % SERVERS.len()];
        for text in input.split(|octet| *octet == 0x1e) {
            let Some((line, rest)) = text.split_at_checked(text.iter().position(|o| *o == b'\n').unwrap_or(0)) else {
                continue;
            };
            let Some((method, path)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')) else {
                continue;
            };
            // The NRF believes what an NF says of itself, so this must not be about one of ours.
            let Some(request) = request(method, path, "application/json", rest.to_vec()) else { continue };
            if request.uri().authority().is_some() || request.method() == "CONNECT" || !path.starts_with('/') {
                continue;
            }
            let what = format!("{name}: {method} {path}");
            let response = call(&pool, last, request).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            blames_the_client(&what, &response);
        }
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        #[test]
        fn nobody_is_harmed() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                // With tokens asked for, nothing of this would reach a service.
                let mut world = World::start_with("sbi: {oauth2: false}\n").await;
                let only = std::env::var("CASE").ok();
                $(if only.as_deref().is_none_or(|only| only == stringify!($case)) {
                    $case().await;
                    world.unharmed(stringify!($case)).await;
                })*
            });
        }
    };
}

cases! { wrong_bodies_and_types bodies_that_are_too_much octets_that_are_not_http mutated_requests }
