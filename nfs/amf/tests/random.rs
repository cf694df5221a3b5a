//! Random sequences of messages, honest and mutated, against the whole machine: it never panics, stays bounded, forgets
//! everybody in the end, and still serves an honest UE.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nas::GmmMessage;
use nas::gmm::*;
use nas::ie::*;
use ngap::Message;
use proptest::prelude::*;
use sbi_models::PduSessionId;
use sbi_models::amf::NgapIeType;
use support::ue::{nas_pdu, plain};
use support::{Net, Node, Ue, initial, periodic, settle};
use tokio::time::Instant;

/// Panics of any task, which nobody awaits.
static PANICS: AtomicUsize = AtomicUsize::new(0);

const UES: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A UE does something.
    Act(usize, u8),
    /// UEs and nodes answer what has come.
    Answer,
    /// The next messages of the node are changed: position, value, and how many messages.
    Mutate(u16, u8, u8),
    /// Octets of nobody.
    Octets(Vec<u8>),
    /// A UE sends a NAS PDU that it made up.
    Nas(usize, Vec<u8>),
    /// Milliseconds pass.
    Wait(u16),
    /// The node connects anew.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..UES, 0..12u8).prop_map(|(ue, action)| Step::Act(ue, action)),
        30 => Just(Step::Answer),
        2 => (any::<u16>(), any::<u8>(), 1..3u8).prop_map(|(at, value, count)| Step::Mutate(at, value, count)),
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Octets),
        1 => (0..UES, proptest::collection::vec(any::<u8>(), 0..60)).prop_map(|(ue, octets)| Step::Nas(ue, octets)),
        2 => (1..8_000u16).prop_map(Step::Wait),
        1 => Just(Step::Reconnect),
    ]
}

struct Play {
    net: Net,
    node: Node,
    ues: Vec<Ue>,
}

impl Play {
    async fn new() -> Self {
        let net = Net::with(|config, _| {
            config.limits.ues = 8;
            config.limits.ues_per_gnb = 6;
        });
        let node = net.node(1).await;
        Self { net, node, ues: (1..=UES).map(|number| Ue::new(u32::try_from(number).expect("few"))).collect() }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Act(ue, action) => self.act(ue, action).await,
            Step::Answer => self.answer().await,
            Step::Mutate(at, value, count) => self.mutate(at, value, count),
            Step::Octets(octets) => self.node.send_octets(1, &octets),
            Step::Nas(ue, octets) => {
                let ue = &self.ues[ue];
                match ue.amf {
                    Some(amf) => self.node.uplink(amf, ue.ran, octets.into(), "?"),
                    None => self.node.initial(ue.ran, octets.into(), "?"),
                }
            }
            Step::Wait(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
                self.net.machine.handle_timeout(Instant::now().into_std());
            }
            Step::Reconnect => {
                let node = std::mem::replace(&mut self.node, Node::connect(&self.net.machine, &self.net.ladder, 1));
                node.disconnect();
                self.node.send(support::node::setup_request(1, support::node::areas("999-70", 1, 1)), None);
                self.ues.iter_mut().for_each(|ue| ue.amf = None);
            }
        }
    }

    fn mutate(&mut self, at: u16, value: u8, count: u8) {
        let mut left = count;
        *self.node.mutate.borrow_mut() = Some(Box::new(move |octets: &mut Vec<u8>| {
            if left == 0 || octets.is_empty() {
                return;
            }
            left -= 1;
            let place = usize::from(at) % octets.len();
            match value % 3 {
                0 => octets[place] = value,
                1 => octets.truncate(place),
                _ => octets[place] ^= 1 << (value % 8),
            }
        }));
    }

    async fn act(&mut self, index: usize, action: u8) {
        let other = self.ues[(index + 1) % UES].guti;
        let (ue, node) = (&mut self.ues[index], &mut self.node);
        let connected = ue.amf.is_some();
        let protected = ue.security.is_some();
        match action {
            0 => ue.send_registration_request(node, initial()),
            1 if protected && ue.guti.is_some() => {
                let whole = ue.whole_request(initial());
                ue.send_protected_registration_request(node, initial(), whole);
            }
            2 if protected && ue.guti.is_some() => {
                let whole = ue.whole_request(periodic());
                ue.send_protected_registration_request(node, periodic(), whole);
            }
            3 if protected && ue.guti.is_some() => ue.send_service_request(node, &[1]),
            4 if connected && protected => ue.say_session(node, 1, Some(RequestType::Initial), None, "request"),
            5 if connected && protected => ue.say_session(node, 1, None, None, "release request"),
            6 if connected => {
                let kind = DeregistrationType {
                    switch_off: false,
                    reregistration_required: false,
                    access: AccessType::ThreeGpp,
                };
                let identity = ue.identity();
                ue.say(node, DeregistrationRequestUeOriginating::new(kind, NgKsi::NO_KEY, identity));
            }
            7 if connected => ue.release_request(node),
            8 => {
                let session = PduSessionId::new(1).expect("1 to 15");
                let n2 = Some((NgapIeType::PduResSetupReq, "setup"));
                let _ = self.net.home.transfer(&ue.supi(), session, None, n2).await;
            }
            9 => {
                let (machine, supi) = (self.net.machine.clone(), ue.supi());
                drop(tokio::spawn(async move { machine.deregister(&supi, false).await }));
            }
            10 => {
                let mut request = ue.registration_request(initial());
                request.identity = other.map_or(request.identity, MobileIdentity::Guti);
                ue.ran = node.new_ran_id();
                ue.amf = None;
                node.initial(ue.ran, plain(request), "RegistrationRequest");
            }
            11 => {
                let cause = ngap::Cause::Misc(ngap::CauseMisc::Unspecified);
                node.send(ngap::NgReset { cause, reset_type: ngap::ResetType::NgInterface }, None);
                self.ues.iter_mut().for_each(|ue| ue.amf = None);
            }
            _ => {}
        }
    }

    /// Everybody answers what has come, as it should be answered.
    async fn answer(&mut self) {
        settle().await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        for message in self.node.drain() {
            let Some(ran) = ran_id(&message) else { continue };
            let Some(ue) = self.ues.iter_mut().find(|ue| ue.ran == ran) else { continue };
            ue.amf = support::ue::amf_id(&message).or(ue.amf);
            answer_nas(ue, &self.node, &message);
            match &message {
                Message::InitialContextSetupRequest(request) => {
                    let sessions = request.pdu_session_resource_setup_list.iter().flatten();
                    let ids: Vec<u8> = sessions.map(|item| item.pdu_session_id.0).collect();
                    ue.context_set_up(&self.node, &ids);
                }
                Message::PduSessionResourceSetupRequest(_) => ue.sessions_set_up(&self.node, &[1]),
                Message::PduSessionResourceReleaseCommand(_) => ue.session_released(&self.node, 1),
                Message::UeContextReleaseCommand(_) => {
                    ue.release_complete(&self.node);
                    ue.amf = None;
                }
                _ => {}
            }
        }
    }
}

fn answer_nas(ue: &mut Ue, node: &Node, message: &Message) {
    let Some(nas) = nas_pdu(message).and_then(|pdu| ue.try_open(&pdu)) else { return };
    match nas {
        GmmMessage::AuthenticationRequest(request) if request.rand.is_some() && request.autn.is_some() => {
            let answer = ue.answer(&request);
            ue.say_plainly(node, answer);
        }
        GmmMessage::IdentityRequest(_) => {
            let suci = ue.suci();
            ue.say_plainly(node, IdentityResponse::new(suci));
        }
        GmmMessage::SecurityModeCommand(_) if ue.request.is_some() => ue.security_mode_complete(node),
        GmmMessage::RegistrationAccept(accept) => {
            ue.guti = accept.guti.or(ue.guti);
            ue.say(node, RegistrationComplete::new());
        }
        GmmMessage::DeregistrationRequestUeTerminated(_) => ue.say(node, DeregistrationAcceptUeTerminated::new()),
        _ => {}
    }
}

fn ran_id(message: &Message) -> Option<ngap::RanUeNgapId> {
    match message {
        Message::DownlinkNasTransport(message) => Some(message.ran_ue_ngap_id),
        Message::InitialContextSetupRequest(message) => Some(message.ran_ue_ngap_id),
        Message::PduSessionResourceSetupRequest(message) => Some(message.ran_ue_ngap_id),
        Message::PduSessionResourceReleaseCommand(message) => Some(message.ran_ue_ngap_id),
        Message::UeContextReleaseCommand(command) => match command.ue_ngap_ids {
            ngap::UeNgapIds::Pair { ran_ue_ngap_id, .. } => Some(ran_ue_ngap_id),
            ngap::UeNgapIds::AmfUeNgapId(_) => None,
        },
        _ => None,
    }
}

async fn play(steps: Vec<Step>) {
    let mut play = Play::new().await;
    for step in steps {
        play.step(step).await;
        let (ues, nodes, connections) = play.net.machine.counts();
        assert!(ues <= 8 && nodes <= 3 && connections <= 18, "{ues} UEs, {nodes} nodes, {connections} connections");
    }
    *play.node.mutate.borrow_mut() = None;
    // An honest UE, on a node of its own, is served whatever went before.
    let mut node = play.net.node(2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    play.net.machine.handle_timeout(Instant::now().into_std());
    node.drain();
    Ue::with_sqn(77, 0).register(&mut node).await;
    // When all nodes are gone and time has passed, nobody is left.
    node.disconnect();
    play.node.disconnect();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        play.net.machine.handle_timeout(Instant::now().into_std());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(play.net.machine.counts(), (0, 0, 0));
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a task has panicked");
    if std::env::var_os("RANDOM_SHOW").is_some() {
        let text = play.net.metrics.encode();
        text.lines().filter(|line| line.contains("procedures_total")).for_each(|line| println!("{line}"));
    }
}

#[test]
fn random_sequences_do_no_harm() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        previous(info);
    }));
    let cases = std::env::var("RANDOM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let steps = proptest::collection::vec(step(), 1..100);
    let outcome = runner.run(&steps, |steps| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(play(steps));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
