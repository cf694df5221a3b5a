//! The registry under a clock of its own.

use sbi_models::nrf::{IpEndPoint, NfService, NfType, ServiceName, SubscrCond};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn root() -> ApiRoot {
    ApiRoot::http("127.0.0.10:7777")
}

/// A UDM that serves on 127.0.0.`host`.
fn udm(id: u128, host: u8) -> NfProfile {
    let mut profile = NfProfile::new(Uuid::from_u128(id), NfType::Udm);
    let address = std::net::SocketAddr::from(([127, 0, 0, host], 7777));
    profile.nf_services = Some(vec![NfService::http(ServiceName::NudmSdm, "v2", IpEndPoint::from(address))]);
    profile
}

fn registered(registry: &mut Registry, now: Instant, profile: NfProfile) -> bool {
    let registered = registry.handle_register(now, profile.nf_instance_id, profile, &root());
    registered.map(|(_, created)| created).unwrap_or_else(|problem| panic!("{problem}"))
}

fn found(registry: &Registry) -> Vec<u128> {
    let query = SearchQuery::new(NfType::Amf, NfType::Udm, ServiceName::NudmSdm);
    let result = registry.search(&query, "999/70".parse().expect("a PLMN"));
    result.nf_instances.iter().map(|profile| profile.nf_instance_id.as_u128()).collect()
}

fn subscribed(registry: &mut Registry, cond: Option<SubscrCond>) {
    let wanted = SubscriptionData {
        nf_status_notification_uri: "http://127.0.0.5:7777/nnrf-callback/v1/nf-status".into(),
        req_nf_instance_id: Some(Uuid::from_u128(99)),
        subscr_cond: cond,
        subscription_id: None,
        validity_time: None,
        req_notif_events: None,
        plmn_id: None,
        req_nf_type: None,
    };
    registry.handle_subscribe(wanted).unwrap_or_else(|problem| panic!("{problem}"));
}

fn told(registry: &mut Registry) -> Vec<String> {
    std::iter::from_fn(|| registry.poll_notification()).map(|told| told.data.event.to_string()).collect()
}

#[test]
fn who_registers_is_found_and_who_leaves_is_not() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    assert!(registered(&mut registry, now, udm(1, 1)));
    assert!(!registered(&mut registry, now, udm(1, 1)), "the second time it is replaced");
    assert_eq!(found(&registry), [1]);
    assert!(registry.handle_deregister(Uuid::from_u128(1)).is_ok());
    assert!(found(&registry).is_empty());
    let again = registry.handle_deregister(Uuid::from_u128(1)).expect_err("gone");
    assert_eq!(again.status, 404);
}

#[test]
fn the_answer_says_which_heartbeat_timer_holds() {
    let mut registry = Registry::new(Config { heartbeat_seconds: 7, ..Config::default() });
    let mut profile = udm(1, 1);
    profile.heart_beat_timer = Some(3600);
    let (answer, _) =
        registry.handle_register(Instant::now(), Uuid::from_u128(1), profile, &root()).expect("acceptable");
    assert_eq!(answer.heart_beat_timer, Some(7));
}

#[test]
fn missing_heartbeats_suspend_and_a_heartbeat_brings_back() {
    let (mut registry, start) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, start, udm(1, 1));
    subscribed(&mut registry, None);
    assert_eq!(registry.poll_timeout(), Some(start + 3 * SECOND));
    registry.handle_update(start + 2 * SECOND, Uuid::from_u128(1), &PatchItem::heartbeat(12)).expect("known");
    registry.handle_timeout(start + 4 * SECOND);
    assert_eq!(found(&registry), [1]);
    registry.handle_timeout(start + 5 * SECOND);
    assert!(found(&registry).is_empty(), "suspended");
    assert_eq!(told(&mut registry), ["NF_PROFILE_CHANGED"]);
    registry.handle_update(start + 6 * SECOND, Uuid::from_u128(1), &PatchItem::heartbeat(12)).expect("known");
    assert_eq!(found(&registry), [1]);
    assert_eq!(told(&mut registry), ["NF_PROFILE_CHANGED"]);
}

#[test]
fn who_stays_away_is_forgotten_and_must_register_again() {
    let (mut registry, start) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, start, udm(1, 1));
    registry.handle_timeout(start + 3 * SECOND);
    registry.handle_timeout(start + 63 * SECOND);
    let error =
        registry.handle_update(start + 64 * SECOND, Uuid::from_u128(1), &PatchItem::heartbeat(0)).expect_err("gone");
    assert_eq!(error.status, 404);
    assert_eq!(registry.poll_timeout(), None);
}

#[test]
fn nobody_is_suspended_for_the_time_in_which_we_did_not_run() {
    let (mut registry, start) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, start, udm(1, 1));
    registry.handle_timeout(start + 60 * SECOND);
    assert_eq!(found(&registry), [1]);
    assert_eq!(registry.poll_timeout(), Some(start + 63 * SECOND));
    registry.handle_timeout(start + 63 * SECOND);
    assert!(found(&registry).is_empty(), "it had its time");
}

#[test]
fn an_instance_that_took_over_the_address_replaces_the_dead_one() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, now, udm(1, 1));
    registered(&mut registry, now, udm(2, 2));
    subscribed(&mut registry, None);
    registered(&mut registry, now, udm(3, 1));
    let mut left = found(&registry);
    left.sort_unstable();
    assert_eq!(left, [2, 3]);
    assert_eq!(told(&mut registry), ["NF_DEREGISTERED", "NF_REGISTERED"]);
}

#[test]
fn subscribers_hear_what_they_asked_for() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    subscribed(&mut registry, Some(SubscrCond { nf_type: Some(NfType::Amf), ..SubscrCond::default() }));
    registered(&mut registry, now, udm(1, 1));
    assert!(told(&mut registry).is_empty());
    registered(&mut registry, now, NfProfile::new(Uuid::from_u128(2), NfType::Amf));
    assert_eq!(told(&mut registry), ["NF_REGISTERED"]);
    registered(&mut registry, now, NfProfile::new(Uuid::from_u128(99), NfType::Amf));
    assert!(told(&mut registry).is_empty(), "nobody is told of himself");
}

#[test]
fn a_subscription_ends_with_its_nf_and_is_not_kept_twice() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, now, NfProfile::new(Uuid::from_u128(99), NfType::Amf));
    subscribed(&mut registry, None);
    subscribed(&mut registry, None);
    assert_eq!(registry.subscriptions.len(), 1);
    registry.handle_deregister(Uuid::from_u128(99)).expect("known");
    assert_eq!(registry.subscriptions.len(), 0);
}

#[test]
fn what_is_not_acceptable_is_refused_by_name() {
    let (mut registry, now) = (Registry::new(Config { max_instances: 1, ..Config::default() }), Instant::now());
    let mut refused = |id: u128, change: &dyn Fn(&mut NfProfile)| {
        let mut profile = udm(1, 1);
        change(&mut profile);
        let refused = registry.handle_register(now, Uuid::from_u128(id), profile, &root());
        refused.map(drop).expect_err("not acceptable").to_string()
    };
    assert!(refused(2, &|_| ()).contains("nfInstanceId"));
    assert!(refused(1, &|profile| profile.heart_beat_timer = Some(0)).contains("heartBeatTimer"));
    assert!(refused(1, &|profile| profile.nf_type = NfType::Nrf).contains("nfType"));
    assert!(refused(1, &|profile| profile.load = Some(101)).contains("load"));
    let long = |profile: &mut NfProfile| profile.plmn_list = Some(vec!["999/70".parse().expect("a PLMN"); 257]);
    assert!(refused(1, &long).contains("plmnList"));
    let large = |profile: &mut NfProfile| profile.fqdn = Some("x".repeat(70_000));
    assert!(refused(1, &large).contains("octets"));
    registered(&mut registry, now, udm(1, 1));
    let full = registry.handle_register(now, Uuid::from_u128(2), udm(2, 2), &root()).map(drop).expect_err("full");
    assert_eq!(full.cause.as_deref(), Some("INSUFFICIENT_RESOURCES"));
}

#[test]
fn an_update_changes_all_it_names_or_nothing() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    registered(&mut registry, now, udm(1, 1));
    let id = Uuid::from_u128(1);
    let priority = PatchItem { op: sbi_models::nrf::PatchOperation::Add, ..PatchItem::replace("/priority", 5) };
    registry.handle_update(now, id, &[priority]).expect("possible");
    assert_eq!(registry.profile(id).expect("known").priority, Some(5));
    let wrong = [PatchItem::replace("/priority", 6), PatchItem::replace("/nfType", "AMF")];
    assert!(registry.handle_update(now, id, &wrong).is_err());
    assert_eq!(registry.profile(id).expect("known").priority, Some(5));
}

#[test]
fn notifications_that_nobody_fetches_do_not_pile_up() {
    let (mut registry, now) = (Registry::new(Config::default()), Instant::now());
    subscribed(&mut registry, None);
    for _ in 0..2 * MOST_WAITING {
        registered(&mut registry, now, udm(1, 1));
    }
    assert_eq!(told(&mut registry).len(), MOST_WAITING);
}

#[test]
fn the_file_in_the_tree_says_what_the_defaults_are() {
    let settings = runtime::config::parse::<runtime::config::Of<crate::Nrf>>("core.yaml", runtime::config::BUILT_IN);
    assert_eq!(settings.map(|settings| settings.own).map_err(|error| error.to_string()), Ok(Config::default()));
}
