//! Usage reporting rules: what is measured, and when a report is due (TS 29.244 5.2.2).
//!
//! Most rules count octets and packets and no more; limits and everything that has to do with time is apart, and only there
//! where a rule asks it.

use std::time::{Duration, Instant};

use rules::{Monitoring, Triggers, Volumes};

use crate::counters::Direction;

/// Which part of a measurement a report is of, where it is split at a monitoring time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What was measured before.
    Before,
    /// What was measured after.
    After,
}

/// What a usage rule measured since its last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The rule.
    pub urr: u32,
    /// Octets: uplink, downlink.
    pub octets: [u64; 2],
    /// Packets: uplink, downlink.
    pub packets: [u64; 2],
    /// The duration, where it is measured.
    pub duration: Option<Duration>,
    /// Why it is reported; nothing where it was asked for.
    pub triggers: Triggers,
    /// Where the measurement was split.
    pub part: Option<Part>,
}

/// A usage reporting rule at work.
#[derive(Clone)]
pub(crate) struct Urr {
    id: u32,
    inactive: bool,
    exhausted: bool,
    octets: [u64; 2],
    packets: [u64; 2],
    limits: Option<Box<Limits>>,
    timing: Option<Box<Timing>>,
}

/// What is reported or ends after a volume, or along with another rule.
#[derive(Clone)]
struct Limits {
    threshold: Option<Volumes>,
    /// The threshold of the measurement after this one.
    next_threshold: Option<Volumes>,
    quota: Option<Volumes>,
    /// Whether the end of the quota is reported.
    tells_quota: bool,
    /// Octets since the quota was given.
    used: [u64; 2],
    quotas_given: u32,
    linked: Box<[u32]>,
}

/// What is measured in time, or comes at a time.
#[derive(Clone)]
struct Timing {
    triggers: Triggers,
    duration: bool,
    period: Option<Duration>,
    threshold: Option<Duration>,
    /// The threshold of the measurement after this one.
    next_threshold: Option<Duration>,
    thresholds_given: u32,
    quota: Option<Duration>,
    holding: Option<Duration>,
    inactivity: Option<Duration>,
    monitoring: Option<Monitoring>,
    /// Whether that moment has been.
    monitored: bool,
    /// When the period ends.
    next: Option<Instant>,
    /// Since when the duration runs, if it does.
    running: Option<Instant>,
    /// What ran before, of this report and of this quota.
    measured: Duration,
    used: Duration,
    /// The last packet.
    last: Instant,
    /// Whether there has been one.
    started: bool,
    /// What was measured before the monitoring time.
    before: Option<Usage>,
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A time that never comes in place of one beyond the clock's end.
fn later(at: Instant, time: Duration) -> Option<Instant> {
    at.checked_add(time)
}

impl Timing {
    fn compile(rule: &rules::Urr, now: Instant) -> Option<Box<Self>> {
        let wanted =
            |trigger: Triggers, value: Option<u32>| value.filter(|_| rule.triggers.contain(trigger)).map(seconds);
        let threshold = wanted(Triggers::TIME_THRESHOLD, rule.time_threshold);
        let timing = Self {
            triggers: rule.triggers,
            duration: rule.duration,
            period: wanted(Triggers::PERIODIC, rule.period),
            threshold,
            next_threshold: threshold,
            thresholds_given: rule.thresholds_given,
            quota: rule.time_quota.map(seconds),
            holding: wanted(Triggers::QUOTA_HOLDING, rule.quota_holding),
            inactivity: rule.inactivity.map(seconds),
            monitoring: rule.monitoring,
            monitored: false,
            next: None,
            running: (rule.duration && rule.immediate && !rule.inactive).then_some(now),
            measured: Duration::ZERO,
            used: Duration::ZERO,
            last: now,
            started: false,
            before: None,
        };
        let plain = !rule.duration
            && timing.period.is_none()
            && timing.holding.is_none()
            && timing.monitoring.is_none()
            && timing.quota.is_none()
            && !rule.triggers.contain(Triggers::START);
        (!plain).then(|| Box::new(Self { next: timing.period.and_then(|period| later(now, period)), ..timing }))
    }

    /// Notes a packet. What is due at once, and whether a time may have come nearer.
    fn packet(&mut self, now: Instant) -> (Triggers, bool) {
        self.last = now;
        let starts = self.duration && self.running.is_none();
        if starts {
            self.running = Some(now);
        }
        let first = !std::mem::replace(&mut self.started, true);
        let told = first && self.triggers.contain(Triggers::START);
        (if told { Triggers::START } else { Triggers::default() }, starts || first)
    }

    fn run(&self, now: Instant) -> Duration {
        self.running.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Adds what has run to the sums.
    fn settle(&mut self, now: Instant) {
        let run = self.run(now);
        self.measured += run;
        self.used += run;
        self.running = self.running.map(|_| now);
    }

    /// When the sum of what ran before and runs now reaches a limit.
    fn reaches(&self, limit: Option<Duration>, before: Duration) -> Option<Instant> {
        later(self.running?, limit?.saturating_sub(before))
    }

    fn monitoring_at(&self) -> Option<Instant> {
        self.monitoring.filter(|_| !self.monitored).map(|monitoring| monitoring.at)
    }

    fn idle_since(&self, time: Option<Duration>) -> Option<Instant> {
        later(self.last, time?)
    }

    /// The next of its times.
    fn due(&self, exhausted: bool) -> Option<Instant> {
        let held = !exhausted && self.started;
        let times = [
            self.next,
            self.monitoring_at(),
            self.reaches(self.threshold, self.measured),
            if exhausted { None } else { self.reaches(self.quota, self.used) },
            self.running.and_then(|_| self.idle_since(self.inactivity)),
            if held { self.idle_since(self.holding) } else { None },
        ];
        times.into_iter().flatten().min()
    }
}

impl Urr {
    pub(crate) fn compile(id: u32, rule: &rules::Urr, now: Instant) -> Self {
        let counts = |trigger: Triggers, volumes: Option<Volumes>| volumes.filter(|_| rule.triggers.contain(trigger));
        let threshold = counts(Triggers::VOLUME_THRESHOLD, rule.volume_threshold);
        let limits = Limits {
            threshold,
            next_threshold: threshold,
            quota: rule.volume_quota,
            tells_quota: rule.triggers.contain(Triggers::VOLUME_QUOTA),
            used: [0; 2],
            quotas_given: rule.quotas_given,
            linked: rule.linked.iter().filter(|_| rule.triggers.contain(Triggers::LINKED)).map(|id| id.0).collect(),
        };
        let limited = limits.threshold.is_some() || limits.quota.is_some() || !limits.linked.is_empty();
        // No quota of time is told apart from none of volume: either is counted as given in the same place.
        let limited = limited || rule.time_quota.is_some();
        let nothing = rule.volume_quota.is_some_and(|quota| reached(&quota, [0; 2])) || rule.time_quota == Some(0);
        Self {
            id,
            inactive: rule.inactive,
            exhausted: nothing,
            octets: [0; 2],
            packets: [0; 2],
            limits: limited.then(|| Box::new(limits)),
            timing: Timing::compile(rule, now),
        }
    }

    /// Goes on from what the rule measured as it was before a change.
    pub(crate) fn inherit(&mut self, before: &mut Self, now: Instant) {
        (self.octets, self.packets) = (before.octets, before.packets);
        let given = |urr: &Self| urr.limits.as_ref().map(|limits| limits.quotas_given);
        let same_quota = given(self) == given(before);
        if let (Some(limits), Some(old), true) = (&mut self.limits, &before.limits, same_quota) {
            limits.used = old.used;
        }
        if same_quota {
            self.exhausted = before.exhausted;
        }
        let (Some(timing), Some(old)) = (&mut self.timing, &mut before.timing) else { return };
        old.settle(now);
        timing.measured = old.measured;
        timing.used = if same_quota { old.used } else { Duration::ZERO };
        timing.running = timing.running.or(old.running.filter(|_| timing.duration && !self.inactive).map(|_| now));
        (timing.last, timing.started, timing.before) = (old.last, old.started, old.before.take());
        if timing.period == old.period {
            timing.next = old.next;
        }
        timing.monitored = old.monitored && timing.monitoring == old.monitoring;
        if timing.monitored && timing.thresholds_given == old.thresholds_given {
            (timing.threshold, timing.next_threshold) = (old.threshold, old.next_threshold);
            if let (Some(limits), Some(old)) = (&mut self.limits, &before.limits) {
                (limits.threshold, limits.next_threshold) = (old.threshold, old.next_threshold);
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Whether its reports go along with those of rule `other`.
    pub(crate) fn is_linked_to(&self, other: u32) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.linked.contains(&other))
    }

    /// Counts a packet that is forwarded. Why a report is due, if one is, and whether [`due`](Self::due) may be earlier now.
    pub(crate) fn count(&mut self, now: Instant, direction: Direction, length: usize) -> (Triggers, bool) {
        if self.inactive {
            return (Triggers::default(), false);
        }
        let place = direction as usize;
        self.octets[place] += length as u64;
        self.packets[place] += 1;
        let (mut triggers, mut earlier) = (Triggers::default(), false);
        if let Some(limits) = &mut self.limits {
            limits.used[place] += length as u64;
            if !self.exhausted && limits.quota.is_some_and(|quota| reached(&quota, limits.used)) {
                self.exhausted = true;
                triggers |= if limits.tells_quota { Triggers::VOLUME_QUOTA } else { Triggers::default() };
            }
            if limits.threshold.is_some_and(|threshold| reached(&threshold, self.octets)) {
                triggers |= Triggers::VOLUME_THRESHOLD;
            }
        }
        if let Some(timing) = &mut self.timing {
            let (started, nearer) = timing.packet(now);
            triggers |= started;
            earlier = nearer;
        }
        (triggers, earlier)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.timing.as_ref()?.due(self.exhausted)
    }

    /// Does what time has brought, and says why a report is due, if one is.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Triggers {
        if self.timing.as_ref().and_then(|timing| timing.monitoring_at()).is_some_and(|at| at <= now) {
            self.split(now);
        }
        let Some(timing) = &mut self.timing else { return Triggers::default() };
        let come = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let mut triggers = Triggers::default();
        if come(timing.reaches(timing.threshold, timing.measured)) {
            triggers |= Triggers::TIME_THRESHOLD;
        }
        if !self.exhausted && come(timing.reaches(timing.quota, timing.used)) {
            self.exhausted = true;
            triggers |=
                if timing.triggers.contain(Triggers::TIME_QUOTA) { Triggers::TIME_QUOTA } else { Triggers::default() };
        }
        if !self.exhausted && timing.started && come(timing.idle_since(timing.holding)) {
            self.exhausted = true;
            triggers |= Triggers::QUOTA_HOLDING;
        }
        if come(timing.running.and_then(|_| timing.idle_since(timing.inactivity))) {
            timing.settle(now);
            timing.running = None;
        }
        if come(timing.next) {
            triggers |= Triggers::PERIODIC;
            // From when it was due, not from when it was noticed; a clock that jumped gives one report.
            let next = timing.next.zip(timing.period).and_then(|(next, period)| later(next, period));
            timing.next = if come(next) { timing.period.and_then(|period| later(now, period)) } else { next };
        }
        triggers
    }

    /// The monitoring time has come: what was measured so far is put aside.
    fn split(&mut self, now: Instant) {
        let Some(monitoring) = self.timing.as_ref().and_then(|timing| timing.monitoring) else { return };
        let measured = Usage { part: Some(Part::Before), ..self.take(now, Triggers::default()) };
        if let Some(limits) = &mut self.limits {
            let left = limits.threshold.map(|threshold| remaining(threshold, measured.octets));
            limits.threshold = monitoring.volume_threshold.or(left);
            limits.next_threshold = monitoring.volume_threshold.or(limits.next_threshold);
        }
        if let Some(timing) = &mut self.timing {
            let subsequent = monitoring.time_threshold.map(seconds);
            let run = measured.duration.unwrap_or_default();
            timing.threshold = subsequent.or(timing.threshold.map(|threshold| threshold.saturating_sub(run)));
            timing.next_threshold = subsequent.or(timing.next_threshold);
            (timing.monitored, timing.before) = (true, Some(measured));
        }
    }

    /// What was measured since the last report; the next one starts at zero. Two where the measurement was split.
    pub(crate) fn report(&mut self, now: Instant, triggers: Triggers, to: &mut Vec<Usage>) {
        let before = self.timing.as_mut().and_then(|timing| timing.before.take());
        let usage = self.take(now, triggers);
        to.extend(before.map(|before| Usage { triggers, ..before }));
        to.push(Usage { part: before.map(|_| Part::After), ..usage });
        if let Some(limits) = &mut self.limits {
            limits.threshold = limits.next_threshold;
        }
        if let Some(timing) = &mut self.timing {
            timing.threshold = timing.next_threshold;
        }
    }

    fn take(&mut self, now: Instant, triggers: Triggers) -> Usage {
        let (octets, packets) = (std::mem::take(&mut self.octets), std::mem::take(&mut self.packets));
        let duration = self.timing.as_mut().filter(|timing| timing.duration).map(|timing| {
            timing.settle(now);
            std::mem::take(&mut timing.measured)
        });
        Usage { urr: self.id, octets, packets, duration, triggers, part: None }
    }
}

fn reached(volumes: &Volumes, [uplink, downlink]: [u64; 2]) -> bool {
    let over = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
    over(volumes.total, uplink + downlink) || over(volumes.uplink, uplink) || over(volumes.downlink, downlink)
}

fn remaining(volumes: Volumes, [uplink, downlink]: [u64; 2]) -> Volumes {
    let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
    Volumes {
        total: left(volumes.total, uplink + downlink),
        uplink: left(volumes.uplink, uplink),
        downlink: left(volumes.downlink, downlink),
    }
}
