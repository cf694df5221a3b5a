//! The control half: sessions by PFCP (TS 29.244), put in force by the worker. Without I/O.

mod applications;
#[cfg(test)]
mod chaos;
mod ethernet;
mod routes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use dataplane::{
    Balancer, Bucket, Catalogue, Command, Counters, Event as WorkerEvent, InstallId, Snapshot, Usage, Workers,
};
use ipnet::IpNet;
use pfcp::{
    Cause, CreatedPdr, Endpoint, EndpointConfig, Event, FSeid, FTeid, Message, NodeId, PdrId, RequestId, RequestToken,
    Seid, SessionReportRequest, Teid, Transmit, UsageReport, UsageReportTrigger,
};
use rules::{Effects, Limits, Request};

use self::applications::Renewals;
use crate::applications::Applications;
use crate::convert::{self, Refusal};
use crate::load::Load;
use crate::metrics::Requests;
use crate::paths::N3Paths;
use crate::resources::{Pool, Resources, Unavailable};
use crate::session::PduSession;

/// What the control half is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// PFCP: name, timers, limits.
    pub endpoint: EndpointConfig,
    /// Our address on N4, told to SMFs with each session.
    pub n4: IpAddr,
    /// Our address on N3, told to gNBs.
    pub n3: IpAddr,
    /// The pools of UE addresses.
    pub pools: Vec<Pool>,
    /// The Ethernet data networks, by the number of their N6.
    pub networks: Vec<String>,
    /// Sessions at once.
    pub max_sessions: usize,
    /// Changes of sessions that may wait for the workers before SMFs are asked to hold requests back.
    pub queue: usize,
    /// Rules of a session.
    pub limits: Limits,
    /// How a packet's rule is found among them.
    pub classifier: classifier::Algorithm,
    /// Forwarding policies by name: the DSCP that each marks packets with.
    pub policies: BTreeMap<String, u8>,
    /// How gNBs are supervised; `None`: not at all.
    pub paths: Option<gtpu::PathConfig>,
}

/// What is read by others while the control half works.
pub struct Shared {
    counters: Vec<Arc<Counters>>,
    sessions: AtomicUsize,
    associations: Mutex<Vec<String>>,
    /// gNBs that are supervised, and those of them that do not answer.
    paths: [AtomicUsize; 2],
}

impl Shared {
    fn new(counters: Vec<Arc<Counters>>) -> Self {
        Self { counters, sessions: AtomicUsize::new(0), associations: Mutex::default(), paths: Default::default() }
    }

    /// What the workers have counted.
    pub fn counters(&self) -> Snapshot {
        Workers::snapshot(&self.counters)
    }

    /// Packets by the PDR that they matched, and by the nanoseconds below which they took; nothing unless it is asked for.
    pub fn statistics(&self) -> (BTreeMap<u16, u64>, BTreeMap<u64, u64>) {
        let (mut hits, mut latency) = (BTreeMap::new(), BTreeMap::new());
        for counters in &self.counters {
            counters.hits().into_iter().for_each(|(pdr, count)| *hits.entry(pdr).or_default() += count);
            counters.latency().into_iter().for_each(|(below, count)| *latency.entry(below).or_default() += count);
        }
        (hits, latency)
    }

    /// Sessions at this moment.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// gNBs that are supervised, and those of them that do not answer.
    pub fn paths(&self) -> [usize; 2] {
        self.paths.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// SMFs with an association at this moment, by name and address.
    pub fn associations(&self) -> Vec<String> {
        self.associations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is done when the worker has installed a change.
enum Pending {
    /// The answer to an establishment goes to the SMF.
    Establish { token: RequestToken, cp: Seid, response: pfcp::SessionEstablishmentResponse },
    /// The answer to a modification.
    Modify {
        token: RequestToken,
        seid: u64,
        response: pfcp::SessionModificationResponse,
        query: Option<pfcp::QueryUrrReference>,
    },
    /// The answer to a deletion; the session has left the table.
    Delete { token: RequestToken, session: Box<PduSession> },
    /// A session has its applications as they are now, by this request for them.
    Renew { number: u64 },
    /// Nothing: the SMF is gone or did not ask.
    Quiet,
}

/// How often the workers' load is looked at.
const BALANCE: Duration = Duration::from_secs(1);

/// The control half of the UPF.
pub struct Control {
    settings: Settings,
    endpoint: Endpoint,
    workers: Workers,
    resources: Resources,
    catalogue: Catalogue,
    sessions: HashMap<u64, PduSession>,
    pending: HashMap<InstallId, Pending>,
    reports: HashMap<RequestId, u64>,
    load: Load,
    applications: Applications,
    renewals: Renewals,
    next_install: u64,
    next_seid: u64,
    shared: Arc<Shared>,
    requests: Requests,
    rejects: runtime::Rejects,
    /// What evens the workers' load out, and when it last looked.
    balancer: Option<(Balancer, Instant)>,
    /// The gNBs that sessions forward to, where they are supervised.
    paths: Option<N3Paths>,
    #[cfg(test)]
    faults: chaos::Faults,
}

impl Control {
    /// Without sessions. The events of the workers are to be handed to [`handle_worker`](Self::handle_worker).
    pub fn new(settings: Settings, workers: Workers, metrics: &runtime::Metrics, rejects: runtime::Rejects) -> Self {
        let recovery = settings.endpoint.recovery.0;
        let shared = Arc::new(Shared::new(workers.counters()));
        let requests = Requests::register(metrics, shared.clone());
        Self {
            endpoint: Endpoint::new(settings.endpoint.clone()),
            paths: settings.paths.map(N3Paths::new),
            resources: Resources::new(settings.pools.clone(), recovery.wrapping_mul(0x9e37_79b1)),
            load: Load::new(settings.queue, recovery),
            catalogue: Catalogue::new(settings.classifier),
            settings,
            workers,
            sessions: HashMap::new(),
            pending: HashMap::new(),
            reports: HashMap::new(),
            applications: Applications::default(),
            renewals: Renewals::default(),
            next_install: 0,
            // Sessions of another run are not taken for those of this one.
            next_seid: u64::from(recovery) << 32,
            shared,
            requests,
            rejects,
            balancer: None,
            #[cfg(test)]
            faults: chaos::Faults::default(),
        }
    }

    /// What others may read meanwhile.
    pub fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Whether packets are still being moved: a worker that ended does not come back.
    pub fn is_alive(&self) -> bool {
        self.workers.are_running()
    }

    /// Has the workers show packets to this tap, or to none.
    pub fn show_packets(&self, tap: Option<&dataplane::Tap>) {
        self.workers.tap(tap);
    }

    /// Sets an association up with an SMF, and keeps it.
    pub fn associate(&mut self, now: Instant, smf: SocketAddr) {
        self.endpoint.associate(now, smf);
    }

    /// Asks all SMFs to release their associations.
    pub fn release_all(&mut self, now: Instant) {
        let peers: Vec<IpAddr> = self.endpoint.associations().map(|(peer, _)| peer).collect();
        peers.into_iter().for_each(|peer| self.endpoint.release(now, peer));
    }

    /// Takes a datagram from N4.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, octets: &[u8]) {
        self.endpoint.handle_datagram(now, from, octets);
        self.handle_events(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.handle_events(now);
        self.renew(now);
        self.balance(now);
        if let Some(paths) = &mut self.paths {
            paths.handle_timeout(now);
            self.tell_paths(now);
        }
    }

    /// Takes a message that came as an answer to an Echo Request of ours.
    pub fn handle_echo(&mut self, now: Instant, from: SocketAddr, octets: &[u8]) {
        if let Some(paths) = &mut self.paths {
            paths.handle_message(now, from, octets);
            self.tell_paths(now);
        }
    }

    /// The next Echo Request, and where it goes.
    pub fn poll_echo(&mut self) -> Option<(SocketAddr, [u8; 12])> {
        self.paths.as_mut()?.poll_transmit()
    }

    /// Tells the SMFs of paths that failed or recovered: PFCP Node Report (TS 29.244 6.2.9).
    fn tell_paths(&mut self, now: Instant) {
        let Some(paths) = &mut self.paths else { return };
        let (supervised, down) = paths.supervised();
        self.shared.paths[0].store(supervised, Ordering::Relaxed);
        self.shared.paths[1].store(down, Ordering::Relaxed);
        let reports = paths.reports(&self.settings.endpoint.node_id);
        let smfs: Vec<IpAddr> = self.endpoint.associations().map(|(smf, _)| smf).collect();
        for (report, smf) in reports.iter().flat_map(|report| smfs.iter().map(move |smf| (report, *smf))) {
            if let Err(why) = self.endpoint.request(now, smf, Seid(0), report.clone()) {
                tracing::debug!(%smf, %why, "no node report");
            }
        }
    }

    /// Moves buckets between the workers by their load, from now on; with one worker there is nothing to move.
    pub fn keep_balanced(&mut self, now: Instant) {
        let counters = self.workers.counters();
        self.balancer = (counters.len() > 1).then(|| (Balancer::new(counters), now));
    }

    fn balance(&mut self, now: Instant) {
        let Some((balancer, last)) = &mut self.balancer else { return };
        let period = now.saturating_duration_since(*last);
        if period < BALANCE {
            return;
        }
        *last = now;
        if let Some((bucket, to)) = balancer.look(period, |bucket| self.workers.owner(bucket)) {
            tracing::debug!(bucket = bucket.0, to, "a bucket moves to another worker");
            self.workers.move_bucket(bucket, to);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let balance = self.balancer.as_ref().map(|(_, last)| *last + BALANCE);
        let paths = self.paths.as_ref().and_then(N3Paths::poll_timeout);
        let renewals = self.renewals.poll_timeout();
        self.endpoint.poll_timeout().into_iter().chain(balance).chain(paths).chain(renewals).min()
    }

    /// The next datagram for N4.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.endpoint.poll_transmit()
    }

    /// Takes what the worker tells.
    pub fn handle_worker(&mut self, now: Instant, event: WorkerEvent) {
        self.workers.handle(&event);
        match event {
            WorkerEvent::BucketArrived { .. } | WorkerEvent::BucketMoved(_) => {}
            WorkerEvent::Installed { id, reports, old } => {
                drop(old);
                self.installed(now, id, &reports);
            }
            WorkerEvent::DownlinkData { seid, pdr } => {
                let mut report = SessionReportRequest::new(pfcp::ReportType::DLDR);
                report.downlink_data_report = Some(pfcp::DownlinkDataReport { pdr_ids: vec![PdrId(pdr)] });
                self.report(now, seid, report);
            }
            WorkerEvent::UsageDue { seid, usage } => {
                let Some(session) = self.sessions.get_mut(&seid) else { return };
                let mut report = SessionReportRequest::new(pfcp::ReportType::USAR);
                let (why, at) = (UsageReportTrigger::default(), SystemTime::now());
                report.usage_reports = usage.iter().map(|usage| session.report(usage, why, at)).collect();
                self.report(now, seid, report);
            }
            WorkerEvent::MacAddresses { seid, urrs, detected, removed } => {
                self.mac_addresses(now, seid, &urrs, (detected, removed));
            }
            WorkerEvent::Inactive { seid } => {
                self.report(now, seid, SessionReportRequest::new(pfcp::ReportType::UPIR));
            }
            WorkerEvent::ErrorIndication { seid, tunnel } => {
                let remote_f_teids = vec![FTeid::new(Teid(tunnel.teid), tunnel.address)];
                let mut report = SessionReportRequest::new(pfcp::ReportType::ERIR);
                report.error_indication_report = Some(pfcp::ErrorIndicationReport { remote_f_teids });
                self.report(now, seid, report);
            }
        }
    }

    fn handle_events(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::AssociationUp { peer, node_id, cp_features, .. } => {
                    tracing::info!(%peer, %node_id, "PFCP association set up");
                    self.load.associated(peer, cp_features);
                    self.note_associations();
                }
                Event::AssociationDown { peer, why } => self.association_down(now, peer, why),
                Event::Stranger { peer } => self.refused_association(peer),
                Event::Request { token, seid, message } => self.requested(now, token, seid, message),
                Event::Malformed { token, seid, problem } => {
                    let cp = self.owned(token, seid).map_or(Seid(0), |session| session.cp.seid);
                    self.refuse(now, token, cp, problem.into());
                }
                Event::Response { id, result } => self.reported(now, id, result),
            }
        }
    }

    fn refused_association(&self, peer: IpAddr) {
        tracing::debug!(%peer, "PFCP association refused: not an SMF of upf.n4.allow");
        self.rejects.record(runtime::Reject {
            about: format!("SMF {peer}"),
            what: "PFCP association refused: the sender is not allowed to control this UPF".into(),
            peer_sent: format!("PFCP Association Setup Request from {peer}"),
            configured: "other SMFs (upf.n4.allow, upf.n4.smfs)".into(),
            key: "upf.n4.allow".into(),
        });
    }

    fn note_associations(&self) {
        let names = self.endpoint.associations().map(|(peer, node_id)| format!("{node_id} ({peer})")).collect();
        *self.shared.associations.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Ends the sessions of an SMF with its association (TS 29.244 6.2.8, TS 23.527 4.2).
    fn association_down(&mut self, now: Instant, peer: IpAddr, why: pfcp::Down) {
        let ended: Vec<u64> =
            self.sessions.iter().filter(|(_, session)| session.peer == peer).map(|(seid, _)| *seid).collect();
        tracing::warn!(%peer, ?why, sessions = ended.len(), "PFCP association ended");
        ended.into_iter().for_each(|seid| self.end_quietly(now, seid));
        self.applications.set(peer, BTreeMap::new());
        self.renewals.forget(peer);
        self.load.forget(peer);
        self.note_associations();
    }

    /// The session, if it belongs to the SMF that asks: others have none of this number.
    fn owned(&self, token: RequestToken, Seid(seid): Seid) -> Option<&PduSession> {
        self.sessions.get(&seid).filter(|session| session.peer == token.peer())
    }

    fn requested(&mut self, now: Instant, token: RequestToken, seid: Seid, message: Message) {
        let owned = self.owned(token, seid).map(|session| session.cp.seid);
        let (cp, done) = match (message, owned) {
            (Message::SessionEstablishmentRequest(request), _) => {
                (request.cp_f_seid.seid, self.establish(now, token, &request))
            }
            (Message::SessionModificationRequest(request), Some(cp)) => (cp, self.modify(now, token, seid.0, &request)),
            (Message::SessionDeletionRequest(_), Some(cp)) => (cp, self.delete(now, token, seid.0)),
            (Message::SessionModificationRequest(_) | Message::SessionDeletionRequest(_), None) => {
                (Seid(0), Err(Refusal::of(Cause::SessionContextNotFound)))
            }
            (Message::PfdManagementRequest(request), _) => (Seid(0), self.provide(now, token, &request)),
            // A session report is the UPF's to send.
            _ => (Seid(0), Err(Refusal::of(Cause::ServiceNotSupported))),
        };
        if let Err(refusal) = done {
            self.refuse(now, token, cp, refusal);
        }
    }

    /// Refuses a request; with the rule at fault, where one is.
    fn refuse(&mut self, now: Instant, token: RequestToken, cp: Seid, refusal: Refusal) {
        let Refusal { cause, offending, failed } = refusal;
        self.requests.count(token.kind(), cause);
        tracing::debug!(peer = %token.peer(), kind = ?token.kind(), %cause, ?offending, ?failed, "PFCP request refused");
        let offending_ie = offending.map(pfcp::OffendingIe);
        let (load, overload) = self.news(now, token.peer());
        let answered = match (token.kind(), failed) {
            (pfcp::MessageType::SessionEstablishmentRequest, _) => {
                let response = pfcp::SessionEstablishmentResponse::new(self.node_id(), cause);
                let response = pfcp::SessionEstablishmentResponse {
                    offending_ie,
                    failed_rule_id: failed,
                    load,
                    overload,
                    ..response
                };
                self.endpoint.respond(token, cp, response)
            }
            (pfcp::MessageType::SessionModificationRequest, _) => {
                let response = pfcp::SessionModificationResponse::new(cause);
                let response = pfcp::SessionModificationResponse {
                    offending_ie,
                    failed_rule_id: failed,
                    load,
                    overload,
                    ..response
                };
                self.endpoint.respond(token, cp, response)
            }
            _ => {
                self.endpoint.refuse(token, cp, cause, offending);
                Ok(())
            }
        };
        if let Err(why) = answered {
            tracing::error!(%why, "a refusal cannot be sent");
        }
    }

    /// What an SMF is to be told of our load with the next response.
    fn news(
        &mut self,
        now: Instant,
        smf: IpAddr,
    ) -> (Option<pfcp::LoadControlInformation>, Option<pfcp::OverloadControlInformation>) {
        if self.load.is_due(now) {
            let busy = self.shared.counters.iter().map(|counters| counters.busy_nanos()).collect();
            self.load.look(now, busy);
        }
        self.load.update(now, (self.sessions.len(), self.settings.max_sessions), self.pending.len());
        self.load.news(smf)
    }

    fn node_id(&self) -> NodeId {
        self.settings.endpoint.node_id.clone()
    }

    /// What a request of a session is read by.
    fn context(&self, now: Instant, token: RequestToken, kind: rules::Kind) -> convert::Context<'_> {
        let (applications, policies) = (self.applications.of(token.peer()), &self.settings.policies);
        convert::Context { now, wall: SystemTime::now(), applications, policies, kind }
    }

    /// PFCP Session Establishment (TS 29.244 6.3.2).
    fn establish(
        &mut self,
        now: Instant,
        token: RequestToken,
        message: &pfcp::SessionEstablishmentRequest,
    ) -> Result<(), Refusal> {
        if self.sessions.len() >= self.settings.max_sessions {
            return Err(Refusal::of(Cause::NoResourcesAvailable));
        }
        self.next_seid += 1;
        let seid = self.next_seid;
        let kind = convert::kind(message, &self.settings.networks)?;
        let request = convert::establishment(message, self.context(now, token, kind))?;
        self.end_forgotten(now, token.peer(), &request);
        let mut session = PduSession::new(message.cp_f_seid, token.peer());
        let install = self.change(now, seid, &mut session, &request)?;
        let mut response = pfcp::SessionEstablishmentResponse::new(self.node_id(), Cause::RequestAccepted);
        response.up_f_seid = Some(FSeid::new(Seid(seid), self.settings.n4));
        response.created_pdrs = self.created(&message.create_pdrs, &session.rules);
        self.sessions.insert(seid, session);
        self.count_sessions();
        self.pending.insert(install, Pending::Establish { token, cp: message.cp_f_seid.seid, response });
        Ok(())
    }

    /// Ends sessions that this SMF gave up without our knowing: it gives their addresses to others.
    fn end_forgotten(&mut self, now: Instant, peer: IpAddr, request: &Request) {
        let addresses = request.pdrs.create.iter().flat_map(|(_, pdr)| pdr.pdi.ue.iter());
        let holders: Vec<u64> = addresses.filter_map(|address| self.resources.holder(*address)).collect();
        for seid in holders {
            if self.sessions.get(&seid).is_some_and(|session| session.peer == peer) {
                tracing::info!(seid, "session replaced: its SMF gives its address to another");
                self.end_quietly(now, seid);
            }
        }
    }

    /// PFCP Session Modification (6.3.3).
    fn modify(
        &mut self,
        now: Instant,
        token: RequestToken,
        seid: u64,
        message: &pfcp::SessionModificationRequest,
    ) -> Result<(), Refusal> {
        let kind = self.sessions.get(&seid).map(|session| session.rules.kind).unwrap_or_default();
        let request = convert::modification(message, self.context(now, token, kind))?;
        let mut session = self.sessions.remove(&seid).ok_or(Refusal::of(Cause::SessionContextNotFound))?;
        let changed = self.change(now, seid, &mut session, &request);
        let created = self.created(&message.create_pdrs, &session.rules);
        if let (Ok(_), Some(cp)) = (&changed, message.cp_f_seid) {
            session.cp = cp;
        }
        self.sessions.insert(seid, session);
        let mut response = pfcp::SessionModificationResponse::new(Cause::RequestAccepted);
        response.created_pdrs = created;
        let query = message.query_urr_reference;
        self.pending.insert(changed?, Pending::Modify { token, seid, response, query });
        Ok(())
    }

    /// PFCP Session Deletion (6.3.4).
    fn delete(&mut self, now: Instant, token: RequestToken, seid: u64) -> Result<(), Refusal> {
        let mut session = self.sessions.remove(&seid).ok_or(Refusal::of(Cause::SessionContextNotFound))?;
        let request = Request::deletion(&session.rules);
        match self.change(now, seid, &mut session, &request) {
            Ok(install) => {
                self.count_sessions();
                self.pending.insert(install, Pending::Delete { token, session: Box::new(session) });
                Ok(())
            }
            Err(refusal) => {
                self.sessions.insert(seid, session);
                Err(refusal)
            }
        }
    }

    /// Ends a session that nobody waits for.
    fn end_quietly(&mut self, now: Instant, seid: u64) {
        let Some(mut session) = self.sessions.remove(&seid) else { return };
        let request = Request::deletion(&session.rules);
        if let Ok(install) = self.change(now, seid, &mut session, &request) {
            self.pending.insert(install, Pending::Quiet);
        }
        self.count_sessions();
    }

    fn count_sessions(&self) {
        self.shared.sessions.store(self.sessions.len(), Ordering::Relaxed);
    }

    /// Plans a change and applies it: the worker has it in its queue then, and will say when it is in force.
    fn change(
        &mut self,
        now: Instant,
        seid: u64,
        session: &mut PduSession,
        request: &Request,
    ) -> Result<InstallId, Refusal> {
        let change = rules::plan(&session.rules, request, &self.settings.limits)?;
        self.next_install += 1;
        let install = InstallId(self.next_install);
        let bucket = session.bucket;
        let lan = ethernet::bucket(change.session.kind);
        let backend = Backend {
            resources: &mut self.resources,
            workers: &self.workers,
            catalogue: &mut self.catalogue,
            seid,
            install,
            bucket,
            lan,
        };
        #[cfg(test)]
        let backend = chaos::Failing { backend, faults: &mut self.faults };
        let mut backend = backend;
        match rules::apply(&mut backend, &session.rules, change) {
            Ok(rules) => {
                if let Some(paths) = &mut self.paths {
                    paths.changed(now, &session.rules, &rules);
                }
                session.set_rules(rules, SystemTime::now());
                Ok(install)
            }
            Err(why) => Err(self.unavailable(why)),
        }
    }

    /// Explains what could not be taken, and how PFCP says it.
    fn unavailable(&self, why: Unavailable) -> Refusal {
        let about_address = |cause| Refusal { offending: Some(pfcp::ie::UE_IP_ADDRESS), ..Refusal::of(cause) };
        match why {
            Unavailable::NoPool(address) => {
                let pools = self.settings.pools.iter().map(|pool| format!("{} {}", pool.dnn, pool.network));
                self.rejects.record(runtime::Reject {
                    about: address.to_string(),
                    what: "PFCP session refused".into(),
                    peer_sent: format!("UE address {address}"),
                    configured: pools.collect::<Vec<_>>().join(", "),
                    key: "network.dnns".into(),
                });
                about_address(Cause::MandatoryIeIncorrect)
            }
            Unavailable::NoNetwork => {
                Refusal { offending: Some(pfcp::ie::NETWORK_INSTANCE), ..Refusal::of(Cause::MandatoryIeIncorrect) }
            }
            Unavailable::Route(_) => {
                Refusal { offending: Some(pfcp::ie::FRAMED_ROUTE), ..Refusal::of(Cause::RequestRejected) }
            }
            Unavailable::NoAddress => Refusal::of(Cause::AllDynamicAddressesAreOccupied),
            Unavailable::InUse(_) => about_address(Cause::RequestRejected),
            Unavailable::Tunnel(_) => Refusal::of(Cause::InvalidFTeidAllocationOption),
            Unavailable::NoTunnel | Unavailable::NoRoute => Refusal::of(Cause::NoResourcesAvailable),
            Unavailable::NoWorker => Refusal::of(Cause::SystemFailure),
        }
    }

    /// The tunnels and addresses given out to new PDRs.
    fn created(&self, pdrs: &[pfcp::CreatePdr], rules: &rules::Session) -> Vec<CreatedPdr> {
        let created = pdrs.iter().filter_map(|pdr| {
            let pdi = &rules.pdrs.get(&rules::PdrId(pdr.pdr_id.0))?.pdi;
            let chosen = matches!(pdr.pdi.f_teid, Some(FTeid::Choose { .. }));
            let teid = pdi.tunnel.filter(|_| chosen).and_then(|tunnel| tunnel.teid());
            let ue_ip_addresses = convert::chosen_addresses(&pdr.pdi, pdi);
            let f_teid = teid.map(|teid| FTeid::new(Teid(teid.0), self.settings.n3));
            let told = f_teid.is_some() || !ue_ip_addresses.is_empty();
            told.then_some(CreatedPdr { pdr_id: pdr.pdr_id, f_teid, ue_ip_addresses })
        });
        created.collect()
    }

    /// A change is in force: the SMF gets its answer.
    fn installed(&mut self, now: Instant, install: InstallId, usage: &[Usage]) {
        let wall = SystemTime::now();
        let (token, cp, mut message) = match self.pending.remove(&install) {
            Some(Pending::Establish { token, cp, response }) => (token, cp, Message::from(response)),
            Some(Pending::Modify { token, seid, mut response, query }) => {
                let Some(session) = self.sessions.get_mut(&seid) else { return };
                let reports = usage.iter().map(|usage| {
                    let kept = session.rules.urrs.contains_key(&rules::UrrId(usage.urr));
                    let trigger = if kept { UsageReportTrigger::IMMER } else { UsageReportTrigger::TERMR };
                    let query_urr_reference = query.filter(|_| kept);
                    UsageReport { query_urr_reference, ..session.report(usage, trigger, wall) }
                });
                response.usage_reports = reports.collect();
                session.forget_removed();
                (token, session.cp.seid, response.into())
            }
            Some(Pending::Delete { token, mut session }) => {
                let mut response = pfcp::SessionDeletionResponse::new(Cause::RequestAccepted);
                let reports = usage.iter().map(|usage| session.report(usage, UsageReportTrigger::TERMR, wall));
                response.usage_reports = reports.collect();
                (token, session.cp.seid, response.into())
            }
            Some(Pending::Renew { number }) => return self.provided(number, 1),
            Some(Pending::Quiet) | None => return,
        };
        let (load, overload) = self.news(now, token.peer());
        message.tell_load(load, overload);
        self.requests.count(token.kind(), Cause::RequestAccepted);
        if let Err(why) = self.endpoint.respond(token, cp, message) {
            tracing::error!(%why, "an answer cannot be sent");
            self.endpoint.refuse(token, cp, Cause::SystemFailure, None);
        }
    }

    /// PFCP Session Report (6.3.5).
    fn report(&mut self, now: Instant, seid: u64, report: SessionReportRequest) {
        let Some(session) = self.sessions.get(&seid) else { return };
        match self.endpoint.request(now, session.peer, session.cp.seid, report) {
            Ok(id) => drop(self.reports.insert(id, seid)),
            Err(why) => tracing::debug!(seid, %why, "no session report"),
        }
    }

    /// What an SMF said to a session report.
    fn reported(&mut self, now: Instant, id: RequestId, result: Result<Message, pfcp::RequestError>) {
        let Some(seid) = self.reports.remove(&id) else { return };
        match result {
            // TS 29.244 6.3.5: the SMF knows no such session any more.
            Ok(Message::SessionReportResponse(response)) if response.cause == Cause::SessionContextNotFound => {
                tracing::info!(seid, "session ended: its SMF does not know it");
                self.end_quietly(now, seid);
            }
            Ok(Message::SessionReportResponse(response)) => {
                let mut request = Request::default();
                request.bars.update = response.update_bars.iter().map(convert::update_bar).collect();
                request.drop_buffered =
                    response.sr_rsp_flags.is_some_and(|flags| flags.0 & pfcp::SrRspFlags::DROBU.0 != 0);
                if request != Request::default() {
                    self.change_quietly(now, seid, &request);
                }
            }
            Ok(_) => {}
            Err(why) => tracing::debug!(seid, %why, "no answer to a session report"),
        }
    }

    /// Changes a session by what an answer of its SMF asks: nothing is left to answer.
    fn change_quietly(&mut self, now: Instant, seid: u64, request: &Request) {
        let Some(mut session) = self.sessions.remove(&seid) else { return };
        match self.change(now, seid, &mut session, request) {
            Ok(install) => drop(self.pending.insert(install, Pending::Quiet)),
            Err(why) => tracing::debug!(seid, ?why, "what the answer to a session report asks cannot be"),
        }
        self.sessions.insert(seid, session);
    }
}

/// What a change acts on.
struct Backend<'a> {
    resources: &'a mut Resources,
    workers: &'a Workers,
    catalogue: &'a mut Catalogue,
    seid: u64,
    install: InstallId,
    /// The session's, where it is not new.
    bucket: Option<Bucket>,
    /// The bucket of its Ethernet data network.
    lan: Option<Bucket>,
}

impl rules::Backend for Backend<'_> {
    type Failure = Unavailable;

    fn claim_address(&mut self, address: IpAddr) -> Result<(), Unavailable> {
        self.resources.claim(address, self.seid)
    }

    fn claim_route(&mut self, network: IpNet) -> Result<(), Unavailable> {
        self.resources.claim_route(network)
    }

    fn release_route(&mut self, network: IpNet) {
        self.resources.release_route(network);
    }

    fn allocate_address(&mut self, networks: &BTreeSet<String>, ipv4: bool) -> Result<IpAddr, Unavailable> {
        self.resources.allocate_address(networks, ipv4, self.seid)
    }

    fn release_address(&mut self, address: IpAddr) {
        self.resources.release(address);
    }

    fn allocate_tunnel(&mut self, near: Option<IpAddr>) -> Result<rules::Teid, Unavailable> {
        self.resources.allocate(self.home(near))
    }

    fn restore_tunnel(&mut self, teid: rules::Teid, near: Option<IpAddr>) -> Result<(), Unavailable> {
        self.resources.restore(teid, self.home(near))
    }

    fn release_tunnel(&mut self, teid: rules::Teid) {
        self.resources.free(teid);
    }

    fn install(
        &mut self,
        before: &rules::Session,
        after: &rules::Session,
        effects: &Effects,
    ) -> Result<(), Unavailable> {
        if !self.workers.are_running() {
            return Err(Unavailable::NoWorker);
        }
        let session = (!after.is_empty()).then(|| self.catalogue.compile(self.seid, after, Instant::now()));
        let command = Command::Install {
            id: self.install,
            session,
            seid: self.seid,
            report: effects.report.iter().map(|urr| urr.0).collect(),
            end_markers: effects.end_markers.clone(),
            drop_buffered: effects.drop_buffered,
        };
        let own = if after.is_empty() { before } else { after };
        let home = self.bucket.unwrap_or_else(|| Bucket::of_session(own));
        // The session's other addresses may lie in other buckets than it does.
        let (had, has) = (before.addresses(), after.addresses());
        had.difference(&has).for_each(|address| self.workers.signpost(*address, None));
        has.difference(&had).for_each(|address| self.workers.signpost(*address, Some(home)));
        self.lead_routes(before, after, home);
        self.workers.send(home, command);
        Ok(())
    }
}
