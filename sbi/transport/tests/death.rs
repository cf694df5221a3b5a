//! Processes that are killed: the server's, the client's, at whatever they are doing. The test runs itself as the other process.

use std::future::ready;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use sbi_api::{Answer, BoxFuture, CallError, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve};
use tokio::sync::watch;
use tokio::time::Instant;

/// Says to this program, run as a child, what it is to do, and where.
const ROLE: &str = "PEREGRINE_TEST_ROLE";

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers `/echo`, never anything else; counts what it began and what was cancelled.
#[derive(Default)]
struct Half {
    begun: watch::Sender<usize>,
    cancelled: Arc<watch::Sender<usize>>,
}

struct Unfinished(Arc<watch::Sender<usize>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.send_modify(|cancelled| *cancelled += 1);
    }
}

impl Handler for Half {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        if request.uri().path() == "/echo" {
            return Box::pin(ready(Response::new(request.into_body().into())));
        }
        self.begun.send_modify(|begun| *begun += 1);
        println!("begun");
        let unfinished = Unfinished(self.cancelled.clone());
        Box::pin(async move {
            let _unfinished = unfinished;
            std::future::pending().await
        })
    }
}

fn request(method: Method, path: &str, length: usize) -> Request {
    http::Request::builder().method(method).uri(path).body(vec![5; length].into()).expect("a request")
}

async fn call(pool: &Pool, endpoints: &[Endpoint], request: Request) -> Result<Response, CallError> {
    pool.call(endpoints, "peer", request, Instant::now() + PATIENCE).await
}

/// What the child does; for the parent's runs of all tests, nothing.
#[tokio::test]
async fn as_the_other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (role, endpoint) = role.split_once(' ').expect("role and endpoint");
    let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
    match role {
        "serve" => {
            let _server = serve(&endpoint, Arc::new(Half::default()), Limits::default()).expect("it is free");
            println!("ready");
            std::future::pending::<()>().await;
        }
        "knock" => {
            let outcome =
                call(&Pool::new(Limits::default()), &[endpoint], request(Method::GET, "/echo", 200_000)).await;
            println!(
                "outcome: {}",
                outcome.map_or_else(|error| error.to_string(), |response| response.status().to_string())
            );
        }
        _ => {
            let pool = Pool::new(Limits::default());
            let endpoints = [endpoint];
            let calls = (0..60).map(|number| call(&pool, &endpoints, request(Method::POST, "/hang", number * 4000)));
            join_all(calls).await;
        }
    }
}

struct Other(Child);

impl Other {
    fn command(role: &str, endpoint: &Endpoint) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "as_the_other_process", "--nocapture"]).env(ROLE, format!("{role} {endpoint}"));
        command
    }

    fn start(role: &str, endpoint: &Endpoint) -> Self {
        Self(Self::command(role, endpoint).stdout(Stdio::piped()).spawn().expect("it starts"))
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, signal).expect("it lives");
    }

    /// Waits until it has said a word so many times.
    async fn until(&mut self, word: &'static str, times: usize) {
        let stdout = self.0.stdout.take().expect("not taken yet");
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(stdout);
            let (mut line, mut seen) = (String::new(), 0);
            while seen < times {
                line.clear();
                assert!(lines.read_line(&mut line).expect("readable") > 0, "it ended before it said '{word}'");
                seen += usize::from(line.contains(word));
            }
            lines.into_inner()
        });
        self.0.stdout = Some(reading.await.expect("it said so"));
    }

    fn kill(mut self) {
        self.0.kill().expect("it can be killed"); // SIGKILL
        self.0.wait().expect("it ends");
    }
}

async fn a_killed_server_fails_its_calls_and_is_found_again(endpoint: Endpoint, other_way: Endpoint) {
    let pool = Pool::new(Limits::default());
    let endpoints = [endpoint.clone(), other_way.clone()];
    for _ in 0..3 {
        let mut child = Other::start("serve", &endpoint);
        child.until("ready", 1).await;
        let response = call(&pool, &endpoints[..1], request(Method::GET, "/echo", 1 << 20)).await;
        assert_eq!(response.expect("an answer").body().len(), 1 << 20);
        // Calls at every stage: being handled, and being sent.
        let calls = join_all(
            (0..40).map(|number| call(&pool, &endpoints[..1], request(Method::POST, "/hang", number * 10_000))),
        );
        let death = async {
            child.until("begun", 10).await;
            child.kill();
            Instant::now()
        };
        let (outcomes, died) = futures_util::future::join(calls, death).await;
        assert!(died.elapsed() < Duration::from_secs(2), "noticed after {:?}", died.elapsed());
        for outcome in outcomes {
            assert!(matches!(outcome, Err(CallError::Broken { .. } | CallError::Unreachable { .. })), "{outcome:?}");
        }
    }
    // Nobody is there now: the other endpoint answers, and when the first is back, it does again.
    let _server = serve(&other_way, Arc::new(Half::default()), Limits::default()).expect("it is free");
    call(&pool, &endpoints, request(Method::POST, "/echo", 10)).await.expect("an answer");
    let mut child = Other::start("serve", &endpoint);
    child.until("ready", 1).await;
    let calls_of = |endpoint: &Endpoint| {
        pool.stats().iter().find(|(known, _)| known == endpoint).map_or(0, |(_, counters)| counters.calls)
    };
    let before = calls_of(&endpoint);
    while calls_of(&endpoint) == before {
        call(&pool, &endpoints, request(Method::POST, "/echo", 10)).await.expect("an answer");
        tokio::task::yield_now().await;
    }
    child.kill();
}

async fn a_killed_client_has_its_work_cancelled(endpoint: Endpoint) {
    let half = Arc::new(Half::default());
    let server = serve(&endpoint, half.clone(), Limits::default()).expect("it is free");
    let endpoint = server.endpoint().clone();
    let pool = Pool::new(Limits::default());
    for round in 1..=3 {
        let child = Other::start("call", &endpoint);
        half.begun.subscribe().wait_for(|begun| *begun >= round * 60 - 30).await.expect("alive");
        child.kill();
        let begun_and_cancelled = async {
            let mut cancelled = half.cancelled.subscribe();
            while *cancelled.borrow_and_update() < *half.begun.borrow() {
                cancelled.changed().await.expect("alive");
            }
        };
        tokio::time::timeout(PATIENCE, begun_and_cancelled).await.expect("all of them");
        half.begun.send_modify(|begun| *begun = round * 60);
        half.cancelled.send_modify(|cancelled| *cancelled = round * 60);
        call(&pool, std::slice::from_ref(&endpoint), request(Method::GET, "/echo", 9))
            .await
            .expect("others are served");
    }
}

fn places() -> (tempfile::TempDir, Endpoint, Endpoint) {
    let directory = tempfile::tempdir().expect("a directory");
    let (shm, h2) = (directory.path().join("shm"), directory.path().join("h2"));
    (directory, Endpoint::Shm(shm), Endpoint::H2Unix(h2))
}

#[tokio::test]
async fn server_killed_over_shm() {
    let (_directory, shm, h2) = places();
    a_killed_server_fails_its_calls_and_is_found_again(shm, h2).await;
}

#[tokio::test]
async fn server_killed_over_h2() {
    let (_directory, shm, h2) = places();
    a_killed_server_fails_its_calls_and_is_found_again(h2, shm).await;
}

#[tokio::test]
async fn client_killed_over_shm() {
    let (_directory, shm, _) = places();
    a_killed_client_has_its_work_cancelled(shm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_killed_over_h2() {
    let (_directory, _, h2) = places();
    a_killed_client_has_its_work_cancelled(h2).await;
}

/// A server that is stopped answers nobody, and takes up where it was when it goes on.
#[tokio::test]
async fn server_stopped_over_shm() {
    let (_directory, shm, _) = places();
    let mut child = Other::start("serve", &shm);
    child.until("ready", 1).await;
    let (pool, endpoints) = (Pool::new(Limits::default()), [shm]);
    call(&pool, &endpoints, request(Method::GET, "/echo", 1)).await.expect("an answer");
    child.signal(Signal::STOP);
    let deadline = Instant::now() + Duration::from_millis(50);
    // More than the channel holds, so that some wait for room and some are half sent.
    let calls =
        (0..500).map(|number| pool.call(&endpoints, "peer", request(Method::GET, "/echo", number * 200), deadline));
    for outcome in join_all(calls).await {
        assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    }
    child.signal(Signal::CONT);
    for length in [0, 5000, 1 << 20] {
        let response = call(&pool, &endpoints, request(Method::POST, "/echo", length)).await.expect("an answer");
        assert_eq!(response.body().len(), length);
    }
    child.kill();
}

/// Whether this process may start another as user `uid`: it is root, and its user namespace has such a user.
fn may_become(uid: u32) -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").expect("every process has one");
    let has = |range: &str| {
        let mut numbers = range.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
        let (first, _, count) = (numbers.next(), numbers.next(), numbers.next());
        first.zip(count).is_some_and(|(first, count)| (first..first + count).contains(&u64::from(uid)))
    };
    rustix::process::geteuid().is_root() && map.lines().any(has)
}

/// Needs root of all users, to become somebody else; does nothing without.
#[tokio::test]
async fn another_users_process_is_let_in_only_if_listed() {
    const OTHER: u32 = 65_534;
    if !may_become(OTHER) {
        return;
    }
    let refusals = [(0, "does not admit"), (1, "security")];
    for (way, refusal) in refusals {
        for (allowed, expected) in [(vec![], "denied"), (vec![OTHER - 1], refusal), (vec![OTHER], "200 OK")] {
            let (directory, shm, unix) = places();
            let endpoint = if way == 0 { shm } else { unix };
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(directory.path(), open).expect("it is ours");
            let limits = Limits { allowed_uids: allowed, ..Limits::default() };
            let server = serve(&endpoint, Arc::new(Half::default()), limits).expect("it is free");
            let mut command = Other::command("knock", &endpoint);
            command.uid(OTHER).gid(OTHER);
            let output =
                tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(expected), "{endpoint}: expected '{expected}': {said}");
            assert!(expected != refusal || server.stats().refusals > 0, "{endpoint}: it is counted");
        }
    }
}
