//! The receiving half of a channel, which also answers the doorbell.

use std::io;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use crate::bell::OwnBell;
use crate::channel::{Options, Shared};
use crate::crowd::CROWD;
use crate::doorbell::{announce, withdraw};
use crate::error::{ChannelError, Violation};
use crate::layout::{DESCRIPTOR, Descriptor};
use crate::payload::{Lender, Message, Payload};
use crate::ring::Consumer;
use crate::segment::Descriptors;
use crate::spin::{Next, Seen, Spin};
use crate::step::{Step, took};

/// Fragments taken before other tasks get their turn.
const BATCH: u32 = 64;

/// Looks for a message before other tasks get their turn.
const LOOKS: u32 = 16;

/// Receives messages. Dropped, it ends the channel.
pub struct Receiver {
    pub(crate) shared: Arc<Shared>,
    /// In the reactor; a thread that waits by itself has taken it.
    pub(crate) bell: Option<OwnBell>,
    descriptors: Consumer<DESCRIPTOR, Descriptors>,
    lender: Arc<Lender>,
    /// Blocks that readers were given where they lie, a number that wraps.
    lent: u32,
    partial: Option<Partial>,
    max_message: usize,
    /// We announced that we sleep.
    announced: bool,
    pub(crate) hung_up: bool,
    taken: u32,
    spin: Spin,
    /// Where we run, counted from 1; 0 where that must be asked.
    core: u32,
}

/// A message of which fragments are still to come.
struct Partial {
    stream: u32,
    kind: u8,
    octets: Vec<u8>,
    truncated: bool,
}

impl Receiver {
    pub(crate) fn new(
        (shared, bell): (Arc<Shared>, OwnBell),
        descriptors: Descriptors,
        lender: Arc<Lender>,
        options: &Options,
    ) -> Self {
        Self {
            shared,
            bell: Some(bell),
            descriptors: Consumer::new(descriptors),
            lender,
            lent: 0,
            partial: None,
            max_message: options.max_message,
            announced: false,
            hung_up: false,
            taken: 0,
            spin: Spin::new(options.spin),
            core: 0,
        }
    }

    /// The next message, waiting for it.
    ///
    /// # Errors
    /// The channel has ended. What the peer sent before it hung up has been received.
    pub async fn recv(&mut self) -> Result<Message, ChannelError> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next message if one is there, without waiting.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn try_recv(&mut self) -> Result<Option<Message>, ChannelError> {
        match self.take_message() {
            Ok(Taken::Message(message)) => Ok(Some(message)),
            Ok(Taken::Nothing | Taken::Enough) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Receiver::recv`], to be woken when there may be a message or the channel ends.
    ///
    /// Before it waits it rings for what this end sent, see [`Sender::flush`](crate::Sender::flush). Whoever got a message is
    /// expected to ask for the next one soon: what is sent until then is rung for together.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ChannelError>> {
        self.shared.owed.work();
        let polled = self.poll_message(cx);
        if polled.is_pending() {
            self.shared.owed.rest();
            self.shared.ring_if_owed();
        }
        polled
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ChannelError>> {
        loop {
            match self.look()? {
                Look::Message(message) => return Poll::Ready(Ok(message)),
                Look::Again => {}
                Look::Later => return yield_to_others(cx),
                Look::Sleep => {
                    self.shared.wake_on_failure(cx.waker());
                    if self.shared.failure().is_none()
                        && self.poll_bell(cx)?.is_pending()
                        && self.poll_hang_up(cx)?.is_pending()
                    {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// The next message, or how to wait for it.
    pub(crate) fn look(&mut self) -> Result<Look, ChannelError> {
        match self.take_message()? {
            Taken::Message(message) => return Ok(Look::Message(message)),
            Taken::Nothing => {}
            Taken::Enough => return Ok(Look::Later),
        }
        if self.hung_up {
            return Err(self.shared.fail(ChannelError::PeerGone));
        }
        if self.announced {
            return Ok(Look::Sleep);
        }
        self.shared.ring_if_owed();
        Ok(match self.look_around() {
            Around::Found => Look::Again,
            Around::Nothing => Look::Later,
            Around::Sleep => {
                // Then look once more: the peer may have sent before it could see this.
                self.announced = true;
                announce(&self.shared.segment.side(self.shared.end).asleep.0);
                took(Step::Announced);
                Look::Again
            }
        })
    }

    /// A sender of the same channel.
    pub fn sender(&self) -> crate::Sender {
        crate::Sender::new(self.shared.clone())
    }

    /// Takes descriptors until they complete a message.
    fn take_message(&mut self) -> Result<Taken, ChannelError> {
        for _ in 0..BATCH {
            if let Some(error) = self.shared.failure() {
                return Err(error.clone());
            }
            match self.take_descriptor() {
                Ok(None) => return Ok(Taken::Nothing),
                Ok(Some(descriptor)) => {
                    took(Step::Taken);
                    self.awake();
                    match self.take_fragment(descriptor) {
                        Ok(Some(message)) => {
                            self.shared.counted.counts.received.add_alone();
                            return Ok(Taken::Message(message));
                        }
                        Ok(None) => {}
                        Err(violation) => return Err(self.shared.fail(violation.into())),
                    }
                }
                Err(violation) => return Err(self.shared.fail(violation.into())),
            }
        }
        Ok(Taken::Enough)
    }

    fn take_descriptor(&mut self) -> Result<Option<Descriptor>, Violation> {
        let Some(words) = self.descriptors.pop()? else { return Ok(None) };
        Descriptor::from_words(words, self.shared.segment.geometry()).map(Some)
    }

    /// What a descriptor completes, if it does.
    fn take_fragment(&mut self, descriptor: Descriptor) -> Result<Option<Message>, Violation> {
        let Descriptor { stream, kind, more, aborted, .. } = descriptor;
        match &mut self.partial {
            Some(partial) if partial.stream == stream && partial.kind == kind => {
                if aborted {
                    self.partial = None;
                    return Ok(None);
                }
                partial.append(&descriptor, &self.lender, self.max_message);
                Ok(if more { None } else { take(&mut self.partial).map(Partial::complete) })
            }
            Some(_) if more || aborted => Err(Violation::Fragment { stream }),
            None if aborted => Err(Violation::Fragment { stream }),
            None if more => {
                let mut partial = Partial { stream, kind, octets: Vec::new(), truncated: false };
                partial.append(&descriptor, &self.lender, self.max_message);
                self.partial = Some(partial);
                Ok(None)
            }
            _ => Ok(Some(self.whole(&descriptor))),
        }
    }

    /// A message that came in one piece.
    fn whole(&mut self, descriptor: &Descriptor) -> Message {
        let Descriptor { stream, kind, .. } = *descriptor;
        if descriptor.length as usize <= self.max_message {
            return Message { stream, kind, truncated: false, payload: self.lender.lend(descriptor, &mut self.lent) };
        }
        let mut partial = Partial { stream, kind, octets: Vec::new(), truncated: false };
        partial.append(descriptor, &self.lender, self.max_message);
        partial.complete()
    }

    /// There is work, so we are awake; and now and then senders learn that there may be room.
    fn awake(&mut self) {
        self.withdraw();
        if self.spin.is_idle() && self.spin.handle_found(Instant::now()) {
            self.shared.counted.counts.spins_paid.add_alone();
        }
        self.taken = self.taken.wrapping_add(1);
        if self.taken.is_multiple_of(BATCH) {
            self.shared.there_may_be_room();
            self.shared.ring_if_owed(); // the peer may begin with what we answered so far
        }
    }

    /// Looks for the next message for about a microsecond, where that may pay.
    fn look_around(&mut self) -> Around {
        if self.spin.is_off() {
            return Around::Sleep;
        }
        if self.core == 0 {
            self.tell_core();
        }
        // Whoever the last message woke runs before we look for the next.
        let is_first = !self.spin.is_idle();
        let now = Instant::now();
        let seen = self.seen(now);
        match self.spin.handle_nothing(now, seen) {
            Next::Look if is_first => return Around::Nothing,
            Next::Look => {}
            Next::Sleep => return Around::Sleep,
            Next::Lost => {
                self.shared.counted.counts.spins_lost.add_alone();
                self.core = 0; // we may be elsewhere by then
                return Around::Sleep;
            }
        }
        for _ in 0..LOOKS {
            // What is wrong there, taking it will show.
            if self.descriptors.look().unwrap_or(true) {
                return Around::Found;
            }
            std::hint::spin_loop();
        }
        Around::Nothing
    }

    fn seen(&self, now: Instant) -> Seen {
        let peer = self.shared.segment.side(self.shared.end.other());
        // Relaxed, both: hints.
        let (peer_core, peer_sleeps) = (peer.core.0.load(Relaxed), peer.asleep.0.load(Relaxed) != 0);
        let crowded = self.spin.may_try() && CROWD.is_there(now);
        Seen { own_core: self.core, peer_core, peer_sleeps, crowded }
    }

    fn tell_core(&mut self) {
        self.core = u32::try_from(rustix::thread::sched_getcpu()).map_or(0, |core| core.saturating_add(1));
        self.shared.segment.side(self.shared.end).core.0.store(self.core, Relaxed);
    }

    fn withdraw(&mut self) {
        if take(&mut self.announced) {
            withdraw(&self.shared.segment.side(self.shared.end).asleep.0);
        }
    }

    /// Ready when the bell rang: for a message, or for room.
    fn poll_bell(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        // A thread that waits for the bell has taken it.
        let Some(bell) = &self.bell else { return Poll::Ready(Err(self.shared.fail(ChannelError::Closed))) };
        ready!(bell.poll_rung(cx)).map_err(|error| self.shared.fail(ChannelError::System(error.to_string())))?;
        self.rung();
        Poll::Ready(Ok(()))
    }

    /// The bell rang: for a message, or for room.
    pub(crate) fn rung(&mut self) {
        self.shared.counted.counts.wakeups.add_alone();
        self.withdraw();
        self.core = 0; // we may have woken elsewhere
        self.shared.there_may_be_room();
    }

    /// Ready when the peer closed its end of the socket, as its death does. Anything else there is a violation.
    fn poll_hang_up(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        loop {
            let polled = ready!(self.shared.socket.poll_read_ready(cx));
            let read = polled.and_then(|()| self.shared.socket.try_read(&mut [0; 8]));
            if matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                continue;
            }
            return Poll::Ready(self.heard(read.unwrap_or_default()));
        }
    }

    /// So much was read from the socket; nothing where the peer hung up, or it is broken.
    pub(crate) fn heard(&mut self, octets: usize) -> Result<(), ChannelError> {
        if octets > 0 {
            return Err(self.shared.fail(Violation::Chatter.into()));
        }
        self.hung_up = true;
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.owed.rest();
        self.shared.ring_if_owed();
        self.shared.fail(ChannelError::Closed);
    }
}

impl Partial {
    fn append(&mut self, descriptor: &Descriptor, lender: &Lender, max_message: usize) {
        let room = max_message.saturating_sub(self.octets.len());
        self.truncated |= descriptor.length as usize > room;
        lender.copy_out(descriptor, room, &mut self.octets);
    }

    fn complete(self) -> Message {
        let Self { stream, kind, octets, truncated } = self;
        Message { stream, kind, truncated, payload: Payload::copied(octets.into()) }
    }
}

/// What a look brought.
pub(crate) enum Look {
    Message(Message),
    /// Look again at once.
    Again,
    /// Look again, once others have had their turn.
    Later,
    /// We announced that we sleep: sleep until the bell rings or the peer hangs up.
    Sleep,
}

/// What looking around brought.
enum Around {
    Found,
    Nothing,
    /// It does not pay to go on.
    Sleep,
}

enum Taken {
    Message(Message),
    Nothing,
    /// A batch of fragments, but no message yet.
    Enough,
}

fn yield_to_others<T>(cx: &mut Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}
