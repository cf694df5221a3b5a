//! Why a procedure ended early, and the one table from reasons to causes on the wire.

use nas::GmmCause;
use nas::ie::GprsTimer2;
use runtime::Reject;
use sbi_api::{Problem, SbiError};

use crate::config::TimerConfig;
use crate::ids::random_u32;
use crate::ue::event::{Claim, Event};

/// Why a procedure ended early. Each is handled in one place, the UE's task.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The UE is refused.
    Refused(Refusal),
    /// The UE failed authentication.
    NotAuthentic(Refusal),
    /// The connection to the UE is gone.
    Lost,
    /// Something that goes before it.
    Collision(Box<Event>),
    /// Another task takes the context, rightly.
    Claimed(Box<Claim>, Option<Box<crate::ue::event::Opened>>),
    /// The UE or its node did not answer in time.
    NoAnswer(&'static str),
}

/// What is refused, with all that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Why,
    /// What the peer sent, for people.
    pub(crate) sent: String,
    /// What is configured, for people.
    pub(crate) configured: String,
}

/// Reasons to refuse a UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The UDM does not know the subscriber.
    UnknownSubscriber,
    /// The SUCI cannot be de-concealed.
    BadSuci,
    /// RES* is not the expected one.
    WrongResponse,
    /// The USIM says that the network's key is not its own.
    MacFailure,
    /// The home network does not let this network serve.
    ServingNetwork,
    /// Another network's PLMN is the UE's.
    Plmn,
    /// A tracking area that is not served.
    TrackingArea,
    /// No slice in common.
    Slices,
    /// The subscriber may not use 5GS.
    NotAllowed,
    /// No integrity or ciphering algorithm in common.
    Algorithms,
    /// The UE refused the security mode command.
    SecurityModeRejected,
    /// An NF did not answer, or not as it should.
    Network,
    /// Too much is under way.
    Congestion,
    /// A mandatory element is missing or wrong.
    InvalidMandatory,
    /// A kind of registration that is not served.
    Unsupported,
    /// A GUTI that nobody has, of a UE that gave no other identity.
    UnknownIdentity,
    /// The DNN of a session.
    Dnn,
    /// The slice of a session.
    SessionSlice,
    /// More sessions than allowed.
    TooManySessions,
}

impl Why {
    /// 5GMM cause, sentence, and the key (or command) that changes it.
    fn row(self) -> (GmmCause, &'static str, &'static str) {
        match self {
            Self::UnknownSubscriber => (GmmCause::IllegalUe, "no such subscriber", "peregrine subscriber add"),
            Self::BadSuci => (GmmCause::IllegalUe, "SUCI cannot be de-concealed", "udm.home_network_keys"),
            Self::WrongResponse => (GmmCause::IllegalUe, "wrong RES*", "peregrine subscriber add (K, OPc)"),
            Self::MacFailure => (GmmCause::IllegalUe, "MAC failure at the USIM", "peregrine subscriber add (K, OPc)"),
            Self::ServingNetwork => {
                (GmmCause::ServingNetworkNotAuthorized, "home network forbids this network", "network.plmn")
            }
            Self::Plmn => (GmmCause::PlmnNotAllowed, "PLMN not served", "network.plmn"),
            Self::TrackingArea => (GmmCause::TrackingAreaNotAllowed, "tracking area not served", "network.tacs"),
            Self::Slices => (GmmCause::NoNetworkSlicesAvailable, "no slice in common", "network.slices"),
            Self::NotAllowed => (GmmCause::FiveGsServicesNotAllowed, "subscription forbids it", "peregrine subscriber"),
            Self::Algorithms => {
                (GmmCause::UeSecurityCapabilitiesMismatch, "no security algorithm in common", "amf.security")
            }
            Self::SecurityModeRejected => (GmmCause::SecurityModeRejected, "the UE rejected the security mode", ""),
            Self::Network => (GmmCause::ProtocolErrorUnspecified, "a network function failed", ""),
            Self::Congestion => (GmmCause::Congestion, "too many procedures wait", "amf.limits.procedures"),
            Self::InvalidMandatory => (GmmCause::InvalidMandatoryInformation, "invalid mandatory information", ""),
            Self::Unsupported => (GmmCause::FiveGsServicesNotAllowed, "kind of registration not served", ""),
            Self::UnknownIdentity => (GmmCause::UeIdentityCannotBeDerived, "unknown temporary identity", ""),
            Self::Dnn => (GmmCause::DnnNotSupportedOrSubscribed, "DNN not offered or not subscribed", "network.dnns"),
            Self::SessionSlice => {
                (GmmCause::PayloadNotForwarded, "slice is not among the UE's allowed ones", "network.slices")
            }
            Self::TooManySessions => {
                (GmmCause::MaximumPduSessionsReached, "too many PDU sessions", "amf.limits.sessions_per_ue")
            }
        }
    }

    /// The cause on the wire.
    pub(crate) fn cause(self) -> GmmCause {
        self.row().0
    }

    /// The cause in DL NAS TRANSPORT, with which a session request goes back (TS 24.501 5.4.5.3.1).
    pub(crate) fn session_cause(self) -> GmmCause {
        match self {
            Self::Dnn | Self::Congestion | Self::TooManySessions => self.cause(),
            _ => GmmCause::PayloadNotForwarded,
        }
    }

    /// The label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::UnknownSubscriber => "unknown_subscriber",
            Self::BadSuci => "bad_suci",
            Self::WrongResponse => "wrong_response",
            Self::MacFailure => "mac_failure",
            Self::ServingNetwork => "serving_network",
            Self::Plmn => "plmn",
            Self::TrackingArea => "tracking_area",
            Self::Slices => "slices",
            Self::NotAllowed => "not_allowed",
            Self::Algorithms => "algorithms",
            Self::SecurityModeRejected => "security_mode_rejected",
            Self::Network => "network_failure",
            Self::Congestion => "congestion",
            Self::InvalidMandatory => "invalid_mandatory",
            Self::Unsupported => "unsupported",
            Self::UnknownIdentity => "unknown_identity",
            Self::Dnn => "dnn",
            Self::SessionSlice => "session_slice",
            Self::TooManySessions => "too_many_sessions",
        }
    }
}

impl Stop {
    /// The label in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Refused(refusal) | Self::NotAuthentic(refusal) => refusal.why.label(),
            Self::Lost => "connection_lost",
            Self::Collision(_) => "collision",
            Self::Claimed(..) => "superseded",
            Self::NoAnswer(_) => "no_answer",
        }
    }
}

impl Refusal {
    /// A refusal with what the peer sent and what is configured.
    pub(crate) fn new(why: Why, sent: impl Into<String>, configured: impl Into<String>) -> Self {
        Self { why, sent: sent.into(), configured: configured.into() }
    }

    /// What is recorded for people.
    pub(crate) fn explain(&self, about: String, procedure: &str) -> Reject {
        let (cause, sentence, key) = self.why.row();
        Reject {
            about,
            what: format!("{procedure} rejected: {cause} ({sentence})"),
            peer_sent: self.sent.clone(),
            configured: self.configured.clone(),
            key: key.to_owned(),
        }
    }

    /// T3346 of a refusal for congestion (TS 24.501 5.3.9). UEs that were refused together do not come back together.
    pub(crate) fn back_off(&self, timers: &TimerConfig) -> Option<GprsTimer2> {
        let spread = random_u32() % timers.t3346.saturating_add(1);
        (self.why == Why::Congestion).then(|| GprsTimer2::from_seconds(timers.t3346 + spread))
    }

    /// What an operation towards another NF failed with.
    pub(crate) fn of_operation(operation: &str, error: &SbiError, sent: impl Into<String>) -> Self {
        let why = match (error, error.cause()) {
            (SbiError::Problem(Problem { status: 404, .. }), Some("USER_NOT_FOUND" | "CONTEXT_NOT_FOUND")) => {
                Why::UnknownSubscriber
            }
            (_, Some("SERVING_NETWORK_NOT_AUTHORIZED")) => Why::ServingNetwork,
            (_, Some("AUTHENTICATION_REJECTED" | "INVALID_HN_PUBLIC_KEY_IDENTIFIER" | "INVALID_SCHEME_OUTPUT")) => {
                Why::BadSuci
            }
            (SbiError::Problem(Problem { status: 403, .. }), _) => Why::NotAllowed,
            _ => Why::Network,
        };
        Self::new(why, sent, format!("{operation}: {error}"))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
