//! Primary authentication (TS 24.501 5.4.1.3), seen from the UE.

use super::{Failure, Ue};
use aka::{Autn, AutnError, Rand, UsimAnswer, serving_network_name};
use nas::GmmCause;
use nas::gmm::{AuthenticationFailure, AuthenticationRequest, AuthenticationResponse};

impl Ue {
    pub(super) fn handle_authentication_request(&mut self, request: &AuthenticationRequest) {
        let (Some(rand), Some(autn)) = (request.rand, request.autn) else {
            return self.send_plain(AuthenticationFailure::new(GmmCause::InvalidMandatoryInformation));
        };
        let in_use = self.security.as_ref().is_some_and(|context| context.ng_ksi() == request.ng_ksi);
        if in_use && self.is_registered() {
            return self.send_plain(AuthenticationFailure::new(GmmCause::NgKsiAlreadyInUse));
        }
        let network = serving_network_name(&self.profile.plmn.mcc(), &self.profile.plmn.mnc());
        match self.usim.authenticate(&Rand::new(rand), &Autn::new(autn), &network) {
            Ok(answer) => self.answer(request, &answer, &network),
            Err(AutnError::SynchFailure { auts }) => {
                let mut failure = AuthenticationFailure::new(GmmCause::SynchFailure);
                failure.auts = Some(*auts.as_octets());
                self.send_plain(failure);
            }
            Err(AutnError::SeparationBit) => {
                self.send_plain(AuthenticationFailure::new(GmmCause::NonFiveGAuthenticationUnacceptable));
            }
            Err(AutnError::MacFailure | AutnError::ServingNetwork) => {
                self.send_plain(AuthenticationFailure::new(GmmCause::MacFailure));
                self.finish(Err(Failure::NetworkNotAuthentic));
            }
        }
    }

    /// Keeps the new KAMF aside until SECURITY MODE COMMAND takes it into use, and sends RES*.
    fn answer(&mut self, request: &AuthenticationRequest, answer: &UsimAnswer, network: &str) {
        let kamf = answer.kausf.kseaf(network).and_then(|kseaf| kseaf.kamf(&self.imsi, &request.abba));
        let Ok(kamf) = kamf else {
            return self.send_plain(AuthenticationFailure::new(GmmCause::InvalidMandatoryInformation));
        };
        self.new_kamf = Some((request.ng_ksi, kamf));
        let mut response = AuthenticationResponse::new();
        response.res_star = Some(*answer.res_star.as_octets());
        self.send_plain(response);
    }

    pub(super) fn handle_authentication_reject(&mut self) {
        self.forget_identity();
        self.finish(Err(Failure::AuthenticationRejected));
    }

    /// Authentication answers are protected only on a connection where security is already on.
    fn send_plain(&mut self, message: impl Into<nas::GmmMessage>) {
        if self.is_registered() && self.security.is_some() {
            return self.send(message);
        }
        match message.into().encode() {
            Ok(plain) => self.outputs.push_back(super::Output::Transmit(plain)),
            Err(error) => tracing::warn!(imsi = self.imsi, %error, "cannot be encoded"),
        }
    }
}
