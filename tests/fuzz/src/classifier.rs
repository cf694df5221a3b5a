//! Classifiers against the plainest reading of what they are to do.

use classifier::*;

use crate::choices::Choices;

const DIMENSIONS: usize = 3;

/// Of all rules that match, the least by precedence and id.
fn oracle(rules: &[Rule], key: &[u32]) -> Option<RuleId> {
    rules.iter().filter(|rule| rule.matches(key)).map(|rule| (rule.precedence, rule.id)).min().map(|(_, id)| id)
}

/// Few distinct values, so that rules overlap, nest and touch.
fn value(choices: &mut Choices<'_>) -> u32 {
    match choices.octet() {
        octet @ 0..0xf0 => u32::from(octet >> 4),
        octet @ 0xf0..0xf8 => u32::MAX - u32::from(octet & 7),
        0xf8..0xfc => 1 << 31,
        _ => choices.number(),
    }
}

fn interval(choices: &mut Choices<'_>) -> Interval {
    match choices.below(4) {
        0 => Interval::ANY,
        1 => Interval::exact(value(choices)),
        2 => Interval::prefix(value(choices), u32::from(choices.below(34))),
        // Perhaps an empty one, to be refused.
        _ => Interval::range(value(choices), value(choices)),
    }
}

fn rule(choices: &mut Choices<'_>) -> Rule {
    let dimensions = if choices.octet() == 0xff { DIMENSIONS + 1 } else { DIMENSIONS };
    Rule {
        id: RuleId(u32::from(choices.below(64))),
        precedence: u32::from(choices.below(4)),
        fields: (0..dimensions).map(|_| interval(choices)).collect(),
    }
}

/// Rules come and go, keys are looked up.
pub fn classifier(data: &[u8]) {
    agrees::<Linear>(&mut Choices::new(data));
    agrees::<PartitionSort>(&mut Choices::new(data));
    agrees::<TupleSpace>(&mut Choices::new(data));
    agrees::<TupleMerge>(&mut Choices::new(data));
    agrees::<BitVector>(&mut Choices::new(data));
    agrees::<Regions>(&mut Choices::new(data));
    agrees::<Auto>(&mut Choices::new(data));
}

fn agrees<C: Classifier>(choices: &mut Choices<'_>) {
    let mut rules: Vec<Rule> = Vec::new();
    let mut classifier = C::new(DIMENSIONS);
    while !choices.is_empty() {
        match choices.below(3) {
            0 => {
                let rule = rule(choices);
                let sound = rule.fields.len() == DIMENSIONS && rule.fields.iter().all(|field| field.low <= field.high);
                let new = rules.iter().all(|other| other.id != rule.id);
                assert_eq!(classifier.insert(rule.clone()).is_ok(), sound && new, "{rule:?}");
                if sound && new {
                    rules.push(rule);
                }
            }
            1 => {
                let id = RuleId(u32::from(choices.below(64)));
                let known = rules.iter().any(|rule| rule.id == id);
                assert_eq!(classifier.delete(id), known);
                rules.retain(|rule| rule.id != id);
            }
            _ => {
                let key: Vec<u32> = (0..DIMENSIONS).map(|_| value(choices)).collect();
                assert_eq!(classifier.lookup(&key), oracle(&rules, &key), "{key:?} among {rules:?}");
            }
        }
        assert_eq!(classifier.len(), rules.len());
    }
    for rule in &rules {
        let key: Vec<u32> = rule.fields.iter().map(|field| field.low).collect();
        assert_eq!(classifier.lookup(&key), oracle(&rules, &key), "the corner of {rule:?} among {rules:?}");
    }
}

/// Rows of decisions: insert, look up, delete.
pub(crate) fn sequences() -> Vec<Vec<u8>> {
    let insert = |id: u8, precedence: u8, at: u8| [0, 0, id, precedence, 1, at, 2, 0x30, 30, 0];
    let look = [2, 0x10, 0x30, 0x20];
    vec![
        [&insert(1, 1, 0x10)[..], &insert(2, 0, 0x10), &look, &[1, 2], &look].concat(),
        [&insert(1, 0, 0x20)[..], &insert(1, 0, 0x10), &look, &insert(3, 3, 0xf3), &look].concat(),
    ]
}
