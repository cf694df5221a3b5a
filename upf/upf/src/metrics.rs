//! What the UPF counts, for Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;

use dataplane::{Direction, DropReason};
use pfcp::{Cause, MessageType};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::control::Shared;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    message: String,
    cause: String,
}

/// PFCP requests by type and outcome.
#[derive(Clone)]
pub(crate) struct Requests(Family<RequestLabels, Counter>);

impl Requests {
    /// Registers them, and what `shared` counts.
    pub(crate) fn register(metrics: &runtime::Metrics, shared: Arc<Shared>) -> Self {
        let requests = Self(Family::default());
        metrics.register("pfcp_requests", "PFCP requests answered, by message and cause", requests.0.clone());
        metrics.register_collector(Box::new(Packets(shared)));
        requests
    }

    pub(crate) fn count(&self, message: MessageType, cause: Cause) {
        let labels = RequestLabels { message: format!("{message:?}"), cause: format!("{cause:?}") };
        self.0.get_or_create(&labels).inc();
    }
}

/// Reads the worker's counters when asked for.
struct Packets(Arc<Shared>);

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packets")
    }
}

const DIRECTIONS: [(Direction, &str); 2] = [(Direction::Uplink, "uplink"), (Direction::Downlink, "downlink")];

const PATHS: [(&str, &str); 2] =
    [("n3_paths", "gNBs supervised by GTP-U echo"), ("n3_paths_down", "gNBs of those that do not answer")];

impl Collector for Packets {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counters = self.0.counters();
        let by_direction = |counts: [u64; 2]| {
            DIRECTIONS.map(|(direction, label)| ("direction", label, counts.get(direction as usize).copied()))
        };
        let drops = DropReason::ALL.iter().map(|reason| ("reason", reason.label(), Some(counters.dropped(*reason))));
        family(&mut encoder, "packets", "Packets forwarded", by_direction(counters.packets))?;
        family(&mut encoder, "octets", "Octets forwarded, inner IP packets", by_direction(counters.octets))?;
        family(&mut encoder, "dropped_packets", "Packets dropped", drops)?;
        let others = [
            ("buffered", counters.buffered),
            ("shaped", counters.shaped),
            ("echo_answered", counters.echoes),
            ("error_indication_sent", counters.error_indications_sent),
            ("error_indication_received", counters.error_indications_received),
            ("end_marker_sent", counters.end_markers),
            ("redirected", counters.redirected),
            ("copied", counters.copies),
            ("router_advertisement_sent", counters.router_advertisements),
        ];
        let others = others.map(|(label, count)| ("event", label, Some(count)));
        family(
            &mut encoder,
            "gtpu_events",
            "GTP-U signalling, packets buffered, shaped, redirected or copied, words to UEs on their link",
            others,
        )?;
        let (hits, latency) = self.0.statistics();
        numbered(&mut encoder, ("pdr_packets", "Packets by the PDR they matched"), "pdr", hits)?;
        let help = "Packets by the time from receipt to sending, below a power of two of nanoseconds";
        numbered(&mut encoder, ("packet_latency", help), "below_ns", latency)?;
        let sessions = ConstGauge::new(i64::try_from(self.0.sessions()).unwrap_or(i64::MAX));
        sessions.encode(encoder.encode_descriptor("sessions", "PDU sessions", None, MetricType::Gauge)?)?;
        for (count, (name, help)) in self.0.paths().into_iter().zip(PATHS) {
            let gnbs = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gnbs.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let smfs = ConstGauge::new(i64::try_from(self.0.associations().len()).unwrap_or(i64::MAX));
        smfs.encode(encoder.encode_descriptor("pfcp_associations", "PFCP associations", None, MetricType::Gauge)?)
    }
}

/// Counters that differ by a number; none where nothing is counted.
fn numbered<N: std::fmt::Display>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    label: &'static str,
    counts: BTreeMap<N, u64>,
) -> Result<(), std::fmt::Error> {
    if counts.is_empty() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (number, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&[(label, number.to_string())])?)?;
    }
    Ok(())
}

/// Counters that differ by one label.
fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (&'static str, &'static str, Option<u64>)>,
) -> Result<(), std::fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (label, value, count) in counts {
        let counter = ConstCounter::new(count.unwrap_or_default());
        counter.encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}
