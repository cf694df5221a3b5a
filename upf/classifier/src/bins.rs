//! A dimension cut into bins, and the search for the bin of a value.

use std::ops::RangeInclusive;

use crate::{Interval, Rule, signed};

/// Cuts are searched in groups of so many, and there are so many groups.
const GROUP: usize = 8;
/// Bins at most.
pub(crate) const MOST: usize = GROUP * GROUP;

/// How many of these are at or below a value.
#[inline(always)]
fn begun(cuts: &[i32; GROUP], value: i32) -> usize {
    cuts.iter().map(|cut| i32::from(*cut <= value)).sum::<i32>() as usize
}

/// Bins, each from a cut to the next.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    count: usize,
    /// Where each bin but the first begins, then the highest value.
    cuts: [i32; MOST],
    /// The last of each group of cuts.
    ends: [i32; GROUP],
}

impl Bins {
    /// At most `most` bins, up to [`MOST`], in which about as many of the fields begin or end.
    pub(crate) fn new(fields: impl Iterator<Item = Interval>, most: usize) -> Self {
        let edges = fields.flat_map(|field| [Some(field.low), field.high.checked_add(1)]);
        let mut edges: Vec<u32> = edges.flatten().filter(|edge| *edge > 0).collect();
        edges.sort_unstable();
        let mut cuts = edges.clone();
        cuts.dedup();
        if cuts.len() >= most {
            cuts = (1..most).map(|bin| edges[bin * edges.len() / most]).collect();
            cuts.dedup();
        }
        let mut bins = Self { count: cuts.len() + 1, cuts: [i32::MAX; MOST], ends: [i32::MAX; GROUP] };
        bins.cuts.iter_mut().zip(cuts).for_each(|(place, cut)| *place = signed(cut));
        for (end, group) in bins.ends.iter_mut().zip(bins.cuts.chunks_exact(GROUP)) {
            *end = group[GROUP - 1];
        }
        bins
    }

    /// The bins of a dimension, and the share of rules that are in the bin of a packet. `None` if no rule constrains it.
    pub(crate) fn of(rules: &[Rule], dimension: usize) -> Option<(f64, Self)> {
        let fields = || rules.iter().map(|rule| rule.fields[dimension]).filter(|field| *field != Interval::ANY);
        let bins = Self::new(fields(), MOST);
        let constrained = fields().count();
        let everywhere = (rules.len() - constrained) as f64;
        let mut begins = vec![0.0; bins.count()];
        let mut reaches = vec![everywhere; bins.count()];
        for field in fields() {
            let reached = bins.reach(&field);
            begins[*reached.start()] += 1.0;
            reached.for_each(|bin| reaches[bin] += 1.0);
        }
        let share: f64 = begins.iter().zip(&reaches).map(|(begin, reach)| begin * reach).sum();
        (constrained > 0).then_some((share / (constrained * rules.len()) as f64, bins))
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The bin of a value.
    #[inline(always)]
    pub(crate) fn bin(&self, value: u32) -> usize {
        let value = signed(value);
        let group = begun(&self.ends, value).min(GROUP - 1);
        let (groups, _) = self.cuts.as_chunks();
        (group * GROUP + begun(&groups[group], value)).min(self.count - 1)
    }

    /// The bins that a field reaches into.
    pub(crate) fn reach(&self, field: &Interval) -> RangeInclusive<usize> {
        self.bin(field.low)..=self.bin(field.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bin_that_begins_at_or_below_it() {
        for count in [0, 1, 2, 7, 8, 9, 62, 63, 64, 200] {
            let fields =
                || (0..count).map(|number| Interval::exact(number * 1000 + 5)).chain([Interval::exact(u32::MAX)]);
            let bins = Bins::new(fields(), MOST);
            let mut before = 0;
            for value in (0..count * 1000 + 100).chain([u32::MAX - 1, u32::MAX]) {
                let bin = bins.bin(value);
                let last = bins.cuts.iter().take(bins.count - 1).filter(|cut| **cut <= signed(value)).count();
                assert_eq!(bin, last, "{value} among {count}");
                assert!(before <= bin && bin < bins.count());
                before = bin;
            }
        }
    }
}
