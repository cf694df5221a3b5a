//! Messages received, and the blocks they lie in.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use crate::channel::Shared;
use crate::doorbell::must_ring;
use crate::error::Violation;
use crate::layout::{Descriptor, End};
use crate::ring::Producer;
use crate::segment::{Returns, Segment};
use crate::step::{Step, took};

/// A message from the peer.
#[derive(Debug)]
pub struct Message {
    /// Which exchange it belongs to.
    pub stream: u32,
    /// What it is.
    pub kind: u8,
    /// It was longer than [`Options::max_message`](crate::Options::max_message): the payload is only its beginning.
    pub truncated: bool,
    /// Its octets.
    pub payload: Payload,
}

/// The octets of a message: where the peer wrote them, or a copy.
///
/// In place they keep their blocks from the sender until dropped. So at most half of a direction's blocks are ever held in
/// this way: when others hold that much already, the payload is a copy. It also is one if it came in fragments, or from
/// a process of another user.
pub struct Payload(Octets);

enum Octets {
    InPlace(InPlace),
    Copied(Bytes),
}

impl Payload {
    pub(crate) fn copied(octets: Bytes) -> Self {
        Self(Octets::Copied(octets))
    }

    /// The same octets as `Bytes`, still without copying; they give the blocks back when the last of them is dropped.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Octets::Copied(bytes) => bytes,
            Octets::InPlace(octets) => Bytes::from_owner(octets),
        }
    }

    /// Without the first octets, or as many of them as there are.
    #[must_use]
    pub fn skip(self, octets: usize) -> Self {
        Self(match self.0 {
            Octets::Copied(mut bytes) => Octets::Copied(bytes.split_off(octets.min(bytes.len()))),
            Octets::InPlace(mut place) => {
                let rest = place.length - place.skipped;
                place.skipped += u32::try_from(octets).map_or(rest, |octets| octets.min(rest));
                Octets::InPlace(place)
            }
        })
    }

    /// Whether they lie where the peer wrote them.
    pub fn is_in_place(&self) -> bool {
        matches!(self.0, Octets::InPlace(_))
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Octets::Copied(bytes) => bytes,
            Octets::InPlace(octets) => octets.as_ref(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the octets: they may be keys.
        write!(f, "Payload({} octets)", self.len())
    }
}

/// A lent run of blocks.
struct InPlace {
    lender: Arc<Lender>,
    offset: u32,
    length: u32,
    /// Octets at the beginning that are not read.
    skipped: u32,
}

impl AsRef<[u8]> for InPlace {
    fn as_ref(&self) -> &[u8] {
        let (offset, length) = (self.offset + self.skipped, self.length - self.skipped);
        self.lender.segment.octets(self.lender.end, offset as usize, length as usize)
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        self.lender.give_back(self.offset, self.lender.blocks(self.length));
    }
}

/// Gives blocks that came with messages to readers, and back to the sender. It outlives the channel if a payload does.
pub(crate) struct Lender {
    segment: Arc<Segment>,
    /// Which end we are.
    end: End,
    returns: Mutex<Producer<1, Returns>>,
    /// Blocks that readers have given back, a number that wraps. Written by who has `returns`. `Relaxed`: seen late, it makes more copies.
    returned: AtomicU32,
    /// Payloads may be read where they lie.
    in_place: bool,
    channel: Weak<Shared>,
}

impl Lender {
    pub(crate) fn new(
        returns: Returns,
        segment: Arc<Segment>,
        end: End,
        in_place: bool,
        channel: Weak<Shared>,
    ) -> Arc<Self> {
        let returns = Mutex::new(Producer::new(returns));
        Arc::new(Self { segment, end, returns, returned: AtomicU32::new(0), in_place, channel })
    }

    /// The payload of a message that came whole. The descriptor has been checked. Of all blocks the receiver has `lent` so many.
    pub(crate) fn lend(self: &Arc<Self>, descriptor: &Descriptor, lent: &mut u32) -> Payload {
        let Descriptor { offset, length, .. } = *descriptor;
        if length == 0 {
            return Payload::copied(Bytes::new());
        }
        let (half, after) = (u32::from(self.segment.geometry().blocks) / 2, lent.wrapping_add(self.blocks(length)));
        if self.in_place && after.wrapping_sub(self.returned.load(Relaxed)) <= half {
            *lent = after;
            return Payload(Octets::InPlace(InPlace { lender: self.clone(), offset, length, skipped: 0 }));
        }
        let mut copy = Vec::new();
        self.copy_out(descriptor, usize::MAX, &mut copy);
        Payload::copied(copy.into())
    }

    /// Appends up to `limit` octets to `target` and gives the blocks back.
    pub(crate) fn copy_out(&self, descriptor: &Descriptor, limit: usize, target: &mut Vec<u8>) {
        let length = (descriptor.length as usize).min(limit);
        self.segment.read(self.end, descriptor.offset as usize, length, target);
        if descriptor.length > 0 {
            self.give_back(descriptor.offset, 0);
        }
        if let Some(channel) = self.channel.upgrade() {
            channel.counted.counts.copied_out.add();
        }
    }

    fn blocks(&self, length: u32) -> u32 {
        self.segment.geometry().blocks_for(length as usize) as u32
    }

    /// Gives a run back, of which a reader had so many blocks.
    fn give_back(&self, offset: u32, held: u32) {
        let block = u64::from(self.segment.geometry().block_at(offset));
        let mut returns = self.returns.lock().unwrap_or_else(PoisonError::into_inner);
        self.returned.store(self.returned.load(Relaxed).wrapping_add(held), Relaxed);
        let pushed = returns.push([block]);
        drop(returns);
        match pushed {
            Ok(true) => {
                took(Step::Returned);
                if must_ring(&self.segment.side(self.end.other()).starved.0) {
                    self.with_channel(Shared::ring);
                }
            }
            // The ring holds as many returns as there are blocks: more were named than there are.
            Ok(false) => self.with_channel(|channel| drop(channel.fail(Violation::Returned(block).into()))),
            Err(violation) => self.with_channel(|channel| drop(channel.fail(violation.into()))),
        }
    }

    fn with_channel(&self, act: impl FnOnce(&Shared)) {
        if let Some(channel) = self.channel.upgrade() {
            act(&channel);
        }
    }
}
