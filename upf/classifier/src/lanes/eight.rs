//! Eight tests at once, by vectors of whatever kind the processor has.
// Vector instructions are unsafe where the compiler is not told of the processor's extensions.
#![allow(unsafe_code)]

use crate::Interval;
#[cfg(target_arch = "x86_64")]
use crate::vector::has_avx2;

/// Rules that are tested at once.
pub(crate) const WIDTH: usize = 8;
/// So many groups are tested in two dimensions, without a branch, before the rules that are left are tested in the others.
const GROUPS: usize = 8;

/// Tests of eight rules in one dimension, each whether a value is `low` or one of the `span` values after it. A cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Tests {
    low: [u32; WIDTH],
    span: [u32; WIDTH],
}

impl Tests {
    pub(crate) fn put(&mut self, lane: usize, field: &Interval) {
        (self.low[lane], self.span[lane]) = (field.low, field.high - field.low);
    }

    pub(crate) fn get(&self, lane: usize) -> Interval {
        Interval::range(self.low[lane], self.low[lane] + self.span[lane])
    }

    /// Puts a field before this lane, and gives back the last, which has no room any more.
    pub(crate) fn insert(&mut self, lane: usize, field: &Interval) -> Interval {
        let last = self.get(WIDTH - 1);
        self.low.copy_within(lane..WIDTH - 1, lane + 1);
        self.span.copy_within(lane..WIDTH - 1, lane + 1);
        self.put(lane, field);
        last
    }

    /// Takes this lane out, gives it back, and puts a field behind the last.
    pub(crate) fn remove(&mut self, lane: usize, field: &Interval) -> Interval {
        let removed = self.get(lane);
        self.low.copy_within(lane + 1.., lane);
        self.span.copy_within(lane + 1.., lane);
        self.put(WIDTH - 1, field);
        removed
    }
}

/// Eight tests at once.
trait Vector {
    /// Which of eight rules have passed all tests.
    type Passed: Copy;

    fn all() -> Self::Passed;

    /// Those that pass this one, too.
    fn test(passed: Self::Passed, tests: &Tests, value: u32) -> Self::Passed;

    /// A bit for each.
    fn bits(passed: Self::Passed) -> u32;
}

/// Any processor.
struct Portable;

impl Vector for Portable {
    type Passed = u32;

    #[inline(always)]
    fn all() -> u32 {
        (1 << WIDTH) - 1
    }

    #[inline(always)]
    fn test(passed: u32, tests: &Tests, value: u32) -> u32 {
        let lanes = tests.low.iter().zip(&tests.span).enumerate();
        let bits = lanes.map(|(lane, (low, span))| u32::from(value.wrapping_sub(*low) <= *span) << lane);
        passed & bits.fold(0, |bits, bit| bits | bit)
    }

    #[inline(always)]
    fn bits(passed: u32) -> u32 {
        passed
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_cmple_epu32_mask, _mm256_load_si256,
        _mm256_min_epu32, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_sub_epi32,
    };

    use super::{Tests, Vector};

    /// How far the value is from each lowest one, and how far it may be.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn distance(tests: &Tests, value: u32) -> (__m256i, __m256i) {
        // SAFETY: the arrays have 32 octets, and the first begins at a multiple of 64, the second 32 behind it.
        unsafe {
            let low = _mm256_load_si256(tests.low.as_ptr().cast());
            let span = _mm256_load_si256(tests.span.as_ptr().cast());
            (_mm256_sub_epi32(_mm256_set1_epi32(value.cast_signed()), low), span)
        }
    }

    /// Vectors of 256 bits. Made only where the processor has AVX2.
    pub(super) struct Avx2;

    impl Vector for Avx2 {
        type Passed = __m256i;

        #[inline(always)]
        fn all() -> __m256i {
            // SAFETY: `Avx2` is chosen only where the processor has it.
            unsafe { _mm256_set1_epi32(-1) }
        }

        #[inline(always)]
        fn test(passed: __m256i, tests: &Tests, value: u32) -> __m256i {
            // SAFETY: as above.
            unsafe {
                let (distance, span) = distance(tests, value);
                _mm256_and_si256(passed, _mm256_cmpeq_epi32(_mm256_min_epu32(distance, span), distance))
            }
        }

        #[inline(always)]
        fn bits(passed: __m256i) -> u32 {
            // SAFETY: as above.
            unsafe { _mm256_movemask_ps(_mm256_castsi256_ps(passed)).cast_unsigned() }
        }
    }

    /// The same with a bit for each comparison. Chosen only where the processor has AVX-512 F and VL.
    pub(super) struct Avx512;

    impl Vector for Avx512 {
        type Passed = u8;

        #[inline(always)]
        fn all() -> u8 {
            u8::MAX
        }

        #[inline(always)]
        fn test(passed: u8, tests: &Tests, value: u32) -> u8 {
            // SAFETY: `Avx512` is chosen only where the processor has AVX-512 F and VL, and so AVX2.
            unsafe {
                let (distance, span) = distance(tests, value);
                passed & _mm256_cmple_epu32_mask(distance, span)
            }
        }

        #[inline(always)]
        fn bits(passed: u8) -> u32 {
            u32::from(passed)
        }
    }
}

/// Which of the eight rules of a group pass these tests. A dimension that the key has not is passed.
// No closures: one that is not inlined would be compiled for any processor.
#[inline(always)]
fn passed<V: Vector>(tests: &[Tests], asked: &[u16], key: &[u32]) -> u64 {
    let mut passed = V::all();
    for (tests, dimension) in tests.iter().zip(asked) {
        if let Some(value) = key.get(usize::from(*dimension)) {
            passed = V::test(passed, tests, *value);
        }
    }
    u64::from(V::bits(passed))
}

/// The first rule that passes, one group of eight after another.
#[inline(always)]
fn first_by_group<V: Vector>(tests: &[Tests], asked: &[u16], key: &[u32]) -> Option<usize> {
    for (group, tests) in tests.chunks_exact(asked.len()).enumerate() {
        let passed = passed::<V>(tests, asked, key);
        if passed != 0 {
            return Some(group * WIDTH + passed.trailing_zeros() as usize);
        }
    }
    None
}

#[inline(always)]
fn first_with<V: Vector>(tests: &[Tests], asked: &[u16], key: &[u32]) -> Option<usize> {
    let all = asked.len();
    let (&[one, another, ..], true) = (asked, tests.len() > all) else { return first_by_group::<V>(tests, asked, key) };
    let (Some(one), Some(another)) = (key.get(usize::from(one)), key.get(usize::from(another))) else {
        return first_by_group::<V>(tests, asked, key);
    };
    for (chunk, tests) in tests.chunks(GROUPS * all).enumerate() {
        let mut candidates = 0;
        for (group, tests) in tests.chunks_exact(all).enumerate() {
            let passed = V::test(V::test(V::all(), &tests[0], *one), &tests[1], *another);
            candidates |= u64::from(V::bits(passed)) << (group * WIDTH);
        }
        while candidates != 0 {
            let group = candidates.trailing_zeros() as usize / WIDTH;
            let tests = &tests[group * all..][..all];
            let found = candidates & passed::<V>(&tests[2..], &asked[2..], key) << (group * WIDTH);
            if found != 0 {
                return Some(chunk * GROUPS * WIDTH + found.trailing_zeros() as usize);
            }
            candidates &= !(0xff << (group * WIDTH));
        }
    }
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn first_with_avx2(tests: &[Tests], asked: &[u16], key: &[u32]) -> Option<usize> {
    first_with::<x86::Avx2>(tests, asked, key)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512vl,bmi1,bmi2,popcnt")]
fn first_with_avx512(tests: &[Tests], asked: &[u16], key: &[u32]) -> Option<usize> {
    first_with::<x86::Avx512>(tests, asked, key)
}

/// The vectors that the processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vectors(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Default for Vectors {
    fn default() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            let wider = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            return Self(if wider { Kind::Avx512 } else { Kind::Avx2 });
        }
        Self(Kind::Portable)
    }
}

impl Vectors {
    /// The place of the first rule that passes. Groups of eight rules have a test for each dimension asked, of which there is one
    /// at least; a dimension that the key has not is passed.
    #[inline]
    pub(super) fn first(self, tests: &[Tests], asked: &[u16], key: &[u32]) -> Option<usize> {
        match self.0 {
            Kind::Portable => first_with::<Portable>(tests, asked, key),
            // SAFETY: `Kind::Avx2` is made only where the processor has the extensions that the function is compiled for.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { first_with_avx2(tests, asked, key) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { first_with_avx512(tests, asked, key) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that the processor which runs this has.
    fn kinds() -> Vec<Vectors> {
        let best = Vectors::default();
        let mut kinds = vec![best, Vectors(Kind::Portable)];
        #[cfg(target_arch = "x86_64")]
        if let Kind::Avx512 = best.0 {
            kinds.push(Vectors(Kind::Avx2));
        }
        kinds
    }

    /// Whatever the vectors: the first rule that passes all its tests.
    #[test]
    fn all_kinds_of_vectors_find_the_same() {
        let mut number = 7_u32;
        let mut chance = |below: u32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 8) % below
        };
        for groups in [1, 2, 3, 8, 9, 17] {
            for asked in [vec![0_u16], vec![2, 0], vec![1, 4, 0, 3]] {
                let mut tests = vec![Tests::default(); groups * asked.len()];
                for place in 0..tests.len() * WIDTH {
                    let (low, high) = (chance(12), 4 + chance(16));
                    tests[place / WIDTH].put(place % WIDTH, &Interval::range(low.min(high), low.max(high)));
                }
                for _ in 0..300 {
                    let key: Vec<u32> = (0..4 + chance(2)).map(|_| chance(24)).collect();
                    let passes = |rule: &usize| {
                        let group = &tests[rule / WIDTH * asked.len()..];
                        let value = |dimension: &u16| key.get(usize::from(*dimension));
                        let mut tests = group.iter().zip(&asked);
                        tests.all(|(test, d)| value(d).is_none_or(|value| test.get(rule % WIDTH).contains(*value)))
                    };
                    let expected = (0..groups * WIDTH).find(passes);
                    for vectors in kinds() {
                        let found = vectors.first(&tests, &asked, &key);
                        assert_eq!(found, expected, "{vectors:?}, {groups} groups, {asked:?}, {key:?}");
                    }
                }
            }
        }
    }
}
