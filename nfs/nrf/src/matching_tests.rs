//! Discovery filters.

use sbi_models::nrf::{
    AmfInfo, DnnSmfInfoItem, IpEndPoint, NfService, NfType, ServiceName, SmfInfo, SnssaiSmfInfoItem, SupiRange, UdmInfo,
};
use uuid::Uuid;

use super::*;

fn home() -> PlmnId {
    "999/70".parse().expect("a PLMN")
}

fn smf() -> NfProfile {
    let mut profile = NfProfile::new(Uuid::from_u128(1), NfType::Smf);
    profile.nf_services = Some(vec![NfService::http(ServiceName::NsmfPduSession, "v1", IpEndPoint::default())]);
    let item = |slice: &str, dnn: &str| SnssaiSmfInfoItem {
        s_nssai: slice.parse().expect("a slice"),
        dnn_smf_info_list: vec![DnnSmfInfoItem { dnn: dnn.parse().expect("a DNN") }],
    };
    let s_nssai_smf_info_list = vec![item("1", "internet"), item("2-0000a1", "ims")];
    profile.smf_info = Some(SmfInfo { s_nssai_smf_info_list, tai_list: None });
    profile
}

fn for_smf() -> SearchQuery {
    SearchQuery::new(NfType::Amf, NfType::Smf, ServiceName::NsmfPduSession)
}

#[test]
fn type_service_and_status_must_fit() {
    assert!(matches(&smf(), &for_smf(), home()));
    assert!(!matches(&smf(), &SearchQuery { target_nf_type: NfType::Udm, ..for_smf() }, home()));
    let other_service = SearchQuery::new(NfType::Amf, NfType::Smf, ServiceName::NudmSdm);
    assert!(!matches(&smf(), &other_service, home()));
    assert!(!matches(&NfProfile { nf_status: NfStatus::Suspended, ..smf() }, &for_smf(), home()));
}

#[test]
fn who_may_not_use_an_nf_does_not_find_it() {
    let profile = NfProfile { allowed_nf_types: Some(vec![NfType::Pcf]), ..smf() };
    assert!(!matches(&profile, &for_smf(), home()));
    assert!(matches(&profile, &SearchQuery { requester_nf_type: NfType::Pcf, ..for_smf() }, home()));
}

#[test]
fn a_dnn_must_be_served_in_the_slice_asked_for() {
    let query = |slice: &str, dnn: &str| SearchQuery {
        snssais: Some(vec![slice.parse().expect("a slice")]),
        dnn: Some(dnn.parse().expect("a DNN")),
        ..for_smf()
    };
    assert!(matches(&smf(), &query("1", "Internet"), home()));
    assert!(!matches(&smf(), &query("1", "ims"), home()));
    assert!(matches(&smf(), &query("2-0000a1", "ims"), home()));
    assert!(!matches(&smf(), &query("3", "ims"), home()));
}

#[test]
fn subscribers_by_range_of_the_same_length() {
    let mut profile = NfProfile::new(Uuid::from_u128(2), NfType::Udm);
    let range = SupiRange { start: Some("999700000000000".into()), end: Some("999700000000099".into()), pattern: None };
    profile.udm_info = Some(UdmInfo { supi_ranges: Some(vec![range]), ..UdmInfo::default() });
    for (supi, served) in
        [("imsi-999700000000001", true), ("imsi-999700000000100", false), ("imsi-99970000000001", false)]
    {
        assert_eq!(serves_supi(&profile, &supi.parse().expect("a SUPI")), served, "{supi}");
    }
}

#[test]
fn the_network_is_the_home_one_where_a_profile_names_none() {
    let asked = |plmn: &str| SearchQuery { target_plmn_list: Some(vec![plmn.parse().expect("a PLMN")]), ..for_smf() };
    assert!(matches(&smf(), &asked("999/70"), home()));
    assert!(!matches(&smf(), &asked("001/01"), home()));
}

#[test]
fn an_amf_by_region_set_and_tracking_area() {
    let mut amf = NfProfile::new(Uuid::from_u128(3), NfType::Amf);
    let tai = |tac: &str| sbi_models::Tai { plmn_id: home(), tac: tac.parse().expect("a TAC") };
    amf.amf_info = Some(AmfInfo {
        amf_set_id: "001".into(),
        amf_region_id: "02".into(),
        guami_list: vec![],
        tai_list: Some(vec![tai("000001")]),
    });
    let query = SearchQuery { service_names: None, target_nf_type: NfType::Amf, ..for_smf() };
    assert!(matches(
        &amf,
        &SearchQuery { amf_set_id: Some("001".into()), tai: Some(tai("000001")), ..query.clone() },
        home()
    ));
    assert!(!matches(&amf, &SearchQuery { tai: Some(tai("000002")), ..query.clone() }, home()));
    assert!(!matches(&amf, &SearchQuery { amf_region_id: Some("03".into()), ..query }, home()));
}

#[test]
fn a_result_shows_only_the_services_asked_for() {
    let mut profile = smf();
    let other = NfService::http(ServiceName::NudmSdm, "v2", IpEndPoint::default());
    profile.nf_services.get_or_insert_default().push(other);
    let seen = narrowed(&profile, &for_smf());
    assert_eq!(seen.nf_services.map(|services| services.len()), Some(1));
}
