//! Where a UE is, in the words of the service-based interface.

use ngap::UserLocationInformation;
use sbi_models::{Ncgi, NrCellId, NrLocation, PlmnId, Tac, Tai, UserLocation};

/// The location of a UE in NR; `None` for other accesses.
pub(super) fn user_location(information: &UserLocationInformation) -> Option<UserLocation> {
    let UserLocationInformation::Nr(nr) = information else { return None };
    let tai = Tai { plmn_id: plmn(nr.tai.plmn_identity)?, tac: Tac::new(nr.tai.tac.get()).ok()? };
    let nr_cell_id = NrCellId::new(nr.nr_cgi.nr_cell_identity.get()).ok()?;
    let ncgi = Ncgi { plmn_id: plmn(nr.nr_cgi.plmn_identity)?, nr_cell_id };
    let nr_location =
        NrLocation { tai, ncgi, age_of_location_information: None, ue_location_timestamp: None, global_gnb_id: None };
    Some(UserLocation { nr_location: Some(nr_location) })
}

fn plmn(plmn: ngap::PlmnId) -> Option<PlmnId> {
    PlmnId::new(&plmn.mcc(), &plmn.mnc()).ok()
}

/// An offset from UTC as TS 29.571 `TimeZone`: `+01:00`.
pub(super) fn time_zone(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_a_sign_and_four_digits() {
        assert_eq!([time_zone(0), time_zone(345), time_zone(-90)], ["+00:00", "+05:45", "-01:30"]);
    }
}
