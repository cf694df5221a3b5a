//! Nudr_DataRepository for subscription data (TS 29.504 5.2, 6.1; resources in TS 29.505 5.2).

use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Amf3GppAccessRegistration, AuthEvent, SdmSubscription,
    SessionManagementSubscriptionData, SmfRegistration, SmfSelectionSubscriptionData,
};
use sbi_models::udr::{AuthenticationSubscription, ProvisionedSmDataQuery, SmfRegList, VarPlmnId};
use sbi_models::{PduSessionId, Supi};

use crate::{Created, Json, JsonPatch, NoContent, Put, service};

service! {
    /// Nudr_DataRepository (TS 29.504 5.2): the data of the subscribers. Of an unknown subscriber everything is 404
    /// `USER_NOT_FOUND`; of a known one what is not there is 404 `DATA_NOT_FOUND`.
    client NudrDr, server NudrDrServer, of Udr NudrDr at "/nudr-dr/v2";

    /// Keys and SQN (TS 29.505 5.2.2).
    fn authentication_subscription(ue_id: Supi) = GET "/subscription-data/{ueId}/authentication-data/authentication-subscription" -> Json<AuthenticationSubscription>;
    /// Advances the SQN: a JSON patch that replaces [`SQN_POINTER`](sbi_models::udr::SQN_POINTER), after an optional test of
    /// the value read. 403 `MODIFICATION_NOT_ALLOWED` unless it grows (TS 29.505 5.2.2.3.2).
    fn modify_authentication_subscription(ue_id: Supi; body JsonPatch) = PATCH "/subscription-data/{ueId}/authentication-data/authentication-subscription" -> NoContent;
    /// Keeps the outcome of an authentication (TS 29.505 5.2.3).
    fn put_authentication_status(ue_id: Supi; body Json<AuthEvent>) = PUT "/subscription-data/{ueId}/authentication-data/authentication-status" -> NoContent;
    /// The outcome of the last authentication (TS 29.505 5.2.3).
    fn authentication_status(ue_id: Supi) = GET "/subscription-data/{ueId}/authentication-data/authentication-status" -> Json<AuthEvent>;
    /// Forgets it (TS 29.505 5.2.3).
    fn delete_authentication_status(ue_id: Supi) = DELETE "/subscription-data/{ueId}/authentication-data/authentication-status" -> NoContent;
    /// Access and mobility subscription data (TS 29.505 5.2.6).
    fn am_data(ue_id: Supi, serving_plmn_id: VarPlmnId) = GET "/subscription-data/{ueId}/{servingPlmnId}/provisioned-data/am-data" -> Json<AccessAndMobilitySubscriptionData>;
    /// SMF selection subscription data (TS 29.505 5.2.7).
    fn smf_selection_data(ue_id: Supi, serving_plmn_id: VarPlmnId) = GET "/subscription-data/{ueId}/{servingPlmnId}/provisioned-data/smf-selection-subscription-data" -> Json<SmfSelectionSubscriptionData>;
    /// Session management subscription data (TS 29.505 5.2.9).
    fn sm_data(ue_id: Supi, serving_plmn_id: VarPlmnId; query ProvisionedSmDataQuery) = GET "/subscription-data/{ueId}/{servingPlmnId}/provisioned-data/sm-data" -> Json<Vec<SessionManagementSubscriptionData>>;
    /// Keeps the AMF that serves (TS 29.505 5.2.12).
    fn put_amf_registration(ue_id: Supi; body Json<Amf3GppAccessRegistration>) = PUT "/subscription-data/{ueId}/context-data/amf-3gpp-access" -> Put<Json<Amf3GppAccessRegistration>>;
    /// The AMF that serves (TS 29.505 5.2.12).
    fn amf_registration(ue_id: Supi) = GET "/subscription-data/{ueId}/context-data/amf-3gpp-access" -> Json<Amf3GppAccessRegistration>;
    /// Changes the AMF's registration: a JSON patch of `/purgeFlag` and `/pei` (TS 29.505 5.2.12).
    fn modify_amf_registration(ue_id: Supi; body JsonPatch) = PATCH "/subscription-data/{ueId}/context-data/amf-3gpp-access" -> NoContent;
    /// The SMFs of all sessions (TS 29.505 5.2.14).
    fn smf_registrations(ue_id: Supi) = GET "/subscription-data/{ueId}/context-data/smf-registrations" -> Json<SmfRegList>;
    /// Keeps the SMF of a session (TS 29.505 5.2.15).
    fn put_smf_registration(ue_id: Supi, pdu_session_id: PduSessionId; body Json<SmfRegistration>) = PUT "/subscription-data/{ueId}/context-data/smf-registrations/{pduSessionId}" -> Put<Json<SmfRegistration>>;
    /// The SMF of a session (TS 29.505 5.2.15).
    fn smf_registration(ue_id: Supi, pdu_session_id: PduSessionId) = GET "/subscription-data/{ueId}/context-data/smf-registrations/{pduSessionId}" -> Json<SmfRegistration>;
    /// Forgets the SMF of a session (TS 29.505 5.2.15).
    fn delete_smf_registration(ue_id: Supi, pdu_session_id: PduSessionId) = DELETE "/subscription-data/{ueId}/context-data/smf-registrations/{pduSessionId}" -> NoContent;
    /// Keeps a subscription to changes of the data (TS 29.505 5.2.20).
    fn create_sdm_subscription(ue_id: Supi; body Json<SdmSubscription>) = POST "/subscription-data/{ueId}/context-data/sdm-subscriptions" -> Created<Json<SdmSubscription>>;
    /// The subscriptions to changes of the data (TS 29.505 5.2.20).
    fn sdm_subscriptions(ue_id: Supi) = GET "/subscription-data/{ueId}/context-data/sdm-subscriptions" -> Json<Vec<SdmSubscription>>;
    /// Forgets one (TS 29.505 5.2.21).
    fn delete_sdm_subscription(ue_id: Supi, subs_id: String) = DELETE "/subscription-data/{ueId}/context-data/sdm-subscriptions/{subsId}" -> NoContent;
}
