//! What came of a run: latency histograms by procedure, failures by reason, and the environment they were measured in.

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One procedure's outcomes.
struct Outcomes {
    /// Microseconds.
    latency: Histogram<u64>,
    failures: BTreeMap<String, u64>,
}

impl Outcomes {
    fn new() -> Self {
        let latency =
            Histogram::new_with_bounds(1, 100_000_000, 3).expect("1 us to 100 s, three digits: allowed bounds");
        Self { latency, failures: BTreeMap::new() }
    }

    fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// A run's outcomes, filled from many tasks. Clones share them.
#[derive(Clone)]
pub struct Report {
    started: Instant,
    procedures: Arc<Mutex<BTreeMap<&'static str, Outcomes>>>,
}

impl Default for Report {
    fn default() -> Self {
        Self { started: Instant::now(), procedures: Arc::default() }
    }
}

impl Report {
    /// Adds an outcome: the time a procedure took, or why it failed.
    pub fn record<E: ToString>(&self, procedure: &'static str, outcome: &Result<Duration, E>) {
        let mut procedures = self.procedures();
        let outcomes = procedures.entry(procedure).or_insert_with(Outcomes::new);
        match outcome {
            Ok(time) => outcomes.latency.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)),
            Err(error) => *outcomes.failures.entry(error.to_string()).or_default() += 1,
        }
    }

    /// How many procedures failed.
    pub fn failures(&self) -> u64 {
        self.procedures().values().map(Outcomes::failed).sum()
    }

    /// How many procedures of a kind succeeded.
    pub fn successes(&self, procedure: &str) -> u64 {
        self.procedures().get(procedure).map_or(0, |outcomes| outcomes.latency.len())
    }

    /// The table people read: times in milliseconds.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<16} {:>8} {:>8} {:>10} {:>10} {:>10} {:>10}\n",
            "procedure", "count", "failed", "p50 ms", "p90 ms", "p99 ms", "max ms"
        );
        let procedures = self.procedures();
        for (name, outcomes) in procedures.iter() {
            let [p50, p90, p99, max] = quantiles(&outcomes.latency).map(|micros| micros / 1000.0);
            let (count, failed) = (outcomes.latency.len(), outcomes.failed());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<16} {count:>8} {failed:>8} {p50:>10.2} {p90:>10.2} {p99:>10.2} {max:>10.2}");
        }
        for (name, outcomes) in procedures.iter() {
            for (reason, count) in &outcomes.failures {
                let _ = writeln!(text, "{name}: {count} failed: {reason}");
            }
        }
        text
    }

    /// The machine-readable result: procedures, `extra`, and the environment.
    pub fn json(&self, extra: &Value) -> Value {
        let procedures: serde_json::Map<String, Value> = self
            .procedures()
            .iter()
            .map(|(name, outcomes)| {
                let [p50, p90, p99, max] = quantiles(&outcomes.latency);
                let value = json!({
                    "count": outcomes.latency.len(),
                    "failed": outcomes.failed(),
                    "latency_us": { "p50": p50, "p90": p90, "p99": p99, "max": max, "mean": outcomes.latency.mean() },
                    "failures": outcomes.failures,
                });
                ((*name).to_owned(), value)
            })
            .collect();
        json!({
            "procedures": procedures,
            "elapsed_s": self.started.elapsed().as_secs_f64(),
            "run": extra,
            "environment": environment(),
        })
    }

    fn procedures(&self) -> MutexGuard<'_, BTreeMap<&'static str, Outcomes>> {
        self.procedures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// p50, p90, p99 and the maximum, in microseconds; zeros if there is nothing.
fn quantiles(histogram: &Histogram<u64>) -> [f64; 4] {
    let at = |quantile: f64| Duration::from_micros(histogram.value_at_quantile(quantile)).as_secs_f64() * 1e6;
    if histogram.is_empty() { [0.0; 4] } else { [at(0.5), at(0.9), at(0.99), at(1.0)] }
}

/// Where and with what a figure was measured.
fn environment() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu_information = read("/proc/cpuinfo");
    let model = cpu_information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "program": concat!("peregrine-ran ", env!("CARGO_PKG_VERSION")),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "command": std::env::args().collect::<Vec<_>>().join(" "),
        "cpu": model.map_or("unknown", |(_, model)| model),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "unix_time": std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_by_procedure_and_reason() {
        let report = Report::default();
        for millis in 1..=100 {
            report.record::<String>("registration", &Ok(Duration::from_millis(millis)));
        }
        report.record("registration", &Err("refused"));
        report.record("session", &Err("refused"));
        assert_eq!((report.failures(), report.successes("registration")), (2, 100));
        let json = report.json(&Value::Null);
        assert_eq!(json["procedures"]["registration"]["failures"]["refused"], 1);
        let p50 = json["procedures"]["registration"]["latency_us"]["p50"].as_f64();
        assert!(p50.is_some_and(|p50| (50_000.0..51_000.0).contains(&p50)), "{p50:?}");
        assert!(report.table().contains("session: 1 failed: refused"));
    }
}
