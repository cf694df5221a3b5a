//! The same search compiled twice: for any processor, and for those with wider vectors, which is chosen when the program runs.
// Calling a function that is compiled for an extension of the processor is unsafe where the compiler is not told of it.
#![allow(unsafe_code)]

use crate::{Found, Rank};

/// A search that wider vectors make faster. It and what it is to profit in are `#[inline(always)]`: what is not inlined is
/// compiled for any processor.
pub(crate) trait Search {
    /// The best rule that matches, if its rank is below `bound`.
    fn best(&self, key: &[u32], bound: Rank) -> Found;
}

/// Whether the processor has AVX2, and what came with it (x86-64-v3).
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
}

/// The best rule that matches, with the widest vectors that the processor has.
pub(crate) fn search(rules: &impl Search, key: &[u32]) -> Found {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the processor has the extensions that the function is compiled for.
        return unsafe { with_avx2(rules, key) };
    }
    rules.best(key, Rank::LAST)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn with_avx2(rules: &impl Search, key: &[u32]) -> Found {
    rules.best(key, Rank::LAST)
}
