//! Nnrf_NFManagement (TS 29.510 5.2, 6.1).

use sbi_models::nrf::{NfProfile, SubscriptionData};
use uuid::Uuid;

use crate::{Created, Json, JsonPatch, NoContent, Optional, Put, service};

service! {
    /// Nnrf_NFManagement (TS 29.510 5.2): NFs register, keep alive and leave; others subscribe to that.
    client NnrfNfm, server NnrfNfmServer, of Nrf NnrfNfm at "/nnrf-nfm/v1";

    /// NFRegister, or the complete replacement of a profile (TS 29.510 5.2.2.2, 5.2.2.3.1). The profile in the answer carries the
    /// heartbeat timer to use.
    fn register(nf_instance_id: Uuid; body Json<NfProfile>) = PUT "/nf-instances/{nfInstanceID}" -> Put<Json<NfProfile>>;
    /// NFUpdate: a heartbeat or a change of some attributes (TS 29.510 5.2.2.3). 404 tells the NF to register again.
    fn update(nf_instance_id: Uuid; body JsonPatch) = PATCH "/nf-instances/{nfInstanceID}" -> Optional<Json<NfProfile>>;
    /// NFDeregister (TS 29.510 5.2.2.4).
    fn deregister(nf_instance_id: Uuid) = DELETE "/nf-instances/{nfInstanceID}" -> NoContent;
    /// NFProfileRetrieval (TS 29.510 5.2.2.9).
    fn profile(nf_instance_id: Uuid) = GET "/nf-instances/{nfInstanceID}" -> Json<NfProfile>;
    /// NFStatusSubscribe (TS 29.510 5.2.2.5).
    fn subscribe(; body Json<SubscriptionData>) = POST "/subscriptions" -> Created<Json<SubscriptionData>>;
    /// Prolongs a subscription by patching `/validityTime` (TS 29.510 5.2.2.5.6).
    fn prolong(subscription_id: String; body JsonPatch) = PATCH "/subscriptions/{subscriptionID}" -> Optional<Json<SubscriptionData>>;
    /// NFStatusUnsubscribe (TS 29.510 5.2.2.7).
    fn unsubscribe(subscription_id: String) = DELETE "/subscriptions/{subscriptionID}" -> NoContent;
}
