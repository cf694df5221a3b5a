//! Requests that are repeated until answered, and responses that are repeated when asked again (TS 29.244 6.4).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::{MessageType, Sequence};

/// How long and how often (TS 29.244 6.4: T1 and N1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Time after which an unanswered request is sent again.
    pub t1: Duration,
    /// How often it is sent in all.
    pub n1: u32,
}

impl Timers {
    /// How long the peer may repeat a request of its own, taking its timers to be like ours.
    fn memory(&self) -> Duration {
        self.t1 * (self.n1 + 1)
    }
}

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// Names a request of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u32);

/// A transaction: the peer's address and the number.
type Key = (SocketAddr, Sequence);

struct Outgoing {
    id: RequestId,
    kind: MessageType,
    octets: Vec<u8>,
    due: Instant,
    left: u32,
}

struct Incoming {
    /// A digest of its octets, which a repetition shares; a number used again for another request does not.
    digest: u64,
    /// Absent while the request is being worked on.
    response: Option<Vec<u8>>,
}

/// What a request that arrived is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Seen for the first time.
    New,
    /// A repetition: dealt with here.
    Repeated,
    /// One too many to remember: not dealt with, the peer will repeat it.
    Full,
}

/// The transactions of one socket.
pub struct Transactions {
    timers: Timers,
    limit: usize,
    next: Sequence,
    outgoing: HashMap<Key, Outgoing>,
    due: BTreeSet<(Instant, Key)>,
    incoming: HashMap<Key, Incoming>,
    arrivals: VecDeque<(Instant, Key)>,
    transmits: VecDeque<Transmit>,
}

impl Transactions {
    /// Remembers at most `limit` transactions of peers, and has at most as many of its own under way. Numbers start at
    /// `first`, best another one with each start, so that a peer does not take new requests for repeated ones.
    pub fn new(timers: Timers, limit: usize, first: Sequence) -> Self {
        Self {
            timers,
            limit,
            next: first,
            outgoing: HashMap::new(),
            due: BTreeSet::new(),
            incoming: HashMap::new(),
            arrivals: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// Opens a transaction with the request that `encode` writes with its number. `None` where too many are open.
    ///
    /// # Errors
    /// What `encode` says.
    pub fn open<E>(
        &mut self,
        now: Instant,
        to: SocketAddr,
        kind: MessageType,
        encode: impl FnOnce(Sequence) -> Result<Vec<u8>, E>,
    ) -> Result<Option<RequestId>, E> {
        if self.outgoing.len() >= self.limit {
            return Ok(None);
        }
        let sequence = self.next;
        self.next = sequence.next();
        let octets = encode(sequence)?;
        let (id, due, key) = (RequestId(sequence.value()), now + self.timers.t1, (to, sequence));
        self.transmits.push_back(Transmit { to, octets: octets.clone() });
        self.due.insert((due, key));
        self.outgoing.insert(key, Outgoing { id, kind, octets, due, left: self.timers.n1.saturating_sub(1) });
        Ok(Some(id))
    }

    /// The request that a response from `from` answers, which is thereby closed. `None` for a response nobody waits for,
    /// or of a kind that does not answer the request of that number.
    pub fn close(&mut self, from: SocketAddr, sequence: Sequence, response: MessageType) -> Option<RequestId> {
        let key = (from, sequence);
        let fits = response == MessageType::VersionNotSupportedResponse
            || self.outgoing.get(&key).is_some_and(|request| request.kind.code() + 1 == response.code());
        let request = if fits { self.outgoing.remove(&key)? } else { return None };
        self.due.remove(&(request.due, key));
        Some(request.id)
    }

    /// Gives up the requests under way to an address.
    pub fn abandon(&mut self, to: SocketAddr) -> Vec<RequestId> {
        let mut given_up = Vec::new();
        self.outgoing.retain(|key, request| {
            let keep = key.0 != to;
            if !keep {
                self.due.remove(&(request.due, *key));
                given_up.push(request.id);
            }
            keep
        });
        given_up.sort();
        given_up
    }

    /// Takes note of a request from a peer; a repetition is answered with the response given before, if there is one.
    pub fn arrive(&mut self, now: Instant, from: SocketAddr, sequence: Sequence, octets: &[u8]) -> Arrival {
        let key = (from, sequence);
        let mut hasher = DefaultHasher::new();
        octets.hash(&mut hasher);
        let digest = hasher.finish();
        match self.incoming.get(&key) {
            Some(known) if known.digest == digest => {
                let response = known.response.clone();
                self.transmits.extend(response.map(|octets| Transmit { to: from, octets }));
                return Arrival::Repeated;
            }
            // The number was used for another request: the peer started anew and forgot.
            Some(_) => self.forget(key),
            None => {}
        }
        if self.incoming.len() >= self.limit && !self.forget_oldest_answered() {
            return Arrival::Full;
        }
        self.incoming.insert(key, Incoming { digest, response: None });
        self.arrivals.push_back((now + self.timers.memory(), key));
        Arrival::New
    }

    /// Answers a request from a peer and remembers the answer.
    pub fn answer(&mut self, to: SocketAddr, sequence: Sequence, octets: Vec<u8>) {
        if let Some(request) = self.incoming.get_mut(&(to, sequence)) {
            request.response = Some(octets.clone());
        }
        self.transmits.push_back(Transmit { to, octets });
    }

    /// Sends a datagram that opens and closes nothing.
    pub(crate) fn send(&mut self, to: SocketAddr, octets: Vec<u8>) {
        self.transmits.push_back(Transmit { to, octets });
    }

    /// Forgets what a peer's requests were answered, but for the request `sequence` of `from`: it started anew, and may
    /// use its numbers again.
    pub fn forget_peer(&mut self, peer: IpAddr, but: (SocketAddr, Sequence)) {
        let keep = |key: &Key| key.0.ip() != peer || *key == but;
        self.incoming.retain(|key, _| keep(key));
        self.arrivals.retain(|(_, key)| keep(key));
    }

    fn forget(&mut self, key: Key) {
        self.incoming.remove(&key);
        self.arrivals.retain(|(_, known)| *known != key);
    }

    fn forget_oldest_answered(&mut self) -> bool {
        let answered = |key: &Key| self.incoming.get(key).is_none_or(|request| request.response.is_some());
        let Some(place) = self.arrivals.iter().position(|(_, key)| answered(key)) else { return false };
        if let Some((_, key)) = self.arrivals.remove(place) {
            self.incoming.remove(&key);
        }
        true
    }

    /// Repeats what is due, forgets what is old, and returns the requests that stay without an answer.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<RequestId> {
        while self.arrivals.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.arrivals.pop_front() {
                self.incoming.remove(&key);
            }
        }
        let mut failed = Vec::new();
        while let Some(&(due, key)) = self.due.first().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, key));
            let Some(request) = self.outgoing.get_mut(&key) else { continue };
            if request.left == 0 {
                failed.push(request.id);
                self.outgoing.remove(&key);
                continue;
            }
            request.left -= 1;
            request.due = now + self.timers.t1;
            self.due.insert((request.due, key));
            self.transmits.push_back(Transmit { to: key.0, octets: request.octets.clone() });
        }
        failed
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let repeat = self.due.first().map(|(due, _)| *due);
        let forget = self.arrivals.front().map(|(until, _)| *until);
        [repeat, forget].into_iter().flatten().min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }
}
