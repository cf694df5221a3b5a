//! User-plane transport: addresses and GTP tunnels (TS 38.413 clauses 9.3.2.2 and 9.3.2.4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use oxirush_ngap::BitString;
use oxirush_ngap::ngap;

use crate::wire::{Invalid, Wire};

/// Transport Layer Address (clause 9.3.2.4): IPv4, IPv6 or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportLayerAddress {
    /// 32 bits.
    V4(Ipv4Addr),
    /// 128 bits.
    V6(Ipv6Addr),
    /// 160 bits: IPv4, then IPv6 (TS 38.414 clause 5.1).
    Both(Ipv4Addr, Ipv6Addr),
}

impl TransportLayerAddress {
    /// The IPv4 address, if there is one.
    pub fn v4(&self) -> Option<Ipv4Addr> {
        match self {
            Self::V4(v4) | Self::Both(v4, _) => Some(*v4),
            Self::V6(_) => None,
        }
    }

    /// The IPv6 address, if there is one.
    pub fn v6(&self) -> Option<Ipv6Addr> {
        match self {
            Self::V6(v6) | Self::Both(_, v6) => Some(*v6),
            Self::V4(_) => None,
        }
    }
}

impl From<IpAddr> for TransportLayerAddress {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6(v6),
        }
    }
}

impl<'w> Wire<ngap::TransportLayerAddress<'w>> for TransportLayerAddress {
    fn from_wire(wire: ngap::TransportLayerAddress<'w>) -> Result<Self, Invalid> {
        let octets = wire.0.as_octets();
        let v4 = octets.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets));
        let v6 = octets.last_chunk::<16>().map(|octets| Ipv6Addr::from(*octets));
        match (wire.0.len(), v4, v6) {
            (32, Some(v4), _) => Ok(Self::V4(v4)),
            (128, _, Some(v6)) => Ok(Self::V6(v6)),
            (160, Some(v4), Some(v6)) => Ok(Self::Both(v4, v6)),
            _ => Err(Invalid("TransportLayerAddress")),
        }
    }
    fn to_wire(&self) -> Result<ngap::TransportLayerAddress<'w>, Invalid> {
        let octets = match self {
            Self::V4(v4) => v4.octets().to_vec(),
            Self::V6(v6) => v6.octets().to_vec(),
            Self::Both(v4, v6) => [v4.octets().as_slice(), &v6.octets()].concat(),
        };
        Ok(ngap::TransportLayerAddress(BitString::from_octets(octets)))
    }
}

/// UP Transport Layer Information (clause 9.3.2.2): a GTP tunnel end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GtpTunnel {
    /// Where G-PDUs are sent to, UDP port 2152.
    pub transport_layer_address: TransportLayerAddress,
    /// The tunnel endpoint identifier there.
    pub gtp_teid: u32,
}

impl<'w> Wire<ngap::UPTransportLayerInformation<'w>> for GtpTunnel {
    fn from_wire(wire: ngap::UPTransportLayerInformation<'w>) -> Result<Self, Invalid> {
        let ngap::UPTransportLayerInformation::gTPTunnel(tunnel) = wire else {
            return Err(Invalid("UPTransportLayerInformation"));
        };
        Ok(Self {
            transport_layer_address: Wire::from_wire(tunnel.transport_layer_address)?,
            gtp_teid: u32::from_be_bytes(tunnel.gtp_teid.0),
        })
    }
    fn to_wire(&self) -> Result<ngap::UPTransportLayerInformation<'w>, Invalid> {
        Ok(ngap::UPTransportLayerInformation::gTPTunnel(ngap::GTPTunnel::new(
            self.transport_layer_address.to_wire()?,
            ngap::GTPTEID(self.gtp_teid.to_be_bytes()),
            None,
        )))
    }
}
