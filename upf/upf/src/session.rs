//! A session as the control half keeps it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use dataplane::Usage;
use pfcp::{FSeid, NtpTime, Seconds, UrSeqn, UrrId, UsageReport, UsageReportTrigger, VolumeMeasurement};

/// How far the reports of a usage rule are.
struct Reported {
    next: u32,
    since: SystemTime,
}

/// A PDU session.
pub(crate) struct PduSession {
    /// The SMF's end.
    pub(crate) cp: FSeid,
    /// The SMF's address on N4.
    pub(crate) peer: IpAddr,
    /// Its rules.
    pub(crate) rules: rules::Session,
    reported: BTreeMap<u32, Reported>,
}

impl PduSession {
    pub(crate) fn new(cp: FSeid, peer: IpAddr) -> Self {
        Self { cp, peer, rules: rules::Session::default(), reported: BTreeMap::new() }
    }

    /// Puts rules in place of those before, and starts the measurement of usage rules that are new. Those removed are
    /// still to be reported by what is known of them.
    pub(crate) fn set_rules(&mut self, rules: rules::Session, now: SystemTime) {
        for urr in rules.urrs.keys().filter(|urr| !self.rules.urrs.contains_key(urr)) {
            self.reported.insert(urr.0, Reported { next: 0, since: now });
        }
        self.rules = rules;
    }

    /// Writes what a usage rule measured since its last report.
    pub(crate) fn report(&mut self, usage: &Usage, trigger: UsageReportTrigger, now: SystemTime) -> UsageReport {
        let reported = self.reported.entry(usage.urr).or_insert(Reported { next: 0, since: now });
        let report = write(usage, trigger, reported, now);
        reported.next += 1;
        reported.since = now;
        report
    }
}

fn write(usage: &Usage, trigger: UsageReportTrigger, reported: &Reported, now: SystemTime) -> UsageReport {
    let [uplink, downlink] = usage.octets;
    let [uplink_packets, downlink_packets] = usage.packets;
    let seconds = now.duration_since(reported.since).unwrap_or_default().as_secs();
    UsageReport {
        start_time: Some(NtpTime::from(reported.since)),
        end_time: Some(NtpTime::from(now)),
        volume: Some(VolumeMeasurement {
            total: Some(uplink + downlink),
            uplink: Some(uplink),
            downlink: Some(downlink),
            total_packets: Some(uplink_packets + downlink_packets),
            uplink_packets: Some(uplink_packets),
            downlink_packets: Some(downlink_packets),
        }),
        duration: Some(Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))),
        ..UsageReport::new(UrrId(usage.urr), UrSeqn(reported.next), trigger)
    }
}
