//! Namf_Communication (TS 29.518 5.2).

use http::StatusCode;
use sbi_api::namf_comm::NamfCommServer;
use sbi_api::{Problem, Progress, WithLocation, WithParts};
use sbi_models::Supi;
use sbi_models::amf::{
    N1MessageClass, N1N2MessageTransferCause, N1N2MessageTransferReqData, N1N2MessageTransferRspData, N2SmInformation,
    NgapIeType, UeN1N2InfoSubscriptionCreateData, UeN1N2InfoSubscriptionCreatedData,
};

use super::{Server, context_not_found};
use crate::ue::event::{Event, N2Kind, Transfer};

impl NamfCommServer for Server {
    async fn n1_n2_message_transfer(
        &self,
        ue_context_id: Supi,
        body: WithParts<N1N2MessageTransferReqData>,
    ) -> Result<Progress<N1N2MessageTransferRspData>, Problem> {
        let supi = ue_context_id;
        let (id, ue) = self.core.directory.find(&supi).ok_or_else(|| context_not_found(&supi))?;
        let uri = format!("{}/namf-comm/v1/ue-contexts/{supi}/n1-n2-messages/{}", self.core.api_root, id.get());
        let transfer = transfer(&body, uri.clone(), self.core.sm_contexts.last())?;
        if !ue.connected && transfer.skip_if_idle {
            let body = N1N2MessageTransferCause::N1MsgNotTransferred.into();
            return Ok(Progress { pending: None, body });
        }
        self.core.post(id, Event::Transfer(Box::new(transfer))).map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NF_CONGESTION", "too much waits for this UE already")
        })?;
        Ok(match ue.connected {
            true => Progress { pending: None, body: N1N2MessageTransferCause::Initiated.into() },
            false => Progress { pending: Some(uri), body: N1N2MessageTransferCause::AttemptingToReachUe.into() },
        })
    }

    async fn n1_n2_message_subscribe(
        &self,
        _ue_context_id: Supi,
        _body: UeN1N2InfoSubscriptionCreateData,
    ) -> Result<WithLocation<UeN1N2InfoSubscriptionCreatedData>, Problem> {
        Err(not_offered())
    }

    async fn n1_n2_message_unsubscribe(&self, _ue_context_id: Supi, _subscription_id: String) -> Result<(), Problem> {
        Err(not_offered())
    }
}

/// Of N1 and N2 messages only those of sessions are served, which need no subscription.
fn not_offered() -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, "UNSUPPORTED_RESOURCE", "no N1 or N2 messages other than of sessions")
}

fn transfer(body: &WithParts<N1N2MessageTransferReqData>, uri: String, last_context: u64) -> Result<Transfer, Problem> {
    let json = &body.json;
    let n1 = match &json.n1_message_container {
        None => None,
        Some(container) if container.n1_message_class == N1MessageClass::Sm => {
            Some(body.part(&container.n1_message_content)?)
        }
        Some(_) => return Err(not_offered()),
    };
    let sm_info = json.n2_info_container.as_ref().and_then(|container| container.sm_info.as_ref());
    let n2 = sm_info.map(|info| n2(body, info)).transpose()?.flatten();
    let session = json.pdu_session_id.or(sm_info.map(|info| info.pdu_session_id));
    let session = session.ok_or_else(|| Problem::incorrect("pduSessionId", "is missing"))?.get();
    if n1.is_none() && n2.is_none() {
        return Err(Problem::incorrect("n1MessageContainer", "neither an N1 nor an N2 message"));
    }
    let skip_if_idle = json.skip_ind.unwrap_or(false);
    let failure_uri = json.n1n2_failure_txf_notif_uri.clone();
    Ok(Transfer { session, last_context, n1, n2, skip_if_idle, failure_uri, uri })
}

fn n2(
    body: &WithParts<N1N2MessageTransferReqData>,
    info: &N2SmInformation,
) -> Result<Option<(N2Kind, bytes::Bytes)>, Problem> {
    let Some(content) = &info.n2_info_content else { return Ok(None) };
    let kind = match &content.ngap_ie_type {
        Some(NgapIeType::PduResSetupReq) => N2Kind::Setup,
        Some(NgapIeType::PduResModReq) => N2Kind::Modify,
        Some(NgapIeType::PduResRelCmd) => N2Kind::Release,
        _ => {
            return Err(Problem::incorrect(
                "ngapIeType",
                "must be PDU_RES_SETUP_REQ, PDU_RES_MOD_REQ or PDU_RES_REL_CMD",
            ));
        }
    };
    Ok(Some((kind, body.part(&content.ngap_data)?)))
}
