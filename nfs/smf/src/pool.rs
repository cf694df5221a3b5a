//! Addresses for UEs, per data network.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nas::ie::PduAddress;
use runtime::DataNetwork;

use crate::session_type::SessionType;

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
    /// None: the session is one of Ethernet.
    Ethernet,
    /// The end of an unstructured session's tunnel on N6, of IPv6 the network of a prefix of 64 bits. The UE is not told.
    Tunnel(IpAddr),
    /// The UPF is to choose it, but for what the subscription fixes.
    Open(SessionType, Fixed),
}

/// Addresses that the subscription fixes (static UE addresses, TS 23.501 5.8.2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) ipv4: Option<Ipv4Addr>,
    /// The network of a prefix of 64 bits.
    pub(crate) ipv6: Option<Ipv6Addr>,
}

impl Fixed {
    /// The first of each version. Of IPv6 a session has a prefix of 64 bits, whatever the length that is said.
    pub(crate) fn read(addresses: &[sbi_models::IpAddr]) -> Self {
        let ipv6 = addresses.iter().find_map(|address| {
            let prefix = address.ipv6_prefix.map(|prefix| prefix.network());
            prefix.or(address.ipv6_addr).map(|address| Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        });
        Self { ipv4: addresses.iter().find_map(|address| address.ipv4_addr), ipv6 }
    }

    /// Of what a session of this type has.
    fn of(self, kind: SessionType) -> Self {
        Self { ipv4: self.ipv4.filter(|_| kind.has_ipv4()), ipv6: self.ipv6.filter(|_| kind.has_ipv6()) }
    }
}

/// Why a session gets no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// None is left.
    Empty,
    /// Another session has the one that the subscription fixes.
    InUse(IpAddr),
    /// The one that the subscription fixes is none of the data network's.
    Foreign(IpAddr),
}

impl UeAddress {
    pub(crate) fn kind(self) -> SessionType {
        match self {
            Self::Ipv4(_) => SessionType::Ipv4,
            Self::Ipv6(_) => SessionType::Ipv6,
            Self::Ipv4v6(..) => SessionType::Ipv4v6,
            Self::Ethernet => SessionType::Ethernet,
            Self::Tunnel(own) => SessionType::Unstructured { ipv4: own.is_ipv4() },
            Self::Open(kind, _) => kind,
        }
    }

    pub(crate) fn ipv4(self) -> Option<Ipv4Addr> {
        match self {
            Self::Ipv4(address) | Self::Ipv4v6(address, _) | Self::Tunnel(IpAddr::V4(address)) => Some(address),
            Self::Ipv6(_) | Self::Ethernet | Self::Tunnel(IpAddr::V6(_)) => None,
            Self::Open(_, fixed) => fixed.ipv4,
        }
    }

    pub(crate) fn ipv6_prefix(self) -> Option<Ipv6Addr> {
        match self {
            Self::Ipv6(prefix) | Self::Ipv4v6(_, prefix) | Self::Tunnel(IpAddr::V6(prefix)) => Some(prefix),
            Self::Ipv4(_) | Self::Ethernet | Self::Tunnel(IpAddr::V4(_)) => None,
            Self::Open(_, fixed) => fixed.ipv6,
        }
    }

    /// The UPF's to choose.
    pub(crate) fn open(kind: SessionType, fixed: Fixed) -> Self {
        Self::Open(kind, fixed.of(kind))
    }

    /// Of this kind, from what was chosen; `None` where that is another.
    pub(crate) fn chosen(kind: SessionType, ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Option<Self> {
        match (kind, ipv4, ipv6) {
            (SessionType::Ipv4, Some(address), _) => Some(Self::Ipv4(address)),
            (SessionType::Ipv6, _, Some(prefix)) => Some(Self::Ipv6(prefix)),
            (SessionType::Ipv4v6, Some(address), Some(prefix)) => Some(Self::Ipv4v6(address, prefix)),
            (SessionType::Unstructured { ipv4: true }, Some(address), _) => Some(Self::Tunnel(address.into())),
            (SessionType::Unstructured { ipv4: false }, _, Some(prefix)) => Some(Self::Tunnel(prefix.into())),
            (SessionType::Ethernet, ..) => Some(Self::Ethernet),
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
            Self::Ethernet | Self::Tunnel(_) | Self::Open(..) => return None,
        })
    }
}

/// Numbers that are given out one by one. One that was given back is given out again as late as possible, so that packets
/// for its former owner do not reach the next.
struct Numbers {
    /// The lowest never given out; `None` when all have been.
    next: Option<u64>,
    /// The first and the last of all.
    first: u64,
    last: u64,
    /// Not given out.
    except: u64,
    returned: VecDeque<u64>,
    /// Those that subscriptions fix, as far as they are known: never given out to others. Whether somebody has it.
    fixed: HashMap<u64, bool>,
}

impl Numbers {
    fn new(first: u64, last: u64, except: u64) -> Self {
        let next = (first <= last).then_some(first);
        Self { next, first, last, except, returned: VecDeque::new(), fixed: HashMap::new() }
    }

    fn holds(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number) && number != self.except
    }

    fn take(&mut self) -> Option<u64> {
        while let Some(number) = self.next {
            self.next = number.checked_add(1).filter(|next| *next <= self.last);
            if number != self.except && !self.fixed.contains_key(&number) {
                return Some(number);
            }
        }
        self.returned.pop_front()
    }

    /// Takes this one, which a subscription fixes. Whether nobody had it.
    fn take_fixed(&mut self, number: u64) -> bool {
        if let Some(taken) = self.fixed.get_mut(&number) {
            return !std::mem::replace(taken, true);
        }
        let returned = self.returned.iter().position(|returned| *returned == number);
        let free = returned.is_some() || self.next.is_some_and(|next| next <= number);
        returned.map(|place| self.returned.remove(place));
        // Whoever else has it keeps it; the next to have it is the subscriber.
        self.fixed.insert(number, true);
        free
    }

    fn give_back(&mut self, number: u64) {
        match self.fixed.get_mut(&number) {
            Some(taken) => *taken = false,
            None => self.returned.push_back(number),
        }
    }
}

/// What a data network has for UEs.
pub(crate) struct AddressPool {
    ipv4: Option<Numbers>,
    /// Of prefixes the upper 64 bits.
    ipv6: Option<Numbers>,
    /// Networks of which only subscriptions give addresses, and those that sessions have.
    beyond: Vec<IpNet>,
    in_use: HashSet<IpAddr>,
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
        Self { ipv4, ipv6, beyond: network.routes.clone(), in_use: HashSet::new() }
    }

    /// Addresses that nobody has, of them those that the subscription fixes; `Err`: nothing was taken.
    pub(crate) fn take(&mut self, kind: SessionType, fixed: Fixed) -> Result<UeAddress, NoAddress> {
        let ipv4 = if kind.has_ipv4() { Some(self.take_ipv4(fixed.ipv4)?) } else { None };
        let ipv6 = if kind.has_ipv6() { self.take_ipv6(fixed.ipv6).map(Some) } else { Ok(None) };
        let taken = ipv6.and_then(|ipv6| UeAddress::chosen(kind, ipv4, ipv6).ok_or(NoAddress::Empty));
        if let (Err(_), Some(address)) = (taken, ipv4) {
            // Half of what is asked is not kept.
            self.give_back(UeAddress::Ipv4(address));
        }
        taken
    }

    fn take_ipv4(&mut self, fixed: Option<Ipv4Addr>) -> Result<Ipv4Addr, NoAddress> {
        if let Some(address) = fixed {
            return self.take_fixed(address.into()).map(|()| address);
        }
        let number = self.ipv4.as_mut().and_then(Numbers::take).ok_or(NoAddress::Empty)?;
        u32::try_from(number).map(Ipv4Addr::from_bits).map_err(|_| NoAddress::Empty)
    }

    fn take_ipv6(&mut self, fixed: Option<Ipv6Addr>) -> Result<Ipv6Addr, NoAddress> {
        if let Some(prefix) = fixed {
            return self.take_fixed(prefix.into()).map(|()| prefix);
        }
        let number = self.ipv6.as_mut().and_then(Numbers::take).ok_or(NoAddress::Empty)?;
        Ok(Ipv6Addr::from_bits(u128::from(number) << 64))
    }

    fn take_fixed(&mut self, address: IpAddr) -> Result<(), NoAddress> {
        let beyond = self.beyond.iter().any(|network| holds(network, address));
        let free = match self.numbers(address) {
            Some((numbers, number)) => numbers.take_fixed(number),
            None if beyond => self.in_use.insert(address),
            None => return Err(NoAddress::Foreign(address)),
        };
        if free { Ok(()) } else { Err(NoAddress::InUse(address)) }
    }

    /// The pool that an address is of, and its number there.
    fn numbers(&mut self, address: IpAddr) -> Option<(&mut Numbers, u64)> {
        let (numbers, number) = match address {
            IpAddr::V4(v4) => (self.ipv4.as_mut()?, u64::from(v4.to_bits())),
            IpAddr::V6(v6) => (self.ipv6.as_mut()?, upper(v6)),
        };
        numbers.holds(number).then_some((numbers, number))
    }

    /// Gives back what [`take`](Self::take) gave out.
    pub(crate) fn give_back(&mut self, address: UeAddress) {
        let prefix = address.ipv6_prefix().map(IpAddr::from);
        for address in address.ipv4().map(IpAddr::from).into_iter().chain(prefix) {
            match self.numbers(address) {
                Some((numbers, number)) => numbers.give_back(number),
                None => {
                    self.in_use.remove(&address);
                }
            }
        }
    }
}

/// Whether an address is of a network; of IPv6 all of its prefix of 64 bits.
fn holds(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&address) && (address.is_ipv4() || network.prefix_len() <= 64)
}

/// The upper 64 bits.
fn upper(address: Ipv6Addr) -> u64 {
    u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let mut take = || pool.take(SessionType::Ipv4, Fixed::default()).ok();
        assert_eq!([2, 3, 4, 5, 6].map(|_| take()), [2, 3, 4, 5, 6].map(|last| Some(v4(last))));
        pool.give_back(v4(5));
        pool.give_back(v4(2));
        assert_eq!(
            [0; 3].map(|_| pool.take(SessionType::Ipv4, Fixed::default()).ok()),
            [Some(v4(5)), Some(v4(2)), None]
        );
    }

    #[test]
    fn the_last_network_of_all_ends() {
        let mut pool = pool(Some("255.255.255.252/30"), None);
        let last = UeAddress::Ipv4(Ipv4Addr::new(255, 255, 255, 254));
        assert_eq!([0; 2].map(|_| pool.take(SessionType::Ipv4, Fixed::default()).ok()), [Some(last), None]);
    }

    #[test]
    fn every_session_has_a_prefix_of_its_own_and_none_the_gateways() {
        let mut pool = pool(None, Some("2001:db8:0:fff0::/60"));
        let taken: Vec<_> = std::iter::from_fn(|| pool.take(SessionType::Ipv6, Fixed::default()).ok()).collect();
        assert_eq!(taken.len(), 15);
        assert_eq!(taken.first(), Some(&UeAddress::Ipv6("2001:db8:0:fff1::".parse().expect("an address"))));
        assert_eq!(taken.last(), Some(&UeAddress::Ipv6("2001:db8:0:ffff::".parse().expect("an address"))));
        assert_eq!(pool.take(SessionType::Ipv4, Fixed::default()), Err(NoAddress::Empty));
        pool.give_back(taken[3]);
        assert_eq!(pool.take(SessionType::Ipv6, Fixed::default()), Ok(taken[3]));
    }

    #[test]
    fn half_of_what_is_asked_is_not_kept() {
        let mut pool = pool(Some("10.0.0.0/30"), None);
        assert_eq!(pool.take(SessionType::Ipv4v6, Fixed::default()), Err(NoAddress::Empty));
        assert_eq!(pool.take(SessionType::Ipv4, Fixed::default()), Ok(v4(2)));
    }

    #[test]
    fn a_prefix_is_all_of_its_addresses() {
        let ue = UeAddress::Ipv4v6(Ipv4Addr::new(10, 0, 0, 2), "fd00:10:45:1::".parse().expect("an address"));
        let has = |address: &str| ue.has(address.parse().expect("an address"));
        assert!(has("10.0.0.2") && has("fd00:10:45:1::77"));
        assert!(!has("10.0.0.3") && !has("fd00:10:45:2::77"));
    }

    fn fixed(address: [u8; 4]) -> Fixed {
        Fixed { ipv4: Some(address.into()), ipv6: None }
    }

    #[test]
    fn an_address_of_a_subscription_is_nobody_elses() {
        let mut pool = pool(Some("10.0.0.0/29"), None);
        pool.beyond = vec!["10.9.0.0/24".parse().expect("a network")];
        let [four, outside, foreign] = [[10, 0, 0, 4], [10, 9, 0, 1], [10, 9, 1, 1]];
        assert_eq!(pool.take(SessionType::Ipv4, fixed(four)), Ok(v4(4)));
        let in_use = |address: [u8; 4]| Err(NoAddress::InUse(address.into()));
        assert_eq!(pool.take(SessionType::Ipv4, fixed(four)), in_use(four));
        assert_eq!(pool.take(SessionType::Ipv4, fixed(outside)), Ok(UeAddress::Ipv4(outside.into())));
        assert_eq!(pool.take(SessionType::Ipv4, fixed(outside)), in_use(outside));
        for none in [foreign, [10, 0, 0, 1], [10, 0, 0, 0], [10, 0, 0, 7]] {
            assert_eq!(pool.take(SessionType::Ipv4, fixed(none)), Err(NoAddress::Foreign(none.into())));
        }
        pool.give_back(v4(4));
        pool.give_back(UeAddress::Ipv4(outside.into()));
        let others: Vec<_> = std::iter::from_fn(|| pool.take(SessionType::Ipv4, Fixed::default()).ok()).collect();
        assert_eq!(others, [2, 3, 5, 6].map(v4), "it is kept for its subscriber");
        assert_eq!(
            pool.take(SessionType::Ipv4, fixed([10, 0, 0, 5])),
            in_use([10, 0, 0, 5]),
            "whoever has it keeps it"
        );
        pool.give_back(v4(5));
        assert_eq!(pool.take(SessionType::Ipv4, Fixed::default()), Err(NoAddress::Empty), "and is the last who does");
        for last in [4, 5] {
            assert_eq!(pool.take(SessionType::Ipv4, fixed([10, 0, 0, last])), Ok(v4(last)));
        }
        assert_eq!(pool.take(SessionType::Ipv4, fixed(outside)), Ok(UeAddress::Ipv4(outside.into())));
    }

    #[test]
    fn what_a_subscription_says_of_ipv6_is_a_prefix_of_64_bits() {
        let read = |json: &str| Fixed::read(&serde_json::from_str::<Vec<sbi_models::IpAddr>>(json).expect("addresses"));
        let prefix = "2001:db8:1:2::".parse().ok();
        assert_eq!(read(r#"[{"ipv6Prefix":"2001:db8:1:2::/64"}]"#), Fixed { ipv4: None, ipv6: prefix });
        let both = read(r#"[{"ipv6Addr":"2001:db8:1:2::7"},{"ipv4Addr":"10.0.0.4"}]"#);
        assert_eq!(both, Fixed { ipv6: prefix, ..fixed([10, 0, 0, 4]) });
        assert_eq!(both.of(SessionType::Ipv4), fixed([10, 0, 0, 4]));
    }

    proptest! {
        /// Two sessions never have one address, whoever fixes which and when.
        #[test]
        fn no_address_is_two_sessions(asked in proptest::collection::vec((0u8..3, 0u8..24), 0..200)) {
            let mut pool = pool(Some("10.0.0.0/28"), None);
            pool.beyond = vec!["10.0.0.16/29".parse().expect("a network")];
            let mut held: Vec<UeAddress> = Vec::new();
            for (what, number) in asked {
                let wanted = if what == 0 { fixed([10, 0, 0, number]) } else { Fixed::default() };
                if what == 2 && !held.is_empty() {
                    pool.give_back(held.swap_remove(usize::from(number) % held.len()));
                } else if let Ok(address) = pool.take(SessionType::Ipv4, wanted) {
                    prop_assert!(!held.contains(&address) && address != v4(1));
                    held.push(address);
                }
            }
        }
    }
}
