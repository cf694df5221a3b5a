//! Data network name (TS 24.501 9.11.2.1B, TS 23.003 9A): labels on the wire, dots in text.

use super::Element;
use std::fmt;

/// A data network name of 1 to 100 octets. Compared without regard to case.
#[derive(Clone)]
pub struct Dnn(String);

impl Dnn {
    /// From text such as `internet` or `ims.mnc070.mcc999.gprs`. `None` unless every label has 1 to 63 letters,
    /// digits, hyphens or underscores and the whole fits.
    pub fn new(text: &str) -> Option<Self> {
        let good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(good);
        (text.len() < 100 && text.split('.').all(label)).then(|| Self(text.into()))
    }

    /// The name, in the case it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Dnn {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Dnn {}

impl fmt::Display for Dnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Dnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Element for Dnn {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut text = String::new();
        let mut rest = octets;
        while let Some((length, after)) = rest.split_first() {
            let (label, next) = after.split_at_checked(usize::from(*length))?;
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(std::str::from_utf8(label).ok()?);
            rest = next;
        }
        Self::new(&text)
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.0.len() + 1);
        for label in self.0.split('.') {
            octets.push(u8::try_from(label.len()).unwrap_or(0));
            octets.extend(label.bytes());
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_dots() {
        let dnn = Dnn::decode(b"\x08internet").expect("one label");
        assert_eq!(dnn.as_str(), "internet");
        assert_eq!(Some(dnn), Dnn::new("INTERNET"));
        let dotted = Dnn::new("ims.mnc070").expect("two labels");
        assert_eq!(dotted.encode(), b"\x03ims\x06mnc070");
        assert_eq!(Dnn::decode(&dotted.encode()), Some(dotted));
    }

    #[test]
    fn labels_that_overrun_or_hide_something_are_no_name() {
        for octets in [&b""[..], b"\x09internet", b"\x00", b"\x02a\0", b"\x03ims\x00", b"\x01\xff"] {
            assert_eq!(Dnn::decode(octets), None, "{octets:?}");
        }
        assert_eq!(Dnn::new(&"a".repeat(64)), None);
        assert_eq!(Dnn::new(&"ab.".repeat(40)), None);
    }
}
