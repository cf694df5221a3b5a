//! The mechanisms: how a side is woken, and how it waits for that.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use io_uring::{IoUring, opcode};
use rustix::event::EventfdFlags;
use rustix::thread::ClockId;
use rustix::thread::futex::{self, Wait, WaitFlags, WaitPtr, WaitvFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use crate::memory::{BELLS, Word};

/// What is compared. The first three are a thread that waits for nothing else; the others wake tokio's reactor, in which an NF
/// waits for its peers, its sockets and its timers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Futex,
    FutexWaitv,
    UringThread,
    Eventfd,
    FutexHelper,
    FutexWaitvHelper,
    Uring,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Futex,
        Self::FutexWaitv,
        Self::UringThread,
        Self::Eventfd,
        Self::FutexHelper,
        Self::FutexWaitvHelper,
        Self::Uring,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Futex => "thread: futex",
            Self::FutexWaitv => "thread: futex_waitv of 64",
            Self::UringThread => "thread: io_uring futex",
            Self::Eventfd => "reactor: eventfd",
            Self::FutexHelper => "reactor: futex, helper",
            Self::FutexWaitvHelper => "reactor: futex_waitv of 64, helper",
            Self::Uring => "reactor: io_uring futex",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }
}

/// Rings the other side's bell.
pub(crate) enum Bell {
    Word(&'static Word),
    Eventfd(&'static Word, OwnedFd),
}

impl Bell {
    pub(crate) fn ring(&self) -> io::Result<()> {
        let (Self::Word(word) | Self::Eventfd(word, _)) = self;
        // Release: what was written before is there for who sees the new value in `Sleeper::wait`.
        word.0.fetch_add(1, Ordering::Release);
        match self {
            Self::Word(word) => drop(futex::wake(&word.0, futex::Flags::empty(), 1)?),
            Self::Eventfd(_, bell) => drop(rustix::io::write(bell, &1_u64.to_ne_bytes())?),
        }
        Ok(())
    }
}

/// An eventfd for a bell, inherited by a child.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(0, EventfdFlags::NONBLOCK)?)
}

/// Waits for its own bell.
pub(crate) struct Sleeper {
    words: &'static [Word; BELLS],
    seen: u32,
    how: How,
}

enum How {
    Futex,
    FutexWaitv,
    UringThread(IoUring),
    Eventfd(AsyncFd<OwnedFd>),
    Helper(Arc<Notify>),
    Uring(AsyncFd<IoUring>),
}

impl Sleeper {
    /// Within a runtime. Words from before are those of nobody's turn.
    pub(crate) fn new(way: Way, words: &'static [Word; BELLS], eventfd: OwnedFd) -> io::Result<Self> {
        let how = match way {
            Way::Futex => How::Futex,
            Way::FutexWaitv => How::FutexWaitv,
            Way::UringThread => How::UringThread(armed(words)?),
            Way::Eventfd => How::Eventfd(watched(eventfd)?),
            Way::FutexHelper => How::Helper(help(words, |words, seen| wait(&words[0].0, seen))),
            Way::FutexWaitvHelper => How::Helper(help(words, wait_any)),
            Way::Uring => How::Uring(watched(armed(words)?)?),
        };
        Ok(Self { words, seen: 0, how })
    }

    /// Until the bell has been rung once more.
    pub(crate) async fn wait(&mut self) -> io::Result<()> {
        // Acquire: partner of the release in `Bell::ring`.
        while self.words[0].0.load(Ordering::Acquire) == self.seen {
            match &mut self.how {
                How::Futex => wait(&self.words[0].0, self.seen)?,
                How::FutexWaitv => wait_any(self.words, self.seen)?,
                How::UringThread(ring) => {
                    ring.submit_and_wait(1)?;
                    rearm(ring, self.words)?;
                }
                How::Eventfd(bell) => bell.readable().await?.clear_ready(),
                How::Helper(rung) => rung.notified().await,
                How::Uring(ring) => {
                    ring.readable().await?.clear_ready();
                    rearm(ring.get_mut(), self.words)?;
                    ring.get_ref().submit()?;
                }
            }
        }
        self.seen = self.seen.wrapping_add(1);
        Ok(())
    }
}

/// In the reactor.
fn watched<T: AsRawFd>(file: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: an eventfd or a ring that is open, owned by the `AsyncFd` from here on, and always the same descriptor.
    unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }.map_err(io::Error::from)
}

fn wait(word: &AtomicU32, seen: u32) -> io::Result<()> {
    match futex::wait(word, futex::Flags::empty(), seen, None) {
        Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// As somebody does with a peer at every word.
fn wait_any(words: &'static [Word; BELLS], seen: u32) -> io::Result<()> {
    let waits = std::array::from_fn::<Wait, BELLS, _>(|place| {
        let mut wait = Wait::new();
        wait.val = if place == 0 { seen.into() } else { 0 };
        wait.uaddr = WaitPtr::new(words[place].0.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
        wait
    });
    match futex::waitv(&waits, WaitvFlags::empty(), None, ClockId::Monotonic) {
        Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A thread that waits in place of the reactor, and wakes it.
fn help(words: &'static [Word; BELLS], wait: fn(&'static [Word; BELLS], u32) -> io::Result<()>) -> Arc<Notify> {
    let rung = Arc::new(Notify::new());
    let told = rung.clone();
    std::thread::spawn(move || {
        let mut seen = 0;
        while Arc::strong_count(&told) > 1 && wait(words, seen).is_ok() {
            let now = words[0].0.load(Ordering::Acquire); // the partner is in `Bell::ring`
            if now != seen {
                seen = now;
                told.notify_one();
            }
        }
    });
    rung
}

/// A ring of the kernel's that waits for all words.
fn armed(words: &'static [Word; BELLS]) -> io::Result<IoUring> {
    let mut ring = IoUring::new(2 * BELLS as u32)?;
    for place in 0..BELLS {
        push(&mut ring, words, place, 0)?;
    }
    ring.submit()?;
    Ok(ring)
}

/// Takes what has completed, and waits for those words again.
fn rearm(ring: &mut IoUring, words: &'static [Word; BELLS]) -> io::Result<()> {
    loop {
        let Some(done) = ring.completion().next() else { return Ok(()) };
        // The bell has been rung (0), or had been when the kernel looked (EAGAIN).
        if done.result() < 0 && done.result() != -rustix::io::Errno::AGAIN.raw_os_error() {
            return Err(io::Error::from_raw_os_error(-done.result()));
        }
        let place = done.user_data() as usize;
        let now = words[place].0.load(Ordering::Acquire); // the partner is in `Bell::ring`
        push(ring, words, place, now)?;
    }
}

fn push(ring: &mut IoUring, words: &'static [Word; BELLS], place: usize, seen: u32) -> io::Result<()> {
    let word = words[place].0.as_ptr().cast_const();
    let any = u64::from(u32::MAX); // FUTEX_BITSET_MATCH_ANY
    let size = WaitFlags::SIZE_U32.bits();
    let entry = opcode::FutexWait::new(word, seen.into(), any, size).build().user_data(place as u64);
    // SAFETY: the word that the entry points at is static.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)
}
