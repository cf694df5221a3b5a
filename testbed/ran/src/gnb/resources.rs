//! PDU session resources (TS 38.413 8.2).

use super::{Event, Gnb};
use crate::UeId;
use bytes::Bytes;
use ngap::transfer::{
    PduSessionResourceModifyResponseTransfer, PduSessionResourceNotifyReleasedTransfer,
    PduSessionResourceReleaseResponseTransfer, PduSessionResourceSetupRequestTransfer,
    PduSessionResourceSetupResponseTransfer, PduSessionResourceSetupUnsuccessfulTransfer, QosFlowPerTnlInformation,
};
use ngap::{
    Cause, CauseProtocol, CauseTransport, GtpTunnel, Message, PduSessionId, PduSessionResourceFailedItem,
    PduSessionResourceModifyRequest, PduSessionResourceModifyResponse, PduSessionResourceNotify,
    PduSessionResourceNotifyItem, PduSessionResourceReleaseCommand, PduSessionResourceReleaseResponse,
    PduSessionResourceResponseItem, PduSessionResourceSetupItem, PduSessionResourceSetupRequest,
    PduSessionResourceSetupResponse, RanUeNgapId, TransportLayerAddress,
};
use std::net::IpAddr;

/// The user plane of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    /// The session.
    pub session: u8,
    /// Where the UPF sends to: our tunnel endpoint.
    pub local_teid: u32,
    /// The UPF.
    pub upf: IpAddr,
    /// Its tunnel endpoint.
    pub upf_teid: u32,
    /// The first QoS flow, which all packets take.
    pub qfi: u8,
}

type Outcome = (Vec<PduSessionResourceResponseItem>, Vec<PduSessionResourceFailedItem>, Vec<Bytes>);

impl Gnb {
    pub(super) fn handle_resource_setup(&mut self, request: PduSessionResourceSetupRequest) {
        let (amf_ue_ngap_id, ran_ue_ngap_id) = (request.amf_ue_ngap_id, request.ran_ue_ngap_id);
        let Some(ue) = self.context_of(amf_ue_ngap_id, ran_ue_ngap_id) else { return };
        let (set_up, failed, session_nas) =
            self.set_up_resources(ran_ue_ngap_id, request.pdu_session_resource_setup_list);
        let response = PduSessionResourceSetupResponse {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_setup_list: (!set_up.is_empty()).then_some(set_up),
            pdu_session_resource_failed_to_setup_list: (!failed.is_empty()).then_some(failed),
            criticality_diagnostics: None,
            user_location_information: Some(self.location()),
        };
        self.send(self.stream_of(ran_ue_ngap_id), Message::PduSessionResourceSetupResponse(response));
        let nas = request.nas_pdu.into_iter().chain(session_nas);
        self.events.extend(nas.map(|nas| Event::Nas(ue, nas)));
    }

    /// Tunnels for the sessions of a list: what is set up, what failed, and the NAS messages of those set up.
    pub(super) fn set_up_resources(&mut self, id: RanUeNgapId, items: Vec<PduSessionResourceSetupItem>) -> Outcome {
        let (mut set_up, mut failed, mut nas) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let pdu_session_id = item.pdu_session_id;
            match self.set_up_resource(id, &item) {
                Ok(transfer) => {
                    set_up.push(PduSessionResourceResponseItem { pdu_session_id, transfer });
                    nas.extend(item.nas_pdu);
                }
                Err(cause) => {
                    let transfer = PduSessionResourceSetupUnsuccessfulTransfer { cause, criticality_diagnostics: None };
                    let transfer = transfer.encode().unwrap_or_default();
                    failed.push(PduSessionResourceFailedItem { pdu_session_id, transfer });
                }
            }
        }
        (set_up, failed, nas)
    }

    fn set_up_resource(&mut self, id: RanUeNgapId, item: &PduSessionResourceSetupItem) -> Result<Bytes, Cause> {
        let syntax = Cause::Protocol(CauseProtocol::TransferSyntaxError);
        let request = PduSessionResourceSetupRequestTransfer::decode(&item.transfer).map_err(|_| syntax)?;
        let no_transport = Cause::Transport(CauseTransport::TransportResourceUnavailable);
        let uplink = request.ul_ngu_up_tnl_information;
        let upf = address_of(&uplink.transport_layer_address).ok_or(no_transport)?;
        let flows: Vec<_> = request.qos_flow_setup_request_list.iter().map(|flow| flow.qos_flow_identifier).collect();
        let qfi = flows.first().map_or(0, |flow| flow.get());
        let local_teid = self.take_teid();
        let context = self.contexts.get_mut(&id).ok_or(no_transport)?;
        let tunnel = Tunnel { session: item.pdu_session_id.0, local_teid, upf, upf_teid: uplink.gtp_teid, qfi };
        context.tunnels.insert(tunnel.session, tunnel);
        self.events.push_back(Event::TunnelUp(context.ue, tunnel));
        let transport_layer_address = TransportLayerAddress::from(self.config.n3);
        let downlink = GtpTunnel { transport_layer_address, gtp_teid: local_teid };
        let response = PduSessionResourceSetupResponseTransfer {
            dl_qos_flow_per_tnl_information: QosFlowPerTnlInformation {
                up_transport_layer_information: downlink,
                associated_qos_flow_list: flows,
            },
            qos_flow_failed_to_setup_list: None,
        };
        response.encode().map_err(|_| syntax)
    }

    fn take_teid(&mut self) -> u32 {
        let teid = self.next_teid;
        self.next_teid = teid.checked_add(1).unwrap_or(1);
        teid
    }

    pub(super) fn handle_resource_release(&mut self, command: PduSessionResourceReleaseCommand) {
        let (amf_ue_ngap_id, ran_ue_ngap_id) = (command.amf_ue_ngap_id, command.ran_ue_ngap_id);
        let Some(ue) = self.context_of(amf_ue_ngap_id, ran_ue_ngap_id) else { return };
        let mut released = Vec::new();
        for item in command.pdu_session_resource_to_release_list {
            let session = item.pdu_session_id;
            let context = self.contexts.get_mut(&ran_ue_ngap_id);
            if context.and_then(|context| context.tunnels.remove(&session.0)).is_some() {
                self.events.push_back(Event::TunnelDown(ue, session.0));
            }
            let transfer = PduSessionResourceReleaseResponseTransfer::default().encode().unwrap_or_default();
            released.push(PduSessionResourceResponseItem { pdu_session_id: session, transfer });
        }
        let response = PduSessionResourceReleaseResponse {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_released_list: released,
            user_location_information: Some(self.location()),
            criticality_diagnostics: None,
        };
        self.send(self.stream_of(ran_ue_ngap_id), Message::PduSessionResourceReleaseResponse(response));
        self.events.extend(command.nas_pdu.map(|nas| Event::Nas(ue, nas)));
    }

    /// The UPF does not know a session's tunnel any more: its resources go, and the AMF is told (TS 38.413 8.2.4).
    pub fn release_resources(&mut self, ue: UeId, session: u8) {
        let Some((ran_ue_ngap_id, amf_ue_ngap_id, stream)) = self.connection(ue) else { return };
        let context = self.contexts.get_mut(&ran_ue_ngap_id);
        if context.and_then(|context| context.tunnels.remove(&session)).is_none() {
            return;
        }
        let cause = Cause::Transport(CauseTransport::TransportResourceUnavailable);
        let transfer = PduSessionResourceNotifyReleasedTransfer { cause }.encode().unwrap_or_default();
        let item = PduSessionResourceNotifyItem { pdu_session_id: PduSessionId(session), transfer };
        let notify = PduSessionResourceNotify {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_notify_list: None,
            pdu_session_resource_released_list: Some(vec![item]),
            user_location_information: Some(self.location()),
        };
        self.send(stream, Message::PduSessionResourceNotify(notify));
        self.events.push_back(Event::TunnelDown(ue, session));
    }

    /// Modifications are agreed to; the flows carry no more than they did.
    pub(super) fn handle_resource_modify(&mut self, request: PduSessionResourceModifyRequest) {
        let (amf_ue_ngap_id, ran_ue_ngap_id) = (request.amf_ue_ngap_id, request.ran_ue_ngap_id);
        let Some(ue) = self.context_of(amf_ue_ngap_id, ran_ue_ngap_id) else { return };
        let mut modified = Vec::new();
        for item in request.pdu_session_resource_modify_list {
            let transfer = PduSessionResourceModifyResponseTransfer::default().encode().unwrap_or_default();
            modified.push(PduSessionResourceResponseItem { pdu_session_id: item.pdu_session_id, transfer });
            self.events.extend(item.nas_pdu.map(|nas| Event::Nas(ue, nas)));
        }
        let response = PduSessionResourceModifyResponse {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_modify_list: Some(modified),
            pdu_session_resource_failed_to_modify_list: None,
            user_location_information: None,
            criticality_diagnostics: None,
        };
        self.send(self.stream_of(ran_ue_ngap_id), Message::PduSessionResourceModifyResponse(response));
    }
}

fn address_of(address: &TransportLayerAddress) -> Option<IpAddr> {
    address.v4().map(IpAddr::V4).or(address.v6().map(IpAddr::V6))
}
