//! A session as the path uses it: its rules laid out for look-up, and what is counted and buffered under them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gtpu::{Encapsulation, PduSession, Qfi};
use ipnet::IpNet;
use rules::{Destination, RemoteTunnel, Source, Triggers};

use crate::counters::Direction;
use crate::detection::{Arrival, Detection};
use crate::few::Few;
use crate::frame::Frame;
use crate::hash::prefetch;
use crate::inner::Inner;
use crate::lan::Header;
use crate::payload::Payload;
use crate::redirected::Redirected;
use crate::router::Router;
use crate::steered::Steered;
use crate::usage::{Urr, Usage};
use crate::{Bucket, Catalogue, Moment, Policer, Subnet};

/// What becomes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Drop,
    ToCore,
    ToAccess(RemoteTunnel),
    Buffer {
        notify: bool,
        limit: Option<u16>,
        delay_ms: u32,
    },
    /// What stands at this place of the session's steering.
    Steered(u16),
}

/// What is done with packets, and the ToS or traffic class they get: the value, and the bits of it that count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Far {
    pub(crate) action: Action,
    pub(crate) marking: (u8, u8),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pdr {
    pub(crate) id: u16,
    pub(crate) far: u16,
    pub(crate) qers: Few<u16, 3>,
    pub(crate) urrs: Few<u16, 3>,
    /// What the PDU Session Container says of packets forwarded towards the access network.
    container: Option<PduSession>,
}

impl Pdr {
    pub(crate) fn encapsulation(&self, tunnel: RemoteTunnel) -> Encapsulation {
        Encapsulation { teid: tunnel.teid, pdu_session: self.container }
    }
}

pub(crate) struct Qer {
    id: u32,
    /// Uplink, downlink.
    pub(crate) closed: [bool; 2],
    pub(crate) policers: [Option<Policer>; 2],
    /// What passes even where the link is full, where the flow has a guaranteed rate: few have.
    pub(crate) guaranteed: Option<Box<[Policer; 2]>>,
}

impl Qer {
    /// Whether a packet is within the guaranteed bit rate of its flow.
    pub(crate) fn guarantees(&self, now: Moment, direction: Direction, length: usize) -> bool {
        self.guaranteed.as_ref().is_some_and(|policers| policers[direction as usize].admits(now, length))
    }

    /// Takes the credit of a packet that passes.
    pub(crate) fn take(&mut self, now: Moment, direction: Direction, length: usize) {
        if let Some(policer) = &mut self.policers[direction as usize] {
            policer.take(now, length);
        }
        if let Some(guaranteed) = &mut self.guaranteed {
            // Beyond the guaranteed rate a packet takes nothing of it, else the flow would lose what is guaranteed.
            let policer = &mut guaranteed[direction as usize];
            if policer.admits(now, length) {
                policer.take(now, length);
            }
        }
    }
}

/// Downlink packets that wait for the UE.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) frames: VecDeque<Frame>,
    /// Whether the control plane was told of this burst.
    pub(crate) notified: bool,
    /// When it is to be told of it, and by which PDR's packet.
    pub(crate) notify_at: Option<(Instant, u16)>,
}

/// Tells when no packet passes for a time.
pub(crate) struct Idle {
    pub(crate) after: Duration,
    pub(crate) last: Instant,
    /// Whether that was told; a packet makes it news again.
    pub(crate) told: bool,
}

/// What few sessions have.
pub(crate) struct Rare {
    /// Networks behind the UE.
    framed: Box<[IpNet]>,
    /// Where packets go besides, or in place of, where they want to.
    pub(crate) steered: Box<[Steered]>,
    /// Whom those asked that were redirected.
    pub(crate) redirected: Redirected,
}

/// A session, ready for packets. Made beside the path, then handed to the worker that owns its bucket.
pub struct Session {
    pub(crate) seid: u64,
    pub(crate) bucket: Bucket,
    pub(crate) tunnels: Few<u32, 1>,
    pub(crate) addresses: Few<IpAddr, 1>,
    pub(crate) remotes: Few<RemoteTunnel, 1>,
    /// Uplink, downlink.
    detection: [Detection; 2],
    pub(crate) pdrs: Few<Pdr, 2, Arc<[Pdr]>>,
    pub(crate) fars: Few<Far, 2>,
    pub(crate) qers: Few<Qer, 1>,
    pub(crate) urrs: Few<Urr, 1>,
    /// Where packets wait, or did.
    pub(crate) buffer: Option<Box<Buffer>>,
    /// Where the time without packets is watched.
    pub(crate) idle: Option<Box<Idle>>,
    /// What its packets are.
    pub(crate) payload: Payload,
    /// What few sessions have.
    pub(crate) rare: Option<Box<Rare>>,
    /// The link of a UE with IPv6.
    pub(crate) router: Option<Box<Router>>,
    /// Octets of the longest packet to or from the UE.
    pub(crate) mtu: u16,
    /// When the forwarder is to look at the session's times next.
    pub(crate) armed: Option<Instant>,
    /// Whether the control plane was told that the far end does not know a tunnel.
    pub(crate) error_told: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "session {:#x} of {:?}", self.seid, self.addresses)
    }
}

impl Session {
    /// Lays out the rules of session `seid` for it alone; sessions that may share theirs are compiled by one [`Catalogue`].
    pub fn compile(seid: u64, rules: &rules::Session, now: Instant) -> Box<Self> {
        Catalogue::default().compile(seid, rules, now)
    }

    pub(crate) fn lay_out(seid: u64, rules: &rules::Session, now: Instant, catalogue: &mut Catalogue) -> Box<Self> {
        let fars: BTreeMap<_, u16> = rules.fars.keys().copied().zip(0..).collect();
        let qers: BTreeMap<_, u16> = rules.qers.keys().copied().zip(0..).collect();
        let urrs: BTreeMap<_, u16> = rules.urrs.keys().copied().zip(0..).collect();
        let addresses: Vec<IpAddr> = rules.addresses().into_iter().collect();
        let routes: Vec<IpNet> = rules.framed_routes().into_iter().collect();
        let mut detected = Vec::with_capacity(rules.pdrs.len());
        let mut pdrs = Vec::with_capacity(rules.pdrs.len());
        for (id, pdr) in &rules.pdrs {
            let Some(far) = pdr.far.and_then(|far| fars.get(&far).copied()) else { continue };
            detected.push((pdrs.len() as u16, pdr));
            pdrs.push(Pdr {
                id: id.0,
                far,
                qers: pdr.qers.iter().filter_map(|id| qers.get(id).copied()).collect(),
                urrs: pdr.urrs.iter().filter_map(|id| urrs.get(id).copied()).collect(),
                container: container(rules, pdr),
            });
        }
        let router = Router::of(&addresses, detected.iter().copied(), now);
        let tunnels: Few<u32, 1> = rules.tunnels().into_iter().map(|teid| teid.0).collect();
        let detection = [Direction::Uplink, Direction::Downlink].map(|direction| {
            let pdrs = detected.iter().copied();
            Detection::compile(direction, pdrs, (&addresses, &routes), tunnels.iter().count(), catalogue)
        });
        let mut steered = Vec::new();
        let fars_of: Vec<Far> =
            rules.fars.values().map(|far| steer(compile_far(rules, far), far, &mut steered)).collect();
        let rare = (!routes.is_empty() || !steered.is_empty()).then(|| {
            let (framed, steered) = (routes.into(), steered.into());
            Box::new(Rare { framed, steered, redirected: Redirected::default() })
        });
        Box::new(Self {
            seid,
            bucket: Bucket::of_session(rules),
            tunnels,
            remotes: rules.fars.values().filter_map(|far| far.forwarding.as_ref()?.tunnel).collect(),
            addresses: addresses.iter().copied().collect(),
            detection,
            pdrs: Few::of(pdrs, |pdrs| catalogue.pdrs(pdrs)),
            fars: fars_of.into_iter().collect(),
            qers: rules.qers.iter().map(|(id, qer)| compile_qer(id.0, qer, now)).collect(),
            urrs: rules.urrs.iter().map(|(id, urr)| Urr::compile(id.0, urr, now)).collect(),
            buffer: None,
            idle: rules
                .inactivity
                .map(|seconds| Box::new(Idle { after: Duration::from_secs(seconds.into()), last: now, told: false })),
            payload: Payload::of(rules, &addresses),
            rare,
            router,
            mtu: u16::MAX,
            armed: None,
            error_told: false,
        })
    }

    /// Takes over what was counted, credited and buffered under the rules before.
    pub(crate) fn inherit(&mut self, old: &mut Self, now: Instant) {
        self.bucket = old.bucket;
        // What the timers hold of the session stays its one entry.
        self.armed = old.armed;
        for qer in self.qers.iter_mut() {
            let Some(before) = old.qers.iter().find(|before| before.id == qer.id) else { continue };
            for (policer, before) in qer.policers.iter_mut().zip(&before.policers) {
                if let (Some(policer), Some(before)) = (policer, before) {
                    policer.follow(before);
                }
            }
            if let (Some(policers), Some(before)) = (&mut qer.guaranteed, &before.guaranteed) {
                policers.iter_mut().zip(before.iter()).for_each(|(policer, before)| policer.follow(before));
            }
        }
        for urr in self.urrs.iter_mut() {
            if let Some(before) = old.urrs.iter_mut().find(|before| before.id() == urr.id()) {
                urr.inherit(before, now);
            }
        }
        if let (Some(idle), Some(before)) = (&mut self.idle, &old.idle) {
            (idle.last, idle.told) = (before.last, before.told);
        }
        if let (Some(router), Some(before)) = (&mut self.router, old.router.take()) {
            router.inherit(*before);
        }
        if let (Some(rare), Some(before)) = (&mut self.rare, old.rare.take()) {
            rare.redirected = before.redirected;
        }
        if let (Some(member), Some(before)) = (self.payload.member(), old.payload.member()) {
            member.inherit(before);
        }
        self.buffer = old.buffer.take();
        if !self.fars.iter().any(|far| matches!(self.plain(*far).action, Action::Buffer { .. })) {
            // A burst that goes on being buffered is told once; what comes after the buffering is another.
            if let Some(buffer) = &mut self.buffer {
                (buffer.notified, buffer.notify_at) = (false, None);
            }
        }
        // A tunnel that changed may fail anew.
        self.error_told = old.error_told && self.remotes == old.remotes;
    }

    /// How many packets wait.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.frames.len())
    }

    /// Takes the packets that wait out; where they are given up, what comes after them is a new burst.
    pub(crate) fn take_buffered(&mut self, given_up: bool) -> VecDeque<Frame> {
        let Some(buffer) = &mut self.buffer else { return VecDeque::new() };
        if given_up {
            (buffer.notified, buffer.notify_at) = (false, None);
        }
        std::mem::take(&mut buffer.frames)
    }

    /// Notes that a packet passes. Whether something is due earlier for it.
    pub(crate) fn passes(&mut self, now: Instant) -> bool {
        self.idle.as_mut().is_some_and(|idle| {
            idle.last = now;
            std::mem::replace(&mut idle.told, false)
        })
    }

    /// When something in it is due next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let notification = self.buffer.as_ref().and_then(|buffer| buffer.notify_at).map(|(at, _)| at);
        let idle = self.idle.as_ref().filter(|idle| !idle.told).and_then(|idle| idle.last.checked_add(idle.after));
        let advertisement =
            self.router.as_ref().filter(|router| self.way_to_ue(router).is_some()).map(|router| router.next);
        let aged = match &self.payload {
            Payload::Ip => None,
            Payload::Other(other) => other.due(),
        };
        self.urrs.iter().filter_map(Urr::due).chain(notification).chain(idle).chain(advertisement).chain(aged).min()
    }

    /// Sets the MTU of the networks that its addresses are in.
    pub(crate) fn attach(&mut self, subnets: &[Subnet]) {
        let of = |address: &IpAddr| subnets.iter().find(|subnet| subnet.holds(*address)).map(|subnet| subnet.mtu);
        self.mtu = self.addresses.iter().filter_map(of).min().unwrap_or(u16::MAX);
    }

    /// The rules by which what we say ourselves goes to the UE. `None`: it has no tunnel now.
    pub(crate) fn way_to_ue(&self, router: &Router) -> Option<(&Pdr, Far)> {
        let pdr = self.pdrs.get(router.pdr.into())?;
        let far = self.plain(self.fars.get(pdr.far.into()).copied()?);
        matches!(far.action, Action::ToAccess(_)).then_some((pdr, far))
    }

    /// Reports the usage of the rules that have a reason, and of those linked to them.
    pub(crate) fn report(&mut self, now: Instant, due: &[(usize, Triggers)]) -> Vec<Usage> {
        let mut usage = Vec::new();
        for (place, triggers) in due {
            if let Some(urr) = self.urrs.get_mut(*place) {
                urr.report(now, *triggers, &mut usage);
            }
        }
        let told: Vec<u32> = usage.iter().map(|usage| usage.urr).collect();
        for urr in self.urrs.iter_mut().filter(|urr| !told.contains(&urr.id())) {
            if told.iter().any(|other| urr.is_linked_to(*other)) {
                urr.report(now, Triggers::LINKED, &mut usage);
            }
        }
        usage
    }

    /// The session it belongs to.
    pub fn seid(&self) -> u64 {
        self.seid
    }

    /// Has what a packet needs beside the session itself fetched.
    pub(crate) fn expect(&self) {
        self.detection.iter().for_each(Detection::expect);
        self.fars.elsewhere().first().inspect(|first| prefetch(*first));
        self.qers.elsewhere().first().inspect(|first| prefetch(*first));
        self.urrs.elsewhere().first().inspect(|first| prefetch(*first));
    }

    /// The UE's own address of the version of this one.
    pub(crate) fn address_like(&self, address: IpAddr) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|own| own.is_ipv4() == address.is_ipv4())
    }

    /// Whether a packet of this source is the UE's: the address itself, in the prefix of 64 bits in IPv6, or of a network behind.
    pub(crate) fn owns(&self, source: IpAddr) -> bool {
        let same = |address: &IpAddr| match (address, source) {
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() >> 64 == b.to_bits() >> 64,
            (a, b) => *a == b,
        };
        let behind = || {
            let framed = self.rare.iter().flat_map(|rare| &rare.framed);
            framed.into_iter().any(|network| network.contains(&source))
        };
        self.addresses.iter().any(same) || behind()
    }

    /// What becomes of packets, wherever else they go.
    pub(crate) fn plain(&self, far: Far) -> Far {
        let Action::Steered(place) = far.action else { return far };
        let steered = self.rare.as_ref().and_then(|rare| rare.steered.get(usize::from(place)));
        steered.map_or(Far { action: Action::Drop, ..far }, |steered| steered.far)
    }

    /// The PDR that something matches that is no IP packet: an Ethernet frame, by its header, or whatever it is.
    pub(crate) fn classify_other(&self, arrival: Arrival, octets: &[u8], header: Option<&Header>) -> Option<usize> {
        self.detection[arrival.direction as usize].find_frame(arrival, octets, header)
    }

    /// The PDR that a packet matches: where it came from, in which tunnel and QoS flow, and what it is.
    pub(crate) fn classify(&self, arrival: Arrival, octets: &[u8], inner: &Inner) -> Option<usize> {
        self.detection[arrival.direction as usize].find(arrival, octets, inner)
    }
}

/// The container of packets that leave in a tunnel by this PDR, where its QERs name a QoS flow.
fn container(rules: &rules::Session, pdr: &rules::Pdr) -> Option<PduSession> {
    let qer = pdr.qers.iter().filter_map(|id| rules.qers.get(id)).find(|qer| qer.qfi.is_some())?;
    let qfi = Qfi::new(qer.qfi?);
    Some(match pdr.pdi.source {
        Source::Access => PduSession::Uplink { qfi },
        Source::Core => PduSession::Downlink { qfi, rqi: qer.rqi },
    })
}

fn compile_far(rules: &rules::Session, far: &rules::Far) -> Far {
    let marking = far.forwarding.as_ref().and_then(|forwarding| forwarding.marking);
    Far { action: action(rules, far), marking: marking.unwrap_or_default() }
}

/// Has packets steered where a rule asks for it.
fn steer(plain: Far, far: &rules::Far, steered: &mut Vec<Steered>) -> Far {
    let redirect = far.steering.as_ref().and_then(|steering| steering.redirect.clone()).filter(|_| far.action.forward);
    let copies = far.steering.iter().flat_map(|steering| &steering.duplicates).filter(|_| far.action.duplicate);
    let copies: Box<[rules::Duplicate]> = copies.copied().collect();
    let Ok(place) = u16::try_from(steered.len()) else { return plain };
    if redirect.is_none() && copies.is_empty() {
        return plain;
    }
    steered.push(Steered { far: plain, redirect, copies });
    Far { action: Action::Steered(place), ..plain }
}

fn action(rules: &rules::Session, far: &rules::Far) -> Action {
    let bar = far.bar.and_then(|id| rules.bars.get(&id));
    match (far.action, &far.forwarding) {
        (rules::Action { buffer: true, notify, .. }, _) => {
            let delay_ms = bar.and_then(|bar| bar.delay_ms).unwrap_or(0);
            Action::Buffer { notify, limit: bar.and_then(|bar| bar.packets), delay_ms }
        }
        (rules::Action { forward: true, .. }, Some(forwarding)) => match (forwarding.destination, forwarding.tunnel) {
            (Destination::Access, Some(tunnel)) => Action::ToAccess(tunnel),
            (Destination::Core, None) => Action::ToCore,
            // N9 towards the core: another UPF's tunnel.
            (Destination::Core, Some(tunnel)) => Action::ToAccess(tunnel),
            (Destination::Access, None) => Action::Drop,
        },
        _ => Action::Drop,
    }
}

fn compile_qer(id: u32, qer: &rules::Qer, now: Instant) -> Qer {
    let policer = |rate: u64| Policer::new(rate, now);
    let policers = [qer.mbr.map(|mbr| policer(mbr.uplink)), qer.mbr.map(|mbr| policer(mbr.downlink))];
    let guaranteed = qer.gbr.map(|gbr| Box::new([policer(gbr.uplink), policer(gbr.downlink)]));
    Qer { id, closed: [qer.uplink_closed, qer.downlink_closed], policers, guaranteed }
}
