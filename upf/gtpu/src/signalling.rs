//! Messages of the path and the tunnel besides G-PDUs (TS 29.281 7.2, 7.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{extension, message};

/// Information elements (TS 29.281 8.1).
mod element {
    pub(super) const RECOVERY: u8 = 14;
    pub(super) const TEID_DATA_I: u8 = 16;
    pub(super) const GTP_U_PEER_ADDRESS: u8 = 133;
    pub(super) const EXTENSION_HEADER_TYPES: u8 = 141;
}

/// An Echo Request with this sequence number.
pub fn echo_request(sequence: u16) -> [u8; 12] {
    let [high, low] = sequence.to_be_bytes();
    [0x32, message::ECHO_REQUEST, 0, 4, 0, 0, 0, 0, high, low, 0, 0]
}

/// The restart counter in the information elements of an Echo Response, which begin with it.
pub fn recovery(elements: &[u8]) -> Option<u8> {
    match *elements {
        [element::RECOVERY, counter, ..] => Some(counter),
        _ => None,
    }
}

/// The answer to an Echo Request with this sequence number.
pub fn echo_response(sequence: u16) -> [u8; 14] {
    let [high, low] = sequence.to_be_bytes();
    // The restart counter is not used in GTP-U and is sent as zero (8.2).
    [0x32, message::ECHO_RESPONSE, 0, 6, 0, 0, 0, 0, high, low, 0, 0, element::RECOVERY, 0]
}

/// An End Marker for the receiver's tunnel.
pub fn end_marker(teid: u32) -> [u8; 8] {
    let [a, b, c, d] = teid.to_be_bytes();
    [0x30, message::END_MARKER, 0, 0, a, b, c, d]
}

/// Tells which extension headers are understood here.
pub fn supported_extension_headers() -> [u8; 18] {
    let [a, b, c, d] = extension::KNOWN;
    let head = [0x32, message::SUPPORTED_EXTENSION_HEADERS, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut out = [0; 18];
    let list = [element::EXTENSION_HEADER_TYPES, 4, a, b, c, d];
    for (octet, value) in out.iter_mut().zip(head.into_iter().chain(list)) {
        *octet = value;
    }
    out
}

/// Tells the sender of a G-PDU that there is no tunnel `teid` at `address`. Written into `out`; returns its length.
pub fn error_indication(teid: u32, address: IpAddr, out: &mut [u8; 36]) -> usize {
    let mut length = 12;
    let mut put = |octets: &[u8]| {
        for (octet, value) in out.iter_mut().skip(length).zip(octets) {
            *octet = *value;
        }
        length += octets.len();
    };
    put(&[element::TEID_DATA_I]);
    put(&teid.to_be_bytes());
    match address {
        IpAddr::V4(v4) => {
            put(&[element::GTP_U_PEER_ADDRESS, 0, 4]);
            put(&v4.octets());
        }
        IpAddr::V6(v6) => {
            put(&[element::GTP_U_PEER_ADDRESS, 0, 16]);
            put(&v6.octets());
        }
    }
    let head = [0x32, message::ERROR_INDICATION, 0, (length - 8) as u8, 0, 0, 0, 0, 0, 0, 0, 0];
    out.iter_mut().zip(head).for_each(|(octet, value)| *octet = value);
    length
}

/// What an Error Indication says: its sender does not know this tunnel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorIndication {
    /// The tunnel.
    pub teid: u32,
    /// The address at which it is not known.
    pub address: IpAddr,
}

impl ErrorIndication {
    /// Reads the information elements of an Error Indication; `None` where one of the two is missing or malformed.
    pub fn read(mut elements: &[u8]) -> Option<Self> {
        let (mut teid, mut address) = (None, None);
        while let Some((&kind, rest)) = elements.split_first() {
            elements = match kind {
                element::RECOVERY => rest.get(1..)?,
                element::TEID_DATA_I => {
                    let (octets, rest) = rest.split_first_chunk()?;
                    teid = Some(u32::from_be_bytes(*octets));
                    rest
                }
                // A type above 127 is followed by its length.
                128.. => {
                    let (length, rest) = rest.split_first_chunk()?;
                    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                    if kind == element::GTP_U_PEER_ADDRESS {
                        address = Some(read_address(value)?);
                    }
                    rest
                }
                _ => return None,
            };
        }
        Some(Self { teid: teid?, address: address? })
    }
}

fn read_address(value: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(value).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    let v6 = || <[u8; 16]>::try_from(value).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
    v4().or_else(v6)
}
