//! Identities and addresses of sessions, tunnels and UEs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rs_pfcp::ie as wire_ie;

use crate::wire::{Malformed, Value, take};

/// Session endpoint identifier (TS 29.244 5.6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seid(pub u64);

impl std::fmt::Display for Seid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Tunnel endpoint identifier (TS 29.281 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Teid(pub u32);

impl std::fmt::Display for Teid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A session endpoint: its identifier and the address it is at (TS 29.244 8.2.37). One address at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FSeid {
    /// The identifier.
    pub seid: Seid,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
}

impl FSeid {
    /// With one address.
    pub fn new(seid: Seid, address: IpAddr) -> Self {
        let (ipv4, ipv6) = split(address);
        Self { seid, ipv4, ipv6 }
    }
}

/// An address by version.
fn split(address: IpAddr) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    match address {
        IpAddr::V4(v4) => (Some(v4), None),
        IpAddr::V6(v6) => (None, Some(v6)),
    }
}

impl Value for FSeid {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(wire_ie::fseid::Fseid::new(self.seid.0, self.ipv4, self.ipv6).marshal());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let read = wire_ie::fseid::Fseid::unmarshal(octets).map_err(|_| Malformed::Length)?;
        if read.ipv4_address.is_none() && read.ipv6_address.is_none() {
            return Err(Malformed::Content);
        }
        Ok(Self { seid: Seid(read.seid.0), ipv4: read.ipv4_address, ipv6: read.ipv6_address })
    }
}

/// A tunnel endpoint, or the wish that the UP function choose one (TS 29.244 8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FTeid {
    /// This endpoint. One address at least.
    Given {
        /// Its identifier, not zero.
        teid: Teid,
        /// Its IPv4 address.
        ipv4: Option<Ipv4Addr>,
        /// Its IPv6 address.
        ipv6: Option<Ipv6Addr>,
    },
    /// One that the UP function chooses.
    Choose {
        /// With an IPv4 address.
        ipv4: bool,
        /// With an IPv6 address.
        ipv6: bool,
        /// PDRs with the same number share one endpoint.
        choose_id: Option<u8>,
    },
}

impl FTeid {
    /// A given endpoint with one address.
    pub fn new(teid: Teid, address: IpAddr) -> Self {
        let (ipv4, ipv6) = split(address);
        Self::Given { teid, ipv4, ipv6 }
    }

    /// Teid and address (IPv4 before IPv6) of a given endpoint.
    pub fn endpoint(&self) -> Option<(Teid, IpAddr)> {
        match *self {
            Self::Given { teid, ipv4, ipv6 } => Some((teid, ipv4.map(IpAddr::from).or(ipv6.map(IpAddr::from))?)),
            Self::Choose { .. } => None,
        }
    }
}

impl Value for FTeid {
    fn write(&self, out: &mut Vec<u8>) {
        let fteid = match *self {
            Self::Given { teid, ipv4, ipv6 } => {
                wire_ie::f_teid::Fteid::new(ipv4.is_some(), ipv6.is_some(), teid.0, ipv4, ipv6, 0)
            }
            Self::Choose { ipv4, ipv6, choose_id } => wire_ie::f_teid::Fteid::new_with_choose(
                ipv4,
                ipv6,
                true,
                choose_id.is_some(),
                0,
                None,
                None,
                choose_id.unwrap_or_default(),
            ),
        };
        out.extend(fteid.marshal());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let read = wire_ie::f_teid::Fteid::unmarshal(octets).map_err(|_| Malformed::Length)?;
        if !read.v4 && !read.v6 {
            return Err(Malformed::Content);
        }
        if read.ch {
            return Ok(Self::Choose { ipv4: read.v4, ipv6: read.v6, choose_id: read.chid.then_some(read.choose_id) });
        }
        match read.teid.0 {
            0 => Err(Malformed::Content),
            teid => Ok(Self::Given { teid: Teid(teid), ipv4: read.ipv4_address, ipv6: read.ipv6_address }),
        }
    }
}

/// Address of a UE, given or to be chosen by the UP function (TS 29.244 8.2.62).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UeIpAddress {
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// Length of the IPv6 prefix, where it is not 64.
    pub ipv6_prefix_length: Option<u8>,
    /// The UP function is to choose an IPv4 address.
    pub choose_ipv4: bool,
    /// The UP function is to choose an IPv6 prefix.
    pub choose_ipv6: bool,
    /// In a PDI: the address is the packet's destination, not its source.
    pub destination: bool,
}

impl UeIpAddress {
    /// A given address, the packet's source (uplink).
    pub fn source(address: IpAddr) -> Self {
        let (ipv4, ipv6) = split(address);
        Self { ipv4, ipv6, ..Self::default() }
    }

    /// A given address, the packet's destination (downlink).
    pub fn destination(address: IpAddr) -> Self {
        Self { destination: true, ..Self::source(address) }
    }
}

impl Value for UeIpAddress {
    fn write(&self, out: &mut Vec<u8>) {
        let mut address = wire_ie::ue_ip_address::UeIpAddress::new(self.ipv4, self.ipv6);
        address.source_destination = self.destination;
        address.choose_ipv4 = self.choose_ipv4;
        address.choose_ipv6 = self.choose_ipv6;
        address.ipv6_prefix_length_present = self.ipv6_prefix_length.is_some();
        address.ipv6_prefix_length = self.ipv6_prefix_length;
        out.extend(address.marshal());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        use rs_pfcp::error::PfcpError;
        let read = wire_ie::ue_ip_address::UeIpAddress::unmarshal(octets).map_err(|why| match why {
            PfcpError::InvalidLength { .. } => Malformed::Length,
            _ => Malformed::Content,
        })?;
        Ok(Self {
            ipv4: read.ipv4_address,
            ipv6: read.ipv6_address,
            ipv6_prefix_length: read.ipv6_prefix_length,
            choose_ipv4: read.choose_ipv4,
            choose_ipv6: read.choose_ipv6,
            destination: read.source_destination,
        })
    }
}

/// What is put before a packet on its way out (TS 29.244 8.2.56).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OuterHeaderCreation {
    /// GTP-U over UDP. One address at least.
    GtpU {
        /// The receiver's tunnel.
        teid: Teid,
        /// The receiver's IPv4 address.
        ipv4: Option<Ipv4Addr>,
        /// The receiver's IPv6 address.
        ipv6: Option<Ipv6Addr>,
    },
    /// UDP to this address and port.
    Udp(SocketAddr),
}

impl OuterHeaderCreation {
    /// GTP-U to one address.
    pub fn gtpu(teid: Teid, address: IpAddr) -> Self {
        let (ipv4, ipv6) = split(address);
        Self::GtpU { teid, ipv4, ipv6 }
    }
}

impl Value for OuterHeaderCreation {
    fn write(&self, out: &mut Vec<u8>) {
        use wire_ie::outer_header_creation::{OuterHeaderCreation as Wire, OuterHeaderCreationFlags as Flags};
        let mut header = Wire::new(Flags::new());
        match *self {
            Self::GtpU { teid, ipv4, ipv6 } => {
                header.description.gtpu_udp_ipv4 = ipv4.is_some();
                header.description.gtpu_udp_ipv6 = ipv6.is_some();
                header.teid = Some(teid.0.into());
                (header.ipv4_address, header.ipv6_address) = (ipv4, ipv6);
            }
            Self::Udp(to) => {
                header.description.udp_ipv4 = to.is_ipv4();
                header.description.udp_ipv6 = to.is_ipv6();
                (header.ipv4_address, header.ipv6_address) = split(to.ip());
                header.port_number = Some(to.port());
            }
        }
        out.extend(header.marshal());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let read =
            wire_ie::outer_header_creation::OuterHeaderCreation::unmarshal(octets).map_err(|_| Malformed::Length)?;
        let address =
            read.ipv4_address.map(IpAddr::from).or(read.ipv6_address.map(IpAddr::from)).ok_or(Malformed::Content)?;
        match (read.teid, read.port_number) {
            (Some(teid), _) => Ok(Self::GtpU { teid: Teid(teid.0), ipv4: read.ipv4_address, ipv6: read.ipv6_address }),
            (None, Some(port)) => Ok(Self::Udp(SocketAddr::new(address, port))),
            (None, None) => Err(Malformed::Content),
        }
    }
}

/// What is taken off a packet on its way in (TS 29.244 8.2.64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OuterHeaderRemoval {
    /// GTP-U, UDP and IPv4.
    GtpUUdpIpv4,
    /// GTP-U, UDP and IPv6.
    GtpUUdpIpv6,
    /// UDP and IPv4.
    UdpIpv4,
    /// UDP and IPv6.
    UdpIpv6,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// GTP-U, UDP and IP of either version.
    GtpUUdpIp,
}

impl Value for OuterHeaderRemoval {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::GtpUUdpIpv4 => 0,
            Self::GtpUUdpIpv6 => 1,
            Self::UdpIpv4 => 2,
            Self::UdpIpv6 => 3,
            Self::Ipv4 => 4,
            Self::Ipv6 => 5,
            Self::GtpUUdpIp => 6,
        });
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [description] = take(&mut octets)?;
        Ok(match description {
            0 => Self::GtpUUdpIpv4,
            1 => Self::GtpUUdpIpv6,
            2 => Self::UdpIpv4,
            3 => Self::UdpIpv6,
            4 => Self::Ipv4,
            5 => Self::Ipv6,
            6 => Self::GtpUUdpIp,
            _ => return Err(Malformed::Content),
        })
    }
}

/// Where packets come from or go to (TS 29.244 8.2.2, 8.2.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// Towards the UE: N3, N9 on the UE's side.
    Access,
    /// Towards the data network: N6, N9 on its side.
    Core,
    /// The SGi or N6 LAN.
    SgiLan,
    /// The CP function.
    CpFunction,
    /// Lawful interception (destination only).
    LiFunction,
    /// Internal to a 5G VN group.
    FiveGVn,
}

impl Value for Interface {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Access => 0,
            Self::Core => 1,
            Self::SgiLan => 2,
            Self::CpFunction => 3,
            Self::LiFunction => 4,
            Self::FiveGVn => 5,
        });
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [value] = take(&mut octets)?;
        Ok(match value & 0x0f {
            0 => Self::Access,
            1 => Self::Core,
            2 => Self::SgiLan,
            3 => Self::CpFunction,
            4 => Self::LiFunction,
            5 => Self::FiveGVn,
            _ => return Err(Malformed::Content),
        })
    }
}
