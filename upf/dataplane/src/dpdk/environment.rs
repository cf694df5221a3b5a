//! The environment that DPDK runs in (EAL).

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dpdk_sys as sys;

/// The environment, started. There is one in a process, once: it ends with this, and none can be started again.
pub(super) struct Environment(());

static STARTED: AtomicBool = AtomicBool::new(false);

/// What a function of DPDK's said.
pub(super) fn done(code: c_int) -> io::Result<c_int> {
    if code < 0 { Err(io::Error::from_raw_os_error(-code)) } else { Ok(code) }
}

impl Environment {
    /// Starts it with the arguments of a command line, without the program's name.
    ///
    /// # Errors
    /// Arguments that it does not take, memory that it does not get, or that it was started before.
    pub(super) fn start(arguments: &[String]) -> io::Result<Arc<Self>> {
        let texts = ["peregrine"].into_iter().chain(arguments.iter().map(String::as_str)).map(CString::new);
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        // Relaxed: it guards nothing but the one call that follows.
        if STARTED.swap(true, Ordering::Relaxed) {
            return Err(io::Error::other("it was started before in this process"));
        }
        let mut pointers: Vec<*mut c_char> = texts.into_iter().map(CString::into_raw).collect();
        let count = c_int::try_from(pointers.len()).map_err(io::Error::other)?;
        pointers.push(std::ptr::null_mut());
        // The environment keeps and reorders them.
        let pointers = Vec::leak(pointers);
        // It ties this thread to a core, which is not what this thread is for.
        let cores = rustix::thread::sched_getaffinity(None);
        // SAFETY: so many pointers to strings that end with a zero, and one to nothing behind them; all are leaked, so they live
        // as long as the process. It is the first call, as the flag says.
        let started = unsafe { sys::peregrine_dpdk_start(count, pointers.as_mut_ptr()) };
        if let Ok(cores) = cores {
            let _ = rustix::thread::sched_setaffinity(None, &cores);
        }
        done(started)?;
        Ok(Arc::new(Self(())))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: it was started, and whatever is of it (devices, queues, threads) holds this or ended before.
        unsafe { sys::peregrine_dpdk_end() };
    }
}

/// This thread as one of the environment's, as long as this lives: buffers come and go by a store of its own.
pub(super) struct Entered(());

impl Entered {
    /// Makes the thread one. `None`: there are enough of them, and it goes without.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: the environment has started: whoever enters has a queue of a device.
        done(unsafe { sys::peregrine_dpdk_enter_thread() }).ok().map(|_| Self(()))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: does nothing on a thread that is none of the environment's, which has not ended: the queues are dropped later.
        unsafe { sys::peregrine_dpdk_leave_thread() };
    }
}
