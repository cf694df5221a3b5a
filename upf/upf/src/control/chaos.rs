//! Faults at every step from the request on N4 to the workers: what was in force stays so, and nothing is lost of what is given out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use rules::{Backend, Effects, Session, Teid};

use crate::resources::Unavailable;

#[path = "../../tests/support/mod.rs"]
mod support;

/// Calls of the back end that may still succeed; `None`: all.
#[derive(Default)]
pub(super) struct Faults(Option<usize>);

/// A back end whose calls fail after some.
pub(super) struct Failing<'a, B> {
    pub(super) backend: B,
    pub(super) faults: &'a mut Faults,
}

impl<B> Failing<'_, B> {
    fn call(&mut self) -> Result<&mut B, Unavailable> {
        match &mut self.faults.0 {
            Some(0) => Err(Unavailable::NoWorker),
            Some(left) => {
                *left -= 1;
                Ok(&mut self.backend)
            }
            None => Ok(&mut self.backend),
        }
    }
}

impl<B: Backend<Failure = Unavailable>> Backend for Failing<'_, B> {
    type Failure = Unavailable;

    fn claim_address(&mut self, address: IpAddr) -> Result<(), Unavailable> {
        self.call()?.claim_address(address)
    }

    fn claim_route(&mut self, network: IpNet) -> Result<(), Unavailable> {
        self.call()?.claim_route(network)
    }

    fn release_route(&mut self, network: IpNet) {
        self.backend.release_route(network);
    }

    fn allocate_address(&mut self, networks: &BTreeSet<String>, ipv4: bool) -> Result<IpAddr, Unavailable> {
        self.call()?.allocate_address(networks, ipv4)
    }

    fn release_address(&mut self, address: IpAddr) {
        self.backend.release_address(address);
    }

    fn allocate_tunnel(&mut self, near: Option<IpAddr>) -> Result<Teid, Unavailable> {
        self.call()?.allocate_tunnel(near)
    }

    fn restore_tunnel(&mut self, teid: Teid, near: Option<IpAddr>) -> Result<(), Unavailable> {
        self.call()?.restore_tunnel(teid, near)
    }

    fn release_tunnel(&mut self, teid: Teid) {
        self.backend.release_tunnel(teid);
    }

    fn install(&mut self, before: &Session, after: &Session, effects: &Effects) -> Result<(), Unavailable> {
        self.call()?.install(before, after, effects)
    }
}

mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use dataplane::{Bucket, Verdict};
    use pfcp::*;

    use super::support::*;
    use super::*;

    const BEHIND: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
    const BEHIND_LATER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
    const MOVED: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 45, 1, 200));

    /// A session with a network behind its UE.
    fn with(cp: u64, ue: IpAddr, behind: Ipv4Addr) -> SessionEstablishmentRequest {
        let mut request = establishment(cp, ue);
        for pdr in &mut request.create_pdrs {
            pdr.pdi.framed_routes = vec![FramedRoute(format!("{behind}/32 0.0.0.0 1"))];
        }
        request
    }

    /// Asks once with a fault at each step, and says at how many it failed until there was none left to fail.
    fn with_faults(site: &mut Site, seid: Seid, request: &Message, unharmed: impl Fn(&Site)) -> (usize, Message) {
        for step in 0.. {
            site.control.faults = Faults(Some(step));
            let answer = site.ask(seid, request.clone());
            if answer.cause() == Some(Cause::RequestAccepted) {
                site.control.faults = Faults::default();
                return (step, answer);
            }
            assert_eq!(answer.cause(), Some(Cause::SystemFailure), "at step {step}");
            unharmed(site);
        }
        unreachable!("some number of steps is enough");
    }

    /// Whether a downlink packet to this address comes to the gNB in this tunnel.
    fn reaches(site: &Site, to: IpAddr, teid: u32) -> bool {
        site.network.send_n6(&packet(HOST.into(), to));
        let sent = site.network.receive(std::time::Duration::from_millis(500));
        sent.is_some_and(|(verdict, sent)| {
            let datagram = gtpu::Datagram::parse(&sent).expect("is GTP-U");
            verdict == Verdict::ToN3(SocketAddr::new(GNB, gtpu::PORT)) && datagram.teid == teid
        })
    }

    /// Asserts that a session has this address, tunnel to the gNB and network behind it, and that so many are there.
    fn in_force(site: &Site, (ue, teid): (IpAddr, u32), gnb_teid: u32, behind: Ipv4Addr, sessions: usize) {
        for to in [ue, behind.into()] {
            assert!(reaches(site, to, gnb_teid), "{to}");
            let up = packet(to, HOST.into());
            site.network.send_n3(SocketAddr::new(GNB, gtpu::PORT), &tunnelled(teid, &up));
            assert_eq!(site.network.receive(LIMIT), Some((Verdict::ToN6, up)));
        }
        assert_eq!(site.control.shared().sessions(), sessions);
    }

    #[test]
    fn a_fault_at_any_step_leaves_in_force_what_was() {
        let mut site = Site::new(10);
        let (seid, teid) = site.establish(with(7, UE, BEHIND));
        assert_eq!(site.ask(seid, activation(0x71)).cause(), Some(Cause::RequestAccepted));
        let before = |site: &Site| in_force(site, (UE, teid), 0x71, BEHIND, 1);
        before(&site);

        // Another session: its address, its network, its tunnel, its rules.
        let other = Message::from(with(8, [10, 45, 0, 3].into(), BEHIND_LATER));
        let (steps, answer) = with_faults(&mut site, Seid(0), &other, before);
        assert_eq!(steps, 4);
        let Message::SessionEstablishmentResponse(answer) = answer else { panic!("another") };
        let other = answer.up_f_seid.expect("given").seid;
        assert_eq!(site.ask(other, SessionDeletionRequest::new()).cause(), Some(Cause::RequestAccepted));

        // Another address, network, tunnel and gNB in one request.
        let mut change = activation(0x99);
        let pdrs = with(7, MOVED, BEHIND_LATER).create_pdrs.into_iter();
        change.update_pdrs = pdrs.map(|pdr| UpdatePdr { pdi: Some(pdr.pdi), ..UpdatePdr::new(pdr.pdr_id) }).collect();
        let mut added = CreatePdr::new(PdrId(3), Precedence(9), uplink(MOVED));
        added.far_id = Some(FarId(1));
        change.create_pdrs = vec![added];
        let (steps, _) = with_faults(&mut site, seid, &change.into(), before);
        assert_eq!(steps, 4);
        let after = |site: &Site| in_force(site, (MOVED, teid), 0x99, BEHIND_LATER, 1);
        after(&site);
        assert!(!reaches(&site, BEHIND.into(), 0x99), "it is behind nobody now");

        let (steps, _) = with_faults(&mut site, seid, &SessionDeletionRequest::new().into(), after);
        assert_eq!(steps, 1);
        assert_eq!(site.control.shared().sessions(), 0);
        // Whatever was taken on the way is there again.
        for (cp, ue, behind) in [(9, UE, BEHIND), (10, MOVED, BEHIND_LATER)] {
            site.establish(with(cp, ue, behind));
        }
    }

    /// Where one worker is gone, nothing is changed any more, and the others go on by what they have.
    #[test]
    fn a_worker_that_is_gone_takes_no_rules_from_the_others() {
        let mut site = Site::with_workers(10, 2);
        // Packets to an address come to the worker of its bucket first.
        let of = |worker: u8, [a, b, c]: [u8; 3]| {
            let mut addresses = (2..=200).map(|host| Ipv4Addr::new(a, b, c, host));
            addresses.find(|address| Bucket::of_address((*address).into()).0 % 2 == worker).expect("one of many")
        };
        let (here, there) = (IpAddr::from(of(0, [10, 45, 0])), IpAddr::from(of(1, [10, 45, 0])));
        let behind = of(0, [198, 51, 100]);
        let (seid, teid) = site.establish(with(7, here, behind));
        assert_eq!(site.ask(seid, activation(0x71)).cause(), Some(Cause::RequestAccepted));
        let (elsewhere, _) = site.establish(establishment(8, there));
        site.kill(1);
        let before = |site: &Site| in_force(site, (here, teid), 0x71, behind, 2);
        for (asked, request) in [
            (seid, Message::from(activation(0x99))),
            (elsewhere, activation(0x99).into()),
            (seid, SessionDeletionRequest::new().into()),
            (elsewhere, SessionDeletionRequest::new().into()),
            (Seid(0), with(9, [10, 45, 3, 3].into(), BEHIND_LATER).into()),
        ] {
            assert_eq!(site.ask(asked, request).cause(), Some(Cause::SystemFailure));
            before(&site);
        }
        assert!(!site.control.is_alive(), "it says that it is to be started again");
    }
}
