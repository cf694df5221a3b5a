//! The network repository function (TS 29.510): NFs register here, keep their entry alive, and find each other.
//!
//! It also gives access tokens to those who are registered. Nothing but the key for these is kept on disk: after a restart every
//! NF registers again with its next heartbeat.

mod access_token;
mod bounds;
mod matching;
mod notifying;
mod patch;
mod registry;
mod server;
mod signing_key;
mod subscriptions;

use std::sync::Arc;

use runtime::{Context, NetworkFunction, OfferedService, Running, StartError};
use sbi_models::nrf::{NfType, ServiceName};
use serde::{Deserialize, Serialize};

pub use registry::{Notification, Registry};
use server::Issuer;

/// Section `nrf` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds between an NF's heartbeats.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 3600>")]
    pub heartbeat_seconds: u32,
    /// Heartbeats that may be missing before an NF is suspended: not found any more, but still known.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 100>")]
    pub missed_heartbeats: u32,
    /// Seconds after which a suspended NF is forgotten.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 86_400>")]
    pub forget_seconds: u32,
    /// Seconds for which NFs may use a result of discovery without asking again.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 86_400>")]
    pub validity_seconds: u32,
    /// Most NF instances.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 100_000>")]
    pub max_instances: usize,
    /// Most status subscriptions.
    #[serde(deserialize_with = "runtime::within::<_, _, 1, 100_000>")]
    pub max_subscriptions: usize,
    /// Seconds an access token is good for.
    #[serde(deserialize_with = "runtime::within::<_, _, 10, 86_400>")]
    pub token_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_seconds: 1,
            missed_heartbeats: 3,
            forget_seconds: 60,
            validity_seconds: 60,
            max_instances: 1_000,
            max_subscriptions: 1_000,
            token_seconds: 3_600,
        }
    }
}

/// The NRF.
pub struct Nrf;

impl NetworkFunction for Nrf {
    const TYPE: NfType = NfType::Nrf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let issuer = Issuer {
            signer: signing_key::open(&ctx.state_dir)?,
            instance_id: ctx.instance_id,
            lifetime: ctx.config.token_seconds.into(),
            metrics: ctx.metrics.clone(),
        };
        let registry = Registry::new(ctx.config);
        let server = Arc::new(server::Server::new(registry, ctx.network.plmn, ctx.api_root, ctx.caller, issuer));
        tokio::spawn(server::watch_heartbeats(server.clone()));
        tokio::spawn(notifying::notify(server.clone()));
        let status = server.clone();
        let routes = sbi_api::nnrf_nfm::routes(server.clone())
            .and(sbi_api::nnrf_disc::routes(server.clone()))
            .and(sbi_api::nnrf_oauth2::routes(server));
        let services = [ServiceName::NnrfNfm, ServiceName::NnrfDisc, ServiceName::NnrfOauth2]
            .map(|name| OfferedService::new(name, "v1"));
        Ok(Running::new().serving(routes, services).status(move || status.status()))
    }
}
