//! Nudm_UEContextManagement (TS 29.503 5.3; TS 23.502 4.2.2.2.2 step 14).

use sbi_api::nudm_uecm::{NudmUecmServer, ROOT};
use sbi_api::{ApiRoot, Json, NoContent, Problem, Stored, notify};
use sbi_models::nrf::{PatchItem, PatchOperation};
use sbi_models::udm::{
    Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification, DeregistrationData, DeregistrationReason,
    SmfRegistration,
};
use sbi_models::{AccessType, PduSessionId, Supi};

use crate::{DataManagement, if_there};

impl NudmUecmServer for DataManagement {
    async fn register_amf(
        &self,
        ue_id: Supi,
        body: Amf3GppAccessRegistration,
    ) -> Result<Stored<Amf3GppAccessRegistration>, Problem> {
        ApiRoot::split(&body.dereg_callback_uri).map_err(|why| Problem::incorrect("deregCallbackUri", why))?;
        let before = if_there(self.udr.amf_registration(&ue_id).await)?;
        self.udr.put_amf_registration(&ue_id, &body).await.map_err(Problem::downstream)?;
        let Some(before) = before else {
            let location = format!("{}{ROOT}/{ue_id}/registrations/amf-3gpp-access", self.root);
            return Ok(Stored::created(location, body));
        };
        if is_another_amf(&before, &body) {
            self.tell_old_amf(ue_id, before.dereg_callback_uri, body.initial_registration_ind == Some(true));
        }
        Ok(Stored::replaced(body))
    }

    async fn update_amf(&self, ue_id: Supi, body: Amf3GppAccessRegistrationModification) -> Result<(), Problem> {
        let registered = self.amf_registration(ue_id.clone()).await?;
        if registered.guami != body.guami {
            return Err(Problem::forbidden("INVALID_GUAMI", format_args!("{ue_id} is served by another AMF")));
        }
        let add =
            |path, value: serde_json::Value| PatchItem { op: PatchOperation::Add, ..PatchItem::replace(path, value) };
        let purge = body.purge_flag.map(|purge| add("/purgeFlag", purge.into()));
        let pei = body.pei.map(|pei| add("/pei", pei.as_str().into()));
        let patch: Vec<_> = purge.into_iter().chain(pei).collect();
        if patch.is_empty() {
            return Ok(());
        }
        self.udr.modify_amf_registration(&ue_id, &patch).await.map_err(Problem::downstream)
    }

    async fn amf_registration(&self, ue_id: Supi) -> Result<Amf3GppAccessRegistration, Problem> {
        let registered = if_there(self.udr.amf_registration(&ue_id).await)?;
        registered.ok_or_else(|| Problem::not_found("CONTEXT_NOT_FOUND", format_args!("no AMF serves {ue_id}")))
    }

    async fn register_smf(
        &self,
        ue_id: Supi,
        pdu_session_id: PduSessionId,
        body: SmfRegistration,
    ) -> Result<Stored<SmfRegistration>, Problem> {
        if body.pdu_session_id != pdu_session_id {
            return Err(Problem::incorrect("pduSessionId", "body and path name different sessions"));
        }
        let kept = self.udr.put_smf_registration(&ue_id, &pdu_session_id, &body).await.map_err(Problem::downstream)?;
        let location = || format!("{}{ROOT}/{ue_id}/registrations/smf-registrations/{pdu_session_id}", self.root);
        let location = kept.location.is_some().then(location);
        Ok(Stored { location, body: Some(body) })
    }

    async fn deregister_smf(&self, ue_id: Supi, pdu_session_id: PduSessionId) -> Result<(), Problem> {
        let removed = if_there(self.udr.delete_smf_registration(&ue_id, &pdu_session_id).await)?;
        let none = || Problem::not_found("CONTEXT_NOT_FOUND", format_args!("{ue_id} has no session {pdu_session_id}"));
        removed.ok_or_else(none)
    }
}

/// Whether the UE left the AMF `before`. One that was restarted has another instance identity but the same GUAMI, and is
/// not to be told of itself.
fn is_another_amf(before: &Amf3GppAccessRegistration, now: &Amf3GppAccessRegistration) -> bool {
    before.amf_instance_id != now.amf_instance_id && before.guami != now.guami && before.purge_flag != Some(true)
}

impl DataManagement {
    /// Nudm_UECM_DeregistrationNotification to the AMF that served before (TS 23.502 4.2.2.2.2 step 14d). The new
    /// AMF does not wait for it.
    fn tell_old_amf(&self, supi: Supi, callback: String, initial: bool) {
        let dereg_reason = match initial {
            true => DeregistrationReason::UeInitialRegistration,
            false => DeregistrationReason::UeRegistrationAreaChange,
        };
        let data = DeregistrationData { dereg_reason, access_type: Some(AccessType::ThreeGpp), pdu_session_id: None };
        let caller = self.caller.clone();
        tokio::spawn(async move {
            let told = notify::<Json<DeregistrationData>, NoContent>(&*caller, &callback, &data).await;
            if let Err(why) = told {
                tracing::warn!(%supi, "the AMF that served before was not told at {callback}: {why}");
            }
        });
    }
}
