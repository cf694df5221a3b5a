//! `peregrine status`.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::{Core, admin, names};

/// Exit status when an NF is missing.
const INCOMPLETE: u8 = 3;

/// Columns: heading, and how a status fills it.
type Column = (&'static str, fn(&Value) -> String);

const COLUMNS: [Column; 9] = [
    ("NF", |nf| text(nf, "nf")),
    ("PID", |nf| text(nf, "pid")),
    ("STATE", |nf| text(nf, "state")),
    ("UPTIME", |nf| nf.get("uptime_seconds").and_then(Value::as_f64).map(duration).unwrap_or_default()),
    ("MEMORY", |nf| nf.get("resident_bytes").and_then(Value::as_f64).map(mebibytes).unwrap_or_default()),
    ("CPU", |nf| nf.get("cpu_seconds").and_then(Value::as_f64).map(|s| format!("{s:.1} s")).unwrap_or_default()),
    ("GNBS", |nf| text(nf, "gnbs")),
    ("UES", |nf| text(nf, "ues")),
    ("SESSIONS", |nf| text(nf, "sessions")),
];

/// Prints the status; fails if an NF is missing.
pub(crate) fn show(core: &Core, as_json: bool) -> ExitCode {
    let all: Vec<Value> = names::ALL.iter().map(|nf| status_of(core, nf)).collect();
    let complete = all.iter().all(|nf| nf.get("pid").is_some());
    if as_json {
        tell!("{}", serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        tell!("{}", table(&all).trim_end());
    }
    if complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
}

fn status_of(core: &Core, nf: &str) -> Value {
    match admin::call(&core.directories, nf, "GET", "/status") {
        Ok(answer) => answer.json(),
        Err(why) => json!({"nf": nf, "state": "down", "why": why.to_string()}),
    }
}

/// The table, its columns as wide as they need be.
fn table(all: &[Value]) -> String {
    let heading: Vec<String> = COLUMNS.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let rows = all.iter().map(|nf| COLUMNS.iter().map(|(_, fill)| fill(nf)).collect::<Vec<_>>());
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn text(nf: &Value, key: &str) -> String {
    let empty = Map::new();
    match nf.as_object().unwrap_or(&empty).get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_who_runs_and_who_does_not() {
        let amf = json!({"nf": "amf", "pid": 7, "state": "registered", "uptime_seconds": 61.2,
            "resident_bytes": 10_485_760, "cpu_seconds": 0.25, "gnbs": 1, "ues": 64});
        let smf = json!({"nf": "smf", "state": "down"});
        let expected = "\
NF   PID  STATE       UPTIME  MEMORY    CPU    GNBS  UES  SESSIONS
amf  7    registered  61 s    10.0 MiB  0.2 s  1     64
smf       down
";
        assert_eq!(table(&[amf, smf]), expected);
    }

    #[test]
    fn times_in_units_that_fit() {
        assert_eq!([1.0, 600.0, 7200.0, 864_000.0].map(duration), ["1 s", "10 min", "2 h", "10 d"]);
    }
}
