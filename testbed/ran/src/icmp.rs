//! ICMP echo over IPv4 (RFC 792), built here so that a ping needs no socket.

use std::net::Ipv4Addr;

const HEADER: usize = 20;
const ICMP: u8 = 1;

/// An echo request as an IPv4 packet.
pub fn echo_request(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    identifier: u16,
    sequence: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut message = vec![8, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(payload);
    put_checksum(&mut message, 2);
    let length = u16::try_from(HEADER + message.len()).unwrap_or(u16::MAX);
    let [l0, l1] = length.to_be_bytes();
    let mut packet = vec![0x45, 0, l0, l1, 0, 0, 0x40, 0, 64, ICMP, 0, 0];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    put_checksum(&mut packet, 10);
    packet.extend(message);
    packet
}

/// Identifier and sequence number, if the packet is an echo reply whose checksum is right.
pub fn echo_reply(packet: &[u8]) -> Option<(u16, u16)> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let is_icmp = first >> 4 == 4 && header >= HEADER && packet.get(9) == Some(&ICMP);
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let message = packet.get(header..length).filter(|_| is_icmp)?;
    match message {
        [0, 0, _, _, i0, i1, s0, s1, ..] if checksum(message) == 0 => {
            Some((u16::from_be_bytes([*i0, *i1]), u16::from_be_bytes([*s0, *s1])))
        }
        _ => None,
    }
}

/// The source address of an IPv4 packet.
pub fn source(packet: &[u8]) -> Option<Ipv4Addr> {
    let [a, b, c, d] = *packet.get(12..16)?.first_chunk()?;
    (packet.first()? >> 4 == 4).then(|| Ipv4Addr::new(a, b, c, d))
}

fn put_checksum(octets: &mut [u8], at: usize) {
    let sum = checksum(octets).to_be_bytes();
    if let Some(place) = octets.get_mut(at..at + 2) {
        place.copy_from_slice(&sum);
    }
}

/// The ones' complement sum of RFC 1071; 0 over octets that contain their checksum.
fn checksum(octets: &[u8]) -> u16 {
    let word =
        |pair: &[u8]| u32::from(pair.first().copied().unwrap_or(0)) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = octets.chunks(2).map(word).sum();
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

    #[test]
    fn a_request_is_answered_by_its_mirror_image() {
        let mut packet = echo_request(UE, HOST, 7, 9, b"abc");
        assert_eq!(checksum(&packet[..20]), 0);
        assert_eq!((source(&packet), echo_reply(&packet)), (Some(UE), None));
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
    fn what_is_cut_short_is_no_reply() {
        let packet = echo_request(UE, HOST, 7, 9, b"");
        for length in 0..packet.len() {
            assert_eq!(echo_reply(&packet[..length]), None);
        }
    }
}
