//! Where to find sessions whose address lies in another bucket than they do.
//!
//! A packet to a UE comes to the worker that owns the bucket of its address. A session lies in one bucket, that of its tunnel and
//! of its first address; its IPv6 prefix, or an address that it got later, may lie in another. There a signpost stands, which moves
//! with its bucket as the sessions do.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use crate::Bucket;

/// The signposts of a worker.
#[derive(Default)]
pub(crate) struct Signposts(BTreeMap<u8, Standing>);

/// Those of one bucket, by address; of IPv6 by the network of its prefix of 64 bits.
pub(crate) type Standing = HashMap<IpAddr, Bucket>;

impl Signposts {
    /// Has an address lead to this bucket from now on, or nowhere.
    pub(crate) fn set(&mut self, address: IpAddr, to: Option<Bucket>) {
        let Bucket(at) = Bucket::of_address(address);
        let standing = self.0.entry(at).or_default();
        match to {
            Some(to) => drop(standing.insert(of_ue(address), to)),
            None => drop(standing.remove(&of_ue(address))),
        }
        if standing.is_empty() {
            self.0.remove(&at);
        }
    }

    /// Where an address leads, if there is a signpost.
    pub(crate) fn find(&self, address: IpAddr) -> Option<Bucket> {
        let Bucket(at) = Bucket::of_address(address);
        self.0.get(&at)?.get(&of_ue(address)).copied()
    }

    /// Takes those of a bucket out.
    pub(crate) fn take(&mut self, Bucket(bucket): Bucket) -> Standing {
        self.0.remove(&bucket).unwrap_or_default()
    }

    /// Puts those of a bucket in that came from another worker.
    pub(crate) fn put(&mut self, Bucket(bucket): Bucket, standing: Standing) {
        if !standing.is_empty() {
            self.0.entry(bucket).or_default().extend(standing);
        }
    }
}

fn of_ue(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_by_prefix_and_move_with_their_bucket() {
        let [network, host, other] = ["fd00:10:45:1::", "fd00:10:45:1::9", "fd00:10:45:2::9"]
            .map(|address| address.parse::<IpAddr>().expect("an address"));
        let (mut here, mut there) = (Signposts::default(), Signposts::default());
        here.set(network, Some(Bucket(9)));
        assert_eq!((here.find(host), here.find(other)), (Some(Bucket(9)), None));
        let at = Bucket::of_address(host);
        there.put(at, here.take(at));
        assert_eq!((here.find(host), there.find(host)), (None, Some(Bucket(9))));
        there.set(host, None);
        assert!(there.find(network).is_none() && there.0.is_empty());
    }
}
