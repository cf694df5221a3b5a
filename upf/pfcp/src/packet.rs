//! A whole message: header (TS 29.244 7.2.2) and information elements.

use crate::load::{LoadControlInformation, OverloadControlInformation};
use crate::messages::*;
use crate::node_report::{NodeReportRequest, NodeReportResponse};
use crate::pfd::{PfdManagementRequest, PfdManagementResponse};
use crate::wire::{Elements, Malformed, Value};
use crate::{Cause, FSeid, IeProblem, Seid, ie};

/// Version of the protocol spoken here.
const VERSION: u8 = 1;

/// Number of a transaction, 24 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(u32);

impl Sequence {
    /// The number modulo 2^24.
    pub fn new(number: u32) -> Self {
        Self(number & 0x00ff_ffff)
    }

    /// The number.
    pub fn value(self) -> u32 {
        self.0
    }

    /// The one after it.
    pub fn next(self) -> Self {
        Self::new(self.0 + 1)
    }
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident($body:ty) = $code:literal $kind:ident),* $(,)?) => {
        /// Type of a message (7.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum MessageType {
            $($(#[$doc])* $name,)*
        }

        impl MessageType {
            /// Its value on the wire.
            pub fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }

            fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// Whether it opens a transaction; the others close one.
            pub fn is_request(self) -> bool {
                match self { $(Self::$name => messages!(@request $kind),)* }
            }

            /// Whether it belongs to a session and carries a SEID.
            pub fn is_of_session(self) -> bool {
                self.code() >= 50
            }
        }

        /// A message, all its elements read and checked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant)]
        pub enum Message {
            $($(#[$doc])* $name($body),)*
        }

        impl Message {
            /// Its type.
            pub fn kind(&self) -> MessageType {
                match self { $(Self::$name(_) => MessageType::$name,)* }
            }

            fn write(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(body) => body.write(out),)* }
            }

            fn read(kind: MessageType, octets: &[u8]) -> Result<Self, Malformed> {
                match kind { $(MessageType::$name => <$body>::read(octets).map(Self::$name),)* }
            }
        }

        $(impl From<$body> for Message {
            fn from(body: $body) -> Self {
                Self::$name(body)
            }
        })*
    };
    (@request request) => { true };
    (@request response) => { false };
}

messages! {
    /// Heartbeat.
    HeartbeatRequest(HeartbeatRequest) = 1 request,
    /// Heartbeat, answered.
    HeartbeatResponse(HeartbeatResponse) = 2 response,
    /// Packet flow descriptions of applications.
    PfdManagementRequest(PfdManagementRequest) = 3 request,
    /// Packet flow descriptions, answered.
    PfdManagementResponse(PfdManagementResponse) = 4 response,
    /// Association setup.
    AssociationSetupRequest(AssociationSetupRequest) = 5 request,
    /// Association setup, answered.
    AssociationSetupResponse(AssociationSetupResponse) = 6 response,
    /// Association update.
    AssociationUpdateRequest(AssociationUpdateRequest) = 7 request,
    /// Association update, answered.
    AssociationUpdateResponse(AssociationUpdateResponse) = 8 response,
    /// Association release.
    AssociationReleaseRequest(AssociationReleaseRequest) = 9 request,
    /// Association release, answered.
    AssociationReleaseResponse(AssociationReleaseResponse) = 10 response,
    /// Version not supported.
    VersionNotSupportedResponse(VersionNotSupportedResponse) = 11 response,
    /// Node report.
    NodeReportRequest(NodeReportRequest) = 12 request,
    /// Node report, answered.
    NodeReportResponse(NodeReportResponse) = 13 response,
    /// Session establishment.
    SessionEstablishmentRequest(SessionEstablishmentRequest) = 50 request,
    /// Session establishment, answered.
    SessionEstablishmentResponse(SessionEstablishmentResponse) = 51 response,
    /// Session modification.
    SessionModificationRequest(SessionModificationRequest) = 52 request,
    /// Session modification, answered.
    SessionModificationResponse(SessionModificationResponse) = 53 response,
    /// Session deletion.
    SessionDeletionRequest(SessionDeletionRequest) = 54 request,
    /// Session deletion, answered.
    SessionDeletionResponse(SessionDeletionResponse) = 55 response,
    /// Session report.
    SessionReportRequest(SessionReportRequest) = 56 request,
    /// Session report, answered.
    SessionReportResponse(SessionReportResponse) = 57 response,
}

/// What identifies a message whatever its elements say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Type of the message.
    pub kind: MessageType,
    /// The receiver's session, in messages that belong to one; zero where the receiver's end is not known yet.
    pub seid: Option<Seid>,
    /// The transaction.
    pub sequence: Sequence,
}

/// A message with what its header says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The receiver's session, in messages that belong to one; zero where the receiver's end is not known yet.
    pub seid: Option<Seid>,
    /// The transaction.
    pub sequence: Sequence,
    /// The message.
    pub message: Message,
}

/// Why a datagram is not a message, and what its sender is to be told. Always the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not to be answered: cut short, of an unknown type, or a response.
    #[error("not a PFCP message: {0}")]
    Discard(&'static str),
    /// Of another version: answer Version Not Supported.
    #[error("PFCP version {version}")]
    Version {
        /// The version.
        version: u8,
        /// The transaction.
        sequence: Sequence,
    },
    /// A request to be refused.
    #[error("{problem}")]
    Rejected {
        /// The request.
        header: Header,
        /// The sender's end of the session, as far as it could be read from an establishment.
        sender: Option<FSeid>,
        /// What is wrong with it.
        problem: IeProblem,
    },
    /// A response that cannot be used: its transaction has failed.
    #[error("in a response: {problem}")]
    BadResponse {
        /// The response.
        header: Header,
        /// What is wrong with it.
        problem: IeProblem,
    },
}

/// Why a message cannot be written. Our own fault: it says more than a datagram can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} octets does not fit a datagram")]
pub struct EncodeError(pub usize);

/// The longest message: what a UDP datagram over IPv4 holds.
const LONGEST: usize = 65_507;

impl Packet {
    /// A message of a session; `seid` is the receiver's, zero where not known.
    pub fn session(seid: Seid, sequence: Sequence, message: impl Into<Message>) -> Self {
        Self { seid: Some(seid), sequence, message: message.into() }
    }

    /// A message between nodes.
    pub fn node(sequence: Sequence, message: impl Into<Message>) -> Self {
        Self { seid: None, sequence, message: message.into() }
    }

    /// Writes the message as a datagram.
    ///
    /// # Errors
    /// [`EncodeError`] for a message that does not fit one.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&[VERSION << 5 | u8::from(self.seid.is_some()), self.message.kind().code(), 0, 0]);
        if let Some(seid) = self.seid {
            out.extend_from_slice(&seid.0.to_be_bytes());
        }
        out.extend_from_slice(&(self.sequence.value() << 8).to_be_bytes());
        self.message.write(&mut out);
        match u16::try_from(out.len() - 4) {
            Ok(length) if out.len() <= LONGEST => out[2..4].copy_from_slice(&length.to_be_bytes()),
            _ => return Err(EncodeError(out.len())),
        }
        Ok(out)
    }

    /// Reads and checks a datagram, all grouped elements included.
    ///
    /// # Errors
    /// [`DecodeError`] with what the sender is to be told.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let (header, body) = split(octets)?;
        match Message::read(header.kind, body) {
            Ok(message) => Ok(Self { seid: header.seid, sequence: header.sequence, message }),
            Err(malformed) => {
                let problem = malformed.of(0);
                Err(match header.kind.is_request() {
                    true => DecodeError::Rejected { header, sender: sender(body), problem },
                    false => DecodeError::BadResponse { header, problem },
                })
            }
        }
    }
}

/// Splits a datagram into header and elements.
fn split(octets: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    let cut = DecodeError::Discard("cut short");
    let &[flags, code, high, low, ref rest @ ..] = octets else { return Err(cut) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Octets after the message would be a second one (FO flag); we do not announce bundling, so none may come.
    let mut body = rest.get(..length).ok_or(cut)?;
    let mut seid = None;
    if flags & 1 != 0 {
        let (octets, rest) = body.split_first_chunk().ok_or(cut)?;
        seid = Some(Seid(u64::from_be_bytes(*octets)));
        body = rest;
    }
    let (&[a, b, c, _priority], body) = body.split_first_chunk().ok_or(cut)?;
    let sequence = Sequence(u32::from_be_bytes([0, a, b, c]));
    if flags >> 5 != VERSION {
        return Err(DecodeError::Version { version: flags >> 5, sequence });
    }
    let kind = MessageType::from_code(code).ok_or(DecodeError::Discard("unknown type"))?;
    if kind.is_of_session() != seid.is_some() {
        return Err(DecodeError::Discard("SEID present or absent against its type"));
    }
    Ok((Header { kind, seid, sequence }, body))
}

/// The sender's end of the session, read past whatever else is wrong.
fn sender(body: &[u8]) -> Option<FSeid> {
    let (_, value) = Elements::new(body).filter_map(Result::ok).find(|(kind, _)| *kind == ie::F_SEID)?;
    FSeid::read(value).ok()
}

impl Message {
    /// What a response tells of the load of its sender, and of its overload.
    pub fn load(&self) -> (Option<&LoadControlInformation>, Option<&OverloadControlInformation>) {
        match self {
            Self::SessionEstablishmentResponse(m) => (m.load.as_ref(), m.overload.as_ref()),
            Self::SessionModificationResponse(m) => (m.load.as_ref(), m.overload.as_ref()),
            Self::SessionDeletionResponse(m) => (m.load.as_ref(), m.overload.as_ref()),
            _ => (None, None),
        }
    }

    /// Has a response tell of the load of its sender; another message stays as it is.
    pub fn tell_load(&mut self, told: Option<LoadControlInformation>, less: Option<OverloadControlInformation>) {
        match self {
            Self::SessionEstablishmentResponse(m) => (m.load, m.overload) = (told, less),
            Self::SessionModificationResponse(m) => (m.load, m.overload) = (told, less),
            Self::SessionDeletionResponse(m) => (m.load, m.overload) = (told, less),
            _ => {}
        }
    }

    /// Whether this is a response of refusal; `None` for requests and messages without a cause.
    pub fn cause(&self) -> Option<Cause> {
        Some(match self {
            Self::AssociationSetupResponse(m) => m.cause,
            Self::AssociationUpdateResponse(m) => m.cause,
            Self::AssociationReleaseResponse(m) => m.cause,
            Self::NodeReportResponse(m) => m.cause,
            Self::PfdManagementResponse(m) => m.cause,
            Self::SessionEstablishmentResponse(m) => m.cause,
            Self::SessionModificationResponse(m) => m.cause,
            Self::SessionDeletionResponse(m) => m.cause,
            Self::SessionReportResponse(m) => m.cause,
            _ => return None,
        })
    }
}
