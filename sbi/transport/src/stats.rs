//! Counters of one peer or server, cheap enough to be always on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a connection's ends count as they go. `Relaxed` throughout: each is a sum of its own that orders nothing.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) calls: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    pub(crate) wakeups: AtomicU64,
    pub(crate) doorbells: AtomicU64,
    pub(crate) refusals: AtomicU64,
}

/// A reading of the counters of one server, or of one peer of a [`Pool`](crate::Pool).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent, or taken from clients.
    pub calls: u64,
    /// Calls that ended without an answer, or were given up; for a peer also attempts to connect.
    pub failures: u64,
    /// Connections made or accepted.
    pub connects: u64,
    /// Octets of bodies sent.
    pub bytes_sent: u64,
    /// Octets of bodies received.
    pub bytes_received: u64,
    /// Times this end was woken because something came (`shm` only).
    pub wakeups: u64,
    /// Times this end had to wake the other (`shm` only).
    pub doorbells: u64,
    /// Connections not let in: of another user, of another version, without a certificate that we take.
    pub refusals: u64,
}

impl Stats {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            calls: self.calls.load(Relaxed),
            failures: self.failures.load(Relaxed),
            connects: self.connects.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            wakeups: self.wakeups.load(Relaxed),
            doorbells: self.doorbells.load(Relaxed),
            refusals: self.refusals.load(Relaxed),
        }
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Relaxed);
}
