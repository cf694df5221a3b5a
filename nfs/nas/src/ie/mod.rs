//! Information elements (TS 24.501 clause 9, TS 24.008 clause 10.5).

mod address;
mod ambr;
mod area;
mod capability;
mod carriers;
mod choices;
mod clock;
mod dnn;
mod epco;
mod identity;
mod name;
mod nssai;
mod plmn;
mod ppp;
mod qos_flow;
mod qos_rule;
mod session_status;
mod timer;

pub use address::{PduAddress, PduSessionType};
pub use ambr::SessionAmbr;
pub use area::{Tai, TaiList};
pub use capability::{NetworkFeatureSupport, UeSecurityCapability};
pub use choices::{
    AccessType, AdditionalSecurityInformation, ConfigurationUpdateIndication, DeregistrationType, IdentityType,
    ImeisvRequest, IntegrityMaximumDataRate, NgKsi, PayloadContainerType, RegistrationKind, RegistrationResult,
    RegistrationType, RequestType, ServiceType, SscMode,
};
pub use clock::{DaylightSaving, TimeZone, UniversalTime};
pub use dnn::Dnn;
pub use epco::{EpcoAnswer, EpcoRequest, EpcoUnit, SessionOptions};
pub use identity::{Guti, Imeisv, MobileIdentity, STmsi, Suci};
pub use name::NetworkName;
pub use nssai::{Nssai, RejectedNssai, RejectionReason, SNssai};
pub use plmn::Plmn;
pub use qos_flow::{QosFlow, QosFlowOperation, QosFlows, QosParameter};
pub use qos_rule::{FilterComponent, FilterDirection, PacketFilter, QosRule, QosRuleOperation, QosRules};
pub use session_status::{PduSessionCauses, PduSessions};
pub use timer::{GprsTimer2, GprsTimer3};

/// An element whose value is some octets.
pub trait Element: Sized {
    /// From the value's octets, without identifier and length. `None` if it is syntactically incorrect.
    fn decode(octets: &[u8]) -> Option<Self>;

    /// The value's octets.
    fn encode(&self) -> Vec<u8>;
}

/// An element whose value is one octet or half an octet.
pub trait Octet: Sized {
    /// From the value. `None` if the element cannot have it.
    fn from_octet(octet: u8) -> Option<Self>;

    /// The value.
    fn to_octet(&self) -> u8;
}
