//! PFCP: datagrams, a node among peers that say what they like, and two nodes over a network that loses and repeats.

mod node;
mod pair;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pfcp::*;

use crate::choices::Choices;

pub use node::pfcp_node;
pub(crate) use node::sequences as node_sequences;
pub use pair::pfcp_pair;
pub(crate) use pair::sequences as pair_sequences;

/// A datagram: what is taken can be said again; what is refused can be answered.
pub fn pfcp(data: &[u8]) {
    match Packet::decode(data) {
        Ok(packet) => {
            if let Ok(octets) = packet.encode() {
                assert_eq!(Packet::decode(&octets).as_ref(), Ok(&packet), "what we say is what we understood");
            }
        }
        Err(DecodeError::Rejected { header, .. }) => assert!(header.kind.is_request()),
        Err(DecodeError::BadResponse { header, .. }) => assert!(!header.kind.is_request()),
        Err(DecodeError::Version { version, .. }) => assert_ne!(version, 1),
        Err(DecodeError::Discard(_)) => {}
    }
}

/// An address of a peer: `number` in a network for tests.
fn peer(number: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, number), PORT))
}

fn node_id(number: u8) -> NodeId {
    NodeId::Address(peer(number).ip())
}

fn establishment(number: u8) -> SessionEstablishmentRequest {
    let ue: IpAddr = Ipv4Addr::new(10, 45, 0, 2).into();
    let mut uplink = Pdi::new(Interface::Access);
    uplink.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None });
    uplink.sdf_filters.push(SdfFilter::flow("permit out ip from any to assigned"));
    uplink.qfis.extend(Qfi::new(1));
    let mut downlink = Pdi::new(Interface::Core);
    downlink.ue_ip_addresses.push(UeIpAddress::destination(ue));
    let mut parameters = ForwardingParameters::new(Interface::Access);
    parameters.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(5), peer(9).ip()));
    let mut far = CreateFar::new(FarId(2), ApplyAction::FORW);
    far.forwarding_parameters = Some(parameters);
    let mut uplink = CreatePdr::new(PdrId(1), Precedence(255), uplink);
    uplink.far_id = Some(FarId(1));
    uplink.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    let mut downlink = CreatePdr::new(PdrId(2), Precedence(255), downlink);
    downlink.far_id = Some(FarId(2));
    let mut request = SessionEstablishmentRequest::new(node_id(number), FSeid::new(Seid(1), peer(number).ip()));
    request.create_pdrs.extend([uplink, downlink]);
    request.create_fars.extend([far, CreateFar::new(FarId(1), ApplyAction::DROP)]);
    request.pdn_type = Some(PdnType::Ipv4);
    request
}

/// A session of Ethernet.
fn ethernet(number: u8) -> SessionEstablishmentRequest {
    let mut request = establishment(number);
    let station = MacAddress { source: Some(Mac([2, 0, 0, 0, 0, number])), ..MacAddress::default() };
    let mut filter = EthernetPacketFilter::new();
    (filter.id, filter.properties) = (Some(EthernetFilterId(1)), Some(EthernetFilterProperties::BIDE));
    (filter.addresses, filter.ethertype) = (vec![station], Some(Ethertype(0x0800)));
    filter.c_tag = Some(VlanTag { vid: Some(7), ..VlanTag::default() });
    filter.sdf_filters.push(SdfFilter::flow("permit out ip from any to assigned"));
    for pdr in &mut request.create_pdrs {
        pdr.pdi.ue_ip_addresses.clear();
        pdr.pdi.ethernet_packet_filters = vec![filter.clone()];
        pdr.pdi.ethernet_pdu_session_information = Some(EthernetPduSessionInformation::ETHI);
    }
    request.pdn_type = Some(PdnType::Ethernet);
    request
}

/// A request as an honest peer makes it.
fn request(choices: &mut Choices<'_>, number: u8) -> Message {
    let recovery = RecoveryTimeStamp(u32::from(choices.below(4)));
    match choices.below(10) {
        0 => HeartbeatRequest::new(recovery).into(),
        1 => AssociationSetupRequest::new(node_id(number), recovery).into(),
        2 => AssociationReleaseRequest::new(node_id(number)).into(),
        3 => {
            let mut update = AssociationUpdateRequest::new(node_id(number));
            update.release_request = choices.flag().then_some(ReleaseRequest(1));
            update.into()
        }
        4 => establishment(number).into(),
        5 => ethernet(number).into(),
        6 => SessionModificationRequest::new().into(),
        7 => SessionDeletionRequest::new().into(),
        8 => node_report(number).into(),
        _ => SessionReportRequest::new(ReportType::UPIR).into(),
    }
}

fn node_report(number: u8) -> NodeReportRequest {
    let mut report = NodeReportRequest::new(node_id(number), NodeReportType::UPFR);
    report.path_failure = Some(PathFailureReport { peers: vec![peer(9).ip().into()] });
    report
}

/// The response to a request, as an honest peer gives it, of whatever cause.
fn response(choices: &mut Choices<'_>, number: u8, request: &Packet) -> Option<Packet> {
    let cause = choices.pick(&[Cause::RequestAccepted, Cause::RequestAccepted, Cause::NoResourcesAvailable]);
    let recovery = RecoveryTimeStamp(u32::from(choices.below(4)));
    let id = node_id(number);
    let message: Message = match request.message {
        Message::HeartbeatRequest(_) => HeartbeatResponse::new(recovery).into(),
        Message::AssociationSetupRequest(_) => AssociationSetupResponse::new(id, cause, recovery).into(),
        Message::AssociationUpdateRequest(_) => AssociationUpdateResponse::new(id, cause).into(),
        Message::AssociationReleaseRequest(_) => AssociationReleaseResponse::new(id, cause).into(),
        Message::SessionEstablishmentRequest(_) => SessionEstablishmentResponse::new(id, cause).into(),
        Message::SessionModificationRequest(_) => SessionModificationResponse::new(cause).into(),
        Message::SessionDeletionRequest(_) => SessionDeletionResponse::new(cause).into(),
        Message::NodeReportRequest(_) => NodeReportResponse::new(id, cause).into(),
        Message::SessionReportRequest(_) => SessionReportResponse::new(cause).into(),
        _ => return None,
    };
    let seid = message.kind().is_of_session().then_some(Seid(u64::from(choices.below(3))));
    Some(Packet { seid, sequence: request.sequence, message })
}

fn packet(choices: &mut Choices<'_>, number: u8) -> Packet {
    let message = request(choices, number);
    let seid = message.kind().is_of_session().then_some(Seid(u64::from(choices.below(3))));
    Packet { seid, sequence: Sequence::new(u32::from(choices.below(8))), message }
}

/// One datagram of each request.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    let mut modification = SessionModificationRequest::new();
    modification.remove_pdrs.push(RemovePdr::new(PdrId(1)));
    modification.create_pdrs = establishment(1).create_pdrs;
    let mut update = UpdateFar::new(FarId(2));
    update.apply_action = Some(ApplyAction::BUFF | ApplyAction::NOCP);
    modification.update_fars.push(update);
    modification.sm_req_flags = Some(SmReqFlags::DROBU);
    let requests: Vec<Message> = vec![
        HeartbeatRequest::new(RecoveryTimeStamp(1)).into(),
        AssociationSetupRequest::new(node_id(1), RecoveryTimeStamp(1)).into(),
        AssociationReleaseRequest::new(NodeId::Fqdn("upf.example".into())).into(),
        establishment(1).into(),
        ethernet(1).into(),
        modification.into(),
        SessionDeletionRequest::new().into(),
        SessionReportRequest::new(ReportType::UPIR).into(),
        node_report(1).into(),
        SessionEstablishmentResponse::new(node_id(1), Cause::RequestAccepted).into(),
        SessionModificationResponse::new(Cause::RequestRejected).into(),
    ];
    let packets = requests.into_iter().map(|message| {
        let seid = message.kind().is_of_session().then_some(Seid(7));
        Packet { seid, sequence: Sequence::new(3), message }
    });
    packets.map(|packet| packet.encode().expect("fits a datagram")).collect()
}
