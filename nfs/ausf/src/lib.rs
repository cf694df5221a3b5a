//! The authentication server function (TS 23.501 6.2.8): 5G-AKA between a serving network and a home network.

mod contexts;
mod five_g_aka;

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::{Context, Metrics, NetworkFunction, OfferedService, Rejects, Running, StartError, within};
use sbi_api::nudm_ueau::NudmUeau;
use sbi_api::{ApiRoot, nausf_auth};
use sbi_models::nrf::{NfType, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::contexts::Contexts;
use crate::five_g_aka::Server;

/// Section `ausf` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Authentications under way at once.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub max_contexts: usize,
    /// Milliseconds after which an authentication that nobody confirmed is forgotten.
    #[serde(deserialize_with = "within::<_, _, 1_000, 600_000>")]
    pub context_lifetime_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_contexts: 200_000, context_lifetime_ms: 30_000 }
    }
}

/// The authentication server function.
pub struct Ausf;

/// What all authentications share.
pub(crate) struct Core {
    pub(crate) ueau: NudmUeau,
    pub(crate) instance_id: Uuid,
    pub(crate) api_root: ApiRoot,
    /// The network whose AMFs are served.
    pub(crate) serving_network: String,
    pub(crate) contexts: Contexts,
    pub(crate) metrics: Metrics,
    pub(crate) rejects: Rejects,
}

impl NetworkFunction for Ausf {
    const TYPE: NfType = NfType::Ausf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let lifetime = Duration::from_millis(ctx.config.context_lifetime_ms);
        let core = Arc::new(Core {
            ueau: NudmUeau::new(ctx.caller),
            instance_id: ctx.instance_id,
            api_root: ctx.api_root,
            serving_network: ctx.network.plmn.serving_network_name(),
            contexts: Contexts::new(ctx.config.max_contexts, lifetime),
            metrics: ctx.metrics,
            rejects: ctx.rejects,
        });
        let server = Arc::new(Server(core.clone()));
        let status = move || json!({ "authentications": core.contexts.len(Instant::now()) });
        Ok(Running::new()
            .serving(nausf_auth::routes(server), [OfferedService::new(ServiceName::NausfAuth, "v1")])
            .status(status))
    }
}
