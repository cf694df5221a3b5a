//! The other process: this program once more, serving every way.

use std::future::{Future, ready};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use sbi_api::{Answer, BoxFuture, Handler, Request, Response, Routes};
use sbi_transport::{Endpoint, Limits, Server, serve};
use shm::{ChannelCounters, ChannelError, Listener};

use super::audit::Spent;
#[cfg(feature = "iceoryx2")]
use super::iceoryx;
use super::ring::{self, Ends};
use super::ways::{Looking, routes};
use crate::Failure;

/// Path of the resource that answers with the body.
pub(crate) const ECHO: &str = "/echo";

/// How the other process is started.
#[derive(Args, Debug)]
pub(crate) struct OtherOptions {
    folder: PathBuf,
    core: usize,
    /// Calls under way at most, for those ways that have to be told before.
    window: usize,
}

/// The other process, seen from here. It ends with this.
pub(crate) struct Other {
    process: Mutex<Child>,
    number: u32,
    folder: PathBuf,
    h2: Endpoint,
    h2_tls: Endpoint,
}

impl Other {
    pub(crate) fn start(core: usize, window: usize) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Other(format!("the other process: {error}"));
        let folder = std::env::temp_dir().join(format!("bench-sbi-{}-{core}", std::process::id()));
        std::fs::create_dir(&folder).map_err(failed)?;
        super::certificates::make(&folder)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("sbi-other").arg(&folder).args([core, window].map(|number| number.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn().map_err(failed)?;
        let number = process.id();
        let nowhere = || Endpoint::Mem(String::new());
        let mut other = Self { process: Mutex::new(process), number, folder, h2: nowhere(), h2_tls: nowhere() };
        other.h2 = other.told()?;
        other.h2_tls = other.told()?;
        Ok(other)
    }

    fn told(&self) -> Result<Endpoint, Failure> {
        self.line()?.parse().map_err(|error| Failure::Other(format!("the other process: {error}")))
    }

    /// What it has spent so far.
    pub(crate) fn spent(&self) -> Result<Spent, Failure> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = process.stdin.as_mut().map(|stdin| stdin.write_all(b"\n").and_then(|()| stdin.flush()));
        drop(process);
        match asked {
            Some(Ok(())) => serde_json::from_str(&self.line()?).map_err(|error| Failure::Other(error.to_string())),
            _ => Err(Failure::Other("the other process is gone".into())),
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.number
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn shm(&self) -> Endpoint {
        Endpoint::Shm(self.folder.join("shm"))
    }

    pub(crate) fn h2_shm(&self) -> Endpoint {
        Endpoint::H2Shm(self.folder.join("h2-shm"))
    }

    pub(crate) fn h2_unix(&self) -> Endpoint {
        Endpoint::H2Unix(self.folder.join("h2"))
    }

    pub(crate) fn h2(&self) -> Endpoint {
        self.h2.clone()
    }

    pub(crate) fn h2_tls(&self) -> Endpoint {
        self.h2_tls.clone()
    }

    /// The next line it prints. It prints one at a time, when asked.
    fn line(&self) -> Result<String, Failure> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = String::new();
        let read = process.stdout.as_mut().map(|stdout| BufReader::with_capacity(1, stdout).read_line(&mut line));
        match read {
            Some(Ok(1..)) => Ok(line.trim().to_owned()),
            _ => Err(Failure::Other("the other process is gone".into())),
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill(); // it may have ended by itself
        let _ = process.wait();
        #[cfg(feature = "iceoryx2")]
        iceoryx::clean(&self.folder);
        let _ = std::fs::remove_dir_all(&self.folder); // what is left is in the system's folder for such
    }
}

/// Answers with the body.
struct Echo(Routes);

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        match request.uri().path() {
            ECHO => Box::pin(ready(Response::new(request.into_body().into()))),
            _ => self.0.handle(request),
        }
    }
}

/// Is the other process, until its standard input ends.
pub(crate) fn run(options: &OtherOptions) -> Result<(), Failure> {
    super::pin(options.core)?;
    super::runtime()?.block_on(async {
        let handler: Arc<dyn Handler> = Arc::new(Echo(routes(Arc::new(Looking))));
        let at = |endpoint| {
            serve(&endpoint, handler.clone(), Limits::default()).map_err(|error| Failure::Other(error.to_string()))
        };
        let shm = at(Endpoint::Shm(options.folder.join("shm")))?;
        let h2_shm = at(Endpoint::H2Shm(options.folder.join("h2-shm")))?;
        let _h2_unix = at(Endpoint::H2Unix(options.folder.join("h2")))?;
        let h2 = at(Endpoint::H2(([127, 0, 0, 1], 0).into()))?;
        let tls = Endpoint::H2Tls { address: ([127, 0, 0, 1], 0).into(), name: None };
        let tls = serve(&tls, handler.clone(), super::certificates::limits(&options.folder)?);
        let h2_tls = tls.map_err(|error| Failure::Other(error.to_string()))?;
        let channels = Arc::new(Mutex::new(Vec::new()));
        accept(&options.folder.join("channel"), channels.clone(), ring::send_back)?;
        accept(&options.folder.join("waiting"), channels.clone(), ring::send_back_waiting)?;
        accept(&options.folder.join("ring"), channels.clone(), ring::send_back_polled)?;
        #[cfg(feature = "iceoryx2")]
        for noticing in [iceoryx::Noticing::Polling, iceoryx::Noticing::Events] {
            iceoryx::serve(&options.folder, noticing, options.window)?;
        }
        println!("{}\n{}", h2.endpoint(), h2_tls.endpoint());
        tell(&[shm, h2_shm], &channels).await
    })
}

/// Says what was spent for every line that comes.
async fn tell(servers: &[Server], channels: &Mutex<Vec<shm::Sender>>) -> Result<(), Failure> {
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(tokio::io::stdin()));
    while let Ok(Some(_)) = lines.next_line().await {
        let channels = channels.lock().unwrap_or_else(PoisonError::into_inner);
        let all = channels.iter().map(shm::Sender::counters).chain(servers.iter().map(|server| server.stats().channel));
        let counters = all.fold(ChannelCounters::default(), |sum, counters| sum + counters);
        let spent = Spent::process().with(counters);
        println!("{}", serde_json::to_string(&spent).map_err(|error| Failure::Other(error.to_string()))?);
    }
    Ok(())
}

fn accept<F: Future<Output = Result<(), ChannelError>> + Send + 'static>(
    path: &Path,
    channels: Arc<Mutex<Vec<shm::Sender>>>,
    answer: fn(Ends) -> F,
) -> Result<(), Failure> {
    let listener = Listener::bind(path, shm::Options::default()).map_err(|error| Failure::Other(error.to_string()))?;
    tokio::spawn(async move {
        while let Ok(guest) = listener.accept().await {
            match tokio::time::timeout(Duration::from_secs(5), guest.open()).await {
                Ok(Ok(ends)) => {
                    channels.lock().unwrap_or_else(PoisonError::into_inner).push(ends.0.clone());
                    tokio::spawn(answer(ends));
                }
                refused => eprintln!("bench: no channel: {:?}", refused.map(|opened| opened.map(drop))),
            }
        }
    });
    Ok(())
}
