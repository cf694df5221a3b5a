//! Identification (TS 24.501 5.4.3; TS 23.502 4.2.2.2.2 steps 6 and 7).

use nas::GmmMessage;
use nas::gmm::IdentityRequest;
use nas::ie::{IdentityType, MobileIdentity};
use sbi_models::SupiOrSuci;

use crate::stop::{Refusal, Stop, Why};
use crate::ue::Ue;

/// Asks the UE for its SUCI.
pub(super) async fn identity_request(ue: &mut Ue) -> Result<SupiOrSuci, Stop> {
    let request: GmmMessage = IdentityRequest::new(IdentityType::Suci).into();
    let duration = std::time::Duration::from_millis(ue.core.config.timers.t3570_ms);
    let identity = ue
        .exchange(
            "T3570",
            duration,
            // 6. AMF to UE: Identity Request.
            |ue| ue.send_nas(&request),
            // 7. UE to AMF: Identity Response.
            |_, message| match message {
                GmmMessage::IdentityResponse(response) => Ok(response.identity),
                other => Err(other),
            },
        )
        .await?;
    suci(&identity).ok_or_else(|| {
        Refusal::new(Why::UnknownIdentity, format!("identity {identity:?}"), "a SUCI was asked for").into()
    })
}

/// The SUCI as other NFs write it.
pub(super) fn suci(identity: &MobileIdentity) -> Option<SupiOrSuci> {
    match identity {
        MobileIdentity::Suci(suci) => suci.to_string().parse().ok(),
        _ => None,
    }
}
