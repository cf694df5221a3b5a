//! The connection table: the streams of a channel, and the task that hands out what comes for them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Stream, WINDOW, broken, kind, reset};
use crate::error::Violation;
use crate::layout::End;
use crate::{ChannelError, Message, Receiver, Sender};

/// Streams of a channel at once, and of those how many may wait to be accepted.
const MOST: usize = 1024;
const BACKLOG: usize = 128;

/// Pieces of a stream that lie unread; more are joined, so that a window of single octets takes no more memory than it should.
const PIECES: usize = 256;

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Both sides may send.
    Open,
    /// We have shut it down, the peer may send.
    Shut,
    /// The peer has shut it down, we may send.
    PeerShut,
    /// Both have.
    Over,
    /// The peer, or the end of the channel, cut it off.
    Reset,
}

/// The streams of one channel. When this and all of them are gone, the channel ends.
pub struct Connections {
    table: Arc<Table>,
    opened: tokio::sync::Mutex<mpsc::Receiver<Stream>>,
    task: AbortHandle,
}

impl Connections {
    /// Lets streams run over a channel that has carried nothing yet, whose other end does the same. Must be called on a tokio
    /// runtime: a task there hands out what comes.
    pub fn over(sender: Sender, receiver: Receiver) -> Self {
        let next = if sender.end() == End::Client { 1 } else { 2 };
        let streams = Mutex::new(Streams { entries: HashMap::new(), next, theirs: 0, ended: None });
        let table = Arc::new(Table { sender, streams });
        let (opening, opened) = mpsc::channel(BACKLOG);
        let task = tokio::spawn(hand_out(table.clone(), receiver, opening)).abort_handle();
        Self { table, opened: tokio::sync::Mutex::new(opened), task }
    }

    /// Opens a stream. The peer learns of it at once, and may reset it where it has too many.
    ///
    /// # Errors
    /// The channel has ended, or has its most streams.
    pub async fn connect(&self) -> io::Result<Stream> {
        let number = self.table.enter()?;
        let stream = Stream::new(number, self.table.clone());
        self.table.sender.send(number, kind::OPEN, &[]).await.map_err(broken)?;
        Ok(stream)
    }

    /// The next stream that the peer opens; `None` once the channel has ended.
    pub async fn accept(&self) -> Option<Stream> {
        self.opened.lock().await.recv().await
    }

    /// The streams there are, with their numbers.
    pub fn list(&self) -> Vec<(u32, StreamState)> {
        let streams = self.table.streams();
        streams.entries.iter().map(|(number, entry)| (*number, entry.state())).collect()
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Streams still in use keep the channel, and the task, alive.
        let mut streams = self.table.streams();
        streams.ended.get_or_insert(ChannelError::Closed);
        if streams.entries.is_empty() {
            self.task.abort();
        }
    }
}

/// What the streams and their table share.
pub(super) struct Table {
    pub(super) sender: Sender,
    streams: Mutex<Streams>,
}

struct Streams {
    entries: HashMap<u32, Entry>,
    /// Number of the next stream that we open.
    next: u32,
    /// Highest number that the peer has opened.
    theirs: u32,
    /// No more may be opened: the table is gone, or the channel.
    ended: Option<ChannelError>,
}

struct Entry {
    inbox: VecDeque<Bytes>,
    /// Octets that the peer may still send.
    receivable: u32,
    /// Octets that we may still send.
    sendable: u32,
    reader: Option<Waker>,
    writer: Option<Waker>,
    shut: bool,
    peer_shut: bool,
    reset: bool,
}

impl Entry {
    fn new() -> Self {
        Self {
            inbox: VecDeque::new(),
            receivable: WINDOW,
            sendable: WINDOW,
            reader: None,
            writer: None,
            shut: false,
            peer_shut: false,
            reset: false,
        }
    }

    fn state(&self) -> StreamState {
        match (self.reset, self.shut, self.peer_shut) {
            (true, ..) => StreamState::Reset,
            (_, true, true) => StreamState::Over,
            (_, true, false) => StreamState::Shut,
            (_, false, true) => StreamState::PeerShut,
            (_, false, false) => StreamState::Open,
        }
    }

    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

impl Table {
    /// A number for a stream of ours.
    fn enter(&self) -> io::Result<u32> {
        let mut streams = self.streams();
        if let Some(error) = &streams.ended {
            return Err(broken(error.clone()));
        }
        if streams.entries.len() >= MOST {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, format!("the channel has {MOST} streams")));
        }
        let number = streams.next;
        // 2^31 streams later the channel is at its end, which a new one heals.
        streams.next = number.checked_add(2).ok_or(io::ErrorKind::QuotaExceeded)?;
        streams.entries.insert(number, Entry::new());
        Ok(number)
    }

    /// The next octets of a stream; empty where no more will come.
    pub(super) fn poll_data(&self, number: u32, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let mut streams = self.streams();
        let Some(entry) = streams.entries.get_mut(&number) else { return Poll::Ready(Err(reset())) };
        if let Some(octets) = entry.inbox.pop_front() {
            return Poll::Ready(Ok(octets));
        }
        match (entry.peer_shut, entry.reset) {
            (true, _) => Poll::Ready(Ok(Bytes::new())),
            (_, true) => Poll::Ready(Err(reset())),
            _ => {
                entry.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes leave to send up to `most` octets; at least one.
    pub(super) fn poll_grant(&self, number: u32, most: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut streams = self.streams();
        let Some(entry) = streams.entries.get_mut(&number).filter(|entry| !entry.reset) else {
            return Poll::Ready(Err(reset()));
        };
        if entry.sendable == 0 {
            entry.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let granted = entry.sendable.min(u32::try_from(most).unwrap_or(WINDOW));
        entry.sendable -= granted;
        Poll::Ready(Ok(granted as usize))
    }

    /// We send no more.
    pub(super) fn shut(&self, number: u32) {
        if let Some(entry) = self.streams().entries.get_mut(&number) {
            entry.shut = true;
        }
    }

    /// A stream is no longer used here.
    pub(super) fn leave(&self, number: u32) {
        let mut streams = self.streams();
        let left = streams.entries.remove(&number);
        let last = streams.entries.is_empty() && streams.ended.is_some();
        drop(streams);
        if left
            .is_some_and(|entry| matches!(entry.state(), StreamState::Open | StreamState::Shut | StreamState::PeerShut))
        {
            self.tell(number, kind::RESET, &[]);
        }
        if last {
            self.sender.flush();
            self.sender.close();
        }
    }

    /// Sends a short message: at once if there is room, else from a task. If the channel ends first, that says it all.
    pub(super) fn tell(&self, number: u32, kind: u8, octets: &[u8]) {
        if let (Ok(false), Ok(runtime)) =
            (self.sender.try_send(number, kind, &[octets]), tokio::runtime::Handle::try_current())
        {
            let (sender, octets) = (self.sender.clone(), octets.to_vec());
            runtime.spawn(async move { sender.send(number, kind, &[&octets]).await });
        }
    }

    /// A message came. A stream that the peer opens is returned.
    fn handle(self: &Arc<Self>, message: Message) -> Result<Option<Stream>, Violation> {
        let Message { stream: number, kind: what, payload, .. } = message;
        let violation = Violation::Stream { stream: number, kind: what };
        let mut streams = self.streams();
        if what == kind::OPEN {
            // Theirs are of the other parity than ours, and grow.
            if number <= streams.theirs || number % 2 == streams.next % 2 {
                return Err(violation);
            }
            streams.theirs = number;
            if streams.entries.len() >= MOST || streams.ended.is_some() {
                drop(streams);
                self.tell(number, kind::RESET, &[]);
                return Ok(None);
            }
            streams.entries.insert(number, Entry::new());
            drop(streams);
            return Ok(Some(Stream::new(number, self.clone())));
        }
        let known = if number % 2 == streams.next % 2 { number < streams.next } else { number <= streams.theirs };
        let Some(entry) = streams.entries.get_mut(&number) else {
            // Of a stream that was left here, more may be on its way.
            return if known { Ok(None) } else { Err(violation) };
        };
        match what {
            kind::DATA if entry.peer_shut || entry.reset => return Err(violation),
            kind::DATA => {
                let length = u32::try_from(payload.len()).ok();
                let left = length.filter(|length| *length > 0).and_then(|length| entry.receivable.checked_sub(length));
                entry.receivable = left.ok_or(violation)?;
                if entry.inbox.len() >= PIECES {
                    let joined: Vec<u8> = entry.inbox.drain(..).flatten().collect();
                    entry.inbox.push_back(joined.into());
                }
                entry.inbox.push_back(payload.into_bytes());
            }
            kind::CREDIT => {
                let credit = payload.first_chunk().map(|octets| u32::from_le_bytes(*octets));
                let sendable = credit.and_then(|credit| entry.sendable.checked_add(credit));
                entry.sendable = sendable.filter(|sendable| *sendable <= WINDOW).ok_or(violation)?;
            }
            kind::SHUT => entry.peer_shut = true,
            kind::RESET => entry.reset = true,
            _ => return Err(violation),
        }
        entry.wake();
        Ok(None)
    }

    /// As many octets were taken, so the peer may send as many more.
    pub(super) fn receivable(&self, number: u32, credit: u32) {
        if let Some(entry) = self.streams().entries.get_mut(&number) {
            entry.receivable += credit;
        }
    }

    /// The channel has ended, and all streams with it.
    fn end(&self, error: ChannelError) {
        let mut streams = self.streams();
        streams.ended = Some(error);
        for entry in streams.entries.values_mut() {
            entry.reset = true;
            entry.wake();
        }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands what comes to the streams, until the channel ends.
async fn hand_out(table: Arc<Table>, mut receiver: Receiver, opening: mpsc::Sender<Stream>) {
    let error = loop {
        let message = match receiver.recv().await {
            Ok(message) => message,
            Err(error) => break error,
        };
        match table.handle(message) {
            Ok(None) => {}
            // Without room it is dropped, which resets it: nobody accepts.
            Ok(Some(stream)) => drop(opening.try_send(stream)),
            Err(violation) => break table.sender.violated(violation),
        }
    };
    table.end(error);
}
