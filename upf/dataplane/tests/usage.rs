//! Usage reporting, under a virtual clock.

mod support;

use std::time::Duration;

use dataplane::{DropReason, Event, Part, Usage, Verdict};
use proptest::prelude::*;
use rules::{Monitoring, Triggers, Urr, UrrId, Volumes};
use support::*;

fn total(octets: u64) -> Option<Volumes> {
    Some(Volumes { total: Some(octets), ..Volumes::default() })
}

fn with(urr: Urr) -> (rules::Session, Bench) {
    let mut rules = plain();
    rules.urrs.insert(UrrId(1), urr);
    let bench = Bench::with(&rules);
    (rules, bench)
}

/// A packet of 100 octets up.
fn hundred(bench: &mut Bench) -> bool {
    bench.up(&up(&udp(UE, HOST, (1, 2), 72))).0 == Verdict::ToN6
}

/// Lets time pass, doing what is due when it is due, and returns what was reported, each with its second.
fn pass(bench: &mut Bench, seconds: u64) -> Vec<(u64, Usage)> {
    let (start, end) = (bench.now, bench.now + Duration::from_secs(seconds));
    let mut reported = Vec::new();
    while let Some(at) = bench.forwarder.poll_timeout().filter(|at| *at <= end) {
        bench.now = bench.now.max(at);
        bench.forwarder.handle_timeout(bench.now);
        let second = (bench.now - start).as_secs();
        reported.extend(usage(bench).into_iter().map(|usage| (second, usage)));
    }
    bench.now = end;
    reported
}

fn usage(bench: &mut Bench) -> Vec<Usage> {
    let due = |event| match event {
        Event::UsageDue { usage, .. } => usage,
        other => panic!("{other:?}"),
    };
    bench.events().into_iter().flat_map(due).collect()
}

#[test]
fn volume_thresholds_and_quotas() {
    let triggers = Triggers::VOLUME_THRESHOLD | Triggers::VOLUME_QUOTA;
    let urr = Urr { volume: true, triggers, volume_threshold: total(300), volume_quota: total(1000), ..Urr::default() };
    let (mut rules, mut bench) = with(urr);
    let passed = (0..20).filter(|_| hundred(&mut bench)).count();
    assert_eq!((passed, bench.dropped(DropReason::Quota)), (10, 10));
    let due: Vec<(u64, Triggers)> = usage(&mut bench).iter().map(|usage| (usage.octets[0], usage.triggers)).collect();
    let threshold = (300, Triggers::VOLUME_THRESHOLD);
    assert_eq!(due, [threshold, threshold, threshold, (100, Triggers::VOLUME_QUOTA)]);
    // A change of something else gives no new quota; one of the same size does.
    bench.install(Some(&rules), &[], false);
    assert!(!hundred(&mut bench));
    rules.urrs.get_mut(&UrrId(1)).expect("there").quotas_given += 1;
    bench.install(Some(&rules), &[], false);
    assert_eq!((0..20).filter(|_| hundred(&mut bench)).count(), 10);
}

#[test]
fn no_quota_is_none_from_the_start() {
    let (_, mut bench) = with(Urr { volume: true, volume_quota: total(0), ..Urr::default() });
    assert!(!hundred(&mut bench));
    let (_, mut bench) = with(Urr { duration: true, time_quota: Some(0), ..Urr::default() });
    assert!(!hundred(&mut bench));
}

#[test]
fn periods_go_on_without_drift_and_without_packets() {
    let urr = Urr { volume: true, triggers: Triggers::PERIODIC, period: Some(10), ..Urr::default() };
    let (rules, mut bench) = with(urr);
    hundred(&mut bench);
    let reported = pass(&mut bench, 35);
    let seconds: Vec<_> = reported.iter().map(|(at, usage)| (*at, usage.octets[0], usage.triggers)).collect();
    assert_eq!(seconds, [(10, 100, Triggers::PERIODIC), (20, 0, Triggers::PERIODIC), (30, 0, Triggers::PERIODIC)]);
    // The period goes on over a change of the rules.
    bench.install(Some(&rules), &[], false);
    assert_eq!(pass(&mut bench, 6).len(), 1);
    // Nobody looked for an hour: one report, not three hundred and sixty.
    bench.now += Duration::from_secs(3600);
    bench.forwarder.handle_timeout(bench.now);
    assert_eq!(usage(&mut bench).len(), 1);
}

#[test]
fn duration_runs_from_the_first_packet_and_stands_still_without() {
    let triggers = Triggers::TIME_THRESHOLD | Triggers::TIME_QUOTA;
    let (time_threshold, time_quota) = (Some(30), Some(50));
    let urr = Urr { duration: true, triggers, time_threshold, time_quota, inactivity: Some(20), ..Urr::default() };
    let (_, mut bench) = with(urr);
    assert!(pass(&mut bench, 100).is_empty(), "no packet, no time");
    hundred(&mut bench);
    // Twenty seconds without a packet, then it stands still.
    assert!(pass(&mut bench, 1000).is_empty());
    hundred(&mut bench);
    let reported = pass(&mut bench, 15);
    let told: Vec<_> = reported.iter().map(|(at, usage)| (*at, usage.duration, usage.triggers)).collect();
    assert_eq!(told, [(10, Some(Duration::from_secs(30)), Triggers::TIME_THRESHOLD)]);
    hundred(&mut bench);
    let reported = pass(&mut bench, 15);
    assert_eq!(
        reported.iter().map(|(at, usage)| (*at, usage.triggers)).collect::<Vec<_>>(),
        [(15, Triggers::TIME_QUOTA)]
    );
    assert!(!hundred(&mut bench), "no time is left");
    assert_eq!(bench.install(None, &[], false)[0].duration, Some(Duration::ZERO));
}

#[test]
fn immediate_and_inactive_measurement() {
    let urr = Urr { duration: true, volume: true, immediate: true, ..Urr::default() };
    let (mut rules, mut bench) = with(urr);
    bench.now += Duration::from_secs(7);
    rules.urrs.get_mut(&UrrId(1)).expect("there").inactive = true;
    bench.install(Some(&rules), &[], false);
    bench.now += Duration::from_secs(9);
    assert!(hundred(&mut bench), "not measured, but forwarded");
    let reports = bench.install(None, &[], false);
    assert_eq!((reports[0].octets, reports[0].duration), ([0; 2], Some(Duration::ZERO)));
}

#[test]
fn a_quota_nobody_uses_is_given_up() {
    let triggers = Triggers::QUOTA_HOLDING;
    let urr = Urr { volume: true, triggers, volume_quota: total(10_000), quota_holding: Some(60), ..Urr::default() };
    let (_, mut bench) = with(urr);
    hundred(&mut bench);
    assert!(pass(&mut bench, 50).is_empty());
    hundred(&mut bench);
    let reported = pass(&mut bench, 100);
    assert_eq!(reported.iter().map(|(at, usage)| (*at, usage.triggers)).collect::<Vec<_>>(), [(60, triggers)]);
    assert!(!hundred(&mut bench));
}

#[test]
fn a_measurement_is_split_at_the_monitoring_time() {
    let triggers = Triggers::VOLUME_THRESHOLD;
    let now = std::time::Instant::now();
    let monitoring = |volume_threshold| {
        Some(Monitoring { at: now + Duration::from_secs(60), volume_threshold, time_threshold: None })
    };
    for (subsequent, expected) in [(total(200), [200, 200, 200]), (None, [300, 1000, 1000])] {
        let urr = Urr {
            volume: true,
            triggers,
            volume_threshold: total(1000),
            monitoring: monitoring(subsequent),
            ..Urr::default()
        };
        let mut rules = plain();
        rules.urrs.insert(UrrId(1), urr);
        let mut bench = Bench::with(&rules);
        (0..7).for_each(|_| assert!(hundred(&mut bench)));
        assert!(pass(&mut bench, 100).is_empty(), "split, not reported");
        // Over a change of the rules, too.
        assert_eq!(bench.install_asking(Some(&rules), &[]), []);
        (0..30).for_each(|_| assert!(hundred(&mut bench)));
        let reported = usage(&mut bench);
        assert_eq!((reported[0].part, reported[0].octets[0]), (Some(Part::Before), 700));
        let after: Vec<_> = reported[1..].iter().map(|usage| usage.octets[0]).take(3).collect();
        assert_eq!(after, expected, "{subsequent:?}");
        assert_eq!((reported[1].part, reported[2].part), (Some(Part::After), None));
    }
}

#[test]
fn the_start_of_traffic_and_linked_rules() {
    let mut rules = plain();
    rules.urrs.insert(UrrId(1), Urr { volume: true, triggers: Triggers::START, ..Urr::default() });
    let linked = Urr { volume: true, triggers: Triggers::LINKED, linked: vec![UrrId(1)], ..Urr::default() };
    rules.urrs.insert(UrrId(2), linked);
    rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.urrs = vec![UrrId(1), UrrId(2)]);
    let mut bench = Bench::with(&rules);
    (0..3).for_each(|_| assert!(hundred(&mut bench)));
    let told: Vec<_> = usage(&mut bench).iter().map(|usage| (usage.urr, usage.octets[0], usage.triggers)).collect();
    assert_eq!(told, [(1, 100, Triggers::START), (2, 100, Triggers::LINKED)]);
}

#[test]
fn a_session_without_packets_is_told_once() {
    let mut rules = plain();
    rules.inactivity = Some(30);
    let mut bench = Bench::with(&rules);
    let told = |bench: &mut Bench, seconds| {
        bench.now += Duration::from_secs(seconds);
        bench.forwarder.handle_timeout(bench.now);
        bench.events().iter().filter(|event| matches!(event, Event::Inactive { seid: SEID })).count()
    };
    assert_eq!(told(&mut bench, 20), 0);
    hundred(&mut bench);
    assert_eq!([told(&mut bench, 20), told(&mut bench, 20), told(&mut bench, 100)], [0, 1, 0]);
    hundred(&mut bench);
    assert_eq!(told(&mut bench, 31), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is reported when, together it is what passed.
    #[test]
    fn nothing_is_counted_twice_or_not_at_all(
        steps in proptest::collection::vec((0..5u8, 0..400u64, any::<bool>()), 1..60),
        threshold in 100..3000u64,
        period in 1..50u32,
        monitored in 0..600u64,
    ) {
        let at = std::time::Instant::now() + Duration::from_secs(monitored);
        let urr = Urr {
            volume: true,
            duration: true,
            triggers: Triggers::VOLUME_THRESHOLD | Triggers::PERIODIC,
            volume_threshold: total(threshold),
            period: Some(period),
            monitoring: Some(Monitoring { at, volume_threshold: None, time_threshold: None }),
            ..Urr::default()
        };
        let (rules, mut bench) = with(urr);
        let mut reported = Vec::new();
        let mut first = None;
        for (step, seconds, uplink) in steps {
            match step {
                0 => reported.extend(pass(&mut bench, seconds).into_iter().map(|(_, usage)| usage)),
                1 => reported.extend(bench.install(Some(&rules), &[], false)),
                _ => {
                    first = first.or(Some(bench.now));
                    let length = seconds as usize;
                    let _ = if uplink {
                        bench.up(&up(&udp(UE, HOST, (1, 2), length)))
                    } else {
                        bench.down(&udp(HOST, UE, (1, 2), length))
                    };
                    reported.extend(usage(&mut bench));
                }
            }
        }
        reported.extend(bench.install(None, &[], false));
        let sum = |place: usize| reported.iter().map(|usage| usage.octets[place]).sum::<u64>();
        let counted = bench.forwarder.counters().snapshot();
        prop_assert_eq!([sum(0), sum(1)], counted.octets);
        let packets: u64 = reported.iter().flat_map(|usage| usage.packets).sum();
        prop_assert_eq!(packets, counted.packets.iter().sum::<u64>());
        let run: Duration = reported.iter().filter_map(|usage| usage.duration).sum();
        prop_assert_eq!(run, first.map(|first| bench.now - first).unwrap_or_default());
    }
}
