//! The rules of a session as N4 requests: one uplink and one downlink PDR for its default QoS flow.

use std::net::IpAddr;

use ngap::{GtpTunnel, TransportLayerAddress};
use pfcp::{
    ApnDnn, ApplyAction, BitRates, Cause, CreateFar, CreatePdr, CreateQer, FSeid, FTeid, FarId, ForwardingParameters,
    GateStatus, Interface, NetworkInstance, NodeId, OuterHeaderCreation, OuterHeaderRemoval, Pdi, PdnType, PdrId,
    Precedence, QerId, Qfi, SessionEstablishmentRequest, SessionEstablishmentResponse, SessionModificationRequest,
    SmReqFlags, Teid, UeIpAddress, UpdateFar, UpdateForwardingParameters,
};

use crate::refusal::Refusal;
use crate::session::{AtUpf, ContextRef, Session};

const UPLINK_PDR: PdrId = PdrId(1);
const DOWNLINK_PDR: PdrId = PdrId(2);
const UPLINK_FAR: FarId = FarId(1);
const DOWNLINK_FAR: FarId = FarId(2);
/// The session AMBR, shared by all flows that are not GBR.
const AMBR_QER: QerId = QerId(1);
/// The default QoS flow.
const FLOW_QER: QerId = QerId(2);

/// Behind every rule for a service data flow, should there be any.
const DEFAULT_PRECEDENCE: Precedence = Precedence(255);

/// Identifier of a session's default QoS flow.
pub(crate) const DEFAULT_QFI: u8 = 1;

/// Makes the session: uplink packets are forwarded, downlink packets wait for the RAN's tunnel.
pub(crate) fn establishment(
    session: &Session,
    reference: ContextRef,
    node_id: NodeId,
    own: IpAddr,
) -> SessionEstablishmentRequest {
    let mut request = SessionEstablishmentRequest::new(node_id, FSeid::new(reference.seid(), own));
    let network = NetworkInstance(session.dnn.to_string());
    request.create_pdrs = vec![uplink_pdr(session, &network), downlink_pdr(session, &network)];
    let mut to_network = ForwardingParameters::new(Interface::Core);
    to_network.network_instance = Some(network);
    let mut uplink = CreateFar::new(UPLINK_FAR, ApplyAction::FORW);
    uplink.forwarding_parameters = Some(to_network);
    request.create_fars = vec![uplink, CreateFar::new(DOWNLINK_FAR, ApplyAction::BUFF)];
    request.create_qers = vec![ambr_qer(session), flow_qer()];
    request.pdn_type = Some(PdnType::Ipv4);
    request.apn_dnn = Some(ApnDnn(session.dnn.to_string()));
    request
}

fn uplink_pdr(session: &Session, network: &NetworkInstance) -> CreatePdr {
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None });
    pdi.network_instance = Some(network.clone());
    pdi.ue_ip_addresses = vec![UeIpAddress::source(session.address.into())];
    let mut pdr = CreatePdr::new(UPLINK_PDR, DEFAULT_PRECEDENCE, pdi);
    pdr.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    pdr.far_id = Some(UPLINK_FAR);
    pdr.qer_ids = vec![AMBR_QER, FLOW_QER];
    pdr
}

fn downlink_pdr(session: &Session, network: &NetworkInstance) -> CreatePdr {
    let mut pdi = Pdi::new(Interface::Core);
    pdi.network_instance = Some(network.clone());
    pdi.ue_ip_addresses = vec![UeIpAddress::destination(session.address.into())];
    let mut pdr = CreatePdr::new(DOWNLINK_PDR, DEFAULT_PRECEDENCE, pdi);
    pdr.far_id = Some(DOWNLINK_FAR);
    pdr.qer_ids = vec![AMBR_QER, FLOW_QER];
    pdr
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
