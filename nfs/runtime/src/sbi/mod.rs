//! The service-based interface as an NF uses it: who answers is found at the NRF, how to get there follows from the profile.

mod caller;
mod consumers;
mod directory;
mod gate;
mod metrics;
mod nrf_keys;
mod reach;
mod registration;
mod servers;
mod serving;
mod tokens;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sbi_api::nnrf_nfm::NnrfNfm;
use sbi_api::nnrf_oauth2::NnrfOauth2;
use sbi_api::{ApiRoot, Caller, Handler};
use sbi_models::nrf::{IpEndPoint, NfProfile, NfService, NfType, UriScheme};
use sbi_transport::{Endpoint, Limits, Pool, Tap, Tls};
use tokio::sync::watch;
use uuid::Uuid;

use crate::place::Directories;
use crate::sections::{SbiSettings, TlsSettings};
use crate::{Metrics, Network, OfferedService, StartError};

use caller::SbiCaller;
use gate::{TokenGate, wall_clock};
use metrics::{ClientMetrics, TransportMetrics};
use nrf_keys::{NrfKeys, Source};
use reach::Reach;
pub(crate) use registration::{Registered, Registration};
pub(crate) use servers::SwitchError;
use servers::{Answering, Running, Servers};
use serving::Frontend;
use tokens::Requester;

/// Both sides of an NF's service-based interface.
pub(crate) struct Interface {
    nf_type: NfType,
    instance_id: Uuid,
    listen: Option<SocketAddr>,
    root: Option<ApiRoot>,
    scheme: UriScheme,
    nrf: Option<ApiRoot>,
    limits: Limits,
    reach: Reach,
    caller: Arc<SbiCaller<Arc<Pool>>>,
    servers: OnceLock<Servers>,
    running: Running,
    tap: Tap,
    /// Who may use our services.
    gate: TokenGate,
    /// Whether that takes tokens.
    asks_for_tokens: bool,
}

impl Interface {
    /// The interface of an instance, its calls to be watched at `tap`; it answers nothing before [`Interface::serve`].
    ///
    /// # Errors
    /// The files for TLS are not what they should be.
    pub(crate) fn new(
        nf_type: NfType,
        settings: &SbiSettings,
        directories: &Directories,
        metrics: &Metrics,
        tap: Tap,
    ) -> Result<Self, StartError> {
        let read = |files: &TlsSettings| {
            let files = files.of(&nf_type);
            Tls::read(&files.certificate, &files.key, &files.ca)
        };
        let tls = settings.tls.as_ref().map(read).transpose().map_err(|why| StartError::config("sbi.tls", why))?;
        let SbiSettings { max_body, max_concurrent, huge_pages, .. } = *settings;
        let limits = Limits { max_body, max_concurrent, huge_pages, tls, ..Limits::default() };
        let pool = Arc::new(Pool::tapped(limits.clone(), tap.clone()));
        let running = Running::default();
        let reach = Reach::new(reach::node(), directories.clone(), settings);
        let peers = peers(settings, &reach);
        let transports = TransportMetrics { pool: pool.clone(), servers: Arc::downgrade(&running), peers };
        metrics.register_collector(Box::new(transports));
        let nrf = settings.nrf().filter(|_| nf_type != NfType::Nrf).map(|address| settings.root(address));
        let client_metrics = ClientMetrics::new(metrics);
        let who = Requester { nf_type: nf_type.clone(), instance_id: Uuid::new_v4() };
        let Requester { instance_id, .. } = who;
        let caller =
            SbiCaller::new(pool, reach.clone(), nrf.clone(), settings.oauth2, who, settings.into(), client_metrics);
        let issuer = nrf.as_ref().filter(|_| settings.oauth2).map(|root| {
            let own = || Source::Nrf(directories.token_keys(), NnrfOauth2::at(caller.direct(), root.clone()));
            settings.oauth2_keys.clone().map_or_else(own, Source::File)
        });
        let keys = issuer.map(NrfKeys::new);
        let asks_for_tokens = keys.is_some();
        let gate = TokenGate::new(nf_type.clone(), instance_id, keys, wall_clock, metrics);
        let listen = settings.listen.of(&nf_type);
        Ok(Self {
            listen,
            root: listen.map(|address| settings.root(address)),
            scheme: settings.scheme(),
            nf_type,
            instance_id,
            nrf,
            limits,
            reach,
            caller: Arc::new(caller),
            servers: OnceLock::new(),
            running,
            tap,
            gate,
            asks_for_tokens,
        })
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
        match &self.root {
            Some(root) => root.clone(),
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
        let frontend = Arc::new(Frontend::new(&self.caller, handler));
        let answering = Answering {
            handler: frontend,
            gate: self.gate.clone(),
            limits: self.limits.clone(),
            tap: self.tap.clone(),
            authority: address.to_string(),
        };
        let servers = Servers::start(self.reach.of_address(address), answering, self.running.clone(), &key)?;
        let places = servers.places();
        let _ = self.servers.set(servers); // an NF serves once
        Ok(places)
    }

    /// The servers, once the NF serves.
    pub(crate) fn servers(&self) -> Option<&Servers> {
        self.servers.get()
    }

    /// Stops answering; waits up to `grace` for what is under way.
    pub(crate) async fn close(&self, grace: Duration) {
        if let Some(servers) = self.servers() {
            servers.close(grace).await;
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
            callback: self.root.clone(),
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
            let service = |offered: &OfferedService| NfService {
                allowed_nf_types: consumers::of(&offered.name),
                oauth2_required: Some(self.asks_for_tokens),
                scheme: self.scheme.clone(),
                ..NfService::http(offered.name.clone(), &offered.version, IpEndPoint::from(address))
            };
            profile.nf_services = Some(services.iter().map(service).collect());
            profile.local = self.reach.local(address);
        }
        profile
    }
}

/// Where each NF of the configuration answers.
fn peers(settings: &SbiSettings, reach: &Reach) -> Vec<(Endpoint, String)> {
    let of = |(nf, address): (NfType, SocketAddr)| {
        let name = nf.as_str().to_lowercase();
        reach.of_address(address).into_iter().map(move |endpoint| (endpoint, name.clone()))
    };
    settings.listen.all().into_iter().flat_map(of).collect()
}

#[cfg(test)]
#[path = "interface_tests.rs"]
mod tests;
