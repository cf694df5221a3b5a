//! AN Release (TS 23.502 4.2.6; UE Context Release, TS 38.413 8.3.2 and 8.3.3).

use ngap::{Cause, Message};
use sbi_models::smf::UpCnxState;

use super::initial_context::RADIO_CONNECTION_LOST;
use crate::stop::Stop;
use crate::ue::Ue;

/// Releases the connection; the UE is idle then. Its sessions stay, without a user plane.
pub(crate) async fn an_release(ue: &mut Ue, cause: Cause) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("an_release");
    // 1. RRC connection release, or 1a. N2 UE Context Release Request: what has brought us here.
    // 2. AMF to (R)AN: N2 UE Context Release Command.
    let Some(signalling) = ue.context.signalling.clone() else { return Ok(()) };
    ue.core.release(&signalling.n2, cause);
    // 3. (R)AN: RRC connection release. 4. (R)AN to AMF: N2 UE Context Release Complete. Without it, as if it had come.
    let complete = ue
        .await_n2(|message| match *message {
            Message::UeContextReleaseComplete(complete) => Ok(complete),
            other => Err(Box::new(other)),
        })
        .await;
    if let Ok(location) = complete.map(|complete| complete.user_location_information) {
        ue.context.location = location.map(Box::new).or(ue.context.location.take());
    }
    ue.context.signalling = None;
    ue.note();
    // 5. to 7. For each session with a user plane: Nsmf_PDUSession_UpdateSMContext, N4 Session Modification, its answer.
    deactivate_sessions(ue).await;
    timed.finish("success");
    Ok(())
}

/// The connection is gone without anybody's command. Steps 5 to 7 are due once the UE rests: a node with thousands of UEs
/// may have gone, and the SMFs learn it by and by.
pub(crate) fn connection_lost(ue: &mut Ue) {
    ue.context.signalling = None;
    ue.note();
}

/// The UE or its node does not answer: the connection is released, and nobody waited for.
pub(crate) fn give_up(ue: &mut Ue) {
    ue.release_signalling(RADIO_CONNECTION_LOST);
    connection_lost(ue);
}

/// Tells the SMFs that the user planes are gone.
pub(crate) async fn deactivate_sessions(ue: &mut Ue) {
    let active: Vec<_> = ue.context.sessions.iter().filter(|session| session.active).cloned().collect();
    if active.is_empty() {
        return;
    }
    for session in active {
        let answer = ue.nsmf_update_user_plane(&session, UpCnxState::Deactivated).await;
        match answer {
            Err(failure) if failure.context_lost => ue.context.sessions.retain(|other| other.id != session.id),
            _ => {
                if let Some(session) = ue.context.session_mut(session.id) {
                    session.active = false;
                }
            }
        }
    }
}
