//! UE contexts: NAS transport (TS 38.413 8.6), initial context setup (8.3.1), release (8.3.2, 8.3.3).

use super::{Event, Gnb, Tunnel, s_tmsi_to_ngap};
use crate::UeId;
use bytes::Bytes;
use nas::ie::STmsi;
use ngap::{
    AmfUeNgapId, Cause, CauseRadioNetwork, DownlinkNasTransport, ErrorIndication, InitialContextSetupRequest,
    InitialContextSetupResponse, InitialUeMessage, Message, PduSessionId, RanUeNgapId, RrcEstablishmentCause,
    UeContextModificationRequest, UeContextModificationResponse, UeContextReleaseCommand, UeContextReleaseComplete,
    UeContextReleaseRequest, UeNgapIds, UplinkNasTransport,
};
use std::collections::BTreeMap;

/// A UE's connection.
#[derive(Debug)]
pub(super) struct UeContext {
    pub(super) ue: UeId,
    pub(super) amf_id: Option<AmfUeNgapId>,
    pub(super) stream: u16,
    pub(super) tunnels: BTreeMap<u8, Tunnel>,
}

impl Gnb {
    /// A UE's initial NAS message: a connection and INITIAL UE MESSAGE. A connection it has is forgotten.
    pub fn connect(&mut self, ue: UeId, nas: Vec<u8>, s_tmsi: Option<STmsi>, paged: bool) {
        if let Some(old) = self.of_ue.remove(&ue) {
            self.contexts.remove(&old);
        }
        let id = RanUeNgapId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let stream =
            if self.streams > 1 { 1 + u16::try_from(id.0 % u32::from(self.streams - 1)).unwrap_or(0) } else { 0 };
        self.contexts.insert(id, UeContext { ue, amf_id: None, stream, tunnels: BTreeMap::new() });
        self.of_ue.insert(ue, id);
        let cause = if paged { RrcEstablishmentCause::MtAccess } else { RrcEstablishmentCause::MoSignalling };
        let message = InitialUeMessage {
            ran_ue_ngap_id: id,
            nas_pdu: Bytes::from(nas),
            user_location_information: self.location(),
            rrc_establishment_cause: cause,
            five_g_s_tmsi: s_tmsi.map(s_tmsi_to_ngap),
            amf_set_id: None,
            ue_context_request: true,
            allowed_nssai: None,
        };
        self.send(stream, Message::InitialUeMessage(message));
    }

    /// A NAS PDU of a connected UE. Without a connection it is lost, as on the air.
    pub fn uplink(&mut self, ue: UeId, nas: Vec<u8>) {
        let Some((ran_ue_ngap_id, amf_ue_ngap_id, stream)) = self.connection(ue) else {
            return tracing::debug!(%ue, "NAS PDU without a connection");
        };
        let user_location_information = Some(self.location());
        let nas_pdu = Bytes::from(nas);
        let message = UplinkNasTransport { amf_ue_ngap_id, ran_ue_ngap_id, nas_pdu, user_location_information };
        self.send(stream, Message::UplinkNasTransport(message));
    }

    /// Asks the AMF to release a UE's connection, as after inactivity. One the AMF has not answered is dropped.
    pub fn request_release(&mut self, ue: UeId, cause: CauseRadioNetwork) {
        let Some((ran_ue_ngap_id, amf_ue_ngap_id, stream)) = self.connection(ue) else {
            if let Some(id) = self.of_ue.get(&ue).copied() {
                self.drop_context(id, Cause::RadioNetwork(cause));
            }
            return;
        };
        let sessions = self.contexts.get(&ran_ue_ngap_id).map(|context| context.tunnels.keys().copied());
        let list: Vec<_> = sessions.into_iter().flatten().map(PduSessionId).collect();
        let message = UeContextReleaseRequest {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_list: (!list.is_empty()).then_some(list),
            cause: Cause::RadioNetwork(cause),
        };
        self.send(stream, Message::UeContextReleaseRequest(message));
    }

    pub(super) fn connection(&self, ue: UeId) -> Option<(RanUeNgapId, AmfUeNgapId, u16)> {
        let id = self.of_ue.get(&ue)?;
        let context = self.contexts.get(id)?;
        Some((*id, context.amf_id?, context.stream))
    }

    /// The UE of a message from the AMF. One that names no connection of ours is answered with ERROR INDICATION
    /// (10.6).
    pub(super) fn context_of(&mut self, amf_id: AmfUeNgapId, ran_id: RanUeNgapId) -> Option<UeId> {
        match self.contexts.get_mut(&ran_id) {
            Some(context) if context.amf_id.is_none_or(|known| known == amf_id) => {
                context.amf_id = Some(amf_id);
                Some(context.ue)
            }
            known => {
                let cause = match known {
                    Some(_) => CauseRadioNetwork::InconsistentRemoteUeNgapId,
                    None => CauseRadioNetwork::UnknownLocalUeNgapId,
                };
                self.report(amf_id, ran_id, cause);
                None
            }
        }
    }

    fn report(&mut self, amf_id: AmfUeNgapId, ran_id: RanUeNgapId, cause: CauseRadioNetwork) {
        let error = ErrorIndication {
            amf_ue_ngap_id: Some(amf_id),
            ran_ue_ngap_id: Some(ran_id),
            cause: Some(Cause::RadioNetwork(cause)),
            ..ErrorIndication::default()
        };
        self.send(0, Message::ErrorIndication(error));
    }

    pub(super) fn stream_of(&self, id: RanUeNgapId) -> u16 {
        self.contexts.get(&id).map_or(0, |context| context.stream)
    }

    pub(super) fn handle_downlink_nas(&mut self, transport: DownlinkNasTransport) {
        if let Some(ue) = self.context_of(transport.amf_ue_ngap_id, transport.ran_ue_ngap_id) {
            self.events.push_back(Event::Nas(ue, transport.nas_pdu));
        }
    }

    /// The radio is set up at once; resources for sessions come up before their NAS messages are delivered.
    pub(super) fn handle_initial_context_setup(&mut self, request: InitialContextSetupRequest) {
        let (amf_ue_ngap_id, ran_ue_ngap_id) = (request.amf_ue_ngap_id, request.ran_ue_ngap_id);
        let Some(ue) = self.context_of(amf_ue_ngap_id, ran_ue_ngap_id) else { return };
        let resources = request.pdu_session_resource_setup_list.unwrap_or_default();
        let (set_up, failed, session_nas) = self.set_up_resources(ran_ue_ngap_id, resources);
        let response = InitialContextSetupResponse {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_setup_list: (!set_up.is_empty()).then_some(set_up),
            pdu_session_resource_failed_to_setup_list: (!failed.is_empty()).then_some(failed),
            criticality_diagnostics: None,
        };
        self.send(self.stream_of(ran_ue_ngap_id), Message::InitialContextSetupResponse(response));
        let nas = request.nas_pdu.into_iter().chain(session_nas);
        self.events.extend(nas.map(|nas| Event::Nas(ue, nas)));
    }

    pub(super) fn handle_context_modification(&mut self, request: &UeContextModificationRequest) {
        if self.context_of(request.amf_ue_ngap_id, request.ran_ue_ngap_id).is_none() {
            return;
        }
        let response = UeContextModificationResponse {
            amf_ue_ngap_id: request.amf_ue_ngap_id,
            ran_ue_ngap_id: request.ran_ue_ngap_id,
            rrc_state: None,
            user_location_information: None,
            criticality_diagnostics: None,
        };
        let stream = self.stream_of(request.ran_ue_ngap_id);
        self.send(stream, Message::UeContextModificationResponse(response));
    }

    pub(super) fn handle_context_release(&mut self, command: &UeContextReleaseCommand) {
        let (amf_ue_ngap_id, ran_id) = match command.ue_ngap_ids {
            UeNgapIds::Pair { amf_ue_ngap_id, ran_ue_ngap_id } => (amf_ue_ngap_id, Some(ran_ue_ngap_id)),
            UeNgapIds::AmfUeNgapId(amf_ue_ngap_id) => {
                let mut contexts = self.contexts.iter();
                let found = contexts.find(|(_, context)| context.amf_id == Some(amf_ue_ngap_id));
                (amf_ue_ngap_id, found.map(|(id, _)| *id))
            }
        };
        let Some(ran_ue_ngap_id) = ran_id else { return };
        if self.context_of(amf_ue_ngap_id, ran_ue_ngap_id).is_none() {
            return;
        }
        let stream = self.stream_of(ran_ue_ngap_id);
        let sessions = self.drop_context(ran_ue_ngap_id, command.cause);
        let complete = UeContextReleaseComplete {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            user_location_information: Some(self.location()),
            pdu_session_resource_list: (!sessions.is_empty()).then_some(sessions),
            criticality_diagnostics: None,
        };
        self.send(stream, Message::UeContextReleaseComplete(complete));
    }

    /// Forgets a connection; returns the sessions that had resources.
    pub(super) fn drop_context(&mut self, id: RanUeNgapId, cause: Cause) -> Vec<PduSessionId> {
        let Some(context) = self.contexts.remove(&id) else { return Vec::new() };
        self.of_ue.remove(&context.ue);
        for session in context.tunnels.keys() {
            self.events.push_back(Event::TunnelDown(context.ue, *session));
        }
        self.events.push_back(Event::Released(context.ue, cause));
        context.tunnels.keys().copied().map(PduSessionId).collect()
    }
}
