//! Buckets that move between workers while packets flow: each packet is numbered, and none may be missing or overtaken.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use dataplane::{
    BUCKETS, Bucket, Command, Config, DropReason, Event, InstallId, Memory, MemoryPeer, Session, Verdict, Waker,
    Workers,
};
use gtpu::{Datagram, Encapsulation};
use rules::{
    Action, Destination, Far, FarId, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Qer, QerId, Rates, RemoteTunnel, Source,
    Teid, Urr, UrrId,
};

const WORKERS: usize = 3;
const N3: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
const GNB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LIMIT: Duration = Duration::from_secs(20);

/// Packets on their way at once: the workers never run dry, and no queue of theirs runs over.
const WINDOW: usize = 1500;

const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// A session with its numbered packets: uplink, downlink, downlink by its prefix.
struct Subscriber {
    address: Ipv4Addr,
    /// In another bucket than the session.
    prefix: Option<Ipv6Addr>,
    teid: u32,
    /// Bits per second, where it is held to some.
    mbr: Option<u64>,
    sent: [u32; 3],
    received: [u32; 3],
}

impl Subscriber {
    /// The `number`th subscriber of a bucket.
    fn of(bucket: Bucket, number: u32) -> Self {
        let mut addresses = (1..=u16::MAX).map(|host| Ipv4Addr::from_bits(0x0a2d_0000 | u32::from(host)));
        let address = addresses.by_ref().filter(|address| Bucket::of_address((*address).into()) == bucket);
        let address = address.into_iter().nth(number as usize).expect("enough addresses");
        Self { address, prefix: None, teid: bucket.tunnel(number + 1), mbr: None, sent: [0; 3], received: [0; 3] }
    }

    /// The same with a prefix, which lies in the bucket `at`.
    fn with_prefix(self, at: Bucket) -> Self {
        let mut prefixes = (1..=u16::MAX).map(|net| Ipv6Addr::new(0xfd00, 0x10, 0x45, net, 0, 0, 0, 0));
        let prefix = prefixes.by_ref().filter(|prefix| Bucket::of_address((*prefix).into()) == at);
        let number = (self.teid & 0xff) as usize;
        Self { prefix: prefix.into_iter().nth(number), ..self }
    }

    /// Its addresses, in one bucket or not.
    fn addresses(&self) -> Vec<IpAddr> {
        [IpAddr::from(self.address)].into_iter().chain(self.prefix.map(IpAddr::from)).collect()
    }

    fn seid(&self) -> u64 {
        self.teid.into()
    }

    /// Everything up, everything down or buffered, counted.
    fn session(&self, down: Action) -> Box<Session> {
        let mut rules = rules::Session::default();
        let mut pdi = Pdi::from(Source::Access).of(self.address.into());
        pdi.tunnel = Some(LocalTunnel::Given(Teid(self.teid)));
        let (qers, urrs) = (self.mbr.map(|_| QerId(1)).into_iter().collect(), vec![UrrId(1)]);
        let up = Pdr { precedence: 255, pdi, outer_header_removal: true, far: Some(FarId(1)), qers, urrs };
        let pdi = Pdi::from(Source::Core).of(self.address.into());
        let down_rule = Pdr { pdi, outer_header_removal: false, far: Some(FarId(2)), ..up.clone() };
        rules.pdrs.extend([(PdrId(1), up), (PdrId(2), down_rule)]);
        rules.pdrs.iter_mut().for_each(|(_, pdr)| pdr.pdi.ue = self.addresses());
        let to_core =
            Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
        let tunnel = Some(RemoteTunnel { teid: self.teid, address: GNB });
        let to_access = Forwarding { destination: Destination::Access, tunnel, ..to_core.clone() };
        let far = |action, forwarding| Far { action, forwarding: Some(forwarding), bar: None, steering: None };
        rules.fars.extend([(FarId(1), far(Action::FORWARD, to_core)), (FarId(2), far(down, to_access))]);
        rules.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
        let rates = |rate| Some(Rates { uplink: rate, downlink: rate });
        rules.qers.extend(self.mbr.map(|rate| (QerId(1), Qer { mbr: rates(rate), ..Qer::default() })));
        Session::compile(self.seid(), &rules, Instant::now())
    }

    /// The next packet of a direction, the number at its end.
    fn packet(&mut self, direction: usize) -> Vec<u8> {
        let mut packet = Vec::new();
        let number = self.sent[direction].to_be_bytes();
        let builder = match (direction, self.prefix) {
            (0, _) => etherparse::PacketBuilder::ipv4(self.address.octets(), HOST.octets(), 64),
            (2, Some(to)) => etherparse::PacketBuilder::ipv6(HOST6.octets(), to.octets(), 64),
            _ => etherparse::PacketBuilder::ipv4(HOST.octets(), self.address.octets(), 64),
        };
        builder.udp(7, 7).write(&mut packet, &number).expect("a packet");
        self.sent[direction] += 1;
        if direction > 0 {
            return packet;
        }
        let mut octets = [&[0; 8], &packet[..]].concat();
        let header = Encapsulation { teid: self.teid, pdu_session: None };
        header.write(&mut octets[..8], packet.len()).expect("room");
        octets
    }
}

struct Site {
    workers: Workers,
    events: Receiver<Event>,
    peers: Vec<MemoryPeer>,
    subscribers: Vec<Subscriber>,
    installs: u64,
    installed: u64,
    moves: usize,
    /// Packets that usage reports told of: uplink, downlink.
    reported: [u64; 2],
}

impl Site {
    fn new(subscribers: Vec<Subscriber>) -> Self {
        let wakers: Vec<Waker> = (0..WORKERS).map(|_| Waker::new().expect("a descriptor")).collect();
        let (ports, peers) = Memory::bundle(&wakers);
        let (told, events) = channel();
        let ports = ports.into_iter().zip(wakers).collect();
        let config = Config { buffer_per_session: 1000, shaping: Duration::from_secs(10), ..Config::new(N3) };
        let workers = Workers::start(ports, &config, &[], move |event| drop(told.send(event))).expect("starts");
        let (installs, installed, moves, reported) = (0, 0, 0, [0; 2]);
        let mut site = Self { workers, events, peers, subscribers, installs, installed, moves, reported };
        (0..site.subscribers.len()).for_each(|place| site.install(place, Some(Action::FORWARD)));
        site.settle();
        site
    }

    fn install(&mut self, place: usize, down: Option<Action>) {
        self.installs += 1;
        let subscriber = &self.subscribers[place];
        let bucket = Bucket::of_address(subscriber.address.into());
        for address in subscriber.addresses() {
            self.workers.signpost(address, down.is_some().then_some(bucket));
        }
        let command = Command::Install {
            id: InstallId(self.installs),
            session: down.map(|down| subscriber.session(down)),
            seid: subscriber.seid(),
            report: BTreeSet::from([1]),
            end_markers: Vec::new(),
            drop_buffered: false,
        };
        self.workers.send(bucket, command);
    }

    fn event(&mut self, event: &Event) {
        self.workers.handle(event);
        match event {
            Event::Installed { reports, .. } => {
                self.installed += 1;
                for report in reports {
                    (self.reported[0], self.reported[1]) =
                        (self.reported[0] + report.packets[0], self.reported[1] + report.packets[1]);
                }
            }
            Event::BucketMoved(_) => self.moves += 1,
            _ => {}
        }
    }

    /// Waits for all that was asked to be done.
    fn settle(&mut self) {
        while self.installed < self.installs {
            let event = self.events.recv_timeout(LIMIT).expect("an answer");
            self.event(&event);
        }
    }

    fn wait_for_moves(&mut self, moves: usize) {
        while self.moves < moves {
            let event = self.events.recv_timeout(LIMIT).expect("the bucket arrives");
            self.event(&event);
        }
    }

    /// Sends the next packet of a subscriber, by the port that a network card would choose for its flow.
    fn send(&mut self, place: usize, direction: usize) {
        let packet = self.subscribers[place].packet(direction);
        let peer = &self.peers[(place + direction) % WORKERS];
        match direction {
            0 => peer.send_n3(SocketAddr::new(GNB, gtpu::PORT), &packet),
            _ => peer.send_n6(&packet),
        }
    }

    /// Takes a packet that left and checks its number.
    fn receive(&mut self) {
        let (verdict, sent) = self.peers[0].receive(LIMIT).expect("no packet is lost");
        let (direction, address, packet) = match verdict {
            Verdict::ToN6 => (0, 12..16, &sent[..]),
            Verdict::ToN3(_) => match Datagram::parse(&sent).expect("is GTP-U").payload {
                // The UPF's own word to a UE with IPv6.
                [0x60, _, _, _, _, _, 58, ..] => return self.receive(),
                packet @ [0x60, ..] => (2, 24..40, packet),
                packet => (1, 16..20, packet),
            },
            other => panic!("{other:?} left"),
        };
        let number = u32::from_be_bytes(packet[packet.len() - 4..].try_into().expect("four octets"));
        let address = &packet[address];
        let mut subscribers = self.subscribers.iter_mut();
        let is_of = |s: &Subscriber| match direction {
            2 => s.prefix.is_some_and(|prefix| prefix.octets() == address),
            _ => s.address.octets() == address,
        };
        let subscriber = subscribers.find(|s| is_of(s)).expect("a known UE");
        assert_eq!(
            number, subscriber.received[direction],
            "the next of {} in direction {direction}",
            subscriber.address
        );
        subscriber.received[direction] += 1;
    }

    /// Sends `packets` with the window always full, moving buckets and changing sessions on the way.
    fn run(&mut self, packets: usize, mut meanwhile: impl FnMut(&mut Self, usize)) {
        let ways = if self.subscribers.iter().all(|subscriber| subscriber.prefix.is_some()) { 3 } else { 2 };
        let flows = self.subscribers.len() * ways;
        for number in 0..packets {
            self.send(number % flows / ways, number % ways);
            meanwhile(self, number);
            while let Ok(event) = self.events.try_recv() {
                self.event(&event);
            }
            if number >= WINDOW {
                self.receive();
            }
        }
        (0..packets.min(WINDOW)).for_each(|_| self.receive());
    }

    fn shaped(&self) -> u64 {
        Workers::snapshot(&self.workers.counters()).shaped
    }

    fn dropped(&self) -> u64 {
        Workers::snapshot(&self.workers.counters()).drops.iter().sum()
    }
}

fn buckets() -> [Bucket; 3] {
    [0, 1, 77].map(Bucket)
}

/// 40 000 packets for nine sessions, which change meanwhile, while every fiftieth moves the bucket it names; then the sessions go.
fn under_full_load(site: &mut Site, bucket_at: impl Fn(usize) -> Bucket) {
    let mut begun = 0;
    site.run(40_000, |site, number| {
        if number % 50 == 0 {
            let bucket = bucket_at(number);
            begun += usize::from(site.workers.move_bucket(bucket, (site.workers.owner(bucket) + 1) % WORKERS));
        }
        if number % 97 == 0 {
            site.install(number % 9, Some(Action::FORWARD));
        }
    });
    site.settle();
    site.wait_for_moves(begun);
    assert!(begun >= 30, "only {begun} moves");
    (0..9).for_each(|place| site.install(place, None));
    site.settle();
}

#[test]
fn nothing_is_lost_or_overtaken_under_full_load() {
    let subscribers = buckets().into_iter().flat_map(|bucket| (0..3).map(move |number| Subscriber::of(bucket, number)));
    let mut site = Site::new(subscribers.collect());
    under_full_load(&mut site, |number| buckets()[number / 50 % 3]);
    assert_eq!(site.reported.iter().sum::<u64>(), 40_000, "counted once each, wherever the session was");
    assert_eq!((site.dropped(), Workers::snapshot(&site.workers.counters()).sessions), (0, 0));
}

/// The packets of a session's two addresses, each in a bucket of its own, both of which move.
#[test]
fn packets_find_a_session_whose_prefix_lies_in_another_bucket() {
    let homes = buckets().into_iter().flat_map(|bucket| (0..3).map(move |number| (bucket, number)));
    let elsewhere = |Bucket(bucket): Bucket| Bucket(bucket.wrapping_add(128));
    let of = |(bucket, number)| Subscriber::of(bucket, number).with_prefix(elsewhere(bucket));
    let mut site = Site::new(homes.map(of).collect());
    under_full_load(&mut site, |number| {
        let home = buckets()[number / 50 % 3];
        if number % 100 == 0 { home } else { elsewhere(home) }
    });
    assert_eq!((site.reported.iter().sum::<u64>(), site.dropped()), (40_000, 0));
    site.send(0, 2);
    while site.dropped() == 0 {
        std::thread::yield_now();
    }
    let unknown = Workers::snapshot(&site.workers.counters()).dropped(DropReason::UnknownUe);
    assert_eq!(unknown, 1, "a session that is gone is led to by nothing");
}

#[test]
fn what_is_buffered_moves_along() {
    let bucket = Bucket(9);
    let mut site = Site::new(vec![Subscriber::of(bucket, 0)]);
    for round in 1..=4 {
        site.install(0, Some(Action::BUFFER));
        site.settle();
        (0..200).for_each(|_| site.send(0, 1));
        assert!(site.workers.move_bucket(bucket, (site.workers.owner(bucket) + 1) % WORKERS));
        (0..200).for_each(|_| site.send(0, 1));
        site.install(0, Some(Action::FORWARD));
        (0..200).for_each(|_| site.send(0, 1));
        (0..600).for_each(|_| site.receive());
        site.settle();
        site.wait_for_moves(round);
    }
    assert_eq!(site.dropped(), 0);
}

/// Nearly all packets wait for their rate, half a second of it, as the bucket moves.
#[test]
fn what_waits_for_its_rate_moves_along() {
    let bucket = Bucket(9);
    let mut site = Site::new(vec![Subscriber { mbr: Some(100_000), ..Subscriber::of(bucket, 0) }]);
    for round in 1..=2 {
        let before = site.shaped();
        (0..150).for_each(|_| site.send(0, 1));
        while site.shaped() == before {
            std::thread::yield_now();
        }
        assert!(site.workers.move_bucket(bucket, (site.workers.owner(bucket) + 1) % WORKERS));
        (0..50).for_each(|_| site.send(0, 1));
        (0..200).for_each(|_| site.receive());
        site.wait_for_moves(round);
    }
    assert_eq!(site.dropped(), 0);
}

#[test]
fn a_move_to_where_it_is_or_to_nobody_does_not_begin() {
    let bucket = Bucket(4);
    let mut site = Site::new(vec![Subscriber::of(bucket, 0)]);
    let owner = site.workers.owner(bucket);
    assert!(!site.workers.move_bucket(bucket, owner));
    assert!(!site.workers.move_bucket(bucket, WORKERS));
    assert!(site.workers.move_bucket(bucket, (owner + 1) % WORKERS));
    assert!(!site.workers.move_bucket(bucket, (owner + 2) % WORKERS), "one move at a time");
    site.wait_for_moves(1);
    assert_eq!(site.workers.owner(bucket), (owner + 1) % WORKERS);
    assert_eq!((BUCKETS, site.dropped()), (256, Workers::snapshot(&site.workers.counters()).dropped(DropReason::Send)));
}

#[test]
fn what_is_asked_for_is_counted() {
    let mut site = Site::new(vec![Subscriber::of(Bucket(4), 0)]);
    let counters = site.workers.counters();
    site.run(100, |_, _| {});
    assert!(counters.iter().all(|counters| counters.hits().is_empty() && counters.latency().is_empty()));
    counters.iter().for_each(|counters| counters.watch_statistics());
    site.run(100, |_, _| {});
    site.install(0, None);
    site.settle();
    let hits: Vec<(u16, u64)> = counters.iter().flat_map(|counters| counters.hits()).collect();
    assert_eq!(hits, [(1, 50), (2, 50)]);
    let timed: u64 = counters.iter().flat_map(|counters| counters.latency().into_values()).sum();
    assert!(timed >= 100, "those handed over count at both: {timed}");
}
