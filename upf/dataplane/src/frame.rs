//! A packet in a buffer with room before it.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use rules::Link;

use crate::Bucket;

/// Room before a received packet: for a GTP-U header in place of none, rounded to a cache line.
pub(crate) const HEADROOM: usize = 64;

/// In place of the worker that handed a frame over: it was kept in its session.
pub(crate) const KEPT: u8 = u8::MAX;

/// Where a frame came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The access side: a UDP payload received on N3.
    N3,
    /// The data network's side: an IP packet received on N6.
    N6,
    /// The same of an Ethernet data network: a frame.
    Ethernet(Link),
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Drop,
    /// Sent as a UDP payload on N3, to this address.
    ToN3(SocketAddr),
    /// Sent as an IP packet on N6.
    ToN6,
    /// Sent as a frame to an Ethernet data network.
    ToEthernet(Link),
    /// Handed to the worker that owns its bucket, as it came.
    ToWorker(usize),
    /// Kept, as it came, until the bucket has arrived at this worker.
    Parked(Bucket),
}

impl Verdict {
    /// Whether a port is to send the frame.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::ToN3(_) | Self::ToN6 | Self::ToEthernet(_))
    }
}

/// A packet, where it came from and where it goes. The buffer is made once and used again.
#[derive(Clone, Debug)]
pub struct Frame {
    octets: Box<[u8]>,
    start: usize,
    end: usize,
    /// Where it came from.
    pub origin: Origin,
    /// Who sent it, on N3.
    pub peer: SocketAddr,
    /// Where it goes.
    pub verdict: Verdict,
    /// ToS or traffic class of the outer IP header, on N3.
    pub marking: u8,
    /// The worker that handed it over; `None`: it came from our own port.
    pub(crate) handed_by: Option<u8>,
    /// The bucket that it was led to, where that is not the one of its destination.
    pub(crate) led_to: Option<Bucket>,
}

impl Frame {
    /// A frame for packets of up to `size` octets.
    pub fn new(size: usize) -> Self {
        let peer = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        let octets = vec![0; HEADROOM + size].into_boxed_slice();
        let verdict = Verdict::Drop;
        Self {
            octets,
            start: HEADROOM,
            end: HEADROOM,
            origin: Origin::N6,
            peer,
            verdict,
            marking: 0,
            handed_by: None,
            led_to: None,
        }
    }

    /// A frame that holds this packet.
    pub fn holding(packet: &[u8], origin: Origin, peer: SocketAddr) -> Self {
        let mut frame = Self::new(packet.len());
        frame.room().copy_from_slice(packet);
        frame.received(packet.len(), origin, peer);
        frame
    }

    /// The packet.
    pub fn packet(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// The room for a packet to be received, and a fresh start of the frame.
    pub fn room(&mut self) -> &mut [u8] {
        self.start = HEADROOM;
        self.end = HEADROOM;
        self.octets.get_mut(HEADROOM..).unwrap_or_default()
    }

    /// Says that `length` octets were received into the room.
    pub fn received(&mut self, length: usize, origin: Origin, peer: SocketAddr) {
        self.start = HEADROOM;
        self.end = (HEADROOM + length).min(self.octets.len());
        (self.origin, self.peer, self.verdict, self.marking) = (origin, peer, Verdict::Drop, 0);
        (self.handed_by, self.led_to) = (None, None);
    }

    /// The packet, to be changed in place.
    pub(crate) fn packet_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Takes `count` octets off the front.
    pub fn strip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Cuts the packet to `length` octets.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.end = self.end.min(self.start + length);
    }

    /// The room before the packet.
    pub fn headroom(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.start).unwrap_or_default()
    }

    /// Says that `count` octets directly before the packet are part of it now.
    pub fn prepend(&mut self, count: usize) {
        self.start = self.start.saturating_sub(count);
    }

    /// Puts another packet in place of this one; what does not fit is cut.
    pub(crate) fn replace(&mut self, packet: &[u8]) {
        let room = self.room();
        let length = packet.len().min(room.len());
        room.iter_mut().zip(packet).for_each(|(octet, value)| *octet = *value);
        self.end = self.start + length;
    }
}

/// Frames put aside, so that buffering takes a frame out of a burst and puts another in. At most `limit` are made.
pub(crate) struct Pool {
    spare: Vec<Frame>,
    size: usize,
    left: usize,
}

impl Pool {
    pub(crate) fn new(size: usize, limit: usize) -> Self {
        Self { spare: Vec::new(), size, left: limit }
    }

    /// Whether a frame may be put aside.
    pub(crate) fn has_room(&self) -> bool {
        !self.spare.is_empty() || self.left > 0
    }

    /// Takes the frame out of its place and puts an empty one there. `None`, with the frame where it was, where no more
    /// may be put aside.
    pub(crate) fn put_aside(&mut self, place: &mut Frame) -> Option<Frame> {
        Some(std::mem::replace(place, self.take()?))
    }

    fn take(&mut self) -> Option<Frame> {
        match self.spare.pop() {
            Some(spare) => Some(spare),
            None => {
                self.left = self.left.checked_sub(1)?;
                Some(Frame::new(self.size))
            }
        }
    }

    /// A copy of a packet. `None` where no more frames may be put aside, or it does not fit.
    pub(crate) fn copy(&mut self, of: &Frame) -> Option<Frame> {
        if of.packet().len() > self.size {
            return None;
        }
        let mut copy = self.take()?;
        copy.room();
        copy.replace(of.packet());
        (copy.origin, copy.peer, copy.handed_by, copy.led_to) = (of.origin, of.peer, None, None);
        Some(copy)
    }

    /// Says that frames put aside leave with their sessions: others may be made in their place.
    pub(crate) fn give_away(&mut self, count: usize) {
        self.left = self.left.saturating_add(count);
    }

    /// Says that frames put aside elsewhere came with their sessions. More than may be made here are not refused: they
    /// count once they are back.
    pub(crate) fn adopt(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
    }

    /// Takes back a frame that was put aside; one that was made elsewhere goes.
    pub(crate) fn take_back(&mut self, frame: Frame) {
        if self.makes(&frame) {
            self.spare.push(frame);
        }
    }

    /// Whether a frame is one of those made here, or alike elsewhere, by its size.
    pub(crate) fn makes(&self, frame: &Frame) -> bool {
        frame.octets.len() == HEADROOM + self.size
    }
}
