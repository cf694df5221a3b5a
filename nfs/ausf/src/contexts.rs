//! Authentications under way: bounded in number and in time.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use aka::{Kausf, XresStar};
use sbi_models::Supi;
use uuid::Uuid;

/// How many authentications may be under way, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Beyond, the oldest is given up.
    pub contexts: usize,
    /// Then it is forgotten.
    pub lifetime: Duration,
}

/// One authentication.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    /// Who is to be authenticated.
    pub(crate) supi: Supi,
    /// For which network.
    pub(crate) serving_network: String,
    /// The answer expected.
    pub(crate) xres_star: XresStar,
    /// The key that a right answer opens.
    pub(crate) kausf: Kausf,
    /// The right answer has come.
    pub(crate) confirmed: bool,
}

/// All authentications under way, by the identity in their URI, which nobody can guess.
#[derive(Debug)]
pub(crate) struct Contexts {
    limits: Limits,
    by_id: HashMap<Uuid, Authentication>,
    /// In order of their end. An identity here may be gone already.
    ends: VecDeque<(Instant, Uuid)>,
}

impl Contexts {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, by_id: HashMap::new(), ends: VecDeque::new() }
    }

    /// Keeps an authentication.
    pub(crate) fn insert(&mut self, now: Instant, authentication: Authentication) -> Uuid {
        self.handle_timeout(now);
        while self.ends.len() >= self.limits.contexts.max(1) {
            let Some((_, oldest)) = self.ends.pop_front() else { break };
            self.by_id.remove(&oldest);
        }
        let id = Uuid::new_v4();
        self.by_id.insert(id, authentication);
        self.ends.push_back((now + self.limits.lifetime, id));
        id
    }

    /// An authentication that has not ended.
    pub(crate) fn get_mut(&mut self, now: Instant, id: Uuid) -> Option<&mut Authentication> {
        self.handle_timeout(now);
        self.by_id.get_mut(&id)
    }

    /// Forgets an authentication.
    pub(crate) fn remove(&mut self, now: Instant, id: Uuid) -> Option<Authentication> {
        self.handle_timeout(now);
        self.by_id.remove(&id)
    }

    /// Forgets what has taken too long.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|end| end <= now) {
            if let Some((_, id)) = self.ends.pop_front() {
                self.by_id.remove(&id);
            }
        }
    }

    /// When something is to be forgotten next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ends.front().map(|(end, _)| *end)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
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
            confirmed: false,
        }
    }

    #[test]
    fn contexts_end_in_time() {
        let start = Instant::now();
        let mut contexts = Contexts::new(Limits { contexts: 10, lifetime: Duration::from_secs(60) });
        let first = contexts.insert(start, authentication());
        let second = contexts.insert(start + Duration::from_secs(30), authentication());
        assert_eq!(contexts.poll_timeout(), Some(start + Duration::from_secs(60)));
        assert!(contexts.get_mut(start + Duration::from_secs(59), first).is_some());
        assert!(contexts.get_mut(start + Duration::from_secs(60), first).is_none());
        assert!(contexts.remove(start + Duration::from_secs(60), second).is_some());
        contexts.handle_timeout(start + Duration::from_secs(90));
        assert_eq!((contexts.len(), contexts.poll_timeout()), (0, None));
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_and_memory_stays_flat() {
        let now = Instant::now();
        let mut contexts = Contexts::new(Limits { contexts: 3, lifetime: Duration::from_secs(60) });
        let ids: Vec<_> = (0..1000).map(|_| contexts.insert(now, authentication())).collect();
        assert_eq!((contexts.len(), contexts.ends.len()), (3, 3));
        assert!(contexts.get_mut(now, ids[996]).is_none() && contexts.get_mut(now, ids[997]).is_some());
    }
}
