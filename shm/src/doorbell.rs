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
