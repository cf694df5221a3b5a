//! From the library's threads to tasks that wait, and what is done on those threads themselves.
//!
//! An upcall carries a number, not a pointer: one that comes late, when its socket is closed already, finds nothing
//! under that number and does nothing.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use tokio::sync::Notify;

use super::sys::RawSocket;

static SOCKETS: LazyLock<RwLock<HashMap<usize, Arc<Entry>>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// Done on the library's thread when a socket has changed, before the tasks wake.
pub(super) type First = Box<dyn Fn(*mut RawSocket) + Send + Sync>;

struct Entry {
    changed: Notify,
    first: OnceLock<First>,
}

/// A socket's entry among those that upcalls find; dropping it takes it out.
pub(super) struct Wake {
    number: usize,
    entry: Arc<Entry>,
}

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Wake").field(&self.number).finish()
    }
}

impl Wake {
    pub(super) fn new() -> Wake {
        // Relaxed: only the number's uniqueness counts.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry { changed: Notify::new(), first: OnceLock::new() });
        SOCKETS.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&entry));
        Wake { number, entry }
    }

    /// From now on has the library's thread do this first at each change. Only the first such order counts.
    pub(super) fn first(&self, first: First) {
        let _ = self.entry.first.set(first); // only listeners have one, given once
    }

    /// What to register as the upcall's argument.
    pub(super) fn argument(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.number)
    }

    /// Repeats `attempt` until it does not answer that it would block, each time the socket has changed.
    pub(super) async fn until_ready<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            let mut changed = pin!(self.entry.changed.notified());
            // Listening before looking, so that no change falls between the two.
            changed.as_mut().enable();
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => changed.await,
                done => return done,
            }
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        SOCKETS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// The upcall of every socket. Called without any lock of the library held.
pub(super) extern "C" fn upcall(socket: *mut RawSocket, argument: *mut c_void, _: c_int) {
    // What is done first may make entries of its own.
    let entry = SOCKETS.read().unwrap_or_else(PoisonError::into_inner).get(&argument.addr()).cloned();
    if let Some(entry) = entry {
        if let Some(first) = entry.first.get() {
            first(socket);
        }
        entry.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_upcall_wakes_and_a_late_one_does_nothing() {
        let wake = Wake::new();
        let argument = wake.argument().addr();
        let mut looks = 0;
        let looking = wake.until_ready(|| {
            looks += 1;
            if looks < 3 {
                // As if on the library's thread, between this look and the waiting.
                upcall(std::ptr::null_mut(), std::ptr::without_provenance_mut(argument), 0);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(looks)
        });
        assert_eq!(looking.await.expect("ready"), 3);
        let done = Arc::new(AtomicUsize::new(0));
        let count = done.clone();
        wake.first(Box::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        upcall(std::ptr::null_mut(), std::ptr::without_provenance_mut(argument), 0);
        drop(wake);
        upcall(std::ptr::null_mut(), std::ptr::without_provenance_mut(argument), 0);
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }
}
