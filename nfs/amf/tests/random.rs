//! Random sequences of steps against the whole machine; `tests/fuzz` has the same play, guided by coverage.

mod support;

use std::time::Duration;

use proptest::prelude::*;
use support::Fate;
use support::play::{ACTIONS, NODES, Step, UES, play};

fn octets() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..60)
}

fn fate() -> impl Strategy<Value = Fate> {
    (0..3_000u64, 0..8u8).prop_map(|(after, fails)| Fate { after: Duration::from_millis(after), fails: fails == 0 })
}

fn mutation() -> impl Strategy<Value = Step> {
    (0..NODES, any::<u16>(), any::<u8>(), 1..3u8).prop_map(|(node, at, value, count)| Step::Mutate {
        node,
        at,
        value,
        count,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..UES, 0..NODES, 0..ACTIONS).prop_map(|(ue, node, action)| Step::Act { ue, node, action }),
        30 => Just(Step::Answer),
        2 => mutation(),
        1 => (0..NODES, octets()).prop_map(|(node, octets)| Step::Octets(node, octets)),
        1 => (0..UES, octets()).prop_map(|(ue, octets)| Step::Nas(ue, octets)),
        1 => proptest::collection::vec(fate(), 1..8).prop_map(Step::Fates),
        2 => (1..8_000u16).prop_map(Step::Wait),
        1 => (0..NODES).prop_map(Step::Reconnect),
    ]
}

#[test]
fn random_sequences_do_no_harm() {
    let cases = std::env::var("RANDOM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&proptest::collection::vec(step(), 1..100), |steps| {
        play(steps);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
