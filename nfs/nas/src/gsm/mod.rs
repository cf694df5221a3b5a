//! 5GS session management messages (TS 24.501 8.3).

mod establishment;
mod modification;
mod release;

pub use establishment::{PduSessionEstablishmentAccept, PduSessionEstablishmentReject, PduSessionEstablishmentRequest};
pub use modification::{
    PduSessionModificationCommand, PduSessionModificationCommandReject, PduSessionModificationComplete,
    PduSessionModificationReject, PduSessionModificationRequest,
};
pub use release::{
    GsmStatus, PduSessionReleaseCommand, PduSessionReleaseComplete, PduSessionReleaseReject, PduSessionReleaseRequest,
};

use crate::message::messages;
use crate::{DecodeError, EPD_5GSM, EncodeError, GsmDecodeError};

messages! {
    /// A 5GSM message, without its header's identities.
    GsmMessage {
        PduSessionEstablishmentRequest, PduSessionEstablishmentAccept, PduSessionEstablishmentReject,
        PduSessionModificationRequest, PduSessionModificationReject, PduSessionModificationCommand,
        PduSessionModificationComplete, PduSessionModificationCommandReject,
        PduSessionReleaseRequest, PduSessionReleaseReject, PduSessionReleaseCommand, PduSessionReleaseComplete,
        GsmStatus,
    }
}

/// The header of a 5GSM message as received, its values not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GsmHeader {
    /// PDU session identity.
    pub pdu_session_id: u8,
    /// Procedure transaction identity.
    pub pti: u8,
    /// Message type.
    pub message_type: u8,
}

/// A 5GSM message with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GsmPdu {
    /// PDU session identity, 1 to 15.
    pub pdu_session_id: u8,
    /// Procedure transaction identity, 1 to 254, or 0 for a procedure the network started.
    pub pti: u8,
    /// The message.
    pub message: GsmMessage,
}

impl GsmPdu {
    /// A message for a session within a transaction.
    pub fn new(pdu_session_id: u8, pti: u8, message: impl Into<GsmMessage>) -> Self {
        Self { pdu_session_id, pti, message: message.into() }
    }

    /// From a whole 5GSM message.
    pub fn decode(octets: &[u8]) -> Result<Self, GsmDecodeError> {
        let (header, rest) = match octets {
            [EPD_5GSM, pdu_session_id, pti, message_type, rest @ ..] => {
                (GsmHeader { pdu_session_id: *pdu_session_id, pti: *pti, message_type: *message_type }, rest)
            }
            [] | [EPD_5GSM, ..] => return Err(GsmDecodeError { header: None, error: DecodeError::TooShort }),
            [other, ..] => {
                return Err(GsmDecodeError { header: None, error: DecodeError::ProtocolDiscriminator(*other) });
            }
        };
        Self::checked(header, rest).map_err(|error| GsmDecodeError { header: Some(header), error })
    }

    fn checked(header: GsmHeader, rest: &[u8]) -> Result<Self, DecodeError> {
        if header.pti == 255 {
            return Err(DecodeError::ProcedureTransactionIdentity);
        }
        if !(1..=15).contains(&header.pdu_session_id) {
            return Err(DecodeError::PduSessionIdentity(header.pdu_session_id));
        }
        let message = GsmMessage::read(header.message_type, rest)?;
        Ok(Self { pdu_session_id: header.pdu_session_id, pti: header.pti, message })
    }

    /// The whole message.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::with_capacity(96);
        octets.extend([EPD_5GSM, self.pdu_session_id, self.pti, self.message.message_type()]);
        self.message.write(&mut octets)?;
        Ok(octets)
    }
}
