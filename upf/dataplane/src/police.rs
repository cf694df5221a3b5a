//! Keeping to a bit rate: the generic cell rate algorithm, one number of state.

use std::time::{Duration, Instant};

/// Fractional bits of the time an octet takes.
const FRACTION: u32 = 24;

/// The credit a policer gives beyond its rate: this time's worth, so that no second passes 2 % more than the rate.
const BURST: Duration = Duration::from_millis(15);

/// The least credit, in octets: two full packets.
const LEAST_BURST: u64 = 3000;

/// Lets packets pass at a bit rate.
#[derive(Clone, Copy, Debug)]
pub struct Policer {
    rate: u64,
    /// Time an octet takes at the rate, in nanoseconds with [`FRACTION`] fractional bits.
    octet: u64,
    /// How far ahead of time the packets may be, in nanoseconds.
    tolerance: u64,
    /// When the packets that passed would have been sent at exactly the rate.
    due: Instant,
    /// What `due` lacks, in fractions of a nanosecond.
    fraction: u64,
}

impl Policer {
    /// Of `rate` bits per second, with full credit. A rate of 0 lets nothing pass.
    pub fn new(rate: u64, now: Instant) -> Self {
        let octet = match rate {
            0 => u64::MAX,
            _ => u64::try_from((8_000_000_000u128 << FRACTION) / u128::from(rate)).unwrap_or(u64::MAX),
        };
        let least = u64::try_from((u128::from(octet) * u128::from(LEAST_BURST)) >> FRACTION).unwrap_or(u64::MAX);
        let tolerance = least.max(BURST.as_nanos() as u64);
        Self { rate, octet, tolerance, due: now, fraction: 0 }
    }

    /// The rate, in bits per second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// Whether a packet of `length` octets may pass; takes nothing yet.
    pub fn admits(&self, now: Instant, length: usize) -> bool {
        let (time, _) = self.time(length);
        let ahead = self.due.saturating_duration_since(now) + time;
        self.rate > 0 && ahead.as_nanos() <= u128::from(self.tolerance)
    }

    /// Takes the credit of a packet that passes.
    pub fn take(&mut self, now: Instant, length: usize) {
        let (time, fraction) = self.time(length);
        self.due = self.due.max(now) + time;
        self.fraction = fraction;
    }

    /// The time that `length` octets take, and the fraction of a nanosecond left over.
    fn time(&self, length: usize) -> (Duration, u64) {
        let exact = u128::from(self.octet) * length as u128 + u128::from(self.fraction);
        let nanos = u64::try_from(exact >> FRACTION).unwrap_or(u64::MAX >> 1);
        (Duration::from_nanos(nanos), exact as u64 & ((1 << FRACTION) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Octets that pass in `time` when packets of `length` come at `offered` bits per second.
    fn passed(policer: &mut Policer, start: Instant, time: Duration, offered: u64, length: usize) -> u64 {
        let gap = Duration::from_nanos(length as u64 * 8_000_000_000 / offered);
        let mut now = start;
        let mut octets = 0;
        while now < start + time {
            if policer.admits(now, length) {
                policer.take(now, length);
                octets += length as u64;
            }
            now += gap;
        }
        octets
    }

    #[test]
    fn the_rate_is_kept_within_two_percent_over_a_second() {
        for rate in [1_000_000, 10_000_000, 150_000_000, 2_000_000_000] {
            for length in [64, 500, 1400] {
                let start = Instant::now();
                let mut policer = Policer::new(rate, start);
                let octets = passed(&mut policer, start, Duration::from_secs(1), rate * 3, length) * 8;
                let most = rate + (rate / 50).max(LEAST_BURST * 8);
                assert!(octets <= most, "{octets} of {rate} bit/s at {length}");
                assert!(octets >= rate - rate / 50, "{octets} of {rate} bit/s at {length}");
            }
        }
    }

    #[test]
    fn less_than_the_rate_passes_whole() {
        let start = Instant::now();
        let mut policer = Policer::new(10_000_000, start);
        let octets = passed(&mut policer, start, Duration::from_secs(1), 9_900_000, 1000);
        assert_eq!(octets, 1_238_000);
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
        assert_eq!(octets, 15_000);
    }
}
