//! Nnrf: NF profiles, management and discovery (TS 29.510).

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
    }
}
