//! When sessions are to be looked at: the few that have something to do at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::session::Session;

/// Times of the sessions of a worker. A session knows the one that counts; the others of it are passed over.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, u64)>>);

impl Timers {
    /// Takes note of when a session is due, where that is earlier than is noted or nothing is.
    pub(crate) fn arm(&mut self, session: &mut Session) {
        let Some(due) = session.due() else { return };
        if session.armed.is_none_or(|armed| due < armed) {
            session.armed = Some(due);
            self.0.push(Reverse((due, session.seid)));
        }
    }

    /// The first of the times.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// How many times are noted, whether they count or not.
    #[cfg(test)]
    pub(crate) fn noted(&self) -> usize {
        self.0.len()
    }

    /// Takes a time that has come, and the session it is of.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, u64)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(entry)| entry)
    }
}
