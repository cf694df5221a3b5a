//! GTP-U (TS 29.281) with the PDU Session Container (TS 38.415), in place.
//!
//! [`Datagram::parse`] reads a UDP payload without copying: what it returns borrows the payload and says where the inner
//! packet lies. [`Encapsulation`] is the header to put into the room before an inner packet. Nothing of these allocates.
//! [`Paths`] tells which peers still answer.

mod container;
mod encapsulate;
mod paths;
mod signalling;

pub use container::{PduSession, Qfi};
pub use encapsulate::{Encapsulation, HEADROOM};
pub use paths::{Echo, PathConfig, PathEvent, Paths};
pub use signalling::{
    ErrorIndication, echo_request, echo_response, end_marker, error_indication, recovery, supported_extension_headers,
};

/// The port of GTP-U (TS 29.281 4.4.2.3).
pub const PORT: u16 = 2152;

/// Message types (TS 29.281 6.1).
pub mod message {
    /// Echo Request.
    pub const ECHO_REQUEST: u8 = 1;
    /// Echo Response.
    pub const ECHO_RESPONSE: u8 = 2;
    /// Error Indication.
    pub const ERROR_INDICATION: u8 = 26;
    /// Supported Extension Headers Notification.
    pub const SUPPORTED_EXTENSION_HEADERS: u8 = 31;
    /// End Marker.
    pub const END_MARKER: u8 = 254;
    /// G-PDU.
    pub const G_PDU: u8 = 255;
}

/// Types of extension headers (TS 29.281 5.2.1).
pub(crate) mod extension {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const UDP_PORT: u8 = 0x40;
    pub(crate) const LONG_PDCP_PDU_NUMBER: u8 = 0x82;
    pub(crate) const PDU_SESSION_CONTAINER: u8 = 0x85;
    pub(crate) const PDCP_PDU_NUMBER: u8 = 0xc0;

    /// Those understood here.
    pub(crate) const KNOWN: [u8; 4] = [PDU_SESSION_CONTAINER, UDP_PORT, LONG_PDCP_PDU_NUMBER, PDCP_PDU_NUMBER];
}

/// Why a UDP payload is not a GTP-U message; always the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the header it claims, or than its length field says.
    #[error("cut short")]
    Short,
    /// Not version 1 of GTP (or GTP prime).
    #[error("not GTP version 1")]
    Version,
    /// An extension header with length 0.
    #[error("extension header of length 0")]
    EmptyExtension,
    /// An extension header that reaches past the end.
    #[error("extension header past the end")]
    LongExtension,
    /// An extension header that must be understood and is not: answer [`supported_extension_headers`].
    #[error("extension header {0:#x} must be understood")]
    UnknownExtension(u8),
    /// A PDU Session Container that is cut short or of an unknown PDU type.
    #[error("PDU Session Container")]
    Container,
}

/// A GTP-U message, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The kind of message, see [`message`].
    pub message: u8,
    /// The receiver's tunnel; 0 in messages of the path.
    pub teid: u32,
    /// Sequence number, where there is one.
    pub sequence: Option<u16>,
    /// The PDU Session Container, where there is one.
    pub pdu_session: Option<PduSession>,
    /// Octets before the payload: where in the datagram the payload begins.
    pub header_length: usize,
    /// The inner packet of a G-PDU, the information elements of other messages.
    pub payload: &'a [u8],
}

/// Octets of the header without its optional fields.
const MANDATORY: usize = 8;
/// Octets of the header with them.
const WITH_OPTIONAL: usize = 12;

impl<'a> Datagram<'a> {
    /// Reads a UDP payload.
    ///
    /// Octets after the length that the header says are not part of the message and are left out.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Malformed> {
        let (header, _) = octets.split_first_chunk::<MANDATORY>().ok_or(Malformed::Short)?;
        let &[flags, message, len_high, len_low, a, b, c, d] = header;
        // Version 1, protocol type GTP.
        if flags >> 4 != 0b0011 {
            return Err(Malformed::Version);
        }
        let end = MANDATORY + usize::from(u16::from_be_bytes([len_high, len_low]));
        let octets = octets.get(..end).ok_or(Malformed::Short)?;
        let mut read = Self {
            message,
            teid: u32::from_be_bytes([a, b, c, d]),
            sequence: None,
            pdu_session: None,
            header_length: MANDATORY,
            payload: &[],
        };
        if flags & 0b111 != 0 {
            read.optional(octets, flags)?;
        }
        read.payload = octets.get(read.header_length..).ok_or(Malformed::Short)?;
        Ok(read)
    }

    /// The optional fields, all there when any of E, S, PN is set, and the extension headers after them.
    fn optional(&mut self, octets: &[u8], flags: u8) -> Result<(), Malformed> {
        let fields = octets.get(MANDATORY..WITH_OPTIONAL).ok_or(Malformed::Short)?;
        let &[high, low, _n_pdu, next] = fields else { return Err(Malformed::Short) };
        if flags & 0b010 != 0 {
            self.sequence = Some(u16::from_be_bytes([high, low]));
        }
        self.header_length = WITH_OPTIONAL;
        let mut next = if flags & 0b100 != 0 { next } else { extension::NONE };
        // Each turn moves on by four octets at least, so this ends.
        while next != extension::NONE {
            next = self.extension(octets, next)?;
        }
        Ok(())
    }

    /// One extension header; returns the type of the one after it.
    fn extension(&mut self, octets: &[u8], kind: u8) -> Result<u8, Malformed> {
        let rest = octets.get(self.header_length..).ok_or(Malformed::LongExtension)?;
        let length = match rest.first() {
            None => return Err(Malformed::LongExtension),
            Some(0) => return Err(Malformed::EmptyExtension),
            Some(units) => usize::from(*units) * 4,
        };
        let (content, next) = match rest.get(..length) {
            Some([_length, content @ .., next]) => (content, *next),
            _ => return Err(Malformed::LongExtension),
        };
        if kind == extension::PDU_SESSION_CONTAINER {
            self.pdu_session = Some(PduSession::read(content).ok_or(Malformed::Container)?);
        } else if kind & 0x80 != 0 && !extension::KNOWN.contains(&kind) {
            // TS 29.281 5.2.1: the two high bits say whose comprehension is required; the first of them, an endpoint's.
            return Err(Malformed::UnknownExtension(kind));
        }
        self.header_length += length;
        Ok(next)
    }
}
