//! Restoration of a UPF's sessions once it has started again (TS 23.527 4.2, 4.3; TS 29.244 PFCPSEReq-Flags).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nas::GsmCause;
use pfcp::Message;

use crate::refusal::Refusal;
use crate::session::{AtUpf, Entry, Session, UpConnection};
use crate::{Core, n4_rules};

use super::pdu_session_establishment::establishment_request;
use super::pdu_session_release::requested_by_network;

/// How long a UPF may take to come back before the UEs are told to make new sessions.
const PATIENCE: Duration = Duration::from_secs(5);

/// A UPF has lost all its sessions: each is made once more there, and goes on unknown to UE and RAN. Where that cannot be, the
/// UE is told to make a new one.
pub(crate) async fn upf_lost(core: Arc<Core>, upf: IpAddr) {
    let back = core.n4.is_back(upf, PATIENCE).await;
    let (mut restored, mut given_up) = (0u32, 0u32);
    for entry in core.sessions.all() {
        let mut session = entry.session.lock().await;
        let Some(before) = session.at_upf.take_if(|at_upf| at_upf.upf == upf) else { continue };
        let outcome = if back { restore(&core, &entry, &mut session, &before).await } else { Err(Refusal::NoUpf) };
        match outcome {
            Ok(()) => restored += 1,
            Err(why) => {
                tracing::debug!(supi = %entry.key.supi, id = %entry.key.id, %why, "session not restored");
                given_up += 1;
                // One that is there again, but not as it was, is deleted there with the release.
                if session.at_upf.is_none() {
                    core.note_session(upf, -1);
                }
                drop(session);
                requested_by_network(&core, &entry, GsmCause::ReactivationRequested).await;
            }
        }
    }
    tracing::warn!(%upf, restored, given_up, "sessions of a UPF that lost them");
}

/// The session as it is, at the UPF once more: its address, its tunnel, and its packets forwarded or buffered.
async fn restore(core: &Core, entry: &Entry, session: &mut Session, before: &AtUpf) -> Result<(), Refusal> {
    let request = n4_rules::restoration(establishment_request(core, entry, session, before.upf), before);
    let at_upf = match core.n4.request(before.upf, pfcp::Seid::default(), request).await? {
        Message::SessionEstablishmentResponse(response) => n4_rules::restored(before, &response)?,
        _ => return Err(Refusal::UpfRefused(pfcp::Cause::RequestRejected)),
    };
    session.at_upf = Some(at_upf);
    let change = match &session.up {
        UpConnection::Activated(tunnel) => n4_rules::activation(tunnel),
        UpConnection::Deactivated => n4_rules::deactivation(),
        // The RAN's tunnel is still to come, and with it the change.
        UpConnection::Activating => return Ok(()),
    };
    match core.n4.request(at_upf.upf, at_upf.seid, change).await? {
        Message::SessionModificationResponse(response) if response.cause.is_accepted() => Ok(()),
        Message::SessionModificationResponse(response) => Err(Refusal::UpfRefused(response.cause)),
        _ => Err(Refusal::UpfRefused(pfcp::Cause::RequestRejected)),
    }
}
