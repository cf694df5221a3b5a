//! The maximum segment size that TCP agrees on at its start, held to what fits the tunnel: then no packet of the connection is
//! too long, whether or not an answer about the path's MTU ever arrives.

use crate::offload::Sum;

/// In the last of the TCP header's flags.
const SYN: u8 = 0x02;
/// Octets of a TCP header without options.
const TCP_HEADER: usize = 20;

/// Options of TCP (RFC 9293 3.2).
mod option {
    pub(super) const END: u8 = 0;
    pub(super) const NOTHING: u8 = 1;
    pub(super) const MSS: u8 = 2;
}

/// The protocol number of what [`clamp`] looks at.
pub(crate) const TCP: u8 = 6;

/// Lowers the segment size that a TCP SYN asks for to what packets of `mtu` octets hold. All other packets stay as they are.
pub(crate) fn clamp(packet: &mut [u8], mtu: u16) {
    match *packet {
        [0x40..=0x4f, _, _, _, _, _, _, _, _, TCP, ..] => clamp_v4(packet, mtu),
        [0x60..=0x6f, _, _, _, _, _, TCP, ..] => clamp_tcp(packet, 40, mtu),
        _ => {}
    }
}

fn clamp_v4(packet: &mut [u8], mtu: u16) {
    let &mut [first, _, _, _, _, _, high, low, ..] = packet else { return };
    // Only the first fragment has the header of TCP.
    if u16::from_be_bytes([high & 0x1f, low]) == 0 {
        clamp_tcp(packet, usize::from(first & 0x0f) * 4, mtu);
    }
}

fn clamp_tcp(packet: &mut [u8], ip_header: usize, mtu: u16) {
    let Some(tcp) = packet.get_mut(ip_header..) else { return };
    if tcp.get(13).is_some_and(|flags| flags & SYN != 0) {
        let most = usize::from(mtu).saturating_sub(ip_header + TCP_HEADER);
        lower(tcp, u16::try_from(most).unwrap_or(u16::MAX));
    }
}

/// Lowers the segment size among the options of a TCP header to `most`, and keeps the checksum right (RFC 1624).
#[cold]
fn lower(tcp: &mut [u8], most: u16) {
    let Some(place) = place_of_mss(tcp) else { return };
    let Some((before, [high, low, ..])) = tcp.split_at_mut_checked(place) else { return };
    let said = [*high, *low];
    if u16::from_be_bytes(said) <= most {
        return;
    }
    let Some([sum_high, sum_low]) = before.get_mut(16..18) else { return };
    let now = most.to_be_bytes();
    // At an odd place its octets lie in two words of the sum.
    let swapped = |[first, second]: [u8; 2]| if place.is_multiple_of(2) { [first, second] } else { [second, first] };
    // HC' = ~(~HC + ~m + m').
    let inverted = |[first, second]: [u8; 2]| [!first, !second];
    let sum = Sum::default().add(&inverted([*sum_high, *sum_low])).add(&inverted(swapped(said))).add(&swapped(now));
    [*sum_high, *sum_low] = sum.checksum();
    (*high, *low) = (now[0], now[1]);
}

/// Where the segment size stands, from the TCP header's start.
fn place_of_mss(tcp: &[u8]) -> Option<usize> {
    let end = usize::from(tcp.get(12)? >> 4) * 4;
    let mut place = TCP_HEADER;
    while let Some([kind, rest @ ..]) = tcp.get(place..end) {
        place += match (*kind, rest) {
            (option::END, _) => return None,
            (option::NOTHING, _) => 1,
            (option::MSS, [4, _, _, ..]) => return Some(place + 2),
            // An option has its own two octets at least.
            (_, [length, ..]) if *length >= 2 => usize::from(*length),
            _ => return None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpOptionElement, TransportSlice};
    use proptest::prelude::*;

    use super::*;

    /// A SYN whose options begin with so many fillers.
    fn syn(v6: bool, fillers: usize, mss: u16) -> Vec<u8> {
        let builder =
            if v6 { PacketBuilder::ipv6([1; 16], [2; 16], 64) } else { PacketBuilder::ipv4([1; 4], [2; 4], 64) };
        let mut options = vec![TcpOptionElement::Noop; fillers];
        options
            .extend([TcpOptionElement::MaximumSegmentSize(mss), TcpOptionElement::SelectiveAcknowledgementPermitted]);
        let builder = builder.tcp(1000, 80, 7, 1024).syn().options(&options).expect("they fit");
        let mut packet = Vec::new();
        builder.write(&mut packet, &[]).expect("a packet");
        packet
    }

    /// The segment size that another reader finds, whose sums are right.
    fn mss(packet: &[u8]) -> u16 {
        let sliced = SlicedPacket::from_ip(packet).expect("IP");
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("{sliced:?}") };
        let sum = match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()),
            Some(NetSlice::Ipv6(ip)) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
            _ => panic!("{sliced:?}"),
        };
        assert_eq!(sum.expect("short enough"), tcp.checksum());
        let found = tcp.options_iterator().find_map(|option| match option {
            Ok(TcpOptionElement::MaximumSegmentSize(mss)) => Some(mss),
            _ => None,
        });
        found.expect("it has one")
    }

    #[test]
    fn a_syn_asks_for_no_more_than_fits() {
        for fillers in 0..4 {
            for (v6, most) in [(false, 1360), (true, 1340)] {
                for asked in [1460, 65_535, most, 536] {
                    let mut packet = syn(v6, fillers, asked);
                    clamp(&mut packet, 1400);
                    assert_eq!(mss(&packet), asked.min(most));
                }
            }
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        let same = |packet: Vec<u8>| {
            let mut after = packet.clone();
            clamp(&mut after, 1400);
            assert_eq!(after, packet);
        };
        let mut later = syn(false, 0, 1460);
        later[33] = 0x10; // an acknowledgement
        same(later);
        let mut fragment = syn(false, 0, 1460);
        fragment[7] = 1; // not the first
        same(fragment);
        let mut udp = syn(false, 0, 1460);
        udp[9] = 17;
        same(udp);
    }

    proptest! {
        #[test]
        fn no_octets_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..120), mtu: u16) {
            clamp(&mut octets, mtu);
        }

        /// A SYN, changed and cut, changes in its sum and its segment size at most.
        #[test]
        fn what_was_tampered_with_does_not_grow_wrong(
            v6: bool, fillers in 0..4usize, at in 0..72usize, value: u8, length in 0..90usize, mtu: u16,
        ) {
            let mut octets = syn(v6, fillers, 1460);
            if let Some(octet) = octets.get_mut(at) {
                *octet = value;
            }
            octets.truncate(length);
            let before = octets.clone();
            clamp(&mut octets, mtu);
            prop_assert!(octets.iter().zip(&before).filter(|(now, before)| now != before).count() <= 4);
        }
    }
}
