//! Nudr_DataRepository over a [`Store`] (TS 29.504 5.2, resources of TS 29.505 5.2).

use std::sync::Arc;

use aka::Sqn;
use bytes::Bytes;
use http::StatusCode;
use sbi_api::nudr_dr::{NudrDrServer, ROOT};
use sbi_api::{ApiRoot, Problem, Stored, WithLocation};
use sbi_models::nrf::{PatchItem, PatchOperation};
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, Amf3GppAccessRegistration, AuthEvent, AuthType, SdmSubscription,
    SessionManagementSubscriptionData, SmfRegistration, SmfSelectionSubscriptionData,
};
use sbi_models::udr::{
    AuthenticationSubscription, ProvisionedSmDataQuery, SQN_POINTER, SequenceNumber, SmfRegList, SqnScheme, VarPlmnId,
};
use sbi_models::{PduSessionId, Supi};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{ContextItem, Store, StoreError};

/// Subscriptions to changes that one subscriber's data can have.
const MAX_SDM_SUBSCRIPTIONS: usize = 32;

/// The service's answers, out of a store.
pub struct DataRepository<S> {
    store: Arc<S>,
    root: ApiRoot,
}

impl<S: Store> DataRepository<S> {
    /// Answers from `store`; `root` is where the resources' URIs begin.
    pub fn new(store: Arc<S>, root: ApiRoot) -> Self {
        Self { store, root }
    }

    fn location(&self, supi: &Supi, resource: std::fmt::Arguments<'_>) -> String {
        format!("{}{ROOT}/subscription-data/{supi}/context-data/{resource}", self.root)
    }

    async fn read<T: DeserializeOwned>(&self, supi: &Supi, item: ContextItem) -> Result<Option<T>, Problem> {
        self.store.context(supi, item).await.map_err(problem)?.map(|json| parse(&json)).transpose()
    }

    async fn read_existing<T: DeserializeOwned>(&self, supi: &Supi, item: ContextItem) -> Result<T, Problem> {
        self.read(supi, item).await?.ok_or_else(|| no_data(supi))
    }

    async fn write<T: Serialize>(&self, supi: &Supi, item: ContextItem, value: &T) -> Result<bool, Problem> {
        let json = serde_json::to_vec(value).map_err(Problem::internal)?;
        self.store.set_context(supi, item, Some(Bytes::from(json))).await.map_err(problem)
    }

    async fn delete(&self, supi: &Supi, item: ContextItem) -> Result<(), Problem> {
        match self.store.set_context(supi, item, None).await.map_err(problem)? {
            true => Ok(()),
            false => Err(no_data(supi)),
        }
    }

    async fn sdm_list(&self, supi: &Supi) -> Result<Vec<SdmSubscription>, Problem> {
        Ok(self.read(supi, ContextItem::SdmSubscriptions).await?.unwrap_or_default())
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(json).map_err(|why| Problem::internal(format_args!("stored data cannot be read: {why}")))
}

fn no_data(supi: &Supi) -> Problem {
    Problem::not_found("DATA_NOT_FOUND", format_args!("{supi} has no such data"))
}

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::NoSubscriber(_) => Problem::not_found("USER_NOT_FOUND", error),
        StoreError::SqnConflict { .. } => Problem::forbidden("MODIFICATION_NOT_ALLOWED", error),
        StoreError::Exists(_) | StoreError::Invalid { .. } => {
            Problem::new(StatusCode::BAD_REQUEST, "UNSPECIFIED_MSG_FAILURE", error)
        }
        StoreError::File { .. } | StoreError::Failed(_) => {
            tracing::error!("{error}");
            Problem::internal("the subscriber store failed")
        }
    }
}

/// The SQN a patch sets, and the one it takes for granted.
struct SqnPatch {
    tested: Option<Sqn>,
    to: Sqn,
}

impl SqnPatch {
    fn read(patch: &[PatchItem]) -> Result<Self, Problem> {
        let (mut tested, mut to) = (None, None);
        for item in patch {
            let target = match item.op {
                PatchOperation::Test => &mut tested,
                PatchOperation::Replace | PatchOperation::Add => &mut to,
                _ => return Err(not_modifiable(&item.path)),
            };
            *target = Some(sqn_of(item)?);
        }
        let to = to.ok_or_else(|| Problem::incorrect("patch", "nothing is replaced"))?;
        Ok(Self { tested, to })
    }
}

fn not_modifiable(path: &str) -> Problem {
    Problem::forbidden("MODIFICATION_NOT_ALLOWED", format_args!("'{path}' cannot be modified"))
}

/// The SQN in a patch of it or of the sequence number as a whole.
fn sqn_of(item: &PatchItem) -> Result<Sqn, Problem> {
    let value = match item.path.as_str() {
        SQN_POINTER => item.value.as_ref(),
        "/sequenceNumber" => item.value.as_ref().and_then(|value| value.get("sqn")),
        other => return Err(not_modifiable(other)),
    };
    let digits = value.and_then(|value| value.as_str()).unwrap_or_default();
    Sqn::from_hex(digits).map_err(|why| Problem::incorrect(SQN_POINTER, why))
}

/// Applies a patch of an AMF's registration (TS 29.505 5.2.12.3.2).
fn patch_registration(registration: &mut Amf3GppAccessRegistration, patch: &[PatchItem]) -> Result<(), Problem> {
    for item in patch {
        let value = match item.op {
            PatchOperation::Add | PatchOperation::Replace => item.value.clone().unwrap_or_default(),
            PatchOperation::Remove => serde_json::Value::Null,
            _ => return Err(not_modifiable(&item.path)),
        };
        let wrong = |why: serde_json::Error| Problem::incorrect(&item.path, why);
        match item.path.as_str() {
            "/purgeFlag" => registration.purge_flag = serde_json::from_value(value).map_err(wrong)?,
            "/pei" => registration.pei = serde_json::from_value(value).map_err(wrong)?,
            other => return Err(not_modifiable(other)),
        }
    }
    Ok(())
}

impl<S: Store> NudrDrServer for DataRepository<S> {
    async fn authentication_subscription(&self, ue_id: Supi) -> Result<AuthenticationSubscription, Problem> {
        let keys = self.store.keys(&ue_id).await.map_err(problem)?;
        Ok(AuthenticationSubscription {
            authentication_method: AuthType::FiveGAka,
            enc_permanent_key: keys.k,
            enc_opc_key: keys.opc,
            authentication_management_field: keys.amf,
            algorithm_id: Some("milenage".into()),
            sequence_number: SequenceNumber {
                sqn_scheme: Some(SqnScheme::NonTimeBased),
                sqn: keys.sqn,
                ind_length: Some(5),
            },
        })
    }

    async fn modify_authentication_subscription(&self, ue_id: Supi, body: Vec<PatchItem>) -> Result<(), Problem> {
        let patch = SqnPatch::read(&body)?;
        self.store.advance_sqn(&ue_id, patch.tested, patch.to).await.map_err(problem)
    }

    async fn put_authentication_status(&self, ue_id: Supi, body: AuthEvent) -> Result<(), Problem> {
        self.write(&ue_id, ContextItem::AuthenticationStatus, &body).await.map(drop)
    }

    async fn authentication_status(&self, ue_id: Supi) -> Result<AuthEvent, Problem> {
        self.read_existing(&ue_id, ContextItem::AuthenticationStatus).await
    }

    async fn delete_authentication_status(&self, ue_id: Supi) -> Result<(), Problem> {
        self.delete(&ue_id, ContextItem::AuthenticationStatus).await
    }

    async fn am_data(&self, ue_id: Supi, _: VarPlmnId) -> Result<AccessAndMobilitySubscriptionData, Problem> {
        self.store.profile(&ue_id).await.map(|profile| profile.am_data()).map_err(problem)
    }

    async fn smf_selection_data(&self, ue_id: Supi, _: VarPlmnId) -> Result<SmfSelectionSubscriptionData, Problem> {
        self.store.profile(&ue_id).await.map(|profile| profile.smf_selection_data()).map_err(problem)
    }

    async fn sm_data(
        &self,
        ue_id: Supi,
        _: VarPlmnId,
        query: ProvisionedSmDataQuery,
    ) -> Result<Vec<SessionManagementSubscriptionData>, Problem> {
        let profile = self.store.profile(&ue_id).await.map_err(problem)?;
        let data = profile.sm_data(query.single_nssai, query.dnn.as_ref());
        if data.is_empty() { Err(no_data(&ue_id)) } else { Ok(data) }
    }

    async fn put_amf_registration(
        &self,
        ue_id: Supi,
        body: Amf3GppAccessRegistration,
    ) -> Result<Stored<Amf3GppAccessRegistration>, Problem> {
        let replaced = self.write(&ue_id, ContextItem::AmfRegistration, &body).await?;
        let location = (!replaced).then(|| self.location(&ue_id, format_args!("amf-3gpp-access")));
        Ok(Stored { body: location.is_some().then_some(body), location })
    }

    async fn amf_registration(&self, ue_id: Supi) -> Result<Amf3GppAccessRegistration, Problem> {
        self.read_existing(&ue_id, ContextItem::AmfRegistration).await
    }

    async fn modify_amf_registration(&self, ue_id: Supi, body: Vec<PatchItem>) -> Result<(), Problem> {
        let mut registration = self.amf_registration(ue_id.clone()).await?;
        patch_registration(&mut registration, &body)?;
        self.write(&ue_id, ContextItem::AmfRegistration, &registration).await.map(drop)
    }

    async fn smf_registrations(&self, ue_id: Supi) -> Result<SmfRegList, Problem> {
        let rows = self.store.smf_registrations(&ue_id).await.map_err(problem)?;
        rows.iter().map(|json| parse(json)).collect()
    }

    async fn put_smf_registration(
        &self,
        ue_id: Supi,
        pdu_session_id: PduSessionId,
        body: SmfRegistration,
    ) -> Result<Stored<SmfRegistration>, Problem> {
        let replaced = self.write(&ue_id, ContextItem::SmfRegistration(pdu_session_id), &body).await?;
        let location = || self.location(&ue_id, format_args!("smf-registrations/{pdu_session_id}"));
        let location = (!replaced).then(location);
        Ok(Stored { body: location.is_some().then_some(body), location })
    }

    async fn smf_registration(&self, ue_id: Supi, pdu_session_id: PduSessionId) -> Result<SmfRegistration, Problem> {
        self.read_existing(&ue_id, ContextItem::SmfRegistration(pdu_session_id)).await
    }

    async fn delete_smf_registration(&self, ue_id: Supi, pdu_session_id: PduSessionId) -> Result<(), Problem> {
        self.delete(&ue_id, ContextItem::SmfRegistration(pdu_session_id)).await
    }

    async fn create_sdm_subscription(
        &self,
        ue_id: Supi,
        mut body: SdmSubscription,
    ) -> Result<WithLocation<SdmSubscription>, Problem> {
        let mut list = self.sdm_list(&ue_id).await?;
        // One NF instance has one subscription for the same data: the new one replaces it.
        list.retain(|own| {
            (own.nf_instance_id, &own.callback_reference) != (body.nf_instance_id, &body.callback_reference)
                || own.monitored_resource_uris != body.monitored_resource_uris
        });
        if list.len() >= MAX_SDM_SUBSCRIPTIONS {
            list.remove(0); // the oldest: its NF is long gone, or subscribes without end
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let location = self.location(&ue_id, format_args!("sdm-subscriptions/{id}"));
        body.subscription_id = Some(id);
        list.push(body.clone());
        self.write(&ue_id, ContextItem::SdmSubscriptions, &list).await?;
        Ok(WithLocation { location, body })
    }

    async fn sdm_subscriptions(&self, ue_id: Supi) -> Result<Vec<SdmSubscription>, Problem> {
        self.sdm_list(&ue_id).await
    }

    async fn delete_sdm_subscription(&self, ue_id: Supi, subs_id: String) -> Result<(), Problem> {
        let mut list = self.sdm_list(&ue_id).await?;
        let before = list.len();
        list.retain(|own| own.subscription_id.as_deref() != Some(subs_id.as_str()));
        if list.len() == before {
            return Err(Problem::not_found(
                "SUBSCRIPTION_NOT_FOUND",
                format_args!("{ue_id} has no subscription {subs_id}"),
            ));
        }
        self.write(&ue_id, ContextItem::SdmSubscriptions, &list).await.map(drop)
    }
}
