//! PDU Session Release (23.502 4.3.4.2): wished by the UE, by the network or by the AMF.

use std::sync::Arc;
use std::time::Duration;

use nas::GsmCause;
use pfcp::SessionDeletionRequest;
use sbi_models::amf::NgapIeType;
use sbi_models::smf::Cause;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::amf::{Transfer, n1_n2_message_transfer, sm_context_status_notify};
use crate::session::{Entry, Phase, Session, UpConnection};
use crate::{Core, n1, n2, subscription};

/// How often the UE is told in all before its silence is taken for a yes (TS 24.501 6.3.3.5: the fifth expiry of T3592).
const ATTEMPTS: u32 = 5;

/// PTI of a procedure that the network began (TS 24.501 7.3.1).
const NO_PTI: u8 = 0;

/// What goes to UE and RAN when a release begins.
pub(crate) struct Command {
    pub(crate) n1: nas::GsmPdu,
    /// Only where the RAN has resources for the session.
    pub(crate) n2: Option<(NgapIeType, bytes::Bytes)>,
}

/// Steps 1a and 2 to 3a: the UE asks for the release in the transaction `pti`. The command goes with the answer to the AMF.
pub(crate) async fn requested_by_ue(core: &Arc<Core>, entry: &Arc<Entry>, session: &mut Session, pti: u8) -> Command {
    // 1a. Nsmf_PDUSession_UpdateSMContext with the PDU Session Release Request has brought us here.
    begin(core, entry, session, pti, GsmCause::RegularDeactivation).await
}

/// Steps 1e and 2 to 3b: the network wants the session gone.
pub(crate) async fn requested_by_network(core: &Arc<Core>, entry: &Arc<Entry>, cause: GsmCause) {
    let mut session = entry.session.clone().lock_owned().await;
    if matches!(session.phase, Phase::Releasing { .. } | Phase::Released) {
        return;
    }
    let command = begin(core, entry, &mut session, NO_PTI, cause).await;
    // 3b. Namf_Communication_N1N2MessageTransfer, without paging: an idle UE learns of it by its PDU session status.
    let transfer = Transfer { n1: Some(command.n1), n2: command.n2, skip_if_idle: true };
    if let Err(error) = n1_n2_message_transfer(core, entry, &session, transfer).await {
        tracing::debug!(%error, supi = %entry.key.supi, "the release command did not reach the UE");
        entry.acknowledged.notify_one();
    }
}

/// Step 2, and the messages of step 3.
async fn begin(core: &Arc<Core>, entry: &Arc<Entry>, session: &mut Session, pti: u8, cause: GsmCause) -> Command {
    // 2. N4 Session Release: no packet passes from here on.
    delete_at_upf(core, session).await;
    let at_ran = !matches!(session.up, UpConnection::Deactivated);
    session.up = UpConnection::Deactivated;
    session.phase = Phase::Releasing { pti };
    let n1 = n1::release_command(entry.key.id.get(), pti, cause);
    let n2 = n2::release_command(cause == GsmCause::RegularDeactivation).filter(|_| at_ran);
    tokio::spawn(await_acknowledgement(core.clone(), entry.clone(), n1.clone()));
    Command { n1, n2: n2.map(|octets| (NgapIeType::PduResRelCmd, octets)) }
}

/// Steps 4 to 13: waits for the UE's PDU Session Release Complete, tells it again by T3592, and ends the session.
async fn await_acknowledgement(core: Arc<Core>, entry: Arc<Entry>, command: nas::GsmPdu) {
    let timed = core.metrics.procedure("pdu_session_release");
    let t3592 = Duration::from_millis(core.config.t3592_ms);
    let mut result = "no_acknowledgement";
    for attempt in 1..=ATTEMPTS {
        if timeout(t3592, entry.acknowledged.notified()).await.is_ok() {
            result = "success";
            break;
        }
        let session = entry.session.lock().await;
        if session.phase == Phase::Released {
            return timed.finish("released_meanwhile");
        }
        if attempt < ATTEMPTS {
            let transfer = Transfer { n1: Some(command.clone()), skip_if_idle: true, ..Transfer::default() };
            if n1_n2_message_transfer(&core, &entry, &session, transfer).await.is_err() {
                break;
            }
        }
    }
    let mut session = entry.session.lock().await;
    if session.phase != Phase::Released {
        end(&core, &entry, &mut session).await;
        // 11 to 13. Nsmf_PDUSession_SMContextStatusNotify: the AMF forgets the session too.
        sm_context_status_notify(&core, &session, None).await;
    }
    timed.finish(result);
}

/// Steps 1c and 2 without a word to UE and RAN: the AMF releases the context, or a new session takes its identity.
pub(crate) async fn release_locally(core: &Core, entry: &Entry, cause: Cause) {
    let mut session = entry.session.lock().await;
    if session.phase != Phase::Released {
        tracing::debug!(supi = %entry.key.supi, id = %entry.key.id, %cause, "session released locally");
        end(core, entry, &mut session).await;
    }
}

/// Ends a session that is neither at the UPF nor registered at the UDM.
pub(crate) fn give_up(core: &Core, entry: &Entry, mut session: OwnedMutexGuard<Session>) {
    session.phase = Phase::Released;
    core.give_back_address(&session.dnn, session.address);
    core.sessions.remove(entry);
}

/// Takes the session out of everything. Calling it again changes nothing.
async fn end(core: &Core, entry: &Entry, session: &mut Session) {
    session.phase = Phase::Released;
    delete_at_upf(core, session).await;
    core.give_back_address(&session.dnn, session.address);
    core.sessions.remove(entry);
    entry.acknowledged.notify_one();
    // 12. Nudm_UECM_Deregistration.
    subscription::deregister(core, entry);
}

/// The UPF's part of the session; should the UPF not answer, its session ends with its association.
async fn delete_at_upf(core: &Core, session: &mut Session) {
    let Some(at_upf) = session.at_upf.take() else { return };
    core.note_session(at_upf.upf, -1);
    if let Err(error) = core.n4.request(at_upf.upf, at_upf.seid, SessionDeletionRequest::new()).await {
        tracing::debug!(%error, upf = %at_upf.upf, "N4 session deletion");
    }
}
