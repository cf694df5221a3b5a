//! The table at the end.

use std::fmt::Write as _;

use topo::Usage;

use crate::ran::Row;
use crate::transfer::Transferred;

/// What the demo found.
pub(crate) struct Report {
    pub(crate) procedures: Vec<Row>,
    pub(crate) transfers: Vec<(String, Transferred)>,
    pub(crate) usage: Vec<(String, Usage)>,
}

impl Report {
    /// How many procedures failed.
    pub(crate) fn failures(&self) -> u64 {
        self.procedures.iter().map(|row| row.outcome.failed).sum()
    }

    /// The report as text. Writing to a `String` does not fail.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<18}{:>8}{:>10}{:>11}{:>11}{:>11}",
            "procedure", "count", "failures", "p50 ms", "p99 ms", "max ms"
        );
        for Row { procedure, outcome } in &self.procedures {
            let [p50, p99, max] = [outcome.latency_us.p50, outcome.latency_us.p99, outcome.latency_us.max]
                .map(|microseconds| format!("{:.2}", microseconds / 1000.0));
            let count = outcome.count + outcome.failed;
            let _ = writeln!(text, "{procedure:<18}{count:>8}{:>10}{p50:>11}{p99:>11}{max:>11}", outcome.failed);
        }
        for Row { procedure, outcome } in &self.procedures {
            for (reason, count) in &outcome.failures {
                let _ = writeln!(text, "{procedure}, {count} times: {reason}");
            }
        }
        let _ = writeln!(text);
        for (name, transfer) in &self.transfers {
            let megabytes = transfer.octets / 1_000_000;
            let _ = writeln!(text, "{name:<18}{:>8.0} Mb/s ({megabytes} MB)", transfer.rate());
        }
        let _ = writeln!(text, "\n{:<18}{:>13}{:>10}", "network function", "memory MiB", "CPU s");
        for (name, usage) in self.usage.iter().chain([&("all".to_owned(), self.total())]) {
            let memory = usage.memory as f64 / f64::from(1 << 20);
            let _ = writeln!(text, "{name:<18}{memory:>13.1}{:>10.2}", usage.cpu.as_secs_f64());
        }
        text
    }

    fn total(&self) -> Usage {
        self.usage.iter().fold(Usage::default(), |sum, (_, usage)| Usage {
            cpu: sum.cpu + usage.cpu,
            memory: sum.memory + usage.memory,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use topo::{Latency, Outcome};

    use super::*;

    #[test]
    fn the_table_adds_up() {
        let row = |procedure: &str, failed| Row {
            procedure: procedure.to_owned(),
            outcome: Outcome {
                count: 64 - failed,
                failed,
                latency_us: Latency { p50: 1500.0, p99: 20_250.0, mean: 1600.0, max: 30_000.0 },
                failures: (0..failed).map(|number| (format!("reason {number}"), 1)).collect(),
            },
        };
        let usage = |memory, milliseconds| Usage { memory, cpu: Duration::from_millis(milliseconds) };
        let report = Report {
            procedures: vec![row("registration", 0), row("session release", 1)],
            transfers: vec![("TCP up".into(), Transferred { octets: 25_000_000, time: Duration::from_secs(2) })],
            usage: vec![("amf".to_owned(), usage(1 << 20, 10)), ("smf".to_owned(), usage(3 << 20, 240))],
        };
        assert_eq!(report.failures(), 1);
        let expected = "\
procedure            count  failures     p50 ms     p99 ms     max ms
registration            64         0       1.50      20.25      30.00
session release         64         1       1.50      20.25      30.00
session release, 1 times: reason 0

TCP up                 100 Mb/s (25 MB)

network function     memory MiB     CPU s
amf                         1.0      0.01
smf                         3.0      0.24
all                         4.0      0.25
";
        assert_eq!(report.text(), expected);
    }
}
