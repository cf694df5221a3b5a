//! The user's packet: addresses always, the rest of what rules ask when they ask it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::counters::Direction;

/// What every packet is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// Octets of the packet, as its header says.
    pub(crate) length: usize,
    /// The protocol, or the next header.
    pub(crate) protocol: u8,
}

impl Inner {
    /// Reads the IP header. `None` where the octets are no IP packet, or less than the header says.
    #[inline]
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        let inner = match octets.first()? >> 4 {
            4 => Self::v4(octets)?,
            6 => Self::v6(octets)?,
            _ => return None,
        };
        (inner.length <= octets.len()).then_some(inner)
    }

    fn v4(octets: &[u8]) -> Option<Self> {
        let header: &[u8; 20] = octets.first_chunk()?;
        let &[first, _, len_high, len_low, _, _, _, _, _, protocol, .., a, b, c, d, e, f, g, h] = header;
        let length = usize::from(u16::from_be_bytes([len_high, len_low]));
        let header_length = usize::from(first & 0x0f) * 4;
        let source = Ipv4Addr::new(a, b, c, d).into();
        let destination = Ipv4Addr::new(e, f, g, h).into();
        (header_length >= 20 && header_length <= length).then_some(Self { source, destination, length, protocol })
    }

    fn v6(octets: &[u8]) -> Option<Self> {
        let (&[_, _, _, _, len_high, len_low, protocol, _], rest) = octets.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk::<16>()?;
        let destination = rest.first_chunk::<16>()?;
        let length = 40 + usize::from(u16::from_be_bytes([len_high, len_low]));
        let (source, destination) = (Ipv6Addr::from(*source).into(), Ipv6Addr::from(*destination).into());
        Some(Self { source, destination, length, protocol })
    }
}

/// Marks an IP packet: the bits of its ToS or traffic class under `mask` become those of `value` (RFC 2474).
pub(crate) fn mark(packet: &mut [u8], (value, mask): (u8, u8)) {
    match packet {
        [first, tos, _, _, _, _, _, _, _, _, sum_high, sum_low, ..] if *first >> 4 == 4 => {
            let marked = *tos & !mask | value & mask;
            // RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
            let word = |tos: u8| u32::from(u16::from_be_bytes([*first, tos]));
            let before = u32::from(!u16::from_be_bytes([*sum_high, *sum_low]));
            let mut sum = before + (!word(*tos) & 0xffff) + word(marked);
            sum = (sum & 0xffff) + (sum >> 16);
            sum = (sum & 0xffff) + (sum >> 16);
            [*sum_high, *sum_low] = (!(sum as u16)).to_be_bytes();
            *tos = marked;
        }
        [first, second, ..] if *first >> 4 == 6 => {
            let class = (*first << 4 | *second >> 4) & !mask | value & mask;
            *first = *first & 0xf0 | class >> 4;
            *second = class << 4 | *second & 0x0f;
        }
        _ => {}
    }
}

/// The dimensions of the classifier, in the order of the key.
pub(crate) mod dimension {
    pub(crate) const TEID: usize = 0;
    pub(crate) const QFI: usize = 1;
    pub(crate) const VERSION: usize = 2;
    pub(crate) const PROTOCOL: usize = 3;
    pub(crate) const REMOTE_PORT: usize = 4;
    pub(crate) const LOCAL_PORT: usize = 5;
    pub(crate) const TOS: usize = 6;
    pub(crate) const SPI: usize = 7;
    pub(crate) const FLOW_LABEL: usize = 8;
    /// The UE's address: four dimensions, the first alone in IPv4.
    pub(crate) const LOCAL: usize = 9;
    /// The remote address, likewise.
    pub(crate) const REMOTE: usize = 13;
    pub(crate) const COUNT: usize = 17;
    /// Of an Ethernet frame, behind those of the IP packet in it. An address: two dimensions.
    pub(crate) const SOURCE_MAC: usize = 17;
    pub(crate) const DESTINATION_MAC: usize = 19;
    pub(crate) const ETHERTYPE: usize = 21;
    /// The customer's tag: the VLAN's number, priority, whether it may be dropped.
    pub(crate) const C_TAG: usize = 22;
    /// The service's tag, likewise.
    pub(crate) const S_TAG: usize = 25;
    pub(crate) const ALL: usize = 28;
}

/// What the classifier is asked. A field that a packet does not have is [`ABSENT`], which no rule but "any" matches.
pub(crate) type Key = [u32; dimension::COUNT];

/// What it is asked of an Ethernet frame.
pub(crate) type FrameKey = [u32; dimension::ALL];

/// In place of ports, security parameter index or QoS flow where there is none.
pub(crate) const ABSENT: u32 = u32::MAX;

/// The dimensions of an address.
pub(crate) fn words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(v4) => [v4.to_bits(), 0, 0, 0],
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            [(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32, bits as u32]
        }
    }
}

/// Fills in the key what the packet itself says; its ends are named from the UE's point of view.
pub(crate) fn describe(key: &mut Key, octets: &[u8], inner: &Inner, direction: Direction) {
    let (local, remote) = match direction {
        Direction::Uplink => (inner.source, inner.destination),
        Direction::Downlink => (inner.destination, inner.source),
    };
    let upper = Upper::parse(octets).unwrap_or_default();
    let (local_port, remote_port) = match direction {
        Direction::Uplink => (upper.source_port, upper.destination_port),
        Direction::Downlink => (upper.destination_port, upper.source_port),
    };
    key[dimension::VERSION] = if local.is_ipv4() { 4 } else { 6 };
    key[dimension::PROTOCOL] = upper.protocol;
    key[dimension::LOCAL_PORT] = local_port;
    key[dimension::REMOTE_PORT] = remote_port;
    key[dimension::TOS] = upper.tos;
    key[dimension::SPI] = upper.spi;
    key[dimension::FLOW_LABEL] = upper.flow_label;
    key[dimension::LOCAL..dimension::REMOTE].copy_from_slice(&words(local));
    key[dimension::REMOTE..].copy_from_slice(&words(remote));
}

/// What lies above the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Upper {
    protocol: u32,
    source_port: u32,
    destination_port: u32,
    tos: u32,
    spi: u32,
    flow_label: u32,
}

impl Default for Upper {
    fn default() -> Self {
        Self {
            protocol: ABSENT,
            source_port: ABSENT,
            destination_port: ABSENT,
            tos: 0,
            spi: ABSENT,
            flow_label: ABSENT,
        }
    }
}

/// Extension headers of IPv6 that are walked at most.
const MOST_EXTENSIONS: usize = 8;

impl Upper {
    fn parse(octets: &[u8]) -> Option<Self> {
        match octets.first()? >> 4 {
            4 => Self::v4(octets),
            _ => Self::v6(octets),
        }
    }

    fn v4(octets: &[u8]) -> Option<Self> {
        let &[first, tos, _, _, _, _, fragment_high, fragment_low, _, protocol, ..] = octets else { return None };
        let mut upper = Self { protocol: u32::from(protocol), tos: u32::from(tos), ..Self::default() };
        // Only the first fragment has ports.
        if u16::from_be_bytes([fragment_high & 0x1f, fragment_low]) == 0 {
            upper.transport(octets.get(usize::from(first & 0x0f) * 4..)?);
        }
        Some(upper)
    }

    fn v6(octets: &[u8]) -> Option<Self> {
        let &[a, b, c, d, _, _, next, ..] = octets else { return None };
        let word = u32::from_be_bytes([a, b, c, d]);
        let mut upper = Self { tos: word >> 20 & 0xff, flow_label: word & 0x000f_ffff, ..Self::default() };
        let (mut next, mut rest) = (next, octets.get(40..)?);
        for _ in 0..MOST_EXTENSIONS {
            let (following, length) = match (next, rest) {
                (0 | 43 | 60, &[following, units, ..]) => (following, (usize::from(units) + 1) * 8),
                // A fragment other than the first has no ports.
                (44, &[following, _, high, low, ..]) if u16::from_be_bytes([high, low]) & 0xfff8 != 0 => {
                    upper.protocol = u32::from(following);
                    return Some(upper);
                }
                (44, &[following, ..]) => (following, 8),
                _ => break,
            };
            (next, rest) = (following, rest.get(length..)?);
        }
        upper.protocol = u32::from(next);
        upper.transport(rest);
        Some(upper)
    }

    fn transport(&mut self, octets: &[u8]) {
        match (self.protocol, octets) {
            // TCP, UDP, SCTP, UDP-Lite.
            (6 | 17 | 132 | 136, &[a, b, c, d, ..]) => {
                self.source_port = u32::from(u16::from_be_bytes([a, b]));
                self.destination_port = u32::from(u16::from_be_bytes([c, d]));
            }
            // ESP; AH has its index behind four octets.
            (50, &[a, b, c, d, ..]) | (51, &[_, _, _, _, a, b, c, d, ..]) => {
                self.spi = u32::from_be_bytes([a, b, c, d])
            }
            _ => {}
        }
    }
}
