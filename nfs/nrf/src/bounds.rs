//! What a profile may hold: it is kept, copied into results and sent to subscribers, so it is bounded.

use std::fmt::Display;

use sbi_api::Problem;
use sbi_models::nrf::{NfProfile, NfType, SupiRange};
use uuid::Uuid;

/// Octets of a profile as JSON.
const LARGEST_PROFILE: usize = 64 << 10;

/// Entries of any list in it.
const LONGEST_LIST: usize = 256;

/// Checks a profile that is to be kept under `id`.
///
/// # Errors
/// 400 that names the attribute.
pub(crate) fn check(id: Uuid, profile: &NfProfile) -> Result<(), Problem> {
    if profile.nf_instance_id != id {
        return Err(Problem::incorrect("nfInstanceId", "is not the one of the resource"));
    }
    if profile.heart_beat_timer == Some(0) {
        return Err(Problem::incorrect("heartBeatTimer", "0: allowed are 1 second and more"));
    }
    if profile.nf_type == NfType::Nrf {
        return Err(Problem::incorrect("nfType", "another NRF is not taken in: hierarchies of NRFs are not served"));
    }
    if profile.load.is_some_and(|load| load > 100) {
        return Err(Problem::incorrect("load", "allowed are 0 to 100"));
    }
    lists(profile)?;
    ranges(profile)?;
    let size = serde_json::to_vec(profile).map(|json| json.len()).map_err(|why| Problem::invalid_body(&why))?;
    match size > LARGEST_PROFILE {
        true => Err(Problem::incorrect("NFProfile", format_args!("{size} octets: at most {LARGEST_PROFILE} are kept"))),
        false => Ok(()),
    }
}

fn lists(profile: &NfProfile) -> Result<(), Problem> {
    let services = profile.nf_services.as_deref().unwrap_or_default();
    let end_points = services.iter().filter_map(|service| service.ip_end_points.as_ref()).map(Vec::len);
    let dnns =
        profile.smf_info.iter().flat_map(|info| &info.s_nssai_smf_info_list).map(|item| item.dnn_smf_info_list.len());
    let longest = [
        ("nfServices", services.len()),
        ("ipEndPoints", end_points.max().unwrap_or(0)),
        ("sNssais", profile.s_nssais.as_ref().map_or(0, Vec::len)),
        ("plmnList", profile.plmn_list.as_ref().map_or(0, Vec::len)),
        ("ipv4Addresses", profile.ipv4_addresses.as_ref().map_or(0, Vec::len)),
        ("dnnSmfInfoList", dnns.max().unwrap_or(0)),
        ("guamiList", profile.amf_info.as_ref().map_or(0, |info| info.guami_list.len())),
    ];
    match longest.iter().find(|(_, length)| *length > LONGEST_LIST) {
        Some((name, length)) => Err(Problem::incorrect(name, format_args!("{length} entries: at most {LONGEST_LIST}"))),
        None => Ok(()),
    }
}

/// Ranges by regular expression are not served: better said at registration than found out by a UE nobody serves.
fn ranges(profile: &NfProfile) -> Result<(), Problem> {
    let wrong = |why: &dyn Display| Err(Problem::incorrect("supiRanges", why));
    for range in supi_ranges(profile).unwrap_or_default() {
        match (&range.start, &range.end) {
            (Some(start), Some(end)) if start.len() == end.len() && start <= end => (),
            (Some(_), Some(_)) => {
                return wrong(&"start and end must have the same number of digits, start not after end");
            }
            _ => return wrong(&"start and end are needed: patterns are not served"),
        }
    }
    Ok(())
}

/// The subscribers that an AUSF, a UDM or a UDR serves; `None` for all.
pub(crate) fn supi_ranges(profile: &NfProfile) -> Option<&[SupiRange]> {
    let ausf = profile.ausf_info.as_ref().and_then(|info| info.supi_ranges.as_deref());
    let udm = profile.udm_info.as_ref().and_then(|info| info.supi_ranges.as_deref());
    let udr = profile.udr_info.as_ref().and_then(|info| info.supi_ranges.as_deref());
    ausf.or(udm).or(udr)
}
