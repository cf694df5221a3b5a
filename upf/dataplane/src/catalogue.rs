//! What sessions have alike, laid out once: the subscribers of a data network mostly get the same SDF filters and PDRs, and
//! what all of them use stays in the cache.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::time::Instant;

use classifier::Algorithm;

use crate::Session;
use crate::detection::{Asked, Choice};
use crate::session::Pdr;

/// What sessions share now.
#[derive(Debug, Default)]
pub struct Catalogue {
    algorithm: Algorithm,
    choices: Known<Asked, Choice>,
    pdrs: Known<Box<[Pdr]>, [Pdr]>,
}

impl Catalogue {
    /// Rules are to be looked up by this algorithm.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, ..Self::default() }
    }

    /// Lays out the rules of session `seid`, all of whose tunnels are given out.
    pub fn compile(&mut self, seid: u64, rules: &rules::Session, now: Instant) -> Box<Session> {
        Session::lay_out(seid, rules, now, self)
    }

    /// These rules, ready to choose from.
    pub(crate) fn choice(&mut self, asked: Asked) -> Arc<Choice> {
        let algorithm = self.algorithm;
        self.choices.one(asked, |asked| Arc::new(Choice::of(asked, algorithm)))
    }

    /// These PDRs.
    pub(crate) fn pdrs(&mut self, pdrs: Vec<Pdr>) -> Arc<[Pdr]> {
        self.pdrs.one(pdrs.into(), |pdrs| Arc::from(pdrs.clone()))
    }
}

/// Things in use, by what they are made of.
struct Known<K, T: ?Sized> {
    things: HashMap<K, Weak<T>>,
    /// Things made since those that nobody uses any more were forgotten, and how many there were left.
    since: usize,
    left: usize,
}

/// Most things that are known; of those beyond each is made for itself.
const MOST: usize = 4096;

/// Things made before it is worth looking for those that nobody uses.
const FEW: usize = 64;

impl<K, T: ?Sized> Default for Known<K, T> {
    fn default() -> Self {
        Self { things: HashMap::new(), since: 0, left: 0 }
    }
}

impl<K, T: ?Sized> std::fmt::Debug for Known<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} known", self.things.len())
    }
}

impl<K: Eq + Hash, T: ?Sized> Known<K, T> {
    /// The one that is known, else a new one.
    fn one(&mut self, of: K, make: impl FnOnce(&K) -> Arc<T>) -> Arc<T> {
        if let Some(same) = self.things.get(&of).and_then(Weak::upgrade) {
            return same;
        }
        let new = make(&of);
        self.since += 1;
        if self.since > self.left.max(FEW) {
            self.things.retain(|_, thing| thing.strong_count() > 0);
            (self.since, self.left) = (0, self.things.len());
        }
        if self.things.len() < MOST {
            self.things.insert(of, Arc::downgrade(&new));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use classifier::{Interval, Rule, RuleId};

    use super::*;

    /// One rule of the one dimension, with this value.
    fn asked(value: u32) -> Asked {
        let rule = Rule { id: RuleId(0), precedence: 1, fields: [Interval::exact(value)].into() };
        Asked { dimensions: [0].into(), rules: vec![rule], pdr_of: [0].into() }
    }

    #[test]
    fn what_is_alike_is_one() {
        let mut catalogue = Catalogue::default();
        let [first, again, other] = [7, 7, 8].map(|value| catalogue.choice(asked(value)));
        assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other));
        assert_eq!(catalogue.choices.things.len(), 2);
    }

    #[test]
    fn what_nobody_uses_is_not_kept_for_ever() {
        let mut catalogue = Catalogue::default();
        let used = catalogue.choice(asked(0));
        for value in 1..50_000 {
            drop(catalogue.choice(asked(value)));
        }
        assert!(catalogue.choices.things.len() <= 2 * FEW, "{catalogue:?}");
        assert!(Arc::ptr_eq(&used, &catalogue.choice(asked(0))));
    }

    #[test]
    fn more_than_are_remembered_work_all_the_same() {
        let mut catalogue = Catalogue::default();
        let used: Vec<_> = (0..2 * MOST as u32).map(|value| catalogue.choice(asked(value))).collect();
        assert_eq!(catalogue.choices.things.len(), MOST);
        drop(used);
        (0..MOST as u32).for_each(|value| drop(catalogue.choice(asked(value))));
        assert!(catalogue.choices.things.len() <= 2 * FEW, "{catalogue:?}");
    }
}
