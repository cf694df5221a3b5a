//! The directory under a clock of its own.

use std::net::SocketAddr;

use sbi_models::nrf::{IpEndPoint, LocalReach, NfProfile, NfService, NfType};

use super::*;
use crate::place::Directories;
use crate::sections::SbiSettings;

pub(in crate::sbi) fn reach() -> Reach {
    let directories = Directories { run: "/run/p".into(), state: "/var/p".into() };
    Reach::new("here".into(), directories, &SbiSettings::default())
}

pub(in crate::sbi) fn query() -> ServiceQuery {
    ServiceQuery { nf_type: NfType::Udm, service: ServiceName::NudmSdm }
}

/// A UDM on 127.0.0.`n`.
pub(in crate::sbi) fn udm(n: u8, node: &str, priority: u16) -> NfProfile {
    let address = SocketAddr::from(([127, 0, 0, n], 7777));
    let mut profile = NfProfile::new(Uuid::from_u128(n.into()), NfType::Udm);
    profile.nf_services = Some(vec![NfService::http(ServiceName::NudmSdm, "v2", IpEndPoint::from(address))]);
    profile.local = Some(LocalReach { node: node.into(), shm: Some(format!("/run/p/{n}.shm")), h2_unix: None });
    profile.priority = Some(priority);
    profile
}

pub(in crate::sbi) fn found(profiles: Vec<NfProfile>) -> SearchResult {
    SearchResult { validity_period: Some(60), nf_instances: profiles }
}

fn stored(now: Instant, profiles: Vec<NfProfile>) -> Directory {
    let mut directory = Directory::default();
    directory.store(now, &query(), &found(profiles), &reach());
    directory
}

fn order(lookup: Lookup) -> Vec<u128> {
    match lookup {
        Lookup::Fresh(instances) | Lookup::Stale(instances) => instances.iter().map(|i| i.id.as_u128()).collect(),
        Lookup::Unknown => Vec::new(),
    }
}

#[test]
fn a_result_is_fresh_for_its_validity_and_stale_afterwards() {
    let now = Instant::now();
    let mut directory = stored(now, vec![udm(1, "here", 0)]);
    assert!(matches!(directory.lookup(now + Duration::from_secs(59), &query()), Lookup::Fresh(_)));
    assert!(matches!(directory.lookup(now + Duration::from_secs(60), &query()), Lookup::Stale(_)));
    let other = ServiceQuery { service: ServiceName::NudmUeau, ..query() };
    assert!(matches!(directory.lookup(now, &other), Lookup::Unknown));
}

#[test]
fn shared_memory_on_the_same_node_and_http2_everywhere() {
    let now = Instant::now();
    let mut directory = stored(now, vec![udm(1, "here", 0), udm(2, "elsewhere", 1)]);
    let Lookup::Fresh(instances) = directory.lookup(now, &query()) else { panic!("fresh") };
    let endpoints = |n: usize| instances[n].endpoints.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(endpoints(0), ["shm:/run/p/1.shm", "h2:127.0.0.1:7777"]);
    assert_eq!(endpoints(1), ["h2:127.0.0.2:7777"]);
    assert_eq!(instances[1].authority, "127.0.0.2:7777");
}

#[test]
fn instances_are_tried_by_priority_and_equals_take_turns() {
    let now = Instant::now();
    let mut directory = stored(now, vec![udm(3, "here", 9), udm(1, "here", 1), udm(2, "here", 1)]);
    let mut first: Vec<u128> = (0..6).filter_map(|_| order(directory.lookup(now, &query())).first().copied()).collect();
    first.sort_unstable();
    first.dedup();
    assert_eq!(first, [1, 2]);
    assert_eq!(order(directory.lookup(now, &query())).last(), Some(&3));
}

#[test]
fn one_that_failed_comes_last_for_a_moment_and_the_nrf_is_asked_again() {
    let now = Instant::now();
    let mut directory = stored(now, vec![udm(1, "here", 0), udm(2, "here", 5)]);
    directory.instance_failed(now, &query(), Uuid::from_u128(1));
    let lookup = directory.lookup(now, &query());
    assert!(matches!(lookup, Lookup::Stale(_)));
    assert_eq!(order(lookup), [2, 1]);
    assert_eq!(order(directory.lookup(now + REST, &query())), [1, 2]);
}

#[test]
fn notifications_drop_who_went_and_question_what_is_known_of_who_changed() {
    let now = Instant::now();
    let mut directory = stored(now, vec![udm(1, "here", 0), udm(2, "here", 0)]);
    let uri = |n: u128| format!("http://nrf/nnrf-nfm/v1/nf-instances/{}", Uuid::from_u128(n));
    let gone =
        NotificationData { event: NotificationEventType::Deregistered, nf_instance_uri: uri(1), nf_profile: None };
    directory.handle_notification(now, &gone);
    assert_eq!(order(directory.lookup(now, &query())), [2]);
    let amf = NfProfile::new(Uuid::from_u128(7), NfType::Amf);
    let came = |profile: NfProfile| NotificationData {
        event: NotificationEventType::Registered,
        nf_instance_uri: uri(7),
        nf_profile: Some(profile),
    };
    directory.handle_notification(now, &came(amf));
    assert!(matches!(directory.lookup(now, &query()), Lookup::Fresh(_)), "an AMF says nothing about UDMs");
    directory.handle_notification(now, &came(udm(3, "here", 0)));
    assert!(matches!(directory.lookup(now, &query()), Lookup::Stale(_)));
}

#[test]
fn who_is_suspended_or_cannot_be_reached_is_not_kept() {
    let now = Instant::now();
    let mut suspended = udm(1, "here", 0);
    suspended.nf_status = NfStatus::Suspended;
    let mut without_service = udm(2, "here", 0);
    without_service.nf_services = None;
    let mut directory = stored(now, vec![suspended, without_service]);
    assert!(matches!(directory.lookup(now, &query()), Lookup::Unknown));
}
