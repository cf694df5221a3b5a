//! The accept loop, the same for every transport with connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::service::Service;
use crate::stats::count;

/// Longest time a peer may take until it has said who it is and what it speaks.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);

/// A socket at which peers arrive.
pub(crate) trait Door: Send + Sync + 'static {
    /// What stands at the door.
    type Guest: Send + 'static;

    /// Whether a guest shows its credentials once.
    const REMEMBERS: bool;

    /// Waits for the next guest. May be dropped and called again.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Guest>> + Send;

    /// Answers a guest's requests until it leaves, or until none is left once the service drains.
    fn serve(guest: Self::Guest, service: Arc<Service>) -> impl Future<Output = ()> + Send + 'static;
}

/// Accepts connections until told to close; then lets those there are finish. Dropped, it breaks them.
pub(crate) async fn run<D: Door>(door: D, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    let mut draining = std::pin::pin!(service.draining());
    loop {
        tokio::select! {
            accepted = door.accept(), if connections.len() < service.limits.max_connections => match accepted {
                Ok(guest) => {
                    count(&service.stats.connects, 1);
                    connections.spawn(D::serve(guest, service.for_connection(D::REMEMBERS)));
                }
                Err(error) => {
                    // Out of descriptors, most likely: wait until one is given back.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut draining => break,
        }
    }
    drop(door);
    while connections.join_next().await.is_some() {}
}
