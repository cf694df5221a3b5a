//! All associations, and the doing of what they ask for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ngap::{Cause, CauseMisc, GlobalRanNodeId, Message, Tai};
use tokio::sync::{mpsc, watch};

use super::outbox::{Connection, Outbox, Outgoing};
use super::{Action, Association, AssociationId, Context};
use crate::core::Core;
use crate::ue::event::Event;

/// The associations of all nodes. The lock is held for one message at a time, never across an `await`.
#[derive(Default)]
pub(crate) struct Associations {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    all: HashMap<AssociationId, Entry>,
}

struct Entry {
    machine: Association,
    end: watch::Sender<bool>,
}

/// A new association, for whoever carries its octets.
pub(crate) struct Opened {
    /// To be named with every message.
    pub(crate) id: AssociationId,
    /// Takes what is to be sent.
    pub(crate) outbox: Outbox,
    /// What is to be sent.
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    /// Becomes `true` when the association is to be ended.
    pub(crate) end: watch::Receiver<bool>,
}

/// What people see of a node.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct NodeSummary {
    id: String,
    name: Option<String>,
    tacs: Vec<u32>,
    ues: usize,
}

impl Associations {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends an association as soon as its carrier notices.
    pub(crate) fn ask_to_end(&self, id: AssociationId) {
        if let Some(entry) = self.open().all.get(&id) {
            entry.end.send_replace(true);
        }
    }

    /// Commands the release of a UE.
    pub(crate) fn release(&self, now: Instant, connection: &Connection, cause: Cause, cx: &Context<'_>) {
        let mut open = self.open();
        if let Some(entry) = open.all.get_mut(&connection.association) {
            let actions = entry.machine.release(now, connection.amf_ue_ngap_id, cause, cx);
            // A release asks for nothing but the end of an association that does not take it.
            if !actions.is_empty() {
                entry.end.send_replace(true);
            }
        }
    }

    /// Sends a message to every node that serves one of the areas; to how many.
    pub(crate) fn send_to_areas(&self, areas: &[Tai], message: &Message) -> usize {
        let mut open = self.open();
        let nodes = open.all.values_mut().filter(|entry| entry.machine.covers(areas));
        nodes.map(|entry| entry.machine.send(message)).count()
    }

    /// Sends a message to every node that is set up.
    pub(crate) fn send_to_all(&self, message: &Message) {
        let mut open = self.open();
        let nodes = open.all.values_mut().filter(|entry| entry.machine.node().is_some());
        nodes.for_each(|entry| entry.machine.send(message));
    }

    /// Sends a message to one node.
    pub(crate) fn send_to(&self, id: AssociationId, message: &Message) {
        if let Some(entry) = self.open().all.get_mut(&id) {
            entry.machine.send(message);
        }
    }

    pub(crate) fn handle_timeout(&self, now: Instant) {
        for entry in self.open().all.values_mut() {
            entry.machine.handle_timeout(now);
            if entry.machine.take_actions().iter().any(|action| matches!(action, Action::End)) {
                entry.end.send_replace(true);
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.open().all.values().filter_map(|entry| entry.machine.poll_timeout()).min()
    }

    /// How many there are, set up or not.
    pub(crate) fn len(&self) -> usize {
        self.open().all.len()
    }

    /// How many UEs are connected, as the associations count.
    pub(crate) fn ue_count(&self) -> usize {
        self.open().all.values().map(|entry| entry.machine.ue_count()).sum()
    }

    /// The nodes that are set up.
    pub(crate) fn nodes(&self) -> Vec<NodeSummary> {
        let summary = |entry: &Entry| {
            entry.machine.node().map(|node| NodeSummary {
                id: node.id.to_string(),
                name: node.name.clone(),
                tacs: node.areas.iter().map(|area| area.tac.get()).collect(),
                ues: entry.machine.ue_count(),
            })
        };
        self.open().all.values().filter_map(summary).collect()
    }
}

impl Core {
    /// An association came about with so many outgoing streams. `None` when there are too many.
    pub(crate) fn open_association(&self, now: Instant, streams: u16) -> Option<Opened> {
        let mut open = self.associations.open();
        if open.all.len() >= self.config.limits.gnbs {
            return None;
        }
        open.last += 1;
        let id = AssociationId(open.last);
        let (outbox, outgoing) = Outbox::new(self.config.limits.outbox);
        let (end, ended) = watch::channel(false);
        open.all.insert(id, Entry { machine: Association::new(id, now, outbox.clone(), streams), end });
        Some(Opened { id, outbox, outgoing, end: ended })
    }

    /// A message came on an association, on this stream.
    pub(crate) fn handle_n2(self: &Arc<Self>, now: Instant, id: AssociationId, stream: u16, octets: &[u8]) {
        let actions = match self.associations.open().all.get_mut(&id) {
            Some(entry) => entry.machine.handle_message(now, stream, octets, &self.n2_context()),
            None => return,
        };
        self.perform(id, actions);
    }

    /// An association is gone.
    pub(crate) fn close_association(self: &Arc<Self>, id: AssociationId) {
        let entry = self.associations.open().all.remove(&id);
        if let Some(entry) = entry {
            self.perform(id, entry.machine.close());
        }
    }

    fn perform(self: &Arc<Self>, id: AssociationId, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Initial(connection, message) => self.initial(connection, message),
                Action::Deliver(ue, message) => self.deliver(ue, message),
                Action::Detach(ue, why) => self.detach(ue, why),
                Action::Established(node) => self.established(id, node),
                Action::Relay(node, transfer) => self.relay(node, transfer),
                Action::Explain(reject) => self.rejects.record(reject),
                Action::End => self.associations.ask_to_end(id),
            }
        }
    }

    fn initial(self: &Arc<Self>, connection: Connection, message: Box<ngap::InitialUeMessage>) {
        let event = Event::Initial(message);
        if !self.admit(connection.clone(), event) {
            self.release(&connection, Cause::Misc(CauseMisc::ControlProcessingOverload));
        }
    }

    fn deliver(self: &Arc<Self>, ue: ngap::AmfUeNgapId, message: Box<Message>) {
        let event = match *message {
            Message::UplinkNasTransport(transport) => {
                Event::Nas(transport.nas_pdu, transport.user_location_information.map(Box::new))
            }
            _ => Event::N2(message),
        };
        if self.post(ue, event).is_err() {
            tracing::debug!(ue = ue.get(), "message dropped: the UE has too much waiting, or is gone");
        }
    }

    /// The same node on two associations: the new one takes the place of the old (TS 38.413 8.7.1.1).
    fn established(&self, id: AssociationId, node: GlobalRanNodeId) {
        tracing::info!(%node, "NG Setup");
        let open = self.associations.open();
        let is_same = |entry: &Entry| entry.machine.node().is_some_and(|other| other.id == node);
        for (_, entry) in open.all.iter().filter(|(other, entry)| **other != id && is_same(entry)) {
            entry.end.send_replace(true);
        }
        drop(open);
        self.note_node(id);
    }

    fn relay(self: &Arc<Self>, node: GlobalRanNodeId, transfer: ngap::SonConfigurationTransfer) {
        let mut open = self.associations.open();
        let is_target = |entry: &&mut Entry| entry.machine.node().is_some_and(|other| other.id == node);
        if let Some(entry) = open.all.values_mut().find(is_target) {
            let actions = entry.machine.relayed(transfer);
            if !actions.is_empty() {
                entry.end.send_replace(true);
            }
        }
    }
}
