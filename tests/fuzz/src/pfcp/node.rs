//! A node among peers that send what they like when they like.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pfcp::*;

use super::{establishment, node_id, packet, peer, response};
use crate::choices::{Choices, with_length};

/// A node, and what its user and its peers know of it.
struct Life {
    now: Instant,
    node: Endpoint,
    /// Peers that may set an association up unasked.
    admitted: Peers,
    /// Peers whose association stands, as far as the node has said.
    up: BTreeSet<IpAddr>,
    /// Peers we keep an association with.
    wanted: BTreeSet<IpAddr>,
    /// Our requests that wait for an answer.
    asked: HashSet<RequestId>,
    /// Requests of peers that wait for ours.
    tokens: Vec<RequestToken>,
    /// The latest datagrams that the node sent.
    sent: Vec<Transmit>,
}

/// The node's user, its peers and the clock act as the input says.
pub fn pfcp_node(data: &[u8]) {
    let mut choices = Choices::new(data);
    let kind = choices.octet();
    let role = match kind & 1 == 1 {
        true => Role::Cp(CpFunctionFeatures::default()),
        false => Role::Up(UpFunctionFeatures::FTUP),
    };
    let admitted = if kind & 2 == 2 { Peers::Only(vec![peer(2).ip(), peer(3).ip()]) } else { Peers::Any };
    let config = EndpointConfig {
        admitted: admitted.clone(),
        max_associations: 3,
        max_transactions: 12,
        ..EndpointConfig::new(node_id(1), role, RecoveryTimeStamp(100))
    };
    let (up, wanted, asked) = Default::default();
    let node = Endpoint::new(config);
    let mut life =
        Life { now: Instant::now(), node, admitted, up, wanted, asked, tokens: Vec::new(), sent: Vec::new() };
    while !choices.is_empty() {
        life.step(&mut choices);
        life.observe();
    }
    life.silence();
}

impl Life {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let number = 2 + choices.below(5);
        let from = peer(number);
        match choices.below(12) {
            0 => self.deliver(from, choices.octets()),
            1 => {
                // Our own words come back to us.
                let again = self.sent.last().map(|sent| sent.octets.clone());
                self.deliver(from, &again.unwrap_or_default());
            }
            2..=4 => {
                let Some(sent) = self.sent.last().cloned() else { return };
                let Ok(request) = Packet::decode(&sent.octets) else { return };
                let honest = choices.octet() < 0xe0;
                let Some(answer) = response(choices, number, &request) else { return };
                self.deliver(if honest { sent.to } else { from }, &answer.encode().expect("fits"));
            }
            5 | 6 => {
                let request = packet(choices, number);
                self.deliver(from, &request.encode().expect("fits"));
            }
            7 => self.pass(Duration::from_millis(u64::from(choices.octet()) * 100)),
            8 if self.wanted.insert(from.ip()) => self.node.associate(self.now, from),
            9 => {
                self.wanted.remove(&from.ip());
                self.node.release(self.now, from.ip());
            }
            10 => self.ask(from.ip(), choices),
            _ => self.answer(choices),
        }
    }

    /// One datagram brings at most two about: an answer, and a request that follows from it.
    fn deliver(&mut self, from: SocketAddr, octets: &[u8]) {
        self.node.handle_datagram(self.now, from, octets);
        assert!(self.transmit() <= 2, "a datagram is answered by one or two");
    }

    /// Takes what the node sends: it must be readable.
    fn transmit(&mut self) -> usize {
        let mut count = 0;
        while let Some(sent) = self.node.poll_transmit() {
            assert!(Packet::decode(&sent.octets).is_ok(), "we send what a peer can read");
            self.sent.push(sent);
            count += 1;
        }
        let surplus = self.sent.len().saturating_sub(4);
        self.sent.drain(..surplus);
        count
    }

    fn ask(&mut self, peer: IpAddr, choices: &mut Choices<'_>) {
        let asked = match choices.below(3) {
            0 => self.node.request(self.now, peer, Seid(0), establishment(1)),
            1 => self.node.request(self.now, peer, Seid(1), SessionModificationRequest::new()),
            _ => self.node.request(self.now, peer, Seid(1), SessionDeletionRequest::new()),
        };
        match asked {
            Ok(id) => assert!(self.asked.insert(id), "every request has a name of its own"),
            // There is none, or it is being released.
            Err(RequestError::NoAssociation(_)) => {}
            Err(error) => assert_eq!(error, RequestError::Congested),
        }
    }

    fn answer(&mut self, choices: &mut Choices<'_>) {
        if self.tokens.is_empty() {
            return;
        }
        let token = self.tokens.remove(usize::from(choices.octet()) % self.tokens.len());
        match choices.flag() {
            true => self.node.refuse(token, Seid(1), Cause::RequestRejected, None),
            false => {
                let response = SessionModificationResponse::new(Cause::RequestAccepted);
                self.node.respond(token, Seid(1), response).expect("fits");
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for turn in 0.. {
            assert!(turn < 10_000, "the node stands still");
            let Some(due) = self.node.poll_timeout().filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.node.handle_timeout(self.now);
            let again = self.node.poll_timeout();
            assert!(again.is_none_or(|again| again > self.now), "what was due is done");
            self.transmit();
        }
        self.now = until;
    }

    /// What the node says happened must be possible.
    fn observe(&mut self) {
        self.transmit();
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::AssociationUp { peer, .. } => assert!(self.up.insert(peer), "{peer} is up already"),
                Event::AssociationDown { peer, .. } => {
                    self.up.remove(&peer);
                }
                Event::Stranger { peer } => {
                    let Peers::Only(admitted) = &self.admitted else { panic!("nobody is a stranger here") };
                    assert!(!admitted.contains(&peer) && !self.up.contains(&peer), "{peer} is known");
                }
                Event::Request { token, message, .. } => {
                    assert!(self.up.contains(&token.peer()), "a session or report without an association");
                    let kind = message.kind();
                    assert!((kind.is_of_session() || kind == MessageType::NodeReportRequest) && kind.is_request());
                    self.tokens.push(token);
                }
                Event::Malformed { token, .. } => {
                    assert!(self.up.contains(&token.peer()), "a session without an association");
                    self.tokens.push(token);
                }
                Event::Response { id, .. } => assert!(self.asked.remove(&id), "an answer to what was not asked"),
            }
        }
        let surplus = self.tokens.len().saturating_sub(64);
        self.tokens.drain(..surplus);
        assert!(self.node.associations().map(|(peer, _)| peer).all(|peer| self.up.contains(&peer)));
        assert!(self.node.associations().count() <= 3 + self.wanted.len());
    }

    /// All peers fall silent: whoever asked is told.
    fn silence(&mut self) {
        self.pass(Duration::from_secs(60));
        self.observe();
        assert!(self.asked.is_empty(), "{} requests never ended", self.asked.len());
        assert_eq!(self.node.associations().count(), 0, "silent peers have no association");
    }
}

/// Lives of a node: associations from either side, sessions, silence, restarts.
pub(crate) fn sequences() -> Vec<Vec<u8>> {
    let setup = [0, 5, 1, 1, 1];
    let establish = [0, 5, 0, 4, 0, 2];
    let answer = [0, 11, 0, 0];
    let associate = [1, 8];
    let accept = [1, 2, 0, 0, 2, 0];
    let ask = [1, 10, 0];
    let wait = [0, 7, 120];
    let raw = [&[0, 0][..], &with_length(&super::packets()[0])].concat();
    vec![
        [&[0][..], &setup, &establish, &answer, &raw, &wait].concat(),
        [&[1][..], &associate, &accept, &ask, &accept, &wait, &accept, &wait].concat(),
        [&[1][..], &associate, &wait, &accept, &ask, &[1, 9], &accept, &wait].concat(),
        [&[0][..], &setup, &establish, &setup, &answer, &[0, 1], &wait].concat(),
        [&[2][..], &setup, &establish, &answer, &wait, &associate, &accept].concat(),
    ]
}
