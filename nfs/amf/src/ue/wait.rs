//! How a procedure waits: what it may be told, and what ends it (TS 24.501 5.4 and 5.5, "abnormal cases").

use std::time::Duration;

use nas::gmm::GmmStatus;
use nas::{GmmCause, GmmMessage};
use ngap::Message;
use tokio::time::{Instant, timeout_at};

use super::Ue;
use super::event::{Claim, Event, Opened, Proof};
use super::nas_security::{Discarded, proves};
use crate::admission::Permit;
use crate::stop::{Refusal, Stop, Why};

/// Sendings of a NAS message in all: the first and four more (TS 24.501 table 10.2.2).
const SENDINGS: usize = 5;

/// What a waiting procedure is told.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A NAS message.
    Nas(Box<Opened>),
    /// Another N2 message.
    N2(Box<Message>),
    /// From an SMF.
    Transfer(Box<super::event::Transfer>),
    /// An SMF has released a session.
    SessionReleased { session: u8, context: u64 },
}

impl Ue {
    /// Sends a NAS message and waits for the answer that `accept` takes; sends it again each time the timer expires.
    pub(crate) async fn exchange<T>(
        &mut self,
        timer: &'static str,
        duration: Duration,
        mut send: impl FnMut(&mut Self) -> Result<(), Stop>,
        mut accept: impl FnMut(&mut Self, GmmMessage) -> Result<T, GmmMessage>,
    ) -> Result<T, Stop> {
        for _ in 0..SENDINGS {
            send(self)?;
            let deadline = Instant::now() + duration;
            while let Some(incoming) = self.incoming(deadline).await? {
                match incoming {
                    Incoming::Nas(opened) => {
                        let Opened { message, octets, verified } = *opened;
                        match accept(self, message) {
                            Ok(answer) => return Ok(answer),
                            Err(message) => self.unexpected_nas(Box::new(Opened { message, octets, verified }))?,
                        }
                    }
                    other => self.unexpected(other),
                }
            }
        }
        Err(Stop::NoAnswer(timer))
    }

    /// Waits for the N2 message that `accept` takes.
    pub(crate) async fn await_n2<T>(
        &mut self,
        mut accept: impl FnMut(Box<Message>) -> Result<T, Box<Message>>,
    ) -> Result<T, Stop> {
        let deadline = Instant::now() + self.core.config.timers.n2();
        while let Some(incoming) = self.incoming(deadline).await? {
            match incoming {
                Incoming::N2(message) => match accept(message) {
                    Ok(answer) => return Ok(answer),
                    Err(other) => self.unexpected(Incoming::N2(other)),
                },
                Incoming::Nas(opened) => self.unexpected_nas(opened)?,
                other => self.unexpected(other),
            }
        }
        Err(Stop::NoAnswer("N2"))
    }

    /// The next thing a procedure can make use of, or `None` at the deadline. What goes before the procedure ends it.
    pub(crate) async fn incoming(&mut self, deadline: Instant) -> Result<Option<Incoming>, Stop> {
        loop {
            let Some(event) = self.next_event(deadline).await else { return Ok(None) };
            // The directory keeps a sender for as long as this task owns the UE.
            let event = event.ok_or(Stop::Lost)?;
            if let Some(incoming) = self.sort(event)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// The next event, or `None` at the deadline. While none is there the procedure's place is another's.
    async fn next_event(&mut self, deadline: Instant) -> Option<Option<Event>> {
        if let Ok(event) = self.mailbox.try_recv() {
            return Some(Some(event));
        }
        let paused = self.permit.take().map(Permit::pause);
        let event = timeout_at(deadline, self.mailbox.recv()).await.ok();
        if let Some(paused) = paused {
            self.permit = paused.resume().await;
        }
        event
    }

    /// Passes on what a procedure waits for; ends it for what goes before it; keeps the rest for later.
    pub(super) fn sort(&mut self, event: Event) -> Result<Option<Incoming>, Stop> {
        match event {
            Event::Nas(pdu, location) => {
                if location.is_some() {
                    self.context.location = location;
                }
                Ok(self.open(&pdu)?.map(|opened| Incoming::Nas(Box::new(opened))))
            }
            Event::Opened(opened) => Ok(Some(Incoming::Nas(opened))),
            Event::N2(message) => self.sort_n2(message),
            Event::Transfer(transfer) => {
                // The session that it was about has given way to another of its identity.
                let late =
                    self.context.session(transfer.session).is_some_and(|now| transfer.last_context < now.context);
                if late {
                    tracing::debug!(session = transfer.session, "messages for a session that was replaced");
                }
                Ok((!late).then_some(Incoming::Transfer(transfer)))
            }
            Event::SessionReleased { session, context } => {
                let known = self.context.session(session).is_some_and(|now| now.context == context);
                if !known {
                    tracing::debug!(session, context, "the release of a session that is not there");
                }
                Ok(known.then_some(Incoming::SessionReleased { session, context }))
            }
            Event::Detached(connection, why) => {
                let current = self.context.signalling.as_ref().map(|signalling| signalling.n2.amf_ue_ngap_id);
                if current == Some(connection) {
                    tracing::debug!(?why, "connection lost");
                    self.context.signalling = None;
                    return Err(Stop::Lost);
                }
                Ok(None)
            }
            Event::Claim(claim) => self.consider(claim),
            Event::Deregister(_) => Err(Stop::Collision(Box::new(event))),
            // It is not in idle, or not any more.
            Event::Due(_) | Event::Initial(_) => Ok(None),
        }
    }

    fn sort_n2(&mut self, message: Box<Message>) -> Result<Option<Incoming>, Stop> {
        self.show(true, message.name(), None);
        match *message {
            Message::UeRadioCapabilityInfoIndication(indication) => {
                self.context.radio_capability = Some(indication.ue_radio_capability);
                Ok(None)
            }
            Message::NasNonDeliveryIndication(_) => Ok(None),
            Message::UeContextReleaseRequest(_) | Message::ErrorIndication(_) => {
                Err(Stop::Collision(Box::new(Event::N2(message))))
            }
            _ => Ok(Some(Incoming::N2(message))),
        }
    }

    /// Opens a NAS PDU, answers what is not understood, and drops what may not be looked at.
    pub(super) fn open(&mut self, pdu: &[u8]) -> Result<Option<Opened>, Stop> {
        match self.context.open_nas(pdu) {
            Ok(opened) => {
                self.show(true, "UplinkNasTransport", Some(opened.message.name()));
                Ok(Some(opened))
            }
            Err(Discarded::Silently(why)) => {
                tracing::debug!(why, "NAS message discarded");
                Ok(None)
            }
            // The UE answers as if we had its keys, and will again: it is to come as a stranger (TS 24.501 5.5.1.3.5, cause 9).
            Err(Discarded::WithoutKeys) => {
                let sent = "a message ciphered with keys from before";
                Err(Refusal::new(Why::UnknownIdentity, sent, "no security context of this UE is kept").into())
            }
            Err(Discarded::NotUnderstood(error)) => {
                tracing::debug!(%error, "NAS message not understood");
                if let Some(cause) = error.gmm_cause() {
                    self.send_nas(&GmmStatus::new(cause).into())?;
                }
                Ok(None)
            }
        }
    }

    /// A NAS message that the running procedure has no use for.
    pub(crate) fn unexpected_nas(&mut self, opened: Box<Opened>) -> Result<(), Stop> {
        match &opened.message {
            // The same request again: the procedure goes on (5.5.1.2.8 d). Another one takes its place.
            GmmMessage::RegistrationRequest(_) | GmmMessage::DeregistrationRequestUeOriginating(_)
                if opened.octets == self.current_request =>
            {
                Ok(())
            }
            GmmMessage::RegistrationRequest(_) | GmmMessage::DeregistrationRequestUeOriginating(_) => {
                Err(Stop::Collision(Box::new(Event::Opened(opened))))
            }
            GmmMessage::UlNasTransport(_) => {
                self.defer(Event::Opened(opened));
                Ok(())
            }
            GmmMessage::GmmStatus(status) => {
                tracing::info!(cause = %status.cause, "the UE sent 5GMM STATUS");
                Ok(())
            }
            other if opened.verified.is_some() => {
                tracing::debug!(message = other.name(), "not compatible with the state");
                self.send_nas(&GmmStatus::new(GmmCause::MessageTypeNotCompatible).into())
            }
            other => {
                tracing::debug!(message = other.name(), "not expected now");
                Ok(())
            }
        }
    }

    /// Anything else that the running procedure has no use for.
    pub(crate) fn unexpected(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Transfer(transfer) => self.defer(Event::Transfer(transfer)),
            Incoming::SessionReleased { session, context } => self.defer(Event::SessionReleased { session, context }),
            Incoming::Nas(opened) => self.defer(Event::Opened(opened)),
            // What a node says by itself is no less true for coming now.
            Incoming::N2(message) if matches!(*message, Message::PduSessionResourceNotify(_)) => {
                self.defer(Event::N2(message));
            }
            Incoming::N2(message) => tracing::debug!(message = message.name(), "not expected now"),
        }
    }

    /// Another task wants this context: it gets it only with a proof.
    fn consider(&mut self, claim: Claim) -> Result<Option<Incoming>, Stop> {
        let opened = match &claim.proof {
            Proof::Authenticated => None,
            Proof::Message(pdu) => match proves(&mut self.context, pdu) {
                Some(opened) => Some(Box::new(opened)),
                None => {
                    let _ = claim.reply.send(None); // the claimant may have gone meanwhile
                    return Ok(None);
                }
            },
        };
        Err(Stop::Claimed(Box::new(claim), opened))
    }
}
