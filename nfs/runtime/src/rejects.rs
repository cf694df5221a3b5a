//! The journal of explained rejects, for people: what a peer sent, what is configured, and the key to change.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Sentences kept per process.
const KEPT: usize = 256;

/// Longest text kept of any part: some come from peers.
const LONGEST: usize = 200;

/// Why somebody was turned away.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reject {
    /// Who: a SUPI (or SUCI), a gNB's id.
    pub about: String,
    /// What was refused and with which cause, as `Registration rejected: #62 No network slices available`.
    pub what: String,
    /// What the peer sent, as `requested NSSAI SST 2`.
    pub peer_sent: String,
    /// What is configured, as `SST 1`.
    pub configured: String,
    /// The key of the configuration (or command) that would change it, as `network.slices`.
    pub key: String,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. It sent {}; configured is {}", self.about, self.what, self.peer_sent, self.configured)?;
        match self.key.is_empty() {
            true => f.write_str("."),
            false => write!(f, "; to change: {}.", self.key),
        }
    }
}

/// A reject with when and how often it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectRecord {
    /// The reject.
    #[serde(flatten)]
    pub reject: Reject,
    /// Time of the latest, in milliseconds since 1970.
    pub last_ms: u64,
    /// How often the same happened.
    pub count: u64,
}

/// Keeps the latest rejects and logs each once. Clones share the journal.
#[derive(Clone, Debug, Default)]
pub struct Rejects(Arc<Mutex<VecDeque<RejectRecord>>>);

impl Rejects {
    /// Notes a reject. The first of its kind is logged; the same again is only counted.
    pub fn record(&self, reject: Reject) {
        let reject = bounded(reject);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        if self.note(reject.clone(), u64::try_from(now).unwrap_or(u64::MAX)) {
            tracing::warn!(about = %reject.about, "{reject}");
        } else {
            tracing::debug!(about = %reject.about, "again: {reject}");
        }
    }

    /// The latest rejects, newest first; of all, or of those whose `about` contains the text.
    pub fn latest(&self, about: Option<&str>) -> Vec<RejectRecord> {
        let journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |record: &&RejectRecord| about.is_none_or(|text| record.reject.about.contains(text));
        journal.iter().rev().filter(wanted).cloned().collect()
    }

    /// Adds to the journal; whether it is the first of its kind.
    fn note(&self, reject: Reject, now_ms: u64) -> bool {
        let mut journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = journal.iter().position(|record| record.reject == reject).and_then(|at| journal.remove(at));
        let count = known.as_ref().map_or(0, |record| record.count) + 1;
        if journal.len() >= KEPT {
            journal.pop_front();
        }
        journal.push_back(RejectRecord { reject, last_ms: now_ms, count });
        known.is_none()
    }
}

/// Cuts over-long parts and drops control characters, so that a peer cannot write into the operator's terminal.
fn bounded(reject: Reject) -> Reject {
    let clean = |text: String| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    Reject {
        about: clean(reject.about),
        what: clean(reject.what),
        peer_sent: clean(reject.peer_sent),
        configured: clean(reject.configured),
        key: clean(reject.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(about: &str) -> Reject {
        Reject {
            about: about.into(),
            what: "NG Setup failed: unknown PLMN".into(),
            peer_sent: "PLMN 001/01".into(),
            configured: "999/70".into(),
            key: "network.plmn".into(),
        }
    }

    #[test]
    fn the_sentence_says_what_was_sent_what_is_configured_and_the_key() {
        let text = reject("gNB 0x1").to_string();
        assert_eq!(
            text,
            "gNB 0x1: NG Setup failed: unknown PLMN. It sent PLMN 001/01; configured is 999/70; to change: network.plmn."
        );
    }

    #[test]
    fn the_same_again_is_counted_and_moves_to_the_front() {
        let rejects = Rejects::default();
        assert!(rejects.note(reject("a"), 1));
        assert!(rejects.note(reject("b"), 2));
        assert!(!rejects.note(reject("a"), 3));
        let latest = rejects.latest(None);
        assert_eq!(latest.iter().map(|r| (r.reject.about.as_str(), r.count)).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
        assert_eq!(rejects.latest(Some("b")).len(), 1);
    }

    #[test]
    fn the_journal_is_bounded_in_entries_and_text() {
        let rejects = Rejects::default();
        for n in 0..2 * KEPT {
            rejects.record(reject(&format!("\x1b[31m{n}{}", "x".repeat(10_000))));
        }
        let latest = rejects.latest(None);
        assert_eq!(latest.len(), KEPT);
        assert!(latest.iter().all(|r| r.reject.about.len() <= LONGEST && !r.reject.about.contains('\x1b')));
    }
}
