//! Prometheus metrics of a process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

/// The metrics of an NF; clones share them. All names begin with `peregrine_`, all carry the label `nf`.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Mutex<Registry>,
    procedures: Family<ProcedureLabels, Counter>,
    procedure_seconds: Family<ProcedureName, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProcedureLabels {
    procedure: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProcedureName {
    procedure: &'static str,
}

impl Metrics {
    /// Metrics of the NF named `nf` (`amf`), with the families every NF has.
    pub fn new(nf: &str) -> Self {
        let labels = [("nf".into(), nf.to_owned().into())];
        let mut registry = Registry::with_prefix_and_labels("peregrine", labels.into_iter());
        let procedures = Family::default();
        registry.register("procedures", "Procedures ended, by result", procedures.clone());
        let procedure_seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        registry.register("procedure_seconds", "How long procedures took", procedure_seconds.clone());
        Self(Arc::new(Families { registry: Mutex::new(registry), procedures, procedure_seconds }))
    }

    /// Begins to time a procedure, named as its clause (`registration`, `pdu_session_establishment`).
    pub fn procedure(&self, name: &'static str) -> Procedure {
        Procedure { metrics: self.clone(), name, began: Instant::now(), result: "abandoned" }
    }

    /// Counts a procedure that ended with `result` (`success`, or a cause in `snake_case`) after `took`.
    pub fn record_procedure(&self, procedure: &'static str, result: &'static str, took: Duration) {
        self.0.procedures.get_or_create(&ProcedureLabels { procedure, result }).inc();
        self.0.procedure_seconds.get_or_create(&ProcedureName { procedure }).observe(took.as_secs_f64());
    }

    /// Adds a metric of the NF's own; keep a clone of it to change it.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// Adds metrics that are read when asked for.
    pub fn register_collector(&self, collector: Box<dyn Collector>) {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner).register_collector(collector);
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match encode(&mut text, &registry) {
            Ok(()) => text,
            Err(fmt::Error) => String::new(), // a String takes everything
        }
    }
}

/// A histogram of latencies: 50 microseconds to 13 seconds.
pub(crate) fn latency() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 18))
}

/// A procedure being timed. Dropped without a result (its task was ended), it counts as `abandoned`.
pub struct Procedure {
    metrics: Metrics,
    name: &'static str,
    began: Instant,
    result: &'static str,
}

impl Procedure {
    /// It ended with `result`: `success`, or a cause in `snake_case`.
    pub fn finish(mut self, result: &'static str) {
        self.result = result;
    }
}

impl Drop for Procedure {
    fn drop(&mut self) {
        self.metrics.record_procedure(self.name, self.result, self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_procedure_is_counted_by_its_result() {
        let metrics = Metrics::new("amf");
        metrics.procedure("registration").finish("success");
        drop(metrics.procedure("registration"));
        let text = metrics.encode();
        for line in [
            r#"peregrine_procedures_total{nf="amf",procedure="registration",result="success"} 1"#,
            r#"peregrine_procedures_total{nf="amf",procedure="registration",result="abandoned"} 1"#,
            r#"peregrine_procedure_seconds_count{nf="amf",procedure="registration"} 2"#,
        ] {
            assert!(text.contains(line), "no '{line}' in\n{text}");
        }
    }
}
