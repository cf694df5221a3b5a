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
        Self { words, tail: 0, head: 0 }
    }

    /// Whether there is room for one more entry.
    pub(crate) fn has_room(&mut self) -> Result<bool, Violation> {
        let slots = self.words.slots();
        if self.tail.wrapping_sub(self.head) < slots {
            return Ok(true);
        }
        // Acquire: partner is the Release in `Consumer::pop`; the consumer has read a slot before we write it again.
        let head = self.words.head().load(Ordering::Acquire);
        if self.tail.wrapping_sub(head) > slots {
            return Err(Violation::Index { was: self.head, is: head, slots });
        }
        self.head = head;
        Ok(self.tail.wrapping_sub(head) < slots)
    }

    /// Writes and publishes an entry. Returns whether there was room.
    pub(crate) fn push(&mut self, entry: [u64; W]) -> Result<bool, Violation> {
        if !self.has_room()? {
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
        Self { words, head: 0, tail: 0 }
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
        // Release: partner is the Acquire in `Producer::has_room`; the slot was read before it can be written again.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::sync::Arc;

    struct Heap {
        tail: AtomicU32,
        head: AtomicU32,
        slots: Vec<[AtomicU64; 2]>,
    }

    impl RingWords<2> for Arc<Heap> {
        fn tail(&self) -> &AtomicU32 {
            &self.tail
        }
        fn head(&self) -> &AtomicU32 {
            &self.head
        }
        fn slots(&self) -> u32 {
            self.slots.len() as u32
        }
        fn slot(&self, position: u32) -> &[AtomicU64; 2] {
            &self.slots[position as usize % self.slots.len()]
        }
    }

    fn heap(slots: usize) -> Arc<Heap> {
        let slots = (0..slots).map(|_| Default::default()).collect();
        Arc::new(Heap { tail: AtomicU32::new(0), head: AtomicU32::new(0), slots })
    }

    proptest! {
        #[test]
        fn behaves_as_a_bounded_queue(operations in proptest::collection::vec(any::<bool>(), 0..400)) {
            let heap = heap(8);
            let (mut producer, mut consumer) = (Producer::new(heap.clone()), Consumer::new(heap));
            let mut model = VecDeque::new();
            for (number, push) in operations.into_iter().enumerate() {
                let entry = [number as u64, !(number as u64)];
                if push {
                    prop_assert_eq!(producer.push(entry), Ok(model.len() < 8));
                    if model.len() < 8 {
                        model.push_back(entry);
                    }
                } else {
                    prop_assert_eq!(consumer.pop(), Ok(model.pop_front()));
                }
            }
        }

        #[test]
        fn a_lying_index_is_an_error_or_harmless(tail in any::<u32>(), head in any::<u32>()) {
            let heap = heap(8);
            let (mut producer, mut consumer) = (Producer::new(heap.clone()), Consumer::new(heap.clone()));
            heap.tail.store(tail, Ordering::Relaxed);
            heap.head.store(head, Ordering::Relaxed);
            prop_assert_eq!(consumer.pop().is_err(), tail > 8);
            for _ in 0..8 {
                prop_assert_eq!(producer.push([1, 1]), Ok(true), "what is known to be free needs no look");
            }
            heap.head.store(head, Ordering::Relaxed);
            prop_assert_eq!(producer.push([1, 1]).is_err(), head > 8);
        }
    }

    #[test]
    fn positions_wrap() {
        let heap = heap(8);
        let (mut producer, mut consumer) = (Producer::new(heap.clone()), Consumer::new(heap.clone()));
        let start = u32::MAX - 2;
        heap.tail.store(start, Ordering::Relaxed);
        heap.head.store(start, Ordering::Relaxed);
        (producer.tail, producer.head, consumer.tail, consumer.head) = (start, start, start, start);
        for number in 0..8 {
            assert_eq!(producer.push([number, 0]), Ok(true));
        }
        assert_eq!(producer.push([8, 0]), Ok(false));
        for number in 0..8 {
            assert_eq!(consumer.pop(), Ok(Some([number, 0])));
        }
        assert_eq!(consumer.pop(), Ok(None));
    }

    #[test]
    fn two_threads_lose_and_reorder_nothing() {
        const COUNT: u64 = 200_000;
        let heap = heap(16);
        let mut producer = Producer::new(heap.clone());
        let writer = std::thread::spawn(move || {
            for number in 0..COUNT {
                while !producer.push([number, number ^ 7]).expect("an honest consumer") {
                    std::thread::yield_now();
                }
            }
        });
        let mut consumer = Consumer::new(heap);
        for number in 0..COUNT {
            let entry = loop {
                match consumer.pop().expect("an honest producer") {
                    Some(entry) => break entry,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(entry, [number, number ^ 7]);
        }
        writer.join().expect("the writer ends");
    }
}
