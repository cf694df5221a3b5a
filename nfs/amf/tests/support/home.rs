//! AUSF, UDM and SMF as a script: just enough of each for the AMF to be tested against.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aka::{AmfField, HomeVector, K, Milenage, Opc, Rand, ResStar, Sqn, serving_network_name};
use amf::machine::Machine;
use bytes::Bytes;
use sbi_api::multipart::{NAS_5GS, NGAP};
use sbi_api::namf_callback::NamfCallback;
use sbi_api::namf_comm::NamfComm;
use sbi_api::nausf_auth::NausfAuthServer;
use sbi_api::nsmf_pdusession::NsmfPduSessionServer;
use sbi_api::nudm_sdm::NudmSdmServer;
use sbi_api::nudm_uecm::NudmUecmServer;
use sbi_api::{
    Body, BoxFuture, CallError, Caller, Handler, Json, NoContent, Problem, Request, Response, Routes, Stored, Target,
    WithLocation, WithParts, nausf_auth, notify, nsmf_pdusession, nudm_sdm, nudm_uecm,
};
use sbi_models::amf::*;
use sbi_models::ausf::*;
use sbi_models::smf::*;
use sbi_models::udm::*;
use sbi_models::{HexOctets, PduSessionId, SecretHex, Supi};

use super::Ladder;

/// K and OPc of the test subscribers.
pub const KEY: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
pub const OPC: &str = "e8ed289deba952e4283b54e88e6183ca";

/// How the SMF treats the next sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionScript {
    #[default]
    Accept,
    /// 403 with a NAS reject in the error's body.
    RefuseAtOnce,
    /// Created, then a NAS reject by N1N2MessageTransfer, then released.
    RefuseLater,
    /// Created, then silence.
    Silent,
    /// Accepted, but before the context is made the AMF hears that the one before, which the UE released, is gone.
    HearLateOfTheOneBefore,
    /// Accepted; as the AMF releases the context a command of the SMF to UE and node is on its way.
    CrossReleaseWithCommand,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// When it is answered.
    pub after: Duration,
    /// Nobody has answered by then.
    pub fails: bool,
}

impl Default for Fate {
    /// An answer takes its time: everything else goes on meanwhile.
    fn default() -> Self {
        Self { after: Duration::from_micros(100), fails: false }
    }
}

#[derive(Default)]
struct State {
    sqn: HashMap<String, u64>,
    vectors: HashMap<String, (Supi, HomeVector)>,
    sessions: HashMap<String, SmContextOfUe>,
    /// What of released contexts the AMF was not told yet.
    untold: Vec<String>,
    uecm: HashMap<String, Amf3GppAccessRegistration>,
    purged: Vec<Supi>,
    script: SessionScript,
    fates: VecDeque<Fate>,
    down: Vec<&'static str>,
    slices: Vec<sbi_models::Snssai>,
    last: u64,
}

#[derive(Clone)]
struct SmContextOfUe {
    supi: Supi,
    session: PduSessionId,
    status_uri: String,
}

/// The home network and the SMF.
pub struct Home {
    ladder: Ladder,
    machine: OnceLock<Machine>,
    state: Mutex<State>,
}

/// Answers the AMF's calls, writing down the arrows.
struct HomeCaller {
    home: Arc<Home>,
    routes: Routes,
}

/// Calls the AMF's own services, writing down the arrows.
struct ToAmf {
    home: Arc<Home>,
}

impl Home {
    pub fn new(ladder: Ladder) -> Arc<Self> {
        let state = State { slices: vec!["1".parse().expect("a slice")], ..State::default() };
        Arc::new(Self { ladder, machine: OnceLock::new(), state: Mutex::new(state) })
    }

    pub fn caller(self: &Arc<Self>) -> Arc<dyn Caller> {
        let routes = nausf_auth::routes(self.server())
            .and(nudm_uecm::routes(self.server()))
            .and(nudm_sdm::routes(self.server()))
            .and(nsmf_pdusession::routes(self.server()));
        Arc::new(HomeCaller { home: self.clone(), routes })
    }

    fn server(self: &Arc<Self>) -> Arc<Server> {
        Arc::new(Server(self.clone()))
    }

    pub fn meet(&self, machine: &Machine) {
        let _ = self.machine.set(machine.clone());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic under the lock")
    }

    pub fn script(&self, script: SessionScript) {
        self.state().script = script;
    }

    /// The NF does not answer any more.
    pub fn take_down(&self, nf: &'static str) {
        self.state().down.push(nf);
    }

    pub fn bring_up(&self) {
        self.state().down.clear();
    }

    /// What becomes of the next calls, in their order.
    pub fn expect_fates(&self, fates: Vec<Fate>) {
        self.state().fates = fates.into();
    }

    /// The slices subscribed, all by default.
    pub fn subscribe(&self, slices: &[&str]) {
        self.state().slices = slices.iter().map(|slice| slice.parse().expect("a slice")).collect();
    }

    /// The home network's SQN of a subscriber.
    pub fn set_sqn(&self, supi: &str, sqn: u64) {
        self.state().sqn.insert(supi.to_owned(), sqn);
    }

    /// SM contexts that were made and not released.
    pub fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    pub fn uecm(&self, supi: &str) -> Option<Amf3GppAccessRegistration> {
        self.state().uecm.get(supi).cloned()
    }

    /// Subscribers whom the AMF has purged, in this order.
    pub fn purged(&self) -> Vec<Supi> {
        self.state().purged.clone()
    }

    fn supi_of(identity: &str) -> Option<Supi> {
        if let Ok(supi) = identity.parse() {
            return Some(supi);
        }
        let parts: Vec<_> = identity.split('-').collect();
        match parts.as_slice() {
            ["suci", "0", mcc, mnc, _, "0", "0", msin] => format!("imsi-{mcc}{mnc}{msin}").parse().ok(),
            _ => None,
        }
    }

    /// N1N2MessageTransfer to the AMF.
    pub async fn transfer(
        self: &Arc<Self>,
        supi: &Supi,
        session: PduSessionId,
        n1: Option<&str>,
        n2: Option<(NgapIeType, &str)>,
    ) -> Result<N1N2MessageTransferCause, sbi_api::SbiError> {
        let mut body = WithParts::from(N1N2MessageTransferReqData {
            pdu_session_id: Some(session),
            n1n2_failure_txf_notif_uri: Some("http://smf:7777/nsmf-callback/v1/failure".into()),
            ..Default::default()
        });
        if let Some(n1) = n1 {
            let n1_message_content = body.attach("n1", NAS_5GS, Bytes::from(n1.to_owned()));
            body.json.n1_message_container =
                Some(N1MessageContainer { n1_message_class: N1MessageClass::Sm, n1_message_content, nf_id: None });
        }
        if let Some((kind, n2)) = n2 {
            let ngap_data = body.attach("n2", NGAP, Bytes::from(n2.to_owned()));
            let content = N2InfoContent { ngap_message_type: None, ngap_ie_type: Some(kind), ngap_data };
            body.json.n2_info_container = Some(N2InfoContainer {
                n2_information_class: N2InformationClass::Sm,
                sm_info: Some(N2SmInformation {
                    pdu_session_id: session,
                    n2_info_content: Some(content),
                    s_nssai: None,
                }),
            });
        }
        let client = NamfComm::new(Arc::new(ToAmf { home: self.clone() }));
        client.n1_n2_message_transfer(supi, &body).await.map(|progress| progress.body.cause)
    }

    /// A session is gone, and the SMF tells the AMF, or not yet.
    async fn end_session(self: &Arc<Self>, reference: &str) {
        let ended = self.state().sessions.remove(reference);
        let Some(ended) = ended else { return };
        self.state().untold.push(ended.status_uri);
        if self.state().script != SessionScript::HearLateOfTheOneBefore {
            self.tell_of_released().await;
        }
    }

    /// The AMF releases a session. `false` if there is none.
    async fn released_by_amf(self: &Arc<Self>, reference: &str) -> bool {
        let released = self.state().sessions.remove(reference);
        let script = self.state().script;
        let Some(SmContextOfUe { supi, session, .. }) = released else { return false };
        if script == SessionScript::CrossReleaseWithCommand {
            let n2 = (NgapIeType::PduResRelCmd, "release");
            let _ = self.transfer(&supi, session, Some("release command"), Some(n2)).await;
        }
        true
    }

    /// The SMF starts anew: what it knew is gone, and nobody is told.
    pub fn restart_smf(&self) {
        self.state().sessions.clear();
    }

    /// The SMF tells the AMF what is gone.
    pub async fn tell_of_released(self: &Arc<Self>) {
        let uris = std::mem::take(&mut self.state().untold);
        for uri in uris {
            let to_amf = ToAmf { home: self.clone() };
            let body = SmContextStatusNotification::released(None);
            notify::<Json<SmContextStatusNotification>, NoContent>(&to_amf, &uri, &body)
                .await
                .expect("the AMF takes it");
        }
    }

    /// The UDM tells the AMF that the UE is not its any more.
    pub async fn notify_deregistered(self: &Arc<Self>, supi: &Supi, reason: DeregistrationReason) {
        self.try_notify_deregistered(supi, reason).await.expect("the AMF takes it");
    }

    /// The UDM tells the AMF so, whether the AMF has the UE or not.
    pub async fn try_notify_deregistered(
        self: &Arc<Self>,
        supi: &Supi,
        reason: DeregistrationReason,
    ) -> Result<(), sbi_api::SbiError> {
        let client = NamfCallback::new(Arc::new(ToAmf { home: self.clone() }));
        let data = DeregistrationData { dereg_reason: reason, access_type: None, pdu_session_id: None };
        client.deregistration_notify(supi, &data).await
    }
}

/// NF and name of a service operation by its request.
fn name(request: &Request) -> (&'static str, String) {
    let path = request.uri().path();
    let body = String::from_utf8_lossy(request.body());
    let (nf, name) = match path {
        p if p.ends_with("/ue-authentications") && body.contains("resynchronizationInfo") => {
            ("AUSF", "Nausf_UEAuthentication_Authenticate (AUTS)")
        }
        p if p.ends_with("/ue-authentications") => ("AUSF", "Nausf_UEAuthentication_Authenticate"),
        p if p.ends_with("/5g-aka-confirmation") => ("AUSF", "Nausf_UEAuthentication_Authenticate (RES*)"),
        p if p.ends_with("/amf-3gpp-access") && request.method() == http::Method::PATCH => {
            ("UDM", "Nudm_UECM_Deregistration")
        }
        p if p.ends_with("/amf-3gpp-access") => ("UDM", "Nudm_UECM_Registration"),
        p if p.ends_with("/am-data") => ("UDM", "Nudm_SDM_Get (access and mobility)"),
        p if p.ends_with("/smf-select-data") => ("UDM", "Nudm_SDM_Get (SMF selection)"),
        p if p.ends_with("/sm-contexts") => ("SMF", "Nsmf_PDUSession_CreateSMContext"),
        p if p.ends_with("/modify") => return ("SMF", format!("Nsmf_PDUSession_UpdateSMContext ({})", update(&body))),
        p if p.ends_with("/release") => ("SMF", "Nsmf_PDUSession_ReleaseSMContext"),
        p if p.ends_with("/n1-n2-messages") => ("SMF", "Namf_Communication_N1N2MessageTransfer"),
        p if p.contains("/sm-context-status/") => ("SMF", "Nsmf_PDUSession_SMContextStatusNotify"),
        p if p.ends_with("/dereg-notify") => ("UDM", "Nudm_UECM_DeregistrationNotify"),
        p if p.ends_with("/failure") => ("SMF", "Namf_Communication_N1N2TransferFailureNotification"),
        other => return ("?", other.to_owned()),
    };
    (nf, name.to_owned())
}

/// What an update is about.
fn update(body: &str) -> &'static str {
    for (text, what) in [
        ("PDU_RES_SETUP_RSP", "N2: set up"),
        ("PDU_RES_SETUP_FAIL", "N2: not set up"),
        ("PDU_RES_REL_RSP", "N2: released"),
        ("PDU_RES_NTY_REL", "N2: given up"),
        ("REL_DUE_TO_DUPLICATE_SESSION_ID", "release of a duplicate"),
        ("DEACTIVATED", "deactivate"),
        ("ACTIVATING", "activate"),
        ("n1SmMsg", "N1"),
    ] {
        if body.contains(text) {
            return what;
        }
    }
    "?"
}

impl Caller for HomeCaller {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        let request = request.map(Body::into_bytes);
        let (nf, name) = name(&request);
        self.home.ladder.arrow("AMF", nf, format!("{name} request"));
        Box::pin(async move {
            if self.home.state().down.contains(&nf) {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                return Err(CallError::NoInstance(nf.to_owned()));
            }
            let fate = self.home.state().fates.pop_front().unwrap_or_default();
            tokio::time::sleep(fate.after).await;
            if fate.fails {
                return Err(CallError::NoInstance(nf.to_owned()));
            }
            let response = match request.uri().path().ends_with("/failure") {
                true => http::Response::builder().status(204).body(Bytes::new()).expect("a response"),
                false => self.routes.handle(request).await.map(Body::into_bytes),
            };
            let status = response.status();
            let result = if status.is_success() { "response".to_owned() } else { format!("error {}", status.as_u16()) };
            self.home.ladder.arrow(nf, "AMF", format!("{name} {result}"));
            Ok(response)
        })
    }
}

impl Caller for ToAmf {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        let request = request.map(Body::into_bytes);
        let (nf, name) = name(&request);
        self.home.ladder.arrow(nf, "AMF", format!("{name} request"));
        Box::pin(async move {
            let routes = self.home.machine.get().expect("they have met").routes();
            let response = routes.handle(request).await.map(Body::into_bytes);
            self.home.ladder.arrow("AMF", nf, format!("{name} response {}", response.status().as_u16()));
            Ok(response)
        })
    }
}

struct Server(Arc<Home>);

fn unknown(what: &str) -> Problem {
    Problem::not_found("USER_NOT_FOUND", what)
}

impl NausfAuthServer for Server {
    async fn authenticate(&self, body: AuthenticationInfo) -> Result<WithLocation<UeAuthenticationCtx>, Problem> {
        let supi = Home::supi_of(body.supi_or_suci.as_str()).filter(|supi| supi.as_str().starts_with("imsi-99970"));
        let supi = supi.ok_or_else(|| unknown(body.supi_or_suci.as_str()))?;
        let milenage = Milenage::new(&K::from_hex(KEY).expect("K"), &Opc::from_hex(OPC).expect("OPc"));
        let mut state = self.0.state();
        state.last += 1;
        let id = state.last.to_string();
        let sqn = state.sqn.entry(supi.as_str().to_owned()).or_insert(0);
        if let Some(info) = body.resynchronization_info {
            let ms = milenage.resynchronise(&Rand::new(info.rand.0), &aka::Auts::new(info.auts.0));
            let ms = ms.map_err(|error| Problem::forbidden("AUTHENTICATION_REJECTED", error))?;
            *sqn = u64::from_be_bytes({
                let mut octets = [0; 8];
                octets[2..].copy_from_slice(&ms.to_octets());
                octets
            });
        }
        *sqn += 32;
        let sqn = Sqn::new(*sqn).expect("48 bits");
        let rand = Rand::new([u8::try_from(state.last & 0xff).expect("a byte"); 16]);
        let network = serving_network_name("999", "70");
        assert_eq!(body.serving_network_name, network);
        let vector = HomeVector::generate(&milenage, rand, sqn, AmfField::SEPARATED, &network).expect("a vector");
        let location = format!("http://ausf:7777/nausf-auth/v1/ue-authentications/{id}");
        let body = UeAuthenticationCtx {
            auth_type: AuthType::FiveGAka,
            auth_data: Av5gAka {
                rand: HexOctets(*vector.rand.as_octets()),
                autn: HexOctets(*vector.autn.as_octets()),
                hxres_star: HexOctets(*vector.xres_star.hxres_star(&vector.rand).as_octets()),
            },
            links: [("5g-aka".to_owned(), Link { href: format!("{location}/5g-aka-confirmation") })].into(),
            serving_network_name: None,
        };
        state.vectors.insert(id, (supi, vector));
        Ok(WithLocation { location, body })
    }

    async fn confirm(&self, auth_ctx_id: String, body: ConfirmationData) -> Result<ConfirmationDataResponse, Problem> {
        let (supi, vector) = self.0.state().vectors.remove(&auth_ctx_id).ok_or_else(|| unknown("context"))?;
        let right = body.res_star.is_some_and(|res| vector.xres_star.accepts(&ResStar::new(res.0)));
        let kseaf = vector.kausf.kseaf(&serving_network_name("999", "70")).expect("KSEAF");
        Ok(match right {
            true => ConfirmationDataResponse {
                auth_result: AuthResult::Success,
                supi: Some(supi),
                kseaf: Some(SecretHex(*kseaf.as_octets())),
            },
            false => ConfirmationDataResponse { auth_result: AuthResult::Failure, supi: None, kseaf: None },
        })
    }

    async fn delete_result(&self, _: String) -> Result<(), Problem> {
        Ok(())
    }
}

impl NudmUecmServer for Server {
    async fn register_amf(
        &self,
        ue_id: Supi,
        body: Amf3GppAccessRegistration,
    ) -> Result<Stored<Amf3GppAccessRegistration>, Problem> {
        self.0.state().uecm.insert(ue_id.to_string(), body.clone());
        Ok(Stored::replaced(body))
    }
    async fn update_amf(&self, supi: Supi, body: Amf3GppAccessRegistrationModification) -> Result<(), Problem> {
        if body.purge_flag == Some(true) {
            self.0.state().purged.push(supi);
        }
        Ok(())
    }
    async fn amf_registration(&self, ue_id: Supi) -> Result<Amf3GppAccessRegistration, Problem> {
        self.0.uecm(ue_id.as_str()).ok_or_else(|| unknown(ue_id.as_str()))
    }
    async fn register_smf(
        &self,
        _: Supi,
        _: PduSessionId,
        body: SmfRegistration,
    ) -> Result<Stored<SmfRegistration>, Problem> {
        Ok(Stored::replaced(body))
    }
    async fn deregister_smf(&self, _: Supi, _: PduSessionId) -> Result<(), Problem> {
        Ok(())
    }
}

impl NudmSdmServer for Server {
    async fn am_data(&self, _: Supi, _: SubscriptionQuery) -> Result<AccessAndMobilitySubscriptionData, Problem> {
        let default_single_nssais = self.0.state().slices.clone();
        Ok(AccessAndMobilitySubscriptionData {
            nssai: Some(Nssai { default_single_nssais, single_nssais: None }),
            ..Default::default()
        })
    }
    async fn smf_select_data(&self, _: Supi, _: SubscriptionQuery) -> Result<SmfSelectionSubscriptionData, Problem> {
        let dnn = |dnn: &str, default| DnnInfo { dnn: dnn.into(), default_dnn_indicator: Some(default) };
        let info = || SnssaiInfo { dnn_infos: vec![dnn("internet", true), dnn("ims", false)] };
        let infos = self.0.state().slices.iter().map(|slice| (slice.to_string(), info())).collect();
        Ok(SmfSelectionSubscriptionData { subscribed_snssai_infos: Some(infos) })
    }
    async fn sm_data(&self, _: Supi, _: SmDataQuery) -> Result<Vec<SessionManagementSubscriptionData>, Problem> {
        Ok(Vec::new())
    }
    async fn nssai(&self, _: Supi, _: SubscriptionQuery) -> Result<Nssai, Problem> {
        Ok(Nssai::default())
    }
    async fn ue_context_in_smf_data(&self, _: Supi) -> Result<UeContextInSmfData, Problem> {
        Err(unknown("nobody asks"))
    }
    async fn subscribe(&self, _: Supi, body: SdmSubscription) -> Result<WithLocation<SdmSubscription>, Problem> {
        Ok(WithLocation { location: String::new(), body })
    }
    async fn unsubscribe(&self, _: Supi, _: String) -> Result<(), Problem> {
        Ok(())
    }
}

impl NsmfPduSessionServer for Server {
    async fn create_sm_context(
        &self,
        body: WithParts<SmContextCreateData>,
    ) -> Result<WithLocation<WithParts<SmContextCreatedData>>, Problem> {
        let (supi, session) = body.json.supi.clone().zip(body.json.pdu_session_id).expect("SUPI and session");
        let script = self.0.state().script;
        if script == SessionScript::RefuseAtOnce {
            let problem = Problem::forbidden("DNN_DENIED", "the script says so");
            let mut error = WithParts::from(SmContextCreateError::default());
            error.json.n1_sm_msg = Some(error.attach("n1", NAS_5GS, Bytes::from_static(b"reject")));
            return Err(problem.with_body::<sbi_api::Multipart<SmContextCreateError>>(&error));
        }
        let id = {
            let mut state = self.0.state();
            state.last += 1;
            let id = state.last.to_string();
            let status_uri = body.json.sm_context_status_uri.clone();
            let made = SmContextOfUe { supi: supi.clone(), session, status_uri };
            state.sessions.insert(id.clone(), made);
            id
        };
        if script == SessionScript::HearLateOfTheOneBefore {
            self.0.tell_of_released().await;
        }
        let (home, reference) = (self.0.clone(), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            match script {
                SessionScript::Accept
                | SessionScript::HearLateOfTheOneBefore
                | SessionScript::CrossReleaseWithCommand => {
                    let n2 = (NgapIeType::PduResSetupReq, "setup");
                    let _ = home.transfer(&supi, session, Some("accept"), Some(n2)).await;
                }
                SessionScript::RefuseLater => {
                    let _ = home.transfer(&supi, session, Some("reject"), None).await;
                    home.end_session(&reference).await;
                }
                _ => {}
            }
        });
        let location = format!("http://smf:7777/nsmf-pdusession/v1/sm-contexts/{id}");
        Ok(WithLocation { location, body: SmContextCreatedData::default().into() })
    }

    async fn update_sm_context(
        &self,
        sm_context_ref: String,
        body: WithParts<SmContextUpdateData>,
    ) -> Result<Option<WithParts<SmContextUpdatedData>>, Problem> {
        if !self.0.state().sessions.contains_key(&sm_context_ref) {
            return Err(Problem::not_found("CONTEXT_NOT_FOUND", "gone"));
        }
        if body.json.release == Some(true) {
            self.0.released_by_amf(&sm_context_ref).await;
            let mut answer = WithParts::from(SmContextUpdatedData::default());
            answer.json.n2_sm_info = Some(answer.attach("n2", NGAP, Bytes::from_static(b"release")));
            answer.json.n2_sm_info_type = Some(N2SmInfoType::PduResRelCmd);
            return Ok(Some(answer));
        }
        let n1 = body.json.n1_sm_msg.as_ref().map(|part| body.part(part)).transpose()?;
        let mut answer = WithParts::from(SmContextUpdatedData::default());
        match n1.as_deref() {
            Some(b"release request") => {
                answer.json.n1_sm_msg = Some(answer.attach("n1", NAS_5GS, Bytes::from_static(b"release command")));
                answer.json.n2_sm_info = Some(answer.attach("n2", NGAP, Bytes::from_static(b"release")));
                answer.json.n2_sm_info_type = Some(N2SmInfoType::PduResRelCmd);
                return Ok(Some(answer));
            }
            Some(b"release complete") => {
                let home = self.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    home.end_session(&sm_context_ref).await;
                });
            }
            _ => {}
        }
        if body.json.up_cnx_state == Some(UpCnxState::Activating) {
            answer.json.n2_sm_info = Some(answer.attach("n2", NGAP, Bytes::from_static(b"setup")));
            answer.json.n2_sm_info_type = Some(N2SmInfoType::PduResSetupReq);
            return Ok(Some(answer));
        }
        Ok(None)
    }

    async fn release_sm_context(
        &self,
        sm_context_ref: String,
        _: WithParts<SmContextReleaseData>,
    ) -> Result<Option<SmContextReleasedData>, Problem> {
        match self.0.released_by_amf(&sm_context_ref).await {
            true => Ok(None),
            false => Err(Problem::not_found("CONTEXT_NOT_FOUND", "gone")),
        }
    }

    async fn retrieve_sm_context(
        &self,
        _: String,
        _: SmContextRetrieveData,
    ) -> Result<SmContextRetrievedData, Problem> {
        Err(unknown("nobody asks"))
    }
}
