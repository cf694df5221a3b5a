//! Nudm_UEContextManagement (TS 29.503 5.3): who serves a subscriber.

use std::sync::Arc;

use sbi_api::nudm_uecm::{self, NudmUecmServer};
use sbi_api::{Json, NoContent, Problem, SbiError, Stored, notify};
use sbi_models::nrf::PatchItem;
use sbi_models::udm::{
    Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification, DeregistrationData, DeregistrationReason,
    SmfRegistration,
};
use sbi_models::{AccessType, PduSessionId, Supi};

use crate::{Core, Server, from_udr};

impl Core {
    /// The AMF registered for a subscriber, if there is one.
    async fn serving_amf(&self, supi: &Supi) -> Result<Option<Amf3GppAccessRegistration>, Problem> {
        match self.udr.amf_registration(supi).await {
            Ok(registration) => Ok(Some(registration)),
            Err(SbiError::Problem(problem)) if problem.cause.as_deref() == Some("DATA_NOT_FOUND") => Ok(None),
            Err(error) => Err(from_udr(error)),
        }
    }

    /// Nudm_UECM_DeregistrationNotify (23.502 4.2.2.2.2 step 14d), in the background: the new AMF does not wait for it.
    fn tell_old_amf(self: &Arc<Self>, supi: &Supi, old: Amf3GppAccessRegistration, initial: bool) {
        let dereg_reason = match initial {
            true => DeregistrationReason::UeInitialRegistration,
            false => DeregistrationReason::UeRegistrationAreaChange,
        };
        let body = DeregistrationData { dereg_reason, access_type: Some(AccessType::ThreeGpp), pdu_session_id: None };
        let (core, supi) = (self.clone(), supi.clone());
        tokio::spawn(async move {
            let told = notify::<Json<DeregistrationData>, NoContent>(&*core.caller, &old.dereg_callback_uri, &body);
            if let Err(error) = told.await {
                tracing::debug!(%error, %supi, "the old AMF did not take its deregistration");
            }
        });
    }
}

impl NudmUecmServer for Server {
    async fn register_amf(
        &self,
        ue_id: Supi,
        body: Amf3GppAccessRegistration,
    ) -> Result<Stored<Amf3GppAccessRegistration>, Problem> {
        let core = &self.0;
        let old = core.serving_amf(&ue_id).await?;
        core.udr.put_amf_registration(&ue_id, &body).await.map_err(from_udr)?;
        let Some(old) = old else {
            let root = &core.api_root;
            let location = format!("{root}{}/{ue_id}/registrations/amf-3gpp-access", nudm_uecm::ROOT);
            return Ok(Stored::created(location, body));
        };
        if old.amf_instance_id != body.amf_instance_id && old.purge_flag != Some(true) {
            core.tell_old_amf(&ue_id, old, body.initial_registration_ind == Some(true));
        }
        Ok(Stored::replaced(body))
    }

    async fn update_amf(&self, ue_id: Supi, body: Amf3GppAccessRegistrationModification) -> Result<(), Problem> {
        let current = self.0.serving_amf(&ue_id).await?;
        let current = current.ok_or_else(|| Problem::not_found("CONTEXT_NOT_FOUND", "no AMF is registered"))?;
        // An AMF that no longer serves the subscriber has no say (TS 29.503 5.3.2.4.2).
        if current.guami != body.guami {
            return Err(Problem::forbidden("INVALID_GUAMI", "another AMF serves the subscriber"));
        }
        let purge = body.purge_flag.map(|flag| PatchItem::replace("/purgeFlag", flag));
        let pei = body.pei.map(|pei| PatchItem::replace("/pei", pei.to_string()));
        let patch: Vec<_> = purge.into_iter().chain(pei).collect();
        if patch.is_empty() {
            return Ok(());
        }
        self.0.udr.modify_amf_registration(&ue_id, &patch).await.map_err(from_udr)
    }

    async fn amf_registration(&self, ue_id: Supi) -> Result<Amf3GppAccessRegistration, Problem> {
        self.0.udr.amf_registration(&ue_id).await.map_err(from_udr)
    }

    async fn register_smf(
        &self,
        ue_id: Supi,
        pdu_session_id: PduSessionId,
        body: SmfRegistration,
    ) -> Result<Stored<SmfRegistration>, Problem> {
        if body.pdu_session_id != pdu_session_id {
            return Err(Problem::incorrect("pduSessionId", "differs between path and body"));
        }
        let kept = self.0.udr.put_smf_registration(&ue_id, &pdu_session_id, &body).await.map_err(from_udr)?;
        let path = format!("{}/{ue_id}/registrations/smf-registrations/{pdu_session_id}", nudm_uecm::ROOT);
        Ok(match kept.location {
            Some(_) => Stored::created(format!("{}{path}", self.0.api_root), body),
            None => Stored::replaced(body),
        })
    }

    async fn deregister_smf(&self, ue_id: Supi, pdu_session_id: PduSessionId) -> Result<(), Problem> {
        self.0.udr.delete_smf_registration(&ue_id, &pdu_session_id).await.map_err(from_udr)
    }
}
