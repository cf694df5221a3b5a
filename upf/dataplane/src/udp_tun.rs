//! N3 on a UDP socket, N6 on a TUN device, and on a TAP device for each Ethernet data network: works on any machine.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::lan::Taps;
use crate::port::wait_readable;
use crate::udp::{Udp, Ways};
use crate::{EthernetNetwork, Frame, Port, Tun, TunConfig, Waker};

/// Why the port cannot be opened: the configuration's fault, or the system's.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket of N3.
    #[error("N3: {0}")]
    N3(io::Error),
    /// The device of N6.
    #[error("N6: {0}")]
    N6(io::Error),
    /// The device of an Ethernet data network.
    #[error("{0}: {1}")]
    Ethernet(String, io::Error),
}

/// A UDP socket, a TUN device, and TAP devices.
pub struct UdpTun {
    udp: Udp,
    tun: Tun,
    taps: Taps,
    /// Which side is read first: they take turns, so that neither starves the other.
    tun_first: bool,
}

impl UdpTun {
    /// Binds N3 to `n3` and makes the device of N6: a port for each of so many workers. What arrives on N3 comes to the
    /// worker that owns the tunnel's bucket. Each Ethernet data network gets a device, by its number. With `n6.offload` both move many packets as one where the system can.
    ///
    /// # Errors
    /// What the system says of the address or the device.
    pub fn open(
        n3: SocketAddr,
        n6: &TunConfig,
        ethernet: &[EthernetNetwork],
        workers: usize,
    ) -> Result<Vec<Self>, OpenError> {
        let ways = Ways { join: n6.offload, cut: n6.offload };
        let sockets = Udp::bind(n3, workers, ways).map_err(OpenError::N3)?;
        let devices = Tun::open(n6, workers).map_err(OpenError::N6)?;
        let taps = Taps::open(ethernet, workers)?;
        let parts = sockets.into_iter().zip(devices).zip(taps);
        Ok(parts.map(|((udp, tun), taps)| Self { udp, tun, taps, tun_first: false }).collect())
    }

    /// Whether packets move as many in one on N6.
    pub fn offloads(&self) -> bool {
        self.tun.offloads()
    }
}

impl Port for UdpTun {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        self.tun_first = !self.tun_first;
        // A quarter at most for what few networks have, and that seldom fast.
        let quarter = frames.len() / 4;
        let from_taps = match frames.get_mut(..quarter) {
            Some(first) if !self.taps.is_empty() => self.taps.receive(first),
            _ => 0,
        };
        let Some((_, frames)) = frames.split_at_mut_checked(from_taps) else { return from_taps };
        // Half of the frames for each, then what is left for the second.
        let half = frames.len() / 2;
        let Some((first, _)) = frames.split_at_mut_checked(half) else { return 0 };
        let count = if self.tun_first { self.tun.receive(first) } else { self.udp.receive(first) };
        let Some((_, rest)) = frames.split_at_mut_checked(count) else { return count };
        from_taps + count + if self.tun_first { self.udp.receive(rest) } else { self.tun.receive(rest) }
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        let to_taps = if self.taps.is_empty() { 0 } else { self.taps.send(frames) };
        self.tun.send(frames) + self.udp.send(frames) + to_taps
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        if !self.udp.has_left() && !self.tun.has_left() {
            let [udp, tun] = [self.udp.descriptor(), self.tun.descriptor()];
            match self.taps.is_empty() {
                true => wait_readable(&[udp, tun], waker, time),
                false => wait_readable(
                    &[udp, tun].into_iter().chain(self.taps.descriptors()).collect::<Vec<_>>(),
                    waker,
                    time,
                ),
            }
        }
    }
}
