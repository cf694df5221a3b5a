//! Whether to look for the next message a while longer before sleeping.
//!
//! It pays where the next message comes sooner than a sleep and a wake-up cost, and nobody else wants the core. So it is tried
//! only where messages have lately come soon after each other, while the peer is awake on another core; where more threads are
//! ready to run than there are cores, they must come sooner. What messages do is seen by sleepers too: whoever gave up knows when it
//! would have paid. Tries in vain are followed by a rest, twice as long each time.

use std::time::{Duration, Instant};

/// What is known about the two sides and their machine. Hints: a peer that lies makes us spin for a moment, or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The core we run on, counted from 1.
    pub(crate) own_core: u32,
    /// The core the peer runs on, 0 where it did not say.
    pub(crate) peer_core: u32,
    pub(crate) peer_sleeps: bool,
    /// More threads are ready to run than there are cores.
    pub(crate) crowded: bool,
}

impl Seen {
    fn is_hopeless(&self) -> bool {
        self.peer_core == 0 || self.peer_core == self.own_core || self.peer_sleeps
    }
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

/// Sleeps without a try after one in vain; doubled with each further one, up to [`LONGEST_REST`].
const REST: u32 = 4;

/// Longest series of sleeps without a try.
const LONGEST_REST: u32 = 1024;

/// A gap between messages counts as no more than so many times the longest look: what is past is forgotten soon.
const LONGEST_GAP: u32 = 8;

/// Tries begin where the usual gap is up to so many times the longest look: that of sleepers has their waking in it.
const PROMISING: u32 = 2;

/// The same where others want the cores.
const PROMISING_IN_CROWD: u32 = 1;

/// The time that looking may take, and what decides whether it is tried.
pub(crate) struct Spin {
    longest: Duration,
    /// When there was nothing more to do, and the last look at the clock.
    idle: Option<(Instant, Instant)>,
    /// We look instead of sleeping.
    looking: bool,
    /// How long lately it took until the next message came.
    usual_gap: Duration,
    /// Sleeps until the next try.
    rest: u32,
    /// The rest after the next try in vain.
    next_rest: u32,
}

impl Spin {
    pub(crate) fn new(longest: Duration) -> Self {
        let usual_gap = longest * LONGEST_GAP;
        Self { longest, idle: None, looking: false, usual_gap, rest: 0, next_rest: REST }
    }

    /// Whether it would ever look twice.
    pub(crate) fn is_off(&self) -> bool {
        self.longest.is_zero()
    }

    /// Whether nothing has been found since the last message.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle.is_some()
    }

    /// Whether messages come so fast that a try may be worth it, as far as we know.
    pub(crate) fn may_try(&self) -> bool {
        self.looking || (self.rest <= 1 && self.usual_gap <= self.longest * PROMISING)
    }

    /// Nothing was found at `now`.
    pub(crate) fn handle_nothing(&mut self, now: Instant, seen: Seen) -> Next {
        let Some((since, last)) = self.idle else {
            let soon = !seen.crowded || self.usual_gap <= self.longest * PROMISING_IN_CROWD;
            self.looking = self.may_try() && soon && !seen.is_hopeless();
            self.rest = self.rest.saturating_sub(1);
            self.idle = Some((now, now));
            return if self.looking { Next::Look } else { Next::Sleep };
        };
        if !self.looking {
            return Next::Sleep;
        }
        // A look that comes much too late shows that somebody else wanted the core.
        let wanted = now.saturating_duration_since(last) > self.longest;
        if !wanted && !seen.is_hopeless() && now.saturating_duration_since(since) < self.longest {
            self.idle = Some((since, now));
            return Next::Look;
        }
        self.looking = false;
        self.rest = self.next_rest;
        self.next_rest = (self.next_rest * 2).min(LONGEST_REST);
        Next::Lost
    }

    /// A message was found at `now`. Returns whether looking for it paid.
    pub(crate) fn handle_found(&mut self, now: Instant) -> bool {
        let Some((since, _)) = self.idle.take() else { return false };
        let gap = now.saturating_duration_since(since).min(self.longest * LONGEST_GAP);
        self.usual_gap = (self.usual_gap * 3 + gap) / 4;
        let paid = std::mem::take(&mut self.looking);
        if paid {
            self.next_rest = (self.next_rest / 2).max(REST);
        }
        paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(16);
    const APART: Seen = Seen { own_core: 1, peer_core: 2, peer_sleeps: false, crowded: false };

    /// A side of a channel, and its clock.
    struct Side {
        spin: Spin,
        now: Instant,
    }

    impl Side {
        fn new() -> Self {
            Self { spin: Spin::new(LONGEST), now: Instant::now() }
        }

        /// To whom messages have come fast.
        fn busy() -> Self {
            let mut side = Self::new();
            for _ in 0..20 {
                side.message_after(2, APART);
            }
            side
        }

        /// A message comes after so many microseconds. Whether it was looked for in vain, or found so.
        fn message_after(&mut self, gap: u64, seen: Seen) -> (bool, bool) {
            let mut lost = false;
            for _ in 0..gap {
                lost |= self.spin.handle_nothing(self.now, seen) == Next::Lost;
                self.now += Duration::from_micros(1);
            }
            (lost, self.spin.handle_found(self.now))
        }
    }

    #[test]
    fn what_comes_soon_is_looked_for_after_a_few_messages() {
        let mut side = Side::new();
        let first = (0..50).position(|_| side.message_after(5, APART).1);
        assert_eq!(first, Some(6));
        assert!((0..50).all(|_| side.message_after(5, APART) == (false, true)));
    }

    #[test]
    fn what_comes_late_is_hardly_ever_looked_for() {
        let mut side = Side::busy();
        let lost = (0..1000).filter(|_| side.message_after(500, APART).0).count();
        assert_eq!(lost, 1, "the very next one");
    }

    #[test]
    fn messages_that_sleepers_would_have_found_bring_looking_back() {
        let mut side = Side::busy();
        assert!((0..100).all(|_| !side.message_after(500, APART).1));
        let first = (0..50).position(|_| side.message_after(5, APART).1);
        assert!(first.is_some_and(|messages| messages < 12), "{first:?}");
    }

    #[test]
    fn looking_in_vain_is_rarer_each_time() {
        // Gaps that are short in the mean, but that a try just misses: 1, 1, 1, 17 microseconds and so on.
        let mut side = Side::busy();
        let gaps = [1, 1, 1, 17].into_iter().cycle().take(4000);
        let lost = gaps.filter(|gap| side.message_after(*gap, APART).0).count();
        assert!((5..400).contains(&lost), "{lost} of 1000");
    }

    #[test]
    fn nothing_is_spent_where_there_is_no_hope() {
        for seen in
            [Seen { peer_core: 0, ..APART }, Seen { peer_core: 1, ..APART }, Seen { peer_sleeps: true, ..APART }]
        {
            assert_eq!(Side::busy().message_after(3, seen), (false, false), "{seen:?}");
        }
    }

    #[test]
    fn in_a_crowd_messages_must_come_sooner_to_be_looked_for() {
        for (usual, crowded, tried) in [(15, true, true), (20, true, false), (20, false, true), (40, false, false)] {
            let mut side = Side::busy();
            side.spin.usual_gap = Duration::from_micros(usual);
            assert_eq!(side.message_after(2, Seen { crowded, ..APART }).1, tried, "{usual} us, crowded: {crowded}");
        }
    }

    #[test]
    fn a_core_that_others_want_is_left_to_them_for_a_while() {
        let mut side = Side::busy();
        assert_eq!(side.spin.handle_nothing(side.now, APART), Next::Look);
        side.now += LONGEST * 3;
        assert_eq!(side.spin.handle_nothing(side.now, APART), Next::Lost);
        side.spin.handle_found(side.now);
        let next = (0..50).position(|_| side.message_after(2, APART).1);
        assert!(next >= Some(REST as usize - 1), "{next:?}");
    }
}
