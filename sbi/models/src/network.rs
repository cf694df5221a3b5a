//! Networks, slices and data networks (TS 29.571 5.4).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with_macros::skip_serializing_none;

use crate::Malformed;
use crate::text::{hex_number, is_digits};

/// A PLMN (TS 29.571 `PlmnId`): three digits of MCC and two or three of MNC, which are different networks.
///
/// As text (configuration, logs) it is `999/70`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlmnId {
    mcc: [u8; 3],
    mnc: [u8; 3],
    mnc_len: u8,
}

/// What PLMN and SNPN are on the wire.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
struct NetworkText<'a> {
    #[serde(borrow)]
    mcc: Cow<'a, str>,
    #[serde(borrow)]
    mnc: Cow<'a, str>,
    nid: Option<String>,
}

impl Serialize for PlmnId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        NetworkText { mcc: self.mcc().into(), mnc: self.mnc().into(), nid: None }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PlmnId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PlmnIdNid::deserialize(deserializer).map(|network| network.plmn_id)
    }
}

impl Serialize for PlmnIdNid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mcc, mnc) = (self.plmn_id.mcc().into(), self.plmn_id.mnc().into());
        NetworkText { mcc, mnc, nid: self.nid.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PlmnIdNid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = NetworkText::deserialize(deserializer)?;
        let plmn_id = PlmnId::new(&text.mcc, &text.mnc).map_err(serde::de::Error::custom)?;
        Ok(Self { plmn_id, nid: text.nid })
    }
}

impl PlmnId {
    /// A PLMN from its digits.
    ///
    /// # Errors
    /// [`Malformed`] unless MCC is three digits and MNC two or three.
    pub fn new(mcc: &str, mnc: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "PlmnId", rule: "must be an MCC of three and an MNC of two or three digits" };
        if !is_digits(mcc, 3, 3) || !is_digits(mnc, 2, 3) {
            return Err(malformed);
        }
        let digits = |text: &str| {
            let mut octets = [0; 3];
            octets.iter_mut().zip(text.bytes()).for_each(|(octet, digit)| *octet = digit);
            octets
        };
        Ok(Self { mcc: digits(mcc), mnc: digits(mnc), mnc_len: if mnc.len() == 2 { 2 } else { 3 } })
    }

    /// The three digits of the MCC.
    pub fn mcc(&self) -> &str {
        std::str::from_utf8(&self.mcc).unwrap_or_default()
    }

    /// The two or three digits of the MNC.
    pub fn mnc(&self) -> &str {
        self.mnc.get(..usize::from(self.mnc_len)).and_then(|mnc| std::str::from_utf8(mnc).ok()).unwrap_or_default()
    }

    /// `5G:mncXXX.mccXXX.3gppnetwork.org` (TS 24.501 9.12.1, TS 33.501 6.1.1.4).
    pub fn serving_network_name(&self) -> String {
        format!("5G:mnc{:0>3}.mcc{}.3gppnetwork.org", self.mnc(), self.mcc())
    }
}

impl FromStr for PlmnId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (mcc, mnc) =
            text.split_once('/').ok_or(Malformed { what: "PLMN", rule: "must be MCC/MNC, as in 999/70" })?;
        Self::new(mcc, mnc)
    }
}

impl fmt::Display for PlmnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mcc(), self.mnc())
    }
}

impl fmt::Debug for PlmnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A PLMN or, with a NID, a stand-alone non-public network (TS 29.571 `PlmnIdNid`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlmnIdNid {
    /// The PLMN.
    pub plmn_id: PlmnId,
    /// Network identifier of the SNPN, eleven hexadecimal digits.
    pub nid: Option<String>,
}

impl From<PlmnId> for PlmnIdNid {
    fn from(plmn_id: PlmnId) -> Self {
        Self { plmn_id, nid: None }
    }
}

/// AMF identifier (TS 29.571 `AmfId`): region 8, set 10, pointer 6 bits; six hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AmfId(u32);

impl AmfId {
    /// From its three fields; bits that do not fit are refused.
    ///
    /// # Errors
    /// [`Malformed`] where set has more than 10 or pointer more than 6 bits.
    pub fn new(region: u8, set: u16, pointer: u8) -> Result<Self, Malformed> {
        if set >= 1 << 10 || pointer >= 1 << 6 {
            return Err(Malformed { what: "AmfId", rule: "has a set of 10 and a pointer of 6 bits" });
        }
        Ok(Self(u32::from(region) << 16 | u32::from(set) << 6 | u32::from(pointer)))
    }

    /// AMF region.
    pub fn region(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// AMF set, 10 bits.
    pub fn set(self) -> u16 {
        let [_, _, high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low]) >> 6
    }

    /// AMF pointer, 6 bits.
    pub fn pointer(self) -> u8 {
        self.0.to_be_bytes()[3] & 0x3f
    }
}

impl FromStr for AmfId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = hex_number(text, 6).and_then(|number| u32::try_from(number).ok());
        number.map(Self).ok_or(Malformed { what: "AmfId", rule: "must be six hexadecimal digits" })
    }
}

impl fmt::Display for AmfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

impl fmt::Debug for AmfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

serde_as_text!(AmfId);

/// A globally unique AMF (TS 29.571 `Guami`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guami {
    /// The network.
    pub plmn_id: PlmnIdNid,
    /// Region, set and pointer.
    pub amf_id: AmfId,
}

/// Slice differentiator: 24 bits, six hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sd(u32);

impl Sd {
    /// From three octets, the high one first.
    pub const fn from_octets([a, b, c]: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, a, b, c]))
    }

    /// Three octets, the high one first.
    pub const fn to_octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

impl FromStr for Sd {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = hex_number(text, 6).and_then(|number| u32::try_from(number).ok());
        number.map(Self).ok_or(Malformed { what: "sd", rule: "must be six hexadecimal digits" })
    }
}

impl fmt::Display for Sd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

impl fmt::Debug for Sd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

serde_as_text!(Sd);

/// A slice (TS 29.571 `Snssai`). As text (keys of maps, logs) it is `1` or `1-00abcd` (TS 29.571 5.4.4.2 note).
#[skip_serializing_none]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Snssai {
    /// Slice/service type.
    pub sst: u8,
    /// Slice differentiator.
    pub sd: Option<Sd>,
}

impl FromStr for Snssai {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (sst, sd) = text.split_once('-').map_or((text, None), |(sst, sd)| (sst, Some(sd)));
        let sst = sst.parse().map_err(|_| Malformed { what: "sst", rule: "must be 0 to 255" })?;
        Ok(Self { sst, sd: sd.map(Sd::from_str).transpose()? })
    }
}

impl fmt::Display for Snssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sd {
            None => write!(f, "{}", self.sst),
            Some(sd) => write!(f, "{}-{sd}", self.sst),
        }
    }
}

impl fmt::Debug for Snssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

text_identity! {
    /// Data network name (TS 29.571 `Dnn`, TS 23.003 9A): labels of 1 to 63 letters, digits and hyphens, 100 octets in all.
    Dnn: "must be labels of letters, digits and hyphens joined by dots, at most 100 octets",
    |text| {
        let label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        (1..100).contains(&text.len()) && text.split('.').all(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_two_digit_mnc_is_another_network_than_a_three_digit_one() {
        let two: PlmnId = "999/70".parse().expect("a PLMN");
        let three: PlmnId = "999/070".parse().expect("a PLMN");
        assert_ne!(two, three);
        assert_eq!((two.mcc(), two.mnc(), three.mnc()), ("999", "70", "070"));
        assert_eq!(two.serving_network_name(), "5G:mnc070.mcc999.3gppnetwork.org");
        assert_eq!(serde_json::to_string(&PlmnIdNid::from(two)).expect("json"), r#"{"mcc":"999","mnc":"70"}"#);
        for bad in ["99970", "99/70", "999/7", "999/7000", "9a9/70"] {
            assert!(bad.parse::<PlmnId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn amf_id_fields() {
        let id = AmfId::new(2, 1, 5).expect("fits");
        assert_eq!(id.to_string(), "020045");
        let read: AmfId = "cafe42".parse().expect("an AmfId");
        assert_eq!((read.region(), read.set(), read.pointer()), (0xca, 0x3f9, 2));
        assert!(AmfId::new(0, 1024, 0).is_err() && AmfId::new(0, 0, 64).is_err());
    }

    #[test]
    fn slices_as_text_and_json() {
        for text in ["1", "1-0000ab", "255-ffffff"] {
            let slice: Snssai = text.parse().expect(text);
            assert_eq!(slice.to_string(), text);
            let json = serde_json::to_string(&slice).expect("json");
            assert_eq!(serde_json::from_str::<Snssai>(&json).expect("reads back"), slice);
        }
        assert!("256".parse::<Snssai>().is_err() && "1-12345".parse::<Snssai>().is_err());
        assert!("a..b".parse::<Dnn>().is_err() && "".parse::<Dnn>().is_err() && "internet".parse::<Dnn>().is_ok());
    }
}
