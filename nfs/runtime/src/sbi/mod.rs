//! The service-based interface as an NF uses it: who answers is found at the NRF, how to get there follows from the profile.

mod caller;
mod directory;
mod metrics;
mod reach;
mod registration;
mod serving;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sbi_api::nnrf_nfm::NnrfNfm;
use sbi_api::{ApiRoot, Caller, Handler};
use sbi_models::nrf::{IpEndPoint, NfProfile, NfService, NfType};
use sbi_transport::{Endpoint, Limits, Pool, Server, Tap, serve};
use tokio::sync::watch;
use uuid::Uuid;

use crate::place::Directories;
use crate::sections::SbiSettings;
use crate::trace::WatchedHandler;
use crate::{Metrics, Network, OfferedService, StartError};

use caller::SbiCaller;
use metrics::{ClientMetrics, TransportMetrics};
use reach::Reach;
pub(crate) use registration::{Registered, Registration};
use serving::Frontend;

/// Both sides of an NF's service-based interface.
pub(crate) struct Interface {
    nf_type: NfType,
    instance_id: Uuid,
    listen: Option<SocketAddr>,
    nrf: Option<ApiRoot>,
    limits: Limits,
    reach: Reach,
    caller: Arc<SbiCaller<Arc<Pool>>>,
    servers: Arc<Mutex<Vec<Server>>>,
    tap: Tap,
}

impl Interface {
    /// The interface of an instance, its calls to be watched at `tap`; it answers nothing before [`Interface::serve`].
    pub(crate) fn new(
        nf_type: NfType,
        settings: &SbiSettings,
        directories: &Directories,
        metrics: &Metrics,
        tap: Tap,
    ) -> Self {
        let limits =
            Limits { max_body: settings.max_body, max_concurrent: settings.max_concurrent, ..Limits::default() };
        let pool = Arc::new(Pool::tapped(limits.clone(), tap.clone()));
        let servers = Arc::new(Mutex::new(Vec::new()));
        metrics
            .register_collector(Box::new(TransportMetrics { pool: pool.clone(), servers: Arc::downgrade(&servers) }));
        let reach = Reach::new(reach::node(), directories.clone(), settings.transports.clone());
        let nrf = settings.nrf().filter(|_| nf_type != NfType::Nrf).map(ApiRoot::http);
        let client_metrics = ClientMetrics::new(metrics);
        let caller = SbiCaller::new(pool, reach.clone(), nrf.clone(), nf_type.clone(), settings.into(), client_metrics);
        Self {
            listen: settings.listen.of(&nf_type),
            nf_type,
            instance_id: Uuid::new_v4(),
            nrf,
            limits,
            reach,
            caller: Arc::new(caller),
            servers,
            tap,
        }
    }

    /// `nfInstanceId` of this run.
    pub(crate) fn instance_id(&self) -> Uuid {
        self.instance_id
    }

    /// Calls other NFs.
    pub(crate) fn caller(&self) -> Arc<dyn Caller> {
        self.caller.clone()
    }

    /// Root of our own URIs. An NF without a service-based interface has one that leads nowhere.
    pub(crate) fn api_root(&self) -> ApiRoot {
        match self.listen {
            Some(address) => ApiRoot::http(address),
            None => ApiRoot::http(format_args!("{}.invalid", self.nf_type.as_str().to_lowercase())),
        }
    }

    /// Answers requests with `handler` over every configured transport. Returns where.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub(crate) fn serve(&self, handler: Arc<dyn Handler>) -> Result<Vec<String>, StartError> {
        let key = format!("sbi.listen.{}", self.nf_type.as_str().to_lowercase());
        let address =
            self.listen.ok_or_else(|| StartError::config(&key, "this NF serves requests and needs an address"))?;
        let frontend: Arc<dyn Handler> = Arc::new(Frontend::new(&self.caller, handler));
        let mut servers = Vec::new();
        for endpoint in self.reach.of_address(address) {
            // Not the configuration's fault for sure: the process that was here before may be about to end.
            let failed = |why| StartError::system(format_args!("{why} (configuration: {key})"));
            let server =
                serve(&endpoint, self.watched(&endpoint, address, &frontend), self.limits.clone()).map_err(failed)?;
            servers.push(server);
        }
        let places = servers.iter().map(|server| server.endpoint().to_string()).collect();
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = servers;
        Ok(places)
    }

    /// Over shared memory the clients are our own, and show their calls themselves.
    fn watched(&self, endpoint: &Endpoint, address: SocketAddr, handler: &Arc<dyn Handler>) -> Arc<dyn Handler> {
        if matches!(endpoint, Endpoint::Shm(_)) {
            return handler.clone();
        }
        let (tap, authority) = (self.tap.clone(), address.to_string());
        Arc::new(WatchedHandler { tap, endpoint: endpoint.clone(), authority, inner: handler.clone() })
    }

    /// Stops answering; waits up to `grace` for what is under way.
    pub(crate) async fn close(&self, grace: Duration) {
        let servers = std::mem::take(&mut *self.servers.lock().unwrap_or_else(PoisonError::into_inner));
        for server in servers {
            server.close(grace).await;
        }
    }

    /// Our entry at the NRF, if there is an NRF to enter.
    pub(crate) fn registration(
        &self,
        network: &Network,
        services: Vec<OfferedService>,
        complete: Box<dyn Fn(&mut NfProfile) + Send + Sync>,
    ) -> Option<(Registration, watch::Receiver<Registered>)> {
        let root = self.nrf.clone()?;
        let bare = self.profile(network, &services);
        let caller = self.caller.clone();
        let (state, changes) = watch::channel(Registered::NotYet);
        let registration = Registration {
            nfm: NnrfNfm::at(self.caller.direct(), root),
            instance_id: self.instance_id,
            nf_type: self.nf_type.clone(),
            profile: Arc::new(move || {
                let mut profile = bare.clone();
                complete(&mut profile);
                profile
            }),
            callback: self.listen.map(ApiRoot::http),
            on_registered: Box::new(move || caller.expire_all()),
            state,
        };
        Some((registration, changes))
    }

    /// What can be said of any NF.
    fn profile(&self, network: &Network, services: &[OfferedService]) -> NfProfile {
        let mut profile = NfProfile::new(self.instance_id, self.nf_type.clone());
        profile.plmn_list = Some(vec![network.plmn]);
        if let Some(address) = self.listen {
            match address.ip() {
                std::net::IpAddr::V4(v4) => profile.ipv4_addresses = Some(vec![v4]),
                std::net::IpAddr::V6(v6) => profile.ipv6_addresses = Some(vec![v6]),
            }
            let service = |offered: &OfferedService| {
                NfService::http(offered.name.clone(), &offered.version, IpEndPoint::from(address))
            };
            profile.nf_services = Some(services.iter().map(service).collect());
            profile.local = self.reach.local(address);
        }
        profile
    }
}

#[cfg(test)]
#[path = "interface_tests.rs"]
mod tests;
