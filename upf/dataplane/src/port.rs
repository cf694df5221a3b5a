//! What packets come from and go to.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::Frame;

/// The network's side of a worker: N3 and N6 in one.
pub trait Port: Send {
    /// Receives what is there into the frames, from the first on, without waiting. Returns how many were filled; each
    /// knows its origin and peer.
    fn receive(&mut self, frames: &mut [Frame]) -> usize;

    /// Sends the frames as their verdicts say, in order. Returns how many of those to be sent could not be.
    fn send(&mut self, frames: &[Frame]) -> usize;

    /// Waits until something may be received, the waker is woken, or the time is over.
    fn wait(&mut self, waker: &Waker, time: Option<Duration>);
}

impl<P: Port + ?Sized> Port for Box<P> {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        (**self).receive(frames)
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        (**self).send(frames)
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        (**self).wait(waker, time);
    }
}

/// Wakes a worker that waits.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// A waker.
    ///
    /// # Errors
    /// Where the system has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Wakes the worker, now or when it next waits.
    pub fn wake(&self) {
        // It fails only where the count is at its end: then the worker is being woken already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Takes note of having been woken.
    pub(crate) fn clear(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.0, &mut count);
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for any of the descriptors to be readable, or the waker.
pub(crate) fn wait_readable(descriptors: &[BorrowedFd<'_>], waker: &Waker, time: Option<Duration>) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let waker_fd = waker.descriptor();
    let mut polled: Vec<PollFd<'_>> =
        descriptors.iter().chain([&waker_fd]).map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    // An interrupted or failed wait is a short one.
    let _ = poll(&mut polled, time.as_ref());
    waker.clear();
}
