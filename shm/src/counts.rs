//! What channels count.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number that only grows. `Relaxed`: a sum of its own that orders nothing.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more, whoever else counts.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One more, by the only one who counts here at this time: a plain store, no locked instruction.
    pub(crate) fn add_alone(&self) {
        self.0.store(self.read().wrapping_add(1), Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The counters of one end of a channel.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By whoever has the outgoing direction's books.
    pub(crate) sent: Counter,
    /// Likewise.
    pub(crate) copied_in: Counter,
    /// By the receiver.
    pub(crate) received: Counter,
    /// Likewise.
    pub(crate) wakeups: Counter,
    /// Likewise.
    pub(crate) spins_paid: Counter,
    /// Likewise.
    pub(crate) spins_lost: Counter,
    pub(crate) doorbells: Counter,
    pub(crate) waits_for_room: Counter,
    pub(crate) copied_out: Counter,
}

impl Counts {
    fn read(&self) -> ChannelCounters {
        ChannelCounters {
            sent: self.sent.read(),
            received: self.received.read(),
            wakeups: self.wakeups.read(),
            doorbells: self.doorbells.read(),
            waits_for_room: self.waits_for_room.read(),
            copied_in: self.copied_in.read(),
            copied_out: self.copied_out.read(),
            spins_paid: self.spins_paid.read(),
            spins_lost: self.spins_lost.read(),
        }
    }
}

/// Where channels are counted; see [`Options::tally`](crate::Options::tally).
#[derive(Debug, Default)]
pub struct Tally(Mutex<Channels>);

#[derive(Debug, Default)]
struct Channels {
    open: Vec<Arc<Counts>>,
    /// What those counted that are no more.
    past: ChannelCounters,
}

impl Tally {
    /// What was counted so far.
    pub fn read(&self) -> ChannelCounters {
        let channels = self.channels();
        channels.open.iter().fold(channels.past, |sum, counts| sum + counts.read())
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of a channel among those that a tally counts.
pub(crate) struct Counted {
    pub(crate) counts: Arc<Counts>,
    tally: Arc<Tally>,
}

impl Counted {
    pub(crate) fn by(tally: Arc<Tally>) -> Self {
        let counts = Arc::<Counts>::default();
        tally.channels().open.push(counts.clone());
        Self { counts, tally }
    }

    /// What all channels of the tally counted.
    pub(crate) fn read(&self) -> ChannelCounters {
        self.tally.read()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut channels = self.tally.channels();
        channels.open.retain(|counts| !Arc::ptr_eq(counts, &self.counts));
        channels.past = channels.past + self.counts.read();
    }
}

/// A reading of the counters of one end of a channel, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Messages sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Times the peer's ring woke this end.
    pub wakeups: u64,
    /// Times this end rang, a system call each.
    pub doorbells: u64,
    /// Times a sender had to wait for room.
    pub waits_for_room: u64,
    /// Payloads that were copied into shared memory, not written there by their maker.
    pub copied_in: u64,
    /// Payloads that were copied out of shared memory.
    pub copied_out: u64,
    /// Times a message came while looking for it instead of sleeping.
    pub spins_paid: u64,
    /// Times none came.
    pub spins_lost: u64,
}

impl std::ops::Add for ChannelCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }
}

impl std::ops::Sub for ChannelCounters {
    type Output = Self;

    /// What was counted since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        self.zip(earlier, u64::wrapping_sub)
    }
}

impl ChannelCounters {
    fn zip(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            sent: each(self.sent, other.sent),
            received: each(self.received, other.received),
            wakeups: each(self.wakeups, other.wakeups),
            doorbells: each(self.doorbells, other.doorbells),
            waits_for_room: each(self.waits_for_room, other.waits_for_room),
            copied_in: each(self.copied_in, other.copied_in),
            copied_out: each(self.copied_out, other.copied_out),
            spins_paid: each(self.spins_paid, other.spins_paid),
            spins_lost: each(self.spins_lost, other.spins_lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_channel_counted_stays_when_it_goes() {
        let tally = Arc::<Tally>::default();
        let (first, second) = (Counted::by(tally.clone()), Counted::by(tally.clone()));
        first.counts.sent.add_alone();
        first.counts.doorbells.add();
        second.counts.sent.add_alone();
        let counted = ChannelCounters { sent: 2, doorbells: 1, ..ChannelCounters::default() };
        assert_eq!(tally.read(), counted);
        drop(first);
        assert_eq!((tally.read(), tally.channels().open.len()), (counted, 1));
        second.counts.received.add_alone();
        assert_eq!(second.read(), ChannelCounters { received: 1, ..counted });
    }
}
