//! What of the frames that an interface receives is ours; the rest is the system's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use super::frame::{ETHERNET, IPV4_TYPE, IPV6_TYPE};
use super::{EthernetError, Mac};

/// The most networks of UEs that are looked at: they are one after another, and jumps of XDP programs are short.
pub(crate) const MOST_NETWORKS: usize = 1000;

/// What of the packets is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steering {
    /// GTP-U: whole UDP datagrams to this address and port.
    pub(crate) n3: Option<(Ipv4Addr, u16)>,
    /// Packets to these networks: address and length of the prefix.
    pub(crate) ues: Vec<(IpAddr, u8)>,
}

/// An address with the bits beyond the prefix cleared.
pub(crate) fn network_of(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl Steering {
    /// What is ours on the interfaces of N3 and N6, or on the one that is both, for this address of N3 and these networks.
    ///
    /// # Errors
    /// Networks that are too many, and an address of N3 that is not IPv4.
    pub(crate) fn plan(
        n3: SocketAddr,
        ues: &[(IpAddr, u8)],
        apart: bool,
    ) -> Result<(SocketAddrV4, Self, Option<Self>), EthernetError> {
        let SocketAddr::V4(own) = n3 else { return Err(EthernetError::Ipv6(n3.ip())) };
        let ues: Vec<_> = ues.iter().map(|(address, length)| (network_of(*address, *length), *length)).collect();
        if ues.len() > MOST_NETWORKS {
            return Err(EthernetError::Networks(ues.len()));
        }
        let n3 = Some((*own.ip(), own.port()));
        Ok(match apart {
            true => (own, Self { n3, ues: vec![] }, Some(Self { n3: None, ues })),
            false => (own, Self { n3, ues }, None),
        })
    }

    /// Whether a frame to the interface of this address is ours: what the XDP program asks, where there is none.
    #[cfg_attr(not(any(feature = "dpdk", test)), expect(dead_code, reason = "AF_XDP has a program for it"))]
    pub(crate) fn is_ours(&self, own: Mac, frame: &[u8]) -> bool {
        let Some((ethernet, packet)) = frame.split_first_chunk::<ETHERNET>() else { return false };
        let [a, b, c, d, e, f, .., high, low] = *ethernet;
        match [high, low] {
            _ if [a, b, c, d, e, f] != own => false,
            IPV4_TYPE => self.is_our_ipv4(packet),
            IPV6_TYPE => {
                let destination = packet.get(24..40).and_then(|octets| octets.first_chunk::<16>());
                destination.is_some_and(|octets| self.is_ues(Ipv6Addr::from(*octets).into()))
            }
            _ => false,
        }
    }

    fn is_our_ipv4(&self, packet: &[u8]) -> bool {
        let Some((header, rest)) = packet.split_first_chunk::<20>() else { return false };
        let [first, _, _, _, _, _, f0, f1, _, protocol, _, _, _, _, _, _, a, b, c, d] = *header;
        let destination = Ipv4Addr::new(a, b, c, d);
        let is_n3 = self.n3.is_some_and(|(address, port)| {
            // Fragments are for the system to put together.
            let whole = u16::from_be_bytes([f0, f1]) & 0x3fff == 0;
            let udp = rest.first_chunk::<8>();
            let to = udp.map(|[_, _, high, low, ..]| u16::from_be_bytes([*high, *low]));
            destination == address && first == 0x45 && protocol == 17 && whole && to == Some(port)
        });
        is_n3 || self.is_ues(destination.into())
    }

    fn is_ues(&self, destination: IpAddr) -> bool {
        let mut networks = self.ues.iter().filter(|(network, _)| network.is_ipv4() == destination.is_ipv4());
        networks.any(|(network, length)| network_of(destination, *length) == *network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethernet::frame::{write_datagram, write_packet};

    const OWN: Mac = [2; 6];
    const N3: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 2152);
    const GNB: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 2152);

    const UES6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x45, 0, 0, 0, 0, 0);

    fn steering() -> Steering {
        Steering { n3: Some((*N3.ip(), N3.port())), ues: vec![([10, 45, 0, 0].into(), 16), (IpAddr::from(UES6), 48)] }
    }

    fn datagram(to: SocketAddrV4) -> Vec<u8> {
        let mut room = [0; 100];
        let length = write_datagram(&mut room, ([1; 6], OWN), (GNB, to), 0, b"payload").expect("fits");
        room[..length].to_vec()
    }

    fn packet(to: [u8; 4]) -> Vec<u8> {
        let mut packet = Vec::new();
        etherparse::PacketBuilder::ipv4([192, 0, 2, 1], to, 64).udp(1, 2).write(&mut packet, b"x").expect("fits");
        let mut room = [0; 100];
        let length = write_packet(&mut room, ([1; 6], OWN), &packet).expect("fits");
        room[..length].to_vec()
    }

    #[test]
    fn ours_are_tunnels_to_our_port_and_packets_for_ues() {
        let steering = steering();
        let is_ours = |frame: &[u8]| steering.is_ours(OWN, frame);
        assert!(is_ours(&datagram(N3)) && is_ours(&packet([10, 45, 9, 9])));
        assert!(!is_ours(&packet([10, 46, 0, 1])), "no UE's");
        assert!(!is_ours(&datagram(SocketAddrV4::new(*N3.ip(), 53))), "another port");
        assert!(!is_ours(&datagram(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 3), 2152))), "another host");
        for (place, value) in [(20, 0x20), (21, 1), (23, 6), (13, 6), (0, 0xff)] {
            let mut frame = datagram(N3);
            frame[place] = value;
            assert!(!is_ours(&frame), "a fragment, another protocol, or another's");
        }
        let mut frame = datagram(N3);
        frame[20] = 0x40;
        assert!(is_ours(&frame), "not to be fragmented");
        for cut in 0..42 {
            assert!(!is_ours(&datagram(N3)[..cut]));
        }
    }

    #[test]
    fn prefixes_of_ues_are_ours() {
        let frame = |to: Ipv6Addr| {
            let mut packet = Vec::new();
            let builder = etherparse::PacketBuilder::ipv6([1; 16], to.octets(), 64);
            builder.udp(1, 2152).write(&mut packet, b"x").expect("fits");
            let mut room = [0; 100];
            let length = write_packet(&mut room, ([1; 6], OWN), &packet).expect("fits");
            room[..length].to_vec()
        };
        let ours = Ipv6Addr::new(0xfd00, 0x10, 0x45, 7, 1, 2, 3, 4);
        let is_ours = |frame: &[u8]| steering().is_ours(OWN, frame);
        assert!(is_ours(&frame(ours)));
        assert!(!is_ours(&frame(Ipv6Addr::new(0xfd00, 0x10, 0x46, 7, 1, 2, 3, 4))), "another network");
        assert!(!is_ours(&frame(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1))), "Neighbour Discovery");
        for cut in 0..54 {
            assert!(!is_ours(&frame(ours)[..cut]));
        }
    }

    #[test]
    fn what_is_for_n6_is_nobodys_on_n3_alone() {
        let only = Steering { ues: vec![], ..steering() };
        assert!(only.is_ours(OWN, &datagram(N3)) && !only.is_ours(OWN, &packet([10, 45, 9, 9])));
        let every = Steering { n3: None, ues: vec![(Ipv4Addr::UNSPECIFIED.into(), 0)] };
        assert!(every.is_ours(OWN, &packet([198, 51, 100, 1])));
    }
}
