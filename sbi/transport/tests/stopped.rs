//! Peers that live but do not do their part: stopped, taking no answers, or of another layout of the memory. Calls end by their
//! deadline, memory does not grow, others notice nothing. The test runs itself as the other process.

use std::future::ready;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use sbi_api::{Answer, BoxFuture, CallError, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, serve, wire};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Says to this program, run as a child, what it is to do, and where.
const ROLE: &str = "PEREGRINE_TEST_ROLE";

const PATIENCE: Duration = Duration::from_secs(20);

/// Held by tests that look at the memory of the process, and by those that use much of it.
static ALONE: Mutex<()> = Mutex::const_new(());

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        Box::pin(ready(Response::new(request.into_body().into())))
    }
}

fn request(length: usize) -> Request {
    http::Request::post("/echo").body(vec![5; length].into()).expect("a request")
}

async fn call(pool: &Pool, endpoints: &[Endpoint], length: usize) -> Result<Response, CallError> {
    pool.call(endpoints, "peer", request(length), Instant::now() + PATIENCE).await
}

/// What the child does; for the parent's runs of all tests, nothing.
#[tokio::test]
async fn as_the_other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (role, endpoint) = role.split_once(' ').expect("role and endpoint");
    let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
    if role == "serve" {
        let _server = serve(&endpoint, Arc::new(Echo), Limits::default()).expect("it is free");
        println!("going");
        return std::future::pending().await;
    }
    let pool = Pool::new(Limits::default());
    loop {
        let calls = (0..50).map(|_| call(&pool, std::slice::from_ref(&endpoint), 60_000));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.expect("an answer").body().len(), 60_000);
        }
        println!("going");
    }
}

struct Other {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Other {
    fn start(role: &str, endpoint: &Endpoint) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "as_the_other_process", "--nocapture"]).env(ROLE, format!("{role} {endpoint}"));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let says = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, says }
    }

    /// Waits until it says once more that it goes.
    async fn goes(mut self) -> Self {
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            while !line.contains("going") {
                line.clear();
                assert!(self.says.read_line(&mut line).expect("readable") > 0, "it ended");
            }
            self
        });
        reading.await.expect("it goes")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it lives");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// Memory of this process that is no file's, in KiB.
fn kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn place() -> (tempfile::TempDir, Endpoint) {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = Endpoint::Shm(directory.path().join("shm"));
    (directory, endpoint)
}

/// Ten megabytes of calls, again and again, to a server that is stopped: each ends with its deadline and leaves nothing.
#[tokio::test]
async fn calls_to_a_stopped_server_end_in_time_and_leave_nothing() {
    let _alone = ALONE.lock().await;
    let (_directory, endpoint) = place();
    let child = Other::start("serve", &endpoint).goes().await;
    let (pool, endpoints) = (Pool::new(Limits::default()), [endpoint]);
    call(&pool, &endpoints, 10).await.expect("an answer");
    child.signal(Signal::STOP);
    let mut after_a_few = 0;
    for round in 0..20 {
        let deadline = Instant::now() + Duration::from_millis(30);
        let calls = (0..200).map(|number| pool.call(&endpoints, "peer", request(number * 500), deadline));
        for outcome in join_all(calls).await {
            assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
        }
        if round == 3 {
            after_a_few = kilobytes();
        }
    }
    let after_all = kilobytes();
    assert!(after_all < after_a_few + (16 << 10), "{after_a_few} KiB, then {after_all}");
    child.signal(Signal::CONT);
    for length in [0, 5000, 1 << 20] {
        let response = call(&pool, &endpoints, length).await.expect("an answer");
        assert_eq!(response.body().len(), length);
    }
}

/// A server that hangs with its channel open costs a few calls their deadline; then calls go another way, and come back once it answers.
#[tokio::test]
async fn calls_leave_a_channel_whose_server_hangs_and_come_back() {
    let _alone = ALONE.lock().await;
    let (directory, endpoint) = place();
    let child = Other::start("serve", &endpoint).goes().await;
    let h2 = Endpoint::H2Unix(directory.path().join("h2"));
    let _server = serve(&h2, Arc::new(Echo), Limits::default()).expect("it is free");
    let (pool, endpoints) = (Pool::new(Limits::default()), [endpoint.clone(), h2]);
    let over_shm = || pool.stats().iter().find(|(at, _)| *at == endpoint).map_or(0, |(_, counters)| counters.calls);
    for _ in 0..3 {
        call(&pool, &endpoints, 10).await.expect("an answer");
        child.signal(Signal::STOP);
        let (mut late, mut answered_elsewhere) = (0, false);
        while !answered_elsewhere {
            let before = over_shm();
            let deadline = Instant::now() + Duration::from_millis(200);
            match pool.call(&endpoints, "peer", request(10), deadline).await {
                // The signal may take a moment.
                Ok(_) => answered_elsewhere = over_shm() == before,
                Err(_) => late += 1,
            }
        }
        assert!((3..=10).contains(&late), "{late} calls were late");
        // From here on none waits for it, and it is looked after all the same.
        let after = over_shm();
        for outcome in join_all((0..500).map(|number| call(&pool, &endpoints, number * 10))).await {
            outcome.expect("an answer");
        }
        assert_eq!(over_shm(), after, "all went another way");
        child.signal(Signal::CONT);
        let back = async {
            while over_shm() == after {
                call(&pool, &endpoints, 10).await.expect("an answer");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, back).await.expect("calls come back to the channel");
    }
}

/// A client that is stopped with answers on their way holds up nobody, and takes up where it was.
#[tokio::test]
async fn a_stopped_client_holds_up_nobody() {
    let _alone = ALONE.lock().await;
    let (_directory, endpoint) = place();
    let _server = serve(&endpoint, Arc::new(Echo), Limits::default()).expect("it is free");
    let mut child = Other::start("call", &endpoint).goes().await;
    let (pool, endpoints) = (Pool::new(Limits::default()), [endpoint]);
    for _ in 0..5 {
        child.signal(Signal::STOP);
        for outcome in join_all((0..50).map(|_| call(&pool, &endpoints, 60_000))).await {
            assert_eq!(outcome.expect("an answer").body().len(), 60_000);
        }
        child.signal(Signal::CONT);
        // Twice: one may have been said before it was stopped.
        child = child.goes().await.goes().await;
    }
}

/// A client that sends requests and takes no answers loses its channel, and no other does.
#[tokio::test]
async fn a_client_that_takes_no_answers_is_let_go() {
    let _alone = ALONE.lock().await;
    let (_directory, endpoint) = place();
    let Endpoint::Shm(path) = &endpoint else { panic!("another") };
    let limits = Limits { max_in_flight: 16, ..Limits::default() };
    let _server = serve(&endpoint, Arc::new(Echo), limits).expect("it is free");
    let honest = Pool::new(Limits::default());
    let (sender, mut receiver) = shm::connect(path, &shm::Options::default()).await.expect("it is let in");
    let mut head = Vec::new();
    wire::encode_request("peer", &request(0), 1 << 16, &mut head).expect("short");
    // More requests than answers there is room for, and than the server keeps waiting.
    let (mut sent, mut in_vain) = (0, 0);
    // Nobody takes them any more once all others were served a hundred times without one being taken.
    while sent < 3000 && in_vain < 100 {
        let taken = sender.try_send(sent, 1, &[&head, &[5; 3000]]).expect("nobody looks whether the channel ended");
        (sent, in_vain) = if taken { (sent + 1, 0) } else { (sent, in_vain + 1) };
        sender.flush();
        call(&honest, std::slice::from_ref(&endpoint), 10).await.expect("others are served");
    }
    let mut answers = 0;
    let error = loop {
        match tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("it is let go") {
            Ok(_) => answers += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, shm::ChannelError::PeerGone);
    assert!(answers < 1000, "{answers} answers were kept for it");
    call(&honest, std::slice::from_ref(&endpoint), 10).await.expect("others are served");
}

/// A server that lays its memory out in another way, as one of another release may: it says so.
fn of_another_layout(path: &std::path::Path) {
    let listener = UnixListener::bind(path).expect("the path is free");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            let mut octets = [0; 32];
            client.read_exact(&mut octets).expect("a hello");
            // The magic stays; then its version, and the verdict that ours is another.
            octets[8..12].copy_from_slice(&99_u32.to_ne_bytes());
            octets[12..16].copy_from_slice(&1_u32.to_ne_bytes());
            client.write_all(&octets).expect("it takes it");
        }
    });
}

#[tokio::test]
async fn a_server_of_another_layout_is_named_and_reached_another_way() {
    let (directory, endpoint) = place();
    let Endpoint::Shm(path) = &endpoint else { panic!("another") };
    of_another_layout(path);
    let pool = Pool::new(Limits::default());
    let error = call(&pool, std::slice::from_ref(&endpoint), 10).await.expect_err("no channel");
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("memory layout version 99, we have"), "{error}");
    let h2 = Endpoint::H2Unix(directory.path().join("h2"));
    let _server = serve(&h2, Arc::new(Echo), Limits::default()).expect("it is free");
    let response = call(&pool, &[endpoint.clone(), h2], 10).await.expect("an answer");
    assert_eq!(response.body().len(), 10);
}

/// A server that was stopped before it let anybody in: its socket takes connections, and nobody answers.
#[tokio::test]
async fn a_server_that_never_answers_is_reached_another_way() {
    let (directory, endpoint) = place();
    let Endpoint::Shm(path) = &endpoint else { panic!("another") };
    let _silent = UnixListener::bind(path).expect("the path is free");
    let h2 = Endpoint::H2Unix(directory.path().join("h2"));
    let _server = serve(&h2, Arc::new(Echo), Limits::default()).expect("it is free");
    let (pool, endpoints) = (Pool::new(Limits::default()), [endpoint.clone(), h2]);
    // All who call at once wait for it together, and none longer than a connection may take.
    for outcome in join_all((0..50).map(|_| call(&pool, &endpoints, 10))).await {
        assert_eq!(outcome.expect("an answer").body().len(), 10);
    }
    let deadline = Instant::now() + Duration::from_millis(50);
    let late = pool.call(&endpoints[..1], "peer", request(10), deadline).await;
    assert!(matches!(late, Err(CallError::Timeout(_))), "the call's own deadline is the first: {late:?}");
}

/// Guests that say nothing keep nobody else from being let in.
#[tokio::test]
async fn guests_that_say_nothing_hold_up_nobody() {
    let (_directory, endpoint) = place();
    let Endpoint::Shm(path) = &endpoint else { panic!("another") };
    let _server = serve(&endpoint, Arc::new(Echo), Limits::default()).expect("it is free");
    let knock = |_| std::os::unix::net::UnixStream::connect(path).expect("it listens");
    let silent: Vec<_> = (0..100).map(knock).collect();
    // One says half of its hello.
    (&silent[0]).write_all(b"PRGRN").expect("it takes it");
    call(&Pool::new(Limits::default()), std::slice::from_ref(&endpoint), 10).await.expect("an answer");
}
