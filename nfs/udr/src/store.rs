//! Where subscribers' data live: one trait, behind it the embedded store or another.

mod redb;

use std::path::PathBuf;

use aka::Sqn;
use bytes::Bytes;
use sbi_models::Supi;

use crate::subscriber::{Keys, Profile, Subscriber};

pub use self::redb::{Options, RedbStore};

/// Keeps the subscribers' data.
///
/// The sequence number of a subscriber never goes back, whatever ends the process when: a value is accepted only after
/// it, or a ceiling above it from which the next start continues, is durable. Provisioned data are durable when the call
/// returns. Context data (who serves a subscriber) become durable within [`Options::context_delay`]; what a crash takes of them
/// is restored by the next registration (TS 23.527).
pub trait Store: Send + Sync + 'static {
    /// Keys and last sequence number.
    fn keys(&self, supi: &Supi) -> impl Future<Output = Result<Keys, StoreError>> + Send;

    /// Accepts `to` as the last sequence number used, if it is above the one before and that is `tested`.
    fn advance_sqn(
        &self,
        supi: &Supi,
        tested: Option<Sqn>,
        to: Sqn,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What the subscriber may use.
    fn profile(&self, supi: &Supi) -> impl Future<Output = Result<Profile, StoreError>> + Send;

    /// A piece of context data.
    fn context(&self, supi: &Supi, item: ContextItem)
    -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// The SMF registrations of all sessions.
    fn smf_registrations(&self, supi: &Supi) -> impl Future<Output = Result<Vec<Bytes>, StoreError>> + Send;

    /// Sets or removes a piece of context data; returns whether there was one.
    fn set_context(
        &self,
        supi: &Supi,
        item: ContextItem,
        value: Option<Bytes>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Adds or replaces subscribers: all of them or, on an error, none.
    fn provision(
        &self,
        subscribers: Vec<Subscriber>,
        existing: Existing,
    ) -> impl Future<Output = Result<Provisioned, StoreError>> + Send;

    /// Removes subscribers; returns how many there were.
    fn remove(&self, supis: Vec<Supi>) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// One subscriber, keys included.
    fn subscriber(&self, supi: &Supi) -> impl Future<Output = Result<Subscriber, StoreError>> + Send;

    /// Subscribers after `after` in a fixed order, at most `limit`, keys included.
    fn list(
        &self,
        after: Option<&Supi>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Subscriber>, StoreError>> + Send;

    /// How many subscribers there are.
    fn count(&self) -> Result<u64, StoreError>;
}

/// A piece of what is known of a subscriber while it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextItem {
    /// The AMF for 3GPP access.
    AmfRegistration,
    /// How the last authentication ended.
    AuthenticationStatus,
    /// Subscriptions to changes of the data, all in one.
    SdmSubscriptions,
    /// The SMF of a session.
    SmfRegistration(sbi_models::PduSessionId),
}

/// What to do with a subscriber who is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    Refuse,
    /// It is replaced; the sequence number stays where it is unless the new one is higher.
    Replace,
    /// It stays as it is.
    Keep,
}

/// What provisioning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Provisioned {
    /// Subscribers that are new.
    pub added: usize,
    /// Subscribers that were there.
    pub replaced: usize,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller's fault: no such subscriber.
    #[error("no subscriber {0}")]
    NoSubscriber(Supi),
    /// The caller's fault: the subscriber is there already.
    #[error("subscriber {0} is there already (add --replace changes it)")]
    Exists(Supi),
    /// The caller's fault: the sequence number would not grow, or is not the one it was taken for.
    #[error("the sequence number is {last:?} by now")]
    SqnConflict {
        /// The last one used.
        last: Sqn,
    },
    /// The caller's fault: a subscriber without keys, or one that cannot be.
    #[error("{supi}: {why}")]
    Invalid {
        /// Which one.
        supi: Supi,
        /// What is wrong.
        why: String,
    },
    /// The file cannot be used; it is left as it is.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The file failed in operation (disk full, input/output error).
    #[error("subscriber store: {0}")]
    Failed(String),
}
