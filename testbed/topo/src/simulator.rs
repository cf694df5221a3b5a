//! What goes into a run of `peregrine-ran` and what comes out of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

/// K of TS 35.208 test set 1 and the OPc that belongs to it: anybody's, so no secret.
const K: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
const OPC: &str = "CD63CB71954A9F4E48A5994E37A02BAF";

/// The data networks of the core's default configuration.
pub const USUAL_SLICES: &str = r#"["1:internet,ims"]"#;

/// What `--json` writes, as far as it is read here.
#[derive(Clone, Debug, Deserialize)]
pub struct Outcomes {
    /// By procedure.
    pub procedures: BTreeMap<String, Outcome>,
    /// Seconds from the start to the end of the run.
    pub elapsed_s: f64,
}

/// How often a procedure succeeded and failed, and how long it took.
#[derive(Clone, Debug, Deserialize)]
pub struct Outcome {
    /// Those that succeeded.
    pub count: u64,
    /// Those that did not.
    pub failed: u64,
    /// How long those took that succeeded.
    pub latency_us: Latency,
    /// How often which reason was given.
    pub failures: BTreeMap<String, u64>,
}

/// Microseconds.
#[derive(Clone, Debug, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
    /// The mean.
    pub mean: f64,
    /// The longest.
    pub max: f64,
}

/// `count` subscribers from IMSI `first` on, one JSON object a line, as `peregrine subscriber import` and `peregrine-ran`
/// read them. All share their keys, and the subscribed slices: a JSON list, such as [`USUAL_SLICES`].
pub fn subscriber_lines(first: u64, count: usize, slices: &str) -> String {
    let mut lines = String::new();
    for imsi in (first..).take(count) {
        // Writing to a String does not fail.
        let _ = writeln!(lines, r#"{{"supi":"imsi-{imsi}","k":"{K}","opc":"{OPC}","slices":{slices}}}"#);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_subscriber_of_its_own() {
        let lines = subscriber_lines(999_700_000_100_001, 3, USUAL_SLICES);
        let supis: Vec<String> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["supi"].to_string())
            .collect();
        assert_eq!(supis, [1, 2, 3].map(|n| format!("\"imsi-99970000010000{n}\"")));
    }
}
