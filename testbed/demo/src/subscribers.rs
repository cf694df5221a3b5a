//! The demo's subscribers: as lines for `peregrine subscriber import` and for `peregrine-ran`, which share their keys.

use std::fmt::Write as _;

/// The first one's IMSI; the others follow it. The first that the core knows by itself is left alone.
const FIRST: u64 = 999_700_000_100_001;
/// K of TS 35.208 test set 1 and the OPc that belongs to it: anybody's, so no secret.
const K: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
const OPC: &str = "CD63CB71954A9F4E48A5994E37A02BAF";

/// `count` subscribers, one JSON object a line.
pub(crate) fn json_lines(count: usize) -> String {
    let mut lines = String::new();
    for imsi in (FIRST..).take(count) {
        // Writing to a String does not fail.
        let _ = writeln!(lines, r#"{{"supi":"imsi-{imsi}","k":"{K}","opc":"{OPC}","slices":["1:internet,ims"]}}"#);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_subscriber_of_its_own() {
        let lines = json_lines(3);
        let supis: Vec<String> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["supi"].to_string())
            .collect();
        assert_eq!(supis, [1, 2, 3].map(|n| format!("\"imsi-99970000010000{n}\"")));
    }
}
