//! One series of calls over one way, and what it cost.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::audit::Spent;
use super::other::Other;
use super::ways::Client;
use crate::Failure;

/// Calls under way at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pattern {
    /// One caller that pauses between its calls, so that both ends sleep.
    Asleep,
    /// One caller that calls again at once.
    BackToBack,
    /// So many callers that call again at once.
    Window(usize),
}

/// Long enough that whoever polls has given up.
const PAUSE: Duration = Duration::from_millis(1);

impl Pattern {
    pub(crate) fn callers(self) -> usize {
        match self {
            Self::Asleep | Self::BackToBack => 1,
            Self::Window(callers) => callers,
        }
    }

    pub(crate) fn pause(self) -> Option<Duration> {
        matches!(self, Self::Asleep).then_some(PAUSE)
    }

    fn calls(self, most: usize) -> usize {
        match self {
            Self::Asleep => most / 32,
            Self::BackToBack => most / 4,
            Self::Window(callers) => most.max(callers * 4),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asleep => f.write_str("asleep"),
            Self::BackToBack => f.write_str("at-once"),
            Self::Window(callers) => write!(f, "{callers}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "asleep" => Ok(Self::Asleep),
            "at-once" => Ok(Self::BackToBack),
            number => number.parse().map(Self::Window).map_err(|_| "asleep, at-once or a number".into()),
        }
    }
}

/// Runs a series. Quantities per call, latencies in microseconds.
pub(crate) fn run(
    runtime: &Runtime,
    client: &Client,
    other: &Other,
    pattern: Pattern,
    size: usize,
    most: usize,
) -> Result<Vec<(&'static str, f64)>, Failure> {
    let (ours, theirs) = (Spent::ours(client), other.spent()?);
    let began = Instant::now();
    let calls = pattern.calls(most);
    let mut latencies = client.calls(runtime, pattern, size, calls)?;
    let elapsed = began.elapsed().as_secs_f64();
    let spent = (Spent::ours(client) - ours) + (other.spent()? - theirs);
    latencies.sort();
    let done = latencies.len() as f64;
    let at = |share: f64| {
        let place = (done * share) as usize;
        latencies.get(place.min(latencies.len() - 1)).copied().unwrap_or_default().as_secs_f64() * 1e6
    };
    let mut figures = vec![("p50", at(0.5)), ("p99", at(0.99)), ("calls/s", done / elapsed)];
    figures.push(("CPU us", spent.processor.as_secs_f64() * 1e6 / done));
    figures.extend(spent.counts().map(|(name, count)| (name, count as f64 / done)));
    Ok(figures)
}
