//! What an AMF sends to the SMF outside of Nsmf_PDUSession.

use sbi_models::amf::N1N2MsgTxfrFailureNotification;

use crate::{ApiRoot, Json, NoContent, service};

service! {
    /// Notifications to the SMF, at URIs of our own choice.
    client NsmfCallback, server NsmfCallbackServer, of Smf NsmfCallback at "/nsmf-callback/v1";

    /// N1N2 transfer failure notification (TS 29.518 5.2.2.3.2): the UE did not answer the paging.
    fn transfer_failure_notify(sm_context_ref: String; body Json<N1N2MsgTxfrFailureNotification>) = POST "/sm-contexts/{smContextRef}/transfer-failure" -> NoContent;
}

/// The `n1n2FailureTxfNotifURI` of a session, at the SMF at `root`.
pub fn transfer_failure_uri(root: &ApiRoot, sm_context_ref: &str) -> String {
    format!("{root}{}", crate::fill_path(ROOT, "/sm-contexts/{smContextRef}/transfer-failure", &[&sm_context_ref]))
}
