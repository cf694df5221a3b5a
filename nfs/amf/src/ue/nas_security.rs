//! Which NAS messages are taken, in which protection (TS 24.501 4.4.4).

use nas::{DecodeError, Envelope, GmmMessage, Protected, SecurityHeaderType};

use super::context::UeContext;
use super::event::Opened;

/// Why a NAS PDU is not acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// Without protection where it is needed, forged, replayed, or not a NAS message at all: silence.
    Silently(&'static str),
    /// Ciphered with keys that the UE has kept and we have not: it goes on doing so until it is told.
    WithoutKeys,
    /// Trustworthy or allowed to be plain, but not understood: its sender is told.
    NotUnderstood(DecodeError),
}

impl UeContext {
    /// Opens a NAS PDU that came on the UE's connection.
    pub(crate) fn open_nas(&mut self, pdu: &[u8]) -> Result<Opened, Discarded> {
        let secure = self.signalling.as_ref().is_some_and(|signalling| signalling.secure);
        match Envelope::open(pdu).map_err(|_| Discarded::Silently("not a NAS message"))? {
            Envelope::Plain(_) if secure => Err(Discarded::Silently("plain after secure exchange was established")),
            Envelope::Plain(octets) => plain(octets),
            Envelope::Protected(protected) => match self.unprotect(&protected) {
                Ok(opened) => Ok(opened),
                Err(Discarded::Silently(_)) if !secure && !protected.header_type.is_ciphered() => {
                    // No key of ours verifies it: it counts as plain.
                    plain(protected.message())
                }
                Err(Discarded::Silently(_)) if self.security.is_none() => null_ciphered(protected.message()),
                Err(error) => Err(error),
            },
        }
    }

    /// Opens a protected PDU with the UE's keys; what does not verify changes nothing.
    pub(crate) fn unprotect(&mut self, protected: &Protected<'_>) -> Result<Opened, Discarded> {
        let security = self.security.as_mut().ok_or(Discarded::Silently("no security context"))?;
        let plain = security.nas.unprotect(protected).map_err(|_| Discarded::Silently("not verified"))?;
        let message = GmmMessage::decode(&plain.octets).map_err(Discarded::NotUnderstood)?;
        let new_context = SecurityHeaderType::IntegrityProtectedAndCipheredWithNewContext;
        if (plain.header_type == new_context) != matches!(message, GmmMessage::SecurityModeComplete(_)) {
            return Err(Discarded::Silently("security header type does not go with the message"));
        }
        Ok(Opened { message, octets: plain.octets, verified: Some(plain.count) })
    }
}

/// Takes an identity that was ciphered with the null algorithm; what was ciphered with another is not readable.
fn null_ciphered(octets: &[u8]) -> Result<Opened, Discarded> {
    match GmmMessage::decode(octets) {
        Ok(message @ GmmMessage::IdentityResponse(_)) => {
            Ok(Opened { message, octets: octets.to_vec(), verified: None })
        }
        _ => Err(Discarded::WithoutKeys),
    }
}

/// Takes what may be plain (4.4.4.3), and SERVICE REQUEST to be answered with a reject.
fn plain(octets: &[u8]) -> Result<Opened, Discarded> {
    let message = GmmMessage::decode(octets).map_err(Discarded::NotUnderstood)?;
    let allowed = matches!(
        message,
        GmmMessage::RegistrationRequest(_)
            | GmmMessage::IdentityResponse(_)
            | GmmMessage::AuthenticationResponse(_)
            | GmmMessage::AuthenticationFailure(_)
            | GmmMessage::SecurityModeReject(_)
            | GmmMessage::DeregistrationRequestUeOriginating(_)
            | GmmMessage::DeregistrationAcceptUeTerminated(_)
            | GmmMessage::ServiceRequest(_)
    );
    match allowed {
        true => Ok(Opened { message, octets: octets.to_vec(), verified: None }),
        false => Err(Discarded::Silently("plain, and may not be")),
    }
}

/// Verifies an initial message against a context that the UE claims as its own.
pub(crate) fn proves(context: &mut UeContext, pdu: &[u8]) -> Option<Opened> {
    match Envelope::open(pdu) {
        Ok(Envelope::Protected(protected)) => context.unprotect(&protected).ok(),
        _ => None,
    }
}
