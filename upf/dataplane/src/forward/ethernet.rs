//! Frames of Ethernet sessions: which sessions they go to (TS 23.501 5.6.10.2, 5.8.2.5.3).

use std::collections::BTreeMap;
use std::time::Instant;

use gtpu::{Datagram, Qfi};
use rules::{Link, Mac};

use super::Forwarder;
use crate::counters::{Direction, DropReason};
use crate::detection::Arrival;
use crate::frame::{Frame, Origin, Verdict};
use crate::hash::Place;
use crate::inner::ABSENT;
use crate::lan::{Header, Lan, is_group};
use crate::payload::{Other, Payload};
use crate::session::Session;
use crate::{Event, Moment};

/// Has a session of an Ethernet data network known there.
pub(super) fn join(lans: &mut BTreeMap<Link, Lan>, session: &mut Session) {
    let seid = session.seid;
    if let Some(member) = session.payload.member() {
        lans.entry(member.link).or_default().join(seid);
    }
}

/// Has a session that ends known there no longer.
pub(super) fn leave(lans: &mut BTreeMap<Link, Lan>, session: &mut Session) {
    let seid = session.seid;
    let Some(member) = session.payload.member() else { return };
    if lans.get_mut(&member.link).is_some_and(|lan| lan.leave(seid, member.stations())) {
        lans.remove(&member.link);
    }
}

/// Forgets stations of a session of which nothing came for long.
pub(super) fn age(lans: &mut BTreeMap<Link, Lan>, now: Instant, session: &mut Session, events: &mut Vec<Event>) {
    let seid = session.seid;
    let Some(member) = session.payload.member() else { return };
    let removed = member.aged(now);
    if let Some(lan) = lans.get_mut(&member.link) {
        removed.iter().for_each(|station| lan.forget(seid, *station));
    }
    if !removed.is_empty() && !member.told.is_empty() {
        let urrs = member.told.clone();
        events.push(Event::MacAddresses { seid, urrs, detected: Vec::new(), removed });
    }
}

impl Forwarder {
    /// What a UE sends that is no IP packet.
    #[cold]
    pub(super) fn uplink_other(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        (teid, qfi): (u32, Option<Qfi>),
    ) -> Result<(), DropReason> {
        let datagram = Datagram::parse(frame.packet()).map_err(|_| DropReason::MalformedGtp)?;
        let (offset, length) = (datagram.header_length, datagram.payload.len());
        frame.strip(offset);
        frame.truncate(length);
        let arrival = Arrival { direction: Direction::Uplink, tunnel: teid, qfi };
        let session = self.table.at(place).ok_or(DropReason::UnknownTunnel)?;
        match &session.payload {
            Payload::Other(other) if matches!(**other, Other::Ethernet(_)) => {
                self.frame_of_ue(now, frame, place, arrival)
            }
            _ => {
                let pdr = session.classify_other(arrival, frame.packet(), None).ok_or(DropReason::NoRule)?;
                self.lane.forward(now, session, pdr, Direction::Uplink, frame)
            }
        }
    }

    /// A frame of a UE: its source is noted, and where its destination is behind another session, it goes there.
    fn frame_of_ue(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        arrival: Arrival,
    ) -> Result<(), DropReason> {
        let header = Header::parse(frame.packet()).ok_or(DropReason::MalformedInner)?;
        // The device of N6 is the system's own: what is for the core itself would arrive there.
        if header.ip(frame.packet()).is_some_and(|(inner, _)| self.config.protected.contains(&inner.destination)) {
            return Err(DropReason::Protected);
        }
        let session = self.table.at(place).ok_or(DropReason::UnknownTunnel)?;
        let seid = session.seid;
        let member = session.payload.member().ok_or(DropReason::UnknownTunnel)?;
        let (link, known) = (member.link, member.stations().any(|station| station == header.source));
        let lan = self.lans.get_mut(&link).ok_or(DropReason::UnknownTunnel)?;
        // One station more only where there is room for it.
        if !lan.admits(now.instant(), seid, header.source, if known { 0 } else { member.count() }) {
            return Err(DropReason::MacAddress);
        }
        let pdr = session.classify_other(arrival, frame.packet(), Some(&header)).ok_or(DropReason::NoRule)?;
        self.lane.forward(now, session, pdr, Direction::Uplink, frame)?;
        // Only now: a station whose frames the rules drop is none of the network.
        lan.learn(seid, header.source);
        let member = session.payload.member().ok_or(DropReason::UnknownTunnel)?;
        if member.heard(now.instant(), header.source) {
            if !member.told.is_empty() {
                let (urrs, detected) = (member.told.clone(), vec![header.source]);
                self.lane.events.push(Event::MacAddresses { seid, urrs, detected, removed: Vec::new() });
            }
            self.lane.timers.arm(session);
        }
        self.switch(now, frame)
    }

    /// Frames of UEs that waited for their rate go where their destinations are by now.
    pub(super) fn switch_outbox(&mut self, now: Instant) {
        if self.lans.is_empty() {
            return;
        }
        let mut frames = std::mem::take(&mut self.outbox);
        for frame in &mut frames {
            if let Err(reason) = self.switch(Moment::from(now), frame) {
                self.lane.counters.dropped(reason, 1);
                frame.verdict = Verdict::Drop;
            }
        }
        // What was copied of a frame comes behind it.
        frames.append(&mut self.outbox);
        frames.append(&mut self.lane.copies);
        self.outbox = frames;
    }

    /// Takes a frame that a UE sent to its Ethernet data network to the sessions that it is for; what is for none of them, or not
    /// for them alone, leaves on N6.
    fn switch(&mut self, now: Moment, frame: &mut Frame) -> Result<(), DropReason> {
        let Verdict::ToEthernet(link) = frame.verdict else { return Ok(()) };
        let (Some(header), Some(lan)) = (Header::parse(frame.packet()), self.lans.get(&link)) else { return Ok(()) };
        let sender = lan.session_of(header.source);
        if is_group(header.destination) {
            let others = lan.sessions_but(sender);
            self.flood(now, frame, &others);
            frame.verdict = Verdict::ToEthernet(link);
            return Ok(());
        }
        match lan.session_of(header.destination) {
            None => Ok(()),
            // Both are behind one UE, which takes care of that itself.
            to if to == sender => Err(DropReason::LinkLocal),
            Some(to) => {
                frame.origin = Origin::Ethernet(link);
                self.frame_to_ue(now, frame, to)
            }
        }
    }

    /// A frame from N6.
    #[cold]
    pub(super) fn frame_of_n6(&mut self, now: Moment, frame: &mut Frame, link: Link) -> Result<(), DropReason> {
        let header = Header::parse(frame.packet()).ok_or(DropReason::MalformedInner)?;
        let lan = self.lans.get_mut(&link).ok_or(DropReason::UnknownUe)?;
        if let Some(loser) = lan.heard_on_n6(now.instant(), header.source) {
            self.lose(loser, header.source);
        }
        let lan = self.lans.get(&link).ok_or(DropReason::UnknownUe)?;
        if is_group(header.destination) {
            let all = lan.sessions_but(None);
            self.flood(now, frame, &all);
            frame.verdict = Verdict::Drop;
            return Ok(());
        }
        // What no UE has sent from goes to none: the others would only see what is not for them.
        let seid = lan.session_of(header.destination).ok_or(DropReason::UnknownUe)?;
        self.frame_to_ue(now, frame, seid)
    }

    /// A station of a session is on N6 now.
    fn lose(&mut self, seid: u64, station: Mac) {
        let Some(session) = self.table.session(seid) else { return };
        let Some(member) = session.payload.member() else { return };
        member.forget(station);
        if !member.told.is_empty() {
            let (urrs, removed) = (member.told.clone(), vec![station]);
            self.lane.events.push(Event::MacAddresses { seid, urrs, detected: Vec::new(), removed });
        }
    }

    /// Sends a copy to each of these sessions.
    fn flood(&mut self, now: Moment, frame: &Frame, sessions: &[u64]) {
        for seid in sessions {
            let Some(mut copy) = self.lane.pool.copy(frame) else {
                self.lane.counters.dropped(DropReason::BufferFull, 1);
                continue;
            };
            if let Err(reason) = self.frame_to_ue(now, &mut copy, *seid) {
                self.lane.counters.dropped(reason, 1);
                copy.verdict = Verdict::Drop;
            }
            if let Some(tap) = &self.tap {
                tap.leaves(Some(*seid), &copy);
            }
            self.outbox.push(copy);
        }
    }

    /// Takes a frame to a session by the session's rules.
    fn frame_to_ue(&mut self, now: Moment, frame: &mut Frame, seid: u64) -> Result<(), DropReason> {
        let session = self.table.session(seid).ok_or(DropReason::UnknownUe)?;
        let header = Header::parse(frame.packet()).ok_or(DropReason::MalformedInner)?;
        let arrival = Arrival { direction: Direction::Downlink, tunnel: ABSENT, qfi: None };
        let pdr = session.classify_other(arrival, frame.packet(), Some(&header)).ok_or(DropReason::NoRule)?;
        self.lane.forward(now, session, pdr, Direction::Downlink, frame)
    }

    /// Goes on with what a session kept: an IP packet once more from the start, anything else at the session that it has found.
    pub(super) fn go_on(&mut self, now: Instant, seid: u64, frame: &mut Frame) {
        let payload = self.table.session(seid).map(|session| &session.payload);
        let done = match payload {
            Some(Payload::Other(other)) => match **other {
                Other::Ethernet(_) => self.frame_to_ue(Moment::from(now), frame, seid),
                Other::Unstructured(_) => self.payload_to_ue(Moment::from(now), frame, seid),
            },
            Some(Payload::Ip) | None => {
                self.process(now, std::slice::from_mut(frame));
                return;
            }
        };
        if let Err(reason) = done {
            self.lane.counters.dropped(reason, 1);
            frame.verdict = Verdict::Drop;
        }
        if let Some(tap) = &self.tap {
            tap.leaves(Some(seid), frame);
        }
        self.outbox.append(&mut self.lane.copies);
        self.lane.publish();
    }
}
