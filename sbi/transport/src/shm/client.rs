//! The client's end of a channel.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;

use ::shm::{Message, Receiver, Sender};
use bytes::Bytes;
use sbi_api::{BoxFuture, Request, Response};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::calls::Calls;
use super::{BATCH, kind, wire};
use crate::Limits;
use crate::connection::{Connection, Failure};

/// Starts the task that hands out the answers.
pub(super) fn start(sender: Sender, receiver: Receiver, limits: Limits) -> Arc<dyn Connection> {
    let calls = Arc::new(Calls::new(limits.max_in_flight));
    let answers = tokio::spawn(hand_out(sender.clone(), receiver, calls.clone())).abort_handle();
    Arc::new(ShmConnection { sender, calls, limits, answers, runtime: Handle::current() })
}

struct ShmConnection {
    sender: Sender,
    calls: Arc<Calls>,
    limits: Limits,
    answers: AbortHandle,
    runtime: Handle,
}

impl Connection for ShmConnection {
    fn call<'a>(&'a self, authority: &'a str, request: &'a Request) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(async move {
            let unsent = |error: String| Failure::NotProcessed(error);
            let mut call = Call { connection: self, stream: self.calls.begin()?, progress: Progress::Unsent };
            let sent = with_scratch(|head| {
                wire::encode_request(authority, request, self.limits.max_header_list, head)
                    .map_err(|error| unsent(error.to_string()))?;
                let sent = self.sender.try_send(call.stream, kind::REQUEST, &[head, request.body()]);
                // Without room, the head is needed a while longer than the scratch is ours.
                sent.map(|sent| if sent { None } else { Some(head.clone()) }).map_err(|error| unsent(error.to_string()))
            })?;
            if let Some(head) = sent {
                let sent = self.sender.send(call.stream, kind::REQUEST, &[&head, request.body()]).await;
                sent.map_err(|error| unsent(error.to_string()))?;
            }
            call.progress = Progress::Sent;
            let outcome = poll_fn(|cx| self.calls.poll(call.stream, cx)).await;
            call.progress = Progress::Over;
            self.read(outcome?)
        })
    }

    fn remembers(&self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        !self.calls.is_closed()
    }
}

impl ShmConnection {
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
        self.answers.abort();
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
            false => message.payload.into_bytes().split_off(length),
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

/// A call under way; ends rightly wherever its future is dropped.
struct Call<'a> {
    connection: &'a ShmConnection,
    stream: u32,
    progress: Progress,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let ShmConnection { sender, calls, runtime, .. } = self.connection;
        match self.progress {
            Progress::Unsent => calls.unsent(self.stream),
            Progress::Sent if calls.abandon(self.stream) => send_soon(sender, runtime, self.stream, kind::CANCEL),
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
