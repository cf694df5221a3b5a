//! Nudm_UEContextManagement: who serves a subscriber (TS 29.503 6.2.6).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use crate::{AccessType, DateTime, Dnn, Guami, PduSessionId, Pei, PlmnId, RatType, Snssai};

/// The AMF that serves a subscriber (TS 29.503 6.2.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amf3GppAccessRegistration {
    /// The AMF.
    pub amf_instance_id: Uuid,
    /// Where it is told that another AMF took over.
    pub dereg_callback_uri: String,
    /// Its GUAMI.
    pub guami: Guami,
    /// Radio technology.
    pub rat_type: RatType,
    /// The equipment.
    pub pei: Option<Pei>,
    /// True: the UE is gone and its context deleted.
    pub purge_flag: Option<bool>,
    /// True at an initial registration.
    pub initial_registration_ind: Option<bool>,
    /// True: the AMF has no context of the UE (dual registration).
    pub dr_flag: Option<bool>,
    /// When.
    pub registration_time: Option<DateTime>,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

/// Change of the AMF's registration (TS 29.503 6.2.6.2.7).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amf3GppAccessRegistrationModification {
    /// The AMF, which must be the registered one.
    pub guami: Guami,
    /// True: the UE is gone and its context deleted.
    pub purge_flag: Option<bool>,
    /// The equipment.
    pub pei: Option<Pei>,
}

/// The SMF that serves a session (TS 29.503 6.2.6.2.4).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmfRegistration {
    /// The SMF.
    pub smf_instance_id: Uuid,
    /// The session.
    pub pdu_session_id: PduSessionId,
    /// Its slice.
    pub single_nssai: Snssai,
    /// Its DNN.
    pub dnn: Option<Dnn>,
    /// The SMF's network.
    pub plmn_id: PlmnId,
    /// Where the SMF is told that another took over.
    pub dereg_callback_uri: Option<String>,
    /// True for an emergency session.
    pub emergency_services: Option<bool>,
    /// When.
    pub registration_time: Option<DateTime>,
    /// Features, hexadecimal bits.
    pub supported_features: Option<String>,
}

open_enum! {
    /// Why a registration ended (TS 29.503 6.2.6.3.2).
    DeregistrationReason {
        UeInitialRegistration = "UE_INITIAL_REGISTRATION",
        UeRegistrationAreaChange = "UE_REGISTRATION_AREA_CHANGE",
        SubscriptionWithdrawn = "SUBSCRIPTION_WITHDRAWN",
        FiveGsToEpsMobility = "5GS_TO_EPS_MOBILITY",
        FiveGsToEpsMobilityUeInitialRegistration = "5GS_TO_EPS_MOBILITY_UE_INITIAL_REGISTRATION",
        ReregistrationRequired = "REREGISTRATION_REQUIRED",
        SmfContextTransferred = "SMF_CONTEXT_TRANSFERRED",
        DuplicatePduSession = "DUPLICATE_PDU_SESSION",
    }
}

/// Notification that a registration ended (TS 29.503 6.2.6.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeregistrationData {
    /// Why.
    pub dereg_reason: DeregistrationReason,
    /// Access it was for.
    pub access_type: Option<AccessType>,
    /// Session, towards an SMF.
    pub pdu_session_id: Option<PduSessionId>,
}
