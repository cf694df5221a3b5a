//! The first step of look-up: from a tunnel or an address to the session.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use rules::RemoteTunnel;

use crate::Bucket;
use crate::hash::{Index, Place, prefetch};
use crate::huge::room;
use crate::session::Session;

/// Sessions that are made room for at once, in several huge pages; memory is taken as they come. Those there are stay where they
/// are then.
const CHUNK: usize = 32_768;

/// Octets of a cache line.
const LINE: usize = 64;

/// The sessions of a worker.
#[derive(Default)]
pub(crate) struct Table {
    /// Full chunks, and one that is filled.
    sessions: Vec<Vec<Option<Session>>>,
    free: Vec<Place>,
    used: usize,
    by_seid: Index<u64>,
    by_tunnel: Index<u32>,
    by_ipv4: Index<u32>,
    /// By the prefix of 64 bits.
    by_ipv6: Index<u64>,
    /// By a hash: the far end chooses its numbers.
    by_remote: Index<u64>,
    secret: RandomState,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    fn slot(&mut self, place: Place) -> Option<&mut Option<Session>> {
        self.sessions.get_mut(place as usize / CHUNK)?.get_mut(place as usize % CHUNK)
    }

    /// The session at a place.
    pub(crate) fn at(&mut self, place: Place) -> Option<&mut Session> {
        self.slot(place)?.as_mut()
    }

    /// Says that the session at a place will be used soon.
    pub(crate) fn expect(&self, place: Place) {
        let slot = self.sessions.get(place as usize / CHUNK).and_then(|chunk| chunk.get(place as usize % CHUNK));
        if let Some(slot) = slot {
            prefetch_lines(slot);
        }
    }

    /// Has what a session points to fetched, once the session itself is there.
    pub(crate) fn expect_rules(&self, place: Place) {
        let slot = self.sessions.get(place as usize / CHUNK).and_then(|chunk| chunk.get(place as usize % CHUNK));
        if let Some(Some(session)) = slot {
            session.expect();
        }
    }

    /// The session that one of our tunnels belongs to.
    pub(crate) fn tunnel(&self, teid: u32) -> Option<Place> {
        self.by_tunnel.get(Bucket::of_tunnel(teid).0, teid)
    }

    /// Says that a tunnel will be looked up soon.
    pub(crate) fn expect_tunnel(&self, teid: u32) {
        self.by_tunnel.expect(Bucket::of_tunnel(teid).0, teid);
    }

    /// The session whose UE has this address.
    pub(crate) fn address(&self, address: IpAddr) -> Option<Place> {
        let Bucket(part) = Bucket::of_address(address);
        match address {
            IpAddr::V4(v4) => self.by_ipv4.get(part, v4.to_bits()),
            IpAddr::V6(v6) => self.by_ipv6.get(part, prefix(v6)),
        }
    }

    /// Says that an address will be looked up soon.
    pub(crate) fn expect_address(&self, address: IpAddr) {
        let Bucket(part) = Bucket::of_address(address);
        match address {
            IpAddr::V4(v4) => self.by_ipv4.expect(part, v4.to_bits()),
            IpAddr::V6(v6) => self.by_ipv6.expect(part, prefix(v6)),
        }
    }

    /// The session that sends into this tunnel of another node.
    pub(crate) fn by_remote(&mut self, tunnel: &RemoteTunnel) -> Option<&mut Session> {
        let (part, key) = self.remote_key(tunnel);
        let place = self.by_remote.get(part, key)?;
        self.at(place).filter(|session| session.remotes.contains(tunnel))
    }

    fn remote_key(&self, tunnel: &RemoteTunnel) -> (u8, u64) {
        let key = self.secret.hash_one(tunnel);
        ((key >> 56) as u8, key)
    }

    fn place(&self, seid: u64) -> Option<Place> {
        self.by_seid.get(seid as u8, seid)
    }

    /// The session of this number.
    pub(crate) fn session(&mut self, seid: u64) -> Option<&mut Session> {
        let place = self.place(seid)?;
        self.at(place)
    }

    /// Takes a session out.
    pub(crate) fn take(&mut self, seid: u64) -> Option<Session> {
        let place = self.place(seid)?;
        let session = self.slot(place)?.take()?;
        self.unlink(place, &session);
        self.by_seid.remove(seid as u8, seid);
        self.free.push(place);
        self.used -= 1;
        Some(session)
    }

    /// Puts a session in force in place of that of its number, which is returned.
    pub(crate) fn put(&mut self, mut session: Box<Session>) -> Option<Box<Session>> {
        let Some(place) = self.place(session.seid) else {
            self.add(*session);
            return None;
        };
        // In one step for packets: they pass between bursts only. The box of the new one takes the old one away.
        std::mem::swap(self.at(place)?, &mut session);
        self.unlink(place, &session);
        self.link(place);
        Some(session)
    }

    /// Takes all sessions of a bucket out.
    pub(crate) fn take_bucket(&mut self, bucket: Bucket) -> Vec<Session> {
        let Bucket(part) = bucket;
        let tunnels = self.by_tunnel.places(part);
        let places: Vec<Place> = tunnels.chain(self.by_ipv4.places(part)).chain(self.by_ipv6.places(part)).collect();
        let mut taken = Vec::with_capacity(places.len());
        for place in places {
            // One that has both is met twice; one of another bucket has an address here besides.
            let seid = self.at(place).filter(|session| session.bucket == bucket).map(|session| session.seid);
            taken.extend(seid.and_then(|seid| self.take(seid)));
        }
        taken
    }

    /// Puts a session in; there is none of its number.
    pub(crate) fn add(&mut self, session: Session) {
        let place = self.free.pop().unwrap_or_else(|| self.grow());
        self.by_seid.insert(session.seid as u8, session.seid, place);
        if let Some(slot) = self.slot(place) {
            *slot = Some(session);
        }
        self.used += 1;
        self.link(place);
    }

    /// Makes room for one more and returns its place.
    fn grow(&mut self) -> Place {
        if self.sessions.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.sessions.push(room(CHUNK));
        }
        let full = (self.sessions.len() - 1) * CHUNK;
        let filled = self.sessions.last_mut().map_or(0, |chunk| {
            chunk.push(None);
            chunk.len() - 1
        });
        (full + filled) as Place
    }

    fn link(&mut self, place: Place) {
        let slot = self.sessions.get(place as usize / CHUNK).and_then(|chunk| chunk.get(place as usize % CHUNK));
        let Some(Some(session)) = slot else { return };
        for teid in session.tunnels.iter() {
            self.by_tunnel.insert(Bucket::of_tunnel(*teid).0, *teid, place);
        }
        for tunnel in session.remotes.iter() {
            let key = self.secret.hash_one(tunnel);
            self.by_remote.insert((key >> 56) as u8, key, place);
        }
        for address in session.addresses.iter() {
            let Bucket(part) = Bucket::of_address(*address);
            match address {
                IpAddr::V4(v4) => self.by_ipv4.insert(part, v4.to_bits(), place),
                IpAddr::V6(v6) => self.by_ipv6.insert(part, prefix(*v6), place),
            }
        }
    }

    /// Takes the keys of a session out that lead to its place. Another session may have one of them by now: the far end
    /// uses its numbers again at once.
    fn unlink(&mut self, place: Place, session: &Session) {
        for teid in session.tunnels.iter() {
            self.by_tunnel.remove_from(Bucket::of_tunnel(*teid).0, *teid, place);
        }
        for tunnel in session.remotes.iter() {
            let (part, key) = self.remote_key(tunnel);
            self.by_remote.remove_from(part, key, place);
        }
        for address in session.addresses.iter() {
            let Bucket(part) = Bucket::of_address(*address);
            match address {
                IpAddr::V4(v4) => self.by_ipv4.remove_from(part, v4.to_bits(), place),
                IpAddr::V6(v6) => self.by_ipv6.remove_from(part, prefix(*v6), place),
            }
        }
    }
}

/// Has every cache line of a thing fetched.
fn prefetch_lines<T>(thing: &T) {
    // SAFETY: the octets are those of a live reference; none of them is read, only their addresses are taken.
    let octets =
        unsafe { std::slice::from_raw_parts((&raw const *thing).cast::<std::mem::MaybeUninit<u8>>(), size_of::<T>()) };
    octets.iter().step_by(LINE).for_each(prefetch);
}

fn prefix(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}
