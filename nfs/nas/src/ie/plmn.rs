//! PLMN identity: MCC and MNC in three octets.

use std::fmt;
use std::str::FromStr;

/// A public land mobile network: three digits of MCC, two or three of MNC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plmn([u8; 3]);

impl Plmn {
    /// From digits. `None` unless MCC has three and MNC two or three.
    pub fn new(mcc: &str, mnc: &str) -> Option<Self> {
        let digit =
            |text: &str, at: usize| text.as_bytes().get(at).copied().filter(u8::is_ascii_digit).map(|d| d - b'0');
        if mcc.len() != 3 || !(2..=3).contains(&mnc.len()) {
            return None;
        }
        let third = if mnc.len() == 3 { digit(mnc, 2)? } else { 0x0f };
        Some(Self([
            digit(mcc, 1)? << 4 | digit(mcc, 0)?,
            third << 4 | digit(mcc, 2)?,
            digit(mnc, 1)? << 4 | digit(mnc, 0)?,
        ]))
    }

    /// From the three octets of TS 24.008 10.5.1.13. `None` unless all digits are decimal.
    pub fn from_octets(octets: [u8; 3]) -> Option<Self> {
        let [a, b, c] = octets;
        let decimal = [a & 0x0f, a >> 4, b & 0x0f, c & 0x0f, c >> 4].iter().all(|digit| *digit < 10);
        let third = b >> 4;
        (decimal && (third < 10 || third == 0x0f)).then_some(Self(octets))
    }

    /// The three octets. NGAP orders the digits of a three-digit MNC differently: convert by [`Plmn::mcc`] and
    /// [`Plmn::mnc`].
    pub const fn to_octets(self) -> [u8; 3] {
        self.0
    }

    /// The three digits of MCC.
    pub fn mcc(self) -> String {
        let [a, b, _] = self.0;
        digits(&[a & 0x0f, a >> 4, b & 0x0f])
    }

    /// The two or three digits of MNC.
    pub fn mnc(self) -> String {
        let [_, b, c] = self.0;
        match b >> 4 {
            0x0f => digits(&[c & 0x0f, c >> 4]),
            third => digits(&[c & 0x0f, c >> 4, third]),
        }
    }
}

fn digits(values: &[u8]) -> String {
    values.iter().map(|value| char::from(b'0' + value)).collect()
}

impl fmt::Display for Plmn {
    /// `999/70`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mcc(), self.mnc())
    }
}

impl fmt::Debug for Plmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A PLMN that is not written as `999/70`, `999-70` or with a three-digit MNC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a PLMN is written MCC/MNC, such as 999/70 or 001/001")]
pub struct PlmnSyntax;

impl FromStr for Plmn {
    type Err = PlmnSyntax;

    fn from_str(text: &str) -> Result<Self, PlmnSyntax> {
        let (mcc, mnc) = text.split_once(['/', '-']).ok_or(PlmnSyntax)?;
        Self::new(mcc, mnc).ok_or(PlmnSyntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_and_three_digits() {
        assert_eq!("999/70".parse().map(Plmn::to_octets), Ok([0x99, 0xf9, 0x07]));
        assert_eq!("310-410".parse().map(Plmn::to_octets), Ok([0x13, 0x00, 0x14]));
        assert_eq!(Plmn::from_octets([0x13, 0x00, 0x14]).map(|plmn| plmn.to_string()), Some("310/410".into()));
        assert_eq!(Plmn::from_octets([0x13, 0xa0, 0x14]), None);
        for wrong in ["", "999", "999/7", "99/70", "999/7x", "999/7000", "９９/70"] {
            assert!(wrong.parse::<Plmn>().is_err(), "{wrong}");
        }
    }
}
