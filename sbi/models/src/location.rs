//! Where: tracking areas, cells and RAN nodes (TS 29.571 5.4.4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use crate::text::hex_number;
use crate::{DateTime, Malformed, PlmnId};

/// Tracking area code: 24 bits, six hexadecimal digits (four are taken too, TS 29.571 `Tac`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tac(u32);

impl Tac {
    /// From its number.
    ///
    /// # Errors
    /// [`Malformed`] where it has more than 24 bits.
    pub fn new(number: u32) -> Result<Self, Malformed> {
        (number < 1 << 24).then_some(Self(number)).ok_or(Malformed { what: "Tac", rule: "has 24 bits" })
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Tac {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = hex_number(text, 6).or_else(|| hex_number(text, 4)).and_then(|number| u32::try_from(number).ok());
        number.map(Self).ok_or(Malformed { what: "Tac", rule: "must be four or six hexadecimal digits" })
    }
}

impl fmt::Display for Tac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

serde_as_text!(Tac);

/// A tracking area (TS 29.571 `Tai`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tai {
    /// The network.
    pub plmn_id: PlmnId,
    /// The area.
    pub tac: Tac,
}

/// NR cell identity: 36 bits, nine hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NrCellId(u64);

impl NrCellId {
    /// From its number.
    ///
    /// # Errors
    /// [`Malformed`] where it has more than 36 bits.
    pub fn new(number: u64) -> Result<Self, Malformed> {
        (number < 1 << 36).then_some(Self(number)).ok_or(Malformed { what: "NrCellId", rule: "has 36 bits" })
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for NrCellId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        hex_number(text, 9).map(Self).ok_or(Malformed { what: "NrCellId", rule: "must be nine hexadecimal digits" })
    }
}

impl fmt::Display for NrCellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:09x}", self.0)
    }
}

serde_as_text!(NrCellId);

/// An NR cell (TS 29.571 `Ncgi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ncgi {
    /// The network.
    pub plmn_id: PlmnId,
    /// The cell.
    pub nr_cell_id: NrCellId,
}

/// A gNB identifier of 22 to 32 bits (TS 29.571 `GNbId`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GnbId {
    /// Number of bits, 22 to 32.
    pub bit_length: u8,
    /// The bits as six to eight hexadecimal digits, padded with zero bits in front.
    #[serde(rename = "gNBValue")]
    pub gnb_value: String,
}

/// A RAN node (TS 29.571 `GlobalRanNodeId`).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalRanNodeId {
    /// The network.
    pub plmn_id: PlmnId,
    /// The gNB.
    pub g_nb_id: Option<GnbId>,
}

/// Location in NR (TS 29.571 `NrLocation`).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NrLocation {
    /// Tracking area.
    pub tai: Tai,
    /// Cell.
    pub ncgi: Ncgi,
    /// Minutes since the UE was known to be there; absent: it is there now.
    pub age_of_location_information: Option<u16>,
    /// When it was known to be there.
    pub ue_location_timestamp: Option<DateTime>,
    /// Base station.
    pub global_gnb_id: Option<GlobalRanNodeId>,
}

/// Location of a UE (TS 29.571 `UserLocation`); of the accesses, NR.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserLocation {
    /// Where in NR.
    pub nr_location: Option<NrLocation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nr_location_as_ts_29_571_writes_it() {
        let json = r#"{"nrLocation":{"tai":{"plmnId":{"mcc":"999","mnc":"70"},"tac":"000001"},"ncgi":{"plmnId":{"mcc":"999","mnc":"70"},"nrCellId":"000000010"},"ueLocationTimestamp":"2026-01-02T03:04:05Z","globalGnbId":{"plmnId":{"mcc":"999","mnc":"70"},"gNbId":{"bitLength":24,"gNBValue":"000001"}}}}"#;
        let location: UserLocation = serde_json::from_str(json).expect("reads");
        assert_eq!(serde_json::to_string(&location).expect("writes"), json);
        assert_eq!("0001".parse::<Tac>().map(Tac::get), Ok(1));
        assert!("1".parse::<Tac>().is_err() && Tac::new(1 << 24).is_err() && NrCellId::new(1 << 36).is_err());
    }
}
