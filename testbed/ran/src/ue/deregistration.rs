//! De-registration from either side (TS 24.501 5.5.2), seen from the UE.

use super::{Failure, Output, Procedure, State, Ue};
use nas::gmm::{
    DeregistrationAcceptUeTerminated, DeregistrationRequestUeOriginating, DeregistrationRequestUeTerminated,
};
use nas::ie::{AccessType, DeregistrationType, MobileIdentity, NgKsi};
use nas::{GmmMessage, SecurityHeaderType};

impl Ue {
    pub(super) fn deregister(&mut self, switch_off: bool) {
        let Some(guti) = self.guti.filter(|_| self.is_registered()) else {
            return self.finish(Err(Failure::State("not registered")));
        };
        let kind = DeregistrationType { switch_off, reregistration_required: false, access: AccessType::ThreeGpp };
        let ng_ksi = self.security.as_ref().map_or(NgKsi::NO_KEY, nas::SecurityContext::ng_ksi);
        let request = DeregistrationRequestUeOriginating::new(kind, ng_ksi, MobileIdentity::Guti(guti));
        if self.connected {
            self.send(request);
        } else {
            self.connect_with(request);
        }
        if switch_off {
            self.end_registration();
            self.finish(Ok(()));
        }
    }

    /// Sends a message that has cleartext elements only as the initial one of a connection.
    fn connect_with(&mut self, message: impl Into<GmmMessage>) {
        let s_tmsi = self.s_tmsi();
        let plain = message.into().encode().ok();
        let protect = SecurityHeaderType::IntegrityProtected;
        let nas = self.security.as_mut().zip(plain).and_then(|(context, plain)| context.protect(&plain, protect).ok());
        match nas {
            Some(nas) => {
                self.connected = true;
                self.outputs.push_back(Output::Connect { nas, s_tmsi, paged: false });
            }
            None => self.finish(Err(Failure::State("no security context"))),
        }
    }

    pub(super) fn handle_deregistration_accept(&mut self) {
        if self.is_running(Procedure::Deregistration) {
            self.end_registration();
            self.finish(Ok(()));
        }
    }

    pub(super) fn handle_network_deregistration(&mut self, request: &DeregistrationRequestUeTerminated) {
        self.send(DeregistrationAcceptUeTerminated::new());
        self.end_registration();
        if let Some(cause) = request.cause {
            self.finish(Err(Failure::Refused(cause)));
        } else {
            self.finish(Err(Failure::State("the network de-registered the UE")));
        }
        self.outputs.push_back(Output::DeregisteredByNetwork);
    }

    fn end_registration(&mut self) {
        self.state = State::Deregistered;
        self.drop_sessions();
    }
}
