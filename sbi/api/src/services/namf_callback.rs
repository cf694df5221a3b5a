//! What SMF and UDM send to the AMF.

use sbi_models::smf::SmContextStatusNotification;
use sbi_models::udm::DeregistrationData;
use sbi_models::{PduSessionId, Supi};

use crate::{ApiRoot, Json, NoContent, service};

service! {
    /// Notifications to the AMF, at URIs of our own choice.
    client NamfCallback, server NamfCallbackServer, of Amf NamfCallback at "/namf-callback/v1";

    /// SM context status notification (TS 29.502 5.2.2.5). `context` tells apart the SM contexts that one after the other
    /// have the same PDU session identity.
    fn sm_context_status_notify(supi: Supi, pdu_session_id: PduSessionId, context: u64; body Json<SmContextStatusNotification>) = POST "/{supi}/sm-context-status/{pduSessionId}/{context}" -> NoContent;
    /// Deregistration notification of the UDM: another AMF serves the UE now, or the subscription ended (TS 29.503 5.3.2.3).
    fn deregistration_notify(supi: Supi; body Json<DeregistrationData>) = POST "/{supi}/dereg-notify" -> NoContent;
}

/// The `deregCallbackUri` for a subscriber, at the AMF at `root`.
pub fn deregistration_uri(root: &ApiRoot, supi: &Supi) -> String {
    format!("{root}{}", crate::fill_path(ROOT, "/{supi}/dereg-notify", &[supi]))
}

/// The `smContextStatusUri` of an SM context, at the AMF at `root`, which has chosen `context`.
pub fn sm_context_status_uri(root: &ApiRoot, supi: &Supi, pdu_session_id: PduSessionId, context: u64) -> String {
    let template = "/{supi}/sm-context-status/{pduSessionId}/{context}";
    let path = crate::fill_path(ROOT, template, &[supi, &pdu_session_id, &context]);
    format!("{root}{path}")
}
