//! The addresses of a pool as numbers, given out one by one.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use super::{Pool, number, of_one_ue};

/// Numbers of a pool. They go round from a first one that differs from start to start: sessions that are to be restored are
/// likely to find theirs free. One that was given back is given out again as late as possible, so that packets for its former
/// owner do not reach the next.
pub(super) struct Numbers {
    /// The lowest and the highest.
    ends: (u64, u64),
    /// Not given out.
    except: u64,
    /// Where it began.
    first: u64,
    /// How many were passed since.
    passed: u64,
    /// Given back after they were passed: in order, and each once.
    returned: VecDeque<u64>,
    among: HashSet<u64>,
}

impl Numbers {
    pub(super) fn of(pool: &Pool, first: u64) -> Self {
        let count = |bits: u8| 1u64.checked_shl(bits.into()).unwrap_or(u64::MAX);
        let length = pool.network.prefix_len();
        let ends = match pool.network.network() {
            // Neither the network's own address nor that to all in it.
            IpAddr::V4(_) => (1, count(32 - length).saturating_sub(2)),
            IpAddr::V6(_) => (0, count(64u8.saturating_sub(length)) - 1),
        };
        let except = number(pool, of_one_ue(pool.gateway));
        let mut numbers =
            Self { ends, except, first: ends.0, passed: 0, returned: VecDeque::new(), among: HashSet::new() };
        numbers.first += first.checked_rem(numbers.count()).unwrap_or(0);
        numbers
    }

    fn count(&self) -> u64 {
        let (low, high) = self.ends;
        if low > high { 0 } else { (high - low).saturating_add(1) }
    }

    /// The next that was not passed, else the one given back first. Whether nobody has it, the caller knows.
    pub(super) fn take(&mut self) -> Option<u64> {
        let (low, _) = self.ends;
        while self.passed < self.count() {
            let number = low + (self.first - low + self.passed) % self.count();
            self.passed += 1;
            if number != self.except {
                return Some(number);
            }
        }
        let number = self.returned.pop_front()?;
        self.among.remove(&number);
        Some(number)
    }

    /// Takes one back. Of those that come yet there is nothing to note.
    pub(super) fn give_back(&mut self, number: u64) {
        let (low, high) = self.ends;
        if !(low..=high).contains(&number) || number == self.except {
            return;
        }
        let count = self.count();
        let place = (number - low + count - (self.first - low)) % count;
        if place < self.passed && self.among.insert(number) {
            self.returned.push_back(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is taken, claimed by others and given back: nothing is held twice, nothing is lost, nothing grows.
        #[test]
        fn every_number_comes_once_and_again_when_it_is_free(
            first in 0..100u64,
            steps in proptest::collection::vec((0..3u8, 0..32u64), 0..300),
        ) {
            let network = "10.45.0.0/27".parse().expect("a network");
            let pool = Pool { dnn: String::new(), network, gateway: [10, 45, 0, 9].into(), mtu: 1400, to_choose: true };
            let mut numbers = Numbers::of(&pool, first);
            let usable: BTreeSet<u64> = (1..31).filter(|number| *number != 9).collect();
            let mut held = BTreeSet::new();
            for (step, number) in steps {
                match step {
                    0 => while let Some(number) = numbers.take() {
                        prop_assert!(usable.contains(&number));
                        if held.insert(number) {
                            break;
                        }
                    },
                    // An SMF claims it.
                    1 if usable.contains(&number) => drop(held.insert(number)),
                    _ => if held.remove(&number) {
                        numbers.give_back(number);
                    },
                }
                prop_assert!(numbers.returned.len() <= usable.len());
            }
            while let Some(number) = numbers.take() {
                held.insert(number);
            }
            prop_assert_eq!(held, usable);
        }
    }
}
