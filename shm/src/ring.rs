//! A ring with one producer and one consumer in different processes.
//!
//! Positions run freely and wrap at 2^32; the slot is the position modulo the number of slots. Each side keeps its own
//! position to itself and publishes it; what it reads of the other's it checks.

use crate::error::Violation;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The words a ring is made of, wherever they are. `W` words make one entry.
pub(crate) trait RingWords<const W: usize> {
    /// Where the producer will write next.
    fn tail(&self) -> &AtomicU32;
    /// Where the consumer will read next.
    fn head(&self) -> &AtomicU32;
    /// Number of slots, a power of two.
    fn slots(&self) -> u32;
    /// The slot of a position, whatever position that is.
    fn slot(&self, position: u32) -> &[AtomicU64; W];
}

/// The writing end.
pub(crate) struct Producer<const W: usize, R> {
    words: R,
    tail: u32,
    /// The consumer's position when last looked at.
    head: u32,
}

impl<const W: usize, R: RingWords<W>> Producer<W, R> {
    /// The writing end of a ring nobody has used.
    pub(crate) fn new(words: R) -> Self {
        Self::starting_at(words, 0)
    }

    /// The same, of an empty ring whose positions have come this far.
    pub(crate) fn starting_at(words: R, position: u32) -> Self {
        Self { words, tail: position, head: position }
    }

    /// Whether there is room for so many more entries.
    pub(crate) fn has_room_for(&mut self, entries: u32) -> Result<bool, Violation> {
        let slots = self.words.slots();
        let fit = |used: u32| used.saturating_add(entries) <= slots;
        if fit(self.tail.wrapping_sub(self.head)) {
            return Ok(true);
        }
        // Acquire: partner is the Release in `Consumer::pop`; the consumer has read a slot before we write it again.
        let head = self.words.head().load(Ordering::Acquire);
        if self.tail.wrapping_sub(head) > slots {
            return Err(Violation::Index { was: self.head, is: head, slots });
        }
        self.head = head;
        Ok(fit(self.tail.wrapping_sub(head)))
    }

    /// Writes and publishes an entry. Returns whether there was room.
    pub(crate) fn push(&mut self, entry: [u64; W]) -> Result<bool, Violation> {
        if !self.has_room_for(1)? {
            return Ok(false);
        }
        for (word, value) in self.words.slot(self.tail).iter().zip(entry) {
            // Relaxed: ordered by the Release below.
            word.store(value, Ordering::Relaxed);
        }
        self.tail = self.tail.wrapping_add(1);
        // Release: partner is the Acquire in `Consumer::pop`; entry and payload are written before they are seen.
        self.words.tail().store(self.tail, Ordering::Release);
        Ok(true)
    }
}

/// The reading end.
pub(crate) struct Consumer<const W: usize, R> {
    words: R,
    head: u32,
    /// The producer's position when last looked at.
    tail: u32,
}

impl<const W: usize, R: RingWords<W>> Consumer<W, R> {
    /// The reading end of a ring nobody has used.
    pub(crate) fn new(words: R) -> Self {
        Self::starting_at(words, 0)
    }

    /// The same, of an empty ring whose positions have come this far.
    pub(crate) fn starting_at(words: R, position: u32) -> Self {
        Self { words, head: position, tail: position }
    }

    /// Takes the next entry, if there is one.
    pub(crate) fn pop(&mut self) -> Result<Option<[u64; W]>, Violation> {
        if self.head == self.tail && !self.look()? {
            return Ok(None);
        }
        let mut entry = [0; W];
        for (value, word) in entry.iter_mut().zip(self.words.slot(self.head)) {
            // Relaxed: ordered by the Acquire in `look`.
            *value = word.load(Ordering::Relaxed);
        }
        self.head = self.head.wrapping_add(1);
        // Release: partner is the Acquire in `Producer::has_room_for`; the slot was read before it can be written again.
        self.words.head().store(self.head, Ordering::Release);
        Ok(Some(entry))
    }

    /// Looks how far the producer has come. Returns whether there is anything to take.
    pub(crate) fn look(&mut self) -> Result<bool, Violation> {
        // Acquire: partner is the Release in `Producer::push`.
        let tail = self.words.tail().load(Ordering::Acquire);
        let (ahead, slots) = (tail.wrapping_sub(self.head), self.words.slots());
        if ahead > slots || ahead < self.tail.wrapping_sub(self.head) {
            return Err(Violation::Index { was: self.tail, is: tail, slots });
        }
        self.tail = tail;
        Ok(ahead > 0)
    }
}
