//! Time (TS 24.008 10.5.3.8, 10.5.3.9, 10.5.3.12), which a phone takes from the network (NITZ).

use super::{Element, Octet};

/// Offset from UTC in quarters of an hour, summer time included: -79 to 79.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(i8);

impl TimeZone {
    /// UTC itself.
    pub const UTC: Self = Self(0);

    /// An offset in quarters of an hour; what does not fit the coding is clamped.
    pub fn from_quarters(quarters: i8) -> Self {
        Self(quarters.clamp(-79, 79))
    }

    /// The offset in quarters of an hour.
    pub const fn quarters(self) -> i8 {
        self.0
    }
}

impl Octet for TimeZone {
    fn from_octet(octet: u8) -> Option<Self> {
        // Bit 4 is the sign; the digits are swapped.
        let quarters = i8::try_from(from_swapped(octet & !0x08)?).ok()?;
        Some(Self(if octet & 0x08 != 0 { -quarters } else { quarters }))
    }

    fn to_octet(&self) -> u8 {
        swapped(self.0.unsigned_abs()) | if self.0 < 0 { 0x08 } else { 0 }
    }
}

/// A moment in UTC with the local offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniversalTime {
    /// Years since 2000.
    pub year: u8,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// The local offset.
    pub zone: TimeZone,
}

impl UniversalTime {
    /// From seconds since 1970 in UTC. Years before 2000 or after 2099 wrap as the two digits do.
    pub fn from_unix(seconds: u64, zone: TimeZone) -> Self {
        let part = |value: u64| u8::try_from(value).unwrap_or_default();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date_of(days);
        Self {
            year: part(year % 100),
            month: part(month),
            day: part(day),
            hour: part(of_day / 3600),
            minute: part(of_day / 60 % 60),
            second: part(of_day % 60),
            zone,
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn date_of(days: u64) -> (u64, u64, u64) {
    // Counted in years that begin in March, the day the calendar inserts is the last of a year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

impl Element for UniversalTime {
    fn decode(octets: &[u8]) -> Option<Self> {
        let [year, month, day, hour, minute, second, zone] = octets.try_into().ok()?;
        Some(Self {
            year: from_swapped(year)?,
            month: from_swapped(month)?,
            day: from_swapped(day)?,
            hour: from_swapped(hour)?,
            minute: from_swapped(minute)?,
            second: from_swapped(second)?,
            zone: TimeZone::from_octet(zone)?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let digits = [self.year, self.month, self.day, self.hour, self.minute, self.second];
        digits.iter().map(|value| swapped(*value)).chain([self.zone.to_octet()]).collect()
    }
}

/// Two decimal digits, the first in the low half octet.
fn swapped(value: u8) -> u8 {
    (value % 10) << 4 | (value / 10 % 10)
}

fn from_swapped(octet: u8) -> Option<u8> {
    let (tens, ones) = (octet & 0x0f, octet >> 4);
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

/// Network daylight saving time: hours added in summer, 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaylightSaving(pub u8);

impl Element for DaylightSaving {
    fn decode(octets: &[u8]) -> Option<Self> {
        octets.first().map(|octet| Self(octet & 0x03))
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.0 & 0x03]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_swapped_digits() {
        // 2026-11-20 23:42:08 UTC, offset +1 h.
        let time = UniversalTime::from_unix(1_795_218_128, TimeZone::from_quarters(4));
        assert_eq!(time.encode(), [0x62, 0x11, 0x02, 0x32, 0x24, 0x80, 0x40]);
        assert_eq!(UniversalTime::decode(&time.encode()), Some(time));
        let leap = UniversalTime::from_unix(1_709_164_800, TimeZone::UTC);
        assert_eq!((leap.year, leap.month, leap.day, leap.hour), (24, 2, 29, 0));
    }

    #[test]
    fn west_of_greenwich() {
        let zone = TimeZone::from_quarters(-20);
        assert_eq!(zone.to_octet(), 0x0a);
        assert_eq!(TimeZone::from_octet(0x0a), Some(zone));
        assert_eq!(TimeZone::from_octet(0xf0), None);
    }
}
