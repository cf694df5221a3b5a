//! What a process shows of its interfaces while somebody watches: calls, messages, packets, as a stream of [`Record`]s at
//! the operator's socket. While nobody watches, each place that could show something pays one relaxed load.
//!
//! A reader that is slow loses records, which are counted and told; it never holds the NF up.

mod blank;
mod calls;
mod queue;
mod record;
mod serve;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sbi_transport::Tap;
use tokio::sync::watch;

use calls::Calls;
pub(crate) use calls::WatchedHandler;
use queue::{Inlet, Outlet};
pub use record::{Call, Datagram, Head, Matched, Message, Octets, Record, RecordError, Shown};
pub(crate) use serve::router;

/// What can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Calls of the service-based interface.
    Sbi,
    /// Messages about UEs on N1 and N2, by name.
    Signalling,
    /// PFCP messages on N4.
    N4,
    /// Packets on N3.
    N3,
    /// Packets on N6.
    N6,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sbi, Self::Signalling, Self::N4, Self::N3, Self::N6];

    /// As it is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sbi => "sbi",
            Self::Signalling => "signalling",
            Self::N4 => "n4",
            Self::N3 => "n3",
            Self::N6 => "n6",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of [`Kind`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | kind.bit()))
    }
}

/// What one reader wants to see.
#[derive(Clone, Debug, Default)]
struct Wish {
    kinds: Kinds,
    /// Only packets from or to these addresses of UEs; all if there are none.
    ues: Vec<IpAddr>,
    /// Shows what is blanked otherwise, but for what is never shown.
    secrets: bool,
}

/// Readers at once: more are refused.
const MOST_READERS: usize = 8;

/// The stream of what a process shows. Clones are the same stream.
#[derive(Clone, Default)]
pub struct Trace(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The kinds that some reader wants. A hint that orders nothing: what happens as a reader comes may be missed.
    wanted: AtomicU8,
    readers: Mutex<Vec<Reader>>,
    tap: Tap,
    packets: watch::Sender<bool>,
}

struct Reader {
    id: u64,
    wish: Wish,
    inlet: Inlet,
}

impl Trace {
    /// Whether somebody wants to see this: one relaxed load.
    pub fn wants(&self, kind: Kind) -> bool {
        Kinds(self.0.wanted.load(Relaxed)).has(kind)
    }

    /// Shows a message about a UE. `message` is only called if somebody wants it.
    pub fn message(&self, message: impl FnOnce() -> Message) {
        if self.wants(Kind::Signalling) {
            self.show(Kind::Signalling, Shown::Message(message()));
        }
    }

    /// Shows that all these names are of one UE. `keys` is only called if somebody wants it.
    pub fn same(&self, keys: impl FnOnce() -> Vec<String>) {
        let kinds = [Kind::Signalling, Kind::N4];
        if kinds.iter().any(|kind| self.wants(*kind)) {
            self.offer(Shown::Same { keys: keys() }, |reader| kinds.iter().any(|kind| reader.wants(*kind, None)));
        }
    }

    /// Shows a datagram of N4. `datagram` is only called if somebody wants it.
    pub fn n4(&self, datagram: impl FnOnce() -> Datagram) {
        if self.wants(Kind::N4) {
            self.show(Kind::N4, Shown::Datagram(datagram()));
        }
    }

    /// Shows a packet of N3 or N6 that belongs to the UE with this address, if that is known.
    pub fn packet(&self, kind: Kind, ue: Option<IpAddr>, packet: impl FnOnce() -> Datagram) {
        if self.wants(kind) && self.readers().iter().any(|reader| reader.wants(kind, ue)) {
            self.offer(Shown::Datagram(packet()), |reader| reader.wants(kind, ue));
        }
    }

    /// Tells when somebody begins or ends to want packets of N3 or N6.
    pub fn packets_wanted(&self) -> watch::Receiver<bool> {
        self.0.packets.subscribe()
    }

    /// The place where calls are watched.
    pub(crate) fn tap(&self) -> Tap {
        self.0.tap.clone()
    }

    fn show(&self, kind: Kind, shown: Shown) {
        self.offer(shown, |reader| reader.wants(kind, None));
    }

    fn offer(&self, shown: Shown, wanted: impl Fn(&Reader) -> bool) {
        let record = Arc::new(Record { at: now(), shown });
        self.readers().iter().filter(|reader| wanted(reader)).for_each(|reader| reader.inlet.offer(record.clone()));
    }

    /// Begins to show what `wish` says. `None` if there are too many readers already.
    fn subscribe(&self, wish: Wish) -> Option<Subscription> {
        let (inlet, outlet) = queue::new();
        let secrets = wish.secrets;
        let mut readers = self.readers();
        if readers.len() >= MOST_READERS {
            return None;
        }
        let id = readers.iter().map(|reader| reader.id + 1).max().unwrap_or(0);
        readers.push(Reader { id, wish, inlet });
        self.note(&readers);
        drop(readers);
        Some(Subscription { trace: self.clone(), id, secrets, outlet })
    }

    fn unsubscribe(&self, id: u64) {
        let mut readers = self.readers();
        readers.retain(|reader| reader.id != id);
        self.note(&readers);
    }

    /// Brings what is wanted up to date with the readers.
    fn note(&self, readers: &[Reader]) {
        let wanted = Kinds(readers.iter().fold(0, |all, reader| all | reader.wish.kinds.0));
        self.0.wanted.store(wanted.0, Relaxed);
        let packets = wanted.has(Kind::N3) || wanted.has(Kind::N6);
        self.0.packets.send_if_modified(|now| std::mem::replace(now, packets) != packets);
        match wanted.has(Kind::Sbi) {
            true => self.0.tap.open(Arc::new(Calls(self.clone()))),
            false => self.0.tap.close(),
        }
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn wants(&self, kind: Kind, ue: Option<IpAddr>) -> bool {
        let packet = matches!(kind, Kind::N3 | Kind::N6);
        let about = || self.wish.ues.is_empty() || ue.is_some_and(|ue| self.wish.ues.contains(&ue));
        self.wish.kinds.has(kind) && (!packet || about())
    }
}

/// A reader's end. Dropped, it ends.
struct Subscription {
    trace: Trace,
    id: u64,
    secrets: bool,
    outlet: Outlet,
}

impl Subscription {
    /// The next line of the stream; `None` never comes before the process ends.
    async fn line(&mut self) -> Option<Vec<u8>> {
        let record = self.outlet.next().await?;
        Some(record.line(self.secrets))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.trace.unsubscribe(self.id);
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
