//! How long to wait before a program that ended is started again.

use std::time::Duration;

/// Pause after the first end.
const FIRST: Duration = Duration::from_millis(50);

/// Longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// Who ran so long was well: the next end counts as the first.
pub(crate) const WELL: Duration = Duration::from_secs(10);

/// Pauses that double with each end in short order.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Nothing has ended yet.
    pub fn new() -> Self {
        Self { next: FIRST }
    }

    /// The pause after a program ended that ran for `lived`.
    pub fn handle_end(&mut self, lived: Duration) -> Duration {
        if lived >= WELL {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_start_over_after_a_good_run() {
        let mut backoff = Backoff::new();
        let ends: Vec<u128> = (0..9).map(|_| backoff.handle_end(Duration::ZERO).as_millis()).collect();
        assert_eq!(ends, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.handle_end(WELL), FIRST);
    }
}
