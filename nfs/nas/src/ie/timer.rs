//! GPRS timer 2 and 3 (TS 24.008 10.5.7.4, 10.5.7.4a): three bits of unit, five of value.

use super::Element;

macro_rules! timer {
    ($(#[$doc:meta])* $name:ident { $($unit:literal => $seconds:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(u8);

        impl $name {
            /// The timer is not used.
            pub const DEACTIVATED: Self = Self(0xe0);

            /// The shortest time the coding has that is not shorter than this; the longest it has, if none.
            pub fn from_seconds(seconds: u32) -> Self {
                let units: &[(u8, u32)] = &[$(($unit, $seconds)),*];
                let coded = units.iter().filter_map(|(unit, length)| {
                    let value = seconds.div_ceil(*length);
                    (value < 32).then(|| (value * length, unit << 5 | u8::try_from(value).unwrap_or(31)))
                });
                let longest = units.iter().max_by_key(|(_, length)| *length);
                coded
                    .min_by_key(|(time, _)| *time)
                    .map_or(Self(longest.map_or(0, |(unit, _)| unit << 5) | 31), |(_, octet)| Self(octet))
            }

            /// The time, or `None` if the timer is deactivated.
            pub fn seconds(self) -> Option<u32> {
                let value = u32::from(self.0 & 0x1f);
                match self.0 >> 5 {
                    7 => None,
                    $($unit => Some(value * $seconds),)*
                    // Other units are taken as one minute.
                    _ => Some(value * 60),
                }
            }
        }

        impl Element for $name {
            fn decode(octets: &[u8]) -> Option<Self> {
                octets.first().copied().map(Self)
            }

            fn encode(&self) -> Vec<u8> {
                vec![self.0]
            }
        }
    };
}

timer! {
    /// GPRS timer 2: 2 seconds to 186 minutes.
    GprsTimer2 { 0 => 2, 1 => 60, 2 => 360, }
}

timer! {
    /// GPRS timer 3: 2 seconds to 9920 hours.
    GprsTimer3 { 3 => 2, 4 => 30, 5 => 60, 0 => 600, 1 => 3600, 2 => 36_000, 6 => 1_152_000, }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_timer_3() {
        for seconds in [0, 2, 30, 540, 3240, 3600, 86_400] {
            let timer = GprsTimer3::from_seconds(seconds);
            assert!(timer.seconds() >= Some(seconds), "{seconds}");
        }
        assert_eq!(GprsTimer3::from_seconds(3600).seconds(), Some(3600));
        assert_eq!(GprsTimer3::from_seconds(540).seconds(), Some(540));
        assert_eq!(GprsTimer3::from_seconds(u32::MAX).seconds(), Some(31 * 1_152_000));
        assert_eq!(GprsTimer3::DEACTIVATED.seconds(), None);
    }

    #[test]
    fn timer_2_is_exact_where_it_can_be() {
        assert_eq!(GprsTimer2::from_seconds(600).encode(), [0x2a]);
        assert_eq!(GprsTimer2::from_seconds(12).seconds(), Some(12));
        assert_eq!(GprsTimer2::from_seconds(63).seconds(), Some(120));
    }
}
