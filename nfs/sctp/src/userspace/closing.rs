//! Sockets that nobody uses any more, until the library may free them.
//!
//! `usrsctp_close` frees a socket whatever the library's own threads do: one that has just found the socket by its
//! association, because a packet came in or a timer ran out, takes a reference to it without a lock that would keep
//! it, works on freed memory and frees it again (issues 676 and 709 of sctplab/usrsctp; 0.9.5 and later). Nothing
//! finds a socket whose association is over. So the association is ended first, and the socket is closed then.

use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::{Handle, Socket, options, sys};
use crate::transport::Part;

/// Time for an end in good order; after it the association is aborted.
const PATIENCE: Duration = Duration::from_secs(10);
/// The waits between two looks at the associations that end.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// Bytes taken at a time of what still arrives.
const CHUNK: usize = 16 * 1024;
/// Most messages, or parts of such, dropped at one look at an association, lest the others wait.
const MOST_PARTS: usize = 64;

/// Where sockets go that end; `None` if there is no thread to see them end.
static LEAVING: LazyLock<Option<Sender<Socket>>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("sctp-closing".to_owned()).spawn(move || run(&receiver));
    thread.inspect_err(|error| tracing::error!(%error, "no thread to close SCTP sockets")).ok().map(|_| sender)
});

/// Whether nothing in the library can find the socket but by its address and port: it has no association, not even one
/// that the peer has not answered yet, whose answer may be there this very moment.
pub(super) fn allowed(handle: &Handle) -> bool {
    // The library answers under the locks that who finds an association holds until it has its reference.
    options::state(handle).is_err()
}

/// Ends the socket's association in good order, and then closes the socket.
pub(super) fn later(socket: Socket) {
    // An error means that there is nothing left to shut down.
    let _ = socket.shutdown();
    let left = match &*LEAVING {
        Some(leaving) => leaving.send(socket).map_err(|refused| refused.0),
        None => Err(socket),
    };
    if let Err(socket) = left {
        // Memory that is lost is better than memory that is freed in use.
        std::mem::forget(socket);
    }
}

/// A socket whose association ends.
struct Leaving {
    socket: Socket,
    since: Instant,
}

impl Leaving {
    fn new(socket: Socket) -> Leaving {
        Leaving { socket, since: Instant::now() }
    }

    /// Whether to look again. What has come meanwhile is dropped: its sender could not finish otherwise. An association
    /// that the peer answers after all comes up first, and is shut down then.
    fn stays(&self, buffer: &mut [u8]) -> bool {
        for _ in 0..MOST_PARTS {
            if !matches!(self.socket.try_receive(buffer), Ok(Part::Data { .. } | Part::Notice(_))) {
                break;
            }
        }
        let late = self.since.elapsed() > PATIENCE;
        if late {
            self.socket.abort();
        }
        match options::state(&self.socket.handle) {
            Err(_) => false,
            // Who has not answered by now does not answer at the very moment of closing.
            Ok(sys::SCTP_COOKIE_WAIT) => !late,
            Ok(_) => true,
        }
    }
}

fn run(arriving: &Receiver<Socket>) {
    let mut leaving = Vec::new();
    let mut buffer = vec![0; CHUNK];
    let mut pause = LOOKS.0;
    loop {
        let next = if leaving.is_empty() {
            arriving.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            arriving.recv_timeout(pause)
        };
        match next {
            Ok(socket) => {
                leaving.push(Leaving::new(socket));
                leaving.extend(arriving.try_iter().map(Leaving::new));
                pause = LOOKS.0;
            }
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LOOKS.1),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Dropping one whose association is over closes it.
        leaving.retain(|one| one.stays(&mut buffer));
    }
}
