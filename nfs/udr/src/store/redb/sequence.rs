//! The sequence number of one subscriber while the store is open.
//!
//! The file holds `(sqn, start)`: the last value made durable and the number of the opening that did it. Start `n` accepts
//! values below `sqn + reserve * (n - start + 1)` without writing, since start `n + 1` continues from there; a value at or
//! above it is made durable first. So one commit is paid for `reserve` authentications, and none at all after a restart.

use aka::Sqn;

use crate::store::StoreError;

/// `(sqn, start)`.
pub(super) type SequenceRow = (u64, u64);

/// A sequence in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    last: u64,
    /// Values below need no commit.
    ceiling: u64,
}

impl Sequence {
    /// Continues in opening `start` from what an earlier one (or this) made durable.
    pub(super) fn resume((sqn, since): SequenceRow, start: u64, reserve: u64) -> Self {
        let skipped = reserve.saturating_mul(start.saturating_sub(since));
        let last = sqn.saturating_add(skipped).min(Sqn::MAX.get());
        Self { last, ceiling: last.saturating_add(reserve) }
    }

    /// The last value used, or one that stands for all that may have been.
    pub(super) fn last(&self) -> Sqn {
        Sqn::new(self.last).unwrap_or(Sqn::MAX)
    }

    /// Takes `to` if it is above the last and that is as tested; false: it must be made durable first.
    pub(super) fn advance(&mut self, tested: Option<Sqn>, to: Sqn) -> Result<bool, StoreError> {
        let conflict = StoreError::SqnConflict { last: self.last() };
        if to.get() <= self.last || tested.is_some_and(|tested| tested.get() != self.last) {
            return Err(conflict);
        }
        if to.get() >= self.ceiling {
            return Ok(false);
        }
        self.last = to.get();
        Ok(true)
    }

    /// Takes `to`, which is durable, unless a higher one came first.
    pub(super) fn raise(&mut self, to: Sqn, reserve: u64) -> Result<(), StoreError> {
        if to.get() <= self.last {
            return Err(StoreError::SqnConflict { last: self.last() });
        }
        self.last = to.get();
        self.ceiling = self.ceiling.max(to.get().saturating_add(reserve));
        Ok(())
    }
}
