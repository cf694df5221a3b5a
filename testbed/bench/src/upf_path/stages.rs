//! What each stage of the path costs: the same packets with one stage more at a time.

use super::load::{Load, Mix};
use super::site::{Rules, Site};
use super::{Cells, Options, put};
use crate::Failure;

/// Sessions of each variant.
const SESSIONS: usize = 1000;

/// The first variant has no session, and so ends after the first two stages; each of the others adds the stage of its name.
const VARIANTS: [(&str, Option<Rules>); 5] = [
    ("parse, session not found", None),
    ("session and a rule that drops", Some(Rules { drop: true, enforced: false, ..Rules::PLAIN })),
    ("rewrite", Some(Rules { enforced: false, ..Rules::PLAIN })),
    ("QoS and usage", Some(Rules::PLAIN)),
    ("classify, 5 rules each way", Some(Rules { each_way: 5, ..Rules::PLAIN })),
];

/// Adds a cell a stage.
pub(super) fn measure(options: &Options, cells: &mut Cells) -> Result<(), Failure> {
    let plain = Rules::of(2);
    let site = |rules: Option<Rules>| Site { sessions: SESSIONS, rules: rules.unwrap_or(plain) };
    let mut forwarders: Vec<_> = VARIANTS
        .iter()
        .map(|(_, rules)| Site { sessions: if rules.is_some() { SESSIONS } else { 0 }, ..site(*rules) }.forwarder())
        .collect();
    let cycles = cycles_per_nanosecond();
    for _ in 0..options.rounds {
        let mut before = 0.0;
        for ((name, rules), forwarder) in VARIANTS.iter().zip(&mut forwarders) {
            let mut load = Load::new(site(*rules), Mix::Small);
            let time = match rules {
                Some(_) => load.run(forwarder, options.packets)?,
                // Downlink ones only: those from N3 for no tunnel are answered.
                None => load.time(forwarder, options.packets, |load, frame| load.write(frame, 7, 0, 64, false)),
            };
            put(cells, format!("stage: {name}, ns"), time.path - before);
            put(cells, format!("stage: {name}, cycles"), (time.path - before) * cycles);
            before = time.path;
        }
    }
    Ok(())
}

/// Of the clock that the machine says it has.
fn cycles_per_nanosecond() -> f64 {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let megahertz = information.lines().find_map(|line| line.strip_prefix("cpu MHz")?.split_once(": ")?.1.parse().ok());
    megahertz.unwrap_or(1000.0) / 1000.0
}
