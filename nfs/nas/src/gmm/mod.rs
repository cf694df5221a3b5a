//! 5GS mobility management messages (TS 24.501 8.2).

mod authentication;
mod configuration;
mod deregistration;
mod identification;
mod registration;
mod security_mode;
mod service;
mod status;
mod transport;

pub use authentication::{AuthenticationFailure, AuthenticationReject, AuthenticationRequest, AuthenticationResponse};
pub use configuration::{ConfigurationUpdateCommand, ConfigurationUpdateComplete};
pub use deregistration::{
    DeregistrationAcceptUeOriginating, DeregistrationAcceptUeTerminated, DeregistrationRequestUeOriginating,
    DeregistrationRequestUeTerminated,
};
pub use identification::{IdentityRequest, IdentityResponse};
pub use registration::{RegistrationAccept, RegistrationComplete, RegistrationReject, RegistrationRequest};
pub use security_mode::{SecurityModeCommand, SecurityModeComplete, SecurityModeReject};
pub use service::{ServiceAccept, ServiceReject, ServiceRequest};
pub use status::{GmmStatus, Notification, NotificationResponse};
pub use transport::{DlNasTransport, UlNasTransport};

use crate::message::messages;
use crate::{DecodeError, EPD_5GMM, EncodeError};

messages! {
    /// A plain 5GMM message.
    GmmMessage {
        RegistrationRequest, RegistrationAccept, RegistrationComplete, RegistrationReject,
        DeregistrationRequestUeOriginating, DeregistrationAcceptUeOriginating,
        DeregistrationRequestUeTerminated, DeregistrationAcceptUeTerminated,
        ServiceRequest, ServiceReject, ServiceAccept,
        ConfigurationUpdateCommand, ConfigurationUpdateComplete,
        AuthenticationRequest, AuthenticationResponse, AuthenticationReject, AuthenticationFailure,
        IdentityRequest, IdentityResponse,
        SecurityModeCommand, SecurityModeComplete, SecurityModeReject,
        GmmStatus, Notification, NotificationResponse,
        UlNasTransport, DlNasTransport,
    }
}

impl GmmMessage {
    /// From a plain 5GMM message, header included.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        match octets {
            [EPD_5GMM, header_type, message_type, rest @ ..] => match header_type & 0x0f {
                0 => Self::read(*message_type, rest),
                other => Err(DecodeError::SecurityHeaderType(other)),
            },
            [] | [EPD_5GMM, ..] => Err(DecodeError::TooShort),
            [other, ..] => Err(DecodeError::ProtocolDiscriminator(*other)),
        }
    }

    /// The plain message, header included.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::with_capacity(64);
        octets.extend([EPD_5GMM, 0, self.message_type()]);
        self.write(&mut octets)?;
        Ok(octets)
    }
}
