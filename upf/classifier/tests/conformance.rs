//! One suite for every classifier, against the plainest reading of the definition.

use classifier::{
    Algorithm, Any, Auto, BitVector, Classifier, Interval, Invalid, Lanes, Linear, PartitionSort, Regions, Rule,
    RuleId, TupleMerge, TupleSpace,
};
use proptest::prelude::*;

/// The definition: of all rules that match, the least by precedence and id.
#[derive(Default)]
struct Oracle(Vec<Rule>);

impl Oracle {
    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        self.0.iter().filter(|rule| rule.matches(key)).map(|rule| (rule.precedence, rule.id)).min().map(|(_, id)| id)
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(Rule),
    Delete(RuleId),
    Look(Vec<u32>),
}

const DIMENSIONS: usize = 4;

/// Few distinct values, so that rules overlap, nest and touch.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..8u32, 1 => Just(u32::MAX), 1 => Just(u32::MAX - 1), 1 => Just(1 << 31), 1 => any::<u32>()]
}

fn interval() -> impl Strategy<Value = Interval> {
    prop_oneof![
        2 => Just(Interval::ANY),
        2 => value().prop_map(Interval::exact),
        2 => (value(), 0..=32u32).prop_map(|(value, length)| Interval::prefix(value, length)),
        2 => (value(), value()).prop_map(|(a, b)| Interval::range(a.min(b), a.max(b))),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let fields = proptest::collection::vec(interval(), DIMENSIONS);
    (0..40u32, 0..6u32, fields).prop_map(|(id, precedence, fields)| Rule {
        id: RuleId(id),
        precedence,
        fields: fields.into(),
    })
}

/// Keys at the edges of the intervals above.
fn key() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(value(), DIMENSIONS)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => rule().prop_map(Operation::Insert),
        1 => (0..40u32).prop_map(|id| Operation::Delete(RuleId(id))),
        4 => key().prop_map(Operation::Look),
    ]
}

/// Looks up every corner of every rule, and just outside.
fn corners(oracle: &Oracle) -> Vec<Vec<u32>> {
    let edge = |pick: fn(&Interval) -> u32| {
        oracle.0.iter().map(move |rule| rule.fields.iter().map(pick).collect::<Vec<u32>>()).collect::<Vec<_>>()
    };
    let edges: [fn(&Interval) -> u32; 4] =
        [|f| f.low, |f| f.high, |f| f.low.wrapping_sub(1), |f| f.high.wrapping_add(1)];
    edges.into_iter().flat_map(edge).collect()
}

fn agrees<C: Classifier>(operations: Vec<Operation>) -> Result<(), TestCaseError> {
    let mut oracle = Oracle::default();
    let mut classifier = C::new(DIMENSIONS);
    for operation in operations {
        match operation {
            Operation::Insert(rule) => {
                let known = oracle.0.iter().any(|other| other.id == rule.id);
                let expected = if known { Err(Invalid::Duplicate(rule.id)) } else { Ok(()) };
                prop_assert_eq!(classifier.insert(rule.clone()), expected);
                if !known {
                    oracle.0.push(rule);
                }
            }
            Operation::Delete(id) => {
                let before = oracle.0.len();
                oracle.0.retain(|rule| rule.id != id);
                prop_assert_eq!(classifier.delete(id), oracle.0.len() < before);
            }
            Operation::Look(key) => prop_assert_eq!(classifier.lookup(&key), oracle.lookup(&key)),
        }
        prop_assert_eq!(classifier.len(), oracle.0.len());
    }
    for key in corners(&oracle) {
        prop_assert_eq!(classifier.lookup(&key), oracle.lookup(&key));
    }
    let built = C::build(DIMENSIONS, oracle.0.iter().cloned()).expect("the rules were taken before");
    for key in corners(&oracle) {
        prop_assert_eq!(built.lookup(&key), oracle.lookup(&key));
    }
    Ok(())
}

/// SplitMix64: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u32 % bound
    }

    /// Mostly narrow in one of the first two dimensions, as sets of many rules are.
    fn rule(&mut self, id: u32) -> Rule {
        let wide = self.below(8);
        let address = |chance: &mut Self, any: bool| match any {
            true => Interval::ANY,
            false => Interval::prefix(chance.below(u32::MAX), 12 + chance.below(21)),
        };
        let port = |chance: &mut Self| match chance.below(3) {
            0 => Interval::ANY,
            1 => Interval::exact(chance.below(50)),
            _ => Interval::range(chance.below(50), 50 + chance.below(50)),
        };
        let fields = [address(self, wide & 3 == 0), address(self, wide < 3), port(self), port(self)];
        Rule { id: RuleId(id), precedence: self.below(500), fields: fields.into() }
    }

    /// A corner of a rule, or a place next to it.
    fn key(&mut self, rule: &Rule) -> Vec<u32> {
        let edge = |field: &Interval| match self.below(6) {
            0 => field.low,
            1 => field.high,
            2 => field.low.wrapping_sub(1),
            3 => field.high.wrapping_add(1),
            _ => field.low + (field.high - field.low) / 2,
        };
        rule.fields.iter().map(edge).collect()
    }
}

/// As the list does, which is held against the definition above, with many rules that come and go.
fn agrees_on_many<C: Classifier>(count: u32) {
    let mut chance = Chance(u64::from(count));
    let rules: Vec<Rule> = (0..count).map(|id| chance.rule(id)).collect();
    let (early, late) = rules.split_at(rules.len() / 2);
    let mut list = Linear::build(DIMENSIONS, early.iter().cloned()).expect("sound rules");
    let mut classifier = C::build(DIMENSIONS, early.iter().cloned()).expect("sound rules");
    let mut same = |list: &Linear, classifier: &C, rules: &[Rule], looks: u32| {
        for _ in 0..looks {
            let place = chance.below(rules.len() as u32) as usize;
            let key = chance.key(&rules[place]);
            assert_eq!(classifier.lookup(&key), list.lookup(&key), "{key:?}");
        }
        assert_eq!(classifier.len(), list.len());
    };
    same(&list, &classifier, early, 300);
    for rules in late.chunks(late.len() / 4 + 1) {
        for rule in rules {
            list.insert(rule.clone()).expect("a new rule");
            classifier.insert(rule.clone()).expect("a new rule");
        }
        same(&list, &classifier, rules, 100);
    }
    // Every third first, so that what is left is everywhere.
    let order = (0..3).flat_map(|first| (first..count).step_by(3));
    for (removed, id) in order.enumerate() {
        assert!(list.delete(RuleId(id)) && classifier.delete(RuleId(id)));
        if removed.is_multiple_of(count as usize / 10) {
            same(&list, &classifier, &rules, 60);
        }
    }
    assert!(classifier.is_empty());
}

/// Rules that constrain nothing: the first counts.
fn agrees_on_rules_for_everything<C: Classifier>() {
    let rule = |id| Rule { id: RuleId(id), precedence: 100 - id, fields: [Interval::ANY; 2].into() };
    let mut classifier = C::build(2, (0..70).map(rule)).expect("sound rules");
    assert_eq!(classifier.lookup(&[1, 2]), Some(RuleId(69)));
    assert_eq!(classifier.insert(rule(80)), Ok(()));
    assert_eq!(classifier.lookup(&[1, 2]), Some(RuleId(80)));
    assert!(classifier.delete(RuleId(80)) && classifier.delete(RuleId(69)));
    assert_eq!(classifier.lookup(&[1, 2]), Some(RuleId(68)));
}

fn refuses_what_makes_no_sense<C: Classifier>() {
    let mut classifier = C::new(2);
    let rule = |id, fields: &[Interval]| Rule { id: RuleId(id), precedence: 0, fields: fields.into() };
    let short = classifier.insert(rule(1, &[Interval::ANY]));
    assert_eq!(short, Err(Invalid::Dimensions { expected: 2, got: 1 }));
    let empty = classifier.insert(rule(1, &[Interval::ANY, Interval::range(2, 1)]));
    assert_eq!(empty, Err(Invalid::Empty(1)));
    assert!(classifier.is_empty());
    assert_eq!(classifier.lookup(&[1, 2]), None);
    assert!(!classifier.delete(RuleId(1)));
}

/// The suite for one classifier.
macro_rules! conformance {
    ($($name:ident: $classifier:ty, $many:literal rules;)*) => { $(
        mod $name {
            use super::*;

            proptest! {
                #[test]
                fn agrees_with_the_definition(operations in proptest::collection::vec(operation(), 1..80)) {
                    agrees::<$classifier>(operations)?;
                }
            }

            #[test]
            fn agrees_with_the_list_on_many_rules() {
                agrees_on_many::<$classifier>($many);
            }

            #[test]
            fn agrees_on_rules_that_constrain_nothing() {
                agrees_on_rules_for_everything::<$classifier>();
            }

            #[test]
            fn refuses_rules_that_make_no_sense() {
                refuses_what_makes_no_sense::<$classifier>();
            }
        }
    )* };
}

conformance! {
    linear: Linear, 100 rules;
    partition_sort: PartitionSort, 1500 rules;
    tuple_space: TupleSpace, 1500 rules;
    tuple_merge: TupleMerge, 1500 rules;
    lanes: Lanes, 300 rules;
    bit_vector: BitVector, 1500 rules;
    regions: Regions, 3000 rules;
    auto: Auto, 7000 rules;
}

/// Whatever is chosen by name finds what the list finds.
#[test]
fn every_algorithm_can_be_chosen_by_name() {
    let mut chance = Chance(3);
    let rules: Vec<Rule> = (0..200).map(|id| chance.rule(id)).collect();
    let list = Linear::build(DIMENSIONS, rules.iter().cloned()).expect("sound rules");
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(*algorithm));
        let any = Any::build(*algorithm, DIMENSIONS, rules.iter().cloned()).expect("sound rules");
        for rule in &rules {
            let key = chance.key(rule);
            assert_eq!(any.lookup(&key), list.lookup(&key), "{algorithm}: {key:?}");
        }
    }
    let said = "partitionsort".parse::<Algorithm>().expect_err("no such name").to_string();
    assert!(Algorithm::ALL.iter().all(|known| said.contains(known.name())), "{said}");
}

#[test]
fn prefixes_are_the_intervals_they_stand_for() {
    assert_eq!(Interval::prefix(0x0a2d_0102, 16), Interval::range(0x0a2d_0000, 0x0a2d_ffff));
    assert_eq!(Interval::prefix(7, 0), Interval::ANY);
    assert_eq!(Interval::prefix(7, 32), Interval::exact(7));
    assert_eq!(Interval::prefix(7, 99), Interval::exact(7));
}
