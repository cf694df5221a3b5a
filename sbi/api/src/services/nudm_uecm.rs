//! Nudm_UEContextManagement (TS 29.503 5.3, 6.2).

use sbi_models::udm::{Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification, SmfRegistration};
use sbi_models::{PduSessionId, Supi};

use crate::{Json, MergePatch, NoContent, Put, service};

service! {
    /// Nudm_UEContextManagement (TS 29.503 5.3): who serves a subscriber.
    client NudmUecm, server NudmUecmServer, of Udm NudmUecm at "/nudm-uecm/v1";

    /// Registration of the AMF for 3GPP access (TS 29.503 5.3.2.2.2). Another AMF registered before is told at its
    /// `deregCallbackUri`.
    fn register_amf(ue_id: Supi; body Json<Amf3GppAccessRegistration>) = PUT "/{ueId}/registrations/amf-3gpp-access" -> Put<Json<Amf3GppAccessRegistration>>;
    /// Update of the AMF's registration; with `purgeFlag` its end (TS 29.503 5.3.2.4.2, 5.3.2.6.2). 403 `INVALID_GUAMI` from another AMF.
    fn update_amf(ue_id: Supi; body MergePatch<Amf3GppAccessRegistrationModification>) = PATCH "/{ueId}/registrations/amf-3gpp-access" -> NoContent;
    /// The AMF registered (TS 29.503 5.3.2.5.2).
    fn amf_registration(ue_id: Supi) = GET "/{ueId}/registrations/amf-3gpp-access" -> Json<Amf3GppAccessRegistration>;
    /// Registration of the SMF of a session (TS 29.503 5.3.2.2.4).
    fn register_smf(ue_id: Supi, pdu_session_id: PduSessionId; body Json<SmfRegistration>) = PUT "/{ueId}/registrations/smf-registrations/{pduSessionId}" -> Put<Json<SmfRegistration>>;
    /// End of the SMF's registration (TS 29.503 5.3.2.4.4).
    fn deregister_smf(ue_id: Supi, pdu_session_id: PduSessionId) = DELETE "/{ueId}/registrations/smf-registrations/{pduSessionId}" -> NoContent;
}
