//! Packets shown to somebody who looks on, with the rule that each matches.

mod support;

use std::sync::{Arc, Mutex};

use dataplane::{Command, Point, Tap, Verdict};
use rules::{Action, Far, FarId, Filter, PdrId};
use support::*;

#[test]
fn a_packet_is_shown_with_its_rule_as_it_comes_and_then_as_it_goes() {
    let mut rules = plain();
    let mut names = rules.pdrs.get(&PdrId(1)).expect("the uplink's").clone();
    let flow = "permit out 17 from any 53 to assigned".parse().ok();
    (names.precedence, names.far) = (1, Some(FarId(3)));
    names.pdi.filters = vec![Filter { flow, ..Filter::default() }];
    rules.pdrs.insert(PdrId(7), names);
    rules.fars.insert(FarId(3), Far { action: Action::DROP, forwarding: None, bar: None, steering: None });
    let mut bench = Bench::with(&rules);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let tap = Tap::new(None, move |seen| noted.lock().expect("no panic").push((seen.point, seen.seid, seen.pdr)));
    bench.forwarder.command(bench.now, Command::Tap(Some(tap)));
    let shown = || std::mem::take(&mut *seen.lock().expect("no panic"));

    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 53), 10))).0, Verdict::Drop);
    assert_eq!(shown(), [(Point::FromN3, Some(SEID), Some(7))]);
    assert_eq!(bench.up(&up(&udp(UE, HOST, (1000, 54), 10))).0, Verdict::ToN6);
    assert_eq!(shown(), [(Point::FromN3, Some(SEID), Some(1)), (Point::ToN6, Some(SEID), None)]);
    assert_eq!(bench.down(&udp(HOST, UE, (53, 1000), 10)).0, Verdict::ToN3(gnb()));
    assert_eq!(shown(), [(Point::FromN6, Some(SEID), Some(2)), (Point::ToN3, Some(SEID), None)]);
    bench.up(&tunnelled(0x4200_0077, 1, &udp(UE, HOST, (1, 2), 10)));
    assert_eq!(shown()[0], (Point::FromN3, None, None), "of nobody's session");
    bench.forwarder.command(bench.now, Command::Tap(None));
    bench.up(&up(&udp(UE, HOST, (1000, 54), 10)));
    assert_eq!(shown(), []);
}
