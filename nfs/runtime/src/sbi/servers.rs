//! The servers of an NF, one per transport, and their going out of and into service while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sbi_api::Handler;
use sbi_transport::{Endpoint, Limits, ServeError, Server, Tap, serve_guarded};

use super::gate::TokenGate;
use crate::StartError;
use crate::trace::WatchedHandler;

/// Servers that run.
pub(crate) type Running = Arc<Mutex<Vec<Server>>>;

/// How long calls may take to be answered over a transport that goes out of service.
const FAREWELL: Duration = Duration::from_secs(10);

/// What answers at one endpoint or another, and to whom.
pub(crate) struct Answering {
    pub(crate) handler: Arc<dyn Handler>,
    /// Who may use our services.
    pub(crate) gate: TokenGate,
    pub(crate) limits: Limits,
    /// Where calls can be watched.
    pub(crate) tap: Tap,
    /// What HTTP calls us.
    pub(crate) authority: String,
}

/// The servers, running or not.
pub(crate) struct Servers {
    endpoints: Vec<Endpoint>,
    answering: Answering,
    running: Running,
}

/// Why a transport stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwitchError {
    /// Not one of those configured.
    #[error("'{0}' is none of the transports served here (configuration: sbi.transports)")]
    Unknown(String),
    /// Nobody could reach us any more.
    #[error("it is the last one in service")]
    Last,
    /// It cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Answering {
    /// Over shared memory the clients are our own, and show their calls themselves.
    fn watched(&self, endpoint: &Endpoint) -> Arc<dyn Handler> {
        let inner = self.handler.clone();
        if matches!(endpoint, Endpoint::Shm(_)) {
            return inner;
        }
        let (tap, authority) = (self.tap.clone(), self.authority.clone());
        Arc::new(WatchedHandler { tap, endpoint: endpoint.clone(), authority, inner })
    }
}

impl Servers {
    /// Begins to answer at all of `endpoints`, which the configuration calls `key`.
    ///
    /// # Errors
    /// An address or path cannot be taken.
    pub(crate) fn start(
        endpoints: Vec<Endpoint>,
        answering: Answering,
        running: Running,
        key: &str,
    ) -> Result<Self, StartError> {
        let servers = Self { endpoints, answering, running };
        for endpoint in &servers.endpoints {
            // Not the configuration's fault for sure: the process that was here before may be about to end.
            let failed = |why| StartError::system(format_args!("{why} (configuration: {key})"));
            let server = servers.serve(endpoint).map_err(failed)?;
            servers.running().push(server);
        }
        Ok(servers)
    }

    /// Where is answered.
    pub(crate) fn places(&self) -> Vec<String> {
        self.running().iter().map(|server| server.endpoint().to_string()).collect()
    }

    /// Takes a transport out of service: calls under way are answered, further ones come over the others.
    ///
    /// # Errors
    /// There is no such, or no other.
    pub(crate) fn withdraw(&self, transport: &str) -> Result<(), SwitchError> {
        self.configured(transport)?;
        let mut running = self.running();
        if running.iter().all(|server| server.endpoint().transport() == transport) {
            return Err(SwitchError::Last);
        }
        let place = running.iter().position(|server| server.endpoint().transport() == transport);
        if let Some(place) = place {
            let server = running.remove(place);
            tracing::warn!("{} goes out of service", server.endpoint());
            tokio::spawn(server.close(FAREWELL));
        }
        Ok(())
    }

    /// Takes a transport back into service.
    ///
    /// # Errors
    /// There is no such, or it cannot be served.
    pub(crate) fn offer(&self, transport: &str) -> Result<(), SwitchError> {
        let endpoint = self.configured(transport)?;
        let mut running = self.running();
        if !running.iter().any(|server| server.endpoint().transport() == transport) {
            running.push(self.serve(endpoint)?);
            tracing::info!("{endpoint} is in service");
        }
        Ok(())
    }

    /// Stops answering; waits up to `grace` for what is under way.
    pub(crate) async fn close(&self, grace: Duration) {
        let servers = std::mem::take(&mut *self.running());
        for server in servers {
            server.close(grace).await;
        }
    }

    fn serve(&self, endpoint: &Endpoint) -> Result<Server, ServeError> {
        let (handler, limits) = (self.answering.watched(endpoint), self.answering.limits.clone());
        serve_guarded(endpoint, handler, Arc::new(self.answering.gate.clone()), limits)
    }

    fn configured(&self, transport: &str) -> Result<&Endpoint, SwitchError> {
        let found = self.endpoints.iter().find(|endpoint| endpoint.transport() == transport);
        found.ok_or_else(|| SwitchError::Unknown(transport.to_owned()))
    }

    fn running(&self) -> MutexGuard<'_, Vec<Server>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
