//! The unified data repository (UDR): keeps the subscribers' data and serves Nudr_DataRepository.

mod admin;
pub mod command;
mod formats;
mod service;
pub mod store;
pub mod subscriber;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use runtime::{Context, Network, NetworkFunction, OfferedService, Running, StartError};
use sbi_models::nrf::{NfType, ServiceName, UdrInfo};
use sbi_models::{SecretHex, Supi};
use serde::{Deserialize, Serialize};

pub use formats::{FormatError, read_csv, read_json_lines, write_json_lines};
pub use service::DataRepository;

use store::{Existing, Options, RedbStore, Store, StoreError};
use subscriber::{Keys, Profile, Slice, Subscriber, Subscription};

/// The UDR.
pub struct Udr;

/// Section `udr` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file with the subscribers' data; its key file lies beside it. Without it: `subscribers.redb` in the state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// Whether a new store begins with the subscriber of UERANSIM's and Open5GS's samples, whose keys everyone knows.
    pub default_subscriber: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { store: None, default_subscriber: true }
    }
}

impl Config {
    /// The file of the store.
    pub fn file(&self, state_dir: &Path) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_dir.join("subscribers.redb"))
    }
}

/// Opens the store as configured. A new one begins with the default subscriber.
///
/// # Errors
/// The file cannot be used.
pub async fn open_store(config: &Config, network: &Network, state_dir: &Path) -> Result<RedbStore, StoreError> {
    let file = config.file(state_dir);
    let new = !file.exists();
    let store = RedbStore::open(&file, &file.with_extension("key"), Options::default())?;
    if new && config.default_subscriber {
        store.provision(default_subscriber(network).into_iter().collect(), Existing::Keep).await?;
    }
    Ok(store)
}

/// The subscriber of UERANSIM's and Open5GS's sample files, allowed everything the network has.
fn default_subscriber(network: &Network) -> Option<Subscriber> {
    let supi: Supi = "imsi-999700000000001".parse().ok()?;
    let hex = |digits: &str| digits.parse::<SecretHex<16>>().ok();
    let keys = Keys::new(hex("465B5CE8B199B49FAA5F0A2EE238A6BC")?, hex("E8ED289DEBA952E4283B54E88E6183CA")?);
    let slice = |snssai| {
        let dnns = network.dnns.iter().filter(|dnn| dnn.serves(snssai));
        Slice { snssai, dnns: dnns.map(|dnn| Subscription::new(dnn.name.clone())).collect() }
    };
    let slices = network.slices.iter().map(|snssai| slice(*snssai)).filter(|slice| !slice.dnns.is_empty());
    Some(Subscriber { supi, keys: Some(keys), profile: Profile::new(slices.collect()) })
}

impl NetworkFunction for Udr {
    const TYPE: NfType = NfType::Udr;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let opened = open_store(&ctx.config, &ctx.network, &ctx.state_dir).await;
        let store = Arc::new(opened.map_err(|why| match why {
            StoreError::File { path, why } => StartError::file(path, why),
            other => StartError::system(other),
        })?);
        let repository = DataRepository::new(store.clone(), ctx.api_root);
        let counted = store.clone();
        let running = Running::new()
            .serving(sbi_api::nudr_dr::routes(Arc::new(repository)), [OfferedService::new(ServiceName::NudrDr, "v2")])
            .profile(|profile| {
                let data_sets = Some(vec!["SUBSCRIPTION".to_owned()]);
                profile.udr_info = Some(UdrInfo { supported_data_sets: data_sets, ..UdrInfo::default() });
            })
            .status(move || serde_json::json!({ "subscribers": counted.count().unwrap_or_default() }))
            .admin(admin::router(store));
        Ok(running)
    }
}
