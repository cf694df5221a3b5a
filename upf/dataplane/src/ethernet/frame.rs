//! Ethernet, IPv4 and UDP around a packet.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::offload::Sum;

/// An address of Ethernet.
pub(crate) type Mac = [u8; 6];

/// Octets of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;
/// Octets of IPv4 without options, and UDP.
const IP_UDP: usize = 28;
/// Octets of IPv6.
const IPV6: usize = 40;

/// What follows an Ethernet header: IPv4, IPv6.
pub(super) const IPV4_TYPE: [u8; 2] = [0x08, 0x00];
pub(super) const IPV6_TYPE: [u8; 2] = [0x86, 0xdd];

/// What a frame carries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Carried<'a> {
    /// The payload of a UDP datagram to our address and port, and who sent it.
    N3(SocketAddrV4, &'a [u8]),
    /// An IP packet.
    N6(&'a [u8]),
}

/// Reads a frame. `None` where it is not whole: the program has looked at it before, so that is rare.
pub(crate) fn read(frame: &[u8], n3: SocketAddrV4) -> Option<Carried<'_>> {
    let packet = frame.get(ETHERNET..)?;
    if packet.first()? >> 4 == 6 {
        let (&[_, _, _, _, high, low, ..], _) = packet.split_first_chunk::<IPV6>()?;
        return Some(Carried::N6(packet.get(..IPV6 + usize::from(u16::from_be_bytes([high, low])))?));
    }
    let (header, _) = packet.split_first_chunk::<IP_UDP>()?;
    let &[first, _, high, low, _, _, _, _, _, protocol, _, _, a, b, c, d, e, f, g, h, s0, s1, d0, d1, l0, l1, _, _] =
        header;
    let whole = packet.get(..usize::from(u16::from_be_bytes([high, low])))?;
    let to = SocketAddrV4::new(Ipv4Addr::new(e, f, g, h), u16::from_be_bytes([d0, d1]));
    if first == 0x45 && protocol == 17 && to == n3 {
        let from = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([s0, s1]));
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        return Some(Carried::N3(from, whole.get(IP_UDP..20 + length)?));
    }
    Some(Carried::N6(whole))
}

/// Writes a frame with an IP packet. Returns its length; `None` where there is no room, or it is no IP packet.
pub(crate) fn write_packet(room: &mut [u8], (own, to): (Mac, Mac), packet: &[u8]) -> Option<usize> {
    let kind = match packet.first()? >> 4 {
        4 => IPV4_TYPE,
        6 => IPV6_TYPE,
        _ => return None,
    };
    let length = ETHERNET + packet.len();
    let frame = room.get_mut(..length)?;
    write_ethernet(frame, (own, to), kind)?;
    frame.get_mut(ETHERNET..)?.copy_from_slice(packet);
    Some(length)
}

fn write_ethernet(frame: &mut [u8], (own, to): (Mac, Mac), [high, low]: [u8; 2]) -> Option<()> {
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (to, own);
    *frame.first_chunk_mut()? = [a, b, c, d, e, f, g, h, i, j, k, l, high, low];
    Some(())
}

/// Writes a frame with a UDP datagram of this ToS. Its checksum is left out, as IPv4 allows: the inner packet has its own.
pub(crate) fn write_datagram(
    room: &mut [u8],
    (own, to): (Mac, Mac),
    (from, destination): (SocketAddrV4, SocketAddrV4),
    tos: u8,
    payload: &[u8],
) -> Option<usize> {
    let length = ETHERNET + IP_UDP + payload.len();
    let frame = room.get_mut(..length)?;
    write_ethernet(frame, (own, to), IPV4_TYPE)?;
    let [t0, t1] = u16::try_from(IP_UDP + payload.len()).ok()?.to_be_bytes();
    let [u0, u1] = u16::try_from(8 + payload.len()).ok()?.to_be_bytes();
    let ([a, b, c, d], [e, f, g, h]) = (from.ip().octets(), destination.ip().octets());
    // Version, length, not to be fragmented, 64 hops, UDP.
    let mut header = [0x45, tos, t0, t1, 0, 0, 0x40, 0, 64, 17, 0, 0, a, b, c, d, e, f, g, h];
    let [x, y] = Sum::default().add(&header).checksum();
    [header[10], header[11]] = [x, y];
    let ([s0, s1], [d0, d1]) = (from.port().to_be_bytes(), destination.port().to_be_bytes());
    let (_, rest) = frame.split_at_mut_checked(ETHERNET)?;
    *rest.first_chunk_mut()? = header;
    *rest.get_mut(20..)?.first_chunk_mut()? = [s0, s1, d0, d1, u0, u1, 0, 0];
    rest.get_mut(IP_UDP..)?.copy_from_slice(payload);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 2152);
    const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 2152);

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        let mut room = [0; 100];
        let length = write_datagram(&mut room, ([1; 6], [2; 6]), (PEER, OWN), 0, b"payload").expect("fits");
        assert_eq!(read(&room[..length], OWN), Some(Carried::N3(PEER, b"payload")));
        let parsed = etherparse::SlicedPacket::from_ethernet(&room[..length]).expect("is Ethernet");
        let Some(etherparse::NetSlice::Ipv4(ip)) = parsed.net else { panic!("no IPv4") };
        assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
        // Padding after the datagram is none of it.
        assert_eq!(read(&room, OWN), Some(Carried::N3(PEER, b"payload")));
        for cut in 0..length {
            assert_eq!(read(&room[..cut], OWN), None);
        }
    }

    #[test]
    fn another_packet_is_for_n6() {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4([192, 0, 2, 1], [10, 45, 0, 2], 64).udp(1, 2152);
        builder.write(&mut packet, b"twelve octets").expect("fits");
        let mut room = [0; 100];
        let length = write_packet(&mut room, ([1; 6], [2; 6]), &packet).expect("fits");
        assert_eq!(read(&room[..length], OWN), Some(Carried::N6(&packet)));
        assert_eq!(write_packet(&mut room, ([1; 6], [2; 6]), &[0x50; 40]), None);
        assert_eq!(write_packet(&mut room[..20], ([1; 6], [2; 6]), &packet), None);
    }

    #[test]
    fn ipv6_is_for_n6() {
        let mut packet = Vec::new();
        etherparse::PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(1, 2152).write(&mut packet, b"octets").expect("fits");
        let mut room = [0; 100];
        let length = write_packet(&mut room, ([1; 6], [2; 6]), &packet).expect("fits");
        let parsed = etherparse::SlicedPacket::from_ethernet(&room[..length]).expect("is Ethernet");
        assert!(matches!(parsed.net, Some(etherparse::NetSlice::Ipv6(_))));
        assert_eq!(read(&room, OWN), Some(Carried::N6(&packet)), "without the padding");
        for cut in 0..length {
            assert_eq!(read(&room[..cut], OWN), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_frame_holds_is_inside_it(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            let mut frame = octets;
            for first in [0x45, 0x46, 0x60] {
                if let Some(octet) = frame.get_mut(ETHERNET) {
                    *octet = first;
                }
                if let Some(Carried::N3(_, packet) | Carried::N6(packet)) = read(&frame, OWN) {
                    proptest::prop_assert!(packet.len() <= frame.len() - ETHERNET);
                }
            }
        }
    }
}
