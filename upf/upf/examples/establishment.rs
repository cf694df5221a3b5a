//! How fast the control half of the UPF is, and what a session takes: an SMF's end point and the control half in one thread, the
//! worker in another, real PFCP octets between them.
//!
//! ```console
//! $ cargo run --release -p upf --example establishment -- 1000000
//! ```
//!
//! Times are of the control half's thread alone, the SMF's share taken out; memory is of the whole process, the SMF's share too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use dataplane::{Memory, MemoryPeer, Verdict, Waker, Workers};
use pfcp::*;
use rustix::time::{ClockId, clock_gettime};
use upf::{Control, Pool, Settings};

const N4: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
const SMF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));
const GNB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

/// Requests on their way at once.
const WINDOW: usize = 64;

/// Updates timed one by one.
const UPDATES: usize = 2000;

fn main() -> ExitCode {
    let sessions = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    match Site::new(sessions).and_then(|mut site| site.measure(sessions)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("establishment: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Site {
    smf: Endpoint,
    control: Control,
    events: Receiver<dataplane::Event>,
    network: MemoryPeer,
    /// What the control half took of its thread.
    taken: Duration,
}

impl Site {
    fn new(sessions: usize) -> Result<Self, String> {
        let waker = Waker::new().map_err(|why| why.to_string())?;
        let (port, network) = Memory::pair(waker.clone());
        let (told, events) = channel();
        let config = dataplane::Config::new(N4);
        let workers = Workers::start(vec![(port, waker)], &config, &[], move |event| drop(told.send(event)));
        let role = Role::Up(UpFunctionFeatures::FTUP);
        let network_of_ues = "10.0.0.0/8".parse().map_err(|_| "no network")?;
        let gateway = Ipv4Addr::new(10, 0, 0, 1).into();
        let settings = Settings {
            endpoint: EndpointConfig::new(NodeId::Address(N4), role, RecoveryTimeStamp(1000)),
            n4: N4,
            n3: N4,
            networks: Vec::new(),
            pools: vec![Pool { dnn: "internet".into(), network: network_of_ues, gateway, mtu: 1400, to_choose: true }],
            max_sessions: sessions,
            queue: 1_000_000,
            classifier: Default::default(),
            limits: rules::Limits::default(),
            policies: Default::default(),
            paths: None,
        };
        let workers = workers.map_err(|why| why.to_string())?;
        let control = Control::new(settings, workers, &runtime::Metrics::new("upf"), runtime::Rejects::default());
        let role = Role::Cp(CpFunctionFeatures::default());
        let smf = Endpoint::new(EndpointConfig::new(NodeId::Address(SMF), role, RecoveryTimeStamp(1)));
        Ok(Self { smf, control, events, network, taken: Duration::ZERO })
    }

    /// Times something of the control half.
    fn timed<T>(&mut self, work: impl FnOnce(&mut Control) -> T) -> T {
        let begun = thread_time();
        let done = work(&mut self.control);
        self.taken += thread_time() - begun;
        done
    }

    /// Carries datagrams between the two, and what the worker tells, until there are none; waits for the worker once.
    fn carry(&mut self, now: Instant) {
        let (smf, upf) = (SocketAddr::new(SMF, PORT), SocketAddr::new(N4, PORT));
        while let Some(datagram) = self.smf.poll_transmit() {
            self.timed(|control| control.handle_datagram(now, smf, &datagram.octets));
        }
        while let Ok(event) = self.events.try_recv() {
            self.timed(|control| control.handle_worker(now, event));
        }
        while let Some(datagram) = self.timed(Control::poll_transmit) {
            self.smf.handle_datagram(now, upf, &datagram.octets);
        }
    }

    fn measure(&mut self, sessions: usize) -> Result<(), String> {
        let now = Instant::now();
        self.smf.associate(now, SocketAddr::new(N4, PORT));
        while !matches!(self.smf.poll_event(), Some(pfcp::Event::AssociationUp { .. })) {
            self.carry(now);
        }
        let (before, begun) = (resident(), Instant::now());
        self.taken = Duration::ZERO;
        let seids = self.establish(sessions)?;
        let wall = begun.elapsed();
        let rate = sessions as f64 / self.taken.as_secs_f64();
        println!("sessions established                              {sessions}");
        println!("establishments per second, control half's core    {rate:.0}");
        println!("establishments per second, all on this machine    {:.0}", sessions as f64 / wall.as_secs_f64());
        println!(
            "memory a session, control half, path and SMF      {} octets",
            (resident() - before) / sessions as u64
        );
        self.updates(&seids)
    }

    /// Establishes sessions, a window of them at once, and returns the UPF's SEIDs.
    fn establish(&mut self, sessions: usize) -> Result<Vec<Seid>, String> {
        let mut seids = Vec::with_capacity(sessions);
        let mut asked = 0;
        while seids.len() < sessions {
            let now = Instant::now();
            while asked < sessions && asked - seids.len() < WINDOW {
                let request = establishment(asked);
                self.smf.request(now, N4, Seid(0), request).map_err(|why| why.to_string())?;
                asked += 1;
            }
            self.carry(now);
            while let Some(event) = self.smf.poll_event() {
                let pfcp::Event::Response { result: Ok(Message::SessionEstablishmentResponse(response)), .. } = event
                else {
                    return Err(format!("in place of an answer: {event:?}"));
                };
                match (response.cause, response.up_f_seid) {
                    (Cause::RequestAccepted, Some(f_seid)) => seids.push(f_seid.seid),
                    (cause, _) => return Err(format!("refused: {cause:?}")),
                }
            }
        }
        Ok(seids)
    }

    /// Opens the downlink of some sessions, and waits each time until a packet takes the new way.
    fn updates(&mut self, seids: &[Seid]) -> Result<(), String> {
        let mut times = Vec::new();
        for (number, seid) in seids.iter().enumerate().step_by((seids.len() / UPDATES).max(1)) {
            let now = Instant::now();
            let mut request = SessionModificationRequest::default();
            let mut far = UpdateFar::new(FarId(2));
            far.apply_action = Some(ApplyAction::FORW);
            let header = OuterHeaderCreation::gtpu(Teid(number as u32 + 1), GNB.into());
            let mut parameters = UpdateForwardingParameters::new();
            parameters.destination_interface = Some(Interface::Access);
            parameters.outer_header_creation = Some(header);
            far.forwarding_parameters = Some(parameters);
            request.update_fars = vec![far];
            self.network.send_n6(&packet(address(number)));
            self.smf.request(now, N4, *seid, request).map_err(|why| why.to_string())?;
            let sent = loop {
                self.carry(now);
                if let Some((Verdict::ToN3(_), _)) = self.network.try_receive() {
                    break now.elapsed();
                }
                if now.elapsed() > Duration::from_secs(10) {
                    return Err("the packet did not take the new way".into());
                }
            };
            times.push(sent);
            while self.smf.poll_event().is_none() {
                self.carry(now);
            }
        }
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        println!("update seen by a packet, us: p50 {:.1}, p99 {:.1}, max {:.1}", at(50), at(99), at(100));
        Ok(())
    }
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0002 + number as u32)
}

/// As an SMF begins a session: uplink open, downlink buffered until the gNB's tunnel is known.
fn establishment(number: usize) -> SessionEstablishmentRequest {
    let ue = address(number).into();
    let mut request = SessionEstablishmentRequest::new(NodeId::Address(SMF), FSeid::new(Seid(number as u64 + 1), SMF));
    let mut pdi = Pdi::new(Interface::Access);
    pdi.f_teid = Some(FTeid::Choose { ipv4: true, ipv6: false, choose_id: None });
    pdi.ue_ip_addresses = vec![UeIpAddress::source(ue)];
    let mut uplink = CreatePdr::new(PdrId(1), Precedence(255), pdi);
    uplink.outer_header_removal = Some(OuterHeaderRemoval::GtpUUdpIpv4);
    (uplink.far_id, uplink.qer_ids, uplink.urr_ids) = (Some(FarId(1)), vec![QerId(1)], vec![UrrId(1)]);
    let mut pdi = Pdi::new(Interface::Core);
    pdi.ue_ip_addresses = vec![UeIpAddress::destination(ue)];
    let mut downlink = CreatePdr::new(PdrId(2), Precedence(255), pdi);
    (downlink.far_id, downlink.qer_ids, downlink.urr_ids) = (Some(FarId(2)), vec![QerId(1)], vec![UrrId(1)]);
    request.create_pdrs = vec![uplink, downlink];
    let mut to_core = CreateFar::new(FarId(1), ApplyAction::FORW);
    to_core.forwarding_parameters = Some(ForwardingParameters::new(Interface::Core));
    request.create_fars = vec![to_core, CreateFar::new(FarId(2), ApplyAction::BUFF)];
    let mut qer = CreateQer::new(QerId(1), GateStatus::default());
    qer.qfi = Qfi::new(1);
    qer.mbr = Some(BitRates { uplink: 1_000_000, downlink: 1_000_000 });
    request.create_qers = vec![qer];
    let mut urr = CreateUrr::new(UrrId(1), MeasurementMethod::VOLUM, ReportingTriggers::default());
    urr.measurement_method = MeasurementMethod::VOLUM;
    request.create_urrs = vec![urr];
    request
}

/// An IPv4 packet of 20 octets and UDP, to this address.
fn packet(to: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0; 28];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&28u16.to_be_bytes());
    packet[8..10].copy_from_slice(&[64, 17]);
    packet[12..16].copy_from_slice(&[192, 0, 2, 1]);
    packet[16..20].copy_from_slice(&to.octets());
    packet
}

/// Of this thread: what others do with the core meanwhile does not count.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Octets that are resident of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
