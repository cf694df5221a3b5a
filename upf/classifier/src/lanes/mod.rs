//! A list of rules in the order in which they count, like [`Linear`](crate::Linear), of which eight are tested at once: the lanes
//! of a vector. Nothing is searched for and nothing is guessed, so few branches are mispredicted.

mod eight;

use crate::bins::Bins;
use crate::{Classifier, Found, Interval, Invalid, MOST_DIMENSIONS, Rank, Rule, RuleId, check, checked};
use eight::{Tests, Vectors, WIDTH};

/// Rules, eight by eight in one array, in the order in which they count.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    dimensions: usize,
    /// The dimensions that any rule constrains: only these are tested. Those that tell rules apart best come first.
    asked: Vec<u16>,
    ranks: Vec<Rank>,
    /// For eight rules after another a test of each dimension of `asked`.
    tests: Vec<Tests>,
    /// Rules when it was laid out.
    laid_out: usize,
    vectors: Vectors,
}

/// The dimensions that any rule constrains, those that tell rules apart best before the others.
fn asked(rules: &[Rule], dimensions: usize) -> Vec<u16> {
    let share = |(dimension, number)| Some((Bins::of(rules, dimension)?.0, number));
    let mut asked: Vec<(f64, u16)> = (0..dimensions).zip(0..=u16::MAX).filter_map(share).collect();
    asked.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    asked.into_iter().map(|(_, number)| number).collect()
}

impl Lanes {
    /// Rules that were checked.
    pub(crate) fn of(dimensions: usize, mut rules: Vec<Rule>) -> Self {
        rules.sort_unstable_by_key(Rule::rank);
        let asked = asked(&rules, dimensions);
        let mut tests = vec![Tests::default(); rules.len().div_ceil(WIDTH) * asked.len()];
        for (place, rule) in rules.iter().enumerate() {
            let group = place / WIDTH * asked.len();
            for (test, dimension) in tests[group..].iter_mut().zip(&asked) {
                test.put(place % WIDTH, &rule.fields[usize::from(*dimension)]);
            }
        }
        let ranks = rules.iter().map(Rule::rank).collect();
        Self { dimensions, asked, ranks, tests, laid_out: rules.len(), vectors: Vectors::default() }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        let rule = |(place, rank): (usize, &Rank)| {
            let mut fields = vec![Interval::ANY; self.dimensions];
            let group = &self.tests[place / WIDTH * self.asked.len()..];
            for (test, dimension) in group.iter().zip(&self.asked) {
                fields[usize::from(*dimension)] = test.get(place % WIDTH);
            }
            Rule { id: rank.id(), precedence: rank.precedence(), fields: fields.into() }
        };
        self.ranks.iter().enumerate().map(rule).collect()
    }

    /// The first rule that a key matches.
    #[inline]
    pub(crate) fn find(&self, key: &[u32]) -> Found {
        let place = match self.asked.is_empty() {
            true => 0,
            false => self.vectors.first(&self.tests, &self.asked, key)?,
        };
        // Lanes after the last rule match what they like.
        self.ranks.get(place).copied()
    }

    /// The tests of one dimension from a group on, a group after another.
    fn column(&mut self, group: usize, dimension: usize) -> impl Iterator<Item = &mut Tests> {
        let asked = self.asked.len();
        self.tests.iter_mut().skip(group * asked + dimension).step_by(asked.max(1))
    }
}

impl Classifier for Lanes {
    fn new(dimensions: usize) -> Self {
        Self { dimensions: dimensions.min(MOST_DIMENSIONS), ..Self::default() }
    }

    #[inline]
    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        self.find(key).map(Rank::id)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        if self.ranks.iter().any(|rank| rank.id() == rule.id) {
            return Err(Invalid::Duplicate(rule.id));
        }
        let mut constrained = rule.fields.iter().zip(0..=u16::MAX).filter(|(field, _)| **field != Interval::ANY);
        let outgrown = self.len() >= 2 * self.laid_out.max(WIDTH);
        if outgrown || !constrained.all(|(_, dimension)| self.asked.contains(&dimension)) {
            let rules = self.rules().into_iter().chain([rule]).collect();
            *self = Self::of(self.dimensions, rules);
            return Ok(());
        }
        let place = self.ranks.partition_point(|rank| *rank < rule.rank());
        if self.ranks.len().is_multiple_of(WIDTH) {
            self.tests.reserve_exact(self.asked.len());
            self.tests.resize(self.tests.len() + self.asked.len(), Tests::default());
        }
        for dimension in 0..self.asked.len() {
            let mut moved = rule.fields[usize::from(self.asked[dimension])];
            let mut lane = place % WIDTH;
            for tests in self.column(place / WIDTH, dimension) {
                moved = tests.insert(lane, &moved);
                lane = 0;
            }
        }
        self.ranks.insert(place, rule.rank());
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some(place) = self.ranks.iter().position(|rank| rank.id() == id) else { return false };
        self.ranks.remove(place);
        let groups = self.tests.len() / self.asked.len().max(1);
        for dimension in 0..self.asked.len() {
            let mut moved = Interval::ANY;
            for group in (place / WIDTH..groups).rev() {
                let lane = if group == place / WIDTH { place % WIDTH } else { 0 };
                moved = self.tests[group * self.asked.len() + dimension].remove(lane, &moved);
            }
        }
        self.tests.truncate(self.ranks.len().div_ceil(WIDTH) * self.asked.len());
        true
    }

    fn len(&self) -> usize {
        self.ranks.len()
    }

    fn memory(&self) -> usize {
        let lists = self.ranks.capacity() * size_of::<Rank>() + self.asked.capacity() * size_of::<u16>();
        size_of::<Self>() + lists + self.tests.capacity() * size_of::<Tests>()
    }

    fn parts(&self) -> usize {
        1
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let (dimensions, rules) = checked(dimensions, rules)?;
        Ok(Self::of(dimensions, rules))
    }
}
