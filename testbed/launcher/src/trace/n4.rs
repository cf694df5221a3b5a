//! As much of PFCP (TS 29.244 7.2.2, 8.2.37) as tells whose a message is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use runtime::trace::Shown;

use super::source::Seen;

/// Type of the F-SEID element.
const F_SEID: u16 = 57;

/// Messages by type, as the specification calls them.
const NAMES: &[(u8, &str)] = &[
    (1, "PFCP Heartbeat Request"),
    (2, "PFCP Heartbeat Response"),
    (3, "PFCP PFD Management Request"),
    (4, "PFCP PFD Management Response"),
    (5, "PFCP Association Setup Request"),
    (6, "PFCP Association Setup Response"),
    (7, "PFCP Association Update Request"),
    (8, "PFCP Association Update Response"),
    (9, "PFCP Association Release Request"),
    (10, "PFCP Association Release Response"),
    (11, "PFCP Version Not Supported Response"),
    (12, "PFCP Node Report Request"),
    (13, "PFCP Node Report Response"),
    (50, "PFCP Session Establishment Request"),
    (51, "PFCP Session Establishment Response"),
    (52, "PFCP Session Modification Request"),
    (53, "PFCP Session Modification Response"),
    (54, "PFCP Session Deletion Request"),
    (55, "PFCP Session Deletion Response"),
    (56, "PFCP Session Report Request"),
    (57, "PFCP Session Report Response"),
];

/// The type of Session Establishment Response.
const ESTABLISHMENT_RESPONSE: u8 = 51;

/// The first type of messages of sessions.
const FIRST_OF_SESSION: u8 = 50;

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: u8,
    /// The receiver's SEID.
    pub(super) seid: Option<u64>,
    pub(super) sequence: u32,
}

impl Header {
    /// Reads it; `None` if it is none of version 1.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let flags = *octets.first()?;
        let kind = *octets.get(1)?;
        if flags >> 5 != 1 {
            return None;
        }
        let (seid, rest) = match flags & 1 {
            0 => (None, octets.get(4..)?),
            _ => (Some(u64::from_be_bytes(*octets.get(4..)?.first_chunk()?)), octets.get(12..)?),
        };
        let [high, middle, low] = *rest.first_chunk()?;
        Some(Self { kind, seid, sequence: u32::from_be_bytes([0, high, middle, low]) })
    }

    /// Whether it belongs to a session.
    pub(super) fn is_of_session(self) -> bool {
        self.kind >= FIRST_OF_SESSION
    }

    /// Whether it asks; the others answer.
    pub(super) fn is_request(self) -> bool {
        match self.kind {
            0..FIRST_OF_SESSION => self.kind % 2 == 1 && self.kind != 11,
            _ => self.kind.is_multiple_of(2),
        }
    }

    /// Its name.
    pub(super) fn name(self) -> String {
        let known = NAMES.iter().find(|(kind, _)| *kind == self.kind);
        known.map_or_else(|| format!("PFCP message {}", self.kind), |(_, name)| (*name).to_owned())
    }
}

/// Whether a session comes about with this record.
pub(super) fn establishes(seen: &Seen) -> bool {
    let Shown::Datagram(datagram) = &seen.record.shown else { return false };
    datagram.interface == "n4"
        && Header::read(&datagram.octets.0).is_some_and(|header| header.kind == ESTABLISHMENT_RESPONSE)
}

/// What a session is called on N4: the SEID that the node at this address gave it.
pub(super) fn key(node: IpAddr, seid: u64) -> String {
    format!("seid:{node}:{seid}")
}

/// The F-SEIDs that a message holds at its top level: address, if it has one, and SEID.
pub(super) fn f_seids(octets: &[u8]) -> impl Iterator<Item = (Option<IpAddr>, u64)> {
    let with_seid = octets.first().is_some_and(|flags| flags & 1 == 1);
    let mut rest = octets.get(if with_seid { 16 } else { 8 }..).unwrap_or_default();
    let elements = std::iter::from_fn(move || {
        let (head, after) = rest.split_first_chunk::<4>()?;
        let [t1, t2, l1, l2] = *head;
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let value = after.get(..length)?;
        rest = after.get(length..)?;
        Some((u16::from_be_bytes([t1, t2]), value))
    });
    elements.filter(|(kind, _)| *kind == F_SEID).filter_map(|(_, value)| f_seid(value))
}

fn f_seid(value: &[u8]) -> Option<(Option<IpAddr>, u64)> {
    let (flags, rest) = value.split_first()?;
    let (seid, rest) = rest.split_first_chunk::<8>()?;
    let v4 = || rest.first_chunk::<4>().map(|octets| IpAddr::from(Ipv4Addr::from(*octets)));
    let v6 = || rest.first_chunk::<16>().map(|octets| IpAddr::from(Ipv6Addr::from(*octets)));
    let address = match flags & 3 {
        2 | 3 => v4(),
        1 => v6(),
        _ => None,
    };
    Some((address, u64::from_be_bytes(*seid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Session Establishment Request with a Node ID and a CP F-SEID.
    const ESTABLISHMENT: &[u8] = &[
        0x21, 50, 0, 37, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, // SEID 0, number 7
        0, 60, 0, 5, 0, 127, 0, 0, 4, // Node ID
        0, 57, 0, 13, 2, 0, 0, 0, 0, 0, 0, 0, 9, 127, 0, 0, 4, // F-SEID
    ];

    #[test]
    fn an_establishment_says_what_the_session_will_be_called() {
        let header = Header::read(ESTABLISHMENT).expect("a header");
        assert_eq!(header, Header { kind: 50, seid: Some(0), sequence: 7 });
        assert!(header.is_request() && header.is_of_session());
        assert_eq!(header.name(), "PFCP Session Establishment Request");
        let node = IpAddr::from([127, 0, 0, 4]);
        assert_eq!(f_seids(ESTABLISHMENT).collect::<Vec<_>>(), [(Some(node), 9)]);
    }

    #[test]
    fn what_is_cut_short_is_no_harm() {
        for length in 0..ESTABLISHMENT.len() {
            let cut = &ESTABLISHMENT[..length];
            assert_eq!(Header::read(cut).is_some(), length >= 15, "{length}");
            assert_eq!(f_seids(cut).count(), 0);
        }
    }
}
