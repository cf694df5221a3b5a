//! N3 and N6 on devices of DPDK: packets go between the card and us, and the system does not see them.
//!
//! What is neither GTP-U for our address nor for the UEs goes to the system all the same, by a TAP device in the card's place:
//! the system speaks ARP, has the routes and knows who our neighbours are, as with AF_XDP.

mod device;
mod environment;
mod queue;
mod system;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use device::Device;
use environment::{Entered, Environment};
use queue::Queue;
use system::System;

use crate::ethernet::{Ethernet, EthernetError, Interface, NextHops, Steering};
use crate::port::wait_readable;
use crate::{Frame, Port, TunAddress, Waker};

/// A device, and the system's end in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpdkLink {
    /// Its name in DPDK: `0000:01:00.0`, `net_af_packet0`.
    pub device: String,
    /// Name of the TAP device.
    pub tap: String,
    /// Our addresses on the link, which the TAP device gets.
    pub addresses: Vec<TunAddress>,
}

/// What the port is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpdkConfig {
    /// Arguments of the environment (EAL), without the program's name.
    pub eal: Vec<String>,
    /// Own address and port on N3, IPv4: one of those of the link.
    pub n3: SocketAddr,
    /// The device that N3 is on.
    pub n3_link: DpdkLink,
    /// The device that N6 is on, where it is another.
    pub n6_link: Option<DpdkLink>,
    /// Where packets to the data networks go.
    pub n6_next_hops: NextHops,
    /// The UEs' networks: address and length of the prefix.
    pub ues: Vec<(IpAddr, u8)>,
    /// The longest packet on a link, in octets, with all headers from IP on.
    pub mtu: u16,
    /// How long a worker sleeps at a time when nothing comes. Zero: it never does.
    pub nap: Duration,
}

/// Times that nothing came before a worker sleeps.
const SPINS: u32 = 1000;

/// A device that is open, shared by the ports of all workers.
struct Opened {
    device: Arc<Device>,
    system: Arc<System>,
    steering: Steering,
}

impl Opened {
    fn open(
        environment: &Arc<Environment>,
        link: &DpdkLink,
        steering: Steering,
        (queues, mtu): (u16, u16),
    ) -> io::Result<Self> {
        let device = Device::start(environment, &link.device, queues, mtu)?;
        let system = System::open(link, device.mac(), mtu)?;
        Ok(Self { device: Arc::new(device), system: Arc::new(system), steering })
    }

    fn queue(&self, number: u16) -> (Queue, Interface) {
        (Queue::new(&self.device, number, self.steering.clone(), &self.system), self.system.interface())
    }
}

/// One worker's queues.
pub struct Dpdk {
    /// Goes first: the environment may end with the queues.
    entered: Option<Entered>,
    /// Whether the worker's thread has been made one of the environment's, or tried to.
    known: bool,
    ethernet: Ethernet<Queue>,
    /// Times that nothing came, one after another.
    idle: u32,
    nap: Duration,
    /// Keeps the port of N3 ours, so that the system sends no error for what it gets to see.
    _reserved: Arc<UdpSocket>,
}

impl Dpdk {
    /// Opens the port for each of so many workers: worker `i` has queue `i` of each device.
    ///
    /// # Errors
    /// See [`EthernetError`]. Once the environment has started, a second try in the same process fails.
    pub fn open(config: &DpdkConfig, workers: usize) -> Result<Vec<Self>, EthernetError> {
        let (own, on_n3, on_n6) = Steering::plan(config.n3, &config.ues, config.n6_link.is_some())?;
        let environment = Environment::start(&config.eal).map_err(EthernetError::Environment)?;
        let queues = u16::try_from(workers).unwrap_or(u16::MAX);
        let open = |link: &DpdkLink, steering: Steering| {
            Opened::open(&environment, link, steering, (queues, config.mtu))
                .map_err(|source| EthernetError::Interface { name: link.device.clone(), source })
        };
        let n3 = open(&config.n3_link, on_n3)?;
        let n6 = config.n6_link.as_ref().zip(on_n6).map(|(link, steering)| open(link, steering)).transpose()?;
        let reserved = Arc::new(UdpSocket::bind(own).map_err(EthernetError::N3)?);
        let port = |queue: u16| {
            let n6 = n6.as_ref().map(|n6| n6.queue(queue));
            let ethernet = Ethernet::new(own, config.n6_next_hops, n3.queue(queue), n6)?;
            let (nap, _reserved) = (config.nap, reserved.clone());
            Ok(Self { entered: None, known: false, ethernet, idle: 0, nap, _reserved })
        };
        (0..queues).map(port).collect()
    }

    /// Buffers in use on both devices.
    #[doc(hidden)]
    pub fn buffers_in_use(&self) -> u32 {
        let (n3, n6) = self.ethernet.rings();
        n3.in_use() + n6.map_or(0, Queue::in_use)
    }

    fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        let (n3, n6) = self.ethernet.rings();
        [n3.system().descriptor(), n6.unwrap_or(n3).system().descriptor()]
    }
}

impl Port for Dpdk {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        if !self.known {
            // The first time on the thread that the port is for.
            self.known = true;
            self.entered = Entered::new();
        }
        let count = self.ethernet.receive(frames);
        if count > 0 {
            self.idle = 0;
        }
        count
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        self.ethernet.send(frames)
    }

    /// A device has no descriptor that says that something came: it is looked at again and again, soon at first, then after a
    /// short sleep each time.
    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        self.idle = self.idle.saturating_add(1);
        if self.nap.is_zero() || self.idle < SPINS {
            std::hint::spin_loop();
            return;
        }
        let nap = time.map_or(self.nap, |time| time.min(self.nap));
        wait_readable(&self.descriptors(), waker, Some(nap));
        self.ethernet.rings_mut().for_each(Queue::look_soon);
    }
}
