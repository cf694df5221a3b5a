//! Values of the configuration that have bounds: what is outside is refused with the allowed range.

use std::fmt::Display;

use serde::de::{Deserialize, Deserializer, Error};

/// Reads a number from `MIN` to `MAX`; use as `#[serde(deserialize_with = "runtime::within::<_, _, 1, 64>")]`.
///
/// # Errors
/// Names the value and the allowed range.
pub fn within<'de, D, T, const MIN: u64, const MAX: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64, Error: Display>,
{
    let value = i128::deserialize(deserializer)
        .map_err(|_| D::Error::custom(format_args!("expected a number from {MIN} to {MAX}")))?;
    let outside = || D::Error::custom(format_args!("{value} is out of range: allowed are {MIN} to {MAX}"));
    let number = u64::try_from(value).map_err(|_| outside())?;
    if !(MIN..=MAX).contains(&number) {
        return Err(outside());
    }
    T::try_from(number).map_err(|_| outside())
}
