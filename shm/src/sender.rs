//! The sending half of a channel.

use std::sync::Arc;

use crate::channel::Shared;
use crate::counts::{ChannelCounters, Counts};
use crate::doorbell::{announce, withdraw};
use crate::error::{ChannelError, Violation};
use crate::layout::{DESCRIPTOR, Descriptor, End};
use crate::ring::{Consumer, Producer};
use crate::segment::{Descriptors, Returns, Segment};
use crate::slab::{Held, Slab};
use crate::step::{Step, took};

/// Sends messages; clone it for as many tasks as needed.
#[derive(Clone)]
pub struct Sender {
    shared: Arc<Shared>,
    /// How far it may use up the room.
    rank: Rank,
}

/// Who gives way to whom where room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// All but a few blocks and slots are theirs.
    Usual,
    /// Has these besides, and does not wait behind the usual.
    Ahead,
}

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, rank: Rank::Usual }
    }

    /// A sender of the same channel whose messages go before those that wait. A few blocks and slots are kept for them, so what is
    /// short finds room however much else is to be sent.
    #[must_use]
    pub fn ahead(&self) -> Self {
        Self { shared: self.shared.clone(), rank: Rank::Ahead }
    }

    /// Sends a message whose payload is `parts` one after the other, unless that would have to wait: for room, behind others
    /// that wait, or because the message is so long that it goes in fragments. Returns whether it was sent.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn try_send(&self, stream: u32, kind: u8, parts: &[&[u8]]) -> Result<bool, ChannelError> {
        if self.shared.waits(self.rank).others() {
            return self.check().map(|()| false);
        }
        let message = Outbound::new(stream, kind, parts);
        Ok(self.attempt(|outgoing| outgoing.put_whole(&message, self.rank))?.is_some())
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
        let whole = match self.rank {
            Rank::Usual => self.shared.segment.geometry().block as usize,
            Rank::Ahead => self.shared.segment.geometry().kept_octets(),
        };
        if message.length <= whole {
            self.in_turn(|outgoing| outgoing.put_whole(&message, self.rank)).await
        } else {
            self.send_fragments(message).await
        }
    }

    /// Room for a message of up to so many octets, to be written where the peer will read it. `None` where that would have to
    /// wait, as [`Sender::try_send`], or where the peer is of another user, who could write there too: then `send`.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn reserve(&self, octets: usize) -> Result<Option<Room<'_>>, ChannelError> {
        self.check()?;
        if !self.shared.in_place || self.shared.waits(self.rank).others() {
            return Ok(None);
        }
        let held = self.shared.outgoing().hold(octets, self.rank);
        let held = held.map_err(|violation| self.shared.fail(violation.into()))?;
        if held.is_some() {
            took(Step::Reserved);
        }
        Ok(held.map(|held| Room { shared: &self.shared, held: Some(held) }))
    }

    /// Octets that can be [reserved](Sender::reserve) at most.
    pub fn longest_room(&self) -> usize {
        let geometry = self.shared.segment.geometry();
        usize::from(geometry.longest_run()) * geometry.block as usize
    }

    /// Rings the peer for what was sent. There is no need where this end's receiver is polled, which does so when its turn
    /// comes.
    pub fn flush(&self) {
        self.shared.ring_if_owed();
    }

    /// Ends the channel, both directions.
    pub fn close(&self) {
        self.shared.fail(ChannelError::Closed);
    }

    /// Ends the channel because the peer sent what cannot be.
    pub(crate) fn violated(&self, violation: Violation) -> ChannelError {
        self.shared.fail(violation.into())
    }

    /// Which end of the channel this is.
    pub(crate) fn end(&self) -> End {
        self.shared.end
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        self.shared.failure().is_none()
    }

    /// Counters of this end, and of the other channels that share its [tally](crate::Options::tally).
    pub fn counters(&self) -> ChannelCounters {
        self.shared.counted.read()
    }

    /// Sends a message piece by piece as room comes, while others' messages may go in between. One at a time per channel,
    /// so that the peer assembles one at a time.
    async fn send_fragments(&self, message: Outbound<'_>) -> Result<(), ChannelError> {
        let _lane = self.shared.fragments.lock().await;
        let mut half_sent = HalfSent { shared: &self.shared, message: &message, sent: 0 };
        while half_sent.sent < message.length {
            let from = half_sent.sent;
            half_sent.sent += self.in_turn(|outgoing| outgoing.put_fragment(&message, from, self.rank)).await?;
            took(Step::HalfSent);
        }
        Ok(())
    }

    /// Waits its turn, then makes the attempt until there was room for it.
    async fn in_turn<T>(
        &self,
        mut put: impl FnMut(&mut Outgoing) -> Result<Option<T>, Violation>,
    ) -> Result<T, ChannelError> {
        let waits = self.shared.waits(self.rank);
        let Ok(_turn) = waits.queue.acquire().await else { return Err(ChannelError::Closed) };
        let starved = &self.shared.segment.side(self.shared.end).starved.0;
        loop {
            if let Some(done) = self.attempt(&mut put)? {
                return Ok(done);
            }
            announce(starved);
            took(Step::Starved);
            if let Some(done) = self.attempt(&mut put)? {
                withdraw(starved);
                self.shared.there_may_be_room(); // who waits in the other queue has to announce it anew
                return Ok(done);
            }
            self.shared.ring_if_owed(); // what makes room is the peer taking what is there
            self.shared.counted.counts.waits_for_room.add();
            waits.room.notified().await;
        }
    }

    /// One attempt, with the bell rung if it put something into the ring.
    fn attempt<T>(
        &self,
        put: impl FnOnce(&mut Outgoing) -> Result<Option<T>, Violation>,
    ) -> Result<Option<T>, ChannelError> {
        self.check()?;
        let outcome = put(&mut self.shared.outgoing());
        match outcome {
            Ok(Some(done)) => {
                self.shared.ring_soon();
                Ok(Some(done))
            }
            Ok(None) => Ok(None),
            Err(violation) => Err(self.shared.fail(violation.into())),
        }
    }

    fn check(&self) -> Result<(), ChannelError> {
        self.shared.failure().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// Room for one message where the peer will read it. The peer hears of it when it is sent, and not before; dropped, it is given
/// back, and nothing was sent.
pub struct Room<'a> {
    shared: &'a Shared,
    /// There until it is sent.
    held: Option<Held>,
}

impl Room<'_> {
    /// The octets, at least as many as were asked for. What they are at first means nothing.
    pub fn octets(&mut self) -> &mut [u8] {
        let (segment, to) = (&self.shared.segment, self.shared.end.other());
        self.held.as_mut().map(|held| segment.held(to, held)).unwrap_or_default()
    }

    /// Sends the first `length` octets as a message.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn send(mut self, stream: u32, kind: u8, length: usize) -> Result<(), ChannelError> {
        took(Step::Encoded);
        let length = length.min(self.octets().len());
        let Some(held) = self.held.take() else { return Ok(()) };
        let put = self.shared.outgoing().put_held(held, &Outbound::new(stream, kind, &[]), length);
        put.map_err(|violation| self.shared.fail(violation.into()))?;
        self.shared.ring_soon();
        self.shared.there_may_be_room();
        self.shared.failure().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.shared.outgoing().give_up(held, 0);
            self.shared.there_may_be_room();
        }
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
    /// Rooms there are; each has a descriptor's slot waiting for it.
    rooms: u32,
    /// A message in fragments was given up, and the peer does not know yet.
    abort: Option<Descriptor>,
    counts: Arc<Counts>,
}

impl Outgoing {
    pub(crate) fn new(segment: Arc<Segment>, to: End, counts: Arc<Counts>) -> Self {
        let descriptors = Producer::new(Descriptors(segment.clone(), to));
        let returns = Consumer::new(Returns(segment.clone(), to));
        let slab = Slab::new(segment.geometry().blocks);
        Self { segment, to, descriptors, returns, slab, rooms: 0, abort: None, counts }
    }

    /// Sends a message in one piece, if there is room for that.
    fn put_whole(&mut self, message: &Outbound<'_>, rank: Rank) -> Result<Option<()>, Violation> {
        let Some(blocks) = self.blocks(message.length) else { return Ok(None) };
        if !self.flush_abort()? || !self.has_slot(rank)? {
            return Ok(None);
        }
        if blocks == 0 {
            return self.push(message.descriptor(0, 0)).map(Some);
        }
        // Even if others are free: the lowest are the ones most recently used, and in the cache.
        self.collect_returns()?;
        let Some(first) = self.slab.take(blocks, self.blocks_for(rank)) else { return Ok(None) };
        let offset = self.offset(first);
        self.copy(message, 0, message.length, offset);
        self.push(message.descriptor(offset, message.length))?;
        self.counts.copied_in.add_alone();
        Ok(Some(()))
    }

    /// Sets blocks aside for a message that its maker writes there.
    fn hold(&mut self, octets: usize, rank: Rank) -> Result<Option<Held>, Violation> {
        let Some(blocks) = self.blocks(octets).filter(|blocks| *blocks > 0) else { return Ok(None) };
        if !self.flush_abort()? || !self.has_slot(rank)? {
            return Ok(None);
        }
        self.collect_returns()?;
        let held = self.slab.hold(blocks, self.blocks_for(rank));
        self.rooms += u32::from(held.is_some());
        Ok(held)
    }

    /// Sends the first `length` octets of what was written to blocks set aside.
    fn put_held(&mut self, held: Held, message: &Outbound<'_>, length: usize) -> Result<(), Violation> {
        let (offset, used) = (self.offset(held.first()), self.blocks(length).unwrap_or(held.length()));
        self.give_up(held, used);
        self.push(message.descriptor(if length > 0 { offset } else { 0 }, length))
    }

    /// Blocks set aside are lent or free from here on.
    fn give_up(&mut self, held: Held, used: u16) {
        self.rooms -= 1;
        self.slab.lend_held(held, used);
    }

    /// Whether there is room for a descriptor, besides those that are promised.
    fn has_slot(&mut self, rank: Rank) -> Result<bool, Violation> {
        let kept = if rank == Rank::Usual { self.segment.geometry().kept_slots() } else { 0 };
        self.descriptors.has_room_for(1 + self.rooms + kept)
    }

    /// The blocks that may be had.
    fn blocks_for(&self, rank: Rank) -> u16 {
        let geometry = self.segment.geometry();
        if rank == Rank::Usual { geometry.blocks - geometry.kept_blocks() } else { geometry.blocks }
    }

    /// Sends what there is room for of a message from its octet `from` on. Returns how much that was.
    fn put_fragment(&mut self, message: &Outbound<'_>, from: usize, rank: Rank) -> Result<Option<usize>, Violation> {
        if !self.flush_abort()? || !self.has_slot(rank)? {
            return Ok(None);
        }
        let (rest, longest) = (message.length - from, self.segment.geometry().longest_run());
        let wanted = self.blocks(rest).unwrap_or(longest);
        self.collect_returns()?;
        let Some((first, blocks)) = self.slab.take_up_to(wanted, self.blocks_for(rank)) else { return Ok(None) };
        let length = rest.min(usize::from(blocks) * self.segment.geometry().block as usize);
        let offset = self.offset(first);
        self.copy(message, from, length, offset);
        let more = length < rest;
        self.push(Descriptor { more, ..message.descriptor(offset, length) })?;
        if !more {
            self.counts.copied_in.add_alone();
        }
        Ok(Some(length))
    }

    /// Blocks that so many octets need, if one run may be that long.
    fn blocks(&self, length: usize) -> Option<u16> {
        let geometry = self.segment.geometry();
        u16::try_from(geometry.blocks_for(length)).ok().filter(|blocks| *blocks <= geometry.longest_run())
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
        if !descriptor.more {
            self.counts.sent.add_alone();
        }
        Ok(())
    }

    /// Tells the peer about a message given up. Returns whether there is nothing (more) to tell.
    fn flush_abort(&mut self) -> Result<bool, Violation> {
        if let Some(descriptor) = self.abort {
            if !self.has_slot(Rank::Ahead)? {
                return Ok(false);
            }
            self.descriptors.push(descriptor.to_words())?;
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
