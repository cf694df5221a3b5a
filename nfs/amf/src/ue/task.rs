//! The task that owns a UE while there is something to do for it.

use nas::gmm::GmmStatus;
use nas::{GmmCause, GmmMessage};
use ngap::{Cause, CauseNas, CauseRadioNetwork, Message};

use super::event::{Event, Opened, Taken};
use super::{Incoming, Ue};
use crate::procedures;
use crate::stop::Stop;

/// Does what the event asks for, then what has come since, then puts the UE to rest.
pub(crate) async fn run(mut ue: Ue, first: Event) {
    let mut next = Some(first);
    loop {
        let event = match next.take().or_else(|| ue.deferred.pop_front()) {
            Some(event) => event,
            None => match rest(&mut ue).await {
                Some(event) => event,
                None => return,
            },
        };
        let outcome = begin(&mut ue, event).await;
        ue.current_request.clear();
        ue.permit = None;
        match outcome {
            Ok(()) => {}
            Err(Stop::Claimed(claim, opened)) => {
                hand_over(ue, *claim, opened);
                return;
            }
            Err(Stop::Collision(event)) => next = Some(*event),
            Err(Stop::Lost) => procedures::an_release::connection_lost(&mut ue),
            Err(Stop::NoAnswer(timer)) => {
                tracing::debug!(timer, "no answer");
                procedures::an_release::give_up(&mut ue);
            }
            Err(Stop::Refused(refusal) | Stop::NotAuthentic(refusal)) => {
                tracing::debug!(?refusal, "refused");
                procedures::an_release::give_up(&mut ue);
            }
        }
    }
}

/// Puts the UE to rest, unless something has come for it meanwhile. One that is neither registered nor kept for its next
/// registration has nothing to rest for.
async fn rest(ue: &mut Ue) -> Option<Event> {
    if !ue.context.registered {
        ue.release_signalling(Cause::Nas(CauseNas::NormalRelease));
        // Whatever ended the procedure: no SMF keeps a session of a UE that is not registered.
        procedures::deregistration::release_sessions(ue).await;
        ue.context.kept_until?; // one that is not kept is removed as it is dropped
    }
    let context = std::mem::take(&mut ue.context);
    let deadline = ue.core.deadline(crate::core::now(), &context);
    match ue.core.directory.rest(ue.id, context, &mut ue.mailbox, deadline) {
        Ok(in_excess) => {
            ue.gone = true;
            ue.core.timed(deadline, in_excess);
            None
        }
        Err((context, event)) => {
            ue.context = context;
            Some(event)
        }
    }
}

/// Gives the context to the task that claimed it.
fn hand_over(mut ue: Ue, claim: super::event::Claim, opened: Option<Box<Opened>>) {
    let mut deferred: Vec<Event> = ue.deferred.drain(..).collect();
    ue.mailbox.close();
    while let Ok(event) = ue.mailbox.try_recv() {
        deferred.push(event);
    }
    // What concerned the old connection only is of no use on the new one.
    deferred.retain(|event| matches!(event, Event::Transfer(_) | Event::SessionReleased { .. } | Event::Deregister(_)));
    let context = std::mem::take(&mut ue.context);
    let reply = claim.reply;
    drop(ue); // out of the directory before the claimant enters it anew
    // A claimant that is gone by now leaves the UE unregistered: it registers again.
    let _ = reply.send(Some(Taken { context, opened: opened.map(|opened| *opened), deferred }));
}

/// Starts the procedure that an event asks for.
async fn begin(ue: &mut Ue, event: Event) -> Result<(), Stop> {
    match event {
        Event::Initial(message) => procedures::initial::initial_ue_message(ue, *message).await,
        Event::Deregister(order) => procedures::deregistration::by_network(ue, order).await,
        Event::Due(permit) => {
            ue.permit = Some(permit);
            due(ue).await
        }
        other => match ue.sort(other) {
            Ok(None) => Ok(()),
            Ok(Some(Incoming::Nas(opened))) => begin_nas(ue, opened).await,
            Ok(Some(Incoming::N2(message))) => begin_n2(ue, *message).await,
            Ok(Some(Incoming::Transfer(transfer))) => procedures::session::n1_n2_message_transfer(ue, *transfer).await,
            Ok(Some(Incoming::SessionReleased { session, .. })) => {
                procedures::session::forget(ue, session);
                Ok(())
            }
            Err(Stop::Collision(event)) => match *event {
                Event::N2(message) => begin_n2(ue, *message).await,
                other => Err(Stop::Collision(Box::new(other))),
            },
            Err(other) => Err(other),
        },
    }
}

/// Does what the UE at rest waited for, unless it has come back this very moment.
async fn due(ue: &mut Ue) -> Result<(), Stop> {
    if ue.context.signalling.is_some() {
        return Ok(());
    }
    match ue.context.has_user_plane() {
        true => procedures::an_release::deactivate_sessions(ue).await,
        false => procedures::deregistration::implicit(ue).await,
    }
    Ok(())
}

async fn begin_nas(ue: &mut Ue, opened: Box<Opened>) -> Result<(), Stop> {
    match &opened.message {
        GmmMessage::RegistrationRequest(_) => procedures::registration::registration(ue, *opened, true).await,
        GmmMessage::ServiceRequest(_) => procedures::service_request::service_request(ue, *opened).await,
        GmmMessage::DeregistrationRequestUeOriginating(_) => procedures::deregistration::by_ue(ue, *opened).await,
        GmmMessage::UlNasTransport(_) if opened.verified.is_some() && ue.context.registered => {
            procedures::session::ul_nas_transport(ue, *opened).await
        }
        GmmMessage::GmmStatus(status) => {
            tracing::info!(cause = %status.cause, "the UE sent 5GMM STATUS");
            Ok(())
        }
        other if opened.verified.is_some() => {
            tracing::debug!(message = other.name(), "not compatible with the state");
            ue.send_nas(&GmmStatus::new(GmmCause::MessageTypeNotCompatible).into())
        }
        _ => Ok(()),
    }
}

async fn begin_n2(ue: &mut Ue, message: Message) -> Result<(), Stop> {
    match message {
        Message::UeContextReleaseRequest(request) => procedures::an_release::an_release(ue, request.cause).await,
        Message::ErrorIndication(_) => {
            let cause = Cause::RadioNetwork(CauseRadioNetwork::ReleaseDueTo5gcGeneratedReason);
            procedures::an_release::an_release(ue, cause).await
        }
        Message::PduSessionResourceNotify(notify) => procedures::session::notified(ue, notify).await,
        other => {
            tracing::debug!(message = other.name(), "nobody waits for this");
            Ok(())
        }
    }
}
