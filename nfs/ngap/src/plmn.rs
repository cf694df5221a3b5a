//! PLMN identity (TS 38.413 clause 9.3.3.5).

use std::{fmt, str::FromStr};

use oxirush_ngap::ngap::PLMNIdentity;

use crate::wire::{Invalid, Wire};

/// A mobile country code of three digits and a mobile network code of two or three.
///
/// Written and parsed as `999-70` or `99970`: "001-01" and "001-001" are different networks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlmnId {
    mcc: [u8; 3],
    mnc: [u8; 3],
    mnc_len: u8,
}

/// Text or octets that are no PLMN identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a PLMN is an MCC of three digits and an MNC of two or three, such as 999-70")]
pub struct InvalidPlmn;

impl PlmnId {
    /// The PLMN of an MCC and an MNC given as decimal digits.
    ///
    /// # Errors
    /// [`InvalidPlmn`] for a wrong number of digits or anything that is no digit.
    pub fn new(mcc: &str, mnc: &str) -> Result<Self, InvalidPlmn> {
        let mut plmn = Self { mcc: [0; 3], mnc: [0; 3], mnc_len: 0 };
        plmn.mnc_len = digits(mnc, &mut plmn.mnc)?;
        if digits(mcc, &mut plmn.mcc)? != 3 || plmn.mnc_len < 2 {
            return Err(InvalidPlmn);
        }
        Ok(plmn)
    }

    /// The three digits of the MCC.
    pub fn mcc(&self) -> String {
        text(&self.mcc)
    }

    /// The two or three digits of the MNC.
    pub fn mnc(&self) -> String {
        text(self.mnc.get(..usize::from(self.mnc_len)).unwrap_or_default())
    }

    /// The octets in the order of TS 38.413, which for a three-digit MNC is not that of NAS.
    pub fn to_octets(&self) -> [u8; 3] {
        let [m1, m2, m3] = self.mcc;
        let [n1, n2, n3] = self.mnc;
        if self.mnc_len == 2 {
            [m2 << 4 | m1, 0xf0 | m3, n2 << 4 | n1]
        } else {
            [m2 << 4 | m1, n1 << 4 | m3, n3 << 4 | n2]
        }
    }

    /// The PLMN of three octets in the order of TS 38.413.
    ///
    /// # Errors
    /// [`InvalidPlmn`] when a half octet is neither a digit nor the filler.
    pub fn from_octets(octets: [u8; 3]) -> Result<Self, InvalidPlmn> {
        let [a, b, c] = octets;
        let mcc = [a & 15, a >> 4, b & 15];
        let (mnc, mnc_len) = match b >> 4 {
            15 => ([c & 15, c >> 4, 0], 2),
            first => ([first, c & 15, c >> 4], 3),
        };
        let all_digits = mcc.iter().chain(&mnc).all(|digit| *digit <= 9);
        if all_digits { Ok(Self { mcc, mnc, mnc_len }) } else { Err(InvalidPlmn) }
    }
}

/// Writes the digits of `from` to `to` and tells how many they are.
fn digits(from: &str, to: &mut [u8; 3]) -> Result<u8, InvalidPlmn> {
    if from.len() > to.len() {
        return Err(InvalidPlmn);
    }
    let mut count = 0;
    for (slot, byte) in to.iter_mut().zip(from.bytes()) {
        *slot = byte.is_ascii_digit().then(|| byte - b'0').ok_or(InvalidPlmn)?;
        count += 1;
    }
    Ok(count)
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

impl fmt::Display for PlmnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.mcc(), self.mnc())
    }
}

impl fmt::Debug for PlmnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PlmnId {
    type Err = InvalidPlmn;

    fn from_str(text: &str) -> Result<Self, InvalidPlmn> {
        let (mcc, mnc) = match text.split_once(['-', '/']) {
            Some(parts) => parts,
            None => text.split_at_checked(3).ok_or(InvalidPlmn)?,
        };
        Self::new(mcc, mnc)
    }
}

impl Wire<PLMNIdentity> for PlmnId {
    fn from_wire(wire: PLMNIdentity) -> Result<Self, Invalid> {
        Self::from_octets(wire.0).map_err(|_| Invalid("PLMNIdentity"))
    }
    fn to_wire(&self) -> Result<PLMNIdentity, Invalid> {
        Ok(PLMNIdentity(self.to_octets()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_in_the_order_of_ngap() {
        let two: PlmnId = "208-93".parse().unwrap();
        assert_eq!(two.to_octets(), [0x02, 0xf8, 0x39]);
        let three: PlmnId = "310410".parse().unwrap();
        assert_eq!(three.to_octets(), [0x13, 0x40, 0x01]);
        for plmn in [two, three] {
            assert_eq!(PlmnId::from_octets(plmn.to_octets()), Ok(plmn));
        }
    }

    #[test]
    fn what_is_no_plmn_is_refused() {
        for text in ["", "99", "9997", "99970000", "99a70", "999-7", "999-7x", "é99"] {
            assert_eq!(text.parse::<PlmnId>(), Err(InvalidPlmn), "{text}");
        }
        assert!(PlmnId::from_octets([0xff, 0xff, 0xff]).is_err());
    }
}
