//! PDU sessions (TS 24.501 6.4.1, 6.3.3, 6.4.3), seen from the UE.

use super::{Failure, Output, Procedure, Ue};
use nas::gmm::{DlNasTransport, UlNasTransport};
use nas::gsm::{
    GsmStatus, PduSessionEstablishmentAccept, PduSessionEstablishmentReject, PduSessionEstablishmentRequest,
    PduSessionModificationComplete, PduSessionReleaseCommand, PduSessionReleaseComplete, PduSessionReleaseReject,
    PduSessionReleaseRequest,
};
use nas::ie::{
    Dnn, EpcoRequest, IntegrityMaximumDataRate, PayloadContainerType, PduAddress, PduSessionType, PduSessions,
    RequestType, SNssai, SscMode,
};
use nas::{GsmCause, GsmMessage, GsmPdu};
use std::net::IpAddr;
use std::time::Instant;

/// A session to be established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRequest {
    /// PDU session identity, 1 to 15.
    pub id: u8,
    /// What it is to carry.
    pub kind: PduSessionType,
    /// The data network; `None` asks for the default.
    pub dnn: Option<Dnn>,
    /// The slice; `None` asks for the default.
    pub slice: Option<SNssai>,
}

impl SessionRequest {
    /// For an IPv4 session to the default data network.
    pub fn usual(id: u8) -> Self {
        Self { id, kind: PduSessionType::Ipv4, dnn: None, slice: None }
    }
}

/// A session that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// PDU session identity.
    pub id: u8,
    /// What it carries.
    pub kind: PduSessionType,
    /// The UE's address; of IPv6 its interface's identifier, for the rest is told on the link. None where it carries no IP.
    pub address: Option<PduAddress>,
    /// The data network.
    pub dnn: Option<Dnn>,
    /// The MTU the network told.
    pub mtu: Option<u16>,
    /// The DNS servers it told.
    pub dns: Vec<IpAddr>,
}

/// A session as the UE remembers it.
#[derive(Debug)]
pub(super) struct Context {
    request: SessionRequest,
    pti: u8,
    active: bool,
}

impl Context {
    pub(super) fn is_active(&self) -> bool {
        self.active
    }
}

impl Ue {
    pub(super) fn establish(&mut self, request: SessionRequest) {
        if !self.is_registered() || !self.connected {
            return self.finish(Err(Failure::State("a session needs a registered, connected UE")));
        }
        if self.sessions.get(&request.id).is_some_and(Context::is_active) {
            return self.finish(Err(Failure::State("the session exists")));
        }
        let pti = self.take_pti();
        self.sessions.insert(request.id, Context { request: request.clone(), pti, active: false });
        let mut message = PduSessionEstablishmentRequest::new(IntegrityMaximumDataRate::FULL);
        message.pdu_session_type = Some(request.kind);
        message.ssc_mode = Some(SscMode::Mode1);
        message.epco = Some(EpcoRequest::usual());
        self.send_session_message(&GsmPdu::new(request.id, pti, message), Some(&request));
    }

    pub(super) fn release_session(&mut self, id: u8) {
        let pti = self.take_pti();
        match self.sessions.get_mut(&id) {
            Some(session) if session.active && self.connected => session.pti = pti,
            _ => return self.finish(Err(Failure::State("no such session on a connection"))),
        }
        self.send_session_message(&GsmPdu::new(id, pti, PduSessionReleaseRequest::new()), None);
    }

    fn take_pti(&mut self) -> u8 {
        let pti = self.next_pti;
        self.next_pti = if pti >= 254 { 1 } else { pti + 1 };
        pti
    }

    /// UL NAS TRANSPORT of a 5GSM message; what a new session asks for goes along.
    fn send_session_message(&mut self, pdu: &GsmPdu, request: Option<&SessionRequest>) {
        let Ok(payload) = pdu.encode() else {
            return self.finish(Err(Failure::State("the session request cannot be encoded")));
        };
        let mut transport = UlNasTransport::new(PayloadContainerType::N1SmInformation, payload);
        transport.pdu_session_id = Some(pdu.pdu_session_id);
        if let Some(request) = request {
            transport.request_type = Some(RequestType::Initial);
            transport.s_nssai = request.slice;
            transport.dnn = request.dnn.clone();
        }
        self.send(transport);
    }

    pub(super) fn handle_dl_nas_transport(&mut self, _now: Instant, transport: &DlNasTransport) {
        if transport.payload_container_type != PayloadContainerType::N1SmInformation {
            return;
        }
        // A cause says that this is our own message, which was not forwarded (5.4.5.3.3).
        if let Some(cause) = transport.cause {
            if self.is_running(Procedure::Session) || self.is_running(Procedure::SessionRelease) {
                self.finish(Err(Failure::Refused(cause)));
            }
            return;
        }
        match GsmPdu::decode(&transport.payload_container) {
            Ok(pdu) => self.handle_session_message(pdu),
            Err(error) => {
                tracing::debug!(imsi = self.imsi, %error, "5GSM message not understood");
                if let (Some(header), Some(cause)) = (error.header, error.cause()) {
                    let status = GsmPdu::new(header.pdu_session_id, header.pti, GsmStatus::new(cause));
                    self.send_session_message(&status, None);
                }
            }
        }
    }

    fn handle_session_message(&mut self, pdu: GsmPdu) {
        let (id, pti) = (pdu.pdu_session_id, pdu.pti);
        match pdu.message {
            GsmMessage::PduSessionEstablishmentAccept(accept) => self.session_accepted(id, pti, *accept),
            GsmMessage::PduSessionEstablishmentReject(reject) => self.session_rejected(id, pti, &reject),
            GsmMessage::PduSessionReleaseCommand(command) => self.session_released(id, pti, &command),
            GsmMessage::PduSessionReleaseReject(reject) => self.release_rejected(&reject),
            GsmMessage::PduSessionModificationCommand(_) => {
                let complete = GsmPdu::new(id, pti, PduSessionModificationComplete::new());
                self.send_session_message(&complete, None);
            }
            GsmMessage::GsmStatus(status) => {
                tracing::debug!(imsi = self.imsi, id, cause = %status.cause, "5GSM status");
            }
            _ => {
                let status = GsmPdu::new(id, pti, GsmStatus::new(GsmCause::MessageTypeNotCompatible));
                self.send_session_message(&status, None);
            }
        }
    }

    fn session_accepted(&mut self, id: u8, pti: u8, accept: PduSessionEstablishmentAccept) {
        let Some(context) = self.sessions.get_mut(&id).filter(|context| context.pti == pti && !context.active) else {
            let status = GsmPdu::new(id, pti, GsmStatus::new(GsmCause::PtiMismatch));
            return self.send_session_message(&status, None);
        };
        context.active = true;
        let (kind, address) = (accept.pdu_session_type, accept.pdu_address);
        let is_ip = !matches!(kind, PduSessionType::Ethernet | PduSessionType::Unstructured);
        if is_ip != address.is_some() {
            return self.finish(Err(Failure::SessionRefused(GsmCause::UnknownPduSessionType)));
        }
        let servers = |epco: &nas::ie::EpcoAnswer| {
            let ipv6 = epco.dns_ipv6().into_iter().map(IpAddr::from);
            epco.dns_ipv4().into_iter().map(IpAddr::from).chain(ipv6).collect()
        };
        let (mtu, dns) = accept.epco.map(|epco| (epco.mtu(), servers(&epco))).unwrap_or_default();
        self.outputs.push_back(Output::SessionUp(Session { id, kind, address, dnn: accept.dnn, mtu, dns }));
        if self.is_running(Procedure::Session) {
            self.finish(Ok(()));
        }
    }

    fn session_rejected(&mut self, id: u8, pti: u8, reject: &PduSessionEstablishmentReject) {
        if self.sessions.get(&id).is_some_and(|context| context.pti == pti) {
            self.sessions.remove(&id);
            if self.is_running(Procedure::Session) {
                self.finish(Err(Failure::SessionRefused(reject.cause)));
            }
        }
    }

    fn session_released(&mut self, id: u8, pti: u8, command: &PduSessionReleaseCommand) {
        self.send_session_message(&GsmPdu::new(id, pti, PduSessionReleaseComplete::new()), None);
        let released = self.sessions.remove(&id);
        let ours = released.as_ref().is_some_and(|context| context.pti == pti);
        self.outputs.push_back(Output::SessionDown(id));
        // The network wants it once more, as it was (6.3.3.3).
        if command.cause == GsmCause::ReactivationRequested {
            self.again.extend(released.map(|context| context.request));
        }
        if ours && self.is_running(Procedure::SessionRelease) {
            self.finish(Ok(()));
        }
        tracing::debug!(imsi = self.imsi, id, cause = %command.cause, "session released");
    }

    /// The network has no other sessions than these: the UE makes the others anew (5.6.1.4.1).
    pub(super) fn drop_sessions_but(&mut self, held: PduSessions) {
        let sessions = std::mem::take(&mut self.sessions).into_iter();
        let (lost, kept) = sessions.partition(|(id, session)| session.active && !held.contains(*id));
        self.sessions = kept;
        for (id, context) in lost {
            self.outputs.push_back(Output::SessionDown(id));
            self.again.push_back(context.request);
        }
    }

    fn release_rejected(&mut self, reject: &PduSessionReleaseReject) {
        if self.is_running(Procedure::SessionRelease) {
            self.finish(Err(Failure::SessionRefused(reject.cause)));
        }
    }
}
