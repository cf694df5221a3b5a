//! The streams of records that the NFs of a core give at their operator's sockets.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use runtime::trace::{Kind, Record, Shown};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::{Core, Failure, admin, names};

/// Pause before an NF that is away is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The longest line: two bodies of the largest size, as base64 in JSON.
const LONGEST_LINE: u64 = 256 << 20;

/// Records that wait to be taken: beyond, they wait in the NF, which counts what it cannot keep.
const QUEUE: usize = 1024;

/// A record, and the NF that showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) nf: String,
    pub(super) record: Record,
}

/// What an NF is asked to show.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) kinds: Vec<Kind>,
    /// Packets of these UEs alone.
    pub(super) ues: Vec<std::net::IpAddr>,
    pub(super) secrets: bool,
}

impl Wish {
    /// Shows this of everybody.
    pub(super) fn new(kinds: &[Kind], secrets: bool) -> Self {
        Self { kinds: kinds.to_vec(), ues: Vec::new(), secrets }
    }

    fn path(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let ues: Vec<String> = self.ues.iter().map(ToString::to_string).collect();
        format!("/trace?kinds={}&ue={}&secrets={}", kinds.join(","), names::encoded(&ues.join(",")), self.secrets)
    }
}

/// Records of several NFs, as they come.
pub(super) struct Sources {
    sender: mpsc::Sender<Seen>,
    receiver: mpsc::Receiver<Seen>,
}

impl Sources {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver }
    }

    /// Has an NF show what is wished, from when this returns on; again after it was started anew.
    ///
    /// # Errors
    /// It is not running, or refuses.
    pub(super) async fn add(&self, core: &Core, nf: &str, wish: Wish) -> Result<(), Failure> {
        let socket = core.directories.admin_socket(nf);
        let stream = open(&socket, nf, &wish).await?;
        tokio::spawn(follow(socket, nf.to_owned(), wish, stream, self.sender.clone()));
        Ok(())
    }

    /// The next record.
    pub(super) async fn next(&mut self) -> Option<Seen> {
        self.receiver.recv().await
    }

    /// A record that has come already.
    pub(super) fn try_next(&mut self) -> Option<Seen> {
        self.receiver.try_recv().ok()
    }
}

/// Has every NF that runs show what is wished.
///
/// # Errors
/// None runs, or one refuses.
pub(super) async fn all(core: &Core, wish: &Wish) -> Result<Sources, Failure> {
    let sources = Sources::new();
    let mut running = 0;
    for nf in names::ALL {
        match sources.add(core, nf, wish.clone()).await {
            Ok(()) => running += 1,
            Err(Failure::NoAnswer { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    match running {
        0 => Err(Failure::NoAnswer { nf: "the core".into(), why: "it is not running".into() }),
        _ => Ok(sources),
    }
}

type Lines = BufReader<UnixStream>;

async fn open(socket: &PathBuf, nf: &str, wish: &Wish) -> Result<Lines, Failure> {
    let asked = ask(socket, wish).await;
    match asked.map_err(|why| admin::no_answer(nf, &why))? {
        (200, lines) => Ok(lines),
        (status, mut lines) => {
            let mut body = Vec::new();
            let _ = (&mut lines).take(4096).read_to_end(&mut body).await; // what there is of an explanation
            Err(Failure::Refused { nf: nf.to_owned(), why: admin::explanation(status, &body) })
        }
    }
}

/// Asks, and reads up to the empty line that says that nothing is missed any more. HTTP/1.0: the answer has no chunks.
async fn ask(socket: &PathBuf, wish: &Wish) -> io::Result<(u16, Lines)> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("GET {} HTTP/1.0\r\nHost: peregrine\r\n\r\n", wish.path()).as_bytes()).await?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("its answer is not HTTP"))?;
    while !line.trim().is_empty() {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if status == 200 {
        lines.read_line(&mut line).await?;
    }
    Ok((status, lines))
}

async fn follow(socket: PathBuf, nf: String, wish: Wish, first: Lines, sender: mpsc::Sender<Seen>) {
    let mut current = Some(first);
    while !sender.is_closed() {
        match current.take() {
            Some(lines) => read(lines, &nf, &sender).await,
            None => tokio::time::sleep(RETRY).await,
        }
        current = match ask(&socket, &wish).await {
            Ok((200, lines)) => Some(lines),
            _ => None,
        };
    }
}

/// Passes records on until the stream ends.
async fn read(mut lines: Lines, nf: &str, sender: &mpsc::Sender<Seen>) {
    let mut line = String::new();
    loop {
        line.clear();
        match (&mut lines).take(LONGEST_LINE).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let record = match Record::read(line.trim_end()) {
            Ok(record) => record,
            Err(error) => {
                eprintln!("peregrine: {nf} shows something of another version: {error}");
                return;
            }
        };
        if sender.send(Seen { nf: nf.to_owned(), record }).await.is_err() {
            return;
        }
    }
}

/// What the readers of all NFs have missed: each tells its own sum again and again.
#[derive(Debug, Default)]
pub(super) struct Losses(std::collections::HashMap<String, u64>);

impl Losses {
    /// Takes note if this is one. Whether it is.
    pub(super) fn note(&mut self, seen: &Seen) -> bool {
        let Shown::Lost { records } = seen.record.shown else { return false };
        self.0.insert(seen.nf.clone(), records);
        true
    }

    /// All together.
    pub(super) fn sum(&self) -> u64 {
        self.0.values().sum()
    }
}
