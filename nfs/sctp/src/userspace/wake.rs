//! From the library's threads to tasks that wait.
//!
//! An upcall carries a number, not a pointer: one that comes late, when its socket is closed already, finds nothing
//! under that number and does nothing.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use tokio::sync::Notify;

use super::sys::RawSocket;

static SOCKETS: LazyLock<RwLock<HashMap<usize, Arc<Notify>>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A socket's entry among those that upcalls find; dropping it takes it out.
#[derive(Debug)]
pub(super) struct Wake {
    number: usize,
    changed: Arc<Notify>,
}

impl Wake {
    pub(super) fn new() -> Wake {
        // Relaxed: only the number's uniqueness counts.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let changed = Arc::new(Notify::new());
        SOCKETS.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&changed));
        Wake { number, changed }
    }

    /// What to register as the upcall's argument.
    pub(super) fn argument(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.number)
    }

    /// Repeats `attempt` until it does not answer that it would block, each time the socket has changed.
    pub(super) async fn until_ready<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            let mut changed = pin!(self.changed.notified());
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
pub(super) extern "C" fn upcall(_: *mut RawSocket, argument: *mut c_void, _: c_int) {
    let sockets = SOCKETS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(changed) = sockets.get(&argument.addr()) {
        changed.notify_waiters();
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
        drop(wake);
        upcall(std::ptr::null_mut(), std::ptr::without_provenance_mut(argument), 0);
    }
}
