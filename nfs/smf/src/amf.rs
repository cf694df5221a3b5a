//! What the SMF asks of the AMF: to bring N1 and N2 messages to UE and RAN, and to hear that a context is gone.

use bytes::Bytes;
use nas::GsmPdu;
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::namf_comm::NamfComm;
use sbi_api::{Json, NoContent, SbiError, WithParts, notify, nsmf_callback};
use sbi_models::amf::{
    N1MessageClass, N1MessageContainer, N1N2MessageTransferCause, N1N2MessageTransferReqData, N2InfoContainer,
    N2InfoContent, N2InformationClass, N2SmInformation, NgapIeType,
};
use sbi_models::smf::{Cause, SmContextStatusNotification};

use crate::Core;
use crate::n1;
use crate::session::{Entry, Session};

/// Messages for a UE and its RAN about one session.
#[derive(Default)]
pub(crate) struct Transfer {
    /// For the UE.
    pub(crate) n1: Option<GsmPdu>,
    /// For the RAN.
    pub(crate) n2: Option<(NgapIeType, Bytes)>,
    /// Send the N1 message only if the UE is connected.
    pub(crate) skip_if_idle: bool,
}

/// Namf_Communication_N1N2MessageTransfer (23.502 5.2.2.2.7).
pub(crate) async fn n1_n2_message_transfer(
    core: &Core,
    entry: &Entry,
    session: &Session,
    transfer: Transfer,
) -> Result<N1N2MessageTransferCause, SbiError> {
    let mut body = WithParts::from(N1N2MessageTransferReqData {
        pdu_session_id: Some(entry.key.id),
        skip_ind: transfer.skip_if_idle.then_some(true),
        ..N1N2MessageTransferReqData::default()
    });
    if let Some(octets) = transfer.n1.as_ref().and_then(n1::octets) {
        let n1_message_content = body.attach("n1SmMsg", NAS_5GS, octets);
        body.json.n1_message_container =
            Some(N1MessageContainer { n1_message_class: N1MessageClass::Sm, n1_message_content, nf_id: None });
    }
    if let Some((kind, octets)) = transfer.n2 {
        let ngap_data = body.attach("n2SmInfo", NGAP, octets);
        body.json.n2_info_container = Some(n2_container(entry, session, kind, ngap_data));
        let reference = entry.reference.0.to_string();
        body.json.n1n2_failure_txf_notif_uri = Some(nsmf_callback::transfer_failure_uri(&core.api_root, &reference));
    }
    let amf = NamfComm::at(core.caller.clone(), session.amf.clone());
    Ok(amf.n1_n2_message_transfer(&entry.key.supi, &body).await?.body.cause)
}

fn n2_container(
    entry: &Entry,
    session: &Session,
    kind: NgapIeType,
    ngap_data: sbi_models::RefToBinaryData,
) -> N2InfoContainer {
    let content = N2InfoContent { ngap_message_type: None, ngap_ie_type: Some(kind), ngap_data };
    let sm_info =
        N2SmInformation { pdu_session_id: entry.key.id, n2_info_content: Some(content), s_nssai: Some(session.slice) };
    N2InfoContainer { n2_information_class: N2InformationClass::Sm, sm_info: Some(sm_info) }
}

/// Nsmf_PDUSession_SMContextStatusNotify: the context is gone (23.502 5.2.8.2.8).
pub(crate) async fn sm_context_status_notify(core: &Core, session: &Session, cause: Option<Cause>) {
    let body = SmContextStatusNotification::released(cause);
    let told = notify::<Json<SmContextStatusNotification>, NoContent>(&*core.caller, &session.status_uri, &body);
    if let Err(error) = told.await {
        tracing::debug!(%error, "the AMF did not take the news that a session is gone");
    }
}
