//! Buckets of sessions: what moves between workers as one.

use std::net::IpAddr;

use rules::{Kind, Link};

/// How many buckets there are.
pub const BUCKETS: usize = 256;

/// A bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket(pub u8);

impl Bucket {
    /// The bucket of a UE's address: of all of it in IPv4, of the prefix of 64 bits in IPv6.
    pub fn of_address(address: IpAddr) -> Self {
        let folded = match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(v6) => {
                let prefix = (v6.to_bits() >> 64) as u64;
                (prefix ^ prefix >> 32) as u32
            }
        };
        // The high octet of a product is moved by every bit below.
        let [bucket, ..] = folded.wrapping_mul(0x9e37_79b1).to_be_bytes();
        Self(bucket)
    }

    /// The bucket of a tunnel of ours: the high octet of its number.
    pub fn of_tunnel(teid: u32) -> Self {
        let [bucket, ..] = teid.to_be_bytes();
        Self(bucket)
    }

    /// The bucket of an Ethernet data network: of all of its sessions.
    pub fn of_link(Link(link): Link) -> Self {
        let [_, bucket] = link.to_be_bytes();
        Self(bucket)
    }

    /// The bucket of a session: of its Ethernet data network, or the first of its UE's addresses, else of a tunnel.
    pub fn of_session(rules: &rules::Session) -> Self {
        if let Kind::Ethernet(link) = rules.kind {
            return Self::of_link(link);
        }
        let address = rules.addresses().first().copied().map(Self::of_address);
        let tunnel = || rules.tunnels().first().map(|teid| Self::of_tunnel(teid.0));
        address.or_else(tunnel).unwrap_or(Self(0))
    }

    /// The tunnel `number` (24 bits) of this bucket.
    pub fn tunnel(self, number: u32) -> u32 {
        u32::from(self.0) << 24 | number & 0x00ff_ffff
    }
}

/// Which worker each bucket belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners([u8; BUCKETS]);

impl Owners {
    /// Shared out evenly among so many workers, at most 255.
    pub fn among(workers: usize) -> Self {
        let workers = u8::try_from(workers).unwrap_or(u8::MAX).max(1);
        let mut owners = [0; BUCKETS];
        owners.iter_mut().zip(0..=u8::MAX).for_each(|(owner, bucket)| *owner = bucket % workers);
        Self(owners)
    }

    /// The worker that a bucket belongs to.
    pub fn of(&self, Bucket(bucket): Bucket) -> usize {
        self.0.get(usize::from(bucket)).copied().map_or(0, usize::from)
    }
    /// Has a bucket belong to a worker.
    pub(crate) fn set(&mut self, Bucket(bucket): Bucket, worker: usize) {
        if let (Some(owner), Ok(worker)) = (self.0.get_mut(usize::from(bucket)), u8::try_from(worker)) {
            *owner = worker;
        }
    }
}
