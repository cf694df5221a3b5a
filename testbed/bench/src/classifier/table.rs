//! A workload's figures as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Cells;

/// A line a quantity, a column a classifier: median (lowest - highest).
pub(super) fn table(name: &str, cells: &BTreeMap<&'static str, Cells>) -> String {
    let mut text = format!("{name:<26}");
    let quantities: Vec<&str> = cells.values().next().map(|of| of.keys().copied().collect()).unwrap_or_default();
    // Writing to a String does not fail.
    for classifier in cells.keys() {
        let _ = write!(text, " {classifier:>26}");
    }
    text.push('\n');
    for quantity in quantities {
        let _ = write!(text, "{quantity:<26}");
        for samples in cells.values().filter_map(|of| of.get(quantity)) {
            let (lowest, highest) = samples.spread();
            let cell = match lowest == highest {
                true => format!("{lowest:.1}"),
                false => format!("{:.1} ({lowest:.1} - {highest:.1})", samples.median()),
            };
            let _ = write!(text, " {cell:>26}");
        }
        text.push('\n');
    }
    text
}
