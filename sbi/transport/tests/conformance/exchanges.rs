//! One call at a time: what goes in comes out.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use sbi_api::{Body, CallError, Codec as _, Json, Response};
use sbi_transport::{Endpoint, Limits, Pool};
use tokio::time::Instant;

use crate::site::{Site, call, post, request};

/// Around every size at which a transport might do something else: blocks, runs of blocks, frames, windows.
const SIZES: [usize; 19] = [
    0,
    1,
    2,
    900,
    1023,
    1024,
    1025,
    2048,
    4095,
    4097,
    16_383,
    16_385,
    65_535,
    65_536,
    65_537,
    126_000,
    130_000,
    1 << 20,
    (1 << 20) + 1,
];

pub(crate) async fn bodies_of_every_size_come_back(mut site: Site) {
    let _server = site.serve(Limits::default());
    for path in ["/echo", "/later"] {
        for size in SIZES {
            let body: Bytes = (0..size).map(|place| (place * 31 + size) as u8).collect::<Vec<_>>().into();
            let response = site.call(post(path, body.clone())).await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK);
            assert!(*response.body() == body, "{size} octets came back otherwise");
        }
    }
}

pub(crate) async fn values_of_every_size_come_back_and_are_copied_nowhere(mut site: Site) {
    let server = site.serve(Limits::default());
    let endpoints = [site.endpoint()];
    for path in ["/value", "/value-later"] {
        for size in SIZES {
            let value: String = (0..size).map(|place| char::from(b'a' + ((place * 31 + size) % 26) as u8)).collect();
            let response = call_with(&site.pool, &endpoints, path, &value).await.expect("an answer");
            let came = Json::<String>::decode("application/json", response.into_body()).expect("JSON");
            assert!(came == value, "{size} octets came back otherwise");
            // Up to a quarter of a direction's blocks, here about 126 000 octets, is written in one piece.
            if matches!(endpoints[0], Endpoint::Shm(_)) && path == "/value" && size <= 65_537 {
                let channel = site.pool.stats()[0].1.channel + server.stats().channel;
                assert_eq!((channel.copied_in, channel.copied_out), (0, 0), "{size} octets were copied");
            }
        }
    }
    // Each went twice, in quotes.
    let octets = SIZES.iter().map(|size| 2 * (*size as u64 + 2)).sum::<u64>();
    let (client, server) = (site.pool.stats()[0].1, server.stats());
    assert_eq!((client.bytes_sent, client.bytes_received), (octets, octets));
    assert_eq!((server.bytes_sent, server.bytes_received), (octets, octets));
}

pub(crate) async fn a_value_over_the_limit_fails_the_call(mut site: Site) {
    let _server = site.serve(Limits::default());
    let pool = Pool::new(site.limits(Limits { max_body: 10_000, ..Limits::default() }));
    for (size, fits) in [(9_998, true), (9_999, false), (200_000, false), (100, true)] {
        let outcome = call_with(&pool, &[site.endpoint()], "/value", &"x".repeat(size)).await;
        let expected = if fits { Ok(size + 2) } else { Err(CallError::TooLarge(10_000)) };
        assert_eq!(outcome.map(|response| response.body().len()), expected, "{size}");
    }
}

async fn call_with(pool: &Pool, endpoints: &[Endpoint], path: &str, value: &String) -> Result<Response, CallError> {
    let request = http::Request::post(path).body(Body::of::<Json<String>>(value)).expect("a request");
    let deadline = Instant::now() + Duration::from_secs(20);
    pool.call_as(endpoints, "127.0.0.1:7777", &request, None, deadline).await
}

pub(crate) async fn heads_arrive_as_sent(mut site: Site) {
    let _server = site.serve(Limits::default());
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let mut sent = request(method.clone(), "/echo/imsi-999700000000001?a=b&c=%7B%7D", "x");
        let fields = sent.headers_mut();
        let related = "multipart/related; boundary=\"----x\"; start=\"<1>\"";
        fields.insert("content-type", related.parse().expect("a value"));
        fields.insert("3gpp-sbi-max-rsp-time", "4000".parse().expect("a value"));
        fields.append("3gpp-sbi-oci", "one".parse().expect("a value"));
        fields.append("3gpp-sbi-oci", "two".parse().expect("a value"));
        fields.insert("x-empty", "".parse().expect("a value"));
        fields.insert("x-long", "y".repeat(5000).parse().expect("a value"));
        let expected = sent.headers().clone();
        let response = site.call(sent).await.expect("an answer");
        assert_eq!(response.headers()["x-method"], method.as_str());
        assert_eq!(response.headers()["x-path"], "/echo/imsi-999700000000001?a=b&c=%7B%7D");
        for name in expected.keys() {
            let all = |fields: &http::HeaderMap| fields.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all(response.headers()), all(&expected), "{name}");
        }
    }
}

pub(crate) async fn every_status_is_an_answer(mut site: Site) {
    let _server = site.serve(Limits::default());
    for status in [200, 201, 204, 307, 400, 401, 403, 404, 409, 411, 413, 429, 500, 501, 503, 504] {
        let body = if status == 204 { "" } else { "{\"cause\":\"X\"}" };
        let response = site.call(post(&format!("/status/{status}"), body)).await.expect("an answer");
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.body(), body);
    }
}

pub(crate) async fn a_body_over_the_servers_limit_is_answered_413(mut site: Site) {
    let _server = site.serve(Limits { max_body: 100_000, ..Limits::default() });
    for size in [100_001, 300_000, 3 << 20] {
        let response = site.call(post("/echo", vec![1; size])).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{size}");
    }
    let response = site.call(post("/echo", vec![1; 100_000])).await.expect("an answer");
    assert_eq!(response.body().len(), 100_000, "the connection still serves");
}

pub(crate) async fn a_body_over_the_clients_limit_fails_the_call(mut site: Site) {
    let _server = site.serve(Limits::default());
    let pool = Pool::new(site.limits(Limits { max_body: 100_000, ..Limits::default() }));
    let too_large = Err(CallError::TooLarge(100_000));
    for size in [100_001, 300_000, 3 << 20] {
        let outcome = call(&pool, &site.endpoint(), post(&format!("/octets/{size}"), "")).await;
        assert_eq!(outcome.map(drop), too_large, "{size}");
    }
    assert_eq!(call(&pool, &site.endpoint(), post("/echo", vec![1; 100_001])).await.map(drop), too_large);
    let response = call(&pool, &site.endpoint(), post("/octets/100000", "")).await.expect("an answer");
    assert_eq!(response.body().len(), 100_000, "the connection still serves");
}

pub(crate) async fn a_panic_is_answered_500_and_harms_nothing_else(mut site: Site) {
    let _server = site.serve(Limits::default());
    let waiting = site.call(post("/wait", "still here"));
    let panics = async {
        site.handler.until_begun(1).await;
        for path in ["/panic", "/panic-later", "/panic"] {
            let response = site.call(post(path, "")).await.expect("an answer");
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        site.handler.gate.add_permits(1);
    };
    let (waited, ()) = futures_util::future::join(waiting, panics).await;
    assert_eq!(waited.expect("an answer").body(), "still here");
}
