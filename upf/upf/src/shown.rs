//! Packets of N3 and N6, shown to who watches.

use std::net::{IpAddr, SocketAddr};

use dataplane::{Point, Seen, Tap};
use runtime::trace::{Datagram, Kind, Matched, Octets, Trace};

/// What shows packets at `trace`; `n3` is our own address there.
pub(crate) fn tap(trace: Trace, n3: SocketAddr) -> Tap {
    Tap::new(None, move |seen| {
        let kind = match seen.point {
            Point::FromN3 | Point::ToN3 => Kind::N3,
            Point::FromN6 | Point::ToN6 => Kind::N6,
            // The capture of N6 has IP packets.
            Point::FromEthernet | Point::ToEthernet => return,
        };
        let (from, to) = match seen.point {
            Point::FromN3 => (seen.peer, n3),
            _ => (n3, seen.peer),
        };
        let octets = || Octets(seen.octets.to_vec());
        let rule = seen.seid.zip(seen.pdr).map(|(seid, pdr)| Matched { seid, pdr });
        let interface = || kind.as_str().into();
        trace.packet(kind, ue(&seen), || Datagram { interface: interface(), from, to, octets: octets(), rule });
    })
}

/// The UE's end of the packet.
fn ue(seen: &Seen<'_>) -> Option<IpAddr> {
    let inner = match seen.point {
        Point::FromN3 | Point::ToN3 => {
            let datagram = gtpu::Datagram::parse(seen.octets).ok()?;
            (datagram.message == gtpu::message::G_PDU).then_some(datagram.payload)?
        }
        Point::FromN6 | Point::ToN6 => seen.octets,
        Point::FromEthernet | Point::ToEthernet => return None,
    };
    let (source, destination) = ends(inner)?;
    Some(match seen.point {
        Point::FromN3 | Point::ToN6 => source,
        Point::ToN3 | Point::FromN6 | Point::FromEthernet | Point::ToEthernet => destination,
    })
}

/// Source and destination of an IP packet.
fn ends(packet: &[u8]) -> Option<(IpAddr, IpAddr)> {
    match packet.first()? >> 4 {
        4 => {
            let address = |at: usize| packet.get(at..)?.first_chunk::<4>().map(|octets| IpAddr::from(*octets));
            Some((address(12)?, address(16)?))
        }
        6 => {
            let address = |at: usize| packet.get(at..)?.first_chunk::<16>().map(|octets| IpAddr::from(*octets));
            Some((address(8)?, address(24)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLINK: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 10, 45, 0, 2, 192, 0, 2, 1];

    fn seen(point: Point, octets: &[u8]) -> Seen<'_> {
        Seen { point, seid: None, pdr: None, peer: SocketAddr::from(([127, 0, 0, 1], 2152)), octets }
    }

    #[test]
    fn the_ue_is_where_the_packet_comes_from_or_goes_to() {
        let (ue_address, host) = (IpAddr::from([10, 45, 0, 2]), IpAddr::from([192, 0, 2, 1]));
        let tunnelled = [&[0x30, 0xff, 0, 20, 0, 0, 0, 1], &UPLINK[..]].concat();
        assert_eq!(ue(&seen(Point::FromN3, &tunnelled)), Some(ue_address));
        assert_eq!(ue(&seen(Point::ToN6, &UPLINK)), Some(ue_address));
        assert_eq!(ue(&seen(Point::ToN3, &tunnelled)), Some(host));
        assert_eq!(ue(&seen(Point::FromN6, &UPLINK)), Some(host));
        let echo = [0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0];
        for (point, octets) in [(Point::FromN3, &echo[..]), (Point::FromN6, &UPLINK[..15]), (Point::FromN6, &[])] {
            assert_eq!(ue(&seen(point, octets)), None);
        }
    }
}
