//! Service Request, wished by the UE (23.502 4.2.3.2) or by downlink data (4.2.3.3): the user plane comes back.

use std::sync::Arc;

use bytes::Bytes;
use pfcp::{Cause, ReportType, RequestToken, Seid, SessionReportRequest, SessionReportResponse};
use sbi_api::Problem;
use sbi_models::amf::NgapIeType;

use super::an_release::modify;
use crate::amf::{Transfer, n1_n2_message_transfer};
use crate::refusal::Refusal;
use crate::session::{ContextRef, Phase, Session, UpConnection};
use crate::{Core, n2, n4_rules};

/// 4.2.3.2 steps 4 to 11: what the RAN is to set up.
///
/// # Errors
/// Where the session has no part at a UPF.
pub(crate) fn activate(session: &mut Session) -> Result<Bytes, Problem> {
    // 4. Nsmf_PDUSession_UpdateSMContext with upCnxState ACTIVATING has brought us here.
    // 5. Policy: there is no PCF. 6 to 10. The UPF stays the same, its tunnel too.
    let at_upf = session.at_upf.ok_or_else(|| Problem::not_found("CONTEXT_NOT_FOUND", "the session has no UPF"))?;
    let octets = n2::setup_request(session, &at_upf).ok_or_else(|| Problem::internal("N2 container"))?;
    session.up = UpConnection::Activating;
    // 11. The answer carries it.
    Ok(octets)
}

/// 4.2.3.2 steps 15 to 19, and 4.3.2.2.1 steps 15 to 16: the RAN has set up its part, downlink packets go there.
///
/// # Errors
/// Where the RAN's answer is unusable or the UPF does not do it.
pub(crate) async fn ran_has_set_up(core: &Core, session: &mut Session, octets: &[u8]) -> Result<(), Problem> {
    let tunnel = n2::tunnel(octets).map_err(|refusal| {
        let (_, cause) = refusal.answer();
        Problem::new(http::StatusCode::FORBIDDEN, cause, refusal)
    })?;
    modify(core, session, n4_rules::activation(&tunnel)).await?;
    session.up = UpConnection::Activated(tunnel);
    if session.phase == Phase::Establishing {
        session.phase = Phase::Active;
    }
    Ok(())
}

/// 4.2.3.3 steps 1 to 3: the UPF has a packet for a UE without a connection.
pub(crate) async fn report(core: Arc<Core>, token: RequestToken, seid: Seid, report: Box<SessionReportRequest>) {
    let Some(entry) = core.sessions.get(ContextRef(seid.0)) else {
        let answer = SessionReportResponse::new(Cause::SessionContextNotFound);
        return core.n4.answer(token, Seid::default(), answer).await;
    };
    let mut session = entry.session.lock().await;
    let at_upf = session.at_upf.map(|at_upf| at_upf.seid).unwrap_or_default();
    // 2b. Session Report Response.
    core.n4.answer(token, at_upf, SessionReportResponse::new(Cause::RequestAccepted)).await;
    if report.report_type.contains(ReportType::ERIR) && matches!(session.up, UpConnection::Activated(_)) {
        // The RAN's tunnel is gone without a word from it (TS 23.527 5.3.3.1): as after an AN release.
        session.up = UpConnection::Deactivated;
        if let Err(problem) = modify(&core, &session, n4_rules::deactivation()).await {
            tracing::debug!(%problem, "deactivation after an Error Indication");
        }
    }
    if !report.report_type.contains(ReportType::DLDR) || session.up != UpConnection::Deactivated {
        return;
    }
    let Some(octets) = session.at_upf.and_then(|at_upf| n2::setup_request(&session, &at_upf)) else { return };
    // 3a. Namf_Communication_N1N2MessageTransfer: the AMF pages the UE.
    let transfer = Transfer { n2: Some((NgapIeType::PduResSetupReq, octets)), ..Transfer::default() };
    if let Err(error) = n1_n2_message_transfer(&core, &entry, &session, transfer).await {
        tracing::debug!(%error, supi = %entry.key.supi, "the UE cannot be reached for its downlink data");
        // 3c. The packets that wait are dropped.
        if let Err(problem) = modify(&core, &session, n4_rules::drop_buffered()).await {
            tracing::debug!(%problem, "dropping buffered packets");
        }
    }
}

/// The UE did not answer the paging (4.2.3.3 step 5): the packets that wait are dropped.
pub(crate) async fn not_reached(core: &Core, session: &Session) {
    if session.up == UpConnection::Deactivated
        && let Err(problem) = modify(core, session, n4_rules::drop_buffered()).await
    {
        tracing::debug!(%problem, "dropping buffered packets");
    }
}

/// The RAN could not set up its part: the session stays, deactivated.
pub(crate) async fn ran_has_failed(core: &Core, session: &mut Session, octets: &[u8]) -> Refusal {
    let refusal = n2::failure(octets);
    session.up = UpConnection::Deactivated;
    if let Err(problem) = modify(core, session, n4_rules::deactivation()).await {
        tracing::debug!(%problem, "deactivation after the RAN's failure");
    }
    refusal
}
