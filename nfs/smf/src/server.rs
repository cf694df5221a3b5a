//! Nsmf_PDUSession (TS 29.502) and the notifications to the SMF, as their servers.

use std::sync::Arc;

use nas::{GsmCause, GsmMessage, GsmPdu};
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::nsmf_callback::NsmfCallbackServer;
use sbi_api::nsmf_pdusession::NsmfPduSessionServer;
use sbi_api::{Problem, WithLocation, WithParts};
use sbi_models::amf::N1N2MsgTxfrFailureNotification;
use sbi_models::smf::{
    Cause, N2SmInfoType, SmContext, SmContextCreateData, SmContextCreatedData, SmContextReleaseData,
    SmContextReleasedData, SmContextRetrieveData, SmContextRetrievedData, SmContextUpdateData, SmContextUpdatedData,
    UpCnxState,
};
use tokio::sync::OwnedMutexGuard;

use crate::procedures::{an_release, pdu_session_establishment, pdu_session_release, service_request};
use crate::session::{ContextRef, Entry, Phase, Session, UpConnection};
use crate::{Core, amf, n1, n2};

/// The SMF's services; clones share its state.
#[derive(Clone)]
pub(crate) struct Server(pub(crate) Arc<Core>);

type Updated = WithParts<SmContextUpdatedData>;

impl Server {
    fn find(&self, sm_context_ref: &str) -> Result<Arc<Entry>, Problem> {
        let entry = ContextRef::read(sm_context_ref).and_then(|reference| self.0.sessions.get(reference));
        entry.ok_or_else(gone)
    }

    /// The session, once no other procedure has it.
    async fn hold(&self, entry: &Entry) -> Result<OwnedMutexGuard<Session>, Problem> {
        let session = entry.session.clone().lock_owned().await;
        if session.phase == Phase::Released { Err(gone()) } else { Ok(session) }
    }

    /// An N1 SM message from the UE, other than an establishment request.
    async fn n1_sm(
        &self,
        entry: &Arc<Entry>,
        session: &mut Session,
        octets: &[u8],
        updated: &mut Updated,
    ) -> Result<(), Problem> {
        let id = entry.key.id.get();
        let pdu = match GsmPdu::decode(octets) {
            Ok(pdu) if pdu.pdu_session_id == id => pdu,
            Ok(pdu) => {
                attach_n1(updated, &n1::status(pdu.pdu_session_id, pdu.pti, GsmCause::InvalidPduSessionIdentity));
                return Ok(());
            }
            Err(wrong) => {
                if let (Some(header), Some(cause)) = (wrong.header, wrong.cause()) {
                    attach_n1(updated, &n1::status(id, header.pti, cause));
                }
                return Ok(());
            }
        };
        match pdu.message {
            GsmMessage::PduSessionReleaseRequest(_) if pdu.pti == 0 => {
                attach_n1(updated, &n1::release_reject(id, pdu.pti, GsmCause::InvalidPtiValue));
            }
            GsmMessage::PduSessionReleaseRequest(_) if matches!(session.phase, Phase::Releasing { .. }) => {} // being done
            GsmMessage::PduSessionReleaseRequest(_) => {
                let command = pdu_session_release::requested_by_ue(&self.0, entry, session, pdu.pti).await;
                attach_n1(updated, &command.n1);
                if let Some((_, octets)) = command.n2 {
                    attach_n2(updated, N2SmInfoType::PduResRelCmd, octets);
                }
            }
            GsmMessage::PduSessionReleaseComplete(_) => match session.phase {
                Phase::Releasing { pti } if pti == pdu.pti => entry.acknowledged.notify_one(),
                _ => attach_n1(updated, &n1::status(id, pdu.pti, GsmCause::MessageTypeNotCompatible)),
            },
            GsmMessage::PduSessionModificationRequest(_) => {
                attach_n1(updated, &n1::modification_reject(id, pdu.pti));
            }
            GsmMessage::GsmStatus(status) => {
                tracing::info!(supi = %entry.key.supi, id, cause = %status.cause, "5GSM STATUS from the UE");
            }
            _ => attach_n1(updated, &n1::status(id, pdu.pti, GsmCause::MessageTypeNotCompatible)),
        }
        Ok(())
    }

    /// An N2 SM container from the RAN.
    async fn n2_sm(
        &self,
        entry: &Arc<Entry>,
        session: &mut Session,
        kind: Option<&N2SmInfoType>,
        octets: &[u8],
    ) -> Result<(), Problem> {
        match kind {
            Some(N2SmInfoType::PduResSetupRsp) if session.up == UpConnection::Activating => {
                service_request::ran_has_set_up(&self.0, session, octets).await
            }
            Some(N2SmInfoType::PduResSetupFail) if session.up == UpConnection::Activating => {
                let refusal = service_request::ran_has_failed(&self.0, session, octets).await;
                tracing::info!(supi = %entry.key.supi, id = %entry.key.id, "{refusal}");
                if session.phase == Phase::Establishing {
                    // The UE never got the accept, which travels inside the RAN's setup (23.502 4.3.2.2.1 step 16c).
                    let (server, entry) = (self.clone(), entry.clone());
                    tokio::spawn(async move { server.forget(&entry).await });
                }
                Ok(())
            }
            Some(N2SmInfoType::PduResNtyRel) => an_release::deactivate(&self.0, session).await,
            Some(N2SmInfoType::PduResRelRsp | N2SmInfoType::PduResNty) => Ok(()),
            Some(kind) => Err(Problem::forbidden("N2_SM_ERROR", format_args!("{kind} was not asked for"))),
            None => Err(Problem::incorrect("n2SmInfoType", "missing")),
        }
    }

    /// Ends a session that the UE does not know of, and tells the AMF.
    async fn forget(&self, entry: &Entry) {
        pdu_session_release::release_locally(&self.0, entry, Cause::RelDueToUnspecifiedReason).await;
        amf::sm_context_status_notify(&self.0, &*entry.session.lock().await, None).await;
    }

    async fn up_cnx_state(
        &self,
        session: &mut Session,
        wanted: &UpCnxState,
        updated: &mut Updated,
    ) -> Result<(), Problem> {
        match wanted {
            UpCnxState::Activating | UpCnxState::Activated => {
                let octets = service_request::activate(session)?;
                attach_n2(updated, N2SmInfoType::PduResSetupReq, octets);
                updated.json.up_cnx_state = Some(UpCnxState::Activating);
            }
            UpCnxState::Deactivated => {
                an_release::deactivate(&self.0, session).await?;
                updated.json.up_cnx_state = Some(UpCnxState::Deactivated);
            }
            other => return Err(Problem::incorrect("upCnxState", format_args!("{other} is not supported"))),
        }
        Ok(())
    }
}

fn gone() -> Problem {
    Problem::not_found("CONTEXT_NOT_FOUND", "no such SM context")
}

fn attach_n1(updated: &mut Updated, pdu: &GsmPdu) {
    if let Some(octets) = n1::octets(pdu) {
        updated.json.n1_sm_msg = Some(updated.attach("n1SmMsg", NAS_5GS, octets));
    }
}

fn attach_n2(updated: &mut Updated, kind: N2SmInfoType, octets: bytes::Bytes) {
    updated.json.n2_sm_info = Some(updated.attach("n2SmInfo", NGAP, octets));
    updated.json.n2_sm_info_type = Some(kind);
}

impl NsmfPduSessionServer for Server {
    async fn create_sm_context(
        &self,
        body: WithParts<SmContextCreateData>,
    ) -> Result<WithLocation<WithParts<SmContextCreatedData>>, Problem> {
        pdu_session_establishment::create_sm_context(&self.0, body).await
    }

    async fn update_sm_context(
        &self,
        sm_context_ref: String,
        body: WithParts<SmContextUpdateData>,
    ) -> Result<Option<Updated>, Problem> {
        let entry = self.find(&sm_context_ref)?;
        let mut session = self.hold(&entry).await?;
        let mut updated = Updated::default();
        let data = &body.json;
        if let Some(reference) = &data.n2_sm_info {
            let octets = body.part(reference)?;
            self.n2_sm(&entry, &mut session, data.n2_sm_info_type.as_ref(), &octets).await?;
        }
        if let Some(reference) = &data.n1_sm_msg {
            let octets = body.part(reference)?;
            self.n1_sm(&entry, &mut session, &octets, &mut updated).await?;
        }
        if let Some(wanted) = &data.up_cnx_state {
            self.up_cnx_state(&mut session, wanted, &mut updated).await?;
        }
        if data.release == Some(true) {
            // The RAN's part goes too (TS 29.502 5.2.2.3, release of a session whose identity is used again); the UE hears nothing.
            if session.up != UpConnection::Deactivated
                && let Some(octets) = n2::release_command(false)
            {
                attach_n2(&mut updated, N2SmInfoType::PduResRelCmd, octets);
            }
            drop(session);
            let cause = data.cause.clone().unwrap_or(Cause::RelDueToUnspecifiedReason);
            pdu_session_release::release_locally(&self.0, &entry, cause).await;
        }
        Ok((updated != Updated::default()).then_some(updated))
    }

    async fn release_sm_context(
        &self,
        sm_context_ref: String,
        body: WithParts<SmContextReleaseData>,
    ) -> Result<Option<SmContextReleasedData>, Problem> {
        let entry = self.find(&sm_context_ref)?;
        let cause = body.json.cause.unwrap_or(Cause::RelDueToUnspecifiedReason);
        pdu_session_release::release_locally(&self.0, &entry, cause).await;
        Ok(None)
    }

    async fn retrieve_sm_context(
        &self,
        sm_context_ref: String,
        _body: SmContextRetrieveData,
    ) -> Result<SmContextRetrievedData, Problem> {
        let entry = self.find(&sm_context_ref)?;
        let session = self.hold(&entry).await?;
        let sm_context = SmContext {
            pdu_session_id: entry.key.id,
            dnn: session.dnn.clone(),
            s_nssai: session.slice,
            pdu_session_type: session.address.kind().sbi(),
            gpsi: None,
            ue_ipv4_address: session.address.ipv4(),
            ue_ipv6_prefix: session.address.ipv6_prefix().map(|prefix| format!("{prefix}/64")),
            session_ambr: session.granted.ambr,
        };
        Ok(SmContextRetrievedData { ue_eps_pdn_connection: String::new(), sm_context: Some(sm_context) })
    }
}

impl NsmfCallbackServer for Server {
    async fn transfer_failure_notify(
        &self,
        sm_context_ref: String,
        _body: N1N2MsgTxfrFailureNotification,
    ) -> Result<(), Problem> {
        let entry = self.find(&sm_context_ref)?;
        let session = self.hold(&entry).await?;
        service_request::not_reached(&self.0, &session).await;
        Ok(())
    }
}
