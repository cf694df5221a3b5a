//! What is wrong with a message, and what the specification answers (TS 24.501 clause 7).

use crate::{GmmCause, GsmCause, GsmHeader};

/// A NAS message that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It ends inside its header (7.2.1): ignored.
    #[error("message ends inside its header")]
    TooShort,
    /// Not 5GMM or not 5GSM, as was asked for: ignored.
    #[error("unknown extended protocol discriminator {0:#04x}")]
    ProtocolDiscriminator(u8),
    /// A reserved security header type, or a protected message where a plain one was needed: ignored.
    #[error("security header type {0} where a plain message is needed")]
    SecurityHeaderType(u8),
    /// A message type that is not defined or not implemented (7.4).
    #[error("unknown message type {0:#04x}")]
    UnknownMessageType(u8),
    /// A mandatory element is missing or wrong, or an unknown one must be comprehended (7.5.1).
    #[error("message {message_type:#04x}: mandatory element {element}: {fault}")]
    InvalidMandatory {
        /// The message's type.
        message_type: u8,
        /// The element, by the specification's name.
        element: String,
        /// Missing, cut short or syntactically incorrect.
        fault: &'static str,
    },
    /// A PDU session identity that is not 1 to 15 (7.3.2).
    #[error("PDU session identity {0} is not 1 to 15")]
    PduSessionIdentity(u8),
    /// The reserved procedure transaction identity 255 (7.3.1).
    #[error("reserved procedure transaction identity")]
    ProcedureTransactionIdentity,
}

impl DecodeError {
    /// The cause of the 5GMM STATUS or reject to answer with; `None` means the message is ignored.
    pub fn gmm_cause(&self) -> Option<GmmCause> {
        match self {
            Self::UnknownMessageType(_) => Some(GmmCause::MessageTypeNonExistent),
            Self::InvalidMandatory { .. } => Some(GmmCause::InvalidMandatoryInformation),
            _ => None,
        }
    }

    fn gsm_cause(&self) -> Option<GsmCause> {
        match self {
            Self::UnknownMessageType(_) => Some(GsmCause::MessageTypeNonExistent),
            Self::InvalidMandatory { .. } => Some(GsmCause::InvalidMandatoryInformation),
            Self::PduSessionIdentity(_) => Some(GsmCause::InvalidPduSessionIdentity),
            Self::ProcedureTransactionIdentity => Some(GsmCause::InvalidPtiValue),
            _ => None,
        }
    }
}

/// A 5GSM message that cannot be understood, with what an answer repeats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct GsmDecodeError {
    /// The header, if the message was long enough to have one.
    pub header: Option<GsmHeader>,
    /// What is wrong.
    pub error: DecodeError,
}

impl GsmDecodeError {
    /// The cause of the 5GSM STATUS or reject to answer with; `None` means the message is ignored.
    pub fn cause(&self) -> Option<GsmCause> {
        self.error.gsm_cause()
    }
}

/// A message that its wire format cannot hold: our own fault, or an operator's far too long name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {message_type:#04x} cannot be encoded: {reason}")]
pub struct EncodeError {
    /// The message's type.
    pub message_type: u8,
    /// Which element, and why.
    pub reason: String,
}
