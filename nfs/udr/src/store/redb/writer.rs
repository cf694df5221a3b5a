//! One thread writes: what was asked while it committed goes into the next commit together.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::redb::{Database, ReadableDatabase, ReadableTable, Table, WriteTransaction};
use bytes::Bytes;

use super::seal::Sealer;
use super::sequence::SequenceRow;
use super::{CONTEXTS, KEYS, PROFILES, SEQUENCES, failed, number};
use crate::store::{Existing, Provisioned, StoreError};
use crate::subscriber::Subscriber;

/// Jobs that one commit takes at most.
const BATCH: usize = 4096;

/// Pause before writing is tried again after a failure.
const RETRY: Duration = Duration::from_millis(500);

type ContextKey = (u64, u16);
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Does its part in the transaction and returns what to call once that is durable, or not.
type Job = Box<dyn FnOnce(&mut Tables<'_>) -> Answer + Send>;

enum Order {
    Job(Job),
    /// Context data wait to be written.
    Contexts,
}

/// Context data not durable yet. The number tells a value from a later one of the same key.
#[derive(Default)]
struct Waiting {
    values: HashMap<ContextKey, (Option<Bytes>, u64)>,
    counter: u64,
}

/// The writing thread's handle; dropping it waits until all is written.
pub(super) struct Writer {
    database: Arc<Database>,
    orders: Option<Sender<Order>>,
    waiting: Arc<Mutex<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>, context_delay: Duration) -> Result<Self, StoreError> {
        let (orders, queue) = channel();
        let waiting = Arc::<Mutex<Waiting>>::default();
        let loop_ = WriteLoop { database: database.clone(), waiting: waiting.clone(), context_delay };
        let thread =
            std::thread::Builder::new().name("store".into()).spawn(move || loop_.run(&queue)).map_err(failed)?;
        Ok(Self { database, orders: Some(orders), waiting, thread: Some(thread) })
    }

    /// Runs `job` in a transaction; its result is returned when that is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |tables| {
            let result = job(tables);
            Box::new(move |committed: Result<(), StoreError>| {
                let _ = sender.send(committed.and(result)); // nobody waits any more: it is written all the same
            })
        });
        let ended = || StoreError::Failed("the writing thread has ended".into());
        self.orders.as_ref().ok_or_else(ended)?.send(Order::Job(job)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// A piece of context data, durable or not yet.
    pub(super) fn context(&self, key: ContextKey) -> Result<Option<Bytes>, StoreError> {
        if let Some((value, _)) = lock(&self.waiting).values.get(&key) {
            return Ok(value.clone());
        }
        let table = self.database.begin_read().map_err(failed)?.open_table(CONTEXTS).map_err(failed)?;
        let row = table.get(key).map_err(failed)?;
        Ok(row.map(|row| Bytes::copy_from_slice(row.value())))
    }

    /// Sets or removes a piece of context data; it is written soon.
    pub(super) fn set_context(&self, key: ContextKey, value: Option<Bytes>) {
        let mut waiting = lock(&self.waiting);
        let first = waiting.values.is_empty();
        waiting.counter += 1;
        let counter = waiting.counter;
        waiting.values.insert(key, (value, counter));
        if let (true, Some(orders)) = (first, &self.orders) {
            let _ = orders.send(Order::Contexts); // without a writer, reads still find the value
        }
    }

    /// Drops a subscriber's context data that are not written yet.
    pub(super) fn forget_contexts(&self, subscriber: u64) {
        lock(&self.waiting).values.retain(|(key, _), _| *key != subscriber);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has been printed
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

struct WriteLoop {
    database: Arc<Database>,
    waiting: Arc<Mutex<Waiting>>,
    context_delay: Duration,
}

impl WriteLoop {
    fn run(&self, queue: &Receiver<Order>) {
        let mut due: Option<Instant> = None;
        loop {
            let order = match due {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match order {
                Ok(Order::Contexts) => due = due.or_else(|| Some(Instant::now() + self.context_delay)),
                Ok(Order::Job(job)) => due = self.write(std::iter::once(job).chain(jobs(queue)).collect()),
                Err(RecvTimeoutError::Timeout) => due = self.write(jobs(queue).collect()),
                Err(RecvTimeoutError::Disconnected) => {
                    self.write(Vec::new());
                    return;
                }
            }
        }
    }

    /// One commit of the jobs and of all context data that wait. Returns when to write again, if something is left.
    fn write(&self, jobs: Vec<Job>) -> Option<Instant> {
        let contexts = self.contexts();
        let mut answers = Vec::with_capacity(jobs.len());
        let committed = self.commit(jobs, &contexts, &mut answers);
        let told = committed.as_ref().map_err(ToString::to_string);
        for answer in answers {
            answer(told.clone().map(|_| ()).map_err(StoreError::Failed));
        }
        if let Err(why) = committed {
            tracing::error!("{why}; context data will be written again in {} ms", RETRY.as_millis());
            return (!contexts.is_empty()).then(|| Instant::now() + RETRY);
        }
        let mut waiting = lock(&self.waiting);
        for (key, (_, written)) in &contexts {
            if waiting.values.get(key).is_some_and(|(_, current)| current == written) {
                waiting.values.remove(key);
            }
        }
        (!waiting.values.is_empty()).then(|| Instant::now() + self.context_delay)
    }

    fn contexts(&self) -> Vec<(ContextKey, (Option<Bytes>, u64))> {
        lock(&self.waiting).values.iter().map(|(key, value)| (*key, value.clone())).collect()
    }

    fn commit(
        &self,
        jobs: Vec<Job>,
        contexts: &[(ContextKey, (Option<Bytes>, u64))],
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        if jobs.is_empty() && contexts.is_empty() {
            return Ok(());
        }
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut tables = Tables::open(&transaction)?;
            tables.set_contexts(contexts)?;
            for job in jobs {
                answers.push(job(&mut tables));
            }
            if let Some(why) = tables.broken.take() {
                return Err(StoreError::Failed(why));
            }
        }
        transaction.commit().map_err(failed)
    }
}

/// The jobs that wait by now.
fn jobs(queue: &Receiver<Order>) -> impl Iterator<Item = Job> + '_ {
    queue.try_iter().take(BATCH).filter_map(|order| match order {
        Order::Job(job) => Some(job),
        Order::Contexts => None, // all that wait are written anyway
    })
}

/// The tables of a transaction.
pub(super) struct Tables<'t> {
    keys: Table<'t, u64, &'static [u8]>,
    profiles: Table<'t, u64, &'static [u8]>,
    sequences: Table<'t, u64, SequenceRow>,
    contexts: Table<'t, ContextKey, &'static [u8]>,
    /// Why nothing of this transaction may be committed.
    broken: Option<String>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            keys: transaction.open_table(KEYS).map_err(failed)?,
            profiles: transaction.open_table(PROFILES).map_err(failed)?,
            sequences: transaction.open_table(SEQUENCES).map_err(failed)?,
            contexts: transaction.open_table(CONTEXTS).map_err(failed)?,
            broken: None,
        })
    }

    /// Notes a failure of the file: a half-done job must not be committed.
    fn checked<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|why| self.broken = Some(why.to_string()))
    }

    /// Makes `row` durable unless a higher one of the same start is.
    pub(super) fn raise_sequence(&mut self, key: u64, row: SequenceRow) -> Result<(), StoreError> {
        let result = raise(&mut self.sequences, key, row);
        self.checked(result)
    }

    pub(super) fn provision(
        &mut self,
        sealer: &Sealer,
        start: u64,
        subscribers: Vec<Subscriber>,
        existing: Existing,
    ) -> Result<Provisioned, StoreError> {
        if existing == Existing::Refuse {
            for subscriber in &subscribers {
                if self.profiles.get(number(&subscriber.supi)).map_err(failed)?.is_some() {
                    return Err(StoreError::Exists(subscriber.supi.clone()));
                }
            }
        }
        let result = self.insert(sealer, start, subscribers, existing);
        self.checked(result)
    }

    fn insert(
        &mut self,
        sealer: &Sealer,
        start: u64,
        subscribers: Vec<Subscriber>,
        existing: Existing,
    ) -> Result<Provisioned, StoreError> {
        let mut done = Provisioned::default();
        for Subscriber { supi, keys, profile } in subscribers {
            let key = number(&supi);
            let (Some(keys), Ok(json)) = (keys, serde_json::to_vec(&profile)) else { continue };
            if existing == Existing::Keep && self.profiles.get(key).map_err(failed)?.is_some() {
                continue;
            }
            self.keys.insert(key, sealer.seal(key, &keys)?.as_slice()).map_err(failed)?;
            let replaced = self.profiles.insert(key, json.as_slice()).map_err(failed)?.is_some();
            let sqn = aka::Sqn::from_octets(keys.sqn.0).get();
            match replaced {
                true => done.replaced += 1,
                false => done.added += 1,
            }
            let known = self.sequences.get(key).map_err(failed)?.map(|row| row.value());
            match known {
                None => raise(&mut self.sequences, key, (sqn, start))?,
                // Under the old start, so that the values it may have used stay skipped.
                Some((old, since)) => raise(&mut self.sequences, key, (sqn.max(old), since))?,
            }
        }
        Ok(done)
    }

    pub(super) fn remove(&mut self, subscribers: &[u64]) -> Result<usize, StoreError> {
        let result = self.delete(subscribers);
        self.checked(result)
    }

    fn delete(&mut self, subscribers: &[u64]) -> Result<usize, StoreError> {
        let mut removed = 0;
        for key in subscribers {
            removed += usize::from(self.profiles.remove(key).map_err(failed)?.is_some());
            self.keys.remove(key).map_err(failed)?;
            self.contexts.retain_in((*key, 0)..=(*key, u16::MAX), |_, _| false).map_err(failed)?;
        }
        Ok(removed)
    }

    /// Writes context data, but none of a subscriber removed meanwhile.
    fn set_contexts(&mut self, contexts: &[(ContextKey, (Option<Bytes>, u64))]) -> Result<(), StoreError> {
        for (key, (value, _)) in contexts {
            let known = self.profiles.get(key.0).map_err(failed)?.is_some();
            match value.as_ref().filter(|_| known) {
                Some(value) => self.contexts.insert(key, value.as_ref()).map_err(failed)?,
                None => self.contexts.remove(key).map_err(failed)?,
            };
        }
        Ok(())
    }
}

fn raise(table: &mut Table<'_, u64, SequenceRow>, key: u64, (sqn, start): SequenceRow) -> Result<(), StoreError> {
    let before = table.get(key).map_err(failed)?.map(|row| row.value());
    if before.is_none_or(|(old, since)| start > since || (start == since && sqn > old)) {
        table.insert(key, (sqn, start)).map_err(failed)?;
    }
    Ok(())
}
