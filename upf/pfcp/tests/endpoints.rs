//! Two nodes under a virtual clock, with a network that can lose, repeat and hold datagrams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pfcp::*;

const SMF: &str = "127.0.0.4:8805";
const UPF: &str = "127.0.0.7:8805";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn node(at: &str, role: Role, recovery: u32) -> Endpoint {
    Endpoint::new(EndpointConfig::new(NodeId::Address(address(at).ip()), role, RecoveryTimeStamp(recovery)))
}

struct Pair {
    now: Instant,
    smf: Endpoint,
    upf: Endpoint,
    /// Every datagram that was sent: from the SMF or not, and its type.
    sent: Vec<(bool, u8)>,
    cut: bool,
}

impl Pair {
    fn new() -> Self {
        let smf = node(SMF, Role::Cp(CpFunctionFeatures::default()), 100);
        let upf = node(UPF, Role::Up(UpFunctionFeatures::FTUP), 200);
        Self { now: Instant::now(), smf, upf, sent: Vec::new(), cut: false }
    }

    fn up() -> Self {
        let mut pair = Self::new();
        pair.smf.associate(pair.now, address(UPF));
        pair.run();
        assert!(matches!(
            pair.smf.poll_event(),
            Some(Event::AssociationUp { up_features: UpFunctionFeatures::FTUP, .. })
        ));
        assert!(matches!(pair.upf.poll_event(), Some(Event::AssociationUp { .. })));
        pair
    }

    /// Carries datagrams until none is left.
    fn run(&mut self) {
        loop {
            let from_smf = self.smf.poll_transmit();
            let from_upf = self.upf.poll_transmit();
            if from_smf.is_none() && from_upf.is_none() {
                break;
            }
            if let Some(datagram) = from_smf {
                self.sent.push((true, datagram.octets[1]));
                if !self.cut {
                    self.upf.handle_datagram(self.now, address(SMF), &datagram.octets);
                }
            }
            if let Some(datagram) = from_upf {
                self.sent.push((false, datagram.octets[1]));
                if !self.cut {
                    self.smf.handle_datagram(self.now, address(UPF), &datagram.octets);
                }
            }
        }
    }

    /// Lets time pass, doing what is due when it is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) =
            [self.smf.poll_timeout(), self.upf.poll_timeout()].into_iter().flatten().min().filter(|due| *due <= until)
        {
            self.now = self.now.max(due);
            self.smf.handle_timeout(self.now);
            self.upf.handle_timeout(self.now);
            self.run();
        }
        self.now = until;
    }
}

fn establishment() -> SessionEstablishmentRequest {
    let smf = address(SMF).ip();
    SessionEstablishmentRequest::new(NodeId::Address(smf), FSeid::new(Seid(1), smf))
}

fn accepted() -> SessionEstablishmentResponse {
    SessionEstablishmentResponse::new(NodeId::Address(address(UPF).ip()), Cause::RequestAccepted)
}

#[test]
fn a_request_is_answered() {
    let mut pair = Pair::up();
    let id = pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()).expect("sent");
    pair.run();
    let Some(Event::Request { token, seid, message }) = pair.upf.poll_event() else { panic!("no request") };
    assert_eq!((seid, message), (Seid(0), establishment().into()));
    pair.upf.respond(token, Seid(1), accepted()).expect("fits");
    pair.run();
    assert_eq!(pair.smf.poll_event(), Some(Event::Response { id, result: Ok(accepted().into()) }));
}

#[test]
fn a_repeated_request_is_answered_alike_and_done_once() {
    let mut pair = Pair::up();
    pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()).expect("sent");
    let datagram = pair.smf.poll_transmit().expect("to be sent");
    pair.upf.handle_datagram(pair.now, address(SMF), &datagram.octets);
    let Some(Event::Request { token, .. }) = pair.upf.poll_event() else { panic!("no request") };
    // Again while it is being worked on: nothing; again after the answer: the same answer.
    pair.upf.handle_datagram(pair.now, address(SMF), &datagram.octets);
    assert_eq!((pair.upf.poll_event(), pair.upf.poll_transmit()), (None, None));
    pair.upf.respond(token, Seid(1), accepted()).expect("fits");
    let first = pair.upf.poll_transmit();
    pair.upf.handle_datagram(pair.now, address(SMF), &datagram.octets);
    assert_eq!(pair.upf.poll_transmit(), first);
    assert_eq!(pair.upf.poll_event(), None);
    assert_eq!(pair.upf.counters().repeated, 2);
}

#[test]
fn a_request_is_sent_n1_times_and_then_fails() {
    let mut pair = Pair::up();
    let id = pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()).expect("sent");
    pair.sent.clear();
    pair.cut = true;
    pair.run();
    pair.pass(Duration::from_secs(4));
    assert_eq!(pair.sent.iter().filter(|sent| **sent == (true, 50)).count(), 4);
    assert_eq!(pair.smf.poll_event(), Some(Event::Response { id, result: Err(RequestError::TimedOut) }));
}

#[test]
fn the_peer_may_start_later() {
    let mut pair = Pair::new();
    pair.smf.associate(pair.now, address(UPF));
    pair.cut = true;
    pair.run();
    pair.pass(Duration::from_secs(30));
    assert_eq!(pair.smf.poll_event(), None);
    pair.cut = false;
    pair.pass(Duration::from_secs(1));
    assert!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })));
    assert_eq!(pair.smf.associations().count(), 1);
}

#[test]
fn a_silent_peer_is_noticed_and_found_again() {
    let mut pair = Pair::up();
    pair.pass(Duration::from_secs(60));
    assert_eq!(pair.smf.poll_event(), None, "heartbeats keep it up");
    pair.cut = true;
    pair.pass(Duration::from_secs(15));
    let down = Event::AssociationDown { peer: address(UPF).ip(), why: Down::Silent };
    assert_eq!(pair.smf.poll_event(), Some(down));
    assert_eq!(
        pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()),
        Err(RequestError::NoAssociation(address(UPF).ip()))
    );
    pair.cut = false;
    pair.pass(Duration::from_secs(3));
    assert!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })));
}

#[test]
fn a_restart_of_the_upf_ends_the_association_and_makes_a_new_one() {
    let mut pair = Pair::up();
    pair.upf = node(UPF, Role::Up(UpFunctionFeatures::FTUP), 300);
    pair.pass(Duration::from_secs(11));
    let down = Event::AssociationDown { peer: address(UPF).ip(), why: Down::Restarted };
    assert_eq!(pair.smf.poll_event(), Some(down));
    assert!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })));
    assert!(matches!(pair.upf.poll_event(), Some(Event::AssociationUp { .. })));
}

#[test]
fn a_upf_that_forgot_us_is_set_up_again_at_once() {
    let mut pair = Pair::up();
    pair.upf = node(UPF, Role::Up(UpFunctionFeatures::FTUP), 300);
    let id = pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()).expect("sent");
    pair.run();
    let Some(Event::Response { id: answered, result: Ok(answer) }) = pair.smf.poll_event() else { panic!("no answer") };
    assert_eq!((answered, answer.cause()), (id, Some(Cause::NoEstablishedPfcpAssociation)));
    let down = Event::AssociationDown { peer: address(UPF).ip(), why: Down::Restarted };
    assert_eq!(pair.smf.poll_event(), Some(down));
    pair.pass(Duration::ZERO);
    assert!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })));
}

#[test]
fn a_restart_of_the_smf_ends_its_sessions() {
    let mut pair = Pair::up();
    pair.smf = node(SMF, Role::Cp(CpFunctionFeatures::default()), 101);
    pair.smf.associate(pair.now, address(UPF));
    pair.run();
    let down = Event::AssociationDown { peer: address(SMF).ip(), why: Down::Restarted };
    assert_eq!(pair.upf.poll_event(), Some(down));
    assert!(matches!(pair.upf.poll_event(), Some(Event::AssociationUp { .. })));
}

#[test]
fn a_time_stamp_that_goes_backwards_changes_nothing() {
    let mut pair = Pair::up();
    let old = Packet::node(Sequence::new(99), HeartbeatRequest::new(RecoveryTimeStamp(199))).encode().expect("fits");
    pair.smf.handle_datagram(pair.now, address(UPF), &old);
    assert_eq!(pair.smf.poll_event(), None);
    assert_eq!(pair.smf.associations().count(), 1);
}

#[test]
fn either_side_can_end_it() {
    let mut pair = Pair::up();
    pair.smf.release(pair.now, address(UPF).ip());
    pair.run();
    assert_eq!(pair.smf.poll_event(), Some(Event::AssociationDown { peer: address(UPF).ip(), why: Down::Released }));
    assert_eq!(pair.upf.poll_event(), Some(Event::AssociationDown { peer: address(SMF).ip(), why: Down::Released }));
    pair.pass(Duration::from_secs(60));
    assert_eq!(pair.smf.poll_event(), None, "released for good");

    let mut pair = Pair::up();
    pair.upf.release(pair.now, address(SMF).ip());
    pair.run();
    assert_eq!(pair.upf.poll_event(), Some(Event::AssociationDown { peer: address(SMF).ip(), why: Down::Released }));
    pair.pass(Duration::from_secs(2));
    assert_eq!(pair.smf.poll_event(), Some(Event::AssociationDown { peer: address(UPF).ip(), why: Down::Released }));
    assert!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })), "wanted, so set up again");
}

#[test]
fn without_an_association_sessions_are_refused() {
    let mut upf = node(UPF, Role::Up(UpFunctionFeatures::FTUP), 200);
    let octets = Packet::session(Seid(0), Sequence::new(1), establishment()).encode().expect("fits");
    upf.handle_datagram(Instant::now(), address(SMF), &octets);
    let answer = Packet::decode(&upf.poll_transmit().expect("an answer").octets).expect("a message");
    assert_eq!(answer.message.cause(), Some(Cause::NoEstablishedPfcpAssociation));
    assert_eq!(answer.seid, Some(Seid(1)));
    assert_eq!(upf.poll_event(), None);
}

#[test]
fn a_malformed_request_is_refused_with_cause_and_element() {
    let mut pair = Pair::up();
    let mut octets = Packet::session(Seid(0), Sequence::new(1), establishment()).encode().expect("fits");
    octets[20] = 9; // the type of the node id
    pair.upf.handle_datagram(pair.now, address(SMF), &octets);
    let answer = Packet::decode(&pair.upf.poll_transmit().expect("an answer").octets).expect("a message");
    let Message::SessionEstablishmentResponse(response) = answer.message else { panic!("another answer") };
    assert_eq!((response.cause, response.offending_ie), (Cause::MandatoryIeIncorrect, Some(OffendingIe(ie::NODE_ID))));
    assert_eq!((answer.seid, answer.sequence), (Some(Seid(1)), Sequence::new(1)));
}

#[test]
fn responses_nobody_waits_for_are_counted_only() {
    let mut pair = Pair::up();
    let octets = Packet::session(Seid(1), Sequence::new(77), accepted()).encode().expect("fits");
    pair.smf.handle_datagram(pair.now, address(UPF), &octets);
    assert_eq!((pair.smf.poll_event(), pair.smf.poll_transmit()), (None, None));
    assert_eq!(pair.smf.counters().unexpected_responses, 1);
}

#[test]
fn an_answer_of_another_kind_does_not_close_a_request() {
    let mut pair = Pair::up();
    let id = pair.smf.request(pair.now, address(UPF).ip(), Seid(0), establishment()).expect("sent");
    let sequence = Packet::decode(&pair.smf.poll_transmit().expect("sent").octets).expect("a message").sequence;
    let wrong = Packet::session(Seid(1), sequence, SessionDeletionResponse::new(Cause::RequestAccepted))
        .encode()
        .expect("fits");
    pair.smf.handle_datagram(pair.now, address(UPF), &wrong);
    assert_eq!(pair.smf.poll_event(), None);
    let right = Packet::session(Seid(1), sequence, accepted()).encode().expect("fits");
    pair.smf.handle_datagram(pair.now, address(UPF), &right);
    assert_eq!(pair.smf.poll_event(), Some(Event::Response { id, result: Ok(accepted().into()) }));
}

#[test]
fn memory_of_transactions_and_associations_is_bounded() {
    let mut config = EndpointConfig::new(
        NodeId::Address(address(UPF).ip()),
        Role::Up(UpFunctionFeatures::default()),
        RecoveryTimeStamp(1),
    );
    (config.max_transactions, config.max_associations) = (8, 4);
    let mut upf = Endpoint::new(config);
    let now = Instant::now();
    for host in 1..=20u8 {
        let from = SocketAddr::from(([10, 0, 0, host], PORT));
        let setup = AssociationSetupRequest::new(NodeId::Address(from.ip()), RecoveryTimeStamp(1));
        upf.handle_datagram(now, from, &Packet::node(Sequence::new(1), setup).encode().expect("fits"));
    }
    assert_eq!(upf.associations().count(), 4);
    let peer = SocketAddr::from(([10, 0, 0, 1], PORT));
    for sequence in 0..100 {
        let request = Packet::session(Seid(0), Sequence::new(1000 + sequence), establishment()).encode().expect("fits");
        upf.handle_datagram(now, peer, &request);
    }
    let waiting =
        std::iter::from_fn(|| upf.poll_event()).filter(|event| matches!(event, Event::Request { .. })).count();
    assert_eq!(waiting, 8, "the rest the peer repeats");
    assert!(upf.poll_timeout().is_some());
    upf.handle_timeout(now + Duration::from_secs(6));
    let request = Packet::session(Seid(0), Sequence::new(5000), establishment()).encode().expect("fits");
    upf.handle_datagram(now + Duration::from_secs(6), peer, &request);
    assert!(matches!(upf.poll_event(), Some(Event::Request { .. })), "what is old is forgotten");
}

#[test]
fn only_admitted_peers_get_an_association() {
    for (admitted, accepted) in [("127.0.0.9", false), ("127.0.0.4", true)] {
        let mut pair = Pair::new();
        let config = EndpointConfig::new(
            NodeId::Address(address(UPF).ip()),
            Role::Up(UpFunctionFeatures::FTUP),
            RecoveryTimeStamp(200),
        );
        let admitted = Peers::Only(vec![admitted.parse().expect("an address")]);
        pair.upf = Endpoint::new(EndpointConfig { admitted, ..config });
        pair.smf.associate(pair.now, address(UPF));
        pair.run();
        let event = pair.upf.poll_event();
        assert_eq!(matches!(event, Some(Event::AssociationUp { .. })), accepted, "{event:?}");
        assert_eq!(matches!(event, Some(Event::Stranger { .. })), !accepted, "{event:?}");
        assert_eq!(matches!(pair.smf.poll_event(), Some(Event::AssociationUp { .. })), accepted);
    }
}
