//! What is known of other NFs: results of discovery as long as they hold, and which instances failed of late.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sbi_api::ServiceQuery;
use sbi_models::nrf::{NfStatus, NotificationData, NotificationEventType, SearchResult, ServiceName};
use sbi_transport::Endpoint;
use uuid::Uuid;

use super::reach::{Reach, address_of};

/// How long a result holds that says nothing about it (TS 29.510 6.2.6.2.2).
const DEFAULT_VALIDITY: Duration = Duration::from_secs(10);

/// How long an instance that failed is tried last, and an NRF that failed is not asked.
const REST: Duration = Duration::from_secs(1);

/// An instance that offers a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// `nfInstanceId`.
    pub(crate) id: Uuid,
    /// Host and port.
    pub(crate) authority: String,
    /// Where it is reached, the preferred first.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Whether requests have to come with a token.
    pub(crate) needs_token: bool,
    /// Lower is preferred.
    priority: u16,
}

/// What is known about a service.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// Its instances, in the order to try.
    Fresh(Vec<Arc<Instance>>),
    /// Its instances when the NRF was asked last: good enough if it does not answer.
    Stale(Vec<Arc<Instance>>),
    /// Nothing.
    Unknown,
}

/// Results of discovery.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    services: HashMap<ServiceQuery, Known>,
    failed: HashMap<Uuid, Instant>,
    turn: usize,
}

#[derive(Debug)]
struct Known {
    instances: Vec<Arc<Instance>>,
    fresh_until: Instant,
}

impl Directory {
    /// What is known about the service at this time.
    pub(crate) fn lookup(&mut self, now: Instant, query: &ServiceQuery) -> Lookup {
        self.failed.retain(|_, until| *until > now);
        let Some(known) = self.services.get(query) else { return Lookup::Unknown };
        self.turn = self.turn.wrapping_add(1);
        let ordered = in_order(&known.instances, &self.failed, self.turn);
        if known.fresh_until > now { Lookup::Fresh(ordered) } else { Lookup::Stale(ordered) }
    }

    /// Takes what the NRF found. A result without a usable instance is not kept: the next call asks again.
    pub(crate) fn store(&mut self, now: Instant, query: &ServiceQuery, found: &SearchResult, reach: &Reach) {
        let instances = usable(found, &query.service, reach);
        if instances.is_empty() {
            self.services.remove(query);
            return;
        }
        let validity = found.validity_period.map_or(DEFAULT_VALIDITY, |seconds| Duration::from_secs(seconds.into()));
        self.services.insert(query.clone(), Known { instances, fresh_until: now + validity });
    }

    /// The NRF does not answer: what it said last is taken for good for a moment, so that not every call waits for it.
    pub(crate) fn nrf_failed(&mut self, now: Instant, query: &ServiceQuery) {
        if let Some(known) = self.services.get_mut(query) {
            known.fresh_until = now + REST;
        }
    }

    /// An instance did not answer: for a moment it comes last, and the next call asks the NRF again.
    pub(crate) fn instance_failed(&mut self, now: Instant, query: &ServiceQuery, id: Uuid) {
        self.failed.insert(id, now + REST);
        if let Some(known) = self.services.get_mut(query) {
            known.fresh_until = now;
        }
    }

    /// The NRF says that an instance came, changed or went: what it told before is no longer fresh. A gone one is dropped.
    pub(crate) fn handle_notification(&mut self, now: Instant, notification: &NotificationData) {
        if notification.event == NotificationEventType::Deregistered {
            let id = notification.nf_instance_uri.rsplit('/').next().and_then(|id| Uuid::parse_str(id).ok());
            for known in self.services.values_mut() {
                known.instances.retain(|instance| Some(instance.id) != id);
            }
            self.services.retain(|_, known| !known.instances.is_empty());
            return;
        }
        let nf_type = notification.nf_profile.as_ref().map(|profile| &profile.nf_type);
        for (query, known) in &mut self.services {
            if nf_type.is_none_or(|nf_type| *nf_type == query.nf_type) {
                known.fresh_until = now;
            }
        }
    }

    /// Nothing known is fresh any more, as when the NRF started anew and our subscription with it.
    pub(crate) fn expire_all(&mut self, now: Instant) {
        self.services.values_mut().for_each(|known| known.fresh_until = now);
    }
}

/// The instances of a result that can be used and reached.
fn usable(found: &SearchResult, name: &ServiceName, reach: &Reach) -> Vec<Arc<Instance>> {
    let registered = found.nf_instances.iter().filter(|profile| profile.nf_status == NfStatus::Registered);
    let reachable = registered.filter_map(|profile| {
        let service = reach.service(profile, name)?;
        let endpoints = reach.of_service(profile, service);
        let authority = address_of(profile, service)?.to_string();
        let priority = service.priority.or(profile.priority).unwrap_or(0);
        let needs_token = service.oauth2_required.unwrap_or(true);
        let instance = Instance { id: profile.nf_instance_id, authority, endpoints, needs_token, priority };
        (!instance.endpoints.is_empty()).then(|| Arc::new(instance))
    });
    reachable.collect()
}

/// By priority, those that failed of late last; equals take turns.
fn in_order(instances: &[Arc<Instance>], failed: &HashMap<Uuid, Instant>, turn: usize) -> Vec<Arc<Instance>> {
    let mut ordered = instances.to_vec();
    if let Some(first) = turn.checked_rem(ordered.len()) {
        ordered.rotate_left(first);
    }
    ordered.sort_by_key(|instance| (failed.contains_key(&instance.id), instance.priority));
    ordered
}

#[cfg(test)]
#[path = "directory_tests.rs"]
pub(super) mod tests;
