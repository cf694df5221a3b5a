//! What sender and receiver of one channel share, and how the channel ends.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore};

use crate::bell::{self, OwnBell};
use crate::doorbell::{Owed, must_ring};
use crate::ending::Ending;
use crate::error::ChannelError;
use crate::layout::End;
use crate::payload::Lender;
use crate::receiver::Receiver;
use crate::segment::{Descriptors, Returns, Segment};
use crate::sender::{Outgoing, Rank, Sender};
use crate::step::{Step, took};

/// About what it costs both ends to put one to sleep and wake it.
const SPIN: Duration = Duration::from_micros(20);

/// How this end opens channels.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of shared memory per channel, both directions together; the server's counts. Pages take memory once used.
    pub segment: u32,
    /// Whether the server makes the memory of huge pages, where the system has some to give; else it is made of usual ones. A channel then
    /// takes a whole huge page at least, at once.
    pub huge_pages: bool,
    /// Octets of the longest message taken; of a longer one only so much is kept, see [`Message`](crate::Message).
    pub max_message: usize,
    /// Users, besides our own and root, with whose processes channels may be opened. Payloads from these are copied before
    /// they are read. They are trusted not to block the bell, an eventfd that both sides hold and could switch to waiting.
    pub allowed_uids: Vec<u32>,
    /// Longest time to keep looking for the next message before sleeping, letting other tasks run in between. The time really
    /// spent adapts to what it gains, down to none: nothing is gained where the peer sleeps, runs on our core, or others want it.
    pub spin: Duration,
    /// Where the channels opened with these options (and copies of them) are counted.
    pub tally: Arc<Tally>,
}

impl Default for Options {
    fn default() -> Self {
        let (allowed_uids, tally) = (Vec::new(), Arc::default());
        Self { segment: 1 << 20, huge_pages: false, max_message: 8 << 20, allowed_uids, spin: SPIN, tally }
    }
}

/// Where channels are counted; see [`Options::tally`]. `Relaxed`: each is a sum of its own that orders nothing.
#[derive(Debug, Default)]
pub struct Tally {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) wakeups: AtomicU64,
    pub(crate) doorbells: AtomicU64,
    pub(crate) waits_for_room: AtomicU64,
    pub(crate) copied_in: AtomicU64,
    pub(crate) copied_out: AtomicU64,
    pub(crate) spins_paid: AtomicU64,
    pub(crate) spins_lost: AtomicU64,
}

impl Tally {
    /// What was counted so far.
    pub fn read(&self) -> ChannelCounters {
        ChannelCounters {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            wakeups: self.wakeups.load(Relaxed),
            doorbells: self.doorbells.load(Relaxed),
            waits_for_room: self.waits_for_room.load(Relaxed),
            copied_in: self.copied_in.load(Relaxed),
            copied_out: self.copied_out.load(Relaxed),
            spins_paid: self.spins_paid.load(Relaxed),
            spins_lost: self.spins_lost.load(Relaxed),
        }
    }
}

/// A reading of the counters of one end of a channel, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Messages sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Times the peer's ring woke this end.
    pub wakeups: u64,
    /// Times this end rang, a system call each.
    pub doorbells: u64,
    /// Times a sender had to wait for room.
    pub waits_for_room: u64,
    /// Payloads that were copied into shared memory, not written there by their maker.
    pub copied_in: u64,
    /// Payloads that were copied out of shared memory.
    pub copied_out: u64,
    /// Times a message came while looking for it instead of sleeping.
    pub spins_paid: u64,
    /// Times none came.
    pub spins_lost: u64,
}

impl std::ops::Add for ChannelCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }
}

impl std::ops::Sub for ChannelCounters {
    type Output = Self;

    /// What was counted since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        self.zip(earlier, u64::wrapping_sub)
    }
}

impl ChannelCounters {
    fn zip(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            sent: each(self.sent, other.sent),
            received: each(self.received, other.received),
            wakeups: each(self.wakeups, other.wakeups),
            doorbells: each(self.doorbells, other.doorbells),
            waits_for_room: each(self.waits_for_room, other.waits_for_room),
            copied_in: each(self.copied_in, other.copied_in),
            copied_out: each(self.copied_out, other.copied_out),
            spins_paid: each(self.spins_paid, other.spins_paid),
            spins_lost: each(self.spins_lost, other.spins_lost),
        }
    }
}

/// The part of a channel that its senders and its receiver share.
pub(crate) struct Shared {
    pub(crate) segment: Arc<Segment>,
    /// Which end we are.
    pub(crate) end: End,
    pub(crate) outgoing: Mutex<Outgoing>,
    usual: Waits,
    ahead: Waits,
    /// Lets one message at a time go in fragments.
    pub(crate) fragments: tokio::sync::Mutex<()>,
    pub(crate) bell: OwnBell,
    pub(crate) socket: UnixStream,
    pub(crate) counts: Arc<Tally>,
    pub(crate) owed: Owed,
    /// Payloads may be written and read where they lie.
    pub(crate) in_place: bool,
    peer_bell: OwnedFd,
    ending: Ending,
}

/// Where senders of one rank wait for room.
pub(crate) struct Waits {
    /// Lets one at a time wait, in the order they came.
    pub(crate) queue: Semaphore,
    /// Told when there may be room.
    pub(crate) room: Notify,
}

impl Waits {
    fn new() -> Self {
        Self { queue: Semaphore::new(1), room: Notify::new() }
    }

    /// Whether somebody waits.
    pub(crate) fn others(&self) -> bool {
        self.queue.available_permits() == 0
    }
}

/// What the hello brought about.
pub(crate) struct Parts {
    pub(crate) segment: Arc<Segment>,
    pub(crate) end: End,
    pub(crate) bell: OwnedFd,
    pub(crate) peer_bell: OwnedFd,
    pub(crate) socket: UnixStream,
    /// Payloads may be written and read where they lie.
    pub(crate) in_place: bool,
}

/// Makes the two halves of our end.
pub(crate) fn assemble(parts: Parts, options: &Options) -> std::io::Result<(Sender, Receiver)> {
    let Parts { segment, end, bell, peer_bell, socket, in_place } = parts;
    let shared = Arc::new(Shared {
        outgoing: Mutex::new(Outgoing::new(segment.clone(), end.other())),
        usual: Waits::new(),
        ahead: Waits::new(),
        fragments: tokio::sync::Mutex::default(),
        bell: OwnBell::watch(bell)?,
        socket,
        counts: options.tally.clone(),
        owed: Owed::new(),
        in_place,
        peer_bell,
        ending: Ending::new(),
        segment: segment.clone(),
        end,
    });
    took(Step::Open);
    let descriptors = Descriptors(segment.clone(), end);
    let lender = Lender::new(Returns(segment.clone(), end), segment, end, in_place, Arc::downgrade(&shared));
    Ok((Sender::new(shared.clone()), Receiver::new(shared, descriptors, lender, options)))
}

impl Shared {
    /// Why the channel ended, once it has.
    pub(crate) fn failure(&self) -> Option<&ChannelError> {
        self.ending.why()
    }

    /// Ends the channel. The first reason stays.
    pub(crate) fn fail(&self, error: ChannelError) -> ChannelError {
        if self.ending.end(error.clone()) {
            if let ChannelError::Peer(violation) = &error {
                tracing::warn!(%violation, "a shared-memory peer broke the rules; its channel is closed");
            }
            took(Step::Ending);
            let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both); // it may be down already
            took(Step::HungUp);
            self.there_may_be_room();
            self.ending.tell();
        }
        self.ending.why().cloned().unwrap_or(error)
    }

    /// Remembers whom to wake when the channel ends.
    pub(crate) fn wake_on_failure(&self, waker: &Waker) {
        self.ending.wake_at_end(waker);
    }

    /// A message was published. Whoever receives on this channel rings for it, together with what else is sent until its turn
    /// comes; it is told to if it waits. Where nobody ever received, the bell is rung at once.
    pub(crate) fn ring_soon(&self) {
        if !self.owed.owe() {
            return;
        }
        let receiver = self.ending.receiver();
        match &*receiver {
            Some(receiver) => receiver.wake_by_ref(),
            None => {
                drop(receiver);
                self.ring_if_owed();
            }
        }
    }

    /// Rings the peer for what was published without.
    pub(crate) fn ring_if_owed(&self) {
        if self.owed.settle() {
            self.ring_for_message();
        }
    }

    /// Rings the peer if it sleeps until a message comes.
    fn ring_for_message(&self) {
        if must_ring(&self.segment.side(self.end.other()).asleep.0) {
            self.ring();
        }
    }

    /// Where senders of this rank wait.
    pub(crate) fn waits(&self, rank: Rank) -> &Waits {
        match rank {
            Rank::Usual => &self.usual,
            Rank::Ahead => &self.ahead,
        }
    }

    /// Has those look who wait for room, the first of each rank.
    pub(crate) fn there_may_be_room(&self) {
        for waits in [&self.ahead, &self.usual] {
            if waits.others() {
                waits.room.notify_one();
            }
        }
    }

    pub(crate) fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings the peer, which was found to wait.
    pub(crate) fn ring(&self) {
        took(Step::Ringing);
        self.counts.doorbells.fetch_add(1, Relaxed);
        if let Err(error) = bell::ring(&self.peer_bell) {
            self.fail(ChannelError::System(format!("the doorbell cannot be rung: {error}")));
        }
        took(Step::Rung);
    }
}
