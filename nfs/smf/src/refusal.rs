//! Why a session is refused, and the one table of what is said to whom about it.

use std::net::IpAddr;

use http::StatusCode;
use nas::GsmCause;
use pfcp::RequestError;
use sbi_api::SbiError;
use sbi_models::{Dnn, Snssai};

/// Why a PDU session cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The UE's message cannot be understood.
    #[error("the UE's message is malformed: {0}")]
    Malformed(GsmCause),
    /// No data network of this name is configured.
    #[error("data network '{0}' is not configured")]
    UnknownDnn(Dnn),
    /// The data network is not offered in the slice.
    #[error("data network '{0}' is not offered in slice {1}")]
    DnnNotInSlice(Dnn, Snssai),
    /// The subscriber has no subscription to it.
    #[error("no subscription to data network '{0}' in slice {1}")]
    NotSubscribed(Dnn, Snssai),
    /// The UE asks for IPv6 where it can have IPv4 alone.
    #[error("PDU session type {0:?} is not to be had there, IPv4 is")]
    OnlyIpv4(nas::ie::PduSessionType),
    /// The UE asks for IPv4 where it can have IPv6 alone.
    #[error("PDU session type {0:?} is not to be had there, IPv6 is")]
    OnlyIpv6(nas::ie::PduSessionType),
    /// The UE asks for Ethernet or an unstructured session, or may have neither IPv4 nor IPv6.
    #[error("PDU session type {0:?} is not to be had there")]
    SessionType(nas::ie::PduSessionType),
    /// The UE insists on another SSC mode than 1.
    #[error("SSC mode {0:?} is not supported, mode 1 is")]
    SscMode(nas::ie::SscMode),
    /// The UE wants to go on with a session that is not there.
    #[error("there is no such PDU session to go on with")]
    NoSuchSession,
    /// The pool is empty.
    #[error("no address is left in the pool of '{0}'")]
    NoAddress(Dnn),
    /// Another session has the address that the subscription fixes.
    #[error("the address of the subscription, {0}, is another session's")]
    AddressInUse(IpAddr),
    /// The address that the subscription fixes is not the data network's.
    #[error("the address of the subscription, {0}, is none of data network '{1}'")]
    ForeignAddress(IpAddr, Dnn),
    /// There are as many sessions as may be.
    #[error("the SMF has all the sessions it may have")]
    Full,
    /// No UPF is associated.
    #[error("no UPF is associated over N4")]
    NoUpf,
    /// The UPFs ask for fewer sessions (TS 29.244 6.2.4).
    #[error("the UPFs are overloaded and ask for fewer sessions")]
    UpfOverloaded,
    /// The UPF said no.
    #[error("the UPF refused: {0:?}")]
    UpfRefused(pfcp::Cause),
    /// The UPF said nothing useful.
    #[error("the UPF did not answer: {0}")]
    UpfSilent(#[from] RequestError),
    /// The UDM said nothing useful.
    #[error("the subscription could not be read: {0}")]
    Udm(SbiError),
    /// The RAN could not set up its part.
    #[error("the RAN could not set up the session: {0}")]
    Ran(String),
}

impl Refusal {
    /// What the UE is told (TS 24.501 6.4.1.4).
    pub(crate) fn gsm_cause(&self) -> GsmCause {
        match self {
            Self::Malformed(cause) => *cause,
            Self::UnknownDnn(_) => GsmCause::MissingOrUnknownDnn,
            Self::DnnNotInSlice(..) => GsmCause::MissingOrUnknownDnnInSlice,
            Self::NotSubscribed(..) => GsmCause::ServiceOptionNotSubscribed,
            Self::OnlyIpv4(_) => GsmCause::PduSessionTypeIpv4OnlyAllowed,
            Self::OnlyIpv6(_) => GsmCause::PduSessionTypeIpv6OnlyAllowed,
            Self::SessionType(_) => GsmCause::UnknownPduSessionType,
            Self::SscMode(_) => GsmCause::NotSupportedSscMode,
            Self::NoSuchSession => GsmCause::PduSessionDoesNotExist,
            Self::NoAddress(_) | Self::AddressInUse(_) | Self::Full | Self::UpfOverloaded | Self::Ran(_) => {
                GsmCause::InsufficientResources
            }
            Self::ForeignAddress(..) | Self::NoUpf | Self::UpfRefused(_) | Self::UpfSilent(_) | Self::Udm(_) => {
                GsmCause::NetworkFailure
            }
        }
    }

    /// What the AMF is told: status and application error (TS 29.502 6.1.7.3).
    pub(crate) fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::FORBIDDEN, "N1_SM_ERROR"),
            Self::UnknownDnn(_) => (StatusCode::FORBIDDEN, "DNN_NOT_SUPPORTED"),
            Self::DnnNotInSlice(..) => (StatusCode::FORBIDDEN, "DNN_DENIED"),
            Self::NotSubscribed(..) => (StatusCode::FORBIDDEN, "SUBSCRIPTION_DENIED"),
            Self::OnlyIpv4(_) | Self::OnlyIpv6(_) | Self::SessionType(_) => {
                (StatusCode::FORBIDDEN, "PDUTYPE_NOT_SUPPORTED")
            }
            Self::SscMode(_) => (StatusCode::FORBIDDEN, "SSC_NOT_SUPPORTED"),
            Self::NoSuchSession => (StatusCode::NOT_FOUND, "CONTEXT_NOT_FOUND"),
            Self::NoAddress(_) | Self::AddressInUse(_) | Self::Full | Self::UpfOverloaded => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INSUFFICIENT_RESOURCES")
            }
            Self::NoUpf | Self::UpfSilent(_) => (StatusCode::GATEWAY_TIMEOUT, "UPF_NOT_RESPONDING"),
            Self::Udm(_) => (StatusCode::GATEWAY_TIMEOUT, "PEER_NOT_RESPONDING"),
            Self::ForeignAddress(..) | Self::UpfRefused(_) | Self::Ran(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE")
            }
        }
    }

    /// How the procedure's result is counted.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownDnn(_) => "unknown_dnn",
            Self::DnnNotInSlice(..) => "dnn_not_in_slice",
            Self::NotSubscribed(..) => "not_subscribed",
            Self::OnlyIpv4(_) | Self::OnlyIpv6(_) | Self::SessionType(_) => "pdu_session_type",
            Self::SscMode(_) => "ssc_mode",
            Self::NoSuchSession => "no_such_session",
            Self::NoAddress(_) => "no_address",
            Self::AddressInUse(_) => "address_in_use",
            Self::ForeignAddress(..) => "foreign_address",
            Self::Full => "full",
            Self::NoUpf => "no_upf",
            Self::UpfOverloaded => "upf_overloaded",
            Self::UpfRefused(_) => "upf_refused",
            Self::UpfSilent(_) => "upf_silent",
            Self::Udm(_) => "udm",
            Self::Ran(_) => "ran",
        }
    }

    /// The key of the configuration, or the command, that would change it.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::UnknownDnn(_) | Self::DnnNotInSlice(..) => "network.dnns",
            Self::NotSubscribed(..) => "peregrine subscriber add --dnn, or the UE's APN",
            Self::OnlyIpv4(_) | Self::OnlyIpv6(_) | Self::SessionType(_) => {
                "network.dnns[].ipv4 and .ipv6, the subscription, or the UE's PDU session type"
            }
            Self::SscMode(_) => "the UE's SSC mode",
            Self::NoAddress(_) => "network.dnns[].ipv4 and .ipv6",
            Self::AddressInUse(_) => "the subscriber's address, best one of network.dnns[].routes",
            Self::ForeignAddress(..) => "network.dnns[].routes, or the subscriber's address",
            Self::Full => "smf.max_sessions",
            Self::NoUpf | Self::UpfSilent(_) => "smf.n4.upfs and upf.n4",
            Self::UpfOverloaded => "upf.n4.queue, or more UPFs in smf.n4.upfs",
            Self::Malformed(_) | Self::NoSuchSession | Self::UpfRefused(_) | Self::Udm(_) | Self::Ran(_) => "",
        }
    }
}
