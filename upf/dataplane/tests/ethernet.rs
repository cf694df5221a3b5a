//! Ethernet sessions: which sessions a frame goes to, by rules, rates, buffers and usage as IP packets have them.

mod support;

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use dataplane::{
    Bucket, Command, Config, DropReason, Event, Forwarder, Frame, InstallId, Memory, Origin, Session, Snapshot, Usage,
    Verdict, Waker, Workers,
};
use gtpu::Datagram;
use proptest::prelude::*;
use rules::{
    Action, EthernetFilter, Filter, Frames, Kind, Link, Mac, MacPair, MacRange, Pdi, Pdr, PdrId, Qer, QerId, Rates,
    Source, TagFilter, Teid, Triggers, Urr, UrrId,
};
use support::{GNB_TEID, N3, gnb, plain, tunnelled};

const LAN: Link = Link(0);
const BROADCAST: Mac = [0xff; 6];
const HOST: Mac = [2, 0, 0, 0, 9, 9];
const ARP: [u8; 2] = [8, 6];

/// Station `number` behind UE `ue`.
fn station(ue: u8, number: u8) -> Mac {
    [2, 0, 0, 0, ue, number]
}

fn frame(from: Mac, to: Mac, ethertype: [u8; 2], payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ethertype, payload].concat()
}

fn teid(ue: u8) -> u32 {
    u32::from(ue)
}

/// The rules of UE `ue`: every frame up and down.
fn member(ue: u8) -> rules::Session {
    let mut session = plain();
    session.kind = Kind::Ethernet(LAN);
    for (_, pdr) in session.pdrs.iter_mut() {
        pdr.pdi.ue.clear();
        if let Some(tunnel) = &mut pdr.pdi.tunnel {
            *tunnel = rules::LocalTunnel::Given(Teid(teid(ue)));
        }
    }
    session.pdrs.get_mut(&PdrId(2)).expect("downlink").pdi.frames =
        Some(Box::new(Frames { all: true, filters: Vec::new() }));
    for (_, far) in session.fars.iter_mut() {
        if let Some(tunnel) = far.forwarding.as_mut().and_then(|forwarding| forwarding.tunnel.as_mut()) {
            tunnel.teid = GNB_TEID + u32::from(ue);
        }
    }
    session
}

/// What left: the UE that it is for (none: N6), and the frame.
type Left = (Option<u8>, Vec<u8>);

struct Site {
    now: Instant,
    forwarder: Forwarder,
    events: Vec<Event>,
}

impl Site {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self { now, forwarder: Forwarder::new(config, 0, now), events: Vec::new() }
    }

    /// With these UEs.
    fn of(ues: impl IntoIterator<Item = u8>) -> Self {
        let mut site = Self::new(Config::new(N3.into()));
        ues.into_iter().for_each(|ue| drop(site.install(ue, Some(&member(ue)))));
        site
    }

    fn install(&mut self, ue: u8, rules: Option<&rules::Session>) -> (Vec<Usage>, Vec<Left>) {
        let seid = u64::from(ue);
        let command = Command::Install {
            id: InstallId(1),
            session: rules.map(|rules| Session::compile(seid, rules, self.now)),
            seid,
            report: BTreeSet::from([1]),
            end_markers: Vec::new(),
            drop_buffered: false,
        };
        self.forwarder.command(self.now, command);
        let left = self.outbox();
        let Some(Event::Installed { reports, .. }) = self.events.pop() else { panic!("not installed") };
        (reports, left)
    }

    fn outbox(&mut self) -> Vec<Left> {
        let outbox = self.forwarder.take_outbox();
        let left = outbox.iter().filter_map(left).collect();
        self.forwarder.recycle(outbox);
        self.events.extend(self.forwarder.drain_events());
        left
    }

    fn pass(&mut self, octets: &[u8], origin: Origin) -> Vec<Left> {
        let mut frame = Frame::new(2048);
        frame.room()[..octets.len()].copy_from_slice(octets);
        frame.received(octets.len(), origin, gnb());
        let mut burst = [frame];
        self.forwarder.process(self.now, &mut burst);
        let mut all: Vec<Left> = burst.iter().filter_map(left).collect();
        all.extend(self.outbox());
        all.sort();
        all
    }

    fn up(&mut self, ue: u8, frame: &[u8]) -> Vec<Left> {
        self.pass(&tunnelled(teid(ue), 1, frame), Origin::N3)
    }

    fn down(&mut self, frame: &[u8]) -> Vec<Left> {
        self.pass(frame, Origin::Ethernet(LAN))
    }

    fn timeout(&mut self, time: Duration) -> Vec<Left> {
        self.now += time;
        self.forwarder.handle_timeout(self.now);
        self.outbox()
    }

    fn counted(&self) -> Snapshot {
        self.forwarder.counters().snapshot()
    }

    /// What was told of stations: the session, new ones, those gone.
    fn told(&mut self) -> Vec<(u64, Vec<Mac>, Vec<Mac>)> {
        let told = self.events.drain(..).filter_map(|event| match event {
            Event::MacAddresses { seid, detected, removed, .. } => Some((seid, detected, removed)),
            _ => None,
        });
        told.collect()
    }
}

fn left(frame: &Frame) -> Option<Left> {
    match frame.verdict {
        Verdict::ToN3(_) => {
            let datagram = Datagram::parse(frame.packet()).expect("GTP-U");
            assert_eq!(datagram.pdu_session.map(|container| container.qfi().value()), Some(9));
            Some((Some((datagram.teid - GNB_TEID) as u8), datagram.payload.to_vec()))
        }
        Verdict::ToEthernet(LAN) => Some((None, frame.packet().to_vec())),
        Verdict::Drop => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn stations_find_each_other_wherever_they_are() {
    let mut site = Site::of([1, 2, 3]);
    let (first, second) = (station(1, 1), station(2, 1));
    let asks = frame(first, BROADCAST, ARP, b"who has?");
    let everywhere = vec![(None, asks.clone()), (Some(2), asks.clone()), (Some(3), asks.clone())];
    assert_eq!(site.up(1, &asks), everywhere, "to all but who asks");
    let answers = frame(second, first, ARP, b"I");
    assert_eq!(site.up(2, &answers), [(Some(1), answers)], "to who asked alone");
    let outside = frame(first, HOST, ARP, b"to a host not heard yet");
    assert_eq!(site.up(1, &outside), [(None, outside)]);
    let back = frame(HOST, second, ARP, b"and back");
    assert_eq!(site.down(&back), [(Some(2), back)]);
    let unknown = frame(HOST, station(3, 1), ARP, b"to a UE that has said nothing");
    assert_eq!(site.down(&unknown), []);
    assert_eq!(site.counted().dropped(DropReason::UnknownUe), 1);
    let shout = frame(HOST, BROADCAST, ARP, b"from N6");
    assert_eq!(site.down(&shout), [1, 2, 3].map(|ue| (Some(ue), shout.clone())));
    site.install(3, None);
    assert_eq!(site.down(&shout), [1, 2].map(|ue| (Some(ue), shout.clone())));
    [1, 2].into_iter().for_each(|ue| drop(site.install(ue, None)));
    assert_eq!(site.down(&shout), []);
}

#[test]
fn nobody_takes_anothers_place() {
    let mut site = Site::of([1, 2]);
    let mine = frame(station(1, 1), HOST, ARP, b"mine");
    assert_eq!(site.up(1, &mine), [(None, mine.clone())]);
    assert_eq!(site.up(2, &mine), [], "UE 2 as a station of UE 1");
    let host = frame(HOST, station(1, 1), ARP, b"from N6");
    assert_eq!(site.down(&host), [(Some(1), host.clone())]);
    assert_eq!(site.up(2, &frame(HOST, station(1, 1), ARP, b"UE 2 as the host")), []);
    // What is heard on N6 is there.
    assert_eq!(site.down(&frame(station(1, 1), station(2, 1), ARP, b"moved")), []);
    assert_eq!(site.down(&host), []);
    assert_eq!(site.up(1, &mine), []);
    assert_eq!(site.counted().dropped(DropReason::MacAddress), 3);
    site.now += Duration::from_secs(300);
    assert_eq!(site.up(1, &mine), [(None, mine)], "not heard on N6 for long");
    // Between two stations of one UE the UE forwards itself.
    assert_eq!(site.up(1, &frame(station(1, 2), station(1, 1), ARP, b"")), []);
    assert_eq!(site.counted().dropped(DropReason::LinkLocal), 1);
}

/// The device of N6 is one of the system that the core itself runs on.
#[test]
fn the_core_itself_is_not_reached() {
    let mut site = Site::of([1]);
    let to = |address: [u8; 4]| {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4([10, 50, 0, 11], address, 64).udp(8805, 8805);
        builder.write(&mut packet, b"").expect("fits");
        frame(station(1, 1), HOST, [8, 0], &packet)
    };
    let std::net::IpAddr::V4(own) = std::net::IpAddr::from(N3) else { panic!("IPv4") };
    assert_eq!(site.up(1, &to(own.octets())), []);
    assert_eq!(site.counted().dropped(DropReason::Protected), 1);
    assert_eq!(site.up(1, &to([10, 50, 0, 1])).len(), 1);
}

#[test]
fn a_ue_has_a_bounded_number_of_stations_and_they_age() {
    let mut site = Site::of([1]);
    let mut rules = member(1);
    let triggers = Triggers::MAC_ADDRESSES;
    rules.urrs.insert(UrrId(7), Urr { triggers, mac_inactivity: Some(60), ..Urr::default() });
    site.install(1, Some(&rules));
    let says = |number| frame(station(1, number), HOST, ARP, b"");
    for number in 0..16 {
        assert_eq!(site.up(1, &says(number)).len(), 1);
        assert_eq!(site.up(1, &says(number)).len(), 1);
        assert_eq!(site.told(), [(1, vec![station(1, number)], vec![])]);
    }
    assert_eq!(site.up(1, &says(16)), [], "one too many");
    site.timeout(Duration::from_secs(59));
    assert_eq!((site.up(1, &says(3)).len(), site.told()), (1, vec![]));
    site.timeout(Duration::from_secs(1));
    let gone = (0..16).filter(|number| *number != 3).map(|number| station(1, number)).collect();
    assert_eq!(site.told(), [(1, vec![], gone)]);
    assert_eq!(site.up(1, &says(16)).len(), 1);
    assert_eq!(site.told().len(), 1);
    // Rules that change leave what is known of stations.
    site.install(1, Some(&rules));
    assert_eq!(site.down(&frame(HOST, station(1, 3), ARP, b"")).len(), 1);
    site.down(&frame(station(1, 3), HOST, ARP, b"on N6"));
    assert_eq!(site.told(), [(1, vec![], vec![station(1, 3)])]);
}

#[test]
fn what_waits_for_a_ue_is_its_own_and_comes_in_order() {
    let mut site = Site::of([1, 2]);
    site.up(2, &frame(station(2, 1), BROADCAST, ARP, b""));
    let mut idle = member(2);
    idle.fars.get_mut(&rules::FarId(2)).expect("downlink").action = Action::BUFFER;
    site.install(2, Some(&idle));
    let (shout, call) = (frame(HOST, BROADCAST, ARP, b"all"), frame(station(1, 1), station(2, 1), ARP, b"you"));
    assert_eq!(site.down(&shout), [(Some(1), shout.clone())]);
    assert_eq!(site.up(1, &call), []);
    assert!(matches!(site.events.pop(), Some(Event::DownlinkData { seid: 2, .. })));
    let (_, sent) = site.install(2, Some(&member(2)));
    assert_eq!(sent, [(Some(2), shout), (Some(2), call)], "to it alone, though one was for all");
    assert_eq!(site.counted().buffered, 2);
}

#[test]
fn rates_and_usage_are_those_of_any_session() {
    let mut site = Site::new(Config { shaping: Duration::from_millis(50), ..Config::new(N3.into()) });
    let mut limited = member(1);
    let rate = Rates { uplink: 1_000_000, downlink: 1_000_000_000 };
    limited.qers.insert(QerId(1), Qer { qfi: Some(9), mbr: Some(rate), ..Qer::default() });
    site.install(1, Some(&limited));
    site.install(2, Some(&member(2)));
    site.up(2, &frame(station(2, 1), HOST, ARP, b""));
    let big = frame(station(1, 1), station(2, 1), ARP, &[7; 1000]);
    let (mut at_once, mut later) = (0, 0);
    for _ in 0..20 {
        at_once += site.up(1, &big).len();
    }
    for _ in 0..60 {
        let left = site.timeout(Duration::from_millis(1));
        assert!(left.iter().all(|(to, octets)| *to == Some(2) && *octets == big), "where it is for");
        later += left.len();
    }
    assert!(later > 0 && at_once + later < 20, "{at_once} at once, {later} later");
    let (reports, _) = site.install(1, Some(&limited));
    assert_eq!(reports[0].packets, [(at_once + later) as u64, 0]);
    assert_eq!(reports[0].octets[0], ((at_once + later) * big.len()) as u64);
    let (reports, _) = site.install(2, None);
    assert_eq!(reports[0].packets, [1, (at_once + later) as u64]);
}

/// A filter, and frames that pass it or not.
fn passes(filter: EthernetFilter, octets: &[u8]) -> bool {
    let mut rules = member(1);
    let mut pdi = Pdi::from(Source::Access);
    pdi.tunnel = Some(rules::LocalTunnel::Given(Teid(teid(1))));
    pdi.frames = Some(Box::new(Frames { all: false, filters: vec![filter] }));
    let first = Pdr { precedence: 1, pdi, ..rules.pdrs.get(&PdrId(1)).expect("uplink").clone() };
    rules.pdrs.remove(&PdrId(1));
    rules.pdrs.insert(PdrId(3), first);
    let mut site = Site::new(Config::new(N3.into()));
    site.install(1, Some(&rules));
    let passed = !site.up(1, octets).is_empty();
    assert_eq!(site.counted().dropped(DropReason::NoRule), u64::from(!passed));
    passed
}

#[test]
fn filters_look_at_every_part_of_a_frame() {
    let plain = frame(station(1, 5), HOST, ARP, b"");
    let tagged = frame(station(1, 5), HOST, [0x81, 0], &[0xa0, 7, 8, 6]);
    let range = |low, high| EthernetFilter {
        addresses: vec![MacPair { source: Some(MacRange { low, high }), destination: None }],
        ..EthernetFilter::default()
    };
    assert!(passes(EthernetFilter::default(), &plain));
    assert!(passes(range(station(1, 5), station(1, 9)), &plain));
    assert!(!passes(range(station(1, 6), station(1, 9)), &plain));
    assert!(passes(range([0; 6], BROADCAST), &plain), "a range over many makers");
    assert!(passes(range([2, 0, 0, 0, 1, 5], [3, 0, 0, 0, 0, 0]), &plain));
    assert!(!passes(range([2, 0, 0, 0, 1, 6], [3, 0, 0, 0, 0, 0]), &plain));
    let ethertype = |number| EthernetFilter { ethertype: Some(number), ..EthernetFilter::default() };
    assert!(passes(ethertype(0x0806), &plain) && passes(ethertype(0x0806), &tagged));
    assert!(!passes(ethertype(0x0800), &plain));
    let vlan = |vid, pcp| EthernetFilter {
        c_tag: Some(TagFilter { vid: Some(vid), pcp, dei: None }),
        ..EthernetFilter::default()
    };
    assert!(passes(vlan(7, None), &tagged) && passes(vlan(7, Some(5)), &tagged));
    assert!(!passes(vlan(7, Some(4)), &tagged) && !passes(vlan(8, None), &tagged) && !passes(vlan(7, None), &plain));
    let flow = |text: &str| EthernetFilter {
        flows: vec![Filter { flow: Some(text.parse().expect("a flow")), ..Filter::default() }],
        ..EthernetFilter::default()
    };
    let query = support::udp([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), (4000, 53), 9);
    let query = frame(station(1, 5), HOST, [8, 0], &query);
    assert!(passes(flow("permit out 17 from 10.0.0.2 53 to any"), &query));
    assert!(!passes(flow("permit out 17 from 10.0.0.2 54 to any"), &query));
    assert!(passes(flow("permit out ip from any to any"), &query));
    assert!(!passes(flow("permit out ip from any to any"), &plain), "no IP packet is in it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Frames and rubbish from UEs and N6: what is for one station goes to one place, and never to who sent it.
    #[test]
    fn a_frame_goes_where_it_is_for(
        steps in proptest::collection::vec((0..4u8, 0..12u8, 0..14u8, 0..20usize, any::<u8>()), 1..200),
    ) {
        let mut site = Site::of([1, 2, 3]);
        let address = |number: u8| match number {
            13 => BROADCAST,
            12 => HOST,
            number => station(1 + number / 4, number % 4),
        };
        for (sender, from, to, cut, octet) in steps {
            let mut octets = frame(address(from), address(to), ARP, b"payload");
            if cut < 15 {
                octets.truncate(cut);
            } else if cut == 15 {
                octets[usize::from(octet) % 14] = octet;
            }
            let group = octets.first().is_some_and(|first| first & 1 != 0);
            let left = match sender {
                0 => site.down(&octets),
                ue => site.up(ue, &octets),
            };
            prop_assert!(group && left.len() <= 4 || left.len() <= 1);
            let own = (sender > 0).then_some(sender);
            prop_assert!(left.iter().all(|(to, frame)| *to != own && *frame == octets));
        }
        [1, 2, 3].into_iter().for_each(|ue| drop(site.install(ue, None)));
        prop_assert_eq!(site.counted().sessions, 0);
    }
}

/// Numbered frames, from UE to UE and from N6, while the network goes from worker to worker.
#[test]
fn a_network_moves_with_its_bucket_and_nothing_is_lost_or_overtaken() {
    const FRAMES: u32 = 6000;
    const WINDOW: u32 = 400;
    const LIMIT: Duration = Duration::from_secs(20);
    let bucket = Bucket::of_link(LAN);
    let wakers: Vec<_> = (0..3).map(|_| Waker::new().expect("a descriptor")).collect();
    let (ports, peers) = Memory::bundle(&wakers);
    let (told, events) = channel();
    let ports = ports.into_iter().zip(wakers).collect();
    let workers = Workers::start(ports, &Config::new(N3.into()), &[], move |event| drop(told.send(event)));
    let mut workers = workers.expect("starts");
    for ue in [1, 2] {
        let session = Some(Session::compile(ue.into(), &member(ue), Instant::now()));
        let (id, seid, report) = (InstallId(ue.into()), ue.into(), BTreeSet::new());
        let command = Command::Install { id, session, seid, report, end_markers: Vec::new(), drop_buffered: false };
        workers.send(bucket, command);
        assert!(matches!(events.recv_timeout(LIMIT), Ok(Event::Installed { .. })));
    }
    let (from, to) = (station(1, 1), station(2, 1));
    peers[0].send_n3(gnb(), &tunnelled(teid(2), 1, &frame(to, HOST, ARP, b"")));
    peers[0].receive(LIMIT).expect("heard");
    let numbered = |source: Mac, number: u32| frame(source, to, ARP, &number.to_be_bytes());
    let (mut sent, mut received, mut moves) = (0, [0; 2], 0);
    while received.iter().any(|count| *count < FRAMES) {
        if sent < FRAMES && received.iter().all(|count| sent - count < WINDOW) {
            peers[1].send_n3(gnb(), &tunnelled(teid(1), 1, &numbered(from, sent)));
            peers[2].send_ethernet(LAN, &numbered(HOST, sent));
            sent += 1;
            continue;
        }
        moves += usize::from(workers.move_bucket(bucket, (workers.owner(bucket) + 1) % 3));
        events.try_iter().for_each(|event| workers.handle(&event));
        let (verdict, octets) = peers[0].receive(LIMIT).expect("nothing is lost");
        assert!(matches!(verdict, Verdict::ToN3(_)));
        let datagram = Datagram::parse(&octets).expect("GTP-U");
        assert_eq!(datagram.teid, GNB_TEID + 2);
        let way = usize::from(datagram.payload[6..12] == HOST);
        let source = if way == 1 { HOST } else { from };
        assert_eq!(datagram.payload, numbered(source, received[way]), "in order");
        received[way] += 1;
    }
    assert!(moves > 2, "it moved {moves} times");
}
