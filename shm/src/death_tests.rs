//! Processes that are killed at every step of a channel's life, at either end of it. Whoever is left learns of it, says so,
//! and has neither descriptor nor mapping, thread nor file more than before; its other channels go on.
//!
//! The test runs this program as the process that is killed, and once more as the one that is left: alone there, it can count.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::step::Step;
use crate::{ChannelError, HelloError, Listener, Options, Receiver, Sender, connect};

/// Says to this program, run as a child, what it is to be killed at: its end, the step, and where the channel is made.
const VICTIM: &str = "PEREGRINE_TEST_VICTIM";

/// Says that this is the child that is left.
const SURVIVOR: &str = "PEREGRINE_TEST_SURVIVOR";

/// How many processes are killed, at each step in turn.
const CYCLES: &str = "PEREGRINE_KILL_CYCLES";

/// Without being told.
const FEW: usize = 300;

const PATIENCE: Duration = Duration::from_secs(20);

/// Octets of messages: in one block, in some, and in more than there are.
const LENGTHS: [usize; 3] = [10, 3000, 150_000];

/// The step at which this process is to be killed.
static LAST: OnceLock<Step> = OnceLock::new();

/// This process took a step. Where it is the last, it does nothing any more.
pub(crate) fn took(step: Step) {
    if LAST.get() == Some(&step) {
        println!("stopped");
        loop {
            std::thread::park();
        }
    }
}

/// Which end of the channel is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

/// Every step of either end.
fn deaths() -> Vec<(Role, Step)> {
    let ends = Step::ALL.iter().flat_map(|step| match step {
        Step::Listening | Step::Accepted | Step::HelloHeard | Step::MemoryMade | Step::Welcomed => {
            vec![(Role::Server, *step)]
        }
        Step::Connected | Step::HelloSaid | Step::AnswerRead => vec![(Role::Client, *step)],
        both => vec![(Role::Server, *both), (Role::Client, *both)],
    });
    ends.collect()
}

/// Whether the step comes when all calls are answered.
fn is_an_end(step: Step) -> bool {
    matches!(step, Step::Ending | Step::HungUp | Step::Unmapping)
}

/// How a channel that came about, or not, ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Hello(#[from] HelloError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

impl End {
    /// Whether it says that the other end went away.
    fn is_a_death(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset};
        match self {
            Self::Hello(HelloError::HungUp) | Self::Channel(ChannelError::PeerGone) => true,
            Self::Hello(HelloError::Io(error)) => {
                matches!(error.kind(), BrokenPipe | ConnectionRefused | ConnectionReset)
            }
            _ => false,
        }
    }
}

fn options() -> Options {
    Options { segment: 64 << 10, ..Options::default() }
}

/// Sends a message from the place where it is written, if there is room, else as octets.
async fn put(sender: &Sender, stream: u32, kind: u8, octets: &[u8]) -> Result<(), ChannelError> {
    if let Some(mut room) = sender.reserve(octets.len())? {
        room.octets()[..octets.len()].copy_from_slice(octets);
        return room.send(stream, kind, octets.len());
    }
    sender.send(stream, kind, &[octets]).await
}

/// Sends back what comes, until the channel ends.
async fn answer((sender, mut receiver): (Sender, Receiver)) -> ChannelError {
    loop {
        let message = match receiver.recv().await {
            Ok(message) => message,
            Err(error) => return error,
        };
        let sent = tokio::select! {
            sent = put(&sender, message.stream, message.kind, &message.payload) => sent,
            early = receiver.recv() => early.map(|early| panic!("{early:?} before its time")),
        };
        if let Err(error) = sent {
            return error;
        }
    }
}

/// Sends a message of each length and waits for its return.
async fn ask((sender, receiver): (&Sender, &mut Receiver)) -> Result<(), ChannelError> {
    for length in LENGTHS {
        let octets = vec![7; length];
        let ((), back) = tokio::try_join!(put(sender, 1, 2, &octets), receiver.recv())?;
        assert_eq!((back.stream, back.kind, back.payload.len()), (1, 2, length));
    }
    Ok(())
}

async fn serve(listener: &Listener) -> Result<(), End> {
    let incoming = listener.accept().await.map_err(HelloError::from)?;
    Err(answer(incoming.open().await?).await.into())
}

/// Calls once, or until the channel ends.
async fn call(path: &Path, once: bool) -> Result<(), End> {
    let (sender, mut receiver) = connect(path, &options()).await?;
    loop {
        ask((&sender, &mut receiver)).await?;
        if once {
            return Ok(());
        }
    }
}

/// As the child: lives until the step comes, and is killed there. In a run of all tests, nothing.
#[tokio::test]
async fn as_the_victim() {
    let Ok(told) = std::env::var(VICTIM) else { return };
    let mut words = told.splitn(3, ' ');
    let (role, step, path) = (words.next(), words.next(), words.next().expect("a path"));
    let last = Step::ALL.iter().find(|known| Some(format!("{known:?}").as_str()) == step).expect("a step");
    LAST.set(*last).expect("set once");
    if role == Some("Server") {
        let listener = Listener::bind(path.as_ref(), options()).expect("nobody living is there");
        println!("ready");
        let _ = serve(&listener).await;
    } else {
        let _ = call(path.as_ref(), is_an_end(*last)).await;
    }
    // What was ours is dropped, and with it the last steps taken.
}

struct Victim {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn start(role: Role, step: Step, path: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "death_tests::as_the_victim", "--nocapture", "--test-threads=1"]);
        command.env(VICTIM, format!("{role:?} {step:?} {}", path.display())).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("it starts");
        let says = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, says }
    }

    /// Waits until it says one of these.
    async fn until(&mut self, words: &[&str]) -> String {
        loop {
            let line = self.says.next_line().await.expect("readable").expect("it never took that step");
            if words.iter().any(|word| line.ends_with(word)) {
                return line;
            }
        }
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it lives"); // SIGKILL
    }
}

/// Has a client killed at this step.
async fn kill_a_client(listener: &Listener, path: &Path, step: Step) -> Result<(), End> {
    let mut victim = Victim::start(Role::Client, step, path);
    let death = async {
        victim.until(&["stopped"]).await;
        victim.kill().await;
    };
    tokio::join!(serve(listener), death).0
}

/// Has a server killed at this step.
async fn kill_a_server(path: &Path, step: Step) -> Result<(), End> {
    let mut victim = Victim::start(Role::Server, step, path);
    let listens = victim.until(&["ready", "stopped"]).await.ends_with("ready");
    let death = async {
        if listens {
            victim.until(&["stopped"]).await;
        }
        victim.kill().await;
    };
    tokio::join!(call(path, is_an_end(step)), death).0
}

/// What this process has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holdings {
    descriptors: usize,
    mappings: usize,
    threads: usize,
    files: Vec<PathBuf>,
}

impl Holdings {
    fn now(directory: &Path) -> Self {
        let entries =
            |path: &Path| std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("one").path());
        let maps = std::fs::read_to_string("/proc/self/maps").expect("proc");
        let mut files: Vec<_> = entries(directory).collect();
        files.sort();
        Self {
            descriptors: entries("/proc/self/fd".as_ref()).count(),
            mappings: maps.lines().filter(|line| line.contains("peregrine-channel")).count(),
            threads: entries("/proc/self/task".as_ref()).count(),
            files,
        }
    }
}

/// Memory of this process that is no file's, in KiB.
fn kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn survive(cycles: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    let listener = Listener::bind(&ours, options()).expect("the path is free");
    let opened = options();
    let (client, server) = tokio::join!(connect(&ours, &opened), async {
        listener.accept().await.expect("a guest").open().await.expect("let in")
    });
    let (sender, mut receiver) = client.expect("let in");
    let honest = tokio::spawn(answer(server));

    let deaths = deaths();
    let mut before = None;
    for cycle in 0..cycles.max(deaths.len()) {
        let (role, step) = deaths[cycle % deaths.len()];
        let death = async {
            match role {
                Role::Client => kill_a_client(&listener, &ours, step).await,
                Role::Server => kill_a_server(&theirs, step).await,
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, death).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("nobody notices a {role:?} killed when {step:?}"));
        match outcome {
            // It was killed when all was done.
            Ok(()) => assert!(role == Role::Server && is_an_end(step), "a {role:?} killed when {step:?} is not missed"),
            Err(error) => assert!(error.is_a_death(), "a {role:?} killed when {step:?}: {error}"),
        }
        ask((&sender, &mut receiver)).await.expect("other channels go on");
        let now = Holdings::now(directory.path());
        // The first of either end makes what this process has once, whoever is killed.
        if cycle + 1 >= deaths.len() {
            let (held, memory) = before.get_or_insert_with(|| (now.clone(), kilobytes()));
            assert_eq!(now, *held, "after {cycle} deaths, a {role:?} killed when {step:?}");
            assert!(kilobytes() < *memory + (16 << 10), "after {cycle} deaths {} KiB, not {memory}", kilobytes());
        }
    }
    println!("{cycles} deaths, {:?}", Holdings::now(directory.path()));
    drop((sender, receiver));
    assert_eq!(honest.await.expect("no panic"), ChannelError::PeerGone);
    drop(listener);
    assert_eq!(Holdings::now(directory.path()).files, [theirs], "what the dead left");
}

#[test]
fn a_peer_may_be_killed_at_any_step() {
    if std::env::var(SURVIVOR).is_ok() {
        let cycles = std::env::var(CYCLES).map_or(FEW, |text| text.parse().expect("a number"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(survive(cycles));
    }
    let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "death_tests::a_peer_may_be_killed_at_any_step", "--nocapture", "--test-threads=1"]);
    let status = command.env(SURVIVOR, "1").status().expect("it starts");
    assert!(status.success(), "see above");
}
