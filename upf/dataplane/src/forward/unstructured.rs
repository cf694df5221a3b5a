//! What comes for an unstructured session out of its tunnel on N6 (TS 23.501 5.6.10.3). What it sends is written by
//! [`UdpTunnel`](crate::payload::UdpTunnel).

use super::Forwarder;
use crate::Moment;
use crate::counters::{Direction, DropReason};
use crate::detection::Arrival;
use crate::frame::Frame;
use crate::hash::Place;
use crate::inner::{ABSENT, Inner};

impl Forwarder {
    /// A packet to the address of a session that has a tunnel on N6: what is inside goes to the UE.
    #[cold]
    pub(super) fn out_of_tunnel(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        inner: &Inner,
    ) -> Result<(), DropReason> {
        let session = self.table.at(place).ok_or(DropReason::UnknownUe)?;
        let seid = session.seid;
        let tunnel = session.payload.udp_tunnel().ok_or(DropReason::UnknownUe)?;
        let payload = tunnel.inside(frame.packet(), inner).ok_or(DropReason::Spoofed)?;
        frame.truncate(payload.end);
        frame.strip(payload.start);
        self.payload_to_ue(now, frame, seid)
    }

    /// Takes a payload to a session by the session's rules.
    pub(super) fn payload_to_ue(&mut self, now: Moment, frame: &mut Frame, seid: u64) -> Result<(), DropReason> {
        let session = self.table.session(seid).ok_or(DropReason::UnknownUe)?;
        let arrival = Arrival { direction: Direction::Downlink, tunnel: ABSENT, qfi: None };
        let pdr = session.classify_other(arrival, frame.packet(), None).ok_or(DropReason::NoRule)?;
        self.lane.forward(now, session, pdr, Direction::Downlink, frame)
    }
}
