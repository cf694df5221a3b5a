//! What SMFs are told of the UPF's load and overload (TS 29.244 6.2.3, 6.2.4): a state machine without I/O.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use pfcp::{
    CpFunctionFeatures, LoadControlInformation, LoadSequence, Metric, OciFlags, OverloadControlInformation, Timer,
};

/// A change of the load by less is not worth telling.
const STEP: u8 = 5;

/// How long SMFs hold requests back; the news before half of it is over, as long as they are to.
const VALIDITY: Duration = Duration::from_secs(10);

/// Between two looks at what the workers do.
const LOOK: Duration = Duration::from_secs(1);

/// What an SMF understands, and the last that it was told.
struct Told {
    features: CpFunctionFeatures,
    load: Option<LoadSequence>,
    overload: Option<LoadSequence>,
}

/// The UPF's load.
pub(crate) struct Load {
    smfs: HashMap<IpAddr, Told>,
    /// Changes that wait for the workers when overload begins; at twice as many nothing further is wanted.
    queue: usize,
    metric: u8,
    sequence: LoadSequence,
    reduction: u8,
    overload_sequence: LoadSequence,
    /// When what is told of an overload is to be said anew.
    renewal: Option<Instant>,
    /// Nanoseconds that each worker had been busy at the last look, and their share of the time before it, per cent.
    busy: Vec<u64>,
    share: u8,
    looked: Option<Instant>,
}

impl Load {
    /// Sequences start at a number that is higher with each start.
    pub(crate) fn new(queue: usize, first: u32) -> Self {
        let sequence = LoadSequence(first);
        Self {
            smfs: HashMap::new(),
            queue: queue.max(1),
            metric: 0,
            sequence,
            reduction: 0,
            overload_sequence: sequence,
            renewal: None,
            busy: Vec::new(),
            share: 0,
            looked: None,
        }
    }

    /// An SMF with this association.
    pub(crate) fn associated(&mut self, smf: IpAddr, features: CpFunctionFeatures) {
        self.smfs.insert(smf, Told { features, load: None, overload: None });
    }

    /// One whose association ended.
    pub(crate) fn forget(&mut self, smf: IpAddr) {
        self.smfs.remove(&smf);
    }

    /// Whether it is time to look at what the workers do.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK)
    }

    /// Takes note of how long each worker was busy since it started.
    pub(crate) fn look(&mut self, now: Instant, busy: Vec<u64>) {
        let period = self.looked.map_or(LOOK, |looked| now.saturating_duration_since(looked)).as_nanos().max(1);
        let since = |(place, now): (usize, &u64)| now.saturating_sub(self.busy.get(place).copied().unwrap_or(*now));
        let most = busy.iter().enumerate().map(since).max().unwrap_or(0);
        self.share = u8::try_from(u128::from(most) * 100 / period).unwrap_or(100).min(100);
        (self.busy, self.looked) = (busy, Some(now));
    }

    /// Takes note of the sessions there are and may be, and of the changes that wait for the workers.
    pub(crate) fn update(&mut self, now: Instant, (sessions, most): (usize, usize), waiting: usize) {
        let full = sessions.saturating_mul(100).checked_div(most).and_then(|full| u8::try_from(full).ok());
        let metric = full.unwrap_or(100).min(100).max(self.share);
        // The ends are told, whatever the step to them.
        if metric != self.metric && (metric.abs_diff(self.metric) >= STEP || matches!(metric, 0 | 100)) {
            self.metric = metric;
            self.sequence.0 = self.sequence.0.wrapping_add(1);
        }
        let excess = waiting.saturating_sub(self.queue).saturating_mul(100) / self.queue;
        // In tens: what changes little need not be said again.
        let reduction = u8::try_from(excess.min(100)).unwrap_or(100).div_ceil(10) * 10;
        let again = reduction > 0 && self.renewal.is_none_or(|renewal| renewal <= now);
        if reduction != self.reduction || again {
            self.reduction = reduction;
            self.overload_sequence.0 = self.overload_sequence.0.wrapping_add(1);
            self.renewal = (reduction > 0).then(|| now + VALIDITY / 2);
        }
    }

    /// What this SMF is to be told with the next response: what it was not told yet, of what it understands.
    pub(crate) fn news(&mut self, smf: IpAddr) -> (Option<LoadControlInformation>, Option<OverloadControlInformation>) {
        let Some(told) = self.smfs.get_mut(&smf) else { return (None, None) };
        let load = told.features.contains(CpFunctionFeatures::LOAD) && told.load != Some(self.sequence);
        let overload = told.features.contains(CpFunctionFeatures::OVRL)
            && told.overload != Some(self.overload_sequence)
            // Who was told of no overload need not be told that there is none.
            && (self.reduction > 0 || told.overload.is_some());
        let load = load.then(|| {
            told.load = Some(self.sequence);
            LoadControlInformation::new(self.sequence, Metric(self.metric))
        });
        let overload = overload.then(|| {
            told.overload = Some(self.overload_sequence);
            let (reduction, validity) = (Metric(self.reduction), Timer::from(VALIDITY));
            let information = OverloadControlInformation::new(self.overload_sequence, reduction, validity);
            OverloadControlInformation { flags: Some(OciFlags::AOCI), ..information }
        });
        (load, overload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMF: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 4));

    fn load() -> Load {
        let mut load = Load::new(10, 100);
        load.associated(SMF, CpFunctionFeatures::LOAD | CpFunctionFeatures::OVRL);
        load
    }

    /// Load and reduction told, as numbers.
    fn news(load: &mut Load) -> (Option<u8>, Option<u8>) {
        let (told, less) = load.news(SMF);
        (told.map(|told| told.metric.0), less.map(|less| less.reduction.0))
    }

    #[test]
    fn each_smf_hears_of_a_load_once_if_it_understands() {
        let now = Instant::now();
        let mut load = load();
        assert_eq!((news(&mut load), news(&mut load)), ((Some(0), None), (None, None)));
        load.update(now, (4, 100), 0);
        assert_eq!(news(&mut load), (None, None), "little");
        load.update(now, (60, 100), 0);
        assert_eq!((news(&mut load), news(&mut load)), ((Some(60), None), (None, None)));
        let other = IpAddr::from([127, 0, 0, 5]);
        load.associated(other, CpFunctionFeatures::default());
        assert_eq!(load.news(other), (None, None));
        load.forget(SMF);
        assert_eq!(news(&mut load), (None, None));
        // The busiest worker counts as well.
        load.associated(SMF, CpFunctionFeatures::LOAD);
        load.look(now, vec![0, 0]);
        let later = now + Duration::from_secs(2);
        load.look(later, vec![100_000_000, 1_800_000_000]);
        load.update(later, (60, 100), 0);
        assert_eq!(news(&mut load), (Some(90), None));
    }

    #[test]
    fn an_overload_is_told_while_it_lasts_and_its_end() {
        let now = Instant::now();
        let mut load = load();
        news(&mut load);
        load.update(now, (0, 100), 10);
        assert_eq!(news(&mut load), (None, None), "as many as may wait");
        load.update(now, (0, 100), 12);
        assert_eq!((news(&mut load), news(&mut load)), ((None, Some(20)), (None, None)));
        load.update(now + VALIDITY / 4, (0, 100), 12);
        assert_eq!(news(&mut load), (None, None), "it holds still");
        load.update(now + VALIDITY / 2, (0, 100), 12);
        assert_eq!(news(&mut load), (None, Some(20)));
        load.update(now + VALIDITY / 2, (0, 100), 1000);
        assert_eq!(news(&mut load), (None, Some(100)));
        load.update(now + VALIDITY, (0, 100), 0);
        assert_eq!((news(&mut load), news(&mut load)), ((None, Some(0)), (None, None)));
    }

    proptest! {
        /// Whatever happens, what is told is newer than what was told before, and within bounds.
        #[test]
        fn what_is_told_is_newer(steps in proptest::collection::vec((0..200usize, 0..50usize, 0..8u64, any::<bool>()), 0..100)) {
            let mut now = Instant::now();
            let mut load = load();
            let (mut last, mut last_overload) = (None, None);
            for (sessions, waiting, seconds, ask) in steps {
                now += Duration::from_secs(seconds);
                load.update(now, (sessions, 100), waiting);
                if !ask {
                    continue;
                }
                let (told, less) = load.news(SMF);
                if let Some(told) = told {
                    prop_assert!(told.metric.0 <= 100 && last.is_none_or(|last| told.sequence.is_newer_than(last)));
                    last = Some(told.sequence);
                }
                if let Some(less) = less {
                    prop_assert!(less.reduction.0 <= 100);
                    prop_assert!(last_overload.is_none_or(|last| less.sequence.is_newer_than(last)));
                    last_overload = Some(less.sequence);
                }
            }
        }
    }
}
