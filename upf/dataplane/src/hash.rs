//! Maps from integers to places: open addressing, and so one cache line for most look-ups.
//!
//! Their keys are those that nobody outside chooses freely: tunnels and sessions we number, addresses of our pools, and
//! hashes under a secret.

use crate::BUCKETS;

/// Where something lies in a list.
pub(crate) type Place = u32;

/// In place of a place: none.
const NOWHERE: Place = Place::MAX;

/// Entries of the smallest table: a cache line of tunnels.
const LEAST: usize = 8;

/// What a map has for keys.
pub(crate) trait Key: Copy + Eq + Default {
    /// Its bits.
    fn bits(self) -> u64;
}

impl Key for u32 {
    fn bits(self) -> u64 {
        self.into()
    }
}

impl Key for u64 {
    fn bits(self) -> u64 {
        self
    }
}

/// Multiplies and folds; a handful of cycles.
fn fold(bits: u64) -> u64 {
    let product = u128::from(bits) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// A map, at most three quarters full. Entries that collide follow each other.
#[derive(Clone, Default)]
struct Open<K> {
    /// None, or a power of two.
    entries: Box<[(K, Place)]>,
    used: usize,
}

impl<K: Key> Open<K> {
    fn mask(&self) -> usize {
        self.entries.len().wrapping_sub(1)
    }

    fn home(&self, key: K) -> usize {
        fold(key.bits()) as usize & self.mask()
    }

    /// Where the key is.
    fn find(&self, key: K) -> Option<usize> {
        let mut at = self.home(key);
        loop {
            // A table without entries ends here.
            let (other, place) = *self.entries.get(at)?;
            if place == NOWHERE {
                return None;
            }
            if other == key {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
    }

    fn insert(&mut self, key: K, place: Place) {
        if let Some(at) = self.find(key) {
            self.entries[at].1 = place;
            return;
        }
        if (self.used + 1) * 4 > self.entries.len() * 3 {
            let larger = (self.entries.len() * 2).max(LEAST);
            let before = std::mem::replace(&mut self.entries, vec![(K::default(), NOWHERE); larger].into());
            before.into_iter().filter(|(_, place)| *place != NOWHERE).for_each(|(key, place)| self.add(key, place));
        }
        self.add(key, place);
        self.used += 1;
    }

    /// Adds a key that is not there; there is room.
    fn add(&mut self, key: K, place: Place) {
        let mut at = self.home(key);
        while self.entries[at].1 != NOWHERE {
            at = (at + 1) & self.mask();
        }
        self.entries[at] = (key, place);
    }

    fn remove(&mut self, key: K) {
        let Some(mut hole) = self.find(key) else { return };
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let (other, place) = self.entries[at];
            if place == NOWHERE {
                break;
            }
            // An entry moves into the hole unless its home lies behind it.
            if at.wrapping_sub(self.home(other)) & mask >= at.wrapping_sub(hole) & mask {
                self.entries[hole] = self.entries[at];
                hole = at;
            }
        }
        self.entries[hole].1 = NOWHERE;
        self.used -= 1;
    }
}

/// A map in as many parts as there are buckets: no part grows so large that growing it holds up packets, and what moves with
/// a bucket lies together.
pub(crate) struct Index<K>(Box<[Open<K>]>);

impl<K: Key> Default for Index<K> {
    fn default() -> Self {
        Self(vec![Open::default(); BUCKETS].into())
    }
}

impl<K: Key> Index<K> {
    fn part(&self, part: u8) -> &Open<K> {
        &self.0[usize::from(part)]
    }

    /// The place of a key.
    pub(crate) fn get(&self, part: u8, key: K) -> Option<Place> {
        let part = self.part(part);
        part.find(key).map(|at| part.entries[at].1)
    }

    /// Puts a key in, or at another place.
    pub(crate) fn insert(&mut self, part: u8, key: K, place: Place) {
        self.0[usize::from(part)].insert(key, place);
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, part: u8, key: K) {
        self.0[usize::from(part)].remove(key);
    }

    /// Takes a key out if it leads to this place.
    pub(crate) fn remove_from(&mut self, part: u8, key: K, place: Place) {
        if self.get(part, key) == Some(place) {
            self.remove(part, key);
        }
    }

    /// The places of a part.
    pub(crate) fn places(&self, part: u8) -> impl Iterator<Item = Place> + '_ {
        self.part(part).entries.iter().map(|(_, place)| *place).filter(|place| *place != NOWHERE)
    }

    /// Says that a key will be looked up soon.
    pub(crate) fn expect(&self, part: u8, key: K) {
        let part = self.part(part);
        if let Some(entry) = part.entries.get(part.home(key)) {
            prefetch(entry);
        }
    }
}

/// Has the cache line fetched that something begins in.
pub(crate) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint that reads nothing a program can see and never faults; the address is that of a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>((&raw const *place).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few keys, so that they collide, are removed and come again.
        #[test]
        fn a_map_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0..40u32, 0..1000u32), 0..400)) {
            let (mut index, mut model) = (Index::<u32>::default(), HashMap::new());
            for (insert, key, place) in steps {
                if insert {
                    index.insert(7, key, place);
                    model.insert(key, place);
                } else {
                    index.remove(7, key);
                    model.remove(&key);
                }
                prop_assert!((0..40).all(|key| index.get(7, key) == model.get(&key).copied()));
                let (mut places, mut expected): (Vec<_>, Vec<_>) = (index.places(7).collect(), model.values().copied().collect());
                places.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(places, expected);
                prop_assert_eq!(index.get(8, key), None);
            }
        }
    }
}
