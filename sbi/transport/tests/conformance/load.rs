//! Many calls at once.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use http::StatusCode;
use sbi_transport::{Limits, Pool};

use crate::site::{Site, call, post};

pub(crate) async fn thousands_of_calls_in_flight(mut site: Site) {
    const CALLS: usize = 2500;
    let _server = site.serve(Limits::default());
    let site = &site;
    let calls = (0..CALLS).map(async |number| {
        let body = format!("call {number} ").repeat(number % 200);
        let response = site.call(post("/wait", body.clone())).await.expect("an answer");
        assert_eq!(*response.body(), body);
    });
    let release = async {
        site.handler.until_begun(CALLS).await;
        site.handler.gate.add_permits(CALLS);
    };
    join(join_all(calls), release).await;
}

pub(crate) async fn answers_come_in_any_order(mut site: Site) {
    let _server = site.serve(Limits::default());
    let first = site.call(post("/wait", "first"));
    let others = async {
        site.handler.until_begun(1).await;
        for _ in 0..100 {
            let response = site.call(post("/later", "other")).await.expect("an answer");
            assert_eq!(response.body(), "other");
        }
        site.handler.gate.add_permits(1);
    };
    let (first, ()) = join(first, others).await;
    assert_eq!(first.expect("an answer").body(), "first");
}

pub(crate) async fn many_clients_at_once(mut site: Site) {
    let _server = site.serve(Limits::default());
    let endpoint = site.endpoint();
    let clients = (0..8).map(|client| {
        let endpoint = endpoint.clone();
        let pool = Arc::new(Pool::new(site.limits(Limits::default())));
        tokio::spawn(async move {
            let calls = (0..20).map(async |lane: usize| {
                for number in 0..10 {
                    let body = vec![client as u8; lane * 997 + number];
                    let response = call(&pool, &endpoint, post("/later", body.clone())).await.expect("an answer");
                    assert!(*response.body() == body);
                }
            });
            join_all(calls).await;
        })
    });
    for client in join_all(clients).await {
        client.expect("no assertion failed");
    }
}

pub(crate) async fn calls_beyond_the_limit_are_answered_503(mut site: Site) {
    let _server = site.serve(Limits { max_concurrent: 3, ..Limits::default() });
    let waiting = join_all((0..3).map(|_| site.call(post("/wait", ""))));
    let others = async {
        site.handler.until_begun(3).await;
        let response = site.call(post("/echo", "")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        site.handler.gate.add_permits(3);
    };
    let (waited, ()) = join(waiting, others).await;
    assert!(waited.into_iter().all(|outcome| outcome.expect("an answer").status() == StatusCode::OK));
    assert_eq!(site.call(post("/echo", "")).await.expect("an answer").status(), StatusCode::OK);
}

/// More than any buffer holds, asked for at once and not taken until all of it was asked for.
pub(crate) async fn a_slow_reader_gets_everything(mut site: Site) {
    let _server = site.serve(Limits::default());
    let calls: Vec<_> = (0..40).map(|number| site.call(post("/octets/300000", vec![1; number * 1000]))).collect();
    for response in join_all(calls).await {
        assert_eq!(response.expect("an answer").body().len(), 300_000);
    }
}

pub(crate) async fn long_held_bodies_do_not_block_others(mut site: Site) {
    let _server = site.serve(Limits::default());
    let mut held = Vec::new();
    for number in 0..3000_usize {
        let body = vec![number as u8; 700];
        let response = site.call(post("/echo", body.clone())).await.expect("an answer");
        held.push((body, response.into_body()));
    }
    assert!(held.iter().all(|(sent, received)| sent == received), "what is held does not change");
    site.call(post("/echo", vec![3; 1 << 20])).await.expect("an answer");
}
