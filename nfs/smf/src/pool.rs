//! Addresses for UEs, per data network.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The addresses of one data network. An address that was given back is given out again as late as possible, so that
/// packets for its former owner do not reach the next.
pub(crate) struct AddressPool {
    net: Ipv4Net,
    gateway: Ipv4Addr,
    /// The lowest address never given out; `None` when all have been.
    next: Option<u32>,
    returned: VecDeque<Ipv4Addr>,
}

impl AddressPool {
    /// All addresses of `net` but the network's own, the broadcast address and the gateway.
    pub(crate) fn new(net: Ipv4Net, gateway: Ipv4Addr) -> Self {
        Self { net, gateway, next: u32::from(net.network()).checked_add(1), returned: VecDeque::new() }
    }

    /// An address nobody has; `None` when there is none left.
    pub(crate) fn take(&mut self) -> Option<Ipv4Addr> {
        while let Some(number) = self.next {
            let address = Ipv4Addr::from(number);
            if address >= self.net.broadcast() {
                self.next = None;
                break;
            }
            self.next = number.checked_add(1);
            if address != self.gateway {
                return Some(address);
            }
        }
        self.returned.pop_front()
    }

    /// Gives back an address that [`take`](Self::take) gave out.
    pub(crate) fn give_back(&mut self, address: Ipv4Addr) {
        self.returned.push_back(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_once_and_the_oldest_first_again() {
        let net: Ipv4Net = "10.0.0.0/29".parse().expect("a prefix");
        let mut pool = AddressPool::new(net, Ipv4Addr::new(10, 0, 0, 1));
        let all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all, (2..=6).map(|n| Ipv4Addr::new(10, 0, 0, n)).collect::<Vec<_>>());
        pool.give_back(all[3]);
        pool.give_back(all[0]);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(all[3]), Some(all[0]), None]);
    }

    #[test]
    fn the_last_network_of_all_ends() {
        let net: Ipv4Net = "255.255.255.252/30".parse().expect("a prefix");
        let mut pool = AddressPool::new(net, Ipv4Addr::new(255, 255, 255, 253));
        assert_eq!([pool.take(), pool.take()], [Some(Ipv4Addr::new(255, 255, 255, 254)), None]);
    }
}
