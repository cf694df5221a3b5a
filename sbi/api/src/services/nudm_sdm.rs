//! Nudm_SubscriberDataManagement (TS 29.503 5.2, 6.1).

use sbi_models::Supi;
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Nssai, SdmSubscription, SessionManagementSubscriptionData, SmDataQuery,
    SmfSelectionSubscriptionData, SubscriptionQuery, UeContextInSmfData,
};

use crate::{Created, Json, NoContent, service};

service! {
    /// Nudm_SubscriberDataManagement (TS 29.503 5.2): what a subscriber may use. An unknown subscriber is 404
    /// `USER_NOT_FOUND`, known without such data 404 `DATA_NOT_FOUND`.
    client NudmSdm, server NudmSdmServer, of Udm NudmSdm at "/nudm-sdm/v2";

    /// Access and mobility subscription data (TS 29.503 5.2.2.2.3).
    fn am_data(supi: Supi; query SubscriptionQuery) = GET "/{supi}/am-data" -> Json<AccessAndMobilitySubscriptionData>;
    /// SMF selection subscription data (TS 29.503 5.2.2.2.4).
    fn smf_select_data(supi: Supi; query SubscriptionQuery) = GET "/{supi}/smf-select-data" -> Json<SmfSelectionSubscriptionData>;
    /// Session management subscription data (TS 29.503 5.2.2.2.5).
    fn sm_data(supi: Supi; query SmDataQuery) = GET "/{supi}/sm-data" -> Json<Vec<SessionManagementSubscriptionData>>;
    /// Subscribed slices (TS 29.503 5.2.2.2.2).
    fn nssai(supi: Supi; query SubscriptionQuery) = GET "/{supi}/nssai" -> Json<Nssai>;
    /// The subscriber's sessions and their SMFs (TS 29.503 5.2.2.2.6).
    fn ue_context_in_smf_data(supi: Supi) = GET "/{supi}/ue-context-in-smf-data" -> Json<UeContextInSmfData>;
    /// Subscribe to changes (TS 29.503 5.2.2.3).
    fn subscribe(ue_id: Supi; body Json<SdmSubscription>) = POST "/{ueId}/sdm-subscriptions" -> Created<Json<SdmSubscription>>;
    /// Unsubscribe (TS 29.503 5.2.2.4).
    fn unsubscribe(ue_id: Supi, subscription_id: String) = DELETE "/{ueId}/sdm-subscriptions/{subscriptionId}" -> NoContent;
}
