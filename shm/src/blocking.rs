//! A channel for a thread that waits: the bell wakes the thread itself, no runtime stands in between.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::bell::{self, OwnBell};
use crate::error::ChannelError;
use crate::payload::Message;
use crate::receiver::{Look, Receiver};
use crate::sender::Sender;

/// What the bell is known by in the thread's epoll, and the socket.
const BELL: u64 = 0;
const SOCKET: u64 = 1;

/// Both halves of a channel whose calls wait. One thread at a time uses it; others may [send](Self::sender).
pub struct BlockingChannel {
    sender: Sender,
    receiver: Receiver,
    epoll: OwnedFd,
    bell: Arc<Bell>,
}

/// Our own bell, also rung by those of this process who let a thread go on that waits for room.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = bell::ring(&self.0); // it is ours, and open: it rings
    }
}

impl BlockingChannel {
    /// Takes a channel out of the runtime that opened it.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn new(mut receiver: Receiver) -> io::Result<Self> {
        let bell = receiver.bell.take().map(OwnBell::into_inner);
        let bell = bell.ok_or_else(|| io::Error::other("another thread waits for this channel"))?;
        receiver.shared.wake_nobody();
        // What was sent until now, for the task that received before to ring for.
        receiver.shared.owed.rest();
        receiver.shared.ring_if_owed();
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Edge-triggered, so that the bell need not be read.
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), flags)?;
        epoll::add(&epoll, &receiver.shared.socket, EventData::new_u64(SOCKET), flags)?;
        Ok(Self { sender: receiver.sender(), receiver, epoll, bell: Arc::new(Bell(bell)) })
    }

    /// The next message, waiting for it. Before it waits it rings for what was sent.
    ///
    /// # Errors
    /// The channel has ended. What the peer sent before it hung up has been received.
    pub fn recv(&mut self) -> Result<Message, ChannelError> {
        loop {
            match self.receiver.look()? {
                Look::Message(message) => {
                    self.receiver.shared.owed.work();
                    return Ok(message);
                }
                Look::Again | Look::Later => {}
                Look::Sleep => self.sleep()?,
            }
        }
    }

    /// The next message if one is there, without waiting.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn try_recv(&mut self) -> Result<Option<Message>, ChannelError> {
        self.receiver.try_recv()
    }

    /// Sends a message, waiting for room as long as it takes; what comes meanwhile stays where it is. Two ends that both wait
    /// for room and take nothing wait for ever, as with any pipe.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn send(&mut self, stream: u32, kind: u8, parts: &[&[u8]]) -> Result<(), ChannelError> {
        if self.sender.try_send(stream, kind, parts)? {
            return Ok(());
        }
        let sender = self.sender.clone();
        let mut sending = pin!(sender.send(stream, kind, parts));
        let waker = Waker::from(self.bell.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            match sending.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                // What it said before can still be received.
                Poll::Pending if self.receiver.hung_up => return Err(ChannelError::PeerGone),
                Poll::Pending => self.sleep()?,
            }
        }
    }

    /// A sender of the same channel, for other threads and tasks. What they send while this thread has work is rung for when it
    /// waits next, or by [`Sender::flush`].
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Sleeps until the bell rings, for a message or for room, or the channel ends.
    fn sleep(&mut self) -> Result<(), ChannelError> {
        let shared = &self.receiver.shared;
        shared.owed.rest();
        shared.ring_if_owed();
        let mut room = [const { MaybeUninit::uninit() }; 2];
        let events: &[Event] = match epoll::wait(&self.epoll, &mut room, None) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(shared.fail(ChannelError::System(io::Error::from(error).to_string()))),
        };
        shared.owed.work();
        for event in events {
            match event.data.u64() {
                BELL => self.receiver.rung(),
                _ => self.listen()?,
            }
        }
        Ok(())
    }

    /// The socket has something to say: that the peer hung up, unless it breaks the rules.
    fn listen(&mut self) -> Result<(), ChannelError> {
        match rustix::net::recv(&self.receiver.shared.socket, &mut [0; 8], RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            read => self.receiver.heard(read.map_or(0, |(octets, _)| octets)),
        }
    }
}
