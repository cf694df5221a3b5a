//! Identities the AMF gives out: AMF UE NGAP IDs, 5G-TMSIs and numbers of SM contexts.

use std::sync::atomic::{AtomicU64, Ordering};

use ngap::AmfUeNgapId;

/// A source of AMF UE NGAP IDs: each of the 2^40 - 1 values once before any comes again, in an order a peer cannot foresee.
pub(crate) struct UeIds {
    issued: AtomicU64,
    offset: u64,
    factor: u64,
}

impl UeIds {
    /// A source with its own random order.
    pub(crate) fn new() -> Self {
        Self::with_order(random_u64(), random_u64())
    }

    /// A source with a given order, for tests.
    pub(crate) fn with_order(offset: u64, factor: u64) -> Self {
        Self { issued: AtomicU64::new(0), offset, factor: factor | 1 }
    }

    /// The next identifier, never 0.
    pub(crate) fn next(&self) -> AmfUeNgapId {
        loop {
            // A counter alone: nothing else is ordered by it.
            let count = self.issued.fetch_add(1, Ordering::Relaxed);
            let value = count.wrapping_mul(self.factor).wrapping_add(self.offset) & AmfUeNgapId::MAX;
            match AmfUeNgapId::new(value) {
                Some(id) if value != 0 => return id,
                _ => {}
            }
        }
    }
}

/// Numbers for SM contexts, in the order in which the SMFs are asked for them: sessions of the same identity, one after
/// the other, are told apart by them. They begin anywhere, so that no context of an earlier run of this AMF has a number
/// that comes again.
pub(crate) struct SmContextIds(AtomicU64);

impl SmContextIds {
    pub(crate) fn new() -> Self {
        // Half of all numbers are above it: none is ever reached that is smaller than one before.
        Self(AtomicU64::new(random_u64() >> 1))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        // What an SMF sends about the context comes after this, on whatever thread.
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The number given out last: what comes about a context with a higher one has not come yet.
    pub(crate) fn last(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A 5G-TMSI that cannot be foreseen (TS 33.501 6.12.3): neither all zeros nor all ones.
pub(crate) fn random_tmsi() -> u32 {
    loop {
        let tmsi = random_u32();
        if tmsi != 0 && tmsi != u32::MAX {
            return tmsi;
        }
    }
}

/// Any number.
pub(crate) fn random_u32() -> u32 {
    let [_, _, _, _, a, b, c, d] = random_u64().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn random_u64() -> u64 {
    // Should the system have no randomness, authentication fails in the UDM anyway; identifiers need only be distinct,
    // which their users check.
    getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_do_not_repeat_and_are_never_zero() {
        let ids = UeIds::new();
        let seen: HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(seen.len() == 10_000 && seen.iter().all(|id| id.get() != 0));
        let from_zero = UeIds::with_order(0, 1);
        assert_eq!(from_zero.next().get(), 1);
    }
}
