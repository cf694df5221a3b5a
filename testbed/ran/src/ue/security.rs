//! Security mode control (TS 24.501 5.4.2), seen from the UE.

use super::{Failure, Ue};
use aka::Kamf;
use nas::gmm::{SecurityModeCommand, SecurityModeComplete, SecurityModeReject};
use nas::ie::{Imeisv, ImeisvRequest, NgKsi};
use nas::{GmmCause, GmmMessage, IntegrityAlgorithm, NasKeys, Protected, SecurityContext, SecurityHeaderType, Side};

impl Ue {
    /// SECURITY MODE COMMAND comes integrity protected with the context it takes into use, not ciphered.
    pub(super) fn handle_security_mode(&mut self, protected: &Protected<'_>) {
        let Ok(GmmMessage::SecurityModeCommand(command)) = GmmMessage::decode(protected.message()) else { return };
        let Some(mut context) = self.context_for(&command) else {
            return tracing::debug!(imsi = self.imsi, "security mode command for unknown keys");
        };
        if context.unprotect(protected).is_err() {
            return tracing::debug!(imsi = self.imsi, "security mode command does not verify");
        }
        if let Err(why) = self.check(&command) {
            self.send(SecurityModeReject::new(GmmCause::UeSecurityCapabilitiesMismatch));
            return self.finish(Err(Failure::SecurityMode(why)));
        }
        if let Some(new) = self.new_kamf.take_if(|(ng_ksi, _)| *ng_ksi == command.ng_ksi) {
            self.kamf = Some(new);
        }
        (self.security, self.secure) = (Some(context), true);
        self.complete(&command);
    }

    /// The context the command means: of a new authentication, or the current keys with maybe other algorithms.
    fn context_for(&self, command: &SecurityModeCommand) -> Option<SecurityContext> {
        let of = |keys: &Option<(NgKsi, Kamf)>| {
            keys.as_ref().filter(|(ng_ksi, _)| *ng_ksi == command.ng_ksi).map(|(_, kamf)| kamf.clone())
        };
        let new = of(&self.new_kamf);
        let is_new = new.is_some();
        let kamf = new.or_else(|| of(&self.kamf))?;
        let integrity = kamf.nas_integrity_key(command.algorithms.integrity.identity()).ok()?;
        let ciphering = kamf.nas_ciphering_key(command.algorithms.ciphering.identity()).ok()?;
        let keys = NasKeys::new(integrity.as_octets(), ciphering.as_octets());
        let context = SecurityContext::new(Side::Ue, command.ng_ksi, command.algorithms, keys);
        match &self.security {
            Some(current) if !is_new => Some(context.with_counts(current.next_sent(), current.next_received())),
            _ => Some(context),
        }
    }

    fn check(&self, command: &SecurityModeCommand) -> Result<(), &'static str> {
        let capability = &self.profile.capability;
        if command.replayed_security_capability != *capability {
            return Err("the replayed security capability is not the one sent");
        }
        if command.algorithms.integrity == IntegrityAlgorithm::Nia0 {
            return Err("NIA0 outside an emergency");
        }
        let known = capability.supports_integrity(command.algorithms.integrity)
            && capability.supports_ciphering(command.algorithms.ciphering);
        if known { Ok(()) } else { Err("an algorithm the UE does not have") }
    }

    /// SECURITY MODE COMPLETE, with the whole initial message where it was asked for or was not sent protected.
    fn complete(&mut self, command: &SecurityModeCommand) {
        let mut complete = SecurityModeComplete::new();
        if command.imeisv_request == Some(ImeisvRequest::Requested) {
            complete.imeisv = Some(Imeisv(self.imeisv.clone()));
        }
        if !self.is_registered() {
            complete.nas_message_container = self.whole_registration_request();
        }
        self.send_as(complete, SecurityHeaderType::IntegrityProtectedAndCipheredWithNewContext);
    }
}
