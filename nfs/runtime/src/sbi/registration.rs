//! Our own entry at the NRF: made, kept alive, taken out (TS 29.510 5.2.2.2 to 5.2.2.4), and the subscription to the others'.

use std::sync::Arc;
use std::time::Duration;

use sbi_api::nnrf_callback::status_uri;
use sbi_api::nnrf_nfm::NnrfNfm;
use sbi_api::{ApiRoot, SbiError};
use sbi_models::nrf::{NfProfile, NfType, PatchItem, SubscriptionData};
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

/// Pause after the first failed attempt to register; each next one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Seconds between heartbeats we propose, and those we bear from an NRF: 0 would be a flood.
const PROPOSED_TIMER: u32 = 1;

/// Our relation to the NRF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    /// It has not taken us in yet, or has forgotten us.
    NotYet,
    /// It knows us.
    Yes,
}

/// Who registers, and how others reach it.
pub(crate) struct Registration {
    /// The NRF's management service.
    pub(crate) nfm: NnrfNfm,
    /// Us.
    pub(crate) instance_id: Uuid,
    /// Our type.
    pub(crate) nf_type: NfType,
    /// Makes the profile to send.
    pub(crate) profile: Arc<dyn Fn() -> NfProfile + Send + Sync>,
    /// Where status notifications reach us; `None` for an NF without a service-based interface.
    pub(crate) callback: Option<ApiRoot>,
    /// Runs after each registration: what the NRF told before may be out of date.
    pub(crate) on_registered: Box<dyn Fn() + Send + Sync>,
    /// Told of each change.
    pub(crate) state: watch::Sender<Registered>,
}

impl Registration {
    /// Registers and keeps the entry alive, for ever; drop the future to stop.
    pub(crate) async fn keep(&self) {
        loop {
            let timer = self.register().await;
            self.state.send_replace(Registered::Yes);
            (self.on_registered)();
            self.subscribe().await;
            self.beat(timer).await;
            self.state.send_replace(Registered::NotYet);
        }
    }

    /// Takes our entry out, if it is in.
    pub(crate) async fn deregister(&self) {
        let registered = *self.state.borrow() == Registered::Yes;
        if !registered {
            return;
        }
        if let Err(error) = self.nfm.deregister(&self.instance_id).await {
            tracing::debug!("not deregistered: {error}");
        }
    }

    /// NFRegister, until the NRF takes it. Returns the heartbeat timer.
    async fn register(&self) -> Duration {
        let mut pause = FIRST_PAUSE;
        let mut told = None;
        loop {
            let mut profile = (self.profile)();
            profile.heart_beat_timer = Some(PROPOSED_TIMER);
            match self.nfm.register(&self.instance_id, &profile).await {
                Ok(stored) => {
                    tracing::info!("{} registered at the NRF", self.nf_type);
                    let seconds = stored.body.and_then(|profile| profile.heart_beat_timer).unwrap_or(PROPOSED_TIMER);
                    return Duration::from_secs(seconds.max(1).into());
                }
                Err(error) => self.tell_once(&mut told, &error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// An NRF that is not there yet is normal at start: said once, and again only when the reason changes in kind.
    fn tell_once(&self, told: &mut Option<bool>, error: &SbiError) {
        let absent = matches!(error, SbiError::Call(_));
        if told.replace(absent) != Some(absent) {
            match absent {
                true => tracing::info!("{} waits for the NRF ({error})", self.nf_type),
                false => tracing::error!("the NRF refuses to register {}: {error}", self.nf_type),
            }
        }
    }

    /// Heartbeats until the NRF says that it does not know us.
    async fn beat(&self, timer: Duration) {
        let mut reachable = true;
        loop {
            sleep(if reachable { timer } else { timer.min(LONGEST_PAUSE) }).await;
            let load = (self.profile)().load.unwrap_or(0);
            match self.nfm.update(&self.instance_id, &PatchItem::heartbeat(load)).await {
                Ok(_) => reachable = true,
                Err(error) if error.status() == Some(404) => {
                    tracing::info!("the NRF does not know us any more: {} registers again", self.nf_type);
                    return;
                }
                Err(error) => {
                    if reachable {
                        tracing::warn!("no heartbeat to the NRF: {error}; what it told last holds until it is back");
                    }
                    reachable = false;
                }
            }
        }
    }

    /// NFStatusSubscribe. Without it results of discovery only last for their validity, so a failure is no misfortune.
    async fn subscribe(&self) {
        let Some(root) = &self.callback else { return };
        let wanted = SubscriptionData {
            nf_status_notification_uri: status_uri(root),
            req_nf_instance_id: Some(self.instance_id),
            subscr_cond: None,
            subscription_id: None,
            validity_time: None,
            req_notif_events: None,
            plmn_id: None,
            req_nf_type: Some(self.nf_type.clone()),
        };
        if let Err(error) = self.nfm.subscribe(&wanted).await {
            tracing::warn!("the NRF will not tell us of changes: {error}");
        }
    }
}
