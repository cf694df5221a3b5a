//! `attach`: UEs register, open sessions, ping, stay or leave.

use crate::report::Report;
use crate::ue::{Command, SessionRequest};
use crate::{Ran, Subscriber, UeId};
use indicatif::{ProgressBar, ProgressStyle};
use nas::ie::{Dnn, PduSessionType, SNssai};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What the UEs do.
#[derive(Debug, Clone)]
pub struct AttachPlan {
    /// The sessions of every UE, by data network and slice; identities 1, 2, ...
    pub sessions: Vec<(Option<Dnn>, Option<SNssai>)>,
    /// Another session for the first UE only.
    pub second_session: Option<Dnn>,
    /// What the sessions carry: one UE's the first, the next one's the second, and so in turn.
    pub kinds: Vec<PduSessionType>,
    /// Pings to each of these hosts through every session that has an address of the host's version.
    pub ping: Vec<IpAddr>,
    /// How many pings per session.
    pub ping_count: u32,
    /// UEs that start per second; `None` starts all at once.
    pub rate: Option<f64>,
    /// Most UEs at work at the same time.
    pub parallel: usize,
    /// Whether sessions are released before de-registration.
    pub release: bool,
    /// Whether the UEs de-register.
    pub deregister: bool,
}

/// How long one ping waits, and how often a first one is repeated while the path comes up.
const PING_PATIENCE: Duration = Duration::from_secs(2);

/// How long a router is waited for: until it was asked as often as it is, and answered the last time.
const ROUTER_PATIENCE: Duration = Duration::from_secs(13);

/// A run of `attach`.
#[derive(Clone)]
pub struct Attach {
    ran: Arc<Ran>,
    plan: Arc<AttachPlan>,
    report: Report,
    quiet: bool,
}

impl Attach {
    /// A run over these UEs. `quiet` shows no progress.
    pub fn new(ran: Arc<Ran>, plan: AttachPlan, report: Report, quiet: bool) -> Self {
        Self { ran, plan: Arc::new(plan), report, quiet }
    }

    /// Registration, sessions and pings of all UEs.
    pub async fn arrive(&self) {
        self.each("attach", |this, ue| async move { this.arrive_one(ue).await }).await;
    }

    /// Release and de-registration of all UEs.
    pub async fn leave(&self) {
        if self.plan.release || self.plan.deregister {
            self.each("leave", |this, ue| async move { this.leave_one(ue).await }).await;
        }
    }

    /// The sessions that are up: IMSI, identity, address, data network.
    pub fn sessions(&self, subscribers: &[Subscriber]) -> Value {
        let of = |(ue, subscriber): (UeId, &Subscriber)| {
            let sessions = self.requests(ue).into_iter().filter_map(|request| {
                let addresses = self.ran.addresses(ue, request.id);
                let dnn = request.dnn.map(|dnn| dnn.to_string());
                let of = |ipv4: bool| addresses.iter().find(|address| address.is_ipv4() == ipv4);
                let (address, ipv6) = (of(true), of(false));
                (!addresses.is_empty()).then(|| {
                    json!({
                        "imsi": subscriber.imsi, "session": request.id, "address": address, "ipv6": ipv6, "dnn": dnn,
                    })
                })
            });
            sessions.collect::<Vec<_>>()
        };
        self.ran.ues().zip(subscribers).flat_map(of).collect()
    }

    async fn each<F, T>(&self, what: &'static str, work: F)
    where
        F: Fn(Self, UeId) -> T + Copy + Send + 'static,
        T: Future<Output = ()> + Send,
    {
        let bar = self.progress(what);
        let places = Arc::new(Semaphore::new(self.plan.parallel.max(1)));
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for ue in self.ran.ues() {
            if let Some(rate) = self.plan.rate.filter(|rate| *rate > 0.0) {
                let due = begin + Duration::from_secs(1).mul_f64(tasks_started(ue) / rate);
                tokio::time::sleep_until(due.into()).await;
            }
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (this, bar) = (self.clone(), bar.clone());
            tasks.spawn(async move {
                work(this.clone(), ue).await;
                bar.set_message(format!("{} failed", this.report.failures()));
                bar.inc(1);
                drop(place);
            });
        }
        while tasks.join_next().await.is_some() {}
        bar.finish_and_clear();
    }

    fn progress(&self, what: &'static str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(u64::try_from(self.ran.ues().count()).unwrap_or(0));
        if let Ok(style) = ProgressStyle::with_template("{prefix:<8} [{bar:40}] {pos}/{len} {per_sec} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar
    }

    fn requests(&self, ue: UeId) -> Vec<SessionRequest> {
        let second = self.plan.second_session.iter().filter(|_| ue == UeId(0)).map(|dnn| (Some(dnn.clone()), None));
        let all = self.plan.sessions.iter().cloned().chain(second);
        let kind = self.plan.kinds.iter().cycle().nth(ue.0 % self.plan.kinds.len().max(1));
        let kind = kind.copied().unwrap_or(PduSessionType::Ipv4);
        (1..=15).zip(all).map(|(id, (dnn, slice))| SessionRequest { id, kind, dnn, slice }).collect()
    }

    /// Carries out a procedure and notes its outcome. How long it took, if it succeeded.
    async fn timed(&self, name: &'static str, ue: UeId, command: Command) -> Option<Duration> {
        let begin = Instant::now();
        let outcome = self.ran.run(ue, command).await.map(|()| begin.elapsed());
        if let Err(error) = &outcome {
            tracing::debug!(%ue, procedure = name, %error, "failed");
        }
        self.report.record(name, &outcome);
        outcome.ok()
    }

    async fn arrive_one(&self, ue: UeId) {
        let Some(registration) = self.timed("registration", ue, Command::Register).await else { return };
        let (mut whole, mut sessions) = (Some(registration), 0);
        for request in self.requests(ue) {
            let establishment = self.establish(ue, request).await;
            whole = whole.zip(establishment).map(|(before, this)| before + this);
            sessions += 1;
        }
        if let Some(whole) = whole.filter(|_| sessions > 0) {
            self.report.record::<String>("attach", &Ok(whole));
        }
    }

    /// Opens a session and tries it out. How long the procedure took, if it succeeded.
    async fn establish(&self, ue: UeId, request: SessionRequest) -> Option<Duration> {
        let id = request.id;
        let wants_ipv6 = matches!(request.kind, PduSessionType::Ipv6 | PduSessionType::Ipv4v6);
        let time = self.timed("session", ue, Command::Establish(request)).await?;
        // A network may have given an IPv4 session to who asked for both: that has nothing to wait for.
        if wants_ipv6 && self.ran.has_ipv6(ue, id) {
            let outcome = self.ran.autoconfigured(ue, id, ROUTER_PATIENCE).await;
            self.report.record("IPv6 address", &outcome);
        }
        let own = self.ran.addresses(ue, id);
        for host in self.plan.ping.iter().filter(|host| own.iter().any(|own| own.is_ipv4() == host.is_ipv4())) {
            self.ping(ue, id, *host).await;
        }
        Some(time)
    }

    async fn ping(&self, ue: UeId, session: u8, host: IpAddr) {
        let name = if host.is_ipv4() { "ping" } else { "ping over IPv6" };
        for _ in 0..self.plan.ping_count {
            let outcome = self.ran.ping(ue, session, host, PING_PATIENCE).await;
            self.report.record(name, &outcome);
        }
    }

    async fn leave_one(&self, ue: UeId) {
        if self.plan.release {
            for request in self.requests(ue) {
                if self.ran.has_session(ue, request.id) {
                    self.timed("session release", ue, Command::Release(request.id)).await;
                }
            }
        }
        if self.plan.deregister && self.ran.is_registered(ue).await {
            self.timed("deregistration", ue, Command::Deregister(false)).await;
        }
    }
}

/// How many UEs are started before this one.
fn tasks_started(ue: UeId) -> f64 {
    // Far below 2^32 UEs.
    u32::try_from(ue.0).map_or(0.0, f64::from)
}
