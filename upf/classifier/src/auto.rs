//! The classifier for any number of rules: what was measured to be the fastest for as many (docs/measurements/classifier.md).
//!
//! A handful is a list; up to some thousands are bit vectors; of more, PartitionSort has the large partitions, and
//! bit vectors have the rest, which would be many small ones.

use crate::bit_vector::BitVector;
use crate::{Classifier, Invalid, Linear, MOST_DIMENSIONS, PartitionSort, Rank, Rule, RuleId, check, check_all};

/// Rules of a list at most.
const FEW: usize = 12;
/// From so many rules on, large partitions are sorted.
const MANY: usize = 3000;

/// Chooses by the number of rules. With a few it is as small as they are.
#[derive(Clone, Debug)]
pub struct Auto(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Few(Linear),
    More(Box<More>),
}

#[derive(Clone, Debug)]
struct More {
    dimensions: usize,
    /// The large sortable partitions.
    sorted: PartitionSort,
    rest: BitVector,
    /// Rules when they were laid out.
    laid_out: usize,
}

impl More {
    /// Rules that were checked, laid out anew.
    fn of(dimensions: usize, rules: Vec<Rule>) -> Self {
        let laid_out = rules.len();
        let (sorted, rest) = match laid_out < MANY {
            true => (PartitionSort::new(dimensions), rules),
            false => PartitionSort::of_large(dimensions, rules),
        };
        Self { dimensions, sorted, rest: BitVector::of(dimensions, rest), laid_out }
    }

    fn len(&self) -> usize {
        self.sorted.len() + self.rest.len()
    }

    fn rules(&self) -> Vec<Rule> {
        self.sorted.rules().chain(self.rest.rules()).collect()
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        let sorted = self.sorted.best(key, Rank::LAST);
        self.rest.best(key, sorted.unwrap_or(Rank::LAST)).or(sorted).map(Rank::id)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        if self.sorted.has(rule.id) || self.rest.has(rule.id) {
            return Err(Invalid::Duplicate(rule.id));
        }
        if let Err(rule) = self.sorted.insert_fitting(rule) {
            self.rest.add(rule);
        }
        if self.len() >= MANY && self.len() > 2 * self.laid_out {
            *self = Self::of(self.dimensions, self.rules());
        }
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let deleted = self.sorted.delete(id) || self.rest.delete(id);
        if deleted && !self.sorted.is_empty() && self.len() < MANY / 2 {
            *self = Self::of(self.dimensions, self.rules());
        }
        deleted
    }

    fn memory(&self) -> usize {
        let parts = self.sorted.memory() + self.rest.memory();
        size_of::<Self>() - size_of::<PartitionSort>() - size_of::<BitVector>() + parts
    }
}

impl Classifier for Auto {
    fn new(dimensions: usize) -> Self {
        Self(Kind::Few(Linear::new(dimensions)))
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        match &self.0 {
            Kind::Few(list) => list.lookup(key),
            Kind::More(more) => more.lookup(key),
        }
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        match &mut self.0 {
            Kind::Few(list) => {
                list.insert(rule)?;
                if list.len() > FEW {
                    self.0 = Kind::More(Box::new(More::of(list.dimensions(), list.rules().collect())));
                }
                Ok(())
            }
            Kind::More(more) => more.insert(rule),
        }
    }

    fn delete(&mut self, id: RuleId) -> bool {
        match &mut self.0 {
            Kind::Few(list) => list.delete(id),
            Kind::More(more) => {
                let deleted = more.delete(id);
                // Well below the number from which on they are no list: not to and fro.
                if more.len() < FEW / 2 {
                    self.0 = Kind::Few(Linear::of(more.dimensions, more.rules()));
                }
                deleted
            }
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Kind::Few(list) => list.len(),
            Kind::More(more) => more.len(),
        }
    }

    fn memory(&self) -> usize {
        match &self.0 {
            Kind::Few(list) => size_of::<Self>() - size_of::<Linear>() + list.memory(),
            Kind::More(more) => size_of::<Self>() + more.memory(),
        }
    }

    fn parts(&self) -> usize {
        match &self.0 {
            Kind::Few(list) => list.parts(),
            Kind::More(more) => more.sorted.parts() + more.rest.parts(),
        }
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let dimensions = dimensions.min(MOST_DIMENSIONS);
        let rules: Vec<Rule> = rules.into_iter().collect();
        check_all(dimensions, &rules)?;
        Ok(Self(match rules.len() <= FEW {
            true => Kind::Few(Linear::of(dimensions, rules)),
            false => Kind::More(Box::new(More::of(dimensions, rules))),
        }))
    }
}
