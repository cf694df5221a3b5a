//! Which services need a token, and which types of NF may have one for them.

use sbi_models::nrf::{NfType, ServiceName};

/// Consumers of each service (TS 23.501 7.2, TS 33.501 13.4.1); `allowedNfTypes` of the profile (TS 29.510 6.1.6.2.3). A service that
/// is not here is open to all types, as one without the attribute is.
const CONSUMERS: &[(ServiceName, &[&str])] = &[
    (ServiceName::NudrDr, &["UDM", "PCF", "NEF"]),
    (ServiceName::NudmUeau, &["AUSF"]),
    (ServiceName::NudmSdm, &["AMF", "SMF", "SMSF", "AUSF", "NEF", "PCF"]),
    (ServiceName::NudmUecm, &["AMF", "SMF", "SMSF", "NEF", "GMLC", "NWDAF"]),
    (ServiceName::NausfAuth, &["AMF"]),
    (ServiceName::NamfComm, &["SMF", "AMF", "PCF", "SMSF", "LMF", "NEF", "UDM"]),
    (ServiceName::NsmfPduSession, &["AMF", "SMF"]),
];

/// The types that may use a service; `None` for all.
pub(crate) fn of(service: &ServiceName) -> Option<Vec<NfType>> {
    let (_, types) = CONSUMERS.iter().find(|(name, _)| name == service)?;
    Some(types.iter().copied().map(NfType::from).collect())
}

/// Whether an NF that says it is of this type may use a service. What is no type, such as the name of a program, says nothing.
pub(crate) fn admits(service: &str, said: &NfType) -> bool {
    let listed = CONSUMERS.iter().find(|(name, _)| name.as_str() == service);
    matches!(said, NfType::Other(_)) || listed.is_none_or(|(_, types)| types.contains(&said.as_str()))
}

/// The first segment of a path: the name of the service (TS 29.501 4.4.1).
pub(crate) fn service_of(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path).split(['/', '?']).next().unwrap_or_default()
}

/// Type of the NF that offers a service one needs a token for. None is needed at the NRF, where one is got, nor for notifications:
/// their URI was given to whom it was meant for (TS 33.501 13.4.1.1 authorises the use of services).
pub(crate) fn producer_of(service: &str) -> Option<NfType> {
    let (nf, rest) = service.strip_prefix('n')?.split_once('-')?;
    if nf == "nrf" || rest == "callback" {
        return None;
    }
    Some(match nf {
        "5g" => NfType::from("5G_EIR"),
        nf => NfType::from(nf.to_ascii_uppercase().as_str()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_service_says_whose_it_is() {
        assert_eq!(service_of("/nudm-sdm/v2/imsi-1/am-data"), "nudm-sdm");
        assert_eq!(service_of("/oauth2/token"), "oauth2");
        assert_eq!(service_of("/"), "");
        for (service, nf) in
            [("nudm-sdm", NfType::Udm), ("nsmf-pdusession", NfType::Smf), ("nnssf-nsselection", NfType::Nssf)]
        {
            assert_eq!(producer_of(service), Some(nf), "{service}");
        }
        for open in ["nnrf-nfm", "nnrf-disc", "oauth2", "namf-callback", "nnrf-callback", "", "x"] {
            assert_eq!(producer_of(open), None, "{open}");
        }
    }

    #[test]
    fn subscriber_data_is_not_for_everyone() {
        let types = of(&ServiceName::NudrDr).expect("listed");
        assert!(types.contains(&NfType::Udm) && !types.contains(&NfType::Amf));
        assert_eq!(of(&ServiceName::NnrfDisc), None);
        assert!(admits("nudr-dr", &NfType::Udm) && !admits("nudr-dr", &NfType::Amf));
        assert!(admits("nudr-dr", &NfType::from("curl")) && admits("nnrf-disc", &NfType::Amf));
    }
}
