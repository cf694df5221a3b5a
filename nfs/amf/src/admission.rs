//! Admission: at most so many procedures of a kind run at once, the rest wait by priority.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::config::ProcedureLimits;

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
    /// Emergency and high priority access.
    High,
    /// The rest.
    Normal,
    /// What can be done later: periodic updates.
    Low,
}

/// The queue is full: congestion.
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
        let gate =
            |limit| Gate(Arc::new(Mutex::new(State { free: limit, room: limits.queue, waiting: Default::default() })));
        Self {
            registration: gate(limits.registration),
            session: gate(limits.session),
            service: gate(limits.service),
            release: gate(limits.release),
        }
    }

    /// Waits until a procedure of this kind may run. The permit is given back when dropped.
    pub(crate) async fn enter(&self, kind: Kind, priority: Priority) -> Result<Permit, Shed> {
        let gate = match kind {
            Kind::Registration => &self.registration,
            Kind::Session => &self.session,
            Kind::Service => &self.service,
            Kind::Release => &self.release,
        };
        gate.enter(priority).await
    }
}

#[derive(Clone)]
struct Gate(Arc<Mutex<State>>);

struct State {
    free: usize,
    room: usize,
    waiting: [VecDeque<oneshot::Sender<Permit>>; 3],
}

/// The right to run; gives it on when dropped.
pub(crate) struct Permit(Option<Gate>);

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(&self, priority: Priority) -> Result<Permit, Shed> {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Permit(Some(self.clone())));
            }
            if state.room == 0 {
                return Err(Shed);
            }
            let (sender, turn) = oneshot::channel();
            let queue = match priority {
                Priority::High => &mut state.waiting[0],
                Priority::Normal => &mut state.waiting[1],
                Priority::Low => &mut state.waiting[2],
            };
            queue.push_back(sender);
            state.room -= 1;
            turn
        };
        // The gate lives as long as we hold `self`, and gives every waiter a permit before it forgets it.
        turn.await.map_err(|_| Shed)
    }

    /// Passes a permit to the next in turn that still waits.
    fn leave(&self) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.waiting.iter_mut().find_map(VecDeque::pop_front);
                match &next {
                    Some(_) => state.room += 1,
                    None => state.free += 1,
                }
                next
            };
            match next.map(|waiter| waiter.send(Permit(Some(self.clone())))) {
                // It gave up waiting: its permit must not come back here through `drop`.
                Some(Err(mut unused)) => unused.0 = None,
                Some(Ok(())) | None => return,
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
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
            assert!(admission.enter(Kind::Registration, Priority::High).await.is_err());
        }
        drop(first);
        for _ in 0..3 {
            assert!(admission.enter(Kind::Registration, Priority::Normal).await.is_ok());
        }
    }
}
