//! A thread that runs a forwarder on a port.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::{Command, Config, Counters, Event, Forwarder, Frame, Port, Waker};

/// Frames of a burst.
const BURST: usize = 64;

/// A forwarder with its port.
pub struct Worker<P> {
    port: P,
    forwarder: Forwarder,
    frames: Vec<Frame>,
    commands: Receiver<Command>,
    events: Box<dyn FnMut(Event) + Send>,
    waker: Waker,
}

/// The control process's hold on a worker. The worker ends with it.
pub struct WorkerHandle {
    commands: Sender<Command>,
    waker: Waker,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerHandle {
    /// Asks something of the worker; it answers by an event.
    pub fn send(&self, command: Command) {
        // A worker that is gone answers nothing; `is_running` tells.
        let _ = self.commands.send(command);
        self.waker.wake();
    }

    /// Its counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether the worker's thread still runs.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic in the worker has been printed by its thread; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

impl<P: Port + 'static> Worker<P> {
    /// Starts a worker on a thread of its own, pinned to `core` if one is given. What it has to tell goes to `events`, on
    /// its thread: that must not wait.
    ///
    /// # Errors
    /// Where the system starts no thread.
    pub fn start(
        name: &str,
        port: P,
        config: Config,
        waker: Waker,
        core: Option<usize>,
        events: impl FnMut(Event) + Send + 'static,
    ) -> io::Result<WorkerHandle> {
        let (commands, received) = channel();
        let frames = (0..BURST).map(|_| Frame::new(config.frame_size)).collect();
        let forwarder = Forwarder::new(config, Instant::now());
        let counters = forwarder.counters();
        let events = Box::new(events);
        let worker = Self { port, forwarder, frames, commands: received, events, waker: waker.clone() };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            pin(core);
            worker.run();
        })?;
        Ok(WorkerHandle { commands, waker, counters, thread: Some(thread) })
    }

    fn run(mut self) {
        loop {
            let now = Instant::now();
            loop {
                match self.commands.try_recv() {
                    Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                    Ok(command) => self.command(now, command),
                    Err(TryRecvError::Empty) => break,
                }
            }
            let received = self.port.receive(&mut self.frames);
            if received == 0 {
                self.port.wait(&self.waker, None);
                continue;
            }
            let Some(burst) = self.frames.get_mut(..received) else { continue };
            self.forwarder.process(now, burst);
            let unsent = self.port.send(burst);
            self.forwarder.unsent(unsent);
            self.forwarder.drain_events().for_each(&mut self.events);
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        self.forwarder.command(now, command);
        let outbox = self.forwarder.take_outbox();
        let unsent = self.port.send(&outbox);
        self.forwarder.unsent(unsent);
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
