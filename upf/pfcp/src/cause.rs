//! Causes and what they are told about.

use crate::wire::{Malformed, Value, integer_values, take};

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Outcome of a request (TS 29.244 8.2.1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cause {
            $($(#[$doc])* $name,)*
            /// A value this release does not know.
            Other(u8),
        }

        impl Cause {
            /// Its value on the wire.
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(code) => code,
                }
            }

            /// The cause of a value on the wire.
            pub fn from_code(code: u8) -> Self {
                match code {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

causes! {
    /// The request was carried out.
    RequestAccepted = 1,
    /// Carried out; more usage reports follow in session reports.
    MoreUsageReportToSend = 2,
    /// Carried out in part.
    RequestPartiallyAccepted = 3,
    /// Refused for no reason given below.
    RequestRejected = 64,
    /// No session has this SEID.
    SessionContextNotFound = 65,
    /// A mandatory element is missing.
    MandatoryIeMissing = 66,
    /// A conditional element is missing.
    ConditionalIeMissing = 67,
    /// An element's length is wrong.
    InvalidLength = 68,
    /// A mandatory element's content is wrong.
    MandatoryIeIncorrect = 69,
    /// The forwarding policy is not known.
    InvalidForwardingPolicy = 70,
    /// The F-TEIDs are to be given out by the other side.
    InvalidFTeidAllocationOption = 71,
    /// There is no association with the sender.
    NoEstablishedPfcpAssociation = 72,
    /// A rule could not be put in force.
    RuleCreationModificationFailure = 73,
    /// Overload.
    PfcpEntityInCongestion = 74,
    /// Memory, identifiers or addresses are used up.
    NoResourcesAvailable = 75,
    /// Not offered here.
    ServiceNotSupported = 76,
    /// A failure of the receiver.
    SystemFailure = 77,
    /// Another entity is to be asked.
    RedirectionRequested = 78,
    /// No address is left in the pools.
    AllDynamicAddressesAreOccupied = 79,
    /// A predefined rule is not known.
    UnknownPredefinedRule = 80,
    /// An application id is not known.
    UnknownApplicationId = 81,
}

impl Cause {
    /// Whether the request was carried out, at least in part.
    pub fn is_accepted(self) -> bool {
        self.code() < 64
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?} ({})", self.code())
    }
}

impl Value for Cause {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.code());
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [code] = take(&mut octets)?;
        Ok(Self::from_code(code))
    }
}

/// Type of the element at fault (TS 29.244 8.2.22); see [`crate::ie`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffendingIe(pub u16);

integer_values!(OffendingIe(u16));

/// What is wrong with an information element of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause} for information element {offending}")]
pub struct IeProblem {
    /// The cause to answer.
    pub cause: Cause,
    /// Type of the element.
    pub offending: u16,
}

/// A rule that could not be put in force (TS 29.244 8.2.80).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailedRuleId {
    /// A packet detection rule.
    Pdr(u16),
    /// A forwarding action rule.
    Far(u32),
    /// A QoS enforcement rule.
    Qer(u32),
    /// A usage reporting rule.
    Urr(u32),
    /// A buffering action rule.
    Bar(u8),
}

impl Value for FailedRuleId {
    fn write(&self, out: &mut Vec<u8>) {
        let (kind, id) = match self {
            Self::Pdr(id) => (0, *id as u32),
            Self::Far(id) => (1, *id),
            Self::Qer(id) => (2, *id),
            Self::Urr(id) => (3, *id),
            Self::Bar(id) => (4, u32::from(*id)),
        };
        out.push(kind);
        let skip = match kind {
            0 => 2,
            4 => 3,
            _ => 0,
        };
        out.extend(id.to_be_bytes().iter().skip(skip));
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [kind] = take(&mut octets)?;
        match kind & 0x1f {
            0 => take(&mut octets).map(|id| Self::Pdr(u16::from_be_bytes(id))),
            1 => take(&mut octets).map(|id| Self::Far(u32::from_be_bytes(id))),
            2 => take(&mut octets).map(|id| Self::Qer(u32::from_be_bytes(id))),
            3 => take(&mut octets).map(|id| Self::Urr(u32::from_be_bytes(id))),
            4 => take(&mut octets).map(|[id]| Self::Bar(id)),
            _ => Err(Malformed::Content),
        }
    }
}
