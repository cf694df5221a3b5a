//! The end of a channel: why, and who is told.
//!
//! A receiver that is about to wait leaves its waker, then looks whether the channel has ended. Who ends it says why, then
//! looks for a waker. The lock around the waker lets at least one of them see the other, so nobody waits in a dead channel.

use std::task::Waker;

use crate::error::ChannelError;
use crate::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Why the channel ended, once it has, and who waits for that.
pub(crate) struct Ending {
    why: OnceLock<ChannelError>,
    receiver: Mutex<Option<Waker>>,
}

impl Ending {
    /// That of a channel which goes on.
    pub(crate) fn new() -> Self {
        Self { why: OnceLock::new(), receiver: Mutex::new(None) }
    }

    /// Why the channel ended, once it has.
    pub(crate) fn why(&self) -> Option<&ChannelError> {
        self.why.get()
    }

    /// The channel ends for this reason. Returns whether it is the first, which stays; the receiver is to be
    /// [told](Self::tell) then.
    pub(crate) fn end(&self, why: ChannelError) -> bool {
        self.why.set(why).is_ok()
    }

    /// Wakes the receiver, if it waits.
    pub(crate) fn tell(&self) {
        let receiver = self.receiver().take();
        receiver.into_iter().for_each(Waker::wake);
    }

    /// Remembers whom to wake when the channel ends. The caller looks for [`why`](Self::why) once more before it waits.
    pub(crate) fn wake_at_end(&self, waker: &Waker) {
        let mut receiver = self.receiver();
        match &mut *receiver {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Nobody is to be woken any more: who receives now has other ways to hear of the end.
    pub(crate) fn wake_nobody(&self) {
        *self.receiver() = None;
    }

    /// The receiver that waits, or did.
    pub(crate) fn receiver(&self) -> MutexGuard<'_, Option<Waker>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
