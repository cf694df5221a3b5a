//! Ring, free list, doorbell, the debt of a ring and the end of a channel under every interleaving and every reordering that the memory model allows: the very
//! sources of the crate, on loom's atomics.
#![allow(dead_code, unreachable_pub)] // of each module only the part that runs without the system is modelled

#[path = "../src/doorbell.rs"]
mod doorbell;
#[path = "../src/ending.rs"]
mod ending;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/ring.rs"]
mod ring;
#[path = "../src/slab.rs"]
mod slab;

/// In place of the machine's.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    /// What the standard library promises of its own: who gets a value sees all that was before it was set.
    pub(crate) struct OnceLock<T> {
        /// 0: nothing; 1: it is being set; 2: it is there.
        state: AtomicU32,
        value: loom::cell::UnsafeCell<Option<T>>,
    }

    #[allow(unsafe_code)]
    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self { state: AtomicU32::new(0), value: loom::cell::UnsafeCell::new(None) }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            // Acquire: partner is the Release in `set`.
            let there = self.state.load(Ordering::Acquire) == 2;
            // SAFETY: once it is there nobody writes it, and it lives as long as `self`.
            there.then(|| self.value.with(|value| unsafe { (*value).as_ref() })).flatten()
        }

        pub(crate) fn set(&self, new: T) -> Result<(), T> {
            if self.state.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                // As the standard library's: whoever sets it is waited for.
                while self.state.load(Ordering::Acquire) != 2 {
                    loom::thread::yield_now();
                }
                return Err(new);
            }
            // SAFETY: only who made it 1 writes, and nobody reads before it is 2.
            self.value.with_mut(|value| unsafe { *value = Some(new) });
            self.state.store(2, Ordering::Release);
            Ok(())
        }
    }

    // SAFETY: see `get` and `set`; loom's cell checks it.
    #[allow(unsafe_code)]
    unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64};
use loom::thread;

use doorbell::{Owed, announce, must_ring, withdraw};
use ending::Ending;
use error::ChannelError;
use ring::{Consumer, Producer, RingWords};
use slab::Slab;

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

/// The free list and both rings: a block is lent to one message at a time, however often it goes round, and comes home.
#[test]
fn the_free_list_lends_a_block_once() {
    loom::model(|| {
        let (there, back) = (Words::new(), Words::new());
        let blocks = Arc::new([0, 1].map(|_| loom::cell::UnsafeCell::new(0_u64)));
        let (mut taken, mut returned) = (Consumer::new(there.clone()), Producer::new(back.clone()));
        let theirs = blocks.clone();
        let reading = thread::spawn(move || {
            let mut read_so_far = 0;
            for _ in 0..2 {
                let Some([descriptor]) = taken.pop().expect("no violation") else { continue };
                let (block, expected) = (descriptor >> 32, descriptor & 0xffff_ffff);
                // loom fails the model on any access that is not ordered with the others.
                theirs[block as usize].with(|octets| assert_eq!(read(octets), expected));
                assert!(returned.push([block]).expect("no violation"), "there is room for each block");
                read_so_far += 1;
            }
            (taken, read_so_far)
        });
        let (mut sent, mut home, mut slab) = (Producer::new(there), Consumer::new(back), Slab::new(2));
        let mut messages = 0;
        for message in 1..=3_u64 {
            while let Some([block]) = home.pop().expect("no violation") {
                slab.give_back(block).expect("it was lent");
            }
            let Some(block) = slab.take(1, u16::MAX) else { continue };
            blocks[usize::from(block)].with_mut(|octets| write(octets, message));
            assert!(sent.push([u64::from(block) << 32 | message]).expect("no violation"), "a slot for each block");
            messages += 1;
        }
        let (mut taken, read_so_far) = reading.join().expect("no panic");
        while let Some([block]) = home.pop().expect("no violation") {
            slab.give_back(block).expect("it was lent");
        }
        let mut unread = 0;
        while taken.pop().expect("no violation").is_some() {
            unread += 1;
        }
        assert_eq!(read_so_far + unread, messages);
        let free = std::iter::from_fn(|| slab.take(1, u16::MAX)).count();
        assert_eq!(free, 2 - unread, "all that was read came home");
    });
}

/// A receiver that may be woken.
struct Sleeper(std::sync::Arc<Woken>);

struct Woken(loom::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, loom::sync::atomic::Ordering::Release);
    }
}

impl Sleeper {
    fn new() -> Self {
        Self(std::sync::Arc::new(Woken(loom::sync::atomic::AtomicBool::new(false))))
    }

    fn waker(&self) -> std::task::Waker {
        self.0.clone().into()
    }

    fn is_woken(&self) -> bool {
        self.0.0.load(loom::sync::atomic::Ordering::Acquire)
    }
}

fn end(ending: &Ending, why: ChannelError) -> bool {
    let first = ending.end(why);
    if first {
        ending.tell();
    }
    first
}

/// A receiver that left its waker and found the channel going on is woken at its end.
#[test]
fn no_end_is_slept_through() {
    loom::model(|| {
        let ending = Arc::new(Ending::new());
        let (sleeper, theirs) = (Sleeper::new(), ending.clone());
        let closing = thread::spawn(move || end(&theirs, ChannelError::PeerGone));
        ending.wake_at_end(&sleeper.waker());
        let seen = ending.why().is_some();
        assert!(closing.join().expect("no panic"));
        assert!(seen || sleeper.is_woken(), "asleep in a channel that has ended");
        assert_eq!(ending.why(), Some(&ChannelError::PeerGone));
    });
}

/// A receiver that polls from another task later is woken there, or was awake.
#[test]
fn the_last_waker_counts() {
    loom::model(|| {
        let ending = Arc::new(Ending::new());
        let (first, last, theirs) = (Sleeper::new(), Sleeper::new(), ending.clone());
        ending.wake_at_end(&first.waker());
        let closing = thread::spawn(move || end(&theirs, ChannelError::Closed));
        ending.wake_at_end(&last.waker());
        let seen = ending.why().is_some();
        closing.join().expect("no panic");
        assert!(seen || last.is_woken(), "woken where it no longer waits");
    });
}

/// Both ends of our half close it at once: one reason stays, for everybody.
#[test]
fn a_channel_ends_once() {
    loom::model(|| {
        let ending = Arc::new(Ending::new());
        let closers = [ChannelError::PeerGone, ChannelError::Closed].map(|why| {
            let ending = ending.clone();
            thread::spawn(move || {
                let first = end(&ending, why.clone());
                let stays = ending.why().cloned().expect("it has ended");
                assert_eq!(first, stays == why);
                (first, stays)
            })
        });
        let [one, other] = closers.map(|closer| closer.join().expect("no panic"));
        assert!(one.0 != other.0, "one is the first");
        assert_eq!(one.1, other.1);
    });
}
