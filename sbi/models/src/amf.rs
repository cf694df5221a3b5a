//! Namf_Communication (TS 29.518).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use crate::problem::ProblemDetails;
use crate::{Arp, Guami, PduSessionId, RefToBinaryData, Snssai};

open_enum! {
    /// Kind of an N1 message (TS 29.518 6.1.6.3.5).
    N1MessageClass {
        Mm5g = "5GMM",
        Sm = "SM",
        Lpp = "LPP",
        Sms = "SMS",
        Updp = "UPDP",
        Lcs = "LCS",
    }
}

open_enum! {
    /// Kind of N2 information (TS 29.518 6.1.6.3.6).
    N2InformationClass {
        Sm = "SM",
        NrpPa = "NRPPa",
        Pws = "PWS",
        PwsBcal = "PWS-BCAL",
        PwsRf = "PWS-RF",
        Ran = "RAN",
    }
}

open_enum! {
    /// The NGAP IE that an N2 part holds (TS 29.518 6.1.6.3.22).
    NgapIeType {
        PduResSetupReq = "PDU_RES_SETUP_REQ",
        PduResRelCmd = "PDU_RES_REL_CMD",
        PduResModReq = "PDU_RES_MOD_REQ",
        HandoverCmd = "HANDOVER_CMD",
        HandoverRequired = "HANDOVER_REQUIRED",
        HandoverPrepFail = "HANDOVER_PREP_FAIL",
        SrcToTarContainer = "SRC_TO_TAR_CONTAINER",
        TarToSrcContainer = "TAR_TO_SRC_CONTAINER",
    }
}

open_enum! {
    /// What became, or will become, of a transfer (TS 29.518 6.1.6.3.10).
    N1N2MessageTransferCause {
        AttemptingToReachUe = "ATTEMPTING_TO_REACH_UE",
        Initiated = "N1_N2_TRANSFER_INITIATED",
        WaitingForAsynchronousTransfer = "WAITING_FOR_ASYNCHRONOUS_TRANSFER",
        UeNotResponding = "UE_NOT_RESPONDING",
        N1MsgNotTransferred = "N1_MSG_NOT_TRANSFERRED",
        N2MsgNotTransferred = "N2_MSG_NOT_TRANSFERRED",
        UeNotReachableForSession = "UE_NOT_REACHABLE_FOR_SESSION",
        TemporaryRejectRegistrationOngoing = "TEMPORARY_REJECT_REGISTRATION_ONGOING",
        TemporaryRejectHandoverOngoing = "TEMPORARY_REJECT_HANDOVER_ONGOING",
        RejectionDueToPagingRestriction = "REJECTION_DUE_TO_PAGING_RESTRICTION",
        AnNotResponding = "AN_NOT_RESPONDING",
        FailureCauseUnspecified = "FAILURE_CAUSE_UNSPECIFIED",
    }
}

/// An N1 message for the UE (TS 29.518 6.1.6.2.16).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1MessageContainer {
    /// Its kind.
    pub n1_message_class: N1MessageClass,
    /// The message, a part.
    pub n1_message_content: RefToBinaryData,
    /// NF that sends it.
    pub nf_id: Option<Uuid>,
}

/// An NGAP IE for the RAN (TS 29.518 6.1.6.2.27).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N2InfoContent {
    /// NGAP message it belongs to, by procedure code.
    pub ngap_message_type: Option<u32>,
    /// Which IE it is.
    pub ngap_ie_type: Option<NgapIeType>,
    /// The IE, a part.
    pub ngap_data: RefToBinaryData,
}

/// N2 information about a session (TS 29.518 6.1.6.2.26).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N2SmInformation {
    /// The session.
    pub pdu_session_id: PduSessionId,
    /// What the RAN is to be told.
    pub n2_info_content: Option<N2InfoContent>,
    /// Slice of the session.
    pub s_nssai: Option<Snssai>,
}

/// N2 information (TS 29.518 6.1.6.2.25).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N2InfoContainer {
    /// Its kind.
    pub n2_information_class: N2InformationClass,
    /// Of a session.
    pub sm_info: Option<N2SmInformation>,
}

/// Request to bring N1 and N2 messages to a UE and its RAN (TS 29.518 6.1.6.2.18).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1N2MessageTransferReqData {
    /// For the UE.
    pub n1_message_container: Option<N1MessageContainer>,
    /// For the RAN.
    pub n2_info_container: Option<N2InfoContainer>,
    /// The session it is about.
    pub pdu_session_id: Option<PduSessionId>,
    /// True: do not page, send the N1 message only if the UE is connected.
    pub skip_ind: Option<bool>,
    /// Paging policy indicator, 0 to 7.
    pub ppi: Option<u8>,
    /// Priority of the flow that has data.
    pub arp: Option<Arp>,
    /// 5QI of the flow that has data.
    #[serde(rename = "5qi")]
    pub five_qi: Option<u8>,
    /// Where to say that the transfer failed.
    #[serde(rename = "n1n2FailureTxfNotifURI")]
    pub n1n2_failure_txf_notif_uri: Option<String>,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

/// What becomes of a transfer (TS 29.518 6.1.6.2.19).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1N2MessageTransferRspData {
    /// The outcome so far.
    pub cause: N1N2MessageTransferCause,
    /// Features both support.
    pub supported_features: Option<String>,
}

impl From<N1N2MessageTransferCause> for N1N2MessageTransferRspData {
    fn from(cause: N1N2MessageTransferCause) -> Self {
        Self { cause, supported_features: None }
    }
}

/// Why a transfer was refused (TS 29.518 6.1.6.2.29): body of 409 and 504.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1N2MessageTransferError {
    /// What went wrong.
    pub error: ProblemDetails,
    /// When to try again.
    pub err_info: Option<N1N2MsgTxfrErrDetail>,
}

/// When to try again (TS 29.518 6.1.6.2.30).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1N2MsgTxfrErrDetail {
    /// Seconds.
    pub retry_after: Option<u32>,
    /// Priority that a new attempt must exceed.
    pub highest_prio_arp: Option<Arp>,
    /// Seconds the UE may stay unreachable.
    pub max_waiting_time: Option<u32>,
}

/// Notification that a transfer failed after all (TS 29.518 6.1.6.2.31).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1N2MsgTxfrFailureNotification {
    /// Why.
    pub cause: N1N2MessageTransferCause,
    /// The transfer: the `Location` its request was answered with.
    pub n1n2_msg_data_uri: String,
}

/// Subscription to a UE's N1 or N2 messages (TS 29.518 6.1.6.2.12).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UeN1N2InfoSubscriptionCreateData {
    /// Kind of N2 information.
    pub n2_information_class: Option<N2InformationClass>,
    /// Where N2 information goes.
    pub n2_notify_callback_uri: Option<String>,
    /// Kind of N1 messages.
    pub n1_message_class: Option<N1MessageClass>,
    /// Where N1 messages go.
    pub n1_notify_callback_uri: Option<String>,
    /// Who subscribes.
    pub nf_id: Option<Uuid>,
}

/// A created subscription (TS 29.518 6.1.6.2.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UeN1N2InfoSubscriptionCreatedData {
    /// Its identity.
    pub n1n2_notify_subscription_id: String,
}

/// Notification of an N1 message (TS 29.518 6.1.6.2.15).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct N1MessageNotification {
    /// The subscription.
    pub n1_notify_subscription_id: Option<String>,
    /// The message.
    pub n1_message_container: N1MessageContainer,
    /// The AMF.
    pub guami: Option<Guami>,
}
