//! Path management (TS 29.281 7.2.1, 7.2.2, TS 23.007 20.3.1): which peers still answer Echo Requests. Without I/O.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::{Datagram, echo_request, message, recovery};

/// How paths are supervised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathConfig {
    /// From one Echo Request on a path to the next; 60 s at least (29.281 7.2.1), repetitions apart.
    pub interval: Duration,
    /// T3-RESPONSE: how long an answer is waited for before the request is repeated (29.281 12).
    pub t3_response: Duration,
    /// N3-REQUESTS: how often a request is sent at most (29.281 12).
    pub n3_requests: u32,
    /// Peers supervised at once; more wait until one is no longer used.
    pub max_peers: usize,
}

/// An Echo Request to send to a peer's port of GTP-U.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The peer.
    pub to: IpAddr,
    /// The message.
    pub octets: [u8; 12],
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathEvent {
    /// The peer does not answer: told once, until it does again.
    Failed(IpAddr),
    /// It answers again.
    Recovered(IpAddr),
    /// Its restart counter is another one. In GTP-U the counter is to be ignored (29.281 8.2): something to tell people.
    Restarted(IpAddr),
}

/// The request that waits for its answer.
#[derive(Clone, Copy)]
struct Asked {
    first: Instant,
    sequence: u16,
    sent: u32,
}

/// ```text
///           due, used              N3-REQUESTS sent, T3-RESPONSE over
///   Resting ─────────▶ Asking ──────────────────────────────────────▶ Resting, down
///    │   ▲              │  ▲ T3-RESPONSE over: repeated
///    │   └───answered───┘  └─
///    └── due, unused: forgotten
/// ```
#[derive(Default)]
struct Path {
    /// Tunnels to the peer.
    tunnels: usize,
    /// When to act; `None` while there is no room to supervise it.
    due: Option<Instant>,
    /// Asking, or resting.
    asked: Option<Asked>,
    down: bool,
    restarts: Option<u8>,
}

/// The paths to all peers that tunnels lead to.
pub struct Paths {
    config: PathConfig,
    paths: BTreeMap<IpAddr, Path>,
    /// The paths that are supervised.
    due: BTreeSet<(Instant, IpAddr)>,
    /// Peers that wait for room among them.
    waiting: BTreeSet<IpAddr>,
    down: usize,
    next_sequence: u16,
    echoes: VecDeque<Echo>,
    events: VecDeque<PathEvent>,
}

impl Paths {
    /// Without peers.
    pub fn new(config: PathConfig) -> Self {
        // A request is not repeated at the moment at which it was sent.
        let config = PathConfig { t3_response: config.t3_response.max(Duration::from_millis(1)), ..config };
        let (paths, due, waiting) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (echoes, events) = (VecDeque::new(), VecDeque::new());
        Self { config, paths, due, waiting, down: 0, next_sequence: 0, echoes, events }
    }

    /// Takes note of one more tunnel to a peer. The first Echo Request goes there after the interval: a peer that tunnels
    /// come to and leave again and again is not asked more often than others.
    pub fn add_tunnel(&mut self, now: Instant, peer: IpAddr) {
        let path = self.paths.entry(peer).or_default();
        path.tunnels += 1;
        if path.due.is_none() {
            self.waiting.insert(peer);
            self.admit(now);
        }
    }

    /// Takes note of one tunnel less. A peer without any is forgotten when it would be asked next.
    pub fn remove_tunnel(&mut self, peer: IpAddr) {
        let Entry::Occupied(mut path) = self.paths.entry(peer) else { return };
        path.get_mut().tunnels = path.get().tunnels.saturating_sub(1);
        if path.get().tunnels == 0 && path.get().due.is_none() {
            path.remove();
            self.waiting.remove(&peer);
        }
    }

    /// Supervises peers that wait, as far as there is room.
    fn admit(&mut self, now: Instant) {
        while self.due.len() < self.config.max_peers
            && let Some(peer) = self.waiting.pop_first()
        {
            self.schedule(peer, now + self.config.interval);
        }
    }

    fn schedule(&mut self, peer: IpAddr, at: Instant) {
        let Some(path) = self.paths.get_mut(&peer) else { return };
        if let Some(before) = path.due.replace(at) {
            self.due.remove(&(before, peer));
        }
        self.due.insert((at, peer));
    }

    /// Takes a message that came from a peer's port of GTP-U. All but the answer that is waited for is ignored.
    pub fn handle_message(&mut self, now: Instant, from: IpAddr, octets: &[u8]) {
        let Ok(answer) = Datagram::parse(octets) else { return };
        let Some(path) = self.paths.get_mut(&from) else { return };
        let Some(asked) = path.asked.filter(|asked| answer.sequence == Some(asked.sequence)) else { return };
        if answer.message != message::ECHO_RESPONSE {
            return;
        }
        path.asked = None;
        if std::mem::take(&mut path.down) {
            self.down -= 1;
            self.events.push_back(PathEvent::Recovered(from));
        }
        let counter = recovery(answer.payload);
        if path.restarts.is_some_and(|before| counter.is_some_and(|counter| counter != before)) {
            self.events.push_back(PathEvent::Restarted(from));
        }
        path.restarts = counter.or(path.restarts);
        self.schedule(from, now.max(asked.first + self.config.interval));
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, peer)) = self.due.first()
            && at <= now
        {
            self.act(now, peer);
        }
    }

    fn act(&mut self, now: Instant, peer: IpAddr) {
        let Some(path) = self.paths.get_mut(&peer) else { return };
        match path.asked {
            None if path.tunnels == 0 => self.forget(now, peer),
            None => {
                self.next_sequence = self.next_sequence.wrapping_add(1);
                let asked = Asked { first: now, sequence: self.next_sequence, sent: 0 };
                self.ask(now, peer, asked);
            }
            Some(asked) if asked.sent < self.config.n3_requests => self.ask(now, peer, asked),
            Some(asked) => {
                path.asked = None;
                if !std::mem::replace(&mut path.down, true) {
                    self.down += 1;
                    self.events.push_back(PathEvent::Failed(peer));
                }
                self.schedule(peer, now.max(asked.first + self.config.interval));
            }
        }
    }

    /// Sends a request, for the first time or again.
    fn ask(&mut self, now: Instant, peer: IpAddr, asked: Asked) {
        if let Some(path) = self.paths.get_mut(&peer) {
            path.asked = Some(Asked { sent: asked.sent + 1, ..asked });
        }
        self.echoes.push_back(Echo { to: peer, octets: echo_request(asked.sequence) });
        self.schedule(peer, now + self.config.t3_response);
    }

    fn forget(&mut self, now: Instant, peer: IpAddr) {
        let Some(path) = self.paths.remove(&peer) else { return };
        self.down -= usize::from(path.down);
        if let Some(due) = path.due {
            self.due.remove(&(due, peer));
        }
        self.admit(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next request to send.
    pub fn poll_transmit(&mut self) -> Option<Echo> {
        self.echoes.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<PathEvent> {
        self.events.pop_front()
    }

    /// How many peers are supervised, and how many of those do not answer.
    pub fn supervised(&self) -> (usize, usize) {
        (self.due.len(), self.down)
    }
}
