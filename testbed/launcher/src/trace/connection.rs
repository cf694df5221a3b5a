//! The TCP connection over which two NFs would have talked.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::http2;
use super::packet::{LONGEST, flag, tcp};
use super::pcapng::{Capture, Interface};

/// Calls of one connection: stream numbers have 31 bits.
const MOST_STREAMS: u32 = 1 << 29;

/// Octets of bodies after which an end gives the other new credit.
const CREDIT: u32 = 1 << 30;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The client.
    Up,
    /// The server.
    Down,
}

/// One end.
struct End {
    address: SocketAddr,
    /// Number of its next octet.
    sequence: u32,
    /// Octets of bodies it has sent since it last got credit.
    owed: u32,
}

/// A connection that was opened.
pub(super) struct Connection {
    client: End,
    server: End,
    streams: u32,
}

impl Connection {
    /// Opens a connection: handshakes of TCP and of HTTP/2, all at this time.
    pub(super) fn open<W: Write>(
        capture: &mut Capture<W>,
        interface: Interface,
        at: u64,
        client: SocketAddr,
        server: SocketAddr,
        comment: &str,
    ) -> io::Result<Self> {
        let end = |address| End { address, sequence: 0, owed: 0 };
        let mut new = Self { client: end(client), server: end(server), streams: 0 };
        capture.packet(interface, at, &tcp(client, server, 0, 0, flag::SYN, &[]), comment)?;
        capture.packet(interface, at, &tcp(server, client, 0, 1, flag::SYN | flag::ACK, &[]), "")?;
        capture.packet(interface, at, &tcp(client, server, 1, 1, flag::ACK, &[]), "")?;
        (new.client.sequence, new.server.sequence) = (1, 1);
        let mut octets = http2::PREFACE.to_vec();
        http2::settings(&mut octets);
        new.send(capture, interface, at, Direction::Up, &octets, "")?;
        let mut octets = Vec::new();
        http2::settings(&mut octets);
        http2::settings_ack(&mut octets);
        new.send(capture, interface, at, Direction::Down, &octets, "")?;
        let mut octets = Vec::new();
        http2::settings_ack(&mut octets);
        new.send(capture, interface, at, Direction::Up, &octets, "")?;
        Ok(new)
    }

    /// A stream for a call; `None` when there is none left.
    pub(super) fn stream(&mut self) -> Option<u32> {
        self.streams = self.streams.checked_add(1).filter(|streams| *streams < MOST_STREAMS)?;
        Some(2 * self.streams - 1)
    }

    /// Sends frames, of which `body` octets count for flow control.
    pub(super) fn frames<W: Write>(
        &mut self,
        capture: &mut Capture<W>,
        (interface, at): (Interface, u64),
        direction: Direction,
        frames: &[u8],
        body: usize,
        comment: &str,
    ) -> io::Result<()> {
        self.send(capture, interface, at, direction, frames, comment)?;
        let (sender, answer) = match direction {
            Direction::Up => (&mut self.client, Direction::Down),
            Direction::Down => (&mut self.server, Direction::Up),
        };
        sender.owed = sender.owed.saturating_add(u32::try_from(body).unwrap_or(u32::MAX));
        if sender.owed < CREDIT {
            return Ok(());
        }
        let mut octets = Vec::new();
        http2::credit(&mut octets, std::mem::take(&mut sender.owed));
        self.send(capture, interface, at, answer, &octets, "")
    }

    fn send<W: Write>(
        &mut self,
        capture: &mut Capture<W>,
        interface: Interface,
        at: u64,
        direction: Direction,
        octets: &[u8],
        comment: &str,
    ) -> io::Result<()> {
        let (from, to) = match direction {
            Direction::Up => (&mut self.client, &self.server),
            Direction::Down => (&mut self.server, &self.client),
        };
        for (place, part) in octets.chunks(LONGEST).enumerate() {
            let packet = tcp(from.address, to.address, from.sequence, to.sequence, flag::PUSH | flag::ACK, part);
            capture.packet(interface, at, &packet, if place == 0 { comment } else { "" })?;
            from.sequence = from.sequence.wrapping_add(part.len() as u32);
        }
        Ok(())
    }
}
