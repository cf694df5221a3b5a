//! The journal of explained rejects, for people: what a peer sent, what is configured, and the key to change.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Sentences kept per process.
const KEPT: usize = 256;

/// Of these at most so many that refuse the same for the same cause: a crowd that is sent away must not hide another reject.
const KEPT_OF_A_KIND: usize = KEPT / 4;

/// Lines in the log within a second about rejects of the same kind.
const LINES_OF_A_KIND: usize = 10;

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

/// Keeps the latest rejects and logs each once, but not a whole crowd. Clones share the journal.
#[derive(Clone, Debug, Default)]
pub struct Rejects(Arc<Mutex<Journal>>);

#[derive(Debug, Default)]
struct Journal {
    records: VecDeque<RejectRecord>,
    /// The second, since 1970, of the latest lines in the log, and how many would be in it by kind.
    second: u64,
    lines: HashMap<String, usize>,
}

/// What the log has of a reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// It is the first with these words.
    First,
    /// It is one of too many of its kind in this second, the first of them.
    Crowd,
    /// It is one more of what was said before: for finding faults alone.
    None,
}

impl Rejects {
    /// Notes a reject. The first with the same words is logged, unless a crowd is sent away for the same cause; the same again is
    /// only counted.
    pub fn record(&self, reject: Reject) {
        let reject = bounded(reject);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        match self.note(reject.clone(), u64::try_from(now).unwrap_or(u64::MAX)) {
            Line::First => tracing::warn!(about = %reject.about, "{reject}"),
            Line::Crowd => {
                tracing::warn!("{}: more of these within a second; `peregrine doctor` shows the latest", reject.what);
            }
            Line::None => tracing::debug!(about = %reject.about, "one more: {reject}"),
        }
    }

    /// The latest rejects, newest first; of all, or of those whose `about` contains the text.
    pub fn latest(&self, about: Option<&str>) -> Vec<RejectRecord> {
        let journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |record: &&RejectRecord| about.is_none_or(|text| record.reject.about.contains(text));
        journal.records.iter().rev().filter(wanted).cloned().collect()
    }

    /// Adds to the journal, and says what to log.
    fn note(&self, reject: Reject, now_ms: u64) -> Line {
        let mut journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let records = &mut journal.records;
        let known = records.iter().position(|record| record.reject == reject).and_then(|at| records.remove(at));
        let line = if known.is_some() { Line::None } else { journal.line(&reject.what, now_ms / 1_000) };
        journal.make_room(&reject.what);
        let count = known.map_or(0, |record| record.count) + 1;
        journal.records.push_back(RejectRecord { reject, last_ms: now_ms, count });
        line
    }
}

impl Journal {
    fn line(&mut self, what: &str, second: u64) -> Line {
        if self.second != second {
            self.second = second;
            self.lines.clear();
        }
        if self.lines.len() >= KEPT {
            return Line::None;
        }
        let lines = self.lines.entry(what.to_owned()).or_default();
        *lines += 1;
        match *lines {
            ..=LINES_OF_A_KIND => Line::First,
            lines if lines == LINES_OF_A_KIND + 1 => Line::Crowd,
            _ => Line::None,
        }
    }

    /// The oldest of a kind that there are many of makes room for one more of it, else the oldest of all.
    fn make_room(&mut self, what: &str) {
        let of_it = |record: &RejectRecord| record.reject.what == what;
        if self.records.iter().filter(|record| of_it(record)).count() >= KEPT_OF_A_KIND {
            self.records.iter().position(of_it).and_then(|at| self.records.remove(at));
        } else if self.records.len() >= KEPT {
            self.records.pop_front();
        }
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
        assert_eq!(rejects.note(reject("a"), 1), Line::First);
        assert_eq!(rejects.note(reject("b"), 2), Line::First);
        assert_eq!(rejects.note(reject("a"), 3), Line::None);
        let latest = rejects.latest(None);
        assert_eq!(latest.iter().map(|r| (r.reject.about.as_str(), r.count)).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
        assert_eq!(rejects.latest(Some("b")).len(), 1);
    }

    #[test]
    fn a_crowd_neither_floods_the_log_nor_hides_another_reject() {
        let rejects = Rejects::default();
        let other = Reject { what: "Registration rejected: #3 illegal UE".into(), ..reject("somebody") };
        assert_eq!(rejects.note(other.clone(), 0), Line::First);
        let lines: Vec<_> = (0..3_000).map(|n| rejects.note(reject(&n.to_string()), n)).collect();
        let count = |line| lines.iter().filter(|other| **other == line).count();
        assert_eq!((count(Line::First), count(Line::Crowd)), (3 * LINES_OF_A_KIND, 3), "within three seconds");
        assert_eq!(rejects.latest(None).len(), KEPT_OF_A_KIND + 1);
        assert_eq!(rejects.latest(Some("somebody"))[0].reject, other);
        let another = Reject { what: other.what, ..reject("another") };
        assert_eq!(rejects.note(another, 2_999), Line::First, "in the same second");
    }

    #[test]
    fn the_journal_is_bounded_in_entries_and_text() {
        let rejects = Rejects::default();
        for n in 0..2 * KEPT {
            let about = format!("\x1b[31m{n}{}", "x".repeat(10_000));
            rejects.record(Reject { what: n.to_string(), ..reject(&about) });
        }
        let latest = rejects.latest(None);
        assert_eq!(latest.len(), KEPT);
        assert!(latest.iter().all(|r| r.reject.about.len() <= LONGEST && !r.reject.about.contains('\x1b')));
    }
}
