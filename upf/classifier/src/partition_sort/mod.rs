//! PartitionSort (Yingchareonthawornchai, Daly, Liu and Torng, ICNP 2016): rules that can be ordered are searched like numbers.
//!
//! Rules are sortable when, taking dimensions in some order, their intervals in the first are equal or disjoint, those in
//! the second are so among rules equal in the first, and so on. A few such partitions hold all rules; each has its
//! order of dimensions and a search tree. A look-up visits them by the best rank in each, and ends at the first
//! that has nothing better than what was found.

mod order;
mod tree;

use crate::rows::{Places, Rows};
use crate::vector::{Search, search};
use crate::{Classifier, Found, Invalid, MOST_DIMENSIONS, Rank, Rule, RuleId, check, checked};
use order::{Choice, choose};
use tree::{Forest, Slot, Subject};

/// A partition of no more rules than this is ordered anew for the sake of another rule.
const REORDERED: u32 = 16;

#[derive(Clone, Debug)]
struct Partition {
    /// No rule has a better rank. One that had it may be gone.
    best: Rank,
    root: Slot,
    /// Names the partition, wherever it stands.
    handle: u32,
    size: u32,
    /// Rules removed since `best` was that of a rule.
    removed: u32,
    order: Box<[u16]>,
}

/// Sortable partitions, each with a search tree.
#[derive(Clone, Debug, Default)]
pub struct PartitionSort {
    dimensions: usize,
    rows: Rows,
    forest: Forest,
    /// In ascending order of their best ranks.
    partitions: Vec<Partition>,
    places: Places,
    /// The next partition's handle.
    next: u32,
}

impl PartitionSort {
    /// The same for a key that is too short to go through trees.
    #[cold]
    fn best_of_all(&self, key: &[u32], bound: Rank) -> Found {
        let rows = self.places.rows().map(|row| self.rows.get(row));
        rows.filter(|row| row.matches(key)).map(|row| row.rank()).filter(|rank| *rank < bound).min()
    }

    /// Puts the partition at `place` where its best rank belongs.
    fn settle(&mut self, place: usize) {
        let partition = self.partitions.remove(place);
        let place = self.partitions.partition_point(|other| other.best < partition.best);
        self.partitions.insert(place, partition);
    }

    /// The first partition that the rule fits into.
    fn fitting(&self, rule: &Rule, row: u32) -> Option<usize> {
        self.partitions.iter().position(|partition| {
            self.forest.fits(partition.root, Subject { row, rule, order: &partition.order }, &self.rows)
        })
    }

    fn insert_into(&mut self, place: usize, rule: &Rule, row: u32) {
        let partition = &mut self.partitions[place];
        let subject = Subject { row, rule, order: &partition.order };
        partition.root = self.forest.insert(partition.root, 0, subject, &mut self.rows);
        partition.size += 1;
        partition.best = partition.best.min(rule.rank());
        self.places.put(rule.id, row, partition.handle);
    }

    /// A small partition that, ordered anew, has room for the rule; with it in.
    fn reorder(&mut self, rule: &Rule, row: u32) -> Option<usize> {
        let small = (0..self.partitions.len()).filter(|place| self.partitions[*place].size <= REORDERED);
        for place in small {
            let mut members = self.members(place);
            members.push((row, rule.clone()));
            let (rows, rules): (Vec<u32>, Vec<Rule>) = members.into_iter().unzip();
            let choice = choose(&rules, (0..rules.len()).collect(), self.dimensions);
            if choice.left.is_empty() {
                self.forest.clear(self.partitions[place].root);
                let partition = self.plant(&rules, &rows, choice, self.partitions[place].handle);
                self.partitions[place] = partition;
                return Some(place);
            }
        }
        None
    }

    /// Rows and rules of a partition.
    fn members(&self, place: usize) -> Vec<(u32, Rule)> {
        let mut members = Vec::new();
        self.for_each_member(place, |row| members.push((row, self.rows.get(row).rule(self.dimensions))));
        members
    }

    fn for_each_member(&self, place: usize, mut each: impl FnMut(u32)) {
        self.forest.for_each_row(self.partitions[place].root, &mut |head| self.rows.chain(head).for_each(&mut each));
    }

    /// A partition of the rules chosen.
    fn plant(&mut self, rules: &[Rule], rows: &[u32], choice: Choice, handle: u32) -> Partition {
        let order = choice.order;
        let subject = |place: usize| Subject { row: rows[place], rule: &rules[place], order: &order };
        let mut members: Vec<Subject<'_>> = choice.kept.iter().map(|place| subject(*place)).collect();
        members.sort_by(Subject::compare);
        members.iter().for_each(|member| {
            self.rows.detach(member.row);
            self.places.put(member.rule.id, member.row, handle);
        });
        let best = members.iter().map(|member| member.rule.rank()).min().unwrap_or(Rank::LAST);
        let root = self.forest.build(&members, 0, &mut self.rows);
        Partition { best, root, handle, size: members.len() as u32, removed: 0, order }
    }

    fn add_partition(&mut self, rules: &[Rule], rows: &[u32], choice: Choice) {
        let partition = self.plant(rules, rows, choice, self.next);
        self.next += 1;
        let place = self.partitions.partition_point(|other| other.best < partition.best);
        self.partitions.insert(place, partition);
    }

    /// Finds the best rank of a partition whose best rule is gone, once so many others are gone that it costs each little.
    fn refresh(&mut self, place: usize) {
        let partition = &mut self.partitions[place];
        partition.removed += 1;
        if partition.removed * 8 < partition.size {
            return;
        }
        let mut best = Rank::LAST;
        self.for_each_member(place, |row| best = best.min(self.rows.get(row).rank()));
        (self.partitions[place].best, self.partitions[place].removed) = (best, 0);
        self.settle(place);
    }
}

impl Search for PartitionSort {
    #[inline(always)]
    fn best(&self, key: &[u32], bound: Rank) -> Found {
        if key.len() < self.dimensions {
            return self.best_of_all(key, bound);
        }
        let mut found = bound;
        for partition in &self.partitions {
            if partition.best >= found {
                break;
            }
            let candidate = self.forest.candidate(partition.root, key);
            if let Some(rank) = candidate.and_then(|row| self.rows.rank_if_matched(row, key, found)) {
                found = rank;
            }
        }
        (found < bound).then_some(found)
    }
}

impl Classifier for PartitionSort {
    fn new(dimensions: usize) -> Self {
        Self { dimensions: dimensions.min(MOST_DIMENSIONS), ..Self::default() }
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        search(self, key).map(Rank::id)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        self.places.vacant(rule.id)?;
        let row = self.rows.add(&rule);
        if let Some(place) = self.fitting(&rule, row) {
            self.insert_into(place, &rule, row);
            self.settle(place);
        } else if let Some(place) = self.reorder(&rule, row) {
            self.settle(place);
        } else {
            let choice = choose(std::slice::from_ref(&rule), vec![0], self.dimensions);
            self.add_partition(&[rule], &[row], choice);
        }
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some((row, handle)) = self.places.take(id) else { return false };
        let known = self.partitions.iter().position(|partition| partition.handle == handle);
        let place = known.expect("a rule's partition is there");
        let partition = &mut self.partitions[place];
        let rule = self.rows.get(row).rule(self.dimensions);
        let subject = Subject { row, rule: &rule, order: &partition.order };
        let root = self.forest.remove(partition.root, subject, &mut self.rows);
        self.rows.remove(row);
        match root {
            None => drop(self.partitions.remove(place)),
            Some(root) => {
                (partition.root, partition.size) = (root, partition.size - 1);
                self.refresh(place);
            }
        }
        true
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn memory(&self) -> usize {
        let orders = self.partitions.len() * self.dimensions * size_of::<u16>();
        let partitions = self.partitions.capacity() * size_of::<Partition>() + orders;
        size_of::<Self>() + self.rows.memory() + self.forest.memory() + partitions + self.places.memory()
    }

    fn parts(&self) -> usize {
        self.partitions.len()
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let mut built = Self::new(dimensions);
        let (_, rules) = checked(dimensions, rules)?;
        let rows: Vec<u32> = rules.iter().map(|rule| built.rows.add(rule)).collect();
        built.rows.shrink();
        let mut left: Vec<usize> = (0..rules.len()).collect();
        while !left.is_empty() {
            let mut choice = choose(&rules, left, built.dimensions);
            left = std::mem::take(&mut choice.left);
            built.add_partition(&rules, &rows, choice);
        }
        Ok(built)
    }
}
