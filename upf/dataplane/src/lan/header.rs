//! The header of an Ethernet frame in an Ethernet PDU session: no preamble, no checksum behind it (TS 23.501 5.6.10.2).

use rules::Mac;

use crate::counters::Direction;
use crate::inner::{self, FrameKey, Inner, dimension};

/// What announces the tag of a customer's VLAN, and of a service's (IEEE 802.1Q).
const C_TAG: u16 = 0x8100;
const S_TAG: u16 = 0x88a8;

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) destination: Mac,
    pub(crate) source: Mac,
    /// The tags' control information: the service's, the customer's.
    s_tag: Option<u16>,
    c_tag: Option<u16>,
    ethertype: u16,
    /// Where the payload begins.
    length: usize,
}

/// Whether an address is of a group: broadcast or multicast.
pub(crate) fn is_group(address: Mac) -> bool {
    let [first, ..] = address;
    first & 1 != 0
}

impl Header {
    /// Reads the header. `None` where the octets are too few for one, or the source is no address of a station.
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        let (&destination, rest) = octets.split_first_chunk()?;
        let (&source, rest) = rest.split_first_chunk()?;
        let (s_tag, rest) = tag(rest, S_TAG)?;
        let (c_tag, rest) = tag(rest, C_TAG)?;
        let (&ethertype, payload) = rest.split_first_chunk()?;
        let length = octets.len() - payload.len();
        let station = !is_group(source) && source != [0; 6];
        let header = Self { destination, source, s_tag, c_tag, ethertype: u16::from_be_bytes(ethertype), length };
        station.then_some(header)
    }

    /// Fills in the key what the frame says, and the IP packet in it where a rule asks for that.
    pub(crate) fn describe(&self, key: &mut FrameKey, octets: &[u8], direction: Direction, asks_ip: bool) {
        for (address, first) in [(self.source, dimension::SOURCE_MAC), (self.destination, dimension::DESTINATION_MAC)] {
            for (place, word) in key.iter_mut().skip(first).zip(halves(address)) {
                *place = word;
            }
        }
        key[dimension::ETHERTYPE] = u32::from(self.ethertype);
        for (tag, first) in [(self.c_tag, dimension::C_TAG), (self.s_tag, dimension::S_TAG)] {
            let Some(tag) = tag.map(u32::from) else { continue };
            for (place, word) in key.iter_mut().skip(first).zip([tag & 0xfff, tag >> 13, tag >> 12 & 1]) {
                *place = word;
            }
        }
        if asks_ip
            && let Some((inner, packet)) = self.ip(octets)
            && let Some(key) = key.first_chunk_mut()
        {
            inner::describe(key, packet, &inner, direction);
        }
    }

    /// The IP packet that the frame carries.
    pub(crate) fn ip<'a>(&self, octets: &'a [u8]) -> Option<(Inner, &'a [u8])> {
        let packet = octets.get(self.length..)?;
        let inner = Inner::parse(packet)?;
        let ethertype = if inner.source.is_ipv4() { 0x0800 } else { 0x86dd };
        (self.ethertype == ethertype).then_some((inner, packet))
    }
}

/// The tag that the octets begin with, if it is of this kind, and what follows.
fn tag(octets: &[u8], kind: u16) -> Option<(Option<u16>, &[u8])> {
    let (&ethertype, rest) = octets.split_first_chunk()?;
    if u16::from_be_bytes(ethertype) != kind {
        return Some((None, octets));
    }
    let (&control, rest) = rest.split_first_chunk()?;
    Some((Some(u16::from_be_bytes(control)), rest))
}

/// The two dimensions of an address: who made the station, and which it is.
pub(crate) fn halves([a, b, c, d, e, f]: Mac) -> [u32; 2] {
    [u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([0, d, e, f])]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inner::ABSENT;

    const DESTINATION: Mac = [2, 0, 0, 0, 0, 9];
    const SOURCE: Mac = [2, 0, 0, 0, 0, 1];

    fn described(frame: &[u8]) -> FrameKey {
        let mut key = [ABSENT; dimension::ALL];
        Header::parse(frame).expect("a frame").describe(&mut key, frame, Direction::Uplink, true);
        key
    }

    #[test]
    fn tags_are_read_from_the_outside_in() {
        let start = [DESTINATION, SOURCE].concat();
        let plain = described(&[&start[..], &[8, 6, 1, 2, 3]].concat());
        assert_eq!(plain[dimension::SOURCE_MAC..dimension::ETHERTYPE], [0x0002_0000, 1, 0x0002_0000, 9]);
        assert_eq!(plain[dimension::ETHERTYPE], 0x0806);
        assert_eq!(plain[dimension::C_TAG..], [ABSENT; 6]);
        let tagged = described(&[&start[..], &[0x88, 0xa8, 0x30, 7, 0x81, 0, 0xe1, 0x23, 8, 6]].concat());
        assert_eq!(tagged[dimension::ETHERTYPE], 0x0806);
        assert_eq!(tagged[dimension::C_TAG..], [0x123, 7, 0, 7, 1, 1]);
        for cut in 0..start.len() + 2 {
            assert_eq!(Header::parse(&[&start[..], &[8, 6]].concat()[..cut]), None);
        }
        assert_eq!(Header::parse(&[&start[..], &[0x81, 0, 0, 1, 8]].concat()), None, "half a type");
        assert_eq!(Header::parse(&[&[0; 6], &[0xff; 6][..], &[8, 0]].concat()), None, "from a group");
    }

    #[test]
    fn the_packet_inside_is_seen_where_it_is_one() {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2(SOURCE, DESTINATION);
        let builder = builder.vlan(etherparse::VlanHeader::Single(etherparse::SingleVlanHeader {
            vlan_id: etherparse::VlanId::try_new(5).expect("a number"),
            ..Default::default()
        }));
        let builder = builder.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1000, 53);
        builder.write(&mut packet, b"query").expect("fits");
        let key = described(&packet);
        let asked = [dimension::VERSION, dimension::PROTOCOL, dimension::REMOTE_PORT, dimension::C_TAG];
        assert_eq!(asked.map(|dimension| key[dimension]), [4, 17, 53, 5]);
        packet[16] = 9; // another type: no IP, whatever follows
        assert_eq!(described(&packet)[dimension::VERSION], ABSENT);
    }

    proptest! {
        #[test]
        fn no_frame_panics(mut octets in proptest::collection::vec(any::<u8>(), 0..80), tags in 0..4u8) {
            for (place, kind) in [(12, S_TAG), (16, C_TAG)].into_iter().take(tags.into()) {
                if let Some(field) = octets.get_mut(place..).and_then(|rest| rest.first_chunk_mut()) {
                    *field = kind.to_be_bytes();
                }
            }
            let mut key = [ABSENT; dimension::ALL];
            if let Some(header) = Header::parse(&octets) {
                prop_assert!(header.length <= octets.len());
                header.describe(&mut key, &octets, Direction::Downlink, true);
            }
        }
    }
}
