//! Tuple space search (Srinivasan, Suri and Varghese, SIGCOMM 1999), and its relaxation TupleMerge (Daly et al., 2019).
//!
//! A tuple is a prefix length for every dimension. A table has the rules of a tuple, hashed by what the tuple
//! leaves of their fields; an interval that is no prefix goes by the longest that covers it. A look-up asks the tables in
//! the order of their best ranks and ends at the first that has nothing better than what was found.

use crate::rows::{NONE, Places, Rows};
use crate::{Classifier, Found, Interval, Invalid, MOST_DIMENSIONS, Rank, Rule, RuleId, check};

/// Under TupleMerge, a table takes a rule if no more rules than this then share its hash.
const CROWD: usize = 6;
/// To what the lengths of TupleMerge's tables are rounded down, the coarsest first.
const ROUNDINGS: [u8; 4] = [16, 8, 4, 1];

/// The length of the longest prefix that covers an interval.
fn length(field: &Interval) -> u8 {
    (field.low ^ field.high).leading_zeros() as u8
}

fn mask(length: u8) -> u32 {
    !u32::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// The rules of one hash, chained in order of rank. Without rules where `row` is [`NONE`].
#[derive(Clone, Copy, Debug)]
struct Bucket {
    hash: u32,
    row: u32,
}

const EMPTY: Bucket = Bucket { hash: 0, row: NONE };

#[derive(Clone, Debug)]
struct Table {
    /// No rule has a better rank. One that had it may be gone.
    best: Rank,
    /// Names the table, wherever it stands.
    handle: u32,
    size: u32,
    /// Rules removed since `best` was that of a rule.
    removed: u32,
    /// Buckets in use.
    used: u32,
    lengths: Box<[u8]>,
    /// The dimensions whose length is not zero.
    masks: Box<[(u32, u32)]>,
    /// A power of two of them, searched from where the hash points to on.
    buckets: Vec<Bucket>,
}

impl Table {
    fn new(lengths: Box<[u8]>, handle: u32) -> Self {
        let some = lengths.iter().zip(0..).filter(|(length, _)| **length > 0);
        let masks = some.map(|(length, dimension)| (dimension, mask(*length))).collect();
        Self { best: Rank::LAST, handle, size: 0, removed: 0, used: 0, lengths, masks, buckets: vec![EMPTY; 4] }
    }

    /// Of a packet, or of the lowest values of a rule.
    fn hash(&self, value: impl Fn(usize) -> u32) -> u32 {
        let mix = |hash: u64, word: u32| (hash.rotate_left(23) ^ u64::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = self.masks.iter().fold(0, |hash, (dimension, mask)| mix(hash, value(*dimension as usize) & mask));
        (hash >> 32) as u32
    }

    fn hash_of(&self, rule: &Rule) -> u32 {
        self.hash(|dimension| rule.fields[dimension].low)
    }

    /// Where the hash is, or would be.
    fn find(&self, hash: u32) -> usize {
        let last = self.buckets.len() - 1;
        let mut place = hash as usize & last;
        while self.buckets[place].row != NONE && self.buckets[place].hash != hash {
            place = (place + 1) & last;
        }
        place
    }

    fn covers(&self, rule: &Rule) -> bool {
        self.lengths.iter().zip(&rule.fields).all(|(own, field)| *own <= length(field))
    }

    fn insert(&mut self, rule: &Rule, row: u32, rows: &mut Rows) {
        if (self.used as usize + 1) * 4 > self.buckets.len() * 3 {
            self.grow();
        }
        let hash = self.hash_of(rule);
        let place = self.find(hash);
        let bucket = &mut self.buckets[place];
        self.used += u32::from(bucket.row == NONE);
        *bucket = Bucket { hash, row: if bucket.row == NONE { row } else { rows.link(bucket.row, row) } };
        self.size += 1;
        self.best = self.best.min(rule.rank());
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; self.buckets.len() * 2];
        for bucket in std::mem::replace(&mut self.buckets, larger) {
            if bucket.row != NONE {
                let place = self.find(bucket.hash);
                self.buckets[place] = bucket;
            }
        }
    }

    fn remove(&mut self, rule: &Rule, row: u32, rows: &mut Rows) {
        let mut place = self.find(self.hash_of(rule));
        self.size -= 1;
        self.removed += 1;
        self.buckets[place].row = rows.unlink(self.buckets[place].row, row);
        if self.buckets[place].row != NONE {
            return;
        }
        // Those that stand behind for want of this place move up.
        self.used -= 1;
        let last = self.buckets.len() - 1;
        let mut next = (place + 1) & last;
        while self.buckets[next].row != NONE {
            let home = self.buckets[next].hash as usize & last;
            if (next.wrapping_sub(home) & last) >= (next.wrapping_sub(place) & last) {
                self.buckets.swap(place, next);
                place = next;
            }
            next = (next + 1) & last;
        }
    }
}

/// Tables, and which of them takes a rule.
#[derive(Clone, Debug, Default)]
struct Tables {
    dimensions: usize,
    rows: Rows,
    /// In ascending order of their best ranks.
    tables: Vec<Table>,
    places: Places,
    /// The next table's handle.
    next: u32,
    merging: bool,
}

impl Tables {
    fn new(dimensions: usize, merging: bool) -> Self {
        Self { dimensions: dimensions.min(MOST_DIMENSIONS), merging, ..Self::default() }
    }

    /// The best rule that matches, if its rank is below `bound`.
    fn best(&self, key: &[u32], bound: Rank) -> Found {
        if key.len() < self.dimensions {
            return self.best_of_all(key, bound);
        }
        let mut found = bound;
        for table in &self.tables {
            if table.best >= found {
                break;
            }
            let hash = table.hash(|dimension| key[dimension]);
            let row = table.buckets[table.find(hash)].row;
            found = self.rows.first(row, key, found).unwrap_or(found);
        }
        (found < bound).then_some(found)
    }

    /// The same for a key that is too short to be hashed.
    #[cold]
    fn best_of_all(&self, key: &[u32], bound: Rank) -> Found {
        let rows = self.places.rows().map(|row| self.rows.get(row));
        rows.filter(|row| row.matches(key)).map(|row| row.rank()).filter(|rank| *rank < bound).min()
    }

    fn has_room(&self, table: &Table, rule: &Rule) -> bool {
        table.covers(rule) && {
            let row = table.buckets[table.find(table.hash_of(rule))].row;
            self.rows.chain(row).take(CROWD).count() < CROWD
        }
    }

    /// The table for a rule, made if need be.
    fn table_for(&mut self, rule: &Rule) -> usize {
        let exact: Box<[u8]> = rule.fields.iter().map(length).collect();
        let mut lengths = exact.clone();
        if self.merging {
            if let Some(place) = self.tables.iter().position(|table| self.has_room(table, rule)) {
                return place;
            }
            // Those tables that are there are full where the rule belongs, up to the one of its very tuple.
            let rounded = |to: u8| -> Box<[u8]> { exact.iter().map(|length| length - length % to).collect() };
            let mut finer = ROUNDINGS.into_iter().map(rounded);
            lengths = finer.find(|lengths| self.tables.iter().all(|t| t.lengths != *lengths)).unwrap_or(exact);
        }
        if let Some(place) = self.tables.iter().position(|table| table.lengths == lengths) {
            return place;
        }
        self.tables.push(Table::new(lengths, self.next));
        self.next += 1;
        self.tables.len() - 1
    }

    /// Puts the table at `place` where its best rank belongs.
    fn settle(&mut self, place: usize) {
        let table = self.tables.remove(place);
        let place = self.tables.partition_point(|other| other.best < table.best);
        self.tables.insert(place, table);
    }

    fn insert(&mut self, rule: &Rule) -> Result<(), Invalid> {
        check(self.dimensions, rule)?;
        self.places.vacant(rule.id)?;
        let row = self.rows.add(rule);
        let place = self.table_for(rule);
        let table = &mut self.tables[place];
        table.insert(rule, row, &mut self.rows);
        self.places.put(rule.id, row, table.handle);
        self.settle(place);
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some((row, handle)) = self.places.take(id) else { return false };
        let known = self.tables.iter().position(|table| table.handle == handle);
        let place = known.expect("a rule's table is there");
        let table = &mut self.tables[place];
        table.remove(&self.rows.get(row).rule(self.dimensions), row, &mut self.rows);
        self.rows.remove(row);
        if table.size == 0 {
            self.tables.remove(place);
        } else if table.removed * 8 >= table.size {
            let ranks =
                table.buckets.iter().filter(|bucket| bucket.row != NONE).map(|bucket| self.rows.get(bucket.row).rank());
            (table.best, table.removed) = (ranks.min().unwrap_or(Rank::LAST), 0);
            self.settle(place);
        }
        true
    }

    fn memory(&self) -> usize {
        let inside = |table: &Table| table.lengths.len() + table.masks.len() * 8 + table.buckets.capacity() * 8;
        let tables = self.tables.capacity() * size_of::<Table>() + self.tables.iter().map(inside).sum::<usize>();
        size_of::<Self>() + self.rows.memory() + tables + self.places.memory()
    }
}

/// A classifier made of tables.
macro_rules! of_tables {
    ($(#[$doc:meta])* $name:ident, $merging:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Tables);

        impl Classifier for $name {
            fn new(dimensions: usize) -> Self {
                Self(Tables::new(dimensions, $merging))
            }

            fn lookup(&self, key: &[u32]) -> Option<RuleId> {
                self.0.best(key, Rank::LAST).map(Rank::id)
            }

            fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
                self.0.insert(&rule)
            }

            fn delete(&mut self, id: RuleId) -> bool {
                self.0.delete(id)
            }

            fn len(&self) -> usize {
                self.0.places.len()
            }

            fn memory(&self) -> usize {
                self.0.memory()
            }

            fn parts(&self) -> usize {
                self.0.tables.len()
            }
        }
    };
}

of_tables! {
    /// Tuple space search: a table for every tuple.
    TupleSpace, false
}

of_tables! {
    /// TupleMerge: a table takes rules of longer tuples too, as long as few of them share a hash.
    TupleMerge, true
}
