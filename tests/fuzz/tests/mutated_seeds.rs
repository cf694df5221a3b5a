//! Every target over mutated seeds: the same inputs in every run. What it finds, and more, `tests/fuzz/run` finds too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fuzz::{Mutator, TARGETS, Target};

/// Inputs per target, unless they take longer than [`TIME`].
const INPUTS: u64 = 3000;
/// A target stops after this: slow machines try less.
const TIME: Duration = Duration::from_millis(1500);

fn check(target: &Target, input: &[u8], from: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if outcome.is_err() {
        let octets: String = input.iter().map(|octet| format!("{octet:02x}")).collect();
        panic!("target {} fails on {from}: {octets}", target.name);
    }
}

fn exercise(target: &Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "target {} has no seeds", target.name);
    check(target, &[], "the empty input");
    for (number, seed) in seeds.iter().enumerate() {
        check(target, seed, &format!("seed {number}"));
    }
    let begin = Instant::now();
    for number in 0..INPUTS {
        if begin.elapsed() > TIME {
            break;
        }
        check(target, &Mutator::new(number).input(&seeds), &format!("mutation {number}"));
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            exercise(fuzz::target(stringify!($name)).expect("a target of this name"));
        })*

        #[test]
        fn every_target_has_its_test() {
            let tested = [$(stringify!($name)),*];
            let missing: Vec<_> = TARGETS.iter().map(|target| target.name).filter(|n| !tested.contains(n)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    };
}

tests! {
    ngap ngap_transfers nas_gmm nas_gsm nas_elements nas_security amf pfcp pfcp_node pfcp_pair gtpu rules flow_descriptions
    classifier sbi_multipart sbi_nrf sbi_token shm_channel config
}
