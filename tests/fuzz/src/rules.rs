//! Rules of sessions: planned, applied to a back end that may fail at any step, and undone.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use rules::*;

use crate::choices::Choices;

/// A flow description, as text from a PFCP peer.
pub fn flow_descriptions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(flow) = Flow::of_server(text) {
        let server = flow.remote.is_some() || !flow.remote_ports.is_empty();
        assert!(server || flow.local.is_none() && flow.local_ports.is_empty(), "what is described is the server");
    }
    let Ok(flow) = text.parse::<Flow>() else { return };
    assert!(text.split_ascii_whitespace().take(2).eq(["permit", "out"]));
    assert!(flow.remote_ports.iter().chain(&flow.local_ports).all(|ports| ports.low <= ports.high));
    assert_eq!(text.parse::<Flow>().as_ref(), Ok(&flow));
}

/// Descriptions as phones and policies have them.
pub(crate) fn descriptions() -> Vec<Vec<u8>> {
    let texts = [
        "permit out ip from any to assigned",
        "permit out 17 from 10.0.0.0/8 53,1000-2000 to assigned 4000",
        "permit out 6 from 2001:db8::/32 443 to 2001:db8:1::2/128",
        "permit in ip from any to any",
        "permit out ip from !10.0.0.1 to assigned frag",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What is taken and in force, and when to fail.
#[derive(Default)]
struct Ledger {
    addresses: BTreeSet<IpAddr>,
    routes: BTreeSet<ipnet::IpNet>,
    tunnels: BTreeSet<Teid>,
    installed: Session,
    given_out: u32,
    steps_until_failure: Option<u8>,
}

#[derive(Debug)]
struct Failure;

impl Ledger {
    fn step(&mut self) -> Result<(), Failure> {
        match &mut self.steps_until_failure {
            Some(0) => Err(Failure),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Backend for Ledger {
    type Failure = Failure;

    fn claim_address(&mut self, address: IpAddr) -> Result<(), Failure> {
        self.step()?;
        assert!(self.addresses.insert(address), "{address} is claimed twice");
        Ok(())
    }

    fn claim_route(&mut self, network: ipnet::IpNet) -> Result<(), Failure> {
        self.step()?;
        assert!(self.routes.insert(network), "{network} is claimed twice");
        Ok(())
    }

    fn release_route(&mut self, network: ipnet::IpNet) {
        assert!(self.routes.remove(&network), "{network} is given back twice");
    }

    fn allocate_address(&mut self, networks: &BTreeSet<String>, ipv4: bool) -> Result<IpAddr, Failure> {
        self.step()?;
        assert!(!networks.is_empty());
        let address = |number: u16| match ipv4 {
            true => IpAddr::from(Ipv4Addr::from_bits(0x0a2e_0000 | u32::from(number))),
            false => IpAddr::from([0xfd00, 0, 0, number, 0, 0, 0, 0]),
        };
        let free = (1..).map(address).find(|address| !self.addresses.contains(address)).ok_or(Failure)?;
        self.addresses.insert(free);
        Ok(free)
    }

    fn release_address(&mut self, address: IpAddr) {
        assert!(self.addresses.remove(&address), "{address} is given back twice");
    }

    fn allocate_tunnel(&mut self, _near: Option<IpAddr>) -> Result<Teid, Failure> {
        self.step()?;
        self.given_out += 1;
        while !self.tunnels.insert(Teid(self.given_out)) {
            self.given_out += 1;
        }
        Ok(Teid(self.given_out))
    }

    fn restore_tunnel(&mut self, teid: Teid, _near: Option<IpAddr>) -> Result<(), Failure> {
        self.step()?;
        if self.tunnels.insert(teid) { Ok(()) } else { Err(Failure) }
    }

    fn release_tunnel(&mut self, teid: Teid) {
        assert!(self.tunnels.remove(&teid), "{teid:?} is given back twice");
    }

    fn install(&mut self, before: &Session, after: &Session, _effects: &Effects) -> Result<(), Failure> {
        self.step()?;
        assert_eq!(self.installed, *before, "the change is from what is in force");
        self.installed = after.clone();
        Ok(())
    }
}

/// Requests change a session over a back end that may fail. Each is done wholly or not at all, and what is taken is what
/// the session names.
pub fn rules(data: &[u8]) {
    let mut choices = Choices::new(data);
    let limits = Limits { rules: 6, filters: 4, routes: 2 };
    let mut ledger = Ledger::default();
    let mut session = Session::default();
    while !choices.is_empty() {
        let request = request(&mut choices, &session);
        ledger.steps_until_failure = Some(choices.octet()).filter(|steps| *steps < 6);
        let Ok(change) = plan(&session, &request, &limits) else { continue };
        let most = [change.session.pdrs.len(), change.session.fars.len(), change.session.qers.len()].into_iter().max();
        assert!(most.is_none_or(|most| most <= limits.rules), "limits hold");
        let before = (ledger.addresses.clone(), ledger.tunnels.clone(), ledger.installed.clone());
        match apply(&mut ledger, &session, change) {
            Ok(after) => session = after,
            Err(Failure) => {
                let after = (ledger.addresses.clone(), ledger.tunnels.clone(), ledger.installed.clone());
                assert_eq!(after, before, "a change that fails changes nothing");
            }
        }
        in_step(&ledger, &session);
    }
    ledger.steps_until_failure = None;
    if !session.is_empty() {
        let change = plan(&session, &Request::deletion(&session), &limits).expect("any session can be ended");
        session = apply(&mut ledger, &session, change).expect("nothing fails");
    }
    assert!(session.is_empty() && ledger.addresses.is_empty() && ledger.tunnels.is_empty(), "nothing is left");
}

fn in_step(ledger: &Ledger, session: &Session) {
    assert_eq!(ledger.installed, *session);
    assert_eq!(ledger.addresses, session.addresses());
    assert_eq!(ledger.routes, session.framed_routes());
    assert_eq!(ledger.tunnels, session.tunnels());
    assert!(session.pdrs.values().all(|pdr| pdr.far.is_some_and(|far| session.fars.contains_key(&far))));
    let open = |pdr: &Pdr| matches!(pdr.pdi.tunnel, Some(LocalTunnel::Choose(_)));
    assert!(!session.pdrs.values().any(open), "every tunnel is given out");
    assert!(!session.pdrs.values().any(|pdr| pdr.pdi.choose_ue.any()), "every address is given out");
}

fn id(choices: &mut Choices<'_>) -> u8 {
    choices.below(5)
}

fn pdi(choices: &mut Choices<'_>, session: &Session) -> Pdi {
    let mut pdi = Pdi::from(choices.pick(&[Source::Access, Source::Core]));
    // Mostly what belongs together, sometimes not.
    let oddity = choices.octet();
    let odd = oddity >= 0xf0;
    if oddity & 0xc1 == 0x81 {
        pdi.frames = Some(Box::new(Frames { all: choices.flag(), filters: vec![ethernet_filter(choices)] }));
    }
    if (pdi.source == Source::Access) != odd {
        let known = session.tunnels().into_iter().next();
        pdi.tunnel = Some(match choices.below(4) {
            0 => LocalTunnel::Choose(None),
            1 => LocalTunnel::Given(known.unwrap_or(Teid(77))),
            number => LocalTunnel::Choose(Some(number)),
        });
    }
    if choices.below(4) == 0 {
        (pdi.choose_ue.ipv4, pdi.choose_ue.ipv6) = (choices.flag(), choices.flag());
        pdi.network_instance = choices.flag().then(|| "internet".into());
    } else if pdi.frames.is_none() && (pdi.source == Source::Core || choices.flag()) {
        pdi.ue.push(Ipv4Addr::new(10, 45, 0, choices.below(4)).into());
    }
    if choices.octet() < 0x40 {
        let network = IpAddr::from([192, 0, 2, choices.below(4)]);
        pdi.framed.push(network.into());
    }
    for _ in 0..choices.below(3) {
        let filter = Filter { id: Some(u32::from(id(choices))), ..Filter::default() };
        let tos = choices.flag().then_some((1, 1));
        pdi.filters.push(Filter { tos, ..filter });
    }
    pdi.qfis.extend((0..choices.below(3)).map(|qfi| qfi + 1));
    pdi
}

/// A filter of frames, or the name of one.
fn ethernet_filter(choices: &mut Choices<'_>) -> EthernetFilter {
    let filter = EthernetFilter { id: Some(u32::from(id(choices))), ..EthernetFilter::default() };
    let source = Some(MacRange::from([2, 0, 0, 0, 0, choices.below(4)]));
    match choices.below(3) {
        0 => filter,
        how => EthernetFilter {
            bidirectional: how == 1,
            addresses: vec![MacPair { source, destination: None }; usize::from(choices.below(3))],
            ethertype: Some(0x0800),
            flows: vec![Filter { id: Some(u32::from(id(choices))), ..Filter::default() }],
            ..filter
        },
    }
}

fn pdr(choices: &mut Choices<'_>, session: &Session) -> Pdr {
    Pdr {
        precedence: u32::from(choices.octet()),
        pdi: pdi(choices, session),
        outer_header_removal: choices.flag(),
        far: (choices.octet() < 0xf8).then(|| FarId(id(choices).into())),
        qers: (0..choices.below(2)).map(|_| QerId(id(choices).into())).collect(),
        urrs: (0..choices.below(2)).map(|_| UrrId(id(choices).into())).collect(),
    }
}

fn tunnel(choices: &mut Choices<'_>) -> RemoteTunnel {
    RemoteTunnel { teid: u32::from(choices.octet()), address: Ipv4Addr::LOCALHOST.into() }
}

fn far(choices: &mut Choices<'_>) -> Far {
    let forwarding = choices.flag().then(|| Forwarding {
        destination: choices.pick(&[Destination::Access, Destination::Core]),
        tunnel: choices.flag().then(|| tunnel(choices)),
        marking: None,
        network_instance: None,
    });
    let mut action = choices.pick(&[Action::FORWARD, Action::DROP, Action::BUFFER, Action::default()]);
    let bar = (choices.octet() >= 0xe0).then(|| BarId(id(choices)));
    let steering = (choices.octet() >= 0xc0).then(|| {
        action.duplicate = choices.flag();
        let redirect = choices.flag().then_some(Redirect::Server { ipv4: Some(Ipv4Addr::LOCALHOST), ipv6: None });
        let duplicates =
            (0..choices.below(2)).map(|_| Duplicate { tunnel: tunnel(choices), marking: (0, 0) }).collect();
        Box::new(Steering { redirect, duplicates })
    });
    Far { action, forwarding, bar, steering }
}

fn urr(choices: &mut Choices<'_>) -> Urr {
    let volumes = |choices: &mut Choices<'_>| {
        choices.flag().then(|| Volumes { total: Some(choices.octet().into()), ..Volumes::default() })
    };
    let seconds = |choices: &mut Choices<'_>| choices.flag().then(|| choices.octet().into());
    Urr {
        volume: choices.octet() < 0xf0,
        duration: choices.flag(),
        triggers: Triggers(choices.octet().into()),
        volume_threshold: volumes(choices),
        volume_quota: volumes(choices),
        time_threshold: seconds(choices),
        time_quota: seconds(choices),
        period: seconds(choices),
        quota_holding: seconds(choices),
        linked: (0..choices.below(2)).map(|_| UrrId(id(choices).into())).collect(),
        ..Urr::default()
    }
}

fn request(choices: &mut Choices<'_>, session: &Session) -> Request {
    let mut request = Request::default();
    for _ in 0..=choices.below(6) {
        match choices.below(16) {
            0 | 1 => request.pdrs.create.push((PdrId(id(choices).into()), pdr(choices, session))),
            2 | 3 => request.fars.create.push((FarId(id(choices).into()), far(choices))),
            4 => request.qers.create.push((QerId(id(choices).into()), Qer::default())),
            5 => request.urrs.create.push((UrrId(id(choices).into()), urr(choices))),
            6 => request.bars.create.push((BarId(id(choices)), Bar::default())),
            7 => request.pdrs.remove.push(PdrId(id(choices).into())),
            8 => request.fars.remove.push(FarId(id(choices).into())),
            9 => {
                let pdi = choices.flag().then(|| pdi(choices, session));
                let far = choices.flag().then(|| FarId(id(choices).into()));
                request.pdrs.update.push((PdrId(id(choices).into()), PdrChange { pdi, far, ..PdrChange::default() }));
            }
            10 => {
                let tunnel = choices.flag().then(|| tunnel(choices));
                let destination = choices.flag().then_some(Destination::Access);
                let action = choices.flag().then_some(Action::FORWARD);
                let change = FarChange { action, destination, tunnel, end_marker: true, ..FarChange::default() };
                request.fars.update.push((FarId(id(choices).into()), change));
            }
            13 => {
                let change = UrrChange {
                    triggers: choices.flag().then(|| Triggers(choices.octet().into())),
                    volume_quota: choices.flag().then(Volumes::default),
                    ..UrrChange::default()
                };
                request.urrs.update.push((UrrId(id(choices).into()), change));
            }
            15 => {
                request.restoration = choices.flag();
                let peer = (Ipv4Addr::new(192, 0, 2, 9), 5000).into();
                request.kind = choices.pick(&[Kind::Ip, Kind::Ethernet(Link(0)), Kind::Unstructured(peer)]);
            }
            14 => request.query.push(UrrId(id(choices).into())),
            11 => request.qers.remove.push(QerId(id(choices).into())),
            _ => request = Request::deletion(session),
        }
    }
    request
}

/// Sessions made, changed and ended.
pub(crate) fn sequences() -> Vec<Vec<u8>> {
    // Two rules to forward to the core, and a PDR for each direction.
    let fars = [2, 1, 1, 1, 0, 0, 0, 2, 2, 1, 0, 1, 9, 0, 0];
    let uplink = [0, 1, 9, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0];
    let downlink = [0, 2, 9, 1, 0, 2, 0, 0, 0, 0, 2, 0, 0];
    let establish = [&[3][..], &fars, &uplink, &downlink, &[9]].concat();
    let delete = [0, 12, 9];
    let failing = |steps: u8| [&[3][..], &fars, &uplink, &downlink, &[steps]].concat();
    let move_far = [0, 10, 1, 5, 1, 1, 2, 9];
    vec![
        [establish.as_slice(), &move_far, &delete].concat(),
        [failing(0), failing(1), failing(2), establish.clone(), delete.to_vec(), establish].concat(),
    ]
}
