//! What all UEs' tasks share, and the way from an event to the task of its UE.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nas::{CipheringAlgorithm, IntegrityAlgorithm};
use ngap::{AmfUeNgapId, Cause, Message, OverloadAction, OverloadStart, OverloadStop};
use runtime::trace::{Message as Shown, Trace};
use runtime::{Context as RuntimeContext, Metrics, Rejects, StartError};
use sbi_api::nausf_auth::NausfAuth;
use sbi_api::nudm_sdm::NudmSdm;
use sbi_api::nudm_uecm::NudmUecm;
use sbi_api::{ApiRoot, Caller};
use sbi_models::Supi;
use tokio::sync::Notify;
use tracing::Instrument;
use uuid::Uuid;

use crate::admission::{Admission, Kind};
use crate::config::Config;
use crate::directory::{Directory, Posted};
use crate::ids::{SmContextIds, UeIds};
use crate::n2::serve::Associations;
use crate::n2::{AssociationId, Connection, Context, Detached};
use crate::served::Served;
use crate::ue::Ue;
use crate::ue::context::{Subscription, UeContext};
use crate::ue::event::Event;
use crate::ue::task;

/// The AMF without its interfaces' I/O.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) served: Served,
    /// The operator's preferences, as NAS names them.
    pub(crate) integrity: Vec<IntegrityAlgorithm>,
    pub(crate) ciphering: Vec<CipheringAlgorithm>,
    pub(crate) instance_id: Uuid,
    pub(crate) api_root: ApiRoot,
    pub(crate) caller: Arc<dyn Caller>,
    pub(crate) nausf: NausfAuth,
    pub(crate) nudm_uecm: NudmUecm,
    pub(crate) nudm_sdm: NudmSdm,
    pub(crate) metrics: Metrics,
    pub(crate) rejects: Rejects,
    pub(crate) trace: Trace,
    pub(crate) directory: Directory,
    pub(crate) admission: Admission,
    pub(crate) associations: Associations,
    pub(crate) ids: UeIds,
    pub(crate) sm_contexts: SmContextIds,
    /// The nodes are asked to hold back what UEs begin.
    overloaded: AtomicBool,
    /// Something is due that was not foreseen when [`Core::next_timeout`] was asked.
    pub(crate) due: Notify,
    /// The subscriptions seen last: most subscribers have one of a few.
    subscriptions: Mutex<VecDeque<Arc<Subscription>>>,
}

/// Subscriptions kept for sharing.
const SHARED: usize = 16;

impl Core {
    /// An AMF with nobody connected.
    pub(crate) fn new(ctx: RuntimeContext<Config>) -> Result<Self, StartError> {
        let RuntimeContext { config, network, instance_id, caller, api_root, metrics, rejects, trace, .. } = ctx;
        config.check().map_err(|(key, why)| StartError::config(key, why))?;
        let served = Served::new(network, &config.identity).map_err(|error| StartError::config("network", error))?;
        let limits = &config.limits;
        Ok(Self {
            integrity: config.security.integrity.iter().map(|algorithm| (*algorithm).into()).collect(),
            ciphering: config.security.ciphering.iter().map(|algorithm| (*algorithm).into()).collect(),
            nausf: NausfAuth::new(caller.clone()),
            nudm_uecm: NudmUecm::new(caller.clone()),
            nudm_sdm: NudmSdm::new(caller.clone()),
            directory: Directory::new(limits),
            admission: Admission::new(&limits.procedures),
            associations: Associations::default(),
            ids: UeIds::new(),
            sm_contexts: SmContextIds::new(),
            overloaded: AtomicBool::new(false),
            due: Notify::new(),
            subscriptions: Mutex::default(),
            served,
            instance_id,
            api_root,
            caller,
            metrics,
            rejects,
            trace,
            config,
        })
    }

    /// What deciding about N2 needs.
    pub(crate) fn n2_context(&self) -> Context<'_> {
        Context {
            served: &self.served,
            ids: &self.ids,
            max_ues: self.config.limits.ues_per_gnb,
            release_time: self.config.timers.n2(),
        }
    }

    /// One copy of subscriptions that are the same.
    pub(crate) fn share(&self, subscription: Subscription) -> Arc<Subscription> {
        let mut shared = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = shared.iter().find(|known| ***known == subscription) {
            return same.clone();
        }
        let new = Arc::new(subscription);
        shared.push_front(new.clone());
        shared.truncate(SHARED);
        new
    }

    /// Gives an event to its UE; a UE at rest gets a task. What cannot be given is returned.
    pub(crate) fn post(self: &Arc<Self>, id: AmfUeNgapId, event: Event) -> Result<(), Event> {
        match self.directory.post(id, event) {
            Posted::Delivered => Ok(()),
            Posted::Dropped(event) => Err(event),
            Posted::Wake(context, mailbox, event) => {
                self.spawn(Ue::new(self.clone(), id, context, mailbox), event);
                Ok(())
            }
        }
    }

    /// Starts a task for a UE that has just connected. `false` when there are too many.
    pub(crate) fn admit(self: &Arc<Self>, connection: Connection, event: Event) -> bool {
        let id = connection.amf_ue_ngap_id;
        let context = Box::new(UeContext::connected(connection));
        match self.directory.open(id, &context) {
            Some(mailbox) => self.spawn(Ue::new(self.clone(), id, context, mailbox), event),
            None => return false,
        }
        true
    }

    fn spawn(&self, ue: Ue, event: Event) {
        let span = tracing::debug_span!("ue", id = ue.id.get(), supi = tracing::field::Empty);
        if let Some(supi) = &ue.context.supi {
            span.record("supi", supi.as_str());
        }
        // Not awaited: the task puts its UE to rest, or takes it out of the directory, whatever ends it.
        drop(tokio::spawn(task::run(ue, event).instrument(span)));
    }

    /// Shows a message on a UE's connection to who watches.
    pub(crate) fn show_n2(
        &self,
        ngap: AmfUeNgapId,
        supi: Option<&Supi>,
        incoming: bool,
        name: impl FnOnce() -> String,
    ) {
        self.trace.message(|| {
            let [from, to] = if incoming { ["gNB", "AMF"] } else { ["AMF", "gNB"] };
            let keys = supi.map(|supi| supi.to_string()).into_iter().chain([format!("ngap:{}", ngap.get())]);
            Shown { from: from.into(), to: to.into(), name: name(), keys: keys.collect() }
        });
    }

    /// Commands a node to release a UE.
    pub(crate) fn release(&self, connection: &Connection, cause: Cause) {
        self.show_n2(connection.amf_ue_ngap_id, None, false, || "UeContextReleaseCommand".into());
        self.associations.release(now(), connection, cause, &self.n2_context());
    }

    /// Tells the nodes when too much waits here, and when it does not any more (Overload Start and Stop, TS 38.413 8.7.6 and
    /// 8.7.7): from half of the queue on, or of the time that a UE is kept waiting, until an eighth is left.
    pub(crate) fn note_load(&self) {
        let (waiting, most) = (self.admission.waiting(), self.config.limits.procedures.queue);
        let load = (waiting as f64 / most as f64).max(self.admission.waited());
        // One of several tasks that see the same tells it; nothing else is ordered by it.
        if load >= 0.5 && !self.overloaded.swap(true, Ordering::Relaxed) {
            tracing::warn!(waiting, "too many procedures wait (amf.limits.procedures): gNBs are told to hold back");
            self.associations.send_to_all(&overload_start());
        } else if load <= 0.125 && self.overloaded.swap(false, Ordering::Relaxed) {
            tracing::info!(waiting, "gNBs need not hold back any more");
            self.associations.send_to_all(&OverloadStop {}.into());
        }
    }

    /// A node is here: it learns what the others know.
    pub(crate) fn note_node(&self, id: AssociationId) {
        if self.overloaded.load(Ordering::Relaxed) {
            self.associations.send_to(id, &overload_start());
        }
    }

    /// Asks for the end of an association that is of no use.
    pub(crate) fn end_association(&self, id: AssociationId) {
        self.associations.ask_to_end(id);
    }

    /// A UE has lost its connection without anybody's command.
    pub(crate) fn detach(self: &Arc<Self>, id: AmfUeNgapId, why: Detached) {
        let mut deadline = None;
        let at_rest = self.directory.detach(id, |context| {
            deadline = self.deadline(now(), context);
            deadline
        });
        if !at_rest {
            // The UE may be gone, or have another connection since.
            let _ = self.post(id, Event::Detached(id, why));
        }
        self.timed(deadline, false);
    }

    /// When something of a UE at rest is due.
    pub(crate) fn deadline(&self, now: Instant, context: &UeContext) -> Option<Instant> {
        let timers = &self.config.timers;
        match context.signalling {
            Some(_) => context.kept_until,
            None if context.has_user_plane() => Some(now),
            None => {
                context.kept_until.or_else(|| Some(now + timers.mobile_reachable() + timers.implicit_deregistration()))
            }
        }
    }

    /// A UE rests until then, one too many perhaps: who keeps the time is told if something is due now.
    pub(crate) fn timed(&self, deadline: Option<Instant>, in_excess: bool) {
        if in_excess || deadline.is_some_and(|deadline| deadline <= now()) {
            self.due.notify_one();
        }
    }

    /// Does what time asks for: UEs of which something is due, as many as there is room for, releases that were never
    /// completed, and UEs that have waited too long.
    pub(crate) fn handle_timeout(self: &Arc<Self>, now: Instant) {
        for id in self.directory.due(now, self.config.limits.procedures.release) {
            let Some(permit) = self.admission.free(Kind::Release) else { break };
            // It may have come back this very moment: then its task ignores it.
            let _ = self.post(id, Event::Due(permit));
        }
        self.associations.handle_timeout(now);
        self.admission.handle_timeout();
        self.note_load();
    }

    /// When [`Core::handle_timeout`] is due: at the latest in a second, since associations come and go.
    pub(crate) fn next_timeout(&self, now: Instant) -> Instant {
        let latest = now + Duration::from_secs(1);
        let timeouts = [self.directory.next_deadline(now), self.associations.poll_timeout()];
        timeouts.into_iter().flatten().fold(latest, Instant::min).max(now + Duration::from_millis(10))
    }
}

/// Half of what UEs begin is to be held back; who was paged, or has priority, is let through.
fn overload_start() -> Message {
    let action = OverloadAction::PermitHighPrioritySessionsAndMobileTerminatedServicesOnly;
    OverloadStart { amf_overload_response: Some(action), amf_traffic_load_reduction_indication: Some(50) }.into()
}

/// The time of the runtime's clock, which tests can stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
