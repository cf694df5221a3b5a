//! What channels cost, and that they leave nothing behind. One test (beside the one that plays its
//! clients), as it counts what the whole process has.

use std::future::{pending, ready};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sbi_api::{Answer, BoxFuture, CallError, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve};
use tokio::sync::watch;
use tokio::time::Instant;

/// Answers with the body, or, at `/hang`, never.
#[derive(Default)]
struct Echo {
    hanging: watch::Sender<usize>,
}

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        match request.uri().path() {
            "/hang" => {
                self.hanging.send_modify(|hanging| *hanging += 1);
                Box::pin(pending())
            }
            _ => Box::pin(ready(Response::new(request.into_body().into()))),
        }
    }
}

/// Says to this program, run as a child, where to call `/hang`.
const CALL: &str = "PEREGRINE_TEST_CALL";

/// How many clients are killed.
const CYCLES: &str = "PEREGRINE_KILL_CYCLES";

/// As the child: calls until killed. As the test itself, nothing.
#[tokio::test]
async fn as_the_other_process() {
    let Ok(endpoint) = std::env::var(CALL) else { return };
    let (pool, endpoint) = (Pool::new(Limits::default()), endpoint.parse().expect("an endpoint"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let calls = (0..20).map(|number| {
        let request = http::Request::post("/hang").body(vec![2; number * 5000].into()).expect("a request");
        pool.call(std::slice::from_ref(&endpoint), "peer", request, deadline)
    });
    join_all(calls).await;
}

async fn kill_a_client(endpoint: &Endpoint, hanging: &watch::Sender<usize>) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "as_the_other_process"]).env(CALL, endpoint.to_string());
    let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
    hanging.send_modify(|hanging| *hanging = 0);
    hanging.subscribe().wait_for(|hanging| *hanging >= 10).await.expect("the sender lives");
    child.kill().expect("it lives");
    child.wait().expect("it ends");
}

async fn echo(pool: &Pool, endpoint: &Endpoint, length: usize) {
    let request = || http::Request::post("/echo").body(vec![1; length].into()).expect("a request");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match pool.call(std::slice::from_ref(endpoint), "peer", request(), deadline).await {
            Ok(response) => return assert_eq!(response.body().len(), length),
            // Where a thousand knock at once, some are not let in within the second that a connection may take.
            Err(CallError::Unreachable { .. }) if Instant::now() < deadline => {}
            Err(error) => panic!("{error}"),
        }
    }
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
    let handler = Arc::new(Echo::default());
    let server = serve(&endpoint, handler.clone(), Limits::default()).expect("it is free");
    let before = open_descriptors();

    for cycle in 0..300 {
        let pool = Pool::new(Limits::default());
        echo(&pool, &endpoint, cycle * 10).await;
    }
    until_gone(before).await;
    let few = |text: Result<String, _>| text.map_or(50, |text| text.parse().expect("a number"));
    for _ in 0..few(std::env::var(CYCLES)) {
        kill_a_client(&endpoint, &handler.hanging).await;
        until_gone(before).await;
    }

    let pools: Vec<_> = (0..channels).map(|_| Pool::new(Limits::default())).collect();
    let empty = shared_kilobytes();
    // All at once, from the first call on.
    for _ in 0..5 {
        join_all(pools.iter().map(|pool| echo(pool, &endpoint, 2000))).await;
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
