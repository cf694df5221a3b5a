//! What lies where in the shared memory of a channel. Nothing else knows.
//!
//! ```text
//! Control | descriptors to server | descriptors to client | returns to client | returns to server | blocks to server | blocks to client
//! ```
//! Descriptors travel with the payload, returns (of blocks that were read) against it. Each word that one side writes often has
//! a cache line of its own.

use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::error::Violation;

/// First word of the memory and of the hello: "PRGRNshm".
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"PRGRNshm");

/// Changes with anything in this file.
pub(crate) const VERSION: u32 = 2;

/// Words of a descriptor.
pub(crate) const DESCRIPTOR: usize = 2;

/// Descriptors per direction.
const SLOTS: u32 = 512;

/// Octets of a block. Most bodies of the service-based interface fit one or two.
const BLOCK: u32 = 1024;

pub(crate) const PAGE: usize = 4096;

/// A word with a cache line to itself.
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) AtomicU32);

/// The published positions of a ring.
#[repr(C)]
pub(crate) struct Positions {
    pub(crate) tail: Line,
    pub(crate) head: Line,
}

/// What a side says about itself: written 1 by it, 0 by whoever rings its bell (see `doorbell`).
#[repr(C)]
pub(crate) struct Side {
    /// It sleeps until a message comes.
    pub(crate) asleep: Line,
    /// It waits for room to send.
    pub(crate) starved: Line,
    /// The core it runs on, as far as it knows. A hint: it decides whether polling is worth trying.
    pub(crate) core: Line,
}

/// The rings of one direction.
#[repr(C)]
pub(crate) struct Direction {
    pub(crate) descriptors: Positions,
    pub(crate) returns: Positions,
}

/// The beginning of the memory.
#[repr(C)]
pub(crate) struct Control {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU32,
    pub(crate) sides: [Side; 2],
    pub(crate) directions: [Direction; 2],
}

/// One of the two processes; as a direction, the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Server = 0,
    Client = 1,
}

impl End {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// How many of what; the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Descriptors, a power of two.
    pub(crate) slots: u32,
    /// Octets of a block, a power of two.
    pub(crate) block: u32,
    /// Blocks.
    pub(crate) blocks: u16,
}

impl Geometry {
    /// The geometry of a segment of about this many octets.
    pub(crate) fn of_size(octets: u32) -> Self {
        let rest = (octets as usize).saturating_sub(Self { slots: SLOTS, block: BLOCK, blocks: 0 }.area(End::Server));
        let blocks = rest / 2 / (BLOCK as usize + 16);
        Self { slots: SLOTS, block: BLOCK, blocks: u16::try_from(blocks).unwrap_or(u16::MAX).clamp(16, 1 << 15) }
    }

    /// Whether both sides can work with it. A geometry from a peer must pass before anything is computed with it.
    pub(crate) fn is_sound(&self) -> bool {
        self.slots.is_power_of_two()
            && (8..=1 << 16).contains(&self.slots)
            && self.block.is_power_of_two()
            && (64..=1 << 20).contains(&self.block)
            && (16..=1 << 15).contains(&self.blocks)
            && u64::from(self.block) * u64::from(self.blocks) <= 1 << 28
    }

    /// Slots of the ring of returns: it can never be full, each lent run being returned once.
    pub(crate) fn return_slots(&self) -> u32 {
        u32::from(self.blocks).next_power_of_two()
    }

    /// Offset of the descriptors towards `end`.
    pub(crate) fn descriptors(&self, end: End) -> usize {
        size_of::<Control>().next_multiple_of(64) + end as usize * self.slots as usize * DESCRIPTOR * 8
    }

    /// Offset of the returns of blocks that carry payload towards `end`.
    pub(crate) fn returns(&self, end: End) -> usize {
        self.descriptors(End::Server)
            + (2 * self.slots as usize * DESCRIPTOR * 8)
            + end as usize * self.return_slots() as usize * 8
    }

    /// Offset of the blocks towards `end`.
    pub(crate) fn area(&self, end: End) -> usize {
        let rings = self.returns(End::Server) + 2 * self.return_slots() as usize * 8;
        rings.next_multiple_of(PAGE) + end as usize * self.area_len()
    }

    /// Where all of this lies.
    pub(crate) fn places(&self) -> Places {
        let of_both = |place: fn(&Self, End) -> usize| [place(self, End::Server), place(self, End::Client)];
        Places {
            descriptors: of_both(Self::descriptors),
            returns: of_both(Self::returns),
            areas: of_both(Self::area),
            return_slots: self.return_slots(),
        }
    }

    /// Blocks that so many octets need.
    pub(crate) fn blocks_for(&self, octets: usize) -> usize {
        // A shift, as a block is a power of two: to divide is slow, and each message asks a few times.
        octets.saturating_add(self.block as usize - 1) >> self.block.trailing_zeros()
    }

    /// The block that begins at this offset from the start of a direction's blocks.
    pub(crate) fn block_at(&self, offset: u32) -> u32 {
        offset >> self.block.trailing_zeros()
    }

    /// Octets of the blocks of one direction.
    pub(crate) fn area_len(&self) -> usize {
        self.block as usize * usize::from(self.blocks)
    }

    /// Octets of the whole memory.
    pub(crate) fn len(&self) -> usize {
        (self.area(End::Client) + self.area_len()).next_multiple_of(PAGE)
    }

    /// Blocks that only messages which go ahead of others may take.
    pub(crate) fn kept_blocks(&self) -> u16 {
        (self.blocks / 32).max(2)
    }

    /// Octets of these.
    pub(crate) fn kept_octets(&self) -> usize {
        usize::from(self.kept_blocks()) * self.block as usize
    }

    /// Descriptors that only these may take.
    pub(crate) fn kept_slots(&self) -> u32 {
        (self.slots / 32).max(1)
    }

    /// Longest run lent to one message, so that a long one leaves room for others.
    pub(crate) fn longest_run(&self) -> u16 {
        self.blocks / 4
    }
}

/// What a geometry comes to, computed once; by [`End`] where both directions have one.
pub(crate) struct Places {
    pub(crate) descriptors: [usize; 2],
    pub(crate) returns: [usize; 2],
    pub(crate) areas: [usize; 2],
    pub(crate) return_slots: u32,
}

/// One fragment of a message, as it stands in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Octets from the start of the direction's blocks; the start of a block.
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) stream: u32,
    pub(crate) kind: u8,
    /// More fragments of the message follow.
    pub(crate) more: bool,
    /// The message will not be completed.
    pub(crate) aborted: bool,
}

impl Descriptor {
    pub(crate) fn to_words(self) -> [u64; DESCRIPTOR] {
        let flags = u64::from(self.more) | u64::from(self.aborted) << 1;
        let extent = u64::from(self.offset) | u64::from(self.length) << 32;
        [extent, u64::from(self.stream) | u64::from(self.kind) << 32 | flags << 40]
    }

    /// Checks a descriptor from the peer. After this its extent lies within the direction's blocks.
    pub(crate) fn from_words(words: [u64; DESCRIPTOR], geometry: &Geometry) -> Result<Self, Violation> {
        let [extent, rest] = words;
        let (offset, length, flags) = (extent as u32, (extent >> 32) as u32, rest >> 40);
        if flags > 0b11 {
            return Err(Violation::Flags(flags));
        }
        let end = u64::from(offset) + u64::from(length);
        if end > geometry.area_len() as u64 || offset & (geometry.block - 1) != 0 || (length == 0 && offset != 0) {
            return Err(Violation::Extent { offset, length });
        }
        let (more, aborted) = (flags & 1 != 0, flags & 2 != 0);
        Ok(Self { offset, length, stream: rest as u32, kind: (rest >> 32) as u8, more, aborted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_checked_descriptor_lies_in_the_blocks(words in any::<[u64; 2]>()) {
            let geometry = Geometry::of_size(1 << 20);
            if let Ok(descriptor) = Descriptor::from_words(words, &geometry) {
                prop_assert!(descriptor.offset as usize + descriptor.length as usize <= geometry.area_len());
                prop_assert_eq!(descriptor.to_words(), words);
            }
        }

        #[test]
        fn every_size_gives_a_sound_geometry_of_about_that_size(octets in 64_u32 << 10..64 << 20) {
            let geometry = Geometry::of_size(octets);
            prop_assert!(geometry.is_sound());
            prop_assert!(geometry.len() <= octets as usize + PAGE * 4, "{} for {octets}", geometry.len());
        }
    }

    #[test]
    fn blocks_are_counted_and_found() {
        let geometry = Geometry::of_size(1 << 20);
        for (octets, blocks) in [(0, 0), (1, 1), (1023, 1), (1024, 1), (1025, 2), (16 << 10, 16)] {
            assert_eq!(geometry.blocks_for(octets), blocks, "{octets}");
        }
        assert!(geometry.blocks_for(usize::MAX) > usize::from(u16::MAX));
        assert_eq!([0, 1024, 5 << 10].map(|offset| geometry.block_at(offset)), [0, 1, 5]);
    }

    #[test]
    fn nothing_overlaps() {
        let geometry = Geometry::of_size(1 << 20);
        let offsets = [
            size_of::<Control>(),
            geometry.descriptors(End::Server),
            geometry.descriptors(End::Client),
            geometry.returns(End::Server),
            geometry.returns(End::Client),
            geometry.area(End::Server),
            geometry.area(End::Client),
            geometry.len(),
        ];
        assert!(offsets.is_sorted(), "{offsets:?}");
    }
}
