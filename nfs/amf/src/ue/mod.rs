//! A UE, as the task that owns it holds it: its context, its mailbox, and the ways to talk to it.

pub(crate) mod context;
pub(crate) mod event;
mod nas_security;
pub(crate) mod task;
mod wait;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use nas::{GmmMessage, SecurityHeaderType};
use ngap::{AmfUeNgapId, Cause, DownlinkNasTransport, Message, RrcEstablishmentCause};
use tokio::sync::{mpsc, oneshot};

use crate::admission::{Kind, Permit, Priority, Shed, Turn};
use crate::core::Core;
use crate::stop::{Refusal, Stop, Why};
use context::{Signalling, UeContext};
use event::Event;

pub(crate) use nas_security::proves;
pub(crate) use wait::Incoming;

/// A UE with a task.
pub(crate) struct Ue {
    pub(crate) core: Arc<Core>,
    /// Its place in the directory, which is the AMF UE NGAP ID of the connection it came with.
    pub(crate) id: AmfUeNgapId,
    pub(crate) context: Box<UeContext>,
    mailbox: mpsc::Receiver<Event>,
    /// What came for it and waits until the running procedure has ended.
    pub(crate) deferred: VecDeque<Event>,
    /// The request whose procedure runs, to know it again when the UE repeats it.
    pub(crate) current_request: Vec<u8>,
    /// Why the UE connected, for priorities.
    pub(crate) establishment_cause: RrcEstablishmentCause,
    /// Who the UE says it is, for people alone.
    pub(crate) claims: Option<String>,
    /// The right to run a procedure, given back early if the UE keeps it waiting.
    permit: Option<Permit>,
    /// The NAS message that was protected last and not yet sent, for who watches.
    nas_name: Option<&'static str>,
    gone: bool,
}

impl Ue {
    pub(crate) fn new(
        core: Arc<Core>,
        id: AmfUeNgapId,
        context: Box<UeContext>,
        mailbox: mpsc::Receiver<Event>,
    ) -> Self {
        let (deferred, current_request) = (VecDeque::new(), Vec::new());
        let establishment_cause = RrcEstablishmentCause::NotAvailable;
        Self {
            core,
            id,
            context,
            mailbox,
            deferred,
            current_request,
            establishment_cause,
            claims: None,
            permit: None,
            nas_name: None,
            gone: false,
        }
    }

    /// Waits until a procedure of this kind may run. Its place is free again when it ends, or when it waits too long. A UE that
    /// leaves, or begins something else, leaves the queue; one that repeats its request keeps the place it has.
    pub(crate) async fn admission(&mut self, kind: Kind, priority: Priority) -> Result<(), Stop> {
        self.permit = None;
        let mut turn = match self.core.admission.ask(kind, priority) {
            Ok(Turn::Now(permit)) => {
                self.permit = Some(permit);
                return Ok(());
            }
            Ok(Turn::Later(turn)) => turn,
            Err(Shed) => return Err(congested()),
        };
        self.core.note_load();
        loop {
            if let Some(permit) = self.turn(&mut turn).await? {
                self.permit = Some(permit.map_err(|Shed| congested())?);
                return Ok(());
            }
        }
    }

    /// Waits until something of the UE may be released: that is done whether it has a connection or not, and whether the queue
    /// is full or not. Only a UE that is back meanwhile, or begins something else, leaves the queue.
    pub(crate) async fn release_admission(&mut self) -> Result<(), Stop> {
        self.permit = None;
        let mut turn = match self.core.admission.ask(Kind::Release, Priority::Normal) {
            Ok(Turn::Now(permit)) => {
                self.permit = Some(permit);
                return Ok(());
            }
            Ok(Turn::Later(turn)) => turn,
            Err(Shed) => return Ok(()),
        };
        loop {
            match self.turn(&mut turn).await {
                Ok(None) | Err(Stop::Lost) => {}
                Ok(Some(permit)) => {
                    self.permit = permit.ok();
                    return Ok(());
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// What the queue says, or `None` once something else has come for the UE.
    async fn turn(
        &mut self,
        turn: &mut oneshot::Receiver<Result<Permit, Shed>>,
    ) -> Result<Option<Result<Permit, Shed>>, Stop> {
        tokio::select! {
            biased;
            permit = turn => Ok(Some(permit.unwrap_or(Err(Shed)))),
            // The directory keeps a sender for as long as this task owns the UE.
            event = self.mailbox.recv() => self.meanwhile(event.ok_or(Stop::Lost)?).map(|()| None),
        }
    }

    /// What comes while the UE waits for its turn.
    fn meanwhile(&mut self, event: Event) -> Result<(), Stop> {
        match self.sort(event)? {
            Some(Incoming::Nas(opened)) => self.unexpected_nas(opened),
            Some(other) => {
                self.unexpected(other);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Its connection is for something that does not wait behind others: an emergency, a privileged user, an answer to paging.
    pub(crate) fn is_urgent(&self) -> bool {
        use RrcEstablishmentCause::{Emergency, HighPriorityAccess, McsPriorityAccess, MpsPriorityAccess, MtAccess};
        matches!(
            self.establishment_cause,
            Emergency | HighPriorityAccess | MtAccess | MpsPriorityAccess | McsPriorityAccess
        )
    }

    /// The connection, or [`Stop::Lost`].
    pub(crate) fn signalling(&self) -> Result<&Signalling, Stop> {
        self.context.signalling.as_ref().ok_or(Stop::Lost)
    }

    /// The connection, or [`Stop::Lost`].
    pub(crate) fn signalling_mut(&mut self) -> Result<&mut Signalling, Stop> {
        self.context.signalling.as_mut().ok_or(Stop::Lost)
    }

    /// Both identifiers on N2.
    pub(crate) fn n2_ids(&self) -> Result<(AmfUeNgapId, ngap::RanUeNgapId), Stop> {
        let n2 = &self.signalling()?.n2;
        Ok((n2.amf_ue_ngap_id, n2.ran_ue_ngap_id))
    }

    /// Sends a message about the UE to its node.
    pub(crate) fn send_n2(&mut self, message: &Message) -> Result<(), Stop> {
        let carried = self.nas_name.take();
        self.show(false, message.name(), carried);
        let sent = self.signalling()?.n2.send(message);
        sent.map_err(|_| {
            // The node does not read: its association ends, and with it this connection.
            if let Some(signalling) = self.context.signalling.take() {
                self.core.end_association(signalling.n2.association);
            }
            Stop::Lost
        })
    }

    /// Shows a message on the UE's connection, with the NAS message in it, to who watches.
    pub(crate) fn show(&self, incoming: bool, n2: &'static str, nas: Option<&'static str>) {
        let Some(signalling) = &self.context.signalling else { return };
        self.core.show_n2(signalling.n2.amf_ue_ngap_id, self.context.supi.as_ref(), incoming, || match nas {
            Some(nas) => format!("{n2} ({nas})"),
            None => n2.to_owned(),
        });
    }

    /// Sends a NAS message by itself.
    pub(crate) fn send_nas(&mut self, message: &GmmMessage) -> Result<(), Stop> {
        let nas_pdu = self.protect(message)?;
        self.send_nas_pdu(nas_pdu)
    }

    /// Sends a NAS PDU that is ready.
    pub(crate) fn send_nas_pdu(&mut self, nas_pdu: Bytes) -> Result<(), Stop> {
        let (amf_ue_ngap_id, ran_ue_ngap_id) = self.n2_ids()?;
        self.send_n2(&Message::DownlinkNasTransport(DownlinkNasTransport {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            old_amf: None,
            nas_pdu,
            index_to_rfsp: None,
            ue_aggregate_maximum_bit_rate: None,
            allowed_nssai: None,
        }))
    }

    /// The NAS PDU of a message: protected once secure exchange is established, plain before.
    pub(crate) fn protect(&mut self, message: &GmmMessage) -> Result<Bytes, Stop> {
        self.nas_name = Some(message.name());
        match self.signalling()?.secure {
            true => self.protect_as(message, SecurityHeaderType::IntegrityProtectedAndCiphered),
            false => encode(message).map(Bytes::from),
        }
    }

    /// The NAS PDU of a message under the current security context.
    pub(crate) fn protect_as(&mut self, message: &GmmMessage, header: SecurityHeaderType) -> Result<Bytes, Stop> {
        self.nas_name = Some(message.name());
        let plain = encode(message)?;
        let security = self.context.security.as_mut().ok_or(Stop::Lost)?;
        // 2^24 messages under one key: the UE has to authenticate again, on a new connection.
        security.nas.protect(&plain, header).map(Bytes::from).map_err(|_| Stop::Lost)
    }

    /// For people: the SUPI, or what there is in place of it.
    pub(crate) fn name(&self) -> String {
        match (&self.context.supi, &self.claims) {
            (None, Some(claims)) => claims.clone(),
            _ => self.context.name(),
        }
    }

    /// Keeps an event until the running procedure has ended. What is too much is dropped.
    pub(crate) fn defer(&mut self, event: Event) {
        if self.deferred.len() < self.core.config.limits.mailbox {
            self.deferred.push_back(event);
        }
    }

    /// What SMFs wanted delivered and still waits.
    pub(crate) fn take_deferred_transfers(&mut self) -> Vec<event::Transfer> {
        let (mut transfers, mut rest) = (Vec::new(), VecDeque::new());
        for event in std::mem::take(&mut self.deferred) {
            match event {
                Event::Transfer(transfer) => transfers.push(*transfer),
                other => rest.push_back(other),
            }
        }
        self.deferred = rest;
        transfers
    }

    /// Lets others find the UE by what has become known.
    pub(crate) fn note(&self) {
        self.core.directory.note(self.id, &self.context);
    }

    /// Gives the UE a new 5G-GUTI; the one before stays valid until the new one is used.
    pub(crate) fn assign_guti(&mut self) -> nas::ie::Guti {
        // One that was sent and never confirmed gives way; the one the UE is known to have stays.
        let known = self.context.old_tmsi.or(self.context.tmsi);
        let tmsi = self.core.directory.new_tmsi(self.id);
        (self.context.tmsi, self.context.old_tmsi) = (Some(tmsi), known);
        self.note();
        self.core.served.guti(tmsi)
    }

    /// The UE has shown that it has the last 5G-GUTI.
    pub(crate) fn guti_confirmed(&mut self) {
        if self.context.old_tmsi.take().is_some() {
            self.note();
        }
    }

    /// Commands the node to release the UE; the connection is no longer ours to use.
    pub(crate) fn release_signalling(&mut self, cause: Cause) {
        if let Some(signalling) = self.context.signalling.take() {
            self.core.release(&signalling.n2, cause);
        }
    }
}

impl Drop for Ue {
    /// A task that ends without putting its UE to rest (it was claimed, is gone, or the task was dropped) leaves no trace.
    fn drop(&mut self) {
        if !self.gone {
            self.core.directory.remove(self.id);
        }
    }
}

fn congested() -> Stop {
    Refusal::new(Why::Congestion, "one procedure more", "the queue of admission is full, or too slow").into()
}

fn encode(message: &GmmMessage) -> Result<Vec<u8>, Stop> {
    message.encode().map_err(|error| {
        // Our own fault or a name too long in the configuration: the peer sees a lost connection, the log says what.
        tracing::error!(%error, "NAS message not sent");
        Stop::Lost
    })
}
