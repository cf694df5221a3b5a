//! Nsmf_PDUSession (TS 29.502 5.2, 6.1).

use sbi_models::smf::{
    SmContextCreateData, SmContextCreatedData, SmContextReleaseData, SmContextReleasedData, SmContextRetrieveData,
    SmContextRetrievedData, SmContextUpdateData, SmContextUpdatedData,
};

use crate::{Created, Json, Multipart, Optional, service};

service! {
    /// Nsmf_PDUSession (TS 29.502 5.2): the AMF has the SMF make, change and release sessions.
    client NsmfPduSession, server NsmfPduSessionServer, of Smf NsmfPduSession at "/nsmf-pdusession/v1";

    /// Create SM Context (TS 29.502 5.2.2.2). An error's body is
    /// [`SmContextCreateError`](sbi_models::smf::SmContextCreateError) with the NAS reject as a part.
    fn create_sm_context(; body Multipart<SmContextCreateData>) = POST "/sm-contexts" -> Created<Multipart<SmContextCreatedData>>;
    /// Update SM Context (TS 29.502 5.2.2.3). An error's body is
    /// [`SmContextUpdateError`](sbi_models::smf::SmContextUpdateError).
    fn update_sm_context(sm_context_ref: String; body Multipart<SmContextUpdateData>) = POST "/sm-contexts/{smContextRef}/modify" -> Optional<Multipart<SmContextUpdatedData>>;
    /// Release SM Context (TS 29.502 5.2.2.4).
    fn release_sm_context(sm_context_ref: String; body Multipart<SmContextReleaseData>) = POST "/sm-contexts/{smContextRef}/release" -> Optional<Json<SmContextReleasedData>>;
    /// Retrieve SM Context (TS 29.502 5.2.2.6).
    fn retrieve_sm_context(sm_context_ref: String; body Json<SmContextRetrieveData>) = POST "/sm-contexts/{smContextRef}/retrieve" -> Json<SmContextRetrievedData>;
}

/// The reference of an SM context: the last segment of the URI it was created at.
pub fn context_ref(location: &str) -> &str {
    location.rsplit('/').next().unwrap_or(location)
}
