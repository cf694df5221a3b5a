//! The AMF's state machines: several nodes and UEs, honest and not, other NFs that answer when and as they like, and time.

// The AMF's own tests have the play and everybody in it.
#[path = "../../../nfs/amf/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use support::Fate;
use support::play::{ACTIONS, NODES, Step, UES, play};

use crate::choices::{Choices, with_length};

/// Steps of an input at most: what comes after them has been seen.
const MOST_STEPS: usize = 200;

const ACT: u8 = 0;
const ANSWER: u8 = 6;
const MUTATE: u8 = 12;
const MADE_UP: u8 = 13;
const WAIT: u8 = 14;
const OTHER: u8 = 15;

/// Nodes, UEs, other NFs and the clock act as the input says.
pub fn amf(data: &[u8]) {
    let mut choices = Choices::new(data);
    let steps = std::iter::from_fn(|| (!choices.is_empty()).then(|| step(&mut choices)));
    play(steps.take(MOST_STEPS));
}

fn step(choices: &mut Choices<'_>) -> Step {
    match choices.below(16) {
        ACT..ANSWER => {
            Step::Act { ue: index(choices, UES), node: index(choices, NODES), action: choices.below(ACTIONS) }
        }
        ANSWER..MUTATE => Step::Answer,
        MUTATE => Step::Mutate {
            node: index(choices, NODES),
            at: u16::from_be_bytes([choices.octet(), choices.octet()]),
            value: choices.octet(),
            count: 1 + choices.below(3),
        },
        MADE_UP if choices.flag() => Step::Octets(index(choices, NODES), choices.octets().to_vec()),
        MADE_UP => Step::Nas(index(choices, UES), choices.octets().to_vec()),
        WAIT => Step::Wait(u16::from(choices.octet()) * 40),
        _ if choices.flag() => Step::Fates((0..choices.below(8)).map(|_| fate(choices)).collect()),
        _ => Step::Reconnect(index(choices, NODES)),
    }
}

fn index(choices: &mut Choices<'_>, bound: usize) -> usize {
    usize::from(choices.octet()) % bound
}

fn fate(choices: &mut Choices<'_>) -> Fate {
    let octet = choices.octet();
    Fate { after: Duration::from_millis(u64::from(octet) * 20), fails: octet & 7 == 7 }
}

/// A UE does something at a node, and everybody answers so often.
fn act(ue: u8, node: u8, action: u8, answers: usize) -> Vec<u8> {
    [&[ACT, ue, node, action][..], &[ANSWER].repeat(answers)].concat()
}

/// Lives of UEs, and what may come between.
pub(crate) fn sequences() -> Vec<Vec<u8>> {
    let register = |ue, node| act(ue, node, 0, 5);
    let establish = |ue| act(ue, 0, 5, 3);
    let all = [register(0, 0), register(1, 1), register(2, 0)].concat();
    let life = [establish(0), act(0, 0, 8, 2), act(0, 1, 3, 3), act(0, 0, 6, 3), act(0, 0, 7, 2), act(0, 1, 1, 4)];
    let slow = [OTHER, 1, 6, 8, 40, 7, 1, 30, 2];
    let plain = [&[MADE_UP, 0, 0][..], &with_length(&[0x7e, 0, 0x41])].concat();
    vec![
        [&all[..], &life.concat()].concat(),
        [&all[..], &establish(1), &act(1, 0, 13, 1), &act(1, 0, 14, 1), &act(2, 0, 4, 3), &act(1, 0, 5, 4)].concat(),
        [&slow[..], &all, &slow, &establish(0), &[WAIT, 200], &act(0, 0, 11, 2), &act(0, 1, 2, 3)].concat(),
        [&register(0, 0)[..], &establish(0), &act(0, 0, 8, 2), &act(0, 0, 10, 1), &act(0, 0, 3, 4)].concat(),
        [&register(0, 0)[..], &[MUTATE, 0, 0, 20, 2, 1], &establish(0), &[OTHER, 0, 0], &act(0, 0, 15, 2)].concat(),
        [&all[..], &act(0, 1, 12, 1), &plain, &act(1, 0, 9, 4), &act(1, 0, 0, 2), &[WAIT, 255]].concat(),
    ]
}
