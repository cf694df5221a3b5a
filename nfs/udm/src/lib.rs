//! The unified data management (TS 23.501 6.2.7): vectors, subscriptions and who serves a subscriber.
//!
//! It keeps nothing of its own between two requests: any instance can answer any of them.

mod config;
mod data_management;
mod serving_network;
mod ue_authentication;
mod ue_context;

use std::sync::Arc;

use aka::suci::KeyRing;
use runtime::{Context, NetworkFunction, OfferedService, Running, StartError};
use sbi_api::nudr_dr::NudrDr;
use sbi_api::{ApiRoot, Caller, Problem, Routes, SbiError, nudm_sdm, nudm_ueau, nudm_uecm};
use sbi_models::PlmnId;
use sbi_models::nrf::{NfType, ServiceName, UdmInfo};

pub use config::{Config, HomeNetworkKey, KeyScheme};

/// The UDM as a network function.
pub struct Udm;

/// What answers the UDM's services.
pub struct DataManagement {
    caller: Arc<dyn Caller>,
    udr: NudrDr,
    keys: KeyRing,
    home: PlmnId,
    root: ApiRoot,
}

impl DataManagement {
    /// Answers for the network `home`, with its keys, out of the UDR that `caller` finds.
    pub fn new(caller: Arc<dyn Caller>, keys: KeyRing, home: PlmnId, root: ApiRoot) -> Self {
        Self { udr: NudrDr::new(caller.clone()), caller, keys, home, root }
    }

    /// The routes of all services.
    pub fn routes(self: Arc<Self>) -> Routes {
        nudm_ueau::routes(self.clone()).and(nudm_sdm::routes(self.clone())).and(nudm_uecm::routes(self))
    }
}

/// `None` where the UDR says that a known subscriber has no such data: 404 with `DATA_NOT_FOUND`, or with no cause, as that is
/// optional (TS 29.504 6.1.7, TS 29.571 5.2.4.1). One of another cause does not speak of data.
fn if_there<T>(answer: Result<T, SbiError>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.status() == Some(404) && matches!(error.cause(), None | Some("DATA_NOT_FOUND")) => Ok(None),
        Err(error) => Err(Problem::downstream(error)),
    }
}

impl NetworkFunction for Udm {
    const TYPE: NfType = NfType::Udm;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let keys = ctx.config.key_ring().map_err(|(key, why)| StartError::config(key, why))?;
        let test_keys = ctx.config.test_keys();
        if !test_keys.is_empty() {
            tracing::warn!(
                "home network keys {test_keys:?} are the published test keys of TS 33.501 C.4, which everyone knows: \
                 set udm.home_network_keys before real subscribers use the network"
            );
        }
        let management = DataManagement::new(ctx.caller, keys, ctx.network.plmn, ctx.api_root);
        let services = [
            OfferedService::new(ServiceName::NudmUeau, "v1"),
            OfferedService::new(ServiceName::NudmSdm, "v2"),
            OfferedService::new(ServiceName::NudmUecm, "v1"),
        ];
        let running = Running::new()
            .serving(Arc::new(management).routes(), services)
            .profile(|profile| profile.udm_info = Some(UdmInfo::default()));
        Ok(running)
    }
}
