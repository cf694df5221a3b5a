//! Calls of the service-based interface, from records to a capture that Wireshark reads as HTTP/2.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use runtime::trace::{Call, Head, Shown};

use super::connection::{Connection, Direction};
use super::http2::{self, Block};
use super::names::Names;
use super::pcapng::{Capture, Interface};
use super::source::Seen;

/// The ports of clients, which are made up as all of TCP is: those that Wireshark takes for HTTP's whatever the server's
/// is, so that it finds HTTP/2 without being told.
const PORTS: [u16; 6] = [8080, 8088, 3128, 3132, 5985, 11_371];

/// Ports of further connections between the same two.
const FIRST_FREE_PORT: u16 = 49_152;

/// Calls under way that are remembered; beyond, all are forgotten, and their answers left out.
const MOST_OPEN: usize = 1 << 17;

/// Two NFs that talk, and over what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    client: String,
    server: String,
    transport: String,
}

/// A call under way.
struct Open {
    pair: Pair,
    connection: usize,
    stream: u32,
}

/// Writes calls.
pub(super) struct SbiWriter<W> {
    capture: Capture<W>,
    interface: Interface,
    names: Names,
    connections: Vec<Connection>,
    by_pair: HashMap<Pair, usize>,
    /// Connections that there were between two addresses.
    between: HashMap<(IpAddr, SocketAddr), usize>,
    calls: HashMap<(String, u64), Open>,
    /// Requests written.
    pub(super) written: u64,
    /// Answers whose requests were not seen.
    pub(super) unmatched: u64,
}

impl<W: Write> SbiWriter<W> {
    /// Begins a capture.
    pub(super) fn begin(out: W, names: Names) -> io::Result<Self> {
        let mut capture = Capture::begin(out)?;
        let interface = capture.interface("sbi")?;
        Ok(Self {
            capture,
            interface,
            names,
            connections: Vec::new(),
            by_pair: HashMap::new(),
            between: HashMap::new(),
            calls: HashMap::new(),
            written: 0,
            unmatched: 0,
        })
    }

    /// Writes a record; what is no part of a call is left out.
    pub(super) fn write(&mut self, seen: &Seen) -> io::Result<()> {
        match &seen.record.shown {
            Shown::Request(call) => self.request(seen, call),
            Shown::Response { call, status, head } => {
                let block = fields(Block::default().field(":status", &status.to_string()), head);
                let mut frames = Vec::new();
                self.end(seen, *call, |stream| {
                    http2::message(&mut frames, stream, &block, &head.body.0);
                    (frames, head.body.0.len(), blanked(head))
                })
            }
            Shown::Failed { call, why } => self.end(seen, *call, |stream| {
                let mut frames = Vec::new();
                http2::reset(&mut frames, stream);
                (frames, 0, why.clone())
            }),
            _ => Ok(()),
        }
    }

    /// Hands what was written to the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.capture.flush()
    }

    fn request(&mut self, seen: &Seen, call: &Call) -> io::Result<()> {
        let at = seen.record.at;
        let (client, server) = self.names.ends(&seen.nf, call);
        let pair = Pair { client, server, transport: call.transport.clone() };
        let (connection, stream) = self.stream(&pair, at, call)?;
        let block = Block::default()
            .field(":method", &call.method)
            .field(":scheme", "http")
            .field(":authority", &call.authority)
            .field(":path", &call.path);
        let mut frames = Vec::new();
        http2::message(&mut frames, stream, &fields(block, &call.head), &call.head.body.0);
        let comment = format!(
            "{} -> {} over {} ({}){}",
            pair.client.to_uppercase(),
            pair.server.to_uppercase(),
            call.transport,
            call.endpoint,
            blanked(&call.head)
        );
        let when = (self.interface, at);
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.frames(&mut self.capture, when, Direction::Up, &frames, call.head.body.0.len(), &comment)?;
        }
        if self.calls.len() >= MOST_OPEN {
            self.calls.clear();
        }
        self.calls.insert((seen.nf.clone(), call.call), Open { pair, connection, stream });
        self.written += 1;
        Ok(())
    }

    /// The connection of a pair, opened if there is none with a stream left, and a stream on it.
    fn stream(&mut self, pair: &Pair, at: u64, call: &Call) -> io::Result<(usize, u32)> {
        if let Some(place) = self.by_pair.get(pair).copied()
            && let Some(stream) = self.connections.get_mut(place).and_then(Connection::stream)
        {
            return Ok((place, stream));
        }
        let place = self.connections.len();
        let client = self.names.address_of(&pair.client);
        let server = call.authority.parse().ok().or_else(|| self.names.listen_of(&pair.server));
        let server = server.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80));
        let client = SocketAddr::new(client, self.port(client, server));
        let comment = format!(
            "{} -> {} over {}; TCP and HTTP/2 framing made up by peregrine trace",
            pair.client.to_uppercase(),
            pair.server.to_uppercase(),
            pair.transport
        );
        let mut connection = Connection::open(&mut self.capture, self.interface, at, client, server, &comment)?;
        let stream = connection.stream().unwrap_or(1);
        self.connections.push(connection);
        self.by_pair.insert(pair.clone(), place);
        Ok((place, stream))
    }

    /// A port from which there is no connection between these yet.
    fn port(&mut self, client: IpAddr, server: SocketAddr) -> u16 {
        let count = self.between.entry((client, server)).or_default();
        *count += 1;
        let free = || FIRST_FREE_PORT + u16::try_from(*count % usize::from(u16::MAX - FIRST_FREE_PORT)).unwrap_or(0);
        PORTS.get(*count - 1).copied().unwrap_or_else(free)
    }

    /// The end of a call, however it came.
    fn end(&mut self, seen: &Seen, call: u64, frames: impl FnOnce(u32) -> (Vec<u8>, usize, String)) -> io::Result<()> {
        let Some(open) = self.calls.remove(&(seen.nf.clone(), call)) else {
            self.unmatched += 1;
            return Ok(());
        };
        let direction = match seen.record.shown {
            Shown::Failed { .. } => Direction::Up,
            _ => Direction::Down,
        };
        let (frames, body, note) = frames(open.stream);
        let Pair { client, server, transport } = open.pair;
        let comment = format!("{} -> {} over {transport}{note}", server.to_uppercase(), client.to_uppercase());
        let comment = if direction == Direction::Up { format!("no answer: {note}") } else { comment };
        match self.connections.get_mut(open.connection) {
            Some(connection) => {
                let when = (self.interface, seen.record.at);
                connection.frames(&mut self.capture, when, direction, &frames, body, &comment)
            }
            None => Ok(()),
        }
    }
}

fn fields(block: Block, head: &Head) -> Block {
    head.fields.iter().fold(block, |block, (name, value)| block.field(name, value))
}

fn blanked(head: &Head) -> String {
    match head.blanked.is_empty() {
        true => String::new(),
        false => format!("; blanked: {}", head.blanked.join(", ")),
    }
}

#[cfg(test)]
#[path = "sbi_tests.rs"]
mod tests;
