//! The header of a NAS PDU: plain or security protected (TS 24.501 9.1.1, 9.3).

use crate::{DecodeError, EPD_5GMM};

/// Octets before the protected message: discriminator, header type, MAC (4), sequence number.
pub(crate) const PROTECTED_HEADER: usize = 7;

/// How a protected message is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityHeaderType {
    /// 1.
    IntegrityProtected,
    /// 2.
    IntegrityProtectedAndCiphered,
    /// 3: SECURITY MODE COMMAND only.
    IntegrityProtectedWithNewContext,
    /// 4: SECURITY MODE COMPLETE only.
    IntegrityProtectedAndCipheredWithNewContext,
}

impl SecurityHeaderType {
    /// The number on the wire.
    pub const fn value(self) -> u8 {
        match self {
            Self::IntegrityProtected => 1,
            Self::IntegrityProtectedAndCiphered => 2,
            Self::IntegrityProtectedWithNewContext => 3,
            Self::IntegrityProtectedAndCipheredWithNewContext => 4,
        }
    }

    /// Whether the message is ciphered.
    pub const fn is_ciphered(self) -> bool {
        matches!(self, Self::IntegrityProtectedAndCiphered | Self::IntegrityProtectedAndCipheredWithNewContext)
    }

    /// From bits 4 to 1 of the octet on the wire; 0 is plain and not one of these.
    const fn from_value(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::IntegrityProtected),
            2 => Some(Self::IntegrityProtectedAndCiphered),
            3 => Some(Self::IntegrityProtectedWithNewContext),
            4 => Some(Self::IntegrityProtectedAndCipheredWithNewContext),
            _ => None,
        }
    }
}

/// A security protected message, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected<'a> {
    /// How it says it is protected.
    pub header_type: SecurityHeaderType,
    /// The message authentication code.
    pub mac: [u8; 4],
    /// The low 8 bits of the NAS COUNT.
    pub sequence_number: u8,
    /// What the MAC covers: the sequence number and the message, ciphered or not.
    covered: &'a [u8],
}

impl<'a> Protected<'a> {
    /// The inner message as it is on the wire: readable without a security context only if
    /// `header_type.is_ciphered()` is false, and then only for what TS 24.501 4.4.4.3 lets the network process
    /// without a verified MAC.
    pub fn message(&self) -> &'a [u8] {
        self.covered.get(1..).unwrap_or_default()
    }

    /// What the MAC covers.
    pub(crate) fn covered(&self) -> &'a [u8] {
        self.covered
    }
}

/// A NAS PDU by its outermost header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// A plain 5GMM message, header included: to be given to [`crate::GmmMessage::decode`].
    Plain(&'a [u8]),
    /// A protected one: to be given to [`crate::SecurityContext::unprotect`].
    Protected(Protected<'a>),
}

impl<'a> Envelope<'a> {
    /// Looks at the header. Every error means that the PDU is ignored.
    pub fn open(pdu: &'a [u8]) -> Result<Self, DecodeError> {
        let (epd, header_type) = match pdu {
            [epd, header_type, ..] => (*epd, header_type & 0x0f),
            _ => return Err(DecodeError::TooShort),
        };
        if epd != EPD_5GMM {
            return Err(DecodeError::ProtocolDiscriminator(epd));
        }
        if header_type == 0 {
            return if pdu.len() < 3 { Err(DecodeError::TooShort) } else { Ok(Self::Plain(pdu)) };
        }
        let kind = SecurityHeaderType::from_value(header_type).ok_or(DecodeError::SecurityHeaderType(header_type))?;
        match pdu {
            [_, _, m0, m1, m2, m3, covered @ ..] if covered.len() > 3 => Ok(Self::Protected(Protected {
                header_type: kind,
                mac: [*m0, *m1, *m2, *m3],
                sequence_number: covered.first().copied().unwrap_or_default(),
                covered,
            })),
            _ => Err(DecodeError::TooShort),
        }
    }
}
