//! Counters of one peer or server, cheap enough to be always on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a connection's ends count as they go. `Relaxed` throughout: each is a sum of its own that orders nothing.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) calls: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    /// Of the channels of the shared-memory transport.
    pub(crate) tally: Arc<shm::Tally>,
    pub(crate) refusals: AtomicU64,
    pub(crate) under_way: AtomicU64,
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
    /// Of shared-memory channels (`shm` only).
    pub channel: shm::ChannelCounters,
    /// Connections not let in: of another user, of another version, without a certificate that we take.
    pub refusals: u64,
    /// Requests that are not answered yet: how many wait now.
    pub under_way: u64,
}

impl Stats {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            calls: self.calls.load(Relaxed),
            failures: self.failures.load(Relaxed),
            connects: self.connects.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            channel: self.tally.read(),
            refusals: self.refusals.load(Relaxed),
            under_way: self.under_way.load(Relaxed),
        }
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Relaxed);
}

/// A request that is not answered yet; counted until this is dropped.
pub(crate) struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    pub(crate) fn begin(stats: &'a Stats) -> Self {
        stats.under_way.fetch_add(1, Relaxed);
        Self(&stats.under_way)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
