//! N3 and N6 on AF_XDP sockets: packets go between the driver and us, past the system.
//!
//! An XDP program of ours at each interface hands us what is GTP-U for our address and what is for the UEs; everything else, ARP
//! among it, stays the system's, which also knows who our neighbours are.

mod bpf;
mod program;
mod ring;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use bpf::{Link, Program, SocketMap};
use ring::Ring;

use crate::ethernet::{self, Ethernet, EthernetError, Interface, NextHops, Steering};
use crate::port::wait_readable;
use crate::{Frame, Port, Waker};

/// What the port is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfXdpConfig {
    /// Own address and port on N3, IPv4.
    pub n3: SocketAddr,
    /// The interface that N3 is on.
    pub n3_interface: String,
    /// The interface that N6 is on; it may be the same.
    pub n6_interface: String,
    /// Where packets to the data networks go.
    pub n6_next_hops: NextHops,
    /// The UEs' networks: address and length of the prefix.
    pub ues: Vec<(IpAddr, u8)>,
}

/// An interface with our program, shared by the ports of all workers.
struct Steered {
    interface: Interface,
    sockets: SocketMap,
    _link: Link,
}

impl Steered {
    fn open(name: &str, steering: &Steering, queues: u32) -> Result<Self, EthernetError> {
        let interface =
            ethernet::interface(name).map_err(|source| EthernetError::Interface { name: name.into(), source })?;
        let sockets = SocketMap::new(queues)?;
        let program = Program::load(&program::assemble(steering, sockets.descriptor()))?;
        let attached = program.attach(interface.index);
        let link = attached.map_err(|source| EthernetError::Interface { name: name.into(), source })?;
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
    ethernet: Ethernet<Ring>,
    _steered: Arc<[Steered]>,
    /// Keeps the port of N3 ours, so that the system sends no error for what it gets to see.
    _reserved: Arc<UdpSocket>,
}

impl AfXdp {
    /// Opens the port for each of so many workers: worker `i` has queue `i` of each interface, so both have as many
    /// queues. What comes on another queue is the system's.
    ///
    /// # Errors
    /// See [`EthernetError`].
    pub fn open(config: &AfXdpConfig, workers: usize) -> Result<Vec<Self>, EthernetError> {
        let apart = config.n3_interface != config.n6_interface;
        let (own, on_n3, on_n6) = Steering::plan(config.n3, &config.ues, apart)?;
        let reserved = Arc::new(UdpSocket::bind(own).map_err(EthernetError::N3)?);
        let queues = u32::try_from(workers).unwrap_or(u32::MAX);
        let mut steered = vec![Steered::open(&config.n3_interface, &on_n3, queues)?];
        if let Some(on_n6) = on_n6 {
            steered.push(Steered::open(&config.n6_interface, &on_n6, queues)?);
        }
        let steered: Arc<[Steered]> = steered.into();
        (0..queues).map(|queue| Self::of(config, own, &steered, &reserved, queue)).collect()
    }

    fn of(
        config: &AfXdpConfig,
        own: SocketAddrV4,
        steered: &Arc<[Steered]>,
        reserved: &Arc<UdpSocket>,
        queue: u32,
    ) -> Result<Self, EthernetError> {
        let mut rings = steered.iter().map(|steered| Ok::<_, io::Error>((steered.ring(queue)?, steered.interface)));
        let n3 = rings.next().transpose()?.ok_or_else(|| EthernetError::System(io::ErrorKind::NotFound.into()))?;
        let n6 = rings.next().transpose()?;
        drop(rings);
        let ethernet = Ethernet::new(own, config.n6_next_hops, n3, n6)?;
        Ok(Self { ethernet, _steered: steered.clone(), _reserved: reserved.clone() })
    }

    fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        let (n3, n6) = self.ethernet.rings();
        [n3.descriptor(), n6.unwrap_or(n3).descriptor()]
    }
}

impl Port for AfXdp {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        self.ethernet.receive(frames)
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        self.ethernet.send(frames)
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        wait_readable(&self.descriptors(), waker, time);
    }
}
