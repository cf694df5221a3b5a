//! Whether to look for the next message a while longer before sleeping.
//!
//! It pays where the next message comes sooner than a sleep and a wake-up cost, and nobody else wants the core. So it is tried
//! only while the peer is awake and on another core; every try that finds nothing halves the time of the next, down to none;
//! and a look that comes much too late shows that somebody else wanted the core.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::channel::{Shared, Tally};
use crate::layout::DESCRIPTOR;
use crate::ring::Consumer;
use crate::segment::Descriptors;

/// What a look brought.
pub(crate) enum Look {
    /// A message.
    Found,
    /// Nothing; let other tasks run, then look again.
    Again,
    /// Nothing, and it does not pay to go on.
    Sleep,
}

/// Looks before other tasks get their turn: about a microsecond.
const LOOKS: u32 = 16;

/// Sleeps after which a time that fell to nothing gets another chance.
const RETRY: u32 = 64;

/// Sleeps without a try after the core was taken away.
const WANTED: u32 = 1024;

pub(crate) struct Spin {
    longest: Duration,
    budget: Duration,
    since: Option<Instant>,
    last: Option<Instant>,
    /// Sleeps until the next try, while there is no budget.
    rest: u32,
    core: u32,
}

impl Spin {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, budget: longest, since: None, last: None, rest: 0, core: 0 }
    }

    /// Nothing was found: look again, or sleep?
    pub(crate) fn look(&mut self, shared: &Shared, descriptors: &mut Consumer<DESCRIPTOR, Descriptors>) -> Look {
        if self.longest.is_zero() || !self.may_pay(shared) {
            self.since = None;
            return Look::Sleep;
        }
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let late = self.last.replace(now).is_some_and(|last| since != now && now - last > self.longest);
        if late || now - since >= self.budget {
            self.lost(shared, late);
            return Look::Sleep;
        }
        for _ in 0..LOOKS {
            // What it finds wrong, the receiver finds too.
            if descriptors.look().unwrap_or(true) {
                return Look::Found;
            }
            std::hint::spin_loop();
        }
        Look::Again
    }

    /// A message was found.
    pub(crate) fn found(&mut self, counts: &Tally) {
        if self.since.take().is_some() {
            counts.spins_paid.fetch_add(1, Relaxed);
            self.budget = (self.budget * 2).min(self.longest);
        }
    }

    /// The bell woke us, maybe on another core.
    pub(crate) fn woken(&mut self, shared: &Shared) {
        if !self.longest.is_zero() {
            self.tell_core(shared);
        }
    }

    fn tell_core(&mut self, shared: &Shared) {
        // Counted from 1; 0 says that it is not known.
        self.core = rustix::thread::sched_getcpu() as u32 + 1;
        shared.segment.side(shared.end).core.0.store(self.core, Relaxed);
    }

    fn may_pay(&mut self, shared: &Shared) -> bool {
        if self.budget.is_zero() {
            self.rest = self.rest.saturating_sub(1);
            if self.rest > 0 {
                return false;
            }
            self.budget = self.longest / 4;
        }
        if self.core == 0 {
            self.tell_core(shared);
        }
        // Relaxed, both: hints. A peer that lies about them makes us spin for a moment, or not.
        let peer = shared.segment.side(shared.end.other());
        let their_core = peer.core.0.load(Relaxed);
        their_core != 0 && their_core != self.core && peer.asleep.0.load(Relaxed) == 0
    }

    fn lost(&mut self, shared: &Shared, wanted: bool) {
        shared.counts.spins_lost.fetch_add(1, Relaxed);
        (self.since, self.last) = (None, None);
        self.budget /= 2;
        if wanted || self.budget < self.longest / 16 {
            self.budget = Duration::ZERO;
            self.rest = if wanted { WANTED } else { RETRY };
        }
        self.core = 0;
    }
}
