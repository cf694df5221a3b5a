//! What the system says about this process.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Memory and processor time used so far; zero where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory, octets.
    pub(crate) resident: u64,
    /// Time on a processor, user and system.
    pub(crate) cpu: Duration,
}

impl Usage {
    /// The usage now.
    pub(crate) fn read() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = statm.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = u64::try_from(cpu.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(cpu.tv_nsec).unwrap_or(0);
        Self { resident: pages.saturating_mul(page), cpu: Duration::new(seconds, nanos) }
    }
}

/// Memory and processor time as metrics.
#[derive(Debug)]
pub(crate) struct ProcessMetrics;

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let usage = Usage::read();
        let resident = ConstGauge::new(usage.resident);
        let metric =
            encoder.encode_descriptor("process_resident_bytes", "Resident memory", None, resident.metric_type())?;
        resident.encode(metric)?;
        let cpu = ConstCounter::new(usage.cpu.as_secs_f64());
        let metric =
            encoder.encode_descriptor("process_cpu_seconds", "Time on a processor", None, cpu.metric_type())?;
        cpu.encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_memory_and_time() {
        let usage = Usage::read();
        assert!(usage.resident > 100_000 && usage.cpu > Duration::ZERO, "{usage:?}");
    }
}
