//! Who the two ends are and what they can do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::wire::{Malformed, Value, integer_values, take};

/// Name of a CP or UP function (TS 29.244 8.2.38).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeId {
    /// An address, of either version.
    Address(IpAddr),
    /// A domain name, labels joined by dots.
    Fqdn(String),
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Fqdn(name) => name.fmt(f),
        }
    }
}

impl Value for NodeId {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Address(IpAddr::V4(address)) => {
                out.push(0);
                out.extend_from_slice(&address.octets());
            }
            Self::Address(IpAddr::V6(address)) => {
                out.push(1);
                out.extend_from_slice(&address.octets());
            }
            Self::Fqdn(name) => {
                out.push(2);
                write_labels(name, out);
            }
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [kind] = take(&mut octets)?;
        match kind & 0x0f {
            0 => Ok(Self::Address(Ipv4Addr::from(take(&mut octets)?).into())),
            1 => Ok(Self::Address(Ipv6Addr::from(take(&mut octets)?).into())),
            2 => read_labels(octets).map(Self::Fqdn).ok_or(Malformed::Content),
            _ => Err(Malformed::Content),
        }
    }
}

/// Writes a name as length-prefixed labels (TS 23.003 19.4.2); a label over 63 octets is cut.
fn write_labels(name: &str, out: &mut Vec<u8>) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        out.push(label.len() as u8);
        out.extend_from_slice(label);
    }
}

/// Reads length-prefixed labels; `None` where they overrun or hold anything but graphic ASCII.
fn read_labels(mut octets: &[u8]) -> Option<String> {
    let mut name = String::new();
    while let Some((&length, rest)) = octets.split_first() {
        if length == 0 {
            break;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        let label = std::str::from_utf8(label).ok().filter(|label| label.bytes().all(|c| c.is_ascii_graphic()))?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(label);
        octets = rest;
    }
    (!name.is_empty()).then_some(name)
}

/// Name of a data network as an access point name (TS 29.244 8.2.117), labels joined by dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApnDnn(pub String);

impl Value for ApnDnn {
    fn write(&self, out: &mut Vec<u8>) {
        write_labels(&self.0, out);
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        read_labels(octets).map(Self).ok_or(Malformed::Content)
    }
}

/// Which of a node's networks an interface lies in (TS 29.244 8.2.4).
///
/// The specification leaves the octets to the operator: plain text is written; labels, as some CP functions send a DNN
/// here, are read too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkInstance(pub String);

impl Value for NetworkInstance {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let text = || std::str::from_utf8(octets).ok().map(str::to_owned);
        let labelled = octets.first().is_some_and(|first| *first < 0x20);
        let name = if labelled { read_labels(octets) } else { text() };
        name.map(Self).ok_or(Malformed::Content)
    }
}

/// When a node last started, in seconds since 1900 (TS 29.244 8.2.65).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecoveryTimeStamp(pub u32);

integer_values!(RecoveryTimeStamp(u32));

impl From<SystemTime> for RecoveryTimeStamp {
    fn from(time: SystemTime) -> Self {
        Self(ntp_seconds(time))
    }
}

/// Seconds between 1900, where NTP begins, and 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// Seconds since 1900, modulo 2^32, as NTP has them.
fn ntp_seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    (since.wrapping_add(NTP_TO_UNIX) & u64::from(u32::MAX)) as u32
}

/// A moment, in seconds since 1900 (start and end times, TS 29.244 8.2.52, 8.2.53).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NtpTime(pub u32);

integer_values!(NtpTime(u32));

impl From<SystemTime> for NtpTime {
    fn from(time: SystemTime) -> Self {
        Self(ntp_seconds(time))
    }
}

impl NtpTime {
    /// The moment meant, of those half an era (68 years) around `now`.
    pub fn near(self, now: SystemTime) -> SystemTime {
        let ahead = self.0.wrapping_sub(ntp_seconds(now)).cast_signed();
        let time = Duration::from_secs(ahead.unsigned_abs().into());
        let meant = if ahead < 0 { now.checked_sub(time) } else { now.checked_add(time) };
        meant.unwrap_or(now)
    }
}

macro_rules! features {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $flag:ident = $octet:literal / $bit:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u64);

        impl $name {
            $($(#[$doc])* pub const $flag: Self = Self(1 << (($octet - 5) * 8 + $bit - 1));)*

            /// Whether all of `features` are among these.
            pub fn contains(self, features: Self) -> bool {
                self.0 & features.0 == features.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                let octets = self.0.to_le_bytes();
                let length = (8 - self.0.leading_zeros() as usize / 8).max(2);
                out.extend(octets.iter().take(length));
            }

            fn read(octets: &[u8]) -> Result<Self, Malformed> {
                if octets.is_empty() {
                    return Err(Malformed::Length);
                }
                let mut bits = [0; 8];
                bits.iter_mut().zip(octets).for_each(|(bit, octet)| *bit = *octet);
                Ok(Self(u64::from_le_bytes(bits)))
            }
        }
    };
}

features! {
    /// What a UP function can do (TS 29.244 8.2.25): octets 5 to 12, the first in the low bits.
    UpFunctionFeatures {
        /// Buffering in the CP function.
        BUCP = 5 / 1,
        /// Downlink data notification delay.
        DDND = 5 / 2,
        /// Steering of traffic by policies of the UP function.
        TRST = 5 / 4,
        /// Allocation of F-TEIDs by the UP function.
        FTUP = 5 / 5,
        /// Packet flow descriptions of applications.
        PFDM = 5 / 6,
        /// Redirection of traffic.
        TREU = 5 / 8,
        /// End markers are made by the UP function.
        EMPU = 6 / 1,
        /// Framed routes.
        FRRT = 6 / 6,
        /// Allocation of UE addresses by the UP function.
        UEIP = 7 / 3,
        /// Numbers of packets in usage reports.
        MNOP = 7 / 5,
    }
}

features! {
    /// What a CP function can do (TS 29.244 8.2.58).
    CpFunctionFeatures {
        /// Load control.
        LOAD = 5 / 1,
        /// Overload control.
        OVRL = 5 / 2,
    }
}
