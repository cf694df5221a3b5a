//! Nudm: authentication data, subscription data and registrations (TS 29.503).

mod registration;
mod subscription;
mod vector;

pub use registration::{
    Amf3GppAccessRegistration, Amf3GppAccessRegistrationModification, DeregistrationData, DeregistrationReason,
    SmfRegistration,
};
pub use subscription::{
    AccessAndMobilitySubscriptionData, DnnConfiguration, DnnInfo, FrameRouteInfo, Nssai, PduSession, PduSessionTypes,
    SdmSubscription, SessionManagementSubscriptionData, SmDataQuery, SmfSelectionSubscriptionData, SnssaiInfo,
    SscModes, SubscribedDefaultQos, SubscriptionQuery, UeContextInSmfData, UpConfidentiality, UpIntegrity, UpSecurity,
};
pub use vector::{
    AuthEvent, AuthType, AuthenticationInfoRequest, AuthenticationInfoResult, AuthenticationVector, AvType,
    ResynchronizationInfo,
};
