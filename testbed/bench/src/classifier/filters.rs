//! ClassBench filter files: `@SOURCE/LENGTH DESTINATION/LENGTH LOW : HIGH LOW : HIGH PROTOCOL/MASK`, one a line, the first
//! one counts. What follows the protocol (flags) is ignored.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use classifier::{Interval, Rule, RuleId};

use crate::Failure;

/// Source and destination address, source and destination port, protocol.
pub(super) const DIMENSIONS: usize = 5;

/// The filters of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Rule>, Failure> {
    let file = || path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| Failure::File { path: file(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let fields =
        lines.map(|(number, line)| filter(line).ok_or_else(|| Failure::Filter { path: file(), line: number + 1 }));
    fields.zip(0..).map(|(fields, place)| fields.map(|fields| rule(place, fields))).collect()
}

/// The filter at this place of a list.
pub(super) fn rule(place: u32, fields: [Interval; DIMENSIONS]) -> Rule {
    Rule { id: RuleId(place), precedence: place, fields: fields.into() }
}

fn filter(line: &str) -> Option<[Interval; DIMENSIONS]> {
    let spaced = line.trim().strip_prefix('@')?.replace(':', " ");
    let mut words = spaced.split_whitespace();
    let source = prefix(words.next()?)?;
    let destination = prefix(words.next()?)?;
    let source_port = range(words.next()?, words.next()?)?;
    let destination_port = range(words.next()?, words.next()?)?;
    Some([source, destination, source_port, destination_port, protocol(words.next()?)?])
}

fn prefix(text: &str) -> Option<Interval> {
    let (address, length) = text.split_once('/')?;
    let length = length.parse().ok().filter(|length| *length <= 32)?;
    Some(Interval::prefix(address.parse::<Ipv4Addr>().ok()?.to_bits(), length))
}

fn range(low: &str, high: &str) -> Option<Interval> {
    let (low, high) = (low.parse::<u16>().ok()?, high.parse::<u16>().ok()?);
    let some = || Interval::range(low.into(), high.into());
    (low <= high).then(|| if (low, high) == (0, u16::MAX) { Interval::ANY } else { some() })
}

fn protocol(text: &str) -> Option<Interval> {
    let octet = |text: &str| u8::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    match text.split_once('/').map(|(value, mask)| (octet(value), octet(mask)))? {
        (Some(_), Some(0)) => Some(Interval::ANY),
        (Some(value), Some(0xff)) => Some(Interval::exact(value.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read() {
        let line = "@192.168.1.0/24\t10.0.0.1/32\t0 : 65535\t1024 : 2047\t0x06/0xFF\t0x0000/0x0200\t";
        let fields = filter(line).expect("a filter");
        assert_eq!(fields[0], Interval::range(0xc0a8_0100, 0xc0a8_01ff));
        assert_eq!(fields[1], Interval::exact(0x0a00_0001));
        assert_eq!(fields[2..], [Interval::ANY, Interval::range(1024, 2047), Interval::exact(6)]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for line in [
            "",
            "@",
            "192.168.1.0/24",
            "@1.2.3.4/33 1.2.3.4/32 0 : 1 0 : 1 0x06/0xFF",
            "@1.2.3.4/3 1.2.3.4/32 2 : 1 0 : 1 0x06/0xFF",
        ] {
            assert_eq!(filter(line), None, "{line}");
        }
    }
}
