//! What the sender of a packet that is too long for the tunnel is told (RFC 1191, RFC 8201).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::inner::Inner;
use crate::offload::Sum;
use crate::router;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Destination unreachable: fragmentation needed and DF set.
const FRAGMENTATION_NEEDED: [u8; 2] = [3, 4];
const PACKET_TOO_BIG: [u8; 2] = [2, 0];

/// Octets of the longest answer: in IPv6 the least MTU there is (RFC 4443 2.4c), in IPv4 less (RFC 1812 4.3.2.3).
const MOST: usize = 1280;
const MOST_V4: usize = 576;

/// Octets of the messages of both before the packet that they are about.
const ICMP_HEADER: usize = 8;

/// An answer: an IP packet.
pub(crate) struct TooBig {
    octets: [u8; MOST],
    length: usize,
}

impl TooBig {
    /// Whether routers may cut a packet into fragments (RFC 791: DF is clear; in IPv6 they never may).
    pub(crate) fn may_be_cut(packet: &[u8]) -> bool {
        matches!(packet, [0x40..=0x4f, _, _, _, _, _, flags, ..] if flags & 0x40 == 0)
    }

    /// The answer to a packet, from the gateway of its addressee: `mtu` octets pass. `None` where none may be given: the packet
    /// is an error itself, a fragment other than the first, or not from one host.
    pub(crate) fn about(packet: &[u8], inner: &Inner, gateway: IpAddr, mtu: u16) -> Option<Self> {
        match (inner.source, gateway) {
            (IpAddr::V4(to), IpAddr::V4(gateway)) => Self::v4(packet, to, gateway, mtu),
            (IpAddr::V6(to), IpAddr::V6(gateway)) => Self::v6(packet, to, gateway, mtu),
            _ => None,
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn v4(packet: &[u8], to: Ipv4Addr, gateway: Ipv4Addr, mtu: u16) -> Option<Self> {
        const HEADER: usize = 20;
        let &[first, _, _, _, _, _, high, low, _, protocol, ..] = packet else { return None };
        let later_fragment = u16::from_be_bytes([high & 0x1f, low]) != 0;
        let kind = packet.get(usize::from(first & 0x0f) * 4).copied();
        let of_nobody = to.is_unspecified() || to.is_multicast() || to.is_broadcast() || to.is_loopback();
        if later_fragment || of_nobody || (protocol == ICMP && is_error_v4(kind)) {
            return None;
        }
        let [mtu_high, mtu_low] = mtu.to_be_bytes();
        let [kind, code] = FRAGMENTATION_NEEDED;
        let mut answer = Self::begin(HEADER, [kind, code, 0, 0, 0, 0, mtu_high, mtu_low], packet, MOST_V4);
        let (header, message) = answer.octets.get_mut(..answer.length)?.split_first_chunk_mut::<HEADER>()?;
        let sum = Sum::default().add(message).checksum();
        message.get_mut(2..4)?.copy_from_slice(&sum);
        let [length_high, length_low] = u16::try_from(answer.length).ok()?.to_be_bytes();
        let start = [0x45, 0xc0, length_high, length_low, 0, 0, 0, 0, 64, ICMP, 0, 0];
        let octets = start.into_iter().chain(gateway.octets()).chain(to.octets());
        header.iter_mut().zip(octets).for_each(|(octet, value)| *octet = value);
        let sum = Sum::default().add(header).checksum();
        header.get_mut(10..12)?.copy_from_slice(&sum);
        Some(answer)
    }

    fn v6(packet: &[u8], to: Ipv6Addr, gateway: Ipv6Addr, mtu: u16) -> Option<Self> {
        const HEADER: usize = 40;
        let next = packet.get(6).copied();
        let kind = packet.get(HEADER).copied();
        let of_nobody = to.is_unspecified() || to.is_multicast() || to.is_loopback();
        // Types of errors have the first bit clear (RFC 4443 2.1).
        let is_error = next == Some(ICMPV6) && kind.is_none_or(|kind| kind & 0x80 == 0);
        if of_nobody || is_error || router::is_of_link(to.into()) {
            return None;
        }
        let [mtu_high, mtu_low] = mtu.to_be_bytes();
        let [kind, code] = PACKET_TOO_BIG;
        let mut answer = Self::begin(HEADER, [kind, code, 0, 0, 0, 0, mtu_high, mtu_low], packet, MOST);
        router::finish(answer.octets.get_mut(..answer.length)?, gateway, to, 64);
        Some(answer)
    }

    /// Room for an IP header, the message's own header, and as much of the packet as fits.
    fn begin(header: usize, message: [u8; ICMP_HEADER], packet: &[u8], most: usize) -> Self {
        let mut octets = [0; MOST];
        let of_packet = packet.iter().copied().take(most.min(MOST) - header - ICMP_HEADER);
        octets
            .iter_mut()
            .skip(header)
            .zip(message.into_iter().chain(of_packet))
            .for_each(|(octet, value)| *octet = value);
        Self { octets, length: (header + ICMP_HEADER + packet.len()).min(most).min(MOST) }
    }
}

/// Whether a message of ICMP is an error (RFC 1122 3.2.2), or cannot be told from one.
fn is_error_v4(kind: Option<u8>) -> bool {
    kind.is_none_or(|kind| matches!(kind, 3..=5 | 11 | 12))
}

#[cfg(test)]
mod tests {
    use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
    use proptest::prelude::*;

    use super::*;

    const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
    const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 0, 0, 0, 0, 1);

    fn v4(length: usize) -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [10, 45, 0, 2], 64).udp(1, 2);
        builder.write(&mut packet, &vec![7; length]).expect("a packet");
        packet[6] |= 0x40;
        packet
    }

    fn v6(length: usize) -> Vec<u8> {
        let mut packet = Vec::new();
        let [from, to] = ["2001:db8::1", "fd00:10:45:7::2"].map(|a| a.parse::<Ipv6Addr>().expect("an address"));
        let builder = PacketBuilder::ipv6(from.octets(), to.octets(), 64).udp(1, 2);
        builder.write(&mut packet, &vec![7; length]).expect("a packet");
        packet
    }

    fn answer(packet: &[u8], gateway: IpAddr) -> Option<Vec<u8>> {
        let inner = Inner::parse(packet)?;
        TooBig::about(packet, &inner, gateway, 1400).map(|answer| answer.octets().to_vec())
    }

    #[test]
    fn the_sender_is_told_how_much_passes_and_of_which_packet() {
        let packet = v4(1472);
        let told = answer(&packet, GATEWAY_V4.into()).expect("an answer");
        let sliced = SlicedPacket::from_ip(&told).expect("IPv4");
        let Some(TransportSlice::Icmpv4(icmp)) = &sliced.transport else { panic!("{sliced:?}") };
        assert_eq!((icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8()), (3, 4, [0, 0, 5, 120]));
        assert!(Sum::default().add(&told[..20]).is_right() && Sum::default().add(&told[20..]).is_right());
        assert_eq!((told.len(), &told[28..]), (576, &packet[..548]));
        assert_eq!((&told[12..16], &told[16..20]), (&GATEWAY_V4.octets()[..], &packet[12..16]));

        let packet = v6(1460);
        let told = answer(&packet, GATEWAY_V6.into()).expect("an answer");
        let sliced = SlicedPacket::from_ip(&told).expect("IPv6");
        let Some(TransportSlice::Icmpv6(icmp)) = &sliced.transport else { panic!("{sliced:?}") };
        assert_eq!((icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8()), (2, 0, [0, 0, 5, 120]));
        let to: [u8; 16] = packet[8..24].try_into().expect("16 octets");
        assert!(icmp.is_checksum_valid(GATEWAY_V6.octets(), to));
        assert_eq!((told.len(), &told[48..]), (1280, &packet[..1232]));
    }

    #[test]
    fn nobody_is_told_who_must_not_be() {
        let mut later = v4(1472);
        later[7] = 1;
        let mut error = v4(1472);
        (error[9], error[20]) = (ICMP, 3);
        let mut from_all = v4(1472);
        from_all[12] = 224;
        for packet in [later, error, from_all] {
            assert_eq!(answer(&packet, GATEWAY_V4.into()), None);
        }
        let mut error = v6(1460);
        (error[6], error[40]) = (ICMPV6, 1);
        let mut from_link = v6(1460);
        (from_link[8], from_link[9]) = (0xfe, 0x80);
        for packet in [error, from_link] {
            assert_eq!(answer(&packet, GATEWAY_V6.into()), None);
        }
        assert_eq!(answer(&v6(1460), GATEWAY_V4.into()), None, "a gateway of the other version");
    }

    #[test]
    fn what_may_be_cut_is_told_by_its_header() {
        let mut packet = v4(10);
        assert!(!TooBig::may_be_cut(&packet) && !TooBig::may_be_cut(&v6(10)) && !TooBig::may_be_cut(&[0x45, 0]));
        packet[6] &= !0x40;
        assert!(TooBig::may_be_cut(&packet));
    }

    proptest! {
        /// Whatever the packet: no panic, and an answer no longer than it may be.
        #[test]
        fn no_octets_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..1600), version in 3..8u8, mtu: u16) {
            if let Some(first) = octets.first_mut() {
                *first = version << 4 | *first & 0x0f;
            }
            let Some(inner) = Inner::parse(&octets) else { return Ok(()) };
            for gateway in [IpAddr::from(GATEWAY_V4), GATEWAY_V6.into()] {
                if let Some(answer) = TooBig::about(&octets, &inner, gateway, mtu) {
                    prop_assert!(answer.octets().len() <= MOST);
                    prop_assert!(Inner::parse(answer.octets()).is_some());
                }
            }
        }
    }
}
