//! The calls a client has under way on one channel. A call's stream number is its place here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use ::shm::Message;

use crate::connection::Failure;

/// What comes back for a call.
pub(super) type Outcome = Result<Message, Failure>;

/// The table of calls.
pub(super) struct Calls(Mutex<Table>);

struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
    limit: usize,
    /// Why no new call may begin.
    closed: Option<String>,
}

enum Place {
    Free,
    /// The request is being sent, or its answer awaited, by whom to wake.
    Waiting(Option<Waker>),
    /// The answer is there.
    Done(Outcome),
    /// Nobody waits, but the server has yet to answer.
    Abandoned,
}

/// The server answered a call that is not under way.
#[derive(Debug)]
pub(super) struct NoSuchCall;

impl Calls {
    pub(super) fn new(limit: u32) -> Self {
        Self(Mutex::new(Table { places: Vec::new(), free: Vec::new(), limit: limit as usize, closed: None }))
    }

    /// Begins a call.
    pub(super) fn begin(&self) -> Result<u32, Failure> {
        let mut table = self.table();
        if let Some(reason) = &table.closed {
            return Err(Failure::NotProcessed(reason.clone()));
        }
        if let Some(stream) = table.free.pop() {
            table.put(stream, Place::Waiting(None));
            return Ok(stream);
        }
        if table.places.len() >= table.limit {
            return Err(Failure::NotProcessed(format!("{} calls are under way", table.limit)));
        }
        table.places.push(Place::Waiting(None));
        Ok(table.places.len() as u32 - 1)
    }

    /// Takes a call's outcome, or remembers whom to wake.
    pub(super) fn poll(&self, stream: u32, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut table = self.table();
        match table.place(stream) {
            Some(Place::Waiting(Some(waker))) => waker.clone_from(cx.waker()),
            Some(Place::Waiting(none)) => *none = Some(cx.waker().clone()),
            _ => match table.free(stream) {
                Place::Done(outcome) => return Poll::Ready(outcome),
                _ => return Poll::Ready(Err(Failure::Broken("the call is over".into()))),
            },
        }
        Poll::Pending
    }

    /// Ends a call whose request was not sent.
    pub(super) fn unsent(&self, stream: u32) {
        self.table().free(stream);
    }

    /// Ends the interest in a call. Returns whether the server still works on it.
    pub(super) fn abandon(&self, stream: u32) -> bool {
        let mut table = self.table();
        let waits = matches!(table.place(stream), Some(Place::Waiting(_)));
        match waits {
            true => table.put(stream, Place::Abandoned),
            false => drop(table.free(stream)),
        }
        waits
    }

    /// The server's answer to a call.
    pub(super) fn complete(&self, stream: u32, outcome: Outcome) -> Result<(), NoSuchCall> {
        let mut table = self.table();
        let waker = match table.place(stream) {
            Some(Place::Waiting(waker)) => waker.take(),
            Some(Place::Abandoned) => {
                table.free(stream);
                return Ok(());
            }
            _ => return Err(NoSuchCall),
        };
        table.put(stream, Place::Done(outcome));
        drop(table);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Lets no new call begin.
    pub(super) fn close(&self, reason: &str) {
        self.table().closed.get_or_insert_with(|| reason.to_owned());
    }

    /// Fails all calls under way, and every new one.
    pub(super) fn fail(&self, reason: &str) {
        let mut table = self.table();
        table.closed = Some(reason.to_owned());
        let mut wakers = Vec::new();
        for place in &mut table.places {
            if let Place::Waiting(waker) = place {
                wakers.extend(waker.take());
                *place = Place::Done(Err(Failure::Broken(reason.to_owned())));
            }
        }
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.table().closed.is_some()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn place(&mut self, stream: u32) -> Option<&mut Place> {
        self.places.get_mut(stream as usize)
    }

    fn put(&mut self, stream: u32, new: Place) {
        if let Some(place) = self.place(stream) {
            *place = new;
        }
    }

    fn free(&mut self, stream: u32) -> Place {
        let Some(place) = self.place(stream) else { return Place::Free };
        let was = std::mem::replace(place, Place::Free);
        if !matches!(was, Place::Free) {
            self.free.push(stream);
        }
        was
    }
}
