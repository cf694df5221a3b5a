//! What is printed and written.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Cells;
use super::ways::Way;
use crate::Failure;
use crate::result;
use crate::samples::Samples;

/// The columns.
const COLUMNS: [&str; 10] = [
    "p50",
    "p99",
    "calls/s",
    "CPU us",
    "voluntary switches",
    "involuntary switches",
    "wake-ups",
    "doorbells",
    "copies in",
    "copies out",
];

const HEADS: [&str; 10] = ["p50", "p99", "calls/s", "CPU us", "volun.", "invol.", "wakes", "bells", "in", "out"];

/// A block a place, a line a way; CPU and p50 also as ratio of HTTP/2's over TCP, with its spread.
pub(crate) fn text(cells: &Cells) -> String {
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    for ((placement, pattern, size), ways) in cells {
        let _ = writeln!(text, "\n{placement}, {pattern} under way, {size} octets: us, or per call");
        let _ = write!(text, "{:<16}", "");
        for head in HEADS {
            let _ = write!(text, " {head:>9}");
        }
        let _ = writeln!(text, " {:>9}   {:<22} {:<22}", "syscalls", "CPU x (low-high)", "p50 x (low-high)");
        for (way, quantities) in ways {
            let _ = write!(text, "{:<16}", way.to_string());
            for column in COLUMNS.iter().chain(["system calls"].iter()) {
                let value = quantities.get(column).map(Samples::median);
                let _ = match value {
                    None => write!(text, " {:>9}", "-"),
                    Some(value) if value >= 1000.0 => write!(text, " {value:>9.0}"),
                    Some(value) => write!(text, " {value:>9.2}"),
                };
            }
            for quantity in ["CPU us", "p50"] {
                let own = quantities.get(quantity);
                let base = ways.get(&way.yardstick()).and_then(|ways| ways.get(quantity));
                let _ =
                    write!(text, "   {:<20}", own.zip(base).map(|(own, base)| ratio(base, own)).unwrap_or_default());
            }
            text.push('\n');
        }
    }
    text
}

fn ratio(base: &Samples, own: &Samples) -> String {
    let ratio = base.ratio(own);
    let (low, high) = ratio.spread();
    format!("{:.1} ({low:.1}-{high:.1})", ratio.median())
}

/// Writes every cell.
pub(crate) fn write(path: &Path, rounds: usize, cells: &Cells) -> Result<(), Failure> {
    let cells: Vec<Value> = cells
        .iter()
        .flat_map(|((placement, pattern, size), ways)| {
            ways.iter().map(move |(way, quantities): (&Way, _)| {
                json!({"placement": placement.to_string(), "under_way": pattern.to_string(), "octets": size,
                    "way": way.to_string(), "quantities": quantities})
            })
        })
        .collect();
    result::write(path, format!("{:#}\n", result::result(rounds, &cells)))
}
