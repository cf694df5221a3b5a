//! Registration (TS 24.501 5.5.1.2), identification (5.4.3) and configuration update (5.4.4), seen from the UE.

use super::{Failure, Output, Procedure, State, Ue};
use nas::gmm::{
    ConfigurationUpdateCommand, ConfigurationUpdateComplete, IdentityRequest, IdentityResponse, RegistrationAccept,
    RegistrationComplete, RegistrationReject, RegistrationRequest,
};
use nas::ie::{Element, IdentityType, MobileIdentity, NgKsi, Nssai, RegistrationKind, RegistrationType};
use nas::{GmmMessage, SecurityHeaderType};

impl Ue {
    /// Makes the SUCI of the next registration now.
    pub fn prepare(&mut self) {
        if self.prepared_suci.is_none() {
            self.prepared_suci = self.conceal();
        }
    }

    pub(super) fn register(&mut self) {
        if self.is_registered() {
            return self.finish(Err(Failure::State("already registered")));
        }
        if self.connected {
            // The network is about to release the connection of the de-registration before.
            self.waiting_to_register = true;
        } else {
            self.send_registration_request();
        }
    }

    pub(super) fn send_registration_request(&mut self) {
        let Some(request) = self.registration_request() else {
            return self.finish(Err(Failure::State("the IMSI cannot be concealed")));
        };
        let s_tmsi = self.s_tmsi();
        let nas = match self.security.is_some() && s_tmsi.is_some() {
            true => self.protected_initial(request),
            false => GmmMessage::from(request).encode().ok(),
        };
        match nas {
            Some(nas) => {
                self.connected = true;
                self.outputs.push_back(Output::Connect { nas, s_tmsi, paged: false });
            }
            None => self.finish(Err(Failure::State("the registration request cannot be encoded"))),
        }
    }

    /// The request with its cleartext elements only (4.4.6).
    fn registration_request(&mut self) -> Option<RegistrationRequest> {
        let identity = match (self.guti, &self.security) {
            (Some(guti), _) => MobileIdentity::Guti(guti),
            (None, _) => MobileIdentity::decode(&self.take_suci()?)?,
        };
        let kind = RegistrationType { kind: RegistrationKind::Initial, follow_on_request: true };
        let ng_ksi = self.security.as_ref().map_or(NgKsi::NO_KEY, nas::SecurityContext::ng_ksi);
        let mut request = RegistrationRequest::new(kind, ng_ksi, identity);
        request.security_capability = Some(self.profile.capability.clone());
        Some(request)
    }

    /// The request with everything in it, which only travels ciphered.
    pub(super) fn whole_registration_request(&mut self) -> Option<Vec<u8>> {
        let mut request = self.registration_request()?;
        if !self.profile.requested_slices.is_empty() {
            request.requested_nssai = Some(Nssai(self.profile.requested_slices.clone()));
        }
        GmmMessage::from(request).encode().ok()
    }

    /// An initial message under the security context, the whole of it in a ciphered container.
    fn protected_initial(&mut self, mut request: RegistrationRequest) -> Option<Vec<u8>> {
        let mut whole = self.whole_registration_request()?;
        let context = self.security.as_mut()?;
        context.cipher_container(&mut whole);
        request.nas_message_container = Some(whole);
        let plain = GmmMessage::from(request).encode().ok()?;
        context.protect(&plain, SecurityHeaderType::IntegrityProtected).ok()
    }

    fn take_suci(&mut self) -> Option<Vec<u8>> {
        self.prepared_suci.clone().or_else(|| {
            self.prepared_suci = self.conceal();
            self.prepared_suci.clone()
        })
    }

    fn conceal(&self) -> Option<Vec<u8>> {
        let (mcc, rest) = self.imsi.split_at_checked(3)?;
        let (mnc, msin) = rest.split_at_checked(self.profile.plmn.mnc().len())?;
        aka::suci::conceal_imsi(mcc, mnc, msin, &self.profile.routing_indicator, &self.concealment).ok()
    }

    pub(super) fn handle_identity_request(&mut self, request: &IdentityRequest) {
        let identity = match request.identity_type {
            IdentityType::Suci => self.take_suci().and_then(|suci| MobileIdentity::decode(&suci)),
            IdentityType::Guti => self.guti.map(MobileIdentity::Guti),
            IdentityType::STmsi => self.s_tmsi().map(MobileIdentity::STmsi),
            IdentityType::Imeisv => Some(MobileIdentity::Imeisv(self.imeisv.clone())),
            IdentityType::Imei | IdentityType::MacAddress | IdentityType::Eui64 => None,
        };
        self.send(IdentityResponse::new(identity.unwrap_or(MobileIdentity::NoIdentity)));
    }

    pub(super) fn handle_registration_accept(&mut self, accept: RegistrationAccept) {
        if !self.is_running(Procedure::Registration) {
            return;
        }
        self.state = State::Registered;
        // A SUCI is used for one registration only.
        self.prepared_suci = None;
        if accept.guti.is_some() {
            self.guti = accept.guti;
            self.send(RegistrationComplete::new());
        }
        self.finish(Ok(()));
    }

    pub(super) fn handle_registration_reject(&mut self, reject: &RegistrationReject) {
        if !self.is_running(Procedure::Registration) {
            return;
        }
        self.forget_identity();
        self.prepared_suci = None;
        self.finish(Err(Failure::Refused(reject.cause)));
    }

    pub(super) fn handle_configuration_update(&mut self, command: &ConfigurationUpdateCommand) {
        if let Some(guti) = command.guti {
            self.guti = Some(guti);
        }
        if command.indication.is_some_and(|indication| indication.acknowledgement_requested) {
            self.send(ConfigurationUpdateComplete::new());
        }
    }
}
