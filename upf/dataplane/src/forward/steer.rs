//! Packets that go elsewhere besides, or in place of, where they want to.

use std::net::SocketAddr;

use gtpu::Encapsulation;
use rules::Duplicate;

use super::Lane;
use crate::Moment;
use crate::counters::{Direction, DropReason};
use crate::detection::Arrival;
use crate::frame::{Frame, Verdict};
use crate::inner::{self, Inner};
use crate::session::{Action, Session};
use crate::steered::Redirection;

impl Lane {
    /// What becomes of a packet that matches this PDR, whose FAR steers it.
    #[cold]
    pub(super) fn steer(
        &mut self,
        now: Moment,
        session: &mut Session,
        (pdr, place): (usize, u16),
        direction: Direction,
        frame: &mut Frame,
    ) -> Result<(), DropReason> {
        let steered = session.rare.as_deref().and_then(|rare| rare.steered.get(usize::from(place)));
        let steered = steered.ok_or(DropReason::NoRule)?;
        let (far, redirects) = (steered.far, steered.redirect.is_some() && direction == Direction::Uplink);
        // What is buffered is copied once it goes on.
        let waits = matches!(far.action, Action::Buffer { .. });
        let before = self.copies.len();
        if !waits {
            steered.copies.iter().for_each(|to| self.copy(to, frame));
        }
        let done = match redirects.then(|| session.redirect(place, frame)) {
            None => self.apply(now, session, (pdr, far), direction, frame),
            Some(None) => Err(DropReason::Redirect),
            Some(Some(Redirection::Onward)) => {
                self.counters.redirected();
                self.apply(now, session, (pdr, far), direction, frame)
            }
            Some(Some(Redirection::Answered)) => self.back(now, session, frame),
        };
        // A packet that a limit drops is as if it had not come; one that is to be dropped has its copies.
        if done.is_err() && far.action != Action::Drop {
            self.copies.drain(before..).for_each(|copy| self.pool.take_back(copy));
        }
        self.counters.copies(self.copies.len().saturating_sub(before));
        done
    }

    /// An answer made of an uplink packet goes to the UE, by the rules of what comes to it.
    fn back(&mut self, now: Moment, session: &mut Session, frame: &mut Frame) -> Result<(), DropReason> {
        self.counters.redirected();
        let inner = Inner::parse(frame.packet()).ok_or(DropReason::MalformedInner)?;
        let arrival = Arrival { direction: Direction::Downlink, tunnel: inner::ABSENT, qfi: None };
        let pdr = session.classify(arrival, frame.packet(), &inner).ok_or(DropReason::NoRule)?;
        let far = session.pdrs.get(pdr).and_then(|pdr| session.fars.get(pdr.far.into()).copied());
        let far = session.plain(far.ok_or(DropReason::NoRule)?);
        // It cannot wait: the client asks again.
        if matches!(far.action, Action::Buffer { .. }) {
            return Err(DropReason::Rule);
        }
        self.apply(now, session, (pdr, far), Direction::Downlink, frame)
    }

    /// Makes a copy that goes in a tunnel of its own.
    fn copy(&mut self, to: &Duplicate, frame: &Frame) {
        let copy = if to.tunnel.address.is_ipv4() == self.n3_is_ipv4 { self.pool.copy(frame) } else { None };
        let Some(mut copy) = copy else { return self.counters.dropped(DropReason::Copy, 1) };
        let length = copy.packet().len();
        let header = Encapsulation { teid: to.tunnel.teid, pdu_session: None };
        let Some(written) = header.write(copy.headroom(), length) else {
            self.pool.take_back(copy);
            return self.counters.dropped(DropReason::Copy, 1);
        };
        copy.prepend(written);
        copy.marking = to.marking.0 & to.marking.1;
        copy.verdict = Verdict::ToN3(SocketAddr::new(to.tunnel.address, gtpu::PORT));
        self.copies.push(copy);
    }
}
