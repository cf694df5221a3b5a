//! The UPF's packet path on one core, without a network: packets come from memory, take the whole path, and are counted.

mod hostile;
mod load;
mod site;
mod stages;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use classifier::Algorithm;
use dataplane::Forwarder;

use self::load::{Load, Mix};
use self::site::{Rules, Site};
use crate::Failure;
use crate::result::{result, write};
use crate::samples::Samples;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Numbers of sessions
    #[arg(long, value_delimiter = ',', default_values_t = [1, 1000, 100_000, 1_000_000])]
    sessions: Vec<usize>,
    /// PDRs per session, half of them for each direction
    #[arg(long, value_delimiter = ',', default_values_t = [2, 10, 100])]
    pdrs: Vec<usize>,
    /// How rules are looked up, where there are several in a direction: auto, linear, lanes, partition-sort, tuple-space,
    /// tuple-merge, bit-vector, regions
    #[arg(long, value_delimiter = ',', default_values_t = [Algorithm::Auto, Algorithm::PartitionSort, Algorithm::Linear])]
    classifiers: Vec<Algorithm>,
    /// No two sessions have rules alike
    #[arg(long)]
    differing: bool,
    /// Rounds: each measures every cell once
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Packets of a sample
    #[arg(long, default_value_t = 2_000_000)]
    packets: usize,
    /// Mebibytes that sessions may take: cells that need more are left out
    #[arg(long, default_value_t = 8192)]
    memory: u64,
    /// Leave out the stages of the path and hostile traffic
    #[arg(long)]
    only_rates: bool,
    /// Write every cell as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Quantity to samples, one a round.
type Cells = BTreeMap<String, Samples>;

fn put(cells: &mut Cells, quantity: impl Into<String>, value: f64) {
    cells.entry(quantity.into()).or_default().push(value);
}

/// Runs the measurement and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut cells = Cells::new();
    if !options.only_rates {
        stages::measure(options, &mut cells)?;
        hostile::measure(options, &mut cells)?;
    }
    for sessions in &options.sessions {
        rates(options, *sessions, &mut cells)?;
    }
    println!("{:<62} {:>10}   (lowest - highest)", "", "median");
    for (quantity, samples) in &cells {
        let (lowest, highest) = samples.spread();
        println!("{quantity:<62} {:>10.2}   ({lowest:.2} - {highest:.2})", samples.median());
    }
    match &options.json {
        None => Ok(()),
        Some(path) => write(path, format!("{:#}\n", result(options.rounds, &cells))),
    }
}

/// The name of what is measured of a classifier.
fn cell(sessions: usize, rules: &Rules) -> String {
    let by = match rules.classifier {
        Algorithm::Auto => String::new(),
        other => format!(" by {other}"),
    };
    format!("{sessions:>7} sessions of {:>3} PDRs{by}", 2 * rules.each_way)
}

/// The rules of each cell: every number of PDRs, by every classifier where there is anything to look up.
fn variants(options: &Options) -> impl Iterator<Item = Rules> {
    let several = options.pdrs.iter().flat_map(|pdrs| options.classifiers.iter().map(move |by| (*pdrs, *by)));
    let distinct = several.filter(|(pdrs, by)| *pdrs > 2 || *by == options.classifiers[0]);
    distinct.map(|(pdrs, classifier)| Rules { classifier, differing: options.differing, ..Rules::of(pdrs) })
}

/// The rate at so many sessions, with each number of PDRs and each classifier in turn.
fn rates(options: &Options, sessions: usize, cells: &mut Cells) -> Result<(), Failure> {
    let mut forwarders: Vec<(Rules, Forwarder)> = Vec::new();
    let mut left = options.memory << 20;
    for rules in variants(options) {
        let name = cell(sessions, &rules);
        let expected = site::octets_per_session(&rules) * sessions as u64;
        if expected > left {
            eprintln!("{name}: left out, it would take {} MiB", expected >> 20);
            continue;
        }
        left -= expected;
        let before = site::resident();
        let forwarder = Site { sessions, rules }.forwarder();
        // Fewer find room that others gave back.
        if sessions >= 1_000_000 {
            let octets = site::resident().saturating_sub(before) as f64 / sessions as f64;
            put(cells, format!("{name}: memory a session, octets"), octets);
        }
        forwarders.push((rules, forwarder));
    }
    for round in 0..options.rounds {
        eprintln!("{sessions} sessions, round {} of {}", round + 1, options.rounds);
        for mix in [Mix::Small, Mix::Imix] {
            let mut taken = Vec::new();
            for (rules, forwarder) in &mut forwarders {
                let name = format!("{}, {mix}", cell(sessions, rules));
                let mut load = Load::new(Site { sessions, rules: *rules }, mix);
                let time = load.run(forwarder, options.packets)?;
                put(cells, format!("{name}: path, Mpps"), 1e3 / time.path);
                put(cells, format!("{name}: with the port, Mpps"), 1e3 / (time.path + time.port));
                if rules.classifier == options.classifiers[0] {
                    taken.push((2 * rules.each_way, time.path + time.port));
                }
            }
            if let [(few, first), .., (many, last)] = taken[..] {
                let name = format!("{sessions:>7} sessions, {mix}: lost from {few} to {many} PDRs, percent");
                put(cells, name, 100.0 * (1.0 - first / last));
            }
        }
    }
    Ok(())
}
