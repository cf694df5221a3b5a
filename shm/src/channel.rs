//! What sender and receiver of one channel share, and how the channel ends.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore};

use crate::bell::{self, OwnBell};
use crate::counts::{Counted, Tally};
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
        Self { segment: 2 << 20, huge_pages: false, max_message: 8 << 20, allowed_uids, spin: SPIN, tally }
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
    pub(crate) socket: UnixStream,
    pub(crate) counted: Counted,
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
    let bell = OwnBell::watch(bell)?;
    let counted = Counted::by(options.tally.clone());
    let shared = Arc::new(Shared {
        outgoing: Mutex::new(Outgoing::new(segment.clone(), end.other(), counted.counts.clone())),
        usual: Waits::new(),
        ahead: Waits::new(),
        fragments: tokio::sync::Mutex::default(),
        socket,
        counted,
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
    Ok((Sender::new(shared.clone()), Receiver::new((shared, bell), descriptors, lender, options)))
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

    /// Forgets whom to wake.
    pub(crate) fn wake_nobody(&self) {
        self.ending.wake_nobody();
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
        self.counted.counts.doorbells.add();
        if let Err(error) = bell::ring(&self.peer_bell) {
            self.fail(ChannelError::System(format!("the doorbell cannot be rung: {error}")));
        }
        took(Step::Rung);
    }
}
