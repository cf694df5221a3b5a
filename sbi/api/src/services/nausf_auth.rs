//! Nausf_UEAuthentication (TS 29.509 5.2, 6.1).

use sbi_models::ausf::{AuthenticationInfo, ConfirmationData, ConfirmationDataResponse, UeAuthenticationCtx};

use crate::{Created, Hal, Json, NoContent, service};

service! {
    /// Nausf_UEAuthentication (TS 29.509 5.2): the AMF has a UE authenticated.
    client NausfAuth, server NausfAuthServer, of Ausf NausfAuth at "/nausf-auth/v1";

    /// Authenticate: a challenge for the UE (TS 29.509 5.2.2.2.2). The answer goes to [`confirm`](NausfAuth::confirm) of the
    /// context in `Location`.
    fn authenticate(; body Json<AuthenticationInfo>) = POST "/ue-authentications" -> Created<Hal<UeAuthenticationCtx>>;
    /// Confirmation: RES* for SUPI and KSEAF (TS 29.509 5.2.2.2.2 step 3).
    fn confirm(auth_ctx_id: String; body Json<ConfirmationData>) = PUT "/ue-authentications/{authCtxId}/5g-aka-confirmation" -> Json<ConfirmationDataResponse>;
    /// Deletes the result of an authentication (TS 29.509 5.2.2.2.5).
    fn delete_result(auth_ctx_id: String) = DELETE "/ue-authentications/{authCtxId}/5g-aka-confirmation" -> NoContent;
}

/// The context's identity in a URI that the AUSF gave: of the context itself or its `5g-aka` link.
pub fn auth_ctx_id(uri: &str) -> &str {
    let uri = uri.strip_suffix("/5g-aka-confirmation").unwrap_or(uri);
    uri.rsplit('/').next().unwrap_or(uri)
}
