//! Paths between UPFs and gNBs that UPFs tell of: failed, or recovered (TS 29.244 6.2.9, TS 23.527 5.2).
//!
//! Sessions stay: the AMF knows by N2 whether the gNB is there, and releases what is not.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use pfcp::{
    Cause, GtpUPeer, NodeReportRequest, NodeReportResponse, NodeReportType, OffendingIe, RequestToken, Seid, ie,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::Core;
use crate::session::UpConnection;

/// gNBs named in the log for one report; it says how many more there are.
const NAMED: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Change {
    change: &'static str,
}

/// Paths that UPFs told of, by what became of them.
#[derive(Default)]
pub(crate) struct PathChanges(Family<Change, Counter>);

impl PathChanges {
    pub(crate) fn register(metrics: &runtime::Metrics) -> Self {
        let changes = Self::default();
        metrics.register("n3_path_changes", "Paths between UPF and gNB told to have changed", changes.0.clone());
        changes
    }

    fn count(&self, change: &'static str, paths: usize) {
        self.0.get_or_create(&Change { change }).inc_by(paths as u64);
    }
}

/// A UPF tells of paths.
pub(crate) async fn reported(core: Arc<Core>, token: RequestToken, report: Box<NodeReportRequest>) {
    let failed = report.path_failure.as_ref().map(|report| report.peers.as_slice()).unwrap_or_default();
    let recovered = report.path_recovery.as_ref().map(|report| report.peers.as_slice()).unwrap_or_default();
    let mut answer = NodeReportResponse::new(core.n4.node_id(), Cause::RequestAccepted);
    let told = [
        (NodeReportType::UPFR, "failed", failed, ie::USER_PLANE_PATH_FAILURE_REPORT),
        (NodeReportType::UPRR, "recovered", recovered, ie::USER_PLANE_PATH_RECOVERY_REPORT),
    ];
    let told = told.into_iter().filter(|(kind, ..)| report.report_type.contains(*kind));
    let missing = told.clone().find(|(.., peers, _)| peers.is_empty());
    if let Some((.., element)) = missing {
        (answer.cause, answer.offending_ie) = (Cause::ConditionalIeMissing, Some(OffendingIe(element)));
        return core.n4.answer(token, Seid::default(), answer).await;
    }
    let upf = token.peer();
    for (_, change, peers, _) in told {
        let sessions = using(&core, upf, peers);
        core.path_changes.count(change, sessions.len());
        for (gnb, sessions) in sessions.iter().take(NAMED) {
            tracing::warn!(%upf, %gnb, sessions, "the path between UPF and gNB has {change}");
        }
        if sessions.len() > NAMED {
            tracing::warn!(%upf, more = sessions.len() - NAMED, "paths between UPF and gNBs have {change}");
        }
    }
    core.n4.answer(token, Seid::default(), answer).await;
}

/// How many sessions at the UPF forward to each of the peers; of those that no procedure holds at this moment.
fn using(core: &Core, upf: IpAddr, peers: &[GtpUPeer]) -> BTreeMap<IpAddr, usize> {
    let mut counts: BTreeMap<IpAddr, usize> = peers.iter().flat_map(GtpUPeer::addresses).map(|gnb| (gnb, 0)).collect();
    for entry in core.sessions.all() {
        let Ok(session) = entry.session.try_lock() else { continue };
        let UpConnection::Activated(tunnel) = session.up else { continue };
        if session.at_upf.is_some_and(|at_upf| at_upf.upf == upf) {
            let address = tunnel.transport_layer_address;
            let ends = address.v4().map(IpAddr::from).into_iter().chain(address.v6().map(IpAddr::from));
            ends.for_each(|end| {
                if let Some(count) = counts.get_mut(&end) {
                    *count += 1;
                }
            });
        }
    }
    counts
}
