//! The bells: an eventfd on either side. Whether one must be rung, `doorbell` says.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::event::{EventfdFlags, eventfd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A new bell, to be passed to the peer or to be waited for.
pub(crate) fn cast() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Rings.
pub(crate) fn ring(bell: &OwnedFd) -> io::Result<()> {
    match rustix::io::write(bell, &1_u64.to_ne_bytes()) {
        // A full counter has rung for sure.
        Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Our own bell in the reactor.
pub(crate) struct OwnBell(AsyncFd<OwnedFd>);

impl OwnBell {
    pub(crate) fn watch(bell: OwnedFd) -> io::Result<Self> {
        // SAFETY: `bell` is open, owned by the `AsyncFd` from here on, and always the same descriptor.
        let watched = unsafe { AsyncFd::register_with_interest(bell, Interest::READABLE) };
        Ok(Self(watched.map_err(io::Error::from)?))
    }

    /// Takes it out of the reactor.
    pub(crate) fn into_inner(self) -> OwnedFd {
        self.0.into_inner()
    }

    /// Ready once per ring, or for several. It is never read: the reactor, edge-triggered, reports each ring anew.
    pub(crate) fn poll_rung(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_read_ready(cx))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}
