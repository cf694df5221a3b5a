//! Whether a profile is what a discovery looks for (TS 29.510 6.2.3.2.3.1). What a profile does not restrict, it serves.

use sbi_models::nrf::{NfProfile, NfStatus, SearchQuery};
use sbi_models::{Dnn, PlmnId, Snssai, Supi};

use crate::bounds::supi_ranges;

/// Whether the instance serves all that the query names; `home` is the network of profiles that name none.
pub(crate) fn matches(profile: &NfProfile, query: &SearchQuery, home: PlmnId) -> bool {
    let allowed = profile.allowed_nf_types.as_ref().is_none_or(|types| types.contains(&query.requester_nf_type));
    profile.nf_status == NfStatus::Registered
        && profile.nf_type == query.target_nf_type
        && allowed
        && query.target_nf_instance_id.is_none_or(|id| id == profile.nf_instance_id)
        && offers_service(profile, query)
        && serves_network(profile, query, home)
        && serves_slices(profile, query)
        && query.supi.as_ref().is_none_or(|supi| serves_supi(profile, supi))
        && query.routing_indicator.as_ref().is_none_or(|indicator| serves_routing_indicator(profile, indicator))
        && is_amf(profile, query)
}

/// The profile as the requester sees it: of its services only those asked for.
pub(crate) fn narrowed(profile: &NfProfile, query: &SearchQuery) -> NfProfile {
    let mut profile = profile.clone();
    if let (Some(services), Some(names)) = (&mut profile.nf_services, &query.service_names) {
        services.retain(|service| names.0.contains(&service.service_name));
    }
    profile
}

fn offers_service(profile: &NfProfile, query: &SearchQuery) -> bool {
    let Some(names) = &query.service_names else { return true };
    let allowed = |types: &Option<Vec<_>>| types.as_ref().is_none_or(|types| types.contains(&query.requester_nf_type));
    let mut services = profile.nf_services.iter().flatten();
    services.any(|service| names.0.contains(&service.service_name) && allowed(&service.allowed_nf_types))
}

fn serves_network(profile: &NfProfile, query: &SearchQuery, home: PlmnId) -> bool {
    let Some(wanted) = &query.target_plmn_list else { return true };
    match &profile.plmn_list {
        Some(served) => wanted.iter().any(|plmn| served.contains(plmn)),
        None => wanted.contains(&home),
    }
}

/// Slice and DNN belong together: an SMF must serve the DNN in one of the slices.
fn serves_slices(profile: &NfProfile, query: &SearchQuery) -> bool {
    let wanted = query.snssais.as_deref();
    let by_profile = |slice: &Snssai| profile.s_nssais.as_ref().is_none_or(|served| served.contains(slice));
    if !wanted.is_none_or(|slices| slices.iter().any(by_profile)) {
        return false;
    }
    let Some(info) = &profile.smf_info else { return true };
    let serves_dnn =
        |served: &[sbi_models::nrf::DnnSmfInfoItem]| query.dnn.as_ref().is_none_or(|dnn| has_dnn(served, dnn));
    let slices = info.s_nssai_smf_info_list.iter();
    let in_slice = slices.filter(|item| wanted.is_none_or(|slices| slices.contains(&item.s_nssai)));
    let here = query.tai.as_ref().is_none_or(|tai| info.tai_list.as_ref().is_none_or(|list| list.contains(tai)));
    here && in_slice.into_iter().any(|item| serves_dnn(&item.dnn_smf_info_list))
}

fn has_dnn(served: &[sbi_models::nrf::DnnSmfInfoItem], dnn: &Dnn) -> bool {
    served.iter().any(|item| item.dnn.as_str().eq_ignore_ascii_case(dnn.as_str()))
}

/// Digits of the same number compare as text.
fn serves_supi(profile: &NfProfile, supi: &Supi) -> bool {
    let imsi = supi.imsi();
    supi_ranges(profile).is_none_or(|ranges| {
        ranges.iter().any(|range| match (&range.start, &range.end) {
            (Some(start), Some(end)) => start.len() == imsi.len() && start.as_str() <= imsi && imsi <= end.as_str(),
            _ => false,
        })
    })
}

fn serves_routing_indicator(profile: &NfProfile, indicator: &String) -> bool {
    let ausf = profile.ausf_info.as_ref().and_then(|info| info.routing_indicators.as_ref());
    let udm = profile.udm_info.as_ref().and_then(|info| info.routing_indicators.as_ref());
    ausf.or(udm).is_none_or(|served| served.contains(indicator))
}

fn is_amf(profile: &NfProfile, query: &SearchQuery) -> bool {
    let Some(info) = &profile.amf_info else {
        return query.amf_region_id.is_none() && query.amf_set_id.is_none() && query.guami.is_none();
    };
    query.amf_region_id.as_ref().is_none_or(|region| info.amf_region_id.eq_ignore_ascii_case(region))
        && query.amf_set_id.as_ref().is_none_or(|set| info.amf_set_id.eq_ignore_ascii_case(set))
        && query.guami.as_ref().is_none_or(|guami| info.guami_list.contains(guami))
        && query.tai.as_ref().is_none_or(|tai| info.tai_list.as_ref().is_none_or(|list| list.contains(tai)))
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
