//! What sessions take from the UPF: tunnels and UE addresses.

mod numbers;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dataplane::{Bucket, Subnet};
use ipnet::IpNet;
use rules::Teid;

use self::numbers::Numbers;

/// A pool of UE addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The data network it belongs to.
    pub dnn: String,
    /// The addresses.
    pub network: IpNet,
    /// The UPF's own address among them.
    pub gateway: IpAddr,
    /// Octets of the longest packet to or from its UEs.
    pub mtu: u16,
    /// Whether addresses may be chosen of it, or only taken: what subscriptions fix, and networks behind UEs.
    pub to_choose: bool,
}

impl Pool {
    /// The pool as the path knows it.
    pub(crate) fn subnet(&self) -> Subnet {
        let (network, prefix) = (self.network.network(), self.network.prefix_len());
        Subnet { network, prefix, gateway: self.gateway, mtu: self.mtu }
    }
}

/// The address of a number within a pool; of IPv6 the network of a prefix of 64 bits.
fn address(pool: &Pool, number: u64) -> IpAddr {
    match pool.network.network() {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().wrapping_add(number as u32)).into(),
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().wrapping_add(u128::from(number) << 64)).into(),
    }
}

/// The number of an address within a pool.
fn number(pool: &Pool, address: IpAddr) -> u64 {
    match (pool.network.network(), address) {
        (IpAddr::V4(first), IpAddr::V4(address)) => u64::from(address.to_bits().wrapping_sub(first.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(address)) => (address.to_bits().wrapping_sub(first.to_bits()) >> 64) as u64,
        _ => u64::MAX,
    }
}

/// Why something cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The address is in no pool of ours.
    #[error("{0} is in none of the pools of the network's dnns")]
    NoPool(IpAddr),
    /// Another session has it.
    #[error("{0} belongs to another session")]
    InUse(IpAddr),
    /// The tunnel is another session's, or lies in another bucket than the UE's address: it was not given out for it.
    #[error("tunnel {0:#x} cannot be this session's")]
    Tunnel(u32),
    /// Every tunnel number of the bucket is given out.
    #[error("no tunnel is left")]
    NoTunnel,
    /// No pool of this version belongs to the network named.
    #[error("the network instance has no pool of this version")]
    NoNetwork,
    /// Every address of the pool is given out.
    #[error("no address is left")]
    NoAddress,
    /// The network is behind another UE.
    #[error("{0} is behind another UE")]
    Route(IpNet),
    /// As many networks are behind UEs as may be.
    #[error("no further network can be behind a UE")]
    NoRoute,
    /// No worker runs.
    #[error("the worker does not run")]
    NoWorker,
}

/// What of an address is one UE's: all of it in IPv4, in IPv6 the network of its prefix of 64 bits.
pub(crate) fn of_one_ue(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// Tunnels and addresses given out.
pub(crate) struct Resources {
    pools: Vec<(Pool, Numbers)>,
    /// By [`of_one_ue`].
    addresses: HashMap<IpAddr, u64>,
    /// Networks behind UEs.
    routes: HashSet<IpNet>,
    tunnels: HashSet<u32>,
    next: u32,
}

/// Networks behind all UEs together: each worker knows them all.
const MOST_ROUTES: usize = 100_000;

/// Tunnel numbers within a bucket.
const TUNNELS: u32 = 1 << 24;

impl Resources {
    /// With nothing given out. Numbers of tunnels start at `first`, best another one with each start: a gNB may still send
    /// into tunnels of before.
    pub(crate) fn new(pools: Vec<Pool>, first: u32) -> Self {
        let pools = pools.into_iter().map(|pool| {
            let numbers = Numbers::of(&pool, first.into());
            (pool, numbers)
        });
        let (addresses, routes, tunnels) = (HashMap::new(), HashSet::new(), HashSet::new());
        Self { pools: pools.collect(), addresses, routes, tunnels, next: first % TUNNELS }
    }

    /// An address that nobody has, of a pool of one of these networks.
    pub(crate) fn allocate_address(
        &mut self,
        networks: &BTreeSet<String>,
        ipv4: bool,
        seid: u64,
    ) -> Result<IpAddr, Unavailable> {
        let named = |pool: &Pool| networks.iter().any(|name| name.eq_ignore_ascii_case(&pool.dnn));
        let of_these = |pool: &Pool| pool.to_choose && pool.network.addr().is_ipv4() == ipv4 && named(pool);
        let mut known = false;
        for (pool, numbers) in self.pools.iter_mut().filter(|(pool, _)| of_these(pool)) {
            known = true;
            // Those that an SMF gave out itself are passed over.
            while let Some(number) = numbers.take() {
                let address = address(pool, number);
                if let Entry::Vacant(free) = self.addresses.entry(address) {
                    free.insert(seid);
                    return Ok(address);
                }
            }
        }
        Err(if known { Unavailable::NoAddress } else { Unavailable::NoNetwork })
    }

    pub(crate) fn claim(&mut self, address: IpAddr, seid: u64) -> Result<(), Unavailable> {
        let address = of_one_ue(address);
        let usable = |pool: &Pool| pool.network.contains(&address) && of_one_ue(pool.gateway) != address;
        if !self.pools.iter().any(|(pool, _)| usable(pool)) {
            return Err(Unavailable::NoPool(address));
        }
        match self.addresses.entry(address) {
            Entry::Occupied(_) => Err(Unavailable::InUse(address)),
            Entry::Vacant(free) => {
                free.insert(seid);
                Ok(())
            }
        }
    }

    pub(crate) fn release(&mut self, address: IpAddr) {
        let address = of_one_ue(address);
        self.addresses.remove(&address);
        let holding = |(pool, _): &&mut (Pool, Numbers)| pool.to_choose && pool.network.contains(&address);
        if let Some((pool, numbers)) = self.pools.iter_mut().find(holding) {
            numbers.give_back(number(pool, address));
        }
    }

    pub(crate) fn claim_route(&mut self, network: IpNet) -> Result<(), Unavailable> {
        if self.routes.len() >= MOST_ROUTES {
            return Err(Unavailable::NoRoute);
        }
        if self.routes.insert(network) { Ok(()) } else { Err(Unavailable::Route(network)) }
    }

    pub(crate) fn release_route(&mut self, network: IpNet) {
        self.routes.remove(&network);
    }

    /// Who holds an address.
    pub(crate) fn holder(&self, address: IpAddr) -> Option<u64> {
        self.addresses.get(&of_one_ue(address)).copied()
    }

    /// A tunnel in the session's bucket; of a session that may lie anywhere, in any.
    pub(crate) fn allocate(&mut self, home: Option<Bucket>) -> Result<Teid, Unavailable> {
        // Numbers go round, so that one given back is not used again soon. With fewer sessions than numbers the first is
        // nearly always free.
        for _ in 0..TUNNELS {
            self.next = (self.next + 1) % TUNNELS;
            let [.., low] = self.next.to_be_bytes();
            let teid = home.unwrap_or(Bucket(low)).tunnel(self.next);
            if teid != 0 && self.tunnels.insert(teid) {
                return Ok(Teid(teid));
            }
        }
        Err(Unavailable::NoTunnel)
    }

    /// Takes the tunnel that an earlier run gave to a session of this bucket.
    pub(crate) fn restore(&mut self, Teid(teid): Teid, home: Option<Bucket>) -> Result<(), Unavailable> {
        let at_home = home.is_none_or(|home| home == Bucket::of_tunnel(teid));
        if teid != 0 && at_home && self.tunnels.insert(teid) { Ok(()) } else { Err(Unavailable::Tunnel(teid)) }
    }

    pub(crate) fn free(&mut self, teid: Teid) {
        self.tunnels.remove(&teid.0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn resources() -> Resources {
        let network = "10.45.0.0/16".parse().expect("a network");
        let gateway = Ipv4Addr::new(10, 45, 0, 1).into();
        let of_ipv6 = Pool {
            dnn: "internet".into(),
            network: "fd00:10:45::/48".parse().expect("a network"),
            gateway: "fd00:10:45::1".parse().expect("an address"),
            mtu: 1400,
            to_choose: true,
        };
        Resources::new(
            vec![Pool { dnn: "internet".into(), network, gateway, mtu: 1400, to_choose: true }, of_ipv6],
            u32::MAX,
        )
    }

    #[test]
    fn an_address_is_one_sessions_only() {
        let mut resources = resources();
        let ue = IpAddr::from([10, 45, 0, 2]);
        assert_eq!(resources.claim(ue, 1), Ok(()));
        assert_eq!(resources.claim(ue, 2), Err(Unavailable::InUse(ue)));
        resources.release(ue);
        assert_eq!(resources.claim(ue, 2), Ok(()));
        for outside in [IpAddr::from([10, 46, 0, 2]), IpAddr::from([10, 45, 0, 1])] {
            assert_eq!(resources.claim(outside, 3), Err(Unavailable::NoPool(outside)));
        }
    }

    #[test]
    fn an_address_is_chosen_once_whoever_gives_others_out() {
        let pool = |network: &str, gateway: &str| Pool {
            dnn: "internet".into(),
            network: network.parse().expect("a network"),
            gateway: gateway.parse().expect("an address"),
            mtu: 1400,
            to_choose: true,
        };
        let pools = vec![pool("10.45.0.0/29", "10.45.0.1"), pool("2001:db8:0:fff0::/60", "2001:db8:0:fff0::1")];
        let mut resources = Resources::new(pools, 1003);
        let internet = BTreeSet::from(["access".to_owned(), "Internet".to_owned()]);
        let taken = IpAddr::from([10, 45, 0, 4]);
        assert_eq!(resources.claim(taken, 1), Ok(()));
        let chosen: Vec<_> =
            (0..4).map(|_| resources.allocate_address(&internet, true, 2).expect("one more")).collect();
        let all: BTreeSet<IpAddr> = chosen.iter().copied().collect();
        assert_eq!(all, [2, 3, 5, 6].map(|host| IpAddr::from([10, 45, 0, host])).into());
        assert_eq!(resources.allocate_address(&internet, true, 2), Err(Unavailable::NoAddress));
        // The last that was given back comes last.
        [chosen[2], taken, chosen[0]].into_iter().for_each(|address| resources.release(address));
        assert_eq!(resources.claim(taken, 3), Ok(()));
        let again = [0; 2].map(|_| resources.allocate_address(&internet, true, 4));
        assert_eq!(again, [Ok(chosen[2]), Ok(chosen[0])]);
        assert_eq!(resources.holder(chosen[0]), Some(4));
        let prefixes: BTreeSet<_> =
            std::iter::from_fn(|| resources.allocate_address(&internet, false, 5).ok()).collect();
        assert_eq!(prefixes.len(), 15);
        assert!(!prefixes.contains(&IpAddr::from([0x2001, 0xdb8, 0, 0xfff0, 0, 0, 0, 0])));
        let none = BTreeSet::from(["ims".to_owned()]);
        assert_eq!(resources.allocate_address(&none, true, 2), Err(Unavailable::NoNetwork));
    }

    #[test]
    fn a_prefix_of_64_bits_is_one_sessions_only() {
        let mut resources = resources();
        let [ue, other, gateways, outside] = ["fd00:10:45:1::", "fd00:10:45:1::7", "fd00:10:45::7", "fd00:10:46:1::"]
            .map(|address| address.parse::<IpAddr>().expect("an address"));
        assert_eq!(resources.claim(ue, 1), Ok(()));
        assert_eq!(resources.claim(other, 2), Err(Unavailable::InUse(ue)));
        assert_eq!(resources.holder(other), Some(1));
        resources.release(other);
        assert_eq!(resources.claim(other, 2), Ok(()));
        for address in [gateways, outside] {
            assert_eq!(resources.claim(address, 3), Err(Unavailable::NoPool(of_one_ue(address))));
        }
    }

    #[test]
    fn a_tunnel_of_before_is_taken_once_and_in_its_bucket() {
        let ue = IpAddr::from([10, 45, 0, 2]);
        let other = IpAddr::from([10, 45, 0, 3]);
        let [ue, other] = [ue, other].map(|address| Some(Bucket::of_address(address)));
        let Teid(teid) = resources().allocate(ue).expect("plenty");
        let mut resources = resources();
        assert_eq!(resources.restore(Teid(teid), other), Err(Unavailable::Tunnel(teid)));
        assert_eq!(resources.restore(Teid(teid), ue), Ok(()));
        assert_eq!(resources.restore(Teid(teid), ue), Err(Unavailable::Tunnel(teid)));
    }

    #[test]
    fn tunnels_lie_in_the_bucket_of_the_address_and_are_never_zero() {
        let mut resources = resources();
        let mut seen = HashSet::new();
        for host in 0..1000u32 {
            let ue = IpAddr::from((0x0a2d_0000 + host).to_be_bytes());
            let Teid(teid) = resources.allocate(Some(Bucket::of_address(ue))).expect("plenty");
            assert_eq!(Bucket::of_tunnel(teid), Bucket::of_address(ue));
            assert!(teid != 0 && seen.insert(teid));
        }
    }
}
