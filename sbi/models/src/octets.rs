//! Octets that are text in JSON.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Malformed;

/// Reference to a binary part of a multipart message (TS 29.571 `RefToBinaryData`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefToBinaryData {
    /// `Content-Id` of the part.
    pub content_id: String,
}

impl From<&str> for RefToBinaryData {
    fn from(content_id: &str) -> Self {
        Self { content_id: content_id.to_owned() }
    }
}

/// `N` octets, hexadecimal on the wire (RAND, AUTN, AUTS, ...). Not secret: `Debug` shows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HexOctets<const N: usize>(pub [u8; N]);

/// `N` secret octets, hexadecimal on the wire (keys, XRES*): `Debug` prints `<secret>` and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHex<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for HexOctets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl<const N: usize> fmt::Debug for HexOctets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl<const N: usize> FromStr for HexOctets<N> {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        read_hex(text).map(Self).ok_or(Malformed { what: "octets", rule: "must be hexadecimal of the right length" })
    }
}

serde_as_text!(HexOctets<const N: usize>);

impl<const N: usize> fmt::Debug for SecretHex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<const N: usize> FromStr for SecretHex<N> {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        read_hex(text).map(Self).ok_or(Malformed { what: "key", rule: "must be hexadecimal of the right length" })
    }
}

impl<const N: usize> Serialize for SecretHex<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        HexOctets(self.0).serialize(serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for SecretHex<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::read_text(deserializer)
    }
}

fn write_hex(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut octets = [0; N];
    let mut pairs = text.as_bytes().chunks_exact(2);
    for octet in &mut octets {
        let [high, low] = pairs.next()? else { return None };
        *octet = digit(high)? << 4 | digit(low)?;
    }
    (text.len() == N * 2).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_the_exact_length() {
        let octets: HexOctets<2> = "0aFF".parse().expect("two octets");
        assert_eq!((octets.0, octets.to_string().as_str()), ([10, 255], "0aff"));
        for bad in ["", "0a", "0a0b0c", "0a0", "0g0a", "+a0a"] {
            assert!(bad.parse::<HexOctets<2>>().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let key: SecretHex<2> = serde_json::from_str("\"0aff\"").expect("two octets");
        assert_eq!(
            (format!("{key:?}").as_str(), serde_json::to_string(&key).expect("json").as_str()),
            ("<secret>", "\"0aff\"")
        );
    }
}
