//! Calls from threads that may wait, outside of any asynchronous runtime.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sbi_api::{Body, CallError, Request, Response};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::{Endpoint, Pool};

/// A [`Pool`] whose calls wait. The calling thread writes its request into the peer's ring and rings its bell itself; the answer is
/// handed to it by the runtime that looks after the connections, on a thread of its own.
///
/// Not to be used on a thread of that runtime, which would wait for itself.
pub struct Blocking {
    pool: Arc<Pool>,
    runtime: Handle,
    _driver: Option<Driver>,
}

/// A thread that looks after connections; ends, and they with it, when dropped.
struct Driver {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Blocking {
    /// Lets `runtime`, where the pool's other calls are made, look after the connections. It must have a thread that runs.
    pub fn on(pool: Arc<Pool>, runtime: Handle) -> Self {
        Self { pool, runtime, _driver: None }
    }

    /// Starts a thread to look after the connections, for a process that has no runtime.
    ///
    /// # Errors
    /// The system has no thread or no descriptors left.
    pub fn start(pool: Arc<Pool>) -> io::Result<Self> {
        let driven = Builder::new_current_thread().enable_all().build()?;
        let runtime = driven.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let drive = move || drop(driven.block_on(ended));
        let thread = std::thread::Builder::new().name("sbi-connections".into()).spawn(drive)?;
        Ok(Self { pool, runtime, _driver: Some(Driver { end: Some(end), thread: Some(thread) }) })
    }

    /// As [`Pool::call`], waiting for the answer no longer than `patience`.
    ///
    /// # Errors
    /// As [`Pool::call`].
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime.
    pub fn call(
        &self,
        endpoints: &[Endpoint],
        authority: &str,
        request: &Request<Body<'_>>,
        patience: Duration,
    ) -> Result<Response, CallError> {
        self.wait(self.pool.call_as(endpoints, authority, request, None, Instant::now() + patience))
    }

    /// Waits for a typed operation whose client calls through this pool. What bounds the wait is that client's deadline.
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = std::pin::pin!(call);
        self.runtime.block_on(poll_fn(|cx| {
            let polled = call.as_mut().poll(cx);
            if polled.is_pending() {
                self.pool.flush(); // or the peer would be rung only once the runtime's thread has woken
            }
            polled
        }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of it was reported when it happened
        }
    }
}
