//! The NRF's services over its registry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use runtime::Metrics;
use sbi_api::nnrf_disc::NnrfDiscServer;
use sbi_api::nnrf_nfm::NnrfNfmServer;
use sbi_api::nnrf_oauth2::NnrfOauth2Server;
use sbi_api::{ApiRoot, Caller, Problem, Stored, WithLocation};
use sbi_models::PlmnId;
use sbi_models::nrf::{
    AccessTokenReq, AccessTokenRsp, JwkSet, NfProfile, PatchItem, SearchQuery, SearchResult, SubscriptionData,
};
use sbi_token::Signer;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::registry::{Notification, instance_uri};
use crate::{Registry, access_token};

/// Answers requests, and wakes the tasks that watch heartbeats and notify.
pub(crate) struct Server {
    registry: Mutex<Registry>,
    home: PlmnId,
    root: ApiRoot,
    pub(crate) caller: Arc<dyn Caller>,
    changed: Notify,
    pub(crate) to_tell: Notify,
    issuer: Issuer,
}

/// What it takes to give out tokens.
pub(crate) struct Issuer {
    /// Signs them.
    pub(crate) signer: Signer,
    /// `iss`: this NRF.
    pub(crate) instance_id: Uuid,
    /// Seconds they are good for.
    pub(crate) lifetime: u64,
    /// Counts what was asked for and what was refused.
    pub(crate) metrics: Metrics,
}

impl Server {
    pub(crate) fn new(
        registry: Registry,
        home: PlmnId,
        root: ApiRoot,
        caller: Arc<dyn Caller>,
        issuer: Issuer,
    ) -> Self {
        let registry = Mutex::new(registry);
        Self { registry, home, root, caller, changed: Notify::new(), to_tell: Notify::new(), issuer }
    }

    /// For the operator.
    pub(crate) fn status(&self) -> serde_json::Value {
        self.registry().status()
    }

    /// The next notification to send.
    pub(crate) fn next_notification(&self) -> Option<Notification> {
        self.registry().poll_notification()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the registry, then has what follows from the change done.
    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let outcome = change(&mut self.registry());
        self.changed.notify_one();
        self.to_tell.notify_one();
        outcome
    }
}

/// Runs for ever: suspends and forgets NFs whose heartbeats are missing.
pub(crate) async fn watch_heartbeats(server: Arc<Server>) {
    loop {
        let next = server.registry().poll_timeout();
        match next {
            // A heartbeat only moves a deadline away, so it need not wake this task.
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => server.changed.notified().await,
        }
        server.registry().handle_timeout(Instant::now());
        server.to_tell.notify_one();
    }
}

impl NnrfNfmServer for Server {
    async fn register(&self, id: Uuid, profile: NfProfile) -> Result<Stored<NfProfile>, Problem> {
        let nf_type = profile.nf_type.clone();
        let (profile, created) =
            self.change(|registry| registry.handle_register(Instant::now(), id, profile, &self.root))?;
        if !created {
            return Ok(Stored::replaced(profile));
        }
        tracing::info!("{nf_type} {id} registered");
        Ok(Stored::created(instance_uri(&self.root, id), profile))
    }

    async fn update(&self, id: Uuid, items: Vec<PatchItem>) -> Result<Option<NfProfile>, Problem> {
        self.registry().handle_update(Instant::now(), id, &items)?;
        self.to_tell.notify_one();
        Ok(None)
    }

    async fn deregister(&self, id: Uuid) -> Result<(), Problem> {
        let profile = self.registry().profile(id)?;
        self.change(|registry| registry.handle_deregister(id))?;
        tracing::info!("{} {id} deregistered", profile.nf_type);
        Ok(())
    }

    async fn profile(&self, id: Uuid) -> Result<NfProfile, Problem> {
        self.registry().profile(id)
    }

    async fn subscribe(&self, wanted: SubscriptionData) -> Result<WithLocation<SubscriptionData>, Problem> {
        let body = self.registry().handle_subscribe(wanted)?;
        let id = body.subscription_id.as_deref().unwrap_or_default();
        Ok(WithLocation { location: format!("{}{}/subscriptions/{id}", self.root, sbi_api::nnrf_nfm::ROOT), body })
    }

    /// Subscriptions last as long as their NF, so there is nothing to prolong.
    async fn prolong(&self, id: String, _items: Vec<PatchItem>) -> Result<Option<SubscriptionData>, Problem> {
        match self.registry().has_subscription(&id) {
            true => Ok(None),
            false => Err(Problem::not_found("SUBSCRIPTION_NOT_FOUND", "no such subscription")),
        }
    }

    async fn unsubscribe(&self, id: String) -> Result<(), Problem> {
        match self.registry().handle_unsubscribe(&id) {
            true => Ok(()),
            false => Err(Problem::not_found("SUBSCRIPTION_NOT_FOUND", "no such subscription")),
        }
    }
}

impl NnrfDiscServer for Server {
    async fn search(&self, query: SearchQuery) -> Result<SearchResult, Problem> {
        Ok(self.registry().search(&query, self.home))
    }
}

impl NnrfOauth2Server for Server {
    async fn access_token(&self, request: AccessTokenReq) -> Result<AccessTokenRsp, Problem> {
        let Issuer { signer, instance_id, lifetime, metrics } = &self.issuer;
        let timed = metrics.procedure("access_token");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = self.registry().claims(&request, *instance_id, now + lifetime);
        let claims = match claims {
            Ok(claims) => claims,
            Err(refusal) => {
                timed.finish(access_token::label(&refusal));
                return Err(refusal);
            }
        };
        let access_token = signer.sign(&claims).map_err(Problem::internal)?;
        timed.finish("success");
        Ok(AccessTokenRsp { access_token, token_type: "Bearer".into(), expires_in: Some(*lifetime), scope: None })
    }

    async fn keys(&self) -> Result<JwkSet, Problem> {
        Ok(self.issuer.signer.public_keys())
    }
}
