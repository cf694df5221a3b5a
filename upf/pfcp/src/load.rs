//! How loaded a UP function is, and by how much less it wants to be asked (TS 29.244 6.2.3, 6.2.4).

use std::time::Duration;

use crate::wire::{group, integer_values};

/// Orders what a node tells of its load, or of its overload: the newer has the higher number (8.2.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoadSequence(pub u32);

impl LoadSequence {
    /// Whether it is newer than another. It goes round.
    pub fn is_newer_than(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }
}

/// Load, or the part of requests to be held back: per cent (8.2.34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Metric(pub u8);

/// A time, in units by its size (8.2.35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer(pub u8);

/// Units of a timer, seconds, and their codes.
const UNITS: [(u8, u64); 5] = [(0, 2), (1, 60), (2, 600), (3, 3600), (4, 36_000)];

/// The code for a time without end.
const INFINITE: u8 = 7;

impl From<Duration> for Timer {
    /// The shortest time that can be said and is not shorter; 310 hours at most.
    fn from(time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let fits = UNITS.iter().find_map(|(code, unit)| {
            let count = u8::try_from(seconds.div_ceil(*unit)).ok().filter(|count| *count < 32)?;
            Some(code << 5 | count)
        });
        Self(fits.unwrap_or(4 << 5 | 31))
    }
}

impl Timer {
    /// The time; `None`: without end.
    pub fn duration(self) -> Option<Duration> {
        let (code, count) = (self.0 >> 5, u64::from(self.0 & 0x1f));
        // Codes for future use count as minutes.
        let unit = UNITS.iter().find(|(known, _)| *known == code).map_or(60, |(_, unit)| *unit);
        (code != INFINITE).then(|| Duration::from_secs(count * unit))
    }
}

/// What overload control information is about (8.2.76).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OciFlags(pub u8);

impl OciFlags {
    /// The node, by the name by which it was chosen.
    pub const AOCI: Self = Self(1);
}

integer_values!(LoadSequence(u32), Metric(u8), Timer(u8), OciFlags(u8));

group! {
    /// How loaded the sender is (7.5.3.3).
    LoadControlInformation(
        /// Orders it among others.
        sequence: LoadSequence = SEQUENCE_NUMBER,
        /// Its load.
        metric: Metric = METRIC,
    ) {}
}

group! {
    /// By how much less the sender wants to be asked (7.5.3.4).
    OverloadControlInformation(
        /// Orders it among others.
        sequence: LoadSequence = SEQUENCE_NUMBER,
        /// The part of requests to be held back.
        reduction: Metric = METRIC,
        /// For how long.
        validity: Timer = TIMER,
    ) {
        /// What it is about.
        once flags: OciFlags = OCI_FLAGS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_least_unit_that_holds_them() {
        let said = |seconds| Timer::from(Duration::from_secs(seconds));
        assert_eq!([0, 1, 10, 62].map(|seconds| said(seconds).0), [0, 1, 5, 31]);
        assert_eq!(said(63), Timer(1 << 5 | 2));
        assert_eq!(said(36_000 * 40), Timer(4 << 5 | 31));
        assert_eq!(said(10).duration(), Some(Duration::from_secs(10)));
        assert_eq!(Timer(5 << 5 | 3).duration(), Some(Duration::from_secs(180)));
        assert_eq!(Timer(7 << 5 | 3).duration(), None);
        for octet in 0..7 << 5 {
            let Some(time) = Timer(octet).duration() else { panic!("{octet} ends") };
            assert_eq!(Timer::from(time).duration(), Some(time), "{octet}");
        }
    }

    #[test]
    fn sequences_go_round() {
        assert!(LoadSequence(1).is_newer_than(LoadSequence(u32::MAX)));
        assert!(!LoadSequence(7).is_newer_than(LoadSequence(7)) && !LoadSequence(6).is_newer_than(LoadSequence(7)));
    }
}
