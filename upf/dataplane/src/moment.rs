//! Time as the path reckons with it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A point in time, as a number too: what is reckoned for every packet has no seconds to carry into. Taken once a burst.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    instant: Instant,
    nanos: u64,
}

/// How long before the first use the numbers begin: what a test calls earlier is reckoned rightly too.
const BEFORE: Duration = Duration::from_secs(86_400);

impl Moment {
    /// Nanoseconds since a time of before.
    pub(crate) fn nanos(self) -> u64 {
        self.nanos
    }

    /// The same as the clock has it.
    pub fn instant(self) -> Instant {
        self.instant
    }
}

impl From<Instant> for Moment {
    fn from(instant: Instant) -> Self {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let origin = ORIGIN.get_or_init(|| Instant::now().checked_sub(BEFORE).unwrap_or_else(Instant::now));
        let since = instant.saturating_duration_since(*origin);
        Self { instant, nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
    }
}
