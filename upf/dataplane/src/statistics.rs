//! What is counted only where it is asked for: packets by rule, and how long they take.

use std::time::Duration;

use crate::counters::Counter;

/// Rules told apart: those of a higher number are counted with the last.
const RULES: usize = 1024;

/// Powers of two of nanoseconds: the last is above four seconds.
const TIMES: usize = 33;

/// Counters of one worker.
pub(crate) struct Statistics {
    hits: Box<[Counter]>,
    latency: [Counter; TIMES],
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            hits: (0..RULES).map(|_| Counter::default()).collect(),
            latency: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl Statistics {
    /// Counts a packet that matched a PDR.
    pub(crate) fn hit(&self, pdr: u16) {
        if let Some(counter) = self.hits.get(usize::from(pdr)).or(self.hits.last()) {
            counter.add(1);
        }
    }

    /// Counts the packets of a burst, from being received to being sent.
    pub(crate) fn took(&self, time: Duration, packets: usize) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let place = (u64::BITS - nanos.leading_zeros()) as usize;
        if let Some(counter) = self.latency.get(place).or(self.latency.last()) {
            counter.add(packets as u64);
        }
    }

    /// Packets by PDR, those with any.
    pub(crate) fn hits(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        (0..=u16::MAX).zip(&self.hits).map(|(pdr, counter)| (pdr, counter.get())).filter(|(_, count)| *count > 0)
    }

    /// Packets by the time they took: less than so many nanoseconds, and no less than half of it.
    pub(crate) fn latency(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counted = (0..).zip(&self.latency).map(|(power, counter)| (1u64 << power, counter.get()));
        counted.filter(|(_, count)| *count > 0)
    }
}
