//! Packets to look up.

use classifier::Rule;
use fastrand::Rng;

/// Packets of a trace.
pub(super) const PACKETS: usize = 1 << 15;

/// Packets, each with the set of rules that it is looked up in.
pub(super) struct Trace {
    dimensions: usize,
    sets: Vec<u32>,
    keys: Vec<u32>,
}

impl Trace {
    /// Every rule is equally likely to be the one that a packet is made for.
    pub(super) fn random(sets: &[Vec<Rule>], chance: &mut Rng) -> Self {
        let rules = all(sets);
        Self::of(&rules, chance, |chance| chance.usize(..rules.len()))
    }

    /// The n-th most popular rule, in an order of chance, is n times less likely than the first (Zipf's law).
    pub(super) fn skewed(sets: &[Vec<Rule>], chance: &mut Rng) -> Self {
        let mut rules = all(sets);
        chance.shuffle(&mut rules);
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=rules.len())
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        let last = rules.len() - 1;
        Self::of(&rules, chance, |chance| {
            let point = chance.f64() * sum;
            sums.partition_point(|below| *below < point).min(last)
        })
    }

    fn of(rules: &[(u32, &Rule)], chance: &mut Rng, mut pick: impl FnMut(&mut Rng) -> usize) -> Self {
        let dimensions = rules.first().map_or(0, |(_, rule)| rule.fields.len());
        let mut trace = Self { dimensions, sets: Vec::new(), keys: Vec::new() };
        for _ in 0..PACKETS {
            let (set, rule) = rules[pick(chance)];
            trace.sets.push(set);
            trace.keys.extend(rule.fields.iter().map(|field| chance.u32(field.low..=field.high)));
        }
        trace
    }

    /// Set and key of so many packets, the first of them at `start`; both up to [`PACKETS`].
    pub(super) fn packets(&self, start: usize, count: usize) -> impl Iterator<Item = (usize, &[u32])> {
        let sets = self.sets[start..start + count].iter().map(|set| *set as usize);
        sets.zip(self.keys[start * self.dimensions..].chunks_exact(self.dimensions))
    }
}

fn all(sets: &[Vec<Rule>]) -> Vec<(u32, &Rule)> {
    sets.iter().zip(0..).flat_map(|(rules, set)| rules.iter().map(move |rule| (set, rule))).collect()
}
