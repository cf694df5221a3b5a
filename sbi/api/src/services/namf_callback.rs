//! What SMF and UDM send to the AMF.

use sbi_models::smf::SmContextStatusNotification;
use sbi_models::{PduSessionId, Supi};

use crate::{ApiRoot, Json, NoContent, service};

service! {
    /// Notifications to the AMF, at URIs of our own choice.
    client NamfCallback, server NamfCallbackServer, of Amf NamfCallback at "/namf-callback/v1";

    /// SM context status notification (TS 29.502 5.2.2.5).
    fn sm_context_status_notify(supi: Supi, pdu_session_id: PduSessionId; body Json<SmContextStatusNotification>) = POST "/{supi}/sm-context-status/{pduSessionId}" -> NoContent;
}

/// The `smContextStatusUri` of a session, at the AMF at `root`.
pub fn sm_context_status_uri(root: &ApiRoot, supi: &Supi, pdu_session_id: PduSessionId) -> String {
    let path = crate::fill_path(ROOT, "/{supi}/sm-context-status/{pduSessionId}", &[supi, &pdu_session_id]);
    format!("{root}{path}")
}
