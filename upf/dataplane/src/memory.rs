//! A port without a network, for tests and measurements.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use rules::Link;

use crate::port::wait_readable;
use crate::{Frame, Origin, Port, Verdict, Waker};

/// The worker's end.
pub struct Memory {
    incoming: Receiver<(Origin, SocketAddr, Vec<u8>)>,
    outgoing: Sender<(Verdict, Vec<u8>)>,
}

/// The other end: what it sends is received by the worker, and it gets what the worker sends.
pub struct MemoryPeer {
    incoming: Sender<(Origin, SocketAddr, Vec<u8>)>,
    outgoing: Receiver<(Verdict, Vec<u8>)>,
    waker: Waker,
}

impl Memory {
    /// A port and its other end, which wakes the worker through `waker`.
    pub fn pair(waker: Waker) -> (Self, MemoryPeer) {
        let (to_worker, incoming) = channel();
        let (outgoing, from_worker) = channel();
        (Self { incoming, outgoing }, MemoryPeer { incoming: to_worker, outgoing: from_worker, waker })
    }

    /// A port for each waker and their other ends, of which the first gets what all workers send, in the order in which they
    /// do.
    pub fn bundle(wakers: &[Waker]) -> (Vec<Self>, Vec<MemoryPeer>) {
        let (mut ports, peers): (Vec<Self>, Vec<_>) = wakers.iter().cloned().map(Self::pair).unzip();
        let first = ports.first().map(|port| port.outgoing.clone());
        ports.iter_mut().zip(first.iter().cycle()).for_each(|(port, first)| port.outgoing = first.clone());
        (ports, peers)
    }
}

impl MemoryPeer {
    /// Sends a UDP payload to N3.
    pub fn send_n3(&self, from: SocketAddr, payload: &[u8]) {
        self.send(Origin::N3, from, payload);
    }

    /// Sends an IP packet to N6.
    pub fn send_n6(&self, packet: &[u8]) {
        self.send(Origin::N6, SocketAddr::from(([0, 0, 0, 0], 0)), packet);
    }

    /// Sends a frame of an Ethernet data network.
    pub fn send_ethernet(&self, link: Link, frame: &[u8]) {
        self.send(Origin::Ethernet(link), SocketAddr::from(([0, 0, 0, 0], 0)), frame);
    }

    fn send(&self, origin: Origin, from: SocketAddr, packet: &[u8]) {
        // The worker may be gone; then nobody answers, which is what the sender will see.
        let _ = self.incoming.send((origin, from, packet.to_vec()));
        self.waker.wake();
    }

    /// What the worker sent, if there is something.
    pub fn try_receive(&self) -> Option<(Verdict, Vec<u8>)> {
        self.outgoing.try_recv().ok()
    }

    /// What the worker sent, waiting for it up to `time`.
    pub fn receive(&self, time: Duration) -> Option<(Verdict, Vec<u8>)> {
        self.outgoing.recv_timeout(time).ok()
    }
}

impl Port for Memory {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        let mut count = 0;
        for frame in frames {
            match self.incoming.try_recv() {
                Ok((origin, from, packet)) => {
                    frame.replace(&packet);
                    frame.received(packet.len(), origin, from);
                    count += 1;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        count
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        let wanted = frames.iter().filter(|frame| frame.verdict.is_sent());
        wanted.filter(|frame| self.outgoing.send((frame.verdict, frame.packet().to_vec())).is_err()).count()
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        wait_readable(&[], waker, time);
    }
}
