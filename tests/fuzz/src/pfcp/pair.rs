//! Two nodes over a network that loses, repeats, delays and alters datagrams; either may start again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pfcp::*;

use super::{establishment, node_id, peer};
use crate::choices::Choices;

const SMF: u8 = 1;
const UPF: u8 = 2;

struct Pair {
    now: Instant,
    smf: Endpoint,
    upf: Endpoint,
    /// On their way: from whom, and the octets.
    network: Vec<(u8, Vec<u8>)>,
    starts: u32,
}

fn start(number: u8, starts: u32) -> Endpoint {
    let role = match number {
        SMF => Role::Cp(CpFunctionFeatures::default()),
        _ => Role::Up(UpFunctionFeatures::FTUP),
    };
    Endpoint::new(EndpointConfig::new(node_id(number), role, RecoveryTimeStamp(100 + starts)))
}

/// Whatever the network did: once it heals, the nodes find each other and sessions can be made.
pub fn pfcp_pair(data: &[u8]) {
    let mut choices = Choices::new(data);
    let now = Instant::now();
    let (smf, upf) = (start(SMF, 0), start(UPF, 0));
    let mut pair = Pair { now, smf, upf, network: Vec::new(), starts: 0 };
    pair.smf.associate(now, peer(UPF));
    while !choices.is_empty() {
        pair.step(&mut choices);
        pair.collect();
    }
    pair.heal();
}

impl Pair {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let at = usize::from(choices.octet()) % self.network.len().max(1);
        let some = at < self.network.len();
        match choices.below(11) {
            0..=2 if some => {
                let (from, octets) = self.network.remove(at);
                self.deliver(from, &octets);
            }
            3 if some => drop(self.network.remove(at)),
            4 if some => {
                let (from, octets) = self.network[at].clone();
                self.deliver(from, &octets);
            }
            5 if some => {
                // Not beyond the header: an altered message may say anything, such as that the association is over.
                let octets = &mut self.network[at].1;
                let place = usize::from(choices.octet()) % octets.len().min(8);
                octets[place] ^= 1 << choices.below(8);
            }
            6 => self.pass(Duration::from_millis(u64::from(choices.octet()) * 50), false),
            7 => drop(self.smf.request(self.now, peer(UPF).ip(), Seid(0), establishment(SMF))),
            8 => {
                self.starts += 1;
                self.upf = start(UPF, self.starts);
            }
            9 => {
                self.starts += 1;
                self.smf = start(SMF, self.starts);
                self.smf.associate(self.now, peer(UPF));
            }
            10 => self.upf.release(self.now, peer(SMF).ip()),
            _ => {}
        }
    }

    fn deliver(&mut self, from: u8, octets: &[u8]) {
        let address: SocketAddr = peer(from);
        match from {
            SMF => self.upf.handle_datagram(self.now, address, octets),
            _ => self.smf.handle_datagram(self.now, address, octets),
        }
    }

    /// Puts what the nodes send on its way, and answers for the UPF.
    fn collect(&mut self) {
        while let Some(event) = self.upf.poll_event() {
            if let Event::Request { token, .. } = event {
                let response = SessionEstablishmentResponse::new(node_id(UPF), Cause::RequestAccepted);
                self.upf.respond(token, Seid(1), response).expect("fits");
            }
        }
        while let Some(sent) = self.smf.poll_transmit() {
            self.network.push((SMF, sent.octets.to_vec()));
        }
        while let Some(sent) = self.upf.poll_transmit() {
            self.network.push((UPF, sent.octets.to_vec()));
        }
        let surplus = self.network.len().saturating_sub(64);
        self.network.drain(..surplus);
    }

    /// Lets time pass; with a `network` that works, what is sent arrives at once.
    fn pass(&mut self, time: Duration, network: bool) {
        let until = self.now + time;
        for turn in 0.. {
            assert!(turn < 10_000, "the nodes stand still");
            if network {
                self.carry();
            }
            let due = [self.smf.poll_timeout(), self.upf.poll_timeout()].into_iter().flatten().min();
            let Some(at) = due.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            self.smf.handle_timeout(self.now);
            self.upf.handle_timeout(self.now);
            self.collect();
        }
        self.now = until;
    }

    /// The network carries everything at once.
    fn carry(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the nodes never stop talking");
            self.collect();
            if self.network.is_empty() {
                break;
            }
            for (from, octets) in std::mem::take(&mut self.network) {
                self.deliver(from, &octets);
            }
        }
    }

    fn heal(&mut self) {
        self.pass(Duration::from_secs(120), true);
        // An association that only one end still has shows when it is used, and is then set up anew.
        let first = self.session();
        self.pass(Duration::from_secs(10), true);
        let second = self.session();
        assert!(second, "a session can be made (the first attempt: {first})");
        assert_eq!((self.smf.associations().count(), self.upf.associations().count()), (1, 1));
    }

    /// Whether the UPF makes a session.
    fn session(&mut self) -> bool {
        while self.smf.poll_event().is_some() {}
        let Ok(id) = self.smf.request(self.now, peer(UPF).ip(), Seid(0), establishment(SMF)) else { return false };
        self.carry();
        std::iter::from_fn(|| self.smf.poll_event()).any(|event| match event {
            Event::Response { id: of, result: Ok(message) } => {
                of == id && message.cause() == Some(Cause::RequestAccepted)
            }
            _ => false,
        })
    }
}

/// Troubles of a network.
pub(crate) fn sequences() -> Vec<Vec<u8>> {
    let (deliver, lose, again, alter, wait) = ([0, 0], [0, 3], [0, 4], [0, 5, 6, 1], [0, 6, 30]);
    let (ask, upf_restarts, smf_restarts, release) = ([0, 7], [0, 8], [0, 9], [0, 10]);
    vec![
        [&deliver[..], &deliver, &ask, &deliver, &deliver].concat(),
        [&deliver[..], &deliver, &ask, &again, &upf_restarts, &deliver, &deliver, &wait].concat(),
        [&lose[..], &wait, &deliver, &alter, &deliver, &wait, &smf_restarts, &deliver].concat(),
        [&deliver[..], &deliver, &release, &deliver, &deliver, &lose, &wait].concat(),
    ]
}
