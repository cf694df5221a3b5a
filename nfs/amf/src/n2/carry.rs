//! SCTP around the associations (TS 38.412): octets in, octets out, and nobody waits for a slow node.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::{Shutdown, StartError};
use sctp::{Backend, Listener, Options, PPID_NGAP};
use tokio::sync::{Notify, mpsc};

use super::Outgoing;
use super::outbox::Outbox;
use super::serve::Opened;
use crate::config::{N2Config, SctpBackend};
use crate::core::{Core, now};

/// Opens the listener, with the stack that the configuration or the host decides.
pub(crate) async fn listen(config: &N2Config, max_associations: usize) -> Result<Listener, StartError> {
    let backend = match config.backend {
        SctpBackend::Kernel => Backend::Kernel,
        SctpBackend::User => Backend::UserSpace,
        SctpBackend::Auto => {
            let probe = Backend::probe();
            tracing::info!("{}", probe.reason);
            probe.backend
        }
    };
    let options = Options {
        backend: Some(backend),
        outbound_streams: 64,
        max_message: ngap::MAX_MESSAGE_LEN,
        max_associations,
        ..Options::default()
    };
    let fallback = SocketAddr::from(([0, 0, 0, 0], 0));
    let address = config.listen.first().copied().unwrap_or(fallback);
    Listener::bind(&config.listen, options).await.map_err(|error| match error {
        error @ sctp::Error::Unavailable { .. } => StartError::system(error),
        error => StartError::listen("N2", address, "amf.n2.listen", io::Error::other(error)),
    })
}

/// Accepts associations until the process is to end.
pub(crate) async fn accept(core: Arc<Core>, listener: Listener, shutdown: Shutdown) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.requested() => return,
        };
        match accepted {
            Ok(association) => {
                drop(tokio::spawn(carry(core.clone(), association, shutdown.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "N2 association not accepted");
                // A stack that fails again and again must not take the processor.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// How long a message of a node that is behind is held back.
const HOLD: Duration = Duration::from_millis(10);

/// What ended an association, or the machine behind it.
enum Ended {
    /// Gone, or to be gone.
    Over,
    /// The peer has started anew: the same association, nothing known.
    Restarted,
}

async fn carry(core: Arc<Core>, association: sctp::Association, shutdown: Shutdown) {
    let streams = association.outbound_streams();
    let peer = association.peer_addresses().ok().and_then(|peers| peers.first().copied());
    tracing::info!(?peer, streams, "N2 association");
    let (sender, mut receiver) = association.split();
    loop {
        let Some(opened) = core.open_association(now(), streams) else {
            tracing::warn!(?peer, "too many N2 associations (amf.limits.gnbs)");
            return sender.abort();
        };
        let Opened { id, outbox, outgoing, mut end } = opened;
        let taken = Arc::new(Notify::new());
        let writer = tokio::spawn(write(sender.clone(), outgoing, taken.clone()));
        let ended = tokio::select! {
            ended = read(&core, id, (&outbox, &taken), &mut receiver) => ended,
            _ = end.wait_for(|end| *end) => {
                sender.abort();
                Ended::Over
            }
            _ = shutdown.requested() => {
                let _ = sender.shutdown(); // it may be over already
                Ended::Over
            }
        };
        // What waits to be sent must not come after the peer's restart.
        writer.abort();
        core.close_association(id);
        if matches!(ended, Ended::Over) {
            tracing::info!(?peer, "N2 association ended");
            return;
        }
        tracing::info!(?peer, "N2 association restarted by the node");
    }
}

/// Passes on what comes. A node that does not take what it is sent is hardly read from either, so that SCTP's window slows it down before
/// its outbox is full, which would be the end of the association. Hardly: a node may wait to send before it reads.
async fn read(
    core: &Arc<Core>,
    id: super::AssociationId,
    (outbox, taken): (&Outbox, &Notify),
    receiver: &mut sctp::Receiver,
) -> Ended {
    loop {
        // The stack may have more at once than an outbox holds: now and then UEs answer what was read before more is.
        tokio::task::coop::consume_budget().await;
        if outbox.is_behind() {
            let _ = tokio::time::timeout(HOLD, caught_up(outbox, taken)).await; // then it gets through all the same
        }
        match receiver.recv().await {
            sctp::Event::Message { stream, ppid: PPID_NGAP, data } => core.handle_n2(now(), id, stream, &data),
            sctp::Event::Message { ppid, .. } => tracing::debug!(ppid, "not NGAP: discarded"),
            sctp::Event::Oversized { stream, .. } => {
                // An empty message is none either: the answer is the one to what cannot be decoded.
                tracing::debug!(stream, "message too long");
                core.handle_n2(now(), id, stream, &[]);
            }
            sctp::Event::Restarted => return Ended::Restarted,
            sctp::Event::Shutdown | sctp::Event::PeerAborted => return Ended::Over,
        }
    }
}

/// Waits until the node has taken enough to be read from.
async fn caught_up(outbox: &Outbox, taken: &Notify) {
    while outbox.is_behind() {
        taken.notified().await;
    }
}

/// Sends what waits, and tells of each message that it was taken; of the end, too.
async fn write(sender: sctp::Sender, mut outgoing: mpsc::Receiver<Outgoing>, taken: Arc<Notify>) {
    while let Some(Outgoing { stream, octets }) = outgoing.recv().await {
        if let Err(error) = sender.send(stream, PPID_NGAP, octets).await {
            tracing::debug!(%error, "N2 message not sent");
            break;
        }
        taken.notify_one();
    }
    drop(outgoing);
    taken.notify_one();
}
