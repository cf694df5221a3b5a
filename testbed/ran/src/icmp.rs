//! ICMP echo over IPv4 (RFC 792) and IPv6 (RFC 4443), built here so that a ping needs no socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 20;
const HEADER_V6: usize = 40;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// An echo request as an IP packet. `None`: the addresses are of two versions.
pub fn echo_request(
    source: IpAddr,
    destination: IpAddr,
    identifier: u16,
    sequence: u16,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let message = |kind: u8| {
        let mut message = vec![kind, 0, 0, 0];
        message.extend(identifier.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(payload);
        message
    };
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Some(packet_v4(source, destination, message(8))),
        (IpAddr::V6(source), IpAddr::V6(destination)) => Some(packet_v6(source, destination, 64, message(128))),
        _ => None,
    }
}

fn packet_v4(source: Ipv4Addr, destination: Ipv4Addr, mut message: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&[&message]);
    put(&mut message, 2, sum);
    let length = u16::try_from(HEADER + message.len()).unwrap_or(u16::MAX);
    let [l0, l1] = length.to_be_bytes();
    let mut packet = vec![0x45, 0, l0, l1, 0, 0, 0x40, 0, 64, ICMP, 0, 0];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    let sum = checksum(&[&packet]);
    put(&mut packet, 10, sum);
    packet.extend(message);
    packet
}

/// A message of ICMPv6, its checksum to be written, as a packet.
pub(crate) fn packet_v6(source: Ipv6Addr, destination: Ipv6Addr, hop_limit: u8, mut message: Vec<u8>) -> Vec<u8> {
    let sum = checksum_v6(source, destination, &message);
    put(&mut message, 2, sum);
    let [l0, l1] = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, l0, l1, ICMPV6, hop_limit];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(message);
    packet
}

/// A packet of ICMPv6 whose checksum is right.
pub(crate) struct Message<'a> {
    pub(crate) source: Ipv6Addr,
    pub(crate) hop_limit: u8,
    pub(crate) octets: &'a [u8],
}

impl<'a> Message<'a> {
    pub(crate) fn read(packet: &'a [u8]) -> Option<Self> {
        let &[first, _, _, _, l0, l1, ICMPV6, hop_limit, ..] = packet else { return None };
        let (header, rest) = packet.split_at_checked(HEADER_V6)?;
        let octets = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
        let address = |at: usize| header.get(at..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets));
        let (source, destination) = (address(8)?, address(24)?);
        let right = first >> 4 == 6 && checksum_v6(source, destination, octets) == 0;
        right.then_some(Self { source, hop_limit, octets })
    }
}

/// Identifier and sequence number, if the packet is an echo reply whose checksum is right.
pub fn echo_reply(packet: &[u8]) -> Option<(u16, u16)> {
    let (kind, message) = match packet.first()? >> 4 {
        4 => (0, message_v4(packet)?),
        _ => (129, Message::read(packet)?.octets),
    };
    match message {
        [found, 0, _, _, i0, i1, s0, s1, ..] if *found == kind => {
            Some((u16::from_be_bytes([*i0, *i1]), u16::from_be_bytes([*s0, *s1])))
        }
        _ => None,
    }
}

/// The message of ICMP in a packet, if its checksum is right.
fn message_v4(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let is_icmp = header >= HEADER && packet.get(9) == Some(&ICMP);
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    packet.get(header..length).filter(|message| is_icmp && checksum(&[message]) == 0)
}

/// The source address of an IP packet.
pub fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => packet.get(12..)?.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
        6 => packet.get(8..)?.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
        _ => None,
    }
}

fn put(octets: &mut [u8], at: usize, sum: u16) {
    if let Some(place) = octets.get_mut(at..at + 2) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// The checksum of a message of ICMPv6, with its pseudo header (RFC 4443 2.3).
fn checksum_v6(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    checksum(&[&source.octets(), &destination.octets(), &length, &[0, 0, 0, ICMPV6], message])
}

/// The ones' complement sum of RFC 1071 over pieces, all but the last of even length; 0 over octets that contain their checksum.
fn checksum(pieces: &[&[u8]]) -> u16 {
    let word =
        |pair: &[u8]| u32::from(pair.first().copied().unwrap_or(0)) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = pieces.iter().flat_map(|piece| piece.chunks(2)).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
    const HOST: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 1);
    const UE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 1, 0, 0, 0, 2);
    const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

    fn request(payload: &[u8]) -> Vec<u8> {
        echo_request(UE.into(), HOST.into(), 7, 9, payload).expect("one version")
    }

    #[test]
    fn a_request_is_answered_by_its_mirror_image() {
        let mut packet = request(b"abc");
        assert_eq!(checksum(&[&packet[..20]]), 0);
        assert_eq!((source(&packet), echo_reply(&packet)), (Some(UE.into()), None));
        // A reply has type 0, and so a checksum higher by 0x0800.
        packet[20] = 0;
        let sum = u16::from_be_bytes([packet[22], packet[23]]);
        let (higher, carry) = sum.overflowing_add(0x0800);
        packet[22..24].copy_from_slice(&(higher + u16::from(carry)).to_be_bytes());
        assert_eq!(echo_reply(&packet), Some((7, 9)));
        packet[28] ^= 1;
        assert_eq!(echo_reply(&packet), None);
    }

    #[test]
    fn a_reply_over_ipv6_is_known_by_its_checksum_too() {
        let packet = echo_request(UE_V6.into(), HOST_V6.into(), 7, 9, b"abc").expect("one version");
        assert_eq!((source(&packet), echo_reply(&packet)), (Some(UE_V6.into()), None));
        assert!(Message::read(&packet).is_some_and(|message| message.octets.first() == Some(&128)));
        let mut reply = packet_v6(HOST_V6, UE_V6, 64, vec![129, 0, 0, 0, 0, 7, 0, 9, 1]);
        assert_eq!(echo_reply(&reply), Some((7, 9)));
        reply[48] ^= 1;
        assert_eq!(echo_reply(&reply), None);
        assert_eq!(echo_request(UE.into(), HOST_V6.into(), 7, 9, b""), None);
    }

    #[test]
    fn what_is_cut_short_is_no_reply() {
        let of_v6 = packet_v6(HOST_V6, UE_V6, 64, vec![129, 0, 0, 0, 0, 7, 0, 9, 1]);
        for packet in [request(b""), of_v6] {
            for length in 0..packet.len() {
                assert_eq!(echo_reply(&packet[..length]), None);
            }
        }
    }
}
