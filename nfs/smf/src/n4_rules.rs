//! The rules of a session as N4 requests: an uplink and a downlink PDR for its default QoS flow, and before them those of
//! the service data flows that its data network has.

use std::net::IpAddr;

use ipnet::IpNet;
use ngap::{GtpTunnel, TransportLayerAddress};
use pfcp::{
    ApnDnn, ApplicationId, ApplyAction, BitRates, Cause, CreateFar, CreatePdr, CreateQer, EthernetPacketFilter,
    EthernetPduSessionInformation, FSeid, FTeid, FarId, ForwardingParameters, FramedRoute, GateStatus, Interface,
    NetworkInstance, NodeId, OuterHeaderCreation, OuterHeaderRemoval, Pdi, PdrId, Precedence, QerId, Qfi, SdfFilter,
    SeReqFlags, SessionEstablishmentRequest, SessionEstablishmentResponse, SessionModificationRequest, SmReqFlags,
    Teid, UeIpAddress, UpdateFar, UpdateForwardingParameters,
};
use runtime::{DataNetwork, FlowAction, FlowRule};

use crate::pool::UeAddress;
use crate::refusal::Refusal;
use crate::session::{AtUpf, ContextRef, Session};
use crate::session_type::SessionType;

const UPLINK_PDR: PdrId = PdrId(1);
const DOWNLINK_PDR: PdrId = PdrId(2);
const UPLINK_FAR: FarId = FarId(1);
const DOWNLINK_FAR: FarId = FarId(2);
/// For flows that are dropped.
const DROP_FAR: FarId = FarId(3);
/// The session AMBR, shared by all flows that are not GBR.
const AMBR_QER: QerId = QerId(1);
/// The default QoS flow.
const FLOW_QER: QerId = QerId(2);

/// Uplink PDRs share one tunnel of the UPF's choice.
const SHARED_TUNNEL: u8 = 1;

/// Behind every rule for a service data flow.
const DEFAULT_PRECEDENCE: Precedence = Precedence(255);

/// Identifier of a session's default QoS flow.
pub(crate) const DEFAULT_QFI: u8 = 1;

/// Makes the session: uplink packets are forwarded, downlink packets wait for the RAN's tunnel.
pub(crate) fn establishment(
    session: &Session,
    reference: ContextRef,
    node_id: NodeId,
    own: IpAddr,
    data_network: Option<&DataNetwork>,
) -> SessionEstablishmentRequest {
    let mut request = SessionEstablishmentRequest::new(node_id, FSeid::new(reference.seid(), own));
    let network = NetworkInstance(session.dnn.to_string());
    request.create_pdrs = vec![uplink_pdr(session, &network), downlink_pdr(session, &network)];
    let mut to_network = ForwardingParameters::new(Interface::Core);
    to_network.network_instance = Some(network.clone());
    let kind = session.address.kind();
    if let SessionType::Unstructured { .. } = kind {
        let peer = data_network.and_then(|network| network.unstructured.as_ref()).map(|sessions| sessions.peer);
        to_network.outer_header_creation = peer.map(OuterHeaderCreation::Udp);
    }
    let mut uplink = CreateFar::new(UPLINK_FAR, ApplyAction::FORW);
    uplink.forwarding_parameters = Some(to_network);
    request.create_fars = vec![uplink, CreateFar::new(DOWNLINK_FAR, ApplyAction::BUFF)];
    request.create_qers = vec![ambr_qer(session), flow_qer()];
    let flows = data_network.map(|network| network.rules.as_slice()).unwrap_or_default();
    // Nothing is known of what an unstructured session carries.
    let flows = flows.iter().filter(|_| !matches!(kind, SessionType::Unstructured { .. }));
    for (number, flow) in (1..).zip(flows) {
        add_flow(&mut request, session, &network, number, flow);
    }
    request.pdn_type = Some(kind.pfcp());
    request.apn_dnn = Some(ApnDnn(session.dnn.to_string()));
    request
}

/// Octets of the longest PDR with all that belongs to it, and of the longest framed route.
const PDR: usize = 150;
const ROUTE: usize = 56;

/// Has the networks behind the UE count as its own, in every rule (TS 29.244 5.16). The gateway is the UE. Whether they fit
/// into a datagram; where not, none is added.
pub(crate) fn add_routes(request: &mut SessionEstablishmentRequest, routes: &[IpNet]) -> bool {
    if request.create_pdrs.len() * (PDR + ROUTE * routes.len()) > 65_000 {
        return false;
    }
    let text = |network: &IpNet| match network {
        IpNet::V4(v4) => FramedRoute(format!("{v4} 0.0.0.0 1")),
        IpNet::V6(v6) => FramedRoute(format!("{v6} :: 1")),
    };
    let of = |ipv4: bool| routes.iter().filter(move |network| network.addr().is_ipv4() == ipv4).map(text);
    for pdr in &mut request.create_pdrs {
        pdr.pdi.framed_routes = of(true).collect();
        pdr.pdi.framed_ipv6_routes = of(false).collect();
    }
    true
}

/// Makes the session once more at a UPF that has started again, with the tunnel it gave out before (TS 23.527 4.3).
pub(crate) fn restoration(
    mut establishment: SessionEstablishmentRequest,
    at_upf: &AtUpf,
) -> SessionEstablishmentRequest {
    let (teid, address) = at_upf.uplink;
    let uplink = establishment.create_pdrs.iter_mut().filter(|pdr| pdr.pdi.f_teid.is_some());
    uplink.for_each(|pdr| pdr.pdi.f_teid = Some(FTeid::new(teid, address.into())));
    establishment.se_req_flags = Some(SeReqFlags::RESTI);
    establishment
}

/// What the UPF made of a restoration: all is as it was, but for what the UPF calls the session.
pub(crate) fn restored(at_upf: &AtUpf, response: &SessionEstablishmentResponse) -> Result<AtUpf, Refusal> {
    match (response.cause, response.up_f_seid) {
        (Cause::RequestAccepted, Some(f_seid)) => Ok(AtUpf { seid: f_seid.seid, ..*at_upf }),
        (Cause::RequestAccepted, None) => Err(Refusal::UpfRefused(Cause::MandatoryIeMissing)),
        (cause, _) => Err(Refusal::UpfRefused(cause)),
    }
}

/// Of IPv6 the prefix, whose length is 64 where none is said (TS 29.244 8.2.62). What is still open the UPF chooses (5.21).
/// None of an Ethernet session.
fn ue_ip_address(address: UeAddress, destination: bool) -> Option<UeIpAddress> {
    let chosen_by_upf = |has: fn(SessionType) -> bool| matches!(address, UeAddress::Open(kind, _) if has(kind));
    let (ipv4, ipv6) = (address.ipv4(), address.ipv6_prefix());
    (address != UeAddress::Ethernet).then(|| UeIpAddress {
        ipv4,
        ipv6,
        choose_ipv4: ipv4.is_none() && chosen_by_upf(SessionType::has_ipv4),
        choose_ipv6: ipv6.is_none() && chosen_by_upf(SessionType::has_ipv6),
        destination,
        ..UeIpAddress::default()
    })
}

fn uplink_pdr(session: &Session, network: &NetworkInstance) -> CreatePdr {
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: Some(SHARED_TUNNEL) });
    pdi.network_instance = Some(network.clone());
    pdi.ue_ip_addresses.extend(ue_ip_address(session.address, false));
    let mut pdr = CreatePdr::new(UPLINK_PDR, DEFAULT_PRECEDENCE, pdi);
    pdr.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    pdr.far_id = Some(UPLINK_FAR);
    pdr.qer_ids = vec![AMBR_QER, FLOW_QER];
    pdr
}

fn downlink_pdr(session: &Session, network: &NetworkInstance) -> CreatePdr {
    let mut pdi = Pdi::new(Interface::Core);
    pdi.network_instance = Some(network.clone());
    pdi.ue_ip_addresses.extend(ue_ip_address(session.address, true));
    let kind = session.address.kind();
    pdi.ethernet_pdu_session_information =
        (kind == SessionType::Ethernet).then_some(EthernetPduSessionInformation::ETHI);
    let mut pdr = CreatePdr::new(DOWNLINK_PDR, DEFAULT_PRECEDENCE, pdi);
    pdr.outer_header_removal = match kind {
        SessionType::Unstructured { ipv4: true } => Some(OuterHeaderRemoval::UdpIpv4),
        SessionType::Unstructured { ipv4: false } => Some(OuterHeaderRemoval::UdpIpv6),
        _ => None,
    };
    pdr.far_id = Some(DOWNLINK_FAR);
    pdr.qer_ids = vec![AMBR_QER, FLOW_QER];
    pdr
}

/// The rules of the data network's flow `number`, counted from 1, which is its precedence too.
fn add_flow(
    request: &mut SessionEstablishmentRequest,
    session: &Session,
    network: &NetworkInstance,
    number: u16,
    flow: &FlowRule,
) {
    let mut pdrs = [uplink_pdr(session, network), downlink_pdr(session, network)];
    for (pdr, filter) in pdrs.iter_mut().zip(filters(number, flow)) {
        match session.address.kind() {
            SessionType::Ethernet => pdr.pdi.ethernet_packet_filters.extend(filter.map(of_frames)),
            _ => pdr.pdi.sdf_filters.extend(filter),
        }
        pdr.pdi.application_id = flow.application.as_ref().map(|name| ApplicationId(name.as_bytes().to_vec()));
    }
    let limit = flow.mbr_kbps.map(|rate| {
        let mut qer = CreateQer::new(QerId(FLOW_QER.0 + u32::from(number)), GateStatus::default());
        qer.mbr = Some(BitRates { uplink: rate.uplink, downlink: rate.downlink });
        qer
    });
    for (pdr, id) in pdrs.iter_mut().zip(2 * number + 1..) {
        (pdr.pdr_id, pdr.precedence) = (PdrId(id), Precedence(number.into()));
        pdr.qer_ids.extend(limit.as_ref().map(|qer| qer.qer_id));
        if flow.action == FlowAction::Drop {
            pdr.far_id = Some(DROP_FAR);
        }
    }
    request.create_pdrs.extend(pdrs);
    request.create_qers.extend(limit);
    if flow.action == FlowAction::Drop && !request.create_fars.iter().any(|far| far.far_id == DROP_FAR) {
        request.create_fars.push(CreateFar::new(DROP_FAR, ApplyAction::DROP));
    }
}

/// A filter of the frames whose IP packets pass one.
fn of_frames(filter: SdfFilter) -> EthernetPacketFilter {
    EthernetPacketFilter { sdf_filters: vec![filter], ..EthernetPacketFilter::new() }
}

/// Of the uplink and the downlink PDR of a flow; none where it is an application.
fn filters(number: u16, flow: &FlowRule) -> [Option<SdfFilter>; 2] {
    let named = SdfFilter { filter_id: Some(number.into()), ..SdfFilter::default() };
    let described = flow.flow.as_ref().map(|flow| SdfFilter { flow_description: Some(flow.clone()), ..named.clone() });
    // Bidirectional: the downlink PDR means the filter by its name (TS 29.244 8.2.5).
    let meant = described.is_some().then_some(named);
    [described, meant]
}

fn ambr_qer(session: &Session) -> CreateQer {
    let mut qer = CreateQer::new(AMBR_QER, GateStatus::default());
    let ambr = &session.granted.ambr;
    qer.mbr = Some(BitRates { uplink: kilobits(ambr.uplink.0), downlink: kilobits(ambr.downlink.0) });
    qer
}

fn flow_qer() -> CreateQer {
    let mut qer = CreateQer::new(FLOW_QER, GateStatus::default());
    qer.qfi = Qfi::new(DEFAULT_QFI);
    qer
}

/// Bits per second in the unit of N4, rounded up: less than was granted would be wrong.
pub(crate) fn kilobits(bits: u64) -> u64 {
    bits.div_ceil(1000)
}

/// Downlink packets go to the RAN's tunnel from now on, those that waited first.
pub(crate) fn activation(tunnel: &GtpTunnel) -> SessionModificationRequest {
    let (ipv4, ipv6) = match tunnel.transport_layer_address {
        TransportLayerAddress::V4(v4) => (Some(v4), None),
        TransportLayerAddress::V6(v6) => (None, Some(v6)),
        TransportLayerAddress::Both(v4, v6) => (Some(v4), Some(v6)),
    };
    let mut parameters = UpdateForwardingParameters::new();
    parameters.destination_interface = Some(Interface::Access);
    parameters.outer_header_creation = Some(OuterHeaderCreation::GtpU { teid: Teid(tunnel.gtp_teid), ipv4, ipv6 });
    let mut far = UpdateFar::new(DOWNLINK_FAR);
    far.apply_action = Some(ApplyAction::FORW);
    far.forwarding_parameters = Some(parameters);
    changing(far)
}

/// Downlink packets wait, and the first of them is told (23.502 4.2.6 step 6).
pub(crate) fn deactivation() -> SessionModificationRequest {
    let mut far = UpdateFar::new(DOWNLINK_FAR);
    far.apply_action = Some(ApplyAction::BUFF | ApplyAction::NOCP);
    changing(far)
}

/// The UE cannot be reached: packets that wait are dropped.
pub(crate) fn drop_buffered() -> SessionModificationRequest {
    let mut request = deactivation();
    request.sm_req_flags = Some(SmReqFlags::DROBU);
    request
}

fn changing(far: UpdateFar) -> SessionModificationRequest {
    let mut request = SessionModificationRequest::new();
    request.update_fars = vec![far];
    request
}

/// What the UPF made of an establishment.
pub(crate) fn established(upf: IpAddr, response: &SessionEstablishmentResponse) -> Result<AtUpf, Refusal> {
    if response.cause != Cause::RequestAccepted {
        return Err(Refusal::UpfRefused(response.cause));
    }
    let tunnel = response.created_pdrs.iter().find(|created| created.pdr_id == UPLINK_PDR);
    let endpoint = tunnel.and_then(|created| created.f_teid).and_then(|f_teid| f_teid.endpoint());
    match (response.up_f_seid, endpoint) {
        (Some(f_seid), Some((teid, IpAddr::V4(address)))) => {
            Ok(AtUpf { upf, seid: f_seid.seid, uplink: (teid, address) })
        }
        _ => Err(Refusal::UpfRefused(Cause::MandatoryIeMissing)),
    }
}

/// The UE's address, which the UPF may have chosen.
pub(crate) fn address(
    asked: UeAddress,
    upf: IpAddr,
    response: &SessionEstablishmentResponse,
) -> Result<UeAddress, Refusal> {
    let UeAddress::Open(kind, fixed) = asked else { return Ok(asked) };
    let told = || response.created_pdrs.iter().flat_map(|created| &created.ue_ip_addresses);
    let (ipv4, ipv6) = (told().find_map(|told| told.ipv4), told().find_map(|told| told.ipv6));
    UeAddress::chosen(kind, fixed.ipv4.or(ipv4), fixed.ipv6.or(ipv6)).ok_or_else(|| {
        tracing::error!(%upf, "the UPF chose no address for the UE: smf.ue_addresses asks it to");
        Refusal::UpfRefused(Cause::MandatoryIeMissing)
    })
}

#[cfg(test)]
mod tests {
    use sbi_api::ApiRoot;
    use sbi_models::udm::PduSessionTypes;
    use sbi_models::{Ambr, Arp, BitRate, PreemptionCapability, PreemptionVulnerability};

    use super::*;
    use crate::pool::Fixed;
    use crate::session::{Granted, Phase, UpConnection};
    use crate::session_type::Subscribed;

    fn session() -> Session {
        let arp = Arp {
            priority_level: 8,
            preempt_cap: PreemptionCapability::NotPreempt,
            preempt_vuln: PreemptionVulnerability::NotPreemptable,
        };
        let ambr = Ambr { uplink: BitRate(1_000_000), downlink: BitRate(2_000_000) };
        let types = PduSessionTypes { default_session_type: None, allowed_session_types: None };
        Session {
            dnn: "internet".parse().expect("a name"),
            slice: "1".parse().expect("a slice"),
            amf: ApiRoot::http("amf.test"),
            status_uri: String::new(),
            granted: Granted {
                ambr,
                five_qi: 9,
                arp,
                types: Subscribed::read(&types),
                fixed: Fixed::default(),
                routes: [].into(),
            },
            address: UeAddress::Ipv4([10, 45, 0, 2].into()),
            at_upf: None,
            up: UpConnection::Deactivated,
            phase: Phase::Establishing,
        }
    }

    fn with_rules(rules: Vec<FlowRule>) -> DataNetwork {
        DataNetwork { rules, ..DataNetwork::new("internet".parse().expect("a name"), None, None) }
    }

    #[test]
    fn frames_are_asked_for_by_session_and_by_the_packets_in_them() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let session = Session { address: UeAddress::Ethernet, ..session() };
        let network = with_rules(vec![flow(2)]);
        let request = establishment(&session, ContextRef(7), NodeId::Address(own), own, Some(&network));
        assert_eq!(request.pdn_type, Some(pfcp::PdnType::Ethernet));
        let all = Some(EthernetPduSessionInformation::ETHI);
        let asked = request.create_pdrs.iter().map(|pdr| {
            let Pdi { ethernet_pdu_session_information, ethernet_packet_filters, .. } = &pdr.pdi;
            assert!(pdr.pdi.ue_ip_addresses.is_empty() && pdr.pdi.sdf_filters.is_empty());
            (*ethernet_pdu_session_information, ethernet_packet_filters.len())
        });
        assert_eq!(asked.collect::<Vec<_>>(), [(None, 0), (all, 0), (None, 1), (all, 1)]);
    }

    #[test]
    fn an_unstructured_session_has_a_tunnel_on_n6_and_no_flows() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let end = IpAddr::from([10, 47, 0, 2]);
        let session = Session { address: UeAddress::Tunnel(end), ..session() };
        let peer = "192.0.2.9:5000".parse().expect("an address");
        let network =
            DataNetwork { unstructured: Some(runtime::UnstructuredSessions { peer }), ..with_rules(vec![flow(2)]) };
        let request = establishment(&session, ContextRef(7), NodeId::Address(own), own, Some(&network));
        assert_eq!((request.pdn_type, request.create_pdrs.len()), (Some(pfcp::PdnType::NonIp), 2));
        let to_network = request.create_fars[0].forwarding_parameters.as_ref().and_then(|to| to.outer_header_creation);
        assert_eq!(to_network, Some(OuterHeaderCreation::Udp(peer)));
        assert_eq!(request.create_pdrs[1].outer_header_removal, Some(OuterHeaderRemoval::UdpIpv4));
        assert_eq!(request.create_pdrs[1].pdi.ue_ip_addresses, [UeIpAddress::destination(end)]);
        assert_eq!(session.address.pdu_address(), None, "the UE is not told");
    }

    fn flow(number: usize) -> FlowRule {
        let action = if number.is_multiple_of(2) { FlowAction::Drop } else { FlowAction::Forward };
        let mbr_kbps = (action == FlowAction::Forward).then_some(runtime::FlowRate { uplink: 64, downlink: 128 });
        let flow = Some(format!("permit out 6 from 192.0.2.0/24 {number} to assigned"));
        FlowRule { flow, application: None, action, mbr_kbps }
    }

    #[test]
    fn an_address_that_is_open_is_the_upfs_to_choose() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let session = Session { address: UeAddress::open(SessionType::Ipv4v6, Fixed::default()), ..session() };
        let request = establishment(&session, ContextRef(7), NodeId::Address(own), own, None);
        let asked = request.create_pdrs.iter().map(|pdr| pdr.pdi.ue_ip_addresses[0]);
        let open = UeIpAddress { choose_ipv4: true, choose_ipv6: true, ..UeIpAddress::default() };
        assert_eq!(asked.collect::<Vec<_>>(), [open, UeIpAddress { destination: true, ..open }]);
        assert_eq!(request.pdn_type, Some(pfcp::PdnType::Ipv4v6));

        let (v4, v6) = ([10, 99, 0, 7].into(), "2001:db8:1::".parse().expect("an address"));
        let mut response = SessionEstablishmentResponse::new(NodeId::Address(own), Cause::RequestAccepted);
        let mut created = pfcp::CreatedPdr::new(UPLINK_PDR);
        created.ue_ip_addresses = vec![UeIpAddress { ipv4: Some(v4), ..UeIpAddress::default() }];
        response.created_pdrs = vec![created.clone()];
        assert!(address(session.address, own, &response).is_err(), "half of it");
        created.ue_ip_addresses = vec![UeIpAddress { ipv6: Some(v6), ..UeIpAddress::default() }];
        response.created_pdrs.push(created);
        assert_eq!(address(session.address, own, &response).ok(), Some(UeAddress::Ipv4v6(v4, v6)));
        let ours = UeAddress::Ipv4([10, 45, 0, 2].into());
        assert_eq!(address(ours, own, &response).ok(), Some(ours));
    }

    #[test]
    fn what_the_subscription_fixes_is_not_the_upfs_to_choose() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let fixed = Fixed { ipv4: Some([10, 9, 0, 1].into()), ipv6: None };
        let session = Session { address: UeAddress::open(SessionType::Ipv4v6, fixed), ..session() };
        let request = establishment(&session, ContextRef(7), NodeId::Address(own), own, None);
        let asked = request.create_pdrs[0].pdi.ue_ip_addresses[0];
        assert_eq!(asked, UeIpAddress { ipv4: fixed.ipv4, choose_ipv6: true, ..UeIpAddress::default() });
        let mut response = SessionEstablishmentResponse::new(NodeId::Address(own), Cause::RequestAccepted);
        let prefix = "2001:db8:1::".parse().ok();
        let mut created = pfcp::CreatedPdr::new(UPLINK_PDR);
        created.ue_ip_addresses = vec![UeIpAddress { ipv6: prefix, ..UeIpAddress::default() }];
        response.created_pdrs = vec![created];
        let both = fixed.ipv4.zip(prefix).map(|(v4, v6)| UeAddress::Ipv4v6(v4, v6));
        assert_eq!(address(session.address, own, &response).ok(), both);
    }

    #[test]
    fn networks_behind_the_ue_are_in_every_rule() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let mut request =
            establishment(&session(), ContextRef(7), NodeId::Address(own), own, Some(&with_rules(vec![flow(1)])));
        let routes = ["198.51.100.0/24", "2001:db8:7::/48"].map(|network| network.parse().expect("a network"));
        assert!(add_routes(&mut request, &routes));
        let [v4, v6] = ["198.51.100.0/24 0.0.0.0 1", "2001:db8:7::/48 :: 1"].map(|text| FramedRoute(text.into()));
        assert_eq!(request.create_pdrs.len(), 4);
        for pdr in request.create_pdrs {
            assert_eq!(
                (&pdr.pdi.framed_routes[..], &pdr.pdi.framed_ipv6_routes[..]),
                (&[v4.clone()][..], &[v6.clone()][..])
            );
        }
    }

    /// The longest there are, at the edge of what is added.
    #[test]
    fn networks_behind_the_ue_never_make_a_message_too_long() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let route = |number: usize| format!("2001:db8:1111:2222:3333:4444:5555:{number:x}/128").parse();
        let routes: Vec<IpNet> = (0x1000..0x1010).map(|number| route(number).expect("a network")).collect();
        let mut fit = 0;
        for rules in 0..=200 {
            let network = with_rules((0..rules).map(flow).collect());
            let mut request = establishment(&session(), ContextRef(7), NodeId::Address(own), own, Some(&network));
            let added = add_routes(&mut request, &routes);
            assert_eq!(request.create_pdrs[0].pdi.framed_ipv6_routes.len(), if added { 16 } else { 0 });
            fit += usize::from(added);
            let packet = pfcp::Packet::session(pfcp::Seid(0), pfcp::Sequence::new(1), request);
            assert!(packet.encode().is_ok_and(|octets| octets.len() <= 65_507), "{rules} rules");
        }
        assert!(fit > 20, "{fit}");
    }

    #[test]
    fn a_rule_for_an_application_names_it_both_ways() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let rule = FlowRule { flow: None, application: Some("maps".into()), ..flow(0) };
        let request =
            establishment(&session(), ContextRef(7), NodeId::Address(own), own, Some(&with_rules(vec![rule])));
        let asked = request.create_pdrs.iter().map(|pdr| (pdr.pdi.application_id.clone(), pdr.pdi.sdf_filters.len()));
        let maps = Some(ApplicationId(b"maps".to_vec()));
        assert_eq!(asked.collect::<Vec<_>>(), [(None, 0), (None, 0), (maps.clone(), 0), (maps, 0)]);
    }

    #[test]
    fn the_ue_is_named_by_address_and_prefix_in_one_element() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let (v4, v6) = ([10, 45, 0, 2].into(), "fd00:10:45:1::".parse().expect("an address"));
        let session = Session { address: UeAddress::Ipv4v6(v4, v6), ..session() };
        let request = establishment(&session, ContextRef(7), NodeId::Address(own), own, None);
        assert_eq!(request.pdn_type, Some(pfcp::PdnType::Ipv4v6));
        let named: Vec<_> = request.create_pdrs.iter().map(|pdr| pdr.pdi.ue_ip_addresses.clone()).collect();
        let both = UeIpAddress { ipv4: Some(v4), ipv6: Some(v6), ..UeIpAddress::default() };
        assert_eq!(named, [vec![both], vec![UeIpAddress { destination: true, ..both }]]);
    }

    #[test]
    fn flows_of_the_data_network_come_before_the_rest_and_fit_a_datagram() {
        let own = IpAddr::from([127, 0, 0, 4]);
        let flows: Vec<FlowRule> = (0..200).map(flow).collect();
        let request = establishment(&session(), ContextRef(7), NodeId::Address(own), own, Some(&with_rules(flows)));
        assert_eq!((request.create_pdrs.len(), request.create_qers.len(), request.create_fars.len()), (402, 102, 3));
        let ids: std::collections::BTreeSet<_> = request.create_pdrs.iter().map(|pdr| pdr.pdr_id).collect();
        assert_eq!(ids.len(), 402, "no identity twice");
        let [default, first, second] = [0, 2, 4].map(|place| &request.create_pdrs[place]);
        assert!(first.precedence < second.precedence && second.precedence < default.precedence);
        assert_eq!((first.far_id, second.far_id), (Some(DROP_FAR), Some(UPLINK_FAR)));
        assert_eq!(second.qer_ids, [AMBR_QER, FLOW_QER, QerId(4)]);
        assert_eq!(first.pdi.f_teid, default.pdi.f_teid, "one tunnel for all");
        let packet = pfcp::Packet::session(pfcp::Seid(0), pfcp::Sequence::new(1), request);
        assert!(packet.encode().is_ok_and(|octets| octets.len() < 60_000));
    }
}
