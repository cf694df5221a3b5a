//! Whether to look for the next message a while longer before sleeping.
//!
//! It pays where the next message comes sooner than a sleep and a wake-up cost, and nobody else wants the core. So it is tried
//! only while the peer is awake and on another core; every try that finds nothing halves the time of the next, down to none;
//! and a look that comes much too late shows that somebody else wanted the core.

use std::time::{Duration, Instant};

/// What the two sides say about themselves. Hints: a peer that lies makes us spin for a moment, or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The core we run on, counted from 1.
    pub(crate) own_core: u32,
    /// The core the peer runs on, 0 where it did not say.
    pub(crate) peer_core: u32,
    pub(crate) peer_sleeps: bool,
}

/// What a look that found nothing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Look again.
    Look,
    /// Sleep; it was not worth a try.
    Sleep,
    /// Sleep; the time spent looking was lost.
    Lost,
}

/// Sleeps after which a time that fell to nothing gets another chance.
const RETRY: u32 = 64;

/// Sleeps without a try after somebody else wanted the core.
const WANTED: u32 = 1024;

/// The time that looking may take, and what it adapts by.
pub(crate) struct Spin {
    longest: Duration,
    budget: Duration,
    /// When the looking began, and the last look at the clock.
    looking: Option<(Instant, Instant)>,
    /// Sleeps until the next try, while there is no budget.
    rest: u32,
}

impl Spin {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, budget: longest, looking: None, rest: 0 }
    }

    /// Whether it would ever look twice.
    pub(crate) fn is_off(&self) -> bool {
        self.longest.is_zero()
    }

    /// Nothing was found at `now`.
    pub(crate) fn handle_nothing(&mut self, now: Instant, seen: Seen) -> Next {
        let alone = seen.peer_core == 0 || seen.peer_core == seen.own_core || seen.peer_sleeps;
        let Some((since, last)) = self.looking else {
            if alone || !self.may_try() {
                return Next::Sleep;
            }
            self.looking = Some((now, now));
            return Next::Look;
        };
        let wanted = now.saturating_duration_since(last) > self.longest;
        if !alone && !wanted && now.saturating_duration_since(since) < self.budget {
            self.looking = Some((since, now));
            return Next::Look;
        }
        self.looking = None;
        self.budget /= 2;
        if wanted || self.budget < self.longest / 16 {
            self.budget = Duration::ZERO;
            self.rest = if wanted { WANTED } else { RETRY };
        }
        Next::Lost
    }

    /// A message was found. Returns whether looking for it paid.
    pub(crate) fn handle_found(&mut self) -> bool {
        let paid = self.looking.take().is_some();
        if paid {
            self.budget = (self.budget * 2).min(self.longest);
        }
        paid
    }

    fn may_try(&mut self) -> bool {
        if self.budget.is_zero() {
            self.rest = self.rest.saturating_sub(1);
            if self.rest > 0 {
                return false;
            }
            self.budget = self.longest / 4;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(16);
    const APART: Seen = Seen { own_core: 1, peer_core: 2, peer_sleeps: false };

    /// Looks every microsecond until told to sleep; how many looks that were.
    fn until_sleep(spin: &mut Spin, now: &mut Instant) -> (u32, Next) {
        for looks in 0.. {
            *now += Duration::from_micros(1);
            match spin.handle_nothing(*now, APART) {
                Next::Look => {}
                other => return (looks, other),
            }
        }
        unreachable!("it ends")
    }

    #[test]
    fn looking_in_vain_is_given_up_and_tried_again_rarely() {
        let (mut spin, mut now) = (Spin::new(LONGEST), Instant::now());
        let looks: Vec<_> = (0..6).map(|_| until_sleep(&mut spin, &mut now).0).collect();
        assert_eq!(looks, [16, 8, 4, 2, 1, 0]);
        let next = (0..200).position(|_| until_sleep(&mut spin, &mut now).1 == Next::Lost);
        assert_eq!(next, Some(RETRY as usize - 2));
    }

    #[test]
    fn what_is_found_in_time_earns_more_time() {
        let (mut spin, mut now) = (Spin::new(LONGEST), Instant::now());
        until_sleep(&mut spin, &mut now);
        assert_eq!(spin.handle_nothing(now, APART), Next::Look);
        assert!(spin.handle_found());
        assert!(!spin.handle_found(), "that one was there already");
        assert_eq!(until_sleep(&mut spin, &mut now).0, 16);
    }

    #[test]
    fn nothing_is_spent_on_a_peer_that_sleeps_or_needs_our_core() {
        for (peer_core, peer_sleeps) in [(0, false), (1, false), (2, true)] {
            let mut spin = Spin::new(LONGEST);
            let seen = Seen { peer_core, peer_sleeps, ..APART };
            assert_eq!(spin.handle_nothing(Instant::now(), seen), Next::Sleep);
        }
    }

    #[test]
    fn a_core_that_others_want_is_left_to_them() {
        let (mut spin, mut now) = (Spin::new(LONGEST), Instant::now());
        assert_eq!(spin.handle_nothing(now, APART), Next::Look);
        now += LONGEST * 3;
        assert_eq!(spin.handle_nothing(now, APART), Next::Lost);
        let next = (0..2000).position(|_| until_sleep(&mut spin, &mut now).1 == Next::Lost);
        assert_eq!(next, Some(WANTED as usize - 1));
    }
}
