//! The network repository function (TS 29.510): NFs register here, keep their entry alive, and find each other.
//!
//! Nothing is kept on disk: after a restart every NF registers again with its next heartbeat.

mod bounds;
mod matching;
mod notifying;
mod patch;
mod registry;
mod server;
mod subscriptions;

use std::sync::Arc;

use runtime::{Context, NetworkFunction, OfferedService, Running, StartError};
use sbi_models::nrf::{NfType, ServiceName};
use serde::{Deserialize, Serialize};

pub use registry::{Notification, Registry};

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
        }
    }
}

/// The NRF.
pub struct Nrf;

impl NetworkFunction for Nrf {
    const TYPE: NfType = NfType::Nrf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let server =
            Arc::new(server::Server::new(Registry::new(ctx.config), ctx.network.plmn, ctx.api_root, ctx.caller));
        tokio::spawn(server::watch_heartbeats(server.clone()));
        tokio::spawn(notifying::notify(server.clone()));
        let status = server.clone();
        let routes = sbi_api::nnrf_nfm::routes(server.clone()).and(sbi_api::nnrf_disc::routes(server));
        let services = [ServiceName::NnrfNfm, ServiceName::NnrfDisc].map(|name| OfferedService::new(name, "v1"));
        Ok(Running::new().serving(routes, services).status(move || status.status()))
    }
}
