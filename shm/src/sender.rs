//! The sending half of a channel.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::channel::{ChannelCounters, Shared};
use crate::doorbell::{announce, withdraw};
use crate::error::{ChannelError, Violation};
use crate::layout::{DESCRIPTOR, Descriptor, End};
use crate::ring::{Consumer, Producer};
use crate::segment::{Descriptors, Returns, Segment};
use crate::slab::Slab;
use crate::step::{Step, took};

/// Sends messages; clone it for as many tasks as needed.
#[derive(Clone)]
pub struct Sender(Arc<Shared>);

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Sends a message whose payload is `parts` one after the other, unless that would have to wait: for room, behind others
    /// that wait, or because the message is so long that it goes in fragments. Returns whether it was sent.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn try_send(&self, stream: u32, kind: u8, parts: &[&[u8]]) -> Result<bool, ChannelError> {
        if self.0.queue.available_permits() == 0 {
            return self.check().map(|()| false);
        }
        let message = Outbound::new(stream, kind, parts);
        let sent = self.attempt(|outgoing| outgoing.put_whole(&message))?.is_some();
        self.0.counts.sent.fetch_add(sent.into(), Relaxed);
        self.0.counts.copied_in.fetch_add((sent && message.length > 0).into(), Relaxed);
        Ok(sent)
    }

    /// Sends a message, waiting for room as long as it takes. Messages that wait go in the order they came.
    /// If the future is dropped before it is done, the peer does not get the message.
    ///
    /// # Errors
    /// The channel has ended.
    pub async fn send(&self, stream: u32, kind: u8, parts: &[&[u8]]) -> Result<(), ChannelError> {
        if self.try_send(stream, kind, parts)? {
            return Ok(());
        }
        let message = Outbound::new(stream, kind, parts);
        let length = message.length;
        if message.length <= self.0.segment.geometry().block as usize {
            self.in_turn(|outgoing| outgoing.put_whole(&message)).await?;
        } else {
            self.send_fragments(message).await?;
        }
        self.0.counts.sent.fetch_add(1, Relaxed);
        self.0.counts.copied_in.fetch_add((length > 0).into(), Relaxed);
        Ok(())
    }

    /// Rings the peer for what was sent. There is no need where this end's receiver is polled, which does so when its turn
    /// comes.
    pub fn flush(&self) {
        self.0.ring_if_owed();
    }

    /// Ends the channel, both directions.
    pub fn close(&self) {
        self.0.fail(ChannelError::Closed);
    }

    /// Ends the channel because the peer sent what cannot be.
    pub(crate) fn violated(&self, violation: Violation) -> ChannelError {
        self.0.fail(violation.into())
    }

    /// Which end of the channel this is.
    pub(crate) fn end(&self) -> End {
        self.0.end
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.0.failure().is_none()
    }

    /// Counters of this end, and of the other channels that share its [tally](crate::Options::tally).
    pub fn counters(&self) -> ChannelCounters {
        self.0.counts.read()
    }

    /// Sends a message piece by piece as room comes, while others' messages may go in between. One at a time per channel,
    /// so that the peer assembles one at a time.
    async fn send_fragments(&self, message: Outbound<'_>) -> Result<(), ChannelError> {
        let _lane = self.0.fragments.lock().await;
        let mut half_sent = HalfSent { shared: &self.0, message: &message, sent: 0 };
        while half_sent.sent < message.length {
            let from = half_sent.sent;
            half_sent.sent += self.in_turn(|outgoing| outgoing.put_fragment(&message, from)).await?;
            took(Step::HalfSent);
        }
        Ok(())
    }

    /// Waits its turn, then makes the attempt until there was room for it.
    async fn in_turn<T>(
        &self,
        mut put: impl FnMut(&mut Outgoing) -> Result<Option<T>, Violation>,
    ) -> Result<T, ChannelError> {
        let Ok(_turn) = self.0.queue.acquire().await else { return Err(ChannelError::Closed) };
        let starved = &self.0.segment.side(self.0.end).starved.0;
        loop {
            if let Some(done) = self.attempt(&mut put)? {
                return Ok(done);
            }
            announce(starved);
            took(Step::Starved);
            if let Some(done) = self.attempt(&mut put)? {
                withdraw(starved);
                return Ok(done);
            }
            self.0.ring_if_owed(); // what makes room is the peer taking what is there
            self.0.counts.waits_for_room.fetch_add(1, Relaxed);
            self.0.room.notified().await;
        }
    }

    /// One attempt, with the bell rung if it put something into the ring.
    fn attempt<T>(
        &self,
        put: impl FnOnce(&mut Outgoing) -> Result<Option<T>, Violation>,
    ) -> Result<Option<T>, ChannelError> {
        self.check()?;
        let outcome = put(&mut self.0.outgoing());
        match outcome {
            Ok(Some(done)) => {
                self.0.ring_soon();
                Ok(Some(done))
            }
            Ok(None) => Ok(None),
            Err(violation) => Err(self.0.fail(violation.into())),
        }
    }

    fn check(&self) -> Result<(), ChannelError> {
        self.0.failure().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// A message to be sent.
struct Outbound<'a> {
    stream: u32,
    kind: u8,
    parts: &'a [&'a [u8]],
    length: usize,
}

impl<'a> Outbound<'a> {
    fn new(stream: u32, kind: u8, parts: &'a [&'a [u8]]) -> Self {
        Self { stream, kind, parts, length: parts.iter().map(|part| part.len()).sum() }
    }

    fn descriptor(&self, offset: usize, length: usize) -> Descriptor {
        // Extents lie within an area of at most 2^28 octets.
        let (offset, length) = (offset as u32, length as u32);
        Descriptor { offset, length, stream: self.stream, kind: self.kind, more: false, aborted: false }
    }
}

/// A message on its way in fragments. Dropped before its end, it tells the peer to forget what it has of it.
struct HalfSent<'a> {
    shared: &'a Shared,
    message: &'a Outbound<'a>,
    sent: usize,
}

impl Drop for HalfSent<'_> {
    fn drop(&mut self) {
        if self.sent == 0 || self.sent == self.message.length || self.shared.failure().is_some() {
            return;
        }
        let mut outgoing = self.shared.outgoing();
        outgoing.abort = Some(Descriptor { aborted: true, ..self.message.descriptor(0, 0) });
        // Without room just now, or with a peer that lies, the next sender finds out.
        let told = matches!(outgoing.flush_abort(), Ok(true));
        drop(outgoing);
        if told {
            self.shared.ring_soon();
        }
    }
}

/// The books of the direction we send in.
pub(crate) struct Outgoing {
    segment: Arc<Segment>,
    to: End,
    descriptors: Producer<DESCRIPTOR, Descriptors>,
    returns: Consumer<1, Returns>,
    slab: Slab,
    /// A message in fragments was given up, and the peer does not know yet.
    abort: Option<Descriptor>,
}

impl Outgoing {
    pub(crate) fn new(segment: Arc<Segment>, to: End) -> Self {
        let descriptors = Producer::new(Descriptors(segment.clone(), to));
        let returns = Consumer::new(Returns(segment.clone(), to));
        let slab = Slab::new(segment.geometry().blocks);
        Self { segment, to, descriptors, returns, slab, abort: None }
    }

    /// Sends a message in one piece, if there is room for that.
    fn put_whole(&mut self, message: &Outbound<'_>) -> Result<Option<()>, Violation> {
        let Some(blocks) = self.blocks(message.length) else { return Ok(None) };
        if !self.flush_abort()? || !self.descriptors.has_room()? {
            return Ok(None);
        }
        if blocks == 0 {
            return self.push(message.descriptor(0, 0)).map(Some);
        }
        // Even if others are free: the lowest are the ones most recently used, and in the cache.
        self.collect_returns()?;
        let Some(first) = self.slab.take(blocks) else { return Ok(None) };
        let offset = self.offset(first);
        self.copy(message, 0, message.length, offset);
        self.push(message.descriptor(offset, message.length)).map(Some)
    }

    /// Sends what there is room for of a message from its octet `from` on. Returns how much that was.
    fn put_fragment(&mut self, message: &Outbound<'_>, from: usize) -> Result<Option<usize>, Violation> {
        if !self.flush_abort()? || !self.descriptors.has_room()? {
            return Ok(None);
        }
        let (rest, longest) = (message.length - from, self.segment.geometry().longest_run());
        let wanted = self.blocks(rest).unwrap_or(longest);
        self.collect_returns()?;
        let Some((first, blocks)) = self.slab.take_up_to(wanted) else { return Ok(None) };
        let length = rest.min(usize::from(blocks) * self.segment.geometry().block as usize);
        let offset = self.offset(first);
        self.copy(message, from, length, offset);
        self.push(Descriptor { more: length < rest, ..message.descriptor(offset, length) })?;
        Ok(Some(length))
    }

    /// Blocks that so many octets need, if one run may be that long.
    fn blocks(&self, length: usize) -> Option<u16> {
        let geometry = self.segment.geometry();
        u16::try_from(length.div_ceil(geometry.block as usize)).ok().filter(|blocks| *blocks <= geometry.longest_run())
    }

    fn offset(&self, block: u16) -> usize {
        usize::from(block) * self.segment.geometry().block as usize
    }

    /// Copies `length` octets of a message, beginning with its octet `from`, to `offset`.
    fn copy(&self, message: &Outbound<'_>, from: usize, length: usize, offset: usize) {
        let (mut skip, mut done) = (from, 0);
        for part in message.parts {
            let rest = part.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(part.len());
            let piece = rest.get(..length - done).unwrap_or(rest);
            self.segment.write(self.to, offset + done, piece);
            done += piece.len();
        }
    }

    /// Publishes a descriptor for which there is known to be room.
    fn push(&mut self, descriptor: Descriptor) -> Result<(), Violation> {
        took(Step::Written);
        self.descriptors.push(descriptor.to_words())?;
        took(Step::Published);
        Ok(())
    }

    /// Tells the peer about a message given up. Returns whether there is nothing (more) to tell.
    fn flush_abort(&mut self) -> Result<bool, Violation> {
        if let Some(descriptor) = self.abort {
            if !self.descriptors.push(descriptor.to_words())? {
                return Ok(false);
            }
            self.abort = None;
        }
        Ok(true)
    }

    /// Takes back the blocks that the peer has read.
    fn collect_returns(&mut self) -> Result<(), Violation> {
        while let Some([first]) = self.returns.pop()? {
            self.slab.give_back(first)?;
        }
        Ok(())
    }
}
