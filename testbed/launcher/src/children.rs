//! Programs that run as children: started, started again when they end, ended in order, their lines forwarded.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::backoff::{Backoff, WELL};

/// Exit status of a program that cannot work as configured: starting it again would not help.
const MISCONFIGURED: i32 = 2;

/// A program that fails so often in short order, by itself and without ever having run well, lacks something that waiting
/// does not bring.
const MOST_FAILURES: u32 = 7;

/// What is wanted of the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Run.
    Run,
    /// End in order.
    End,
    /// End at once.
    Kill,
}

/// A program to run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Its name, in front of its lines.
    pub(crate) name: &'static str,
    /// The file.
    pub(crate) file: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// How long it may take to end in order.
    pub(crate) grace: Duration,
}

/// How the supervision of a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As wished.
    AsWished,
    /// It cannot work, and why.
    Hopeless(String),
}

/// Keeps a program running until it is wished to end.
pub(crate) async fn supervise(program: Program, mut wish: watch::Receiver<Wish>) -> Ended {
    let mut backoff = Backoff::new();
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let mut child = match start(&program) {
            Ok(child) => child,
            Err(error) => return Ended::Hopeless(format!("{} cannot be started: {error}", program.file.display())),
        };
        let status = tokio::select! {
            status = child.wait() => status.ok(),
            () = wished_to_end(&mut wish) => {
                end(&mut child, program.grace, &mut wish).await;
                return Ended::AsWished;
            }
        };
        if status.and_then(|status| status.code()) == Some(MISCONFIGURED) {
            return Ended::Hopeless(format!("{} cannot work as configured; its last lines say why", program.name));
        }
        let lived = began.elapsed();
        let failed_early = lived < WELL && status.is_some_and(|status| status.code().is_some());
        failures = if failed_early { failures + 1 } else { 0 };
        if failures >= MOST_FAILURES {
            return Ended::Hopeless(format!("{} cannot start; its last lines say why", program.name));
        }
        let pause = backoff.handle_end(lived);
        say(program.name, &format!("{}: starts again in {} ms", describe(status), pause.as_millis()));
        tokio::select! {
            () = sleep(pause) => (),
            () = wished_to_end(&mut wish) => return Ended::AsWished,
        }
    }
}

/// Starts the program in a process group of its own, so that a Ctrl-C at the terminal reaches only us.
fn start(program: &Program) -> std::io::Result<Child> {
    let mut command = Command::new(&program.file);
    command.args(&program.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    forward(program.name, child.stdout.take());
    forward(program.name, child.stderr.take());
    Ok(child)
}

fn forward(name: &'static str, source: Option<impl AsyncRead + Unpin + Send + 'static>) {
    let Some(source) = source else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(source).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            say(name, &line);
        }
    });
}

/// Writes a line of, or about, a program. One that is JSON stays as it is, for the program that reads it.
pub(crate) fn say(name: &str, line: &str) {
    let mut out = std::io::stderr().lock();
    let _ = match out.is_terminal() {
        _ if line.starts_with('{') => writeln!(out, "{line}"),
        true => writeln!(out, "\x1b[36m{name:>4}\x1b[0m {line}"),
        false => writeln!(out, "{name:>4} {line}"),
    };
}

async fn wished_to_end(wish: &mut watch::Receiver<Wish>) {
    // Who wished is gone: the children go too.
    let _ = wish.wait_for(|wish| *wish != Wish::Run).await;
}

async fn wished_to_be_killed(wish: &mut watch::Receiver<Wish>) {
    let _ = wish.wait_for(|wish| *wish == Wish::Kill).await;
}

/// SIGTERM; SIGKILL if that takes too long or is wished for.
async fn end(child: &mut Child, grace: Duration, wish: &mut watch::Receiver<Wish>) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    tokio::select! {
        ended = timeout(grace, child.wait()) => if ended.is_ok() { return },
        () = wished_to_be_killed(wish) => (),
    }
    let _ = child.kill().await;
}

fn describe(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => format!("ended with status {code}"),
        Some((_, Some(signal))) => format!("was killed by signal {signal}"),
        _ => "ended".to_owned(),
    }
}
