//! The requests of one channel that the server works on, and who may answer each.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Requests under way. Whoever takes a stream out of the table is the one to answer it: its handler's task, or the
/// channel's when the client cancels.
#[derive(Default)]
pub(super) struct Exchange {
    running: Mutex<HashMap<u32, Option<AbortHandle>>>,
    tasks: AtomicUsize,
    idle: Notify,
}

impl Exchange {
    /// Enters a request. False if its stream is taken already.
    pub(super) fn enter(&self, stream: u32) -> bool {
        match self.running().entry(stream) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(None);
                true
            }
        }
    }

    /// Says how to stop the work on a request, if it is still going on.
    pub(super) fn stop_with(&self, stream: u32, handle: AbortHandle) {
        if let Some(place) = self.running().get_mut(&stream) {
            *place = Some(handle);
        }
    }

    /// Takes a request out, to answer it. False if somebody else has.
    pub(super) fn leave(&self, stream: u32) -> bool {
        self.running().remove(&stream).is_some()
    }

    /// Stops the work on a request. False if it is answered already.
    pub(super) fn cancel(&self, stream: u32) -> bool {
        let taken = self.running().remove(&stream);
        if let Some(Some(handle)) = &taken {
            handle.abort();
        }
        taken.is_some()
    }

    /// Stops the work on everything.
    pub(super) fn cancel_all(&self) {
        for (_, handle) in self.running().drain() {
            handle.inspect(AbortHandle::abort);
        }
    }

    /// Tasks there are: handlers at work, and messages that wait for room.
    pub(super) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::Acquire)
    }

    /// Counts a task of the channel as long as the guard lives.
    pub(super) fn task(self: &Arc<Self>) -> TaskGuard {
        // AcqRel here and below: partners of each other, so that who sees no task sees what the tasks did.
        self.tasks.fetch_add(1, Ordering::AcqRel);
        TaskGuard(self.clone())
    }

    /// Waits until no task is left.
    pub(super) async fn idle(&self) {
        while self.tasks() > 0 {
            self.idle.notified().await;
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Option<AbortHandle>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task of the channel is running.
pub(super) struct TaskGuard(Arc<Exchange>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_one();
        }
    }
}
