//! Which rules can be ordered together, and by which dimensions first: chosen greedily.

use crate::{Interval, Rule};

/// Rules that can be ordered, and what is left over. Rules are named by their places.
pub(super) struct Choice {
    /// All dimensions, the first to be compared first.
    pub(super) order: Box<[u16]>,
    pub(super) kept: Vec<usize>,
    pub(super) left: Vec<usize>,
}

/// Chooses dimension after dimension: the one in which the most rules have intervals that are equal or disjoint, within
/// each group of rules that are equal in the dimensions chosen before.
pub(super) fn choose(rules: &[Rule], members: Vec<usize>, dimensions: usize) -> Choice {
    let mut open: Vec<usize> = (0..dimensions).collect();
    let mut order = Vec::with_capacity(dimensions);
    let mut left = Vec::new();
    let mut groups = vec![members];
    while !open.is_empty() {
        // A group of one stays as it is whatever is chosen.
        if groups.iter().all(|group| group.len() == 1) {
            order.append(&mut open);
            break;
        }
        let kept = |dimension: usize| -> usize { groups.iter().map(|group| most(rules, group, dimension).0).sum() };
        let place = (0..open.len()).max_by_key(|place| (kept(open[*place]), std::cmp::Reverse(*place)));
        let dimension = open.remove(place.expect("a dimension is open"));
        order.push(dimension);
        groups = groups.into_iter().flat_map(|group| split(rules, group, dimension, &mut left)).collect();
    }
    let order = order.into_iter().map(|dimension| dimension as u16).collect();
    Choice { order, kept: groups.into_iter().flatten().collect(), left }
}

/// The rules of a group by their intervals in a dimension; those whose interval is not among the disjoint ones chosen are left.
fn split(rules: &[Rule], group: Vec<usize>, dimension: usize, left: &mut Vec<usize>) -> Vec<Vec<usize>> {
    if group.len() == 1 {
        return vec![group];
    }
    let (_, chosen) = most(rules, &group, dimension);
    let mut groups = vec![Vec::new(); chosen.len()];
    for member in group {
        let interval = rules[member].fields[dimension];
        match chosen.binary_search_by_key(&interval.low, |other| other.low) {
            Ok(place) if chosen[place] == interval => groups[place].push(member),
            _ => left.push(member),
        }
    }
    groups
}

/// The disjoint intervals of a dimension that the most rules of a group have, in ascending order, and how many have them:
/// weighted interval scheduling.
fn most(rules: &[Rule], group: &[usize], dimension: usize) -> (usize, Vec<Interval>) {
    if group.len() == 1 {
        return (1, vec![rules[group[0]].fields[dimension]]);
    }
    let mut all: Vec<Interval> = group.iter().map(|member| rules[*member].fields[dimension]).collect();
    all.sort_unstable_by_key(|interval| (interval.high, interval.low));
    let distinct: Vec<(Interval, usize)> = all.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len())).collect();
    // The most rules with the first so many intervals, and whether the last of these is among them.
    let mut best = vec![(0, false)];
    let before =
        |interval: &Interval, end: usize| distinct[..end].partition_point(|(other, _)| other.high < interval.low);
    for (place, (interval, weight)) in distinct.iter().enumerate() {
        let with = best[before(interval, place)].0 + weight;
        let without = best[place].0;
        best.push((with.max(without), with >= without));
    }
    let mut chosen = Vec::new();
    let mut end = distinct.len();
    while end > 0 {
        if best[end].1 {
            let interval = distinct[end - 1].0;
            chosen.push(interval);
            end = before(&interval, end - 1);
        } else {
            end -= 1;
        }
    }
    chosen.reverse();
    (best[distinct.len()].0, chosen)
}
