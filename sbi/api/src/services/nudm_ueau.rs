//! Nudm_UEAuthentication (TS 29.503 5.4, 6.3).

use sbi_models::udm::{AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult};
use sbi_models::{Supi, SupiOrSuci};

use crate::{Created, Json, NoContent, service};

service! {
    /// Nudm_UEAuthentication (TS 29.503 5.4): vectors for the AUSF.
    client NudmUeau, server NudmUeauServer, of Udm NudmUeau at "/nudm-ueau/v1";

    /// Get: de-conceals the identity and makes a vector (TS 29.503 5.4.2.2).
    fn generate_auth_data(supi_or_suci: SupiOrSuci; body Json<AuthenticationInfoRequest>) = POST "/{supiOrSuci}/security-information/generate-auth-data" -> Json<AuthenticationInfoResult>;
    /// ResultConfirmation: how an authentication ended (TS 29.503 5.4.2.3).
    fn confirm_auth(supi: Supi; body Json<AuthEvent>) = POST "/{supi}/auth-events" -> Created<Json<AuthEvent>>;
    /// Removes the result, with `authRemovalInd` (TS 29.503 5.4.2.3.3).
    fn remove_auth(supi: Supi, auth_event_id: String; body Json<AuthEvent>) = PUT "/{supi}/auth-events/{authEventId}" -> NoContent;
}
