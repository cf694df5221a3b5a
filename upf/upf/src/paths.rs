//! Supervision of the gNBs that sessions forward to, and what SMFs are told of it (TS 29.244 6.2.9, TS 23.527 5.2).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use gtpu::{PathConfig, PathEvent, Paths};
use pfcp::{NodeId, NodeReportRequest, NodeReportType, PathFailureReport, PathRecoveryReport};

/// Peers of one report: what fits a datagram, whatever addresses they have.
const PEERS: usize = 1024;

/// The paths on N3.
pub(crate) struct N3Paths(Paths);

impl N3Paths {
    pub(crate) fn new(config: PathConfig) -> Self {
        Self(Paths::new(config))
    }

    /// Takes note of what a session forwards to, in place of what it did.
    pub(crate) fn changed(&mut self, now: Instant, before: &rules::Session, after: &rules::Session) {
        // Those that stay are never without a tunnel between.
        peers(after).for_each(|peer| self.0.add_tunnel(now, peer));
        peers(before).for_each(|peer| self.0.remove_tunnel(peer));
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    pub(crate) fn handle_message(&mut self, now: Instant, from: SocketAddr, octets: &[u8]) {
        if from.port() == gtpu::PORT {
            self.0.handle_message(now, from.ip(), octets);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    /// The next Echo Request.
    pub(crate) fn poll_transmit(&mut self) -> Option<(SocketAddr, [u8; 12])> {
        self.0.poll_transmit().map(|echo| (SocketAddr::new(echo.to, gtpu::PORT), echo.octets))
    }

    /// Peers supervised, and those of them that do not answer.
    pub(crate) fn supervised(&self) -> (usize, usize) {
        self.0.supervised()
    }

    /// What SMFs are to be told.
    pub(crate) fn reports(&mut self, node_id: &NodeId) -> Vec<NodeReportRequest> {
        let (mut failed, mut recovered) = (Vec::new(), Vec::new());
        while let Some(event) = self.0.poll_event() {
            match event {
                PathEvent::Failed(peer) => {
                    tracing::warn!(%peer, "the gNB does not answer on N3: GTP-U path failure");
                    failed.push(peer.into());
                }
                PathEvent::Recovered(peer) => {
                    tracing::info!(%peer, "the gNB answers on N3 again");
                    recovered.push(peer.into());
                }
                PathEvent::Restarted(peer) => tracing::info!(%peer, "the gNB says on N3 that it has started again"),
            }
        }
        let failures = failed.chunks(PEERS).map(|peers| {
            let report = PathFailureReport { peers: peers.to_vec() };
            let request = NodeReportRequest::new(node_id.clone(), NodeReportType::UPFR);
            NodeReportRequest { path_failure: Some(report), ..request }
        });
        let recoveries = recovered.chunks(PEERS).map(|peers| {
            let report = PathRecoveryReport { peers: peers.to_vec() };
            let request = NodeReportRequest::new(node_id.clone(), NodeReportType::UPRR);
            NodeReportRequest { path_recovery: Some(report), ..request }
        });
        failures.chain(recoveries).collect()
    }
}

/// The far ends of a session's tunnels, as often as there are rules that lead there.
fn peers(session: &rules::Session) -> impl Iterator<Item = IpAddr> {
    let used = session.fars.values().filter(|far| far.action.forward);
    used.filter_map(|far| far.forwarding.as_ref()?.tunnel).map(|tunnel| tunnel.address)
}
