//! What channels cost, and that they leave nothing behind. One test, as it counts what the whole process has.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use sbi_api::{BoxFuture, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve};
use tokio::time::Instant;

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(ready(Response::new(request.into_body())))
    }
}

async fn echo(pool: &Pool, endpoint: &Endpoint, length: usize) {
    let request = http::Request::post("/echo").body(vec![1; length].into()).expect("a request");
    let deadline = Instant::now() + Duration::from_secs(20);
    let response = pool.call(std::slice::from_ref(endpoint), "peer", request, deadline).await.expect("an answer");
    assert_eq!(response.body().len(), length);
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("proc").count()
}

fn channel_mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc");
    maps.lines().filter(|line| line.contains("peregrine-channel")).count()
}

fn shared_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("RssShmem:")).expect("a field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Channels a thousand descriptors allow at once, or a thousand where the limit can be raised.
fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(65_536).min(65_536);
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    let current = setrlimit(Resource::Nofile, raised).map_or(limit.current.unwrap_or(1024), |()| wanted);
    (current as usize / 8).min(1000)
}

async fn until_gone(descriptors: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while open_descriptors() > descriptors || channel_mappings() > 0 {
        assert!(Instant::now() < deadline, "{} descriptors, {} mappings left", open_descriptors(), channel_mappings());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn channels_leave_nothing_behind_and_take_little() {
    let channels = raise_descriptor_limit();
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = Endpoint::Shm(directory.path().join("shm"));
    let server = serve(&endpoint, Arc::new(Echo), Limits::default()).expect("it is free");
    let before = open_descriptors();

    for cycle in 0..300 {
        let pool = Pool::new(Limits::default());
        echo(&pool, &endpoint, cycle * 10).await;
    }
    until_gone(before).await;

    let pools: Vec<_> = (0..channels).map(|_| Pool::new(Limits::default())).collect();
    let empty = shared_kilobytes();
    for pool in &pools {
        for _ in 0..5 {
            echo(pool, &endpoint, 2000).await;
        }
    }
    // Both ends are in this process and map the same pages, which it counts twice.
    let each = (shared_kilobytes() - empty) / channels / 2;
    println!("{channels} channels, {each} KiB of shared memory each");
    assert!(each <= 48, "{each} KiB per channel");
    assert_eq!(channel_mappings(), 2 * channels);
    drop(pools);
    until_gone(before).await;

    drop(server);
    until_gone(before - 1).await;
}
