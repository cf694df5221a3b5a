//! From what PFCP says to what rules are, and from refusals back to causes.

mod ethernet;
mod steering;

pub(crate) use ethernet::kind;
pub(crate) use steering::Policies;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::applications::Known;
use crate::resources::of_one_ue;
use pfcp::{ApplyAction, FailedRuleId, GateStatus, IeProblem, Interface, ie};
use rules::{
    Action, Application, Bar, BarId, Cause, ChooseUe, Destination, Element, Far, FarChange, FarId, Filter, Flow,
    Forwarding, Kind, LocalTunnel, Monitoring, Pdi, Pdr, PdrChange, PdrId, Qer, QerChange, QerId, Rates, RemoteTunnel,
    Request, RuleRef, Source, Teid, Triggers, Urr, UrrChange, UrrId, Volumes,
};

/// What a message is read by.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The moment by our clock.
    pub(crate) now: Instant,
    /// The same by that on the wall.
    pub(crate) wall: SystemTime,
    /// The applications that the sender has told of.
    pub(crate) applications: Option<&'a Known>,
    /// The forwarding policies of the configuration.
    pub(crate) policies: &'a Policies,
    /// What the packets of the session are.
    pub(crate) kind: Kind,
}

/// The rules that an establishment makes.
///
/// # Errors
/// The cause to answer.
pub(crate) fn establishment(
    message: &pfcp::SessionEstablishmentRequest,
    context: Context<'_>,
) -> Result<Request, Cause> {
    let flags = message.se_req_flags.unwrap_or_default();
    let mut request = Request {
        kind: context.kind,
        inactivity: message.inactivity_timer.map(|seconds| seconds.0),
        restoration: flags.contains(pfcp::SeReqFlags::RESTI),
        ..Request::default()
    };
    create(
        &mut request,
        &message.create_pdrs,
        &message.create_fars,
        &message.create_qers,
        &message.create_urrs,
        &message.create_bars,
        context,
    )?;
    Ok(request)
}

/// The changes that a modification asks.
///
/// # Errors
/// The cause to answer.
pub(crate) fn modification(message: &pfcp::SessionModificationRequest, context: Context<'_>) -> Result<Request, Cause> {
    let mut request = Request { inactivity: message.inactivity_timer.map(|seconds| seconds.0), ..Request::default() };
    create(
        &mut request,
        &message.create_pdrs,
        &message.create_fars,
        &message.create_qers,
        &message.create_urrs,
        &message.create_bars,
        context,
    )?;
    request.pdrs.remove = message.remove_pdrs.iter().map(|remove| PdrId(remove.pdr_id.0)).collect();
    request.fars.remove = message.remove_fars.iter().map(|remove| FarId(remove.far_id.0)).collect();
    request.qers.remove = message.remove_qers.iter().map(|remove| QerId(remove.qer_id.0)).collect();
    request.urrs.remove = message.remove_urrs.iter().map(|remove| UrrId(remove.urr_id.0)).collect();
    request.bars.remove = message.remove_bars.iter().map(|remove| BarId(remove.bar_id.0)).collect();
    request.pdrs.update = message.update_pdrs.iter().map(|pdr| update_pdr(pdr, context)).collect::<Result<_, _>>()?;
    request.fars.update = message.update_fars.iter().map(|far| update_far(far, context)).collect::<Result<_, _>>()?;
    request.qers.update = message.update_qers.iter().map(update_qer).collect();
    request.urrs.update = message.update_urrs.iter().map(|urr| update_urr(urr, context)).collect::<Result<_, _>>()?;
    request.bars.update = message.update_bars.iter().map(update_bar).collect();
    request.query = message.query_urrs.iter().map(|query| UrrId(query.urr_id.0)).collect();
    let flags = message.sm_req_flags.unwrap_or_default();
    request.query_all = flags.contains(pfcp::SmReqFlags::QAURR);
    request.drop_buffered = flags.contains(pfcp::SmReqFlags::DROBU);
    Ok(request)
}

fn create(
    request: &mut Request,
    pdrs: &[pfcp::CreatePdr],
    fars: &[pfcp::CreateFar],
    qers: &[pfcp::CreateQer],
    urrs: &[pfcp::CreateUrr],
    bars: &[pfcp::CreateBar],
    context: Context<'_>,
) -> Result<(), Cause> {
    request.pdrs.create = pdrs.iter().map(|pdr| create_pdr(pdr, context)).collect::<Result<_, _>>()?;
    request.fars.create = fars.iter().map(|far| create_far(far, context)).collect::<Result<_, _>>()?;
    request.qers.create = qers.iter().map(create_qer).collect();
    request.urrs.create = urrs.iter().map(|urr| create_urr(urr, context)).collect::<Result<_, _>>()?;
    let bar =
        |create: &pfcp::CreateBar| (BarId(create.bar_id.0), bar(create.suggested_packets, create.notification_delay));
    request.bars.create = bars.iter().map(bar).collect();
    Ok(())
}

/// Refuses elements that would have to be overlooked.
fn offered(elements: &[pfcp::NotOffered], why: Cause) -> Result<(), Cause> {
    if elements.is_empty() { Ok(()) } else { Err(why) }
}

fn create_pdr(pdr: &pfcp::CreatePdr, context: Context<'_>) -> Result<(PdrId, Pdr), Cause> {
    offered(&pdr.activate_predefined_rules, Cause::UnknownPredefinedRule)?;
    let rule = Pdr {
        precedence: pdr.precedence.0,
        pdi: pdi(&pdr.pdi, context)?,
        outer_header_removal: pdr.outer_header_removal.is_some(),
        far: pdr.far_id.map(|id| FarId(id.0)),
        qers: pdr.qer_ids.iter().map(|id| QerId(id.0)).collect(),
        urrs: pdr.urr_ids.iter().map(|id| UrrId(id.0)).collect(),
    };
    Ok((PdrId(pdr.pdr_id.0), rule))
}

fn update_pdr(pdr: &pfcp::UpdatePdr, context: Context<'_>) -> Result<(PdrId, PdrChange), Cause> {
    offered(&pdr.activate_predefined_rules, Cause::UnknownPredefinedRule)?;
    let change = PdrChange {
        precedence: pdr.precedence.map(|precedence| precedence.0),
        pdi: pdr.pdi.as_ref().map(|new| pdi(new, context)).transpose()?,
        outer_header_removal: pdr.outer_header_removal.map(|_| true),
        far: pdr.far_id.map(|id| FarId(id.0)),
        qers: pdr.qer_ids.iter().map(|id| QerId(id.0)).collect(),
        urrs: pdr.urr_ids.iter().map(|id| UrrId(id.0)).collect(),
    };
    Ok((PdrId(pdr.pdr_id.0), change))
}

fn pdi(pdi: &pfcp::Pdi, context: Context<'_>) -> Result<Pdi, Cause> {
    offered(&pdi.traffic_endpoint_ids, Cause::ServiceNotSupported(Element::TrafficEndpointId))?;
    let source = match pdi.source_interface {
        Interface::Access => Source::Access,
        Interface::Core | Interface::SgiLan => Source::Core,
        Interface::CpFunction | Interface::LiFunction | Interface::FiveGVn => {
            return Err(Cause::ServiceNotSupported(Element::SourceInterface));
        }
    };
    let (mut ue, mut choose_ue) = (Vec::new(), ChooseUe::default());
    for address in &pdi.ue_ip_addresses {
        // One is given or to be chosen, not both (TS 29.244 8.2.62).
        if address.choose_ipv4 && address.ipv4.is_some() || address.choose_ipv6 && address.ipv6.is_some() {
            return Err(Cause::MandatoryIeIncorrect(Element::UeIpAddress));
        }
        choose_ue.ipv4 |= address.choose_ipv4;
        choose_ue.ipv6 |= address.choose_ipv6;
        // A prefix of another length is the feature IP6PL, which is not announced.
        if address.ipv6_prefix_length.is_some_and(|length| length != 64) {
            return Err(Cause::ServiceNotSupported(Element::UeIpAddress));
        }
        ue.extend(address.ipv4.map(IpAddr::from));
        ue.extend(address.ipv6.map(IpAddr::from).map(of_one_ue));
    }
    let framed = |routes: &[pfcp::FramedRoute], ipv4: bool| -> Result<Vec<_>, Cause> {
        let read = |route: &pfcp::FramedRoute| rules::framed_route(&route.0, ipv4);
        routes.iter().map(|route| read(route).ok_or(Cause::MandatoryIeIncorrect(Element::FramedRoute))).collect()
    };
    let tunnel = pdi.f_teid.map(|f_teid| match f_teid {
        pfcp::FTeid::Given { teid, .. } => LocalTunnel::Given(Teid(teid.0)),
        pfcp::FTeid::Choose { choose_id, .. } => LocalTunnel::Choose(choose_id),
    });
    Ok(Pdi {
        source,
        tunnel,
        ue,
        framed: [framed(&pdi.framed_routes, true)?, framed(&pdi.framed_ipv6_routes, false)?].concat(),
        choose_ue,
        filters: pdi.sdf_filters.iter().map(filter).collect::<Result<_, _>>()?,
        frames: ethernet::frames(pdi)?,
        application: pdi.application_id.as_ref().map(|id| application(&id.0, context)).transpose()?,
        qfis: pdi.qfis.iter().map(|qfi| qfi.value()).collect(),
        network_instance: pdi.network_instance.as_ref().map(|name| name.0.clone()),
    })
}

/// What is told of the UE's addresses that a PDI left to us.
pub(crate) fn chosen_addresses(asked: &pfcp::Pdi, pdi: &Pdi) -> Vec<pfcp::UeIpAddress> {
    let chooses = |choose: fn(&pfcp::UeIpAddress) -> bool| asked.ue_ip_addresses.iter().any(choose);
    let (ipv4, ipv6) = (chooses(|address| address.choose_ipv4), chooses(|address| address.choose_ipv6));
    let mut told = pfcp::UeIpAddress::default();
    for address in &pdi.ue {
        match address {
            IpAddr::V4(v4) if ipv4 => told.ipv4 = Some(*v4),
            IpAddr::V6(v6) if ipv6 => told.ipv6 = Some(*v6),
            _ => {}
        }
    }
    (ipv4 || ipv6).then_some(told).into_iter().collect()
}

fn application(id: &[u8], context: Context<'_>) -> Result<Arc<Application>, Cause> {
    context.applications.and_then(|known| known.get(id)).cloned().ok_or(Cause::UnknownApplicationId)
}

fn filter(filter: &pfcp::SdfFilter) -> Result<Filter, Cause> {
    let flow = filter.flow_description.as_deref().map(str::parse::<Flow>).transpose();
    Ok(Filter {
        flow: flow.map_err(|_| Cause::MandatoryIeIncorrect(Element::SdfFilter))?,
        tos: filter.tos_traffic_class.map(value_and_mask),
        spi: filter.security_parameter_index,
        flow_label: filter.flow_label,
        id: filter.filter_id,
    })
}

fn value_and_mask(both: u16) -> (u8, u8) {
    let [value, mask] = both.to_be_bytes();
    (value, mask)
}

fn action(apply: ApplyAction) -> Action {
    let known = ApplyAction::DROP | ApplyAction::FORW | ApplyAction::BUFF | ApplyAction::NOCP | ApplyAction::DUPL;
    Action {
        drop: apply.contains(ApplyAction::DROP),
        forward: apply.contains(ApplyAction::FORW),
        buffer: apply.contains(ApplyAction::BUFF),
        notify: apply.contains(ApplyAction::NOCP),
        duplicate: apply.contains(ApplyAction::DUPL),
        other: apply.0 & !known.0 != 0,
    }
}

fn destination(interface: Interface) -> Result<Destination, Cause> {
    match interface {
        Interface::Access => Ok(Destination::Access),
        Interface::Core | Interface::SgiLan => Ok(Destination::Core),
        Interface::CpFunction | Interface::LiFunction | Interface::FiveGVn => {
            Err(Cause::ServiceNotSupported(Element::DestinationInterface))
        }
    }
}

fn tunnel(header: pfcp::OuterHeaderCreation) -> Result<RemoteTunnel, Cause> {
    match header {
        pfcp::OuterHeaderCreation::GtpU { teid, ipv4, ipv6 } => {
            let address = ipv4.map(IpAddr::from).or(ipv6.map(IpAddr::from));
            let address = address.ok_or(Cause::MandatoryIeIncorrect(Element::OuterHeaderCreation))?;
            Ok(RemoteTunnel { teid: teid.0, address })
        }
        pfcp::OuterHeaderCreation::Udp(_) => Err(Cause::ServiceNotSupported(Element::OuterHeaderCreation)),
    }
}

/// The tunnel that packets leave in. That of N6, which an unstructured session has, is the session's: `None`.
fn way_out(header: Option<pfcp::OuterHeaderCreation>, kind: Kind) -> Result<Option<RemoteTunnel>, Cause> {
    match header {
        Some(pfcp::OuterHeaderCreation::Udp(peer)) if kind == Kind::Unstructured(peer) => Ok(None),
        header => header.map(tunnel).transpose(),
    }
}

/// What is written into packets is refused: passed over, others would not find it there.
fn not_enriched(elements: &[pfcp::NotOffered]) -> Result<(), Cause> {
    offered(elements, Cause::ServiceNotSupported(Element::HeaderEnrichment))
}

fn create_far(far: &pfcp::CreateFar, context: Context<'_>) -> Result<(FarId, Far), Cause> {
    let policies = context.policies;
    let mut redirect = None;
    let forwarding = far.forwarding_parameters.as_ref().map(|parameters| {
        not_enriched(&parameters.header_enrichment)?;
        redirect = parameters.redirect_information.as_ref().map(steering::redirect).transpose()?;
        let (policy, marking) = (parameters.forwarding_policy.as_ref(), parameters.transport_level_marking);
        Ok(Forwarding {
            destination: destination(parameters.destination_interface)?,
            tunnel: way_out(parameters.outer_header_creation, context.kind)?,
            marking: steering::marking(policy, marking, policies)?,
            network_instance: parameters.network_instance.as_ref().map(|name| name.0.clone()),
        })
    });
    let forwarding = forwarding.transpose()?;
    let bar = far.bar_id.map(|id| BarId(id.0));
    let copies = steering::duplicates!(far.duplicating_parameters, policies)?;
    let steering = steering::steering(redirect, copies);
    Ok((FarId(far.far_id.0), Far { action: action(far.apply_action), forwarding, bar, steering }))
}

fn update_far(far: &pfcp::UpdateFar, context: Context<'_>) -> Result<(FarId, FarChange), Cause> {
    let policies = context.policies;
    let mut change = FarChange {
        action: far.apply_action.map(action),
        bar: far.bar_id.map(|id| BarId(id.0)),
        duplicates: steering::duplicates!(far.duplicating_parameters, policies)?,
        ..FarChange::default()
    };
    if let Some(parameters) = &far.forwarding_parameters {
        not_enriched(&parameters.header_enrichment)?;
        let (policy, marking) = (parameters.forwarding_policy.as_ref(), parameters.transport_level_marking);
        change.redirect = parameters.redirect_information.as_ref().map(steering::redirect).transpose()?;
        change.destination = parameters.destination_interface.map(destination).transpose()?;
        change.tunnel = way_out(parameters.outer_header_creation, context.kind)?;
        change.marking = steering::marking(policy, marking, policies)?;
        change.network_instance = parameters.network_instance.as_ref().map(|name| name.0.clone());
        change.end_marker = parameters.sm_req_flags.is_some_and(|flags| flags.contains(pfcp::SmReqFlags::SNDEM));
    }
    Ok((FarId(far.far_id.0), change))
}

/// Kilobits per second to bits per second.
fn rates(rates: pfcp::BitRates) -> Rates {
    Rates { uplink: rates.uplink.saturating_mul(1000), downlink: rates.downlink.saturating_mul(1000) }
}

fn create_qer(qer: &pfcp::CreateQer) -> (QerId, Qer) {
    let GateStatus { uplink_closed, downlink_closed } = qer.gate_status;
    let rule = Qer {
        uplink_closed,
        downlink_closed,
        mbr: qer.mbr.map(rates),
        gbr: qer.gbr.map(rates),
        qfi: qer.qfi.map(pfcp::Qfi::value),
        rqi: qer.rqi.is_some_and(|rqi| rqi.0 & 1 != 0),
    };
    (QerId(qer.qer_id.0), rule)
}

fn update_qer(qer: &pfcp::UpdateQer) -> (QerId, QerChange) {
    let change = QerChange {
        closed: qer.gate_status.map(|gates| (gates.uplink_closed, gates.downlink_closed)),
        mbr: qer.mbr.map(rates),
        gbr: qer.gbr.map(rates),
        qfi: qer.qfi.map(pfcp::Qfi::value),
        rqi: qer.rqi.map(|rqi| rqi.0 & 1 != 0),
    };
    (QerId(qer.qer_id.0), change)
}

fn volumes(volume: pfcp::Volume) -> Volumes {
    Volumes { total: volume.total, uplink: volume.uplink, downlink: volume.downlink }
}

/// Volume and duration, of what a rule measures.
fn method(method: pfcp::MeasurementMethod) -> (bool, bool) {
    (method.0 & pfcp::MeasurementMethod::VOLUM.0 != 0, method.0 & pfcp::MeasurementMethod::DURAT.0 != 0)
}

/// Packets too, time from the start, not for now.
fn how(how: pfcp::MeasurementInformation) -> Result<(bool, bool, bool), Cause> {
    use pfcp::MeasurementInformation as How;
    if how.contains(How::MBQE) {
        return Err(Cause::ServiceNotSupported(Element::MeasurementInformation));
    }
    Ok((how.contains(How::MNOP), how.contains(How::ISTM), how.contains(How::INAM)))
}

/// Those that are offered; of the others no report comes.
fn triggers(wanted: pfcp::ReportingTriggers) -> Triggers {
    let table = [
        (pfcp::ReportingTriggers::PERIO, Triggers::PERIODIC),
        (pfcp::ReportingTriggers::VOLTH, Triggers::VOLUME_THRESHOLD),
        (pfcp::ReportingTriggers::TIMTH, Triggers::TIME_THRESHOLD),
        (pfcp::ReportingTriggers::QUHTI, Triggers::QUOTA_HOLDING),
        (pfcp::ReportingTriggers::START, Triggers::START),
        (pfcp::ReportingTriggers::LIUSA, Triggers::LINKED),
        (pfcp::ReportingTriggers::VOLQU, Triggers::VOLUME_QUOTA),
        (pfcp::ReportingTriggers::TIMQU, Triggers::TIME_QUOTA),
        (pfcp::ReportingTriggers::MACAR, Triggers::MAC_ADDRESSES),
    ];
    let wanted = table.into_iter().filter(|(asked, _)| wanted.contains(*asked));
    wanted.fold(Triggers::default(), |triggers, (_, trigger)| triggers | trigger)
}

/// A moment of the clock on the wall, by our own; one that has passed is now.
fn moment(time: pfcp::NtpTime, context: Context<'_>) -> Instant {
    let ahead = time.near(context.wall).duration_since(context.wall).unwrap_or_default();
    context.now.checked_add(ahead).unwrap_or(context.now)
}

/// The changes of a usage rule, from an element with the same fields whether it makes or changes the rule.
macro_rules! urr_change {
    ($urr:expr, $context:expr) => {
        UrrChange {
            method: None,
            how: $urr.measurement_information.map(how).transpose()?,
            triggers: None,
            volume_threshold: $urr.volume_threshold.map(volumes),
            volume_quota: $urr.volume_quota.map(volumes),
            time_threshold: $urr.time_threshold.map(|seconds| seconds.0),
            time_quota: $urr.time_quota.map(|seconds| seconds.0),
            period: $urr.measurement_period.map(|seconds| seconds.0),
            quota_holding: $urr.quota_holding_time.map(|seconds| seconds.0),
            inactivity: $urr.inactivity_detection_time.map(|seconds| seconds.0),
            mac_inactivity: $urr.ethernet_inactivity_timer.map(|seconds| seconds.0),
            monitoring: $urr.monitoring_time.map(|time| Monitoring {
                at: moment(time, $context),
                volume_threshold: $urr.subsequent_volume_threshold.map(volumes),
                time_threshold: $urr.subsequent_time_threshold.map(|seconds| seconds.0),
            }),
            linked: $urr.linked_urr_ids.iter().map(|id| UrrId(id.0)).collect(),
        }
    };
}

fn create_urr(urr: &pfcp::CreateUrr, context: Context<'_>) -> Result<(UrrId, Urr), Cause> {
    let change = urr_change!(urr, context);
    let (volume, duration) = method(urr.measurement_method);
    let (packets, immediate, inactive) = change.how.unwrap_or_default();
    let rule = Urr {
        volume,
        duration,
        packets,
        immediate,
        inactive,
        triggers: triggers(urr.reporting_triggers),
        volume_threshold: change.volume_threshold,
        volume_quota: change.volume_quota,
        time_threshold: change.time_threshold,
        time_quota: change.time_quota,
        period: change.period,
        quota_holding: change.quota_holding,
        inactivity: change.inactivity,
        mac_inactivity: change.mac_inactivity,
        monitoring: change.monitoring,
        linked: change.linked,
        ..Urr::default()
    };
    Ok((UrrId(urr.urr_id.0), rule))
}

fn update_urr(urr: &pfcp::UpdateUrr, context: Context<'_>) -> Result<(UrrId, UrrChange), Cause> {
    let change = UrrChange {
        method: urr.measurement_method.map(method),
        triggers: urr.reporting_triggers.map(triggers),
        ..urr_change!(urr, context)
    };
    Ok((UrrId(urr.urr_id.0), change))
}

/// A change of a BAR, in a modification or in the answer to a report.
pub(crate) fn update_bar(update: &pfcp::UpdateBar) -> (BarId, Bar) {
    (BarId(update.bar_id.0), bar(update.suggested_packets, update.notification_delay))
}

fn bar(packets: Option<pfcp::SuggestedPackets>, delay: Option<pfcp::NotificationDelay>) -> Bar {
    Bar { packets: packets.map(|count| u16::from(count.0)), delay_ms: delay.map(|delay| u32::from(delay.0) * 50) }
}

fn element(element: Element) -> u16 {
    match element {
        Element::CreatePdr => ie::CREATE_PDR,
        Element::CreateFar => ie::CREATE_FAR,
        Element::FarId => ie::FAR_ID,
        Element::FTeid => ie::F_TEID,
        Element::UeIpAddress => ie::UE_IP_ADDRESS,
        Element::FramedRoute => ie::FRAMED_ROUTE,
        Element::TrafficEndpointId => ie::TRAFFIC_ENDPOINT_ID,
        Element::EthernetPacketFilter => ie::ETHERNET_PACKET_FILTER,
        Element::EthernetPduSessionInformation => ie::ETHERNET_PDU_SESSION_INFORMATION,
        Element::EthernetInactivityTimer => ie::ETHERNET_INACTIVITY_TIMER,
        Element::RedirectInformation => ie::REDIRECT_INFORMATION,
        Element::DuplicatingParameters => ie::DUPLICATING_PARAMETERS,
        Element::HeaderEnrichment => ie::HEADER_ENRICHMENT,
        Element::PdnType => ie::PDN_TYPE,
        Element::NetworkInstance => ie::NETWORK_INSTANCE,
        Element::SdfFilter => ie::SDF_FILTER,
        Element::ApplyAction => ie::APPLY_ACTION,
        Element::ForwardingParameters => ie::FORWARDING_PARAMETERS,
        Element::OuterHeaderCreation => ie::OUTER_HEADER_CREATION,
        Element::SourceInterface => ie::SOURCE_INTERFACE,
        Element::DestinationInterface => ie::DESTINATION_INTERFACE,
        Element::ApplicationId => ie::APPLICATION_ID,
        Element::MeasurementMethod => ie::MEASUREMENT_METHOD,
        Element::MeasurementInformation => ie::MEASUREMENT_INFORMATION,
        Element::MeasurementPeriod => ie::MEASUREMENT_PERIOD,
        Element::VolumeThreshold => ie::VOLUME_THRESHOLD,
        Element::TimeThreshold => ie::TIME_THRESHOLD,
        Element::VolumeQuota => ie::VOLUME_QUOTA,
        Element::TimeQuota => ie::TIME_QUOTA,
        Element::QuotaHoldingTime => ie::QUOTA_HOLDING_TIME,
        Element::LinkedUrrId => ie::LINKED_URR_ID,
    }
}

/// A refusal as PFCP says it: cause, offending element, rule that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) cause: pfcp::Cause,
    pub(crate) offending: Option<u16>,
    pub(crate) failed: Option<FailedRuleId>,
}

impl Refusal {
    pub(crate) fn of(cause: pfcp::Cause) -> Self {
        Self { cause, offending: None, failed: None }
    }
}

impl From<IeProblem> for Refusal {
    fn from(problem: IeProblem) -> Self {
        Self { cause: problem.cause, offending: Some(problem.offending), failed: None }
    }
}

/// The one table from what the rules refuse to causes (TS 29.244 8.2.1).
impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        let named = |cause, offending| Self { cause, offending: Some(offending), failed: None };
        let about = |cause, about| named(cause, element(about));
        match cause {
            Cause::MandatoryIeMissing(what) => about(pfcp::Cause::MandatoryIeMissing, what),
            Cause::ConditionalIeMissing(what) => about(pfcp::Cause::ConditionalIeMissing, what),
            Cause::MandatoryIeIncorrect(what) => about(pfcp::Cause::MandatoryIeIncorrect, what),
            Cause::ServiceNotSupported(what) => about(pfcp::Cause::ServiceNotSupported, what),
            Cause::InvalidFTeidAllocationOption => Self::of(pfcp::Cause::InvalidFTeidAllocationOption),
            Cause::UnknownApplicationId => named(pfcp::Cause::UnknownApplicationId, ie::APPLICATION_ID),
            Cause::UnknownPredefinedRule => named(pfcp::Cause::UnknownPredefinedRule, ie::ACTIVATE_PREDEFINED_RULES),
            Cause::InvalidForwardingPolicy => named(pfcp::Cause::InvalidForwardingPolicy, ie::FORWARDING_POLICY),
            Cause::NoResourcesAvailable => Self::of(pfcp::Cause::NoResourcesAvailable),
            Cause::RuleCreationModificationFailure(rule) => {
                let failed = Some(match rule {
                    RuleRef::Pdr(id) => FailedRuleId::Pdr(id.0),
                    RuleRef::Far(id) => FailedRuleId::Far(id.0),
                    RuleRef::Qer(id) => FailedRuleId::Qer(id.0),
                    RuleRef::Urr(id) => FailedRuleId::Urr(id.0),
                    RuleRef::Bar(id) => FailedRuleId::Bar(id.0),
                });
                Self { cause: pfcp::Cause::RuleCreationModificationFailure, offending: None, failed }
            }
        }
    }
}
