//! Ethernet sessions: where they lie, and what is reported of the stations behind their UEs (TS 29.244 5.2.2.3, 7.5.8.3).

use std::time::{Instant, SystemTime};

use dataplane::Bucket;
use pfcp::{EthernetTrafficInformation, MacAddresses, ReportType, SessionReportRequest};
use rules::{Kind, Mac};

use super::Control;

/// The bucket of the Ethernet data network that a session is of.
pub(super) fn bucket(kind: Kind) -> Option<Bucket> {
    match kind {
        Kind::Ethernet(link) => Some(Bucket::of_link(link)),
        Kind::Ip | Kind::Unstructured(_) => None,
    }
}

impl Control {
    /// Reports stations that are new or gone by each of these usage rules.
    pub(super) fn mac_addresses(
        &mut self,
        now: Instant,
        seid: u64,
        urrs: &[u32],
        (detected, removed): (Vec<Mac>, Vec<Mac>),
    ) {
        let Some(session) = self.sessions.get_mut(&seid) else { return };
        let listed = |stations: Vec<Mac>| {
            let addresses: Vec<_> = stations.into_iter().map(pfcp::Mac).collect();
            let list = (!addresses.is_empty()).then(|| MacAddresses { addresses, ..MacAddresses::default() });
            list.into_iter().collect()
        };
        let traffic = EthernetTrafficInformation { detected: listed(detected), removed: listed(removed) };
        let at = SystemTime::now();
        let mut report = SessionReportRequest::new(ReportType::USAR);
        report.usage_reports = urrs.iter().map(|urr| session.report_stations(*urr, traffic.clone(), at)).collect();
        self.report(now, seid, report);
    }
}
