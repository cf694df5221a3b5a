//! The Internet checksum (RFC 1071).

/// A sum under way. Octets are added in pieces; all but the last of even length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(u64);

impl Sum {
    /// The sum with these octets added.
    ///
    /// Words are added as they lie in memory: the sum of words with their octets swapped is the sum, swapped (RFC 1071 2B).
    pub(crate) fn add(self, octets: &[u8]) -> Self {
        let (words, rest) = octets.as_chunks::<4>();
        let mut sum = self.0;
        for word in words {
            // 2^32 words of 32 bits fit; no packet has as many.
            sum += u64::from(u32::from_ne_bytes(*word));
        }
        let mut last = [0; 4];
        last.iter_mut().zip(rest).for_each(|(octet, value)| *octet = *value);
        Self(sum + u64::from(u32::from_ne_bytes(last)))
    }

    /// The sum with this number added, as if it lay in the packet.
    pub(crate) fn add_number(self, number: u32) -> Self {
        self.add(&number.to_be_bytes())
    }

    /// The sum of a pseudo header (RFC 768, RFC 8200 8.1): both addresses, the protocol, and so many octets of it.
    pub(crate) fn pseudo_header(from: &[u8], to: &[u8], protocol: u8, length: usize) -> Self {
        Self::default().add(from).add(to).add_number(u32::from(protocol)).add_number(length as u32)
    }

    /// The sum of 16 bits, as it lies in the packet.
    pub(crate) fn folded(self) -> [u8; 2] {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        (sum as u16).to_ne_bytes()
    }

    /// The checksum, as it lies in the packet.
    pub(crate) fn checksum(self) -> [u8; 2] {
        self.folded().map(|octet| !octet)
    }

    /// Whether this is the sum of octets with a right checksum among them.
    pub(crate) fn is_right(self) -> bool {
        self.folded() == [0xff; 2]
    }
}

/// Completes a checksum that the system left open: the field holds the sum of the pseudo header, what is summed up begins at
/// `start`, and the field lies `offset` octets further. A place that is not in the packet leaves it as it is.
pub(crate) fn complete(packet: &mut [u8], start: usize, offset: usize) {
    let Some(summed) = packet.get_mut(start..) else { return };
    let mut checksum = Sum::default().add(summed).checksum();
    // In UDP 0 would say that there is none; in TCP both are the same number.
    if checksum == [0; 2] {
        checksum = [0xff; 2];
    }
    if let Some(field) = summed.get_mut(offset..).and_then(|rest| rest.first_chunk_mut()) {
        *field = checksum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: words of 16 bits in network order, carries added at once.
    fn defined(octets: &[u8]) -> u16 {
        let words = octets.chunks(2).map(|word| match word {
            [high, low] => u16::from_be_bytes([*high, *low]),
            [high] => u16::from_be_bytes([*high, 0]),
            _ => 0,
        });
        words.fold(0u16, |sum, word| {
            let (sum, carry) = sum.overflowing_add(word);
            sum + u16::from(carry)
        })
    }

    proptest! {
        #[test]
        fn the_sum_is_the_defined_one_in_any_pieces(
            octets in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..100
        ) {
            let at = (at * 2).min(octets.len() / 2 * 2);
            let (first, rest) = octets.split_at(at);
            prop_assert_eq!(u16::from_be_bytes(Sum::default().add(first).add(rest).folded()), defined(&octets));
        }
    }

    #[test]
    fn a_completed_checksum_is_right() {
        let mut packet = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0, 0, 0xde];
        complete(&mut packet, 2, 4);
        assert!(Sum::default().add(&packet[2..]).is_right());
        complete(&mut packet, 20, 0);
        complete(&mut packet, 8, 1);
    }
}
