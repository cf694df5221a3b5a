//! UE Triggered Service Request (TS 23.502 4.2.3.2; TS 24.501 5.6.1).

use nas::GmmMessage;
use nas::gmm::{ServiceAccept, ServiceReject, ServiceRequest};
use nas::ie::{PduSessions, ServiceType};
use ngap::{Cause, CauseNas};

use super::{configuration_update, initial_context, reactivation, session};
use crate::admission::{Kind, Priority};
use crate::stop::{Refusal, Stop, Why};
use crate::ue::Ue;
use crate::ue::event::{Event, Opened};

/// A service request, from the request to its end.
pub(crate) async fn service_request(ue: &mut Ue, opened: Opened) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("service_request");
    match serve(ue, opened).await {
        Ok(()) => {
            timed.finish("success");
            Ok(())
        }
        Err(Stop::Refused(refusal)) => {
            timed.finish(refusal.why.label());
            ue.core.rejects.record(refusal.explain(ue.name(), "Service Request"));
            let mut reject = ServiceReject::new(refusal.why.cause());
            reject.t3346 = refusal.back_off(&ue.core.config.timers);
            if ue.context.registered {
                reject.pdu_session_status = Some(ue.context.sessions.iter().map(|session| session.id).collect());
            }
            ue.send_nas(&reject.into())?;
            ue.release_signalling(Cause::Nas(CauseNas::NormalRelease));
            Ok(())
        }
        Err(stop) => {
            timed.finish(stop.label());
            Err(stop)
        }
    }
}

async fn serve(ue: &mut Ue, opened: Opened) -> Result<(), Stop> {
    // 1. UE to (R)AN, 2. (R)AN to AMF: N2 message with the Service Request.
    let Opened { message: GmmMessage::ServiceRequest(request), octets, verified } = opened else { return Ok(()) };
    // A request that no context verifies: the UE has to register (TS 24.501 4.4.4.3, 5.6.1.5).
    let Some(count) = verified.filter(|_| ue.context.registered) else {
        let sent = format!("5G-TMSI {:08x}", request.s_tmsi.tmsi);
        return Err(Refusal::new(Why::UnknownIdentity, sent, "no context verifies the request").into());
    };
    ue.current_request = octets;
    let urgent = ue.is_urgent() || !matches!(request.service_type, ServiceType::Signalling | ServiceType::Data);
    ue.admission(Kind::Service, if urgent { Priority::High } else { Priority::Normal }).await?;
    ue.guti_confirmed();
    let mut request = *request;
    if let Some(mut container) = request.nas_message_container.take() {
        let security = ue.context.security.as_ref().ok_or(Stop::Lost)?;
        security.nas.decipher_container(count, &mut container);
        request = whole_request(&container).ok_or_else(|| {
            Refusal::new(Why::InvalidMandatory, "a container without a Service Request", "it is needed")
        })?;
    }
    // 3. Authentication and security: the current context serves.
    // 4. to 11. Sessions to be activated: those with uplink data, and those the network has paged for.
    let (wanted, transfers) = wanted(ue, &request);
    let sessions = reactivation::sessions(ue, request.pdu_session_status, wanted).await;
    let mut accept = ServiceAccept::new();
    accept.pdu_session_status = sessions.status;
    (accept.reactivation_result, accept.reactivation_error_causes) = (sessions.result, sessions.causes);
    // 12. AMF to (R)AN: N2 request with the Service Accept, 13. RRC reconfiguration, 14. N2 answer.
    let accept: GmmMessage = accept.into();
    if ue.signalling()?.context_in_ran {
        ue.send_nas(&accept)?;
        session::set_up_resources(ue, sessions.items).await?;
    } else {
        let nas_pdu = ue.protect(&accept)?;
        let request = initial_context::request(ue, Some(nas_pdu), sessions.items)?;
        ue.send_n2(&request)?;
        let outcome = ue.await_n2(initial_context::outcome).await??;
        // 15. to 22. Nsmf_PDUSession_UpdateSMContext with the node's tunnels.
        initial_context::done(ue, outcome).await?;
    }
    for transfer in transfers {
        session::n1_n2_message_transfer(ue, transfer).await?;
    }
    // A UE that was paged gets a new identity (TS 33.501 6.12.3).
    if request.service_type == ServiceType::MobileTerminatedServices {
        configuration_update::new_guti(ue).await?;
    }
    Ok(())
}

fn whole_request(container: &[u8]) -> Option<ServiceRequest> {
    match GmmMessage::decode(container) {
        Ok(GmmMessage::ServiceRequest(request)) => Some(*request),
        _ => None,
    }
}

/// Sessions whose user plane is wanted, by the UE or by an SMF whose request waits; and the SMFs' requests that are not
/// satisfied by that.
fn wanted(ue: &mut Ue, request: &ServiceRequest) -> (Option<PduSessions>, Vec<crate::ue::event::Transfer>) {
    let mut wanted = request.uplink_data_status;
    let mut transfers = Vec::new();
    let deferred = std::mem::take(&mut ue.deferred);
    for event in deferred {
        match event {
            Event::Transfer(transfer) if transfer.n1.is_none() => {
                wanted.get_or_insert_default().insert(transfer.session);
            }
            Event::Transfer(transfer) => transfers.push(*transfer),
            other => ue.deferred.push_back(other),
        }
    }
    (wanted, transfers)
}
