//! Shows the calls of a process to whoever watches them. While nobody does, a call costs one relaxed load more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use sbi_api::{Request, Response};

use crate::Endpoint;

/// The end of a call at which it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The process that calls.
    Client,
    /// The process that answers.
    Server,
}

/// Sees calls. It must not wait: it is told within the call.
pub trait Watcher: Send + Sync + 'static {
    /// A request is sent to `endpoint`, or came there. `call` names it until it has ended. `authority` is what HTTP calls
    /// the server.
    fn request(&self, call: u64, side: Side, endpoint: &Endpoint, authority: &str, request: &Request);

    /// The call is answered.
    fn response(&self, call: u64, response: &Response);

    /// The call ended without an answer: it failed, as `why` says, or was given up.
    fn failed(&self, call: u64, why: &str);
}

/// The place where calls can be watched. Clones are the same place.
#[derive(Clone, Default)]
pub struct Tap(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether `watcher` is there. A hint that orders nothing, so `Relaxed`: a call that begins as a watcher comes or goes
    /// may be missed.
    open: AtomicBool,
    next: AtomicU64,
    watcher: Mutex<Option<Arc<dyn Watcher>>>,
}

impl Tap {
    /// Shows calls to `watcher` from now on, in place of the one before.
    pub fn open(&self, watcher: Arc<dyn Watcher>) {
        *self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        self.0.open.store(true, Relaxed);
    }

    /// Shows no further calls. Those under way are shown to their end.
    pub fn close(&self) {
        self.0.open.store(false, Relaxed);
        self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// A call begins, with this request. `None` while nobody watches.
    pub fn begin(
        &self,
        side: Side,
        endpoint: &Endpoint,
        authority: &str,
        request: impl FnOnce() -> Request,
    ) -> Option<Watched> {
        if !self.0.open.load(Relaxed) {
            return None;
        }
        let watcher = self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let call = self.0.next.fetch_add(1, Relaxed); // only to tell calls apart
        watcher.request(call, side, endpoint, authority, &request());
        Some(Watched { watcher, call, ended: false })
    }
}

/// A call that is watched. Dropped before its end, it counts as given up.
pub struct Watched {
    watcher: Arc<dyn Watcher>,
    call: u64,
    ended: bool,
}

impl Watched {
    /// It is answered.
    pub fn answered(mut self, response: &Response) {
        self.ended = true;
        self.watcher.response(self.call, response);
    }

    /// It has failed.
    pub fn failed(mut self, why: &str) {
        self.ended = true;
        self.watcher.failed(self.call, why);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.watcher.failed(self.call, "given up");
        }
    }
}
