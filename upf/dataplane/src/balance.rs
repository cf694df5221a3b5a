//! Which bucket moves to which worker, by what the workers did lately.

use std::sync::Arc;
use std::time::Duration;

use crate::{BUCKETS, Bucket, Counters};

/// A worker that is busy for less of its time is left alone.
const BUSY: f64 = 0.5;

/// The busiest worker and the idlest must differ by this part of their time.
const GAP: f64 = 0.2;

/// Looks for which a bucket stays where it came: what was measured before says little.
const REST: u32 = 10;

/// Evens the workers' load out, one bucket at a time.
pub struct Balancer {
    counters: Vec<Arc<Counters>>,
    /// At the last look: nanoseconds that each worker was busy, packets of each bucket.
    busy: Vec<u64>,
    packets: Vec<u64>,
    /// Looks until each bucket may move again.
    rest: Vec<u32>,
}

impl Balancer {
    /// Over the workers that count so.
    pub fn new(counters: Vec<Arc<Counters>>) -> Self {
        counters.iter().for_each(|counters| counters.watch_buckets());
        let busy = vec![0; counters.len()];
        Self { counters, busy, packets: vec![0; BUCKETS], rest: vec![0; BUCKETS] }
    }

    /// Looks at what was done since the last look, `period` ago. Returns the bucket to move, and whereto.
    pub fn look(&mut self, period: Duration, owner: impl Fn(Bucket) -> usize) -> Option<(Bucket, usize)> {
        let busy: Vec<u64> = self.counters.iter().map(|counters| counters.busy_nanos()).collect();
        let packets: Vec<u64> = (0..=u8::MAX).map(|bucket| self.packets_of(Bucket(bucket))).collect();
        let since = |now: &[u64], before: &[u64]| -> Vec<u64> {
            now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before)).collect()
        };
        let shares: Vec<f64> =
            since(&busy, &self.busy).iter().map(|nanos| *nanos as f64 / period.as_nanos().max(1) as f64).collect();
        let lately = since(&packets, &self.packets);
        (self.busy, self.packets) = (busy, packets);
        self.rest.iter_mut().for_each(|rest| *rest = rest.saturating_sub(1));
        let resting = |Bucket(bucket)| self.rest.get(usize::from(bucket)).is_some_and(|rest| *rest > 0);
        let (bucket, to) = choose(&shares, &lately, owner, resting)?;
        if let Some(rest) = self.rest.get_mut(usize::from(bucket.0)) {
            *rest = REST;
        }
        Some((bucket, to))
    }

    /// By whomever it was counted.
    fn packets_of(&self, bucket: Bucket) -> u64 {
        self.counters.iter().map(|counters| counters.packets_of(bucket)).sum()
    }
}

/// The largest bucket that takes no more than half of the difference from the busiest worker to the idlest: moving it leaves the
/// two closer than they were, and the order of the two as it was.
fn choose(
    busy: &[f64],
    packets: &[u64],
    owner: impl Fn(Bucket) -> usize,
    resting: impl Fn(Bucket) -> bool,
) -> Option<(Bucket, usize)> {
    let (busiest, most) = busy.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let (idlest, least) = busy.iter().copied().enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    if most < BUSY || most - least < GAP {
        return None;
    }
    let of_busiest = || (0..=u8::MAX).map(Bucket).zip(packets).filter(|(bucket, _)| owner(*bucket) == busiest);
    let total: u64 = of_busiest().map(|(_, packets)| *packets).sum();
    let load = |packets: u64| most * packets as f64 / total.max(1) as f64;
    let fits = of_busiest()
        .filter(|(bucket, packets)| **packets > 0 && load(**packets) <= (most - least) / 2.0 && !resting(*bucket));
    fits.max_by_key(|(_, packets)| **packets).map(|(bucket, _)| (bucket, idlest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Owners;

    /// How busy each worker is with these packets.
    fn busy(owners: &Owners, packets: &[u64], workers: usize) -> Vec<f64> {
        let mut busy = vec![0.0; workers];
        for (bucket, packets) in (0..=u8::MAX).map(Bucket).zip(packets) {
            busy[owners.of(bucket)] += *packets as f64 / 1e6;
        }
        busy
    }

    fn gap(busy: &[f64]) -> f64 {
        let most = busy.iter().copied().fold(0.0, f64::max);
        most - busy.iter().copied().fold(f64::INFINITY, f64::min)
    }

    proptest! {
        /// Whatever the load, moves come to an end, and none makes two workers change places.
        #[test]
        fn moves_end_and_each_helps(packets in proptest::collection::vec(0..20_000u64, BUCKETS), workers in 2..6usize) {
            let mut owners = Owners::among(workers);
            // All that is on the first worker at the start: the worst case.
            (0..=u8::MAX).for_each(|bucket| owners.set(Bucket(bucket), 0));
            let mut moves = 0;
            loop {
                let before = busy(&owners, &packets, workers);
                let Some((bucket, to)) = choose(&before, &packets, |bucket| owners.of(bucket), |_| false) else { break };
                owners.set(bucket, to);
                let after = busy(&owners, &packets, workers);
                prop_assert!(gap(&after) <= gap(&before));
                moves += 1;
                prop_assert!(moves <= BUCKETS * workers);
            }
            let after = busy(&owners, &packets, workers);
            prop_assert!(gap(&after) < GAP || after.iter().all(|busy| *busy < BUSY), "{after:?}");
        }
    }

    #[test]
    fn idle_even_or_indivisible_loads_stay() {
        let owners = Owners::among(2);
        let owner = |bucket| owners.of(bucket);
        let mut packets = vec![0; BUCKETS];
        packets[0] = 100;
        assert_eq!(choose(&[0.4, 0.0], &packets, owner, |_| false), None, "not busy");
        assert_eq!(choose(&[0.9, 0.8], &packets, owner, |_| false), None, "even");
        assert_eq!(choose(&[0.9, 0.1], &packets, owner, |_| false), None, "one bucket is all of it");
        packets[2] = 30;
        assert_eq!(choose(&[0.9, 0.1], &packets, owner, |_| false), Some((Bucket(2), 1)));
        assert_eq!(choose(&[0.9, 0.1], &packets, owner, |bucket| bucket == Bucket(2)), None, "it came lately");
    }
}
