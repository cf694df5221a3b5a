//! Plans and their application, with a back end that fails wherever it is told to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use proptest::prelude::*;
use rules::*;

const UE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 45, 0, 2));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 45, 0, 3));
const GNB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));

fn uplink(choose: Option<u8>) -> Pdr {
    let mut pdi = Pdi::from(Source::Access).of(UE);
    pdi.tunnel = Some(LocalTunnel::Choose(choose));
    Pdr {
        precedence: 255,
        pdi,
        outer_header_removal: true,
        far: Some(FarId(1)),
        qers: vec![QerId(1)],
        urrs: vec![UrrId(1)],
    }
}

fn downlink() -> Pdr {
    Pdr {
        precedence: 255,
        pdi: Pdi::from(Source::Core).of(UE),
        outer_header_removal: false,
        far: Some(FarId(2)),
        qers: vec![QerId(1)],
        urrs: vec![],
    }
}

fn to_core() -> Far {
    let forwarding = Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
    Far { action: Action::FORWARD, forwarding: Some(forwarding), bar: None, steering: None }
}

fn buffering() -> Far {
    Far { action: Action::BUFFER, forwarding: None, bar: None, steering: None }
}

fn establishment() -> Request {
    let mut request = Request::default();
    request.pdrs.create = vec![(PdrId(1), uplink(None)), (PdrId(2), downlink())];
    request.fars.create = vec![(FarId(1), to_core()), (FarId(2), buffering())];
    request.qers.create = vec![(QerId(1), Qer::default())];
    request.urrs.create = vec![(UrrId(1), Urr { volume: true, ..Urr::default() })];
    request
}

/// As [`establishment`], of Ethernet frames that these filters pass.
fn ethernet(filters: [Vec<EthernetFilter>; 2]) -> Request {
    let mut request = Request { kind: Kind::Ethernet(Link(0)), ..establishment() };
    for ((_, pdr), filters) in request.pdrs.create.iter_mut().zip(filters) {
        pdr.pdi.ue.clear();
        pdr.pdi.frames = Some(Box::new(Frames { all: true, filters }));
    }
    request
}

fn not_planned(request: &Request) -> Cause {
    plan(&Session::default(), request, &Limits::default()).expect_err("refused")
}

#[test]
fn a_filter_of_frames_is_meant_in_the_other_direction_with_its_ends_exchanged() {
    let named = EthernetFilter { id: Some(3), ..EthernetFilter::default() };
    let pair = MacPair { source: Some([2, 0, 0, 0, 0, 1].into()), destination: None };
    let whole = EthernetFilter { bidirectional: true, addresses: vec![pair], ..named.clone() };
    let request = ethernet([vec![whole.clone()], vec![named.clone()]]);
    let session = plan(&Session::default(), &request, &Limits::default()).expect("a session").session;
    let filters = |id| session.pdrs.get(&PdrId(id)).and_then(|pdr| Some(pdr.pdi.frames.as_ref()?.filters.clone()));
    let turned = MacPair { source: None, destination: pair.source };
    assert_eq!(filters(1), Some(vec![whole.clone()]));
    assert_eq!(filters(2), Some(vec![EthernetFilter { addresses: vec![turned], ..whole.clone() }]));
    let wrong = Cause::MandatoryIeIncorrect(Element::EthernetPacketFilter);
    let one_way = EthernetFilter { bidirectional: false, ..whole };
    assert_eq!(not_planned(&ethernet([vec![one_way], vec![named.clone()]])), wrong);
    assert_eq!(not_planned(&ethernet([vec![], vec![named]])), wrong);
}

#[test]
fn what_is_asked_must_be_what_packets_of_the_session_have() {
    let of = |kind, change: fn(&mut Pdi)| {
        let mut request = ethernet([vec![], vec![]]);
        request.kind = kind;
        request.pdrs.create.iter_mut().for_each(|(_, pdr)| change(&mut pdr.pdi));
        request
    };
    let lan = Kind::Ethernet(Link(0));
    assert_eq!(not_planned(&of(lan, |pdi| pdi.ue.push(UE))), Cause::MandatoryIeIncorrect(Element::UeIpAddress));
    let frames = Cause::MandatoryIeIncorrect(Element::EthernetPduSessionInformation);
    assert_eq!(not_planned(&of(Kind::Ip, |pdi| pdi.ue.push(UE))), frames);
    let peer = Kind::Unstructured((Ipv4Addr::new(192, 0, 2, 9), 5000).into());
    let plain = |pdi: &mut Pdi| pdi.frames = None;
    assert_eq!(not_planned(&of(peer, plain)), Cause::ConditionalIeMissing(Element::UeIpAddress));
    let filtered = |pdi: &mut Pdi| {
        (pdi.frames, pdi.ue) = (None, vec![UE]);
        pdi.filters.push(Filter { tos: Some((1, 1)), ..Filter::default() });
    };
    assert_eq!(not_planned(&of(peer, filtered)), Cause::MandatoryIeIncorrect(Element::SdfFilter));
    let addressed = |pdi: &mut Pdi| (pdi.frames, pdi.ue) = (None, vec![UE]);
    let change = plan(&Session::default(), &of(peer, addressed), &Limits::default()).expect("a session");
    assert_eq!((change.session.kind, change.claim), (peer, vec![UE]));
}

fn activation(teid: u32) -> Request {
    let tunnel = Some(RemoteTunnel { teid, address: GNB });
    let change = FarChange {
        action: Some(Action::FORWARD),
        destination: Some(Destination::Access),
        tunnel,
        end_marker: true,
        ..FarChange::default()
    };
    let mut request = Request::default();
    request.fars.update = vec![(FarId(2), change)];
    request
}

/// Everything a back end holds; fails at a chosen call.
#[derive(Clone, Debug, Default, PartialEq)]
struct Chaos {
    addresses: BTreeSet<IpAddr>,
    routes: BTreeSet<IpNet>,
    tunnels: BTreeSet<Teid>,
    installed: Session,
    next: u32,
}

/// What the back end gives out.
fn chosen(number: u8, ipv4: bool) -> IpAddr {
    match ipv4 {
        true => [10, 46, 0, number].into(),
        false => [0xfd00, 0, 0, number.into(), 0, 0, 0, 0].into(),
    }
}

struct Failing<'a> {
    state: &'a mut Chaos,
    calls_left: usize,
}

impl Failing<'_> {
    fn call(&mut self) -> Result<(), &'static str> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or("as told")?;
        Ok(())
    }
}

impl Backend for Failing<'_> {
    type Failure = &'static str;

    fn claim_address(&mut self, address: IpAddr) -> Result<(), &'static str> {
        self.call()?;
        if self.state.addresses.insert(address) { Ok(()) } else { Err("held") }
    }

    fn claim_route(&mut self, network: IpNet) -> Result<(), &'static str> {
        self.call()?;
        if self.state.routes.insert(network) { Ok(()) } else { Err("held") }
    }

    fn release_route(&mut self, network: IpNet) {
        assert!(self.state.routes.remove(&network), "{network} was not held");
    }

    fn allocate_address(&mut self, networks: &BTreeSet<String>, ipv4: bool) -> Result<IpAddr, &'static str> {
        self.call()?;
        assert!(!networks.is_empty());
        let number = (1..).find(|number| !self.state.addresses.contains(&chosen(*number, ipv4))).expect("plenty");
        self.state.addresses.insert(chosen(number, ipv4));
        Ok(chosen(number, ipv4))
    }

    fn release_address(&mut self, address: IpAddr) {
        assert!(self.state.addresses.remove(&address), "{address} was not held");
    }

    fn allocate_tunnel(&mut self, _near: Option<IpAddr>) -> Result<Teid, &'static str> {
        self.call()?;
        self.state.next += 1;
        self.state.tunnels.insert(Teid(self.state.next));
        Ok(Teid(self.state.next))
    }

    fn restore_tunnel(&mut self, teid: Teid, _near: Option<IpAddr>) -> Result<(), &'static str> {
        self.call()?;
        if self.state.tunnels.insert(teid) { Ok(()) } else { Err("held") }
    }

    fn release_tunnel(&mut self, teid: Teid) {
        assert!(self.state.tunnels.remove(&teid), "{teid:?} was not held");
    }

    fn install(&mut self, before: &Session, after: &Session, _effects: &Effects) -> Result<(), &'static str> {
        self.call()?;
        assert_eq!(self.state.installed, *before);
        self.state.installed = after.clone();
        Ok(())
    }
}

fn perform(state: &mut Chaos, request: &Request, calls: usize) -> Result<Session, &'static str> {
    let before = state.installed.clone();
    let change = plan(&before, request, &Limits::default()).expect("makes sense");
    apply(&mut Failing { state, calls_left: calls }, &before, change)
}

fn planned(session: &Session, request: &Request) -> Result<ChangeSet, Cause> {
    plan(session, request, &Limits::default())
}

fn refused(change: impl FnOnce(&mut Request)) -> Cause {
    let mut request = establishment();
    change(&mut request);
    planned(&Session::default(), &request).expect_err("must not pass")
}

#[test]
fn a_session_from_beginning_to_end() {
    let mut state = Chaos::default();
    let made = perform(&mut state, &establishment(), usize::MAX).expect("applies");
    assert_eq!(made.tunnels(), BTreeSet::from([Teid(1)]));
    assert_eq!((state.addresses.clone(), state.tunnels.clone()), (BTreeSet::from([UE]), BTreeSet::from([Teid(1)])));

    let active = perform(&mut state, &activation(7), usize::MAX).expect("applies");
    assert_eq!(active.tunnels(), made.tunnels());
    assert_eq!(active.fars[&FarId(2)].action, Action::FORWARD);

    let moved = planned(&active, &activation(8)).expect("makes sense");
    assert_eq!(moved.effects.end_markers, [RemoteTunnel { teid: 7, address: GNB }]);
    let same = planned(&active, &activation(7)).expect("makes sense");
    assert_eq!(same.effects.end_markers, []);

    let change = planned(&active, &Request::deletion(&active)).expect("makes sense");
    assert_eq!(change.effects.report, BTreeSet::from([UrrId(1)]));
    perform(&mut state, &Request::deletion(&active), usize::MAX).expect("applies");
    assert_eq!(state, Chaos { next: 1, ..Chaos::default() });
}

#[test]
fn a_failure_at_any_call_leaves_everything_as_it_was() {
    let mut second = Request::default();
    let mut pdr = uplink(Some(1));
    pdr.pdi.ue = vec![OTHER];
    second.pdrs.create = vec![(PdrId(3), pdr.clone()), (PdrId(4), pdr), (PdrId(5), uplink(None))];
    second.pdrs.remove = vec![PdrId(1)];
    for fail_at in 0.. {
        let mut state = Chaos::default();
        perform(&mut state, &establishment(), usize::MAX).expect("applies");
        let before = state.clone();
        match perform(&mut state, &second, fail_at) {
            Err(_) => {
                state.next = before.next;
                assert_eq!(state, before, "failing at call {fail_at}");
            }
            Ok(after) => {
                assert_eq!(fail_at, 4, "an address, two tunnels, the installation");
                assert_eq!(after.tunnels(), state.tunnels);
                assert_eq!(after.addresses(), state.addresses);
                break;
            }
        }
    }
}

#[test]
fn what_does_not_make_sense_is_refused_with_its_cause() {
    use Cause::*;
    assert_eq!(refused(|r| r.pdrs.create.clear()), MandatoryIeMissing(Element::CreatePdr));
    assert_eq!(refused(|r| r.fars.create.clear()), MandatoryIeMissing(Element::CreateFar));
    assert_eq!(refused(|r| r.pdrs.create[0].1.far = None), ConditionalIeMissing(Element::FarId));
    let pdr = RuleCreationModificationFailure(RuleRef::Pdr(PdrId(1)));
    assert_eq!(refused(|r| r.pdrs.create[0].1.far = Some(FarId(9))), pdr);
    assert_eq!(refused(|r| r.pdrs.create[0].1.qers.push(QerId(9))), pdr);
    assert_eq!(refused(|r| r.pdrs.create[0].1.urrs.push(UrrId(9))), pdr);
    assert_eq!(refused(|r| r.pdrs.create.push((PdrId(1), downlink()))), pdr);
    let far = RuleCreationModificationFailure(RuleRef::Far(FarId(2)));
    assert_eq!(refused(|r| r.fars.create[1].1.bar = Some(BarId(1))), far);
    assert_eq!(refused(|r| r.pdrs.create[0].1.pdi.tunnel = None), ConditionalIeMissing(Element::FTeid));
    assert_eq!(refused(|r| r.pdrs.create[1].1.pdi.ue.clear()), ConditionalIeMissing(Element::UeIpAddress));
    let given = Some(LocalTunnel::Given(Teid(5)));
    assert_eq!(refused(|r| r.pdrs.create[0].1.pdi.tunnel = given), InvalidFTeidAllocationOption);
    assert_eq!(refused(|r| r.fars.create[0].1.forwarding = None), ConditionalIeMissing(Element::ForwardingParameters));
    assert_eq!(
        refused(|r| r.fars.create[0].1.forwarding.as_mut().expect("there").destination = Destination::Access),
        ConditionalIeMissing(Element::OuterHeaderCreation)
    );
    assert_eq!(refused(|r| r.fars.create[0].1.action.drop = true), MandatoryIeIncorrect(Element::ApplyAction));
    assert_eq!(refused(|r| r.fars.create[0].1.action = Action::default()), MandatoryIeIncorrect(Element::ApplyAction));
    assert_eq!(refused(|r| r.fars.create[0].1.action.other = true), ServiceNotSupported(Element::ApplyAction));
    let urr = |urr: Urr| refused(|r| r.urrs.create[0].1 = urr);
    assert_eq!(urr(Urr::default()), ServiceNotSupported(Element::MeasurementMethod));
    for (triggers, missing) in [
        (Triggers::PERIODIC, Element::MeasurementPeriod),
        (Triggers::VOLUME_THRESHOLD, Element::VolumeThreshold),
        (Triggers::TIME_THRESHOLD, Element::TimeThreshold),
        (Triggers::VOLUME_QUOTA, Element::VolumeQuota),
        (Triggers::TIME_QUOTA, Element::TimeQuota),
        (Triggers::QUOTA_HOLDING, Element::QuotaHoldingTime),
        (Triggers::LINKED, Element::LinkedUrrId),
    ] {
        assert_eq!(urr(Urr { volume: true, triggers, ..Urr::default() }), ConditionalIeMissing(missing));
    }
    let nothing = Urr { duration: true, time_threshold: Some(0), ..Urr::default() };
    assert_eq!(urr(nothing), MandatoryIeIncorrect(Element::TimeThreshold));
    let volumes = Some(Volumes { uplink: Some(0), ..Volumes::default() });
    let nothing = Urr { volume: true, volume_threshold: volumes, ..Urr::default() };
    assert_eq!(urr(nothing), MandatoryIeIncorrect(Element::VolumeThreshold));
    let named = Filter { id: Some(3), ..Filter::default() };
    assert_eq!(refused(|r| r.pdrs.create[0].1.pdi.filters.push(named)), MandatoryIeIncorrect(Element::SdfFilter));
    assert_eq!(refused(|r| r.pdrs.create[0].1.pdi.filters = vec![Filter::default(); 300]), NoResourcesAvailable);
    assert_eq!(refused(|r| r.pdrs.create.extend((10..2000).map(|id| (PdrId(id), downlink())))), NoResourcesAvailable);
}

#[test]
fn unknown_rules_cannot_be_changed_or_removed() {
    let mut state = Chaos::default();
    let session = perform(&mut state, &establishment(), usize::MAX).expect("applies");
    let fails = |change: fn(&mut Request)| {
        let mut request = Request::default();
        change(&mut request);
        planned(&session, &request).expect_err("must not pass")
    };
    let failed = Cause::RuleCreationModificationFailure;
    assert_eq!(fails(|r| r.pdrs.remove.push(PdrId(9))), failed(RuleRef::Pdr(PdrId(9))));
    assert_eq!(fails(|r| r.fars.update.push((FarId(9), FarChange::default()))), failed(RuleRef::Far(FarId(9))));
    assert_eq!(fails(|r| r.qers.remove.push(QerId(9))), failed(RuleRef::Qer(QerId(9))));
    assert_eq!(fails(|r| r.query.push(UrrId(9))), failed(RuleRef::Urr(UrrId(9))));
    assert_eq!(fails(|r| r.bars.remove.push(BarId(9))), failed(RuleRef::Bar(BarId(9))));
    // A rule in use cannot go alone.
    assert_eq!(fails(|r| r.qers.remove.push(QerId(1))), failed(RuleRef::Pdr(PdrId(1))));
}

#[test]
fn filters_meant_by_name_are_found() {
    let mut request = establishment();
    let web = Filter { flow: "permit out 6 from any 80 to assigned".parse().ok(), id: Some(3), ..Filter::default() };
    request.pdrs.create[0].1.pdi.filters.push(Filter { id: Some(3), ..Filter::default() });
    request.pdrs.create[1].1.pdi.filters.push(web.clone());
    let change = planned(&Session::default(), &request).expect("makes sense");
    assert_eq!(change.session.pdrs[&PdrId(1)].pdi.filters, [web]);
}

#[test]
fn an_update_of_the_pdi_keeps_the_tunnel_given_out() {
    let mut state = Chaos::default();
    let session = perform(&mut state, &establishment(), usize::MAX).expect("applies");
    for tunnel in [LocalTunnel::Choose(None), LocalTunnel::Given(Teid(1))] {
        let mut pdi = Pdi::from(Source::Access).of(UE);
        pdi.tunnel = Some(tunnel);
        pdi.qfis = vec![5];
        let mut request = Request::default();
        request.pdrs.update = vec![(PdrId(1), PdrChange { pdi: Some(pdi), ..PdrChange::default() })];
        let change = planned(&session, &request).expect("makes sense");
        assert_eq!(change.session.tunnels(), BTreeSet::from([Teid(1)]));
        assert!(change.choose.is_empty() && change.release.is_empty());
    }
}

/// An establishment that leaves these addresses to us.
fn choosing(choose_ue: ChooseUe) -> Request {
    let mut request = establishment();
    for (_, pdr) in &mut request.pdrs.create {
        (pdr.pdi.choose_ue, pdr.pdi.network_instance) = (choose_ue, Some("internet".into()));
        pdr.pdi.ue.clear();
    }
    request
}

/// TS 29.244 5.21: all PDRs of a session have the one address of a version, and keep it; who fails leaves none taken.
#[test]
fn an_address_left_to_us_is_one_for_the_session() {
    let both = ChooseUe { ipv4: true, ipv6: true };
    for fail_at in 0..5 {
        let mut state = Chaos::default();
        let Ok(session) = perform(&mut state, &choosing(both), fail_at) else {
            assert!(fail_at < 4 && state.addresses.is_empty() && state.tunnels.is_empty());
            continue;
        };
        assert_eq!(fail_at, 4, "two addresses, a tunnel, the installation");
        let given = vec![chosen(1, true), chosen(1, false)];
        assert!(session.pdrs.values().all(|pdr| pdr.pdi.ue == given && !pdr.pdi.choose_ue.any()));

        // Another PDR gets the same, and an update keeps it.
        let mut more = Request::default();
        let mut pdr = downlink();
        (pdr.pdi.ue, pdr.pdi.choose_ue) = (vec![], ChooseUe { ipv4: true, ipv6: false });
        pdr.pdi.network_instance = Some("internet".into());
        let pdi = Pdi { choose_ue: both, qfis: vec![3], ..pdr.pdi.clone() };
        more.pdrs.create = vec![(PdrId(3), pdr)];
        more.pdrs.update = vec![(PdrId(2), PdrChange { pdi: Some(pdi), ..PdrChange::default() })];
        more.pdrs.remove = vec![PdrId(1)];
        let session = perform(&mut state, &more, usize::MAX).expect("applies");
        assert_eq!(session.pdrs[&PdrId(2)].pdi.ue, given);
        assert_eq!(session.pdrs[&PdrId(3)].pdi.ue, given[..1]);
        perform(&mut state, &Request::deletion(&session), usize::MAX).expect("applies");
        assert!(state.addresses.is_empty(), "given back with the session");
    }
    let mut nameless = choosing(both);
    nameless.pdrs.create[1].1.pdi.network_instance = None;
    let missing = Cause::ConditionalIeMissing(Element::NetworkInstance);
    assert_eq!(planned(&Session::default(), &nameless), Err(missing));
}

/// TS 29.244 5.16: what is behind the UE is the session's own, and goes with it.
#[test]
fn framed_routes_are_taken_and_given_back() {
    let [first, second]: [IpNet; 2] =
        ["192.0.2.0/24", "2001:db8:7::/48"].map(|network| network.parse().expect("a network"));
    let mut request = establishment();
    request.pdrs.create.iter_mut().for_each(|(_, pdr)| pdr.pdi.framed = vec![first, second]);
    for fail_at in 0..6 {
        let mut state = Chaos::default();
        let Ok(session) = perform(&mut state, &request, fail_at) else {
            assert!(fail_at < 5 && state.addresses.is_empty() && state.routes.is_empty() && state.tunnels.is_empty());
            continue;
        };
        assert_eq!(fail_at, 5, "an address, two networks, a tunnel, the installation");
        let mut less = Request::default();
        for (id, pdr) in &session.pdrs {
            let pdi = Pdi { framed: vec![second], ..pdr.pdi.clone() };
            less.pdrs.update.push((*id, PdrChange { pdi: Some(pdi), ..PdrChange::default() }));
        }
        let session = perform(&mut state, &less, usize::MAX).expect("applies");
        assert_eq!(state.routes, BTreeSet::from([second]));
        perform(&mut state, &Request::deletion(&session), usize::MAX).expect("applies");
        assert!(state.routes.is_empty());
    }
    let many = |count: u8| (0..count).map(|number| IpNet::from(IpAddr::from([192, 0, 2, number]))).collect();
    assert_eq!(refused(|r| r.pdrs.create[1].1.pdi.framed = many(65)), Cause::NoResourcesAvailable);
    let nobodys = refused(|r| {
        r.pdrs.create.iter_mut().for_each(|(_, pdr)| pdr.pdi.ue.clear());
        r.pdrs.create[1].1.pdi.framed = vec![first];
    });
    assert_eq!(nobodys, Cause::ConditionalIeMissing(Element::UeIpAddress));
}

/// TS 23.527 4.3: after a start the tunnels of before may be named, once, and only then.
#[test]
fn a_session_is_restored_with_its_tunnels() {
    let mut request = establishment();
    request.pdrs.create[0].1.pdi.tunnel = Some(LocalTunnel::Given(Teid(42)));
    assert_eq!(planned(&Session::default(), &request), Err(Cause::InvalidFTeidAllocationOption));
    request.restoration = true;
    for fail_at in 0..4 {
        let mut state = Chaos::default();
        let restored = perform(&mut state, &request, fail_at);
        assert_eq!(restored.is_ok(), fail_at == 3, "an address, a tunnel, the installation");
        let held = if fail_at == 3 { BTreeSet::from([Teid(42)]) } else { BTreeSet::new() };
        assert_eq!(state.tunnels, held);
        if let Ok(session) = restored {
            // A session that is here gives itself no tunnel.
            let mut more = Request { restoration: true, ..Request::default() };
            let mut pdr = uplink(None);
            pdr.pdi.tunnel = Some(LocalTunnel::Given(Teid(43)));
            more.pdrs.create = vec![(PdrId(7), pdr)];
            assert_eq!(planned(&session, &more), Err(Cause::InvalidFTeidAllocationOption));
        }
    }
}

#[test]
fn a_quota_given_again_is_a_new_one() {
    let mut state = Chaos::default();
    let session = perform(&mut state, &establishment(), usize::MAX).expect("applies");
    let change = UrrChange { volume_quota: Some(Volumes::default()), ..UrrChange::default() };
    let mut request = Request::default();
    request.urrs.update = vec![(UrrId(1), change)];
    let once = planned(&session, &request).expect("makes sense").session;
    let twice = planned(&once, &request).expect("makes sense").session;
    let given = |session: &Session| session.urrs[&UrrId(1)].quotas_given;
    assert_eq!([given(&session), given(&once), given(&twice)], [0, 1, 2]);
}

proptest! {
    /// Any mixture of removals, creations and updates either plans or is refused, and what plans applies and unwinds.
    #[test]
    fn planning_is_total(
        pdrs in proptest::collection::vec((0..6u16, any::<[bool; 2]>()), 0..4),
        removed in proptest::collection::vec(0..6u16, 0..4),
        fars in proptest::collection::vec(0..4u32, 0..4),
        fail_at in 0..8usize,
    ) {
        let mut state = Chaos::default();
        perform(&mut state, &establishment(), usize::MAX).expect("applies");
        let mut request = Request::default();
        let create = pdrs.into_iter().map(|(id, [ipv4, ipv6])| {
            let mut pdr = uplink(None);
            (pdr.pdi.choose_ue, pdr.pdi.network_instance) = (ChooseUe { ipv4, ipv6 }, Some("internet".into()));
            (PdrId(id), pdr)
        });
        request.pdrs.create = create.collect();
        request.pdrs.remove = removed.into_iter().map(PdrId).collect();
        request.fars.update = fars.into_iter().map(|id| (FarId(id), FarChange::default())).collect();
        let before = state.clone();
        let Ok(change) = planned(&before.installed, &request) else { return Ok(()) };
        match apply(&mut Failing { state: &mut state, calls_left: fail_at }, &before.installed, change) {
            Ok(after) => {
                prop_assert_eq!(after.tunnels(), state.tunnels);
                prop_assert_eq!(after.addresses(), state.addresses);
                prop_assert!(after.pdrs.values().all(|pdr| !pdr.pdi.choose_ue.any()));
            }
            Err(_) => {
                state.next = before.next;
                prop_assert_eq!(state, before);
            }
        }
    }
}
