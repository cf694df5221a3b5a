//! The whole UPF but for its sockets: an SMF's end point on N4, a memory port on N3 and N6.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use dataplane::{Frame, Memory, MemoryPeer, Port, Waker, Workers};
use gtpu::Encapsulation;
use pfcp::*;
use upf::{Control, Pool, Settings};

pub(crate) const UE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 45, 0, 2));
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const N3: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
pub(crate) const N4: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
pub(crate) const GNB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 8));
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) const PATHS: gtpu::PathConfig = gtpu::PathConfig {
    interval: Duration::from_secs(60),
    t3_response: Duration::from_secs(3),
    n3_requests: 2,
    max_peers: 10,
};

pub(crate) fn smf_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 4], PORT))
}

pub(crate) fn upf_address() -> SocketAddr {
    SocketAddr::new(N4, PORT)
}

pub(crate) struct Site {
    pub(crate) now: Instant,
    pub(crate) smf: Endpoint,
    pub(crate) control: Control,
    pub(crate) events: Receiver<dataplane::Event>,
    pub(crate) network: MemoryPeer,
    /// The ports of the workers but the first; what those send comes to `network` too.
    pub(crate) others: Vec<MemoryPeer>,
    /// Which of the workers are to end.
    doomed: Vec<Arc<AtomicBool>>,
    pub(crate) metrics: runtime::Metrics,
    pub(crate) rejects: runtime::Rejects,
}

/// A port whose worker ends when it is told to, as by a fault of its own.
struct Mortal {
    port: Memory,
    doomed: Arc<AtomicBool>,
}

impl Port for Mortal {
    fn receive(&mut self, frames: &mut [Frame]) -> usize {
        if self.doomed.load(Ordering::Relaxed) {
            std::panic::resume_unwind(Box::new("the worker is to end"));
        }
        self.port.receive(frames)
    }

    fn send(&mut self, frames: &[Frame]) -> usize {
        self.port.send(frames)
    }

    fn wait(&mut self, waker: &Waker, time: Option<Duration>) {
        self.port.wait(waker, time);
    }
}

impl Site {
    pub(crate) fn new(max_sessions: usize) -> Self {
        Self::with_workers(max_sessions, 1)
    }

    pub(crate) fn with_workers(max_sessions: usize, workers: usize) -> Self {
        Self::build(max_sessions, workers, "10.45.0.0/16")
    }

    pub(crate) fn with_pool(network: &str) -> Self {
        Self::build(10, 1, network)
    }

    fn build(max_sessions: usize, workers: usize, network: &str) -> Self {
        let pool = network.parse().expect("a network");
        let wakers: Vec<_> = (0..workers).map(|_| Waker::new().expect("a descriptor")).collect();
        let (ports, mut others) = Memory::bundle(&wakers);
        let network = others.remove(0);
        let (told, events) = channel();
        let config = dataplane::Config::new(N3);
        let doomed: Vec<Arc<AtomicBool>> = wakers.iter().map(|_| Arc::default()).collect();
        let mortal = |(port, doomed): (Memory, &Arc<AtomicBool>)| Mortal { port, doomed: doomed.clone() };
        let ports = ports.into_iter().zip(&doomed).map(mortal).zip(wakers).collect();
        let workers = Workers::start(ports, &config, &[], move |event| drop(told.send(event)));
        let role = Role::Up(UpFunctionFeatures::FTUP);
        let settings = Settings {
            endpoint: EndpointConfig::new(NodeId::Address(N4), role, RecoveryTimeStamp(1000)),
            n4: N4,
            n3: N3,
            networks: vec!["lan".into()],
            pools: vec![Pool {
                dnn: "internet".into(),
                network: pool,
                gateway: Ipv4Addr::new(10, 45, 0, 1).into(),
                mtu: 1400,
                to_choose: true,
            }],
            max_sessions,
            queue: 4,
            classifier: Default::default(),
            limits: rules::Limits::default(),
            policies: [("video".to_owned(), 34)].into(),
            paths: Some(PATHS),
        };
        let (metrics, rejects) = (runtime::Metrics::new("upf"), runtime::Rejects::default());
        let control = Control::new(settings, workers.expect("starts"), &metrics, rejects.clone());
        let mut site =
            Self { now: Instant::now(), smf: smf(1), control, events, network, others, doomed, metrics, rejects };
        site.associate();
        site
    }

    /// Has a worker other than the first end, and waits for that.
    pub(crate) fn kill(&self, worker: usize) {
        self.doomed[worker].store(true, Ordering::Relaxed);
        self.others[worker - 1].send_n6(&[]);
        while self.control.is_alive() {
            std::thread::yield_now();
        }
    }

    pub(crate) fn associate(&mut self) {
        self.smf.associate(self.now, upf_address());
        self.carry();
        while let Some(event) = self.smf.poll_event() {
            if matches!(event, Event::AssociationUp { .. }) {
                return;
            }
        }
        panic!("no association");
    }

    /// Carries datagrams between the two until there are none.
    pub(crate) fn carry(&mut self) {
        loop {
            let (down, up) = (self.smf.poll_transmit(), self.control.poll_transmit());
            if down.is_none() && up.is_none() {
                return;
            }
            if let Some(datagram) = down {
                self.control.handle_datagram(self.now, smf_address(), &datagram.octets);
            }
            if let Some(datagram) = up {
                self.smf.handle_datagram(self.now, upf_address(), &datagram.octets);
            }
        }
    }

    /// The next event at the SMF; waits for the worker where it must.
    pub(crate) fn event(&mut self) -> Event {
        loop {
            self.carry();
            if let Some(event) = self.smf.poll_event() {
                return event;
            }
            let event = self.events.recv_timeout(LIMIT).expect("the worker tells something");
            self.control.handle_worker(self.now, event);
        }
    }

    pub(crate) fn ask(&mut self, seid: Seid, message: impl Into<Message>) -> Message {
        let asked = self.smf.request(self.now, N4, seid, message).expect("sent");
        match self.event() {
            Event::Response { id, result } if id == asked => result.expect("an answer"),
            other => panic!("another event: {other:?}"),
        }
    }

    /// Establishes a session and returns the UPF's SEID and tunnel.
    pub(crate) fn establish(&mut self, request: SessionEstablishmentRequest) -> (Seid, u32) {
        let Message::SessionEstablishmentResponse(response) = self.ask(Seid(0), request) else { panic!("another") };
        assert_eq!(response.cause, Cause::RequestAccepted, "{response:?}");
        let (teid, address) = response.created_pdrs[0].f_teid.and_then(|f_teid| f_teid.endpoint()).expect("chosen");
        assert_eq!(address, N3);
        (response.up_f_seid.expect("given").seid, teid.0)
    }

    pub(crate) fn refused(
        &mut self,
        request: SessionEstablishmentRequest,
    ) -> (Cause, Option<u16>, Option<FailedRuleId>) {
        let Message::SessionEstablishmentResponse(response) = self.ask(Seid(0), request) else { panic!("another") };
        (response.cause, response.offending_ie.map(|ie| ie.0), response.failed_rule_id)
    }
}

pub(crate) fn smf(recovery: u32) -> Endpoint {
    smf_with(recovery, CpFunctionFeatures::default())
}

pub(crate) fn smf_with(recovery: u32, features: CpFunctionFeatures) -> Endpoint {
    let role = Role::Cp(features);
    Endpoint::new(EndpointConfig::new(NodeId::Address(smf_address().ip()), role, RecoveryTimeStamp(recovery)))
}

pub(crate) fn uplink(ue: IpAddr) -> Pdi {
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None });
    pdi.ue_ip_addresses = vec![UeIpAddress::source(ue)];
    pdi
}

pub(crate) fn downlink(ue: IpAddr) -> Pdi {
    let mut pdi = Pdi::new(Interface::Core);
    pdi.ue_ip_addresses = vec![UeIpAddress::destination(ue)];
    pdi
}

/// As an SMF begins a session: uplink open, downlink buffered until the gNB's tunnel is known.
pub(crate) fn establishment(cp: u64, ue: IpAddr) -> SessionEstablishmentRequest {
    let mut request =
        SessionEstablishmentRequest::new(NodeId::Address(smf_address().ip()), FSeid::new(Seid(cp), smf_address().ip()));
    let mut uplink = CreatePdr::new(PdrId(1), Precedence(255), uplink(ue));
    uplink.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    (uplink.far_id, uplink.qer_ids, uplink.urr_ids) = (Some(FarId(1)), vec![QerId(1)], vec![UrrId(1)]);
    let mut downlink = CreatePdr::new(PdrId(2), Precedence(255), downlink(ue));
    (downlink.far_id, downlink.qer_ids, downlink.urr_ids) = (Some(FarId(2)), vec![QerId(1)], vec![UrrId(1)]);
    request.create_pdrs = vec![uplink, downlink];
    let mut to_core = CreateFar::new(FarId(1), ApplyAction::FORW);
    to_core.forwarding_parameters = Some(ForwardingParameters::new(Interface::Core));
    request.create_fars = vec![to_core, CreateFar::new(FarId(2), ApplyAction::BUFF | ApplyAction::NOCP)];
    let mut qer = CreateQer::new(QerId(1), GateStatus::default());
    qer.qfi = Qfi::new(1);
    request.create_qers = vec![qer];
    let urr = CreateUrr::new(UrrId(1), MeasurementMethod::VOLUM, ReportingTriggers::default());
    request.create_urrs = vec![urr];
    request
}

/// As an SMF goes on when the gNB's tunnel is known.
pub(crate) fn activation(gnb_teid: u32) -> SessionModificationRequest {
    let mut forwarding = UpdateForwardingParameters::new();
    forwarding.destination_interface = Some(Interface::Access);
    forwarding.outer_header_creation = Some(OuterHeaderCreation::gtpu(Teid(gnb_teid), GNB));
    let mut far = UpdateFar::new(FarId(2));
    (far.apply_action, far.forwarding_parameters) = (Some(ApplyAction::FORW), Some(forwarding));
    SessionModificationRequest { update_fars: vec![far], ..SessionModificationRequest::default() }
}

pub(crate) fn packet(from: IpAddr, to: IpAddr) -> Vec<u8> {
    let octets = |address| match address {
        IpAddr::V4(v4) => Ipv4Addr::octets(&v4),
        IpAddr::V6(_) => panic!("IPv4 only"),
    };
    let mut packet = Vec::new();
    etherparse::PacketBuilder::ipv4(octets(from), octets(to), 64).udp(1, 2).write(&mut packet, &[7; 72]).expect("fits");
    packet
}

pub(crate) fn tunnelled(teid: u32, inner: &[u8]) -> Vec<u8> {
    let mut octets = [&[0; 8], inner].concat();
    Encapsulation { teid, pdu_session: None }.write(&mut octets[..8], inner.len()).expect("room");
    octets
}
