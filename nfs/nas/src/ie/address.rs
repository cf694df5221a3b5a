//! PDU session type (TS 24.501 9.11.4.11) and PDU address (9.11.4.10).

use super::{Element, Octet};
use std::net::Ipv4Addr;

/// What a session carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PduSessionType {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Both.
    Ipv4v6,
    /// Octets of any kind.
    Unstructured,
    /// Ethernet frames.
    Ethernet,
}

impl Octet for PduSessionType {
    fn from_octet(octet: u8) -> Option<Self> {
        match octet & 0x07 {
            1 => Some(Self::Ipv4),
            2 => Some(Self::Ipv6),
            4 => Some(Self::Unstructured),
            5 => Some(Self::Ethernet),
            // 3, and what is not defined, for a receiver.
            _ => Some(Self::Ipv4v6),
        }
    }

    fn to_octet(&self) -> u8 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
            Self::Ipv4v6 => 3,
            Self::Unstructured => 4,
            Self::Ethernet => 5,
        }
    }
}

/// The address of a UE in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PduAddress {
    /// IPv4 address; 0.0.0.0 if it comes by DHCP.
    Ipv4(Ipv4Addr),
    /// Interface identifier of the link-local IPv6 address.
    Ipv6([u8; 8]),
    /// Both.
    Ipv4v6([u8; 8], Ipv4Addr),
}

impl PduAddress {
    /// The IPv4 address, if there is one.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Ipv4(address) | Self::Ipv4v6(_, address) => Some(*address),
            Self::Ipv6(_) => None,
        }
    }

    /// The identifier of the link-local IPv6 address, if there is one.
    pub fn interface_identifier(&self) -> Option<[u8; 8]> {
        match self {
            Self::Ipv6(identifier) | Self::Ipv4v6(identifier, _) => Some(*identifier),
            Self::Ipv4(_) => None,
        }
    }
}

impl Element for PduAddress {
    fn decode(octets: &[u8]) -> Option<Self> {
        let (kind, rest) = octets.split_first()?;
        match kind & 0x07 {
            1 => rest.first_chunk::<4>().map(|address| Self::Ipv4(Ipv4Addr::from(*address))),
            2 => rest.first_chunk().map(|identifier| Self::Ipv6(*identifier)),
            3 => {
                let (identifier, rest) = rest.split_first_chunk()?;
                rest.first_chunk::<4>().map(|address| Self::Ipv4v6(*identifier, Ipv4Addr::from(*address)))
            }
            _ => None,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ipv4(address) => [&[1], address.octets().as_slice()].concat(),
            Self::Ipv6(identifier) => [&[2], identifier.as_slice()].concat(),
            Self::Ipv4v6(identifier, address) => [&[3], identifier.as_slice(), &address.octets()].concat(),
        }
    }
}
