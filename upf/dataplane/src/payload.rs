//! What the packets of a session are (TS 23.501 5.6.10), and how those that are no IP packets leave for N6.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use rules::Kind;

use crate::counters::DropReason;
use crate::inner::Inner;
use crate::lan::Member;
use crate::offload::Sum;
use crate::{Frame, Verdict};

/// What the packets of a session are.
pub(crate) enum Payload {
    /// IP packets.
    Ip,
    /// Something else: few sessions carry that.
    Other(Box<Other>),
}

/// What is no IP packet.
pub(crate) enum Other {
    /// Ethernet frames.
    Ethernet(Member),
    /// Anything, in UDP on N6.
    Unstructured(UdpTunnel),
}

impl Payload {
    /// Of a session with these rules, whose UE has these addresses.
    pub(crate) fn of(rules: &rules::Session, addresses: &[IpAddr]) -> Self {
        match rules.kind {
            Kind::Ip => Self::Ip,
            Kind::Ethernet(link) => Self::Other(Box::new(Other::Ethernet(Member::of(link, rules)))),
            Kind::Unstructured(peer) => {
                let own = addresses.iter().find(|own| own.is_ipv4() == peer.is_ipv4());
                let own = own.map(|own| SocketAddr::new(*own, peer.port()));
                Self::Other(Box::new(Other::Unstructured(UdpTunnel { own, peer })))
            }
        }
    }

    /// The session's part in an Ethernet data network.
    pub(crate) fn member(&mut self) -> Option<&mut Member> {
        match self {
            Self::Other(other) => match &mut **other {
                Other::Ethernet(member) => Some(member),
                Other::Unstructured(_) => None,
            },
            Self::Ip => None,
        }
    }

    /// The session's tunnel on N6.
    pub(crate) fn udp_tunnel(&self) -> Option<UdpTunnel> {
        match self {
            Self::Other(other) => match **other {
                Other::Unstructured(tunnel) => Some(tunnel),
                Other::Ethernet(_) => None,
            },
            Self::Ip => None,
        }
    }
}

impl Other {
    /// When something in it is due next.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Ethernet(member) => member.due(),
            Self::Unstructured(_) => None,
        }
    }

    /// Makes what a UE sent what leaves on N6. An IP header is marked with this ToS or traffic class; a frame has none.
    pub(crate) fn send_off(&self, marking: u8, frame: &mut Frame) -> Result<(), DropReason> {
        frame.verdict = match self {
            Self::Ethernet(member) => Verdict::ToEthernet(member.link),
            Self::Unstructured(tunnel) => {
                let header = tunnel.write(marking, frame).ok_or(DropReason::Encapsulation)?;
                frame.prepend(header);
                Verdict::ToN6
            }
        };
        Ok(())
    }
}

/// The tunnel of N6 that an unstructured session has for itself (TS 23.501 5.6.10.3). Both ends have one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpTunnel {
    /// The session's end. Rules that name no address of the peer's version are refused.
    own: Option<SocketAddr>,
    peer: SocketAddr,
}

/// Octets of UDP, and of IP before it.
const UDP: usize = 8;
const IPV4: usize = 20;
const IPV6: usize = 40;

const UDP_PROTOCOL: u8 = 17;
const HOPS: u8 = 64;

impl UdpTunnel {
    /// Where the payload of a packet is that came out of the tunnel. `None` where it is none of the tunnel's, a part of one, or
    /// damaged.
    pub(crate) fn inside(&self, packet: &[u8], inner: &Inner) -> Option<Range<usize>> {
        let begin = match packet {
            // A fragment is a part of a datagram.
            [_, _, _, _, _, _, high, low, ..] if inner.source.is_ipv4() && [high & 0x3f, *low] != [0; 2] => {
                return None;
            }
            [first, ..] if inner.source.is_ipv4() => usize::from(first & 0x0f) * 4,
            _ => IPV6,
        };
        let datagram = packet.get(begin..inner.length)?;
        let (&[s0, s1, d0, d1, l0, l1, c0, c1], _) = datagram.split_first_chunk()?;
        let port = self.peer.port().to_be_bytes();
        let ours =
            inner.protocol == UDP_PROTOCOL && inner.source == self.peer.ip() && [s0, s1] == port && [d0, d1] == port;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let datagram = datagram.get(..length).filter(|_| length >= UDP)?;
        // IPv4 may leave the checksum out.
        let unsummed = [c0, c1] == [0; 2] && inner.source.is_ipv4();
        let right = unsummed || summed(inner.source, inner.destination, datagram, length)?.is_right();
        (ours && right).then_some(begin + UDP..begin + datagram.len())
    }

    /// Writes the headers before a payload into its headroom. Returns how many octets they are.
    fn write(&self, class: u8, frame: &mut Frame) -> Option<usize> {
        let own = self.own?;
        let length = u16::try_from(UDP + frame.packet().len()).ok()?;
        let ([p0, p1], [l0, l1]) = (self.peer.port().to_be_bytes(), length.to_be_bytes());
        let udp = [p0, p1, p0, p1, l0, l1, 0, 0];
        let sum = summed(own.ip(), self.peer.ip(), &udp, usize::from(length))?.add(frame.packet());
        let [c0, c1] = match sum.checksum() {
            // 0 would say that there is none.
            [0, 0] => [0xff; 2],
            checksum => checksum,
        };
        let room = frame.headroom();
        *room.last_chunk_mut()? = [p0, p1, p0, p1, l0, l1, c0, c1];
        let room = room.get_mut(..room.len().checked_sub(UDP)?)?;
        match (own.ip(), self.peer.ip()) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => {
                let [t0, t1] = length.checked_add(IPV4 as u16)?.to_be_bytes();
                let ([a, b, c, d], [e, f, g, h]) = (own.octets(), peer.octets());
                let mut header = [0x45, class, t0, t1, 0, 0, 0x40, 0, HOPS, UDP_PROTOCOL, 0, 0, a, b, c, d, e, f, g, h];
                let [x, y] = Sum::default().add(&header).checksum();
                [header[10], header[11]] = [x, y];
                *room.last_chunk_mut()? = header;
                Some(UDP + IPV4)
            }
            (IpAddr::V6(own), IpAddr::V6(peer)) => {
                let header: &mut [u8; IPV6] = room.last_chunk_mut()?;
                header[..8].copy_from_slice(&[0x60 | class >> 4, class << 4, 0, 0, l0, l1, UDP_PROTOCOL, HOPS]);
                header[8..24].copy_from_slice(&own.octets());
                header[24..].copy_from_slice(&peer.octets());
                Some(UDP + IPV6)
            }
            _ => None,
        }
    }
}

/// The sum of these octets and the pseudo header of a datagram of such a length.
fn summed(from: IpAddr, to: IpAddr, octets: &[u8], length: usize) -> Option<Sum> {
    let sum = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Sum::pseudo_header(&from.octets(), &to.octets(), UDP_PROTOCOL, length),
        (IpAddr::V6(from), IpAddr::V6(to)) => Sum::pseudo_header(&from.octets(), &to.octets(), UDP_PROTOCOL, length),
        _ => return None,
    };
    Some(sum.add(octets))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Origin;

    fn tunnel(own: &str, peer: &str) -> UdpTunnel {
        UdpTunnel { own: Some(own.parse().expect("an address")), peer: peer.parse().expect("an address") }
    }

    fn tunnels() -> [UdpTunnel; 2] {
        [tunnel("10.47.0.2:5000", "192.0.2.9:5000"), tunnel("[fd00:10:47:1::]:5000", "[2001:db8::9]:5000")]
    }

    /// What the far end of a tunnel sends.
    fn sent(tunnel: &UdpTunnel, payload: &[u8]) -> Vec<u8> {
        let back = UdpTunnel { own: Some(tunnel.peer), peer: tunnel.own.expect("one") };
        let mut frame = Frame::holding(payload, Origin::N3, tunnel.peer);
        let length = back.write(0xb8, &mut frame).expect("room");
        frame.prepend(length);
        frame.packet().to_vec()
    }

    #[test]
    fn others_read_what_is_written() {
        for tunnel in tunnels() {
            for payload in [&b""[..], b"odd", b"even"] {
                let packet = sent(&tunnel, payload);
                let read = etherparse::SlicedPacket::from_ip(&packet).expect("IP");
                let Some(etherparse::TransportSlice::Udp(udp)) = read.transport else { panic!("no UDP") };
                assert_eq!((udp.source_port(), udp.destination_port(), udp.payload()), (5000, 5000, payload));
                let header = udp.to_header();
                let right = match read.net.expect("IP") {
                    etherparse::NetSlice::Ipv4(ip) => {
                        let ip = ip.header().to_header();
                        assert_eq!((ip.header_checksum, ip.dscp.value()), (ip.calc_header_checksum(), 0x2e));
                        header.calc_checksum_ipv4(&ip, payload)
                    }
                    etherparse::NetSlice::Ipv6(ip) => {
                        let ip = ip.header().to_header();
                        assert_eq!(ip.traffic_class, 0xb8);
                        header.calc_checksum_ipv6(&ip, payload)
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(right, Ok(header.checksum));
                let inner = Inner::parse(&packet).expect("IP");
                let inside = tunnel.inside(&packet, &inner).expect("its own");
                assert_eq!(&packet[inside], payload);
            }
        }
    }

    /// Of IPv4, whose checksum may be left out.
    #[test]
    fn a_length_that_cannot_be_is_damage() {
        let [tunnel, _] = tunnels();
        let packet = |length: u8| {
            let mut packet = sent(&tunnel, b"payload");
            packet[IPV4 + 4..IPV4 + UDP].copy_from_slice(&[0, length, 0, 0]);
            packet
        };
        let inside = |packet: &[u8]| Inner::parse(packet).and_then(|inner| tunnel.inside(packet, &inner));
        assert!((0..8).all(|length| inside(&packet(length)).is_none()));
        assert_eq!(inside(&packet(8)), Some(28..28));
        assert_eq!(inside(&packet(15)), Some(28..35));
        assert_eq!(inside(&packet(16)), None);
    }

    proptest! {
        /// Whatever is changed in a datagram: it is the tunnel's as it was, or not at all.
        #[test]
        fn what_is_damaged_or_anothers_is_not_inside(place in 0..60usize, bit in 0..8u8, cut in 0..60usize) {
            for tunnel in tunnels() {
                let whole = sent(&tunnel, b"payload");
                let mut packet = whole.clone();
                packet.truncate(whole.len().saturating_sub(cut));
                if let Some(octet) = packet.get_mut(place) {
                    *octet ^= 1 << bit;
                }
                let inside = Inner::parse(&packet).and_then(|inner| tunnel.inside(&packet, &inner));
                prop_assert!(inside.is_none_or(|inside| &packet[inside] == b"payload"));
            }
        }
    }
}
