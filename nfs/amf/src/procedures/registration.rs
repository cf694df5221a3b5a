//! General Registration (TS 23.502 4.2.2.2.2; TS 24.501 5.5.1).

use std::time::Duration;

use nas::gmm::{AuthenticationReject, RegistrationAccept, RegistrationReject, RegistrationRequest};
use nas::ie::{
    AccessType, GprsTimer2, GprsTimer3, MobileIdentity, NetworkFeatureSupport, RegistrationKind, RegistrationResult,
};
use nas::{GmmMessage, NasCount};
use ngap::{Cause, CauseNas, Message};
use sbi_models::smf;
use tokio::time::Instant;

use super::{
    authentication, configuration_update, identification, initial, initial_context, reactivation, security_mode,
    session, slices,
};
use crate::admission::{Kind, Priority};
use crate::stop::{Refusal, Stop, Why};
use crate::ue::event::Opened;
use crate::ue::{Incoming, Ue};

/// Sendings of REGISTRATION ACCEPT in all (T3550, TS 24.501 table 10.2.2).
const SENDINGS: usize = 5;

/// A registration, from the request to its end; a refusal is answered, recorded and counted here.
pub(crate) async fn registration(ue: &mut Ue, opened: Opened, context_requested: bool) -> Result<(), Stop> {
    let timed = ue.core.metrics.procedure("registration");
    match general_registration(ue, opened, context_requested).await {
        Ok(()) => {
            timed.finish("success");
            Ok(())
        }
        Err(Stop::Refused(refusal)) => {
            timed.finish(refusal.why.label());
            let mut reject = RegistrationReject::new(refusal.why.cause());
            reject.t3346 = refusal.back_off(&ue.core.config.timers);
            refuse(ue, &refusal, reject.into(), CauseNas::NormalRelease)
        }
        Err(Stop::NotAuthentic(refusal)) => {
            timed.finish(refusal.why.label());
            refuse(ue, &refusal, AuthenticationReject::new().into(), CauseNas::AuthenticationFailure)
        }
        Err(stop) => {
            timed.finish(stop.label());
            Err(stop)
        }
    }
}

/// Tells the UE, and whoever asks later, why it was refused. Its context goes, unless it is only to try again later.
fn refuse(ue: &mut Ue, refusal: &Refusal, message: GmmMessage, cause: CauseNas) -> Result<(), Stop> {
    ue.core.rejects.record(refusal.explain(ue.name(), "Registration"));
    if refusal.why != Why::Congestion {
        (ue.context.registered, ue.context.kept_until) = (false, None);
    }
    ue.send_nas(&message)?;
    ue.release_signalling(Cause::Nas(cause));
    Ok(())
}

async fn general_registration(ue: &mut Ue, opened: Opened, context_requested: bool) -> Result<(), Stop> {
    // 1. UE to (R)AN, 2. AMF selection: the RAN's.
    // 3. (R)AN to AMF: N2 message with the Registration Request.
    let Opened { message: GmmMessage::RegistrationRequest(request), octets, verified } = opened else { return Ok(()) };
    ue.current_request = octets;
    admit(ue, &request).await?;
    check_area(ue)?;
    let request = match verified {
        // 4. and 5. The context is known, and the message protected with its keys: no identity, no authentication.
        Some(count) => known_ue(ue, *request, count).await?,
        // 6. to 13. A stranger, whatever identity it gave.
        None => unknown_ue(ue, *request).await?,
    };
    if request.registration_type.kind == RegistrationKind::Initial {
        initial_registration(ue).await;
    }
    // 14. to 16. What the UE may do.
    subscription(ue, &request).await?;
    let selection = allowed_slices(ue, &request)?;
    // 17. Sessions: those the UE has lost are released, those it wants back are activated.
    let sessions = reactivation::sessions(ue, request.pdu_session_status, request.uplink_data_status).await;
    // 18. to 20. N3IWF, PCF: not there.
    // 21. Registration Accept, 22. Registration Complete.
    let mut accept = registration_accept(ue, &selection);
    accept.pdu_session_status = sessions.status;
    (accept.reactivation_result, accept.reactivation_error_causes) = (sessions.result, sessions.causes);
    let setup = context_requested || request.registration_type.follow_on_request || !sessions.items.is_empty();
    accept_and_complete(ue, accept.into(), setup, sessions.items).await?;
    // 23. to 25. SDM info, N2 updates, network slice-specific authentication: nothing to do.
    configuration_update::network_name_and_time(ue)
}

/// Waits its turn. Periodic updates can wait, emergencies not.
async fn admit(ue: &mut Ue, request: &RegistrationRequest) -> Result<(), Stop> {
    let priority = match request.registration_type.kind {
        _ if ue.is_urgent() => Priority::High,
        RegistrationKind::PeriodicUpdating => Priority::Low,
        _ => Priority::Normal,
    };
    ue.admission(Kind::Registration, priority).await
}

/// The UE must be where this AMF serves.
fn check_area(ue: &Ue) -> Result<(), Stop> {
    let served = &ue.core.served;
    let Some(tai) = ue.context.location.as_ref().and_then(|location| location.tai()) else { return Ok(()) };
    if tai.plmn_identity != served.plmn {
        let (sent, configured) = (format!("PLMN {}", tai.plmn_identity), format!("PLMN {}", served.plmn));
        return Err(Refusal::new(Why::Plmn, sent, configured).into());
    }
    if !served.tacs.contains(&tai.tac) {
        let configured: Vec<_> = served.tacs.iter().map(ToString::to_string).collect();
        let configured = format!("TAC {}", configured.join(", "));
        return Err(Refusal::new(Why::TrackingArea, format!("TAC {}", tai.tac), configured).into());
    }
    Ok(())
}

/// A UE whose request is protected with the keys of its context: the container has the whole request.
async fn known_ue(ue: &mut Ue, mut request: RegistrationRequest, count: NasCount) -> Result<RegistrationRequest, Stop> {
    let Some(mut container) = request.nas_message_container.take() else { return Ok(request) };
    let security = ue.context.security.as_ref().ok_or(Stop::Lost)?;
    security.nas.decipher_container(count, &mut container);
    whole_request(&container).ok_or_else(|| wrong_container("the ciphered container"))
}

/// A UE that is to be identified and authenticated.
async fn unknown_ue(ue: &mut Ue, request: RegistrationRequest) -> Result<RegistrationRequest, Stop> {
    if request.registration_type.kind == RegistrationKind::Emergency {
        return Err(Refusal::new(Why::Unsupported, "an emergency registration", "not offered").into());
    }
    let Some(capability) = request.security_capability.clone() else {
        return Err(Refusal::new(Why::InvalidMandatory, "no UE security capability", "it is needed").into());
    };
    // 6. and 7. Identity Request, unless the request has a SUCI.
    let identity = match identification::suci(&request.identity) {
        Some(suci) => suci,
        None if matches!(request.identity, MobileIdentity::Guti(_)) => identification::identity_request(ue).await?,
        None => {
            let sent = format!("identity {:?}", request.identity);
            return Err(Refusal::new(Why::UnknownIdentity, sent, "SUCI or 5G-GUTI").into());
        }
    };
    // 8. AUSF selection: by discovery. 9. Authentication and security.
    let keys = authentication::authentication(ue, &identity, request.ng_ksi).await?;
    let complete = security_mode::security_mode_control(ue, keys, capability).await?;
    // 10. Namf_Communication_RegistrationStatusUpdate: there is no old AMF.
    // 11. Identity Request for the PEI: it came with Security Mode Complete. 12. N5g-eir: not there.
    // 13. UDM selection: by discovery.
    let whole = match complete.nas_message_container {
        Some(container) => whole_request(&container).ok_or_else(|| wrong_container("Security Mode Complete"))?,
        None => request,
    };
    succeed_former_context(ue, &whole).await;
    Ok(whole)
}

/// The container must hold a registration request, and nothing else.
fn whole_request(container: &[u8]) -> Option<RegistrationRequest> {
    match GmmMessage::decode(container) {
        Ok(GmmMessage::RegistrationRequest(request)) => Some(*request),
        _ => None,
    }
}

fn wrong_container(place: &str) -> Stop {
    Refusal::new(Why::InvalidMandatory, format!("{place} without a Registration Request in it"), "it is needed").into()
}

/// The subscriber is known from before: its sessions and identities go over to the context that was just authenticated.
async fn succeed_former_context(ue: &mut Ue, request: &RegistrationRequest) {
    let former = initial::supersede(ue).await;
    ue.note();
    let Some(former) = former else { return };
    let mut context = former.context;
    if let Some(signalling) = context.signalling.take() {
        ue.core.release(&signalling.n2, Cause::Nas(CauseNas::NormalRelease));
    }
    ue.context.sessions = std::mem::take(&mut context.sessions);
    ue.context.subscription = context.subscription.take();
    if request.registration_type.kind != RegistrationKind::Initial {
        super::an_release::deactivate_sessions(ue).await;
    }
}

/// The UE starts afresh: no session, no radio capability from before (TS 23.501 5.4.4.1, TS 24.501 5.5.1.2.4).
async fn initial_registration(ue: &mut Ue) {
    // Should this registration come to nothing, the UE is still known for its next one.
    ue.context.deregister(crate::core::now(), ue.core.config.timers.purge());
    ue.context.radio_capability = None;
    ue.context.subscription = None;
    for session in std::mem::take(&mut ue.context.sessions) {
        ue.nsmf_release_sm_context(&session, Some(smf::Cause::RelDueToPsOutOfSync)).await;
    }
}

async fn subscription(ue: &mut Ue, request: &RegistrationRequest) -> Result<(), Stop> {
    if ue.context.subscription.is_some() && request.registration_type.kind != RegistrationKind::Initial {
        return Ok(());
    }
    let initial = request.registration_type.kind == RegistrationKind::Initial;
    // 14a. Nudm_UECM_Registration.
    ue.nudm_uecm_registration(initial).await?;
    // 14b. Nudm_SDM_Get: access and mobility data, SMF selection data.
    let subscription = ue.nudm_sdm_get().await?;
    ue.context.subscription = Some(ue.core.share(subscription));
    // 14c. Nudm_SDM_Subscribe: not done; changes of a subscription reach the UE with its next registration.
    // 15. and 16. PCF selection, AM Policy Association: not there.
    Ok(())
}

fn allowed_slices(ue: &mut Ue, request: &RegistrationRequest) -> Result<slices::Selection, Stop> {
    let served = &ue.core.served.network.slices;
    let subscription = ue.context.subscription.clone().unwrap_or_default();
    let selection = slices::select(request.requested_nssai.as_ref(), &subscription, served);
    if selection.allowed.is_empty() {
        let requested = request.requested_nssai.clone().unwrap_or_default().0;
        let sent = format!("requested NSSAI {requested:?}, subscribed {:?}", subscription.default_slices);
        return Err(Refusal::new(Why::Slices, sent, format!("slices {served:?}")).into());
    }
    ue.context.allowed_slices = selection.allowed.as_slice().into();
    Ok(selection)
}

fn registration_accept(ue: &mut Ue, selection: &slices::Selection) -> RegistrationAccept {
    let timers = &ue.core.config.timers;
    let (t3512, t3502) = (GprsTimer3::from_seconds(timers.t3512), GprsTimer2::from_seconds(timers.t3502));
    let ims = ue.core.served.network.dnn("ims").is_some();
    let mut accept = RegistrationAccept::new(RegistrationResult { access: AccessType::ThreeGpp, sms_allowed: false });
    accept.guti = Some(ue.assign_guti());
    accept.tai_list = Some(ue.core.served.registration_area.clone());
    accept.allowed_nssai = Some(slices::nssai(&selection.allowed));
    accept.rejected_nssai = slices::rejected(&selection.rejected);
    accept.network_feature_support = Some(NetworkFeatureSupport::none().with_ims_voice_over_ps(ims));
    accept.t3512 = Some(t3512);
    accept.t3502 = Some(t3502);
    accept
}

/// Step 21, Registration Accept, with the node's context if that is wanted; step 22, Registration Complete. The answers of the node
/// and the UE come in either order.
async fn accept_and_complete(
    ue: &mut Ue,
    accept: GmmMessage,
    set_up_context: bool,
    items: Vec<ngap::PduSessionResourceSetupItem>,
) -> Result<(), Stop> {
    let context_wanted = set_up_context && !ue.signalling()?.context_in_ran;
    let mut waits_for_node = context_wanted || !items.is_empty();
    if context_wanted {
        let nas_pdu = ue.protect(&accept)?;
        let request = initial_context::request(ue, Some(nas_pdu), items)?;
        ue.send_n2(&request)?;
    } else {
        ue.send_nas(&accept)?;
        if waits_for_node {
            session::request_resources(ue, items)?;
        }
    }
    // From here on the UE may take itself for registered, so does the AMF (TS 24.501 5.5.1.2.8 a and c).
    (ue.context.registered, ue.context.kept_until) = (true, None);
    ue.note();
    let mut waits_for_ue = true;
    let t3550 = Duration::from_millis(ue.core.config.timers.t3550_ms);
    for sending in 1..=SENDINGS {
        let deadline = Instant::now() + t3550;
        while waits_for_ue || waits_for_node {
            match ue.incoming(deadline).await? {
                None => break,
                Some(Incoming::N2(message)) => waits_for_node &= !node_answered(ue, message, context_wanted).await?,
                Some(Incoming::Nas(opened)) if matches!(opened.message, GmmMessage::RegistrationComplete(_)) => {
                    waits_for_ue = false;
                    ue.guti_confirmed();
                }
                Some(Incoming::Nas(opened)) => ue.unexpected_nas(opened)?,
                Some(other) => ue.unexpected(other),
            }
        }
        if waits_for_node {
            return Err(Stop::NoAnswer(if context_wanted { "Initial Context Setup" } else { "N2" }));
        }
        if waits_for_ue && sending < SENDINGS {
            ue.send_nas(&accept)?;
        }
    }
    // At the fifth expiry of T3550 the UE counts as registered, and both its GUTIs are valid (5.5.1.2.8 c).
    Ok(())
}

/// Whether the message is the node's answer: to the Initial Context Setup, or to the setup of sessions alone.
async fn node_answered(ue: &mut Ue, message: Box<Message>, context_wanted: bool) -> Result<bool, Stop> {
    let other = if context_wanted {
        match initial_context::outcome(message) {
            Ok(outcome) => return initial_context::done(ue, outcome?).await.map(|()| true),
            Err(other) => other,
        }
    } else {
        match session::resources(message) {
            Ok(response) => {
                session::resources_set_up(ue, response).await;
                return Ok(true);
            }
            Err(other) => other,
        }
    };
    ue.unexpected(Incoming::N2(other));
    Ok(false)
}
