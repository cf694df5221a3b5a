//! Cutting packets out of what the system left in one piece.

use super::{Kind, Sum, Virtio};

/// What is left of a piece to be cut. The piece itself lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    kind: Kind,
    /// Where the header of TCP or UDP begins.
    transport: usize,
    /// Where the payload begins.
    headers: usize,
    /// Octets of payload in each packet.
    size: usize,
    /// Where the next packet's payload begins.
    next: usize,
    /// Where the piece ends.
    end: usize,
    index: u16,
}

const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

impl Cut {
    /// Begins to cut the piece that came with this header. `None` where the two do not fit together.
    pub(crate) fn begin(piece: &[u8], header: &Virtio) -> Option<Self> {
        let (kind, size) = header.many?;
        let transport = usize::from(header.partial?.0);
        let length = match kind {
            Kind::Tcp => usize::from(piece.get(transport + 12)? >> 4) * 4,
            Kind::Udp => 8,
        };
        let least = if piece.first()? >> 4 == 4 { 20 } else { 40 };
        let headers = transport + length;
        let fits = transport >= least && length >= 8 && headers <= piece.len();
        fits.then_some(Self {
            kind,
            transport,
            headers,
            size: usize::from(size),
            next: headers,
            end: piece.len(),
            index: 0,
        })
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.index > 0 && self.next >= self.end
    }

    /// Writes the next packet. Returns its length; 0 where there is no room for it, and it is lost.
    pub(crate) fn write_next(&mut self, piece: &[u8], room: &mut [u8]) -> usize {
        let from = self.next;
        self.next = (from + self.size).min(self.end);
        let index = self.index;
        self.index = index.wrapping_add(1);
        let (Some(headers), Some(payload)) = (piece.get(..self.headers), piece.get(from..self.next)) else { return 0 };
        let length = headers.len() + payload.len();
        let Some(packet) = room.get_mut(..length) else { return 0 };
        let (into_headers, into_payload) = packet.split_at_mut(headers.len());
        into_headers.copy_from_slice(headers);
        into_payload.copy_from_slice(payload);
        let last = self.next >= self.end;
        // The piece was long enough for its headers, and so is the packet.
        let _ = self.number(packet, index, (from - self.headers) as u32, last);
        length
    }

    /// Makes the headers those of this packet.
    fn number(&self, packet: &mut [u8], index: u16, offset: u32, last: bool) -> Option<()> {
        let (network, transport) = packet.split_at_mut_checked(self.transport)?;
        set_length(network, transport.len(), index)?;
        let place = match self.kind {
            Kind::Tcp => {
                let sequence = transport.get_mut(4..8)?.first_chunk_mut::<4>()?;
                *sequence = u32::from_be_bytes(*sequence).wrapping_add(offset).to_be_bytes();
                let flags = transport.get_mut(13)?;
                *flags &= !(if last { 0 } else { FIN_PSH } | if index > 0 { CWR } else { 0 });
                16
            }
            Kind::Udp => {
                let length = (transport.len() as u16).to_be_bytes();
                transport.get_mut(4..6)?.copy_from_slice(&length);
                6
            }
        };
        transport.get_mut(place..place + 2)?.copy_from_slice(&[0; 2]);
        let mut checksum = pseudo_header(network, self.kind, transport.len())?.add(transport).checksum();
        if self.kind == Kind::Udp && checksum == [0; 2] {
            checksum = [0xff; 2];
        }
        transport.get_mut(place..place + 2)?.copy_from_slice(&checksum);
        Some(())
    }
}

/// Sets what the IP header says of the packet's length, and counts its identification on.
pub(super) fn set_length(network: &mut [u8], transport: usize, index: u16) -> Option<()> {
    let total = network.len() + transport;
    if network.first()? >> 4 == 6 {
        let length = u16::try_from(total.checked_sub(40)?).ok()?;
        network.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
        return Some(());
    }
    network.get_mut(2..4)?.copy_from_slice(&u16::try_from(total).ok()?.to_be_bytes());
    let identification = network.get_mut(4..6)?.first_chunk_mut::<2>()?;
    *identification = u16::from_be_bytes(*identification).wrapping_add(index).to_be_bytes();
    network.get_mut(10..12)?.copy_from_slice(&[0; 2]);
    let checksum = Sum::default().add(network).checksum();
    network.get_mut(10..12)?.copy_from_slice(&checksum);
    Some(())
}

/// The sum of the pseudo header of a packet with `length` octets of TCP or UDP.
pub(super) fn pseudo_header(network: &[u8], kind: Kind, length: usize) -> Option<Sum> {
    let addresses = if network.first()? >> 4 == 4 { network.get(12..20)? } else { network.get(8..40)? };
    let protocol = match kind {
        Kind::Tcp => 6,
        Kind::Udp => 17,
    };
    let (from, to) = addresses.split_at(addresses.len() / 2);
    Some(Sum::pseudo_header(from, to, protocol, length))
}
