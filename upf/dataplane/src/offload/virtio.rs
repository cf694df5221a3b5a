//! The header before a packet on a TUN device with offloads: `struct virtio_net_hdr`, in the host's byte order.

/// What the packets under one header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// TCP segments.
    Tcp,
    /// UDP datagrams, whole ones.
    Udp,
}

/// The header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Virtio {
    /// Where the checksum that is not complete begins to count, and where from there it lies.
    pub(crate) partial: Option<(u16, u16)>,
    /// What is under one header, and how many octets of payload each packet of it has; the last may have fewer.
    pub(crate) many: Option<(Kind, u16)>,
    /// Octets of the headers.
    pub(crate) headers: u16,
    /// Whether the packet is IPv4, for the kind of TCP.
    pub(crate) ipv4: bool,
}

const NEEDS_CHECKSUM: u8 = 1;
const TCP_V4: u8 = 1;
const TCP_V6: u8 = 4;
const UDP: u8 = 5;
/// Beside the kind: CWR is of the first segment alone.
const ECN: u8 = 0x80;

impl Virtio {
    /// Octets of the header.
    pub(crate) const LENGTH: usize = 10;

    /// Reads it. `None` where it says something that was not agreed on.
    pub(crate) fn read(octets: &[u8; Self::LENGTH]) -> Option<Self> {
        let &[flags, kind, a, b, c, d, e, f, g, h] = octets;
        let [headers, size, start, offset] = [[a, b], [c, d], [e, f], [g, h]].map(u16::from_ne_bytes);
        let kind = match kind & !ECN {
            0 => None,
            TCP_V4 | TCP_V6 => Some(Kind::Tcp),
            UDP => Some(Kind::Udp),
            _ => return None,
        };
        let many = kind.map(|kind| (kind, size)).filter(|(_, size)| *size > 0);
        let partial = (flags & NEEDS_CHECKSUM != 0).then_some((start, offset));
        // Packets of one header have their checksum partial, always.
        (kind.is_none() || (many.is_some() && partial.is_some())).then_some(Self {
            partial,
            many,
            headers,
            ipv4: kind == Some(Kind::Tcp) && octets[1] & !ECN == TCP_V4,
        })
    }

    /// Writes it.
    pub(crate) fn write(self) -> [u8; Self::LENGTH] {
        let (flags, (start, offset)) = self.partial.map_or((0, (0, 0)), |partial| (NEEDS_CHECKSUM, partial));
        let kind = match self.many {
            None => 0,
            Some((Kind::Tcp, _)) if self.ipv4 => TCP_V4,
            Some((Kind::Tcp, _)) => TCP_V6,
            Some((Kind::Udp, _)) => UDP,
        };
        let size = self.many.map_or(0, |(_, size)| size);
        let [[a, b], [c, d], [e, f], [g, h]] = [self.headers, size, start, offset].map(u16::to_ne_bytes);
        [flags, kind, a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let tcp = Virtio { partial: Some((20, 16)), many: Some((Kind::Tcp, 1360)), headers: 40, ipv4: true };
        let udp = Virtio { partial: Some((40, 6)), many: Some((Kind::Udp, 1200)), headers: 48, ipv4: false };
        for header in [Virtio::default(), tcp, Virtio { ipv4: false, ..tcp }, udp] {
            assert_eq!(Virtio::read(&header.write()), Some(header));
        }
    }

    #[test]
    fn what_was_not_agreed_on_is_refused() {
        let written = Virtio { partial: Some((20, 16)), many: Some((Kind::Tcp, 1360)), ..Virtio::default() }.write();
        let with = |place: usize, value: u8| {
            let mut octets = written;
            octets[place] = value;
            Virtio::read(&octets)
        };
        assert_eq!((with(0, 0), with(1, 3), with(1, 200)), (None, None, None));
        assert!(with(1, TCP_V6 | ECN).is_some());
    }
}
