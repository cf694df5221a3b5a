//! N3 and N6 on interfaces of Ethernet past the system: frames become packets, and packets frames.

mod error;
mod frame;
mod neighbours;
mod steering;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

pub use error::EthernetError;
pub(crate) use frame::Mac;
use frame::{Carried, write_datagram, write_packet};
use neighbours::Neighbours;

pub(crate) use crate::netlink::{Interface, interface};
pub(crate) use steering::{MOST_NETWORKS, Steering, network_of};

use crate::{Frame, Origin, Verdict};

/// A queue of an interface.
pub(crate) trait Ring {
    /// Has `take` look at frames that were received and are ours, up to so many.
    fn receive(&mut self, most: usize, take: impl FnMut(&[u8]));

    /// Puts a frame, which `write` writes into the room and whose length it returns, behind those to be sent. `false` where
    /// there is no room left, or it wrote none.
    fn put(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool;

    /// Sends what was put. Returns how many frames could not be.
    fn flush(&mut self) -> usize;
}

/// Where packets to the data networks go: a router, or a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextHops {
    /// Those of IPv4. `None`: nowhere.
    pub ipv4: Option<Ipv4Addr>,
    /// Those of IPv6; an address of the link is one on N6's. `None`: nowhere.
    pub ipv6: Option<Ipv6Addr>,
}

impl NextHops {
    /// Where a packet goes.
    fn of(&self, packet: &[u8]) -> Option<IpAddr> {
        match packet.first()? >> 4 {
            4 => self.ipv4.map(IpAddr::from),
            6 => self.ipv6.map(IpAddr::from),
            _ => None,
        }
    }
}

/// A worker's rings, and who is next on the way.
pub(crate) struct Ethernet<R> {
    own: SocketAddrV4,
    next_hops: NextHops,
    n3: (R, Mac),
    /// `None`: N6 is on N3's interface.
    n6: Option<(R, Mac)>,
    neighbours: Neighbours,
    /// The last peer on N3: a new one's neighbour is asked for before there is anything to send to it.
    peer: Ipv4Addr,
    n6_first: bool,
}

impl<R: Ring> Ethernet<R> {
    /// With rings on the interfaces of N3, and N6 where that is another, each beside what the system knows of it.
    ///
    /// # Errors
    /// Where the system gives no socket or thread to ask it for neighbours.
    pub(crate) fn new(
        own: SocketAddrV4,
        next_hops: NextHops,
        n3: (R, Interface),
        n6: Option<(R, Interface)>,
    ) -> io::Result<Self> {
        let link = n6.as_ref().map_or(n3.1, |(_, interface)| *interface).index;
        let mut neighbours = Neighbours::start(link)?;
        let hops = [next_hops.ipv4.map(IpAddr::from), next_hops.ipv6.map(IpAddr::from)];
        for hop in hops.into_iter().flatten() {
            neighbours.of(hop);
        }
        let with_mac = |(ring, interface): (R, Interface)| (ring, interface.mac);
        let (n3, n6) = (with_mac(n3), n6.map(with_mac));
        Ok(Self { own, next_hops, n3, n6, neighbours, peer: Ipv4Addr::UNSPECIFIED, n6_first: false })
    }

    /// The rings: of N3, and of N6 where that is another.
    pub(crate) fn rings(&self) -> (&R, Option<&R>) {
        (&self.n3.0, self.n6.as_ref().map(|(ring, _)| ring))
    }

    /// As [`rings`](Self::rings), to be changed.
    #[cfg(feature = "dpdk")]
    pub(crate) fn rings_mut(&mut self) -> impl Iterator<Item = &mut R> {
        std::iter::once(&mut self.n3.0).chain(self.n6.as_mut().map(|(ring, _)| ring))
    }

    /// As [`Port::receive`](crate::Port::receive).
    pub(crate) fn receive(&mut self, frames: &mut [Frame]) -> usize {
        self.neighbours.update();
        self.n6_first = !self.n6_first;
        // Half of the frames for each, then what is left for the second.
        let half = if self.n6.is_some() { frames.len() / 2 } else { 0 };
        let Some((first, _)) = frames.split_at_mut_checked(half) else { return 0 };
        let count = self.receive_from(self.n6_first, first);
        let Some((_, rest)) = frames.split_at_mut_checked(count) else { return count };
        let n6_second = !self.n6_first && self.n6.is_some();
        count + self.receive_from(n6_second, rest)
    }

    /// Receives from one of the rings.
    fn receive_from(&mut self, n6: bool, frames: &mut [Frame]) -> usize {
        let (own, last) = (self.own, self.peer);
        let ring = match (&mut self.n6, n6) {
            (Some((ring, _)), true) => ring,
            (None, true) => return 0,
            (_, false) => &mut self.n3.0,
        };
        let mut filled = 0;
        let mut new_peer = None;
        ring.receive(frames.len(), |octets| {
            let Some((carried, frame)) = frame::read(octets, own).zip(frames.get_mut(filled)) else { return };
            let (packet, origin, peer) = match carried {
                Carried::N3(peer, payload) => (payload, Origin::N3, SocketAddr::V4(peer)),
                Carried::N6(packet) => (packet, Origin::N6, frame.peer),
            };
            let room = frame.room().get_mut(..packet.len());
            let Some(room) = room else { return };
            room.copy_from_slice(packet);
            frame.received(packet.len(), origin, peer);
            if let (Origin::N3, IpAddr::V4(from)) = (origin, peer.ip()) {
                new_peer = (from != last).then_some(from).or(new_peer);
            }
            filled += 1;
        });
        if let Some(peer) = new_peer {
            self.peer = peer;
            self.neighbours.of(peer.into());
        }
        filled
    }

    /// As [`Port::send`](crate::Port::send).
    pub(crate) fn send(&mut self, frames: &[Frame]) -> usize {
        let mut unsent = 0;
        for frame in frames.iter().filter(|frame| frame.verdict.is_sent()) {
            unsent += usize::from(!self.put(frame));
        }
        unsent += self.n3.0.flush();
        unsent + self.n6.as_mut().map_or(0, |(ring, _)| ring.flush())
    }

    /// Puts a frame into the ring it belongs to. `false` where it cannot be sent.
    fn put(&mut self, frame: &Frame) -> bool {
        match frame.verdict {
            Verdict::ToN3(SocketAddr::V4(to)) => {
                let Some(mac) = self.neighbours.of(IpAddr::V4(*to.ip())) else { return false };
                let (ring, own) = &mut self.n3;
                let macs = (*own, mac);
                ring.put(|room| write_datagram(room, macs, (self.own, to), frame.marking, frame.packet()))
            }
            Verdict::ToN6 => {
                let hop = self.next_hops.of(frame.packet());
                let Some(mac) = hop.and_then(|hop| self.neighbours.of(hop)) else { return false };
                let (ring, own) = self.n6.as_mut().unwrap_or(&mut self.n3);
                let macs = (*own, mac);
                ring.put(|room| write_packet(room, macs, frame.packet()))
            }
            _ => false,
        }
    }
}
