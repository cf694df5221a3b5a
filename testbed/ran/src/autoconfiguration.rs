//! How a UE comes to its IPv6 address: it asks for its router and makes the address of the prefix that it is told (RFC 4861, RFC
//! 4862), with the interface identifier that it got with the session (TS 23.501 5.8.2.2.3).

use crate::icmp::{Message, packet_v6};
use std::net::Ipv6Addr;
use std::time::Duration;

/// Between two questions, and how many there are (RFC 4861 10).
pub(crate) const INTERVAL: Duration = Duration::from_secs(4);
pub(crate) const QUESTIONS: usize = 3;

const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const PREFIX_INFORMATION: u8 = 3;
const AUTONOMOUS: u8 = 0x40;

/// Identifier of an interface on its link.
pub(crate) type InterfaceId = [u8; 8];

/// A Router Solicitation from the link-local address of this interface.
pub(crate) fn solicitation(interface: InterfaceId) -> Vec<u8> {
    let own = joined(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), interface);
    packet_v6(own, ALL_ROUTERS, 255, vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0])
}

/// The address of an interface by what its router says; `None` if the packet is no advertisement, a wrong one (RFC 4861
/// 6.1.2), or has no prefix to make addresses of.
pub(crate) fn address(packet: &[u8], interface: InterfaceId) -> Option<Ipv6Addr> {
    let message = Message::read(packet)?;
    let &[ROUTER_ADVERTISEMENT, 0, _, _, _, _, _, _, _, _, _, _, _, _, _, _, ref options @ ..] = message.octets else {
        return None;
    };
    let on_link = message.source.is_unicast_link_local() && message.hop_limit == 255;
    let prefix = prefix(options).filter(|_| on_link)?;
    Some(joined(prefix, interface))
}

/// The first prefix of 64 bits for addresses of one's own making that is valid at all.
fn prefix(mut options: &[u8]) -> Option<Ipv6Addr> {
    while let [kind, units, rest @ ..] = options {
        if let (PREFIX_INFORMATION, [64, flags, v0, v1, v2, v3, ..]) = (*kind, rest)
            && flags & AUTONOMOUS != 0
            && [*v0, *v1, *v2, *v3] != [0; 4]
        {
            return rest.get(14..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets));
        }
        let length = usize::from(*units) * 8;
        options = options.get(length..).filter(|_| length > 0)?;
    }
    None
}

fn joined(prefix: Ipv6Addr, interface: InterfaceId) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.to_bits() >> 64 << 64 | u128::from(u64::from_be_bytes(interface)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    const INTERFACE: InterfaceId = [0, 0, 0, 0, 0, 0, 0, 2];

    /// An advertisement with an MTU before the prefix.
    fn message(length: u8, flags: u8, valid: u8) -> Vec<u8> {
        let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0];
        message.extend([5, 1, 0, 0, 0, 0, 5, 120, PREFIX_INFORMATION, 4, length, flags]);
        message.extend([valid; 8]);
        message.extend([0; 4]);
        message.extend(Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 0, 0, 0, 0).octets());
        message
    }

    #[test]
    fn an_address_is_prefix_and_interface() {
        let packet = packet_v6(ROUTER, ALL_NODES, 255, message(64, AUTONOMOUS, 255));
        assert_eq!(address(&packet, INTERFACE), "fd00:10:45:7::2".parse().ok());
        for length in 0..packet.len() {
            assert_eq!(address(&packet[..length], INTERFACE), None);
        }
    }

    #[test]
    fn what_a_router_does_not_say_so_makes_none() {
        let from = |source, hop_limit, message| address(&packet_v6(source, ALL_NODES, hop_limit, message), INTERFACE);
        assert_eq!(from(ROUTER, 254, message(64, AUTONOMOUS, 255)), None, "forwarded");
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        assert_eq!(from(far, 255, message(64, AUTONOMOUS, 255)), None, "not of the link");
        assert_eq!(from(ROUTER, 255, message(48, AUTONOMOUS, 255)), None, "another length");
        assert_eq!(from(ROUTER, 255, message(64, 0, 255)), None, "not for addresses");
        assert_eq!(from(ROUTER, 255, message(64, AUTONOMOUS, 0)), None, "no longer valid");
    }

    #[test]
    fn a_solicitation_comes_from_the_link() {
        let packet = solicitation(INTERFACE);
        let message = Message::read(&packet).expect("a message");
        assert_eq!((message.source, message.hop_limit), ("fe80::2".parse().expect("an address"), 255));
        assert_eq!(message.octets.len(), 8);
    }

    proptest! {
        #[test]
        fn no_packet_panics(octets in proptest::collection::vec(any::<u8>(), 0..120), options in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = address(&octets, INTERFACE);
            let _ = prefix(&options);
        }
    }
}
