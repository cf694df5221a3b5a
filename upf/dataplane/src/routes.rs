//! Networks behind UEs (framed routes, TS 29.244 5.16). Every worker knows all of them: packets to their addresses come to any.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::Bucket;

/// Where a network's packets go: the bucket of the session, and an address of its UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) home: Bucket,
    pub(crate) ue: IpAddr,
}

/// The networks behind UEs, by length of the prefix, of each version.
#[derive(Default)]
pub(crate) struct Routes([BTreeMap<u8, HashMap<u128, Way>>; 2]);

impl Routes {
    /// Has packets to a network take a way from now on, or none.
    pub(crate) fn set(&mut self, network: IpNet, way: Option<Way>) {
        let length = network.prefix_len();
        let (version, bits) = place(network.network());
        let networks = self.0[version].entry(length).or_default();
        match way {
            Some(way) => drop(networks.insert(head(bits, length), way)),
            None => drop(networks.remove(&head(bits, length))),
        }
        if networks.is_empty() {
            self.0[version].remove(&length);
        }
    }

    /// The way of the longest prefix that an address has.
    pub(crate) fn find(&self, address: IpAddr) -> Option<Way> {
        let (version, bits) = place(address);
        self.0[version].iter().rev().find_map(|(length, networks)| networks.get(&head(bits, *length)).copied())
    }
}

/// Version, and the bits of an address from the highest on.
fn place(address: IpAddr) -> (usize, u128) {
    match address {
        IpAddr::V4(v4) => (0, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => (1, v6.to_bits()),
    }
}

fn head(bits: u128, length: u8) -> u128 {
    bits & !u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn way(number: u8) -> Way {
        Way { home: Bucket(number), ue: [10, 45, 0, number].into() }
    }

    proptest! {
        /// The same as a look at every network.
        #[test]
        fn the_longest_prefix_is_found(
            steps in proptest::collection::vec((any::<bool>(), 0..4u8, 0..=32u8, any::<bool>(), any::<u8>()), 0..60),
            asked in proptest::collection::vec((any::<bool>(), 0..4u8), 20),
        ) {
            // Few addresses that differ in their last and in their first bits, so that networks hold each other.
            let address = |ipv4: bool, number: u8| match ipv4 {
                true => IpAddr::from([192 | number, 0, 2, number]),
                false => IpAddr::from([0x2001, 0xdb8 | u16::from(number), 0, 0, 0, 0, 0, number.into()]),
            };
            let (mut routes, mut all) = (Routes::default(), BTreeMap::new());
            for (ipv4, number, length, present, to) in steps {
                let length = if ipv4 { length } else { length * 4 };
                let network = IpNet::new(address(ipv4, number), length).expect("a length").trunc();
                routes.set(network, present.then(|| way(to)));
                match present {
                    true => drop(all.insert(network, way(to))),
                    false => drop(all.remove(&network)),
                }
            }
            for (ipv4, number) in asked {
                let asked = address(ipv4, number);
                let holding = all.iter().filter(|(network, _)| network.contains(&asked));
                let longest = holding.max_by_key(|(network, _)| network.prefix_len()).map(|(_, way)| *way);
                prop_assert_eq!(routes.find(asked), longest);
            }
            all.keys().for_each(|network| routes.set(*network, None));
            prop_assert!(routes.0.iter().all(BTreeMap::is_empty));
        }
    }
}
