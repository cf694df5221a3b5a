//! The calls a client has under way on one channel. A call's stream number is its place here.
//!
//! One timer serves them all ([`Calls::keep_time`]): it is set to the earliest deadline, and a call that ends before, as nearly
//! all do, leaves it alone. So a call costs no timer of its own.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::shm::Message;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::Failure;

/// What comes back for a call.
pub(super) type Outcome = Result<Message, Failure>;

/// So many calls that are late, with nothing heard of the server in between, make it one that hangs.
const LATE_IN_A_ROW: u32 = 3;

/// Not before so long after the first of them: it was told to stop the work then, which one that lives says it has.
const SILENCE: Duration = Duration::from_millis(500);

/// The table of calls.
pub(super) struct Calls {
    table: Mutex<Table>,
    /// Says what the table's `closed` does, to who would rather not call in vain. `Relaxed`: a hint.
    closed: AtomicBool,
    /// Closed because the server hangs. `Relaxed`: it decides between two right ways.
    silent: AtomicBool,
    /// A call has begun whose deadline is before the alarm.
    sooner: Notify,
}

struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
    limit: usize,
    /// When the timer looks again.
    alarm: Option<Instant>,
    /// Calls that were late since the server was last heard of, and when the first was.
    late: u32,
    late_since: Option<Instant>,
    /// Why no new call may begin.
    closed: Option<String>,
}

enum Place {
    Free,
    /// The request is being sent, or its answer awaited.
    Waiting(Waiting),
    /// The answer is there.
    Done(Outcome),
    /// Nobody waits, but the server has yet to answer.
    Abandoned,
}

struct Waiting {
    /// Who waits, once somebody does.
    waker: Option<Waker>,
    deadline: Instant,
    late: bool,
}

/// The server answered a call that is not under way.
#[derive(Debug)]
pub(super) struct NoSuchCall;

impl Calls {
    pub(super) fn new(limit: u32) -> Self {
        let limit = limit as usize;
        let (places, free) = (Vec::new(), Vec::new());
        let table = Table { places, free, limit, alarm: None, late: 0, late_since: None, closed: None };
        let (closed, silent) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { table: Mutex::new(table), closed, silent, sooner: Notify::new() }
    }

    /// Begins a call.
    pub(super) fn begin(&self, deadline: Instant) -> Result<u32, Failure> {
        let mut table = self.table();
        if let Some(reason) = &table.closed {
            return Err(Failure::NotProcessed(reason.clone()));
        }
        let stream = table.take(Place::Waiting(Waiting { waker: None, deadline, late: false }))?;
        if table.alarm.is_none_or(|alarm| deadline < alarm) {
            table.alarm = Some(deadline);
            drop(table);
            self.sooner.notify_one();
        }
        Ok(stream)
    }

    /// Takes a call's outcome, or remembers whom to wake. A call that is late goes on until it is abandoned.
    pub(super) fn poll(&self, stream: u32, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut table = self.table();
        match table.place(stream) {
            Some(Place::Waiting(Waiting { late: true, .. })) => return Poll::Ready(Err(Failure::Late)),
            Some(Place::Waiting(Waiting { waker: Some(waker), .. })) => waker.clone_from(cx.waker()),
            Some(Place::Waiting(waiting)) => waiting.waker = Some(cx.waker().clone()),
            _ => match table.free(stream) {
                Place::Done(outcome) => return Poll::Ready(outcome),
                _ => return Poll::Ready(Err(Failure::Broken("the call is over".into()))),
            },
        }
        Poll::Pending
    }

    /// Wakes each call whose deadline passes. Goes on for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            let sooner = self.sooner.notified();
            match self.handle_timeout(Instant::now()) {
                None => sooner.await,
                Some(alarm) => tokio::select! {
                    () = tokio::time::sleep_until(alarm) => {}
                    () = sooner => {}
                },
            }
        }
    }

    /// Calls whose deadline has passed are late; where too many are, no new call begins. Returns when to look again, if any other waits.
    fn handle_timeout(&self, now: Instant) -> Option<Instant> {
        let mut table = self.table();
        let (mut late, mut count, mut next) = (Vec::new(), 0, None::<Instant>);
        for place in &mut table.places {
            match place {
                Place::Waiting(waiting) if waiting.late => {}
                Place::Waiting(waiting) if waiting.deadline <= now => {
                    waiting.late = true;
                    count += 1;
                    late.extend(waiting.waker.take());
                }
                Place::Waiting(Waiting { deadline, .. }) => {
                    next = Some(next.map_or(*deadline, |earliest| earliest.min(*deadline)));
                }
                _ => {}
            }
        }
        table.alarm = next;
        let hangs = table.handle_late(now, count);
        drop(table);
        if hangs {
            self.silent.store(true, Relaxed);
            self.close("the server shows no sign of life");
        }
        late.into_iter().for_each(Waker::wake);
        next
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
        (table.late, table.late_since) = (0, None);
        let waker = match table.place(stream) {
            Some(Place::Waiting(waiting)) => waiting.waker.take(),
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
        self.closed.store(true, Relaxed);
        self.table().closed.get_or_insert_with(|| reason.to_owned());
    }

    /// Fails all calls under way, and every new one.
    pub(super) fn fail(&self, reason: &str) {
        self.closed.store(true, Relaxed);
        let mut table = self.table();
        table.closed = Some(reason.to_owned());
        let mut wakers = Vec::new();
        for place in &mut table.places {
            if let Place::Waiting(waiting) = place {
                wakers.extend(waiting.waker.take());
                *place = Place::Done(Err(Failure::Broken(reason.to_owned())));
            }
        }
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// Whether no new call may begin because the server hangs: it said nothing, not even that it stopped the work on calls that
    /// were late.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// So many more calls are late. Returns whether the server is to be taken for one that hangs.
    fn handle_late(&mut self, now: Instant, calls: u32) -> bool {
        if calls == 0 {
            return false;
        }
        self.late = self.late.saturating_add(calls);
        let since = *self.late_since.get_or_insert(now);
        self.closed.is_none() && self.late >= LATE_IN_A_ROW && now.saturating_duration_since(since) >= SILENCE
    }

    fn place(&mut self, stream: u32) -> Option<&mut Place> {
        self.places.get_mut(stream as usize)
    }

    /// Finds a place for a call.
    fn take(&mut self, call: Place) -> Result<u32, Failure> {
        if let Some(stream) = self.free.pop() {
            self.put(stream, call);
            return Ok(stream);
        }
        if self.places.len() >= self.limit {
            return Err(Failure::NotProcessed(format!("{} calls are under way", self.limit)));
        }
        self.places.push(call);
        Ok(self.places.len() as u32 - 1)
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn outcome(calls: &Calls, stream: u32) -> Outcome {
        poll_fn(|cx| calls.poll(stream, cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_ends_each_call_at_its_own_deadline() {
        let (calls, began) = (Calls::new(8), Instant::now());
        let deadlines = async {
            // The second is the first to end, the third begins while the timer runs.
            let (slow, quick) = (calls.begin(began + 5 * SECOND)?, calls.begin(began + SECOND)?);
            assert!(matches!(outcome(&calls, quick).await, Err(Failure::Late)));
            assert_eq!(began.elapsed().as_secs(), 1);
            let third = calls.begin(began + 2 * SECOND)?;
            assert!(matches!(outcome(&calls, third).await, Err(Failure::Late)));
            assert_eq!(began.elapsed().as_secs(), 2);
            assert!(matches!(outcome(&calls, slow).await, Err(Failure::Late)));
            assert_eq!(began.elapsed().as_secs(), 5);
            Ok::<(), Failure>(())
        };
        tokio::select! {
            () = calls.keep_time() => {}
            ended = deadlines => ended.expect("there is room"),
        }
    }

    /// A call that begins, is late after so many milliseconds, and is given up.
    fn late_call(calls: &Calls, now: &mut Instant, milliseconds: u64) -> Result<u32, Failure> {
        let stream = calls.begin(*now)?;
        *now += Duration::from_millis(milliseconds);
        calls.handle_timeout(*now);
        calls.abandon(stream);
        Ok(stream)
    }

    #[test]
    fn a_server_that_says_nothing_for_long_enough_is_called_no_more() {
        let (calls, mut now) = (Calls::new(100), Instant::now());
        let made = (0..50).take_while(|_| late_call(&calls, &mut now, 100).is_ok()).count();
        assert_eq!(made, 6, "the first was late after 100 ms, the sixth 500 ms later");
        assert!(calls.is_silent() && calls.is_closed());
        // However long each of them takes, one or two late calls are not enough.
        let (calls, mut now) = (Calls::new(100), Instant::now());
        let made = (0..50).take_while(|_| late_call(&calls, &mut now, 5_000).is_ok()).count();
        assert_eq!(made, 3);
    }

    #[test]
    fn calls_that_are_late_together_are_one_sign_of_a_server_that_hangs() {
        let (calls, mut now) = (Calls::new(100), Instant::now());
        for _ in 0..50 {
            calls.begin(now).expect("there is room");
        }
        calls.handle_timeout(now);
        assert!(!calls.is_silent(), "it has not been told to stop the work yet");
        late_call(&calls, &mut now, 500).expect("there is room");
        assert!(calls.is_silent());
    }

    #[test]
    fn a_server_that_is_slow_but_says_so_is_called_on() {
        let (calls, mut now) = (Calls::new(100), Instant::now());
        for _ in 0..50 {
            let stream = late_call(&calls, &mut now, 400).expect("it lives");
            calls.complete(stream, Err(Failure::Broken("the call was cancelled".into()))).expect("it is known");
        }
        assert!(!calls.is_silent());
    }

    #[test]
    fn a_late_call_keeps_its_place_until_the_server_answers() {
        let (calls, now) = (Calls::new(1), Instant::now());
        let stream = calls.begin(now + SECOND).expect("there is room");
        assert_eq!(calls.handle_timeout(now), Some(now + SECOND));
        assert_eq!(calls.handle_timeout(now + SECOND), None);
        assert!(calls.abandon(stream), "the server still works on it");
        assert!(calls.begin(now + SECOND).is_err(), "its number is taken");
        calls.complete(stream, Err(Failure::Broken("cancelled".into()))).expect("it is known");
        assert_eq!(calls.begin(now + SECOND), Ok(stream));
    }
}
