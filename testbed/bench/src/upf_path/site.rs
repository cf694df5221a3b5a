//! Sessions for packets to pass through.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use classifier::Algorithm;
use dataplane::{Bucket, Catalogue, Command, Config, Forwarder, InstallId};
use rules::{
    Action, Destination, Far, FarId, Filter, Flow, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Ports, Qer, QerId, Rates,
    RemoteTunnel, Source, Teid, Urr, UrrId,
};

pub(super) const N3: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
pub(super) const GNB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));

/// What the sessions' rules are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// PDRs of each direction: the last takes everything, those before it one flow each.
    pub(super) each_way: usize,
    /// Whether packets are dropped by their FAR in place of forwarded.
    pub(super) drop: bool,
    /// Whether there are a QER with a bit rate and a URR that counts the volume.
    pub(super) enforced: bool,
    /// The bit rate of the QER.
    pub(super) rate: u64,
    /// How the PDR of a packet is found.
    pub(super) classifier: Algorithm,
    /// Whether no two sessions have rules alike, so that none can be shared.
    pub(super) differing: bool,
}

impl Rules {
    /// One PDR each way, as an SMF makes them.
    pub(super) const PLAIN: Self = Self {
        each_way: 1,
        drop: false,
        enforced: true,
        rate: 40_000_000_000,
        classifier: Algorithm::Auto,
        differing: false,
    };

    /// So many PDRs.
    pub(super) fn of(pdrs: usize) -> Self {
        Self { each_way: (pdrs / 2).max(1), ..Self::PLAIN }
    }
}

/// So many sessions with such rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub(super) sessions: usize,
    pub(super) rules: Rules,
}

/// The UE's address of a session.
pub(super) fn address(session: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0002 + session as u32)
}

/// Its tunnel.
pub(super) fn tunnel(session: usize) -> u32 {
    Bucket::of_address(address(session).into()).tunnel(session as u32 + 1)
}

/// The remote end of the `number`th flow: address and port.
pub(super) fn remote(number: usize) -> (Ipv4Addr, u16) {
    (Ipv4Addr::new(198, 18, number as u8, 1), 1000 + 10 * number as u16)
}

impl Site {
    /// A worker's path with all of the sessions.
    pub(super) fn forwarder(&self) -> Forwarder {
        let now = Instant::now();
        let mut forwarder = Forwarder::new(Config::new(N3), 0, now);
        let mut catalogue = Catalogue::new(self.rules.classifier);
        for number in 0..self.sessions {
            forwarder.command(now, self.install(number, now, &mut catalogue));
            drop(forwarder.drain_events());
        }
        forwarder
    }

    pub(super) fn install(&self, number: usize, now: Instant, catalogue: &mut Catalogue) -> Command {
        let seid = number as u64 + 1;
        Command::Install {
            id: InstallId(seid),
            session: Some(catalogue.compile(seid, &self.session(number), now)),
            seid,
            report: BTreeSet::new(),
            end_markers: Vec::new(),
            drop_buffered: false,
        }
    }

    fn session(&self, number: usize) -> rules::Session {
        let Rules { each_way, drop, enforced, rate, differing, .. } = self.rules;
        // Other precedences, in the same order.
        let first = if differing { number * each_way } else { 0 };
        let mut session = rules::Session::default();
        let mut uplink = Pdi::from(Source::Access).of(address(number).into());
        uplink.tunnel = Some(LocalTunnel::Given(Teid(tunnel(number))));
        let downlink = Pdi::from(Source::Core).of(address(number).into());
        for (direction, pdi) in [uplink, downlink].into_iter().enumerate() {
            for place in 0..each_way {
                let last = place + 1 == each_way;
                let pdi = if last { pdi.clone() } else { pdi.clone().passing(flow(place)) };
                let pdr = Pdr {
                    precedence: (first + place) as u32,
                    pdi,
                    outer_header_removal: direction == 0,
                    far: Some(FarId(direction as u32 + 1)),
                    qers: if enforced { vec![QerId(1)] } else { Vec::new() },
                    urrs: if enforced { vec![UrrId(1)] } else { Vec::new() },
                };
                session.pdrs.insert(PdrId((direction * each_way + place) as u16 + 1), pdr);
            }
        }
        let to_core =
            Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
        let tunnel = Some(RemoteTunnel { teid: number as u32 + 1, address: GNB });
        let to_access = Forwarding { destination: Destination::Access, tunnel, ..to_core.clone() };
        let action = if drop { Action::DROP } else { Action::FORWARD };
        let far = |forwarding| Far { action, forwarding: Some(forwarding), bar: None, steering: None };
        session.fars.extend([(FarId(1), far(to_core)), (FarId(2), far(to_access))]);
        if enforced {
            let mbr = Some(Rates { uplink: rate, downlink: rate });
            session.qers.insert(QerId(1), Qer { mbr, qfi: Some(1), ..Qer::default() });
            session.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
        }
        session
    }
}

/// The flow that the `number`th PDR takes.
fn flow(number: usize) -> Filter {
    let (address, port) = remote(number);
    let [a, b, c, _] = address.octets();
    let flow = Flow {
        protocol: Some(17),
        remote: format!("{a}.{b}.{c}.0/24").parse().ok(),
        remote_ports: vec![Ports { low: port, high: port + 9 }],
        ..Flow::default()
    };
    Filter { flow: Some(flow), ..Filter::default() }
}

/// Octets that are resident of this process.
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

/// What one session takes, by a small number of them.
pub(super) fn octets_per_session(rules: &Rules) -> u64 {
    const SAMPLE: usize = 2000;
    let before = resident();
    let forwarder = Site { sessions: SAMPLE, rules: *rules }.forwarder();
    let taken = resident().saturating_sub(before);
    drop(forwarder);
    taken / SAMPLE as u64
}
