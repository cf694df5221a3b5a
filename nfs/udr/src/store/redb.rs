//! The embedded store: one redb file, keys in it encrypted under a key file beside it.

mod open;
mod seal;
mod sequence;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use aka::Sqn;
use bytes::Bytes;
use sbi_models::{HexOctets, Supi};

use self::seal::Sealer;
use self::sequence::{Sequence, SequenceRow};
use self::writer::Writer;
use super::{ContextItem, Existing, Provisioned, Store, StoreError};
use crate::subscriber::{Keys, Profile, Subscriber};

/// `version`, `start` (how often the store was opened) and `seal` (recognises the key file).
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Sealed K and OPc, by subscriber.
const KEYS: TableDefinition<u64, &[u8]> = TableDefinition::new("keys");
/// Profile as JSON, by subscriber.
const PROFILES: TableDefinition<u64, &[u8]> = TableDefinition::new("profiles");
/// Sequence numbers, by subscriber. A row outlives its subscriber, so that one added again continues.
const SEQUENCES: TableDefinition<u64, SequenceRow> = TableDefinition::new("sequences");
/// Context data as JSON, by subscriber and item.
const CONTEXTS: TableDefinition<(u64, u16), &[u8]> = TableDefinition::new("contexts");

/// How the store weighs speed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// SEQ values of one subscriber that are accepted between two durable commits, and skipped by the next start.
    pub sqn_reserve: u64,
    /// How long context data may wait to be made durable.
    pub context_delay: Duration,
    /// Octets of cache.
    pub cache: usize,
}

impl Default for Options {
    fn default() -> Self {
        // A card bears jumps of 2^28 SEQ (TS 33.102 C.3.2): a million starts of the store between two authentications.
        Self { sqn_reserve: 256, context_delay: Duration::from_millis(100), cache: 16 << 20 }
    }
}

/// The embedded [`Store`].
pub struct RedbStore {
    database: Arc<Database>,
    sealer: Arc<Sealer>,
    /// Number of this opening, durable.
    start: u64,
    sqn_reserve: u64,
    sequences: Mutex<HashMap<u64, Sequence>>,
    writer: Writer,
}

impl RedbStore {
    /// Opens the store in `file`, or makes it; its key is in `key_file`, made with it.
    ///
    /// # Errors
    /// [`StoreError::File`] where a file is damaged, of a newer version, locked or cannot be read; it is left as it is.
    pub fn open(file: &Path, key_file: &Path, options: Options) -> Result<Self, StoreError> {
        let opened = open::open(file, key_file, options.cache)?;
        let database = Arc::new(opened.database);
        let writer = Writer::start(database.clone(), options.context_delay)?;
        Ok(Self {
            database,
            sealer: Arc::new(opened.sealer),
            start: opened.start,
            sqn_reserve: options.sqn_reserve << SEQ_SHIFT,
            sequences: Mutex::default(),
            writer,
        })
    }

    fn get<T>(
        &self,
        table: TableDefinition<u64, &'static [u8]>,
        supi: &Supi,
        read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(table).map_err(failed)?;
        let row = table.get(number(supi)).map_err(failed)?;
        row.map_or_else(|| Err(StoreError::NoSubscriber(supi.clone())), |row| read(row.value()))
    }

    /// Acts on the subscriber's sequence, taken into use now where it is not yet.
    fn with_sequence<T>(&self, supi: &Supi, act: impl FnOnce(&mut Sequence) -> T) -> Result<T, StoreError> {
        let mut sequences = self.sequences.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sequence) = sequences.get_mut(&number(supi)) {
            return Ok(act(sequence));
        }
        let sequence = self.resumed(supi)?;
        Ok(act(sequences.entry(number(supi)).or_insert(sequence)))
    }

    fn last_sqn(&self, supi: &Supi) -> Result<Sqn, StoreError> {
        let used = self.sequences.lock().unwrap_or_else(PoisonError::into_inner).get(&number(supi)).copied();
        used.map_or_else(|| self.resumed(supi), Ok).map(|sequence| sequence.last())
    }

    /// The sequence as the file has it.
    fn resumed(&self, supi: &Supi) -> Result<Sequence, StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(SEQUENCES).map_err(failed)?;
        let row = table.get(number(supi)).map_err(failed)?.ok_or_else(|| StoreError::NoSubscriber(supi.clone()))?;
        Ok(Sequence::resume(row.value(), self.start, self.sqn_reserve))
    }

    fn subscriber_of(&self, supi: Supi, sealed: &[u8], profile: &[u8]) -> Result<Subscriber, StoreError> {
        let mut keys = self.sealer.open(number(&supi), sealed)?;
        keys.sqn = HexOctets(self.last_sqn(&supi)?.to_octets());
        Ok(Subscriber { supi, keys: Some(keys), profile: profile_of(profile)? })
    }
}

/// Bits of IND below SEQ.
const SEQ_SHIFT: u32 = 5;

impl Store for RedbStore {
    async fn keys(&self, supi: &Supi) -> Result<Keys, StoreError> {
        let mut keys = self.get(KEYS, supi, |sealed| self.sealer.open(number(supi), sealed))?;
        keys.sqn = HexOctets(self.last_sqn(supi)?.to_octets());
        Ok(keys)
    }

    async fn advance_sqn(&self, supi: &Supi, tested: Option<Sqn>, to: Sqn) -> Result<(), StoreError> {
        self.get(KEYS, supi, |_| Ok(()))?;
        if self.with_sequence(supi, |sequence| sequence.advance(tested, to))?? {
            return Ok(());
        }
        let row = (to.get(), self.start);
        let key = number(supi);
        self.writer.run(move |tables| tables.raise_sequence(key, row)).await?;
        self.with_sequence(supi, |sequence| sequence.raise(to, self.sqn_reserve))?
    }

    async fn profile(&self, supi: &Supi) -> Result<Profile, StoreError> {
        self.get(PROFILES, supi, profile_of)
    }

    async fn context(&self, supi: &Supi, item: ContextItem) -> Result<Option<Bytes>, StoreError> {
        self.get(PROFILES, supi, |_| Ok(()))?;
        self.writer.context((number(supi), item_number(item)))
    }

    async fn smf_registrations(&self, supi: &Supi) -> Result<Vec<Bytes>, StoreError> {
        self.get(PROFILES, supi, |_| Ok(()))?;
        let items = (1..=15).map(|session| self.writer.context((number(supi), SMF_REGISTRATIONS + session)));
        items.filter_map(Result::transpose).collect()
    }

    async fn set_context(&self, supi: &Supi, item: ContextItem, value: Option<Bytes>) -> Result<bool, StoreError> {
        self.get(PROFILES, supi, |_| Ok(()))?;
        let key = (number(supi), item_number(item));
        let before = self.writer.context(key)?;
        self.writer.set_context(key, value);
        Ok(before.is_some())
    }

    async fn provision(&self, subscribers: Vec<Subscriber>, existing: Existing) -> Result<Provisioned, StoreError> {
        let mut sqns = Vec::new();
        for subscriber in &subscribers {
            let invalid = |why: String| StoreError::Invalid { supi: subscriber.supi.clone(), why };
            subscriber.profile.check().map_err(|error| invalid(error.to_string()))?;
            let keys = subscriber.keys.as_ref().ok_or_else(|| invalid("keys are missing".into()))?;
            sqns.push((subscriber.supi.clone(), Sqn::from_octets(keys.sqn.0)));
        }
        let (sealer, start) = (self.sealer.clone(), self.start);
        let provisioned =
            self.writer.run(move |tables| tables.provision(&sealer, start, subscribers, existing)).await?;
        // What the file has now is only a floor: sequences in use in this run are raised, never read again.
        let mut sequences = self.sequences.lock().unwrap_or_else(PoisonError::into_inner);
        for (supi, sqn) in sqns {
            if let Some(sequence) = sequences.get_mut(&number(&supi)) {
                let _ = sequence.raise(sqn, self.sqn_reserve); // lower than the one in use: that stays
            }
        }
        Ok(provisioned)
    }

    async fn remove(&self, supis: Vec<Supi>) -> Result<usize, StoreError> {
        let keys: Vec<_> = supis.iter().map(number).collect();
        for key in &keys {
            self.writer.forget_contexts(*key);
        }
        self.writer.run(move |tables| tables.remove(&keys)).await
    }

    async fn subscriber(&self, supi: &Supi) -> Result<Subscriber, StoreError> {
        let profile = self.get(PROFILES, supi, |row| Ok(row.to_vec()))?;
        let sealed = self.get(KEYS, supi, |row| Ok(row.to_vec()))?;
        self.subscriber_of(supi.clone(), &sealed, &profile)
    }

    async fn list(&self, after: Option<&Supi>, limit: usize) -> Result<Vec<Subscriber>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let profiles = transaction.open_table(PROFILES).map_err(failed)?;
        let keys = transaction.open_table(KEYS).map_err(failed)?;
        let first = after.map_or(0, |supi| number(supi).saturating_add(1));
        let mut found = Vec::new();
        for row in profiles.range(first..).map_err(failed)?.take(limit) {
            let (key, profile) = row.map_err(failed)?;
            let sealed = keys.get(key.value()).map_err(failed)?;
            if let (Some(supi), Some(sealed)) = (supi_of(key.value()), sealed) {
                found.push(self.subscriber_of(supi, sealed.value(), profile.value())?);
            }
        }
        Ok(found)
    }

    fn count(&self) -> Result<u64, StoreError> {
        let table = self.database.begin_read().map_err(failed)?.open_table(PROFILES).map_err(failed)?;
        table.len().map_err(failed)
    }
}

/// The subscriber's key in all tables: the digits of the IMSI after a 1, which keeps leading zeros.
fn number(supi: &Supi) -> u64 {
    supi.imsi().bytes().fold(1, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0') % 10))
}

fn supi_of(number: u64) -> Option<Supi> {
    format!("imsi-{}", number.to_string().strip_prefix('1')?).parse().ok()
}

/// Where the SMF registrations begin; the session's identity is added.
const SMF_REGISTRATIONS: u16 = 0x100;

fn item_number(item: ContextItem) -> u16 {
    match item {
        ContextItem::AmfRegistration => 1,
        ContextItem::AuthenticationStatus => 2,
        ContextItem::SdmSubscriptions => 3,
        ContextItem::SmfRegistration(session) => SMF_REGISTRATIONS + u16::from(session.get()),
    }
}

fn profile_of(json: &[u8]) -> Result<Profile, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Failed(format!("a profile that cannot be read: {error}")))
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

#[cfg(test)]
mod tests;
