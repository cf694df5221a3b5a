//! Who is next on the way to an address: asked of the system, which has the routes and speaks ARP and Neighbour Discovery, away from the path.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use super::Mac;
use crate::netlink::Tables;

/// Addresses that are remembered at most: gNBs, and the next hop of N6. Anybody can send from any address.
const MOST: usize = 16_384;

/// Where no more fit, forgets those that are not kept, or all: they are asked for again when they are wanted.
fn make_room<T>(known: &mut BTreeMap<IpAddr, T>, keep: impl Fn(&T) -> bool) {
    if known.len() >= MOST {
        known.retain(|_, value| keep(value));
    }
    if known.len() >= MOST {
        known.clear();
    }
}

/// Addresses that wait to be asked for at most.
const QUESTIONS: usize = 1024;

/// Between two looks at what is not known yet.
const EAGER: Duration = Duration::from_millis(20);
/// Between two looks at what is known: a neighbour may get another card.
const CALM: Duration = Duration::from_secs(2);
/// How long an address that does not answer is asked for eagerly.
const PATIENCE: u32 = 50;

/// A port's view of the neighbours.
pub(crate) struct Neighbours {
    known: BTreeMap<IpAddr, Option<Mac>>,
    ask: SyncSender<IpAddr>,
    told: Receiver<(IpAddr, Mac)>,
}

impl Neighbours {
    /// Starts the thread that asks the system; it ends with this. Addresses of a link are those of N6's: behind the interface of
    /// this number.
    ///
    /// # Errors
    /// Where the system gives no socket or thread.
    pub(crate) fn start(link: u32) -> io::Result<Self> {
        let (neighbours, asked, tell) = Self::unanswered();
        let tables = Tables::open()?;
        let prompt = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        prompt.set_nonblocking(true)?;
        // A system without IPv6 has no such socket, and no such neighbours.
        let prompt6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok();
        if let Some(prompt6) = &prompt6 {
            prompt6.set_nonblocking(true)?;
        }
        let resolver = Resolver { tables, link, prompt, prompt6, wanted: BTreeMap::new(), tell };
        std::thread::Builder::new().name("upf-neighbours".into()).spawn(move || resolver.run(&asked))?;
        Ok(neighbours)
    }

    /// A view, what it asks for, and where it is told.
    fn unanswered() -> (Self, Receiver<IpAddr>, Sender<(IpAddr, Mac)>) {
        let (ask, asked) = sync_channel(QUESTIONS);
        let (tell, told) = channel();
        (Self { known: BTreeMap::new(), ask, told }, asked, tell)
    }

    /// Takes note of what was found out.
    pub(crate) fn update(&mut self) {
        for (address, mac) in self.told.try_iter() {
            self.known.insert(address, Some(mac));
        }
    }

    /// Who is next on the way there. `None` where that is not known yet; it is asked for then.
    pub(crate) fn of(&mut self, address: IpAddr) -> Option<Mac> {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        // Without room it is asked for when it is wanted again; without the thread nothing is ever known.
        if self.ask.try_send(address).is_ok() {
            make_room(&mut self.known, Option::is_some);
            self.known.insert(address, None);
        }
        None
    }
}

struct Resolver {
    tables: Tables,
    link: u32,
    /// What they send makes the system ask for a neighbour.
    prompt: UdpSocket,
    prompt6: Option<UdpSocket>,
    /// What was found, and how often it was looked for in vain.
    wanted: BTreeMap<IpAddr, (Option<Mac>, u32)>,
    tell: Sender<(IpAddr, Mac)>,
}

impl Resolver {
    fn run(mut self, asked: &Receiver<IpAddr>) {
        loop {
            let eager = self.wanted.values().any(|(found, vain)| found.is_none() && *vain < PATIENCE);
            match asked.recv_timeout(if eager { EAGER } else { CALM }) {
                Ok(address) => {
                    make_room(&mut self.wanted, |(found, _)| found.is_some());
                    self.wanted.insert(address, (None, 0));
                    if !self.look(address, true) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let all: Vec<_> = self.wanted.iter().map(|(address, (found, _))| (*address, *found)).collect();
                    let due = all.into_iter().filter(|(_, found)| !eager || found.is_none());
                    if !due.into_iter().all(|(address, _)| self.look(address, !eager)) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Has the system look for it: an empty datagram to the discard port; what becomes of it does not matter.
    fn prompt(&self, address: IpAddr) {
        let _ = match (address, &self.prompt6) {
            (IpAddr::V4(_), _) => self.prompt.send_to(&[], (address, 9)),
            (IpAddr::V6(v6), Some(socket)) => {
                let link = if v6.is_unicast_link_local() { self.link } else { 0 };
                socket.send_to(&[], SocketAddrV6::new(v6, 9, 0, link))
            }
            (IpAddr::V6(_), None) => return,
        };
    }

    /// Looks for one. `false` where nobody wants to know any more.
    fn look(&mut self, address: IpAddr, prompt: bool) -> bool {
        if prompt {
            self.prompt(address);
        }
        let hop = match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Ok((address, self.link)),
            _ => self.tables.next_hop(address),
        };
        let found = hop.and_then(|hop| self.tables.neighbour(hop)).ok().flatten();
        let Some((known, vain)) = self.wanted.get_mut(&address) else { return true };
        if found.is_none() {
            *vain = vain.saturating_add(1);
        }
        match found.filter(|mac| *known != Some(*mac)) {
            None => true,
            Some(mac) => {
                *known = Some(mac);
                self.tell.send((address, mac)).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets from forged addresses come faster than the system can be asked.
    #[test]
    fn questions_are_bounded_and_asked_once_there_is_room() {
        let (mut neighbours, asked, tell) = Neighbours::unanswered();
        let addresses = |count: u32| (0..count).map(|number| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 | number)));
        for address in addresses(100_000) {
            assert_eq!(neighbours.of(address), None);
        }
        assert_eq!(neighbours.known.len(), QUESTIONS);
        let first: Vec<_> = asked.try_iter().collect();
        assert_eq!(first, addresses(QUESTIONS as u32).collect::<Vec<_>>());
        // One that found no room is asked for when it is wanted again, one that waits for its answer is not.
        let late = IpAddr::from(Ipv4Addr::from_bits(0x0a01_0000));
        for address in [late, first[0], late] {
            assert_eq!(neighbours.of(address), None);
        }
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), [late]);
        tell.send((late, [2; 6])).expect("it listens");
        neighbours.update();
        assert_eq!(neighbours.of(late), Some([2; 6]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut neighbours, asked, tell) = Neighbours::unanswered();
        let known = IpAddr::from([192, 0, 2, 1]);
        tell.send((known, [1; 6])).expect("it listens");
        neighbours.update();
        for number in 0..3 * MOST as u32 {
            neighbours.of(Ipv4Addr::from_bits(0x0a00_0000 | number).into());
            asked.try_iter().for_each(drop);
            assert!(neighbours.known.len() <= MOST);
        }
        assert_eq!(neighbours.of(known), Some([1; 6]), "what is known is forgotten last");
    }
}
