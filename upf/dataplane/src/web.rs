//! The answer to who asks a web server and is redirected to a page (TS 29.244 5.4.7): a web server that keeps nothing, for all
//! that it must know comes with each segment. HTTP on port 80 only: who asks with TLS cannot be answered, and is not.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::OnceLock;

use crate::inner::Inner;
use crate::mss::TCP;
use crate::offload::Sum;

const HTTP: u16 = 80;

mod flag {
    pub(super) const FIN: u8 = 0x01;
    pub(super) const SYN: u8 = 0x02;
    pub(super) const RST: u8 = 0x04;
    pub(super) const PSH: u8 = 0x08;
    pub(super) const ACK: u8 = 0x10;
}

/// Octets of a segment that pass every link of IPv6 (RFC 8200 5), and of IPv4 that anybody uses.
const SEGMENT: u16 = 1220;

/// The largest window, so that nobody waits for another.
const WINDOW: u16 = u16::MAX;

/// A segment of TCP, as far as it matters here.
struct Segment {
    ports: (u16, u16),
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    payload: usize,
}

impl Segment {
    fn read(packet: &[u8], inner: &Inner) -> Option<Self> {
        let ip_header = if inner.source.is_ipv4() { usize::from(packet.first()? & 0x0f) * 4 } else { 40 };
        // Fragments of IPv4 are nothing that a client of the web sends.
        let fragment = inner.source.is_ipv4() && packet.get(6..8)? != [0, 0] && packet.get(6..8)? != [0x40, 0];
        let tcp = packet.get(ip_header..inner.length)?;
        let &[a, b, c, d, e, f, g, h, i, j, k, l, offset, flags, ..] = tcp else { return None };
        let payload = tcp.len().checked_sub(usize::from(offset >> 4) * 4)?;
        (inner.protocol == TCP && !fragment && offset >> 4 >= 5).then_some(Self {
            ports: (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
            sequence: u32::from_be_bytes([e, f, g, h]),
            acknowledged: u32::from_be_bytes([i, j, k, l]),
            flags,
            payload,
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What answers an uplink packet. `None`: nothing does.
pub(crate) fn answer(packet: &[u8], url: &str) -> Option<Vec<u8>> {
    let inner = Inner::parse(packet)?;
    let asked = Segment::read(packet, &inner).filter(|segment| segment.ports.1 == HTTP && !segment.has(flag::RST))?;
    let taken = u32::try_from(asked.payload).ok()?;
    if asked.has(flag::SYN) {
        let first = beginning(&inner, asked.ports);
        let options = [2, 4, SEGMENT.to_be_bytes()[0], SEGMENT.to_be_bytes()[1]];
        let next = asked.sequence.wrapping_add(1);
        // One with ACK is no beginning.
        return (!asked.has(flag::ACK))
            .then(|| write(&inner, &asked, (first, next, flag::SYN | flag::ACK), &options, &[]));
    }
    let ended = asked.has(flag::FIN);
    let next = asked.sequence.wrapping_add(taken).wrapping_add(u32::from(ended));
    match (asked.payload, ended) {
        // An acknowledgement: of what we said, or of nothing.
        (0, false) => None,
        (0, true) => Some(write(&inner, &asked, (asked.acknowledged, next, flag::ACK), &[], &[])),
        // Whatever is asked, and however often it is repeated: we go on where the client says that we are.
        _ => {
            let page = format!(
                "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
            );
            let flags = flag::PSH | flag::ACK | flag::FIN;
            Some(write(&inner, &asked, (asked.acknowledged, next, flags), &[], page.as_bytes()))
        }
    }
}

/// The number that our side of a connection begins with: the same when the client asks again, and nobody else's to know.
fn beginning(inner: &Inner, ports: (u16, u16)) -> u32 {
    static SECRET: OnceLock<std::hash::RandomState> = OnceLock::new();
    let hash = SECRET.get_or_init(std::hash::RandomState::new).hash_one((inner.source, inner.destination, ports));
    (hash >> 32) as u32
}

/// A packet back, from whom the client asked.
fn write(
    inner: &Inner,
    asked: &Segment,
    (sequence, next, flags): (u32, u32, u8),
    options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let length = 20 + options.len() + payload.len();
    let mut tcp = Vec::with_capacity(length);
    tcp.extend_from_slice(&asked.ports.1.to_be_bytes());
    tcp.extend_from_slice(&asked.ports.0.to_be_bytes());
    tcp.extend_from_slice(&sequence.to_be_bytes());
    tcp.extend_from_slice(&next.to_be_bytes());
    let words = u8::try_from(5 + options.len() / 4).unwrap_or(5);
    tcp.extend_from_slice(&[words << 4, flags]);
    tcp.extend_from_slice(&WINDOW.to_be_bytes());
    tcp.extend_from_slice(&[0; 4]);
    tcp.extend_from_slice(options);
    tcp.extend_from_slice(payload);
    let mut packet = ip_header(inner, length);
    let addresses = packet.get(if inner.source.is_ipv4() { 12..20 } else { 8..40 }).unwrap_or_default();
    let (from, to) = addresses.split_at(addresses.len() / 2);
    let sum = Sum::pseudo_header(from, to, TCP, length).add(&tcp).checksum();
    if let Some(field) = tcp.get_mut(16..).and_then(|rest| rest.first_chunk_mut()) {
        *field = sum;
    }
    packet.extend(tcp);
    packet
}

/// From the destination to the source, with so much behind it.
fn ip_header(inner: &Inner, length: usize) -> Vec<u8> {
    match (inner.destination, inner.source) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [high, low] = u16::try_from(20 + length).unwrap_or(u16::MAX).to_be_bytes();
            let mut header = vec![0x45, 0, high, low, 0, 0, 0x40, 0, 64, TCP, 0, 0];
            header.extend(from.octets().into_iter().chain(to.octets()));
            let sum = Sum::default().add(&header).checksum();
            if let Some(field) = header.get_mut(10..).and_then(|rest| rest.first_chunk_mut()) {
                *field = sum;
            }
            header
        }
        (from, to) => {
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, high, low, TCP, 64];
            for address in [from, to] {
                if let IpAddr::V6(address) = address {
                    header.extend(address.octets());
                }
            }
            header
        }
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpSlice, TransportSlice};
    use proptest::prelude::*;

    use super::*;

    const URL: &str = "http://portal.example/";

    fn packet(v6: bool, ports: (u16, u16), sequence: u32, flags: &str, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
        let builder =
            if v6 { PacketBuilder::ipv6([1; 16], [2; 16], 9) } else { PacketBuilder::ipv4([1; 4], [2; 4], 9) };
        let mut builder = builder.tcp(ports.0, ports.1, sequence, 1024);
        for flag in flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'F' => builder.fin(),
                'R' => builder.rst(),
                _ => builder.ack(acknowledged),
            };
        }
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).expect("a packet");
        packet
    }

    /// What another reads of an answer, whose sums are right.
    fn read(answer: &[u8], v6: bool, see: impl FnOnce(&TcpSlice<'_>)) {
        let sliced = SlicedPacket::from_ip(answer).expect("IP");
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("{sliced:?}") };
        let sum = match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => {
                let header = ip.header();
                assert_eq!((header.source(), header.destination(), v6), ([2; 4], [1; 4], false));
                assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
                tcp.calc_checksum_ipv4(header.source(), header.destination())
            }
            Some(NetSlice::Ipv6(ip)) => {
                assert_eq!((ip.header().source(), ip.header().destination(), v6), ([2; 16], [1; 16], true));
                tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(tcp.checksum(), sum.expect("it is short"));
        assert_eq!((tcp.source_port(), tcp.destination_port()), (80, 5000));
        see(tcp);
    }

    #[test]
    fn a_connection_is_answered_from_its_beginning_to_its_end() {
        for v6 in [false, true] {
            let say = |sequence, flags, acknowledged, payload: &[u8]| {
                answer(&packet(v6, (5000, 80), sequence, flags, acknowledged, payload), URL)
            };
            let first = say(70, "S", 0, b"").expect("an answer");
            assert_eq!(say(70, "S", 0, b"").as_ref(), Some(&first), "asked again it is the same");
            let mut own = 0;
            read(&first, v6, |tcp| {
                own = tcp.sequence_number();
                assert_eq!((tcp.syn(), tcp.ack(), tcp.acknowledgment_number()), (true, true, 71));
            });
            own += 1;
            assert_eq!(say(71, "A", own, b""), None);
            let page = say(71, "A", own, b"GET / HTTP/1.1\r\n\r\n").expect("an answer");
            read(&page, v6, |tcp| {
                assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (own, 71 + 18));
                assert!(tcp.fin() && tcp.ack() && !tcp.syn());
                let text = std::str::from_utf8(tcp.payload()).expect("text");
                assert!(text.starts_with("HTTP/1.1 302 ") && text.contains("\r\nLocation: http://portal.example/\r\n"));
                own += u32::try_from(tcp.payload().len()).expect("short") + 1;
            });
            let end = say(71 + 18, "FA", own, b"").expect("an answer");
            read(&end, v6, |tcp| {
                assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (own, 71 + 18 + 1));
                assert!(tcp.ack() && !tcp.fin() && tcp.payload().is_empty());
            });
        }
    }

    #[test]
    fn nothing_else_is_answered() {
        let answered =
            |ports, flags, payload: &[u8]| answer(&packet(false, ports, 7, flags, 9, payload), URL).is_some();
        assert!(answered((5000, 80), "S", b""));
        assert!(!answered((5000, 443), "S", b""), "TLS");
        assert!(!answered((5000, 80), "R", b"") && !answered((5000, 80), "RA", b"x"));
        assert!(!answered((5000, 80), "SA", b""));
        let mut udp = Vec::new();
        PacketBuilder::ipv4([1; 4], [2; 4], 9).udp(5000, 80).write(&mut udp, b"x").expect("a packet");
        assert_eq!(answer(&udp, URL), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_answered_or_not(mut octets in proptest::collection::vec(any::<u8>(), 0..80), v6: bool) {
            let whole = u16::try_from(octets.len()).expect("short");
            if let [first, _, a, b, c, d, next, .., protocol, _, _, _, _, _, _, _, _, _, _] = octets.as_mut_slice() {
                *first = if v6 { 0x60 } else { 0x45 };
                let length = if v6 { whole.saturating_sub(40) } else { whole };
                let fields = if v6 { (c, d, next) } else { (a, b, protocol) };
                [*fields.0, *fields.1] = length.to_be_bytes();
                *fields.2 = TCP;
            }
            if let Some(answer) = answer(&octets, URL) {
                prop_assert!(Inner::parse(&answer).is_some_and(|inner| inner.length == answer.len()));
            }
        }
    }
}
