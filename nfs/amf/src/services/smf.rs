//! Nsmf_PDUSession as the AMF uses it.

use bytes::Bytes;
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::namf_callback::sm_context_status_uri;
use sbi_api::nsmf_pdusession::{NsmfPduSession, context_ref};
use sbi_api::{ApiRoot, Codec, Multipart, SbiError, WithParts};
use sbi_models::nrf::ServiceName;
use sbi_models::smf::{
    Cause, N2SmInfoType, RequestType, SmContextCreateData, SmContextCreateError, SmContextReleaseData,
    SmContextUpdateData, SmContextUpdateError, SmContextUpdatedData, UpCnxState,
};
use sbi_models::{AccessType, Dnn, PduSessionId, RatType, RefToBinaryData, Snssai};

use super::location::{time_zone, user_location};
use crate::stop::Refusal;
use crate::ue::Ue;
use crate::ue::context::Session;
use crate::ue::event::N2Kind;

/// A session that a UE asks for.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    pub(crate) id: PduSessionId,
    pub(crate) slice: Snssai,
    pub(crate) dnn: Dnn,
    pub(crate) request_type: RequestType,
}

/// What an SMF has for the UE and its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SmAnswer {
    pub(crate) n1: Option<Bytes>,
    pub(crate) n2: Option<(N2Kind, Bytes)>,
}

/// What an SMF refuses, with the NAS message for the UE if it made one.
#[derive(Clone, Debug)]
pub(crate) struct SmFailure {
    pub(crate) n1: Option<Bytes>,
    pub(crate) refusal: Refusal,
    /// The SMF no longer knows the session.
    pub(crate) context_lost: bool,
}

impl Ue {
    /// Nsmf_PDUSession_CreateSMContext: any SMF that discovery finds.
    pub(crate) async fn nsmf_create_sm_context(&self, new: &NewSession, n1: Bytes) -> Result<Session, SmFailure> {
        let core = &self.core;
        let Some(supi) = &self.context.supi else { return Err(failure("CreateSMContext", &not_registered())) };
        let context = core.sm_contexts.next();
        let callback = sm_context_status_uri(&core.api_root, supi, new.id, context);
        let data =
            SmContextCreateData::new(core.instance_id, core.served.sbi_plmn.into(), AccessType::ThreeGpp, callback);
        let mut body = WithParts::from(SmContextCreateData {
            supi: Some(supi.clone()),
            pei: self.context.pei.clone(),
            pdu_session_id: Some(new.id),
            dnn: Some(new.dnn.clone()),
            s_nssai: Some(new.slice),
            guami: Some(core.served.sbi_guami.clone()),
            service_name: Some(ServiceName::NamfCallback),
            request_type: Some(new.request_type.clone()),
            rat_type: Some(RatType::Nr),
            ue_location: self.context.location.as_deref().and_then(user_location),
            ue_time_zone: Some(time_zone(core.config.time_zone_minutes)),
            ..data
        });
        body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, n1));
        let created = NsmfPduSession::new(core.caller.clone()).create_sm_context(&body).await;
        let created = created.map_err(|error| create_failure(&error))?;
        let (smf, _) = ApiRoot::split(&created.location).map_err(|error| failure("CreateSMContext", &error))?;
        let reference = context_ref(&created.location).to_owned();
        Ok(Session { id: new.id.get(), slice: new.slice, context, smf, reference, active: false })
    }

    /// Nsmf_PDUSession_UpdateSMContext with an N1 message of the UE.
    pub(crate) async fn nsmf_update_n1(&self, session: &Session, n1: Bytes) -> Result<SmAnswer, SmFailure> {
        let location = self.context.location.as_deref().and_then(user_location);
        let mut body = WithParts::from(SmContextUpdateData { ue_location: location, ..Default::default() });
        body.json.n1_sm_msg = Some(body.attach("n1", NAS_5GS, n1));
        self.nsmf_update_sm_context(session, body).await
    }

    /// Nsmf_PDUSession_UpdateSMContext with an answer of the node.
    pub(crate) async fn nsmf_update_n2(
        &self,
        session: &Session,
        kind: N2SmInfoType,
        n2: Bytes,
    ) -> Result<SmAnswer, SmFailure> {
        let mut body = WithParts::from(SmContextUpdateData { n2_sm_info_type: Some(kind), ..Default::default() });
        body.json.n2_sm_info = Some(body.attach("n2", NGAP, n2));
        self.nsmf_update_sm_context(session, body).await
    }

    /// Nsmf_PDUSession_UpdateSMContext that asks for another state of the user plane.
    pub(crate) async fn nsmf_update_user_plane(
        &self,
        session: &Session,
        state: UpCnxState,
    ) -> Result<SmAnswer, SmFailure> {
        let location = self.context.location.as_deref().and_then(user_location);
        let data = SmContextUpdateData { up_cnx_state: Some(state), ue_location: location, ..Default::default() };
        self.nsmf_update_sm_context(session, data.into()).await
    }

    /// Nsmf_PDUSession_UpdateSMContext that releases a session whose identity the UE uses again (TS 29.502 5.2.2.3): the
    /// answer has what the node is to release.
    pub(crate) async fn nsmf_release_duplicate(&self, session: &Session) -> Option<Bytes> {
        let cause = Some(Cause::RelDueToDuplicateSessionId);
        let data = SmContextUpdateData { release: Some(true), cause: cause.clone(), ..Default::default() };
        match self.nsmf_update_sm_context(session, data.into()).await {
            Ok(answer) => answer.n2.filter(|(kind, _)| *kind == N2Kind::Release).map(|(_, transfer)| transfer),
            Err(SmFailure { context_lost: true, .. }) => None,
            Err(_) => {
                self.nsmf_release_sm_context(session, cause).await;
                None
            }
        }
    }

    async fn nsmf_update_sm_context(
        &self,
        session: &Session,
        body: WithParts<SmContextUpdateData>,
    ) -> Result<SmAnswer, SmFailure> {
        let client = NsmfPduSession::at(self.core.caller.clone(), session.smf.clone());
        match client.update_sm_context(&session.reference, &body).await {
            Ok(None) => Ok(SmAnswer::default()),
            Ok(Some(answer)) => updated(&answer).map_err(|error| failure("UpdateSMContext", &error)),
            Err(error) => Err(update_failure(&error)),
        }
    }

    /// Nsmf_PDUSession_ReleaseSMContext. A session that the SMF does not know is released.
    pub(crate) async fn nsmf_release_sm_context(&self, session: &Session, cause: Option<Cause>) {
        let client = NsmfPduSession::at(self.core.caller.clone(), session.smf.clone());
        let data = SmContextReleaseData { cause, ..Default::default() };
        match client.release_sm_context(&session.reference, &data.into()).await {
            Ok(_) => {}
            Err(error) if error.status() == Some(404) => {}
            Err(error) => {
                tracing::warn!(%error, session = session.id, "ReleaseSMContext failed: the SMF may still hold it")
            }
        }
    }
}

fn not_registered() -> SbiError {
    SbiError::Peer("the UE is not registered".into())
}

fn updated(answer: &WithParts<SmContextUpdatedData>) -> Result<SmAnswer, SbiError> {
    let n1 = part(answer, answer.json.n1_sm_msg.as_ref())?;
    let n2 = part(answer, answer.json.n2_sm_info.as_ref())?;
    let kind = answer.json.n2_sm_info_type.as_ref().and_then(n2_kind);
    Ok(SmAnswer { n1, n2: kind.zip(n2) })
}

fn part<T>(answer: &WithParts<T>, reference: Option<&RefToBinaryData>) -> Result<Option<Bytes>, SbiError> {
    reference.map(|reference| answer.part(reference)).transpose().map_err(|error| SbiError::Peer(error.to_string()))
}

/// What of N2 information a node is asked for.
fn n2_kind(kind: &N2SmInfoType) -> Option<N2Kind> {
    match kind {
        N2SmInfoType::PduResSetupReq => Some(N2Kind::Setup),
        N2SmInfoType::PduResModReq => Some(N2Kind::Modify),
        N2SmInfoType::PduResRelCmd => Some(N2Kind::Release),
        _ => None,
    }
}

fn failure(operation: &str, error: &SbiError) -> SmFailure {
    let refusal = Refusal::of_operation(&format!("Nsmf_PDUSession_{operation}"), error, "a PDU session request");
    SmFailure { n1: None, refusal, context_lost: error.status() == Some(404) }
}

/// The NAS message in the body of an error.
fn error_n1<T>(error: &SbiError, reference: impl Fn(&T) -> Option<&RefToBinaryData>) -> Option<Bytes>
where
    Multipart<T>: Codec<Value = WithParts<T>>,
{
    let SbiError::Problem(problem) = error else { return None };
    let body = problem.read_body::<Multipart<T>>()?;
    body.part(reference(&body.json)?).ok()
}

fn create_failure(error: &SbiError) -> SmFailure {
    let n1 = error_n1::<SmContextCreateError>(error, |body| body.n1_sm_msg.as_ref());
    SmFailure { n1, ..failure("CreateSMContext", error) }
}

fn update_failure(error: &SbiError) -> SmFailure {
    let n1 = error_n1::<SmContextUpdateError>(error, |body| body.n1_sm_msg.as_ref());
    SmFailure { n1, ..failure("UpdateSMContext", error) }
}
