//! The server's end of a channel.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::shm::{ChannelError, Incoming, Message, Receiver};
use http::StatusCode;
use sbi_api::{Answer, Problem, Request};

use super::client::{read, with_scratch};
use super::exchange::Exchange;
use super::wire::{self, WireError};
use super::writer::{Put, Tag, Unsent, Writer};
use super::{BATCH, kind};
use crate::accept::HANDSHAKE;
use crate::priority::goes_ahead;
use crate::service::{Answering, Service, too_large};
use crate::stats::count;

/// Lets the guest in, and answers its requests.
pub(super) async fn serve_channel(guest: Incoming, service: Arc<Service>) {
    match tokio::time::timeout(HANDSHAKE, guest.open()).await {
        Ok(Ok((sender, receiver))) => {
            let writer = Arc::new(Writer::new(sender, service.stats.clone()));
            let channel = Channel { writer, service, exchange: Arc::default() };
            match channel.serve(receiver).await {
                Ok(()) | Err(ChannelError::Closed | ChannelError::PeerGone) => {}
                Err(error) => tracing::warn!(%error, "a shared-memory channel failed"),
            }
        }
        Ok(Err(error)) => {
            count(&service.stats.refusals, 1);
            tracing::warn!(%error, "a shared-memory peer was not let in");
        }
        Err(_) => tracing::debug!("a shared-memory peer did not say hello in time"),
    }
}

struct Channel {
    writer: Arc<Writer>,
    service: Arc<Service>,
    exchange: Arc<Exchange>,
}

impl Channel {
    /// Answers requests until the client leaves, or until none is left once the service drains.
    async fn serve(&self, mut receiver: Receiver) -> Result<(), ChannelError> {
        let mut taken = 0_u32;
        let mut draining = std::pin::pin!(self.service.draining());
        let (mut is_draining, mut client_knows) = (false, false);
        loop {
            let exchange = &self.exchange;
            tokio::select! {
                biased;
                () = &mut draining, if !is_draining => {
                    is_draining = true;
                    self.reply(0, kind::GO_AWAY);
                }
                message = receiver.recv() => {
                    let mut next = Some(message?);
                    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                    // What is there already is taken without another look at all the rest.
                    while let Some(message) = next {
                        client_knows |= message.kind == kind::GOING;
                        self.take(message, &mut Context::from_waker(&waker));
                        taken = taken.wrapping_add(1);
                        if taken.is_multiple_of(BATCH) {
                            self.writer.sender.flush();
                            tokio::task::yield_now().await;
                        }
                        next = receiver.try_recv()?;
                    }
                }
                () = exchange.idle(), if client_knows => return Ok(()),
            }
        }
    }

    fn take(&self, message: Message, cx: &mut Context<'_>) {
        let stream = message.stream;
        match message.kind {
            kind::REQUEST => self.take_request(message, cx),
            kind::CANCEL => {
                if self.exchange.cancel(stream) {
                    self.reply(stream, kind::CANCELLED);
                }
            }
            kind::GOING => {}
            unknown => {
                tracing::warn!(
                    kind = unknown,
                    "a shared-memory peer sent a message of unknown kind; its channel is closed"
                );
                self.writer.sender.close();
            }
        }
    }

    /// Handles a request. Most handlers are done at their first poll, which is here: those need no task.
    fn take_request(&self, message: Message, cx: &mut Context<'_>) {
        let (stream, most) = (message.stream, self.service.limits.max_in_flight as usize);
        match self.exchange.tasks() {
            few if few < most => {}
            // Even these cannot be sent: it sends requests but takes no answers.
            many if many > most.saturating_mul(4) => {
                tracing::warn!(unsent = many, "a shared-memory peer takes no answers; its channel is closed");
                return self.writer.sender.close();
            }
            _ => return self.reply(stream, kind::REFUSED),
        }
        let request = match self.read(message) {
            Ok(request) => request,
            Err(refusal) => return self.respond(Tag { stream, kind: kind::RESPONSE, ahead: false }, refusal.into()),
        };
        let tag = Tag { stream, kind: kind::RESPONSE, ahead: goes_ahead(request.headers()) };
        let mut answer = self.service.answer(request);
        match Pin::new(&mut answer).poll(cx) {
            Poll::Ready(response) => {
                drop(answer); // its place is free before the client can ask again
                self.respond(tag, response);
            }
            Poll::Pending => self.answer_later(tag, answer),
        }
    }

    fn answer_later(&self, tag: Tag, answer: Answering) {
        let stream = tag.stream;
        if !self.exchange.enter(stream) {
            tracing::warn!(stream, "a shared-memory peer used a stream twice; its channel is closed");
            return self.writer.sender.close();
        }
        let (writer, exchange, limit) =
            (self.writer.clone(), self.exchange.clone(), self.service.limits.max_header_list);
        let guard = exchange.task();
        let task = tokio::spawn(async move {
            let _guard = guard;
            let response = answer.await;
            if exchange.leave(stream)
                && let Some(unsent) = put(&writer, tag, response, limit)
            {
                send_when_there_is_room(&writer, &unsent).await;
            }
        });
        self.exchange.stop_with(stream, task.abort_handle());
    }

    /// The request, unless it must be refused at once.
    fn read(&self, message: Message) -> Result<Request, Refusal> {
        let limits = &self.service.limits;
        let truncated = message.truncated;
        read(message, |head, body| {
            if truncated || body.len() > limits.max_body {
                return Ok(Err(Refusal::TooLarge(limits.max_body)));
            }
            wire::decode_request(head, body, limits.max_header_list).map(Ok)
        })?
    }

    /// Sends a response: at once if there is room, else from a task, so that the channel goes on being read.
    fn respond(&self, tag: Tag, response: Answer) {
        if let Some(unsent) = put(&self.writer, tag, response, self.service.limits.max_header_list) {
            let (writer, guard) = (self.writer.clone(), self.exchange.task());
            tokio::spawn(async move {
                let _guard = guard;
                send_when_there_is_room(&writer, &unsent).await;
            });
        }
    }

    /// Sends a message without payload, likewise.
    fn reply(&self, stream: u32, kind: u8) {
        if let Ok(false) = self.writer.sender.try_send(stream, kind, &[]) {
            let (sender, guard) = (self.writer.sender.clone(), self.exchange.task());
            tokio::spawn(async move {
                let _guard = guard;
                sender.send(stream, kind, &[]).await
            });
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.exchange.cancel_all();
    }
}

async fn send_when_there_is_room(writer: &Writer, unsent: &Unsent) {
    if let Err(error) = unsent.send(writer).await {
        tracing::debug!(%error, "an answer could not be sent");
    }
}

/// Sends a response, if there is room. If the channel has ended, that says it all.
fn put(writer: &Writer, tag: Tag, response: Answer, limit: u32) -> Option<Unsent> {
    with_scratch(|head| {
        let response = encode(response, limit, head);
        match writer.put(tag, head, response.body(), usize::MAX) {
            Ok(Put::Unsent(unsent)) => Some(unsent),
            Ok(Put::Sent | Put::TooLarge) | Err(_) => None,
        }
    })
}

/// Writes the head of a response; of an error instead, where the handler's cannot be written. Returns what is to be sent.
fn encode(response: Answer, limit: u32, head: &mut Vec<u8>) -> Answer {
    match wire::encode_response(&response, limit, head) {
        Ok(()) => response,
        Err(error) => {
            let response = Answer::from(Problem::internal(format_args!("the answer's head: {error}")));
            if wire::encode_response(&response, u32::MAX, head).is_err() {
                head.clear(); // the client cannot read that, and says so
            }
            response
        }
    }
}

/// Why a request is not handled.
enum Refusal {
    /// Its body is over this limit.
    TooLarge(usize),
    /// Its head cannot be read.
    Head(WireError),
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self::Head(error)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (status, error) = match refusal {
            Refusal::TooLarge(limit) => return too_large(limit),
            Refusal::Head(error @ WireError::TooLong) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, error),
            Refusal::Head(error) => (StatusCode::BAD_REQUEST, error),
        };
        Problem::new(status, "INVALID_MSG_FORMAT", error).into()
    }
}
