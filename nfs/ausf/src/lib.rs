//! The authentication server function (AUSF): 5G-AKA between the serving network's SEAF and the home network's UDM.

mod contexts;
mod five_g_aka;

use std::sync::Arc;
use std::time::Duration;

use runtime::{Context, NetworkFunction, OfferedService, Running, StartError};
use sbi_models::PlmnId;
use sbi_models::nrf::{AusfInfo, NfType, ServiceName};
use serde::{Deserialize, Serialize};

pub use contexts::Limits;
pub use five_g_aka::{AuthenticationServer, Identity};

/// The AUSF as a network function.
pub struct Ausf;

/// Section `ausf` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Networks, besides our own, whose AMFs may have our subscribers authenticated: MCC/MNC, as 001/01.
    pub serving_networks: Vec<String>,
    /// Authentications under way at most; beyond, the oldest is given up.
    #[serde(deserialize_with = "runtime::within::<_, _, 100, 10_000_000>")]
    pub max_contexts: usize,
    /// Milliseconds an authentication may take: a UE is asked five times, six seconds apart (T3560, TS 24.501 10.2).
    #[serde(deserialize_with = "runtime::within::<_, _, 1_000, 600_000>")]
    pub context_lifetime_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { serving_networks: Vec::new(), max_contexts: 100_000, context_lifetime_ms: 60_000 }
    }
}

impl Config {
    /// The names of all authorised serving networks.
    fn authorised(&self, home: PlmnId) -> Result<Vec<String>, StartError> {
        let mut names = vec![home.serving_network_name()];
        for (n, text) in self.serving_networks.iter().enumerate() {
            let plmn: PlmnId =
                text.parse().map_err(|why| StartError::config(format!("ausf.serving_networks[{n}]"), why))?;
            names.push(plmn.serving_network_name());
        }
        Ok(names)
    }
}

impl NetworkFunction for Ausf {
    const TYPE: NfType = NfType::Ausf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let identity = Identity {
            instance: ctx.instance_id,
            root: ctx.api_root,
            serving_networks: ctx.config.authorised(ctx.network.plmn)?,
        };
        let limits = Limits {
            contexts: ctx.config.max_contexts,
            lifetime: Duration::from_millis(ctx.config.context_lifetime_ms),
        };
        let server = Arc::new(AuthenticationServer::new(ctx.caller, identity, limits, ctx.metrics, ctx.rejects));
        let counted = server.clone();
        let running = Running::new()
            .serving(sbi_api::nausf_auth::routes(server), [OfferedService::new(ServiceName::NausfAuth, "v1")])
            .profile(|profile| profile.ausf_info = Some(AusfInfo::default()))
            .status(move || counted.status());
        Ok(running)
    }
}
