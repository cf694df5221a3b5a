//! What is counted of calls to other NFs, and of those from them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use sbi_api::{CallError, Response};
use sbi_transport::{Counters, Endpoint, Pool, Server};

use crate::Metrics;
use crate::metrics::latency;

/// Calls of this process, by service.
#[derive(Clone)]
pub(crate) struct ClientMetrics {
    results: Family<CallLabels, Counter>,
    seconds: Family<ServiceLabel, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabel {
    service: &'static str,
}

impl ClientMetrics {
    /// Registers the families.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let results = Family::default();
        metrics.register("sbi_calls", "Calls to services of other NFs, by result", results.clone());
        let seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        metrics.register("sbi_call_seconds", "How long those calls took", seconds.clone());
        Self { results, seconds }
    }

    /// A call to this path begins.
    pub(crate) fn begin(&self, path: &str) -> TimedCall<'_> {
        TimedCall { metrics: self, service: service_label(path), began: Instant::now() }
    }
}

/// A call being timed.
pub(crate) struct TimedCall<'m> {
    metrics: &'m ClientMetrics,
    service: &'static str,
    began: Instant,
}

impl TimedCall<'_> {
    /// It ended so.
    pub(crate) fn end(self, outcome: &Result<Response, CallError>) {
        let result = match outcome {
            Ok(response) => match response.status().as_u16() {
                0..300 => "success",
                300..500 => "refused",
                _ => "server_error",
            },
            Err(CallError::NoInstance(_)) => "no_instance",
            Err(CallError::NotAllowed(_)) => "not_allowed",
            Err(CallError::Unreachable { .. }) => "unreachable",
            Err(CallError::Broken { .. }) => "broken",
            Err(CallError::Timeout(_)) => "timeout",
            Err(CallError::TooLarge(_)) => "too_large",
        };
        self.metrics.results.get_or_create(&CallLabels { service: self.service, result }).inc();
        let took = self.began.elapsed().as_secs_f64();
        self.metrics.seconds.get_or_create(&ServiceLabel { service: self.service }).observe(took);
    }
}

/// The service a path belongs to, of those known: a label must not grow with what a peer sends.
fn service_label(path: &str) -> &'static str {
    const KNOWN: &[&str] = &[
        "nnrf-nfm",
        "nnrf-disc",
        "oauth2",
        "nudm-sdm",
        "nudm-uecm",
        "nudm-ueau",
        "nudr-dr",
        "namf-comm",
        "nsmf-pdusession",
        "nausf-auth",
    ];
    let name = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    KNOWN.iter().find(|known| **known == name).copied().unwrap_or("callback")
}

/// Counters of the transports, read when asked for.
pub(crate) struct TransportMetrics {
    /// Connections to others.
    pub(crate) pool: Arc<Pool>,
    /// Servers of this process, as long as they run.
    pub(crate) servers: Weak<Mutex<Vec<Server>>>,
    /// Which NF answers at an endpoint, as far as the configuration says.
    pub(crate) peers: Vec<(Endpoint, String)>,
}

impl fmt::Debug for TransportMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportMetrics")
    }
}

type Rows = Vec<(Vec<(&'static str, String)>, Counters)>;

impl TransportMetrics {
    fn rows(&self) -> Rows {
        let labels = |side: &str, endpoint: &Endpoint, peer: &str| {
            let (side, transport) = (side.to_owned(), endpoint.transport().to_owned());
            let (place, peer) = (endpoint.to_string(), peer.to_owned());
            vec![("side", side), ("transport", transport), ("endpoint", place), ("peer", peer)]
        };
        let pool = self.pool.stats().into_iter();
        let mut rows: Rows =
            pool.map(|(endpoint, counters)| (labels("client", &endpoint, self.peer(&endpoint)), counters)).collect();
        if let Some(servers) = self.servers.upgrade() {
            let servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
            rows.extend(servers.iter().map(|server| {
                // The connections of all clients together.
                (labels("server", server.endpoint(), "all"), server.stats())
            }));
        }
        rows
    }

    /// The NF at an endpoint; empty where the configuration does not name it.
    fn peer(&self, endpoint: &Endpoint) -> &str {
        self.peers.iter().find(|(place, _)| place == endpoint).map_or("", |(_, name)| name)
    }
}

impl Collector for TransportMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        type Read = fn(&Counters) -> u64;
        let columns: [(&str, &str, Read); 11] = [
            ("sbi_transport_calls", "Requests by transport and endpoint", |c| c.calls),
            ("sbi_transport_failures", "Calls that ended without an answer", |c| c.failures),
            ("sbi_transport_connects", "Connections made or taken", |c| c.connects),
            ("sbi_transport_sent_bytes", "Octets of bodies sent", |c| c.bytes_sent),
            ("sbi_transport_received_bytes", "Octets of bodies received", |c| c.bytes_received),
            ("sbi_transport_wakeups", "Times woken by the peer (shm)", |c| c.channel.wakeups),
            ("sbi_transport_doorbells", "Times the peer had to be woken (shm)", |c| c.channel.doorbells),
            ("sbi_transport_refusals", "Connections not let in", |c| c.refusals),
            ("sbi_transport_spins_paid", "Times that looking instead of sleeping found a message (shm)", |c| {
                c.channel.spins_paid
            }),
            ("sbi_transport_spins_lost", "Times that it found none (shm)", |c| c.channel.spins_lost),
            ("sbi_transport_waits_for_room", "Times that a message waited for room in the ring (shm)", |c| {
                c.channel.waits_for_room
            }),
        ];
        let rows = self.rows();
        for (name, help, read) in columns {
            let counter = ConstCounter::new(0u64);
            let mut family = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            for (labels, counters) in &rows {
                let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let labels = labels.as_slice();
                ConstCounter::new(read(counters)).encode(family.encode_family(&labels)?)?;
            }
        }
        let (name, help) = ("sbi_transport_under_way", "Requests that are not answered yet");
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, counters) in &rows {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let labels = labels.as_slice();
            ConstGauge::new(i64::try_from(counters.under_way).unwrap_or(i64::MAX))
                .encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
