//! Filters made up in the manner of ClassBench (Taylor and Turner, INFOCOM 2005): access control lists, firewalls and IP
//! chains. The shares below are after what is known of its seeds, not taken from them; addresses nest, because
//! half of them lie in a network that an earlier filter names; no filter is there twice; specific ones come first.

use std::collections::HashSet;
use std::fmt;

use classifier::{Interval, Rule};
use fastrand::Rng;

use super::filters::{DIMENSIONS, rule};

/// What filters are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Family {
    /// Access control: sources and destinations mostly known, destination ports exact
    Acl,
    /// Firewalls: many wildcards and port ranges
    Fw,
    /// IP chains: a mixture
    Ipc,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acl => "acl",
            Self::Fw => "fw",
            Self::Ipc => "ipc",
        })
    }
}

/// Weights.
struct Shares {
    /// Of prefix lengths 0, 8 to 15, 16 to 23, 24 to 31, 32.
    source: [u32; 5],
    destination: [u32; 5],
    /// Of all ports, 1024 and above, below 1024, some range, one port.
    source_port: [u32; 5],
    destination_port: [u32; 5],
    /// Of any protocol, TCP, UDP, ICMP, others.
    protocol: [u32; 5],
}

impl Family {
    fn shares(self) -> Shares {
        match self {
            Self::Acl => Shares {
                source: [5, 3, 12, 40, 40],
                destination: [1, 1, 8, 40, 50],
                source_port: [97, 1, 0, 0, 2],
                destination_port: [30, 5, 1, 9, 55],
                protocol: [8, 75, 12, 4, 1],
            },
            Self::Fw => Shares {
                source: [30, 4, 16, 25, 25],
                destination: [25, 2, 8, 30, 35],
                source_port: [68, 12, 1, 4, 15],
                destination_port: [30, 12, 2, 11, 45],
                protocol: [14, 50, 28, 6, 2],
            },
            Self::Ipc => Shares {
                source: [10, 4, 16, 35, 35],
                destination: [8, 4, 13, 35, 40],
                source_port: [80, 6, 1, 3, 10],
                destination_port: [45, 6, 1, 6, 42],
                protocol: [12, 50, 25, 10, 3],
            },
        }
    }
}

/// So many filters. Their order is that of the list: the first one counts.
pub(super) fn filters(family: Family, size: usize, seed: u64) -> Vec<Rule> {
    let mut chance = Rng::with_seed(seed);
    let shares = family.shares();
    let (mut sources, mut destinations) = (Vec::new(), Vec::new());
    let mut filters = HashSet::new();
    while filters.len() < size {
        filters.insert([
            address(&shares.source, &mut sources, &mut chance),
            address(&shares.destination, &mut destinations, &mut chance),
            port(&shares.source_port, &mut chance),
            port(&shares.destination_port, &mut chance),
            protocol(&shares.protocol, &mut chance),
        ]);
    }
    let mut filters: Vec<[Interval; DIMENSIONS]> = filters.into_iter().collect();
    filters.sort_by_cached_key(|fields| (breadth(fields), fields.map(|field| (field.low, field.high))));
    filters.into_iter().zip(0..).map(|(fields, place)| rule(place, fields)).collect()
}

/// Bits left open: a filter that lies within another has fewer.
fn breadth(fields: &[Interval; DIMENSIONS]) -> u32 {
    fields.iter().map(|field| 10 * (u32::BITS - (field.high - field.low).leading_zeros())).sum()
}

/// One of the five, by weight.
fn draw(weights: &[u32; 5], chance: &mut Rng) -> usize {
    let sum: u32 = weights.iter().sum();
    let mut point = chance.u32(..sum);
    weights.iter().position(|weight| point.checked_sub(*weight).map(|rest| point = rest).is_none()).unwrap_or(0)
}

/// A prefix, of an address drawn before or of a new one.
fn address(weights: &[u32; 5], known: &mut Vec<u32>, chance: &mut Rng) -> Interval {
    let length = match draw(weights, chance) {
        0 => return Interval::ANY,
        1 => chance.u32(8..16),
        2 => chance.u32(16..24),
        3 => chance.u32(24..32),
        _ => 32,
    };
    let base = match known.is_empty() || chance.bool() {
        true => chance.u32(..),
        false => {
            let shared = chance.u32(16..32);
            known[chance.usize(..known.len())] ^ chance.u32(..=u32::MAX >> shared)
        }
    };
    known.push(base);
    Interval::prefix(base, length)
}

/// Ports that services have, the first ones the most often.
const SERVICES: [u32; 24] = [
    80, 443, 53, 22, 25, 21, 23, 110, 143, 123, 161, 389, 445, 139, 993, 995, 1433, 1521, 3306, 3389, 5060, 8080, 8443,
    6000,
];

fn service(chance: &mut Rng) -> u32 {
    let most = chance.usize(1..=SERVICES.len());
    SERVICES[chance.usize(..most)]
}

fn port(weights: &[u32; 5], chance: &mut Rng) -> Interval {
    match draw(weights, chance) {
        0 => Interval::ANY,
        1 => Interval::range(1024, 65535),
        2 => Interval::range(0, 1023),
        3 => {
            let low = service(chance);
            Interval::range(low, low + [1, 4, 9, 99, 999][chance.usize(..5)])
        }
        _ if chance.u8(..4) == 0 => Interval::exact(chance.u32(1..65536)),
        _ => Interval::exact(service(chance)),
    }
}

fn protocol(weights: &[u32; 5], chance: &mut Rng) -> Interval {
    match draw(weights, chance) {
        0 => Interval::ANY,
        1 => Interval::exact(6),
        2 => Interval::exact(17),
        3 => Interval::exact(1),
        _ => Interval::exact([47, 50, 51, 89, 132][chance.usize(..5)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_filters() {
        for family in [Family::Acl, Family::Fw, Family::Ipc] {
            let filters = filters(family, 300, 7);
            assert_eq!(filters, super::filters(family, 300, 7));
            assert!(filters.iter().all(|rule| rule.fields.iter().all(|field| field.low <= field.high)));
            assert_ne!(filters, super::filters(family, 300, 8));
        }
    }

    #[test]
    fn what_lies_within_another_comes_first() {
        let filters = filters(Family::Fw, 500, 3);
        let within = |one: &Rule, other: &Rule| {
            one.fields.iter().zip(&other.fields).all(|(a, b)| b.contains(a.low) && b.contains(a.high))
        };
        for (place, earlier) in filters.iter().enumerate() {
            assert!(filters[place + 1..].iter().all(|later| !within(later, earlier)), "{earlier:?}");
        }
    }
}
