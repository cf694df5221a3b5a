//! From a session and a request to what the session will be, with every check of TS 29.244 7.5.2 and 7.5.4.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    Action, Cause, Change, Destination, Element, EthernetFilter, Far, FarChange, Filter, Forwarding, Kind, LocalTunnel,
    MacPair, Pdi, Pdr, PdrChange, PdrId, Qer, QerChange, RemoteTunnel, Request, RuleRef, Rules, Session, Source, Teid,
    Triggers, Urr, UrrChange, UrrId, Volumes,
};

/// How many rules a session may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each kind.
    pub rules: usize,
    /// Filters, or flows of the application, times QoS flows of one PDR.
    pub filters: usize,
    /// Framed routes.
    pub routes: usize,
}

impl Limits {
    /// Whether a PDI is within what a PDR may ask.
    pub fn hold(&self, pdi: &Pdi) -> bool {
        let filters = pdi.application.as_ref().map_or(pdi.filters.len(), |application| application.flows.len());
        let of_frames = pdi.frames.iter().flat_map(|frames| &frames.filters);
        let addresses =
            |frame: &EthernetFilter| frame.addresses.iter().map(MacPair::alternatives).sum::<usize>().max(1);
        let frames: usize = of_frames.map(|frame| addresses(frame) * frame.flows.len().max(1)).sum();
        filters.max(1) * frames.max(1) * pdi.qfis.len().max(1) <= self.filters
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { rules: 1024, filters: 256, routes: 64 }
    }
}

/// What comes with a change besides the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Usage rules whose reports are due: removed or asked about.
    pub report: BTreeSet<UrrId>,
    /// Tunnels that get an End Marker before packets take the new ones.
    pub end_markers: Vec<RemoteTunnel>,
    /// The packets buffered are dropped.
    pub drop_buffered: bool,
}

/// A change that is known to make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    /// What the session will be; tunnels to be given out are still open.
    pub session: Session,
    /// New PDRs whose tunnel is to be given out.
    pub choose: Vec<PdrId>,
    /// Tunnels given out before the user plane function started again, to be taken once more.
    pub restore: Vec<Teid>,
    /// The networks from which the UE gets an IPv4 address, and an IPv6 prefix: any of those named.
    pub choose_ue: [Option<BTreeSet<String>>; 2],
    /// UE addresses that the session does not hold yet.
    pub claim: Vec<IpAddr>,
    /// UE addresses that it will hold no longer.
    pub unclaim: Vec<IpAddr>,
    /// Framed routes that the session does not hold yet.
    pub claim_routes: Vec<IpNet>,
    /// Framed routes that it will hold no longer.
    pub unclaim_routes: Vec<IpNet>,
    /// Tunnels of ours that it will use no longer.
    pub release: Vec<Teid>,
    /// What else is done.
    pub effects: Effects,
}

/// Plans a request. Touches nothing; an unknown session is the empty one.
///
/// # Errors
/// The [`Cause`] to answer.
pub fn plan(session: &Session, request: &Request, limits: &Limits) -> Result<ChangeSet, Cause> {
    if session.is_empty() {
        require(!request.pdrs.create.is_empty(), Cause::MandatoryIeMissing(Element::CreatePdr))?;
        require(!request.fars.create.is_empty(), Cause::MandatoryIeMissing(Element::CreateFar))?;
    }
    let mut after = session.clone();
    if session.is_empty() {
        after.kind = request.kind;
    }
    let mut effects = Effects { drop_buffered: request.drop_buffered, ..Effects::default() };
    change(&mut after.bars, &request.bars, RuleRef::Bar, |bar, update| {
        bar.packets = update.packets.or(bar.packets);
        bar.delay_ms = update.delay_ms.or(bar.delay_ms);
    })?;
    change(&mut after.urrs, &request.urrs, RuleRef::Urr, update_urr)?;
    change(&mut after.qers, &request.qers, RuleRef::Qer, update_qer)?;
    change(&mut after.fars, &request.fars, RuleRef::Far, |far, update| {
        effects.end_markers.extend(update_far(far, update));
    })?;
    change(&mut after.pdrs, &request.pdrs, RuleRef::Pdr, update_pdr)?;
    after.inactivity = request.inactivity.map_or(after.inactivity, |seconds| (seconds > 0).then_some(seconds));
    effects.report = reports(session, request)?;
    resolve_filters(&mut after)?;
    resolve_ethernet_filters(&mut after)?;
    // A UE has one address of each version, whatever number of PDRs leave it to us.
    [after.address(true), after.address(false)].into_iter().flatten().for_each(|address| after.take_address(address));
    let restores = request.restoration && session.is_empty();
    let given = if restores { after.tunnels() } else { session.tunnels() };
    check(&given, &after, limits)?;
    Ok(difference(session, after, effects))
}

fn require(holds: bool, cause: Cause) -> Result<(), Cause> {
    if holds { Ok(()) } else { Err(cause) }
}

/// Removes, makes and changes rules of one kind, in this order (TS 29.244 5.2.1A.1: a rule id may be used again at once).
fn change<Id: Ord + Copy, Rule: Clone, Update>(
    rules: &mut Rules<Id, Rule>,
    change: &Change<Id, Rule, Update>,
    name: impl Fn(Id) -> RuleRef,
    mut update: impl FnMut(&mut Rule, &Update),
) -> Result<(), Cause> {
    let failed = |id: Id| Cause::RuleCreationModificationFailure(name(id));
    for id in &change.remove {
        rules.remove(id).ok_or(failed(*id))?;
    }
    for (id, rule) in &change.create {
        require(rules.insert(*id, rule.clone()).is_none(), failed(*id))?;
    }
    for (id, new) in &change.update {
        update(rules.get_mut(id).ok_or(failed(*id))?, new);
    }
    Ok(())
}

fn update_pdr(pdr: &mut Pdr, update: &PdrChange) {
    pdr.precedence = update.precedence.unwrap_or(pdr.precedence);
    pdr.outer_header_removal = update.outer_header_removal.unwrap_or(pdr.outer_header_removal);
    pdr.far = update.far.or(pdr.far);
    if let Some(pdi) = &update.pdi {
        // A PDI that leaves the tunnel to us keeps the one it has.
        let kept = pdr.pdi.tunnel.filter(|tunnel| tunnel.teid().is_some());
        let had = std::mem::take(&mut pdr.pdi.ue);
        pdr.pdi = pdi.clone();
        // As does one that leaves the UE's address to us.
        let keeps = |address: &IpAddr| if address.is_ipv4() { pdi.choose_ue.ipv4 } else { pdi.choose_ue.ipv6 };
        pdr.pdi.ue.extend(had.into_iter().filter(keeps));
        if let (Some(LocalTunnel::Choose(_)), Some(kept)) = (pdi.tunnel, kept) {
            pdr.pdi.tunnel = Some(kept);
        }
    }
    if !update.qers.is_empty() {
        pdr.qers.clone_from(&update.qers);
    }
    if !update.urrs.is_empty() {
        pdr.urrs.clone_from(&update.urrs);
    }
}

/// Returns the tunnel that packets leave, where it is to get an End Marker.
fn update_far(far: &mut Far, update: &FarChange) -> Option<RemoteTunnel> {
    far.action = update.action.unwrap_or(far.action);
    far.bar = update.bar.or(far.bar);
    let old = far.forwarding.as_ref().and_then(|forwarding| forwarding.tunnel);
    if let Some(forwarding) = &mut far.forwarding {
        forwarding.destination = update.destination.unwrap_or(forwarding.destination);
        forwarding.tunnel = update.tunnel.or(forwarding.tunnel);
        forwarding.marking = update.marking.or(forwarding.marking);
        if update.network_instance.is_some() {
            forwarding.network_instance.clone_from(&update.network_instance);
        }
    } else if let Some(destination) = update.destination {
        let network_instance = update.network_instance.clone();
        let (tunnel, marking) = (update.tunnel, update.marking);
        far.forwarding = Some(Forwarding { destination, tunnel, marking, network_instance });
    }
    if update.redirect.is_some() || !update.duplicates.is_empty() {
        let steering = far.steering.get_or_insert_default();
        if update.redirect.is_some() {
            steering.redirect.clone_from(&update.redirect);
        }
        if !update.duplicates.is_empty() {
            steering.duplicates.clone_from(&update.duplicates);
        }
    }
    old.filter(|old| update.end_marker && update.tunnel.is_some_and(|new| new != *old))
}

fn update_qer(qer: &mut Qer, update: &QerChange) {
    (qer.uplink_closed, qer.downlink_closed) = update.closed.unwrap_or((qer.uplink_closed, qer.downlink_closed));
    qer.mbr = update.mbr.or(qer.mbr);
    qer.gbr = update.gbr.or(qer.gbr);
    qer.qfi = update.qfi.or(qer.qfi);
    qer.rqi = update.rqi.unwrap_or(qer.rqi);
}

fn update_urr(urr: &mut Urr, update: &UrrChange) {
    (urr.volume, urr.duration) = update.method.unwrap_or((urr.volume, urr.duration));
    (urr.packets, urr.immediate, urr.inactive) = update.how.unwrap_or((urr.packets, urr.immediate, urr.inactive));
    urr.triggers = update.triggers.unwrap_or(urr.triggers);
    let renewed = update.volume_threshold.is_some() || update.time_threshold.is_some();
    urr.thresholds_given = urr.thresholds_given.wrapping_add(u32::from(renewed));
    urr.volume_threshold = update.volume_threshold.or(urr.volume_threshold);
    let renewed = update.volume_quota.is_some() || update.time_quota.is_some();
    urr.quotas_given = urr.quotas_given.wrapping_add(u32::from(renewed));
    urr.volume_quota = update.volume_quota.or(urr.volume_quota);
    urr.time_threshold = update.time_threshold.or(urr.time_threshold);
    urr.time_quota = update.time_quota.or(urr.time_quota);
    urr.period = update.period.or(urr.period);
    urr.quota_holding = update.quota_holding.or(urr.quota_holding);
    urr.inactivity = update.inactivity.or(urr.inactivity);
    urr.mac_inactivity = update.mac_inactivity.or(urr.mac_inactivity);
    urr.monitoring = update.monitoring.or(urr.monitoring);
    if !update.linked.is_empty() {
        urr.linked.clone_from(&update.linked);
    }
}

/// Usage rules whose reports go with the answer.
fn reports(session: &Session, request: &Request) -> Result<BTreeSet<UrrId>, Cause> {
    let unknown = |id: &&UrrId| !session.urrs.contains_key(id);
    if let Some(id) = request.query.iter().find(unknown) {
        return Err(Cause::RuleCreationModificationFailure(RuleRef::Urr(*id)));
    }
    if request.query_all {
        return Ok(session.urrs.keys().copied().collect());
    }
    Ok(request.query.iter().chain(&request.urrs.remove).copied().collect())
}

/// Puts in place of filters that are only named those that bear the name (TS 29.244 8.2.5, bidirectional filters).
fn resolve_filters(session: &mut Session) -> Result<(), Cause> {
    let all = session.pdrs.values().flat_map(|pdr| pdr.pdi.all_filters());
    let named: BTreeMap<u32, Filter> =
        all.filter(|filter| !filter.is_reference()).filter_map(|filter| Some((filter.id?, filter.clone()))).collect();
    let all = session.pdrs.iter_mut().flat_map(|(_, pdr)| pdr.pdi.all_filters_mut());
    for filter in all.filter(|filter| filter.is_reference()) {
        let meant = filter.id.and_then(|id| named.get(&id));
        *filter = meant.ok_or(Cause::MandatoryIeIncorrect(Element::SdfFilter))?.clone();
    }
    Ok(())
}

/// The same for filters of frames: the name of one of the other direction means it with source and destination exchanged
/// (5.13.4).
fn resolve_ethernet_filters(session: &mut Session) -> Result<(), Cause> {
    let mut named: BTreeMap<u32, (Source, EthernetFilter)> = BTreeMap::new();
    for pdi in session.pdrs.values().map(|pdr| &pdr.pdi) {
        let whole = pdi.frames.iter().flat_map(|frames| &frames.filters).filter(|filter| !filter.is_reference());
        named.extend(whole.filter_map(|filter| Some((filter.id?, (pdi.source, filter.clone())))));
    }
    for pdi in session.pdrs.iter_mut().map(|(_, pdr)| &mut pdr.pdi) {
        let filters = pdi.frames.iter_mut().flat_map(|frames| &mut frames.filters);
        for filter in filters.filter(|filter| filter.is_reference()) {
            let meant = filter.id.and_then(|id| named.get(&id));
            let (source, meant) = meant.ok_or(Cause::MandatoryIeIncorrect(Element::EthernetPacketFilter))?;
            let turned = *source != pdi.source;
            require(!turned || meant.bidirectional, Cause::MandatoryIeIncorrect(Element::EthernetPacketFilter))?;
            *filter = if turned { meant.clone().turned() } else { meant.clone() };
        }
    }
    Ok(())
}

/// Checks a whole session as it would be, which may name these tunnels of ours.
fn check(owned: &BTreeSet<Teid>, after: &Session, limits: &Limits) -> Result<(), Cause> {
    let counts = [after.pdrs.len(), after.fars.len(), after.qers.len(), after.urrs.len(), after.bars.len()];
    require(counts.iter().all(|count| *count <= limits.rules), Cause::NoResourcesAvailable)?;
    let routes = after.framed_routes();
    require(routes.len() <= limits.routes, Cause::NoResourcesAvailable)?;
    // Behind whom they are must be known.
    let of_ue = routes.is_empty() || after.pdrs.values().any(|pdr| pdr.pdi.names_ue());
    require(of_ue, Cause::ConditionalIeMissing(Element::UeIpAddress))?;
    for (id, pdr) in &after.pdrs {
        check_pdr(after, owned, *id, pdr, limits)?;
        check_kind(after, &pdr.pdi)?;
    }
    after.urrs.values().try_for_each(check_urr)?;
    for (id, far) in &after.fars {
        check_far(far, after.kind)?;
        let known = far.bar.is_none_or(|bar| after.bars.contains_key(&bar));
        require(known, Cause::RuleCreationModificationFailure(RuleRef::Far(*id)))?;
    }
    Ok(())
}

fn check_pdr(after: &Session, owned: &BTreeSet<Teid>, id: PdrId, pdr: &Pdr, limits: &Limits) -> Result<(), Cause> {
    let failed = Cause::RuleCreationModificationFailure(RuleRef::Pdr(id));
    let far = pdr.far.ok_or(Cause::ConditionalIeMissing(Element::FarId))?;
    require(after.fars.contains_key(&far), failed)?;
    require(pdr.qers.iter().all(|qer| after.qers.contains_key(qer)), failed)?;
    require(pdr.urrs.iter().all(|urr| after.urrs.contains_key(urr)), failed)?;
    match pdr.pdi.source {
        Source::Access => require(pdr.pdi.tunnel.is_some(), Cause::ConditionalIeMissing(Element::FTeid))?,
        Source::Core => {
            require(pdr.pdi.tunnel.is_none(), Cause::MandatoryIeIncorrect(Element::FTeid))?;
            let named = pdr.pdi.names_ue() || !pdr.pdi.framed.is_empty() || matches!(after.kind, Kind::Ethernet(_));
            require(named, Cause::ConditionalIeMissing(Element::UeIpAddress))?;
        }
    }
    if let Some(LocalTunnel::Given(teid)) = pdr.pdi.tunnel {
        require(owned.contains(&teid), Cause::InvalidFTeidAllocationOption)?;
    }
    // Whose pool it is to be from must be known.
    let named = !pdr.pdi.choose_ue.any() || pdr.pdi.network_instance.is_some();
    require(named, Cause::ConditionalIeMissing(Element::NetworkInstance))?;
    // Both are one condition each: neither narrows the other.
    let either = pdr.pdi.application.is_none() || pdr.pdi.filters.is_empty();
    require(either, Cause::ServiceNotSupported(Element::ApplicationId))?;
    require(limits.hold(&pdr.pdi), Cause::NoResourcesAvailable)
}

/// What a PDI asks must be what packets of the session's kind have (TS 23.501 5.6.10).
fn check_kind(after: &Session, pdi: &Pdi) -> Result<(), Cause> {
    let wrong = Cause::MandatoryIeIncorrect;
    let of_frames = if pdi.frames.as_ref().is_some_and(|frames| frames.all) {
        Element::EthernetPduSessionInformation
    } else {
        Element::EthernetPacketFilter
    };
    let of_ip = pdi.filters.is_empty() && pdi.application.is_none();
    match after.kind {
        Kind::Ip => require(pdi.frames.is_none(), wrong(of_frames)),
        Kind::Ethernet(_) => {
            require(!pdi.names_ue(), wrong(Element::UeIpAddress))?;
            require(pdi.framed.is_empty(), wrong(Element::FramedRoute))?;
            // One filter within the other is said inside it.
            let both = pdi.frames.iter().any(|frames| !frames.filters.is_empty()) && !of_ip;
            require(!both, Cause::ServiceNotSupported(Element::SdfFilter))
        }
        Kind::Unstructured(peer) => {
            require(pdi.frames.is_none(), wrong(of_frames))?;
            require(pdi.framed.is_empty(), wrong(Element::FramedRoute))?;
            require(of_ip, wrong(Element::SdfFilter))?;
            // Its end of the tunnel of N6 (TS 23.501 5.6.10.3).
            let chosen = if peer.is_ipv4() { pdi.choose_ue.ipv4 } else { pdi.choose_ue.ipv6 };
            let has_end = chosen || after.address(peer.is_ipv4()).is_some();
            require(has_end, Cause::ConditionalIeMissing(Element::UeIpAddress))
        }
    }
}

/// Copies of one packet.
const MOST_COPIES: usize = 4;

fn check_far(far: &Far, kind: Kind) -> Result<(), Cause> {
    let Action { drop, forward, buffer, notify, duplicate, other } = far.action;
    require(!other, Cause::ServiceNotSupported(Element::ApplyAction))?;
    let one = usize::from(drop) + usize::from(forward) + usize::from(buffer) == 1;
    require(one && (buffer || !notify), Cause::MandatoryIeIncorrect(Element::ApplyAction))?;
    if forward {
        let missing = Cause::ConditionalIeMissing;
        let forwarding = far.forwarding.as_ref().ok_or(missing(Element::ForwardingParameters))?;
        let tunnelled = forwarding.destination == Destination::Core || forwarding.tunnel.is_some();
        require(tunnelled, missing(Element::OuterHeaderCreation))?;
        // Only towards the data network there is somebody else to ask.
        let redirected = far.steering.as_ref().is_some_and(|steering| steering.redirect.is_some());
        // The answer is found by the addresses of IP packets.
        let out = forwarding.destination == Destination::Core && forwarding.tunnel.is_none() && kind == Kind::Ip;
        require(!redirected || out, Cause::ServiceNotSupported(Element::RedirectInformation))?;
    }
    let copies = far.steering.as_ref().map_or(0, |steering| steering.duplicates.len());
    require(!duplicate || copies > 0, Cause::ConditionalIeMissing(Element::DuplicatingParameters))?;
    require(copies <= MOST_COPIES, Cause::NoResourcesAvailable)
}

/// What a trigger asks for must be there (7.5.2.4).
fn check_urr(urr: &Urr) -> Result<(), Cause> {
    let measures = urr.volume || urr.duration || urr.triggers.contain(Triggers::MAC_ADDRESSES);
    require(measures, Cause::ServiceNotSupported(Element::MeasurementMethod))?;
    require(urr.mac_inactivity != Some(0), Cause::MandatoryIeIncorrect(Element::EthernetInactivityTimer))?;
    let needs = [
        (Triggers::PERIODIC, urr.period.is_some_and(|period| period > 0), Element::MeasurementPeriod),
        (Triggers::VOLUME_THRESHOLD, urr.volume_threshold.is_some(), Element::VolumeThreshold),
        (Triggers::TIME_THRESHOLD, urr.time_threshold.is_some(), Element::TimeThreshold),
        (Triggers::VOLUME_QUOTA, urr.volume_quota.is_some(), Element::VolumeQuota),
        (Triggers::TIME_QUOTA, urr.time_quota.is_some(), Element::TimeQuota),
        (Triggers::QUOTA_HOLDING, urr.quota_holding.is_some(), Element::QuotaHoldingTime),
        (Triggers::LINKED, !urr.linked.is_empty(), Element::LinkedUrrId),
    ];
    needs.into_iter().try_for_each(|(trigger, there, element)| {
        require(there || !urr.triggers.contain(trigger), Cause::ConditionalIeMissing(element))
    })?;
    // A threshold of nothing would be reached for ever.
    let monitoring = urr.monitoring.as_ref();
    let volumes = [urr.volume_threshold, monitoring.and_then(|monitoring| monitoring.volume_threshold)];
    let times = [urr.time_threshold, monitoring.and_then(|monitoring| monitoring.time_threshold)];
    let nothing = |volumes: &Volumes| [volumes.total, volumes.uplink, volumes.downlink].contains(&Some(0));
    require(!volumes.iter().flatten().any(nothing), Cause::MandatoryIeIncorrect(Element::VolumeThreshold))?;
    require(!times.contains(&Some(0)), Cause::MandatoryIeIncorrect(Element::TimeThreshold))
}

fn difference(before: &Session, after: Session, effects: Effects) -> ChangeSet {
    let (held, wanted) = (before.addresses(), after.addresses());
    let (had, has) = (before.tunnels(), after.tunnels());
    let (behind, to_be_behind) = (before.framed_routes(), after.framed_routes());
    let unused = had.difference(&has).copied().collect();
    let open = |(id, pdr): (&PdrId, &Pdr)| matches!(pdr.pdi.tunnel, Some(LocalTunnel::Choose(_))).then_some(*id);
    let networks = |chooses: fn(&Pdi) -> bool| -> Option<BTreeSet<String>> {
        let mut choosing = after.pdrs.values().map(|pdr| &pdr.pdi).filter(|pdi| chooses(pdi)).peekable();
        choosing.peek()?;
        Some(choosing.filter_map(|pdi| pdi.network_instance.clone()).collect())
    };
    ChangeSet {
        choose_ue: [networks(|pdi| pdi.choose_ue.ipv4), networks(|pdi| pdi.choose_ue.ipv6)],
        choose: after.pdrs.iter().filter_map(open).collect(),
        restore: has.difference(&had).copied().collect(),
        claim: wanted.difference(&held).copied().collect(),
        unclaim: held.difference(&wanted).copied().collect(),
        claim_routes: to_be_behind.difference(&behind).copied().collect(),
        unclaim_routes: behind.difference(&to_be_behind).copied().collect(),
        release: unused,
        session: after,
        effects,
    }
}
