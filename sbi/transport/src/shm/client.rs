//! The client's end of a channel.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::shm::{Message, Receiver, Sender};
use bytes::Bytes;
use sbi_api::{Body, Request, Response};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::calls::Calls;
use super::writer::{Put, Tag, Unsent, Writer};
use super::{BATCH, kind, wire};
use crate::Limits;
use crate::connection::{Calling, Connection, Failure};
use crate::priority::goes_ahead;

/// Starts the tasks that hand out the answers and keep the time.
pub(super) fn start(writer: Writer, receiver: Receiver, limits: Limits) -> Arc<dyn Connection> {
    let calls = Arc::new(Calls::new(limits.max_in_flight));
    let answers = tokio::spawn(hand_out(writer.sender.clone(), receiver, calls.clone())).abort_handle();
    let timed = calls.clone();
    let time = tokio::spawn(async move { timed.keep_time().await }).abort_handle();
    Arc::new(ShmConnection { writer, calls, limits, tasks: [answers, time], runtime: Handle::current() })
}

struct ShmConnection {
    writer: Writer,
    calls: Arc<Calls>,
    limits: Limits,
    tasks: [AbortHandle; 2],
    runtime: Handle,
}

impl Connection for ShmConnection {
    fn call<'a>(&'a self, authority: &'a str, request: &'a Request<Body<'a>>, deadline: Instant) -> Calling<'a> {
        let (mut call, unsent) = match self.begin(authority, request, deadline) {
            Ok((call, None)) => return Calling::Shm(call),
            Ok((call, Some(unsent))) => (call, unsent),
            Err(failure) => return Calling::Boxed(Box::pin(std::future::ready(Err(failure)))),
        };
        Calling::timed(deadline, async move {
            let sent = unsent.send(&self.writer).await;
            sent.map_err(|error| Failure::NotProcessed(error.to_string()))?;
            call.progress = Progress::Sent;
            call.await
        })
    }

    fn remembers(&self) -> bool {
        true
    }

    fn flush(&self) {
        self.writer.sender.flush();
    }

    fn is_open(&self) -> bool {
        !self.calls.is_closed()
    }

    fn is_silent(&self) -> bool {
        self.calls.is_silent()
    }
}

impl ShmConnection {
    /// Begins a call, and sends its request if there is room. Returns what is unsent if not.
    fn begin(
        &self,
        authority: &str,
        request: &Request<Body<'_>>,
        deadline: Instant,
    ) -> Result<(Call<'_>, Option<Unsent>), Failure> {
        let failed = |error: String| Failure::NotProcessed(error);
        let mut call = Call { connection: self, stream: self.calls.begin(deadline)?, progress: Progress::Unsent };
        let unsent = with_scratch(|head| {
            wire::encode_request(authority, request, self.limits.max_header_list, head)
                .map_err(|error| failed(error.to_string()))?;
            let tag = Tag { stream: call.stream, kind: kind::REQUEST, ahead: goes_ahead(request.headers()) };
            match self.writer.put(tag, head, request.body(), self.limits.max_body) {
                Ok(Put::Sent) => Ok(None),
                Ok(Put::Unsent(unsent)) => Ok(Some(unsent)),
                Ok(Put::TooLarge) => Err(Failure::TooLarge(self.limits.max_body)),
                Err(error) => Err(failed(error.to_string())),
            }
        })?;
        if unsent.is_none() {
            call.progress = Progress::Sent;
        }
        Ok((call, unsent))
    }

    fn read(&self, message: Message) -> Result<Response, Failure> {
        let unreadable = |error| Failure::Broken(format!("its answer cannot be read: {error}"));
        let too_large = Failure::TooLarge(self.limits.max_body);
        if message.truncated {
            return Err(too_large);
        }
        read(message, |head, body| {
            if body.len() > self.limits.max_body {
                return Ok(Err(too_large));
            }
            wire::decode_response(head, body, self.limits.max_header_list).map(Ok)
        })
        .map_err(unreadable)?
    }
}

impl Drop for ShmConnection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Makes something of a message's head, copied so that the peer cannot change it once checked, and its body, where it lies.
pub(super) fn read<T>(
    message: Message,
    make: impl FnOnce(&[u8], Bytes) -> Result<T, wire::WireError>,
) -> Result<T, wire::WireError> {
    let length = wire::head_length(&message.payload)?;
    with_scratch(|copy| {
        copy.clear();
        copy.extend_from_slice(message.payload.get(..length).ok_or(wire::WireError::Truncated)?);
        let body = match length == message.payload.len() {
            true => Bytes::new(),
            false => message.payload.skip(length).into_bytes(),
        };
        make(copy, body)
    })
}

/// Lends the thread's buffer for one head, which keeps its memory from head to head.
pub(super) fn with_scratch<T>(act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    /// Beyond this it is not kept.
    const KEPT: usize = 16 << 10;
    thread_local!(static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) });
    let mut scratch = SCRATCH.take();
    let done = act(&mut scratch);
    if scratch.capacity() <= KEPT {
        SCRATCH.set(scratch);
    }
    done
}

/// How far a call has come.
#[derive(PartialEq)]
enum Progress {
    Unsent,
    Sent,
    Over,
}

/// A call under way; ends rightly wherever it is dropped. As a future it waits for the answer.
pub(crate) struct Call<'a> {
    connection: &'a ShmConnection,
    stream: u32,
    progress: Progress,
}

impl Future for Call<'_> {
    type Output = Result<Response, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let message = match ready!(self.connection.calls.poll(self.stream, cx)) {
            Ok(message) => message,
            // The server has yet to hear of it, when this is dropped.
            Err(Failure::Late) => return Poll::Ready(Err(Failure::Late)),
            Err(failure) => {
                self.progress = Progress::Over;
                return Poll::Ready(Err(failure));
            }
        };
        self.progress = Progress::Over;
        Poll::Ready(self.connection.read(message))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let ShmConnection { writer, calls, runtime, .. } = self.connection;
        match self.progress {
            Progress::Unsent => calls.unsent(self.stream),
            Progress::Sent if calls.abandon(self.stream) => {
                send_soon(&writer.sender, runtime, self.stream, kind::CANCEL)
            }
            Progress::Sent | Progress::Over => {}
        }
    }
}

/// Sends a message without payload: at once if there is room, else from a task. If the channel ends first, that says it all.
fn send_soon(sender: &Sender, runtime: &Handle, stream: u32, kind: u8) {
    if let Ok(false) = sender.try_send(stream, kind, &[]) {
        let sender = sender.clone();
        runtime.spawn(async move { sender.send(stream, kind, &[]).await });
    }
}

/// Hands the answers that come to the calls that wait for them, until the channel ends.
async fn hand_out(sender: Sender, mut receiver: Receiver, calls: Arc<Calls>) {
    let mut taken = 0_u32;
    let reason = loop {
        let message = match receiver.recv().await {
            Ok(message) => message,
            Err(error) => break error.to_string(),
        };
        taken = taken.wrapping_add(1);
        if taken.is_multiple_of(BATCH) {
            tokio::task::yield_now().await;
        }
        let stream = message.stream;
        let handed = match message.kind {
            kind::RESPONSE => calls.complete(stream, Ok(message)),
            kind::CANCELLED => calls.complete(stream, Err(Failure::Broken("the call was cancelled".into()))),
            kind::REFUSED => calls.complete(stream, Err(Failure::NotProcessed("the server refused the call".into()))),
            kind::GO_AWAY => {
                calls.close("the server is closing");
                send_soon(&sender, &Handle::current(), 0, kind::GOING);
                Ok(())
            }
            unknown => break format!("the peer sent a message of unknown kind {unknown}"),
        };
        if handed.is_err() {
            break format!("the peer answered call {stream}, which is not under way");
        }
    };
    calls.fail(&reason);
}
