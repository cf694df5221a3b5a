//! The whole AMF without I/O: NGAP octets in, NGAP octets and service operations out. Tests and fuzzers drive it; the
//! process puts SCTP around it.

use std::sync::Arc;
use std::time::Instant;

use runtime::{Context, StartError};
use sbi_api::Routes;
use sbi_models::Supi;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Config;
use crate::core::Core;
pub use crate::n2::{AssociationId, Outgoing};
use crate::ue::event::{DeregisterOrder, Event};

/// The AMF. UEs' procedures run as tasks of the tokio runtime it is called in.
#[derive(Clone)]
pub struct Machine {
    pub(crate) core: Arc<Core>,
}

/// An association with a node, as its carrier holds it.
pub struct Association {
    /// Names it in every call.
    pub id: AssociationId,
    /// What is to be sent to the node.
    pub outgoing: mpsc::Receiver<Outgoing>,
    /// Becomes `true` when the association is to be ended.
    pub end: watch::Receiver<bool>,
}

impl Machine {
    /// An AMF with nobody connected.
    ///
    /// # Errors
    /// [`StartError::Config`] for a configuration that cannot be.
    pub fn new(ctx: Context<Config>) -> Result<Self, StartError> {
        Core::new(ctx).map(|core| Self { core: Arc::new(core) })
    }

    /// A node has opened an association with so many streams towards it. `None` when there are too many.
    pub fn connect(&self, now: Instant, streams: u16) -> Option<Association> {
        let opened = self.core.open_association(now, streams)?;
        Some(Association { id: opened.id, outgoing: opened.outgoing, end: opened.end })
    }

    /// A message has come on a stream of an association. Never waits.
    pub fn handle_n2(&self, now: Instant, association: AssociationId, stream: u16, octets: &[u8]) {
        self.core.handle_n2(now, association, stream, octets);
    }

    /// An association has ended.
    pub fn disconnect(&self, association: AssociationId) {
        self.core.close_association(association);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&self, now: Instant) {
        self.core.handle_timeout(now);
    }

    /// When [`Machine::handle_timeout`] is due next.
    pub fn poll_timeout(&self, now: Instant) -> Instant {
        self.core.next_timeout(now)
    }

    /// Waits until something is due that [`Machine::poll_timeout`] could not tell of when it was asked.
    pub async fn overdue(&self) {
        self.core.due.notified().await;
    }

    /// What answers the services that the AMF offers.
    pub fn routes(&self) -> Routes {
        crate::namf::routes(self.core.clone())
    }

    /// Deregisters a subscriber, and returns when it is done. `false` if it is not registered here.
    pub async fn deregister(&self, supi: &Supi, reregister: bool) -> bool {
        let Some((id, _)) = self.core.directory.find(supi) else { return false };
        let (done, finished) = oneshot::channel();
        let order = DeregisterOrder { reregister, by_udm: false, subscription_withdrawn: false, done: Some(done) };
        match self.core.post(id, Event::Deregister(order)) {
            Ok(()) => finished.await.is_ok(),
            Err(_) => false,
        }
    }

    /// UE contexts, associations, and connections as the nodes' associations count them.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.core.directory.len(), self.core.associations.len(), self.core.associations.ue_count())
    }

    /// What `GET /status` answers.
    pub fn status(&self) -> serde_json::Value {
        crate::admin::status(&self.core)
    }
}
