//! One task that owns a gNB and its UEs and moves their messages over SCTP, and the handle to it.

use crate::gnb::{Event, Gnb, GnbConfigError, Tunnel};
use crate::ue::{Command, Failure, Output, Session, Ue};
use crate::userplane::{PingError, UserPlane, UserPlaneHandle, UserSession};
use crate::{Payloads, RanSetup, Subscriber, tun};
use nas::ie::{PduAddress, PduSessionType, STmsi};
use ngap::CauseRadioNetwork;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A UE by its place among the subscribers of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UeId(pub usize);

impl std::fmt::Display for UeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UE {}", self.0)
    }
}

/// Why a gNB did not come on air.
#[derive(Debug, thiserror::Error)]
pub enum RanError {
    /// Values that N2 cannot carry.
    #[error(transparent)]
    Config(#[from] GnbConfigError),
    /// No association.
    #[error("{0} (is the AMF running, and is this its N2 address?)")]
    N2(#[from] sctp::Error),
    /// N3.
    #[error("N3 {address}: {source}")]
    N3 {
        /// The local address.
        address: SocketAddr,
        /// Why it cannot be used.
        source: std::io::Error,
    },
    /// The TUN device.
    #[error("TUN device {name}: {source} (it needs CAP_NET_ADMIN)")]
    Tun {
        /// The device's name.
        name: String,
        /// Why it cannot be made.
        source: std::io::Error,
    },
    /// NG Setup was refused.
    #[error("cell barred: NG Setup failed with cause \"{cause}\". Sent: {sent}")]
    Barred {
        /// The AMF's cause.
        cause: ngap::Cause,
        /// What this gNB offered.
        sent: String,
    },
    /// The AMF went away before it answered.
    #[error("the association ended before NG Setup was answered")]
    Ended,
    /// The AMF did not answer NG Setup.
    #[error("no answer to NG Setup within {} s", .0.as_secs())]
    NoAnswer(Duration),
}

/// A ping's outcome.
pub type Ping = Result<Duration, PingError>;

enum Request {
    Run(UeId, Command, oneshot::Sender<Result<(), Failure>>),
    Forget(UeId),
    Idle(UeId),
    IsRegistered(UeId, oneshot::Sender<bool>),
    Close(oneshot::Sender<()>),
}

/// A gNB on air, with its UEs. Dropping it ends the association.
pub struct Ran {
    requests: mpsc::UnboundedSender<Request>,
    user_plane: UserPlaneHandle,
    amf_name: String,
    ng_setup: Duration,
    ues: usize,
    task: JoinHandle<()>,
}

impl Drop for Ran {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long NG Setup may take.
const SETUP_PATIENCE: Duration = Duration::from_secs(10);

impl Ran {
    /// Connects to the AMF, sets up NG and prepares the UEs, none of which does anything yet.
    pub async fn start(setup: &RanSetup, subscribers: &[Subscriber]) -> Result<Self, RanError> {
        let ues = prepare(setup, subscribers);
        let tun = match &setup.tun {
            None => None,
            Some(name) => {
                let failed = |source| RanError::Tun { name: name.clone(), source };
                Some(tun::Tun::open(name, 1400).await.map_err(failed)?)
            }
        };
        let n3 = |source| RanError::N3 { address: setup.n3, source };
        let (tell_lost, lost) = mpsc::unbounded_channel();
        let devices = (tun, setup.tap.clone());
        let user_plane = UserPlane::start(setup.n3, devices, tell_lost).await.map_err(n3)?;
        let local = [SocketAddr::new(setup.n2, 0)];
        let association = sctp::Association::connect(Some(&local), &[setup.amf], sctp::Options::default()).await?;
        let gnb = Gnb::new(setup.gnb.clone(), association.outbound_streams())?;
        let handle = user_plane.handle();
        let (requests, inbox) = mpsc::unbounded_channel();
        let (opened, open) = oneshot::channel();
        let driver = Driver::new(gnb, ues, user_plane, opened);
        let began = Instant::now();
        let task = tokio::spawn(driver.run(association, inbox, lost));
        let answer =
            tokio::time::timeout(SETUP_PATIENCE, open).await.map_err(|_| RanError::NoAnswer(SETUP_PATIENCE))?;
        let sent = || {
            let gnb = &setup.gnb;
            let slices: Vec<_> = gnb.slices.iter().map(ToString::to_string).collect();
            format!(
                "gNB {:#x}/{}, PLMN {}, TAC {}, slices {}",
                gnb.id,
                gnb.id_length,
                gnb.plmn,
                gnb.tac,
                slices.join(", ")
            )
        };
        let amf_name =
            answer.map_err(|_| RanError::Ended)?.map_err(|cause| RanError::Barred { cause, sent: sent() })?;
        Ok(Self { requests, user_plane: handle, amf_name, ng_setup: began.elapsed(), ues: subscribers.len(), task })
    }

    /// What the AMF calls itself.
    pub fn amf_name(&self) -> &str {
        &self.amf_name
    }

    /// How long NG Setup took, from the request to the response.
    pub fn ng_setup(&self) -> Duration {
        self.ng_setup
    }

    /// All UEs.
    pub fn ues(&self) -> impl Iterator<Item = UeId> + use<> {
        (0..self.ues).map(UeId)
    }

    /// Has a UE carry out a procedure, to its end.
    pub async fn run(&self, ue: UeId, command: Command) -> Result<(), Failure> {
        let (done, outcome) = oneshot::channel();
        let gone = Failure::State("the association with the AMF has ended");
        if self.requests.send(Request::Run(ue, command, done)).is_err() {
            return Err(gone);
        }
        outcome.await.unwrap_or(Err(gone))
    }

    /// Has a UE forget its GUTI and keys.
    pub fn forget(&self, ue: UeId) {
        // Only fails when the association has ended, which the next procedure reports.
        let _ = self.requests.send(Request::Forget(ue));
    }

    /// Has the gNB ask for the release of a UE's connection, as after inactivity.
    pub fn make_idle(&self, ue: UeId) {
        let _ = self.requests.send(Request::Idle(ue));
    }

    /// Whether a UE is registered.
    pub async fn is_registered(&self, ue: UeId) -> bool {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::IsRegistered(ue, answer)).is_ok() && answered.await.unwrap_or(false)
    }

    /// One ping from a UE through a session.
    pub async fn ping(&self, ue: UeId, session: u8, host: IpAddr, patience: Duration) -> Ping {
        self.user_plane.ping((ue, session), (None, host), patience).await
    }

    /// One ping from a host behind a UE, which brings it into a session and takes the reply.
    pub async fn ping_from(&self, from: IpAddr, ue: UeId, session: u8, host: IpAddr, patience: Duration) -> Ping {
        self.user_plane.ping((ue, session), (Some(from), host), patience).await
    }

    /// The addresses of a session. That of IPv6 is there once [`autoconfigured`](Self::autoconfigured).
    pub fn addresses(&self, ue: UeId, session: u8) -> Vec<IpAddr> {
        self.user_plane.addresses(ue, session)
    }

    /// Waits until a session with IPv6 has its address; the time since its start.
    pub async fn autoconfigured(&self, ue: UeId, session: u8, patience: Duration) -> Ping {
        self.user_plane.autoconfigured(ue, session, patience).await
    }

    /// Whether a session has an interface of IPv6, with its address or still without.
    pub fn has_ipv6(&self, ue: UeId, session: u8) -> bool {
        self.user_plane.has_ipv6(ue, session)
    }

    /// Whether a session is up.
    pub fn has_session(&self, ue: UeId, session: u8) -> bool {
        self.user_plane.has_session(ue, session)
    }

    /// What a session carries that is no IP, as it is: from now on it comes here.
    pub fn payloads(&self, ue: UeId, session: u8) -> Payloads {
        Payloads::of(self.user_plane.clone(), ue, session)
    }

    /// Waits until programs can use all sessions there are through the TUN device.
    pub async fn settle(&self) {
        self.user_plane.settle().await;
    }

    /// Packets sent and received on N3, and those for tunnels that are not ours.
    pub fn packets(&self) -> (u64, u64, u64) {
        self.user_plane.packets()
    }

    /// Ends the association in good order, after the connections of UEs that de-registered are released (1 s at most).
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.requests.send(Request::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}

/// The UEs with their first SUCIs, made on several threads.
fn prepare(setup: &RanSetup, subscribers: &[Subscriber]) -> Vec<Ue> {
    let rota = setup.suci.rota();
    let profile = Arc::new(setup.profile.clone());
    let mut ues: Vec<Ue> = subscribers
        .iter()
        .zip(rota.iter().cycle())
        .map(|(subscriber, concealment)| Ue::new(Arc::clone(&profile), subscriber, Arc::clone(concealment)))
        .collect();
    let share = ues.len().div_ceil(setup.preparing_threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for part in ues.chunks_mut(share) {
            scope.spawn(|| part.iter_mut().for_each(Ue::prepare));
        }
    });
    ues
}

struct Driver {
    gnb: Gnb,
    ues: Vec<Ue>,
    user_plane: UserPlane,
    opened: Option<oneshot::Sender<Result<String, ngap::Cause>>>,
    waiting: HashMap<UeId, oneshot::Sender<Result<(), Failure>>>,
    deadlines: BinaryHeap<Reverse<(Instant, UeId)>>,
    tunnels: HashMap<(UeId, u8), Tunnel>,
    sessions: HashMap<(UeId, u8), (PduSessionType, Option<PduAddress>)>,
    by_s_tmsi: HashMap<STmsi, UeId>,
    /// Since when the handle wants the association ended, and whom to tell.
    closing: Option<(Instant, oneshot::Sender<()>)>,
}

/// How long releases may take before the association ends.
const LINGER: Duration = Duration::from_secs(1);

/// Whether every UE that is not registered has its connection released.
fn settled(ues: &[Ue]) -> bool {
    ues.iter().all(|ue| ue.is_registered() || !ue.is_connected())
}

impl Driver {
    fn new(
        gnb: Gnb,
        ues: Vec<Ue>,
        user_plane: UserPlane,
        opened: oneshot::Sender<Result<String, ngap::Cause>>,
    ) -> Self {
        Self {
            gnb,
            ues,
            user_plane,
            opened: Some(opened),
            waiting: HashMap::new(),
            deadlines: BinaryHeap::new(),
            tunnels: HashMap::new(),
            sessions: HashMap::new(),
            by_s_tmsi: HashMap::new(),
            closing: None,
        }
    }

    /// Runs until the association ends or the handle is gone.
    async fn run(
        mut self,
        association: sctp::Association,
        mut inbox: mpsc::UnboundedReceiver<Request>,
        mut lost: mpsc::UnboundedReceiver<(UeId, u8)>,
    ) {
        let (sender, mut receiver) = association.split();
        self.gnb.start();
        loop {
            if self.transmit(&sender).await.is_err() {
                break;
            }
            if let Some(done) = self.closing.take_if(|(since, _)| settled(&self.ues) || since.elapsed() > LINGER) {
                receiver.close(&sender).await;
                self.withdraw().await;
                let _ = done.1.send(());
                return;
            }
            let linger = self.closing.as_ref().map(|(since, _)| *since + LINGER);
            let due = self.deadlines.peek().map(|Reverse((due, _))| *due).into_iter().chain(linger).min();
            tokio::select! {
                event = receiver.recv() => match event {
                    sctp::Event::Message { data, .. } => self.receive(&data),
                    sctp::Event::Oversized { .. } => {}
                    sctp::Event::Restarted => self.gnb.start(),
                    sctp::Event::Shutdown | sctp::Event::PeerAborted => break,
                },
                request = inbox.recv() => match request {
                    None => break,
                    Some(request) => self.obey(request),
                },
                Some((ue, session)) = lost.recv() => self.lose_tunnel(ue, session),
                () = sleep_until(due) => self.expire(),
            }
        }
        self.withdraw().await;
        if self.gnb.is_open() {
            tracing::warn!("the association with the AMF has ended");
        }
    }

    async fn transmit(&mut self, sender: &sctp::Sender) -> Result<(), sctp::Error> {
        while let Some((stream, message)) = self.gnb.poll_transmit() {
            match message.encode() {
                Ok(octets) => sender.send(stream, ngap::PPID, octets).await?,
                Err(error) => tracing::error!(%error, "NGAP"),
            }
        }
        Ok(())
    }

    fn receive(&mut self, octets: &[u8]) {
        match ngap::decode(octets) {
            Ok(message) => {
                self.gnb.handle(message);
                self.handle_gnb_events();
            }
            Err(error) => tracing::warn!(%error, "NGAP message not understood"),
        }
    }

    fn obey(&mut self, request: Request) {
        match request {
            Request::Run(ue, command, done) => {
                let Some(machine) = self.ues.get_mut(ue.0) else { return };
                machine.command(Instant::now(), command);
                self.note_deadline(ue, None);
                if let Some(before) = self.waiting.insert(ue, done) {
                    let _ = before.send(Err(Failure::State("another procedure was started")));
                }
                self.handle_outputs(ue);
            }
            Request::Forget(ue) => {
                if let Some(machine) = self.ues.get_mut(ue.0) {
                    machine.forget_identity();
                    machine.prepare();
                }
            }
            Request::Idle(ue) => {
                self.gnb.request_release(ue, CauseRadioNetwork::UserInactivity);
                self.handle_gnb_events();
            }
            Request::IsRegistered(ue, answer) => {
                let _ = answer.send(self.ues.get(ue.0).is_some_and(Ue::is_registered));
            }
            Request::Close(done) => self.closing = Some((Instant::now(), done)),
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, ue))) = self.deadlines.peek().copied().filter(|Reverse((due, _))| *due <= now) {
            self.deadlines.pop();
            let Some(machine) = self.ues.get_mut(ue.0) else { continue };
            // The heap may hold deadlines of procedures that are long over.
            if machine.poll_timeout() == Some(due) {
                machine.handle_timeout(now);
                self.note_deadline(ue, Some(due));
                self.handle_outputs(ue);
            }
        }
    }

    fn handle_gnb_events(&mut self) {
        while let Some(event) = self.gnb.poll_event() {
            match event {
                Event::SetUp { amf } => self.open(Ok(amf)),
                Event::Barred { cause } => self.open(Err(cause)),
                Event::Nas(ue, pdu) => {
                    if let Some(machine) = self.ues.get_mut(ue.0) {
                        let before = machine.poll_timeout();
                        machine.handle_nas(Instant::now(), &pdu);
                        self.note_deadline(ue, before);
                    }
                    self.handle_outputs(ue);
                }
                Event::Released(ue, cause) => {
                    tracing::debug!(%ue, %cause, "connection released");
                    if let Some(machine) = self.ues.get_mut(ue.0) {
                        machine.handle_released();
                    }
                    self.handle_outputs(ue);
                }
                Event::TunnelUp(ue, tunnel) => {
                    self.tunnels.insert((ue, tunnel.session), tunnel);
                    self.connect_session(ue, tunnel.session);
                }
                Event::TunnelDown(ue, session) => {
                    self.tunnels.remove(&(ue, session));
                    self.user_plane.remove(ue, session);
                }
                Event::Paging(s_tmsi) => self.page(s_tmsi),
                Event::Error(cause) => tracing::warn!(cause, "error indication from the AMF"),
            }
        }
    }

    fn open(&mut self, result: Result<String, ngap::Cause>) {
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(result);
        }
    }

    fn page(&mut self, s_tmsi: STmsi) {
        let Some(ue) = self.by_s_tmsi.get(&s_tmsi).copied() else { return };
        let Some(machine) = self.ues.get_mut(ue.0) else { return };
        machine.handle_paging(Instant::now());
        self.note_deadline(ue, None);
        self.handle_outputs(ue);
    }

    /// The UPF does not know a session's tunnel: its resources are released, and the UE, which has packets, asks for them.
    fn lose_tunnel(&mut self, ue: UeId, session: u8) {
        self.gnb.release_resources(ue, session);
        self.handle_gnb_events();
        if let Some(machine) = self.ues.get_mut(ue.0) {
            let before = machine.poll_timeout();
            machine.handle_resources_released(Instant::now());
            self.note_deadline(ue, before);
            self.handle_outputs(ue);
        }
    }

    /// Remembers when a UE's procedure is over at the latest, where that is not known since `before`.
    fn note_deadline(&mut self, ue: UeId, before: Option<Instant>) {
        let deadline = self.ues.get(ue.0).and_then(Ue::poll_timeout);
        self.deadlines.extend(deadline.filter(|_| deadline != before).map(|deadline| Reverse((deadline, ue))));
    }

    fn handle_outputs(&mut self, ue: UeId) {
        while let Some(output) = self.ues.get_mut(ue.0).and_then(Ue::poll_output) {
            match output {
                Output::Connect { nas, s_tmsi, paged } => self.gnb.connect(ue, nas, s_tmsi, paged),
                Output::Transmit(nas) => self.gnb.uplink(ue, nas),
                Output::Disconnect => self.gnb.request_release(ue, CauseRadioNetwork::RadioConnectionWithUeLost),
                Output::Finished(_, result) => {
                    self.note_identity(ue);
                    if let Some(done) = self.waiting.remove(&ue) {
                        let _ = done.send(result);
                    }
                }
                Output::DeregisteredByNetwork => tracing::info!(%ue, "de-registered by the network"),
                Output::SessionUp(Session { id, kind, address, .. }) => {
                    self.sessions.insert((ue, id), (kind, address));
                    self.connect_session(ue, id);
                }
                Output::SessionDown(id) => {
                    self.sessions.remove(&(ue, id));
                    self.user_plane.remove(ue, id);
                }
            }
        }
        self.handle_gnb_events();
    }

    /// Remembers by which identity a UE is paged.
    fn note_identity(&mut self, ue: UeId) {
        if let Some(s_tmsi) = self.ues.get(ue.0).and_then(Ue::s_tmsi) {
            self.by_s_tmsi.insert(s_tmsi, ue);
        }
    }

    /// A session carries packets once both its tunnel and what the UE was told of it are known.
    fn connect_session(&mut self, ue: UeId, id: u8) {
        let known = self.tunnels.get(&(ue, id)).zip(self.sessions.get(&(ue, id)));
        if let Some((tunnel, (kind, address))) = known {
            self.user_plane.add(UserSession { ue, kind: *kind, address: *address, tunnel: *tunnel });
        }
    }

    /// Takes the sessions' addresses off the TUN device.
    async fn withdraw(&mut self) {
        for (ue, id) in std::mem::take(&mut self.sessions).into_keys() {
            self.user_plane.remove(ue, id);
        }
        self.user_plane.handle().settle().await;
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
