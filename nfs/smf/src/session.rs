//! A PDU session's context, and the table of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use ngap::GtpTunnel;
use pfcp::{Seid, Teid};
use sbi_api::ApiRoot;
use sbi_models::{Ambr, Arp, Dnn, PduSessionId, Snssai, Supi};

use crate::pool::{Fixed, UeAddress};
use crate::session_type::Subscribed;

/// What identifies a session to people and to the AMF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) supi: Supi,
    pub(crate) id: PduSessionId,
}

/// Where an SM context is found under: the last segment of its URI, and our SEID on N4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ContextRef(pub(crate) u64);

impl ContextRef {
    /// From the path of a request.
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    pub(crate) fn seid(self) -> Seid {
        Seid(self.0)
    }
}

/// What the subscription grants the session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Granted {
    pub(crate) ambr: Ambr,
    pub(crate) five_qi: u8,
    pub(crate) arp: Arp,
    pub(crate) types: Subscribed,
    /// Addresses that are always the subscriber's.
    pub(crate) fixed: Fixed,
    /// Networks behind the UE.
    pub(crate) routes: Box<[IpNet]>,
}

/// The session's part at the UPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtUpf {
    pub(crate) upf: IpAddr,
    /// What the UPF calls the session.
    pub(crate) seid: Seid,
    /// Where the RAN sends uplink packets.
    pub(crate) uplink: (Teid, Ipv4Addr),
}

/// State of the user plane connection between RAN and UPF (23.501 5.6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpConnection {
    Deactivated,
    /// The RAN has been asked for its tunnel.
    Activating,
    /// Downlink packets go to this tunnel.
    Activated(GtpTunnel),
}

/// How far the session's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Establishing,
    Active,
    /// The UE has been told to release it, in the transaction with this PTI.
    Releasing {
        pti: u8,
    },
    Released,
}

/// An SM context. Whoever holds it runs the session's only procedure.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) dnn: Dnn,
    pub(crate) slice: Snssai,
    /// The AMF that serves the UE.
    pub(crate) amf: ApiRoot,
    /// Where the AMF hears that the context is gone.
    pub(crate) status_uri: String,
    pub(crate) granted: Granted,
    pub(crate) address: UeAddress,
    pub(crate) at_upf: Option<AtUpf>,
    pub(crate) up: UpConnection,
    pub(crate) phase: Phase,
}

/// A session in the table.
pub(crate) struct Entry {
    pub(crate) reference: ContextRef,
    pub(crate) key: SessionKey,
    /// Held by the procedure that runs; the next waits.
    pub(crate) session: Arc<tokio::sync::Mutex<Session>>,
    /// Told when the UE or the RAN has acknowledged a release.
    pub(crate) acknowledged: tokio::sync::Notify,
}

#[derive(Default)]
struct Table {
    by_ref: HashMap<ContextRef, Arc<Entry>>,
    by_key: HashMap<SessionKey, ContextRef>,
    last: u64,
}

/// All sessions, found by reference or by UE and identity.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Table>);

impl Sessions {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to number contexts at `first`, so that those of an earlier run of this SMF are not taken for new ones.
    pub(crate) fn numbered_from(first: u64) -> Self {
        Self(Mutex::new(Table { last: first, ..Table::default() }))
    }

    pub(crate) fn len(&self) -> usize {
        self.table().by_ref.len()
    }

    /// Adds a session; one with the same key must have been removed.
    pub(crate) fn insert(&self, key: SessionKey, session: Session) -> Arc<Entry> {
        let mut table = self.table();
        table.last += 1;
        let reference = ContextRef(table.last);
        let (session, acknowledged) = (Arc::new(tokio::sync::Mutex::new(session)), tokio::sync::Notify::new());
        let entry = Arc::new(Entry { reference, key: key.clone(), session, acknowledged });
        table.by_ref.insert(reference, entry.clone());
        table.by_key.insert(key, reference);
        entry
    }

    pub(crate) fn get(&self, reference: ContextRef) -> Option<Arc<Entry>> {
        self.table().by_ref.get(&reference).cloned()
    }

    pub(crate) fn find(&self, key: &SessionKey) -> Option<Arc<Entry>> {
        let table = self.table();
        table.by_ref.get(table.by_key.get(key)?).cloned()
    }

    pub(crate) fn remove(&self, entry: &Entry) {
        let mut table = self.table();
        table.by_ref.remove(&entry.reference);
        if table.by_key.get(&entry.key) == Some(&entry.reference) {
            table.by_key.remove(&entry.key);
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.table().by_ref.values().cloned().collect()
    }
}
