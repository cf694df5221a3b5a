//! One node's association as a machine without I/O: who owns which UE, and every procedure that concerns no UE.
//!
//! ```text
//!             NG Setup accepted
//! AwaitSetup ------------------> Ready --+  NG Setup again, NG Reset: all UEs go
//!     | 30 s                       ^-----+
//!     v
//!    end
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngap::{
    AmfUeNgapId, Cause, CauseProtocol, CauseRadioNetwork, CriticalityDiagnostics, DownlinkRanConfigurationTransfer,
    ErrorIndication, GlobalRanNodeId, InitialUeMessage, Message, NgResetAcknowledge, NgSetupRequest,
    RanConfigurationUpdate, RanConfigurationUpdateAcknowledge, RanUeNgapId, ResetType, SonConfigurationTransfer,
    SupportedTaItem, Tai, UeAssociatedLogicalNgConnectionItem, UeContextReleaseCommand, UplinkRanConfigurationTransfer,
};
use runtime::Reject;

use super::message::{Class, classify};
use super::outbox::{Connection, Outbox, Unreachable};
use super::setup;
use crate::ids::UeIds;
use crate::served::Served;

/// How long an association may exist without NG Setup.
const SETUP_TIME: Duration = Duration::from_secs(30);

/// An association within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssociationId(pub(crate) u64);

/// Why a UE lost its connection without a UE Context Release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detached {
    /// The SCTP association ended, or a new one of the same node took its place.
    AssociationLost,
    /// NG Reset, or NG Setup again.
    Reset,
    /// The node gave its RAN UE NGAP ID to another UE, or used it with another's AMF UE NGAP ID.
    IdentityReused,
}

/// What a message asks of the rest of the AMF.
#[derive(Debug)]
pub(crate) enum Action {
    /// A UE connected.
    Initial(Connection, Box<InitialUeMessage>),
    /// A message for a UE of this node.
    Deliver(AmfUeNgapId, Box<Message>),
    /// A UE has lost its connection.
    Detach(AmfUeNgapId, Detached),
    /// The node is set up: an older association of the same node ends.
    Established(GlobalRanNodeId),
    /// For another node.
    Relay(GlobalRanNodeId, SonConfigurationTransfer),
    /// Somebody should know why this node was refused.
    Explain(Reject),
    /// The association is of no further use.
    End,
}

/// What deciding needs from the rest of the AMF.
pub(crate) struct Context<'a> {
    pub(crate) served: &'a Served,
    pub(crate) ids: &'a UeIds,
    pub(crate) max_ues: usize,
    pub(crate) release_time: Duration,
}

/// A node that is set up.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: GlobalRanNodeId,
    pub(crate) name: Option<String>,
    pub(crate) areas: Vec<SupportedTaItem>,
    text: Arc<str>,
}

#[derive(Clone, Copy)]
struct Link {
    ran: RanUeNgapId,
    stream: u16,
    releasing: bool,
}

/// See the module.
pub(crate) struct Association {
    id: AssociationId,
    outbox: Outbox,
    streams: u16,
    next_stream: u16,
    opened: Instant,
    node: Option<Node>,
    ues: HashMap<AmfUeNgapId, Link>,
    by_ran_id: HashMap<RanUeNgapId, AmfUeNgapId>,
    releases: VecDeque<(Instant, AmfUeNgapId)>,
    actions: Vec<Action>,
}

impl Association {
    /// An association that was just opened with so many outgoing streams.
    pub(crate) fn new(id: AssociationId, now: Instant, outbox: Outbox, streams: u16) -> Self {
        Self {
            id,
            outbox,
            streams,
            next_stream: 1,
            opened: now,
            node: None,
            ues: HashMap::new(),
            by_ran_id: HashMap::new(),
            releases: VecDeque::new(),
            actions: Vec::new(),
        }
    }

    /// The node, once it is set up.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// How many UEs are connected through it.
    pub(crate) fn ue_count(&self) -> usize {
        self.ues.len()
    }

    /// Whether it serves one of these areas.
    pub(crate) fn covers(&self, areas: &[Tai]) -> bool {
        let has = |tai: &Tai| {
            let here = |area: &SupportedTaItem| {
                area.tac == tai.tac
                    && area.broadcast_plmn_list.iter().any(|item| item.plmn_identity == tai.plmn_identity)
            };
            self.node.as_ref().is_some_and(|node| node.areas.iter().any(here))
        };
        areas.iter().any(has)
    }

    /// Sends what concerns no UE.
    pub(crate) fn send(&mut self, message: &Message) {
        if self.outbox.send(0, message) == Err(Unreachable) {
            self.actions.push(Action::End);
        }
    }

    /// Takes a message from the node.
    pub(crate) fn handle_message(&mut self, now: Instant, stream: u16, octets: &[u8], cx: &Context<'_>) -> Vec<Action> {
        match ngap::receive(octets) {
            Ok(received) => {
                let notify = (!received.notify.is_empty()).then_some(received.notify);
                let diagnostics = notify
                    .map(|ies| CriticalityDiagnostics { ies_criticality_diagnostics: Some(ies), ..Default::default() });
                self.accept(now, stream, received.message, diagnostics, cx);
            }
            Err(error) => {
                tracing::debug!(association = self.id.0, %error, "message refused");
                if let Some(answer) = error.answer() {
                    self.send(&answer);
                }
            }
        }
        std::mem::take(&mut self.actions)
    }

    fn accept(
        &mut self,
        now: Instant,
        stream: u16,
        message: Message,
        diagnostics: Option<CriticalityDiagnostics>,
        cx: &Context<'_>,
    ) {
        match message {
            Message::NgSetupRequest(request) => return self.ng_setup(request, diagnostics, cx),
            _ if self.node.is_none() => return self.before_setup(&message),
            Message::RanConfigurationUpdate(update) => return self.ran_configuration_update(update, diagnostics, cx),
            _ => {}
        }
        if let Some(diagnostics) = diagnostics {
            let cause = Cause::Protocol(CauseProtocol::AbstractSyntaxErrorIgnoreAndNotify);
            self.error_indication(None, None, cause, Some(diagnostics));
        }
        match classify(&message) {
            Class::Ue(amf, ran) => self.ue_message(amf, ran, message),
            Class::Interface => self.interface_message(now, stream, message, cx),
            Class::Misdirected => self.incompatible(),
            Class::Unasked => {
                tracing::debug!(association = self.id.0, message = message.name(), "nobody asked for this")
            }
        }
    }

    fn interface_message(&mut self, now: Instant, stream: u16, message: Message, cx: &Context<'_>) {
        match message {
            Message::InitialUeMessage(message) => self.initial_ue_message(now, stream, message, cx),
            Message::NgReset(reset) => self.ng_reset(reset.reset_type),
            Message::ErrorIndication(error) => self.error_indicated(error),
            Message::UplinkRanConfigurationTransfer(transfer) => self.relay(transfer),
            Message::Unsupported(unsupported) => {
                if let Some(answer) = unsupported.answer() {
                    self.send(&answer);
                }
            }
            _ => {}
        }
    }

    /// Before NG Setup there is nothing else (8.7.1.1).
    fn before_setup(&mut self, message: &Message) {
        tracing::debug!(association = self.id.0, message = message.name(), "before NG Setup");
        if !matches!(message, Message::ErrorIndication(_)) && !matches!(classify(message), Class::Unasked) {
            self.incompatible();
        }
    }

    fn incompatible(&mut self) {
        let cause = Cause::Protocol(CauseProtocol::MessageNotCompatibleWithReceiverState);
        self.error_indication(None, None, cause, None);
    }

    fn error_indication(
        &mut self,
        amf: Option<AmfUeNgapId>,
        ran: Option<RanUeNgapId>,
        cause: Cause,
        criticality_diagnostics: Option<CriticalityDiagnostics>,
    ) {
        self.send(&Message::ErrorIndication(ErrorIndication {
            amf_ue_ngap_id: amf,
            ran_ue_ngap_id: ran,
            cause: Some(cause),
            criticality_diagnostics,
            five_g_s_tmsi: None,
        }));
    }

    /// NG Setup (8.7.1). Doing it again starts the interface afresh.
    fn ng_setup(&mut self, request: NgSetupRequest, diagnostics: Option<CriticalityDiagnostics>, cx: &Context<'_>) {
        self.detach_all(Detached::Reset);
        let node = request.global_ran_node_id;
        if let Err(mismatch) = setup::check(&request.supported_ta_list, cx.served) {
            self.node = None;
            let (mut failure, reject) = setup::failure(mismatch, &node, &request.supported_ta_list, cx.served);
            failure.criticality_diagnostics = diagnostics;
            self.actions.push(Action::Explain(reject));
            return self.send(&failure.into());
        }
        let text = match &request.ran_node_name {
            Some(name) => format!("{node} {name:?}"),
            None => node.to_string(),
        };
        let name = request.ran_node_name;
        self.node = Some(Node { id: node, name, areas: request.supported_ta_list, text: text.into() });
        self.actions.push(Action::Established(node));
        let mut response = setup::response(cx.served);
        response.criticality_diagnostics = diagnostics;
        self.send(&response.into());
    }

    /// RAN Configuration Update (8.7.2): what is refused changes nothing.
    fn ran_configuration_update(
        &mut self,
        update: RanConfigurationUpdate,
        diagnostics: Option<CriticalityDiagnostics>,
        cx: &Context<'_>,
    ) {
        let Some(node) = &mut self.node else { return };
        let areas = update.supported_ta_list.as_deref();
        if let Some((areas, Err(mismatch))) = areas.map(|areas| (areas, setup::check(areas, cx.served))) {
            let (mut failure, reject) = setup::update_failure(mismatch, &node.id, areas, cx.served);
            failure.criticality_diagnostics = diagnostics;
            self.actions.push(Action::Explain(reject));
            return self.send(&failure.into());
        }
        if let Some(areas) = update.supported_ta_list {
            node.areas = areas;
        }
        if let Some(name) = update.ran_node_name {
            node.text = format!("{} {name:?}", node.id).into();
            node.name = Some(name);
        }
        self.send(&RanConfigurationUpdateAcknowledge { criticality_diagnostics: diagnostics }.into());
    }

    /// NG Reset (8.7.4): the acknowledgement repeats the list, but only this node's UEs are touched.
    fn ng_reset(&mut self, reset: ResetType) {
        let list = match reset {
            ResetType::NgInterface => {
                self.detach_all(Detached::Reset);
                None
            }
            ResetType::PartOfNgInterface(list) => {
                for id in list.iter().filter_map(|item| self.find(item)).collect::<Vec<_>>() {
                    self.detach(id, Detached::Reset);
                }
                Some(list)
            }
        };
        let acknowledge = NgResetAcknowledge {
            ue_associated_logical_ng_connection_list: list.filter(|list| !list.is_empty()),
            criticality_diagnostics: None,
        };
        self.send(&acknowledge.into());
    }

    /// The UE that an item of a reset names; both identifiers must be right if both are there.
    fn find(&self, item: &UeAssociatedLogicalNgConnectionItem) -> Option<AmfUeNgapId> {
        let by_ran_id = item.ran_ue_ngap_id.map(|ran| self.by_ran_id.get(&ran).copied());
        match (item.amf_ue_ngap_id, by_ran_id) {
            (Some(amf), None) => self.ues.contains_key(&amf).then_some(amf),
            (Some(amf), Some(found)) => found.filter(|found| *found == amf),
            (None, found) => found.flatten(),
        }
    }

    fn error_indicated(&mut self, error: ErrorIndication) {
        tracing::info!(association = self.id.0, ?error, "the node indicates an error");
        let item = UeAssociatedLogicalNgConnectionItem {
            amf_ue_ngap_id: error.amf_ue_ngap_id,
            ran_ue_ngap_id: error.ran_ue_ngap_id,
        };
        if let Some(ue) = self.find(&item) {
            self.actions.push(Action::Deliver(ue, Box::new(error.into())));
        }
    }

    fn relay(&mut self, transfer: UplinkRanConfigurationTransfer) {
        if let Some(transfer) = transfer.son_configuration_transfer {
            self.actions.push(Action::Relay(transfer.target_ran_node_id(), transfer));
        }
    }

    /// DOWNLINK RAN CONFIGURATION TRANSFER, from another node.
    pub(crate) fn relayed(&mut self, transfer: SonConfigurationTransfer) -> Vec<Action> {
        self.send(&DownlinkRanConfigurationTransfer { son_configuration_transfer: Some(transfer) }.into());
        std::mem::take(&mut self.actions)
    }

    /// Initial UE Message (8.6.1): a new connection. The node's own identifier says that an older one is gone.
    fn initial_ue_message(&mut self, now: Instant, stream: u16, message: InitialUeMessage, cx: &Context<'_>) {
        let ran = message.ran_ue_ngap_id;
        if let Some(old) = self.by_ran_id.get(&ran).copied() {
            self.detach(old, Detached::IdentityReused);
        }
        self.handle_timeout(now);
        let Some(node) = self.node.as_ref().map(|node| node.text.clone()) else { return };
        if self.ues.len() >= cx.max_ues || self.outbox.is_crowded() {
            let cause = Cause::Misc(ngap::CauseMisc::ControlProcessingOverload);
            return self.error_indication(None, Some(ran), cause, None);
        }
        let (amf, stream) = (cx.ids.next(), self.stream_for(stream));
        self.ues.insert(amf, Link { ran, stream, releasing: false });
        self.by_ran_id.insert(ran, amf);
        let connection = Connection {
            association: self.id,
            outbox: self.outbox.clone(),
            node,
            amf_ue_ngap_id: amf,
            ran_ue_ngap_id: ran,
            stream,
        };
        self.actions.push(Action::Initial(connection, Box::new(message)));
    }

    /// The stream the UE came on, if it is one for UEs and exists our way; else one in turn (TS 38.412 clause 7).
    fn stream_for(&mut self, incoming: u16) -> u16 {
        if incoming != 0 && incoming < self.streams {
            return incoming;
        }
        if self.streams < 2 {
            return 0;
        }
        let stream = self.next_stream;
        self.next_stream = if stream + 1 < self.streams { stream + 1 } else { 1 };
        stream
    }

    /// A message with both identifiers: they must belong together and to this node (10.6).
    fn ue_message(&mut self, amf: AmfUeNgapId, ran: RanUeNgapId, message: Message) {
        match self.ues.get(&amf).copied() {
            None => self.unknown_ue(amf, ran, &message),
            Some(link) if link.ran != ran => {
                let cause = Cause::RadioNetwork(CauseRadioNetwork::InconsistentRemoteUeNgapId);
                self.error_indication(Some(amf), Some(ran), cause, None);
                let other = self.by_ran_id.get(&ran).copied();
                self.detach(amf, Detached::IdentityReused);
                if let Some(other) = other {
                    self.detach(other, Detached::IdentityReused);
                }
            }
            Some(link) => self.own_ue_message(amf, link, message),
        }
    }

    fn own_ue_message(&mut self, amf: AmfUeNgapId, link: Link, message: Message) {
        match message {
            Message::UeContextReleaseComplete(_) if !link.releasing => {
                tracing::debug!(association = self.id.0, %amf, "release complete without command");
            }
            Message::UeContextReleaseComplete(_) => {
                self.forget(amf);
                self.actions.push(Action::Deliver(amf, Box::new(message)));
            }
            // What was under way when the release was commanded has no one to act on it.
            _ if link.releasing => {}
            _ => self.actions.push(Action::Deliver(amf, Box::new(message))),
        }
    }

    fn unknown_ue(&mut self, amf: AmfUeNgapId, ran: RanUeNgapId, message: &Message) {
        if matches!(message, Message::UeContextReleaseComplete(_)) {
            return;
        }
        let cause = Cause::RadioNetwork(CauseRadioNetwork::UnknownLocalUeNgapId);
        self.error_indication(Some(amf), Some(ran), cause, None);
    }

    /// UE Context Release (8.3.3): commands it; the identifiers are free when it is complete, or time is up.
    pub(crate) fn release(&mut self, now: Instant, ue: AmfUeNgapId, cause: Cause, cx: &Context<'_>) -> Vec<Action> {
        if let Some(link) = self.ues.get_mut(&ue).filter(|link| !link.releasing) {
            link.releasing = true;
            let (stream, ran_ue_ngap_id) = (link.stream, link.ran);
            let ue_ngap_ids = ngap::UeNgapIds::Pair { amf_ue_ngap_id: ue, ran_ue_ngap_id };
            self.releases.push_back((now + cx.release_time, ue));
            if self.outbox.send(stream, &UeContextReleaseCommand { ue_ngap_ids, cause }.into()) == Err(Unreachable) {
                self.actions.push(Action::End);
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// Forgets releases that were never completed; ends an association that was never set up.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, ue)) = self.releases.front().copied().filter(|(deadline, _)| *deadline <= now) {
            self.releases.pop_front();
            if self.ues.get(&ue).is_some_and(|link| link.releasing) {
                self.forget(ue);
            }
        }
        if self.node.is_none() && now >= self.opened + SETUP_TIME {
            self.actions.push(Action::End);
        }
    }

    /// When [`Association::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let setup = self.node.is_none().then(|| self.opened + SETUP_TIME);
        let release = self.releases.front().map(|(deadline, _)| *deadline);
        setup.into_iter().chain(release).min()
    }

    /// What a timeout or a failed send asks for.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The association is gone: so are its UEs' connections.
    pub(crate) fn close(mut self) -> Vec<Action> {
        self.detach_all(Detached::AssociationLost);
        self.actions
    }

    fn detach_all(&mut self, why: Detached) {
        for ue in self.ues.keys().copied().collect::<Vec<_>>() {
            self.detach(ue, why);
        }
        self.releases.clear();
    }

    fn detach(&mut self, ue: AmfUeNgapId, why: Detached) {
        if self.forget(ue) {
            self.actions.push(Action::Detach(ue, why));
        }
    }

    fn forget(&mut self, ue: AmfUeNgapId) -> bool {
        let link = self.ues.remove(&ue);
        if let Some(link) = link {
            self.by_ran_id.remove(&link.ran);
        }
        link.is_some()
    }
}
