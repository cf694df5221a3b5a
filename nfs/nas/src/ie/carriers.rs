//! Which element of ours travels in which carrier of the codec library.

use super::*;
use crate::message::CarriedBy;
use crate::{Algorithms, GmmCause, GsmCause};
use oxirush_nas::nas_5gs as oxi;

macro_rules! octets {
    ($($element:ty: $($carrier:ident)+;)*) => {$($(
        impl CarriedBy<oxi::$carrier> for $element {
            fn from_carrier(carrier: &oxi::$carrier) -> Option<Self> {
                <$element as Element>::decode(&carrier.value)
            }

            fn to_carrier(&self) -> oxi::$carrier {
                oxi::$carrier::new(Element::encode(self))
            }
        }
    )+)*};
}

macro_rules! octet {
    ($($element:ty: $($carrier:ident)+;)*) => {$($(
        impl CarriedBy<oxi::$carrier> for $element {
            fn from_carrier(carrier: &oxi::$carrier) -> Option<Self> {
                <$element as Octet>::from_octet(carrier.value)
            }

            fn to_carrier(&self) -> oxi::$carrier {
                oxi::$carrier::new(Octet::to_octet(self))
            }
        }
    )+)*};
}

octets! {
    MobileIdentity: NasFGsMobileIdentity;
    Guti: NasFGsMobileIdentity;
    Imeisv: NasFGsMobileIdentity;
    STmsi: NasFGsMobileIdentity;
    Nssai: NasNssai;
    SNssai: NasSNssai;
    RejectedNssai: NasRejectedNssai;
    Tai: NasFGsTrackingAreaIdentity;
    TaiList: NasFGsTrackingAreaIdentityList;
    UeSecurityCapability: NasUeSecurityCapability;
    NetworkFeatureSupport: NasFGsNetworkFeatureSupport;
    RegistrationResult: NasFGsRegistrationResult;
    PduSessions: NasUplinkDataStatus NasPduSessionStatus NasAllowedPduSessionStatus NasPduSessionReactivationResult;
    PduSessionCauses: NasPduSessionReactivationResultErrorCause;
    GprsTimer2: NasGprsTimer2;
    GprsTimer3: NasGprsTimer3 NasT3512Value;
    UniversalTime: NasTimeZoneAndTime;
    DaylightSaving: NasDaylightSavingTime;
    AdditionalSecurityInformation: NasAdditional5gSecurityInformation;
    Dnn: NasDnn;
    PduAddress: NasPduAddress;
    SessionAmbr: NasSessionAmbr;
    QosRules: NasQosRules;
    QosFlows: NasQosFlowDescriptions;
    EpcoRequest: NasExtendedProtocolConfigurationOptions;
    EpcoAnswer: NasExtendedProtocolConfigurationOptions;
    Vec<u8>: NasFGmmCapability NasS1UeNetworkCapability NasUeStatus NasUeUsageSetting NasFGsDrxParameters
        NasFGsUpdateType NasMessageContainer NasSorTransparentContainer NasAbba NasPayloadContainer
        NasAdditionalInformation NasFGsmCapability NasSmPduDnRequestContainer;
    [u8; 16]: NasAuthenticationParameterRand NasAuthenticationParameterAutn NasAuthenticationResponseParameter;
    [u8; 14]: NasAuthenticationFailureParameter;
}

octet! {
    RegistrationType: NasFGsRegistrationType;
    DeregistrationType: NasDeRegistrationType;
    NgKsi: NasKeySetIdentifier;
    ServiceType: NasServiceType;
    IdentityType: NasFGsIdentityType;
    AccessType: NasAccessType;
    PayloadContainerType: NasPayloadContainerType;
    RequestType: NasRequestType;
    ImeisvRequest: NasImeisvRequest;
    ConfigurationUpdateIndication: NasConfigurationUpdateIndication;
    TimeZone: NasTimeZone;
    PduSessionType: NasPduSessionType;
    SscMode: NasSscMode;
    Algorithms: NasSecurityAlgorithms;
    GmmCause: NasFGmmCause;
    GsmCause: NasFGsmCause;
    u8: NasPduSessionIdentity2 NasAlwaysOnPduSessionRequested NasAlwaysOnPduSessionIndication NasAllowedSscMode;
}

impl CarriedBy<oxi::NasIntegrityProtectionMaximumDataRate> for IntegrityMaximumDataRate {
    fn from_carrier(carrier: &oxi::NasIntegrityProtectionMaximumDataRate) -> Option<Self> {
        let [uplink, downlink] = carrier.value.to_be_bytes();
        Some(Self { uplink, downlink })
    }

    fn to_carrier(&self) -> oxi::NasIntegrityProtectionMaximumDataRate {
        oxi::NasIntegrityProtectionMaximumDataRate::new(u16::from_be_bytes([self.uplink, self.downlink]))
    }
}

impl Element for Vec<u8> {
    fn decode(octets: &[u8]) -> Option<Self> {
        Some(octets.to_vec())
    }

    fn encode(&self) -> Vec<u8> {
        self.clone()
    }
}

impl<const N: usize> Element for [u8; N] {
    fn decode(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok()
    }

    fn encode(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Octet for u8 {
    fn from_octet(octet: u8) -> Option<Self> {
        Some(octet)
    }

    fn to_octet(&self) -> u8 {
        *self
    }
}
