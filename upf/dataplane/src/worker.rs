//! Threads that run forwarders on ports.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::{
    Bucket, Command, Config, Counters, DropReason, Event, Forwarder, Frame, Owners, Port, Snapshot, Verdict, Waker,
};

/// Frames of a burst.
const BURST: usize = 64;

/// Frames that wait for a worker, handed over by another.
const HANDOVER: usize = 4096;

/// The way to a worker for frames that another received.
#[derive(Clone)]
struct Inlet {
    frames: SyncSender<Frame>,
    waker: Waker,
}

/// A forwarder with its port.
struct Worker<P> {
    port: P,
    forwarder: Forwarder,
    commands: Receiver<Command>,
    handed: Receiver<Frame>,
    others: Vec<Inlet>,
    /// Frames to go on with in place of those handed over.
    spare: Vec<Frame>,
    size: usize,
    events: Box<dyn FnMut(Event) + Send>,
    waker: Waker,
}

/// The control process's hold on a worker.
struct Handle {
    commands: Sender<Command>,
    waker: Waker,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    fn send(&self, command: Command) {
        // A worker that is gone answers nothing; `Workers::are_running` tells.
        let _ = self.commands.send(command);
        self.waker.wake();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic in the worker has been printed by its thread; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

/// The workers of a user plane function. They end with it.
pub struct Workers {
    handles: Vec<Handle>,
    owners: Owners,
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
        let mut inlets = Vec::new();
        let mut outlets = Vec::new();
        for (_, waker) in &ports {
            let (frames, handed) = sync_channel(HANDOVER);
            inlets.push(Inlet { frames, waker: waker.clone() });
            outlets.push(handed);
        }
        let mut handles = Vec::new();
        for (own, ((port, waker), handed)) in ports.into_iter().zip(outlets).enumerate() {
            let (commands, received) = channel();
            let forwarder = Forwarder::new(config.clone(), own, Instant::now());
            let counters = forwarder.counters();
            let worker = Worker {
                port,
                forwarder,
                commands: received,
                handed,
                others: inlets.clone(),
                spare: Vec::new(),
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
        Ok(Self { handles, owners: Owners::among(config.workers) })
    }

    /// Asks something of the worker that owns the bucket; it answers by an event.
    pub fn send(&self, bucket: Bucket, command: Command) {
        if let Some(worker) = self.handles.get(self.owners.of(bucket)) {
            worker.send(command);
        }
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
        loop {
            let now = Instant::now();
            loop {
                match self.commands.try_recv() {
                    Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                    Ok(command) => self.command(now, command),
                    Err(TryRecvError::Empty) => break,
                }
            }
            inbox.extend(self.handed.try_iter().take(BURST));
            self.burst(now, &mut inbox);
            let received = self.port.receive(&mut frames);
            self.burst(now, frames.get_mut(..received).unwrap_or_default());
            let idle = received == 0 && inbox.is_empty();
            let room = HANDOVER.saturating_sub(self.spare.len());
            self.spare.extend(inbox.drain(..).take(room));
            if idle {
                self.port.wait(&self.waker, None);
            }
        }
    }

    /// Takes a burst all the way.
    fn burst(&mut self, now: Instant, frames: &mut [Frame]) {
        if frames.is_empty() {
            return;
        }
        self.forwarder.process(now, frames);
        if self.others.len() > 1 {
            self.hand_over(frames);
        }
        let unsent = self.port.send(frames);
        self.forwarder.lost(DropReason::Send, unsent);
        self.forwarder.drain_events().for_each(&mut self.events);
    }

    /// Hands frames of others' buckets to those, and wakes each once.
    fn hand_over(&mut self, frames: &mut [Frame]) {
        let Self { others, spare, size, forwarder, .. } = self;
        for (place, other) in others.iter().enumerate() {
            let mut handed = false;
            for frame in frames.iter_mut().filter(|frame| frame.verdict == Verdict::ToWorker(place)) {
                let next = spare.pop().unwrap_or_else(|| Frame::new(*size));
                let given = std::mem::replace(frame, next);
                frame.verdict = Verdict::Drop;
                match other.frames.try_send(given) {
                    Ok(()) => handed = true,
                    Err(_) => forwarder.lost(DropReason::Handover, 1),
                }
            }
            if handed {
                other.waker.wake();
            }
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        self.forwarder.command(now, command);
        let outbox = self.forwarder.take_outbox();
        let unsent = self.port.send(&outbox);
        self.forwarder.lost(DropReason::Send, unsent);
        self.forwarder.recycle(outbox);
        self.forwarder.drain_events().for_each(&mut self.events);
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
