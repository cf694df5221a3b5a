//! Addresses for UEs, per data network.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nas::ie::PduAddress;
use runtime::DataNetwork;

use crate::session_type::IpType;

/// Identifier of the UE's interface on its link of IPv6, on which it and the UPF (1) are alone (TS 23.501 5.8.2.2.3). Of its
/// own prefix the UE makes whatever addresses it likes.
const INTERFACE: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 2];

/// What a session's UE is reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UeAddress {
    Ipv4(Ipv4Addr),
    /// The network of a prefix of 64 bits.
    Ipv6(Ipv6Addr),
    Ipv4v6(Ipv4Addr, Ipv6Addr),
    /// The UPF is to choose it.
    Open(IpType),
}

impl UeAddress {
    pub(crate) fn kind(self) -> IpType {
        match self {
            Self::Ipv4(_) => IpType::Ipv4,
            Self::Ipv6(_) => IpType::Ipv6,
            Self::Ipv4v6(..) => IpType::Ipv4v6,
            Self::Open(kind) => kind,
        }
    }

    pub(crate) fn ipv4(self) -> Option<Ipv4Addr> {
        match self {
            Self::Ipv4(address) | Self::Ipv4v6(address, _) => Some(address),
            Self::Ipv6(_) | Self::Open(_) => None,
        }
    }

    pub(crate) fn ipv6_prefix(self) -> Option<Ipv6Addr> {
        match self {
            Self::Ipv6(prefix) | Self::Ipv4v6(_, prefix) => Some(prefix),
            Self::Ipv4(_) | Self::Open(_) => None,
        }
    }

    /// Of this kind, from what the UPF chose; `None` where that is another.
    pub(crate) fn chosen(kind: IpType, ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Option<Self> {
        match (kind, ipv4, ipv6) {
            (IpType::Ipv4, Some(address), _) => Some(Self::Ipv4(address)),
            (IpType::Ipv6, _, Some(prefix)) => Some(Self::Ipv6(prefix)),
            (IpType::Ipv4v6, Some(address), Some(prefix)) => Some(Self::Ipv4v6(address, prefix)),
            _ => None,
        }
    }

    /// Whether a packet of this address is the UE's.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.ipv4() == Some(v4),
            IpAddr::V6(v6) => self.ipv6_prefix().is_some_and(|prefix| prefix.to_bits() >> 64 == v6.to_bits() >> 64),
        }
    }

    /// What the UE is told (TS 24.501 9.11.4.10): of IPv6 its interface's identifier, the prefix comes by Router Advertisement.
    pub(crate) fn pdu_address(self) -> Option<PduAddress> {
        Some(match self {
            Self::Ipv4(address) => PduAddress::Ipv4(address),
            Self::Ipv6(_) => PduAddress::Ipv6(INTERFACE),
            Self::Ipv4v6(address, _) => PduAddress::Ipv4v6(INTERFACE, address),
            Self::Open(_) => return None,
        })
    }
}

/// Numbers that are given out one by one. One that was given back is given out again as late as possible, so that packets
/// for its former owner do not reach the next.
struct Numbers {
    /// The lowest never given out; `None` when all have been.
    next: Option<u64>,
    /// The last of all.
    last: u64,
    /// Not given out.
    except: u64,
    returned: VecDeque<u64>,
}

impl Numbers {
    fn new(first: u64, last: u64, except: u64) -> Self {
        Self { next: (first <= last).then_some(first), last, except, returned: VecDeque::new() }
    }

    fn take(&mut self) -> Option<u64> {
        while let Some(number) = self.next {
            self.next = number.checked_add(1).filter(|next| *next <= self.last);
            if number != self.except {
                return Some(number);
            }
        }
        self.returned.pop_front()
    }
}

/// What a data network has for UEs.
pub(crate) struct AddressPool {
    ipv4: Option<Numbers>,
    /// Of prefixes the upper 64 bits.
    ipv6: Option<Numbers>,
}

impl AddressPool {
    /// All IPv4 addresses but the network's own, the broadcast address and the gateway; all prefixes of 64 bits but the
    /// gateway's.
    pub(crate) fn new(network: &DataNetwork) -> Self {
        let ipv4 = network.ipv4.zip(network.gateway()).map(|(net, gateway)| {
            let [own, broadcast, gateway] = [net.network(), net.broadcast(), gateway].map(|a| u64::from(a.to_bits()));
            Numbers::new(own + 1, broadcast.saturating_sub(1), gateway)
        });
        let ipv6 = network.ipv6.map(|net| {
            let [first, last] = [net.network(), net.broadcast()].map(upper);
            Numbers::new(first, last, first)
        });
        Self { ipv4, ipv6 }
    }

    /// Addresses that nobody has; `None` when there are none left.
    pub(crate) fn take(&mut self, kind: IpType) -> Option<UeAddress> {
        let ipv4 = if kind.has_ipv4() { Some(self.take_ipv4()?) } else { None };
        let ipv6 = if kind.has_ipv6() { self.take_ipv6() } else { None };
        match (ipv4, ipv6) {
            (Some(address), None) if kind == IpType::Ipv4 => Some(UeAddress::Ipv4(address)),
            (None, Some(prefix)) => Some(UeAddress::Ipv6(prefix)),
            (Some(address), Some(prefix)) => Some(UeAddress::Ipv4v6(address, prefix)),
            (Some(address), None) => {
                self.give_back(UeAddress::Ipv4(address));
                None
            }
            (None, None) => None,
        }
    }

    fn take_ipv4(&mut self) -> Option<Ipv4Addr> {
        let number = self.ipv4.as_mut()?.take()?;
        u32::try_from(number).ok().map(Ipv4Addr::from_bits)
    }

    fn take_ipv6(&mut self) -> Option<Ipv6Addr> {
        let number = self.ipv6.as_mut()?.take()?;
        Some(Ipv6Addr::from_bits(u128::from(number) << 64))
    }

    /// Gives back what [`take`](Self::take) gave out.
    pub(crate) fn give_back(&mut self, address: UeAddress) {
        if let (Some(pool), Some(address)) = (&mut self.ipv4, address.ipv4()) {
            pool.returned.push_back(u64::from(address.to_bits()));
        }
        if let (Some(pool), Some(prefix)) = (&mut self.ipv6, address.ipv6_prefix()) {
            pool.returned.push_back(upper(prefix));
        }
    }
}

/// The upper 64 bits.
fn upper(address: Ipv6Addr) -> u64 {
    u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(ipv4: Option<&str>, ipv6: Option<&str>) -> AddressPool {
        let ipv4 = ipv4.map(|net| net.parse().expect("a prefix"));
        let ipv6 = ipv6.map(|net| net.parse().expect("a prefix"));
        AddressPool::new(&DataNetwork::new("a".parse().expect("a name"), ipv4, ipv6))
    }

    fn v4(last: u8) -> UeAddress {
        UeAddress::Ipv4(Ipv4Addr::new(10, 0, 0, last))
    }

    #[test]
    fn every_address_once_and_the_oldest_first_again() {
        let mut pool = pool(Some("10.0.0.0/29"), None);
        let mut take = || pool.take(IpType::Ipv4);
        assert_eq!([2, 3, 4, 5, 6].map(|_| take()), [2, 3, 4, 5, 6].map(|last| Some(v4(last))));
        pool.give_back(v4(5));
        pool.give_back(v4(2));
        assert_eq!([0; 3].map(|_| pool.take(IpType::Ipv4)), [Some(v4(5)), Some(v4(2)), None]);
    }

    #[test]
    fn the_last_network_of_all_ends() {
        let mut pool = pool(Some("255.255.255.252/30"), None);
        let last = UeAddress::Ipv4(Ipv4Addr::new(255, 255, 255, 254));
        assert_eq!([0; 2].map(|_| pool.take(IpType::Ipv4)), [Some(last), None]);
    }

    #[test]
    fn every_session_has_a_prefix_of_its_own_and_none_the_gateways() {
        let mut pool = pool(None, Some("2001:db8:0:fff0::/60"));
        let taken: Vec<_> = std::iter::from_fn(|| pool.take(IpType::Ipv6)).collect();
        assert_eq!(taken.len(), 15);
        assert_eq!(taken.first(), Some(&UeAddress::Ipv6("2001:db8:0:fff1::".parse().expect("an address"))));
        assert_eq!(taken.last(), Some(&UeAddress::Ipv6("2001:db8:0:ffff::".parse().expect("an address"))));
        assert_eq!(pool.take(IpType::Ipv4), None);
        pool.give_back(taken[3]);
        assert_eq!(pool.take(IpType::Ipv6), Some(taken[3]));
    }

    #[test]
    fn half_of_what_is_asked_is_not_kept() {
        let mut pool = pool(Some("10.0.0.0/30"), None);
        assert_eq!(pool.take(IpType::Ipv4v6), None);
        assert_eq!(pool.take(IpType::Ipv4), Some(v4(2)));
    }

    #[test]
    fn a_prefix_is_all_of_its_addresses() {
        let ue = UeAddress::Ipv4v6(Ipv4Addr::new(10, 0, 0, 2), "fd00:10:45:1::".parse().expect("an address"));
        let has = |address: &str| ue.has(address.parse().expect("an address"));
        assert!(has("10.0.0.2") && has("fd00:10:45:1::77"));
        assert!(!has("10.0.0.3") && !has("fd00:10:45:2::77"));
    }
}
