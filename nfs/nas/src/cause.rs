//! 5GMM causes (TS 24.501 9.11.3.2) and 5GSM causes (9.11.4.2).

macro_rules! causes {
    ($(#[$doc:meta])* $name:ident, other $other:literal { $($value:literal $variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("#", stringify!($value), ": ", $text, ".")] $variant,)*
            /// A value this release does not define.
            Other(u8),
        }

        impl $name {
            /// The number on the wire.
            pub const fn value(self) -> u8 {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(value) => value,
                }
            }

            /// From the number on the wire.
            pub const fn from_value(value: u8) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(concat!("#", stringify!($value), " ", $text)),)*
                    Self::Other(value) => write!(f, concat!("#{} ", $other), value),
                }
            }
        }

        impl crate::ie::Octet for $name {
            fn from_octet(octet: u8) -> Option<Self> {
                Some(Self::from_value(octet))
            }

            fn to_octet(&self) -> u8 {
                self.value()
            }
        }
    };
}

causes! {
    /// Why the network or the UE refuses a mobility management procedure.
    GmmCause, other "(unknown 5GMM cause)" {
        3 IllegalUe "illegal UE",
        5 PeiNotAccepted "PEI not accepted",
        6 IllegalMe "illegal ME",
        7 FiveGsServicesNotAllowed "5GS services not allowed",
        9 UeIdentityCannotBeDerived "UE identity cannot be derived by the network",
        10 ImplicitlyDeregistered "implicitly de-registered",
        11 PlmnNotAllowed "PLMN not allowed",
        12 TrackingAreaNotAllowed "tracking area not allowed",
        13 RoamingNotAllowedInTrackingArea "roaming not allowed in this tracking area",
        15 NoSuitableCells "no suitable cells in tracking area",
        20 MacFailure "MAC failure",
        21 SynchFailure "synch failure",
        22 Congestion "congestion",
        23 UeSecurityCapabilitiesMismatch "UE security capabilities mismatch",
        24 SecurityModeRejected "security mode rejected, unspecified",
        26 NonFiveGAuthenticationUnacceptable "non-5G authentication unacceptable",
        27 N1ModeNotAllowed "N1 mode not allowed",
        28 RestrictedServiceArea "restricted service area",
        31 RedirectionToEpcRequired "redirection to EPC required",
        43 LadnNotAvailable "LADN not available",
        62 NoNetworkSlicesAvailable "no network slices available",
        65 MaximumPduSessionsReached "maximum number of PDU sessions reached",
        67 InsufficientResourcesForSliceAndDnn "insufficient resources for specific slice and DNN",
        69 InsufficientResourcesForSlice "insufficient resources for specific slice",
        71 NgKsiAlreadyInUse "ngKSI already in use",
        72 Non3GppAccessNotAllowed "non-3GPP access to 5GCN not allowed",
        73 ServingNetworkNotAuthorized "serving network not authorized",
        76 NotAuthorizedForCag "not authorized for this CAG or authorized for CAG cells only",
        90 PayloadNotForwarded "payload was not forwarded",
        91 DnnNotSupportedOrSubscribed "DNN not supported or not subscribed in the slice",
        92 InsufficientUserPlaneResources "insufficient user-plane resources for the PDU session",
        95 SemanticallyIncorrectMessage "semantically incorrect message",
        96 InvalidMandatoryInformation "invalid mandatory information",
        97 MessageTypeNonExistent "message type non-existent or not implemented",
        98 MessageTypeNotCompatible "message type not compatible with the protocol state",
        99 InformationElementNonExistent "information element non-existent or not implemented",
        100 ConditionalIeError "conditional IE error",
        101 MessageNotCompatible "message not compatible with the protocol state",
        111 ProtocolErrorUnspecified "protocol error, unspecified",
    }
}

causes! {
    /// Why the network or the UE refuses or ends a session management procedure.
    GsmCause, other "(unknown 5GSM cause)" {
        8 OperatorDeterminedBarring "operator determined barring",
        26 InsufficientResources "insufficient resources",
        27 MissingOrUnknownDnn "missing or unknown DNN",
        28 UnknownPduSessionType "unknown PDU session type",
        29 UserAuthenticationFailed "user authentication or authorization failed",
        31 RequestRejectedUnspecified "request rejected, unspecified",
        32 ServiceOptionNotSupported "service option not supported",
        33 ServiceOptionNotSubscribed "requested service option not subscribed",
        35 PtiAlreadyInUse "PTI already in use",
        36 RegularDeactivation "regular deactivation",
        38 NetworkFailure "network failure",
        39 ReactivationRequested "reactivation requested",
        41 SemanticErrorInTft "semantic error in the TFT operation",
        42 SyntacticalErrorInTft "syntactical error in the TFT operation",
        43 InvalidPduSessionIdentity "invalid PDU session identity",
        44 SemanticErrorsInPacketFilters "semantic errors in packet filter(s)",
        45 SyntacticalErrorInPacketFilters "syntactical error in packet filter(s)",
        46 OutOfLadnServiceArea "out of LADN service area",
        47 PtiMismatch "PTI mismatch",
        50 PduSessionTypeIpv4OnlyAllowed "PDU session type IPv4 only allowed",
        51 PduSessionTypeIpv6OnlyAllowed "PDU session type IPv6 only allowed",
        54 PduSessionDoesNotExist "PDU session does not exist",
        57 PduSessionTypeIpv4v6OnlyAllowed "PDU session type IPv4v6 only allowed",
        58 PduSessionTypeUnstructuredOnlyAllowed "PDU session type unstructured only allowed",
        59 Unsupported5qiValue "unsupported 5QI value",
        61 PduSessionTypeEthernetOnlyAllowed "PDU session type Ethernet only allowed",
        67 InsufficientResourcesForSliceAndDnn "insufficient resources for specific slice and DNN",
        68 NotSupportedSscMode "not supported SSC mode",
        69 InsufficientResourcesForSlice "insufficient resources for specific slice",
        70 MissingOrUnknownDnnInSlice "missing or unknown DNN in a slice",
        81 InvalidPtiValue "invalid PTI value",
        82 MaximumDataRateTooLow "maximum data rate per UE for user-plane integrity protection is too low",
        83 SemanticErrorInQosOperation "semantic error in the QoS operation",
        84 SyntacticalErrorInQosOperation "syntactical error in the QoS operation",
        85 InvalidMappedEpsBearerIdentity "invalid mapped EPS bearer identity",
        95 SemanticallyIncorrectMessage "semantically incorrect message",
        96 InvalidMandatoryInformation "invalid mandatory information",
        97 MessageTypeNonExistent "message type non-existent or not implemented",
        98 MessageTypeNotCompatible "message type not compatible with the protocol state",
        99 InformationElementNonExistent "information element non-existent or not implemented",
        100 ConditionalIeError "conditional IE error",
        101 MessageNotCompatible "message not compatible with the protocol state",
        111 ProtocolErrorUnspecified "protocol error, unspecified",
    }
}
