//! A UE's first message on a connection: whose context is it (TS 24.501 4.4.4.3, TS 23.502 4.2.2.2.2 steps 3 to 5).
//!
//! Anybody can send a message that names anybody's temporary identity. The context behind it is looked at only to verify
//! the message; unless that succeeds the UE is a stranger, and the context's owner notices nothing.

use bytes::Bytes;
use nas::gmm::RegistrationReject;
use nas::ie::MobileIdentity;
use nas::{DecodeError, Envelope, GmmMessage};
use ngap::{Cause, CauseNas, InitialUeMessage};
use tokio::sync::oneshot;

use super::{an_release, deregistration, registration, service_request};
use crate::directory::Claimed;
use crate::stop::Stop;
use crate::ue::Ue;
use crate::ue::event::{Claim, Event, Opened, Proof, Taken};

/// Initial UE Message (TS 38.413 8.6.1).
pub(crate) async fn initial_ue_message(ue: &mut Ue, message: InitialUeMessage) -> Result<(), Stop> {
    ue.context.location = Some(Box::new(message.user_location_information));
    ue.establishment_cause = message.rrc_establishment_cause;
    let opened = match read(&message.nas_pdu) {
        Ok(opened) => opened,
        Err(error) => return not_understood(ue, error),
    };
    ue.show(true, "InitialUeMessage", Some(opened.message.name()));
    let opened = match own_tmsi(ue, &opened.message) {
        Some(tmsi) => recall(ue, tmsi, &message.nas_pdu).await?.unwrap_or(opened),
        None => opened,
    };
    match &opened.message {
        GmmMessage::RegistrationRequest(_) => registration::registration(ue, opened, message.ue_context_request).await,
        GmmMessage::ServiceRequest(_) => service_request::service_request(ue, opened).await,
        GmmMessage::DeregistrationRequestUeOriginating(_) => deregistration::by_ue(ue, opened).await,
        other => {
            tracing::debug!(message = other.name(), "no initial message");
            ue.release_signalling(Cause::Nas(CauseNas::Unspecified));
            Ok(())
        }
    }
}

/// The message as anybody can read it.
fn read(pdu: &[u8]) -> Result<Opened, DecodeError> {
    let octets = match Envelope::open(pdu)? {
        Envelope::Plain(octets) => octets,
        Envelope::Protected(protected) if protected.header_type.is_ciphered() => {
            return Err(DecodeError::SecurityHeaderType(protected.header_type.value()));
        }
        Envelope::Protected(protected) => protected.message(),
    };
    GmmMessage::decode(octets).map(|message| Opened { message, octets: octets.to_vec(), verified: None })
}

/// A first message that cannot be understood: a registration is refused (5.5.1.2.8 b), all else is silence.
fn not_understood(ue: &mut Ue, error: DecodeError) -> Result<(), Stop> {
    tracing::debug!(%error, "initial message not understood");
    let registration = nas::gmm::RegistrationRequest::MESSAGE_TYPE;
    let is_registration =
        matches!(error, DecodeError::InvalidMandatory { message_type, .. } if message_type == registration);
    if let Some(cause) = error.gmm_cause().filter(|_| is_registration) {
        ue.send_nas(&RegistrationReject::new(cause).into())?;
    }
    ue.release_signalling(Cause::Nas(CauseNas::Unspecified));
    Ok(())
}

/// The 5G-TMSI of ours that the message claims.
fn own_tmsi(ue: &Ue, message: &GmmMessage) -> Option<u32> {
    let of_identity = |identity: &MobileIdentity| match identity {
        MobileIdentity::Guti(guti) => ue.core.served.own_tmsi(guti),
        _ => None,
    };
    match message {
        GmmMessage::RegistrationRequest(request) => of_identity(&request.identity),
        GmmMessage::ServiceRequest(request) => ue.core.served.own_s_tmsi(&request.s_tmsi),
        GmmMessage::DeregistrationRequestUeOriginating(request) => of_identity(&request.identity),
        _ => None,
    }
}

/// Takes over the context with this 5G-TMSI if the message is protected with its keys.
async fn recall(ue: &mut Ue, tmsi: u32, pdu: &Bytes) -> Result<Option<Opened>, Stop> {
    let proves = |context: &mut _| crate::ue::proves(context, pdu);
    let taken = match ue.core.directory.claim_tmsi(tmsi, ue.id, proves) {
        Claimed::Taken(taken) => Some(taken),
        Claimed::Ask(owner) => ask(owner, Proof::Message(pdu.clone())).await,
        Claimed::No => None,
    };
    let Some(mut taken) = taken else { return Ok(None) };
    let opened = taken.opened.take();
    adopt(ue, taken).await?;
    // Secure exchange of NAS messages is established by this message (TS 24.501 4.4.2.5).
    let count = opened.as_ref().and_then(|opened| opened.verified);
    ue.signalling_mut()?.secure = true;
    if let (Some(security), Some(count)) = (&mut ue.context.security, count) {
        security.as_count = count;
    }
    Ok(opened)
}

/// Takes over the context of the subscriber who was authenticated here, if there is one.
pub(super) async fn supersede(ue: &mut Ue) -> Option<Taken> {
    let supi = ue.context.supi.clone()?;
    match ue.core.directory.claim_supi(&supi, ue.id) {
        Claimed::Taken(taken) => Some(taken),
        Claimed::Ask(owner) => ask(owner, Proof::Authenticated).await,
        Claimed::No => None,
    }
}

/// Asks the task that owns a context for it.
async fn ask(owner: tokio::sync::mpsc::Sender<Event>, proof: Proof) -> Option<Taken> {
    let (reply, answer) = oneshot::channel();
    owner.send(Event::Claim(Claim { proof, reply })).await.ok()?;
    // A task that ended meanwhile had nothing to give.
    answer.await.ok().flatten()
}

/// Makes a context taken over this UE's own, on the new connection. The old connection is of no use any more.
async fn adopt(ue: &mut Ue, taken: Taken) -> Result<(), Stop> {
    let (signalling, location) = (ue.context.signalling.take(), ue.context.location.take());
    ue.context = taken.context;
    taken.deferred.into_iter().for_each(|event| ue.defer(event));
    let old = std::mem::replace(&mut ue.context.signalling, signalling);
    ue.context.location = location;
    ue.note();
    if let Some(supi) = &ue.context.supi {
        tracing::Span::current().record("supi", supi.as_str());
    }
    if let Some(old) = old {
        ue.core.release(&old.n2, Cause::Nas(CauseNas::NormalRelease));
    }
    // Of the old connection, or of one that was lost and of which the SMFs were not told yet.
    an_release::deactivate_sessions(ue).await;
    Ok(())
}
