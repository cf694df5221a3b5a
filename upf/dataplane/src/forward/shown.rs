//! What somebody is told who looks on.

use super::Look;
use crate::counters::Direction;
use crate::detection::Arrival;
use crate::session::Session;

impl Look {
    /// The PDR of its session that a packet matches as it came, for somebody who looks on.
    pub(super) fn matches(&self, session: &Session, packet: &[u8]) -> Option<u16> {
        let (arrival, offset, inner) = match self {
            Self::Uplink { teid, qfi, offset, inner } => {
                (Arrival { direction: Direction::Uplink, tunnel: *teid, qfi: *qfi }, *offset, inner.as_ref()?)
            }
            Self::Downlink { inner, .. } => {
                (Arrival { direction: Direction::Downlink, tunnel: crate::inner::ABSENT, qfi: None }, 0, inner)
            }
            _ => return None,
        };
        let pdr = session.classify(arrival, packet.get(offset..)?, inner)?;
        session.pdrs.get(pdr).map(|pdr| pdr.id)
    }
}
