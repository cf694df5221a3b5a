//! Date and time (TS 29.571 `DateTime`, RFC 3339).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Malformed;

/// A point of time as RFC 3339 text, to the second and in UTC when we write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTime(String);

impl DateTime {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SystemTime> for DateTime {
    fn from(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        Self(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

impl std::str::FromStr for DateTime {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let shape =
            text.len() <= 64 && text.len() >= 20 && text.as_bytes().get(10).is_some_and(|t| matches!(t, b'T' | b't'));
        match shape && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(Malformed { what: "DateTime", rule: "must be a date and time as in RFC 3339" }),
        }
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(DateTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar() {
        let at = |seconds| DateTime::from(UNIX_EPOCH + Duration::from_secs(seconds)).0;
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
        assert!(at(0).parse::<DateTime>().is_ok() && "yesterday".parse::<DateTime>().is_err());
    }
}
