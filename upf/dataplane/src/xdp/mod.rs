//! N3 and N6 on AF_XDP sockets: packets go between the driver and us, past the system.
//!
//! An XDP program of ours at each interface hands us what is GTP-U for our address and what is for the UEs; everything else, ARP
//! among it, stays the system's, which also knows who our neighbours are.

mod bpf;
mod ethernet;
mod neighbours;
mod program;
mod ring;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use bpf::{Link, Program, SocketMap};
use ethernet::{Carried, Mac, write_datagram, write_packet};
use neighbours::{Interface, Neighbours};
use program::{MOST_NETWORKS, Steering};
use ring::Ring;

use crate::port::wait_readable;
use crate::{Frame, Origin, Port, Verdict, Waker};

/// What the port is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfXdpConfig {
    /// Own address and port on N3, IPv4.
    pub n3: SocketAddr,
    /// The interface that N3 is on.
    pub n3_interface: String,
    /// The interface that N6 is on; it may be the same.
    pub n6_interface: String,
    /// Where packets to the data networks go: a router, or a host.
    pub n6_next_hop: Ipv4Addr,
    /// The UEs' networks: address and length of the prefix.
    pub ues: Vec<(IpAddr, u8)>,
}

/// Why the port cannot be opened: the configuration's fault, or the system's.
#[derive(Debug, thiserror::Error)]
pub enum AfXdpError {
    /// N3 or a UE's network is IPv6.
    #[error("{0}: AF_XDP is for IPv4 only")]
    Ipv6(IpAddr),
    /// More networks of UEs than the program looks at.
    #[error("{0} networks of UEs, more than {MOST_NETWORKS}")]
    Networks(usize),
    /// An interface.
    #[error("interface '{name}': {source}")]
    Interface {
        /// Its name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address of N3.
    #[error("N3: {0}")]
    N3(io::Error),
    /// Programs or sockets of this kind: it takes CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, and a kernel from 5.9.
    #[error("AF_XDP: {0}")]
    System(#[from] io::Error),
}

/// An interface with our program, shared by the ports of all workers.
struct Steered {
    interface: Interface,
    sockets: SocketMap,
    _link: Link,
}

impl Steered {
    fn open(name: &str, steering: &Steering, queues: u32) -> Result<Self, AfXdpError> {
        let interface =
            neighbours::interface(name).map_err(|source| AfXdpError::Interface { name: name.into(), source })?;
        let sockets = SocketMap::new(queues)?;
        let program = Program::load(&program::assemble(steering, sockets.descriptor()))?;
        let attached = program.attach(interface.index);
        let link = attached.map_err(|source| AfXdpError::Interface { name: name.into(), source })?;
        Ok(Self { interface, sockets, _link: link })
    }

    fn ring(&self, queue: u32) -> io::Result<Ring> {
        let ring = Ring::bind(self.interface.index, queue)?;
        self.sockets.put(queue, ring.descriptor())?;
        Ok(ring)
    }
}

/// One worker's sockets.
pub struct AfXdp {
    own: SocketAddrV4,
    next_hop: Ipv4Addr,
    n3: (Ring, Mac),
    /// `None`: N6 is on N3's interface.
    n6: Option<(Ring, Mac)>,
    neighbours: Neighbours,
    /// The last peer on N3: a new one's neighbour is asked for before there is anything to send to it.
    peer: Ipv4Addr,
    n6_first: bool,
    _steered: Arc<[Steered]>,
    /// Keeps the port of N3 ours, so that the system sends no error for what it gets to see.
    _reserved: Arc<UdpSocket>,
}

impl AfXdp {
    /// Opens the port for each of so many workers: worker `i` has queue `i` of each interface, so both have as many
    /// queues. What comes on another queue is the system's.
    ///
    /// # Errors
    /// See [`AfXdpError`].
    pub fn open(config: &AfXdpConfig, workers: usize) -> Result<Vec<Self>, AfXdpError> {
        let SocketAddr::V4(own) = config.n3 else { return Err(AfXdpError::Ipv6(config.n3.ip())) };
        let network = |(address, length): &(IpAddr, u8)| match address {
            IpAddr::V4(v4) => Ok((*v4, *length)),
            IpAddr::V6(_) => Err(AfXdpError::Ipv6(*address)),
        };
        let ues = config.ues.iter().map(network).collect::<Result<Vec<_>, _>>()?;
        if ues.len() > MOST_NETWORKS {
            return Err(AfXdpError::Networks(ues.len()));
        }
        let reserved = Arc::new(UdpSocket::bind(own).map_err(AfXdpError::N3)?);
        let queues = u32::try_from(workers).unwrap_or(u32::MAX);
        let n3 = Some((*own.ip(), own.port()));
        let open = |name: &str, steering: &Steering| Steered::open(name, steering, queues);
        let steered: Arc<[Steered]> = if config.n3_interface == config.n6_interface {
            Arc::new([open(&config.n3_interface, &Steering { n3, ues })?])
        } else {
            let on_n3 = open(&config.n3_interface, &Steering { n3, ues: vec![] })?;
            Arc::new([on_n3, open(&config.n6_interface, &Steering { n3: None, ues })?])
        };
        (0..queues).map(|queue| Self::of(config, own, &steered, &reserved, queue)).collect()
    }

    fn of(
        config: &AfXdpConfig,
        own: SocketAddrV4,
        steered: &Arc<[Steered]>,
        reserved: &Arc<UdpSocket>,
        queue: u32,
    ) -> Result<Self, AfXdpError> {
        let mut rings = steered.iter().map(|steered| Ok::<_, io::Error>((steered.ring(queue)?, steered.interface.mac)));
        let n3 = rings.next().transpose()?.ok_or_else(|| AfXdpError::System(io::ErrorKind::NotFound.into()))?;
        let n6 = rings.next().transpose()?;
        drop(rings);
        let mut neighbours = Neighbours::start()?;
        neighbours.of(config.n6_next_hop);
        Ok(Self {
            own,
            next_hop: config.n6_next_hop,
            n3,
            n6,
            neighbours,
            peer: Ipv4Addr::UNSPECIFIED,
            n6_first: false,
            _steered: steered.clone(),
            _reserved: reserved.clone(),
        })
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
            let Some((carried, frame)) = ethernet::read(octets, own).zip(frames.get_mut(filled)) else { return };
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
            self.neighbours.of(peer);
        }
        filled
    }

    /// Puts a frame into the ring it belongs to. `false` where it cannot be sent.
    fn put(&mut self, frame: &Frame) -> bool {
        match frame.verdict {
            Verdict::ToN3(SocketAddr::V4(to)) => {
                let Some(mac) = self.neighbours.of(*to.ip()) else { return false };
                let (ring, own) = &mut self.n3;
                let macs = (*own, mac);
                ring.put(|room| write_datagram(room, macs, (self.own, to), frame.marking, frame.packet()))
            }
            Verdict::ToN6 => {
                let Some(mac) = self.neighbours.of(self.next_hop) else { return false };
                let (ring, own) = self.n6.as_mut().unwrap_or(&mut self.n3);
                let macs = (*own, mac);
                ring.put(|room| write_packet(room, macs, frame.packet()))
            }
            _ => false,
        }
    }

    fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        let n3 = self.n3.0.descriptor();
        [n3, self.n6.as_ref().map_or(n3, |(ring, _)| ring.descriptor())]
    }
}

impl Port for AfXdp {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
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

    fn send(&mut self, frames: &[Frame]) -> usize {
        let mut unsent = 0;
        for frame in frames.iter().filter(|frame| frame.verdict.is_sent()) {
            unsent += usize::from(!self.put(frame));
        }
        self.n3.0.flush();
        if let Some((ring, _)) = &mut self.n6 {
            ring.flush();
        }
        unsent
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        wait_readable(&self.descriptors(), waker, time);
    }
}
