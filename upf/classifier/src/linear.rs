//! A list of rules in the order in which they count: the simplest classifier, the fastest for a handful of rules, and the
//! yardstick of the others.

use crate::{Classifier, Interval, Invalid, MOST_DIMENSIONS, Rule, RuleId, check, checked};

/// A test of one dimension: whether a value is `low` or one of the `span` values after it.
#[derive(Clone, Copy, Debug)]
struct Test {
    dimension: u32,
    low: u32,
    span: u32,
}

/// A rule, its tests in `Linear::tests` up to (and without) `end`, from the end of the rule before it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    precedence: u32,
    id: RuleId,
    end: u32,
}

/// Lists below this length take no more memory than they need.
const SHORT: usize = 64;

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

    fn tests_of(rule: &Rule) -> impl Iterator<Item = Test> {
        let constrained = rule.fields.iter().zip(0..).filter(|(field, _)| **field != Interval::ANY);
        constrained.map(|(field, dimension)| Test { dimension, low: field.low, span: field.high - field.low })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The rules, the first that counts first.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let rule = |(place, entry): (usize, &Entry)| {
            let mut fields = vec![Interval::ANY; self.dimensions];
            for test in &self.tests[self.start(place)..entry.end as usize] {
                fields[test.dimension as usize] = Interval::range(test.low, test.low + test.span);
            }
            Rule { id: entry.id, precedence: entry.precedence, fields: fields.into() }
        };
        self.entries.iter().enumerate().map(rule).collect()
    }

    /// A list of rules that were checked.
    pub(crate) fn of(dimensions: usize, mut rules: Vec<Rule>) -> Self {
        let mut built = Self::new(dimensions);
        rules.sort_unstable_by_key(Rule::rank);
        built.entries.reserve_exact(rules.len());
        built.tests.reserve_exact(rules.iter().map(|rule| Self::tests_of(rule).count()).sum());
        for rule in &rules {
            built.tests.extend(Self::tests_of(rule));
            built.entries.push(Entry { precedence: rule.precedence, id: rule.id, end: built.tests.len() as u32 });
        }
        built
    }
}

impl Classifier for Linear {
    fn new(dimensions: usize) -> Self {
        Self { dimensions: dimensions.min(MOST_DIMENSIONS), ..Self::default() }
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        let passes = |test: &Test| {
            key.get(test.dimension as usize).is_none_or(|value| value.wrapping_sub(test.low) <= test.span)
        };
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
        let tests: Vec<Test> = Self::tests_of(&rule).collect();
        let added = tests.len() as u32;
        if self.entries.len() < SHORT {
            self.tests.reserve_exact(tests.len());
            self.entries.reserve_exact(1);
        }
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

    fn memory(&self) -> usize {
        let lists = self.entries.capacity() * size_of::<Entry>() + self.tests.capacity() * size_of::<Test>();
        size_of::<Self>() + lists
    }

    fn parts(&self) -> usize {
        1
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let (dimensions, rules) = checked(dimensions, rules)?;
        Ok(Self::of(dimensions, rules))
    }
}
