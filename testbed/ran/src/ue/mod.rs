//! A UE: its 5GMM and 5GSM state (TS 24.501 clauses 5 and 6) as a struct that does no input or output.
//!
//! [`Ue::command`] starts a procedure, [`Ue::handle_nas`] takes what the network sent, [`Ue::poll_output`] says what is
//! to be sent and what came of it. One procedure runs at a time.

mod authentication;
mod deregistration;
mod registration;
mod security;
mod service;
mod session;

pub use session::{Session, SessionRequest};

use crate::Subscriber;
use aka::suci::Concealment;
use aka::{Kamf, Usim};
use nas::gmm::GmmStatus;
use nas::ie::{Guti, NgKsi, PduSessions, Plmn, SNssai, STmsi, UeSecurityCapability};
use nas::{Envelope, GmmCause, GmmMessage, GsmCause, SecurityContext, SecurityHeaderType};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all UEs of a run have in common.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The network the UE selects.
    pub plmn: Plmn,
    /// The slices it asks for.
    pub requested_slices: Vec<SNssai>,
    /// The algorithms it has.
    pub capability: UeSecurityCapability,
    /// Its SIM's routing indicator.
    pub routing_indicator: String,
    /// How long a procedure may take before it counts as failed.
    pub patience: Duration,
}

/// A procedure a UE can be told to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Initial registration, by GUTI if the UE has one.
    Register,
    /// PDU session establishment.
    Establish(SessionRequest),
    /// PDU session release.
    Release(u8),
    /// De-registration; `true` for switching off, which is not answered.
    Deregister(bool),
    /// Service request, with user data waiting or in answer to paging.
    Service,
}

/// A procedure, as reports count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Procedure {
    /// Registration.
    Registration,
    /// PDU session establishment.
    Session,
    /// PDU session release.
    SessionRelease,
    /// De-registration by the UE.
    Deregistration,
    /// Service request.
    Service,
}

/// Why a procedure failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The network refused with a 5GMM cause.
    #[error("refused with 5GMM cause {0}")]
    Refused(GmmCause),
    /// The network refused with a 5GSM cause.
    #[error("refused with 5GSM cause {0}")]
    SessionRefused(GsmCause),
    /// AUTHENTICATION REJECT: the network does not believe the UE's answer.
    #[error("authentication rejected: do K and OPc match the network's?")]
    AuthenticationRejected,
    /// The network's proof does not verify.
    #[error("the network's AUTN does not verify: do K and OPc match the network's?")]
    NetworkNotAuthentic,
    /// The network chose what the UE does not accept in SECURITY MODE COMMAND.
    #[error("security mode command not acceptable: {0}")]
    SecurityMode(&'static str),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection was released in the middle.
    #[error("connection released by the network or the gNB")]
    Released,
    /// The command does not fit the UE's state.
    #[error("not possible now: {0}")]
    State(&'static str),
}

/// What a UE wants done, or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// An initial NAS message: the gNB sets up a connection for it.
    Connect {
        /// The NAS PDU.
        nas: Vec<u8>,
        /// The UE's temporary identity, if it has one.
        s_tmsi: Option<STmsi>,
        /// Whether it answers paging.
        paged: bool,
    },
    /// A NAS PDU on the connection.
    Transmit(Vec<u8>),
    /// The connection is not needed any more, and the network has not released it.
    Disconnect,
    /// The running procedure is over.
    Finished(Procedure, Result<(), Failure>),
    /// The network ended the registration.
    DeregisteredByNetwork,
    /// A session is up.
    SessionUp(Session),
    /// A session is gone.
    SessionDown(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Deregistered,
    Registered,
}

/// A UE.
#[derive(Debug)]
pub struct Ue {
    profile: Arc<Profile>,
    imsi: String,
    imeisv: String,
    usim: Usim,
    concealment: Arc<Concealment>,
    /// A SUCI made ahead of time, for making one costs more than the rest of a registration.
    prepared_suci: Option<Vec<u8>>,
    state: State,
    connected: bool,
    /// The network has shown on this connection that it has our keys: from then on messages are ciphered
    /// (TS 24.501 4.4.5).
    secure: bool,
    guti: Option<Guti>,
    /// The key of the current security context, and the one an authentication has made meanwhile.
    kamf: Option<(NgKsi, Kamf)>,
    new_kamf: Option<(NgKsi, Kamf)>,
    security: Option<SecurityContext>,
    running: Option<(Procedure, Instant)>,
    /// A registration that waits until the connection before it is released.
    waiting_to_register: bool,
    sessions: BTreeMap<u8, session::Context>,
    /// Sessions that the network has lost or wants to be made anew.
    again: VecDeque<SessionRequest>,
    /// There are packets for a session whose resources the gNB has released.
    uplink_waits: bool,
    next_pti: u8,
    outputs: VecDeque<Output>,
}

impl Ue {
    /// A UE that is switched on and not registered.
    pub fn new(profile: Arc<Profile>, subscriber: &Subscriber, concealment: Arc<Concealment>) -> Self {
        Self {
            profile,
            imsi: subscriber.imsi.clone(),
            imeisv: subscriber.imeisv.clone(),
            usim: Usim::new(subscriber.k.clone(), subscriber.opc.clone()),
            concealment,
            prepared_suci: None,
            state: State::Deregistered,
            connected: false,
            secure: false,
            guti: None,
            kamf: None,
            new_kamf: None,
            security: None,
            running: None,
            waiting_to_register: false,
            sessions: BTreeMap::new(),
            again: VecDeque::new(),
            uplink_waits: false,
            next_pti: 1,
            outputs: VecDeque::new(),
        }
    }

    /// The subscriber.
    pub fn imsi(&self) -> &str {
        &self.imsi
    }

    /// Whether the UE is registered.
    pub fn is_registered(&self) -> bool {
        self.state == State::Registered
    }

    /// Whether it has a connection.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Its temporary identity, by which it is paged.
    pub fn s_tmsi(&self) -> Option<STmsi> {
        self.guti.map(|guti| guti.s_tmsi)
    }

    /// Forgets GUTI and keys, as if the card had been moved to another phone: the next registration is by SUCI.
    pub fn forget_identity(&mut self) {
        (self.guti, self.kamf, self.security) = (None, None, None);
    }

    /// Starts a procedure. What came of it is told by [`Output::Finished`].
    pub fn command(&mut self, now: Instant, command: Command) {
        let procedure = match &command {
            Command::Register => Procedure::Registration,
            Command::Establish(_) => Procedure::Session,
            Command::Release(_) => Procedure::SessionRelease,
            Command::Deregister(_) => Procedure::Deregistration,
            Command::Service => Procedure::Service,
        };
        if self.running.is_some() {
            let busy = Failure::State("another procedure is running");
            self.outputs.push_back(Output::Finished(procedure, Err(busy)));
            return;
        }
        self.running = Some((procedure, now + self.profile.patience));
        match command {
            Command::Register => self.register(),
            Command::Establish(request) => self.establish(request),
            Command::Release(id) => self.release_session(id),
            Command::Deregister(switch_off) => self.deregister(switch_off),
            Command::Service => self.request_service(false),
        }
    }

    /// Sends any octets as a NAS message on the connection, protected if there is a security context: for scripts.
    pub fn speak(&mut self, plain: &[u8]) {
        let header_type = self.header_type();
        let pdu = self.security.as_mut().map(|context| context.protect(plain, header_type));
        self.outputs.extend(pdu.unwrap_or_else(|| Ok(plain.to_vec())).map(Output::Transmit));
    }

    /// Takes a NAS PDU of the network. What cannot be understood or does not verify is discarded.
    pub fn handle_nas(&mut self, now: Instant, pdu: &[u8]) {
        self.take_nas(now, pdu);
        self.go_on(now);
    }

    fn take_nas(&mut self, now: Instant, pdu: &[u8]) {
        let Ok(envelope) = Envelope::open(pdu) else { return };
        match envelope {
            Envelope::Plain(plain) => {
                if let Some(message) = self.understood(plain)
                    && is_taken_unprotected(&message)
                {
                    self.handle_message(now, message);
                }
            }
            Envelope::Protected(protected)
                if protected.header_type == SecurityHeaderType::IntegrityProtectedWithNewContext =>
            {
                self.handle_security_mode(&protected);
            }
            Envelope::Protected(protected) => {
                let Some(Ok(plain)) = self.security.as_mut().map(|context| context.unprotect(&protected)) else {
                    tracing::debug!(imsi = self.imsi, "NAS message does not verify");
                    return;
                };
                self.secure = true;
                if let Some(message) = self.understood(&plain.octets) {
                    self.handle_message(now, message);
                }
            }
        }
    }

    /// The gNB has released the resources of a session for which there are packets.
    pub fn handle_resources_released(&mut self, now: Instant) {
        self.uplink_waits = true;
        self.go_on(now);
    }

    /// What is to be done of the UE's own accord, once no procedure runs.
    fn go_on(&mut self, now: Instant) {
        if self.running.is_some() || !self.is_registered() || !self.connected {
            return;
        }
        if std::mem::take(&mut self.uplink_waits) {
            self.running = Some((Procedure::Service, now + self.profile.patience));
            self.request_user_plane();
        } else if let Some(request) = self.again.pop_front() {
            self.command(now, Command::Establish(request));
        }
    }

    /// The gNB has released the connection.
    pub fn handle_released(&mut self) {
        (self.connected, self.secure, self.uplink_waits) = (false, false, false);
        if self.waiting_to_register {
            self.waiting_to_register = false;
            self.send_registration_request();
        } else if self.running.is_some() {
            self.finish(Err(Failure::Released));
        }
    }

    /// The network pages this UE.
    pub fn handle_paging(&mut self, now: Instant) {
        if self.is_registered() && !self.connected && self.running.is_none() {
            self.running = Some((Procedure::Service, now + self.profile.patience));
            self.request_service(true);
        }
    }

    /// When [`Ue::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.running.map(|(_, deadline)| deadline)
    }

    /// Gives up a procedure that took too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.running.is_some_and(|(_, deadline)| deadline <= now) {
            self.waiting_to_register = false;
            self.finish(Err(Failure::Timeout(self.profile.patience)));
            self.go_on(now);
            if self.state == State::Deregistered && self.connected {
                self.outputs.push_back(Output::Disconnect);
            }
        }
    }

    /// What the UE wants done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Reads a plain message, and answers one that cannot be understood (TS 24.501 7.4, 7.5).
    fn understood(&mut self, plain: &[u8]) -> Option<GmmMessage> {
        match GmmMessage::decode(plain) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::debug!(imsi = self.imsi, %error, "NAS message not understood");
                if let Some(cause) = error.gmm_cause() {
                    self.send(GmmStatus::new(cause));
                }
                None
            }
        }
    }

    fn handle_message(&mut self, now: Instant, message: GmmMessage) {
        match message {
            GmmMessage::IdentityRequest(request) => self.handle_identity_request(&request),
            GmmMessage::AuthenticationRequest(request) => self.handle_authentication_request(&request),
            GmmMessage::AuthenticationReject(_) => self.handle_authentication_reject(),
            GmmMessage::RegistrationAccept(accept) => self.handle_registration_accept(*accept),
            GmmMessage::RegistrationReject(reject) => self.handle_registration_reject(&reject),
            GmmMessage::ConfigurationUpdateCommand(command) => self.handle_configuration_update(&command),
            GmmMessage::DeregistrationRequestUeTerminated(request) => self.handle_network_deregistration(&request),
            GmmMessage::DeregistrationAcceptUeOriginating(_) => self.handle_deregistration_accept(),
            GmmMessage::ServiceAccept(accept) => self.handle_service_accept(&accept),
            GmmMessage::ServiceReject(reject) => self.handle_service_reject(&reject),
            GmmMessage::DlNasTransport(transport) => self.handle_dl_nas_transport(now, &transport),
            GmmMessage::GmmStatus(status) => {
                tracing::debug!(imsi = self.imsi, cause = %status.cause, "5GMM status");
            }
            other => tracing::debug!(imsi = self.imsi, message = other.name(), "not expected by a UE"),
        }
    }

    /// Sends a message on the connection, protected if there is a security context.
    fn send(&mut self, message: impl Into<GmmMessage>) {
        self.send_as(message, self.header_type());
    }

    fn header_type(&self) -> SecurityHeaderType {
        match self.secure {
            true => SecurityHeaderType::IntegrityProtectedAndCiphered,
            false => SecurityHeaderType::IntegrityProtected,
        }
    }

    fn send_as(&mut self, message: impl Into<GmmMessage>, header_type: SecurityHeaderType) {
        let message = message.into();
        let Ok(plain) = message.encode() else {
            tracing::warn!(imsi = self.imsi, message = message.name(), "cannot be encoded");
            return;
        };
        let pdu = match &mut self.security {
            None => plain,
            Some(context) => match context.protect(&plain, header_type) {
                Ok(pdu) => pdu,
                Err(error) => return tracing::warn!(imsi = self.imsi, %error, "cannot send"),
            },
        };
        self.outputs.push_back(Output::Transmit(pdu));
    }

    /// Ends the running procedure.
    fn finish(&mut self, result: Result<(), Failure>) {
        if let Some((procedure, _)) = self.running.take() {
            self.outputs.push_back(Output::Finished(procedure, result));
        }
    }

    fn is_running(&self, procedure: Procedure) -> bool {
        matches!(self.running, Some((running, _)) if running == procedure)
    }

    fn active_sessions(&self) -> PduSessions {
        self.sessions.iter().filter(|(_, session)| session.is_active()).map(|(id, _)| *id).collect()
    }

    fn drop_sessions(&mut self) {
        self.again.clear();
        for (id, session) in std::mem::take(&mut self.sessions) {
            if session.is_active() {
                self.outputs.push_back(Output::SessionDown(id));
            }
        }
    }
}

/// What a UE processes without integrity protection (TS 24.501 4.4.4.2).
fn is_taken_unprotected(message: &GmmMessage) -> bool {
    match message {
        GmmMessage::IdentityRequest(request) => request.identity_type == nas::ie::IdentityType::Suci,
        GmmMessage::AuthenticationRequest(_)
        | GmmMessage::AuthenticationReject(_)
        | GmmMessage::RegistrationReject(_)
        | GmmMessage::DeregistrationAcceptUeOriginating(_)
        | GmmMessage::ServiceReject(_) => true,
        _ => false,
    }
}
