//! What a network function says about itself, and what it gets in return.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sbi_api::{ApiRoot, BoxFuture, Caller, Handler};
use sbi_models::nrf::{NfProfile, NfType, ServiceName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::trace::Trace;
use crate::{Metrics, Network, Rejects, Shutdown};

/// A network function: the part that is not the same in all of them.
pub trait NetworkFunction: Sized + Send + Sync + 'static {
    /// Its type; in lower case also the name of its section, its binary and its sockets.
    const TYPE: NfType;

    /// Its own section of the configuration file. Give it `#[serde(default, deny_unknown_fields)]`; ranges by [`within`](crate::within).
    type Config: DeserializeOwned + Serialize + Default + Send + 'static;

    /// Finds what no single value of its section shows to be wrong, for `--check-config` and before the start.
    ///
    /// # Errors
    /// [`StartError::Config`] with the key and what is allowed.
    fn check(_config: &Self::Config, _network: &Network) -> Result<(), StartError> {
        Ok(())
    }

    /// Opens its interfaces and starts its tasks. It must not wait for another NF: those may start later, and a call made
    /// through [`Context::caller`] waits a moment for them by itself.
    fn start(ctx: Context<Self::Config>) -> impl Future<Output = Result<Running, StartError>> + Send;
}

/// What an NF is given at start.
pub struct Context<C> {
    /// Its own section.
    pub config: C,
    /// The section `network`.
    pub network: Network,
    /// `nfInstanceId` of this run.
    pub instance_id: Uuid,
    /// Calls other NFs: discovery, choice of transport and retries included.
    pub caller: Arc<dyn Caller>,
    /// Root of the URIs of this NF's resources and callbacks.
    pub api_root: ApiRoot,
    /// Metrics of this process.
    pub metrics: Metrics,
    /// Journal of explained rejects.
    pub rejects: Rejects,
    /// Shows messages and packets to whoever watches.
    pub trace: Trace,
    /// Says when to end, and lets the NF ask for it.
    pub shutdown: Shutdown,
    /// Directory of sockets; gone after a reboot.
    pub run_dir: PathBuf,
    /// Directory of what must survive.
    pub state_dir: PathBuf,
}

/// A service that the NF offers, for its profile at the NRF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedService {
    /// Name of the service.
    pub name: ServiceName,
    /// Version in its URIs, as `v1`.
    pub version: String,
}

impl OfferedService {
    /// The service `name` of `version`, as `v1`.
    pub fn new(name: ServiceName, version: impl Into<String>) -> Self {
        Self { name, version: version.into() }
    }
}

/// A started NF. Begin with [`Running::new`] and add what it has.
pub struct Running {
    /// What answers at its service-based interface.
    pub handler: Option<Arc<dyn Handler>>,
    /// The services behind `handler`.
    pub services: Vec<OfferedService>,
    /// Adds to the profile what the runtime cannot know (amfInfo, smfInfo, sNssais, load).
    pub profile: Box<dyn Fn(&mut NfProfile) + Send + Sync>,
    /// Operator calls of its own, besides `/status`, `/metrics` and `/rejects`.
    pub admin: axum::Router,
    /// The NF's part of the answer to `GET /status`: an object.
    pub status: Box<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// Runs when the NF is to end, while calls are still answered: tell peers, finish what is under way.
    pub drain: BoxFuture<'static, ()>,
    /// Its own interfaces for the line that says it is ready, as `N2 on 127.0.0.5:38412 (kernel SCTP)`.
    pub interfaces: Vec<String>,
}

impl Running {
    /// An NF that offers nothing yet.
    pub fn new() -> Self {
        Self {
            handler: None,
            services: Vec::new(),
            profile: Box::new(|_| ()),
            admin: axum::Router::new(),
            status: Box::new(|| serde_json::json!({})),
            drain: Box::pin(std::future::ready(())),
            interfaces: Vec::new(),
        }
    }

    /// Offers services: `handler` answers their requests.
    #[must_use]
    pub fn serving(mut self, handler: impl Handler, services: impl IntoIterator<Item = OfferedService>) -> Self {
        self.handler = Some(Arc::new(handler));
        self.services.extend(services);
        self
    }

    /// Completes the profile, each time it is sent to the NRF.
    #[must_use]
    pub fn profile(mut self, complete: impl Fn(&mut NfProfile) + Send + Sync + 'static) -> Self {
        self.profile = Box::new(complete);
        self
    }

    /// Adds operator calls.
    #[must_use]
    pub fn admin(mut self, router: axum::Router) -> Self {
        self.admin = self.admin.merge(router);
        self
    }

    /// Answers `GET /status`; counts that `peregrine status` shows are `gnbs`, `ues` and `sessions`.
    #[must_use]
    pub fn status(mut self, status: impl Fn() -> serde_json::Value + Send + Sync + 'static) -> Self {
        self.status = Box::new(status);
        self
    }

    /// What to do before the end.
    #[must_use]
    pub fn drain(mut self, drain: impl Future<Output = ()> + Send + 'static) -> Self {
        self.drain = Box::pin(drain);
        self
    }

    /// Names an interface for the line that says the NF is ready.
    #[must_use]
    pub fn interface(mut self, text: impl Into<String>) -> Self {
        self.interfaces.push(text.into());
        self
    }
}

impl Default for Running {
    fn default() -> Self {
        Self::new()
    }
}

/// Why an NF cannot start. The process ends with this sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration asks for what cannot be: the key, and why.
    #[error("{key}: {why}")]
    Config {
        /// Path of the key in the file, as `amf.n2.listen`.
        key: String,
        /// What is wrong, and what is allowed.
        why: String,
    },
    /// An address is taken, or not one of this machine's.
    #[error("cannot listen for {interface} on {address} (configuration: {key}): {source}")]
    Listen {
        /// The interface, as `N2`.
        interface: &'static str,
        /// The address.
        address: SocketAddr,
        /// The key that sets it.
        key: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or directory cannot be used.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something that this NF needs from the system is missing.
    #[error("{0}")]
    System(String),
}

impl StartError {
    /// The configuration's fault.
    pub fn config(key: impl Into<String>, why: impl ToString) -> Self {
        Self::Config { key: key.into(), why: why.to_string() }
    }

    /// An address that cannot be listened on.
    pub fn listen(
        interface: &'static str,
        address: SocketAddr,
        key: impl Into<String>,
        source: std::io::Error,
    ) -> Self {
        Self::Listen { interface, address, key: key.into(), source }
    }

    /// A file that cannot be used.
    pub fn file(path: impl Into<PathBuf>, why: impl ToString) -> Self {
        Self::File { path: path.into(), why: why.to_string() }
    }

    /// Something the system lacks.
    pub fn system(why: impl ToString) -> Self {
        Self::System(why.to_string())
    }
}
