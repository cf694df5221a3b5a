//! Nudm_SubscriberDataManagement (TS 29.503 5.2): the UDR's data, as the serving network may see them.

use sbi_api::nudm_sdm::{NudmSdmServer, ROOT};
use sbi_api::{Problem, SbiError, WithLocation};
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Nssai, PduSession, SdmSubscription, SessionManagementSubscriptionData,
    SmDataQuery, SmfRegistration, SmfSelectionSubscriptionData, SubscriptionQuery, UeContextInSmfData,
};
use sbi_models::udr::{ProvisionedSmDataQuery, VarPlmnId};
use sbi_models::{PduSessionId, PlmnIdNid, Supi};

use crate::DataManagement;

impl NudmSdmServer for DataManagement {
    async fn am_data(
        &self,
        supi: Supi,
        query: SubscriptionQuery,
    ) -> Result<AccessAndMobilitySubscriptionData, Problem> {
        self.udr.am_data(&supi, &self.serving(query.plmn_id)).await.map_err(Problem::downstream)
    }

    async fn smf_select_data(
        &self,
        supi: Supi,
        query: SubscriptionQuery,
    ) -> Result<SmfSelectionSubscriptionData, Problem> {
        self.udr.smf_selection_data(&supi, &self.serving(query.plmn_id)).await.map_err(Problem::downstream)
    }

    async fn sm_data(&self, supi: Supi, query: SmDataQuery) -> Result<Vec<SessionManagementSubscriptionData>, Problem> {
        let serving = self.serving(query.plmn_id);
        let query = ProvisionedSmDataQuery { single_nssai: query.single_nssai, dnn: query.dnn };
        self.udr.sm_data(&supi, &serving, &query).await.map_err(Problem::downstream)
    }

    async fn nssai(&self, supi: Supi, query: SubscriptionQuery) -> Result<Nssai, Problem> {
        let data = self.am_data(supi, query).await?;
        data.nssai.ok_or_else(|| Problem::not_found("DATA_NOT_FOUND", "no slices are subscribed"))
    }

    async fn ue_context_in_smf_data(&self, supi: Supi) -> Result<UeContextInSmfData, Problem> {
        let registrations = self.udr.smf_registrations(&supi).await.map_err(Problem::downstream)?;
        let sessions = registrations.into_iter().filter_map(session).collect();
        Ok(UeContextInSmfData { pdu_sessions: Some(sessions) })
    }

    async fn subscribe(&self, ue_id: Supi, body: SdmSubscription) -> Result<WithLocation<SdmSubscription>, Problem> {
        sbi_api::ApiRoot::split(&body.callback_reference)
            .map_err(|why| Problem::incorrect("callbackReference", why))?;
        let kept = self.udr.create_sdm_subscription(&ue_id, &body).await.map_err(Problem::downstream)?.body;
        let id = kept.subscription_id.as_deref().unwrap_or_default();
        let location = format!("{}{ROOT}/{ue_id}/sdm-subscriptions/{id}", self.root);
        Ok(WithLocation { location, body: kept })
    }

    async fn unsubscribe(&self, ue_id: Supi, subscription_id: String) -> Result<(), Problem> {
        let removed = self.udr.delete_sdm_subscription(&ue_id, &subscription_id).await;
        removed.map_err(|error: SbiError| match error.cause() {
            Some("SUBSCRIPTION_NOT_FOUND") => Problem::not_found("CONTEXT_NOT_FOUND", error),
            _ => Problem::downstream(error),
        })
    }
}

impl DataManagement {
    /// The serving network that the data are for; without one our own.
    fn serving(&self, plmn_id: Option<PlmnIdNid>) -> VarPlmnId {
        VarPlmnId(plmn_id.map_or(self.home, |serving| serving.plmn_id))
    }
}

fn session(registration: SmfRegistration) -> Option<(PduSessionId, PduSession)> {
    let session = PduSession {
        dnn: registration.dnn?,
        smf_instance_id: registration.smf_instance_id,
        plmn_id: registration.plmn_id,
        single_nssai: Some(registration.single_nssai),
    };
    Some((registration.pdu_session_id, session))
}
