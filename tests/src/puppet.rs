//! A gNB and its UEs that do what a script tells them, also what no honest ones would.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use aka::suci::Concealment;
use ngap::{AmfUeNgapId, Message, RanUeNgapId};
use ran::gnb::{Event, Gnb, GnbConfig};
use ran::peer::{Peer, PeerError};
use ran::ue::{Command, Failure, Output, Ue};
use ran::{RanSetup, Subscriber, UeId};

use crate::plmn;

/// What a script says when something does not go its way.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Nothing came, something else came, or the association ended.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A UE's procedure failed.
    #[error(transparent)]
    Ue(#[from] Failure),
    /// NG Setup failed.
    #[error("NG Setup was refused: {0:?}")]
    Barred(ngap::Cause),
    /// A UE without a connection cannot be spoken of.
    #[error("the UE has no connection")]
    Idle,
}

/// A scripted gNB with its UEs.
pub struct Puppet {
    /// The association, to send anything on.
    pub peer: Peer,
    gnb: Gnb,
    ues: Vec<Ue>,
    /// What came of procedures, by UE.
    finished: HashMap<UeId, Result<(), Failure>>,
    setup: RanSetup,
}

impl Puppet {
    /// Connects as gNB `id` and says nothing.
    ///
    /// # Errors
    /// Without an association.
    pub async fn connect(id: u8, amf: SocketAddr) -> Result<Self, ScriptError> {
        let mut setup = RanSetup::new(plmn());
        let n3 = Ipv4Addr::new(127, 0, 1, id).into();
        setup.gnb = GnbConfig { id: 0x1000 + u32::from(id), name: format!("puppet {id}"), n3, ..setup.gnb };
        let gnb = Gnb::new(setup.gnb.clone(), 4).expect("a configuration that fits");
        // A user-space SCTP stack knows the addresses that its host had when it began: all puppets share one.
        let peer = Peer::connect(Ipv4Addr::LOCALHOST.into(), amf).await?;
        Ok(Self { peer, gnb, ues: Vec::new(), finished: HashMap::new(), setup })
    }

    /// Connects as gNB `id` and sets NG up.
    ///
    /// # Errors
    /// Where the AMF refuses or does not answer.
    pub async fn on_air(id: u8, amf: SocketAddr) -> Result<Self, ScriptError> {
        let mut puppet = Self::connect(id, amf).await?;
        puppet.set_up().await?;
        Ok(puppet)
    }

    /// Sets NG up, for the first time or again.
    ///
    /// # Errors
    /// Where the AMF refuses or does not answer.
    pub async fn set_up(&mut self) -> Result<(), ScriptError> {
        self.peer.send(0, &self.gnb.setup_request().into()).await?;
        let answer = self.peer.expect("an answer to NG Setup", |message| match message {
            Message::NgSetupResponse(_) => Some(Ok(message.clone())),
            Message::NgSetupFailure(failure) => Some(Err(failure.cause)),
            _ => None,
        });
        self.gnb.handle(answer.await?.map_err(ScriptError::Barred)?);
        while self.gnb.poll_event().is_some() {}
        Ok(())
    }

    /// A UE of this subscriber, switched on.
    pub fn ue(&mut self, subscriber: &Subscriber) -> UeId {
        let profile = Arc::new(self.setup.profile.clone());
        self.ues.push(Ue::new(profile, subscriber, Arc::new(Concealment::Null)));
        UeId(self.ues.len() - 1)
    }

    /// A UE of this subscriber that is registered and connected.
    ///
    /// # Errors
    /// Where it is not let in.
    pub async fn registered(&mut self, subscriber: &Subscriber) -> Result<UeId, ScriptError> {
        let ue = self.ue(subscriber);
        self.run(ue, Command::Register).await?;
        Ok(ue)
    }

    /// Has a UE carry a procedure out.
    ///
    /// # Errors
    /// Where it fails, or the AMF falls silent.
    pub async fn run(&mut self, ue: UeId, command: Command) -> Result<(), ScriptError> {
        self.begin(ue, command).await?;
        loop {
            if let Some(result) = self.finished.remove(&ue) {
                return Ok(result?);
            }
            self.listen("the network's next message").await?;
        }
    }

    /// Has a UE begin a procedure, and does not wait for what comes of it.
    ///
    /// # Errors
    /// Where the association is over.
    pub async fn begin(&mut self, ue: UeId, command: Command) -> Result<(), ScriptError> {
        self.finished.remove(&ue);
        self.ues[ue.0].command(Instant::now(), command);
        self.pump().await
    }

    /// Has a UE send any octets as a NAS message, protected once it has keys.
    ///
    /// # Errors
    /// Where the association is over.
    pub async fn speak(&mut self, ue: UeId, plain: &[u8]) -> Result<(), ScriptError> {
        self.ues[ue.0].speak(plain);
        self.pump().await
    }

    /// Takes the next message of the AMF and does what an honest gNB and its UEs do about it.
    ///
    /// # Errors
    /// Where none comes.
    pub async fn listen(&mut self, expected: &str) -> Result<Message, ScriptError> {
        let message = self.peer.expect(expected, |message| Some(message.clone())).await?;
        self.gnb.handle(message.clone());
        self.pump().await?;
        Ok(message)
    }

    /// What the gNB and the AMF call a UE that is connected.
    ///
    /// # Errors
    /// Where it is not.
    pub fn ids(&self, ue: UeId) -> Result<(RanUeNgapId, AmfUeNgapId), ScriptError> {
        self.gnb.ids_of(ue).and_then(|(ran, amf)| Some((ran, amf?))).ok_or(ScriptError::Idle)
    }

    /// The temporary identity of a UE.
    pub fn s_tmsi(&self, ue: UeId) -> Option<nas::ie::STmsi> {
        self.ues[ue.0].s_tmsi()
    }

    /// Whether a UE is registered, as far as it knows.
    pub fn is_registered(&self, ue: UeId) -> bool {
        self.ues[ue.0].is_registered()
    }

    /// Carries between UEs, gNB and AMF what is to be said.
    async fn pump(&mut self) -> Result<(), ScriptError> {
        loop {
            let mut idle = true;
            for number in 0..self.ues.len() {
                while let Some(output) = self.ues[number].poll_output() {
                    idle = false;
                    self.carry(UeId(number), output);
                }
            }
            while let Some((stream, message)) = self.gnb.poll_transmit() {
                idle = false;
                self.peer.send(stream, &message).await?;
            }
            while let Some(event) = self.gnb.poll_event() {
                idle = false;
                match event {
                    Event::Nas(ue, pdu) => self.ues[ue.0].handle_nas(Instant::now(), &pdu),
                    Event::Released(ue, _) => self.ues[ue.0].handle_released(),
                    _ => {}
                }
            }
            if idle {
                return Ok(());
            }
        }
    }

    fn carry(&mut self, ue: UeId, output: Output) {
        match output {
            Output::Connect { nas, s_tmsi, paged } => self.gnb.connect(ue, nas, s_tmsi, paged),
            Output::Transmit(nas) => self.gnb.uplink(ue, nas),
            Output::Disconnect => self.gnb.request_release(ue, ngap::CauseRadioNetwork::UserInactivity),
            Output::Finished(_, result) => drop(self.finished.insert(ue, result)),
            _ => {}
        }
    }
}
