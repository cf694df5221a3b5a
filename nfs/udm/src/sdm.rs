//! Nudm_SubscriberDataManagement (TS 29.503 5.2): the UDR's provisioned data, for the network that serves.

use std::collections::BTreeMap;

use sbi_api::nudm_sdm::{self, NudmSdmServer};
use sbi_api::{Problem, WithLocation};
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Nssai, PduSession, SdmSubscription, SessionManagementSubscriptionData,
    SmDataQuery, SmfSelectionSubscriptionData, SubscriptionQuery, UeContextInSmfData,
};
use sbi_models::udr::{ProvisionedSmDataQuery, VarPlmnId};
use sbi_models::{PlmnId, PlmnIdNid, Supi};

use crate::{Core, Server, from_udr};

impl Core {
    /// The serving network of a query; without one, this network.
    fn serving(&self, plmn: Option<PlmnIdNid>) -> VarPlmnId {
        VarPlmnId(plmn.map_or(self.network.plmn, |plmn| plmn.plmn_id))
    }
}

impl NudmSdmServer for Server {
    async fn am_data(
        &self,
        supi: Supi,
        query: SubscriptionQuery,
    ) -> Result<AccessAndMobilitySubscriptionData, Problem> {
        self.0.udr.am_data(&supi, &self.0.serving(query.plmn_id)).await.map_err(from_udr)
    }

    async fn smf_select_data(
        &self,
        supi: Supi,
        query: SubscriptionQuery,
    ) -> Result<SmfSelectionSubscriptionData, Problem> {
        self.0.udr.smf_selection_data(&supi, &self.0.serving(query.plmn_id)).await.map_err(from_udr)
    }

    async fn sm_data(&self, supi: Supi, query: SmDataQuery) -> Result<Vec<SessionManagementSubscriptionData>, Problem> {
        let wanted = ProvisionedSmDataQuery { single_nssai: query.single_nssai, dnn: query.dnn };
        self.0.udr.sm_data(&supi, &self.0.serving(query.plmn_id), &wanted).await.map_err(from_udr)
    }

    async fn nssai(&self, supi: Supi, query: SubscriptionQuery) -> Result<Nssai, Problem> {
        let data = self.am_data(supi, query).await?;
        data.nssai.ok_or_else(|| Problem::not_found("DATA_NOT_FOUND", "no slices are subscribed"))
    }

    async fn ue_context_in_smf_data(&self, supi: Supi) -> Result<UeContextInSmfData, Problem> {
        let registrations = self.0.udr.smf_registrations(&supi).await.map_err(from_udr)?;
        let sessions = registrations.into_iter().filter_map(|registration| {
            let session = PduSession {
                dnn: registration.dnn?,
                smf_instance_id: registration.smf_instance_id,
                plmn_id: registration.plmn_id,
                single_nssai: Some(registration.single_nssai),
            };
            Some((registration.pdu_session_id, session))
        });
        let sessions: BTreeMap<_, _> = sessions.collect();
        Ok(UeContextInSmfData { pdu_sessions: (!sessions.is_empty()).then_some(sessions) })
    }

    async fn subscribe(&self, ue_id: Supi, body: SdmSubscription) -> Result<WithLocation<SdmSubscription>, Problem> {
        let kept = self.0.udr.create_sdm_subscription(&ue_id, &body).await.map_err(from_udr)?;
        let id = kept.location.rsplit('/').next().unwrap_or_default();
        let location = format!("{}{}/{ue_id}/sdm-subscriptions/{id}", self.0.api_root, nudm_sdm::ROOT);
        Ok(WithLocation { location, body: kept.body })
    }

    async fn unsubscribe(&self, ue_id: Supi, subscription_id: String) -> Result<(), Problem> {
        self.0.udr.delete_sdm_subscription(&ue_id, &subscription_id).await.map_err(from_udr)
    }
}
