//! Byte streams over a channel, as sockets are: many at once, each with flow control of its own.
//!
//! A message is about the stream whose number it carries: `OPEN` begins it, `DATA` are octets of it, `CREDIT` lets the other side
//! send more, `SHUT` ends what its sender sends, `RESET` ends the stream. The client's numbers are odd, the server's even.

mod blocking;
mod table;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use blocking::BlockingStream;
use table::Table;
pub use table::{Connections, StreamState};

use crate::{ChannelError, Sender};

/// What a message of a channel of streams is.
mod kind {
    pub(super) const OPEN: u8 = 1;
    pub(super) const DATA: u8 = 2;
    pub(super) const CREDIT: u8 = 3;
    pub(super) const SHUT: u8 = 4;
    pub(super) const RESET: u8 = 5;
}

/// Octets of a stream that may be on their way or unread.
const WINDOW: u32 = 256 << 10;

/// Most octets of one message, so that no stream takes the room of all others.
const CHUNK: usize = 32 << 10;

/// A byte stream to the peer. Dropped before both sides have shut it down, it is reset.
pub struct Stream {
    number: u32,
    table: Arc<Table>,
    /// What is being read.
    front: Bytes,
    /// Octets read since the peer last got credit for them.
    owed_credit: u32,
    /// What waits for room in the channel.
    unsent: Option<Unsent>,
    shut: bool,
}

type Unsent = Pin<Box<dyn Future<Output = Result<(), ChannelError>> + Send>>;

impl Stream {
    fn new(number: u32, table: Arc<Table>) -> Self {
        Self { number, table, front: Bytes::new(), owed_credit: 0, unsent: None, shut: false }
    }

    /// Its number, which both ends know it by.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The next octets, where the peer wrote them, without a copy; empty at the end of what the peer sends.
    ///
    /// # Errors
    /// The stream was reset, or the channel ended.
    pub async fn read_chunk(&mut self) -> io::Result<Bytes> {
        poll_fn(|cx| self.poll_front(cx)).await?;
        let chunk = std::mem::take(&mut self.front);
        self.credit(chunk.len());
        Ok(chunk)
    }

    /// Sees to it that `front` has octets, unless no more will come.
    fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.front.is_empty() {
            self.front = ready!(self.table.poll_data(self.number, cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Octets were taken: from time to time the peer is told that it may send as many more.
    fn credit(&mut self, octets: usize) {
        // Never more than a window.
        self.owed_credit += u32::try_from(octets).unwrap_or(WINDOW);
        if self.owed_credit >= WINDOW / 4 {
            let credit = std::mem::take(&mut self.owed_credit);
            self.table.receivable(self.number, credit);
            self.table.tell(self.number, kind::CREDIT, &credit.to_le_bytes());
        }
    }

    /// Sends a message as soon as there is room; it is on its way once `poll_unsent` is ready.
    fn send(&mut self, kind: u8, octets: &[u8]) -> io::Result<()> {
        if !self.table.sender.try_send(self.number, kind, &[octets]).map_err(broken)? {
            let (sender, number, octets): (Sender, u32, Vec<u8>) =
                (self.table.sender.clone(), self.number, octets.into());
            self.unsent = Some(Box::pin(async move { sender.send(number, kind, &[&octets]).await }));
        }
        Ok(())
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(unsent) = &mut self.unsent {
            let sent = ready!(unsent.as_mut().poll(cx));
            self.unsent = None;
            sent.map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_front(cx))?;
        let length = self.front.len().min(buf.remaining());
        buf.put_slice(&self.front[..length]);
        self.front.advance(length);
        self.credit(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(self.poll_unsent(cx))?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let granted = ready!(self.table.poll_grant(self.number, buf.len().min(CHUNK), cx))?;
        self.send(kind::DATA, &buf[..granted])?;
        Poll::Ready(Ok(granted))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_unsent(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(cx))?;
        if !std::mem::replace(&mut self.shut, true) {
            self.table.shut(self.number);
            self.send(kind::SHUT, &[])?;
        }
        self.poll_unsent(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.table.leave(self.number);
    }
}

fn broken(error: ChannelError) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the peer reset the stream")
}
