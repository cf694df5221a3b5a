//! Rules in one array of words: a look-up that has a candidate reads its rank and its tests from neighbouring memory.

use std::collections::HashMap;

use crate::{Interval, Invalid, Rank, Rule, RuleId};

/// No row.
pub(crate) const NONE: u32 = u32::MAX;

/// Words of a row before its tests: precedence, id, the row that follows in a chain, twice the number of words after
/// these, one more if the row is sparse.
const HEAD: usize = 4;
/// Words of a test of a dimension: lowest value, highest less lowest. The dimension stands before them in a sparse row.
const TEST: usize = 2;
const SPARSE_TEST: usize = 3;
/// With no more dimensions than this, rows have a test of each: as many in all of them, so that no branch depends on it.
const DENSE: usize = 8;

/// A rule: a test of every dimension, or of those that it constrains.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    head: &'a [u32; HEAD],
    tests: Tests<'a>,
}

#[derive(Clone, Copy)]
enum Tests<'a> {
    Dense(&'a [[u32; TEST]]),
    Sparse(&'a [[u32; SPARSE_TEST]]),
}

fn fails(value: u32, low: u32, span: u32) -> bool {
    value.wrapping_sub(low) > span
}

impl Row<'_> {
    pub(crate) fn rank(&self) -> Rank {
        let [precedence, id, ..] = *self.head;
        Rank::new(precedence, RuleId(id))
    }

    /// The next row of its chain, or [`NONE`].
    pub(crate) fn next(&self) -> u32 {
        self.head[2]
    }

    /// Whether a packet matches. Without a branch per test: which one fails is not to be foreseen.
    #[inline(always)]
    pub(crate) fn matches(&self, key: &[u32]) -> bool {
        let failed = match self.tests {
            Tests::Dense(tests) => {
                tests.iter().zip(key).fold(false, |failed, ([low, span], value)| failed | fails(*value, *low, *span))
            }
            Tests::Sparse(tests) => tests.iter().fold(false, |failed, [dimension, low, span]| {
                failed | key.get(*dimension as usize).is_some_and(|value| fails(*value, *low, *span))
            }),
        };
        !failed
    }

    pub(crate) fn interval(&self, dimension: usize) -> Interval {
        let (low, span) = match self.tests {
            Tests::Dense(tests) => (tests[dimension][0], tests[dimension][1]),
            Tests::Sparse(tests) => {
                let test = tests.iter().find(|[of, ..]| *of as usize == dimension);
                test.map_or((0, u32::MAX), |[_, low, span]| (*low, *span))
            }
        };
        Interval::range(low, low + span)
    }

    pub(crate) fn rule(&self, dimensions: usize) -> Rule {
        let fields = (0..dimensions).map(|dimension| self.interval(dimension)).collect();
        Rule { id: RuleId(self.head[1]), precedence: self.head[0], fields }
    }
}

/// All rules of a classifier. A row is named by the place of its first word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    words: Vec<u32>,
    /// Rows no longer in use, by the words of their tests.
    free: Vec<Vec<u32>>,
}

/// The words of a rule's tests.
fn tests(rule: &Rule) -> Vec<u32> {
    let fields = rule.fields.iter().zip(0..);
    match rule.fields.len() <= DENSE {
        true => fields.flat_map(|(field, _)| [field.low, field.high - field.low]).collect(),
        false => fields
            .filter(|(field, _)| **field != Interval::ANY)
            .flat_map(|(field, dimension)| [dimension, field.low, field.high - field.low])
            .collect(),
    }
}

impl Rows {
    #[inline(always)]
    pub(crate) fn get(&self, row: u32) -> Row<'_> {
        let (head, rest) = self.words[row as usize..].split_first_chunk::<HEAD>().expect("a row has a head");
        let words = &rest[..(head[3] >> 1) as usize];
        let tests = match head[3] & 1 {
            0 => Tests::Dense(words.as_chunks().0),
            _ => Tests::Sparse(words.as_chunks().0),
        };
        Row { head, tests }
    }

    pub(crate) fn add(&mut self, rule: &Rule) -> u32 {
        let tests = tests(rule);
        let row = self.free.get_mut(tests.len()).and_then(Vec::pop).unwrap_or_else(|| {
            let end = self.words.len();
            self.words.resize(end + HEAD + tests.len(), 0);
            end as u32
        });
        let sparse = u32::from(rule.fields.len() > DENSE);
        let (head, rest) = self.words[row as usize..].split_at_mut(HEAD);
        head.copy_from_slice(&[rule.precedence, rule.id.0, NONE, (tests.len() as u32) << 1 | sparse]);
        rest[..tests.len()].copy_from_slice(&tests);
        row
    }

    /// Gives back memory that is not in use.
    pub(crate) fn shrink(&mut self) {
        self.words.shrink_to_fit();
    }

    pub(crate) fn remove(&mut self, row: u32) {
        let count = (self.words[row as usize + 3] >> 1) as usize;
        if self.free.len() <= count {
            self.free.resize_with(count + 1, Vec::new);
        }
        self.free[count].push(row);
    }

    pub(crate) fn memory(&self) -> usize {
        let free: usize = self.free.iter().map(|rows| size_of::<Vec<u32>>() + rows.capacity() * 4).sum();
        self.words.capacity() * 4 + free
    }

    /// Puts `row` into the chain that begins with `head`, which is in order of rank. The chain's new head.
    pub(crate) fn link(&mut self, head: u32, row: u32) -> u32 {
        let rank = self.get(row).rank();
        let (mut before, mut after) = (NONE, head);
        while after != NONE && self.get(after).rank() < rank {
            (before, after) = (after, self.get(after).next());
        }
        self.words[row as usize + 2] = after;
        if before == NONE {
            return row;
        }
        self.words[before as usize + 2] = row;
        head
    }

    /// Takes `row` out of its chain. The chain's new head, or [`NONE`].
    pub(crate) fn unlink(&mut self, head: u32, row: u32) -> u32 {
        let after = self.get(row).next();
        if head == row {
            return after;
        }
        let mut before = head;
        while self.get(before).next() != row {
            before = self.get(before).next();
        }
        self.words[before as usize + 2] = after;
        head
    }

    /// Takes `row` out of whatever chain it is in, for all of the chain are linked anew.
    pub(crate) fn detach(&mut self, row: u32) {
        self.words[row as usize + 2] = NONE;
    }

    pub(crate) fn chain(&self, head: u32) -> impl Iterator<Item = u32> {
        let some = |row: u32| (row != NONE).then_some(row);
        std::iter::successors(some(head), move |row| some(self.get(*row).next()))
    }

    /// The rank of a rule that a packet matches, if it is below `bound`.
    #[inline(always)]
    pub(crate) fn rank_if_matched(&self, row: u32, key: &[u32], bound: Rank) -> Option<Rank> {
        let row = self.get(row);
        (row.rank() < bound && row.matches(key)).then(|| row.rank())
    }

    /// The first of a chain that a packet matches, if its rank is below `bound`.
    pub(crate) fn first(&self, mut row: u32, key: &[u32], bound: Rank) -> Option<Rank> {
        while row != NONE {
            let candidate = self.get(row);
            let rank = candidate.rank();
            if rank >= bound {
                return None;
            }
            if candidate.matches(key) {
                return Some(rank);
            }
            row = candidate.next();
        }
        None
    }
}

/// Where each rule is: its row, and the part of the classifier that has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(HashMap<RuleId, (u32, u32)>);

impl Places {
    pub(crate) fn vacant(&self, id: RuleId) -> Result<(), Invalid> {
        if self.0.contains_key(&id) { Err(Invalid::Duplicate(id)) } else { Ok(()) }
    }

    pub(crate) fn put(&mut self, id: RuleId, row: u32, part: u32) {
        self.0.insert(id, (row, part));
    }

    pub(crate) fn get(&self, id: RuleId) -> Option<(u32, u32)> {
        self.0.get(&id).copied()
    }

    pub(crate) fn take(&mut self, id: RuleId) -> Option<(u32, u32)> {
        self.0.remove(&id)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> {
        self.0.values().map(|(row, _)| *row)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The table has a control octet an entry, and an eighth of its entries free.
    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * 8 / 7 * (size_of::<(RuleId, (u32, u32))>() + 1)
    }
}
