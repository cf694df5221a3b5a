//! Another address in a packet, with the checksums that cover it.

use std::net::IpAddr;

use crate::offload::Sum;

/// Protocols whose checksum covers the addresses, and where it stands in their header.
fn checksum_place(protocol: u8) -> Option<usize> {
    match protocol {
        6 => Some(16),
        17 | 136 => Some(6),
        58 => Some(2),
        _ => None,
    }
}

const UDP: u8 = 17;

/// Where the addresses of a packet stand, its protocol, and where what lies above begins, if that is here.
struct Layout {
    /// Source and destination: each so many octets, one behind the other.
    addresses: usize,
    length: usize,
    protocol: u8,
    upper: Option<usize>,
}

impl Layout {
    /// `None`: no IP, or IPv6 with extension headers, behind which a checksum would have to be looked for.
    fn of(packet: &[u8]) -> Option<Self> {
        match *packet {
            [first @ 0x45..=0x4f, _, _, _, _, _, high, low, _, protocol, ..] => {
                // Only the first fragment has what lies above.
                let first_fragment = u16::from_be_bytes([high & 0x1f, low]) == 0;
                let upper = first_fragment.then_some(usize::from(first & 0x0f) * 4);
                Some(Self { addresses: 12, length: 4, protocol, upper })
            }
            [0x60..=0x6f, _, _, _, _, _, protocol, ..] if !matches!(protocol, 0 | 43 | 44 | 60 | 135) => {
                Some(Self { addresses: 8, length: 16, protocol, upper: Some(40) })
            }
            _ => None,
        }
    }
}

/// Ports, or in their place what tells flows apart: source, destination.
pub(crate) fn ports(packet: &[u8]) -> Option<(u8, u16, u16)> {
    let layout = Layout::of(packet)?;
    let upper = packet.get(layout.upper?..)?;
    match (layout.protocol, upper) {
        (6 | 17 | 132 | 136, &[a, b, c, d, ..]) => {
            Some((layout.protocol, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
        }
        // Echo: the identifier is the same both ways.
        (1 | 58, &[_, _, _, _, a, b, ..]) => {
            let identifier = u16::from_be_bytes([a, b]);
            Some((layout.protocol, identifier, identifier))
        }
        _ => Some((layout.protocol, 0, 0)),
    }
}

/// Puts another source address. `None`, with the packet as it was, where it is none of that version, or has extension headers.
pub(crate) fn source(packet: &mut [u8], address: IpAddr) -> Option<()> {
    let layout = Layout::of(packet)?;
    put(packet, &layout, layout.addresses, address)
}

/// Puts another destination address, likewise.
pub(crate) fn destination(packet: &mut [u8], address: IpAddr) -> Option<()> {
    let layout = Layout::of(packet)?;
    put(packet, &layout, layout.addresses + layout.length, address)
}

fn put(packet: &mut [u8], layout: &Layout, place: usize, address: IpAddr) -> Option<()> {
    let (v4, v6);
    let new: &[u8] = match address {
        IpAddr::V4(address) => {
            v4 = address.octets();
            &v4
        }
        IpAddr::V6(address) => {
            v6 = address.octets();
            &v6
        }
    };
    let field = packet.get_mut(place..place + layout.length).filter(|field| field.len() == new.len())?;
    let mut old = [0; 16];
    old.iter_mut().zip(field.iter()).for_each(|(old, octet)| *old = !*octet);
    field.copy_from_slice(new);
    // HC' = ~(~HC + ~m + m') (RFC 1624, equation 3).
    let change = Sum::default().add(old.get(..new.len())?).add(new);
    if new.len() == 4 {
        adjust(packet, 10, change, false);
    }
    if let (Some(upper), Some(sum)) = (layout.upper, checksum_place(layout.protocol)) {
        adjust(packet, upper + sum, change, layout.protocol == UDP);
    }
    Some(())
}

/// Adjusts a checksum. Of UDP 0 says that there is none (in IPv4).
fn adjust(packet: &mut [u8], place: usize, change: Sum, udp: bool) {
    let Some(field) = packet.get_mut(place..).and_then(|rest| rest.first_chunk_mut::<2>()) else { return };
    if udp && *field == [0; 2] {
        return;
    }
    let sum = change.add(&field.map(|octet| !octet)).checksum();
    *field = if udp && sum == [0; 2] { [0xff; 2] } else { sum };
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;

    /// A packet as another writes it, sums and all.
    fn packet(v6: bool, udp: bool, addresses: [[u8; 16]; 2], payload: &[u8]) -> Vec<u8> {
        let [from, to] = addresses;
        let first = |of: [u8; 16]| [of[0], of[1], of[2], of[3]];
        let builder =
            if v6 { PacketBuilder::ipv6(from, to, 64) } else { PacketBuilder::ipv4(first(from), first(to), 64) };
        let mut packet = Vec::new();
        if udp {
            builder.udp(1000, 80).write(&mut packet, payload).expect("a packet");
        } else {
            builder.tcp(1000, 80, 7, 1024).write(&mut packet, payload).expect("a packet");
        }
        packet
    }

    fn address(v6: bool, octets: [u8; 16]) -> IpAddr {
        if v6 {
            Ipv6Addr::from(octets).into()
        } else {
            Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()
        }
    }

    proptest! {
        /// It is the packet that would have been written with the other address.
        #[test]
        fn sums_stay_right(
            v6: bool, udp: bool, from: [u8; 16], to: [u8; 16], new: [u8; 16],
            payload in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut changed = packet(v6, udp, [from, to], &payload);
            prop_assert_eq!(destination(&mut changed, address(v6, new)), Some(()));
            prop_assert_eq!(&changed, &packet(v6, udp, [from, new], &payload));
            prop_assert_eq!(source(&mut changed, address(v6, to)), Some(()));
            prop_assert_eq!(&changed, &packet(v6, udp, [to, new], &payload));
            prop_assert_eq!(source(&mut changed, address(!v6, to)), None);
        }

        #[test]
        fn any_octets_are_changed_or_left(mut octets in proptest::collection::vec(any::<u8>(), 0..80), first in 0x40u8..0x70) {
            if let Some(octet) = octets.first_mut() {
                *octet = first;
            }
            let length = octets.len();
            let _ = (ports(&octets), source(&mut octets, Ipv4Addr::LOCALHOST.into()));
            let _ = destination(&mut octets, Ipv6Addr::LOCALHOST.into());
            prop_assert_eq!(octets.len(), length);
        }
    }
}
