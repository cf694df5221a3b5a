//! Which rule does a packet match? Pure packet classification, one trait for all algorithms.
//!
//! A packet is a key of numbers, one per dimension; a rule is a box, one interval per dimension. Exact values and
//! prefixes are intervals too. A field wider than 32 bits is several dimensions, most significant first: a prefix of an
//! IPv6 address is exact in the leading ones, a prefix in one, anything in the rest.
//!
//! Of the rules that match, the one with the lowest precedence value counts (as in PFCP, TS 29.244 8.2.11); of equal ones
//! the one with the lowest id, so that every algorithm gives the same answer.

mod any;
mod auto;
mod bins;
mod bit_vector;
mod lanes;
mod linear;
mod partition_sort;
mod regions;
mod rows;
mod tuple_space;
mod vector;

pub use any::{Algorithm, Any, UnknownAlgorithm};
pub use auto::Auto;
pub use bit_vector::BitVector;
pub use lanes::Lanes;
pub use linear::Linear;
pub use partition_sort::PartitionSort;
pub use regions::Regions;
pub use tuple_space::{TupleMerge, TupleSpace};

/// Values of one dimension from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The lowest value.
    pub low: u32,
    /// The highest value.
    pub high: u32,
}

impl Interval {
    /// Every value.
    pub const ANY: Self = Self { low: 0, high: u32::MAX };

    /// One value.
    pub const fn exact(value: u32) -> Self {
        Self { low: value, high: value }
    }

    /// From `low` to `high`.
    pub const fn range(low: u32, high: u32) -> Self {
        Self { low, high }
    }

    /// The values whose first `length` of 32 bits are those of `value`. A length above 32 counts as 32.
    pub const fn prefix(value: u32, length: u32) -> Self {
        let host = match u32::MAX.checked_shr(length) {
            Some(bits) => bits,
            None => 0,
        };
        Self { low: value & !host, high: value | host }
    }

    /// Whether `value` is among these.
    pub const fn contains(&self, value: u32) -> bool {
        self.low <= value && value <= self.high
    }

    /// Whether the two have no value in common.
    const fn is_disjoint(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }
}

/// Names a rule within one classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// Its rank: the lowest value counts first.
    pub precedence: u32,
    /// What it matches, one interval per dimension.
    pub fields: Box<[Interval]>,
}

impl Rule {
    /// Whether a packet matches.
    pub fn matches(&self, key: &[u32]) -> bool {
        self.fields.iter().zip(key).all(|(field, value)| field.contains(*value))
    }

    fn rank(&self) -> Rank {
        Rank::new(self.precedence, self.id)
    }
}

/// Which of two rules counts: precedence, then id, as one number. The lowest counts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64);

impl Rank {
    /// After every rule.
    const LAST: Self = Self(u64::MAX);

    fn new(precedence: u32, id: RuleId) -> Self {
        Self(u64::from(precedence) << 32 | u64::from(id.0))
    }

    fn id(self) -> RuleId {
        RuleId(self.0 as u32)
    }

    fn precedence(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A rule of any rank below a bound, where there is one.
type Found = Option<Rank>;

/// Why a rule is not taken. The caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It has another number of dimensions than the classifier.
    #[error("{got} dimensions in place of {expected}")]
    Dimensions {
        /// Of the classifier.
        expected: usize,
        /// Of the rule.
        got: usize,
    },
    /// An interval has no value in it.
    #[error("dimension {0} is empty")]
    Empty(usize),
    /// There is a rule of this id already.
    #[error("rule {0:?} is there already")]
    Duplicate(RuleId),
}

/// Dimensions that a classifier can have.
pub const MOST_DIMENSIONS: usize = 1 << 16;

/// Finds the rule that a packet matches. Looking up never allocates, and never fails: a key of the wrong length matches
/// by the dimensions it has.
pub trait Classifier: Sized {
    /// A classifier of `dimensions` dimensions without rules. At most [`MOST_DIMENSIONS`]; more count as so many.
    fn new(dimensions: usize) -> Self;

    /// Of the rules that match `key`, the one that counts.
    fn lookup(&self, key: &[u32]) -> Option<RuleId>;

    /// Adds a rule.
    ///
    /// # Errors
    /// [`Invalid`], with nothing changed.
    fn insert(&mut self, rule: Rule) -> Result<(), Invalid>;

    /// Removes a rule; whether it was there.
    fn delete(&mut self, id: RuleId) -> bool;

    /// How many rules there are.
    fn len(&self) -> usize;

    /// Octets of memory that it takes, itself included.
    fn memory(&self) -> usize;

    /// Parts that a look-up may have to visit one after the other: partitions, tuples. One where all rules are one part.
    fn parts(&self) -> usize;

    /// Whether there is no rule.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A classifier of these rules.
    ///
    /// # Errors
    /// [`Invalid`] for the first rule that is not taken.
    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let mut classifier = Self::new(dimensions);
        rules.into_iter().try_for_each(|rule| classifier.insert(rule))?;
        Ok(classifier)
    }
}

/// A value in the order of signed numbers, which is the one that vector instructions compare.
pub(crate) const fn signed(value: u32) -> i32 {
    (value ^ 1 << 31) as i32
}

/// Checks what every classifier asks of a rule, but for its id.
pub(crate) fn check(dimensions: usize, rule: &Rule) -> Result<(), Invalid> {
    if rule.fields.len() != dimensions {
        return Err(Invalid::Dimensions { expected: dimensions, got: rule.fields.len() });
    }
    match rule.fields.iter().position(|field| field.low > field.high) {
        Some(dimension) => Err(Invalid::Empty(dimension)),
        None => Ok(()),
    }
}

/// Rules that are to be taken together, and how many dimensions they have at most: what [`check`] does for each, and no two have one
/// id.
pub(crate) fn checked(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<(usize, Vec<Rule>), Invalid> {
    let (dimensions, rules) = (dimensions.min(MOST_DIMENSIONS), Vec::from_iter(rules));
    let mut ids: Vec<RuleId> = rules.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    rules.iter().try_for_each(|rule| check(dimensions, rule))?;
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Invalid::Duplicate(pair[0])),
        None => Ok((dimensions, rules)),
    }
}
