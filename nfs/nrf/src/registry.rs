//! The NRF's state: which NFs are there and alive, who is to be told of changes. Time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use http::StatusCode;
use sbi_api::{ApiRoot, Problem};
use sbi_models::PlmnId;
use sbi_models::nrf::{
    AccessTokenClaims, AccessTokenReq, NfProfile, NfStatus, NotificationData, NotificationEventType, PatchItem,
    SearchQuery, SearchResult, SubscriptionData,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Config;
use crate::access_token;
use crate::bounds::check;
use crate::matching::{matches, narrowed};
use crate::patch::patched;
use crate::subscriptions::Subscriptions;

/// Instances in one result of discovery.
const MOST_FOUND: usize = 64;

/// Notifications waiting to be sent; beyond, new ones are dropped: results of discovery expire anyway.
const MOST_WAITING: usize = 4_096;

/// A notification to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Where to.
    pub uri: String,
    /// What it says.
    pub data: NotificationData,
}

/// The NFs and the subscriptions.
#[derive(Debug)]
pub struct Registry {
    config: Config,
    instances: HashMap<Uuid, Instance>,
    subscriptions: Subscriptions,
    outbox: VecDeque<Notification>,
}

#[derive(Debug)]
struct Instance {
    profile: NfProfile,
    /// Its URI, for notifications.
    uri: String,
    /// When it is suspended or, suspended already, forgotten.
    deadline: Instant,
}

impl Registry {
    /// A registry that knows nobody.
    pub fn new(config: Config) -> Self {
        Self { config, instances: HashMap::new(), subscriptions: Subscriptions::default(), outbox: VecDeque::new() }
    }

    /// NFRegister (TS 29.510 5.2.2.2). Returns the profile with the heartbeat timer that holds, and whether it is new.
    ///
    /// An older instance of the type that serves at the same address has been taken over by this one and is forgotten.
    ///
    /// # Errors
    /// 400 for a profile that is not acceptable, 500 when the registry is full.
    pub fn handle_register(
        &mut self,
        now: Instant,
        id: Uuid,
        mut profile: NfProfile,
        root: &ApiRoot,
    ) -> Result<(NfProfile, bool), Problem> {
        check(id, &profile)?;
        for taken_over in self.taken_over_by(&profile) {
            self.forget(taken_over);
        }
        let created = !self.instances.contains_key(&id);
        if created && self.instances.len() >= self.config.max_instances {
            let why = format!("{} instances are the most (nrf.max_instances)", self.config.max_instances);
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INSUFFICIENT_RESOURCES", why));
        }
        profile.heart_beat_timer = Some(self.config.heartbeat_seconds);
        profile.nf_status = NfStatus::Registered;
        let instance =
            Instance { profile: profile.clone(), uri: instance_uri(root, id), deadline: now + self.patience() };
        self.instances.insert(id, instance);
        self.tell(if created { NotificationEventType::Registered } else { NotificationEventType::ProfileChanged }, id);
        Ok((profile, created))
    }

    /// NFUpdate (TS 29.510 5.2.2.3): a heartbeat, or some attributes change.
    ///
    /// # Errors
    /// 404 for an unknown instance, 400 for a change that is not possible.
    pub fn handle_update(&mut self, now: Instant, id: Uuid, items: &[PatchItem]) -> Result<(), Problem> {
        let patience = self.patience();
        let instance = self.instances.get_mut(&id).ok_or_else(|| unknown(id))?;
        let before = (instance.profile.nf_status.clone(), instance.profile.load);
        let is_heartbeat = heartbeat(&mut instance.profile, items);
        if !is_heartbeat {
            let profile = patched(&instance.profile, items)?;
            check(id, &profile)?;
            if profile.nf_type != instance.profile.nf_type {
                return Err(Problem::incorrect("nfType", "cannot change"));
            }
            instance.profile = profile;
        }
        instance.deadline = now + patience;
        if !is_heartbeat || before.0 != instance.profile.nf_status {
            self.tell(NotificationEventType::ProfileChanged, id);
        }
        Ok(())
    }

    /// NFDeregister (TS 29.510 5.2.2.4).
    ///
    /// # Errors
    /// 404 for an unknown instance.
    pub fn handle_deregister(&mut self, id: Uuid) -> Result<(), Problem> {
        match self.forget(id) {
            true => Ok(()),
            false => Err(unknown(id)),
        }
    }

    /// NFProfileRetrieval (TS 29.510 5.2.2.9).
    ///
    /// # Errors
    /// 404 for an unknown instance.
    pub fn profile(&self, id: Uuid) -> Result<NfProfile, Problem> {
        self.instances.get(&id).map(|instance| instance.profile.clone()).ok_or_else(|| unknown(id))
    }

    /// NFDiscover (TS 29.510 5.3.2.2): the preferred first.
    pub fn search(&self, query: &SearchQuery, home: PlmnId) -> SearchResult {
        let all = self.instances.values().map(|instance| &instance.profile);
        let mut found: Vec<&NfProfile> = all.filter(|profile| matches(profile, query, home)).collect();
        found.sort_by_key(|profile| {
            let elsewhere = query.preferred_locality.is_some() && profile.locality != query.preferred_locality;
            (elsewhere, profile.priority.unwrap_or(0), profile.load.unwrap_or(0), profile.nf_instance_id)
        });
        let nf_instances = found.into_iter().take(MOST_FOUND).map(|profile| narrowed(profile, query)).collect();
        SearchResult { validity_period: Some(self.config.validity_seconds), nf_instances }
    }

    /// What a token for this request says (TS 29.510 5.4.2.2).
    ///
    /// # Errors
    /// 400 as OAuth 2.0 has it.
    pub fn claims(&self, request: &AccessTokenReq, issuer: Uuid, expires: u64) -> Result<AccessTokenClaims, Problem> {
        let consumer = self.instances.get(&request.nf_instance_id).map(|instance| &instance.profile);
        let all: Vec<&NfProfile> = self.instances.values().map(|instance| &instance.profile).collect();
        access_token::claims(request, issuer, expires, consumer, &all)
    }

    /// NFStatusSubscribe (TS 29.510 5.2.2.5).
    ///
    /// # Errors
    /// 400 for a URI that is not one, 500 when there are too many.
    pub fn handle_subscribe(&mut self, wanted: SubscriptionData) -> Result<SubscriptionData, Problem> {
        self.subscriptions.add(wanted, self.config.max_subscriptions)
    }

    /// Whether there is such a subscription.
    pub fn has_subscription(&self, id: &str) -> bool {
        self.subscriptions.contains(id)
    }

    /// NFStatusUnsubscribe (TS 29.510 5.2.2.7); whether there was one.
    pub fn handle_unsubscribe(&mut self, id: &str) -> bool {
        self.subscriptions.remove(id)
    }

    /// Suspends those whose heartbeats are missing, and forgets those that have been suspended for long. If this comes late,
    /// it was we who were not running (stopped, the machine asleep): then everyone is given time to be heard again.
    pub fn handle_timeout(&mut self, now: Instant) {
        let lateness = self.poll_timeout().map_or(Duration::ZERO, |deadline| now.saturating_duration_since(deadline));
        if lateness > self.patience() {
            let heard_until = now + self.patience();
            self.instances.values_mut().for_each(|instance| instance.deadline = instance.deadline.max(heard_until));
            return;
        }
        let due: Vec<Uuid> = self.instances.iter().filter(|(_, i)| i.deadline <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            if instance.profile.nf_status == NfStatus::Suspended {
                self.forget(id);
                continue;
            }
            tracing::warn!(
                "no heartbeat from {} {id}: it is not found any more until it is back",
                instance.profile.nf_type
            );
            instance.profile.nf_status = NfStatus::Suspended;
            instance.deadline = now + Duration::from_secs(self.config.forget_seconds.into());
            self.tell(NotificationEventType::ProfileChanged, id);
        }
    }

    /// When [`Registry::handle_timeout`] has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.instances.values().map(|instance| instance.deadline).min()
    }

    /// The next notification to send.
    pub fn poll_notification(&mut self) -> Option<Notification> {
        self.outbox.pop_front()
    }

    /// For the operator.
    pub fn status(&self) -> Value {
        let instance = |instance: &Instance| {
            let profile = &instance.profile;
            json!({"nf": profile.nf_type, "id": profile.nf_instance_id, "status": profile.nf_status, "load": profile.load})
        };
        json!({
            "instances": self.instances.values().map(instance).collect::<Vec<_>>(),
            "subscriptions": self.subscriptions.len(),
        })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.config.heartbeat_seconds.into()) * self.config.missed_heartbeats
    }

    fn taken_over_by(&self, profile: &NfProfile) -> Vec<Uuid> {
        let address = end_points(profile);
        let same_place = |other: &&Instance| {
            let other = &other.profile;
            other.nf_type == profile.nf_type
                && other.nf_instance_id != profile.nf_instance_id
                && end_points(other) == address
        };
        let others = self.instances.values().filter(|_| address.is_some());
        others.filter(same_place).map(|instance| instance.profile.nf_instance_id).collect()
    }

    fn forget(&mut self, id: Uuid) -> bool {
        self.tell(NotificationEventType::Deregistered, id);
        self.subscriptions.remove_of(id);
        self.instances.remove(&id).is_some()
    }

    fn tell(&mut self, event: NotificationEventType, id: Uuid) {
        let Some(Instance { profile, uri, .. }) = self.instances.get(&id) else { return };
        let gone = event == NotificationEventType::Deregistered;
        let nf_profile = (!gone).then(|| profile.clone());
        let data = NotificationData { event: event.clone(), nf_instance_uri: uri.clone(), nf_profile };
        let room = MOST_WAITING.saturating_sub(self.outbox.len());
        for uri in self.subscriptions.concerned(&event, profile).into_iter().take(room) {
            self.outbox.push_back(Notification { uri, data: data.clone() });
        }
    }
}

/// URI of an instance's resource.
pub(crate) fn instance_uri(root: &ApiRoot, id: Uuid) -> String {
    format!("{root}{}/nf-instances/{id}", sbi_api::nnrf_nfm::ROOT)
}

fn unknown(id: Uuid) -> Problem {
    Problem::not_found("CONTEXT_NOT_FOUND", format_args!("no NF instance {id} is registered"))
}

/// Where an NF serves, if it says so.
fn end_points(profile: &NfProfile) -> Option<Vec<&sbi_models::nrf::IpEndPoint>> {
    let services = profile.nf_services.as_ref()?;
    let all: Vec<_> = services.iter().filter_map(|service| service.ip_end_points.as_ref()).flatten().collect();
    (!all.is_empty()).then_some(all)
}

/// Takes a patch that only says "I am alive" without touching the rest of the profile; whether it was one.
fn heartbeat(profile: &mut NfProfile, items: &[PatchItem]) -> bool {
    let value = |item: &PatchItem| match (item.path.as_str(), item.value.as_ref()) {
        ("/nfStatus", Some(Value::String(status))) if status == NfStatus::Registered.as_str() => Some(None),
        ("/load", Some(value)) => {
            value.as_u64().and_then(|load| u8::try_from(load).ok()).filter(|load| *load <= 100).map(Some)
        }
        _ => None,
    };
    let changes: Option<Vec<Option<u8>>> = items.iter().map(value).collect();
    let Some(changes) = changes else { return false };
    profile.nf_status = NfStatus::Registered;
    profile.load = changes.into_iter().flatten().next_back().or(profile.load);
    true
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
