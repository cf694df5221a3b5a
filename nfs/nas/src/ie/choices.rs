//! Elements that are a choice or a few flags in one octet.

use super::{Element, Octet};

/// An enum over some bits of an octet, with what a receiver takes a reserved value for.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident: bits $mask:literal, otherwise $otherwise:expr => {
            $($(#[$vdoc:meta])* $variant:ident = $value:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl Octet for $name {
            fn from_octet(octet: u8) -> Option<Self> {
                match octet & $mask {
                    $($value => Some(Self::$variant),)*
                    _ => $otherwise,
                }
            }

            fn to_octet(&self) -> u8 {
                match self { $(Self::$variant => $value,)* }
            }
        }
    };
}

choice! {
    /// 5GS registration type value (TS 24.501 9.11.3.7).
    RegistrationKind: bits 0x07, otherwise Some(Self::Initial) => {
        /// The UE is not registered.
        Initial = 1,
        /// It moved or its needs changed.
        MobilityUpdating = 2,
        /// It shows that it is still there.
        PeriodicUpdating = 3,
        /// For emergency services only.
        Emergency = 4,
    }
}

choice! {
    /// Service type (TS 24.501 9.11.3.50).
    ServiceType: bits 0x0f, otherwise Some(Self::Data) => {
        /// Signalling only.
        Signalling = 0,
        /// Uplink data waits.
        Data = 1,
        /// An answer to paging.
        MobileTerminatedServices = 2,
        /// Emergency services.
        EmergencyServices = 3,
        /// Emergency services fallback.
        EmergencyServicesFallback = 4,
        /// High priority access.
        HighPriorityAccess = 5,
        /// Elevated signalling.
        ElevatedSignalling = 6,
    }
}

choice! {
    /// 5GS identity type (TS 24.501 9.11.3.3).
    IdentityType: bits 0x07, otherwise Some(Self::Suci) => {
        /// The concealed subscription identifier.
        Suci = 1,
        /// The temporary identity.
        Guti = 2,
        /// The equipment.
        Imei = 3,
        /// The short temporary identity.
        STmsi = 4,
        /// The equipment with its software version.
        Imeisv = 5,
        /// MAC address.
        MacAddress = 6,
        /// EUI-64.
        Eui64 = 7,
    }
}

choice! {
    /// Access type (TS 24.501 9.11.2.1A).
    AccessType: bits 0x03, otherwise None => {
        /// 3GPP access.
        ThreeGpp = 1,
        /// Non-3GPP access.
        Non3Gpp = 2,
        /// Both.
        Both = 3,
    }
}

choice! {
    /// Payload container type (TS 24.501 9.11.3.40).
    PayloadContainerType: bits 0x0f, otherwise None => {
        /// A 5GSM message.
        N1SmInformation = 1,
        /// A short message.
        Sms = 2,
        /// A positioning message.
        Lpp = 3,
        /// Steering of roaming.
        Sor = 4,
        /// UE policy.
        UePolicy = 5,
        /// UE parameters update.
        UeParametersUpdate = 6,
        /// Location services.
        LocationServices = 7,
        /// User data over the control plane.
        CiotUserData = 8,
        /// Service level authentication.
        ServiceLevelAa = 9,
        /// Event notification.
        EventNotification = 10,
        /// Several payloads.
        Multiple = 15,
    }
}

choice! {
    /// Request type (TS 24.501 9.11.3.47).
    RequestType: bits 0x07, otherwise None => {
        /// A new session.
        Initial = 1,
        /// A session that exists elsewhere.
        Existing = 2,
        /// A new emergency session.
        InitialEmergency = 3,
        /// An emergency session that exists elsewhere.
        ExistingEmergency = 4,
        /// A change.
        Modification = 5,
        /// A multi-access session.
        MaPduSession = 6,
    }
}

choice! {
    /// SSC mode (TS 24.501 9.11.4.16).
    SscMode: bits 0x07, otherwise Some(Self::Mode1) => {
        /// The anchor stays.
        Mode1 = 1,
        /// Released, then made anew.
        Mode2 = 2,
        /// Made anew, then released.
        Mode3 = 3,
    }
}

choice! {
    /// IMEISV request (TS 24.008 10.5.5.10).
    ImeisvRequest: bits 0x07, otherwise Some(Self::NotRequested) => {
        /// Not wanted.
        NotRequested = 0,
        /// Wanted.
        Requested = 1,
    }
}

/// 5GS registration type: the kind and the follow-on request bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationType {
    /// What kind.
    pub kind: RegistrationKind,
    /// The UE wants to go on using the connection.
    pub follow_on_request: bool,
}

impl Octet for RegistrationType {
    fn from_octet(octet: u8) -> Option<Self> {
        RegistrationKind::from_octet(octet).map(|kind| Self { kind, follow_on_request: octet & 0x08 != 0 })
    }

    fn to_octet(&self) -> u8 {
        self.kind.to_octet() | u8::from(self.follow_on_request) << 3
    }
}

/// De-registration type (TS 24.501 9.11.3.20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeregistrationType {
    /// The UE is being switched off: no answer.
    pub switch_off: bool,
    /// The network asks for a new registration.
    pub reregistration_required: bool,
    /// For which access.
    pub access: AccessType,
}

impl Octet for DeregistrationType {
    fn from_octet(octet: u8) -> Option<Self> {
        AccessType::from_octet(octet).map(|access| Self {
            switch_off: octet & 0x08 != 0,
            reregistration_required: octet & 0x04 != 0,
            access,
        })
    }

    fn to_octet(&self) -> u8 {
        u8::from(self.switch_off) << 3 | u8::from(self.reregistration_required) << 2 | self.access.to_octet()
    }
}

/// NAS key set identifier (TS 24.501 9.11.3.32): 0 to 6, or 7 for no key; mapped from EPS or native.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NgKsi(u8);

impl NgKsi {
    /// No key is available.
    pub const NO_KEY: Self = Self(7);

    /// A native key set, 0 to 6.
    pub const fn native(value: u8) -> Option<Self> {
        if value < 7 { Some(Self(value)) } else { None }
    }

    /// The identifier without its flag, 0 to 7.
    pub const fn value(self) -> u8 {
        self.0 & 0x07
    }

    /// Whether the security context is mapped from EPS.
    pub const fn is_mapped(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Another native key set, for a new authentication while this one is in use.
    pub const fn next_native(self) -> Self {
        match self.value() {
            value @ 0..6 => Self(value + 1),
            _ => Self(0),
        }
        .without_no_key()
    }

    const fn without_no_key(self) -> Self {
        if self.0 == 7 { Self(0) } else { self }
    }
}

impl Octet for NgKsi {
    fn from_octet(octet: u8) -> Option<Self> {
        Some(Self(octet & 0x0f))
    }

    fn to_octet(&self) -> u8 {
        self.0
    }
}

/// 5GS registration result (TS 24.501 9.11.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationResult {
    /// Where the UE is registered.
    pub access: AccessType,
    /// SMS over NAS is allowed.
    pub sms_allowed: bool,
}

impl Element for RegistrationResult {
    fn decode(octets: &[u8]) -> Option<Self> {
        let octet = octets.first()?;
        // Reserved values are taken as 3GPP access.
        let access = AccessType::from_octet(octet & 0x07).unwrap_or(AccessType::ThreeGpp);
        Some(Self { access, sms_allowed: octet & 0x08 != 0 })
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.access.to_octet() | u8::from(self.sms_allowed) << 3]
    }
}

/// Additional 5G security information (TS 24.501 9.11.3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdditionalSecurityInformation {
    /// The whole initial message is to be sent again in SECURITY MODE COMPLETE.
    pub retransmit_initial_message: bool,
    /// KAMF was derived anew.
    pub horizontal_derivation: bool,
}

impl Element for AdditionalSecurityInformation {
    fn decode(octets: &[u8]) -> Option<Self> {
        let octet = octets.first()?;
        Some(Self { retransmit_initial_message: octet & 0x02 != 0, horizontal_derivation: octet & 0x01 != 0 })
    }

    fn encode(&self) -> Vec<u8> {
        vec![u8::from(self.retransmit_initial_message) << 1 | u8::from(self.horizontal_derivation)]
    }
}

/// Configuration update indication (TS 24.501 9.11.3.18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfigurationUpdateIndication {
    /// CONFIGURATION UPDATE COMPLETE is expected.
    pub acknowledgement_requested: bool,
    /// The UE is to register again.
    pub registration_requested: bool,
}

impl Octet for ConfigurationUpdateIndication {
    fn from_octet(octet: u8) -> Option<Self> {
        Some(Self { acknowledgement_requested: octet & 0x01 != 0, registration_requested: octet & 0x02 != 0 })
    }

    fn to_octet(&self) -> u8 {
        u8::from(self.acknowledgement_requested) | u8::from(self.registration_requested) << 1
    }
}

/// Integrity protection maximum data rate (TS 24.501 9.11.4.7): each 0 (64 kbit/s) or 255 (full).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegrityMaximumDataRate {
    /// Uplink.
    pub uplink: u8,
    /// Downlink.
    pub downlink: u8,
}

impl IntegrityMaximumDataRate {
    /// Full data rate both ways.
    pub const FULL: Self = Self { uplink: 0xff, downlink: 0xff };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_key_set_is_never_the_same_nor_no_key() {
        for value in 0..=7 {
            let next = NgKsi(value).next_native();
            assert!(next != NgKsi(value) && next.value() < 7, "{value}");
        }
    }

    #[test]
    fn a_reserved_registration_type_is_initial() {
        let read = RegistrationType::from_octet(0x0f);
        assert_eq!(read, Some(RegistrationType { kind: RegistrationKind::Initial, follow_on_request: true }));
    }
}
