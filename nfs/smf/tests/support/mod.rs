//! An SMF among scripted peers: AMF and UDM answer in memory, the UPF over loopback; all that passes is written down.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use pfcp::{
    Cause, CreatedPdr, Endpoint, EndpointConfig, Event, FSeid, FTeid, HeartbeatRequest, Message, NodeId,
    NodeReportRequest, Packet, RecoveryTimeStamp, Role, Seid, Sequence, SessionDeletionResponse,
    SessionEstablishmentResponse, SessionModificationResponse, Teid, UeIpAddress, UpFunctionFeatures,
};
use runtime::{Context, Metrics, Network, NetworkFunction, Rejects, Shutdown};
use sbi_api::{ApiRoot, Body, BoxFuture, CallError, Caller, Handler, Request, Response, Target};
use smf::{Config, N4Config, Smf};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// What passed, a line an arrow.
#[derive(Clone, Default)]
pub(crate) struct Ladder(Arc<(Mutex<Vec<String>>, Notify)>);

impl Ladder {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.0.lock().expect("no test panicked").push(line.into());
        self.0.1.notify_waiters();
    }

    /// Waits until a line begins with `start`, and takes all lines so far.
    pub(crate) async fn until(&self, start: &str) -> String {
        loop {
            let notified = self.0.1.notified();
            {
                let mut lines = self.0.0.lock().expect("no test panicked");
                if let Some(at) = lines.iter().position(|line| line.starts_with(start)) {
                    return lines.drain(..=at).map(|line| line + "\n").collect();
                }
            }
            let patience = std::time::Duration::from_secs(10);
            let waited = tokio::time::timeout(patience, notified).await;
            waited.unwrap_or_else(|_| panic!("no '{start}' in {:#?}", self.0.0.lock().expect("no test panicked")));
        }
    }
}

/// AMF and UDM.
pub(crate) struct Peers {
    ladder: Ladder,
    /// What the UDM answers to `sm-data`.
    pub(crate) sm_data: &'static str,
    /// Bodies the AMF was sent.
    pub(crate) to_amf: Arc<Mutex<VecDeque<(String, Bytes)>>>,
    /// Held while the UDM does not answer deregistrations.
    deregistration: Arc<tokio::sync::Mutex<()>>,
}

impl Caller for Peers {
    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: Request<Body<'a>>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        let path = request.uri().path().to_owned();
        let (peer, status, body) = match target {
            Target::Service(_) if path.ends_with("/sm-data") => ("UDM", 200, self.sm_data),
            Target::Service(_) if request.method() == "DELETE" => ("UDM", 204, ""),
            Target::Service(_) => ("UDM", 204, ""),
            Target::Root(_) if path.ends_with("/n1-n2-messages") => {
                ("AMF", 200, r#"{"cause":"N1_N2_TRANSFER_INITIATED"}"#)
            }
            Target::Root(_) | Target::Callback(_) => ("AMF", 204, ""),
        };
        if peer == "AMF" {
            let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
            let body = (content_type.unwrap_or_default().to_owned(), request.body().to_bytes());
            self.to_amf.lock().expect("no test panicked").push_back(body);
        }
        self.ladder.note(format!("SMF -> {peer}: {} {path}", request.method()));
        let response = http::Response::builder().status(status).header("content-type", "application/json");
        let deregistration = (request.method() == "DELETE").then(|| self.deregistration.clone());
        Box::pin(async move {
            if let Some(held) = deregistration {
                drop(held.lock().await);
                self.ladder.note("UDM -> SMF: deregistered");
            }
            Ok(response.body(Bytes::from_static(body.as_bytes())).expect("a response"))
        })
    }
}

/// What a test has the UPF do.
pub(crate) struct Upf {
    /// Whether it grants sessions.
    pub(crate) accepts: AtomicBool,
    /// Whether it grants changes of them.
    pub(crate) changes: AtomicBool,
    /// The addresses of UEs in establishments.
    asked_for: Mutex<Vec<Option<Ipv4Addr>>>,
    /// Whether one of them had networks behind the UE.
    pub(crate) with_routes: AtomicBool,
    restart: Notify,
    /// What it is to tell.
    report: Mutex<Option<NodeReportRequest>>,
    reporting: Notify,
}

impl Upf {
    /// The addresses of UEs that sessions were to be made with; none where it was to choose.
    pub(crate) fn asked_for(&self) -> Vec<Option<Ipv4Addr>> {
        self.asked_for.lock().expect("no test panicked").clone()
    }

    /// Has it start again, without sessions, and say so.
    pub(crate) fn restart(&self) {
        self.restart.notify_one();
    }

    /// Has it tell the SMF this.
    pub(crate) fn report(&self, report: NodeReportRequest) {
        *self.report.lock().expect("no test panicked") = Some(report);
        self.reporting.notify_one();
    }
}

/// A UPF that grants what it is told to.
async fn upf(ladder: Ladder, does: Arc<Upf>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("bound");
    let role = Role::Up(UpFunctionFeatures::FTUP);
    let started = move |recovery| Endpoint::new(EndpointConfig::new(NodeId::Address(address.ip()), role, recovery));
    let mut recovery = RecoveryTimeStamp::from(SystemTime::now());
    let mut endpoint = started(recovery);
    tokio::spawn(async move {
        let mut datagram = vec![0; 65_535];
        let mut smf = None;
        loop {
            let received = tokio::select! {
                received = socket.recv_from(&mut datagram) => received,
                () = does.restart.notified() => {
                    recovery.0 += 1;
                    endpoint = started(recovery);
                    let told = Packet::node(Sequence::new(1), HeartbeatRequest::new(recovery)).encode();
                    let smf = smf.expect("it was heard of before");
                    socket.send_to(&told.expect("fits a datagram"), smf).await.expect("sent");
                    continue;
                }
                () = does.reporting.notified() => {
                    let report = does.report.lock().expect("no test panicked").take().expect("something to tell");
                    let told = Packet::node(Sequence::new(2), report).encode();
                    let smf = smf.expect("it was heard of before");
                    socket.send_to(&told.expect("fits a datagram"), smf).await.expect("sent");
                    continue;
                }
            };
            let (length, from) = received.expect("a datagram");
            smf = Some(from);
            if let Ok(Message::NodeReportResponse(answer)) = Packet::decode(&datagram[..length]).map(|got| got.message)
            {
                ladder.note(format!("SMF -> UPF: NodeReportResponse {}", answer.cause));
                continue;
            }
            endpoint.handle_datagram(Instant::now(), from, &datagram[..length]);
            while let Some(event) = endpoint.poll_event() {
                match event {
                    Event::AssociationUp { .. } => ladder.note("UPF is associated"),
                    Event::Request { token, message, .. } => {
                        ladder.note(format!("SMF -> UPF: {}", describe(&message)));
                        let (seid, response) = answer(&message, &does);
                        endpoint.respond(token, seid, response).expect("fits a datagram");
                    }
                    other => panic!("{other:?}"),
                }
            }
            while let Some(transmit) = endpoint.poll_transmit() {
                socket.send_to(&transmit.octets, transmit.to).await.expect("sent");
            }
        }
    });
    address
}

fn describe(message: &Message) -> String {
    match message {
        Message::SessionModificationRequest(request) => {
            format!("{:?} {:?}", message.kind(), request.update_fars[0].apply_action.expect("an action"))
        }
        other => format!("{:?}", other.kind()),
    }
}

/// The address that the UPF chooses.
pub(crate) const CHOSEN: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 7);

/// Every session has SEID 77 here.
fn answer(message: &Message, does: &Upf) -> (Seid, Message) {
    let own = Ipv4Addr::new(192, 0, 2, 7);
    let verdict = |granted| if granted { Cause::RequestAccepted } else { Cause::NoResourcesAvailable };
    let accept = does.accepts.load(Relaxed);
    let cause = verdict(accept);
    match message {
        Message::SessionEstablishmentRequest(request) => {
            let mut response = SessionEstablishmentResponse::new(NodeId::Address(own.into()), cause);
            let ue = request.create_pdrs[0].pdi.ue_ip_addresses.first().copied().unwrap_or_default();
            let behind = request.create_pdrs.iter().any(|pdr| !pdr.pdi.framed_routes.is_empty());
            does.with_routes.fetch_or(behind, Relaxed);
            does.asked_for.lock().expect("no test panicked").push(ue.ipv4);
            if accept {
                let mut created = CreatedPdr::new(request.create_pdrs[0].pdr_id);
                created.f_teid = Some(FTeid::new(Teid(0x1234), own.into()));
                if ue.choose_ipv4 {
                    created.ue_ip_addresses = vec![UeIpAddress::source(CHOSEN.into())];
                }
                response.created_pdrs = vec![created];
                response.up_f_seid = Some(FSeid::new(Seid(77), own.into()));
            }
            (request.cp_f_seid.seid, response.into())
        }
        Message::SessionModificationRequest(_) => {
            let cause = verdict(does.changes.load(Relaxed));
            (Seid(1), SessionModificationResponse::new(cause).into())
        }
        Message::SessionDeletionRequest(_) => (Seid(1), SessionDeletionResponse::new(cause).into()),
        other => panic!("{other:?}"),
    }
}

/// A started SMF.
pub(crate) struct Scene {
    pub(crate) ladder: Ladder,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) upf: Arc<Upf>,
    pub(crate) to_amf: Arc<Mutex<VecDeque<(String, Bytes)>>>,
    /// Held while the UDM does not answer deregistrations.
    pub(crate) deregistration: Arc<tokio::sync::Mutex<()>>,
    pub(crate) rejects: Rejects,
    pub(crate) metrics: Metrics,
}

impl Scene {
    pub(crate) async fn new(sm_data: &'static str, upf_accepts: bool) -> Self {
        Self::in_network(Network::default(), sm_data, upf_accepts).await
    }

    /// As [`new`](Self::new), in a network other than the default one.
    pub(crate) async fn in_network(network: Network, sm_data: &'static str, upf_accepts: bool) -> Self {
        Self::set(network, Config::default(), sm_data, upf_accepts).await
    }

    /// As [`in_network`](Self::in_network), with a configuration of the SMF other than the default one.
    pub(crate) async fn set(network: Network, config: Config, sm_data: &'static str, upf_accepts: bool) -> Self {
        let ladder = Ladder::default();
        let (accepts, changes) = (upf_accepts.into(), true.into());
        let does = Arc::new(Upf {
            accepts,
            changes,
            asked_for: Mutex::default(),
            with_routes: false.into(),
            restart: Notify::new(),
            report: Mutex::default(),
            reporting: Notify::new(),
        });
        let upf = upf(ladder.clone(), does.clone()).await;
        let to_amf = Arc::default();
        let deregistration = Arc::default();
        let peers = Peers {
            ladder: ladder.clone(),
            sm_data,
            to_amf: Arc::clone(&to_amf),
            deregistration: Arc::clone(&deregistration),
        };
        let rejects = Rejects::default();
        let metrics = Metrics::new("smf");
        let context = Context {
            config: Config {
                n4: N4Config { listen: free_port(), upfs: vec![upf], ..N4Config::default() },
                t3592_ms: 200,
                ..config
            },
            network,
            instance_id: uuid::Uuid::nil(),
            caller: Arc::new(peers),
            api_root: ApiRoot::http("smf.test:7777"),
            metrics: metrics.clone(),
            rejects: rejects.clone(),
            trace: runtime::trace::Trace::default(),
            shutdown: Shutdown::new(),
            run_dir: "/nonexistent".into(),
            state_dir: "/nonexistent".into(),
        };
        let running = Smf::start(context).await.expect("the SMF starts");
        ladder.until("UPF is associated").await;
        let handler = running.handler.expect("it serves");
        Self { ladder, handler, upf: does, to_amf, deregistration, rejects, metrics }
    }

    /// Sends a request as the AMF.
    pub(crate) async fn amf(&self, path: &str, content_type: &str, body: Bytes) -> Response {
        self.ladder.note(format!("AMF -> SMF: POST {}", path.rsplit('/').next().expect("a segment")));
        let request = http::Request::builder().method("POST").uri(path).header("content-type", content_type);
        self.handler.handle(request.body(body).expect("a request")).await.map(Body::into_bytes)
    }
}

fn free_port() -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound")
}
