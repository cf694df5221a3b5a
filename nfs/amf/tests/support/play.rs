//! Sequences of messages from several nodes and UEs, honest and not, against the whole machine; answers of other NFs come
//! when the sequence says so. The machine never panics, stays bounded, forgets everybody in the end, and still serves an
//! honest UE.

use std::cell::Cell;
use std::sync::Once;
use std::time::Duration;

use nas::GmmMessage;
use nas::gmm::*;
use nas::ie::*;
use ngap::Message;
use sbi_models::PduSessionId;
use sbi_models::amf::NgapIeType;
use tokio::time::Instant;

use super::home::Fate;
use super::ue::{nas_pdu, plain};
use super::{Net, Node, Ue, initial, periodic, settle};

pub const UES: usize = 3;
pub const NODES: usize = 2;
/// Things that a UE can do.
pub const ACTIONS: u8 = 16;

/// UE contexts that the machine may hold, and connections of one node.
const MOST_UES: usize = 8;
const MOST_OF_NODE: usize = 6;

#[derive(Clone, Debug)]
pub enum Step {
    /// A UE does something; if it connects for that, then through this node.
    Act { ue: usize, node: usize, action: u8 },
    /// UEs and nodes answer what has come.
    Answer,
    /// The next messages of a node are changed: position, value, and how many messages.
    Mutate { node: usize, at: u16, value: u8, count: u8 },
    /// Octets of nobody.
    Octets(usize, Vec<u8>),
    /// A UE sends a NAS PDU that it made up.
    Nas(usize, Vec<u8>),
    /// What becomes of the next calls to other NFs.
    Fates(Vec<Fate>),
    /// Milliseconds pass.
    Wait(u16),
    /// A node connects anew.
    Reconnect(usize),
}

struct Play {
    net: Net,
    nodes: Vec<Node>,
    ues: Vec<Ue>,
    /// The node each UE is at.
    at: [usize; UES],
}

impl Play {
    async fn new() -> Self {
        let net = Net::with(|config, _| {
            config.limits.ues = MOST_UES;
            config.limits.ues_per_gnb = MOST_OF_NODE;
            config.limits.deregistered_ues = 2;
        });
        let mut nodes = Vec::new();
        for id in 1..=NODES {
            nodes.push(net.node(u32::try_from(id).expect("few")).await);
        }
        let ues = (1..=UES).map(|number| Ue::new(u32::try_from(number).expect("few"))).collect();
        Self { net, nodes, ues, at: [0; UES] }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Act { ue, node, action } => self.act(ue % UES, node % NODES, action).await,
            Step::Answer => self.answer().await,
            Step::Mutate { node, at, value, count } => self.mutate(node % NODES, at, value, count),
            Step::Octets(node, octets) => self.nodes[node % NODES].send_octets(1, &octets),
            Step::Nas(ue, octets) => {
                let (ue, node) = (&self.ues[ue % UES], &self.nodes[self.at[ue % UES]]);
                match ue.amf {
                    Some(amf) => node.uplink(amf, ue.ran, octets.into(), "?"),
                    None => node.initial(ue.ran, octets.into(), "?"),
                }
            }
            Step::Fates(fates) => self.net.home.expect_fates(fates),
            Step::Wait(milliseconds) => self.wait(Duration::from_millis(milliseconds.into())).await,
            Step::Reconnect(node) => self.reconnect(node % NODES),
        }
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
        self.net.machine.handle_timeout(Instant::now().into_std());
    }

    fn reconnect(&mut self, index: usize) {
        let id = self.nodes[index].id;
        let new = Node::connect(&self.net.machine, &self.net.ladder, id);
        std::mem::replace(&mut self.nodes[index], new).disconnect();
        self.nodes[index].send(super::node::setup_request(id, super::node::areas("999-70", 1, 1)), None);
        self.leave(index);
    }

    /// All UEs of a node have lost their connection.
    fn leave(&mut self, node: usize) {
        let at = self.at;
        self.ues.iter_mut().zip(at).filter(|(_, at)| *at == node).for_each(|(ue, _)| ue.amf = None);
    }

    fn mutate(&mut self, node: usize, at: u16, value: u8, count: u8) {
        let mut left = count;
        *self.nodes[node].mutate.borrow_mut() = Some(Box::new(move |octets: &mut Vec<u8>| {
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

    async fn act(&mut self, index: usize, to: usize, action: u8) {
        match action % ACTIONS {
            action @ 0..=4 => self.connect(index, to, action),
            action @ 5..=9 => self.speak(index, action),
            10 => {
                let session = PduSessionId::new(1).expect("1 to 15");
                let n2 = Some((NgapIeType::PduResSetupReq, "setup"));
                let _ = self.net.home.transfer(&self.ues[index].supi(), session, None, n2).await;
            }
            11 => {
                let (machine, supi) = (self.net.machine.clone(), self.ues[index].supi());
                drop(tokio::spawn(async move { machine.deregister(&supi, false).await }));
            }
            12 => {
                let cause = ngap::Cause::Misc(ngap::CauseMisc::Unspecified);
                self.nodes[to].send(ngap::NgReset { cause, reset_type: ngap::ResetType::NgInterface }, None);
                self.leave(to);
            }
            // A node that has not the UE speaks for it.
            13 if self.ues[index].amf.is_some() => self.ues[index].release_request(&self.nodes[to]),
            14 if self.ues[index].amf.is_some() => {
                let ue = &mut self.ues[index];
                ue.say_plainly(&self.nodes[to], RegistrationComplete::new());
            }
            15 => {
                let reason = sbi_models::udm::DeregistrationReason::UeInitialRegistration;
                let _ = self.net.home.try_notify_deregistered(&self.ues[index].supi(), reason).await;
            }
            _ => {}
        }
    }

    /// The UE begins something on a new connection.
    fn connect(&mut self, index: usize, to: usize, action: u8) {
        let other = self.ues[(index + 1) % UES].guti;
        let (ue, node) = (&mut self.ues[index], &mut self.nodes[to]);
        let known = ue.security.is_some() && ue.guti.is_some();
        match action {
            0 => ue.send_registration_request(node, initial()),
            1 if known => {
                let whole = ue.whole_request(initial());
                ue.send_protected_registration_request(node, initial(), whole);
            }
            2 if known => {
                let whole = ue.whole_request(periodic());
                ue.send_protected_registration_request(node, periodic(), whole);
            }
            3 if known => ue.send_service_request(node, &[1]),
            4 => {
                // Another's GUTI.
                let mut request = ue.registration_request(initial());
                request.identity = other.map_or(request.identity, MobileIdentity::Guti);
                (ue.ran, ue.amf) = (node.new_ran_id(), None);
                node.initial(ue.ran, plain(request), "RegistrationRequest");
            }
            _ => return,
        }
        self.at[index] = to;
    }

    /// The UE says something on its connection, if it has one.
    fn speak(&mut self, index: usize, action: u8) {
        let (ue, node) = (&mut self.ues[index], &self.nodes[self.at[index]]);
        if ue.amf.is_none() {
            return;
        }
        let protected = ue.security.is_some();
        match action {
            5 if protected => ue.say_session(node, 1, Some(RequestType::Initial), None, "request"),
            6 if protected => ue.say_session(node, 1, None, None, "release request"),
            7 => {
                let kind = DeregistrationType {
                    switch_off: false,
                    reregistration_required: false,
                    access: AccessType::ThreeGpp,
                };
                let identity = ue.identity();
                ue.say(node, DeregistrationRequestUeOriginating::new(kind, NgKsi::NO_KEY, identity));
            }
            8 => ue.release_request(node),
            9 if protected => {
                let request = ue.registration_request(initial());
                ue.say(node, request);
            }
            _ => {}
        }
    }

    /// Everybody answers what has come, as it should be answered.
    async fn answer(&mut self) {
        settle().await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        for index in 0..NODES {
            for message in self.nodes[index].drain() {
                let Some(ran) = ran_id(&message) else { continue };
                let at = self.at;
                let mut here = self.ues.iter_mut().zip(at).filter(|(_, at)| *at == index).map(|(ue, _)| ue);
                if let Some(ue) = here.find(|ue| ue.ran == ran) {
                    ue.amf = super::ue::amf_id(&message).or(ue.amf);
                    answer_nas(ue, &self.nodes[index], &message);
                    answer_n2(ue, &self.nodes[index], &message);
                }
            }
        }
    }

    /// Whatever went before: an honest UE on a node of its own is served, and when all are gone nothing is left.
    async fn end(mut self) {
        self.nodes.iter().for_each(|node| *node.mutate.borrow_mut() = None);
        self.net.home.expect_fates(Vec::new());
        let mut node = self.net.node(99).await;
        self.wait(Duration::from_secs(60)).await;
        node.drain();
        Ue::with_sqn(77, 0).register(&mut node).await;
        node.disconnect();
        self.nodes.drain(..).for_each(Node::disconnect);
        for _ in 0..4 {
            self.wait(Duration::from_secs(3_600)).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(self.net.machine.counts(), (0, 0, 0));
        if std::env::var_os("RANDOM_SHOW").is_some() {
            let text = self.net.metrics.encode();
            text.lines().filter(|line| line.contains("procedures_total")).for_each(|line| println!("{line}"));
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

fn answer_n2(ue: &mut Ue, node: &Node, message: &Message) {
    match message {
        Message::InitialContextSetupRequest(request) => {
            let sessions = request.pdu_session_resource_setup_list.iter().flatten();
            let ids: Vec<u8> = sessions.map(|item| item.pdu_session_id.0).collect();
            ue.context_set_up(node, &ids);
        }
        Message::PduSessionResourceSetupRequest(_) => ue.sessions_set_up(node, &[1]),
        Message::PduSessionResourceReleaseCommand(_) => ue.session_released(node, 1),
        Message::UeContextReleaseCommand(_) => {
            ue.release_complete(node);
            ue.amf = None;
        }
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

thread_local! {
    /// Panics on this thread, on which all tasks of a play run: nobody awaits those of the machine.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            previous(info);
        }));
    });
    PANICS.with(|panics| panics.set(0));
}

/// Plays the steps under a clock of its own, then the end.
///
/// # Panics
/// If anything did, or is not as it must be.
pub fn play(steps: impl IntoIterator<Item = Step>) {
    count_panics();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut play = Play::new().await;
        for step in steps {
            play.step(step).await;
            let (ues, nodes, connections) = play.net.machine.counts();
            let bounded = ues <= MOST_UES && nodes <= NODES + 1 && connections <= (NODES + 1) * MOST_OF_NODE;
            assert!(bounded, "{ues} UEs, {nodes} nodes, {connections} connections");
        }
        play.end().await;
    });
    assert_eq!(PANICS.with(Cell::get), 0, "a task has panicked");
}
