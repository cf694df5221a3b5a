//! Which blocks of a slab are free: the sender's own book, out of the peer's reach.

use crate::error::Violation;

/// Blocks of one direction, lent in runs of neighbours.
///
/// First fit from the bottom: a channel with little traffic touches, and keeps in cache, only its first few pages.
pub(crate) struct Slab {
    /// For the first block of a lent run its length, else 0.
    runs: Vec<u16>,
    /// One bit per block, set when lent.
    lent: Vec<u64>,
}

/// Neighbouring blocks that one sender alone has, to write to. The peer knows nothing of them, and cannot return them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    first: u16,
    length: u16,
}

impl Held {
    /// Number of the first block.
    pub(crate) fn first(&self) -> u16 {
        self.first
    }

    /// How many blocks.
    pub(crate) fn length(&self) -> u16 {
        self.length
    }
}

impl Slab {
    /// A slab whose blocks are all free.
    pub(crate) fn new(blocks: u16) -> Self {
        let blocks = usize::from(blocks);
        let mut lent = vec![0; blocks.div_ceil(64)];
        if let (Some(last), 1..) = (lent.last_mut(), blocks % 64) {
            *last = u64::MAX << (blocks % 64); // bits beyond the end are never free
        }
        Self { runs: vec![0; blocks], lent }
    }

    /// Lends `wanted` neighbouring blocks of those below `end`; the first one's number.
    pub(crate) fn take(&mut self, wanted: u16, end: u16) -> Option<u16> {
        let (first, length) = self.find(wanted, end)?;
        (length == wanted).then(|| self.lend(first, wanted))
    }

    /// Lends `wanted` neighbouring blocks or the longest shorter run there is below `end`: first block and length.
    pub(crate) fn take_up_to(&mut self, wanted: u16, end: u16) -> Option<(u16, u16)> {
        let (first, length) = self.find(wanted, end)?;
        Some((self.lend(first, length), length))
    }

    /// Sets `wanted` neighbouring blocks below `end` aside.
    pub(crate) fn hold(&mut self, wanted: u16, end: u16) -> Option<Held> {
        let (first, length) = self.find(wanted, end).filter(|(_, length)| *length == wanted)?;
        self.mark(first, length, true);
        Some(Held { first, length })
    }

    /// Lends the first `used` of blocks that were set aside, and frees the others.
    pub(crate) fn lend_held(&mut self, held: Held, used: u16) {
        let used = used.min(held.length);
        if used > 0 {
            self.runs[usize::from(held.first)] = used;
        }
        self.mark(held.first + used, held.length - used, false);
    }

    /// Takes back the run that begins with this block.
    pub(crate) fn give_back(&mut self, first: u64) -> Result<(), Violation> {
        let not_lent = Violation::Returned(first);
        let index = usize::try_from(first).map_err(|_| not_lent.clone())?;
        let length = self.runs.get_mut(index).map(std::mem::take).filter(|length| *length > 0).ok_or(not_lent)?;
        self.mark(index as u16, length, false);
        Ok(())
    }

    fn lend(&mut self, first: u16, length: u16) -> u16 {
        self.runs[usize::from(first)] = length;
        self.mark(first, length, true);
        first
    }

    /// The first run of `wanted` free blocks below `end`, or the longest one.
    fn find(&self, wanted: u16, end: u16) -> Option<(u16, u16)> {
        let (mut best, mut start, mut position) = ((0, 0), 0_u16, 0_u16);
        let end = end.min(self.runs.len() as u16);
        while position < end && best.1 < wanted {
            let word = self.lent[usize::from(position / 64)] >> (position % 64);
            let rest = 64 - position % 64;
            if word & 1 == 0 {
                position +=
                    (word.trailing_zeros() as u16).min(rest).min(wanted - (position - start)).min(end - position);
                if position - start > best.1 {
                    best = (start, position - start);
                }
            } else {
                position += (word.trailing_ones() as u16).min(rest);
                start = position;
            }
        }
        (best.1 > 0).then_some(best)
    }

    fn mark(&mut self, first: u16, length: u16, lent: bool) {
        for block in first..first + length {
            let bit = 1 << (block % 64);
            match lent {
                true => self.lent[usize::from(block / 64)] |= bit,
                false => self.lent[usize::from(block / 64)] &= !bit,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held(lent: &[(u16, u16)]) -> u32 {
        lent.iter().map(|(_, length)| u32::from(*length)).sum()
    }

    proptest! {
        #[test]
        fn lends_each_block_once(blocks in 1_u16..200, operations in proptest::collection::vec((any::<bool>(), 1_u16..80), 0..200)) {
            let mut slab = Slab::new(blocks);
            let mut lent: Vec<(u16, u16)> = Vec::new();
            for (take, number) in operations {
                if take {
                    if let Some((first, length)) = slab.take_up_to(number, u16::MAX) {
                        prop_assert!(length >= 1 && length <= number && first + length <= blocks);
                        prop_assert!(lent.iter().all(|(f, l)| first + length <= *f || f + l <= first));
                        lent.push((first, length));
                    } else {
                        prop_assert_eq!(held(&lent), u32::from(blocks));
                    }
                } else if !lent.is_empty() {
                    let (first, _) = lent.swap_remove(usize::from(number) % lent.len());
                    slab.give_back(first.into()).expect("it was lent");
                    prop_assert_eq!(slab.give_back(first.into()), Err(Violation::Returned(first.into())));
                }
                let marked: u32 = slab.lent.iter().map(|word| word.count_ones()).sum();
                prop_assert_eq!(marked, u32::from(blocks).next_multiple_of(64) - u32::from(blocks) + held(&lent));
            }
        }

        #[test]
        fn a_return_of_nothing_is_a_violation(block in any::<u64>()) {
            prop_assert_eq!(Slab::new(64).give_back(block), Err(Violation::Returned(block)));
        }
    }

    #[test]
    fn what_is_set_aside_is_lent_to_nobody_and_returned_by_nobody() {
        let mut slab = Slab::new(8);
        let held = slab.hold(5, u16::MAX).expect("all are free");
        assert_eq!((held.first(), held.length(), slab.hold(4, u16::MAX)), (0, 5, None));
        assert_eq!(slab.give_back(0), Err(Violation::Returned(0)), "the peer cannot know of it");
        assert_eq!(slab.take(3, u16::MAX), Some(5));
        slab.lend_held(held, 2);
        assert_eq!(slab.take(4, u16::MAX), None);
        assert_eq!(slab.take(3, u16::MAX), Some(2), "what was not used is free");
        slab.give_back(0).expect("it was lent");
        let held = slab.hold(2, u16::MAX).expect("two are free");
        slab.lend_held(held, 0);
        assert_eq!(slab.give_back(0), Err(Violation::Returned(0)));
        assert_eq!(slab.take(2, u16::MAX), Some(0), "given up");
    }

    #[test]
    fn blocks_beyond_the_end_are_left_to_others() {
        let mut slab = Slab::new(100);
        assert_eq!(slab.take(91, 90), None);
        assert_eq!(slab.take_up_to(95, 90), Some((0, 90)));
        assert_eq!((slab.take(1, 90), slab.hold(1, 90)), (None, None));
        assert_eq!(slab.take(10, u16::MAX), Some(90));
    }

    #[test]
    fn takes_the_first_run_that_fits() {
        let mut slab = Slab::new(130);
        assert_eq!(slab.take(3, u16::MAX), Some(0));
        assert_eq!(slab.take(70, u16::MAX), Some(3));
        slab.give_back(0).expect("it was lent");
        assert_eq!(slab.take(4, u16::MAX), Some(73));
        assert_eq!(slab.take(2, u16::MAX), Some(0));
        assert_eq!(slab.take(60, u16::MAX), None);
        assert_eq!(slab.take_up_to(60, u16::MAX), Some((77, 53)));
    }
}
