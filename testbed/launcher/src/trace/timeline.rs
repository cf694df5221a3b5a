//! Records of several processes in the order of time: each waits a moment for others that happened before it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use runtime::trace::{Call, Shown};

use super::source::Seen;
use super::subject::{Subject, keys};

/// Octets of records that wait at most; beyond, the earliest goes on at once.
const MOST_OCTETS: usize = 256 << 20;

/// What a record takes beyond what it holds, about.
const OVERHEAD: usize = 512;

/// Nanoseconds for which a call is looked for at its other end: longer than any call may take to get there.
const OTHER_END: u64 = 10_000_000_000;

/// Puts records in order, leaves out what both ends of a call show twice, and what is not about the subject.
pub(super) struct Timeline {
    /// Nanoseconds that a record waits.
    hold: u64,
    waiting: BTreeMap<(u64, u64), Waiting>,
    arrivals: u64,
    octets: usize,
    subject: Option<Subject>,
    ends: Ends,
}

struct Waiting {
    seen: Seen,
    keys: Vec<String>,
}

impl Timeline {
    /// Holds each record for `hold` nanoseconds; lets through what is about `subject`, or everything.
    pub(super) fn new(hold: u64, subject: Option<Subject>) -> Self {
        Self { hold, waiting: BTreeMap::new(), arrivals: 0, octets: 0, subject, ends: Ends::default() }
    }

    /// Takes a record that has come.
    pub(super) fn push(&mut self, seen: Seen) {
        self.ends.note(&seen);
        let keys = match &mut self.subject {
            None => Vec::new(),
            Some(subject) => {
                let keys = keys(&seen);
                if subject.learn(&keys) {
                    Self::learn_all(subject, &self.waiting);
                }
                keys
            }
        };
        self.arrivals += 1;
        self.octets += cost(&seen);
        self.waiting.insert((seen.record.at, self.arrivals), Waiting { seen, keys });
    }

    /// Something new is known of the subject: so what waits may be about it, and say more.
    fn learn_all(subject: &mut Subject, waiting: &BTreeMap<(u64, u64), Waiting>) {
        while waiting.values().filter(|waiting| subject.learn(&waiting.keys)).count() > 0 {}
    }

    /// More that is known of the subject.
    pub(super) fn tell(&mut self, keys: &[String]) {
        if let Some(subject) = &mut self.subject {
            subject.tell(keys);
            Self::learn_all(subject, &self.waiting);
        }
    }

    /// The next record that has waited long enough at `now`, nanoseconds since 1970.
    pub(super) fn pop(&mut self, now: u64) -> Option<Seen> {
        loop {
            let first = self.waiting.first_entry()?;
            let early = first.key().0.saturating_add(self.hold) > now;
            if early && self.octets <= MOST_OCTETS {
                return None;
            }
            let (_, waiting) = self.waiting.pop_first()?;
            self.octets -= cost(&waiting.seen);
            if self.is_wanted(&waiting) {
                return Some(waiting.seen);
            }
        }
    }

    fn is_wanted(&mut self, waiting: &Waiting) -> bool {
        let about = self.subject.as_ref().is_none_or(|subject| subject.knows(&waiting.keys));
        about && !self.ends.is_shown_at_client(&waiting.seen)
    }
}

fn cost(seen: &Seen) -> usize {
    seen.record.shown.octets() + OVERHEAD
}

/// Which calls are shown by both of their processes: those that came in are left out then.
#[derive(Default)]
struct Ends {
    /// Calls as made, and when.
    made: HashMap<u64, VecDeque<u64>>,
    order: VecDeque<(u64, u64)>,
    /// Calls that came in and are left out.
    left_out: std::collections::HashSet<(String, u64)>,
}

impl Ends {
    fn note(&mut self, seen: &Seen) {
        let Shown::Request(call) = &seen.record.shown else { return };
        if call.incoming || call.transport == "shm" {
            return;
        }
        let (at, mark) = (seen.record.at, mark(call));
        self.made.entry(mark).or_default().push_back(at);
        self.order.push_back((at, mark));
        while self.order.front().is_some_and(|(then, _)| then.saturating_add(OTHER_END) < at) {
            let Some((then, mark)) = self.order.pop_front() else { break };
            if let Some(times) = self.made.get_mut(&mark) {
                times.retain(|time| *time != then);
                if times.is_empty() {
                    self.made.remove(&mark);
                }
            }
        }
    }

    fn is_shown_at_client(&mut self, seen: &Seen) -> bool {
        match &seen.record.shown {
            Shown::Request(call) if call.incoming => {
                let at = seen.record.at;
                let made = self.made.get_mut(&mark(call));
                let twin = made.and_then(|times| {
                    let place = times.iter().position(|then| *then <= at)?;
                    times.remove(place)
                });
                if twin.is_some() {
                    self.left_out.insert((seen.nf.clone(), call.call));
                }
                twin.is_some()
            }
            Shown::Response { call, .. } | Shown::Failed { call, .. } => {
                self.left_out.remove(&(seen.nf.clone(), *call))
            }
            _ => false,
        }
    }
}

/// What is the same at both ends of a call.
fn mark(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&call.method, &call.path, &call.head.body.0).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples::{answer, call};

    fn all(timeline: &mut Timeline) -> Vec<Seen> {
        std::iter::from_fn(|| timeline.pop(u64::MAX)).collect()
    }

    #[test]
    fn what_happened_first_comes_first_whoever_was_quicker_to_tell() {
        let mut timeline = Timeline::new(100, None);
        timeline.push(call("amf", 1, 50, "GET", "/b"));
        timeline.push(call("smf", 1, 20, "GET", "/a"));
        assert_eq!(timeline.pop(119), None, "an earlier one may be on its way");
        assert_eq!(timeline.pop(120).map(|seen| seen.nf), Some("smf".into()));
        assert_eq!(timeline.pop(120), None);
        assert_eq!(timeline.pop(150).map(|seen| seen.nf), Some("amf".into()));
    }

    #[test]
    fn a_call_that_both_ends_show_is_shown_once() {
        let mut timeline = Timeline::new(0, None);
        let (mut made, mut came) = (call("amf", 1, 10, "POST", "/a"), call("smf", 7, 12, "POST", "/a"));
        for (seen, incoming) in [(&mut made, false), (&mut came, true)] {
            let Shown::Request(call) = &mut seen.record.shown else { panic!("a request") };
            (call.incoming, call.transport) = (incoming, "h2".into());
        }
        let mut foreign = came.clone();
        foreign.record.at = 13;
        let Shown::Request(call) = &mut foreign.record.shown else { panic!("a request") };
        call.call = 8;
        let records = [came, answer("smf", 7, 14, 200), made.clone(), answer("amf", 1, 15, 200), foreign.clone()];
        records.into_iter().for_each(|seen| timeline.push(seen));
        timeline.push(answer("smf", 8, 16, 200));
        let shown = all(&mut timeline);
        assert_eq!(shown, [made, foreign, answer("amf", 1, 15, 200), answer("smf", 8, 16, 200)]);
    }

    #[test]
    fn what_is_known_only_later_finds_what_waits() {
        let subject = Subject::new("imsi-999700000000001");
        let mut timeline = Timeline::new(100, Some(subject));
        timeline.push(call(
            "ausf",
            1,
            1,
            "POST",
            "/nudm-ueau/v1/suci-0-999-70-0-1-1-aa/security-information/generate-auth-data",
        ));
        timeline.push(call("amf", 2, 2, "GET", "/nudm-sdm/v2/imsi-999700000000002/am-data"));
        let mut told = answer("ausf", 1, 3, 200);
        let Shown::Response { head, .. } = &mut told.record.shown else { panic!("an answer") };
        head.body.0 = br#"{"supi":"imsi-999700000000001"}"#.to_vec();
        timeline.push(told);
        let shown = all(&mut timeline);
        assert_eq!(shown.iter().map(|seen| seen.record.at).collect::<Vec<_>>(), [1, 3]);
    }
}
