//! A scripted UE: what it says it says in full, what it hears it checks.

use std::time::Duration;

use aka::{Autn, AutnError, K, Kamf, Opc, Rand, Sqn, Usim, serving_network_name};
use bytes::Bytes;
use nas::gmm::*;
use nas::ie::*;
use nas::{Envelope, GmmCause, GmmMessage, NasKeys, SecurityContext, SecurityHeaderType, Side};
use ngap::{AmfUeNgapId, Message, RanUeNgapId, UeNgapIds};

use super::Node;
use super::home::{KEY, OPC};

pub struct Ue {
    pub msin: String,
    pub usim: Usim,
    pub capability: UeSecurityCapability,
    pub security: Option<SecurityContext>,
    kamf: Option<Kamf>,
    pub guti: Option<Guti>,
    pub ran: RanUeNgapId,
    pub amf: Option<AmfUeNgapId>,
    /// The request that Security Mode Complete repeats in full.
    pub request: Option<RegistrationRequest>,
}

/// What came for the UE.
#[derive(Debug)]
pub struct Heard {
    pub n2: Message,
    pub nas: Option<GmmMessage>,
}

pub fn initial() -> RegistrationKind {
    RegistrationKind::Initial
}

pub fn mobility() -> RegistrationKind {
    RegistrationKind::MobilityUpdating
}

pub fn periodic() -> RegistrationKind {
    RegistrationKind::PeriodicUpdating
}

impl Ue {
    pub fn new(number: u32) -> Self {
        let usim = Usim::new(K::from_hex(KEY).expect("K"), Opc::from_hex(OPC).expect("OPc"));
        Self {
            msin: format!("{number:010}"),
            usim,
            capability: UeSecurityCapability::new(0xf0, 0x70),
            security: None,
            kamf: None,
            guti: None,
            ran: RanUeNgapId(0),
            amf: None,
            request: None,
        }
    }

    /// A USIM that has accepted everything up to this SQN.
    pub fn with_sqn(number: u32, sqn: u64) -> Self {
        let mut ue = Self::new(number);
        ue.usim = Usim::new(K::from_hex(KEY).expect("K"), Opc::from_hex(OPC).expect("OPc"))
            .with_sqn(Sqn::new(sqn).expect("48 bits"));
        ue
    }

    pub fn supi(&self) -> sbi_models::Supi {
        format!("imsi-99970{}", self.msin).parse().expect("a SUPI")
    }

    pub fn suci(&self) -> MobileIdentity {
        MobileIdentity::Suci(Suci {
            plmn: Plmn::new("999", "70").expect("a PLMN"),
            routing_indicator: "0000".into(),
            protection_scheme: 0,
            key_id: 0,
            scheme_output: self.msin.clone(),
        })
    }

    pub fn identity(&self) -> MobileIdentity {
        self.guti.map_or_else(|| self.suci(), MobileIdentity::Guti)
    }

    pub fn registration_request(&self, kind: RegistrationKind) -> RegistrationRequest {
        let ng_ksi = self.security.as_ref().map_or(NgKsi::NO_KEY, SecurityContext::ng_ksi);
        let registration_type = RegistrationType { kind, follow_on_request: true };
        let mut request = RegistrationRequest::new(registration_type, ng_ksi, self.identity());
        request.security_capability = Some(self.capability.clone());
        request
    }

    /// A whole request, as it travels protected.
    pub fn whole_request(&self, kind: RegistrationKind) -> RegistrationRequest {
        let mut request = self.registration_request(kind);
        request.requested_nssai = Some(Nssai(vec![SNssai::new(1, None)]));
        request
    }

    /// Registration Request on a new connection, in clear.
    pub fn send_registration_request(&mut self, node: &mut Node, kind: RegistrationKind) {
        (self.ran, self.amf) = (node.new_ran_id(), None);
        let request = self.registration_request(kind);
        self.request = Some(self.whole_request(kind));
        node.initial(self.ran, plain(request), "RegistrationRequest");
    }

    /// Registration Request on a new connection, protected, the whole of it in the container.
    pub fn send_protected_registration_request(
        &mut self,
        node: &mut Node,
        kind: RegistrationKind,
        whole: RegistrationRequest,
    ) {
        (self.ran, self.amf) = (node.new_ran_id(), None);
        let mut request = self.registration_request(kind);
        request.nas_message_container = Some(self.container(whole));
        let pdu = self.protect_initial(request);
        node.initial(self.ran, pdu, "RegistrationRequest");
    }

    /// Service Request for uplink data in these sessions.
    pub fn send_service_request(&mut self, node: &mut Node, sessions: &[u8]) {
        self.send_service_request_for(node, ServiceType::Data, sessions);
    }

    pub fn send_service_request_for(&mut self, node: &mut Node, service: ServiceType, sessions: &[u8]) {
        (self.ran, self.amf) = (node.new_ran_id(), None);
        let (ksi, s_tmsi) = self.service_identity();
        let mut whole = ServiceRequest::new(ksi, service, s_tmsi);
        if !sessions.is_empty() {
            whole.uplink_data_status = Some(sessions.iter().copied().collect());
        }
        let mut request = ServiceRequest::new(ksi, service, s_tmsi);
        request.nas_message_container = Some(self.container(whole));
        let pdu = self.protect_initial(request);
        node.initial(self.ran, pdu, "ServiceRequest");
    }

    fn service_identity(&self) -> (NgKsi, STmsi) {
        let ksi = self.security.as_ref().map_or(NgKsi::NO_KEY, SecurityContext::ng_ksi);
        (ksi, self.guti.expect("a GUTI").s_tmsi)
    }

    pub fn container(&self, whole: impl Into<GmmMessage>) -> Vec<u8> {
        let mut octets = whole.into().encode().expect("encodes");
        self.security.as_ref().expect("keys").cipher_container(&mut octets);
        octets
    }

    pub fn protect_initial(&mut self, message: impl Into<GmmMessage>) -> Bytes {
        let plain = message.into().encode().expect("encodes");
        let security = self.security.as_mut().expect("keys");
        security.protect(&plain, SecurityHeaderType::IntegrityProtected).expect("counts left").into()
    }

    pub fn protect(&mut self, message: &GmmMessage) -> Bytes {
        let header = match message {
            GmmMessage::SecurityModeComplete(_) => SecurityHeaderType::IntegrityProtectedAndCipheredWithNewContext,
            _ => SecurityHeaderType::IntegrityProtectedAndCiphered,
        };
        let plain = message.encode().expect("encodes");
        match &mut self.security {
            Some(security) => security.protect(&plain, header).expect("counts left").into(),
            None => plain.into(),
        }
    }

    /// Sends a NAS message, protected as soon as there are keys.
    pub fn say(&mut self, node: &Node, message: impl Into<GmmMessage>) {
        let message = message.into();
        let pdu = self.protect(&message);
        node.uplink(self.amf.expect("connected"), self.ran, pdu, message.name());
    }

    /// Sends a NAS message in clear.
    pub fn say_plainly(&mut self, node: &Node, message: impl Into<GmmMessage>) {
        let message = message.into();
        node.uplink(self.amf.expect("connected"), self.ran, message.encode().expect("encodes").into(), message.name());
    }

    /// The next message for this UE.
    pub async fn hear(&mut self, node: &mut Node) -> Heard {
        self.try_hear(node, Duration::from_secs(60)).await.expect("the AMF sends something")
    }

    pub async fn try_hear(&mut self, node: &mut Node, within: Duration) -> Option<Heard> {
        let n2 = node.try_recv(within).await?;
        let nas = nas_pdu(&n2).map(|pdu| self.open(&pdu));
        let inner = nas.as_ref().map_or(String::new(), |nas| format!(" ({})", nas.name()));
        node.ladder.arrow("AMF", "gNB", format!("{}{inner}", n2.name()));
        if let Some(amf) = amf_id(&n2) {
            self.amf = Some(amf);
        }
        Some(Heard { n2, nas })
    }

    pub fn open(&mut self, pdu: &[u8]) -> GmmMessage {
        self.try_open(pdu).expect("a NAS message that verifies")
    }

    /// What the message says, if it is one and verifies.
    pub fn try_open(&mut self, pdu: &[u8]) -> Option<GmmMessage> {
        match Envelope::open(pdu).ok()? {
            Envelope::Plain(octets) => GmmMessage::decode(octets).ok(),
            Envelope::Protected(protected) => {
                let new = protected.header_type == SecurityHeaderType::IntegrityProtectedWithNewContext;
                if new {
                    self.take_new_keys(protected.message())?;
                }
                let plain = self.security.as_mut()?.unprotect(&protected).ok()?;
                GmmMessage::decode(&plain.octets).ok()
            }
        }
    }

    fn take_new_keys(&mut self, message: &[u8]) -> Option<()> {
        let Ok(GmmMessage::SecurityModeCommand(command)) = GmmMessage::decode(message) else { return None };
        let kamf = self.kamf.as_ref()?;
        let integrity = kamf.nas_integrity_key(command.algorithms.integrity.identity()).ok()?;
        let ciphering = kamf.nas_ciphering_key(command.algorithms.ciphering.identity()).ok()?;
        let keys = NasKeys::new(integrity.as_octets(), ciphering.as_octets());
        self.security = Some(SecurityContext::new(Side::Ue, command.ng_ksi, command.algorithms, keys));
        Some(())
    }

    /// The answer to a challenge: RES*, or why not.
    pub fn answer(&mut self, request: &AuthenticationRequest) -> GmmMessage {
        let network = serving_network_name("999", "70");
        let (rand, autn) = (Rand::new(request.rand.expect("RAND")), Autn::new(request.autn.expect("AUTN")));
        match self.usim.authenticate(&rand, &autn, &network) {
            Ok(answer) => {
                let kseaf = answer.kausf.kseaf(&network).expect("KSEAF");
                let imsi = format!("99970{}", self.msin);
                self.kamf = Some(kseaf.kamf(&imsi, &request.abba).expect("KAMF"));
                let mut response = AuthenticationResponse::new();
                response.res_star = Some(*answer.res_star.as_octets());
                response.into()
            }
            Err(AutnError::SynchFailure { auts }) => {
                let mut failure = AuthenticationFailure::new(GmmCause::SynchFailure);
                failure.auts = Some(*auts.as_octets());
                failure.into()
            }
            Err(_) => AuthenticationFailure::new(GmmCause::MacFailure).into(),
        }
    }

    /// Hears a challenge and answers it.
    pub async fn authenticate(&mut self, node: &mut Node) {
        let heard = self.hear(node).await;
        let Some(GmmMessage::AuthenticationRequest(request)) = heard.nas else { panic!("no challenge: {heard:?}") };
        let answer = self.answer(&request);
        self.say_plainly(node, answer);
    }

    /// Hears the security mode command and completes it.
    pub async fn secure(&mut self, node: &mut Node) {
        let heard = self.hear(node).await;
        let Some(GmmMessage::SecurityModeCommand(command)) = heard.nas else { panic!("no command: {heard:?}") };
        assert_eq!(command.replayed_security_capability, self.capability, "the very octets received");
        self.security_mode_complete(node);
    }

    /// Security Mode Complete with everything that belongs in it.
    pub fn security_mode_complete(&mut self, node: &Node) {
        let mut complete = SecurityModeComplete::new();
        complete.imeisv = Some(nas::ie::Imeisv("4370816125816151".into()));
        let request = self.request.clone().expect("a request");
        complete.nas_message_container = Some(GmmMessage::from(request).encode().expect("encodes"));
        self.say(node, complete);
    }

    /// Hears the accept, answers for node and UE, and takes note of the GUTI.
    pub async fn complete(&mut self, node: &mut Node) -> RegistrationAccept {
        let heard = self.hear(node).await;
        let Some(GmmMessage::RegistrationAccept(accept)) = heard.nas else { panic!("no accept: {heard:?}") };
        if matches!(heard.n2, Message::InitialContextSetupRequest(_)) {
            self.context_set_up(node, &[]);
        }
        self.guti = accept.guti.or(self.guti);
        self.say(node, RegistrationComplete::new());
        let heard = self.hear(node).await;
        assert!(matches!(heard.nas, Some(GmmMessage::ConfigurationUpdateCommand(_))), "{heard:?}");
        *accept
    }

    /// Initial Context Setup Response with these sessions set up.
    pub fn context_set_up(&self, node: &Node, sessions: &[u8]) {
        let item = |id: &u8| ngap::PduSessionResourceResponseItem {
            pdu_session_id: ngap::PduSessionId(*id),
            transfer: Bytes::from_static(b"set up"),
        };
        let list: Vec<_> = sessions.iter().map(item).collect();
        let response = ngap::InitialContextSetupResponse {
            amf_ue_ngap_id: self.amf.expect("connected"),
            ran_ue_ngap_id: self.ran,
            pdu_session_resource_setup_list: (!list.is_empty()).then_some(list),
            pdu_session_resource_failed_to_setup_list: None,
            criticality_diagnostics: None,
        };
        node.send(response, None);
    }

    /// Registers by SUCI, all the way.
    pub async fn register(&mut self, node: &mut Node) -> RegistrationAccept {
        self.send_registration_request(node, RegistrationKind::Initial);
        self.authenticate(node).await;
        self.secure(node).await;
        self.complete(node).await
    }

    /// A 5GSM message for the network.
    pub fn say_session(&mut self, node: &Node, id: u8, request: Option<RequestType>, dnn: Option<&str>, payload: &str) {
        let mut transport = UlNasTransport::new(PayloadContainerType::N1SmInformation, payload.as_bytes().to_vec());
        transport.pdu_session_id = Some(id);
        transport.request_type = request;
        transport.dnn = dnn.map(|dnn| Dnn::new(dnn).expect("a DNN"));
        self.say(node, transport);
    }

    /// Asks for a session, and sets it up.
    pub async fn establish(&mut self, node: &mut Node, id: u8) {
        self.say_session(node, id, Some(RequestType::Initial), Some("internet"), "request");
        let mut heard = self.hear(node).await;
        if matches!(heard.n2, Message::PduSessionResourceReleaseCommand(_)) {
            // A session of this identity is there: it goes first.
            self.session_released(node, id);
            heard = self.hear(node).await;
        }
        let Message::PduSessionResourceSetupRequest(request) = heard.n2 else { panic!("no setup: {heard:?}") };
        let ids: Vec<u8> = request.pdu_session_resource_setup_list.iter().map(|item| item.pdu_session_id.0).collect();
        assert_eq!(ids, [id]);
        self.sessions_set_up(node, &[id]);
    }

    pub fn sessions_set_up(&self, node: &Node, ids: &[u8]) {
        let item = |id: &u8| ngap::PduSessionResourceResponseItem {
            pdu_session_id: ngap::PduSessionId(*id),
            transfer: Bytes::from_static(b"set up"),
        };
        let response = ngap::PduSessionResourceSetupResponse {
            amf_ue_ngap_id: self.amf.expect("connected"),
            ran_ue_ngap_id: self.ran,
            pdu_session_resource_setup_list: Some(ids.iter().map(item).collect()),
            pdu_session_resource_failed_to_setup_list: None,
            criticality_diagnostics: None,
            user_location_information: None,
        };
        node.send(response, None);
    }

    pub fn session_released(&self, node: &Node, id: u8) {
        let released = ngap::PduSessionResourceResponseItem {
            pdu_session_id: ngap::PduSessionId(id),
            transfer: Bytes::from_static(b"released"),
        };
        let response = ngap::PduSessionResourceReleaseResponse {
            amf_ue_ngap_id: self.amf.expect("connected"),
            ran_ue_ngap_id: self.ran,
            pdu_session_resource_released_list: vec![released],
            user_location_information: None,
            criticality_diagnostics: None,
        };
        node.send(response, None);
    }

    pub fn release_request(&self, node: &Node) {
        let request = ngap::UeContextReleaseRequest {
            amf_ue_ngap_id: self.amf.expect("connected"),
            ran_ue_ngap_id: self.ran,
            pdu_session_resource_list: None,
            cause: ngap::Cause::RadioNetwork(ngap::CauseRadioNetwork::UserInactivity),
        };
        node.send(request, None);
    }

    /// Hears a release command and completes it.
    pub async fn released(&mut self, node: &mut Node) {
        let heard = self.hear(node).await;
        assert!(matches!(heard.n2, Message::UeContextReleaseCommand(_)), "{heard:?}");
        self.release_complete(node);
    }

    pub fn release_complete(&self, node: &Node) {
        let complete = ngap::UeContextReleaseComplete {
            amf_ue_ngap_id: self.amf.expect("connected"),
            ran_ue_ngap_id: self.ran,
            user_location_information: None,
            pdu_session_resource_list: None,
            criticality_diagnostics: None,
        };
        node.send(complete, None);
    }

    /// Goes to idle as the node wishes.
    pub async fn go_idle(&mut self, node: &mut Node) {
        self.release_request(node);
        self.released(node).await;
        super::settle().await;
    }
}

pub fn plain(message: impl Into<GmmMessage>) -> Bytes {
    message.into().encode().expect("encodes").into()
}

pub fn nas_pdu(message: &Message) -> Option<Bytes> {
    match message {
        Message::DownlinkNasTransport(transport) => Some(transport.nas_pdu.clone()),
        Message::InitialContextSetupRequest(request) => request.nas_pdu.clone(),
        Message::PduSessionResourceSetupRequest(request) => {
            request.pdu_session_resource_setup_list.first().and_then(|item| item.nas_pdu.clone())
        }
        Message::PduSessionResourceReleaseCommand(command) => command.nas_pdu.clone(),
        _ => None,
    }
}

pub fn amf_id(message: &Message) -> Option<AmfUeNgapId> {
    match message {
        Message::DownlinkNasTransport(transport) => Some(transport.amf_ue_ngap_id),
        Message::InitialContextSetupRequest(request) => Some(request.amf_ue_ngap_id),
        Message::PduSessionResourceSetupRequest(request) => Some(request.amf_ue_ngap_id),
        Message::PduSessionResourceReleaseCommand(command) => Some(command.amf_ue_ngap_id),
        Message::UeContextReleaseCommand(command) => match command.ue_ngap_ids {
            UeNgapIds::Pair { amf_ue_ngap_id, .. } => Some(amf_ue_ngap_id),
            UeNgapIds::AmfUeNgapId(id) => Some(id),
        },
        _ => None,
    }
}
