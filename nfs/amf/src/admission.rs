//! Admission: at most so many procedures of a kind have the core at work at once, the rest wait by priority; who comes when
//! the queue is full is shed, unless somebody of lower priority waits, and so is who has waited too long. A procedure that waits
//! for its UE, or for its node, pauses: its place is another's until the answer is there, and then it goes before those that
//! have not begun.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::config::ProcedureLimits;

/// How many waiters a refusal looks at, in the mean, for one that gave up.
const LOOKED_AT: usize = 16;

/// How long the network keeps a UE waiting. What is left of its T3510, T3517 or T3580 (15 s, the last 16 s; TS 24.501 10.2, 10.3)
/// is for the procedure: a UE that began again meanwhile would be served for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of those that have waited too long, so many are told at a time, and more after a pause: their refusals must not fill what is kept
/// for one node.
const LATE_AT_A_TIME: usize = 256;
const LATE_PAUSE: Duration = Duration::from_millis(20);

/// Kinds of procedures that are admitted apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Registration,
    Session,
    Service,
    Release,
}

/// Who goes first among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Emergency, high priority access, and answers to paging.
    High,
    /// The rest.
    Normal,
    /// What can be done later: periodic updates.
    Low,
}

/// The queue is full, or was too slow: congestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shed;

/// One gate for each [`Kind`].
pub(crate) struct Admission {
    registration: Gate,
    session: Gate,
    service: Gate,
    release: Gate,
}

impl Admission {
    pub(crate) fn new(limits: &ProcedureLimits) -> Self {
        let state = |limit, patience| State {
            free: limit,
            patience,
            more_late: None,
            most_waiting: limits.queue,
            refused_unlooked: 0,
            waiting: Default::default(),
            paused: Default::default(),
        };
        let gate = |limit, patience| Gate(Arc::new(Mutex::new(state(limit, patience))));
        Self {
            registration: gate(limits.registration, Some(PATIENCE)),
            session: gate(limits.session, Some(PATIENCE)),
            service: gate(limits.service, Some(PATIENCE)),
            release: gate(limits.release, None), // it is done sooner or later
        }
    }

    /// Asks for the right to run a procedure of this kind. It is given back when dropped.
    pub(crate) fn ask(&self, kind: Kind, priority: Priority) -> Result<Turn, Shed> {
        self.gate(kind).ask(priority)
    }

    /// The right to run a procedure of this kind, if it is to be had at once.
    pub(crate) fn free(&self, kind: Kind) -> Option<Permit> {
        let gate = self.gate(kind);
        let mut state = gate.state();
        state.free = state.free.checked_sub(1)?;
        Some(Permit { gate: Some(gate.clone()), priority: Priority::Normal })
    }

    /// Waits until a procedure of this kind may run, whatever happens meanwhile.
    #[cfg(test)]
    pub(crate) async fn enter(&self, kind: Kind, priority: Priority) -> Result<Permit, Shed> {
        match self.ask(kind, priority)? {
            Turn::Now(permit) => Ok(permit),
            Turn::Later(turn) => turn.await.unwrap_or(Err(Shed)),
        }
    }

    /// How many wait to begin something with the network: what a node can hold back.
    pub(crate) fn waiting(&self) -> usize {
        [&self.registration, &self.service].map(|gate| gate.state().waiting()).into_iter().sum()
    }

    /// What share of the time that a UE is kept waiting the first of these waits already: 1 when it is refused.
    pub(crate) fn waited(&self) -> f64 {
        let now = Instant::now();
        let waited = [&self.registration, &self.service].map(|gate| gate.state().waited(now));
        waited.into_iter().max().unwrap_or_default().div_duration_f64(PATIENCE)
    }

    /// Tells those that have waited too long, while no place is free.
    pub(crate) fn handle_timeout(&self) {
        for gate in [&self.registration, &self.session, &self.service] {
            gate.shed_late();
        }
    }

    fn gate(&self, kind: Kind) -> &Gate {
        match kind {
            Kind::Registration => &self.registration,
            Kind::Session => &self.session,
            Kind::Service => &self.service,
            Kind::Release => &self.release,
        }
    }
}

/// When a procedure may run.
pub(crate) enum Turn {
    Now(Permit),
    /// When this comes. Who drops it has left the queue.
    Later(oneshot::Receiver<Result<Permit, Shed>>),
}

#[derive(Clone, Debug)]
struct Gate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    /// How long one may wait to begin.
    patience: Option<Duration>,
    /// When more of those that have waited too long may be told.
    more_late: Option<Instant>,
    most_waiting: usize,
    /// How many more are refused before the full queue is looked through for those that gave up.
    refused_unlooked: usize,
    /// Those that have not begun, by priority, the highest first.
    waiting: [VecDeque<Waiter>; 3],
    /// Those that go on, the urgent ones first. They are no more than have begun, and are not shed.
    paused: [VecDeque<Waiter>; 2],
}

#[derive(Debug)]
struct Waiter {
    turn: oneshot::Sender<Result<Permit, Shed>>,
    since: Instant,
}

impl Waiter {
    fn new() -> (Self, oneshot::Receiver<Result<Permit, Shed>>) {
        let (turn, told) = oneshot::channel();
        (Self { turn, since: Instant::now() }, told)
    }
}

impl State {
    /// Emergencies first, whether they begin or go on, then what has begun.
    fn next(&mut self) -> Option<(Waiter, Priority)> {
        let ([high, normal, low], [high_paused, paused]) = (&mut self.waiting, &mut self.paused);
        let queues = [high_paused, high, paused, normal, low].into_iter();
        let priorities = [Priority::High, Priority::High, Priority::Normal, Priority::Normal, Priority::Low];
        queues.zip(priorities).find_map(|(queue, priority)| Some((queue.pop_front()?, priority)))
    }

    fn waiting(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    /// How long the first one waits, of whatever priority.
    fn waited(&self, now: Instant) -> Duration {
        let first = self.waiting.iter().filter_map(VecDeque::front).map(|waiter| waiter.since).min();
        first.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// Takes those that have waited too long out of the queues; not all at once.
    fn take_late(&mut self) -> Vec<Waiter> {
        let (now, mut late) = (Instant::now(), Vec::new());
        let Some(patience) = self.patience.filter(|_| self.more_late.is_none_or(|time| time <= now)) else {
            return late;
        };
        for queue in &mut self.waiting {
            while late.len() < LATE_AT_A_TIME
                && queue.front().is_some_and(|waiter| now.duration_since(waiter.since) >= patience)
            {
                late.extend(queue.pop_front());
            }
        }
        self.more_late = (late.len() == LATE_AT_A_TIME).then(|| now + LATE_PAUSE);
        late
    }

    /// Makes sure that there is room for one of this priority: those that gave up leave, else the last of those that matter
    /// less is shed.
    fn make_room(&mut self, priority: usize) -> Result<(), Shed> {
        if self.waiting() < self.most_waiting {
            return Ok(());
        }
        // To look through all of them for each that is refused would take longer than the rest of a refusal.
        if let Some(fewer) = self.refused_unlooked.checked_sub(1) {
            self.refused_unlooked = fewer;
        } else {
            self.refused_unlooked = self.most_waiting / LOOKED_AT;
            self.waiting.iter_mut().for_each(|queue| queue.retain(|waiter| !waiter.turn.is_closed()));
        }
        if self.waiting() < self.most_waiting {
            return Ok(());
        }
        let lower = self.waiting.iter_mut().skip(priority + 1).rev().find_map(VecDeque::pop_back);
        let _ = lower.ok_or(Shed)?.turn.send(Err(Shed)); // it may give up this very moment
        Ok(())
    }
}

/// The right to have the core at work; gives it on when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Option<Gate>,
    priority: Priority,
}

impl Permit {
    /// Gives the place to others for as long as nothing is to be done.
    pub(crate) fn pause(mut self) -> Paused {
        let paused = Paused { gate: self.gate.clone(), priority: self.priority };
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
        paused
    }
}

/// A procedure that has begun and waits for others.
#[derive(Debug)]
pub(crate) struct Paused {
    gate: Option<Gate>,
    priority: Priority,
}

impl Paused {
    /// Waits for a place before all that have not begun and are not urgent.
    pub(crate) async fn resume(self) -> Option<Permit> {
        let turn = self.gate?.resume(self.priority);
        match turn {
            Turn::Now(permit) => Some(permit),
            Turn::Later(turn) => turn.await.ok()?.ok(),
        }
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, priority: Priority) -> Result<Turn, Shed> {
        self.shed_late();
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            return Ok(Turn::Now(self.permit(priority)));
        }
        let priority = match priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        state.make_room(priority)?;
        let (waiter, turn) = Waiter::new();
        if let Some(queue) = state.waiting.get_mut(priority) {
            queue.push_back(waiter);
        }
        Ok(Turn::Later(turn))
    }

    fn resume(&self, priority: Priority) -> Turn {
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            return Turn::Now(self.permit(priority));
        }
        let (waiter, turn) = Waiter::new();
        let [urgent, others] = &mut state.paused;
        if priority == Priority::High { urgent } else { others }.push_back(waiter);
        Turn::Later(turn)
    }

    fn permit(&self, priority: Priority) -> Permit {
        Permit { gate: Some(self.clone()), priority }
    }

    /// Tells those that have waited too long.
    fn shed_late(&self) {
        let late = self.state().take_late();
        for waiter in late {
            let _ = waiter.turn.send(Err(Shed)); // it may have given up
        }
    }

    /// Passes a permit to the next in turn that still waits.
    fn leave(&self) {
        self.shed_late();
        loop {
            let next = {
                let mut state = self.state();
                let next = state.next();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            match next.map(|(waiter, priority)| waiter.turn.send(Ok(self.permit(priority)))) {
                // It gave up waiting: its permit must not come back here through `drop`.
                Some(Err(unused)) => unused.into_iter().for_each(|mut permit| permit.gate = None),
                Some(Ok(())) | None => return,
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(registration: usize, queue: usize) -> ProcedureLimits {
        ProcedureLimits { registration, queue, ..ProcedureLimits::default() }
    }

    #[tokio::test]
    async fn waiting_is_by_priority_then_by_arrival() {
        let admission = Arc::new(Admission::new(&limits(1, 10)));
        let first = admission.enter(Kind::Registration, Priority::Normal).await.map_err(|_| ()).expect("room");
        let (report, mut order) = tokio::sync::mpsc::unbounded_channel();
        for (name, priority) in
            [("a", Priority::Low), ("b", Priority::Normal), ("c", Priority::Normal), ("d", Priority::High)]
        {
            let (admission, report) = (admission.clone(), report.clone());
            tokio::spawn(async move {
                let _permit = admission.enter(Kind::Registration, priority).await;
                let _ = report.send(name);
            });
            tokio::task::yield_now().await;
        }
        // Another kind is not held up.
        assert!(admission.enter(Kind::Session, Priority::Low).await.is_ok());
        drop((first, report));
        let mut seen = Vec::new();
        while let Some(name) = order.recv().await {
            seen.push(name);
        }
        assert_eq!(seen, ["d", "b", "c", "a"]);
    }

    #[tokio::test]
    async fn a_full_queue_sheds_and_one_that_gave_up_leaves_its_place() {
        let admission = Admission::new(&limits(1, 1));
        let first = admission.enter(Kind::Registration, Priority::Normal).await;
        {
            let waiting = admission.enter(Kind::Registration, Priority::Normal);
            tokio::pin!(waiting);
            assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
            assert!(admission.enter(Kind::Registration, Priority::Normal).await.is_err());
            assert_eq!(admission.waiting(), 1);
        }
        // Its place is taken by the next.
        assert!(matches!(admission.ask(Kind::Registration, Priority::Normal), Ok(Turn::Later(_))));
        drop(first);
        for _ in 0..3 {
            assert!(admission.enter(Kind::Registration, Priority::Normal).await.is_ok());
        }
    }

    #[tokio::test]
    async fn places_of_those_that_gave_up_are_found_within_a_sixteenth_of_the_queue() {
        let admission = Admission::new(&limits(1, 160));
        let _running = admission.enter(Kind::Registration, Priority::Normal).await;
        let ask = || admission.ask(Kind::Registration, Priority::Normal);
        let mut waiting: Vec<_> = (0..160).map(|_| ask().unwrap_or_else(|Shed| panic!("room"))).collect();
        assert!(ask().is_err(), "full, and looked through");
        waiting.truncate(150);
        let refused = std::iter::repeat_with(ask).take(160).take_while(Result::is_err).count();
        assert_eq!(refused, 10);
        waiting.extend((0..9).map_while(|_| ask().ok()));
        assert_eq!(waiting.len(), 159, "all ten are free");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_too_long_is_shed_for_one_that_has_not_and_who_has_begun_may_wait() {
        let admission = Admission::new(&limits(1, 10));
        let begun = admission.enter(Kind::Registration, Priority::Normal).await.expect("room");
        let paused = begun.pause();
        let running = admission.enter(Kind::Registration, Priority::Normal).await.expect("its place is free");
        let mut going_on = Box::pin(paused.resume());
        assert!(futures_util::FutureExt::now_or_never(&mut going_on).is_none());
        let ask = || match admission.ask(Kind::Registration, Priority::Normal) {
            Ok(Turn::Later(turn)) => turn,
            _ => panic!("one runs, and there is room to wait"),
        };
        let first = ask();
        tokio::time::sleep(PATIENCE / 2).await;
        let second = ask();
        tokio::time::sleep(PATIENCE / 2).await;
        drop(running);
        drop(going_on.await.expect("it has begun"));
        assert!(matches!(first.await, Ok(Err(Shed))));
        assert!(matches!(second.await, Ok(Ok(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_takes_the_place_of_one_that_has_waited_too_long() {
        let admission = Admission::new(&limits(1, 1));
        let _running = admission.enter(Kind::Registration, Priority::Normal).await;
        let ask = || admission.ask(Kind::Registration, Priority::Normal);
        let Ok(Turn::Later(late)) = ask() else { panic!("one may wait") };
        assert!(ask().is_err(), "and no more");
        tokio::time::sleep(PATIENCE).await;
        assert!(matches!(ask(), Ok(Turn::Later(_))));
        assert!(matches!(late.await, Ok(Err(Shed))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_queue_that_is_late_is_not_told_at_once() {
        let admission = Admission::new(&limits(1, 1_000));
        let _running = admission.enter(Kind::Registration, Priority::Normal).await;
        let ask = |_| admission.ask(Kind::Registration, Priority::Normal);
        let _waiting: Vec<_> = (0..1_000).map(ask).collect();
        tokio::time::sleep(PATIENCE).await;
        for left in [744, 488, 232, 0] {
            admission.handle_timeout();
            admission.handle_timeout();
            assert_eq!(admission.waiting(), left);
            tokio::time::sleep(LATE_PAUSE).await;
        }
    }

    #[tokio::test]
    async fn who_matters_more_takes_the_place_of_the_last_who_matters_less() {
        let admission = Admission::new(&limits(1, 2));
        let first = admission.enter(Kind::Registration, Priority::Normal).await;
        let ask = |priority| match admission.ask(Kind::Registration, priority) {
            Ok(Turn::Later(turn)) => Some(turn),
            Ok(Turn::Now(_)) => panic!("one runs already"),
            Err(Shed) => None,
        };
        let (low, normal) = (ask(Priority::Low), ask(Priority::Normal));
        assert!(ask(Priority::Low).is_none());
        let high = ask(Priority::High).expect("the lowest gives way");
        assert!(matches!(low.expect("it waited").await, Ok(Err(Shed))));
        drop(first);
        let second = high.await.expect("no one else").expect("not shed");
        drop(second);
        assert!(normal.expect("it waited").await.expect("no one else").is_ok());
    }

    #[tokio::test]
    async fn who_has_begun_goes_on_before_others_begin_but_not_before_emergencies() {
        let admission = Arc::new(Admission::new(&limits(1, 10)));
        let begun = admission.enter(Kind::Registration, Priority::Normal).await.expect("room");
        let paused = begun.pause();
        let other = admission.enter(Kind::Registration, Priority::Normal).await.expect("its place is free");
        let (report, mut order) = tokio::sync::mpsc::unbounded_channel();
        for (name, priority) in [("new", Priority::Normal), ("emergency", Priority::High)] {
            let (admission, report) = (admission.clone(), report.clone());
            tokio::spawn(async move {
                let _permit = admission.enter(Kind::Registration, priority).await;
                let _ = report.send(name);
            });
            tokio::task::yield_now().await;
        }
        tokio::spawn(async move {
            let _permit = paused.resume().await;
            let _ = report.send("begun");
        });
        tokio::task::yield_now().await;
        assert_eq!(admission.waiting(), 2, "who has begun is not among those that can be held back");
        drop(other);
        let mut seen = Vec::new();
        while let Some(name) = order.recv().await {
            seen.push(name);
        }
        assert_eq!(seen, ["emergency", "begun", "new"]);
        assert!(
            matches!(admission.ask(Kind::Registration, Priority::Low), Ok(Turn::Now(_))),
            "the place is free again"
        );
    }

    #[tokio::test]
    async fn who_goes_on_is_not_shed_and_one_that_gave_up_leaves_its_place() {
        let admission = Admission::new(&limits(1, 1));
        let begun = admission.enter(Kind::Registration, Priority::Low).await.expect("room");
        let paused = begun.pause();
        let second = admission.enter(Kind::Registration, Priority::Low).await.expect("its place is free");
        let second = second.pause();
        let running = admission.enter(Kind::Registration, Priority::Normal).await.expect("theirs is, too");
        let mut given_up = Box::pin(paused.resume());
        assert!(futures_util::FutureExt::now_or_never(&mut given_up).is_none());
        let mut going_on = Box::pin(second.resume());
        assert!(futures_util::FutureExt::now_or_never(&mut going_on).is_none());
        // The queue takes one, and an emergency in its place; neither is at the expense of those that go on.
        assert!(matches!(admission.ask(Kind::Registration, Priority::Normal), Ok(Turn::Later(_))));
        assert!(matches!(admission.ask(Kind::Registration, Priority::High), Ok(Turn::Later(_))));
        drop(given_up);
        drop(running);
        assert!(going_on.await.is_some());
    }
}
