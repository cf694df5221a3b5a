//! The path of packets, without I/O.

mod contents;
mod ethernet;
mod link;
mod shown;
mod steer;
mod unstructured;

pub(crate) use contents::Contents;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gtpu::{Datagram, ErrorIndication, Malformed, Qfi, message};
use rules::{Link, RemoteTunnel, Triggers};

use crate::answers::Answers;
use crate::counters::{Counters, Direction, DropReason, Tally};
use crate::detection::Arrival;
use crate::frame::{self, Frame, Origin, Pool, Verdict};
use crate::handover::{Handover, Route};
use crate::hash::Place;
use crate::inner::Inner;
use crate::lan::Lan;
use crate::mss;
use crate::payload::Payload;
use crate::router::is_of_link;
use crate::routes::{Routes, Way};
use crate::session::{Action, Far, Pdr, Qer, Session};
use crate::shaper::{Shaper, Turn, Waiting};
use crate::signposts::Signposts;
use crate::table::Table;
use crate::timers::Timers;
use crate::too_big::TooBig;
use crate::usage::Usage;
use crate::{Bucket, Command, Config, Event, Moment, Policer, Tap};

/// What the first look at a frame found. The frame is as it came.
enum Look {
    /// A G-PDU for a tunnel in a bucket of ours.
    Uplink {
        teid: u32,
        qfi: Option<Qfi>,
        /// Where its payload begins.
        offset: usize,
        /// The user's packet in it, if it is one.
        inner: Option<Inner>,
    },
    /// A packet to an address in a bucket of ours, or that was led to one.
    Downlink { inner: Inner, bucket: Bucket },
    /// A frame of an Ethernet data network whose bucket is ours.
    Ethernet(Link),
    /// Of a bucket that another worker owns, or that has not arrived here yet.
    Elsewhere(Verdict),
    /// A message that is not a G-PDU.
    Signalling,
    /// An extension header that must be understood and is not.
    UnknownExtension,
    /// Nothing that could be forwarded.
    Wrong(DropReason),
}

/// A look, and the session it led to.
struct Looked {
    look: Look,
    place: Option<Place>,
}

impl Looked {
    /// The bucket of a packet that is ours.
    fn bucket(&self) -> Option<Bucket> {
        match &self.look {
            Look::Uplink { teid, .. } => Some(Bucket::of_tunnel(*teid)),
            Look::Downlink { bucket, .. } => Some(*bucket),
            Look::Ethernet(link) => Some(Bucket::of_link(*link)),
            _ => None,
        }
    }
}

/// Frames that are looked at together: while one waits for memory the others go on.
const TOGETHER: usize = 32;

/// The path of packets through one worker, and the sessions it owns.
pub struct Forwarder {
    config: Config,
    /// Which worker this is.
    own: usize,
    /// Who owns what.
    handover: Handover,
    table: Table,
    signposts: Signposts,
    routes: Routes,
    /// The Ethernet data networks that sessions here are of.
    lans: BTreeMap<Link, Lan>,
    lane: Lane,
    answers: Answers,
    /// From when on unknown tunnels are answered.
    restored: Instant,
    outbox: Vec<Frame>,
    /// Of the frames that are looked at together.
    looked: Vec<Looked>,
    tap: Option<Tap>,
}

/// What every packet touches besides its session.
struct Lane {
    counters: Arc<Counters>,
    tally: Tally,
    pool: Pool,
    events: Vec<Event>,
    timers: Timers,
    shaper: Shaper,
    /// Places of usage rules with a reason to report, of the packet at hand.
    reasons: Vec<(usize, Triggers)>,
    buffer_per_session: usize,
    n3_is_ipv4: bool,
    /// Copies of packets, to be sent with what a burst leaves.
    copies: Vec<Frame>,
    /// What N6 and N3 take, each worker its share of it.
    links: [Option<Policer>; 2],
}

/// Octets before the user's packet on N3: IPv4, UDP, GTP-U with a PDU Session Container.
const OUTER: usize = 20 + 8 + gtpu::HEADROOM;

impl Forwarder {
    /// Worker number `own`, without sessions.
    pub fn new(config: Config, own: usize, now: Instant) -> Self {
        let lane = Lane {
            counters: Arc::default(),
            tally: Tally::default(),
            pool: Pool::new(config.frame_size, config.buffer_total),
            events: Vec::new(),
            timers: Timers::default(),
            shaper: Shaper::new(config.shaping, config.buffer_total / 2),
            reasons: Vec::new(),
            buffer_per_session: config.buffer_per_session,
            n3_is_ipv4: config.n3.is_ipv4(),
            copies: Vec::new(),
            links: config.links.map(|rate| (rate > 0).then(|| Policer::new(rate / config.workers.max(1) as u64, now))),
        };
        let answers = Answers::new(config.answers_per_second);
        let handover = Handover::new(own, config.workers);
        let looked = Vec::with_capacity(TOGETHER);
        let restored = now + config.restoration;
        Self {
            config,
            own,
            handover,
            table: Table::default(),
            signposts: Signposts::default(),
            routes: Routes::default(),
            lans: BTreeMap::new(),
            lane,
            answers,
            restored,
            outbox: Vec::new(),
            looked,
            tap: None,
        }
    }

    /// Its counters, to be read by anyone.
    pub fn counters(&self) -> Arc<Counters> {
        self.lane.counters.clone()
    }

    /// Decides on each frame of a burst: changes the packet and sets its verdict.
    ///
    /// Three passes, so that the memory a frame needs is on its way while others are looked at: which session, by the
    /// frame alone; where the session is; what becomes of the frame.
    pub fn process(&mut self, now: Instant, frames: &mut [Frame]) {
        let now = Moment::from(now);
        let mut looked = std::mem::take(&mut self.looked);
        for frames in frames.chunks_mut(TOGETHER) {
            looked.clear();
            looked.extend(frames.iter().map(|frame| Looked { look: self.look(frame), place: None }));
            self.find(&mut looked);
            self.lane.counters.of_buckets(looked.iter().filter_map(Looked::bucket));
            if self.tap.is_some() {
                self.process_shown(now, frames, &looked);
                continue;
            }
            for (frame, looked) in frames.iter_mut().zip(&looked) {
                self.decide(now, frame, looked);
            }
        }
        self.looked = looked;
        self.outbox.append(&mut self.lane.copies);
        self.lane.publish();
    }

    /// The third pass, for somebody who looks on.
    fn process_shown(&mut self, now: Moment, frames: &mut [Frame], looked: &[Looked]) {
        let Some(tap) = self.tap.clone() else { return };
        for (frame, looked) in frames.iter_mut().zip(looked) {
            let session = looked.place.and_then(|place| self.table.at(place));
            let seid = session.as_ref().map(|session| session.seid);
            let elsewhere = matches!(looked.look, Look::Elsewhere(_));
            if !elsewhere {
                let pdr = session.and_then(|session| looked.look.matches(session, frame.packet()));
                tap.arrived(seid, pdr, frame);
            }
            self.decide(now, frame, looked);
            tap.leaves(seid, frame);
        }
    }

    /// The first pass. In place: what it finds is too large to be handed up.
    #[inline(always)]
    fn look(&self, frame: &Frame) -> Look {
        let sender = frame.handed_by.map_or(self.own, usize::from);
        match frame.origin {
            Origin::N3 => self.look_from_access(frame.packet(), sender),
            Origin::N6 => self.look_from_core(frame, sender),
            Origin::Ethernet(link) => match self.elsewhere(Bucket::of_link(link), sender) {
                None => Look::Ethernet(link),
                Some(elsewhere) => Look::Elsewhere(elsewhere),
            },
        }
    }

    #[inline(always)]
    fn look_from_access(&self, packet: &[u8], sender: usize) -> Look {
        let datagram = match Datagram::parse(packet) {
            Ok(datagram) => datagram,
            Err(Malformed::UnknownExtension(_)) => return Look::UnknownExtension,
            Err(_) => return Look::Wrong(DropReason::MalformedGtp),
        };
        if datagram.message != message::G_PDU {
            return Look::Signalling;
        }
        let teid = datagram.teid;
        if let Some(elsewhere) = self.elsewhere(Bucket::of_tunnel(teid), sender) {
            return Look::Elsewhere(elsewhere);
        }
        self.table.expect_tunnel(teid);
        let qfi = datagram.pdu_session.map(|container| container.qfi());
        Look::Uplink { teid, qfi, offset: datagram.header_length, inner: Inner::parse(datagram.payload) }
    }

    #[inline(always)]
    fn look_from_core(&self, frame: &Frame, sender: usize) -> Look {
        let Some(inner) = Inner::parse(frame.packet()) else { return Look::Wrong(DropReason::MalformedInner) };
        let bucket = frame.led_to.unwrap_or_else(|| Bucket::of_address(inner.destination));
        if let Some(elsewhere) = self.elsewhere(bucket, sender) {
            return Look::Elsewhere(elsewhere);
        }
        self.table.expect_address(inner.destination);
        Look::Downlink { inner, bucket }
    }

    /// The second pass: finds the sessions and has them fetched, then what they point to.
    fn find(&self, looked: &mut [Looked]) {
        for looked in looked.iter_mut() {
            looked.place = match &looked.look {
                Look::Uplink { teid, .. } => self.table.tunnel(*teid),
                Look::Downlink { inner, .. } => self.table.address(inner.destination),
                _ => None,
            };
            if let Some(place) = looked.place {
                self.table.expect(place);
            }
        }
        looked.iter().filter_map(|looked| looked.place).for_each(|place| self.table.expect_rules(place));
    }

    /// The third pass. Who forwards sets the verdict in its place: it is too large to be handed up.
    fn decide(&mut self, now: Moment, frame: &mut Frame, looked: &Looked) {
        let decided = match (&looked.look, looked.place) {
            (Look::Uplink { teid, qfi, offset, inner }, Some(place)) => {
                self.uplink(now, frame, place, (*teid, *qfi), (*offset, inner.as_ref()))
            }
            (Look::Downlink { inner, bucket }, Some(place)) => self.downlink(now, frame, place, (inner, *bucket)),
            (look, _) => self.answer(now, frame, look),
        };
        if let Err(reason) = decided {
            self.lane.counters.dropped(reason, 1);
            frame.verdict = Verdict::Drop;
        }
    }

    /// What becomes of a frame that no session is found for.
    fn answer(&mut self, now: Moment, frame: &mut Frame, look: &Look) -> Result<(), DropReason> {
        frame.verdict = match look {
            Look::Uplink { teid, .. } => self.unknown_tunnel(now, frame, *teid)?,
            Look::Downlink { inner, .. } => return self.ask_the_way(now, frame, inner),
            Look::Ethernet(link) => return self.frame_of_n6(now, frame, *link),
            Look::Elsewhere(verdict) => *verdict,
            Look::Signalling => self.signalling(frame)?,
            Look::UnknownExtension => self.unknown_extension(now, frame)?,
            Look::Wrong(reason) => return Err(*reason),
        };
        Ok(())
    }

    /// Does what the control process asks. Call between bursts, then send [`take_outbox`](Self::take_outbox).
    pub fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Install { id, session, seid, report, end_markers, drop_buffered } => {
                let old = self.table.session(seid);
                let bucket = old.as_ref().map_or(Bucket(0), |old| old.bucket);
                let reports = old.map(|old| reports(old, now, &report)).unwrap_or_default();
                end_markers.into_iter().for_each(|tunnel| self.end_marker(seid, bucket, tunnel));
                let old = self.install(now, seid, session, drop_buffered);
                self.lane.events.push(Event::Installed { id, reports, old });
            }
            Command::Tap(tap) => self.tap = tap,
            Command::Signpost { address, to } => self.signposts.set(address, to),
            Command::Route { network, to } => self.routes.set(network, to.map(|(home, ue)| Way { home, ue })),
            // What concerns other workers is theirs who own the ways to them.
            Command::Move { .. } | Command::Drained(_) | Command::Stop => {}
        }
    }

    /// Puts a session in force in place of what it was, and returns that.
    fn install(
        &mut self,
        now: Instant,
        seid: u64,
        session: Option<Box<Session>>,
        drop_buffered: bool,
    ) -> Option<Box<Session>> {
        let gives_up = drop_buffered || session.is_none();
        let (old, buffered) = match session {
            Some(mut session) => {
                if let Some(old) = self.table.session(seid) {
                    session.inherit(old, now);
                }
                session.attach(&self.config.subnets);
                ethernet::join(&mut self.lans, &mut session);
                let buffered = session.take_buffered(drop_buffered);
                self.lane.timers.arm(&mut session);
                (self.table.put(session), buffered)
            }
            None => {
                let mut old = self.table.take(seid).map(Box::new);
                old.iter_mut().for_each(|old| ethernet::leave(&mut self.lans, old));
                let buffered = old.as_mut().map(|old| old.take_buffered(true));
                (old, buffered.unwrap_or_default())
            }
        };
        self.lane.counters.sessions(self.table.len());
        for mut frame in buffered {
            if gives_up {
                frame.verdict = Verdict::Drop;
                self.lane.counters.dropped(DropReason::BufferDropped, 1);
            } else {
                // Through the rules again: what is still to be buffered is, in the same order. It is where it belongs,
                // whoever handed it over before.
                frame.handed_by = Some(frame::KEPT);
                self.go_on(now, seid, &mut frame);
            }
            self.outbox.push(frame);
        }
        old
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lane.timers.next().into_iter().chain(self.lane.shaper.next()).min()
    }

    /// Does what is due at `now`: packets that waited for their rate, reports of usage and inactivity, delayed notifications.
    /// Call between bursts, then send [`take_outbox`](Self::take_outbox).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.lane.shaper.release(now, self.tap.as_ref(), &mut self.outbox);
        self.switch_outbox(now);
        let mut looked_at = Vec::new();
        while let Some((at, seid)) = self.lane.timers.pop(now) {
            let Some(session) = self.table.session(seid).filter(|session| session.armed == Some(at)) else { continue };
            session.armed = None;
            self.lane.session_due(now, session);
            self.outbox.extend(self.lane.advertise(now, session));
            ethernet::age(&mut self.lans, now, session, &mut self.lane.events);
            looked_at.push(seid);
        }
        // Afterwards: one that is due again at once waits for the next call, and for the commands before it.
        for seid in looked_at {
            if let Some(session) = self.table.session(seid) {
                self.lane.timers.arm(session);
            }
        }
    }

    /// Frames to be sent before the next burst. Give them back with [`recycle`](Self::recycle).
    pub fn take_outbox(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether there are such frames: a burst may have left copies.
    pub(crate) fn has_outbox(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes frames of the outbox back, sent or not.
    pub fn recycle(&mut self, frames: Vec<Frame>) {
        frames.into_iter().for_each(|frame| self.lane.pool.take_back(frame));
    }

    /// What the control process is to be told, in order.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.lane.events.drain(..)
    }

    /// Says that frames could not be sent, or not be handed to another worker.
    pub fn lost(&self, reason: DropReason, count: usize) {
        self.lane.counters.dropped(reason, count as u64);
    }

    /// Counts how long a burst took that was received at `since`, where somebody asks.
    pub(crate) fn took(&self, since: Instant, packets: usize) {
        if let Some(statistics) = self.lane.counters.statistics() {
            statistics.took(since.elapsed(), packets);
        }
    }

    fn end_marker(&mut self, seid: u64, bucket: Bucket, tunnel: RemoteTunnel) {
        let to = SocketAddr::new(tunnel.address, gtpu::PORT);
        let mut frame = Frame::holding(&gtpu::end_marker(tunnel.teid), Origin::N6, to);
        frame.verdict = Verdict::ToN3(to);
        self.lane.counters.end_marker();
        // Behind what waits for its rate in that tunnel.
        self.outbox.extend(self.lane.shaper.behind(Waiting { seid, bucket, frame }));
    }

    fn signalling(&mut self, frame: &mut Frame) -> Result<Verdict, DropReason> {
        let datagram = Datagram::parse(frame.packet()).map_err(|_| DropReason::MalformedGtp)?;
        match datagram.message {
            message::ECHO_REQUEST => {
                let answer = gtpu::echo_response(datagram.sequence.unwrap_or_default());
                frame.replace(&answer);
                self.lane.counters.echo();
                Ok(Verdict::ToN3(frame.peer))
            }
            message::ERROR_INDICATION => {
                let told = ErrorIndication::read(datagram.payload).ok_or(DropReason::MalformedGtp)?;
                self.error_indicated(frame.peer.ip(), told);
                Ok(Verdict::Drop)
            }
            // Nothing follows from these for a UPF.
            message::END_MARKER | message::ECHO_RESPONSE | message::SUPPORTED_EXTENSION_HEADERS => Ok(Verdict::Drop),
            _ => Err(DropReason::OtherMessage),
        }
    }

    /// What becomes of a frame whose bucket is not here, of those that `sender` gave us.
    fn elsewhere(&self, bucket: Bucket, sender: usize) -> Option<Verdict> {
        match self.handover.route(bucket, sender) {
            Route::Here => None,
            Route::To(owner) => Some(Verdict::ToWorker(owner)),
            Route::Parked => Some(Verdict::Parked(bucket)),
        }
    }

    /// Who owns what, as this worker knows it.
    pub(crate) fn handover(&mut self) -> &mut Handover {
        &mut self.handover
    }

    fn uplink(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        (teid, qfi): (u32, Option<Qfi>),
        (offset, inner): (usize, Option<&Inner>),
    ) -> Result<(), DropReason> {
        let session = self.table.at(place).ok_or(DropReason::UnknownTunnel)?;
        if let Payload::Other(_) = session.payload {
            return self.uplink_other(now, frame, place, (teid, qfi));
        }
        let inner = inner.ok_or(DropReason::MalformedInner)?;
        frame.strip(offset);
        frame.truncate(inner.length);
        if !session.owns(inner.source) || is_of_link(inner.destination) {
            return self.on_link(now, frame, place, inner);
        }
        if self.config.protected.contains(&inner.destination) {
            return Err(DropReason::Protected);
        }
        if inner.protocol == mss::TCP {
            mss::clamp(frame.packet_mut(), session.mtu);
        }
        let pdr = session.classify(Arrival { direction: Direction::Uplink, tunnel: teid, qfi }, frame.packet(), inner);
        self.lane.forward(now, session, pdr.ok_or(DropReason::NoRule)?, Direction::Uplink, frame)
    }

    fn downlink(
        &mut self,
        now: Moment,
        frame: &mut Frame,
        place: Place,
        (inner, bucket): (&Inner, Bucket),
    ) -> Result<(), DropReason> {
        frame.truncate(inner.length);
        let session = self.table.at(place).ok_or(DropReason::UnknownUe)?;
        if session.bucket != bucket && self.handover.route(session.bucket, self.own) != Route::Here {
            let home = session.bucket;
            return self.lead(frame, home);
        }
        if let Payload::Other(_) = session.payload {
            return self.out_of_tunnel(now, frame, place, inner);
        }
        let asked = if session.rare.is_some() { session.as_asked(frame) } else { None };
        let inner = asked.as_ref().unwrap_or(inner);
        // From such an address, and with the hop count that we leave as it is, it could pass for our own word on the link.
        if is_of_link(inner.source) {
            return Err(DropReason::LinkLocal);
        }
        if inner.length > usize::from(session.mtu) && !TooBig::may_be_cut(frame.packet()) {
            let mtu = session.mtu;
            let ue = session.address_like(inner.destination);
            return self.too_big(now, frame, inner, (ue, mtu));
        }
        if inner.protocol == mss::TCP {
            mss::clamp(frame.packet_mut(), session.mtu);
        }
        let arrival = Arrival { direction: Direction::Downlink, tunnel: crate::inner::ABSENT, qfi: None };
        let pdr = session.classify(arrival, frame.packet(), inner);
        self.lane.forward(now, session, pdr.ok_or(DropReason::NoRule)?, Direction::Downlink, frame)
    }

    /// TS 29.281 7.3.1: the sender of a G-PDU for a tunnel that is not there is told. Tunnel 0 is nobody's.
    fn unknown_tunnel(&mut self, now: Moment, frame: &mut Frame, teid: u32) -> Result<Verdict, DropReason> {
        self.lane.counters.dropped(DropReason::UnknownTunnel, 1);
        if teid == 0 || now.instant() < self.restored || !self.answers.take(now) {
            return Ok(Verdict::Drop);
        }
        let mut answer = [0; 36];
        let length = gtpu::error_indication(teid, self.config.n3, &mut answer);
        frame.replace(answer.get(..length).unwrap_or_default());
        self.lane.counters.error_indication_sent();
        // To the port of GTP-U, whatever port the G-PDU came from (TS 29.281 4.4.2.4).
        Ok(Verdict::ToN3(SocketAddr::new(frame.peer.ip(), gtpu::PORT)))
    }

    /// TS 29.281 5.2.1: the sender of an extension header that must be understood and is not is told which are.
    fn unknown_extension(&mut self, now: Moment, frame: &mut Frame) -> Result<Verdict, DropReason> {
        self.lane.counters.dropped(DropReason::UnknownExtension, 1);
        if !self.answers.take(now) {
            return Ok(Verdict::Drop);
        }
        frame.replace(&gtpu::supported_extension_headers());
        Ok(Verdict::ToN3(SocketAddr::new(frame.peer.ip(), gtpu::PORT)))
    }

    /// Tells the control process once. A forged indication names an address other than its sender's, or no tunnel of ours.
    fn error_indicated(&mut self, sender: IpAddr, told: ErrorIndication) {
        let tunnel = RemoteTunnel { teid: told.teid, address: told.address };
        let Some(session) = self.table.by_remote(&tunnel).filter(|_| told.address == sender) else { return };
        if !session.error_told {
            session.error_told = true;
            self.lane.counters.error_indication_received();
            self.lane.events.push(Event::ErrorIndication { seid: session.seid, tunnel });
        }
    }
}

/// Octets that a packet takes of its link.
fn on_link(direction: Direction, length: usize) -> usize {
    match direction {
        Direction::Uplink => length,
        Direction::Downlink => length + OUTER,
    }
}

fn reports(session: &mut Session, now: Instant, wanted: &BTreeSet<u32>) -> Vec<Usage> {
    let mut usage = Vec::new();
    for urr in session.urrs.iter_mut().filter(|urr| wanted.contains(&urr.id())) {
        urr.report(now, Triggers::default(), &mut usage);
    }
    usage
}

impl Lane {
    /// Lets others see what a burst has counted.
    fn publish(&mut self) {
        self.counters.add(&std::mem::take(&mut self.tally));
    }

    /// What becomes of a packet of this session that matches this PDR.
    fn forward(
        &mut self,
        now: Moment,
        session: &mut Session,
        pdr: usize,
        direction: Direction,
        frame: &mut Frame,
    ) -> Result<(), DropReason> {
        let of = session.pdrs.get(pdr).ok_or(DropReason::NoRule)?;
        let far = session.fars.get(of.far.into()).copied().ok_or(DropReason::NoRule)?;
        if let Some(statistics) = self.counters.statistics() {
            statistics.hit(of.id);
        }
        match far.action {
            Action::Steered(place) => self.steer(now, session, (pdr, place), direction, frame),
            _ => self.apply(now, session, (pdr, far), direction, frame),
        }
    }

    /// What becomes of a packet by this PDR and FAR.
    #[inline(always)]
    fn apply(
        &mut self,
        now: Moment,
        session: &mut Session,
        (pdr, far): (usize, Far),
        direction: Direction,
        frame: &mut Frame,
    ) -> Result<(), DropReason> {
        let Session { pdrs, qers, urrs, payload, .. } = session;
        let pdr = pdrs.get(pdr).ok_or(DropReason::NoRule)?;
        let length = frame.packet().len();
        match far.action {
            // What is steered comes here by what it is besides.
            Action::Drop | Action::Steered(_) => return Err(DropReason::Rule),
            Action::Buffer { .. } if direction == Direction::Uplink => return Err(DropReason::Rule),
            Action::Buffer { notify, limit, delay_ms } => {
                let id = notify.then_some(pdr.id);
                return self.buffer(now.instant(), session, frame, id, (limit, delay_ms));
            }
            Action::ToCore | Action::ToAccess(_) => {}
        }
        let of_pdr = || pdr.qers.iter().filter_map(|qer| qers.get(usize::from(*qer)));
        let turn = self.enforce(now, of_pdr(), direction, length)?;
        if pdr.urrs.iter().filter_map(|urr| urrs.get(usize::from(*urr))).any(|urr| urr.exhausted()) {
            return Err(DropReason::Quota);
        }
        self.send_off(pdr, far, payload, frame)?;
        for qer in pdr.qers.iter() {
            if let Some(qer) = qers.get_mut(usize::from(*qer)) {
                qer.take(now, direction, length);
            }
        }
        if let Some(link) = &mut self.links[direction as usize] {
            link.take(now, on_link(direction, length));
        }
        let (mut earlier, clock) = (false, now.instant());
        for place in pdr.urrs.iter().map(|place| usize::from(*place)) {
            let Some(urr) = urrs.get_mut(place) else { continue };
            let (triggers, nearer) = urr.count(clock, direction, length);
            earlier |= nearer;
            if triggers != Triggers::default() {
                self.reasons.push((place, triggers));
            }
        }
        earlier |= session.passes(clock);
        if !self.reasons.is_empty() {
            let usage = session.report(clock, &self.reasons);
            self.reasons.clear();
            self.events.push(Event::UsageDue { seid: session.seid, usage });
        }
        if earlier {
            self.timers.arm(session);
        }
        self.tally.forwarded(direction, length);
        if let Turn::At(tick) = turn {
            self.shape(now, tick, session, frame);
        }
        Ok(())
    }

    /// Has a packet leave later.
    fn shape(&mut self, now: Moment, tick: u64, session: &Session, place: &mut Frame) {
        if let Some(frame) = self.pool.put_aside(place) {
            place.verdict = Verdict::Drop;
            self.shaper.put(now, tick, Waiting { seid: session.seid, bucket: session.bucket, frame });
            self.counters.shaped();
        }
    }

    /// When a packet may pass by all of its QERs; where the link is full, only within a guaranteed bit rate. Takes no credit.
    fn enforce<'a>(
        &self,
        now: Moment,
        qers: impl Iterator<Item = &'a Qer>,
        direction: Direction,
        length: usize,
    ) -> Result<Turn, DropReason> {
        let place = direction as usize;
        let (mut guaranteed, mut from) = (false, 0);
        for qer in qers {
            if qer.closed[place] {
                return Err(DropReason::Gate);
            }
            if let Some(policer) = &qer.policers[place] {
                from = policer.admits_from(length).ok_or(DropReason::Rate)?.max(from);
            }
            guaranteed |= qer.guarantees(now, direction, length);
        }
        let full = self.links[place].as_ref().is_some_and(|link| !link.admits(now, on_link(direction, length)));
        if full && !guaranteed {
            return Err(DropReason::Congestion);
        }
        match self.shaper.turn(now, from).ok_or(DropReason::Rate)? {
            Turn::At(_) if !self.pool.has_room() => Err(DropReason::Rate),
            turn => Ok(turn),
        }
    }

    /// Makes the frame what leaves: outer header and marking.
    fn send_off(&self, pdr: &Pdr, far: Far, payload: &Payload, frame: &mut Frame) -> Result<(), DropReason> {
        let Action::ToAccess(tunnel) = far.action else {
            if let Payload::Other(other) = payload {
                return other.send_off(far.marking.0 & far.marking.1, frame);
            }
            if far.marking.1 != 0 {
                crate::inner::mark(frame.packet_mut(), far.marking);
            }
            frame.verdict = Verdict::ToN6;
            return Ok(());
        };
        if tunnel.address.is_ipv4() != self.n3_is_ipv4 {
            return Err(DropReason::Encapsulation);
        }
        let length = frame.packet().len();
        let written = pdr.encapsulation(tunnel).write(frame.headroom(), length);
        frame.prepend(written.ok_or(DropReason::Encapsulation)?);
        frame.marking = far.marking.0 & far.marking.1;
        frame.verdict = Verdict::ToN3(SocketAddr::new(tunnel.address, gtpu::PORT));
        Ok(())
    }

    /// Keeps a packet until the UE can be reached. The control plane is told of the first of a burst, where a PDR is given to
    /// tell it of, at once or after the delay.
    fn buffer(
        &mut self,
        now: Instant,
        session: &mut Session,
        frame: &mut Frame,
        tell: Option<u16>,
        (limit, delay_ms): (Option<u16>, u32),
    ) -> Result<(), DropReason> {
        let limit = limit.map_or(self.buffer_per_session, |limit| usize::from(limit).min(self.buffer_per_session));
        let buffer = session.buffer.get_or_insert_default();
        if buffer.frames.len() >= limit {
            return Err(DropReason::BufferFull);
        }
        let mut kept = self.pool.put_aside(frame).ok_or(DropReason::BufferFull)?;
        // It found its session, wherever the bucket of its address is by the time that it goes on.
        kept.led_to = Some(session.bucket);
        buffer.frames.push_back(kept);
        self.counters.buffered();
        frame.verdict = Verdict::Drop;
        let Some(pdr) = tell.filter(|_| !buffer.notified) else { return Ok(()) };
        buffer.notified = true;
        if delay_ms == 0 {
            self.events.push(Event::DownlinkData { seid: session.seid, pdr });
        } else {
            buffer.notify_at = Some((now + Duration::from_millis(delay_ms.into()), pdr));
            self.timers.arm(session);
        }
        Ok(())
    }

    /// Does what is due in a session.
    fn session_due(&mut self, now: Instant, session: &mut Session) {
        let seid = session.seid;
        for (place, urr) in session.urrs.iter_mut().enumerate() {
            let triggers = urr.handle_timeout(now);
            if triggers != Triggers::default() {
                self.reasons.push((place, triggers));
            }
        }
        if !self.reasons.is_empty() {
            let usage = session.report(now, &self.reasons);
            self.reasons.clear();
            self.events.push(Event::UsageDue { seid, usage });
        }
        if let Some(buffer) = &mut session.buffer
            && let Some((_, pdr)) = buffer.notify_at.take_if(|(at, _)| *at <= now)
        {
            self.events.push(Event::DownlinkData { seid, pdr });
        }
        if let Some(idle) = &mut session.idle
            && !idle.told
            && now.saturating_duration_since(idle.last) >= idle.after
        {
            idle.told = true;
            self.events.push(Event::Inactive { seid });
        }
    }
}

#[cfg(test)]
#[path = "timers_tests.rs"]
mod tests;
