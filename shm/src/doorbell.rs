//! When a bell must be rung: only for a peer that said it sleeps.
//!
//! The sleeper announces, then looks again for work, then sleeps. The other publishes work, then looks whether the sleeper
//! announced. The two fences see to it that at least one of them sees the other's write, so no work is slept through.

use crate::sync::{AtomicU32, Ordering, fence};

/// Says that we are about to wait. The caller looks once more for what it waits for before it does.
pub(crate) fn announce(word: &AtomicU32) {
    word.store(1, Ordering::Relaxed);
    // SeqCst: partner is the fence in `must_ring`.
    fence(Ordering::SeqCst);
}

/// Takes an announcement back: we are awake by ourselves.
pub(crate) fn withdraw(word: &AtomicU32) {
    // Relaxed: seen late it costs the peer a needless ring, no more.
    word.store(0, Ordering::Relaxed);
}

/// Asks, after work was published, whether its receiver waits. True once per announcement.
pub(crate) fn must_ring(word: &AtomicU32) -> bool {
    // SeqCst: partner is the fence in `announce`.
    fence(Ordering::SeqCst);
    // The load spares the cache line of a peer that is awake; the swap lets only one of our threads ring.
    word.load(Ordering::Relaxed) != 0 && word.swap(0, Ordering::Relaxed) != 0
}

/// What was published without the bell: a receiver that is at work rings once for all of it, when it is done.
///
/// The receiver says that it rests, then looks for what is owed. A sender owes, then looks whether the receiver rests. As
/// above the fences let at least one of them see the other, so no ring is forgotten.
pub(crate) struct Owed {
    ring: AtomicU32,
    at_work: AtomicU32,
}

impl Owed {
    /// Nothing is owed, and no receiver is at work.
    pub(crate) fn new() -> Self {
        Self { ring: AtomicU32::new(0), at_work: AtomicU32::new(0) }
    }

    /// A sender published something. Returns whether nobody at work will ring for it.
    pub(crate) fn owe(&self) -> bool {
        let first = self.ring.swap(1, Ordering::Relaxed) == 0;
        // SeqCst: partner is the fence in `rest`.
        fence(Ordering::SeqCst);
        self.at_work.load(Ordering::Relaxed) == 0 && first
    }

    /// The receiver has work; it will `rest` before it waits.
    pub(crate) fn work(&self) {
        // Relaxed: seen late it costs a needless wake-up of the receiver, no more.
        self.at_work.store(1, Ordering::Relaxed);
    }

    /// The receiver has no more work, or will not wait. It settles next.
    pub(crate) fn rest(&self) {
        self.at_work.store(0, Ordering::Relaxed);
        // SeqCst: partner is the fence in `owe`.
        fence(Ordering::SeqCst);
    }

    /// Returns whether a ring is owed, and takes the debt over.
    pub(crate) fn settle(&self) -> bool {
        // The load spares the cache line where nothing is owed.
        self.ring.load(Ordering::Relaxed) != 0 && self.ring.swap(0, Ordering::Relaxed) != 0
    }
}
