//! Authentications that wait for the UE's answer: bounded in number and in time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aka::{Kausf, XresStar};
use sbi_models::Supi;
use uuid::Uuid;

/// An authentication under way.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    pub(crate) supi: Supi,
    pub(crate) serving_network: String,
    pub(crate) xres_star: XresStar,
    pub(crate) kausf: Kausf,
}

#[derive(Default)]
struct Table {
    waiting: HashMap<Uuid, Authentication>,
    /// In the order they were added; those taken meanwhile are still named here.
    by_age: VecDeque<(Instant, Uuid)>,
}

/// The authentications under way, under names that cannot be guessed.
pub(crate) struct Contexts {
    table: Mutex<Table>,
    most: usize,
    lifetime: Duration,
}

impl Contexts {
    pub(crate) fn new(most: usize, lifetime: Duration) -> Self {
        Self { table: Mutex::default(), most, lifetime }
    }

    fn table(&self, now: Instant) -> MutexGuard<'_, Table> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        while table.by_age.front().is_some_and(|(added, _)| now.duration_since(*added) >= self.lifetime) {
            if let Some((_, id)) = table.by_age.pop_front() {
                table.waiting.remove(&id);
            }
        }
        table
    }

    /// Adds an authentication; `None` when there are too many.
    pub(crate) fn add(&self, now: Instant, authentication: Authentication) -> Option<Uuid> {
        let mut table = self.table(now);
        // What was taken is still named in `by_age` until its time is over, so it is what must be bounded.
        if table.by_age.len() >= self.most {
            table.forget_taken();
            if table.by_age.len() >= self.most {
                return None;
            }
        }
        let id = Uuid::new_v4();
        table.waiting.insert(id, authentication);
        table.by_age.push_back((now, id));
        Some(id)
    }

    /// Takes an authentication: it can be confirmed once.
    pub(crate) fn take(&self, now: Instant, id: &Uuid) -> Option<Authentication> {
        self.table(now).waiting.remove(id)
    }

    pub(crate) fn len(&self, now: Instant) -> usize {
        self.table(now).waiting.len()
    }
}

impl Table {
    fn forget_taken(&mut self) {
        let Self { waiting, by_age } = self;
        by_age.retain(|(_, id)| waiting.contains_key(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authentication() -> Authentication {
        Authentication {
            supi: "imsi-999700000000001".parse().expect("a SUPI"),
            serving_network: "5G:mnc070.mcc999.3gppnetwork.org".into(),
            xres_star: XresStar::new([1; 16]),
            kausf: Kausf::new([2; 32]),
        }
    }

    #[test]
    fn an_authentication_is_taken_once_and_within_its_time() {
        let contexts = Contexts::new(10, Duration::from_secs(30));
        let now = Instant::now();
        let first = contexts.add(now, authentication()).expect("room");
        assert!(contexts.take(now, &first).is_some());
        assert!(contexts.take(now, &first).is_none());
        let second = contexts.add(now, authentication()).expect("room");
        assert!(contexts.take(now + Duration::from_secs(30), &second).is_none());
    }

    #[test]
    fn there_are_never_more_than_allowed() {
        let contexts = Contexts::new(3, Duration::from_secs(30));
        let now = Instant::now();
        let ids: Vec<_> = (0..5).map(|_| contexts.add(now, authentication())).collect();
        assert_eq!(ids.iter().flatten().count(), 3);
        for id in ids.iter().flatten() {
            assert!(contexts.take(now, id).is_some());
            assert!(contexts.add(now, authentication()).is_some(), "there is room again");
        }
        assert_eq!(contexts.len(now), 3);
        assert_eq!(contexts.len(now + Duration::from_secs(30)), 0);
    }

    #[test]
    fn nothing_secret_prints() {
        let text = format!("{:?}", authentication());
        assert!(!text.contains("0101") && text.contains("<secret>"), "{text}");
    }
}
