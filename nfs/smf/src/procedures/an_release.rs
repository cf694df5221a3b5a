//! AN Release (23.502 4.2.6): the UE has lost its connection to the RAN, the session stays.

use pfcp::{Cause, Message};
use sbi_api::Problem;

use crate::Core;
use crate::n4_rules;
use crate::refusal::Refusal;
use crate::session::{Session, UpConnection};

/// Steps 5 to 7: downlink packets wait in the UPF from now on.
///
/// # Errors
/// Where the UPF does not do it.
pub(crate) async fn deactivate(core: &Core, session: &mut Session) -> Result<(), Problem> {
    // 5. Nsmf_PDUSession_UpdateSMContext with upCnxState DEACTIVATED has brought us here.
    if session.up == UpConnection::Deactivated {
        return Ok(());
    }
    session.up = UpConnection::Deactivated;
    // 6. N4 Session Modification: the RAN's tunnel is forgotten.
    modify(core, session, n4_rules::deactivation()).await
}

/// Changes the session's rules at its UPF.
pub(super) async fn modify(
    core: &Core,
    session: &Session,
    request: pfcp::SessionModificationRequest,
) -> Result<(), Problem> {
    let failed = |refusal: Refusal| {
        let (status, cause) = refusal.answer();
        Problem::new(status, cause, refusal)
    };
    let at_upf = session.at_upf.ok_or_else(|| failed(Refusal::NoUpf))?;
    match core.n4.request(at_upf.upf, at_upf.seid, request).await {
        Ok(Message::SessionModificationResponse(response)) if response.cause == Cause::RequestAccepted => Ok(()),
        Ok(Message::SessionModificationResponse(response)) => Err(failed(Refusal::UpfRefused(response.cause))),
        Ok(_) => Err(failed(Refusal::UpfRefused(Cause::RequestRejected))),
        Err(error) => Err(failed(error.into())),
    }
}
