//! What a node must have in common with this AMF (TS 38.413 8.7.1, 8.7.2): pure decisions.

use std::fmt::Display;

use ngap::{
    Cause, CauseMisc, CauseRadioNetwork, GlobalRanNodeId, NgSetupFailure, NgSetupResponse, PlmnSupportItem,
    RanConfigurationUpdateFailure, ServedGuamiItem, Snssai, SupportedTaItem, TimeToWait,
};
use runtime::Reject;

use crate::served::Served;

/// Why a node cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    Plmn,
    Tac,
    Slice,
}

impl Mismatch {
    /// The cause on the wire.
    fn cause(self) -> Cause {
        match self {
            Self::Plmn => Cause::Misc(CauseMisc::UnknownPlmnOrSnpn),
            // There is no cause for a tracking area that the AMF does not serve.
            Self::Tac => Cause::Misc(CauseMisc::Unspecified),
            Self::Slice => Cause::RadioNetwork(CauseRadioNetwork::SliceNotSupported),
        }
    }

    /// The same for people: what is wrong, what was sent, what is configured and where.
    fn explain(self, about: String, procedure: &str, areas: &[SupportedTaItem], served: &Served) -> Reject {
        let plmns = || areas.iter().flat_map(|area| &area.broadcast_plmn_list);
        let ours = || plmns().filter(|item| item.plmn_identity == served.plmn);
        let (why, peer_sent, configured, key) = match self {
            Self::Plmn => {
                let sent = list("PLMN", plmns().map(|item| item.plmn_identity));
                ("unknown PLMN", sent, format!("PLMN {}", served.plmn), "network.plmn")
            }
            Self::Tac => {
                let sent = list("TAC", areas.iter().map(|area| area.tac));
                ("no served tracking area", sent, list("TAC", served.tacs.iter()), "network.tacs")
            }
            Self::Slice => {
                let sent = list("slice", ours().flat_map(|item| &item.tai_slice_support_list));
                ("slice not supported", sent, list("slice", served.slices.iter()), "network.slices")
            }
        };
        let (what, key) = (format!("{procedure}: {why}"), key.to_owned());
        Reject { about, what, peer_sent, configured, key }
    }
}

fn list(what: &str, items: impl Iterator<Item = impl Display>) -> String {
    let mut texts: Vec<_> = items.map(|item| item.to_string()).collect();
    texts.dedup();
    texts.truncate(8);
    format!("{what} {}", if texts.is_empty() { "none".to_owned() } else { texts.join(", ") })
}

/// Accepts a node that has at least one PLMN, and in it one tracking area and slice, in common with us.
pub(super) fn check(areas: &[SupportedTaItem], served: &Served) -> Result<(), Mismatch> {
    let of_plmn =
        |area: &&SupportedTaItem| area.broadcast_plmn_list.iter().any(|item| item.plmn_identity == served.plmn);
    if !areas.iter().any(|area| of_plmn(&area)) {
        return Err(Mismatch::Plmn);
    }
    let of_tac = |area: &&SupportedTaItem| served.tacs.contains(&area.tac);
    if !areas.iter().filter(of_plmn).any(|area| of_tac(&area)) {
        return Err(Mismatch::Tac);
    }
    let slices = areas.iter().filter(of_tac).flat_map(|area| &area.broadcast_plmn_list);
    let mut slices =
        slices.filter(|item| item.plmn_identity == served.plmn).flat_map(|item| &item.tai_slice_support_list);
    let offered = |slice: &Snssai| served.slices.iter().any(|own| own.matches(slice));
    if slices.any(offered) { Ok(()) } else { Err(Mismatch::Slice) }
}

/// NG SETUP RESPONSE.
pub(super) fn response(served: &Served) -> NgSetupResponse {
    NgSetupResponse {
        amf_name: served.amf_name.clone(),
        served_guami_list: vec![ServedGuamiItem { guami: served.guami, backup_amf_name: None }],
        relative_amf_capacity: served.capacity,
        plmn_support_list: vec![PlmnSupportItem {
            plmn_identity: served.plmn,
            slice_support_list: served.slices.to_vec(),
        }],
        criticality_diagnostics: None,
        ue_retention_information: false,
    }
}

/// NG SETUP FAILURE, and its explanation.
pub(super) fn failure(
    mismatch: Mismatch,
    node: &GlobalRanNodeId,
    areas: &[SupportedTaItem],
    served: &Served,
) -> (NgSetupFailure, Reject) {
    let failure =
        NgSetupFailure { cause: mismatch.cause(), time_to_wait: Some(TimeToWait::V10s), criticality_diagnostics: None };
    (failure, mismatch.explain(node.to_string(), "NG Setup failed", areas, served))
}

/// RAN CONFIGURATION UPDATE FAILURE, and its explanation.
pub(super) fn update_failure(
    mismatch: Mismatch,
    node: &GlobalRanNodeId,
    areas: &[SupportedTaItem],
    served: &Served,
) -> (RanConfigurationUpdateFailure, Reject) {
    let failure = RanConfigurationUpdateFailure {
        cause: mismatch.cause(),
        time_to_wait: Some(TimeToWait::V10s),
        criticality_diagnostics: None,
    };
    (failure, mismatch.explain(node.to_string(), "RAN Configuration Update failed", areas, served))
}
