//! How many answers to wrong messages may be given.

use crate::Moment;

/// So many answers in a second, whenever in it they are asked for: who asks two things at once gets both answers.
pub(crate) struct Answers {
    per_second: u32,
    left: u32,
    /// The second that `left` is of.
    second: u64,
}

impl Answers {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, left: per_second, second: 0 }
    }

    /// Whether one more may be given; then it counts as given.
    pub(crate) fn take(&mut self, now: Moment) -> bool {
        let second = now.nanos() / 1_000_000_000;
        if second != self.second {
            (self.second, self.left) = (second, self.per_second);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}
