//! N4: one task drives the PFCP endpoint and its socket; procedures ask it and wait for the answer.

mod applications;
mod load;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pfcp::{
    CpFunctionFeatures, Endpoint, EndpointConfig, Event, Message, NodeId, Peers, RecoveryTimeStamp, RequestError,
    RequestId, RequestToken, Role, Seid, Timers, UpFunctionFeatures,
};
use runtime::trace::{Datagram, Octets, Trace};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};

use self::applications::Provisioning;
use self::load::Loads;
use crate::config::N4Config;

/// Requests that wait to be taken up by the driver; beyond, procedures wait.
const QUEUE: usize = 1024;

/// Longest PFCP message taken.
const DATAGRAM: usize = 65_535;

/// What a UPF tells the SMF.
pub(crate) enum FromUpf {
    /// All sessions there are gone.
    Lost(IpAddr),
    /// Something of the UPF itself; to be answered too.
    NodeReport(RequestToken, Box<pfcp::NodeReportRequest>),
    /// Something happened in the session that we call by this SEID; to be answered with [`N4::answer`].
    Report(RequestToken, Seid, Box<pfcp::SessionReportRequest>),
}

enum Command {
    Request { upf: IpAddr, seid: Seid, message: Box<Message>, reply: oneshot::Sender<Result<Message, RequestError>> },
    Answer { token: RequestToken, seid: Seid, message: Box<Message> },
}

/// The procedures' end of N4.
#[derive(Clone)]
pub(crate) struct N4 {
    commands: mpsc::Sender<Command>,
    upfs: watch::Receiver<Vec<IpAddr>>,
    loads: Arc<Mutex<Loads>>,
    features: Arc<Mutex<Features>>,
    node_id: NodeId,
}

/// What each associated UPF says that it can do.
type Features = HashMap<IpAddr, UpFunctionFeatures>;

impl N4 {
    /// Opens the socket, associates with the UPFs and keeps the associations; each UPF is told of the applications. Messages
    /// are shown to who watches `trace`.
    pub(crate) async fn open(
        config: &N4Config,
        applications: &[runtime::Application],
        started: SystemTime,
        trace: Trace,
    ) -> io::Result<(Self, mpsc::Receiver<FromUpf>)> {
        let socket = UdpSocket::bind(config.listen).await?;
        let node_id = NodeId::Address(config.listen.ip());
        let role = Role::Cp(CpFunctionFeatures::LOAD | CpFunctionFeatures::OVRL);
        let mut settings = EndpointConfig::new(node_id.clone(), role, RecoveryTimeStamp::from(started));
        // Sessions go to the UPFs of the configuration, not to whoever presents itself as one.
        settings.admitted = Peers::Only(Vec::new());
        settings.timers = Timers { t1: Duration::from_millis(config.t1_ms), n1: config.n1.into() };
        settings.heartbeat = Duration::from_millis(config.heartbeat_ms);
        settings.max_associations = settings.max_associations.max(config.upfs.len());
        let mut endpoint = Endpoint::new(settings);
        for upf in &config.upfs {
            endpoint.associate(Instant::now(), *upf);
        }
        let (commands, queue) = mpsc::channel(QUEUE);
        let (told, from_upfs) = mpsc::channel(QUEUE);
        let (upfs_now, upfs) = watch::channel(Vec::new());
        let seen = Seen { trace, own: config.listen };
        let provisioning = Provisioning::of(applications);
        let loads: Arc<Mutex<Loads>> = Arc::default();
        let features: Arc<Mutex<Features>> = Arc::default();
        let driver = Driver {
            socket,
            endpoint,
            waiting: HashMap::new(),
            provisioning,
            told,
            upfs: upfs_now,
            loads: loads.clone(),
            features: features.clone(),
            seen,
        };
        tokio::spawn(driver.run(queue));
        Ok((Self { commands, upfs, loads, features, node_id }, from_upfs))
    }

    /// Our name towards UPFs.
    pub(crate) fn node_id(&self) -> NodeId {
        self.node_id.clone()
    }

    /// Whether a UPF says that it can do this.
    pub(crate) fn offers(&self, upf: IpAddr, feature: UpFunctionFeatures) -> bool {
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        features.get(&upf).is_some_and(|offered| offered.contains(feature))
    }

    /// The UPFs that have an association now.
    pub(crate) fn upfs(&self) -> Vec<IpAddr> {
        self.upfs.borrow().clone()
    }

    /// The UPFs that have an association, once there is one; none if there is still none after `patience`.
    pub(crate) async fn some_upfs(&self, patience: Duration) -> Vec<IpAddr> {
        let mut upfs = self.upfs.clone();
        let some = tokio::time::timeout(patience, upfs.wait_for(|upfs| !upfs.is_empty())).await;
        some.ok().and_then(Result::ok).map(|upfs| upfs.clone()).unwrap_or_default()
    }

    /// Of these UPFs those at which a new session may be made now, each with its load, per cent.
    pub(crate) fn open_to_sessions(&self, upfs: Vec<IpAddr>) -> Vec<(IpAddr, u8)> {
        let (now, mut loads) = (Instant::now(), self.loads.lock().unwrap_or_else(PoisonError::into_inner));
        let open = upfs.into_iter().filter(|upf| !loads.holds_back(now, *upf)).collect::<Vec<_>>();
        open.into_iter().map(|upf| (upf, loads.of(upf))).collect()
    }

    /// Whether this UPF has an association, waiting for one up to `patience`.
    pub(crate) async fn is_back(&self, upf: IpAddr, patience: Duration) -> bool {
        let mut upfs = self.upfs.clone();
        let back = tokio::time::timeout(patience, upfs.wait_for(|upfs| upfs.contains(&upf))).await;
        back.is_ok_and(|watched| watched.is_ok())
    }

    /// Asks a UPF something about the session it calls `seid`, and waits for the answer, of whatever cause.
    pub(crate) async fn request(
        &self,
        upf: IpAddr,
        seid: Seid,
        message: impl Into<Message>,
    ) -> Result<Message, RequestError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Request { upf, seid, message: Box::new(message.into()), reply };
        // The driver lives as long as the process; should it have ended, so have its associations.
        self.commands.send(command).await.map_err(|_| RequestError::AssociationLost)?;
        answer.await.unwrap_or(Err(RequestError::AssociationLost))
    }

    /// Answers a UPF's report about the session it calls `seid`, or about itself.
    pub(crate) async fn answer(&self, token: RequestToken, seid: Seid, message: impl Into<Message>) {
        let command = Command::Answer { token, seid, message: Box::new(message.into()) };
        let _ = self.commands.send(command).await; // no driver, no UPF to answer
    }
}

struct Driver {
    socket: UdpSocket,
    endpoint: Endpoint,
    waiting: HashMap<RequestId, (IpAddr, oneshot::Sender<Result<Message, RequestError>>)>,
    provisioning: Provisioning,
    told: mpsc::Sender<FromUpf>,
    upfs: watch::Sender<Vec<IpAddr>>,
    loads: Arc<Mutex<Loads>>,
    features: Arc<Mutex<Features>>,
    seen: Seen,
}

/// Shows messages to who watches.
struct Seen {
    trace: Trace,
    own: SocketAddr,
}

impl Seen {
    fn passes(&self, from: SocketAddr, to: SocketAddr, octets: &[u8]) {
        self.trace.n4(|| Datagram { interface: "n4".into(), from, to, octets: Octets(octets.to_vec()), rule: None });
    }
}

impl Driver {
    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            self.send_all().await;
            self.tell_all();
            let due = self.endpoint.poll_timeout();
            tokio::select! {
                received = self.socket.recv_from(&mut datagram) => match received {
                    Ok((length, from)) => {
                        let octets = datagram.get(..length).unwrap_or_default();
                        self.seen.passes(from, self.seen.own, octets);
                        self.endpoint.handle_datagram(Instant::now(), from, octets);
                    }
                    // A UPF that is not there answers with ICMP, reported here; the endpoint's timers deal with it.
                    Err(error) => tracing::debug!(%error, "N4 socket"),
                },
                command = queue.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                () = until(due) => self.endpoint.handle_timeout(Instant::now()),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Request { upf, seid, message, reply } => {
                match self.endpoint.request(Instant::now(), upf, seid, *message) {
                    Ok(id) => {
                        self.waiting.insert(id, (upf, reply));
                    }
                    Err(error) => {
                        let _ = reply.send(Err(error)); // the procedure may have ended
                    }
                }
            }
            Command::Answer { token, seid, message } => {
                if let Err(error) = self.endpoint.respond(token, seid, *message) {
                    tracing::error!(%error, "an answer to a UPF that fits no datagram");
                }
            }
        }
    }

    async fn send_all(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.seen.passes(self.seen.own, transmit.to, &transmit.octets);
            if let Err(error) = self.socket.send_to(&transmit.octets, transmit.to).await {
                tracing::debug!(%error, to = %transmit.to, "N4 socket"); // sent again by T1
            }
        }
    }

    fn tell_all(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::AssociationUp { peer, node_id, up_features, .. } => {
                    tracing::info!(%peer, %node_id, "N4 association with UPF");
                    self.provisioning.begin(Instant::now(), &mut self.endpoint, peer, up_features);
                    self.features.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, up_features);
                    self.note_upfs();
                }
                Event::AssociationDown { peer, why } => {
                    tracing::warn!(%peer, ?why, "N4 association with UPF lost");
                    self.loads().forget(peer);
                    self.note_upfs();
                    self.tell(FromUpf::Lost(peer));
                }
                Event::Stranger { peer } => {
                    tracing::debug!(%peer, "refused as a UPF: it is not one of smf.n4.upfs");
                }
                Event::Request { token, seid, message: Message::SessionReportRequest(report) } => {
                    self.tell(FromUpf::Report(token, seid, Box::new(report)));
                }
                Event::Request { token, message: Message::NodeReportRequest(report), .. } => {
                    self.tell(FromUpf::NodeReport(token, Box::new(report)));
                }
                Event::Request { token, .. } => {
                    self.endpoint.refuse(token, Seid::default(), pfcp::Cause::ServiceNotSupported, None);
                }
                Event::Malformed { token, problem, .. } => {
                    self.endpoint.refuse(token, Seid::default(), problem.cause, Some(problem.offending));
                }
                Event::Response { id, result } => {
                    if self.provisioning.answered(id, &result) {
                        self.note_upfs();
                    }
                    if let Some((upf, reply)) = self.waiting.remove(&id) {
                        if let Ok(message) = &result {
                            self.loads().hear(Instant::now(), upf, message);
                        }
                        let _ = reply.send(result); // the procedure may have ended
                    }
                }
            }
        }
    }

    fn loads(&self) -> MutexGuard<'_, Loads> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A UPF that does not know the applications yet would refuse sessions with rules for them.
    fn note_upfs(&self) {
        let associated = self.endpoint.associations().map(|(peer, _)| peer);
        self.upfs.send_replace(associated.filter(|upf| !self.provisioning.waits_for(*upf)).collect());
    }

    /// Reports beyond what the SMF can take are not answered: the UPF sends them again.
    fn tell(&self, news: FromUpf) {
        if let Err(mpsc::error::TrySendError::Full(FromUpf::Lost(upf))) = self.told.try_send(news) {
            let told = self.told.clone();
            tokio::spawn(async move { told.send(FromUpf::Lost(upf)).await });
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}
