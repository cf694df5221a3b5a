//! Multi-dimensional search trees: one tree over a dimension's intervals, whose entries lead to trees over the next
//! dimension of the partition's order, and in the end to a rule.
//!
//! The intervals of one tree are disjoint, so that their lowest values order them, and a look-up needs only these: it goes
//! to the last entry that begins at or below the packet's value, in tree after tree, to the one rule that can match, and tests
//! that rule in full. Dimensions in which all rules below a point are equal have no tree there.
//!
//! Each tree is a B+ tree of nodes of one cache line.

use crate::rows::{NONE, Rows};
use crate::{Interval, Rule, signed};

/// Entries of a node at most.
const FULL: usize = 7;
/// Entries of a node made in bulk: room for one to come.
const PACKED: usize = 6;
/// Neighbours are merged that have no more entries than this.
const MERGED: usize = 5;

/// Leads to a node, or to a rule: the first of the rules that are equal in every dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

enum Target {
    Row(u32),
    Node(u32),
}

impl Slot {
    const IS_ROW: u32 = 1 << 31;

    pub(super) fn row(row: u32) -> Self {
        Self(row | Self::IS_ROW)
    }

    fn target(self) -> Target {
        match self.0 & Self::IS_ROW {
            0 => Target::Node(self.0),
            _ => Target::Row(self.0 & !Self::IS_ROW),
        }
    }
}

/// A node of the tree over `dimension`.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Node {
    /// Where each entry begins; beyond `len` the highest value. As vector instructions compare them: [`signed`].
    keys: [i32; 8],
    slots: [Slot; FULL],
    dimension: u16,
    len: u8,
    /// Zero where entries lead out of this tree.
    height: u8,
}

impl Node {
    fn new(dimension: u16, height: u8, entries: &[(i32, Slot)]) -> Self {
        let mut node =
            Self { keys: [i32::MAX; 8], slots: [Slot::row(0); FULL], dimension, height, len: entries.len() as u8 };
        for (place, (key, slot)) in entries.iter().enumerate() {
            (node.keys[place], node.slots[place]) = (*key, *slot);
        }
        node
    }

    fn entries(&self) -> impl Iterator<Item = (i32, Slot)> {
        self.keys.iter().copied().zip(self.slots).take(self.len.into())
    }

    /// The last entry that begins at or below `value`.
    #[inline(always)]
    fn at_or_below(&self, value: u32) -> Option<usize> {
        let value = signed(value);
        let begun: i32 = self.keys.iter().map(|key| i32::from(*key <= value)).sum();
        (begun as usize).min(self.len.into()).checked_sub(1)
    }

    fn insert(&mut self, place: usize, key: i32, slot: Slot) {
        let len = usize::from(self.len);
        self.keys.copy_within(place..len, place + 1);
        self.slots.copy_within(place..len, place + 1);
        (self.keys[place], self.slots[place]) = (key, slot);
        self.len += 1;
    }

    fn remove(&mut self, place: usize) {
        let len = usize::from(self.len);
        self.keys.copy_within(place + 1..len, place);
        self.slots.copy_within(place + 1..len, place);
        self.keys[len - 1] = i32::MAX;
        self.len -= 1;
    }
}

/// A rule to insert, or to find and remove: its row and its fields in the partition's order of dimensions.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) row: u32,
    pub(super) rule: &'a Rule,
    pub(super) order: &'a [u16],
}

impl Subject<'_> {
    fn field(&self, dimension: u16) -> Interval {
        self.rule.fields[usize::from(dimension)]
    }

    /// By their intervals in the order of dimensions, which must be the same.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let low = |subject: &Self, dimension: &u16| subject.field(*dimension).low;
        self.order
            .iter()
            .map(|dimension| low(self, dimension))
            .cmp(self.order.iter().map(|dimension| low(other, dimension)))
    }

    /// Its first dimension at or after `from` in the order that is not as in the rule of `row`, and before `stop`.
    fn difference(&self, rows: &Rows, row: u32, from: usize, stop: usize) -> Option<(u16, Interval)> {
        let other = rows.get(row);
        let pairs = self.order[from..stop].iter().map(|dimension| (*dimension, other.interval((*dimension).into())));
        pairs.into_iter().find(|(dimension, interval)| self.field(*dimension) != *interval)
    }
}

/// All trees of a classifier.
#[derive(Clone, Debug, Default)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    free: Vec<u32>,
}

impl Forest {
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.free.capacity() * 4
    }

    /// The one rule (and those equal to it) under `slot` that can match.
    #[inline(always)]
    pub(super) fn candidate(&self, mut slot: Slot, key: &[u32]) -> Option<u32> {
        loop {
            let node = match slot.target() {
                Target::Row(row) => return Some(row),
                Target::Node(node) => self.nodes.get(node as usize)?,
            };
            let value = key.get(usize::from(node.dimension))?;
            slot = *node.slots.get(node.at_or_below(*value)?)?;
        }
    }

    fn add(&mut self, node: Node) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        }
    }

    fn node(&mut self, place: u32) -> &mut Node {
        &mut self.nodes[place as usize]
    }

    /// Any row under `slot`: they agree in all dimensions that have no tree there.
    fn any_row(&self, mut slot: Slot) -> u32 {
        loop {
            match slot.target() {
                Target::Row(row) => return row,
                Target::Node(node) => slot = self.nodes[node as usize].slots[0],
            }
        }
    }

    /// The place in the order of the dimension at which rules under `slot` differ first.
    fn position(&self, slot: Slot, order: &[u16]) -> usize {
        match slot.target() {
            Target::Row(_) => order.len(),
            Target::Node(node) => {
                let dimension = self.nodes[node as usize].dimension;
                order.iter().position(|other| *other == dimension).expect("the order has every dimension")
            }
        }
    }

    /// Whether a rule can be ordered among those under `slot`.
    pub(super) fn fits(&self, mut slot: Slot, subject: Subject<'_>, rows: &Rows) -> bool {
        let mut from = 0;
        loop {
            let stop = self.position(slot, subject.order);
            if let Some((dimension, interval)) = subject.difference(rows, self.any_row(slot), from, stop) {
                return subject.field(dimension).is_disjoint(&interval);
            }
            let Target::Node(root) = slot.target() else { return true };
            let dimension = self.nodes[root as usize].dimension;
            let field = subject.field(dimension);
            // The last that begins within the field or before it: those before that end earlier.
            let Some(entry) = self.entry(root, field.high) else { return true };
            let interval = rows.get(self.any_row(entry)).interval(dimension.into());
            if interval != field {
                return interval.is_disjoint(&field);
            }
            (slot, from) = (entry, stop + 1);
        }
    }

    /// The last entry of a tree that begins at or below `value`.
    fn entry(&self, mut place: u32, value: u32) -> Option<Slot> {
        loop {
            let node = &self.nodes[place as usize];
            let slot = node.slots[node.at_or_below(value)?];
            match slot.target() {
                Target::Node(child) if node.height > 0 => place = child,
                _ => return Some(slot),
            }
        }
    }

    /// Inserts a rule that fits. What leads to the rules then.
    pub(super) fn insert(&mut self, slot: Slot, from: usize, subject: Subject<'_>, rows: &mut Rows) -> Slot {
        let stop = self.position(slot, subject.order);
        if let Some((dimension, other)) = subject.difference(rows, self.any_row(slot), from, stop) {
            let mut entries =
                [(signed(other.low), slot), (signed(subject.field(dimension).low), Slot::row(subject.row))];
            entries.sort_unstable_by_key(|(key, _)| *key);
            return Slot(self.add(Node::new(dimension, 0, &entries)));
        }
        let root = match slot.target() {
            Target::Row(head) => return Slot::row(rows.link(head, subject.row)),
            Target::Node(root) => root,
        };
        let Some(right) = self.insert_below(root, stop, subject, rows) else { return slot };
        let (left, height, dimension) =
            (self.nodes[root as usize].keys[0], self.node(root).height, self.node(root).dimension);
        Slot(self.add(Node::new(dimension, height + 1, &[(left, slot), right])))
    }

    /// Inserts into a tree, whose dimension is at `position` in the order. The node split off, if one was.
    fn insert_below(
        &mut self,
        place: u32,
        position: usize,
        subject: Subject<'_>,
        rows: &mut Rows,
    ) -> Option<(i32, Slot)> {
        let node = &self.nodes[place as usize];
        let low = subject.field(node.dimension).low;
        let at = node.at_or_below(low);
        if node.height == 0 {
            return match at.filter(|at| node.keys[*at] == signed(low)) {
                Some(at) => {
                    let slot = node.slots[at];
                    self.node(place).slots[at] = self.insert(slot, position + 1, subject, rows);
                    None
                }
                None => self.insert_entry(place, at.map_or(0, |at| at + 1), (signed(low), Slot::row(subject.row))),
            };
        }
        let at = at.unwrap_or(0);
        let Target::Node(child) = node.slots[at].target() else { unreachable!("above the leaves are nodes only") };
        let right = self.insert_below(child, position, subject, rows);
        self.node(place).keys[at] = self.nodes[child as usize].keys[0];
        self.insert_entry(place, at + 1, right?)
    }

    /// Inserts an entry into a node. The node split off, if it was full.
    fn insert_entry(&mut self, place: u32, at: usize, (key, slot): (i32, Slot)) -> Option<(i32, Slot)> {
        let node = self.node(place);
        if usize::from(node.len) < FULL {
            node.insert(at, key, slot);
            return None;
        }
        // Where entries come in ascending order the left one stays full.
        let middle = if at == FULL { FULL - 1 } else { FULL / 2 };
        let entries: Vec<(i32, Slot)> = node.entries().collect();
        let (dimension, height) = (node.dimension, node.height);
        *node = Node::new(dimension, height, &entries[..middle]);
        let mut right = Node::new(dimension, height, &entries[middle..]);
        match at.checked_sub(middle) {
            Some(at) if at > 0 => right.insert(at, key, slot),
            _ => node.insert(at, key, slot),
        }
        Some((right.keys[0], Slot(self.add(right))))
    }

    /// Removes a rule that is there. What leads to the others.
    pub(super) fn remove(&mut self, slot: Slot, subject: Subject<'_>, rows: &mut Rows) -> Option<Slot> {
        let mut root = match slot.target() {
            Target::Row(head) => {
                let head = rows.unlink(head, subject.row);
                return (head != NONE).then_some(Slot::row(head));
            }
            Target::Node(root) => root,
        };
        self.remove_below(root, subject, rows);
        // What has one entry is that entry, up to a single rule.
        loop {
            let node = &self.nodes[root as usize];
            let (only, above) = (node.slots[0], node.height > 0);
            match (node.len, only.target()) {
                (0 | 1, _) => self.free.push(root),
                _ => return Some(Slot(root)),
            }
            match only.target() {
                Target::Node(child) if above => root = child,
                _ => return Some(only),
            }
        }
    }

    /// Removes a rule from a tree.
    fn remove_below(&mut self, place: u32, subject: Subject<'_>, rows: &mut Rows) {
        let node = &self.nodes[place as usize];
        let Some(at) = node.at_or_below(subject.field(node.dimension).low) else { return };
        let slot = node.slots[at];
        match slot.target() {
            Target::Node(child) if node.height > 0 => {
                self.remove_below(child, subject, rows);
                match self.nodes[child as usize].len {
                    0 => self.drop_child(place, at),
                    _ => {
                        self.node(place).keys[at] = self.nodes[child as usize].keys[0];
                        self.merge(place, at);
                    }
                }
            }
            _ => match self.remove(slot, subject, rows) {
                Some(slot) => self.node(place).slots[at] = slot,
                None => self.node(place).remove(at),
            },
        }
    }

    /// Frees the child at `at`, whose entries are elsewhere.
    fn drop_child(&mut self, place: u32, at: usize) {
        if let Target::Node(child) = self.nodes[place as usize].slots[at].target() {
            self.free.push(child);
        }
        self.node(place).remove(at);
    }

    /// Merges the child at `at` with a neighbour where both are sparse.
    fn merge(&mut self, place: u32, at: usize) {
        let node = &self.nodes[place as usize];
        let left = if at + 1 < usize::from(node.len) { at } else { at.saturating_sub(1) };
        let (true, Some(right)) = (left + 1 < usize::from(node.len), node.slots.get(left + 1)) else { return };
        let (Target::Node(one), Target::Node(other)) = (node.slots[left].target(), right.target()) else { return };
        let both = [one, other].map(|child| &self.nodes[child as usize]);
        if both.iter().map(|child| usize::from(child.len)).sum::<usize>() <= MERGED {
            let entries: Vec<(i32, Slot)> = both.iter().flat_map(|child| child.entries()).collect();
            let merged = Node::new(both[0].dimension, both[0].height, &entries);
            *self.node(one) = merged;
            self.drop_child(place, left + 1);
        }
    }

    /// A tree of rules that are in order, from `from` in the order of dimensions on. Empties nothing, frees nothing.
    pub(super) fn build(&mut self, members: &[Subject<'_>], from: usize, rows: &mut Rows) -> Slot {
        let [first, rest @ ..] = members else { unreachable!("a tree has rules") };
        let differs = |position: usize| {
            let dimension = first.order[position];
            rest.iter().any(|member| member.field(dimension) != first.field(dimension))
        };
        let Some(position) = (from..first.order.len()).find(|position| differs(*position)) else {
            return Slot::row(rest.iter().fold(first.row, |head, member| rows.link(head, member.row)));
        };
        let dimension = first.order[position];
        let groups = members.chunk_by(|one, other| one.field(dimension) == other.field(dimension));
        let mut entries: Vec<(i32, Slot)> = Vec::new();
        for group in groups {
            entries.push((signed(group[0].field(dimension).low), self.build(group, position + 1, rows)));
        }
        let mut height = 0;
        while entries.len() > 1 {
            let packed = if entries.len() <= FULL { FULL } else { PACKED };
            let nodes = entries.chunks(packed);
            entries = nodes.map(|node| (node[0].0, Slot(self.add(Node::new(dimension, height, node))))).collect();
            height += 1;
        }
        entries[0].1
    }

    /// Frees the nodes under `slot`.
    pub(super) fn clear(&mut self, slot: Slot) {
        if let Target::Node(place) = slot.target() {
            let slots: Vec<Slot> = self.nodes[place as usize].entries().map(|(_, slot)| slot).collect();
            slots.into_iter().for_each(|slot| self.clear(slot));
            self.free.push(place);
        }
    }

    /// Calls `each` with the first row of every chain under `slot`.
    pub(super) fn for_each_row(&self, slot: Slot, each: &mut impl FnMut(u32)) {
        match slot.target() {
            Target::Row(row) => each(row),
            Target::Node(place) => {
                self.nodes[place as usize].entries().for_each(|(_, slot)| self.for_each_row(slot, each))
            }
        }
    }
}
