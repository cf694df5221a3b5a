//! Looking on: packets shown as they come and go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Frame, Origin, Verdict};

/// Where a packet is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// Received on N3.
    FromN3,
    /// Received on N6.
    FromN6,
    /// To be sent on N3.
    ToN3,
    /// To be sent on N6.
    ToN6,
    /// Received from an Ethernet data network.
    FromEthernet,
    /// To be sent to one.
    ToEthernet,
}

/// A packet seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Where.
    pub point: Point,
    /// The session it belongs to, where it belongs to one.
    pub seid: Option<u64>,
    /// The PDR that it matches, of one that comes.
    pub pdr: Option<u16>,
    /// The other end on N3; on N6 it says nothing.
    pub peer: SocketAddr,
    /// The UDP payload on N3, the IP packet on N6, the frame of an Ethernet data network.
    pub octets: &'a [u8],
}

/// Somebody who looks on. Without one, a burst costs one branch more.
#[derive(Clone)]
pub struct Tap {
    sessions: Option<BTreeSet<u64>>,
    show: Arc<dyn Fn(Seen<'_>) + Send + Sync>,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tap on {:?}", self.sessions)
    }
}

impl Tap {
    /// Shows the packets of these sessions, by number; without a list every packet, of a session or not. `show` is called
    /// on the threads of the workers: it must not wait.
    pub fn new(sessions: Option<BTreeSet<u64>>, show: impl Fn(Seen<'_>) + Send + Sync + 'static) -> Self {
        Self { sessions, show: Arc::new(show) }
    }

    /// Shows a frame as it came.
    pub(crate) fn arrived(&self, seid: Option<u64>, pdr: Option<u16>, frame: &Frame) {
        let point = match frame.origin {
            Origin::N3 => Point::FromN3,
            Origin::N6 => Point::FromN6,
            Origin::Ethernet(_) => Point::FromEthernet,
        };
        self.show(Seen { point, seid, pdr, peer: frame.peer, octets: frame.packet() });
    }

    /// Shows a frame as it goes.
    pub(crate) fn leaves(&self, seid: Option<u64>, frame: &Frame) {
        let (point, peer) = match frame.verdict {
            Verdict::ToN3(to) => (Point::ToN3, to),
            Verdict::ToN6 => (Point::ToN6, frame.peer),
            Verdict::ToEthernet(_) => (Point::ToEthernet, frame.peer),
            Verdict::Drop | Verdict::ToWorker(_) | Verdict::Parked(_) => return,
        };
        self.show(Seen { point, seid, pdr: None, peer, octets: frame.packet() });
    }

    fn show(&self, seen: Seen<'_>) {
        let wanted = |sessions: &BTreeSet<u64>| seen.seid.is_some_and(|seid| sessions.contains(&seid));
        if self.sessions.as_ref().is_none_or(wanted) {
            (self.show)(seen);
        }
    }
}
