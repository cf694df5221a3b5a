//! Joining packets into a piece that the system takes as one.
//!
//! Only what the system can cut into the very same packets again is joined, and only packets whose checksums are right: a
//! wrong one must stay wrong.

use super::cut::{pseudo_header, set_length};
use super::{Coupling, Fit, Kind, Virtio};

/// Octets that a piece has at most: IP cannot say more.
const LONGEST: usize = 65_535;

/// The longest headers of a piece: IPv6 without extensions, TCP with all its options.
const HEADERS: usize = 100;

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// A packet, or a piece of several, as far as joining asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Car<'a> {
    packet: &'a [u8],
    /// A bit that says between which addresses it is: packets of the same two stay in order.
    pair: u64,
    /// What could be joined. `None`: this one goes alone.
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    kind: Kind,
    ipv4: bool,
    transport: usize,
    headers: usize,
    /// Octets of payload in each packet but perhaps the last.
    size: usize,
    /// Octets of the piece.
    total: usize,
    count: u16,
    /// Whether more may follow.
    open: bool,
    pushes: bool,
    verified: bool,
}

impl<'a> Car<'a> {
    /// A packet on its own, which may be joined where its kind is among these.
    pub(crate) fn of(packet: &'a [u8], kinds: &[Kind]) -> Self {
        let part = if kinds.is_empty() { None } else { Part::of(packet).filter(|part| kinds.contains(&part.kind)) };
        Self { packet, pair: pair(packet), part }
    }
}

/// One bit of 64 by the addresses, however short the packet.
fn pair(packet: &[u8]) -> u64 {
    let addresses = match packet.first() {
        Some(first) if first >> 4 == 4 => packet.get(12..20),
        _ => packet.get(8..40),
    };
    let (words, _) = addresses.unwrap_or_default().as_chunks::<4>();
    let folded = words.iter().fold(0u32, |sum, word| sum.rotate_left(5) ^ u32::from_ne_bytes(*word));
    1 << (folded.wrapping_mul(0x9e37_79b1) >> 26)
}

/// The number of 16 bits at this place.
fn word(packet: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?)))
}

impl Part {
    /// `None` where the packet is of no kind that is joined: no TCP or UDP, a fragment, IP options or extension headers, control
    /// flags, no payload.
    fn of(packet: &[u8]) -> Option<Self> {
        let (ipv4, protocol, transport) = match *packet {
            // No options, no fragment; "don't fragment" may be set.
            [0x45, _, _, _, _, _, flags, 0, _, protocol, ..] if flags & !0x40 == 0 => (true, protocol, 20),
            [first, _, _, _, _, _, protocol, ..] if first >> 4 == 6 => (false, protocol, 40),
            _ => return None,
        };
        let said = if ipv4 { word(packet, 2)? } else { word(packet, 4)? + 40 };
        (said == packet.len()).then_some(())?;
        let (kind, length) = match protocol {
            6 => (Kind::Tcp, usize::from(packet.get(transport + 12)? >> 4) * 4),
            17 => (Kind::Udp, 8),
            _ => return None,
        };
        let headers = transport + length;
        let size = packet.len().checked_sub(headers).filter(|size| *size > 0)?;
        let mut pushes = false;
        match kind {
            Kind::Tcp => {
                let flags = *packet.get(transport + 13)?;
                pushes = flags & PSH != 0;
                (length >= 20 && flags & !PSH == ACK).then_some(())?;
            }
            // The datagram's own length, and a checksum.
            Kind::Udp => {
                (word(packet, transport + 4)? == size + 8 && word(packet, transport + 6)? != 0).then_some(())?;
            }
        }
        let (total, open) = (packet.len(), !pushes);
        Some(Self { kind, ipv4, transport, headers, size, total, count: 1, open, pushes, verified: false })
    }

    fn payload(&self) -> usize {
        self.total - self.headers
    }
}

impl Coupling for Car<'_> {
    fn couple(&mut self, packet: &Self) -> Fit {
        if let (Some(piece), Some(part)) = (&mut self.part, &packet.part)
            && joins(piece, self.packet, part, packet.packet)
        {
            piece.total += part.size;
            piece.count += 1;
            piece.pushes |= part.pushes;
            piece.open = part.size == piece.size && !part.pushes;
            return Fit::Coupled;
        }
        if self.pair == packet.pair { Fit::Behind } else { Fit::Apart }
    }
}

/// Whether the packet continues the piece whose first packet is `first`.
fn joins(piece: &mut Part, first: &[u8], part: &Part, packet: &[u8]) -> bool {
    let fits = piece.open
        && (piece.kind, piece.ipv4, piece.headers) == (part.kind, part.ipv4, part.headers)
        && part.size <= piece.size
        && piece.total + part.size <= LONGEST
        && usize::from(piece.count) < super::BATCH;
    if !fits || !continues(piece, first, packet).unwrap_or(false) {
        return false;
    }
    piece.verified = piece.verified || is_right(piece, first);
    piece.verified && is_right(part, packet)
}

/// Whether the headers are those that cutting the piece would give the packet.
fn continues(piece: &Part, first: &[u8], packet: &[u8]) -> Option<bool> {
    let same = |from: usize, to: usize| Some(first.get(from..to)? == packet.get(from..to)?);
    let number = |octets: &[u8], at: usize| Some(u32::from_be_bytes(*octets.get(at..)?.first_chunk()?));
    let network = if piece.ipv4 {
        // With "don't fragment" nobody asks for the identification; else it counts.
        let identification = |octets: &[u8]| Some(number(octets, 4)? >> 16);
        let due = (identification(first)? + u32::from(piece.count)) & 0xffff;
        let whole = *first.get(6)? & 0x40 != 0;
        same(0, 2)? && same(6, 10)? && same(12, 20)? && (whole || identification(packet)? == due)
    } else {
        same(0, 4)? && same(6, 40)?
    };
    let at = piece.transport;
    Some(
        network
            && same(at, at + 4)?
            && match piece.kind {
                Kind::Udp => true,
                Kind::Tcp => {
                    let due = number(first, at + 4)?.wrapping_add(piece.payload() as u32);
                    // Acknowledgement, header length, window, urgent pointer, options; the flags are ACK, with PSH or without.
                    number(packet, at + 4)? == due
                        && same(at + 8, at + 13)?
                        && same(at + 14, at + 16)?
                        && same(at + 18, piece.headers)?
                }
            },
    )
}

/// Whether the checksum of a packet's TCP or UDP is right, and that of its IPv4 header.
fn is_right(part: &Part, packet: &[u8]) -> bool {
    let Some((network, transport)) = packet.split_at_checked(part.transport) else { return false };
    let header_is_right = !part.ipv4 || super::Sum::default().add(network).is_right();
    header_is_right
        && pseudo_header(network, part.kind, transport.len()).is_some_and(|sum| sum.add(transport).is_right())
}

/// What goes before the payloads of a piece: the header for the device, then those of the packet.
pub(crate) struct Join {
    /// For the device.
    pub(crate) virtio: [u8; Virtio::LENGTH],
    octets: [u8; HEADERS],
    length: usize,
}

impl Join {
    /// The headers of a piece. `None` for a packet alone, which goes as it is.
    pub(crate) fn of(piece: &Car<'_>) -> Option<Self> {
        let part = piece.part.filter(|part| part.count > 1)?;
        let mut octets = [0; HEADERS];
        let headers = octets.get_mut(..part.headers)?;
        headers.copy_from_slice(piece.packet.get(..part.headers)?);
        let (network, transport) = headers.split_at_mut_checked(part.transport)?;
        let length = part.total - part.transport;
        set_length(network, length, 0)?;
        // The field holds the sum of the pseudo header: the system does the rest.
        let sum = pseudo_header(network, part.kind, length)?.folded();
        let place = match part.kind {
            Kind::Tcp => {
                *transport.get_mut(13)? |= if part.pushes { PSH } else { 0 };
                16
            }
            Kind::Udp => {
                transport.get_mut(4..6)?.copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
                6
            }
        };
        transport.get_mut(place..place + 2)?.copy_from_slice(&sum);
        let virtio = Virtio {
            partial: Some((u16::try_from(part.transport).ok()?, place as u16)),
            many: Some((part.kind, u16::try_from(part.size).ok()?)),
            headers: u16::try_from(part.headers).ok()?,
            ipv4: part.ipv4,
        };
        Some(Self { virtio: virtio.write(), octets, length: part.headers })
    }

    /// The packet's headers. As many octets of each packet of the piece are left out.
    pub(crate) fn headers(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
