//! All there is in a bucket, as it goes from one worker to another.

use rules::Link;

use super::Forwarder;
use crate::Bucket;
use crate::lan::Lan;
use crate::session::Session;
use crate::shaper::Shaped;
use crate::signposts::Standing;

/// All there is in a bucket.
pub(crate) struct Contents {
    sessions: Vec<Session>,
    signposts: Standing,
    lans: Vec<(Link, Lan)>,
    shaped: Shaped,
}

impl Forwarder {
    /// Takes the sessions of a bucket out, with all that is counted and buffered in them, the signposts that stand in it, and
    /// what waits for its rate.
    pub(crate) fn give_bucket(&mut self, bucket: Bucket) -> Contents {
        let mut sessions = self.table.take_bucket(bucket);
        let links: Vec<Link> = self.lans.keys().copied().filter(|link| Bucket::of_link(*link) == bucket).collect();
        let lans: Vec<_> = links.into_iter().filter_map(|link| self.lans.remove_entry(&link)).collect();
        // One without a tunnel is found by its network alone.
        let members = lans.iter().flat_map(|(_, lan)| lan.sessions_but(None));
        sessions.extend(members.filter_map(|seid| self.table.take(seid)));
        self.lane.pool.give_away(sessions.iter().map(|session| session.buffered()).sum());
        self.lane.counters.sessions(self.table.len());
        let shaped = self.lane.shaper.take_bucket(bucket, &mut self.lane.pool);
        Contents { sessions, signposts: self.signposts.take(bucket), lans, shaped }
    }

    /// Takes what another worker gave of a bucket.
    pub(crate) fn take_bucket(&mut self, bucket: Bucket, contents: Contents) {
        let Contents { sessions, signposts, lans, shaped } = contents;
        self.signposts.put(bucket, signposts);
        self.lans.extend(lans);
        self.lane.shaper.take_in(shaped, &mut self.lane.pool);
        self.lane.pool.adopt(sessions.iter().map(|session| session.buffered()).sum());
        for mut session in sessions {
            session.armed = None;
            self.lane.timers.arm(&mut session);
            self.table.add(session);
        }
        self.lane.counters.sessions(self.table.len());
    }
}
