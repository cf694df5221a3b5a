//! A session as the control half keeps it.

use std::net::IpAddr;
use std::time::SystemTime;

use dataplane::{Bucket, Part, Usage};
use pfcp::{
    EthernetTrafficInformation, FSeid, NtpTime, Seconds, UrSeqn, UrrId, UsageInformation, UsageReport,
    UsageReportTrigger, VolumeMeasurement,
};
use rules::{Rules, Triggers};

/// How far the reports of a usage rule are.
struct Reported {
    next: u32,
    since: SystemTime,
    /// Whether packets are reported too.
    packets: bool,
}

/// A PDU session.
pub(crate) struct PduSession {
    /// The SMF's end.
    pub(crate) cp: FSeid,
    /// The SMF's address on N4.
    pub(crate) peer: IpAddr,
    /// Its rules.
    pub(crate) rules: rules::Session,
    /// Where its packets are looked after: that of its first rules, whatever addresses it has later.
    pub(crate) bucket: Option<Bucket>,
    /// Of its usage rules, and of those removed until their last report is written.
    reported: Rules<u32, Reported>,
}

impl PduSession {
    pub(crate) fn new(cp: FSeid, peer: IpAddr) -> Self {
        Self { cp, peer, rules: rules::Session::default(), bucket: None, reported: Rules::new() }
    }

    /// Puts rules in place of those before, and starts the measurement of usage rules that are new. Those removed are
    /// still to be reported by what is known of them.
    pub(crate) fn set_rules(&mut self, rules: rules::Session, now: SystemTime) {
        for (id, urr) in &rules.urrs {
            let new = !self.rules.urrs.contains_key(id);
            let fresh = Reported { next: 0, since: now, packets: urr.packets };
            let reported = self.reported.entry(id.0).or_insert(fresh);
            match new {
                true => *reported = Reported { next: 0, since: now, packets: urr.packets },
                false => reported.packets = urr.packets,
            }
        }
        self.bucket.get_or_insert_with(|| Bucket::of_session(&rules));
        self.rules = rules;
    }

    /// The last reports of usage rules that were removed are written.
    pub(crate) fn forget_removed(&mut self) {
        self.reported.retain(|id, _| self.rules.urrs.contains_key(&rules::UrrId(*id)));
    }

    /// Writes which stations are new or gone; what the rule has measured is reported as before.
    pub(crate) fn report_stations(
        &mut self,
        urr: u32,
        traffic: EthernetTrafficInformation,
        now: SystemTime,
    ) -> UsageReport {
        let reported = self.reported.entry(urr).or_insert(Reported { next: 0, since: now, packets: false });
        let report = UsageReport::new(UrrId(urr), UrSeqn(reported.next), UsageReportTrigger::MACAR);
        reported.next = reported.next.wrapping_add(1);
        UsageReport { ethernet_traffic: Some(traffic), ..report }
    }

    /// Writes what a usage rule measured since its last report, and why it is told besides the reasons it has itself.
    pub(crate) fn report(&mut self, usage: &Usage, why: UsageReportTrigger, now: SystemTime) -> UsageReport {
        let reported = self.reported.entry(usage.urr).or_insert(Reported { next: 0, since: now, packets: false });
        let report = write(usage, why | triggers(usage), reported, now);
        reported.next = reported.next.wrapping_add(1);
        reported.since = now;
        report
    }
}

/// The reasons of a report.
fn triggers(usage: &Usage) -> UsageReportTrigger {
    let table = [
        (Triggers::PERIODIC, UsageReportTrigger::PERIO),
        (Triggers::VOLUME_THRESHOLD, UsageReportTrigger::VOLTH),
        (Triggers::TIME_THRESHOLD, UsageReportTrigger::TIMTH),
        (Triggers::QUOTA_HOLDING, UsageReportTrigger::QUHTI),
        (Triggers::START, UsageReportTrigger::START),
        (Triggers::LINKED, UsageReportTrigger::LIUSA),
        (Triggers::VOLUME_QUOTA, UsageReportTrigger::VOLQU),
        (Triggers::TIME_QUOTA, UsageReportTrigger::TIMQU),
    ];
    let split =
        if usage.part == Some(Part::Before) { UsageReportTrigger::MONIT } else { UsageReportTrigger::default() };
    let own = table.into_iter().filter(|(trigger, _)| usage.triggers.contain(*trigger));
    own.fold(split, |triggers, (_, trigger)| triggers | trigger)
}

fn write(usage: &Usage, trigger: UsageReportTrigger, reported: &Reported, now: SystemTime) -> UsageReport {
    let [uplink, downlink] = usage.octets;
    let [uplink_packets, downlink_packets] = usage.packets.map(|count| reported.packets.then_some(count));
    UsageReport {
        start_time: Some(NtpTime::from(reported.since)),
        end_time: Some(NtpTime::from(now)),
        volume: Some(VolumeMeasurement {
            total: Some(uplink + downlink),
            uplink: Some(uplink),
            downlink: Some(downlink),
            total_packets: uplink_packets.zip(downlink_packets).map(|(uplink, downlink)| uplink + downlink),
            uplink_packets,
            downlink_packets,
        }),
        duration: usage.duration.map(|time| Seconds(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))),
        usage_information: usage.part.map(|part| match part {
            Part::Before => UsageInformation::BEF,
            Part::After => UsageInformation::AFT,
        }),
        ..UsageReport::new(UrrId(usage.urr), UrSeqn(reported.next), trigger)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn usage_rules_that_come_and_go_leave_nothing_behind() {
        let smf = Ipv4Addr::new(127, 0, 0, 4).into();
        let mut session = PduSession::new(FSeid::new(pfcp::Seid(1), smf), smf);
        for id in 1..100 {
            let mut rules = rules::Session::default();
            rules.urrs.insert(rules::UrrId(id), rules::Urr::default());
            session.set_rules(rules, SystemTime::now());
            session.forget_removed();
            assert_eq!(session.reported.keys().copied().collect::<Vec<_>>(), [id]);
        }
    }
}
