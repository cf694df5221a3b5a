//! Keeping to a bit rate: the generic cell rate algorithm, one point in time of state.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::Moment;

/// Fractional bits of the time an octet takes.
const FRACTION: u32 = 24;

/// The credit beyond the rate: this time's worth, so that no second passes 2 % more than the rate.
const BURST: Duration = Duration::from_millis(18);

/// Lets packets pass at a bit rate. In any second no more than the rate and 2 % of it pass, or else one packet more than the
/// rate; of packets that come in time none is held up below it.
#[derive(Clone, Copy, Debug)]
pub struct Policer {
    /// Time an octet takes at the rate, in nanoseconds with [`FRACTION`] fractional bits; the greatest number: for ever.
    octet: NonZeroU64,
    /// When the packets that passed would have been sent at exactly the rate, as [`Moment::nanos`].
    due: u64,
    /// What `due` lacks, in fractions of a nanosecond.
    fraction: u32,
}

impl Policer {
    /// Of `rate` bits per second, with full credit. A rate of 0 lets nothing pass.
    pub fn new(rate: u64, now: impl Into<Moment>) -> Self {
        let octet = match rate {
            0 => u64::MAX,
            _ => u64::try_from((8_000_000_000u128 << FRACTION) / u128::from(rate)).unwrap_or(u64::MAX),
        };
        Self { octet: NonZeroU64::new(octet).unwrap_or(NonZeroU64::MIN), due: now.into().nanos(), fraction: 0 }
    }

    /// Takes over the time owed by the policer whose place it takes, so that a change of the rate gives no credit anew.
    pub fn follow(&mut self, before: &Self) {
        (self.due, self.fraction) = (before.due, before.fraction);
    }

    /// Whether a packet of `length` octets may pass; takes nothing yet.
    pub fn admits(&self, now: impl Into<Moment>, length: usize) -> bool {
        self.admits_from(length).is_some_and(|from| from <= now.into().nanos())
    }

    /// From when on a packet of `length` octets may pass, as [`Moment::nanos`]; `None`: never. With every packet whose credit is
    /// taken that is later, or the same.
    pub(crate) fn admits_from(&self, length: usize) -> Option<u64> {
        // A packet that alone is more than the credit passes when nothing is owed.
        let credit = (BURST.as_nanos() as u64).saturating_sub(self.time(length).0);
        (self.octet != NonZeroU64::MAX).then(|| self.due.saturating_sub(credit))
    }

    /// Takes the credit of a packet that passes.
    pub fn take(&mut self, now: impl Into<Moment>, length: usize) {
        let (time, fraction) = self.time(length);
        self.due = self.due.max(now.into().nanos()).saturating_add(time);
        self.fraction = fraction;
    }

    /// The nanoseconds that `length` octets take, and the fraction left over.
    fn time(&self, length: usize) -> (u64, u32) {
        let exact = u128::from(self.octet.get()) * length as u128 + u128::from(self.fraction);
        let nanos = u64::try_from(exact >> FRACTION).unwrap_or(u64::MAX >> 1);
        (nanos, exact as u32 & ((1 << FRACTION) - 1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// When packets of these lengths, in turn, come at `offered` bits per second for three seconds: those that pass, each
    /// with its time since the start.
    fn passing(policer: &mut Policer, start: Instant, offered: u64, lengths: &[usize]) -> Vec<(Duration, u64)> {
        let mut since = Duration::ZERO;
        let mut passed = Vec::new();
        for length in lengths.iter().cycle() {
            if since >= 3 * SECOND {
                break;
            }
            if policer.admits(start + since, *length) {
                policer.take(start + since, *length);
                passed.push((since, *length as u64 * 8));
            }
            since += Duration::from_nanos(*length as u64 * 8_000_000_000 / offered);
        }
        passed
    }

    /// The least and the most bits that passed in a second that begins with one of them.
    fn extremes(passed: &[(Duration, u64)]) -> (u64, u64) {
        let (mut end, mut sum) = (0, 0);
        let (mut least, mut most) = (u64::MAX, 0);
        for (begun, bits) in passed {
            while let Some((_, more)) = passed.get(end).filter(|(at, _)| *at < *begun + SECOND) {
                sum += more;
                end += 1;
            }
            most = most.max(sum);
            if *begun < SECOND {
                least = least.min(sum);
            }
            sum -= bits;
        }
        (least, most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Every second of three, not only the first, whatever the sizes and however much too much comes.
        #[test]
        fn any_second_is_within_two_percent_of_the_rate(
            rate in prop_oneof![600_000..2_000_000u64, 2_000_000..60_000_000u64],
            excess in 105..500u64,
            lengths in proptest::collection::vec(40..1500usize, 1..20),
        ) {
            let start = Instant::now();
            let passed = passing(&mut Policer::new(rate, start), start, rate * excess / 100, &lengths);
            let (least, most) = extremes(&passed);
            let longest = *lengths.iter().max().unwrap_or(&0) as u64 * 8;
            prop_assert!(most <= rate + (rate / 50).max(longest), "{most} bits of {rate}");
            // Where the credit is three packets, one that does not pass leaves no time unused. Where it is less, a long one
            // may have to wait for nothing to be owed.
            if rate >= 2_000_000 {
                prop_assert!(least + rate / 50 + longest >= rate, "{least} bits of {rate}");
            }
        }
    }

    #[test]
    fn high_rates_are_kept_too() {
        for rate in [1_000_000_000, 40_000_000_000] {
            let start = Instant::now();
            let mut policer = Policer::new(rate, start);
            let mut bits = 0;
            for step in 0..50_000u64 {
                // Twelve times 9000 octets in 20 us: 43 Gbit/s.
                for _ in 0..12 {
                    let now = start + Duration::from_micros(step * 20);
                    if policer.admits(now, 9000) {
                        policer.take(now, 9000);
                        bits += 72_000;
                    }
                }
            }
            assert!((rate..=rate + rate / 50).contains(&bits), "{bits} of {rate}");
        }
    }

    #[test]
    fn less_than_the_rate_passes_whole() {
        let start = Instant::now();
        let passed = passing(&mut Policer::new(10_000_000, start), start, 9_900_000, &[1000]);
        assert_eq!(passed.len(), 3713);
    }

    #[test]
    fn no_rate_passes_nothing_and_a_pause_gives_no_more_than_the_burst() {
        let start = Instant::now();
        assert!(!Policer::new(0, start).admits(start, 1));
        let mut policer = Policer::new(8_000_000, start);
        let later = start + Duration::from_secs(3600);
        let mut octets = 0;
        while policer.admits(later, 1000) {
            policer.take(later, 1000);
            octets += 1000;
        }
        assert_eq!(octets, 18_000);
        // Nor does another rate.
        let mut faster = Policer::new(16_000_000, later);
        faster.follow(&policer);
        assert!(!faster.admits(later, 1000));
    }
}
