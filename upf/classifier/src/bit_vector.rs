//! Bit vectors (Lakshman and Stiliadis, SIGCOMM 1998), in bins: every dimension of a few is cut into bins, a bin has a bit for
//! each rule that reaches into it, and the bits that a packet's bins have in common are the rules to be tested.
//!
//! It costs a fixed number of steps whatever the packet, with few branches to be mispredicted, and then time in proportion to
//! the rules, 512 of them at once: best for tens to thousands.

use crate::bins::{Bins, MOST};
use crate::rows::{NONE, Places, Rows};
use crate::vector::{Search, search};
use crate::{Classifier, Found, Interval, Invalid, MOST_DIMENSIONS, Rank, Rule, RuleId, check, checked};

/// Dimensions that are cut.
const AXES: usize = 3;
/// Words of a block of rules, where there is more than one block.
const WIDTH: usize = 8;
const SLOTS: usize = 64;
/// Rules of a block when it is made: the rest is room for more.
const FILLED: usize = 448;

/// A dimension in bins.
#[derive(Clone, Debug)]
struct Axis {
    dimension: usize,
    bins: Bins,
    /// Bin after bin, a bit for each rule.
    bits: Vec<u64>,
}

impl Axis {
    /// An axis of this dimension, and the share of rules that are in the bin of a packet. `None` if no rule constrains it.
    fn new(rules: &[Rule], dimension: usize) -> Option<(f64, Self)> {
        let (share, bins) = Bins::of(rules, dimension)?;
        Some((share, Self { dimension, bins, bits: Vec::new() }))
    }

    /// One bin for all rules, where none constrains anything.
    fn whole() -> Self {
        Self { dimension: 0, bins: Bins::new(std::iter::empty(), MOST), bits: Vec::new() }
    }

    /// Puts the slot's bit into the bins of a field, or takes it away.
    fn set(&mut self, field: &Interval, stride: usize, slot: usize, on: bool) {
        let (word, bit) = (slot / SLOTS, 1 << (slot % SLOTS));
        for bin in self.bins.reach(field) {
            let bits = &mut self.bits[bin * stride + word];
            if on { *bits |= bit } else { *bits &= !bit }
        }
    }
}

/// What bins have in common, and whether there is anything.
#[inline(always)]
fn common(bins: &[&[u64; WIDTH]; AXES]) -> ([u64; WIDTH], bool) {
    let [one, another, third] = bins;
    let mut common = [0; WIDTH];
    let mut any = 0;
    for word in 0..WIDTH {
        common[word] = one[word] & another[word] & third[word];
        any |= common[word];
    }
    (common, any != 0)
}

/// Slots that are looked at together.
#[derive(Clone, Debug)]
struct Block {
    /// No rule has a better rank.
    best: Rank,
    first: usize,
    /// Whether its rules are in the order of their ranks.
    sorted: bool,
}

/// Bit vectors over the bins of the dimensions that tell rules apart best.
#[derive(Clone, Debug, Default)]
pub struct BitVector {
    dimensions: usize,
    rows: Rows,
    /// The part is the slot.
    places: Places,
    axes: Vec<Axis>,
    /// The row in each slot.
    slots: Vec<u32>,
    /// In ascending order of their best ranks.
    blocks: Vec<Block>,
    /// Words of a block.
    width: usize,
    /// Words of a bin.
    stride: usize,
    /// Rules when it was laid out.
    laid_out: usize,
}

impl BitVector {
    /// The same for a key that is too short to go by.
    #[cold]
    fn best_of_all(&self, key: &[u32], bound: Rank) -> Found {
        let rows = self.places.rows().map(|row| self.rows.get(row));
        rows.filter(|row| row.matches(key)).map(|row| row.rank()).filter(|rank| *rank < bound).min()
    }

    /// The bits of the packet's bin.
    #[inline(always)]
    fn bin<'a>(&self, axis: &'a Axis, key: &[u32]) -> &'a [u64] {
        let start = axis.bins.bin(key[axis.dimension]) * self.stride;
        &axis.bits[start..start + self.stride]
    }

    #[inline(always)]
    fn best_of_narrow(&self, block: &Block, bins: &[&[u64]; AXES], key: &[u32], mut found: Rank) -> Rank {
        for word in block.first..block.first + self.width {
            let bits = bins.iter().fold(u64::MAX, |common, bits| common & bits[word]);
            let before = found;
            found = self.best_of_word(word, bits, block.sorted, key, found);
            if block.sorted && found < before {
                return found;
            }
        }
        found
    }

    #[inline(always)]
    fn best_of_wide(&self, block: &Block, bins: &[&[u64]; AXES], key: &[u32], mut found: Rank) -> Rank {
        let bins = bins.map(|bits| bits[block.first..].first_chunk().expect("a bin has all blocks"));
        let (common, any) = common(&bins);
        if !any {
            return found;
        }
        for (word, bits) in common.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            let before = found;
            found = self.best_of_word(block.first + word, *bits, block.sorted, key, found);
            if block.sorted && found < before {
                return found;
            }
        }
        found
    }

    #[inline(always)]
    fn best_of_word(&self, word: usize, mut bits: u64, sorted: bool, key: &[u32], mut found: Rank) -> Rank {
        while bits != 0 {
            let slot = word * SLOTS + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let Some(rank) = self.rows.rank_if_matched(self.slots[slot], key, found) {
                found = rank;
                if sorted {
                    return found;
                }
            }
        }
        found
    }

    /// Rows and rules.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.places.rows().map(|row| self.rows.get(row).rule(self.dimensions)).collect()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The interval of a rule in a dimension.
    pub(crate) fn interval(&self, id: RuleId, dimension: usize) -> Option<Interval> {
        let (row, _) = self.places.get(id)?;
        Some(self.rows.get(row).interval(dimension))
    }

    /// Rules that were checked, laid out anew.
    pub(crate) fn of(dimensions: usize, mut rules: Vec<Rule>) -> Self {
        rules.sort_unstable_by_key(Rule::rank);
        let mut new = Self { dimensions, laid_out: rules.len(), ..Self::default() };
        let mut axes: Vec<(f64, Axis)> = (0..dimensions).filter_map(|dimension| Axis::new(&rules, dimension)).collect();
        axes.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        new.axes = axes.into_iter().take(AXES).map(|(_, axis)| axis).collect();
        if new.axes.is_empty() && dimensions > 0 {
            new.axes.push(Axis::whole());
        }
        // Room for one rule more at least.
        let (width, filled) = match rules.len() < WIDTH * SLOTS {
            true => (rules.len() / SLOTS + 1, rules.len().max(1)),
            false => (WIDTH, FILLED),
        };
        let blocks = rules.len().div_ceil(filled).max(1);
        (new.width, new.stride) = (width, width * blocks);
        new.slots = vec![NONE; new.stride * SLOTS];
        for axis in &mut new.axes {
            axis.bits = vec![0; axis.bins.count() * new.stride];
        }
        new.blocks = (0..blocks).map(|block| Block { best: Rank::LAST, first: block * width, sorted: true }).collect();
        for (place, rule) in rules.iter().enumerate() {
            let block = place / filled;
            new.put(rule, block * width * SLOTS + place % filled);
            new.blocks[block].best = new.blocks[block].best.min(rule.rank());
        }
        new.rows.shrink();
        new
    }

    fn put(&mut self, rule: &Rule, slot: usize) {
        let row = self.rows.add(rule);
        self.slots[slot] = row;
        self.places.put(rule.id, row, slot as u32);
        for axis in &mut self.axes {
            axis.set(&rule.fields[axis.dimension], self.stride, slot, true);
        }
    }

    /// A free slot: in the block where the rank belongs, or in another.
    fn vacancy(&self, rank: Rank) -> Option<(usize, usize)> {
        let home = self.blocks.partition_point(|block| block.best <= rank).saturating_sub(1);
        let blocks = (home..self.blocks.len()).chain(0..home);
        blocks.into_iter().find_map(|block| {
            let first = self.blocks[block].first * SLOTS;
            let slots = &self.slots[first..first + self.width * SLOTS];
            slots.iter().position(|row| *row == NONE).map(|slot| (block, first + slot))
        })
    }

    /// Whether the rules are in the order of their ranks up to the slot, and none is after it.
    fn is_last(&self, block: usize, slot: usize, rank: Rank) -> bool {
        let Block { first, sorted, .. } = self.blocks[block];
        let slots = &self.slots[first * SLOTS..(first + self.width) * SLOTS];
        let (before, after) = slots.split_at(slot - first * SLOTS);
        let last = before.last().is_none_or(|row| self.rows.get(*row).rank() < rank);
        sorted && last && after[1..].iter().all(|row| *row == NONE)
    }

    /// Adds a rule that was checked.
    pub(crate) fn add(&mut self, rule: Rule) {
        let outgrown = self.len() >= 2 * self.laid_out.max(4);
        let Some((block, slot)) = self.vacancy(rule.rank()).filter(|_| !outgrown) else {
            let mut rules = self.rules();
            rules.push(rule);
            *self = Self::of(self.dimensions, rules);
            return;
        };
        self.blocks[block].sorted = self.is_last(block, slot, rule.rank());
        self.blocks[block].best = self.blocks[block].best.min(rule.rank());
        self.put(&rule, slot);
        self.blocks.sort_by_key(|block| block.best);
    }
}

impl Search for BitVector {
    #[inline(always)]
    fn best(&self, key: &[u32], bound: Rank) -> Found {
        if key.len() < self.dimensions || self.axes.is_empty() {
            return self.best_of_all(key, bound);
        }
        // An axis that there is not is the first once more.
        let mut bins = [self.bin(&self.axes[0], key); AXES];
        for (bin, axis) in bins.iter_mut().zip(&self.axes).skip(1) {
            *bin = self.bin(axis, key);
        }
        let mut found = bound;
        for block in &self.blocks {
            if block.best >= found {
                break;
            }
            found = match self.width {
                WIDTH => self.best_of_wide(block, &bins, key, found),
                _ => self.best_of_narrow(block, &bins, key, found),
            };
        }
        (found < bound).then_some(found)
    }
}

impl Classifier for BitVector {
    fn new(dimensions: usize) -> Self {
        Self::of(dimensions.min(MOST_DIMENSIONS), Vec::new())
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        search(self, key).map(Rank::id)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        self.places.vacant(rule.id)?;
        self.add(rule);
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some((row, slot)) = self.places.take(id) else { return false };
        let slot = slot as usize;
        let rank = self.rows.get(row).rank();
        for axis in &mut self.axes {
            axis.set(&self.rows.get(row).interval(axis.dimension), self.stride, slot, false);
        }
        self.rows.remove(row);
        self.slots[slot] = NONE;
        let width = self.width;
        let holds = |block: &&mut Block| (block.first..block.first + width).contains(&(slot / SLOTS));
        if let Some(block) = self.blocks.iter_mut().find(holds).filter(|block| block.best == rank) {
            let slots = &self.slots[block.first * SLOTS..(block.first + width) * SLOTS];
            let ranks = slots.iter().filter(|row| **row != NONE).map(|row| self.rows.get(*row).rank());
            block.best = ranks.min().unwrap_or(Rank::LAST);
            self.blocks.sort_by_key(|block| block.best);
        }
        if self.len() * 4 < self.laid_out {
            *self = Self::of(self.dimensions, self.rules());
        }
        true
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn memory(&self) -> usize {
        let inside = |axis: &Axis| size_of::<Axis>() + axis.bits.capacity() * 8;
        let blocks = self.blocks.capacity() * size_of::<Block>() + self.slots.capacity() * 4;
        let axes: usize = self.axes.iter().map(inside).sum();
        size_of::<Self>() + self.rows.memory() + self.places.memory() + axes + blocks
    }

    fn parts(&self) -> usize {
        self.blocks.len()
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let (dimensions, rules) = checked(dimensions, rules)?;
        Ok(Self::of(dimensions, rules))
    }
}
