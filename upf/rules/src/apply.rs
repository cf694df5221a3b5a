//! From a change set to a changed user plane, wholly or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{ChangeSet, Effects, LocalTunnel, Session, Teid};

/// What a change acts on. What is taken can be given back, which never fails.
pub trait Backend {
    /// Why something could not be done.
    type Failure;

    /// Takes a UE address for the session.
    ///
    /// # Errors
    /// Where another session holds it, or it is in no pool.
    fn claim_address(&mut self, address: IpAddr) -> Result<(), Self::Failure>;

    /// Takes a network behind the UE for the session.
    ///
    /// # Errors
    /// Where it is behind another session's, or there are too many.
    fn claim_route(&mut self, network: IpNet) -> Result<(), Self::Failure>;

    /// Gives a network behind the UE back.
    fn release_route(&mut self, network: IpNet);

    /// Takes an IPv4 address or an IPv6 prefix that nobody has, of one of these networks.
    ///
    /// # Errors
    /// Where none is left, or no network of these names has such.
    fn allocate_address(&mut self, networks: &BTreeSet<String>, ipv4: bool) -> Result<IpAddr, Self::Failure>;

    /// Gives a UE address back.
    fn release_address(&mut self, address: IpAddr);

    /// Takes a tunnel for a session whose UE has this address, if any.
    ///
    /// # Errors
    /// Where none is left.
    fn allocate_tunnel(&mut self, near: Option<IpAddr>) -> Result<Teid, Self::Failure>;

    /// Takes a certain tunnel, given out before a start of the user plane function, for a session whose UE has this address.
    ///
    /// # Errors
    /// Where another session has it, or it was never given to a UE of this address.
    fn restore_tunnel(&mut self, teid: Teid, near: Option<IpAddr>) -> Result<(), Self::Failure>;

    /// Gives a tunnel back.
    fn release_tunnel(&mut self, teid: Teid);

    /// Puts `after` in force in place of `before`, in one step. The empty session is none.
    ///
    /// # Errors
    /// Where that fails; then `before` is in force.
    fn install(&mut self, before: &Session, after: &Session, effects: &Effects) -> Result<(), Self::Failure>;
}

/// What was taken so far, to be given back on failure.
#[derive(Default)]
struct Taken {
    addresses: Vec<IpAddr>,
    routes: Vec<IpNet>,
    tunnels: Vec<Teid>,
}

impl Taken {
    fn give_back<B: Backend>(self, backend: &mut B) {
        self.tunnels.into_iter().rev().for_each(|teid| backend.release_tunnel(teid));
        self.routes.into_iter().rev().for_each(|network| backend.release_route(network));
        self.addresses.into_iter().rev().for_each(|address| backend.release_address(address));
    }
}

/// Applies a planned change to `before` and returns the session as it is then, tunnels given out.
///
/// # Errors
/// What the back end says; then everything is as it was.
pub fn apply<B: Backend>(backend: &mut B, before: &Session, change: ChangeSet) -> Result<Session, B::Failure> {
    let mut taken = Taken::default();
    let ChangeSet { mut session, choose, choose_ue, restore, claim, claim_routes, effects, .. } = change;
    let (unclaim, unclaim_routes, release) = (change.unclaim, change.unclaim_routes, change.release);
    let result = take(backend, &mut taken, &claim)
        .and_then(|()| take_routes(backend, &mut taken, &claim_routes))
        .and_then(|()| give_out_addresses(backend, &mut taken, &mut session, &choose_ue))
        .and_then(|()| give_out(backend, &mut taken, &mut session, &choose, &restore))
        .and_then(|()| backend.install(before, &session, &effects));
    if let Err(failure) = result {
        taken.give_back(backend);
        return Err(failure);
    }
    release.into_iter().for_each(|teid| backend.release_tunnel(teid));
    unclaim.into_iter().for_each(|address| backend.release_address(address));
    unclaim_routes.into_iter().for_each(|network| backend.release_route(network));
    session.shrink();
    Ok(session)
}

/// Takes the addresses, before the tunnels: those are to lie near them.
fn take<B: Backend>(backend: &mut B, taken: &mut Taken, claim: &[IpAddr]) -> Result<(), B::Failure> {
    for address in claim {
        backend.claim_address(*address)?;
        taken.addresses.push(*address);
    }
    Ok(())
}

fn take_routes<B: Backend>(backend: &mut B, taken: &mut Taken, claim: &[IpNet]) -> Result<(), B::Failure> {
    for network in claim {
        backend.claim_route(*network)?;
        taken.routes.push(*network);
    }
    Ok(())
}

fn give_out_addresses<B: Backend>(
    backend: &mut B,
    taken: &mut Taken,
    session: &mut Session,
    networks: &[Option<BTreeSet<String>>; 2],
) -> Result<(), B::Failure> {
    for (networks, ipv4) in networks.iter().zip([true, false]) {
        if let Some(networks) = networks {
            let address = backend.allocate_address(networks, ipv4)?;
            taken.addresses.push(address);
            session.take_address(address);
        }
    }
    Ok(())
}

/// Takes the tunnels, those of before first, so that no new one is one of them.
fn give_out<B: Backend>(
    backend: &mut B,
    taken: &mut Taken,
    session: &mut Session,
    choose: &[crate::PdrId],
    restore: &[Teid],
) -> Result<(), B::Failure> {
    let near = session.addresses().first().copied();
    for teid in restore {
        backend.restore_tunnel(*teid, near)?;
        taken.tunnels.push(*teid);
    }
    let mut shared: BTreeMap<u8, Teid> = BTreeMap::new();
    let open = session.pdrs.iter_mut().filter(|(id, _)| choose.contains(id));
    for tunnel in open.filter_map(|(_, pdr)| pdr.pdi.tunnel.as_mut()) {
        let LocalTunnel::Choose(number) = *tunnel else { continue };
        let known = number.and_then(|number| shared.get(&number).copied());
        let teid = match known {
            Some(teid) => teid,
            None => {
                let teid = backend.allocate_tunnel(near)?;
                taken.tunnels.push(teid);
                teid
            }
        };
        if let Some(number) = number {
            shared.insert(number, teid);
        }
        *tunnel = LocalTunnel::Given(teid);
    }
    Ok(())
}
