//! A forwarder with one plain session, under a virtual clock.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use dataplane::{Command, Config, DropReason, Event, Forwarder, Frame, InstallId, Origin, Session, Usage, Verdict};
use gtpu::{Encapsulation, PduSession, Qfi};
use rules::{
    Action, Destination, Far, FarId, Forwarding, LocalTunnel, Pdi, Pdr, PdrId, Qer, QerId, RemoteTunnel, Source, Teid,
    Urr, UrrId,
};

pub(crate) const UE: Ipv4Addr = Ipv4Addr::new(10, 45, 0, 2);
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const N3: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
pub(crate) const GNB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
pub(crate) const TEID: u32 = 0x4200_0001;
pub(crate) const GNB_TEID: u32 = 0x55;
pub(crate) const SEID: u64 = 9;

pub(crate) fn gnb() -> SocketAddr {
    SocketAddr::from((GNB, gtpu::PORT))
}

pub(crate) fn udp(from: Ipv4Addr, to: Ipv4Addr, ports: (u16, u16), length: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = etherparse::PacketBuilder::ipv4(from.octets(), to.octets(), 64).udp(ports.0, ports.1);
    builder.write(&mut packet, &vec![7; length]).expect("a packet");
    packet
}

pub(crate) fn up(packet: &[u8]) -> Vec<u8> {
    tunnelled(TEID, 1, packet)
}

pub(crate) fn tunnelled(teid: u32, qfi: u8, packet: &[u8]) -> Vec<u8> {
    let header = Encapsulation { teid, pdu_session: Some(PduSession::Uplink { qfi: Qfi::new(qfi) }) };
    let mut octets = [&[0; gtpu::HEADROOM], packet].concat();
    header.write(&mut octets[..gtpu::HEADROOM], packet.len()).expect("room");
    octets
}

/// The rules of a plain session: everything up, everything down, one QoS flow.
pub(crate) fn plain() -> rules::Session {
    let mut session = rules::Session::default();
    let mut pdi = Pdi::from(Source::Access).of(UE.into());
    pdi.tunnel = Some(LocalTunnel::Given(Teid(TEID)));
    let (qers, urrs) = (vec![QerId(1)], vec![UrrId(1)]);
    let uplink = Pdr { precedence: 255, pdi, outer_header_removal: true, far: Some(FarId(1)), qers, urrs };
    let pdi = Pdi::from(Source::Core).of(UE.into());
    let downlink = Pdr { pdi, outer_header_removal: false, far: Some(FarId(2)), ..uplink.clone() };
    session.pdrs.extend([(PdrId(1), uplink), (PdrId(2), downlink)]);
    let to_core = Forwarding { destination: Destination::Core, tunnel: None, marking: None, network_instance: None };
    let tunnel = Some(RemoteTunnel { teid: GNB_TEID, address: GNB.into() });
    let to_access = Forwarding { destination: Destination::Access, tunnel, ..to_core.clone() };
    let far = |forwarding| Far { action: Action::FORWARD, forwarding: Some(forwarding), bar: None, steering: None };
    session.fars.extend([(FarId(1), far(to_core)), (FarId(2), far(to_access))]);
    session.qers.insert(QerId(1), Qer { qfi: Some(9), ..Qer::default() });
    session.urrs.insert(UrrId(1), Urr { volume: true, ..Urr::default() });
    session
}

pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) forwarder: Forwarder,
    pub(crate) sent: Vec<Frame>,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        let now = Instant::now();
        Self { now, forwarder: Forwarder::new(config, 0, now), sent: Vec::new() }
    }

    pub(crate) fn with(session: &rules::Session) -> Self {
        let mut bench = Self::new(Config::new(N3.into()));
        bench.install(Some(session), &[], false);
        bench
    }

    /// Installs rules and returns what was reported, after sending what that let loose.
    pub(crate) fn install(
        &mut self,
        rules: Option<&rules::Session>,
        end_markers: &[RemoteTunnel],
        drop_buffered: bool,
    ) -> Vec<Usage> {
        self.asking(rules, end_markers, drop_buffered, BTreeSet::from([1]))
    }

    /// Installs rules and asks for the reports of these usage rules only.
    pub(crate) fn install_asking(&mut self, rules: Option<&rules::Session>, urrs: &[u32]) -> Vec<Usage> {
        self.asking(rules, &[], false, urrs.iter().copied().collect())
    }

    fn asking(
        &mut self,
        rules: Option<&rules::Session>,
        end_markers: &[RemoteTunnel],
        drop_buffered: bool,
        report: BTreeSet<u32>,
    ) -> Vec<Usage> {
        let session = rules.map(|rules| Session::compile(SEID, rules, self.now));
        let end_markers = end_markers.to_vec();
        let command = Command::Install { id: InstallId(1), session, seid: SEID, report, end_markers, drop_buffered };
        self.forwarder.command(self.now, command);
        let outbox = self.forwarder.take_outbox();
        self.sent.extend(outbox.iter().filter(|frame| frame.verdict != Verdict::Drop).cloned());
        self.forwarder.recycle(outbox);
        let events: Vec<Event> = self.forwarder.drain_events().collect();
        match events.into_iter().next_back() {
            Some(Event::Installed { reports, .. }) => reports,
            other => panic!("not installed: {other:?}"),
        }
    }

    pub(crate) fn pass(&mut self, packet: &[u8], origin: Origin) -> (Verdict, Vec<u8>) {
        let frame = self.pass_frame(packet, origin);
        (frame.verdict, frame.packet().to_vec())
    }

    pub(crate) fn pass_frame(&mut self, packet: &[u8], origin: Origin) -> Frame {
        let mut frame = Frame::new(2048);
        frame.room()[..packet.len()].copy_from_slice(packet);
        frame.received(packet.len(), origin, gnb());
        let mut burst = [frame];
        self.forwarder.process(self.now, &mut burst);
        let [frame] = burst;
        frame
    }

    pub(crate) fn up(&mut self, payload: &[u8]) -> (Verdict, Vec<u8>) {
        self.pass(payload, Origin::N3)
    }

    pub(crate) fn down(&mut self, packet: &[u8]) -> (Verdict, Vec<u8>) {
        self.pass(packet, Origin::N6)
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.forwarder.drain_events().collect()
    }

    pub(crate) fn dropped(&self, reason: DropReason) -> u64 {
        self.forwarder.counters().snapshot().dropped(reason)
    }
}
