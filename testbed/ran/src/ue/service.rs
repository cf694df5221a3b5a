//! Service request (TS 24.501 5.6.1), seen from the UE.

use super::{Failure, Output, Procedure, State, Ue};
use nas::gmm::{ServiceAccept, ServiceReject, ServiceRequest};
use nas::ie::ServiceType;
use nas::{GmmCause, GmmMessage, SecurityHeaderType};

impl Ue {
    pub(super) fn request_service(&mut self, paged: bool) {
        if !self.is_registered() || self.connected {
            return self.finish(Err(Failure::State("a service request needs an idle, registered UE")));
        }
        match self.service_request(paged) {
            Some(nas) => {
                self.connected = true;
                let s_tmsi = self.s_tmsi();
                self.outputs.push_back(Output::Connect { nas, s_tmsi, paged });
            }
            None => self.finish(Err(Failure::State("no security context"))),
        }
    }

    /// On a connection the request travels as any other message (TS 24.501 4.4.6).
    pub(super) fn request_user_plane(&mut self) {
        match self.whole_request(ServiceType::Data) {
            Some(request) => self.send(request),
            None => self.finish(Err(Failure::State("no security context"))),
        }
    }

    fn whole_request(&self, kind: ServiceType) -> Option<ServiceRequest> {
        let sessions = self.active_sessions();
        let mut request = ServiceRequest::new(self.security.as_ref()?.ng_ksi(), kind, self.s_tmsi()?);
        request.pdu_session_status = Some(sessions);
        request.uplink_data_status = (!sessions.is_empty()).then_some(sessions);
        Some(request)
    }

    /// The request with cleartext elements only, the whole of it in a ciphered container (4.4.6).
    fn service_request(&mut self, paged: bool) -> Option<Vec<u8>> {
        let whole =
            self.whole_request(if paged { ServiceType::MobileTerminatedServices } else { ServiceType::Data })?;
        let context = self.security.as_mut()?;
        let bare = ServiceRequest::new(context.ng_ksi(), whole.service_type, whole.s_tmsi);
        let mut container = GmmMessage::from(whole).encode().ok()?;
        context.cipher_container(&mut container);
        let mut request = bare;
        request.nas_message_container = Some(container);
        let plain = GmmMessage::from(request).encode().ok()?;
        context.protect(&plain, SecurityHeaderType::IntegrityProtected).ok()
    }

    pub(super) fn handle_service_accept(&mut self, accept: &ServiceAccept) {
        if let Some(held) = accept.pdu_session_status {
            self.drop_sessions_but(held);
        }
        if self.is_running(Procedure::Service) {
            self.finish(Ok(()));
        }
    }

    pub(super) fn handle_service_reject(&mut self, reject: &ServiceReject) {
        if !self.is_running(Procedure::Service) {
            return;
        }
        if matches!(reject.cause, GmmCause::UeIdentityCannotBeDerived | GmmCause::ImplicitlyDeregistered) {
            self.state = State::Deregistered;
            self.drop_sessions();
            self.forget_identity();
        }
        self.finish(Err(Failure::Refused(reject.cause)));
    }
}
