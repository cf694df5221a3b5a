//! Where every UE is: at rest with its context here, or with the task that owns it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ngap::AmfUeNgapId;
use sbi_models::Supi;
use tokio::sync::mpsc;

use crate::config::LimitConfig;
use crate::ids::random_tmsi;
use crate::ue::context::UeContext;
use crate::ue::event::{Event, Taken};

/// All UEs. Every method holds the lock for a few map operations and never across an `await`.
pub(crate) struct Directory {
    tables: Mutex<Tables>,
    max_ues: usize,
    max_kept: usize,
    mailbox: usize,
}

#[derive(Default)]
struct Tables {
    ues: HashMap<AmfUeNgapId, Slot>,
    supis: HashMap<Supi, AmfUeNgapId>,
    tmsis: HashMap<u32, AmfUeNgapId>,
    /// When something of UEs in idle is due ([`Event::Due`]).
    deadlines: BTreeSet<(Instant, AmfUeNgapId)>,
    /// The same of deregistered UEs of which something is kept, the first of them the longest.
    kept: BTreeSet<(Instant, AmfUeNgapId)>,
}

struct Slot {
    owner: Owner,
    deadline: Option<Instant>,
    seen: Summary,
    /// More has come for it than it has room for, and that was said.
    overflowed: bool,
}

enum Owner {
    Rest(Box<UeContext>),
    Task(mpsc::Sender<Event>),
}

/// Places in a mailbox that messages of peers do not take.
const RESERVED: usize = 4;

/// What others may know of a UE without asking its task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) supi: Option<Supi>,
    pub(crate) tmsi: Option<u32>,
    pub(crate) old_tmsi: Option<u32>,
    pub(crate) registered: bool,
    /// Deregistered, and kept for its next registration.
    pub(crate) kept: bool,
    pub(crate) connected: bool,
    pub(crate) node: Option<std::sync::Arc<str>>,
    /// Bits 1 to 15: sessions by identity.
    pub(crate) sessions: u16,
}

impl Summary {
    fn of(context: &UeContext) -> Self {
        Self {
            supi: context.supi.clone(),
            tmsi: context.tmsi,
            old_tmsi: context.old_tmsi,
            registered: context.registered,
            kept: context.kept_until.is_some(),
            connected: context.signalling.is_some(),
            node: context.signalling.as_ref().map(|signalling| signalling.n2.node.clone()),
            sessions: context.sessions.iter().fold(0, |bits, session| bits | 1 << (session.id & 15)),
        }
    }
}

/// What became of an event.
pub(crate) enum Posted {
    /// The task that owns the UE has it.
    Delivered,
    /// The UE was at rest: a task must be started with these.
    Wake(Box<UeContext>, mpsc::Receiver<Event>, Event),
    /// There is no such UE, or too much waits for it already.
    Dropped(Event),
}

/// What became of a claim.
pub(crate) enum Claimed {
    /// The context was at rest and is the claimant's.
    Taken(Taken),
    /// The task to ask.
    Ask(mpsc::Sender<Event>),
    /// There is none, or the proof does not convince.
    No,
}

impl Directory {
    pub(crate) fn new(limits: &LimitConfig) -> Self {
        let LimitConfig { ues, deregistered_ues, mailbox, .. } = *limits;
        Self { tables: Mutex::default(), max_ues: ues, max_kept: deregistered_ues, mailbox }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a place for a new UE, owned by a task from the start. `None` when there are too many.
    pub(crate) fn open(&self, id: AmfUeNgapId, context: &UeContext) -> Option<mpsc::Receiver<Event>> {
        let mut tables = self.tables();
        if tables.ues.len() >= self.max_ues {
            // Who is not registered makes room for who wants to be.
            let (_, kept) = tables.kept.first().copied()?;
            tables.remove(kept);
        }
        let (sender, mailbox) = mpsc::channel(self.mailbox + RESERVED);
        let slot = Slot { owner: Owner::Task(sender), deadline: None, seen: Summary::of(context), overflowed: false };
        tables.ues.insert(id, slot);
        Some(mailbox)
    }

    /// Tells a UE something.
    pub(crate) fn post(&self, id: AmfUeNgapId, event: Event) -> Posted {
        let mut tables = self.tables();
        let Tables { ues, deadlines, kept, .. } = &mut *tables;
        let Some(slot) = ues.get_mut(&id) else { return Posted::Dropped(event) };
        if let Owner::Task(sender) = &slot.owner {
            // What a peer sends in numbers must not crowd out what happens once.
            let can_be_flooded = matches!(event, Event::Nas(..) | Event::N2(_) | Event::Transfer(_));
            let sent = match can_be_flooded && sender.capacity() <= RESERVED {
                true => Err(mpsc::error::TrySendError::Full(event)),
                false => sender.try_send(event),
            };
            let event = match sent {
                Ok(()) => return Posted::Delivered,
                Err(mpsc::error::TrySendError::Closed(event)) => return Posted::Dropped(event),
                Err(mpsc::error::TrySendError::Full(event)) => event,
            };
            // Once for each UE: whoever floods us does not get to flood the log.
            if !std::mem::replace(&mut slot.overflowed, true) {
                let supi = slot.seen.supi.clone();
                drop(tables);
                let supi = supi.as_ref().map(tracing::field::display);
                tracing::warn!(
                    ue = id.get(),
                    supi,
                    "more comes for a UE than it has room for; what is too much is dropped"
                );
            }
            return Posted::Dropped(event);
        }
        if let Some(deadline) = slot.deadline.take() {
            deadlines.remove(&(deadline, id));
            kept.remove(&(deadline, id));
        }
        let (sender, mailbox) = mpsc::channel(self.mailbox + RESERVED);
        match std::mem::replace(&mut slot.owner, Owner::Task(sender)) {
            Owner::Rest(context) => Posted::Wake(context, mailbox, event),
            Owner::Task(_) => Posted::Dropped(event),
        }
    }

    /// Puts a UE to rest, unless something has come for it meanwhile: then the task goes on with that. The
    /// answer tells whether more deregistered ones are kept now than may be.
    pub(crate) fn rest(
        &self,
        id: AmfUeNgapId,
        context: Box<UeContext>,
        mailbox: &mut mpsc::Receiver<Event>,
        deadline: Option<Instant>,
    ) -> Result<bool, (Box<UeContext>, Event)> {
        let mut tables = self.tables();
        // Under the lock nobody posts.
        if let Ok(event) = mailbox.try_recv() {
            return Err((context, event));
        }
        tables.note(id, Summary::of(&context));
        let Tables { ues, deadlines, kept, .. } = &mut *tables;
        if let Some(slot) = ues.get_mut(&id) {
            let timed = if slot.seen.kept { &mut *kept } else { deadlines };
            timed.extend(deadline.map(|deadline| (deadline, id)));
            slot.owner = Owner::Rest(context);
            slot.deadline = deadline;
        }
        Ok(kept.len() > self.max_kept)
    }

    /// A UE has lost its connection. One at rest is in idle from then on, with the deadline that its context then has: a node
    /// may go with thousands of them. `false` if its task is to be told.
    pub(crate) fn detach(&self, id: AmfUeNgapId, deadline: impl FnOnce(&UeContext) -> Option<Instant>) -> bool {
        let mut tables = self.tables();
        let Tables { ues, deadlines, .. } = &mut *tables;
        let Some(Slot { owner: Owner::Rest(context), seen, deadline: until, .. }) = ues.get_mut(&id) else {
            return false;
        };
        // It may have another connection since.
        if context.signalling.take_if(|signalling| signalling.n2.amf_ue_ngap_id == id).is_some() {
            *seen = Summary::of(context);
            *until = deadline(context);
            deadlines.extend(until.map(|until| (until, id)));
        }
        true
    }

    /// Takes note of what a UE's task changed, so that it is found by its identities.
    pub(crate) fn note(&self, id: AmfUeNgapId, context: &UeContext) {
        self.tables().note(id, Summary::of(context));
    }

    /// Forgets a UE.
    pub(crate) fn remove(&self, id: AmfUeNgapId) {
        self.tables().remove(id);
    }

    /// Gives a UE an unused 5G-TMSI.
    pub(crate) fn new_tmsi(&self, id: AmfUeNgapId) -> u32 {
        let mut tables = self.tables();
        loop {
            let tmsi = random_tmsi();
            if let std::collections::hash_map::Entry::Vacant(entry) = tables.tmsis.entry(tmsi) {
                entry.insert(id);
                return tmsi;
            }
        }
    }

    /// The UE of a subscriber, unless it is deregistered.
    pub(crate) fn find(&self, supi: &Supi) -> Option<(AmfUeNgapId, Summary)> {
        let tables = self.tables();
        let id = *tables.supis.get(supi)?;
        let seen = tables.ues.get(&id).map(|slot| &slot.seen).filter(|seen| !seen.kept)?;
        Some((id, seen.clone()))
    }

    /// Takes the context with this 5G-TMSI, if `convinces` says so after a look at it.
    pub(crate) fn claim_tmsi(
        &self,
        tmsi: u32,
        by: AmfUeNgapId,
        convinces: impl FnOnce(&mut UeContext) -> Option<crate::ue::event::Opened>,
    ) -> Claimed {
        let mut tables = self.tables();
        match tables.tmsis.get(&tmsi).copied() {
            Some(id) if id != by => tables.claim(id, |context| convinces(context).map(Some)),
            _ => Claimed::No,
        }
    }

    /// Takes the context of a subscriber who was authenticated as UE `by`.
    /// From then on the subscriber is found as UE `by`, so that of several claimants each finds the one before.
    pub(crate) fn claim_supi(&self, supi: &Supi, by: AmfUeNgapId) -> Claimed {
        let mut tables = self.tables();
        let former = tables.supis.insert(supi.clone(), by);
        if let Some(slot) = tables.ues.get_mut(&by) {
            slot.seen.supi = Some(supi.clone());
        }
        match former {
            Some(id) if id != by => tables.claim(id, |_| Some(None)),
            _ => Claimed::No,
        }
    }

    /// UEs, `most` of them, whose time in idle or after their deregistration is over, or of which one too many is kept.
    pub(crate) fn due(&self, now: Instant, most: usize) -> Vec<AmfUeNgapId> {
        let tables = self.tables();
        let in_excess = tables.kept.len().saturating_sub(self.max_kept);
        let idle = tables.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        let kept = tables.kept.iter().enumerate();
        let kept = kept.take_while(|(n, (deadline, _))| *n < in_excess || *deadline <= now).map(|(_, entry)| entry);
        idle.chain(kept).take(most).map(|(_, id)| *id).collect()
    }

    /// When [`Directory::due`] has the next UE.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let tables = self.tables();
        let first = [tables.deadlines.first(), tables.kept.first()];
        let in_excess = (tables.kept.len() > self.max_kept).then_some(now);
        first.into_iter().flatten().map(|(deadline, _)| *deadline).chain(in_excess).min()
    }

    /// How many UEs there are.
    pub(crate) fn len(&self) -> usize {
        self.tables().ues.len()
    }

    /// Every UE, for people.
    pub(crate) fn summaries(&self, most: usize) -> Vec<Summary> {
        self.tables().ues.values().take(most).map(|slot| slot.seen.clone()).collect()
    }

    /// How many UEs are registered, connected, and how many sessions they have.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let tables = self.tables();
        tables.ues.values().fold((0, 0, 0), |(registered, connected, sessions), Slot { seen, .. }| {
            let more = usize::try_from(seen.sessions.count_ones()).unwrap_or(0);
            (registered + usize::from(seen.registered), connected + usize::from(seen.connected), sessions + more)
        })
    }
}

impl Tables {
    fn note(&mut self, id: AmfUeNgapId, summary: Summary) {
        let Some(slot) = self.ues.get_mut(&id) else { return };
        let before = std::mem::replace(&mut slot.seen, summary.clone());
        if before.supi != summary.supi {
            if let Some(supi) = before.supi {
                unlink(&mut self.supis, &supi, id);
            }
            self.supis.extend(summary.supi.map(|supi| (supi, id)));
        }
        let now = [summary.tmsi, summary.old_tmsi];
        for gone in [before.tmsi, before.old_tmsi].into_iter().flatten().filter(|tmsi| !now.contains(&Some(*tmsi))) {
            unlink(&mut self.tmsis, &gone, id);
        }
        self.tmsis.extend(now.into_iter().flatten().map(|tmsi| (tmsi, id)));
    }

    fn remove(&mut self, id: AmfUeNgapId) -> Option<Slot> {
        let slot = self.ues.remove(&id)?;
        if let Some(deadline) = slot.deadline {
            self.deadlines.remove(&(deadline, id));
            self.kept.remove(&(deadline, id));
        }
        if let Some(supi) = &slot.seen.supi {
            unlink(&mut self.supis, supi, id);
        }
        for tmsi in [slot.seen.tmsi, slot.seen.old_tmsi].into_iter().flatten() {
            unlink(&mut self.tmsis, &tmsi, id);
        }
        Some(slot)
    }

    fn claim(
        &mut self,
        id: AmfUeNgapId,
        convinces: impl FnOnce(&mut UeContext) -> Option<Option<crate::ue::event::Opened>>,
    ) -> Claimed {
        let Some(slot) = self.ues.get_mut(&id) else { return Claimed::No };
        let opened = match &mut slot.owner {
            Owner::Task(sender) => return Claimed::Ask(sender.clone()),
            Owner::Rest(context) => convinces(context),
        };
        let Some(opened) = opened else { return Claimed::No };
        match self.remove(id).map(|slot| slot.owner) {
            Some(Owner::Rest(context)) => Claimed::Taken(Taken { context, opened, deferred: Vec::new() }),
            _ => Claimed::No,
        }
    }
}

/// Removes `key` unless it has come to stand for another UE.
fn unlink<K: std::hash::Hash + Eq>(map: &mut HashMap<K, AmfUeNgapId>, key: &K, id: AmfUeNgapId) {
    if map.get(key) == Some(&id) {
        map.remove(key);
    }
}
