//! Namf_Communication (TS 29.518 5.2, 6.1).

use sbi_models::Supi;
use sbi_models::amf::{
    N1N2MessageTransferReqData, N1N2MessageTransferRspData, UeN1N2InfoSubscriptionCreateData,
    UeN1N2InfoSubscriptionCreatedData,
};

use crate::{Created, Json, MaybeAccepted, Multipart, NoContent, service};

service! {
    /// Namf_Communication (TS 29.518 5.2): others reach a UE and its RAN through the AMF.
    client NamfComm, server NamfCommServer, of Amf NamfComm at "/namf-comm/v1";

    /// N1N2MessageTransfer (TS 29.518 5.2.2.3.1). 202 with a `Location` while the UE is paged. The body of 409 and 504 is
    /// [`N1N2MessageTransferError`](sbi_models::amf::N1N2MessageTransferError).
    fn n1_n2_message_transfer(ue_context_id: Supi; body Multipart<N1N2MessageTransferReqData>) = POST "/ue-contexts/{ueContextId}/n1-n2-messages" -> MaybeAccepted<Json<N1N2MessageTransferRspData>>;
    /// N1N2MessageSubscribe (TS 29.518 5.2.2.3.3).
    fn n1_n2_message_subscribe(ue_context_id: Supi; body Json<UeN1N2InfoSubscriptionCreateData>) = POST "/ue-contexts/{ueContextId}/n1-n2-messages/subscriptions" -> Created<Json<UeN1N2InfoSubscriptionCreatedData>>;
    /// N1N2MessageUnSubscribe (TS 29.518 5.2.2.3.4).
    fn n1_n2_message_unsubscribe(ue_context_id: Supi, subscription_id: String) = DELETE "/ue-contexts/{ueContextId}/n1-n2-messages/subscriptions/{subscriptionId}" -> NoContent;
}
