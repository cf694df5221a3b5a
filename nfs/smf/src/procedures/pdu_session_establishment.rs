//! UE-requested PDU Session Establishment, non-roaming (23.502 4.3.2.2.1).

use std::net::IpAddr;
use std::sync::Arc;

use nas::GsmCause;
use pfcp::{Message, SessionEstablishmentRequest, UpFunctionFeatures};
use runtime::{DataNetwork, Reject};
use sbi_api::multipart::NAS_5GS;
use sbi_api::{ApiRoot, Multipart, Problem, WithLocation, WithParts};
use sbi_models::ProblemDetails;
use sbi_models::amf::NgapIeType;
use sbi_models::smf::{Cause, RequestType, SmContextCreateData, SmContextCreateError, SmContextCreatedData};
use sbi_models::{Dnn, PduSessionId, Snssai, Supi};
use tokio::sync::OwnedMutexGuard;

use crate::amf::{Transfer, n1_n2_message_transfer, sm_context_status_notify};
use crate::n1::{self, Asked};
use crate::n4_rules;
use crate::pool::UeAddress;
use crate::refusal::Refusal;
use crate::session::{AtUpf, Entry, Phase, Session, SessionKey, UpConnection};
use crate::{Core, admin, n2, session_type, subscription};

use super::pdu_session_release::{give_up, release_locally};

/// What the AMF asks for, its mandatory attributes checked.
struct Request {
    key: SessionKey,
    dnn: Dnn,
    slice: Snssai,
    amf: ApiRoot,
    status_uri: String,
    existing: bool,
}

/// Steps 3 to 5: checks the request and answers it; the rest goes on by itself.
///
/// # Errors
/// The refusal, with the NAS message that the AMF is to bring to the UE.
pub(crate) async fn create_sm_context(
    core: &Arc<Core>,
    body: WithParts<SmContextCreateData>,
) -> Result<WithLocation<WithParts<SmContextCreatedData>>, Problem> {
    let timed = core.metrics.procedure("pdu_session_establishment");
    // 3. Nsmf_PDUSession_CreateSMContext Request.
    let request = read(&body.json)?;
    let n1_sm_msg = body.json.n1_sm_msg.as_ref().ok_or_else(|| missing("n1SmMsg"))?;
    let n1_sm_msg = body.part(n1_sm_msg)?;
    let (id, pti, outcome) = match Asked::read(&n1_sm_msg) {
        Err((id, pti, refusal)) => (id, pti, Err(refusal)),
        Ok(asked) => (asked.pdu_session_id, asked.pti, admit(core, &request, &asked).await.map(|made| (made, asked))),
    };
    match outcome {
        Ok(((entry, session, narrowed), asked)) => {
            let created = SmContextCreatedData {
                pdu_session_id: Some(entry.key.id),
                s_nssai: Some(request.slice),
                ..SmContextCreatedData::default()
            };
            let location =
                format!("{}{}/sm-contexts/{}", core.api_root, sbi_api::nsmf_pdusession::ROOT, entry.reference.0);
            let core = core.clone();
            tokio::spawn(async move {
                let result = set_up(&core, &entry, session, (&asked, narrowed)).await;
                timed.finish(result.as_ref().map_or_else(Refusal::result, |()| "success"));
            });
            // 5. Nsmf_PDUSession_CreateSMContext Response.
            Ok(WithLocation { location, body: created.into() })
        }
        Err(refusal) => {
            timed.finish(refusal.result());
            explain(core, &request.key, (&request.dnn, request.slice), &refusal);
            Err(answer(id, pti, &refusal))
        }
    }
}

fn missing(attribute: &str) -> Problem {
    Problem::new(http::StatusCode::BAD_REQUEST, "MANDATORY_IE_MISSING", attribute)
}

fn read(data: &SmContextCreateData) -> Result<Request, Problem> {
    let supi: Supi = data.supi.clone().ok_or_else(|| missing("supi"))?;
    let id: PduSessionId = data.pdu_session_id.ok_or_else(|| missing("pduSessionId"))?;
    let (amf, _) =
        ApiRoot::split(&data.sm_context_status_uri).map_err(|error| Problem::incorrect("smContextStatusUri", error))?;
    Ok(Request {
        key: SessionKey { supi, id },
        dnn: data.dnn.clone().ok_or_else(|| missing("dnn"))?,
        slice: data.s_nssai.ok_or_else(|| missing("sNssai"))?,
        amf,
        status_uri: data.sm_context_status_uri.clone(),
        existing: data.request_type == Some(RequestType::ExistingPduSession),
    })
}

type Held = OwnedMutexGuard<Session>;

/// A session that may be had, held, and why its type is not the one asked for.
type Admitted = (Arc<Entry>, Held, Option<GsmCause>);

/// Steps 3 and 4: whether the session may be had. The session is held from the start, so that what the AMF asks next waits.
async fn admit(core: &Arc<Core>, request: &Request, asked: &Asked) -> Result<Admitted, Refusal> {
    if let Some(mode) = asked.ssc_mode.filter(|mode| *mode != nas::ie::SscMode::Mode1) {
        return Err(Refusal::SscMode(mode));
    }
    // 3. A session of this identity that is still there is released locally (TS 24.501 6.4.1.7 case c); one that
    //    is to be taken over from another access cannot be here.
    if let Some(old) = core.sessions.find(&request.key) {
        release_locally(core, &old, Cause::RelDueToDuplicateSessionId).await;
    }
    if request.existing {
        return Err(Refusal::NoSuchSession);
    }
    let network = core.network.dnn(request.dnn.as_str()).ok_or_else(|| Refusal::UnknownDnn(request.dnn.clone()))?;
    if !network.serves(request.slice) {
        return Err(Refusal::DnnNotInSlice(request.dnn.clone(), request.slice));
    }
    if core.sessions.len() >= core.config.max_sessions {
        return Err(Refusal::Full);
    }
    // 4. Session management subscription data (Nudm_SDM_Get).
    let granted = subscription::session_management_data(core, &request.key.supi, &network.name, request.slice).await?;
    let offered = session_type::Offered::by(network);
    let (kind, narrowed) = session_type::select(asked.session_type, &granted.types, offered)?;
    let address = core.take_address(&network.name, kind, granted.fixed)?;
    let session = Session {
        dnn: network.name.clone(),
        slice: request.slice,
        amf: request.amf.clone(),
        status_uri: request.status_uri.clone(),
        granted,
        address,
        at_upf: None,
        up: UpConnection::Deactivated,
        phase: Phase::Establishing,
    };
    let entry = core.sessions.insert(request.key.clone(), session);
    core.trace.same(|| admin::keys(core, &entry, None));
    let held = entry.session.clone().lock_owned().await;
    // 4. Nudm_UECM_Registration.
    if let Err(refusal) = subscription::register(core, &entry, &held).await {
        give_up(core, &entry, held);
        return Err(refusal);
    }
    Ok((entry, held, narrowed))
}

/// Steps 6 to 12: the session at the UPF, then the messages for UE and RAN. The RAN's tunnel comes in step 15, by
/// [`update_sm_context`](crate::server).
async fn set_up(
    core: &Arc<Core>,
    entry: &Arc<Entry>,
    mut session: Held,
    (asked, narrowed): (&Asked, Option<GsmCause>),
) -> Result<(), Refusal> {
    // 6. Secondary authentication and authorization: not done.
    // 7. Policy association: there is no PCF; rules are local.
    let refusal = match start_user_plane(core, entry, &mut session).await {
        Ok(at_upf) => match hand_over(core, entry, &mut session, (asked, narrowed), &at_upf).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        },
        Err(refusal) => {
            // 11. The reject takes the place of the accept; the RAN hears nothing.
            let n1 = Some(n1::reject(asked.pdu_session_id, asked.pti, &refusal));
            let told = n1_n2_message_transfer(core, entry, &session, Transfer { n1, ..Transfer::default() }).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the reject did not reach the AMF");
            }
            refusal
        }
    };
    explain(core, &entry.key, (&session.dnn, session.slice), &refusal);
    sm_context_status_notify(core, &session, None).await;
    drop(session);
    release_locally(core, entry, Cause::RelDueToUnspecifiedReason).await;
    Err(refusal)
}

/// Steps 8 to 10.
async fn start_user_plane(core: &Arc<Core>, entry: &Entry, session: &mut Session) -> Result<AtUpf, Refusal> {
    let (at_upf, address) = match establish_at_upf(core, entry, session).await {
        // The UPF has started again and this is how we hear of it: its association is being set up anew.
        Err(Refusal::UpfRefused(pfcp::Cause::NoEstablishedPfcpAssociation)) => {
            establish_at_upf(core, entry, session).await?
        }
        outcome => outcome?,
    };
    session.at_upf = Some(at_upf);
    core.note_session(at_upf.upf, 1);
    // After that: without an address it is given up, there too.
    session.address = address?;
    Ok(at_upf)
}

/// What a UPF says that chooses the addresses of UEs.
const NO_ADDRESS: pfcp::Cause = pfcp::Cause::AllDynamicAddressesAreOccupied;

/// The session as this UPF is to have it.
pub(super) fn establishment_request(
    core: &Core,
    entry: &Entry,
    session: &Session,
    upf: IpAddr,
) -> SessionEstablishmentRequest {
    let network = core.network.dnn(session.dnn.as_str());
    let own = core.config.n4.listen.ip();
    let mut request = n4_rules::establishment(session, entry.reference, core.n4.node_id(), own, network);
    if session.granted.routes.is_empty() || !session.address.kind().is_ip() {
        return request;
    }
    let why = match core.n4.offers(upf, UpFunctionFeatures::FRRT) {
        true if n4_rules::add_routes(&mut request, &session.granted.routes) => return request,
        true => "with the rules of the data network its routes are more than one message carries",
        false => "the UPF has no framed routes (FRRT)",
    };
    tracing::warn!(%upf, supi = %entry.key.supi, dnn = %session.dnn, "nothing behind the UE is reached: {why}");
    request
}

async fn establish_at_upf(
    core: &Arc<Core>,
    entry: &Entry,
    session: &Session,
) -> Result<(AtUpf, Result<UeAddress, Refusal>), Refusal> {
    // 8. UPF selection: the associated one with the least load.
    let upf = core.select_upf().await?;
    // 9. Policy association modification: there is no PCF.
    // 10. N4 Session Establishment.
    let request = establishment_request(core, entry, session, upf);
    match core.n4.request(upf, pfcp::Seid::default(), request).await? {
        Message::SessionEstablishmentResponse(response) if response.cause == NO_ADDRESS => {
            Err(Refusal::NoAddress(session.dnn.clone()))
        }
        Message::SessionEstablishmentResponse(response) => {
            let at_upf = n4_rules::established(upf, &response)?;
            Ok((at_upf, n4_rules::address(session.address, upf, &response)))
        }
        _ => Err(Refusal::UpfRefused(pfcp::Cause::RequestRejected)),
    }
}

/// Steps 11 to 14.
async fn hand_over(
    core: &Arc<Core>,
    entry: &Entry,
    session: &mut Session,
    (asked, narrowed): (&Asked, Option<GsmCause>),
    at_upf: &AtUpf,
) -> Result<(), Refusal> {
    let network: &DataNetwork =
        core.network.dnn(session.dnn.as_str()).ok_or_else(|| Refusal::UnknownDnn(session.dnn.clone()))?;
    let n2 = n2::setup_request(session, at_upf).map(|octets| (NgapIeType::PduResSetupReq, octets));
    let n1 = Some(n1::accept(asked, session, network, narrowed));
    session.up = UpConnection::Activating;
    // 11. Namf_Communication_N1N2MessageTransfer; 12 to 14 are between AMF, RAN and UE.
    let told = n1_n2_message_transfer(core, entry, session, Transfer { n1, n2, skip_if_idle: false }).await;
    told.map(drop).map_err(|error| Refusal::Ran(error.to_string()))
}

/// The answer to a refused Create SM Context: a reject for the UE inside an error for the AMF.
fn answer(pdu_session_id: u8, pti: u8, refusal: &Refusal) -> Problem {
    let (status, cause) = refusal.answer();
    let error = ProblemDetails {
        status: Some(status.as_u16()),
        cause: Some(cause.to_owned()),
        detail: Some(refusal.to_string()),
    };
    let mut body = WithParts::from(SmContextCreateError { error, ..SmContextCreateError::default() });
    if let Some(octets) = n1::octets(&n1::reject(pdu_session_id, pti, refusal)) {
        body.json.n1_sm_msg = Some(body.attach("n1SmMsg", NAS_5GS, octets));
    }
    Problem::new(status, cause, refusal).with_body::<Multipart<SmContextCreateError>>(&body)
}

/// Notes the refusal where `peregrine doctor` finds it.
fn explain(core: &Core, key: &SessionKey, (dnn, slice): (&Dnn, Snssai), refusal: &Refusal) {
    let names: Vec<_> = core.network.dnns.iter().map(|network| network.name.to_string()).collect();
    let slices: Vec<_> = core.network.slices.iter().map(ToString::to_string).collect();
    core.rejects.record(Reject {
        about: key.supi.to_string(),
        what: format!("PDU session {} rejected with 5GSM cause {}: {refusal}", key.id, refusal.gsm_cause()),
        peer_sent: format!("a request for DNN {dnn} in slice {slice}"),
        configured: format!("DNNs {} in slices {}", names.join(", "), slices.join(", ")),
        key: refusal.key().to_owned(),
    });
}
