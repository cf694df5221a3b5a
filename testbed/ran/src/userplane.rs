//! The gNB's end of N3: GTP-U with the PDU Session Container, pings and questions to routers made here, and a TUN device for
//! other programs.

use crate::gnb::Tunnel;
use crate::payloads::{Outlet, Payloads, Tap};
use crate::tun::Tun;
use crate::{UeId, autoconfiguration, icmp};
use gtpu::{Datagram, Encapsulation, ErrorIndication, HEADROOM, PduSession, Qfi, message};
use nas::ie::{PduAddress, PduSessionType};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Octets of the longest payload of a frame on a TAP device.
const TAP_MTU: u16 = 1400;

/// Room for any packet.
const BUFFER: usize = 64 * 1024;

/// A session as the user plane knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserSession {
    pub(crate) ue: UeId,
    pub(crate) kind: PduSessionType,
    /// Of a session of IP.
    pub(crate) address: Option<PduAddress>,
    pub(crate) tunnel: Tunnel,
}

impl UserSession {
    fn ipv4(&self) -> Option<IpAddr> {
        Some(self.address?.ipv4()?.into())
    }

    fn interface(&self) -> Option<[u8; 8]> {
        self.address?.interface_identifier()
    }
}

/// Why a ping has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// The UE has no such session, or none with a tunnel.
    #[error("no such session")]
    NoSession,
    /// The session has no address of the host's version (yet).
    #[error("the session has no address to reach {0} from")]
    NoAddress(IpAddr),
    /// No router has told a prefix.
    #[error("no Router Advertisement within {} s", .0.as_secs_f32())]
    NoRouter(Duration),
    /// Nothing came back.
    #[error("no answer to ping within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The datagram could not be sent.
    #[error("cannot send on N3: {0}")]
    Send(String),
}

/// What a session of IPv6 came to on its link.
#[derive(Debug, Clone, Copy)]
struct Configured {
    address: Ipv6Addr,
    /// Since its start.
    took: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    session: UserSession,
    since: Instant,
    ipv6: Option<Configured>,
}

impl Known {
    fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let ipv6 = self.ipv6.map(|ipv6| ipv6.address.into());
        self.session.ipv4().into_iter().chain(ipv6)
    }
}

#[derive(Debug, Default)]
struct Sessions {
    by_teid: HashMap<u32, Known>,
    by_address: HashMap<IpAddr, u32>,
    by_ue: HashMap<(UeId, u8), u32>,
}

impl Sessions {
    fn insert(&mut self, session: UserSession) {
        // A tunnel that changes is no new link: what its router said stays.
        let before = self.remove(session.ue, session.tunnel.session);
        let before = before.filter(|before| before.session.address == session.address);
        let (since, ipv6) = before.map_or((Instant::now(), None), |before| (before.since, before.ipv6));
        let (teid, known) = (session.tunnel.local_teid, Known { session, since, ipv6 });
        self.by_address.extend(known.addresses().map(|address| (address, teid)));
        self.by_ue.insert((session.ue, session.tunnel.session), teid);
        self.by_teid.insert(teid, known);
    }

    fn remove(&mut self, ue: UeId, id: u8) -> Option<Known> {
        let known = self.by_teid.remove(&self.by_ue.remove(&(ue, id))?)?;
        for address in known.addresses() {
            self.by_address.remove(&address);
        }
        Some(known)
    }

    fn of(&self, ue: UeId, id: u8) -> Option<Known> {
        self.by_teid.get(self.by_ue.get(&(ue, id))?).copied()
    }

    /// The session of a UPF's tunnel.
    fn of_upf(&self, upf: IpAddr, teid: u32) -> Option<UserSession> {
        let mut all = self.by_teid.values().map(|known| known.session);
        all.find(|session| (session.tunnel.upf, session.tunnel.upf_teid) == (upf, teid))
    }

    /// Takes what may be a Router Advertisement; the address that follows from it, where that is news.
    fn configure(&mut self, teid: u32, packet: &[u8]) -> Option<Ipv6Addr> {
        let known = self.by_teid.get_mut(&teid)?;
        let address = autoconfiguration::address(packet, known.session.interface()?)?;
        let took = known.since.elapsed();
        let before = known.ipv6.replace(Configured { address, took });
        if let Some(before) = before.filter(|before| before.address == address) {
            known.ipv6 = Some(before);
            return None;
        }
        self.by_address.insert(address.into(), teid);
        Some(address)
    }
}

/// Packets since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) uplink: AtomicU64,
    pub(crate) downlink: AtomicU64,
    pub(crate) unknown_tunnel: AtomicU64,
}

/// Who waits for the echo reply of a tunnel and sequence number.
type Pings = HashMap<(u32, u16), oneshot::Sender<Instant>>;

struct Shared {
    socket: UdpSocket,
    sessions: Mutex<Sessions>,
    pings: Mutex<Pings>,
    /// Told when a session has its IPv6 address.
    configured: Notify,
    next_sequence: AtomicU16,
    tun: Option<Tun>,
    /// What the names of the TAP devices of Ethernet sessions begin with, where they get some.
    tap: Option<String>,
    /// Who gets what sessions receive that carry no IP.
    outlets: Mutex<HashMap<(UeId, u8), Outlet>>,
    taps: Mutex<HashMap<(UeId, u8), Tap>>,
    /// Told of sessions whose tunnel the UPF does not know (any more).
    lost: mpsc::UnboundedSender<(UeId, u8)>,
    counters: Counters,
}

/// Everything in a lock is whole between two statements: a panic elsewhere harms nothing here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The user plane of one gNB. Its tasks end when it is dropped.
pub(crate) struct UserPlane {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for UserPlane {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl UserPlane {
    /// The sessions whose tunnel the UPF does not know are told to `lost`, each once.
    pub(crate) async fn start(
        n3: SocketAddr,
        (tun, tap): (Option<Tun>, Option<String>),
        lost: mpsc::UnboundedSender<(UeId, u8)>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            socket: UdpSocket::bind(n3).await?,
            sessions: Mutex::default(),
            pings: Mutex::default(),
            configured: Notify::new(),
            next_sequence: AtomicU16::new(1),
            tun,
            tap,
            outlets: Mutex::default(),
            taps: Mutex::default(),
            lost,
            counters: Counters::default(),
        });
        let mut tasks = vec![tokio::spawn(downlink(Arc::clone(&shared)))];
        if shared.tun.is_some() {
            tasks.push(tokio::spawn(uplink(Arc::clone(&shared))));
        }
        Ok(Self { shared, tasks })
    }

    /// Packets follow the session's tunnel from now on.
    pub(crate) fn add(&self, session: UserSession) {
        lock(&self.shared.sessions).insert(session);
        if let (Some(tun), Some(address)) = (&self.shared.tun, session.ipv4()) {
            tun.add(address);
        }
        if session.kind == PduSessionType::Ethernet {
            self.open_tap(session.ue, session.tunnel.session);
        }
        if session.interface().is_some() {
            tokio::spawn(solicit(Arc::clone(&self.shared), session.ue, session.tunnel.session));
        }
    }

    pub(crate) fn remove(&self, ue: UeId, id: u8) {
        let removed = lock(&self.shared.sessions).remove(ue, id);
        if let (Some(known), Some(tun)) = (removed, &self.shared.tun) {
            known.addresses().for_each(|address| tun.remove(address));
        }
        lock(&self.shared.taps).remove(&(ue, id));
    }

    /// Gives an Ethernet session its TAP device, where there are to be any.
    fn open_tap(&self, ue: UeId, id: u8) {
        let Some(prefix) = &self.shared.tap else { return };
        let name = if id == 1 { format!("{prefix}{}", ue.0) } else { format!("{prefix}{}.{id}", ue.0) };
        let mut taps = lock(&self.shared.taps);
        if taps.contains_key(&(ue, id)) {
            return;
        }
        match Tap::open(&name, TAP_MTU, Payloads::of(self.handle(), ue, id)) {
            Ok(tap) => drop(taps.insert((ue, id), tap)),
            Err(error) => tracing::warn!(name, %error, "no TAP device for the session (it needs CAP_NET_ADMIN)"),
        }
    }

    pub(crate) fn handle(&self) -> UserPlaneHandle {
        UserPlaneHandle { shared: Arc::clone(&self.shared) }
    }
}

/// For those who send pings.
#[derive(Clone)]
pub(crate) struct UserPlaneHandle {
    shared: Arc<Shared>,
}

impl UserPlaneHandle {
    /// One echo request through a session, from the UE or a host behind it; the time until its reply.
    pub(crate) async fn ping(
        &self,
        (ue, id): (UeId, u8),
        (from, host): (Option<IpAddr>, IpAddr),
        patience: Duration,
    ) -> Result<Duration, PingError> {
        let known = lock(&self.shared.sessions).of(ue, id).ok_or(PingError::NoSession)?;
        let own = from.or_else(|| known.addresses().find(|own| own.is_ipv4() == host.is_ipv4()));
        let own = own.ok_or(PingError::NoAddress(host))?;
        let session = known.session;
        // Relaxed: only distinct values are needed.
        let sequence = self.shared.next_sequence.fetch_add(1, Ordering::Relaxed);
        let key = (session.tunnel.local_teid, sequence);
        let (reply, replied) = oneshot::channel();
        lock(&self.shared.pings).insert(key, reply);
        let packet = icmp::echo_request(own, host, identifier(session.tunnel.local_teid), sequence, &[0x5a; 56]);
        let packet = packet.ok_or(PingError::NoAddress(host))?;
        let sent = Instant::now();
        if let Err(error) = send_uplink(&self.shared, &session, packet).await {
            lock(&self.shared.pings).remove(&key);
            return Err(PingError::Send(error.to_string()));
        }
        match tokio::time::timeout(patience, replied).await {
            Ok(Ok(received)) => Ok(received - sent),
            _ => {
                lock(&self.shared.pings).remove(&key);
                Err(PingError::Timeout(patience))
            }
        }
    }

    /// Has what a session receives that carries no IP go there.
    pub(crate) fn tap(&self, ue: UeId, id: u8, outlet: Outlet) {
        lock(&self.shared.outlets).insert((ue, id), outlet);
    }

    /// Sends a payload through a session as it is.
    pub(crate) async fn send_payload(&self, ue: UeId, id: u8, payload: &[u8]) -> io::Result<()> {
        let known = lock(&self.shared.sessions).of(ue, id);
        let known = known.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        send_uplink(&self.shared, &known.session, payload.to_vec()).await
    }

    /// Waits until the TUN device, if there is one, has the addresses of the sessions there are.
    pub(crate) async fn settle(&self) {
        if let Some(tun) = &self.shared.tun {
            tun.settle().await;
        }
    }

    pub(crate) fn addresses(&self, ue: UeId, id: u8) -> Vec<IpAddr> {
        let known = lock(&self.shared.sessions).of(ue, id);
        known.iter().flat_map(Known::addresses).collect()
    }

    pub(crate) fn has_ipv6(&self, ue: UeId, id: u8) -> bool {
        let known = lock(&self.shared.sessions).of(ue, id);
        known.is_some_and(|known| known.session.interface().is_some())
    }

    pub(crate) fn has_session(&self, ue: UeId, id: u8) -> bool {
        lock(&self.shared.sessions).of(ue, id).is_some()
    }

    /// Waits until a session has its IPv6 address; the time from its start until then.
    pub(crate) async fn autoconfigured(&self, ue: UeId, id: u8, patience: Duration) -> Result<Duration, PingError> {
        let configured = async {
            loop {
                let mut told = std::pin::pin!(self.shared.configured.notified());
                told.as_mut().enable();
                let known = lock(&self.shared.sessions).of(ue, id).ok_or(PingError::NoSession)?;
                if let Some(ipv6) = known.ipv6 {
                    return Ok(ipv6.took);
                }
                told.await;
            }
        };
        tokio::time::timeout(patience, configured).await.unwrap_or(Err(PingError::NoRouter(patience)))
    }

    /// Packets sent and received, and those for tunnels that are not ours.
    pub(crate) fn packets(&self) -> (u64, u64, u64) {
        // Relaxed: figures for a report.
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.shared.counters;
        (load(&counters.uplink), load(&counters.downlink), load(&counters.unknown_tunnel))
    }
}

/// The ICMP identifier of a tunnel's pings.
fn identifier(teid: u32) -> u16 {
    let [_, _, high, low] = teid.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Asks a session's router, until it is heard or it was asked often enough.
async fn solicit(shared: Arc<Shared>, ue: UeId, id: u8) {
    for _ in 0..autoconfiguration::QUESTIONS {
        let Some(known) = lock(&shared.sessions).of(ue, id).filter(|known| known.ipv6.is_none()) else { return };
        let Some(interface) = known.session.interface() else { return };
        if let Err(error) = send_uplink(&shared, &known.session, autoconfiguration::solicitation(interface)).await {
            tracing::debug!(%error, "N3");
        }
        tokio::time::sleep(autoconfiguration::INTERVAL).await;
    }
}

async fn send_uplink(shared: &Shared, session: &UserSession, packet: Vec<u8>) -> io::Result<()> {
    let mut datagram = vec![0; HEADROOM];
    datagram.extend(packet);
    send_in_place(shared, session, &mut datagram).await
}

/// Writes the header into the room before the packet, and sends both.
async fn send_in_place(shared: &Shared, session: &UserSession, datagram: &mut [u8]) -> io::Result<()> {
    let Tunnel { upf, upf_teid, qfi, .. } = session.tunnel;
    let header = Encapsulation { teid: upf_teid, pdu_session: Some(PduSession::Uplink { qfi: Qfi::new(qfi) }) };
    let payload = datagram.len().saturating_sub(HEADROOM);
    let room = datagram.get_mut(..HEADROOM).unwrap_or_default();
    header.write(room, payload).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    shared.socket.send_to(datagram, SocketAddr::new(upf, gtpu::PORT)).await?;
    shared.counters.uplink.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Programs' packets into their sessions.
async fn uplink(shared: Arc<Shared>) {
    let Some(tun) = &shared.tun else { return };
    let mut buffer = vec![0; BUFFER];
    loop {
        let Some(room) = buffer.get_mut(HEADROOM..) else { return };
        let Ok(length) = tun.receive(room).await else { return };
        let Some(datagram) = buffer.get_mut(..HEADROOM + length) else { continue };
        let session = datagram.get(HEADROOM..).and_then(icmp::source).and_then(|address| {
            let sessions = lock(&shared.sessions);
            sessions.by_address.get(&address).and_then(|teid| sessions.by_teid.get(teid)).map(|known| known.session)
        });
        if let Some(session) = session
            && let Err(error) = send_in_place(&shared, &session, datagram).await
        {
            tracing::debug!(%error, "N3");
        }
    }
}

/// Datagrams of the UPF to whom they are for.
async fn downlink(shared: Arc<Shared>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let (length, peer) = match shared.socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An ICMP error about a datagram we sent: the next call goes on.
            Err(error) => {
                tracing::debug!(%error, "N3");
                continue;
            }
        };
        let Some(Ok(datagram)) = buffer.get(..length).map(Datagram::parse) else { continue };
        match datagram.message {
            message::ECHO_REQUEST => {
                let answer = gtpu::echo_response(datagram.sequence.unwrap_or(0));
                let _ = shared.socket.send_to(&answer, peer).await;
            }
            message::G_PDU => deliver(&shared, &datagram).await,
            message::ERROR_INDICATION => tunnel_unknown(&shared, datagram.payload),
            other => tracing::debug!(message = other, %peer, "GTP-U"),
        }
    }
}

/// Error Indication of a UPF (TS 23.527 5.3.3.1).
fn tunnel_unknown(shared: &Shared, elements: &[u8]) {
    let Some(ErrorIndication { teid, address }) = ErrorIndication::read(elements) else { return };
    if let Some(UserSession { ue, tunnel, .. }) = lock(&shared.sessions).of_upf(address, teid) {
        // Nobody is left to tell when the gNB ends.
        let _ = shared.lost.send((ue, tunnel.session));
    }
}

async fn deliver(shared: &Shared, datagram: &Datagram<'_>) {
    let session = lock(&shared.sessions).by_teid.get(&datagram.teid).map(|known| known.session);
    let Some(session) = session else {
        shared.counters.unknown_tunnel.fetch_add(1, Ordering::Relaxed);
        return;
    };
    shared.counters.downlink.fetch_add(1, Ordering::Relaxed);
    if session.address.is_none() {
        let outlet = lock(&shared.outlets).get(&(session.ue, session.tunnel.session)).cloned();
        // Who does not take them in time loses them, or nobody takes them at all.
        let _ = outlet.map(|outlet| outlet.try_send(datagram.payload.to_vec()));
        return;
    }
    if let Some((id, sequence)) = icmp::echo_reply(datagram.payload)
        && id == identifier(datagram.teid)
        && let Some(waiting) = lock(&shared.pings).remove(&(datagram.teid, sequence))
    {
        // Whoever waited may have given up.
        let _ = waiting.send(Instant::now());
        return;
    }
    let configured = lock(&shared.sessions).configure(datagram.teid, datagram.payload);
    if let Some(address) = configured {
        if let Some(tun) = &shared.tun {
            tun.add(address.into());
        }
        shared.configured.notify_waiters();
        return;
    }
    if let Some(tun) = &shared.tun {
        let _ = tun.send(datagram.payload).await;
    }
}
