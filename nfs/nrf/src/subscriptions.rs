//! Who wants to hear of NFs' coming and going (TS 29.510 5.2.2.5).

use std::collections::HashMap;

use sbi_api::{ApiRoot, Problem};
use sbi_models::nrf::{NfProfile, NotificationEventType, SubscrCond, SubscriptionData};
use uuid::Uuid;

/// The subscriptions by their id.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_id: HashMap<String, SubscriptionData>,
}

impl Subscriptions {
    /// Adds one; the same again of the same NF takes the place of the old one. Returns it with its id.
    ///
    /// # Errors
    /// 400 for a URI that is not one, 500 when there are `most` already.
    pub(crate) fn add(&mut self, mut wanted: SubscriptionData, most: usize) -> Result<SubscriptionData, Problem> {
        let uri = &wanted.nf_status_notification_uri;
        ApiRoot::split(uri).map_err(|why| Problem::incorrect("nfStatusNotificationUri", why))?;
        let same = |known: &SubscriptionData| {
            known.nf_status_notification_uri == *uri && known.subscr_cond == wanted.subscr_cond
        };
        self.by_id.retain(|_, known| !same(known));
        if self.by_id.len() >= most {
            let why = format!("{most} subscriptions are the most (nrf.max_subscriptions)");
            return Err(Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "INSUFFICIENT_RESOURCES", why));
        }
        let id = Uuid::new_v4().to_string();
        wanted.subscription_id = Some(id.clone());
        self.by_id.insert(id, wanted.clone());
        Ok(wanted)
    }

    /// Whether there is such a subscription.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Ends one.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.by_id.remove(id).is_some()
    }

    /// Ends those of an instance that is gone.
    pub(crate) fn remove_of(&mut self, instance: Uuid) {
        self.by_id.retain(|_, known| known.req_nf_instance_id != Some(instance));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Where to tell of an event that happened to an NF. An NF is not told of itself.
    pub(crate) fn concerned(&self, event: &NotificationEventType, profile: &NfProfile) -> Vec<String> {
        let wanted = |known: &&SubscriptionData| {
            known.req_nf_instance_id != Some(profile.nf_instance_id)
                && known.req_notif_events.as_ref().is_none_or(|events| events.contains(event))
                && known.subscr_cond.as_ref().is_none_or(|condition| concerns(condition, profile))
        };
        self.by_id.values().filter(wanted).map(|known| known.nf_status_notification_uri.clone()).collect()
    }
}

fn concerns(condition: &SubscrCond, profile: &NfProfile) -> bool {
    let mut services = profile.nf_services.iter().flatten();
    condition.nf_instance_id.is_none_or(|id| id == profile.nf_instance_id)
        && condition.nf_type.as_ref().is_none_or(|nf_type| *nf_type == profile.nf_type)
        && condition.service_name.as_ref().is_none_or(|name| services.any(|service| service.service_name == *name))
}
