//! What a PDI asks of Ethernet frames (TS 29.244 5.13, 7.5.2.2-3).

use std::net::SocketAddr;

use crate::Filter;

/// A MAC address.
pub type Mac = [u8; 6];

/// An Ethernet data network's N6, by the number that the user plane function has given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(pub u16);

/// What the packets of a session are (TS 23.501 5.6.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IP packets.
    #[default]
    Ip,
    /// Ethernet frames of a data network.
    Ethernet(Link),
    /// Anything, carried on N6 by UDP to this address (TS 23.501 5.6.10.3).
    Unstructured(SocketAddr),
}

/// MAC addresses from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacRange {
    /// The lowest.
    pub low: Mac,
    /// The highest.
    pub high: Mac,
}

impl From<Mac> for MacRange {
    fn from(address: Mac) -> Self {
        Self { low: address, high: address }
    }
}

/// Addresses of a frame: what is given must match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacPair {
    /// Its source.
    pub source: Option<MacRange>,
    /// Its destination.
    pub destination: Option<MacRange>,
}

impl MacPair {
    /// How many rules it is at most: a range of addresses is up to three of makers and stations.
    pub(crate) fn alternatives(&self) -> usize {
        let of = |range: Option<MacRange>| if range.is_some_and(|range| range.low != range.high) { 3 } else { 1 };
        of(self.source) * of(self.destination)
    }
}

/// A VLAN tag: what is given must match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagFilter {
    /// The VLAN's number.
    pub vid: Option<u16>,
    /// The priority code point.
    pub pcp: Option<u8>,
    /// The drop eligible indicator.
    pub dei: Option<bool>,
}

/// A filter of frames: all that is given must match, seen in the direction of the PDR that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EthernetFilter {
    /// Name by which other PDRs of the session mean this one.
    pub id: Option<u32>,
    /// Whether it may be meant in the other direction, source and destination exchanged.
    pub bidirectional: bool,
    /// Addresses. Several: any of them.
    pub addresses: Vec<MacPair>,
    /// What the frame carries.
    pub ethertype: Option<u16>,
    /// The customer's VLAN.
    pub c_tag: Option<TagFilter>,
    /// The service's VLAN.
    pub s_tag: Option<TagFilter>,
    /// Flows of the IP packet in it. Several: any of them.
    pub flows: Vec<Filter>,
}

impl EthernetFilter {
    /// Whether it says nothing but its name: then it stands for the filter of that name.
    pub fn is_reference(&self) -> bool {
        let nothing = Self { id: self.id, bidirectional: self.bidirectional, ..Self::default() };
        self.id.is_some() && *self == nothing
    }

    /// The filter as it is in the other direction.
    #[must_use]
    pub(crate) fn turned(mut self) -> Self {
        self.addresses.iter_mut().for_each(|pair| std::mem::swap(&mut pair.source, &mut pair.destination));
        self
    }
}

/// What a PDI asks of frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Whether all downlink frames of the session are meant (Ethernet PDU Session Information).
    pub all: bool,
    /// Filters. Several: any of them; none: every frame.
    pub filters: Vec<EthernetFilter>,
}
