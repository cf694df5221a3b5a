//! A node on N4: associations with its peers and the requests between them, without I/O.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::association::{Association, Down, State};
use crate::transactions::{Arrival, RequestId, Timers, Transactions, Transmit};
use crate::*;

/// The port of PFCP (TS 29.244 4.2.2).
pub const PORT: u16 = 8805;

/// Which end of N4 a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The control plane function, an SMF.
    Cp(CpFunctionFeatures),
    /// The user plane function.
    Up(UpFunctionFeatures),
}

/// What a node is and how patient.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Its name.
    pub node_id: NodeId,
    /// Which end it is.
    pub role: Role,
    /// When it started: changes with every start.
    pub recovery: RecoveryTimeStamp,
    /// Repetition of requests.
    pub timers: Timers,
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Port of a peer that set the association up, for requests to it.
    pub peer_port: u16,
    /// Who may set an association up besides those with whom we keep one ([`Endpoint::associate`]).
    pub admitted: Peers,
    /// How many associations there may be.
    pub max_associations: usize,
    /// How many transactions are remembered.
    pub max_transactions: usize,
}

/// Peers by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Whoever reaches us.
    Any,
    /// These.
    Only(Vec<IpAddr>),
}

impl EndpointConfig {
    fn admits(&self, peer: IpAddr) -> bool {
        match &self.admitted {
            Peers::Any => true,
            Peers::Only(peers) => peers.contains(&peer),
        }
    }

    /// With timers and limits that suit one site: T1 1 s, N1 4, heartbeat every 10 s.
    pub fn new(node_id: NodeId, role: Role, recovery: RecoveryTimeStamp) -> Self {
        Self {
            node_id,
            role,
            recovery,
            timers: Timers { t1: Duration::from_secs(1), n1: 4 },
            heartbeat: Duration::from_secs(10),
            peer_port: PORT,
            admitted: Peers::Any,
            max_associations: 64,
            max_transactions: 65_536,
        }
    }
}

/// A request of a peer that waits for [`Endpoint::respond`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestToken {
    from: SocketAddr,
    sequence: Sequence,
    kind: MessageType,
}

impl RequestToken {
    /// The peer.
    pub fn peer(&self) -> IpAddr {
        self.from.ip()
    }

    /// What it asks.
    pub fn kind(&self) -> MessageType {
        self.kind
    }
}

/// Why a request of ours has no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no association with the peer.
    #[error("no PFCP association with {0}")]
    NoAssociation(IpAddr),
    /// The association ended with the request under way.
    #[error("the PFCP association ended")]
    AssociationLost,
    /// The peer did not answer N1 times T1.
    #[error("no answer")]
    TimedOut,
    /// The peer's answer is wrong.
    #[error("the peer's answer: {0}")]
    BadResponse(IeProblem),
    /// The peer does not speak this version.
    #[error("the peer does not speak PFCP version 1")]
    Version,
    /// Too many requests are under way.
    #[error("too many requests under way")]
    Congested,
    /// We say more than a datagram holds.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// An association stands. Sessions of an earlier one with this peer have been ended by an `AssociationDown`.
    AssociationUp {
        /// The peer's address.
        peer: IpAddr,
        /// Its name.
        node_id: NodeId,
        /// What it can do, where it is a UP function.
        up_features: UpFunctionFeatures,
        /// What it can do, where it is a CP function.
        cp_features: CpFunctionFeatures,
    },
    /// An association ended, and with it its sessions; requests under way have failed.
    AssociationDown {
        /// The peer's address.
        peer: IpAddr,
        /// Why.
        why: Down,
    },
    /// A peer that is not admitted wanted an association, and was refused.
    Stranger {
        /// The peer's address.
        peer: IpAddr,
    },
    /// A peer with an association asks something of a session, or tells the node something: to be answered with
    /// [`Endpoint::respond`].
    Request {
        /// To answer with.
        token: RequestToken,
        /// The session: our SEID, zero in an establishment and where it is about no session.
        seid: Seid,
        /// The request.
        message: Message,
    },
    /// As `Request`, but malformed: to be answered with [`Endpoint::refuse`] and the peer's SEID of the session.
    Malformed {
        /// To answer with.
        token: RequestToken,
        /// The session: our SEID.
        seid: Seid,
        /// What is wrong.
        problem: IeProblem,
    },
    /// A request of ours came to its end.
    Response {
        /// Which.
        id: RequestId,
        /// The answer, of whatever cause.
        result: Result<Message, RequestError>,
    },
}

/// Counts of what was not answered or not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that are no message.
    pub discarded: u64,
    /// Requests refused for their form.
    pub malformed: u64,
    /// Requests that came again.
    pub repeated: u64,
    /// Responses nobody waited for.
    pub unexpected_responses: u64,
}

/// A node on N4.
pub struct Endpoint {
    config: EndpointConfig,
    transactions: Transactions,
    associations: HashMap<IpAddr, Association>,
    /// Requests of the associations themselves, and whose they are.
    node_requests: HashMap<RequestId, IpAddr>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Endpoint {
    /// A node without associations.
    pub fn new(config: EndpointConfig) -> Self {
        let transactions = Transactions::new(config.timers, config.max_transactions, first_sequence(config.recovery));
        let (associations, node_requests) = (HashMap::new(), HashMap::new());
        Self {
            config,
            transactions,
            associations,
            node_requests,
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Sets an association up and keeps it: tries until the peer accepts, and again whenever it ends by itself. One that
    /// stands already, because the peer set it up, is kept.
    pub fn associate(&mut self, now: Instant, peer: SocketAddr) {
        let association = self.associations.entry(peer.ip()).or_insert_with(|| Association::wanted(peer, now));
        association.wanted = true;
        if association.state == State::Down {
            association.address = peer;
            self.set_up(now, peer.ip());
        }
    }

    /// Ends an association (a CP function), or asks the CP function to end it (a UP function).
    pub fn release(&mut self, now: Instant, peer: IpAddr) {
        let Some(association) = self.associations.get_mut(&peer) else { return };
        association.wanted = false;
        let node_id = self.config.node_id.clone();
        match (association.is_up(), self.config.role) {
            (true, Role::Cp(_)) => {
                association.state = State::Releasing;
                association.due = None;
                if !self.node_request(now, peer, AssociationReleaseRequest::new(node_id)) {
                    self.down(now, peer, Down::Released);
                }
            }
            (true, Role::Up(_)) => {
                let mut update = AssociationUpdateRequest::new(node_id);
                update.release_request = Some(ReleaseRequest(1));
                self.node_request(now, peer, update);
            }
            (false, _) => self.down(now, peer, Down::Released),
        }
    }

    /// Asks something of the session that the peer calls `seid` (zero for an establishment, and where it is about no session).
    ///
    /// # Errors
    /// [`RequestError`] where nothing was sent.
    pub fn request(
        &mut self,
        now: Instant,
        peer: IpAddr,
        seid: Seid,
        message: impl Into<Message>,
    ) -> Result<RequestId, RequestError> {
        let association = self.associations.get(&peer).filter(|association| association.is_up());
        let to = association.ok_or(RequestError::NoAssociation(peer))?.address;
        let message = message.into();
        let kind = message.kind();
        let id = self.transactions.open(now, to, kind, |sequence| with_seid(kind, seid, sequence, message).encode())?;
        id.ok_or(RequestError::Congested)
    }

    /// Answers a request of a peer; `seid` is the peer's SEID of the session, which counts where the request has one.
    ///
    /// # Errors
    /// [`EncodeError`] where the answer does not fit a datagram: then nothing was sent.
    pub fn respond(&mut self, token: RequestToken, seid: Seid, message: impl Into<Message>) -> Result<(), EncodeError> {
        let message = message.into();
        let octets = with_seid(message.kind(), seid, token.sequence, message).encode()?;
        self.transactions.answer(token.from, token.sequence, octets);
        Ok(())
    }

    /// Refuses a request of a peer; `seid` is the peer's SEID of the session, zero where it has none.
    pub fn refuse(&mut self, token: RequestToken, seid: Seid, cause: Cause, offending: Option<u16>) {
        let refusal = self.refusal(token.kind, cause, offending);
        if let Some(octets) =
            refusal.and_then(|message| with_seid(token.kind, seid, token.sequence, message).encode().ok())
        {
            self.transactions.answer(token.from, token.sequence, octets);
        }
    }

    /// Takes a datagram from a peer.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, octets: &[u8]) {
        match Packet::decode(octets) {
            Ok(packet) if packet.message.kind().is_request() => self.handle_request(now, from, packet, octets),
            Ok(packet) => self.handle_response(now, from, packet),
            Err(DecodeError::Discard(_)) => self.counters.discarded += 1,
            Err(DecodeError::Version { sequence, .. }) => {
                self.counters.malformed += 1;
                if let Ok(octets) = Packet::node(sequence, VersionNotSupportedResponse::new()).encode() {
                    self.transactions.send(from, octets);
                }
            }
            Err(DecodeError::Rejected { header, sender, problem }) => {
                self.counters.malformed += 1;
                if self.arrive(now, from, header.sequence, octets) {
                    self.handle_malformed(from, header, sender, problem);
                }
            }
            Err(DecodeError::BadResponse { header, problem }) => {
                self.counters.malformed += 1;
                if let Some(id) = self.transactions.close(from, header.sequence, header.kind) {
                    self.finish(now, id, Err(RequestError::BadResponse(problem)));
                }
            }
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        for id in self.transactions.handle_timeout(now) {
            self.finish(now, id, Err(RequestError::TimedOut));
        }
        let due: Vec<IpAddr> = self
            .associations
            .iter()
            .filter(|(_, a)| a.due.is_some_and(|due| due <= now))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            match self.associations.get(&peer).map(|association| association.state) {
                Some(State::Down) => self.set_up(now, peer),
                Some(State::Up) => self.heartbeat(now, peer),
                Some(State::SettingUp | State::Releasing) | None => {}
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let associations = self.associations.values().filter_map(|association| association.due);
        associations.chain(self.transactions.poll_timeout()).min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transactions.poll_transmit()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What was not answered or not understood so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The associations that stand: address and name of each peer.
    pub fn associations(&self) -> impl Iterator<Item = (IpAddr, &NodeId)> {
        self.associations.iter().filter(|(_, a)| a.is_up()).filter_map(|(peer, a)| Some((*peer, a.node_id.as_ref()?)))
    }

    fn arrive(&mut self, now: Instant, from: SocketAddr, sequence: Sequence, octets: &[u8]) -> bool {
        let arrival = self.transactions.arrive(now, from, sequence, octets);
        self.counters.repeated += u64::from(arrival == Arrival::Repeated);
        arrival == Arrival::New
    }

    fn handle_malformed(&mut self, from: SocketAddr, header: Header, sender: Option<FSeid>, problem: IeProblem) {
        let token = RequestToken { from, sequence: header.sequence, kind: header.kind };
        let associated = self.associations.get(&from.ip()).is_some_and(Association::is_up);
        match header.seid {
            Some(seid) if associated && header.kind != MessageType::SessionEstablishmentRequest => {
                self.events.push_back(Event::Malformed { token, seid, problem });
            }
            _ => {
                self.refuse(token, sender.map_or(Seid(0), |sender| sender.seid), problem.cause, Some(problem.offending))
            }
        }
    }

    fn handle_request(&mut self, now: Instant, from: SocketAddr, packet: Packet, octets: &[u8]) {
        if !self.arrive(now, from, packet.sequence, octets) {
            return;
        }
        let token = RequestToken { from, sequence: packet.sequence, kind: packet.message.kind() };
        match (packet.message, packet.seid) {
            (Message::HeartbeatRequest(request), _) => {
                self.heartbeat_requested(now, token, request.recovery_time_stamp)
            }
            (Message::AssociationSetupRequest(request), _) => self.setup_requested(now, token, request),
            (Message::AssociationUpdateRequest(request), _) => self.update_requested(now, token, request),
            (Message::AssociationReleaseRequest(_), _) => self.release_requested(now, token),
            (message, seid) => match self.associations.get(&from.ip()).is_some_and(Association::is_up) {
                true => self.events.push_back(Event::Request { token, seid: seid.unwrap_or_default(), message }),
                false => {
                    let sender = match &message {
                        Message::SessionEstablishmentRequest(request) => request.cp_f_seid.seid,
                        _ => Seid(0),
                    };
                    self.refuse(token, sender, Cause::NoEstablishedPfcpAssociation, None);
                }
            },
        }
    }

    fn handle_response(&mut self, now: Instant, from: SocketAddr, packet: Packet) {
        let kind = packet.message.kind();
        match self.transactions.close(from, packet.sequence, kind) {
            Some(id) if kind == MessageType::VersionNotSupportedResponse => {
                self.finish(now, id, Err(RequestError::Version))
            }
            Some(id) => {
                // The peer gave the association up and we did not notice: our heartbeats were answered all the same.
                let lost = packet.message.cause() == Some(Cause::NoEstablishedPfcpAssociation);
                self.finish(now, id, Ok(packet.message));
                if lost && self.associations.get(&from.ip()).is_some_and(Association::is_up) {
                    self.down(now, from.ip(), Down::Restarted);
                }
            }
            None => self.counters.unexpected_responses += 1,
        }
    }

    /// A request of ours came to its end: an association's own, or one for whoever asked.
    fn finish(&mut self, now: Instant, id: RequestId, result: Result<Message, RequestError>) {
        match self.node_requests.remove(&id) {
            Some(peer) => self.node_answered(now, peer, result),
            None => self.events.push_back(Event::Response { id, result }),
        }
    }

    fn answer_node(&mut self, token: RequestToken, message: impl Into<Message>) {
        if let Ok(octets) = Packet::node(token.sequence, message).encode() {
            self.transactions.answer(token.from, token.sequence, octets);
        }
    }

    /// Sends a request of the association itself; whether one more could be under way.
    fn node_request(&mut self, now: Instant, peer: IpAddr, message: impl Into<Message>) -> bool {
        let Some(to) = self.associations.get(&peer).map(|association| association.address) else { return false };
        let message = message.into();
        let kind = message.kind();
        let opened = self.transactions.open(now, to, kind, |sequence| Packet::node(sequence, message).encode());
        let Ok(Some(id)) = opened else { return false };
        self.node_requests.insert(id, peer);
        true
    }

    /// Tries again soon what could not be sent.
    fn postpone(&mut self, now: Instant, peer: IpAddr, state: State) {
        let due = now + self.config.timers.t1;
        if let Some(association) = self.associations.get_mut(&peer) {
            (association.state, association.due) = (state, Some(due));
        }
    }

    fn features(&self) -> (Option<UpFunctionFeatures>, Option<CpFunctionFeatures>) {
        match self.config.role {
            Role::Cp(features) => (None, Some(features)),
            Role::Up(features) => (Some(features), None),
        }
    }

    fn set_up(&mut self, now: Instant, peer: IpAddr) {
        let Some(association) = self.associations.get_mut(&peer) else { return };
        association.state = State::SettingUp;
        association.due = None;
        let mut request = AssociationSetupRequest::new(self.config.node_id.clone(), self.config.recovery);
        (request.up_features, request.cp_features) = self.features();
        if !self.node_request(now, peer, request) {
            self.postpone(now, peer, State::Down);
        }
    }

    fn heartbeat(&mut self, now: Instant, peer: IpAddr) {
        if let Some(association) = self.associations.get_mut(&peer) {
            association.due = None;
        }
        if !self.node_request(now, peer, HeartbeatRequest::new(self.config.recovery)) {
            self.postpone(now, peer, State::Up);
        }
    }

    fn heartbeat_requested(&mut self, now: Instant, token: RequestToken, recovery: RecoveryTimeStamp) {
        self.answer_node(token, HeartbeatResponse::new(self.config.recovery));
        self.note_recovery(now, token.peer(), recovery);
    }

    /// Ends the association where the peer started again since it was set up (TS 23.527 4.2).
    fn note_recovery(&mut self, now: Instant, peer: IpAddr, recovery: RecoveryTimeStamp) {
        let restarted = self.associations.get(&peer).is_some_and(|association| association.is_older_than(recovery));
        if restarted {
            self.down(now, peer, Down::Restarted);
        }
    }

    fn setup_requested(&mut self, now: Instant, token: RequestToken, request: AssociationSetupRequest) {
        let peer = token.peer();
        let known = self.associations.contains_key(&peer);
        let cause = match known {
            true => Cause::RequestAccepted,
            false if !self.config.admits(peer) => Cause::RequestRejected,
            false if self.associations.len() < self.config.max_associations => Cause::RequestAccepted,
            false => Cause::NoResourcesAvailable,
        };
        if cause == Cause::RequestRejected {
            self.events.push_back(Event::Stranger { peer });
        }
        let mut response = AssociationSetupResponse::new(self.config.node_id.clone(), cause, self.config.recovery);
        (response.up_features, response.cp_features) = self.features();
        self.answer_node(token, response);
        if cause.is_accepted() {
            // TS 29.244 6.2.6.2.2: an association there was is deleted with its sessions, and a new one made.
            let address = match self.associations.get(&peer) {
                Some(association) if association.wanted => association.address,
                _ => SocketAddr::new(peer, self.config.peer_port),
            };
            self.end_sessions(now, peer, Down::Restarted);
            self.transactions.forget_peer(peer, (token.from, token.sequence));
            let accepted = self.associations.entry(peer).or_insert_with(|| Association::accepted(address));
            accepted.up(request.node_id.clone(), request.recovery_time_stamp, now + self.config.heartbeat);
            let up_features = request.up_features.unwrap_or_default();
            let cp_features = request.cp_features.unwrap_or_default();
            self.events.push_back(Event::AssociationUp { peer, node_id: request.node_id, up_features, cp_features });
        }
    }

    fn update_requested(&mut self, now: Instant, token: RequestToken, request: AssociationUpdateRequest) {
        let peer = token.peer();
        let up = self.associations.get(&peer).is_some_and(Association::is_up);
        let cause = if up { Cause::RequestAccepted } else { Cause::NoEstablishedPfcpAssociation };
        self.answer_node(token, AssociationUpdateResponse::new(self.config.node_id.clone(), cause));
        let release = request.release_request.is_some_and(|flag| flag.0 & 1 != 0);
        if up && release && matches!(self.config.role, Role::Cp(_)) {
            let wanted = self.associations.get(&peer).is_some_and(|association| association.wanted);
            self.release(now, peer);
            if let Some(association) = self.associations.get_mut(&peer) {
                association.wanted = wanted;
            }
        }
    }

    fn release_requested(&mut self, now: Instant, token: RequestToken) {
        let up = self.associations.get(&token.peer()).is_some_and(Association::is_up);
        let cause = if up { Cause::RequestAccepted } else { Cause::NoEstablishedPfcpAssociation };
        self.answer_node(token, AssociationReleaseResponse::new(self.config.node_id.clone(), cause));
        if up {
            self.down(now, token.peer(), Down::Released);
        }
    }

    /// What the peer said to a request of the association itself, or that it said nothing.
    fn node_answered(&mut self, now: Instant, peer: IpAddr, result: Result<Message, RequestError>) {
        match result {
            Ok(Message::HeartbeatResponse(response)) => {
                if let Some(association) = self.associations.get_mut(&peer).filter(|association| association.is_up()) {
                    association.due = Some(now + self.config.heartbeat);
                }
                self.note_recovery(now, peer, response.recovery_time_stamp);
            }
            Ok(Message::AssociationSetupResponse(response)) if response.cause.is_accepted() => {
                let Some(association) = self.associations.get_mut(&peer).filter(|a| a.state == State::SettingUp) else {
                    return;
                };
                association.up(response.node_id.clone(), response.recovery_time_stamp, now + self.config.heartbeat);
                let up_features = response.up_features.unwrap_or_default();
                let cp_features = response.cp_features.unwrap_or_default();
                let node_id = response.node_id;
                self.events.push_back(Event::AssociationUp { peer, node_id, up_features, cp_features });
            }
            Ok(Message::AssociationSetupResponse(response)) => self.down(now, peer, Down::Refused(response.cause)),
            Ok(Message::AssociationReleaseResponse(_)) => self.down(now, peer, Down::Released),
            Ok(_) => {}
            Err(_) => match self.associations.get(&peer).map(|association| association.state) {
                Some(State::Releasing) => self.down(now, peer, Down::Released),
                Some(State::SettingUp) => self.set_up(now, peer),
                Some(State::Up) => self.down(now, peer, Down::Silent),
                Some(State::Down) | None => {}
            },
        }
    }

    /// Ends an association; one that is wanted will be set up again.
    fn down(&mut self, now: Instant, peer: IpAddr, why: Down) {
        self.end_sessions(now, peer, why);
        if self.associations.get(&peer).is_some_and(|association| !association.wanted) {
            self.associations.remove(&peer);
        }
    }

    fn end_sessions(&mut self, now: Instant, peer: IpAddr, why: Down) {
        let Some(association) = self.associations.get_mut(&peer) else { return };
        let (address, stood) = (association.address, association.is_up() || association.state == State::Releasing);
        association.state = State::Down;
        association.due = association.wanted.then(|| now + why.pause(self.config.timers.t1));
        for id in self.transactions.abandon(address) {
            if self.node_requests.remove(&id).is_none() {
                self.events.push_back(Event::Response { id, result: Err(RequestError::AssociationLost) });
            }
        }
        if stood || matches!(why, Down::Refused(_)) {
            self.events.push_back(Event::AssociationDown { peer, why });
        }
    }

    /// The response that refuses a request of this kind.
    fn refusal(&self, kind: MessageType, cause: Cause, offending: Option<u16>) -> Option<Message> {
        let offending_ie = offending.map(OffendingIe);
        let node_id = || self.config.node_id.clone();
        Some(match kind {
            MessageType::HeartbeatRequest => HeartbeatResponse::new(self.config.recovery).into(),
            MessageType::AssociationSetupRequest => {
                AssociationSetupResponse::new(node_id(), cause, self.config.recovery).into()
            }
            MessageType::AssociationUpdateRequest => AssociationUpdateResponse::new(node_id(), cause).into(),
            MessageType::AssociationReleaseRequest => AssociationReleaseResponse::new(node_id(), cause).into(),
            MessageType::NodeReportRequest => {
                NodeReportResponse { offending_ie, ..NodeReportResponse::new(node_id(), cause) }.into()
            }
            MessageType::PfdManagementRequest => {
                PfdManagementResponse { offending_ie, ..PfdManagementResponse::new(cause) }.into()
            }
            MessageType::SessionEstablishmentRequest => {
                SessionEstablishmentResponse { offending_ie, ..SessionEstablishmentResponse::new(node_id(), cause) }
                    .into()
            }
            MessageType::SessionModificationRequest => {
                SessionModificationResponse { offending_ie, ..SessionModificationResponse::new(cause) }.into()
            }
            MessageType::SessionDeletionRequest => {
                SessionDeletionResponse { offending_ie, ..SessionDeletionResponse::new(cause) }.into()
            }
            MessageType::SessionReportRequest => {
                SessionReportResponse { offending_ie, ..SessionReportResponse::new(cause) }.into()
            }
            _ => return None,
        })
    }
}

/// A message with a SEID where its kind has one.
fn with_seid(kind: MessageType, seid: Seid, sequence: Sequence, message: Message) -> Packet {
    Packet { seid: kind.is_of_session().then_some(seid), sequence, message }
}

/// A first number that differs from start to start.
fn first_sequence(recovery: RecoveryTimeStamp) -> Sequence {
    Sequence::new(recovery.0.wrapping_mul(0x9e37_79b1) >> 8)
}
