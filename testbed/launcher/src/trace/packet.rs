//! IP packets around what was seen without any, or without its headers.

use std::net::{IpAddr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Flags of a TCP segment.
pub(super) mod flag {
    pub(in crate::trace) const SYN: u8 = 0x02;
    pub(in crate::trace) const PUSH: u8 = 0x08;
    pub(in crate::trace) const ACK: u8 = 0x10;
}

/// Payload of the longest packet made, so that it fits in IPv4 with all headers.
pub(super) const LONGEST: usize = 65_000;

/// A TCP segment in its packet.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    data: &[u8],
) -> Vec<u8> {
    let mut segment = ports(from, to);
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([5 << 4, flags]);
    segment.extend(u16::MAX.to_be_bytes()); // the window
    segment.extend([0; 4]); // checksum, no urgent data
    segment.extend(data);
    around(from.ip(), to.ip(), TCP, segment, 16)
}

/// A UDP datagram in its packet; what is too long for one is cut.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, data: &[u8]) -> Vec<u8> {
    let data = data.get(..data.len().min(LONGEST)).unwrap_or_default();
    let mut datagram = ports(from, to);
    datagram.extend((data.len() as u16 + 8).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(data);
    around(from.ip(), to.ip(), UDP, datagram, 6)
}

fn ports(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    [from.port().to_be_bytes(), to.port().to_be_bytes()].concat()
}

/// The IP header before `payload`, whose checksum belongs at `checksum_at`. Addresses of both families become IPv6.
fn around(from: IpAddr, to: IpAddr, protocol: u8, mut payload: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    let length = payload.len() as u16;
    let (from_octets, to_octets, mut packet) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend((length + 20).to_be_bytes());
            header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]); // not to be fragmented, 64 hops
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum([header.as_slice()]).to_be_bytes();
            header.splice(10..12, sum);
            (from.octets().to_vec(), to.octets().to_vec(), header)
        }
        _ => {
            let (from, to) = (v6(from), v6(to));
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([protocol, 64]);
            header.extend(from);
            header.extend(to);
            (from.to_vec(), to.to_vec(), header)
        }
    };
    let pseudo = [0, protocol, (length >> 8) as u8, length as u8];
    let sum = checksum([from_octets.as_slice(), &to_octets, &pseudo, &payload]);
    // All ones says the same as zero, which in UDP means "no checksum".
    let sum = if sum == 0 { u16::MAX } else { sum };
    payload.splice(checksum_at..checksum_at + 2, sum.to_be_bytes());
    packet.append(&mut payload);
    packet
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The Internet checksum (RFC 1071); all slices but the last have an even length.
fn checksum<const N: usize>(slices: [&[u8]; N]) -> u16 {
    let word = |pair: &[u8]| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    };
    let mut sum: u32 = slices.iter().flat_map(|slice| slice.chunks(2)).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_right_so_that_nothing_is_flagged() {
        for (from, to) in [("192.0.2.1:1", "192.0.2.2:2"), ("[2001:db8::1]:1", "[2001:db8::2]:2")] {
            let (from, to): (SocketAddr, SocketAddr) = (from.parse().expect("one"), to.parse().expect("one"));
            for packet in [tcp(from, to, 1, 2, flag::ACK, b"odd"), udp(from, to, b"odd")] {
                let (header, source, protocol) = if from.is_ipv4() { (20, 12, 9) } else { (40, 8, 6) };
                let (ip, payload) = packet.split_at(header);
                if from.is_ipv4() {
                    assert_eq!(checksum([ip]), 0);
                }
                let length = payload.len() as u16;
                let pseudo = [0, ip[protocol], (length >> 8) as u8, length as u8];
                assert_eq!(checksum([&ip[source..], &pseudo, payload]), 0, "{packet:02x?}");
            }
        }
    }
}
