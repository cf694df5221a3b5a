//! UE Requested PDU Session Establishment, the AMF's part (TS 23.502 4.3.2.2.1).

use bytes::Bytes;
use nas::gmm::UlNasTransport;
use ngap::transfer::PduSessionResourceReleaseCommandTransfer;
use sbi_models::smf::{Cause, RequestType};
use sbi_models::{Dnn, PduSessionId, Snssai};
use tokio::time::Instant;

use super::{pdu_session_release, session, slices};
use crate::admission::{Kind, Priority};
use crate::services::NewSession;
use crate::stop::{Refusal, Stop, Why};
use crate::ue::event::Transfer;
use crate::ue::{Incoming, Ue};

/// A session, from the UE's request to the user plane.
pub(super) async fn pdu_session_establishment(
    ue: &mut Ue,
    id: PduSessionId,
    transport: UlNasTransport,
) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("pdu_session_establishment");
    let payload = transport.payload_container.clone();
    match establish(ue, id, transport).await {
        Ok(result) => {
            timed.finish(result);
            Ok(())
        }
        Err(Stop::Refused(refusal)) => {
            timed.finish(refusal.why.label());
            ue.core.rejects.record(refusal.explain(ue.name(), "PDU session"));
            session::send_back(ue, id.get(), payload, refusal.why.session_cause())
        }
        Err(stop) => {
            timed.finish(stop.label());
            Err(stop)
        }
    }
}

async fn establish(ue: &mut Ue, id: PduSessionId, transport: UlNasTransport) -> Result<&'static str, Stop> {
    // 1. UE to AMF: NAS message with S-NSSAI, DNN, PDU Session ID, Request Type, N1 SM container.
    ue.admission(Kind::Session, Priority::Normal).await?;
    let slice = select_slice(ue, &transport)?;
    let dnn = select_dnn(ue, slice, &transport)?;
    replace_duplicate(ue, id).await?;
    if ue.context.sessions.len() >= ue.core.config.limits.sessions_per_ue {
        let most = format!("{} sessions", ue.core.config.limits.sessions_per_ue);
        return Err(Refusal::new(Why::TooManySessions, "one PDU session more", most).into());
    }
    // 2. SMF selection: by discovery at the NRF.
    // 3. Nsmf_PDUSession_CreateSMContext Request, 4. the SMF's subscription data, 5. its response.
    let payload = transport.payload_container;
    let new = NewSession { id, slice, dnn, request_type: RequestType::InitialRequest };
    let created = ue.nsmf_create_sm_context(&new, Bytes::from(payload.clone())).await;
    let established = match created {
        Ok(established) => established,
        Err(failure) => {
            let label = failure.refusal.why.label();
            return session::failed(ue, id.get(), failure, payload).map(|()| label);
        }
    };
    ue.context.sessions.push(established);
    ue.note();
    // 6. to 10. Secondary authentication, PCF, UPF selection, N4: the SMF's.
    // 11. SMF to AMF: Namf_Communication_N1N2MessageTransfer.
    let Some(transfer) = n1_n2_message_transfer(ue, id.get()).await? else { return Ok("released") };
    // 12. AMF to RAN: N2 PDU Session Request, 13. the RAN and the UE, 14. N2 PDU Session Response.
    // 15. Nsmf_PDUSession_UpdateSMContext Request, 16. N4 Session Modification, 17. its response.
    let result = if transfer.n2.is_some() { "success" } else { "rejected" };
    session::n1_n2_message_transfer(ue, transfer).await?;
    // 18. Nsmf_PDUSession_SMContextStatusNotify, 19. and 20. IPv6 configuration, unsubscription: the SMF's.
    Ok(result)
}

/// The slice the UE asks for, which must be an allowed one; without a wish the first allowed.
fn select_slice(ue: &Ue, transport: &UlNasTransport) -> Result<Snssai, Stop> {
    let allowed = &ue.context.allowed_slices;
    let wish = transport.s_nssai.as_ref().map(slices::of_nas);
    let slice = match wish {
        Some(wish) => allowed.iter().find(|slice| **slice == wish),
        None => allowed.first(),
    };
    slice.copied().ok_or_else(|| {
        let sent = format!("S-NSSAI {}", wish.map_or("none".to_owned(), |wish| wish.to_string()));
        Refusal::new(Why::SessionSlice, sent, format!("allowed slices {allowed:?}")).into()
    })
}

/// The DNN the UE asks for, if it is subscribed; without a wish the subscribed default, else the network's.
fn select_dnn(ue: &Ue, slice: Snssai, transport: &UlNasTransport) -> Result<Dnn, Stop> {
    let network = &ue.core.served.network;
    let subscribed = || {
        let all = ue.context.subscription.iter().flat_map(|subscription| &subscription.dnns);
        all.filter(move |info| info.slice == slice)
    };
    let wish = transport.dnn.as_ref().map(|dnn| dnn.as_str().to_owned());
    let default = || subscribed().find(|info| info.default).or_else(|| subscribed().next());
    let chosen = match &wish {
        Some(wish) => {
            subscribed().any(|info| info.dnn == "*" || info.dnn.eq_ignore_ascii_case(wish)).then_some(wish.as_str())
        }
        None => default().map(|info| info.dnn.as_str()).filter(|dnn| *dnn != "*"),
    };
    let offered = chosen.and_then(|name| network.dnn(name)).filter(|offered| offered.serves(slice));
    offered.map(|offered| offered.name.clone()).ok_or_else(|| {
        let dnns: Vec<_> = subscribed().map(|info| info.dnn.as_str()).collect();
        let offered: Vec<_> = network.dnns.iter().map(|dnn| dnn.name.as_str()).collect();
        let configured = format!("DNNs {} in slice {slice}, subscribed {}", offered.join(", "), dnns.join(", "));
        Refusal::new(Why::Dnn, format!("DNN {}", wish.as_deref().unwrap_or("none")), configured).into()
    })
}

/// A session of the same identity is released without a word to the UE (TS 24.501 5.4.5.2.5 c): at the SMF with its UPF, and
/// at the node, which does not set up an identity that it has (TS 38.413 8.2.1.4).
async fn replace_duplicate(ue: &mut Ue, id: PduSessionId) -> Result<(), Stop> {
    let Some(old) = ue.context.session(id.get()).cloned() else { return Ok(()) };
    let transfer = ue.nsmf_release_duplicate(&old).await.or_else(duplicate);
    session::forget(ue, id.get());
    match transfer.filter(|_| old.active) {
        Some(transfer) => pdu_session_release::release_resources(ue, id.get(), None, transfer).await,
        None => Ok(()),
    }
}

/// What an SMF says to the node, should it say nothing.
fn duplicate() -> Option<Bytes> {
    let cause = ngap::Cause::RadioNetwork(ngap::CauseRadioNetwork::MultiplePduSessionIdInstances);
    PduSessionResourceReleaseCommandTransfer { cause }.encode().ok()
}

/// Waits for what the SMF sends for the session; `None` if it has released the session instead.
async fn n1_n2_message_transfer(ue: &mut Ue, id: u8) -> Result<Option<Transfer>, Stop> {
    let deadline = Instant::now() + ue.core.config.timers.session();
    while let Some(incoming) = ue.incoming(deadline).await? {
        match incoming {
            Incoming::Transfer(transfer) if transfer.session == id => return Ok(Some(*transfer)),
            Incoming::SessionReleased { session, .. } if session == id => {
                session::forget(ue, id);
                return Ok(None);
            }
            Incoming::Nas(opened) => ue.unexpected_nas(opened)?,
            other => ue.unexpected(other),
        }
    }
    if let Some(lost) = ue.context.session(id).cloned() {
        ue.nsmf_release_sm_context(&lost, Some(Cause::RelDueToUnspecifiedReason)).await;
        session::forget(ue, id);
    }
    Err(Refusal::new(Why::Network, "a PDU session request", "the SMF sent no N1N2MessageTransfer in time").into())
}
