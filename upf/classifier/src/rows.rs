//! Rules in one array of words: a look-up that has a candidate reads its rank and its tests from neighbouring memory.

use std::collections::HashMap;

use crate::{Interval, Invalid, Rank, Rule, RuleId};

/// No row.
pub(crate) const NONE: u32 = u32::MAX;

/// Words of a row before its tests: precedence, id, the row that follows in a chain, the number of tests.
const HEAD: usize = 4;
/// Words of a test: dimension, lowest value, highest less lowest.
const TEST: usize = 3;

/// A rule, with tests of the dimensions that it constrains only.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    head: &'a [u32; HEAD],
    tests: &'a [[u32; TEST]],
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
    pub(crate) fn matches(&self, key: &[u32]) -> bool {
        let fails = |[dimension, low, span]: &[u32; TEST]| {
            key.get(*dimension as usize).is_some_and(|value| value.wrapping_sub(*low) > *span)
        };
        !self.tests.iter().fold(false, |failed, test| failed | fails(test))
    }

    pub(crate) fn interval(&self, dimension: usize) -> Interval {
        let test = self.tests.iter().find(|[of, ..]| *of as usize == dimension);
        test.map_or(Interval::ANY, |[_, low, span]| Interval::range(*low, low + span))
    }

    pub(crate) fn rule(&self, dimensions: usize) -> Rule {
        let mut fields = vec![Interval::ANY; dimensions];
        for [dimension, low, span] in self.tests {
            fields[*dimension as usize] = Interval::range(*low, low + span);
        }
        Rule { id: RuleId(self.head[1]), precedence: self.head[0], fields: fields.into() }
    }
}

/// All rules of a classifier. A row is named by the place of its first word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    words: Vec<u32>,
    /// Rows no longer in use, by their number of tests.
    free: Vec<Vec<u32>>,
}

impl Rows {
    pub(crate) fn get(&self, row: u32) -> Row<'_> {
        let (head, rest) = self.words[row as usize..].split_first_chunk::<HEAD>().expect("a row has a head");
        Row { head, tests: rest[..head[3] as usize * TEST].as_chunks().0 }
    }

    pub(crate) fn add(&mut self, rule: &Rule) -> u32 {
        let constrained = || rule.fields.iter().zip(0..).filter(|(field, _)| **field != Interval::ANY);
        let count = constrained().count();
        let row = self.free.get_mut(count).and_then(Vec::pop).unwrap_or_else(|| {
            let end = self.words.len();
            self.words.resize(end + HEAD + count * TEST, 0);
            end as u32
        });
        let words = &mut self.words[row as usize..];
        words[..HEAD].copy_from_slice(&[rule.precedence, rule.id.0, NONE, count as u32]);
        for (test, (field, dimension)) in words[HEAD..].chunks_exact_mut(TEST).zip(constrained()) {
            test.copy_from_slice(&[dimension, field.low, field.high - field.low]);
        }
        row
    }

    pub(crate) fn remove(&mut self, row: u32) {
        let count = self.get(row).tests.len();
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
