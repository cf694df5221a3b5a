//! The session management function (TS 23.501 6.2.2): PDU sessions, their addresses, and their rules at the UPF.
//!
//! - [`server`]: Nsmf_PDUSession, what the AMF asks.
//! - [`procedures`]: one file per clause of TS 23.502.
//! - [`n4`] and [`n4_rules`]: the UPF; [`n1`]: NAS messages; [`n2`]: containers for the RAN; [`amf`] and
//!   [`subscription`]: what is asked of AMF and UDM.
//! - [`n3_paths`]: gNBs that no longer answer a UPF.
//! - [`session_type`] and [`pool`]: IPv4, IPv6 or both, and the addresses.
//! - [`refusal`]: why a session cannot be had, and what is said about it.

mod admin;
mod amf;
mod config;
mod n1;
mod n2;
mod n3_paths;
mod n4;
mod n4_rules;
mod pool;
mod procedures;
mod refusal;
mod server;
mod session;
mod session_type;
mod subscription;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runtime::trace::Trace;
use runtime::{Context, Metrics, Network, NetworkFunction, OfferedService, Rejects, Running, StartError};
use sbi_api::nudm_sdm::NudmSdm;
use sbi_api::nudm_uecm::NudmUecm;
use sbi_api::{ApiRoot, Caller, nsmf_callback, nsmf_pdusession};
use sbi_models::Dnn;
use sbi_models::nrf::{NfType, ServiceName};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use crate::config::{Config, N4Config, UeAddresses};
use crate::n3_paths::PathChanges;
use crate::n4::{FromUpf, N4};
use crate::pool::{AddressPool, Fixed, NoAddress, UeAddress};
use crate::procedures::{service_request, session_restoration};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::session::Sessions;
use crate::session_type::SessionType;
use crate::subscription::Leaving;

/// How long a session waits for an associated UPF: the UE asks again after T3580, 16 s (TS 24.501 10.3).
const UPF_PATIENCE: Duration = Duration::from_secs(2);

/// The session management function.
pub struct Smf;

/// What all procedures share.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) network: Network,
    pub(crate) instance_id: Uuid,
    pub(crate) caller: Arc<dyn Caller>,
    pub(crate) sdm: NudmSdm,
    pub(crate) uecm: NudmUecm,
    pub(crate) api_root: ApiRoot,
    pub(crate) metrics: Metrics,
    pub(crate) path_changes: PathChanges,
    pub(crate) rejects: Rejects,
    pub(crate) trace: Trace,
    pub(crate) n4: N4,
    pub(crate) sessions: Sessions,
    pub(crate) leaving: Leaving,
    pools: Mutex<HashMap<Dnn, AddressPool>>,
    /// Sessions at each UPF.
    load: Mutex<HashMap<IpAddr, usize>>,
}

impl Core {
    /// Addresses of the data network's pools, where they are ours to choose, and of the subscription. An Ethernet session has none.
    pub(crate) fn take_address(&self, dnn: &Dnn, kind: SessionType, fixed: Fixed) -> Result<UeAddress, Refusal> {
        if kind == SessionType::Ethernet {
            return Ok(UeAddress::Ethernet);
        }
        if self.config.ue_addresses == UeAddresses::Upf {
            return Ok(UeAddress::open(kind, fixed));
        }
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = pools.get_mut(dnn).map_or(Err(NoAddress::Empty), |pool| pool.take(kind, fixed));
        taken.map_err(|why| match why {
            NoAddress::Empty => Refusal::NoAddress(dnn.clone()),
            NoAddress::InUse(address) => Refusal::AddressInUse(address),
            NoAddress::Foreign(address) => Refusal::ForeignAddress(address, dnn.clone()),
        })
    }

    /// Gives addresses back to their pools; what a UPF chose goes back to it with the session.
    pub(crate) fn give_back_address(&self, dnn: &Dnn, address: UeAddress) {
        if self.config.ue_addresses == UeAddresses::Upf {
            return;
        }
        if let Some(pool) = self.pools.lock().unwrap_or_else(PoisonError::into_inner).get_mut(dnn) {
            pool.give_back(address);
        }
    }

    /// The associated UPF with the least load, and of those as loaded, with the fewest sessions; waits a moment for one, as a
    /// UPF may be starting again.
    pub(crate) async fn select_upf(&self) -> Result<IpAddr, Refusal> {
        let upfs = self.n4.some_upfs(UPF_PATIENCE).await;
        if upfs.is_empty() {
            return Err(Refusal::NoUpf);
        }
        let open = self.n4.open_to_sessions(upfs);
        let sessions = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        // In tens: what a UPF tells is some sessions old.
        let least = |(upf, load): &(IpAddr, u8)| (load / 10, sessions.get(upf).copied().unwrap_or_default());
        open.into_iter().min_by_key(least).map(|(upf, _)| upf).ok_or(Refusal::UpfOverloaded)
    }

    /// Counts a session that began or ended at a UPF.
    pub(crate) fn note_session(&self, upf: IpAddr, change: isize) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = load.entry(upf).or_default();
        *sessions = sessions.saturating_add_signed(change);
    }

    fn status(&self) -> serde_json::Value {
        let upfs: Vec<_> = self.n4.upfs().iter().map(ToString::to_string).collect();
        json!({ "sessions": self.sessions.len(), "upfs": upfs })
    }
}

impl NetworkFunction for Smf {
    const TYPE: NfType = NfType::Smf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let (core, from_upfs) = open(ctx).await?;
        tokio::spawn(hear_upfs(core.clone(), from_upfs));
        let server = Arc::new(Server(core.clone()));
        let routes = nsmf_pdusession::routes(server.clone()).and(nsmf_callback::routes(server));
        let interface = format!("N4 on {}", core.config.n4.listen);
        Ok(Running::new()
            .serving(routes, [OfferedService::new(ServiceName::NsmfPduSession, "v1")])
            .interface(interface)
            .admin(admin::router(core.clone()))
            .status(move || core.status()))
    }
}

async fn open(ctx: Context<Config>) -> Result<(Arc<Core>, mpsc::Receiver<FromUpf>), StartError> {
    let listen = ctx.config.n4.listen;
    let started = runtime::start_time(&ctx.state_dir, &format!("smf-{}", listen.ip()));
    let opened = N4::open(&ctx.config.n4, &ctx.network.applications, started, ctx.trace.clone()).await;
    let (n4, from_upfs) = opened.map_err(|source| StartError::listen("N4", listen, "smf.n4.listen", source))?;
    let pool = |network: &runtime::DataNetwork| (network.name.clone(), AddressPool::new(network));
    let core = Core {
        pools: Mutex::new(ctx.network.dnns.iter().map(pool).collect()),
        sdm: NudmSdm::new(ctx.caller.clone()),
        uecm: NudmUecm::new(ctx.caller.clone()),
        sessions: Sessions::numbered_from(start_number()),
        leaving: Leaving::default(),
        load: Mutex::default(),
        config: ctx.config,
        network: ctx.network,
        instance_id: ctx.instance_id,
        caller: ctx.caller,
        api_root: ctx.api_root,
        path_changes: PathChanges::register(&ctx.metrics),
        metrics: ctx.metrics,
        rejects: ctx.rejects,
        trace: ctx.trace,
        n4,
    };
    Ok((Arc::new(core), from_upfs))
}

/// Numbers of an earlier run are not used again: a UPF or AMF may still hold them.
fn start_number() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since_1970.as_secs() & 0xffff_ffff) << 24
}

async fn hear_upfs(core: Arc<Core>, mut from_upfs: mpsc::Receiver<FromUpf>) {
    while let Some(news) = from_upfs.recv().await {
        match news {
            FromUpf::Lost(upf) => tokio::spawn(session_restoration::upf_lost(core.clone(), upf)),
            FromUpf::NodeReport(token, report) => tokio::spawn(n3_paths::reported(core.clone(), token, report)),
            FromUpf::Report(token, seid, report) => {
                tokio::spawn(service_request::report(core.clone(), token, seid, report))
            }
        };
    }
}
