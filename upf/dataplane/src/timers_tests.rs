//! What the timers hold of sessions.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rules::{Pdi, Pdr, Source, Triggers, Urr, UrrId};

use super::Forwarder;
use crate::{Command, Config, Event, InstallId, Session};

const SEID: u64 = 9;

/// One rule for packets from the data network, measured by this one.
fn session(urr: Urr) -> rules::Session {
    let mut rules = rules::Session::default();
    let pdi = Pdi::from(Source::Core).of(Ipv4Addr::new(10, 45, 0, 2).into());
    let (qers, urrs) = (Vec::new(), vec![UrrId(1)]);
    let pdr = Pdr { precedence: 255, pdi, outer_header_removal: false, far: None, qers, urrs };
    rules.pdrs.insert(rules::PdrId(1), pdr);
    rules.urrs.insert(UrrId(1), urr);
    rules
}

fn forwarder(now: Instant) -> Forwarder {
    Forwarder::new(Config::new(IpAddr::from([127, 0, 0, 7])), 0, now)
}

fn install(forwarder: &mut Forwarder, now: Instant, rules: &rules::Session) {
    let session = Some(Session::compile(SEID, rules, now));
    let (report, end_markers) = (BTreeSet::new(), Vec::new());
    let id = InstallId(1);
    forwarder.command(now, Command::Install { id, session, seid: SEID, report, end_markers, drop_buffered: false });
}

/// An SMF that changes a session a thousand times leaves one entry, not a thousand that come all at once.
#[test]
fn a_session_has_one_time_however_often_it_changes() {
    let mut now = Instant::now();
    let rules = session(Urr { volume: true, triggers: Triggers::PERIODIC, period: Some(3600), ..Urr::default() });
    let mut forwarder = forwarder(now);
    for _ in 0..1000 {
        install(&mut forwarder, now, &rules);
        now += Duration::from_millis(1);
    }
    assert_eq!(forwarder.lane.timers.noted(), 1);
    // It still counts: one report an hour after the first of them.
    now = forwarder.poll_timeout().expect("the period ends");
    forwarder.drain_events().for_each(drop);
    forwarder.handle_timeout(now);
    assert!(matches!(forwarder.drain_events().collect::<Vec<_>>()[..], [Event::UsageDue { seid: SEID, .. }]));
    assert_eq!(forwarder.lane.timers.noted(), 1);
}

/// What is due again as soon as it was looked at is looked at once a call, so that commands and packets come in between.
#[test]
fn what_is_always_due_does_not_keep_the_worker() {
    let now = Instant::now();
    let (duration, immediate, triggers) = (true, true, Triggers::TIME_THRESHOLD);
    // No SMF gets such a rule past `rules::plan`.
    let urr = Urr { duration, immediate, triggers, time_threshold: Some(0), ..Urr::default() };
    let mut forwarder = forwarder(now);
    install(&mut forwarder, now, &session(urr));
    for _ in 0..3 {
        forwarder.drain_events().for_each(drop);
        assert_eq!(forwarder.poll_timeout(), Some(now));
        forwarder.handle_timeout(now);
        assert_eq!(forwarder.drain_events().count(), 1);
    }
}
