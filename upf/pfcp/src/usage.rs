//! Usage reporting rules and usage reports (TS 29.244 7.5.2.4, 7.5.8.3).

use crate::wire::{Malformed, Value, group, integer_values, take};
use crate::{EthernetTrafficInformation, NtpTime};

/// Identifier of a usage reporting rule (8.2.54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UrrId(pub u32);

/// Number of a usage report of a rule, counted from zero (8.2.71).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrSeqn(pub u32);

/// A time in seconds: threshold, quota, period, duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seconds(pub u32);

/// What is measured (8.2.40).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MeasurementMethod(pub u8);

impl MeasurementMethod {
    /// Duration.
    pub const DURAT: Self = Self(1);
    /// Volume.
    pub const VOLUM: Self = Self(1 << 1);
    /// Events.
    pub const EVENT: Self = Self(1 << 2);
}

/// How it is measured (8.2.68).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeasurementInformation(pub u8);

impl MeasurementInformation {
    /// Before QoS is enforced.
    pub const MBQE: Self = Self(1);
    /// Not for now.
    pub const INAM: Self = Self(1 << 1);
    /// Time runs from the start, not from the first packet.
    pub const ISTM: Self = Self(1 << 3);
    /// The number of packets too.
    pub const MNOP: Self = Self(1 << 4);

    /// Whether all of `kinds` are set.
    pub fn contains(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }
}

/// Which part of a measurement a report is of (8.2.63).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UsageInformation(pub u8);

impl UsageInformation {
    /// What was before the monitoring time.
    pub const BEF: Self = Self(1);
    /// What was after it.
    pub const AFT: Self = Self(1 << 1);
}

/// Names a query of usage, and the reports that answer it (8.2.90).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryUrrReference(pub u32);

integer_values!(
    UrrId(u32),
    UrSeqn(u32),
    Seconds(u32),
    MeasurementMethod(u8),
    MeasurementInformation(u8),
    UsageInformation(u8),
    QueryUrrReference(u32)
);

/// Up to three octets of flags, the first in the low bits.
macro_rules! triggers {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $flag:ident = $octet:literal / $bit:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$doc])* pub const $flag: Self = Self(1 << (($octet - 5) * 8 + $bit - 1));)*

            /// Whether all of `triggers` are set.
            pub fn contains(self, triggers: Self) -> bool {
                self.0 & triggers.0 == triggers.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend(self.0.to_le_bytes().iter().take(3));
            }

            fn read(octets: &[u8]) -> Result<Self, Malformed> {
                match *octets {
                    [] => Err(Malformed::Length),
                    [a] => Ok(Self(u32::from(a))),
                    [a, b] => Ok(Self(u32::from_le_bytes([a, b, 0, 0]))),
                    [a, b, c, ..] => Ok(Self(u32::from_le_bytes([a, b, c, 0]))),
                }
            }
        }
    };
}

triggers! {
    /// When a usage report is wanted (8.2.19).
    ReportingTriggers {
        /// Periodically.
        PERIO = 5 / 1,
        /// At the volume threshold.
        VOLTH = 5 / 2,
        /// At the time threshold.
        TIMTH = 5 / 3,
        /// When no packet came for the time a quota is held.
        QUHTI = 5 / 4,
        /// At the start of traffic.
        START = 5 / 5,
        /// With the report of a linked rule.
        LIUSA = 5 / 8,
        /// When the volume quota is used up.
        VOLQU = 6 / 1,
        /// When the time quota is used up.
        TIMQU = 6 / 2,
        /// When a MAC address is new or gone.
        MACAR = 6 / 4,
    }
}

triggers! {
    /// Why a usage report is sent (8.2.41).
    UsageReportTrigger {
        /// Periodically.
        PERIO = 5 / 1,
        /// The volume threshold was reached.
        VOLTH = 5 / 2,
        /// The time threshold was reached.
        TIMTH = 5 / 3,
        /// No packet came for the time a quota is held.
        QUHTI = 5 / 4,
        /// Traffic has started.
        START = 5 / 5,
        /// The CP function asked for it.
        IMMER = 5 / 8,
        /// The volume quota is used up.
        VOLQU = 6 / 1,
        /// The time quota is used up.
        TIMQU = 6 / 2,
        /// A linked rule reports.
        LIUSA = 6 / 3,
        /// The session or the rule ends.
        TERMR = 6 / 4,
        /// The monitoring time splits the measurement.
        MONIT = 6 / 5,
        /// A MAC address is new or gone.
        MACAR = 6 / 7,
    }
}

/// Volumes in octets: a threshold or a quota (8.2.13, 8.2.50).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Volume {
    /// Both directions.
    pub total: Option<u64>,
    /// Uplink.
    pub uplink: Option<u64>,
    /// Downlink.
    pub downlink: Option<u64>,
}

impl Value for Volume {
    fn write(&self, out: &mut Vec<u8>) {
        write_counts(&[self.total, self.uplink, self.downlink], out);
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let [total, uplink, downlink] = read_counts(octets)?;
        Ok(Self { total, uplink, downlink })
    }
}

/// What was measured: octets and packets (8.2.44).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VolumeMeasurement {
    /// Octets of both directions.
    pub total: Option<u64>,
    /// Uplink octets.
    pub uplink: Option<u64>,
    /// Downlink octets.
    pub downlink: Option<u64>,
    /// Packets of both directions.
    pub total_packets: Option<u64>,
    /// Uplink packets.
    pub uplink_packets: Option<u64>,
    /// Downlink packets.
    pub downlink_packets: Option<u64>,
}

impl Value for VolumeMeasurement {
    fn write(&self, out: &mut Vec<u8>) {
        let counts =
            [self.total, self.uplink, self.downlink, self.total_packets, self.uplink_packets, self.downlink_packets];
        write_counts(&counts, out);
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let [total, uplink, downlink, total_packets, uplink_packets, downlink_packets] = read_counts(octets)?;
        Ok(Self { total, uplink, downlink, total_packets, uplink_packets, downlink_packets })
    }
}

/// Flags that say which of the counts follow, then those.
fn write_counts(counts: &[Option<u64>], out: &mut Vec<u8>) {
    out.push(counts.iter().rev().fold(0, |flags, count| flags << 1 | u8::from(count.is_some())));
    for count in counts.iter().flatten() {
        out.extend_from_slice(&count.to_be_bytes());
    }
}

fn read_counts<const N: usize>(mut octets: &[u8]) -> Result<[Option<u64>; N], Malformed> {
    let [mut flags] = take(&mut octets)?;
    let mut counts = [None; N];
    for count in &mut counts {
        if flags & 1 != 0 {
            *count = Some(u64::from_be_bytes(take(&mut octets)?));
        }
        flags >>= 1;
    }
    Ok(counts)
}

group! {
    /// A usage reporting rule to be made (7.5.2.4).
    CreateUrr(
        /// Its identifier, unique in the session.
        urr_id: UrrId = URR_ID,
        /// What is measured.
        measurement_method: MeasurementMethod = MEASUREMENT_METHOD,
        /// When a report is wanted.
        reporting_triggers: ReportingTriggers = REPORTING_TRIGGERS,
    ) {
        /// Time between periodic reports.
        once measurement_period: Seconds = MEASUREMENT_PERIOD,
        /// Volume after which a report is sent.
        once volume_threshold: Volume = VOLUME_THRESHOLD,
        /// Volume after which packets are dropped.
        once volume_quota: Volume = VOLUME_QUOTA,
        /// Time after which a report is sent.
        once time_threshold: Seconds = TIME_THRESHOLD,
        /// Time after which packets are dropped.
        once time_quota: Seconds = TIME_QUOTA,
        /// Time without packets after which quotas are given up.
        once quota_holding_time: Seconds = QUOTA_HOLDING_TIME,
        /// When the measurement is split.
        once monitoring_time: NtpTime = MONITORING_TIME,
        /// The volume threshold from then on.
        once subsequent_volume_threshold: Volume = SUBSEQUENT_VOLUME_THRESHOLD,
        /// The time threshold from then on.
        once subsequent_time_threshold: Seconds = SUBSEQUENT_TIME_THRESHOLD,
        /// Time without packets after which the duration stands still.
        once inactivity_detection_time: Seconds = INACTIVITY_DETECTION_TIME,
        /// Rules whose reports this one's go along with.
        many linked_urr_ids: UrrId = LINKED_URR_ID,
        /// How it is measured.
        once measurement_information: MeasurementInformation = MEASUREMENT_INFORMATION,
        /// Time without frames after which a MAC address is gone.
        once ethernet_inactivity_timer: Seconds = ETHERNET_INACTIVITY_TIMER,
    }
}

group! {
    /// Changes of a usage reporting rule (7.5.4.4).
    UpdateUrr(
        /// The rule.
        urr_id: UrrId = URR_ID,
    ) {
        /// What is measured.
        once measurement_method: MeasurementMethod = MEASUREMENT_METHOD,
        /// When a report is wanted.
        once reporting_triggers: ReportingTriggers = REPORTING_TRIGGERS,
        /// Time between periodic reports.
        once measurement_period: Seconds = MEASUREMENT_PERIOD,
        /// Volume after which a report is sent.
        once volume_threshold: Volume = VOLUME_THRESHOLD,
        /// Volume after which packets are dropped.
        once volume_quota: Volume = VOLUME_QUOTA,
        /// Time after which a report is sent.
        once time_threshold: Seconds = TIME_THRESHOLD,
        /// Time after which packets are dropped.
        once time_quota: Seconds = TIME_QUOTA,
        /// Time without packets after which quotas are given up.
        once quota_holding_time: Seconds = QUOTA_HOLDING_TIME,
        /// When the measurement is split.
        once monitoring_time: NtpTime = MONITORING_TIME,
        /// The volume threshold from then on.
        once subsequent_volume_threshold: Volume = SUBSEQUENT_VOLUME_THRESHOLD,
        /// The time threshold from then on.
        once subsequent_time_threshold: Seconds = SUBSEQUENT_TIME_THRESHOLD,
        /// Time without packets after which the duration stands still.
        once inactivity_detection_time: Seconds = INACTIVITY_DETECTION_TIME,
        /// Rules whose reports this one's go along with.
        many linked_urr_ids: UrrId = LINKED_URR_ID,
        /// How it is measured.
        once measurement_information: MeasurementInformation = MEASUREMENT_INFORMATION,
        /// Time without frames after which a MAC address is gone.
        once ethernet_inactivity_timer: Seconds = ETHERNET_INACTIVITY_TIMER,
    }
}

group! {
    /// A usage reporting rule to be removed (7.5.4.8).
    RemoveUrr(
        /// The rule.
        urr_id: UrrId = URR_ID,
    ) {}
}

group! {
    /// A usage reporting rule whose report is wanted now (7.5.4.10).
    QueryUrr(
        /// The rule.
        urr_id: UrrId = URR_ID,
    ) {}
}

group! {
    /// What a rule measured (7.5.5.2, 7.5.7.2, 7.5.8.3).
    UsageReport(
        /// The rule.
        urr_id: UrrId = URR_ID,
        /// Number of the report.
        ur_seqn: UrSeqn = UR_SEQN,
        /// Why it is sent.
        trigger: UsageReportTrigger = USAGE_REPORT_TRIGGER,
    ) {
        /// When the measurement began.
        once start_time: NtpTime = START_TIME,
        /// When it ended.
        once end_time: NtpTime = END_TIME,
        /// The volume.
        once volume: VolumeMeasurement = VOLUME_MEASUREMENT,
        /// The duration.
        once duration: Seconds = DURATION_MEASUREMENT,
        /// Which part of the measurement it is.
        once usage_information: UsageInformation = USAGE_INFORMATION,
        /// The query that it answers.
        once query_urr_reference: QueryUrrReference = QUERY_URR_REFERENCE,
        /// MAC addresses behind the UE that are new or gone.
        once ethernet_traffic: EthernetTrafficInformation = ETHERNET_TRAFFIC_INFORMATION,
    }
}
