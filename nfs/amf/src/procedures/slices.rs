//! Slice selection (TS 23.501 5.15.5.2.1): pure.

use nas::ie::{Nssai, RejectedNssai, RejectionReason, SNssai};
use sbi_models::{Sd, Snssai};

use crate::ue::context::Subscription;

/// What a UE gets of what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) allowed: Vec<Snssai>,
    pub(super) rejected: Vec<Snssai>,
}

/// The most slices a UE may use at once.
const MOST: usize = 8;

/// Allows what is asked for, subscribed and served; without any of that, what is subscribed by default and served.
pub(super) fn select(requested: Option<&Nssai>, subscription: &Subscription, served: &[Snssai]) -> Selection {
    let is_served = |slice: &Snssai| served.contains(slice);
    let mut selection = Selection { allowed: Vec::new(), rejected: Vec::new() };
    for slice in requested.iter().flat_map(|nssai| &nssai.0).map(of_nas) {
        let known = selection.allowed.contains(&slice) || selection.rejected.contains(&slice);
        match is_served(&slice) && subscription.has_slice(&slice) {
            _ if known => {}
            true => selection.allowed.push(slice),
            false => selection.rejected.push(slice),
        }
    }
    if selection.allowed.is_empty() {
        selection.allowed = subscription.default_slices.iter().filter(|slice| is_served(slice)).copied().collect();
    }
    selection.allowed.truncate(MOST);
    selection.rejected.truncate(MOST);
    selection
}

/// A slice as NAS has it; SD FFFFFF is none (TS 23.003 28.4.2).
pub(super) fn of_nas(slice: &SNssai) -> Snssai {
    let sd = slice.sd.filter(|sd| *sd != [0xff; 3]).map(Sd::from_octets);
    Snssai { sst: slice.sst, sd }
}

pub(super) fn to_nas(slice: &Snssai) -> SNssai {
    SNssai::new(slice.sst, slice.sd.map(Sd::to_octets))
}

pub(super) fn to_ngap(slice: &Snssai) -> ngap::Snssai {
    ngap::Snssai { sst: slice.sst, sd: slice.sd.map(Sd::to_octets) }
}

/// Allowed NSSAI as NAS has it.
pub(super) fn nssai(slices: &[Snssai]) -> Nssai {
    Nssai(slices.iter().map(to_nas).collect())
}

/// Rejected NSSAI, if there is any.
pub(super) fn rejected(slices: &[Snssai]) -> Option<RejectedNssai> {
    let items: Vec<_> = slices.iter().map(|slice| (to_nas(slice), RejectionReason::NotInPlmn)).collect();
    (!items.is_empty()).then_some(RejectedNssai(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(texts: &[&str]) -> Vec<Snssai> {
        texts.iter().map(|text| text.parse().expect("a slice")).collect()
    }

    #[test]
    fn what_is_asked_for_subscribed_and_served() {
        let subscription =
            Subscription { default_slices: slices(&["1"]), other_slices: slices(&["2-000001"]), ..Default::default() };
        let served = slices(&["1", "2-000001", "3"]);
        let ask = |texts: &[&str]| select(Some(&nssai(&slices(texts))), &subscription, &served);
        assert_eq!(
            ask(&["2-000001", "3", "3"]),
            Selection { allowed: slices(&["2-000001"]), rejected: slices(&["3"]) }
        );
        assert_eq!(ask(&["1-ffffff"]).allowed, slices(&["1"]));
        assert_eq!(ask(&["3"]).allowed, slices(&["1"]));
        assert_eq!(select(None, &subscription, &served).allowed, slices(&["1"]));
        assert_eq!(select(None, &subscription, &slices(&["3"])).allowed, []);
    }
}
