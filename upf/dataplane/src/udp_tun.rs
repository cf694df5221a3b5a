//! N3 on a UDP socket, N6 on a TUN device: works on any machine.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::port::wait_readable;
use crate::udp::{Udp, Ways};
use crate::{Frame, Port, Tun, TunConfig, Waker};

/// Why the port cannot be opened: the configuration's fault, or the system's.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket of N3.
    #[error("N3: {0}")]
    N3(io::Error),
    /// The device of N6.
    #[error("N6: {0}")]
    N6(io::Error),
}

/// A UDP socket and a TUN device.
pub struct UdpTun {
    udp: Udp,
    tun: Tun,
    /// Which of the two is read first: they take turns, so that neither starves the other.
    tun_first: bool,
}

impl UdpTun {
    /// Binds N3 to `n3` and makes the device of N6: a port for each of so many workers. What arrives on N3 comes to the
    /// worker that owns the tunnel's bucket. With `n6.offload` both move many packets as one where the system can.
    ///
    /// # Errors
    /// What the system says of the address or the device.
    pub fn open(n3: SocketAddr, n6: &TunConfig, workers: usize) -> Result<Vec<Self>, OpenError> {
        let ways = Ways { join: n6.offload, cut: n6.offload };
        let sockets = Udp::bind(n3, workers, ways).map_err(OpenError::N3)?;
        let devices = Tun::open(n6, workers).map_err(OpenError::N6)?;
        Ok(sockets.into_iter().zip(devices).map(|(udp, tun)| Self { udp, tun, tun_first: false }).collect())
    }

    /// Whether packets move as many in one on N6.
    pub fn offloads(&self) -> bool {
        self.tun.offloads()
    }
}

impl Port for UdpTun {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        self.tun_first = !self.tun_first;
        // Half of the frames for each, then what is left for the second.
        let half = frames.len() / 2;
        let Some((first, _)) = frames.split_at_mut_checked(half) else { return 0 };
        let count = if self.tun_first { self.tun.receive(first) } else { self.udp.receive(first) };
        let Some((_, rest)) = frames.split_at_mut_checked(count) else { return count };
        count + if self.tun_first { self.udp.receive(rest) } else { self.tun.receive(rest) }
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        self.tun.send(frames) + self.udp.send(frames)
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        if !self.udp.has_left() && !self.tun.has_left() {
            wait_readable(&[self.udp.descriptor(), self.tun.descriptor()], waker, time);
        }
    }
}
