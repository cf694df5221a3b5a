//! User planes that come back with a Service Request or a registration (TS 23.502 4.2.3.2 steps 4 to 7, 11 to 15), and
//! sessions that one side has lost (TS 24.501 5.6.1.4.1, 5.5.1.3.4).

use nas::GmmCause;
use nas::ie::{PduSessionCauses, PduSessions};
use ngap::{PduSessionId, PduSessionResourceSetupItem};
use sbi_models::smf::{Cause, UpCnxState};

use super::{session, slices};
use crate::ue::Ue;
use crate::ue::event::N2Kind;

/// What the UE and the node are told of sessions.
#[derive(Debug, Default)]
pub(super) struct Reactivation {
    /// For the node.
    pub(super) items: Vec<PduSessionResourceSetupItem>,
    /// Sessions whose user plane does not come back; `None` if none was asked for.
    pub(super) result: Option<PduSessions>,
    /// And why.
    pub(super) causes: Option<PduSessionCauses>,
    /// The sessions there are, where the UE told its own or one that it wanted is not there any more.
    pub(super) status: Option<PduSessions>,
}

/// Brings the UE's sessions and ours in line, and has the SMFs bring back the user planes that are wanted.
pub(super) async fn sessions(ue: &mut Ue, held: Option<PduSessions>, wanted: Option<PduSessions>) -> Reactivation {
    if let Some(held) = held {
        release_others(ue, held).await;
    }
    let mut sessions = reactivate(ue, wanted).await;
    let lost = wanted.is_some_and(|wanted| wanted.iter().any(|id| ue.context.session(id).is_none()));
    if held.is_some() || lost {
        sessions.status = Some(ue.context.sessions.iter().map(|session| session.id).collect());
    }
    sessions
}

/// Releases the sessions that the UE does not have any more.
async fn release_others(ue: &mut Ue, held: PduSessions) {
    let (kept, lost) = ue.context.sessions.drain(..).partition::<Vec<_>, _>(|session| held.contains(session.id));
    ue.context.sessions = kept;
    for session in lost {
        ue.nsmf_release_sm_context(&session, Some(Cause::RelDueToPsOutOfSync)).await;
    }
    ue.note();
}

/// Has the SMFs bring back the user planes of these sessions.
async fn reactivate(ue: &mut Ue, wanted: Option<PduSessions>) -> Reactivation {
    let Some(wanted) = wanted else { return Reactivation::default() };
    let mut failed = PduSessions::default();
    let mut causes = Vec::new();
    let mut items = Vec::new();
    for id in wanted.iter() {
        let Some(known) = ue.context.session(id).cloned() else {
            failed.insert(id);
            continue;
        };
        // 4. Nsmf_PDUSession_UpdateSMContext Request with upCnxState ACTIVATING; 11. the answer has N2 SM information.
        match ue.nsmf_update_user_plane(&known, UpCnxState::Activating).await.map(|answer| answer.n2) {
            Ok(Some((N2Kind::Setup, transfer))) => items.push(PduSessionResourceSetupItem {
                pdu_session_id: PduSessionId(id),
                nas_pdu: None,
                s_nssai: slices::to_ngap(&known.slice),
                transfer,
            }),
            // An SMF that started anew has no such session (TS 29.502 5.2.2.3.1): the UE learns it from the status.
            Err(failure) if failure.context_lost => {
                failed.insert(id);
                session::forget(ue, id);
            }
            Ok(_) | Err(_) => {
                failed.insert(id);
                causes.push((id, GmmCause::InsufficientUserPlaneResources));
            }
        }
    }
    let causes = (!causes.is_empty()).then_some(PduSessionCauses(causes));
    Reactivation { items, result: Some(failed), causes, status: None }
}
