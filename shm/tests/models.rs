//! Ring, doorbell and the debt of a ring under every interleaving and every reordering that the memory model allows: the very
//! sources of the crate, on loom's atomics.
#![allow(dead_code, unreachable_pub)] // of each module only the part that runs without the system is modelled

#[path = "../src/doorbell.rs"]
mod doorbell;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/ring.rs"]
mod ring;

/// In place of the machine's.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64};
use loom::thread;

use doorbell::{Owed, announce, must_ring, withdraw};
use ring::{Consumer, Producer, RingWords};

/// A ring of two slots, so that it is full and wraps soon.
struct Words {
    tail: AtomicU32,
    head: AtomicU32,
    slots: [[AtomicU64; 1]; 2],
}

impl Words {
    fn new() -> Arc<Self> {
        let slots = [[AtomicU64::new(0)], [AtomicU64::new(0)]];
        Arc::new(Self { tail: AtomicU32::new(0), head: AtomicU32::new(0), slots })
    }
}

impl RingWords<1> for Arc<Words> {
    fn tail(&self) -> &AtomicU32 {
        &self.tail
    }

    fn head(&self) -> &AtomicU32 {
        &self.head
    }

    fn slots(&self) -> u32 {
        2
    }

    fn slot(&self, position: u32) -> &[AtomicU64; 1] {
        &self.slots[position as usize % 2]
    }
}

#[test]
fn what_is_pushed_is_popped_once_and_in_order() {
    loom::model(|| {
        let words = Words::new();
        let mut consumer = Consumer::new(words.clone());
        let producing = thread::spawn(move || {
            let mut producer = Producer::new(words);
            let pushed = (1..=3).take_while(|value| producer.push([*value]).expect("no violation"));
            pushed.count() as u64
        });
        let mut popped = Vec::new();
        for _ in 0..2 {
            popped.extend(consumer.pop().expect("no violation"));
        }
        let pushed = producing.join().expect("no panic");
        while let Some(entry) = consumer.pop().expect("no violation") {
            popped.push(entry);
        }
        assert_eq!(popped, (1..=pushed).map(|value| [value]).collect::<Vec<_>>());
        assert!(pushed >= 2, "two slots are free");
    });
}

/// Payload is written and read outside the ring, as blocks are: what one owner wrote, the next must see.
#[test]
fn a_block_belongs_to_one_side_at_a_time() {
    loom::model(|| {
        let (there, back) = (Words::new(), Words::new());
        let block = Arc::new(loom::cell::UnsafeCell::new(0_u64));
        let (mut taken, mut returned) = (Consumer::new(there.clone()), Producer::new(back.clone()));
        let theirs = block.clone();
        let reading = thread::spawn(move || {
            if let Some([expected]) = taken.pop().expect("no violation") {
                // loom fails the model on any access that is not ordered with the others.
                theirs.with(|block| assert_eq!(read(block), expected));
                returned.push([0]).expect("no violation");
            }
        });
        let (mut sent, mut home) = (Producer::new(there), Consumer::new(back));
        block.with_mut(|block| write(block, 1));
        sent.push([1]).expect("no violation");
        if home.pop().expect("no violation").is_some() {
            block.with_mut(|block| write(block, 2));
        }
        reading.join().expect("no panic");
    });
}

#[allow(unsafe_code)]
fn read(block: *const u64) -> u64 {
    // SAFETY: loom's cell has checked that nobody writes it meanwhile.
    unsafe { *block }
}

#[allow(unsafe_code)]
fn write(block: *mut u64, value: u64) {
    // SAFETY: loom's cell has checked that nobody else uses it meanwhile.
    unsafe { *block = value }
}

/// A sleeper that announced and found nothing is rung.
#[test]
fn no_work_is_slept_through() {
    loom::model(|| {
        let (words, asleep) = (Words::new(), Arc::new(AtomicU32::new(0)));
        let mut consumer = Consumer::new(words.clone());
        let theirs = asleep.clone();
        let sending = thread::spawn(move || {
            assert!(Producer::new(words).push([7]).expect("no violation"));
            must_ring(&theirs)
        });
        announce(&asleep);
        let found = consumer.look().expect("no violation");
        if found {
            withdraw(&asleep);
        }
        let rung = sending.join().expect("no panic");
        assert!(found || rung, "asleep with work and without a ring");
    });
}

/// Two senders, one sleeper: it is rung, and only once.
#[test]
fn two_senders_ring_once() {
    loom::model(|| {
        let asleep = Arc::new(AtomicU32::new(0));
        announce(&asleep);
        let senders = [0, 1].map(|_| {
            let asleep = asleep.clone();
            thread::spawn(move || u32::from(must_ring(&asleep)))
        });
        let rings: u32 = senders.into_iter().map(|sender| sender.join().expect("no panic")).sum();
        assert_eq!(rings, 1);
    });
}

/// A sender that leaves the ring to the receiver, and a receiver that comes to rest: one of them rings.
#[test]
fn no_owed_ring_is_forgotten() {
    loom::model(|| {
        let owed = Arc::new(Owed::new());
        owed.work();
        let theirs = owed.clone();
        // Told to, the receiver settles once more.
        let sending = thread::spawn(move || theirs.owe() && theirs.settle());
        owed.rest();
        let settled = owed.settle();
        let woken = sending.join().expect("no panic");
        assert!(settled || woken, "published, and nobody rings");
        assert!(!(settled && woken), "one ring is enough");
    });
}

/// The same with two senders, of which the first owes while the receiver is still at work.
#[test]
fn a_debt_of_two_is_settled() {
    loom::model(|| {
        let owed = Arc::new(Owed::new());
        owed.work();
        let senders = [0, 1].map(|_| {
            let owed = owed.clone();
            thread::spawn(move || owed.owe() && owed.settle())
        });
        owed.rest();
        let settled = owed.settle();
        let woken = senders.map(|sender| sender.join().expect("no panic"));
        assert!(settled || woken[0] || woken[1], "published, and nobody rings");
        assert!(!owed.settle(), "nothing is left owed");
    });
}
