//! The hand-over of a bucket from one worker to another, as one worker sees it. Without I/O, and by messages alone: the
//! workers share nothing, so that one of them may be on another machine.
//!
//! ```text
//!   control        old owner          new owner        every other worker
//!      │ ── Move ──────▶│                 │                    │
//!      │                │ ── Sessions ───▶│                    │   from here on what comes to the old owner is relayed
//!      │◀─────────────────────── Switch ──┤ ── Switch ────────▶│
//!      │ ── Drained ───▶│◀────── Drained ─┤◀───────── Drained ─│   the last of what each sent to the old owner
//!      │                │ ── Drained ────▶│                    │   each behind what was relayed
//! ```
//!
//! Whoever has switched sends to the new owner at once; that parks it until the sender's `Drained` has come by way of the old
//! owner, and with it all that the sender sent before. All that is asked of the ways between two is that each keeps its order.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Bucket, Owners};

/// Who sends packets or commands for a bucket: a worker by its number, or the control process after the last of them.
pub(crate) type Sender = usize;

/// What becomes of something that is for a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// It is done here.
    Here,
    /// It is sent on.
    To(usize),
    /// It is kept until its sender has drained.
    Parked,
}

/// What follows from a sender's having drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// The new owner is to know, behind what was relayed to it.
    Relay(usize),
    /// What is parked of this sender goes on; `last`: the bucket has arrived.
    Resume {
        /// Whether every sender has drained.
        last: bool,
    },
}

/// One worker's view of who owns what.
#[derive(Debug)]
pub(crate) struct Handover {
    own: usize,
    workers: usize,
    owners: Owners,
    /// Buckets on their way here, and who has still to drain.
    arriving: BTreeMap<u8, BTreeSet<Sender>>,
}

impl Handover {
    pub(crate) fn new(own: usize, workers: usize) -> Self {
        Self { own, workers, owners: Owners::among(workers), arriving: BTreeMap::new() }
    }

    /// What becomes of something for this bucket that `sender` gave us, ourselves included.
    pub(crate) fn route(&self, bucket: Bucket, sender: Sender) -> Route {
        match self.owners.of(bucket) {
            owner if owner != self.own => Route::To(owner),
            _ if self.arriving.is_empty() => Route::Here,
            _ => match self.arriving.get(&bucket.0) {
                Some(waited_for) if waited_for.contains(&sender) => Route::Parked,
                _ => Route::Here,
            },
        }
    }

    /// Gives a bucket away, where it is ours to give: then its sessions are to be sent, before anything else of it.
    pub(crate) fn leave(&mut self, bucket: Bucket, to: usize) -> bool {
        let ours = self.owners.of(bucket) == self.own && !self.arriving.contains_key(&bucket.0);
        let leaves = ours && to != self.own && to < self.workers;
        if leaves {
            self.owners.set(bucket, to);
        }
        leaves
    }

    /// Takes a bucket whose sessions came from `from`. Every worker but these two, and the control process, are to switch, and
    /// `from` is to relay that we have drained.
    pub(crate) fn arrive(&mut self, bucket: Bucket, from: usize) -> impl Iterator<Item = usize> + use<> {
        self.owners.set(bucket, self.own);
        let senders = (0..=self.workers).filter(|sender| *sender != from).collect();
        self.arriving.insert(bucket.0, senders);
        let own = self.own;
        (0..self.workers).filter(move |worker| *worker != from && *worker != own)
    }

    /// Sends what comes for a bucket to its new owner from now on. Its old owner is to relay that we have drained.
    pub(crate) fn switch(&mut self, bucket: Bucket, to: usize) {
        self.owners.set(bucket, to);
    }

    /// A sender has drained.
    pub(crate) fn drained(&mut self, bucket: Bucket, sender: Sender) -> Drained {
        let owner = self.owners.of(bucket);
        if owner != self.own {
            return Drained::Relay(owner);
        }
        let Some(senders) = self.arriving.get_mut(&bucket.0) else { return Drained::Resume { last: false } };
        senders.remove(&sender);
        let last = senders.is_empty();
        if last {
            self.arriving.remove(&bucket.0);
        }
        Drained::Resume { last }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const WORKERS: usize = 4;
    const CONTROL: Sender = WORKERS;
    const BUCKET: Bucket = Bucket(5);

    #[derive(Clone, Copy, Debug)]
    enum Message {
        Item { source: Sender, number: u32 },
        Move { to: usize },
        Sessions,
        Switch { from: usize, to: usize },
        Drained { sender: Sender },
    }

    /// Workers and the ways between each two, the control process among them, which deliver in any order but their own.
    struct Model {
        workers: Vec<Handover>,
        parked: Vec<Vec<(Sender, Message)>>,
        /// Where the sessions are; nowhere on their way.
        holder: Option<usize>,
        control_owner: usize,
        moving: bool,
        ways: BTreeMap<(usize, usize), VecDeque<Message>>,
        sent: [u32; WORKERS + 1],
        done: [u32; WORKERS + 1],
        moves: u32,
    }

    impl Model {
        fn new() -> Self {
            let owner = Owners::among(WORKERS).of(BUCKET);
            Self {
                workers: (0..WORKERS).map(|own| Handover::new(own, WORKERS)).collect(),
                parked: vec![Vec::new(); WORKERS],
                holder: Some(owner),
                control_owner: owner,
                moving: false,
                ways: BTreeMap::new(),
                sent: [0; WORKERS + 1],
                done: [0; WORKERS + 1],
                moves: 0,
            }
        }

        fn send(&mut self, from: usize, to: usize, message: Message) {
            self.ways.entry((from, to)).or_default().push_back(message);
        }

        /// A packet comes to a worker's port, or a command to the control process.
        fn inject(&mut self, source: Sender) {
            let number = self.sent[source];
            self.sent[source] += 1;
            let item = Message::Item { source, number };
            match source {
                CONTROL => self.send(CONTROL, self.control_owner, item),
                worker => self.item(worker, worker, item),
            }
        }

        fn item(&mut self, at: usize, sender: Sender, item: Message) {
            match self.workers[at].route(BUCKET, sender) {
                Route::To(owner) => self.send(at, owner, item),
                Route::Parked => self.parked[at].push((sender, item)),
                Route::Here => {
                    let Message::Item { source, number } = item else { unreachable!() };
                    assert_eq!(self.holder, Some(at), "done where its session is");
                    assert_eq!(self.done[source], number, "in order, none lost, of {source}");
                    self.done[source] += 1;
                }
            }
        }

        fn begin_move(&mut self, to: usize) {
            if !self.moving && to != self.control_owner {
                self.moving = true;
                self.send(CONTROL, self.control_owner, Message::Move { to });
            }
        }

        fn deliver(&mut self, (from, at): (usize, usize)) {
            let Some(message) = self.ways.get_mut(&(from, at)).and_then(VecDeque::pop_front) else { return };
            match message {
                Message::Item { .. } => self.item(at, from, message),
                Message::Switch { from: old, to } if at == CONTROL => {
                    self.send(CONTROL, old, Message::Drained { sender: CONTROL });
                    self.control_owner = to;
                }
                Message::Move { to } => {
                    assert!(self.workers[at].leave(BUCKET, to));
                    self.holder = None;
                    self.send(at, to, Message::Sessions);
                }
                Message::Sessions => {
                    self.holder = Some(at);
                    let others: Vec<usize> = self.workers[at].arrive(BUCKET, from).chain([CONTROL]).collect();
                    others.into_iter().for_each(|other| self.send(at, other, Message::Switch { from, to: at }));
                    self.send(at, from, Message::Drained { sender: at });
                }
                Message::Switch { from: old, to } => {
                    self.workers[at].switch(BUCKET, to);
                    self.send(at, old, Message::Drained { sender: at });
                }
                Message::Drained { sender } => match self.workers[at].drained(BUCKET, sender) {
                    Drained::Relay(owner) => self.send(at, owner, message),
                    Drained::Resume { last } => self.resume(at, sender, last),
                },
            }
        }

        fn resume(&mut self, at: usize, sender: Sender, last: bool) {
            let (go_on, stay) = std::mem::take(&mut self.parked[at]).into_iter().partition(|(from, _)| *from == sender);
            self.parked[at] = stay;
            go_on.into_iter().for_each(|(sender, item): (Sender, _)| self.item(at, sender, item));
            if last {
                assert!(self.parked[at].is_empty());
                self.moving = false;
                self.moves += 1;
            }
        }

        fn busy_ways(&self) -> Vec<(usize, usize)> {
            self.ways.iter().filter(|(_, way)| !way.is_empty()).map(|(way, _)| *way).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        /// Any interleaving of packets at every worker, commands, moves and deliveries.
        #[test]
        fn nothing_is_lost_reordered_or_done_elsewhere(
            steps in proptest::collection::vec((0..10u8, any::<prop::sample::Index>()), 1..800),
        ) {
            let mut model = Model::new();
            for (step, choice) in steps {
                match (step, model.busy_ways()) {
                    (0..=3, _) => model.inject(choice.index(WORKERS + 1)),
                    (4, _) => model.begin_move(choice.index(WORKERS)),
                    (_, ways) if !ways.is_empty() => model.deliver(ways[choice.index(ways.len())]),
                    _ => {}
                }
            }
            while let [way, ..] = model.busy_ways()[..] {
                model.deliver(way);
            }
            prop_assert_eq!(model.done, model.sent);
            prop_assert!(!model.moving);
        }
    }

    #[test]
    fn moves_complete() {
        let mut model = Model::new();
        for round in 0..100 {
            model.begin_move(round % WORKERS);
            (0..=WORKERS).for_each(|source| model.inject(source));
            while let [.., way] = model.busy_ways()[..] {
                model.deliver(way);
            }
        }
        assert_eq!((model.moves, model.done), (100, model.sent));
    }
}
