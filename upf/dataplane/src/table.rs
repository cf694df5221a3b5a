//! The first step of look-up: from a tunnel or an address to the session.

use std::collections::HashMap;
use std::net::IpAddr;

use rules::RemoteTunnel;

use crate::hash::IntMap;
use crate::session::Session;

/// Where a session lies in the table.
type Place = u32;

/// The sessions of a worker.
#[derive(Default)]
pub(crate) struct Table {
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<Place>,
    by_seid: IntMap<u64, Place>,
    by_tunnel: IntMap<u32, Place>,
    by_ipv4: IntMap<u32, Place>,
    /// By the prefix of 64 bits.
    by_ipv6: IntMap<u64, Place>,
    by_remote: HashMap<RemoteTunnel, Place>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.by_seid.len()
    }

    fn get(&mut self, place: Option<Place>) -> Option<&mut Session> {
        self.sessions.get_mut(place? as usize)?.as_deref_mut()
    }

    /// The session that one of our tunnels belongs to.
    pub(crate) fn by_tunnel(&mut self, teid: u32) -> Option<&mut Session> {
        let place = self.by_tunnel.get(&teid).copied();
        self.get(place)
    }

    /// The session whose UE has this address.
    pub(crate) fn by_address(&mut self, address: IpAddr) -> Option<&mut Session> {
        let place = match address {
            IpAddr::V4(v4) => self.by_ipv4.get(&v4.to_bits()),
            IpAddr::V6(v6) => self.by_ipv6.get(&prefix(v6)),
        };
        let place = place.copied();
        self.get(place)
    }

    /// The session that sends into this tunnel of another node.
    pub(crate) fn by_remote(&mut self, tunnel: &RemoteTunnel) -> Option<&mut Session> {
        let place = self.by_remote.get(tunnel).copied();
        self.get(place)
    }

    /// Takes a session out.
    pub(crate) fn take(&mut self, seid: u64) -> Option<Box<Session>> {
        let place = self.by_seid.remove(&seid)?;
        let session = self.sessions.get_mut(place as usize)?.take()?;
        self.free.push(place);
        for teid in &session.tunnels {
            self.by_tunnel.remove(teid);
        }
        for tunnel in &session.remotes {
            // Another session may send into the same tunnel by now: the far end uses its numbers again at once.
            if self.by_remote.get(tunnel) == Some(&place) {
                self.by_remote.remove(tunnel);
            }
        }
        for address in &session.addresses {
            match address {
                IpAddr::V4(v4) => self.by_ipv4.remove(&v4.to_bits()),
                IpAddr::V6(v6) => self.by_ipv6.remove(&prefix(*v6)),
            };
        }
        Some(session)
    }

    /// Puts a session in; there is none of its number.
    pub(crate) fn put(&mut self, session: Box<Session>) {
        let place = self.free.pop().unwrap_or(self.sessions.len() as Place);
        self.by_seid.insert(session.seid, place);
        for teid in &session.tunnels {
            self.by_tunnel.insert(*teid, place);
        }
        for tunnel in &session.remotes {
            self.by_remote.insert(*tunnel, place);
        }
        for address in &session.addresses {
            match address {
                IpAddr::V4(v4) => self.by_ipv4.insert(v4.to_bits(), place),
                IpAddr::V6(v6) => self.by_ipv6.insert(prefix(*v6), place),
            };
        }
        match self.sessions.get_mut(place as usize) {
            Some(slot) => *slot = Some(session),
            None => self.sessions.push(Some(session)),
        }
    }
}

fn prefix(address: std::net::Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}
