//! What waking a process costs, by mechanism: two processes that share memory pass a turn to and fro, and sleep in between.
//!
//! ```console
//! $ cargo bench -p shm --bench wakeups -- [--rounds N] [--turns N] [--json FILE]
//! ```
//! Nobody polls, and a bell is rung at each turn: these are the mechanisms alone, without a channel's announcements and debts.
// Memory shared with another process, and requests to the kernel that hold its address.
#![allow(unsafe_code)]

mod memory;
mod run;
mod table;
mod wake;

use std::path::PathBuf;
use std::process::ExitCode;

use run::{Round, Seat};
use wake::Way;

/// What to measure.
struct Options {
    rounds: usize,
    /// There and back, of a series of one way
    turns: u32,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let done = match arguments.first().map(String::as_str) {
        Some("other") => run::other(&arguments[1..]),
        _ => options(&arguments).and_then(|options| compare(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wakeups: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { rounds: 5, turns: 4000, json: None };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        let number =
            || value.parse::<u32>().ok().filter(|number| *number > 0).ok_or(format!("{name}: a number from 1"));
        match name.as_str() {
            "--rounds" => options.rounds = number()? as usize,
            "--turns" => options.turns = number()?,
            "--json" => options.json = Some(value.into()),
            _ => return Err(format!("{name}: --rounds, --turns and --json are known")),
        }
    }
    Ok(options)
}

/// Every way at every seating, in an order that turns; the round before the first warms up and is not counted.
fn compare(options: &Options) -> Result<(), String> {
    let mut rounds: Vec<Round> = Vec::new();
    for round in 0..=options.rounds {
        for seat in Seat::ALL {
            for turn in 0..Way::ALL.len() {
                let way = Way::ALL[(round + turn) % Way::ALL.len()];
                let cost = run::series(way, seat, options.turns)?;
                rounds.extend((round > 0).then_some(Round { way, seat, cost }));
            }
        }
    }
    print!("{}", table::text(&rounds));
    match &options.json {
        None => Ok(()),
        Some(path) => {
            std::fs::write(path, table::json(&rounds)).map_err(|error| format!("{}: {error}", path.display()))
        }
    }
}
