//! Ethernet PDU sessions: packet filters and the addresses seen (TS 29.244 5.13, 7.5.2.2-3, 7.5.8.3-3).

use crate::SdfFilter;
use crate::wire::{Malformed, Value, group, integer_values, take};

/// A MAC address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// Name by which other PDRs of the session mean a filter (8.2.97).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EthernetFilterId(pub u32);

/// What kind of filter it is (8.2.98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EthernetFilterProperties(pub u8);

impl EthernetFilterProperties {
    /// It holds for both directions, with source and destination in each other's place in the other one.
    pub const BIDE: Self = Self(1);

    /// Whether it holds for both directions.
    pub fn is_bidirectional(self) -> bool {
        self.0 & Self::BIDE.0 != 0
    }
}

/// What the frame carries, as its header says (8.2.96).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ethertype(pub u16);

/// What a PDI is of, on N6 (8.2.102).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EthernetPduSessionInformation(pub u8);

impl EthernetPduSessionInformation {
    /// All downlink frames of the session.
    pub const ETHI: Self = Self(1);

    /// Whether all downlink frames of the session are meant.
    pub fn is_all_frames(self) -> bool {
        self.0 & Self::ETHI.0 != 0
    }
}

integer_values!(EthernetFilterId(u32), EthernetFilterProperties(u8), Ethertype(u16), EthernetPduSessionInformation(u8));

/// Addresses of a frame, each from the first to the last where there is an upper one (8.2.93).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacAddress {
    /// The frame's source.
    pub source: Option<Mac>,
    /// Its destination.
    pub destination: Option<Mac>,
    /// The last of a range of sources.
    pub upper_source: Option<Mac>,
    /// The last of a range of destinations.
    pub upper_destination: Option<Mac>,
}

impl Value for MacAddress {
    fn write(&self, out: &mut Vec<u8>) {
        let addresses = [self.source, self.destination, self.upper_source, self.upper_destination];
        out.push(addresses.iter().rev().fold(0, |flags, address| flags << 1 | u8::from(address.is_some())));
        addresses.iter().flatten().for_each(|address| out.extend_from_slice(&address.0));
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [flags] = take(&mut octets)?;
        let mut address = |bit: u8| (flags & bit != 0).then(|| take(&mut octets).map(Mac)).transpose();
        let (source, destination) = (address(1)?, address(2)?);
        let (upper_source, upper_destination) = (address(4)?, address(8)?);
        // An end needs a beginning before it.
        let whole = |from: Option<Mac>, to: Option<Mac>| to.is_none_or(|to| from.is_some_and(|from| from <= to));
        match whole(source, upper_source) && whole(destination, upper_destination) {
            true => Ok(Self { source, destination, upper_source, upper_destination }),
            false => Err(Malformed::Content),
        }
    }
}

/// A VLAN tag, of the customer or of the service (8.2.94, 8.2.95): what is given counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VlanTag {
    /// The priority code point, 0 to 7.
    pub pcp: Option<u8>,
    /// The drop eligible indicator.
    pub dei: Option<bool>,
    /// The VLAN's number, 0 to 4095.
    pub vid: Option<u16>,
}

impl Value for VlanTag {
    fn write(&self, out: &mut Vec<u8>) {
        let [high, low] = self.vid.unwrap_or_default().to_be_bytes();
        let (pcp, dei) = (self.pcp.unwrap_or_default() & 7, u8::from(self.dei.unwrap_or_default()));
        let flags =
            u8::from(self.pcp.is_some()) | u8::from(self.dei.is_some()) << 1 | u8::from(self.vid.is_some()) << 2;
        out.extend_from_slice(&[flags, (high & 0x0f) << 4 | dei << 3 | pcp, low]);
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [flags, first, low] = take(&mut octets)?;
        Ok(Self {
            pcp: (flags & 1 != 0).then_some(first & 7),
            dei: (flags & 2 != 0).then_some(first & 8 != 0),
            vid: (flags & 4 != 0).then_some(u16::from_be_bytes([first >> 4, low])),
        })
    }
}

group! {
    /// What a frame must look like (7.5.2.2-3): all that is given.
    EthernetPacketFilter() {
        /// Its name.
        once id: EthernetFilterId = ETHERNET_FILTER_ID,
        /// Whether it holds for both directions.
        once properties: EthernetFilterProperties = ETHERNET_FILTER_PROPERTIES,
        /// Its addresses. Several: any of them.
        many addresses: MacAddress = MAC_ADDRESS,
        /// What it carries.
        once ethertype: Ethertype = ETHERTYPE,
        /// The customer's VLAN.
        once c_tag: VlanTag = C_TAG,
        /// The service's VLAN.
        once s_tag: VlanTag = S_TAG,
        /// Flows of the IP packets in it. Several: any of them.
        many sdf_filters: SdfFilter = SDF_FILTER,
    }
}

/// Addresses of one VLAN that are new, or gone (8.2.103, 8.2.104). More than 255 cannot be said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacAddresses {
    /// The addresses.
    pub addresses: Vec<Mac>,
    /// The customer's VLAN.
    pub c_tag: Option<VlanTag>,
    /// The service's VLAN.
    pub s_tag: Option<VlanTag>,
}

impl Value for MacAddresses {
    fn write(&self, out: &mut Vec<u8>) {
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        out.push(count);
        self.addresses.iter().take(usize::from(count)).for_each(|address| out.extend_from_slice(&address.0));
        for tag in [self.c_tag, self.s_tag] {
            match tag {
                Some(tag) => {
                    out.push(3);
                    tag.write(out);
                }
                None => out.push(0),
            }
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [count] = take(&mut octets)?;
        let addresses = (0..count).map(|_| take(&mut octets).map(Mac)).collect::<Result<_, _>>()?;
        let mut tag = || {
            // Who writes no tags may leave their lengths out.
            let Ok([length]) = take(&mut octets) else { return Ok(None) };
            let (tag, rest) = octets.split_at_checked(usize::from(length)).ok_or(Malformed::Length)?;
            octets = rest;
            (length > 0).then(|| VlanTag::read(tag)).transpose()
        };
        Ok(Self { addresses, c_tag: tag()?, s_tag: tag()? })
    }
}

group! {
    /// Addresses behind a UE that are new or gone (7.5.8.3-3).
    EthernetTrafficInformation() {
        /// New ones.
        many detected: MacAddresses = MAC_ADDRESSES_DETECTED,
        /// Those of which no frame has come for the time set.
        many removed: MacAddresses = MAC_ADDRESSES_REMOVED,
    }
}
