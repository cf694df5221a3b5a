//! How calls, connections and servers end.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{join, join_all};
use http::Method;
use sbi_api::CallError;
use sbi_transport::Limits;
use tokio::time::Instant;

use crate::site::{Site, post, request};

const GRACE: Duration = Duration::from_secs(10);

/// Polls a future once and drops it.
async fn begin_and_drop(future: impl Future) {
    begin(std::pin::pin!(future)).await;
}

/// Polls a future once.
async fn begin(mut future: Pin<&mut impl Future>) {
    let first = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending()));
    first.await;
}

pub(crate) async fn dropping_a_call_cancels_its_handler(mut site: Site) {
    let _server = site.serve(Limits::default());
    for round in 1..=3 {
        tokio::select! {
            biased;
            outcome = site.call(post("/wait", "")) => panic!("answered: {outcome:?}"),
            () = site.handler.until_begun(round) => {}
        }
        site.handler.until_cancelled(round).await;
    }
    site.call(post("/echo", "")).await.expect("the connection still serves");
}

pub(crate) async fn dropping_calls_at_any_time_harms_no_other(mut site: Site) {
    let _server = site.serve(Limits::default());
    for number in 0..300 {
        let dropped = async {
            for size in [0, 5000, 400_000] {
                let path = if number % 2 == 0 { "/later" } else { "/echo" };
                begin_and_drop(site.call(post(path, vec![2; size]))).await;
            }
        };
        let body = vec![1; number * 500];
        let (response, ()) = join(site.call(post("/later", body.clone())), dropped).await;
        assert!(*response.expect("an answer").body() == body);
    }
}

pub(crate) async fn a_deadline_ends_the_call_and_its_handler(mut site: Site) {
    let _server = site.serve(Limits::default());
    site.call(post("/echo", "")).await.expect("connected");
    let deadline = Instant::now() + Duration::from_millis(30);
    let outcome = site.call_at(&[site.endpoint()], post("/wait", ""), deadline).await;
    assert!(matches!(outcome, Err(CallError::Timeout(1..=30))), "{outcome:?}");
    assert_eq!(site.pool.stats()[0].1.failures, 1);
    site.handler.until_cancelled(1).await;
    site.call(post("/echo", "")).await.expect("the connection still serves");
}

pub(crate) async fn a_server_that_goes_fails_its_calls(mut site: Site) {
    let server = site.serve(Limits::default());
    let calls = join_all((0..50).map(|_| site.call(post("/wait", ""))));
    let end = async {
        site.handler.until_begun(50).await;
        drop(server);
    };
    let (outcomes, ()) = join(calls, end).await;
    for outcome in outcomes {
        assert!(matches!(outcome, Err(CallError::Broken { .. })), "{outcome:?}");
    }
    site.handler.until_cancelled(50).await;
    let outcome = site.call(post("/echo", "")).await;
    assert!(matches!(outcome, Err(CallError::Unreachable { .. })), "{outcome:?}");
}

pub(crate) async fn a_server_that_closes_answers_what_it_has(mut site: Site) {
    let server = site.serve(Limits::default());
    let calls = join_all((0..50).map(|_| site.call(post("/wait", vec![1; 10_000]))));
    let handler = site.handler.clone();
    let end = async {
        handler.until_begun(50).await;
        let mut closing = std::pin::pin!(server.close(GRACE));
        begin(closing.as_mut()).await; // it has told everybody now
        handler.gate.add_permits(50);
        assert!(closing.await, "all was answered in time");
    };
    let (outcomes, ()) = join(calls, end).await;
    for outcome in outcomes {
        assert_eq!(outcome.expect("an answer").body().len(), 10_000);
    }
    let outcome = site.call(post("/echo", "")).await;
    assert!(matches!(outcome, Err(CallError::Unreachable { .. })), "{outcome:?}");
}

pub(crate) async fn a_server_that_comes_back_is_found_again(mut site: Site) {
    for _ in 0..5 {
        let server = site.serve(Limits::default());
        site.call(request(Method::GET, "/echo", "")).await.expect("an answer");
        drop(server);
        until_free(&mut site).await;
    }
    let _server = site.serve(Limits::default());
    // What may be repeated does not notice that the connection it had is gone.
    site.call(request(Method::GET, "/echo", "")).await.expect("an answer");
}

/// A dropped server gives its place back once its task has ended.
async fn until_free(site: &mut Site) {
    while site.call(request(Method::GET, "/echo", "")).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn the_next_endpoint_is_used_when_one_is_away(mut site: Site) {
    let _server = site.serve(Limits::default());
    let endpoints = [site.elsewhere(), site.endpoint()];
    for _ in 0..20 {
        let deadline = Instant::now() + GRACE;
        site.call_at(&endpoints, post("/echo", ""), deadline).await.expect("an answer");
    }
    let failures = |endpoint| {
        let stats = site.pool.stats();
        stats.iter().find(|(known, _)| known == endpoint).map(|(_, counters)| counters.failures)
    };
    assert_eq!(failures(&endpoints[1]), Some(0));
    assert!(failures(&endpoints[0]).is_some_and(|failures| failures < 20), "the absent one is not tried every time");
}

pub(crate) async fn only_what_may_be_repeated_is_repeated(mut site: Site) {
    let server = site.serve(Limits::default());
    let put = site.call(request(Method::PUT, "/wait", ""));
    let post = site.call(post("/wait", ""));
    let handler = site.handler.clone();
    let end = async {
        handler.until_begun(2).await;
        drop(server);
        handler.until_cancelled(2).await;
    };
    let (put, post, ()) = futures_util::future::join3(put, post, end).await;
    assert!(matches!(put, Err(CallError::Unreachable { .. })), "tried again, in vain: {put:?}");
    assert!(matches!(post, Err(CallError::Broken { .. })), "not tried again: {post:?}");
}

pub(crate) async fn nobody_there_is_unreachable(site: Site) {
    for endpoints in [vec![], vec![site.elsewhere()], vec![site.elsewhere(), site.elsewhere()]] {
        let outcome = site.call_at(&endpoints, post("/echo", ""), Instant::now() + GRACE).await;
        assert!(matches!(outcome, Err(CallError::Unreachable { .. })), "{outcome:?}");
    }
}

pub(crate) async fn counters_count(mut site: Site) {
    let server = site.serve(Limits::default());
    for _ in 0..10 {
        site.call(post("/echo", "12345")).await.expect("an answer");
    }
    let served = server.stats();
    assert_eq!((served.calls, served.bytes_received, served.bytes_sent), (10, 50, 50));
    let [(endpoint, called)] = <[_; 1]>::try_from(site.pool.stats()).expect("one peer");
    assert_eq!(endpoint, site.endpoint());
    assert_eq!((called.calls, called.failures, called.connects), (10, 0, 1));
    assert_eq!((called.bytes_sent, called.bytes_received), (50, 50));
    assert_eq!(site.handler.handled.load(Ordering::Relaxed), 10);
}
