//! Rules that sessions have alike, laid out once: the subscribers of a data network mostly get the same SDF filters, and what
//! all of them use stays in the cache.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::Session;
use crate::detection::{Asked, Choice};

/// Most sets of rules that are remembered; those beyond are laid out for each session.
const MOST: usize = 4096;

/// The sets of rules that sessions use now.
#[derive(Default)]
pub struct Catalogue {
    known: HashMap<Asked, Weak<Choice>>,
    /// Sets laid out since those that no session uses any more were forgotten, and how many there were left.
    since: usize,
    left: usize,
}

/// Sets laid out before that is worth it.
const FEW: usize = 64;

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sets of rules", self.known.len())
    }
}

impl Catalogue {
    /// Lays out the rules of session `seid`, all of whose tunnels are given out.
    pub fn compile(&mut self, seid: u64, rules: &rules::Session, now: Instant) -> Box<Session> {
        Session::lay_out(seid, rules, now, self)
    }

    /// These rules, ready to choose from.
    pub(crate) fn choice(&mut self, asked: Asked) -> Arc<Choice> {
        if let Some(same) = self.known.get(&asked).and_then(Weak::upgrade) {
            return same;
        }
        let choice = Arc::new(Choice::of(&asked));
        self.since += 1;
        if self.since > self.left.max(FEW) {
            self.known.retain(|_, choice| choice.strong_count() > 0);
            (self.since, self.left) = (0, self.known.len());
        }
        if self.known.len() < MOST {
            self.known.insert(asked, Arc::downgrade(&choice));
        }
        choice
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
        assert_eq!(catalogue.known.len(), 2);
    }

    #[test]
    fn what_nobody_uses_is_not_kept_for_ever() {
        let mut catalogue = Catalogue::default();
        let used = catalogue.choice(asked(0));
        for value in 1..50_000 {
            drop(catalogue.choice(asked(value)));
        }
        assert!(catalogue.known.len() <= 2 * FEW, "{catalogue:?}");
        assert!(Arc::ptr_eq(&used, &catalogue.choice(asked(0))));
    }

    #[test]
    fn more_than_are_remembered_work_all_the_same() {
        let mut catalogue = Catalogue::default();
        let used: Vec<_> = (0..2 * MOST as u32).map(|value| catalogue.choice(asked(value))).collect();
        assert_eq!(catalogue.known.len(), MOST);
        drop(used);
        (0..MOST as u32).for_each(|value| drop(catalogue.choice(asked(value))));
        assert!(catalogue.known.len() <= 2 * FEW, "{catalogue:?}");
    }
}
