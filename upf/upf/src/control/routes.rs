//! Where sessions lie, and the ways to networks behind UEs.

use std::net::IpAddr;

use dataplane::Bucket;

use super::Backend;

impl Backend<'_> {
    /// Where the tunnels of the session lie.
    pub(super) fn home(&self, near: Option<IpAddr>) -> Option<Bucket> {
        self.lan.or(near.map(Bucket::of_address))
    }

    /// Tells the workers which networks are behind the UE.
    pub(super) fn lead_routes(&self, before: &rules::Session, after: &rules::Session, home: Bucket) {
        let (had, has) = (before.framed_routes(), after.framed_routes());
        had.difference(&has).for_each(|network| self.workers.route(*network, None));
        // The way to those there were leads by an address that the UE may have no longer.
        let ue = |session: &rules::Session| session.addresses().first().copied();
        let new = has.iter().filter(|network| !had.contains(network) || ue(before) != ue(after));
        new.for_each(|network| self.workers.route(*network, ue(after).map(|ue| (home, ue))));
    }
}
