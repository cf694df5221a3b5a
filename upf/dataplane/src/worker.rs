//! Threads that run forwarders on ports.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::forward::Contents;
use crate::handover::{Drained, Route};
use crate::{
    BUCKETS, Bucket, Command, Config, Counters, DropReason, Event, Forwarder, Frame, Owners, Port, Snapshot, Tap,
    Verdict, Waker,
};

/// Frames of a burst.
const BURST: usize = 64;

/// Messages that wait for a worker, sent by others.
const HANDOVER: usize = 4096;

/// How long a worker waits whose neighbour takes nothing.
const STUCK: Duration = Duration::from_millis(1);

/// What workers send each other. Each keeps its order.
enum Message {
    /// A frame for a bucket of the receiver's.
    Frame(Frame),
    /// A command of the control process for a bucket that left.
    Command(Bucket, Command),
    /// What is in a bucket, which is the receiver's now.
    Bucket { bucket: Bucket, from: usize, contents: Contents },
    /// A bucket has a new owner; `from` relays that we have drained.
    Switch { bucket: Bucket, from: usize, to: usize },
    /// Nothing more comes from this sender by way of the old owner.
    Drained { bucket: Bucket, sender: usize },
}

/// The way to a worker.
struct Outlet {
    messages: SyncSender<(usize, Message)>,
    waker: Waker,
    /// What may not be lost and found no room yet, and what came after it.
    waiting: VecDeque<Message>,
    /// Whether it has something that it was not woken for.
    unannounced: bool,
}

impl Outlet {
    /// Sends what waits, as far as there is room.
    fn flush(&mut self, own: usize) {
        while let Some(message) = self.waiting.pop_front() {
            match self.messages.try_send((own, message)) {
                Ok(()) => self.unannounced = true,
                Err(TrySendError::Full((_, message))) => {
                    self.waiting.push_front(message);
                    return;
                }
                // It ended: so does the process.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }

    /// Sends a message, at the latest when there is room.
    fn send(&mut self, own: usize, message: Message) {
        self.waiting.push_back(message);
        self.flush(own);
    }

    /// Sends a frame, if there is room. Behind a message that waits it waits too.
    fn send_frame(&mut self, own: usize, frame: Frame) -> bool {
        self.flush(own);
        if !self.waiting.is_empty() {
            let room = self.waiting.len() < HANDOVER;
            self.waiting.extend(room.then_some(Message::Frame(frame)));
            return room;
        }
        let sent = self.messages.try_send((own, Message::Frame(frame))).is_ok();
        self.unannounced |= sent;
        sent
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.unannounced) {
            self.waker.wake();
        }
    }
}

/// A frame or a command that waits for its sender to have drained.
enum Parked {
    Frame(Frame),
    Command(Command),
}

/// A forwarder with its port.
struct Worker<P> {
    own: usize,
    port: P,
    forwarder: Forwarder,
    commands: Receiver<(Option<Bucket>, Command)>,
    inlet: Receiver<(usize, Message)>,
    outlets: Vec<Outlet>,
    /// Frames to go on with in place of those handed over or parked.
    spare: Vec<Frame>,
    /// In the order in which they came.
    parked: Vec<(Bucket, usize, Parked)>,
    size: usize,
    events: Box<dyn FnMut(Event) + Send>,
    waker: Waker,
}

/// The control process's hold on a worker.
struct Handle {
    commands: Sender<(Option<Bucket>, Command)>,
    waker: Waker,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    fn send(&self, bucket: Option<Bucket>, command: Command) {
        // A worker that is gone answers nothing; `Workers::are_running` tells.
        let _ = self.commands.send((bucket, command));
        self.waker.wake();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(None, Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic in the worker has been printed by its thread; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

/// The workers of a user plane function. They end with it.
pub struct Workers {
    handles: Vec<Handle>,
    /// Who gets the commands for each bucket.
    owners: Owners,
    /// Buckets on their way.
    moving: Box<[bool; BUCKETS]>,
}

impl Workers {
    /// Starts a worker for each port, woken by the waker beside it, on threads of their own; pinned to the cores in turn, if
    /// there are any. What they have to tell goes to `events`, on their threads: that must not wait.
    ///
    /// # Errors
    /// Where the system starts no thread.
    pub fn start<P: Port + 'static>(
        ports: Vec<(P, Waker)>,
        config: &Config,
        cores: &[usize],
        events: impl FnMut(Event) + Send + Clone + 'static,
    ) -> io::Result<Self> {
        let config = Config { workers: ports.len(), ..config.clone() };
        let ways: Vec<_> = ports.iter().map(|(_, waker)| (sync_channel(HANDOVER), waker.clone())).collect();
        let senders: Vec<_> = ways.iter().map(|((sender, _), waker)| (sender.clone(), waker.clone())).collect();
        let mut handles = Vec::new();
        for (own, ((port, waker), ((_, inlet), _))) in ports.into_iter().zip(ways).enumerate() {
            let (commands, received) = channel();
            let forwarder = Forwarder::new(config.clone(), own, Instant::now());
            let counters = forwarder.counters();
            let outlet = |(messages, waker): &(SyncSender<_>, Waker)| Outlet {
                messages: messages.clone(),
                waker: waker.clone(),
                waiting: VecDeque::new(),
                unannounced: false,
            };
            let worker = Worker {
                own,
                port,
                forwarder,
                commands: received,
                inlet,
                outlets: senders.iter().map(outlet).collect(),
                spare: Vec::new(),
                parked: Vec::new(),
                size: config.frame_size,
                events: Box::new(events.clone()),
                waker: waker.clone(),
            };
            let core = cores.iter().cycle().nth(own).copied();
            let thread = std::thread::Builder::new().name(format!("upf-worker-{own}")).spawn(move || {
                pin(core);
                worker.run();
            })?;
            handles.push(Handle { commands, waker, counters, thread: Some(thread) });
        }
        Ok(Self { handles, owners: Owners::among(config.workers), moving: Box::new([false; BUCKETS]) })
    }

    /// Asks something of the worker that owns the bucket; it answers by an event.
    pub fn send(&self, bucket: Bucket, command: Command) {
        if let Some(worker) = self.handles.get(self.owners.of(bucket)) {
            worker.send(Some(bucket), command);
        }
    }

    /// Has packets to an address led to a session's bucket, or no longer, where that is not the address's own.
    pub fn signpost(&self, address: IpAddr, home: Option<Bucket>) {
        let at = Bucket::of_address(address);
        // Who owns all buckets finds every session at once.
        if self.handles.len() > 1 && home != Some(at) {
            self.send(at, Command::Signpost { address, to: home });
        }
    }

    /// Has packets to the addresses of a network behind a UE taken to its session: its bucket, and an address of the UE; or no
    /// longer.
    pub fn route(&self, network: IpNet, to: Option<(Bucket, IpAddr)>) {
        self.handles.iter().for_each(|worker| worker.send(None, Command::Route { network, to }));
    }

    /// Moves a bucket to a worker while packets flow: none is lost, none overtakes another of its session. Returns whether the
    /// move began; it does not where the bucket is there, or on its way. [`handle`](Self::handle) is needed for it to end.
    pub fn move_bucket(&mut self, bucket: Bucket, to: usize) -> bool {
        let Bucket(number) = bucket;
        let begins = to < self.handles.len() && self.owners.of(bucket) != to && !self.moving[usize::from(number)];
        if begins {
            self.moving[usize::from(number)] = true;
            self.send(bucket, Command::Move { bucket, to });
        }
        begins
    }

    /// Takes note of what the workers tell of moves.
    pub fn handle(&mut self, event: &Event) {
        match event {
            Event::BucketArrived { bucket, from, to } => {
                if let Some(old) = self.handles.get(*from) {
                    old.send(Some(*bucket), Command::Drained(*bucket));
                }
                self.owners.set(*bucket, *to);
            }
            Event::BucketMoved(Bucket(bucket)) => self.moving[usize::from(*bucket)] = false,
            _ => {}
        }
    }

    /// The worker that gets the commands for a bucket.
    pub fn owner(&self, bucket: Bucket) -> usize {
        self.owners.of(bucket)
    }

    /// Has all workers show packets to this tap, or to none.
    pub fn tap(&self, tap: Option<&Tap>) {
        self.handles.iter().for_each(|worker| worker.send(None, Command::Tap(tap.cloned())));
    }

    /// The counters of each worker.
    pub fn counters(&self) -> Vec<Arc<Counters>> {
        self.handles.iter().map(|worker| worker.counters.clone()).collect()
    }

    /// What all workers together have counted.
    pub fn snapshot(counters: &[Arc<Counters>]) -> Snapshot {
        let mut sum = Snapshot::default();
        counters.iter().for_each(|counters| sum += &counters.snapshot());
        sum
    }

    /// Whether the threads of all workers still run.
    pub fn are_running(&self) -> bool {
        self.handles.iter().all(|worker| worker.thread.as_ref().is_some_and(|thread| !thread.is_finished()))
    }
}

impl<P: Port> Worker<P> {
    fn run(mut self) {
        let mut frames: Vec<Frame> = (0..BURST).map(|_| Frame::new(self.size)).collect();
        let mut inbox: Vec<Frame> = Vec::with_capacity(BURST);
        let counters = self.forwarder.counters();
        // Since when there has been something to do.
        let mut busy: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if let Some(since) = busy.replace(now) {
                counters.busy(now - since);
            }
            loop {
                match self.commands.try_recv() {
                    Ok((_, Command::Stop)) | Err(TryRecvError::Disconnected) => return,
                    Ok((bucket, command)) => self.command(now, bucket, self.outlets.len(), command),
                    Err(TryRecvError::Empty) => break,
                }
            }
            let handed = self.take_messages(now, &mut inbox);
            let received = self.port.receive(&mut frames);
            self.burst(now, frames.get_mut(..received).unwrap_or_default());
            let own = self.own;
            self.outlets.iter_mut().for_each(|outlet| {
                outlet.flush(own);
                outlet.wake();
            });
            let due = self.due(now);
            if received == 0 && handed == 0 && due != Some(Duration::ZERO) {
                // A neighbour that takes nothing is asked again soon: it does not say when it has room.
                let stuck = self.outlets.iter().any(|outlet| !outlet.waiting.is_empty());
                let soon = stuck.then_some(STUCK);
                busy = None;
                self.port.wait(&self.waker, soon.into_iter().chain(due).min());
            }
        }
    }

    /// Takes messages of other workers in their order; returns how many there were.
    fn take_messages(&mut self, now: Instant, inbox: &mut Vec<Frame>) -> usize {
        let mut taken = 0;
        while taken < BURST {
            let Ok((from, message)) = self.inlet.try_recv() else { break };
            taken += 1;
            match message {
                Message::Frame(mut frame) => {
                    frame.handed_by = u8::try_from(from).ok();
                    inbox.push(frame);
                }
                other => {
                    self.burst_of(now, inbox);
                    self.message(now, from, other);
                }
            }
        }
        self.burst_of(now, inbox);
        taken
    }

    /// Takes frames all the way, and keeps them to go on with.
    fn burst_of(&mut self, now: Instant, frames: &mut Vec<Frame>) {
        self.burst(now, frames);
        let room = HANDOVER.saturating_sub(self.spare.len());
        self.spare.extend(frames.drain(..).take(room));
    }

    /// Does what is due, and says how long nothing else will be.
    fn due(&mut self, now: Instant) -> Option<Duration> {
        let at = self.forwarder.poll_timeout()?;
        if at <= now {
            self.forwarder.handle_timeout(now);
            self.send_outbox();
        }
        self.forwarder.poll_timeout().map(|at| at.saturating_duration_since(now))
    }

    /// Takes a burst all the way.
    fn burst(&mut self, now: Instant, frames: &mut [Frame]) {
        if frames.is_empty() {
            return;
        }
        self.forwarder.process(now, frames);
        if self.outlets.len() > 1 {
            self.hand_over(frames);
        }
        let unsent = self.port.send(frames);
        self.forwarder.lost(DropReason::Send, unsent);
        self.forwarder.took(now, frames.len());
        if self.forwarder.has_outbox() {
            self.send_outbox();
        }
        self.forwarder.drain_events().for_each(&mut self.events);
    }

    /// Hands frames of others' buckets to those, and parks those of buckets that have not arrived.
    fn hand_over(&mut self, frames: &mut [Frame]) {
        for frame in frames {
            match frame.verdict {
                Verdict::ToWorker(to) => {
                    let given = self.take_out(frame);
                    let own = self.own;
                    if !self.outlets.get_mut(to).is_some_and(|outlet| outlet.send_frame(own, given)) {
                        self.forwarder.lost(DropReason::Handover, 1);
                    }
                }
                Verdict::Parked(bucket) => {
                    let given = self.take_out(frame);
                    let sender = given.handed_by.map_or(self.own, usize::from);
                    if self.parked.len() < HANDOVER {
                        self.parked.push((bucket, sender, Parked::Frame(given)));
                    } else {
                        self.forwarder.lost(DropReason::Handover, 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes a frame out of its burst.
    fn take_out(&mut self, frame: &mut Frame) -> Frame {
        let next = self.spare.pop().unwrap_or_else(|| Frame::new(self.size));
        let taken = std::mem::replace(frame, next);
        frame.verdict = Verdict::Drop;
        taken
    }

    /// Does what the control process asks, whether it says so itself or by way of the bucket's old owner.
    fn command(&mut self, now: Instant, bucket: Option<Bucket>, sender: usize, command: Command) {
        match (bucket, command) {
            (_, Command::Move { bucket, to }) => self.leave(bucket, to),
            (_, Command::Drained(bucket)) => self.drained(now, bucket, self.outlets.len()),
            (Some(bucket), command) => match self.forwarder.handover().route(bucket, sender) {
                Route::Here => self.execute(now, command),
                Route::To(owner) => self.tell(owner, Message::Command(bucket, command)),
                Route::Parked => self.parked.push((bucket, sender, Parked::Command(command))),
            },
            (None, command) => self.execute(now, command),
        }
    }

    fn execute(&mut self, now: Instant, command: Command) {
        self.forwarder.command(now, command);
        self.send_outbox();
    }

    /// Sends what a command or the time let loose, and tells of it.
    fn send_outbox(&mut self) {
        let outbox = self.forwarder.take_outbox();
        let unsent = self.port.send(&outbox);
        self.forwarder.lost(DropReason::Send, unsent);
        self.forwarder.recycle(outbox);
        self.forwarder.drain_events().for_each(&mut self.events);
    }

    fn tell(&mut self, worker: usize, message: Message) {
        let own = self.own;
        if let Some(outlet) = self.outlets.get_mut(worker) {
            outlet.send(own, message);
        }
    }

    fn leave(&mut self, bucket: Bucket, to: usize) {
        if self.forwarder.handover().leave(bucket, to) {
            let contents = self.forwarder.give_bucket(bucket);
            self.tell(to, Message::Bucket { bucket, from: self.own, contents });
        }
    }

    fn message(&mut self, now: Instant, sender: usize, message: Message) {
        match message {
            Message::Frame(_) => {} // with the burst
            Message::Command(bucket, command) => self.command(now, Some(bucket), sender, command),
            Message::Bucket { bucket, from, contents } => {
                self.forwarder.take_bucket(bucket, contents);
                let to = self.own;
                for other in self.forwarder.handover().arrive(bucket, from) {
                    self.tell(other, Message::Switch { bucket, from, to });
                }
                self.tell(from, Message::Drained { bucket, sender: to });
                (self.events)(Event::BucketArrived { bucket, from, to });
            }
            Message::Switch { bucket, from, to } => {
                self.forwarder.handover().switch(bucket, to);
                self.tell(from, Message::Drained { bucket, sender: self.own });
            }
            Message::Drained { bucket, sender } => self.drained(now, bucket, sender),
        }
    }

    fn drained(&mut self, now: Instant, bucket: Bucket, sender: usize) {
        match self.forwarder.handover().drained(bucket, sender) {
            Drained::Relay(owner) => self.tell(owner, Message::Drained { bucket, sender }),
            Drained::Resume { last } => {
                self.resume(now, bucket, sender);
                if last {
                    (self.events)(Event::BucketMoved(bucket));
                }
            }
        }
    }

    /// Goes on with what was parked of this sender.
    fn resume(&mut self, now: Instant, bucket: Bucket, sender: usize) {
        let mut frames = Vec::new();
        for (_, _, parked) in self.parked.extract_if(.., |(b, s, _)| (*b, *s) == (bucket, sender)).collect::<Vec<_>>() {
            match parked {
                Parked::Frame(frame) => frames.push(frame),
                Parked::Command(command) => self.execute(now, command),
            }
        }
        self.burst_of(now, &mut frames);
    }
}

fn pin(core: Option<usize>) {
    let Some(core) = core else { return };
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    if let Err(why) = rustix::thread::sched_setaffinity(None, &cores) {
        tracing::warn!(core, %why, "cannot pin the worker to its core");
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
