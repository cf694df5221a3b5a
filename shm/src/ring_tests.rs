//! The ring between two ends of one thread. Between two threads: `tests/models.rs`.

use crate::ring::{Consumer, Producer, RingWords};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
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
    let start = u32::MAX - 2;
    let (mut producer, mut consumer) =
        (Producer::starting_at(heap.clone(), start), Consumer::starting_at(heap.clone(), start));
    heap.tail.store(start, Ordering::Relaxed);
    heap.head.store(start, Ordering::Relaxed);
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
    const COUNT: u64 = if cfg!(miri) { 500 } else { 200_000 };
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
