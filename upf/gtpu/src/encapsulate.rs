//! The header of a G-PDU, written into the room before the inner packet.

use crate::{PduSession, extension, message};

/// The room a header needs at most: mandatory and optional fields and a PDU Session Container.
pub const HEADROOM: usize = 16;

/// What a G-PDU's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// The receiver's tunnel.
    pub teid: u32,
    /// The PDU Session Container, where one is to go along.
    pub pdu_session: Option<PduSession>,
}

impl Encapsulation {
    /// Octets of the header.
    pub fn length(&self) -> usize {
        match self.pdu_session {
            Some(_) => HEADROOM,
            None => 8,
        }
    }

    /// Writes the header at the end of `headroom`, directly before the inner packet of `payload` octets, and returns how
    /// many octets it took. `None`, with nothing written, where the room is too short or the packet too long.
    pub fn write(&self, headroom: &mut [u8], payload: usize) -> Option<usize> {
        let [t0, t1, t2, t3] = self.teid.to_be_bytes();
        match self.pdu_session {
            None => {
                let [l0, l1] = u16::try_from(payload).ok()?.to_be_bytes();
                *headroom.last_chunk_mut::<8>()? = [0x30, message::G_PDU, l0, l1, t0, t1, t2, t3];
            }
            Some(container) => {
                let [l0, l1] = u16::try_from(payload + 8).ok()?.to_be_bytes();
                let [kind, flow] = container.write();
                *headroom.last_chunk_mut::<HEADROOM>()? = [
                    0x34,
                    message::G_PDU,
                    l0,
                    l1,
                    t0,
                    t1,
                    t2,
                    t3,
                    // Sequence number and N-PDU number, not used; type of the extension header.
                    0,
                    0,
                    0,
                    extension::PDU_SESSION_CONTAINER,
                    // The extension header: one unit of four octets, its content, no other after it.
                    1,
                    kind,
                    flow,
                    extension::NONE,
                ];
            }
        }
        Some(self.length())
    }
}
