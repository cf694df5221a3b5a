//! What the SMF asks of the UDM: the session's subscription, and to be registered as its SMF.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use sbi_api::SbiError;
use sbi_models::udm::{SessionManagementSubscriptionData, SmDataQuery, SmfRegistration};
use sbi_models::{Ambr, Arp, BitRate, Dnn, PreemptionCapability, PreemptionVulnerability, Snssai, Supi};
use tokio::sync::watch;

use crate::Core;
use crate::pool::Fixed;
use crate::refusal::Refusal;
use crate::session::{Entry, Granted, Session, SessionKey};
use crate::session_type::Subscribed;

/// Nudm_SDM_Get of session management subscription data (23.502 5.2.3.3.2), for one data network in one slice.
pub(crate) async fn session_management_data(
    core: &Core,
    supi: &Supi,
    dnn: &Dnn,
    slice: Snssai,
) -> Result<Granted, Refusal> {
    let query = SmDataQuery { single_nssai: Some(slice), dnn: Some(dnn.clone()), ..SmDataQuery::default() };
    let subscriptions = core.sdm.sm_data(supi, &query).await.map_err(|error| match error.status() {
        Some(404) => Refusal::NotSubscribed(dnn.clone(), slice),
        _ => Refusal::Udm(error),
    })?;
    let mut granted = granted(&subscriptions, dnn, slice).ok_or_else(|| Refusal::NotSubscribed(dnn.clone(), slice))?;
    // Who had a network that UEs are in behind it could pass for them, and have what is theirs.
    let (of_ues, routes): (Vec<IpNet>, Vec<IpNet>) =
        granted.routes.iter().partition(|route| core.network.has_ues_in(route));
    for route in of_ues {
        tracing::warn!(%supi, %dnn, %route, "this framed route is passed over: UEs are given its addresses");
    }
    granted.routes = routes.into();
    Ok(granted)
}

fn granted(subscriptions: &[SessionManagementSubscriptionData], dnn: &Dnn, slice: Snssai) -> Option<Granted> {
    let in_slice = subscriptions.iter().filter(|data| data.single_nssai == slice);
    let configuration = in_slice.filter_map(|data| data.dnn_configurations.as_ref()).find_map(|configurations| {
        let named = configurations.iter().find(|(name, _)| name.eq_ignore_ascii_case(dnn.as_str()));
        named.map(|(_, configuration)| configuration).or_else(|| configurations.get(WILDCARD))
    })?;
    let profile = configuration.qos_profile.as_ref();
    Some(Granted {
        ambr: configuration.session_ambr.unwrap_or(DEFAULT_AMBR),
        five_qi: profile.map_or(DEFAULT_5QI, |profile| profile.five_qi),
        arp: profile.map_or_else(default_arp, |profile| profile.arp.clone()),
        types: Subscribed::read(&configuration.pdu_session_types),
        fixed: Fixed::read(configuration.static_ip_address.as_deref().unwrap_or_default()),
        routes: configuration.framed_routes().filter(|network| network.prefix_len() > 0).collect(),
    })
}

/// Stands for every data network (TS 23.003 9.2.1).
const WILDCARD: &str = "*";

/// Where the subscription says nothing of the rate.
const DEFAULT_AMBR: Ambr = Ambr { uplink: BitRate(1_000_000_000), downlink: BitRate(1_000_000_000) };

/// Best effort (23.501 table 5.7.4-1).
const DEFAULT_5QI: u8 = 9;

fn default_arp() -> Arp {
    Arp {
        priority_level: 8,
        preempt_cap: PreemptionCapability::NotPreempt,
        preempt_vuln: PreemptionVulnerability::NotPreemptable,
    }
}

/// Sessions whose deregistration is under way at the UDM, which knows a session by its identity alone: one of the same
/// identity that registers meanwhile would be deregistered in its place.
#[derive(Clone, Default)]
pub(crate) struct Leaving(Arc<Mutex<HashMap<SessionKey, watch::Receiver<()>>>>);

impl Leaving {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionKey, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no session of this identity is being deregistered.
    async fn gone(&self, key: &SessionKey) {
        let left = self.sessions().get(key).cloned();
        if let Some(mut left) = left {
            // Nothing is ever sent: the sender's end is the news.
            let _ = left.changed().await;
        }
    }
}

/// Nudm_UECM_Registration (23.502 5.2.3.2.1) as the session's SMF, after the deregistration of one before it.
pub(crate) async fn register(core: &Core, entry: &Entry, session: &Session) -> Result<(), Refusal> {
    core.leaving.gone(&entry.key).await;
    let registration = SmfRegistration {
        smf_instance_id: core.instance_id,
        pdu_session_id: entry.key.id,
        single_nssai: session.slice,
        dnn: Some(session.dnn.clone()),
        plmn_id: core.network.plmn,
        dereg_callback_uri: None,
        emergency_services: None,
        registration_time: None,
        supported_features: None,
    };
    let registered = core.uecm.register_smf(&entry.key.supi, &entry.key.id, &registration).await;
    registered.map(drop).map_err(Refusal::Udm)
}

/// Nudm_UECM_Deregistration (23.502 5.2.3.2.2), in the background: nothing waits for it but the next session of this identity.
pub(crate) fn deregister(core: &Core, entry: &Entry) {
    let (uecm, key, leaving) = (core.uecm.clone(), entry.key.clone(), core.leaving.clone());
    let (done, left) = watch::channel(());
    leaving.sessions().insert(key.clone(), left);
    tokio::spawn(async move {
        let outcome: Result<(), SbiError> = uecm.deregister_smf(&key.supi, &key.id).await;
        leaving.sessions().remove(&key);
        drop(done);
        if let Err(error) = outcome {
            tracing::debug!(%error, supi = %key.supi, "the UDM did not take the deregistration");
        }
    });
}
