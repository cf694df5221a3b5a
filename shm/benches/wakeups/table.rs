//! What is printed and written.

use std::fmt::Write as _;

use crate::run::{Cost, Round, Seat};
use crate::wake::Way;

type Quantity = fn(&Cost) -> f64;

/// Quantities and their names.
const QUANTITIES: [(&str, Quantity); 5] = [
    ("p50 us", |cost| cost.p50_us),
    ("p99 us", |cost| cost.p99_us),
    ("CPU us", |cost| cost.cpu_us),
    ("voluntary", |cost| cost.voluntary),
    ("involuntary", |cost| cost.involuntary),
];

/// A block a seating, a line a way: medians, and beside p50 and CPU the ratio to the eventfd's, round by round.
pub(crate) fn text(rounds: &[Round]) -> String {
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    for seat in Seat::ALL {
        let _ = write!(text, "\n{:<36}", seat.name());
        for (name, _) in QUANTITIES {
            let _ = write!(text, " {name:>11}");
        }
        text.push_str("   p50 x eventfd       CPU x eventfd\n");
        for way in Way::ALL {
            let _ = write!(text, "{:<36}", way.name());
            for (_, of) in QUANTITIES {
                let _ = write!(text, " {:>11.2}", median(values(rounds, seat, way, of)));
            }
            for of in [QUANTITIES[0].1, QUANTITIES[2].1] {
                let base = values(rounds, seat, Way::Eventfd, of);
                let ratios = values(rounds, seat, way, of).into_iter().zip(base).map(|(own, base)| own / base);
                let _ = write!(text, "   {:<17}", spread(ratios.collect()));
            }
            text.push('\n');
        }
    }
    text
}

/// Every cell: one line an object.
pub(crate) fn json(rounds: &[Round]) -> String {
    let cells = Seat::ALL.into_iter().flat_map(|seat| Way::ALL.map(|way| (seat, way)));
    let cell = |(seat, way): (Seat, Way)| {
        let quantities = QUANTITIES.map(|(name, of)| format!("\"{name}\": {:.2?}", values(rounds, seat, way, of)));
        format!("  {{\"where\": \"{}\", \"way\": \"{}\", {}}}", seat.name(), way.name(), quantities.join(", "))
    };
    format!("[\n{}\n]\n", cells.map(cell).collect::<Vec<_>>().join(",\n"))
}

fn values(rounds: &[Round], seat: Seat, way: Way, of: Quantity) -> Vec<f64> {
    rounds.iter().filter(|round| round.seat == seat && round.way == way).map(|round| of(&round.cost)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn spread(values: Vec<f64>) -> String {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({lowest:.2}-{highest:.2})", median(values))
}
