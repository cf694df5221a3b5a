//! Small urgent calls on a channel full of others.

use std::future::{poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use sbi_api::{Answer, Body, BoxFuture, Handler, Json, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve};
use tokio::time::Instant;

/// Answers with a mebibyte, or with what came.
struct Bulk;

impl Handler for Bulk {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        Box::pin(ready(match request.uri().path() {
            "/bulk" => Response::new(Bytes::from(vec![7; 1 << 20]).into()),
            "/value" => Response::new(Body::owned::<Json<String>>("beats".into())),
            _ => Response::new(request.into_body().into()),
        }))
    }
}

/// How many of `OTHERS` calls were answered before one that began after all of them.
async fn answered_before(path: &str, priority: Option<&str>) -> usize {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoints = [Endpoint::Shm(directory.path().join("shm"))];
    let limits = Limits { shm_segment: 128 << 10, ..Limits::default() };
    let _server = serve(&endpoints[0], Arc::new(Bulk), limits).expect("the endpoint is free");
    let pool = Pool::new(Limits::default());
    let call = async |path: &str, priority: Option<&str>, octets: usize| {
        let mut request = http::Request::post(path);
        if let Some(priority) = priority {
            request = request.header("3gpp-Sbi-Message-Priority", priority);
        }
        let request = request.body(vec![5; octets].into()).expect("a request");
        let outcome = pool.call(&endpoints, "peer", request, Instant::now() + Duration::from_secs(60)).await;
        outcome.expect("an answer").into_body().len()
    };
    call("/echo", None, 1).await;
    let answered = AtomicUsize::new(0);
    let others = (0..OTHERS).map(|number| {
        let (call, answered) = (&call, &answered);
        async move {
            let expected = if number % 200 == 0 { 1 << 20 } else { 700 };
            assert_eq!(call(if number % 200 == 0 { "/bulk" } else { "/echo" }, None, 700).await, expected);
            answered.fetch_add(1, Relaxed);
        }
    });
    let (mut others, urgent) = (pin!(join_all(others)), async {
        let before = answered.load(Relaxed);
        call(path, priority, 10).await;
        answered.load(Relaxed) - before
    });
    // All others have begun, and wait for room, before it is.
    assert!(poll_fn(|cx| Poll::Ready(others.as_mut().poll(cx).is_pending())).await);
    let (before, _) = futures_util::future::join(urgent, others).await;
    before
}

const OTHERS: usize = 2000;

#[tokio::test]
async fn a_heartbeat_is_not_stuck_behind_bulk_answers_or_calls_that_wait_for_room() {
    let usual = answered_before("/echo", None).await;
    assert!(usual > OTHERS * 9 / 10, "without a priority it takes its turn: behind {usual}");
    for path in ["/echo", "/value"] {
        let urgent = answered_before(path, Some("8")).await;
        assert!(urgent < OTHERS / 10, "{path} was answered behind {urgent} others");
    }
    let low = answered_before("/echo", Some("31")).await;
    assert!(low > OTHERS * 9 / 10, "neither does it go ahead with the lowest: behind {low}");
}
