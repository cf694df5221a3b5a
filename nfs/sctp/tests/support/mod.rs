//! The runner, addresses, and peers in processes of their own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sctp::{Association, Backend, Event, Listener, Options, PPID_NGAP};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use topo::Host;

/// A test's name and what it does.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) body: fn() -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A [`Test`] of an async function.
#[macro_export]
macro_rules! test {
    ($name:ident) => {
        Test { name: stringify!($name), body: || Box::pin($name()) }
    };
}

/// Runs the tests one after the other, or a child's part if this process is one.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    topo::enter().expect("namespaces of our own");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    if let [role, listener, from] = &arguments[..]
        && role.starts_with("child-")
    {
        runtime.block_on(child(role, listener.parse().expect("an address"), from.parse().expect("an address")));
        return ExitCode::SUCCESS;
    }
    // The first process of its namespaces hears Ctrl-C only if it listens.
    runtime.spawn(async {
        let _ = tokio::signal::ctrl_c().await;
        std::process::exit(130);
    });
    println!("SCTP: {}", Backend::probe().reason);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut failed = 0;
    for test in tests.iter().filter(|test| filter.is_none_or(|filter| test.name.contains(filter.as_str()))) {
        let result = runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), tokio::spawn((test.body)())).await });
        let verdict = match result {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "FAILED",
            Err(_) => "FAILED: still running after a minute",
        };
        failed += usize::from(verdict != "ok");
        println!("test {} ... {verdict}", test.name);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The stack under test.
pub(crate) fn backend() -> Backend {
    match std::env::var("SCTP_BACKEND").as_deref() {
        Ok("kernel") => Backend::Kernel,
        Ok("user-space") => Backend::UserSpace,
        _ => Backend::probe().backend,
    }
}

/// The defaults on the stack under test.
pub(crate) fn options() -> Options {
    Options { backend: Some(backend()), ..Options::default() }
}

/// The AMF's default address, which is not on `lo` of a fresh namespace.
pub(crate) fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 5], port).into()
}

/// Where children connect from.
pub(crate) fn from(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A port no other test uses.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Both ends of an association.
pub(crate) async fn pair(options: Options) -> (Association, Association) {
    let listener = Listener::bind(&[address(0)], options.clone()).await.expect("bound");
    let bound = listener.local_addresses().expect("addresses");
    let (here, there) = tokio::join!(Association::connect(None, &bound, options), listener.accept());
    (here.expect("connected"), there.expect("accepted"))
}

/// Bytes that differ with their place and the length.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 + at / 251 + length) as u8).collect::<Vec<_>>().into()
}

/// Waits at most 30 s.
pub(crate) async fn eventually<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("within 30 s")
}

/// A peer in a process of its own; dropping it kills it as `kill -9` does.
pub(crate) struct Child {
    lines: Lines<BufReader<ChildStdout>>,
    _process: tokio::process::Child,
}

impl Child {
    /// One that listens on this address and accepts whoever comes.
    pub(crate) async fn listen(host: &Host, address: SocketAddr) -> Child {
        Child::start(host, "child-listen", address, address).await
    }

    /// One that has connected to `listener` from its address `from`.
    pub(crate) async fn connect(host: &Host, listener: SocketAddr, from: SocketAddr) -> Child {
        Child::start(host, "child-connect", listener, from).await
    }

    /// One that has connected, and has messages of several sizes echoed.
    pub(crate) async fn call(host: &Host, listener: SocketAddr, from: SocketAddr) -> Child {
        Child::start(host, "child-call", listener, from).await
    }

    async fn start(host: &Host, role: &str, listener: SocketAddr, from: SocketAddr) -> Child {
        let mut command = Command::from(host.command(std::env::current_exe().expect("this program")));
        let mut process = command
            .args([role, &listener.to_string(), &from.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a child");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut child = Child { lines, _process: process };
        child.says("ready").await;
        child
    }

    /// Waits until the child has said this.
    pub(crate) async fn says(&mut self, what: &str) {
        let line = eventually(self.lines.next_line()).await.expect("the child's output");
        assert_eq!(line.as_deref(), Some(what));
    }
}

async fn child(role: &str, listener: SocketAddr, from: SocketAddr) {
    if role == "child-listen" {
        let listener = Listener::bind(&[listener], options()).await.expect("bound");
        println!("ready");
        loop {
            tokio::spawn(echo(listener.accept().await.expect("accepted")));
        }
    }
    let mut association = Association::connect(Some(&[from]), &[listener], options()).await.expect("connected");
    println!("ready");
    for length in if role == "child-call" { &[1, 10_000, 60_000][..] } else { &[] } {
        association.send(1, PPID_NGAP, pattern(*length)).await.expect("sent");
        assert!(matches!(association.recv().await, Event::Message { data, .. } if data == pattern(*length)));
        println!("echoed");
    }
    while let Event::Message { .. } = association.recv().await {
        println!("message");
    }
}

/// Sends back what comes.
pub(crate) async fn echo(mut association: Association) {
    while let Event::Message { stream, ppid, data } = association.recv().await {
        if association.send(stream, ppid, data).await.is_err() {
            return;
        }
    }
}
