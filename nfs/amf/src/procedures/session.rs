//! What passes through the AMF between UE, node and SMF about PDU sessions (TS 24.501 5.4.5; TS 23.502 4.3).

use bytes::Bytes;
use nas::gmm::{DlNasTransport, UlNasTransport};
use nas::ie::{PayloadContainerType, RequestType};
use nas::{GmmCause, GmmMessage};
use ngap::{
    Message, PduSessionId, PduSessionResourceModifyItem, PduSessionResourceModifyRequest, PduSessionResourceNotify,
    PduSessionResourceSetupItem, PduSessionResourceSetupRequest, PduSessionResourceSetupResponse,
};
use sbi_models::smf::N2SmInfoType;

use super::{initial_context, paging, pdu_session_establishment, pdu_session_release, slices};
use crate::services::{SmAnswer, SmFailure};
use crate::stop::Stop;
use crate::ue::Ue;
use crate::ue::event::{N2Kind, Opened, Transfer};

/// UL NAS TRANSPORT (TS 24.501 5.4.5.2).
pub(crate) async fn ul_nas_transport(ue: &mut Ue, opened: Opened) -> Result<(), Stop> {
    let GmmMessage::UlNasTransport(transport) = opened.message else { return Ok(()) };
    if transport.payload_container_type != PayloadContainerType::N1SmInformation {
        tracing::debug!(kind = ?transport.payload_container_type, "payload for nobody");
        return Ok(());
    }
    // Without a session there is nobody to answer for (5.4.5.2.5 a).
    let Some(id) = transport.pdu_session_id.and_then(|id| sbi_models::PduSessionId::new(id).ok()) else {
        tracing::debug!(session = transport.pdu_session_id, "no PDU session identity");
        return Ok(());
    };
    match (transport.request_type, ue.context.session(id.get()).is_some()) {
        (Some(RequestType::Initial | RequestType::MaPduSession), _) => {
            pdu_session_establishment::pdu_session_establishment(ue, id, *transport).await
        }
        (None | Some(RequestType::Modification | RequestType::Existing), true) => {
            forward(ue, id.get(), *transport).await
        }
        // 5.4.5.2.5 b, c: no session to route it to; an emergency one is not offered.
        _ => send_back(ue, id.get(), transport.payload_container, GmmCause::PayloadNotForwarded),
    }
}

/// Forwards a 5GSM message of a session to its SMF, and brings what the SMF answers.
async fn forward(ue: &mut Ue, id: u8, transport: UlNasTransport) -> Result<(), Stop> {
    let Some(session) = ue.context.session(id).cloned() else { return Ok(()) };
    let n1 = Bytes::from(transport.payload_container);
    match ue.nsmf_update_n1(&session, n1.clone()).await {
        Ok(answer) => deliver(ue, id, answer).await,
        Err(failure) => failed(ue, id, failure, n1.to_vec()),
    }
}

/// The SMF has refused or not answered: its NAS message goes to the UE, or the UE's own back.
pub(super) fn failed(ue: &mut Ue, id: u8, failure: SmFailure, payload: Vec<u8>) -> Result<(), Stop> {
    ue.core.rejects.record(failure.refusal.explain(ue.name(), "PDU session request"));
    if failure.context_lost {
        forget(ue, id);
    }
    match failure.n1 {
        Some(n1) => dl_nas_transport(ue, id, &n1, None),
        None => send_back(ue, id, payload, GmmCause::PayloadNotForwarded),
    }
}

/// An SMF has messages for the UE and its node (TS 23.502 4.3.2.2.1 step 11, 4.3.4.2 step 3b, 4.2.3.3 step 3a).
pub(crate) async fn n1_n2_message_transfer(ue: &mut Ue, transfer: Transfer) -> Result<(), Stop> {
    if ue.context.session(transfer.session).is_none() {
        tracing::debug!(session = transfer.session, "messages for a session that is not there");
        return Ok(());
    }
    if ue.context.signalling.is_none() {
        return paging::network_triggered_service_request(ue, transfer).await;
    }
    let id = transfer.session;
    deliver(ue, id, SmAnswer { n1: transfer.n1, n2: transfer.n2 }).await
}

/// Brings an SMF's messages to the UE and its node, and the node's answer back.
pub(super) async fn deliver(ue: &mut Ue, id: u8, answer: SmAnswer) -> Result<(), Stop> {
    match (answer.n2, answer.n1) {
        (Some((N2Kind::Setup, transfer)), n1) => set_up_session(ue, id, n1, transfer).await,
        (Some((N2Kind::Modify, transfer)), n1) => modify(ue, id, n1, transfer).await,
        (Some((N2Kind::Release, transfer)), n1) => pdu_session_release::release_resources(ue, id, n1, transfer).await,
        (None, Some(n1)) => dl_nas_transport(ue, id, &n1, None),
        (None, None) => Ok(()),
    }
}

/// Sets one session up in the node, with the NAS message that goes with it.
pub(super) async fn set_up_session(ue: &mut Ue, id: u8, n1: Option<Bytes>, transfer: Bytes) -> Result<(), Stop> {
    let Some(slice) = ue.context.session(id).map(|session| slices::to_ngap(&session.slice)) else { return Ok(()) };
    initial_context::ensure(ue).await?;
    let nas_pdu = n1.map(|n1| protected(ue, id, &n1)).transpose()?;
    let item = PduSessionResourceSetupItem { pdu_session_id: PduSessionId(id), nas_pdu, s_nssai: slice, transfer };
    set_up_resources(ue, vec![item]).await
}

/// PDU Session Resource Setup (TS 38.413 8.2.1), and what the SMFs are told of its outcome.
pub(super) async fn set_up_resources(ue: &mut Ue, items: Vec<PduSessionResourceSetupItem>) -> Result<(), Stop> {
    if items.is_empty() {
        return Ok(());
    }
    request_resources(ue, items)?;
    let response = ue.await_n2(resources).await?;
    resources_set_up(ue, response).await;
    Ok(())
}

/// The request of PDU Session Resource Setup.
pub(super) fn request_resources(ue: &mut Ue, items: Vec<PduSessionResourceSetupItem>) -> Result<(), Stop> {
    let (amf_ue_ngap_id, ran_ue_ngap_id) = ue.n2_ids()?;
    let request = PduSessionResourceSetupRequest {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        nas_pdu: None,
        pdu_session_resource_setup_list: items,
        ue_aggregate_maximum_bit_rate: Some(initial_context::ambr(ue)),
    };
    ue.send_n2(&request.into())
}

/// Takes the response of the setup, or gives any other message back.
pub(super) fn resources(message: Box<Message>) -> Result<PduSessionResourceSetupResponse, Box<Message>> {
    match *message {
        Message::PduSessionResourceSetupResponse(response) => Ok(response),
        other => Err(Box::new(other)),
    }
}

/// Tells the SMFs what became of their sessions.
pub(super) async fn resources_set_up(ue: &mut Ue, response: PduSessionResourceSetupResponse) {
    for item in response.pdu_session_resource_setup_list.unwrap_or_default() {
        set_up(ue, item.pdu_session_id.0, item.transfer).await;
    }
    for item in response.pdu_session_resource_failed_to_setup_list.unwrap_or_default() {
        failed_to_set_up(ue, item.pdu_session_id.0, item.transfer).await;
    }
}

/// The node has set a session up: Nsmf_PDUSession_UpdateSMContext with its tunnel.
pub(super) async fn set_up(ue: &mut Ue, id: u8, transfer: Bytes) {
    if let Some(session) = ue.context.session_mut(id) {
        session.active = true;
    }
    tell_smf(ue, id, N2SmInfoType::PduResSetupRsp, transfer).await;
}

/// The node could not set a session up: Nsmf_PDUSession_UpdateSMContext with its reason.
pub(super) async fn failed_to_set_up(ue: &mut Ue, id: u8, transfer: Bytes) {
    if let Some(session) = ue.context.session_mut(id) {
        session.active = false;
    }
    tell_smf(ue, id, N2SmInfoType::PduResSetupFail, transfer).await;
}

/// Nsmf_PDUSession_UpdateSMContext with what the node says. A NAS message in the answer is for the UE; a session that the
/// node names and the UE has not is nobody's.
pub(super) async fn tell_smf(ue: &mut Ue, id: u8, kind: N2SmInfoType, transfer: Bytes) {
    let Some(session) = ue.context.session(id).cloned() else { return };
    match ue.nsmf_update_n2(&session, kind, transfer).await {
        Ok(answer) => {
            if let Some(n1) = answer.n1 {
                // Without a connection the UE learns it from its next status.
                let _ = dl_nas_transport(ue, id, &n1, None);
            }
        }
        Err(failure) => {
            tracing::warn!(session = id, reason = failure.refusal.configured, "UpdateSMContext failed");
            if failure.context_lost {
                forget(ue, id);
            }
        }
    }
}

/// PDU Session Resource Modify (TS 38.413 8.2.3).
async fn modify(ue: &mut Ue, id: u8, n1: Option<Bytes>, transfer: Bytes) -> Result<(), Stop> {
    let nas_pdu = n1.map(|n1| protected(ue, id, &n1)).transpose()?;
    let (amf_ue_ngap_id, ran_ue_ngap_id) = ue.n2_ids()?;
    let item = PduSessionResourceModifyItem {
        pdu_session_id: PduSessionId(id),
        nas_pdu,
        pdu_session_resource_modify_request_transfer: transfer,
    };
    let request = PduSessionResourceModifyRequest {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        pdu_session_resource_modify_list: vec![item],
    };
    ue.send_n2(&request.into())?;
    let response = ue
        .await_n2(|message| match *message {
            Message::PduSessionResourceModifyResponse(response) => Ok(response),
            other => Err(Box::new(other)),
        })
        .await?;
    for item in response.pdu_session_resource_modify_list.unwrap_or_default() {
        tell_smf(ue, item.pdu_session_id.0, N2SmInfoType::PduResModRsp, item.transfer).await;
    }
    for item in response.pdu_session_resource_failed_to_modify_list.unwrap_or_default() {
        tell_smf(ue, item.pdu_session_id.0, N2SmInfoType::PduResModFail, item.transfer).await;
    }
    Ok(())
}

/// PDU Session Resource Notify (TS 38.413 8.2.4): the node says that flows are not kept, or sessions gone.
pub(crate) async fn notified(ue: &mut Ue, notify: PduSessionResourceNotify) -> Result<(), Stop> {
    for item in notify.pdu_session_resource_notify_list.unwrap_or_default() {
        tell_smf(ue, item.pdu_session_id.0, N2SmInfoType::PduResNty, item.transfer).await;
    }
    for item in notify.pdu_session_resource_released_list.unwrap_or_default() {
        if let Some(session) = ue.context.session_mut(item.pdu_session_id.0) {
            session.active = false;
        }
        tell_smf(ue, item.pdu_session_id.0, N2SmInfoType::PduResNtyRel, item.transfer).await;
    }
    Ok(())
}

/// The SMF has no such session any more.
pub(crate) fn forget(ue: &mut Ue, id: u8) {
    ue.context.sessions.retain(|session| session.id != id);
    ue.note();
}

/// Gives the UE its own message back, with the reason why it was not forwarded (TS 24.501 5.4.5.3.1 case h).
pub(super) fn send_back(ue: &mut Ue, id: u8, payload: Vec<u8>, cause: GmmCause) -> Result<(), Stop> {
    dl_nas_transport(ue, id, &payload, Some(cause))
}

/// DL NAS TRANSPORT with a 5GSM message (TS 24.501 5.4.5.3).
pub(super) fn dl_nas_transport(ue: &mut Ue, id: u8, payload: &[u8], cause: Option<GmmCause>) -> Result<(), Stop> {
    ue.send_nas(&message(id, payload, cause))
}

/// The NAS PDU that carries a 5GSM message inside an N2 message.
pub(super) fn protected(ue: &mut Ue, id: u8, n1: &[u8]) -> Result<Bytes, Stop> {
    ue.protect(&message(id, n1, None))
}

fn message(id: u8, payload: &[u8], cause: Option<GmmCause>) -> GmmMessage {
    let mut transport = DlNasTransport::new(PayloadContainerType::N1SmInformation, payload.to_vec());
    transport.pdu_session_id = Some(id);
    transport.cause = cause;
    transport.into()
}
