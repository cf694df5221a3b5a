//! What is not simply forwarded: what the UPF says itself on a UE's link or about its MTU, and packets that are led to a session
//! in another bucket than their address's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::{Forwarder, Lane};
use crate::counters::DropReason;
use crate::frame::{Frame, Origin, Verdict};
use crate::handover::Route;
use crate::hash::Place;
use crate::inner::Inner;
use crate::router::{self, Answer};
use crate::routes::Way;
use crate::session::Session;
use crate::too_big::TooBig;
use crate::{Bucket, Moment};

impl Forwarder {
    /// A packet of a UE that goes no further than its link, or is not the UE's: a question to its router is answered.
    #[cold]
    pub(super) fn on_link(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        inner: &Inner,
    ) -> Result<(), DropReason> {
        let session = self.table.at(place).ok_or(DropReason::UnknownTunnel)?;
        let nobodys = inner.source.is_unspecified() || router::is_of_link(inner.source);
        let its_own = session.owns(inner.source) || (inner.source.is_ipv6() && nobodys);
        let router = if its_own { session.router.take() } else { None };
        let Some(mut router) = router else { return Err(DropReason::Spoofed) };
        let answer = router.answer(now, frame.packet(), session.mtu);
        let way = session.way_to_ue(&router);
        let done = match (&answer, way) {
            (Some(answer), Some((pdr, far))) => {
                frame.replace(answer.octets());
                self.lane.send_off(pdr, far, &session.payload, frame)
            }
            (Some(Answer::Advertisement(_)), None) => {
                // Who asks before its tunnel is there is answered then.
                router.next = now.instant();
                Err(DropReason::LinkLocal)
            }
            _ => Err(DropReason::LinkLocal),
        };
        session.router = Some(router);
        if done.is_ok() && matches!(answer, Some(Answer::Advertisement(_))) {
            self.lane.counters.router_advertisement();
        }
        done
    }

    /// Tells the sender of a packet that does not fit the UE's tunnel, from the gateway of the UE's own network.
    #[cold]
    pub(super) fn too_big(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        inner: &Inner,
        (ue, mtu): (Option<IpAddr>, u16),
    ) -> Result<(), DropReason> {
        let subnet = ue.and_then(|ue| self.config.subnets.iter().find(|subnet| subnet.holds(ue)));
        let answer = subnet.and_then(|subnet| TooBig::about(frame.packet(), inner, subnet.gateway, mtu));
        let answer = answer.filter(|_| self.answers.take(now)).ok_or(DropReason::TooBig)?;
        self.lane.counters.dropped(DropReason::TooBig, 1);
        frame.replace(answer.octets());
        frame.verdict = Verdict::ToN6;
        Ok(())
    }

    /// What becomes of a packet whose address no session here has: a signpost may say where it has, or it is behind a UE.
    #[cold]
    pub(super) fn ask_the_way(&mut self, now: Moment, frame: &mut Frame, inner: &Inner) -> Result<(), DropReason> {
        let to = inner.destination;
        if let Some(home) = self.signposts.find(to).filter(|_| frame.led_to.is_none()) {
            return self.lead(frame, home);
        }
        let Way { home, ue } = self.routes.find(to).ok_or(DropReason::UnknownUe)?;
        // One that was led here is where it belongs, by the way that its sender took.
        let arrived = frame.led_to == Some(home);
        match (arrived, frame.led_to) {
            (false, Some(_)) => Err(DropReason::UnknownUe),
            (false, None) if self.handover.route(home, self.own) != Route::Here => self.lead(frame, home),
            _ => {
                let place = self.table.address(ue).ok_or(DropReason::UnknownUe)?;
                self.downlink(now, frame, place, (inner, home))
            }
        }
    }

    /// Has a packet taken to the bucket of its session, as if it came from us.
    #[cold]
    pub(super) fn lead(&mut self, frame: &mut Frame, home: Bucket) -> Result<(), DropReason> {
        frame.verdict = match self.handover.route(home, self.own) {
            // It is ours, and the session is not there.
            Route::Here => return Err(DropReason::UnknownUe),
            Route::To(owner) => Verdict::ToWorker(owner),
            Route::Parked => Verdict::Parked(home),
        };
        (frame.led_to, frame.handed_by) = (Some(home), None);
        Ok(())
    }
}

impl Lane {
    /// The Router Advertisement that is due without having been asked for, if one is and the UE can be reached.
    pub(super) fn advertise(&self, now: Instant, session: &mut Session) -> Option<Frame> {
        let mut router = session.router.take_if(|router| router.next <= now)?;
        let way = session.way_to_ue(&router);
        let frame = way.and_then(|(pdr, far)| {
            let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let mut frame = Frame::holding(&router.unasked(now, session.mtu), Origin::N6, nobody);
            self.send_off(pdr, far, &session.payload, &mut frame).ok()?;
            self.counters.router_advertisement();
            Some(frame)
        });
        session.router = Some(router);
        frame
    }
}
