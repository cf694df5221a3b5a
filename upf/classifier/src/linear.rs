//! A list of rules in the order in which they count: the simplest classifier, the fastest for a handful of rules, and the
//! yardstick of the others.

use crate::{Classifier, Interval, Invalid, Rule, RuleId, check};

/// A test of one dimension.
#[derive(Clone, Copy, Debug)]
struct Test {
    dimension: u32,
    interval: Interval,
}

/// A rule, its tests in `Linear::tests` up to (and without) `end`, from the end of the rule before it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    precedence: u32,
    id: RuleId,
    end: u32,
}

/// Rules in the order in which they count, each with tests of the dimensions that it constrains only.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    dimensions: usize,
    entries: Vec<Entry>,
    tests: Vec<Test>,
}

impl Linear {
    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |entry| entry.end as usize)
    }
}

impl Classifier for Linear {
    fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        let passes = |test: &Test| key.get(test.dimension as usize).is_none_or(|value| test.interval.contains(*value));
        let mut tests = self.tests.as_slice();
        let mut start = 0;
        for entry in &self.entries {
            let (own, rest) = tests.split_at_checked((entry.end - start) as usize)?;
            if own.iter().all(passes) {
                return Some(entry.id);
            }
            (tests, start) = (rest, entry.end);
        }
        None
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        if self.entries.iter().any(|entry| entry.id == rule.id) {
            return Err(Invalid::Duplicate(rule.id));
        }
        let rank = (rule.precedence, rule.id);
        let place = self.entries.partition_point(|entry| (entry.precedence, entry.id) < rank);
        let start = self.start(place);
        let constrained = rule.fields.iter().zip(0..).filter(|(field, _)| **field != Interval::ANY);
        let tests: Vec<Test> =
            constrained.map(|(interval, dimension)| Test { dimension, interval: *interval }).collect();
        let added = tests.len() as u32;
        self.tests.splice(start..start, tests);
        self.entries.iter_mut().skip(place).for_each(|entry| entry.end += added);
        self.entries.insert(place, Entry { precedence: rule.precedence, id: rule.id, end: start as u32 + added });
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some(place) = self.entries.iter().position(|entry| entry.id == id) else { return false };
        let start = self.start(place);
        let end = self.entries.remove(place).end;
        self.tests.drain(start..end as usize);
        let removed = end - start as u32;
        self.entries.iter_mut().skip(place).for_each(|entry| entry.end -= removed);
        true
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}
