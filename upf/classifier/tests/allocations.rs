//! A look-up allocates nothing, whatever the classifier and however many rules it has.
// The allocator that counts is one of the system's interfaces that are unsafe to implement.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use classifier::{
    Auto, BitVector, Classifier, Interval, Lanes, Linear, PartitionSort, Regions, Rule, RuleId, TupleMerge, TupleSpace,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every request is handed to the system's allocator as it came; counting touches a thread-local number only, which
// needs no allocation of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as asked of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as asked of this function; all memory is the system allocator's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rules that overlap in many ways.
fn rules(count: u32) -> Vec<Rule> {
    let rule = |number: u32| {
        let scattered = number.wrapping_mul(0x9e37_79b9);
        let fields = [
            Interval::prefix(scattered, number % 33),
            Interval::prefix(scattered.rotate_left(11), number % 7 * 5),
            Interval::range(scattered & 0xff, 0x100 + (number & 0xff)),
        ];
        Rule { id: RuleId(number), precedence: number % 5, fields: fields.into() }
    };
    (0..count).map(rule).collect()
}

fn looks_up_without_allocating<C: Classifier>() {
    for count in [0, 1, 10, 100, 4000] {
        let rules = rules(count);
        let classifier = C::build(3, rules.iter().cloned()).expect("sound rules");
        let before = ALLOCATIONS.get();
        for number in 0..200_u32 {
            let scattered = number.wrapping_mul(0x85eb_ca6b);
            black_box(classifier.lookup(&[scattered, !scattered, number]));
            black_box(classifier.lookup(&[scattered, !scattered]));
        }
        for rule in rules.iter().take(200) {
            black_box(classifier.lookup(&[rule.fields[0].low, rule.fields[1].high, rule.fields[2].low]));
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{count} rules");
    }
    let before = ALLOCATIONS.get();
    drop(black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1, "what allocates is counted");
}

macro_rules! for_each {
    ($($name:ident: $classifier:ty),* $(,)?) => { $(
        #[test]
        fn $name() {
            looks_up_without_allocating::<$classifier>();
        }
    )* };
}

for_each! {
    linear: Linear,
    partition_sort: PartitionSort,
    tuple_space: TupleSpace,
    tuple_merge: TupleMerge,
    lanes: Lanes,
    bit_vector: BitVector,
    regions: Regions,
    auto: Auto,
}
