//! Nnrf: NF profiles, management, discovery and access tokens (TS 29.510).

mod access_token;
mod discovery;
mod management;
mod profile;

pub use access_token::{
    AccessTokenClaims, AccessTokenErr, AccessTokenError, AccessTokenReq, AccessTokenRsp, Audience, CLIENT_CREDENTIALS,
    Jwk, JwkSet,
};
pub use discovery::{CommaList, SearchQuery, SearchResult};
pub use management::{
    NotificationData, NotificationEventType, PatchItem, PatchOperation, SubscrCond, SubscriptionData,
};
pub use profile::{
    AmfInfo, AusfInfo, DnnSmfInfoItem, IpEndPoint, LocalReach, NfProfile, NfService, NfServiceStatus, NfServiceVersion,
    NfStatus, SmfInfo, SnssaiSmfInfoItem, SupiRange, UdmInfo, UdrInfo, UriScheme,
};

open_enum! {
    /// Type of a network function (TS 29.510 6.1.6.3.3).
    NfType {
        Nrf = "NRF",
        Udm = "UDM",
        Amf = "AMF",
        Smf = "SMF",
        Ausf = "AUSF",
        Nssf = "NSSF",
        Pcf = "PCF",
        Udr = "UDR",
        Upf = "UPF",
    }
}

open_enum! {
    /// Name of a service (TS 29.510 6.1.6.3.11); also the first segment of its URIs (TS 29.501 4.4.1).
    ///
    /// The `...Callback` values name no service: they are the first segment of the URIs we give for notifications.
    ServiceName {
        NnrfNfm = "nnrf-nfm",
        NnrfDisc = "nnrf-disc",
        NnrfOauth2 = "nnrf-oauth2",
        NudmSdm = "nudm-sdm",
        NudmUecm = "nudm-uecm",
        NudmUeau = "nudm-ueau",
        NudrDr = "nudr-dr",
        NamfComm = "namf-comm",
        NsmfPduSession = "nsmf-pdusession",
        NausfAuth = "nausf-auth",
        NnrfCallback = "nnrf-callback",
        NamfCallback = "namf-callback",
        NsmfCallback = "nsmf-callback",
    }
}
