//! Nsmf_PDUSession: SM contexts between AMF and SMF (TS 29.502).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use crate::nrf::ServiceName;
use crate::problem::ProblemDetails;
use crate::{
    AccessType, DateTime, Dnn, Gpsi, Guami, PduSessionId, Pei, PlmnIdNid, RatType, RefToBinaryData, Snssai, Supi,
    UserLocation,
};

open_enum! {
    /// What the UE asks for (TS 29.502 6.1.6.3.6).
    RequestType {
        InitialRequest = "INITIAL_REQUEST",
        ExistingPduSession = "EXISTING_PDU_SESSION",
        InitialEmergencyRequest = "INITIAL_EMERGENCY_REQUEST",
        ExistingEmergencyPduSession = "EXISTING_EMERGENCY_PDU_SESSION",
    }
}

open_enum! {
    /// State of the user plane connection (TS 29.502 6.1.6.3.3).
    UpCnxState {
        Activated = "ACTIVATED",
        Deactivated = "DEACTIVATED",
        Activating = "ACTIVATING",
        Suspended = "SUSPENDED",
    }
}

open_enum! {
    /// State of a handover (TS 29.502 6.1.6.3.4).
    HoState {
        None = "NONE",
        Preparing = "PREPARING",
        Prepared = "PREPARED",
        Completed = "COMPLETED",
        Cancelled = "CANCELLED",
    }
}

open_enum! {
    /// How the UE's DNN was chosen (TS 29.502 6.1.6.3.10).
    DnnSelectionMode {
        Verified = "VERIFIED",
        UeDnnNotVerified = "UE_DNN_NOT_VERIFIED",
        NwDnnNotVerified = "NW_DNN_NOT_VERIFIED",
    }
}

open_enum! {
    /// Kind of an N2 SM part: the NGAP IE it holds (TS 29.502 6.1.6.3.5).
    N2SmInfoType {
        PduResSetupReq = "PDU_RES_SETUP_REQ",
        PduResSetupRsp = "PDU_RES_SETUP_RSP",
        PduResSetupFail = "PDU_RES_SETUP_FAIL",
        PduResRelCmd = "PDU_RES_REL_CMD",
        PduResRelRsp = "PDU_RES_REL_RSP",
        PduResModReq = "PDU_RES_MOD_REQ",
        PduResModRsp = "PDU_RES_MOD_RSP",
        PduResModFail = "PDU_RES_MOD_FAIL",
        PduResNty = "PDU_RES_NTY",
        PduResNtyRel = "PDU_RES_NTY_REL",
        PathSwitchReq = "PATH_SWITCH_REQ",
        PathSwitchSetupFail = "PATH_SWITCH_SETUP_FAIL",
        PathSwitchReqAck = "PATH_SWITCH_REQ_ACK",
        PathSwitchReqFail = "PATH_SWITCH_REQ_FAIL",
        HandoverRequired = "HANDOVER_REQUIRED",
        HandoverCmd = "HANDOVER_CMD",
        HandoverPrepFail = "HANDOVER_PREP_FAIL",
        HandoverReqAck = "HANDOVER_REQ_ACK",
        HandoverResAllocFail = "HANDOVER_RES_ALLOC_FAIL",
    }
}

open_enum! {
    /// Why a session is changed or released (TS 29.502 6.1.6.3.8).
    Cause {
        RelDueToHo = "REL_DUE_TO_HO",
        RelDueToUnspecifiedReason = "REL_DUE_TO_UNSPECIFIED_REASON",
        RelDueToUpSec = "REL_DUE_TO_UP_SEC",
        RelDueToDuplicateSessionId = "REL_DUE_TO_DUPLICATE_SESSION_ID",
        RelDueToSliceNotAvailable = "REL_DUE_TO_SLICE_NOT_AVAILABLE",
        RelDueToReactivation = "REL_DUE_TO_REACTIVATION",
        RelDueToPsOutOfSync = "REL_DUE_TO_PS_OUT_OF_SYNC",
        PduSessionStatusMismatch = "PDU_SESSION_STATUS_MISMATCH",
        PduSessionReactivated = "PDU_SESSION_REACTIVATED",
        InsufficientUpResources = "INSUFFICIENT_UP_RESOURCES",
        DnnCongestion = "DNN_CONGESTION",
        SnssaiCongestion = "S_NSSAI_CONGESTION",
    }
}

/// Cause of an NGAP message: group and value of its enumeration (TS 29.571 `NgApCause`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NgApCause {
    /// 0 radio network, 1 transport, 2 NAS, 3 protocol, 4 miscellaneous.
    pub group: u32,
    /// Value within the group.
    pub value: u32,
}

/// Request to create an SM context (TS 29.502 6.1.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextCreateData {
    /// The subscriber.
    pub supi: Option<Supi>,
    /// True where the SUPI was not authenticated (emergency).
    pub unauthenticated_supi: Option<bool>,
    /// The equipment.
    pub pei: Option<Pei>,
    /// Its number.
    pub gpsi: Option<Gpsi>,
    /// The session.
    pub pdu_session_id: Option<PduSessionId>,
    /// DNN, what the UE asked for or the subscribed default.
    pub dnn: Option<Dnn>,
    /// DNN the AMF chose instead.
    pub selected_dnn: Option<Dnn>,
    /// Slice in the serving network.
    pub s_nssai: Option<Snssai>,
    /// Slice in the home network, when roaming.
    pub hplmn_snssai: Option<Snssai>,
    /// The AMF.
    pub serving_nf_id: Uuid,
    /// The AMF's GUAMI.
    pub guami: Option<Guami>,
    /// Service of the AMF that serves the status callback.
    pub service_name: Option<ServiceName>,
    /// The AMF's network.
    pub serving_network: PlmnIdNid,
    /// What the UE asks for.
    pub request_type: Option<RequestType>,
    /// The NAS message, a part.
    pub n1_sm_msg: Option<RefToBinaryData>,
    /// Access of the session.
    pub an_type: AccessType,
    /// Radio technology.
    pub rat_type: Option<RatType>,
    /// Where the UE is.
    pub ue_location: Option<UserLocation>,
    /// Time zone of the UE, `+01:00`.
    pub ue_time_zone: Option<String>,
    /// Where status notifications go.
    pub sm_context_status_uri: String,
    /// Identity of a session that this one replaces.
    pub old_pdu_session_id: Option<PduSessionId>,
    /// PCF the AMF chose.
    pub pcf_id: Option<Uuid>,
    /// How the DNN was chosen.
    pub sel_mode: Option<DnnSelectionMode>,
    /// For finding the UDM.
    pub routing_indicator: Option<String>,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

impl SmContextCreateData {
    /// A request with the attributes that are always there; the rest follows by assignment.
    pub fn new(
        serving_nf_id: Uuid,
        serving_network: PlmnIdNid,
        an_type: AccessType,
        sm_context_status_uri: String,
    ) -> Self {
        Self {
            supi: None,
            unauthenticated_supi: None,
            pei: None,
            gpsi: None,
            pdu_session_id: None,
            dnn: None,
            selected_dnn: None,
            s_nssai: None,
            hplmn_snssai: None,
            serving_nf_id,
            guami: None,
            service_name: None,
            serving_network,
            request_type: None,
            n1_sm_msg: None,
            an_type,
            rat_type: None,
            ue_location: None,
            ue_time_zone: None,
            sm_context_status_uri,
            old_pdu_session_id: None,
            pcf_id: None,
            sel_mode: None,
            routing_indicator: None,
            supported_features: None,
        }
    }
}

/// A created SM context (TS 29.502 6.1.6.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextCreatedData {
    /// The session.
    pub pdu_session_id: Option<PduSessionId>,
    /// Its slice.
    pub s_nssai: Option<Snssai>,
    /// State of its user plane.
    pub up_cnx_state: Option<UpCnxState>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
    /// The subscriber's number.
    pub gpsi: Option<Gpsi>,
    /// When the SMF last lost its contexts.
    pub recovery_time: Option<DateTime>,
    /// Features both support.
    pub supported_features: Option<String>,
}

/// Why no SM context was created (TS 29.502 6.1.6.2.8): body of a 4xx or 5xx.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextCreateError {
    /// What went wrong.
    pub error: ProblemDetails,
    /// NAS reject for the UE, a part.
    pub n1_sm_msg: Option<RefToBinaryData>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
}

/// Change of an SM context (TS 29.502 6.1.6.2.4).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextUpdateData {
    /// The equipment.
    pub pei: Option<Pei>,
    /// The AMF, where it changed.
    pub serving_nf_id: Option<Uuid>,
    /// Its GUAMI.
    pub guami: Option<Guami>,
    /// Its network.
    pub serving_network: Option<PlmnIdNid>,
    /// Access of the session.
    pub an_type: Option<AccessType>,
    /// Radio technology.
    pub rat_type: Option<RatType>,
    /// Where the UE is.
    pub ue_location: Option<UserLocation>,
    /// State asked for.
    pub up_cnx_state: Option<UpCnxState>,
    /// State of a handover.
    pub ho_state: Option<HoState>,
    /// The session is among those to be switched (Xn handover).
    pub to_be_switched: Option<bool>,
    /// The session failed to be switched.
    pub failed_to_be_switched: Option<bool>,
    /// The NAS message, a part.
    pub n1_sm_msg: Option<RefToBinaryData>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
    /// True: release the session.
    pub release: Option<bool>,
    /// Why.
    pub cause: Option<Cause>,
    /// Why, from the RAN.
    pub ng_ap_cause: Option<NgApCause>,
    /// Why, from the UE (5GMM cause).
    #[serde(rename = "5gMmCauseValue")]
    pub five_gmm_cause_value: Option<u8>,
    /// Where status notifications go from now on.
    pub sm_context_status_uri: Option<String>,
}

/// Result of a change (TS 29.502 6.1.6.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextUpdatedData {
    /// State of the user plane.
    pub up_cnx_state: Option<UpCnxState>,
    /// State of the handover.
    pub ho_state: Option<HoState>,
    /// NAS message for the UE, a part.
    pub n1_sm_msg: Option<RefToBinaryData>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
    /// Why the user plane was not activated.
    pub cause: Option<Cause>,
}

/// Why a change failed (TS 29.502 6.1.6.2.9): body of a 4xx or 5xx.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextUpdateError {
    /// What went wrong.
    pub error: ProblemDetails,
    /// NAS message for the UE, a part.
    pub n1_sm_msg: Option<RefToBinaryData>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
    /// State of the user plane.
    pub up_cnx_state: Option<UpCnxState>,
}

/// Release of an SM context (TS 29.502 6.1.6.2.6).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextReleaseData {
    /// Why.
    pub cause: Option<Cause>,
    /// Why, from the RAN.
    pub ng_ap_cause: Option<NgApCause>,
    /// Why, from the UE (5GMM cause).
    #[serde(rename = "5gMmCauseValue")]
    pub five_gmm_cause_value: Option<u8>,
    /// Where the UE is.
    pub ue_location: Option<UserLocation>,
    /// N2 information, a part.
    pub n2_sm_info: Option<RefToBinaryData>,
    /// Its kind.
    pub n2_sm_info_type: Option<N2SmInfoType>,
}

/// Answer of a release (TS 29.502 6.1.6.2.32).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmContextReleasedData {}

/// Request for the content of an SM context (TS 29.502 6.1.6.2.18).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextRetrieveData {
    /// AMF that asks.
    pub serving_network: Option<PlmnIdNid>,
}

/// Content of an SM context (TS 29.502 6.1.6.2.27): here, of what `smContext` holds, the parts an AMF needs.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextRetrievedData {
    /// EPS context, always there by the specification; empty without interworking.
    pub ue_eps_pdn_connection: String,
    /// The session.
    pub sm_context: Option<SmContext>,
}

/// A session's context (TS 29.502 6.1.6.2.39).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContext {
    /// The session.
    pub pdu_session_id: PduSessionId,
    /// Its DNN.
    pub dnn: Dnn,
    /// Its slice.
    pub s_nssai: Snssai,
    /// Its type.
    pub pdu_session_type: crate::PduSessionType,
    /// The subscriber's number.
    pub gpsi: Option<Gpsi>,
    /// Its IPv4 address.
    pub ue_ipv4_address: Option<std::net::Ipv4Addr>,
    /// Its IPv6 prefix, as `2001:db8:1:2::/64`.
    pub ue_ipv6_prefix: Option<String>,
    /// Its AMBR.
    pub session_ambr: crate::Ambr,
}

open_enum! {
    /// Whether an SM context is still there (TS 29.502 6.1.6.3.11).
    ResourceStatus {
        Released = "RELEASED",
        Unchanged = "UNCHANGED",
        Updated = "UPDATED",
        Transferred = "TRANSFERRED",
    }
}

/// State of an SM context (TS 29.502 6.1.6.2.20).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusInfo {
    /// Whether it is still there.
    pub resource_status: ResourceStatus,
    /// Why.
    pub cause: Option<Cause>,
}

/// Notification to the AMF that an SM context changed (TS 29.502 6.1.6.2.7).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmContextStatusNotification {
    /// How it is now.
    pub status_info: StatusInfo,
}

impl SmContextStatusNotification {
    /// The context is gone.
    pub fn released(cause: Option<Cause>) -> Self {
        Self { status_info: StatusInfo { resource_status: ResourceStatus::Released, cause } }
    }
}
