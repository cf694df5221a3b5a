//! Calls as messages in memory shared with the peer.

use std::path::PathBuf;
use std::sync::Arc;

use sbi_api::BoxFuture;

use crate::connection::{ConnectError, Connection, Transport};
use crate::service::Service;
use crate::stats::Stats;
use crate::{Endpoint, Limits, ServeError};

/// The transport to the server whose unix socket is at this path.
pub(crate) struct Shm(pub(crate) PathBuf);

impl Transport for Shm {
    fn connect(&self, _limits: Limits, _stats: Arc<Stats>) -> BoxFuture<'_, Result<Arc<dyn Connection>, ConnectError>> {
        Box::pin(std::future::ready(Err(ConnectError(format!("no channel to {} yet", self.0.display())))))
    }

    fn listen(&self, _service: Arc<Service>) -> Result<(Endpoint, BoxFuture<'static, ()>), ServeError> {
        Err(ServeError::new(Endpoint::Shm(self.0.clone()), "no channels yet"))
    }
}
