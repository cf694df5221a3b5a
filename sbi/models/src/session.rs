//! PDU sessions and their quality of service (TS 29.571 5.4.3, 5.5).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use crate::Malformed;

/// PDU session identity of 3GPP access: 1 to 15 (TS 24.007 11.2.3.1b).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PduSessionId(u8);

impl PduSessionId {
    /// From its number.
    ///
    /// # Errors
    /// [`Malformed`] unless it is 1 to 15.
    pub fn new(number: u8) -> Result<Self, Malformed> {
        let valid = (1..=15).contains(&number);
        valid.then_some(Self(number)).ok_or(Malformed { what: "PduSessionId", rule: "must be 1 to 15" })
    }

    /// Its number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for PduSessionId {
    type Error = Malformed;
    fn try_from(number: u8) -> Result<Self, Malformed> {
        Self::new(number)
    }
}

impl From<PduSessionId> for u8 {
    fn from(id: PduSessionId) -> Self {
        id.0
    }
}

impl FromStr for PduSessionId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::new(text.parse().unwrap_or(0))
    }
}

impl fmt::Display for PduSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

open_enum! {
    /// Type of a PDU session (TS 29.571 5.4.3.3).
    PduSessionType {
        Ipv4 = "IPV4",
        Ipv6 = "IPV6",
        Ipv4v6 = "IPV4V6",
        Unstructured = "UNSTRUCTURED",
        Ethernet = "ETHERNET",
    }
}

open_enum! {
    /// Session and service continuity mode (TS 29.571 5.4.3.6).
    SscMode {
        Mode1 = "SSC_MODE_1",
        Mode2 = "SSC_MODE_2",
        Mode3 = "SSC_MODE_3",
    }
}

open_enum! {
    /// Access (TS 29.571 5.4.3.1).
    AccessType {
        ThreeGpp = "3GPP_ACCESS",
        NonThreeGpp = "NON_3GPP_ACCESS",
    }
}

open_enum! {
    /// Radio access technology (TS 29.571 5.4.3.2).
    RatType {
        Nr = "NR",
        Eutra = "EUTRA",
        Wlan = "WLAN",
        Virtual = "VIRTUAL",
    }
}

open_enum! {
    /// Whether a flow may take another's resources (TS 29.571 5.5.3.1).
    PreemptionCapability {
        NotPreempt = "NOT_PREEMPT",
        MayPreempt = "MAY_PREEMPT",
    }
}

open_enum! {
    /// Whether a flow may lose its resources to another (TS 29.571 5.5.3.2).
    PreemptionVulnerability {
        NotPreemptable = "NOT_PREEMPTABLE",
        Preemptable = "PREEMPTABLE",
    }
}

/// Allocation and retention priority (TS 29.571 `Arp`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arp {
    /// 1 (highest) to 15.
    pub priority_level: u8,
    /// Whether it may take.
    pub preempt_cap: PreemptionCapability,
    /// Whether it may be taken from.
    pub preempt_vuln: PreemptionVulnerability,
}

/// A bit rate in bits per second (TS 29.571 `BitRate`): `100 Mbps`, `1.5 Gbps` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BitRate(pub u64);

const UNITS: [(&str, u64); 5] =
    [("Tbps", 1_000_000_000_000), ("Gbps", 1_000_000_000), ("Mbps", 1_000_000), ("Kbps", 1_000), ("bps", 1)];

impl FromStr for BitRate {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed { what: "BitRate", rule: "must be a number and bps, Kbps, Mbps, Gbps or Tbps" };
        let (number, unit) = text.split_once(' ').ok_or_else(malformed)?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
        let parse = |digits: &str, most: usize| match crate::text::is_digits(digits, 1, most) {
            true => digits.parse::<u64>().map_err(|_| malformed()),
            false => Err(malformed()),
        };
        let whole = u128::from(parse(whole, 15)?) * u128::from(*unit);
        let fraction = match fraction {
            None => 0,
            Some(digits) => {
                let part = parse(digits, 12)?;
                u128::from(part) * u128::from(*unit) / digits.bytes().fold(1, |scale, _| scale * 10)
            }
        };
        u64::try_from(whole + fraction).map(Self).map_err(|_| malformed())
    }
}

impl fmt::Display for BitRate {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.iter().find(fits).copied().unwrap_or(("bps", 1));
        write!(f, "{} {unit}", self.0 / factor)
    }
}

serde_as_text!(BitRate);

/// Aggregate maximum bit rate (TS 29.571 `Ambr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ambr {
    /// From the UE.
    pub uplink: BitRate,
    /// To the UE.
    pub downlink: BitRate,
}

/// An IP address or prefix (TS 29.571 `IpAddr`): one of them is there.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpAddr {
    /// IPv4 address.
    pub ipv4_addr: Option<Ipv4Addr>,
    /// IPv6 address.
    pub ipv6_addr: Option<Ipv6Addr>,
    /// IPv6 prefix.
    pub ipv6_prefix: Option<ipnet::Ipv6Net>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_rates_keep_their_value() {
        for (text, value, written) in [
            ("100 Mbps", 100_000_000, "100 Mbps"),
            ("1.5 Gbps", 1_500_000_000, "1500 Mbps"),
            ("0 bps", 0, "0 bps"),
            ("64.001 Kbps", 64_001, "64001 bps"),
        ] {
            let rate: BitRate = text.parse().expect(text);
            assert_eq!((rate.0, rate.to_string().as_str()), (value, written));
        }
        for bad in ["", "1", "1Mbps", "-1 Mbps", "1 mbps", "1e9 bps", "99999999999999 Tbps", "1. Mbps"] {
            assert!(bad.parse::<BitRate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn session_identities() {
        assert_eq!(serde_json::from_str::<PduSessionId>("5").map(PduSessionId::get).ok(), Some(5));
        for bad in ["0", "16", "256", "-1", "\"5\""] {
            assert!(serde_json::from_str::<PduSessionId>(bad).is_err(), "{bad}");
        }
    }
}
