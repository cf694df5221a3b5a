//! Deregistration (TS 23.502 4.2.2.3; TS 24.501 5.5.2).

use std::time::Duration;

use nas::gmm::{DeregistrationAcceptUeOriginating, DeregistrationRequestUeTerminated};
use nas::ie::{AccessType, DeregistrationType};
use nas::{GmmCause, GmmMessage};
use ngap::{Cause, CauseNas};
use sbi_models::smf;

use crate::stop::Stop;
use crate::ue::Ue;
use crate::ue::event::{DeregisterOrder, Opened};

/// UE-initiated Deregistration (4.2.2.3.2).
pub(crate) async fn by_ue(ue: &mut Ue, opened: Opened) -> Result<(), Stop> {
    // 1. UE to AMF: Deregistration Request.
    let GmmMessage::DeregistrationRequestUeOriginating(request) = opened.message else { return Ok(()) };
    let timed = ue.core.metrics.procedure("deregistration");
    let switch_off = request.deregistration_type.switch_off;
    ue.current_request = opened.octets;
    // A request that is not protected touches nobody: its sender is a stranger and is told what it wants to hear.
    if opened.verified.is_some() {
        ue.release_admission().await?;
        // 2. to 5. Nsmf_PDUSession_ReleaseSMContext for each session; the SMF does the rest.
        release_sessions(ue).await;
        // 5a. and 5b. AM and UE policy associations: not there.
        leave(ue).await;
    }
    // 6. AMF to UE: Deregistration Accept, unless the UE is switched off, or has gone meanwhile.
    if !switch_off && ue.context.signalling.is_some() {
        ue.send_nas(&DeregistrationAcceptUeOriginating::new().into())?;
    }
    // 7. AMF to (R)AN: N2 UE Context Release Command, cause deregister. 8. Its completion is the association's business.
    ue.release_signalling(Cause::Nas(CauseNas::Deregister));
    timed.finish(if opened.verified.is_some() { "success" } else { "unprotected" });
    Ok(())
}

/// Network-initiated Deregistration (4.2.2.3.3).
pub(crate) async fn by_network(ue: &mut Ue, order: DeregisterOrder) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("network_deregistration");
    let outcome = network_initiated(ue, &order).await;
    // Whatever the UE answered, or did not: it is deregistered.
    release_sessions(ue).await;
    match order.by_udm {
        // The UDM has given the UE to another AMF, or to none: nothing of it is ours to keep.
        true => forget(ue),
        false => leave(ue).await,
    }
    // 7. Signalling connection release.
    ue.release_signalling(Cause::Nas(CauseNas::Deregister));
    if let Some(done) = order.done {
        let _ = done.send(()); // who asked may have gone
    }
    match outcome {
        // T3522 has expired for the fifth time (TS 24.501 5.5.2.3.5 a): deregistered as well.
        Ok(()) | Err(Stop::NoAnswer(_) | Stop::Lost) => {
            timed.finish("success");
            Ok(())
        }
        Err(stop) => {
            timed.finish(stop.label());
            Err(stop)
        }
    }
}

async fn network_initiated(ue: &mut Ue, order: &DeregisterOrder) -> Result<(), Stop> {
    // 1. Nudm_UECM_DeregistrationNotify, or the operator: what has brought us here.
    if !ue.context.registered || ue.context.signalling.is_none() {
        // A UE in idle is not paged for this: its next request is answered as a stranger's (implicit deregistration).
        return Ok(());
    }
    // 2. AMF to UE: Deregistration Request.
    let mut request = DeregistrationRequestUeTerminated::new(DeregistrationType {
        switch_off: false,
        reregistration_required: order.reregister,
        access: AccessType::ThreeGpp,
    });
    request.cause = order.subscription_withdrawn.then_some(GmmCause::FiveGsServicesNotAllowed);
    let request: GmmMessage = request.into();
    let t3522 = Duration::from_millis(ue.core.config.timers.t3522_ms);
    // 3. Nudm_UECM_DeregistrationNotify response, Nudm_SDM_Unsubscribe: answered already, not subscribed.
    // 4. Nsmf_PDUSession_ReleaseSMContext, 5. policy associations: done by the caller.
    // 6. UE to AMF: Deregistration Accept.
    ue.exchange(
        "T3522",
        t3522,
        |ue| ue.send_nas(&request),
        |_, message| match message {
            GmmMessage::DeregistrationAcceptUeTerminated(_) => Ok(()),
            // The two requests have crossed: both sides have what they want (TS 24.501 5.5.2.3.5 d).
            GmmMessage::DeregistrationRequestUeOriginating(_) => Ok(()),
            other => Err(other),
        },
    )
    .await
}

/// The UE has not been heard of for too long (TS 24.501 5.3.7): implicit deregistration. One that is deregistered already
/// is purged.
pub(crate) async fn implicit(ue: &mut Ue) {
    if !ue.context.registered {
        return purge(ue).await;
    }
    let timed = ue.core.metrics.procedure("implicit_deregistration");
    release_sessions(ue).await;
    leave(ue).await;
    timed.finish("success");
}

/// The UE is deregistered; its security context and 5G-GUTI stay for a while (TS 24.501 5.5.2), or it is purged at once.
async fn leave(ue: &mut Ue) {
    ue.context.deregister(crate::core::now(), ue.core.config.timers.purge());
    ue.note();
    if ue.context.kept_until.is_none() {
        purge(ue).await;
    }
}

/// Nothing of the UE is kept.
fn forget(ue: &mut Ue) {
    (ue.context.registered, ue.context.kept_until) = (false, None);
    ue.note();
}

/// Purge of subscriber data in the AMF (TS 23.502 4.5.3).
async fn purge(ue: &mut Ue) {
    let timed = ue.core.metrics.procedure("purge");
    // 1. The AMF deletes what it has of the deregistered UE.
    forget(ue);
    // 2. Nudm_SDM_Unsubscribe: not subscribed. 3. Nudm_UECM_Deregistration. 4. The UDM's answer.
    timed.finish(if ue.nudm_uecm_deregistration().await { "success" } else { "network_failure" });
}

/// Nsmf_PDUSession_ReleaseSMContext for each session.
pub(crate) async fn release_sessions(ue: &mut Ue) {
    for session in std::mem::take(&mut ue.context.sessions) {
        ue.nsmf_release_sm_context(&session, Some(smf::Cause::RelDueToUnspecifiedReason)).await;
    }
}
