//! Message priority (TS 29.500 6.8.2): which messages go before others that wait.

use http::{HeaderMap, HeaderName};
use sbi_api::MESSAGE_PRIORITY;

/// Lowest priority that is lower than that of messages which go ahead: the upper half of the range does.
const USUAL: u8 = 16;

/// Whether a message with these fields goes before those that wait. An answer without the field has its request's priority.
pub(crate) fn goes_ahead(fields: &HeaderMap) -> bool {
    static NAME: HeaderName = MESSAGE_PRIORITY;
    // Looking at the few there are is sooner done than hashing the name.
    let field = fields.iter().find(|(name, _)| **name == NAME);
    let value = field.and_then(|(_, value)| value.to_str().ok());
    value.and_then(|value| value.parse::<u8>().ok()).is_some_and(|priority| priority < USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_goes_ahead_and_nonsense_does_not() {
        for (value, ahead) in
            [("0", true), ("15", true), ("16", false), ("31", false), ("", false), ("-1", false), ("x", false)]
        {
            let fields = HeaderMap::from_iter([(MESSAGE_PRIORITY, value.parse().expect("a value"))]);
            assert_eq!(goes_ahead(&fields), ahead, "{value:?}");
        }
        assert!(!goes_ahead(&HeaderMap::new()));
    }
}
