//! A gNB's end of N2 (TS 38.413) as a struct that does no input or output: NG Setup, UE contexts, PDU session
//! resources, reset, paging.
//!
//! [`Gnb::handle`] takes what the AMF sent, [`Gnb::poll_transmit`] gives what is to be sent to it, [`Gnb::poll_event`]
//! what concerns the UEs and the user plane.

mod context;
mod interface;
mod resources;

pub use resources::Tunnel;

use crate::UeId;
use bytes::Bytes;
use context::UeContext;
use nas::ie::{Plmn, SNssai, STmsi};
use ngap::{
    AmfUeNgapId, Cause, FiveGSTmsi, GlobalRanNodeId, GnbId, Message, NrCellIdentity, NrCgi, PlmnId, RanUeNgapId,
    Snssai, Tac, Tai, UserLocationInformation, UserLocationInformationNr,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

/// What a gNB tells the AMF about itself.
#[derive(Debug, Clone)]
pub struct GnbConfig {
    /// Its identity's value.
    pub id: u32,
    /// Its identity's length, 22 to 32 bits.
    pub id_length: u8,
    /// Its name.
    pub name: String,
    /// Its network.
    pub plmn: Plmn,
    /// Its tracking area, 24 bits.
    pub tac: u32,
    /// The slices of the area.
    pub slices: Vec<SNssai>,
    /// The address it gives the UPF for N3.
    pub n3: IpAddr,
}

/// What is configured and cannot be told on N2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GnbConfigError {
    /// The identity's value and length do not go together.
    #[error("gNB id {0:#x} does not fit {1} bits (22 to 32 are possible)")]
    Id(u32, u8),
    /// The tracking area code has more than 24 bits.
    #[error("TAC {0} has more than 24 bits")]
    Tac(u32),
    /// The network's digits.
    #[error("PLMN {0} cannot be encoded")]
    Plmn(Plmn),
}

/// What happened that is not a message to the AMF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// NG Setup succeeded: the cell is open.
    SetUp {
        /// The AMF's name.
        amf: String,
    },
    /// NG Setup failed: the cell is barred.
    Barred {
        /// Why.
        cause: Cause,
    },
    /// A NAS PDU for a UE.
    Nas(UeId, Bytes),
    /// A UE's connection is released.
    Released(UeId, Cause),
    /// A tunnel for a session.
    TunnelUp(UeId, Tunnel),
    /// It is gone.
    TunnelDown(UeId, u8),
    /// The AMF pages.
    Paging(STmsi),
    /// The AMF reports an error.
    Error(String),
}

/// A gNB.
#[derive(Debug)]
pub struct Gnb {
    config: GnbConfig,
    plmn: PlmnId,
    tac: Tac,
    node: GlobalRanNodeId,
    cell: NrCgi,
    /// How many outgoing streams the association has; UEs take turns on those above 0.
    streams: u16,
    open: bool,
    contexts: HashMap<RanUeNgapId, UeContext>,
    of_ue: BTreeMap<UeId, RanUeNgapId>,
    next_id: u32,
    next_teid: u32,
    transmit: VecDeque<(u16, Message)>,
    events: VecDeque<Event>,
}

impl Gnb {
    /// A gNB that has not yet spoken to its AMF.
    pub fn new(config: GnbConfig, streams: u16) -> Result<Self, GnbConfigError> {
        let plmn =
            PlmnId::new(&config.plmn.mcc(), &config.plmn.mnc()).map_err(|_| GnbConfigError::Plmn(config.plmn))?;
        let tac = Tac::new(config.tac).ok_or(GnbConfigError::Tac(config.tac))?;
        let id_error = GnbConfigError::Id(config.id, config.id_length);
        let gnb_id = GnbId::new(config.id, config.id_length).ok_or(id_error.clone())?;
        // The cell identity's first bits are the gNB's.
        let cell = u64::from(config.id) << (36 - u32::from(config.id_length)) | 1;
        let cell = NrCellIdentity::new(cell).ok_or(id_error)?;
        Ok(Self {
            plmn,
            tac,
            node: GlobalRanNodeId::Gnb { plmn_identity: plmn, gnb_id },
            cell: NrCgi { plmn_identity: plmn, nr_cell_identity: cell },
            config,
            streams: streams.max(1),
            open: false,
            contexts: HashMap::new(),
            of_ue: BTreeMap::new(),
            next_id: 1,
            next_teid: 1,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    /// Whether NG Setup has succeeded.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The identities of a UE's connection, if it has one: ours, and the AMF's once known.
    pub fn ids_of(&self, ue: UeId) -> Option<(RanUeNgapId, Option<AmfUeNgapId>)> {
        let id = self.of_ue.get(&ue)?;
        Some((*id, self.contexts.get(id)?.amf_id))
    }

    /// What is to be sent next: a stream and a message.
    pub fn poll_transmit(&mut self) -> Option<(u16, Message)> {
        self.transmit.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes a message of the AMF.
    pub fn handle(&mut self, message: Message) {
        match message {
            Message::NgSetupResponse(response) => self.handle_setup_response(response),
            Message::NgSetupFailure(failure) => self.handle_setup_failure(&failure),
            Message::DownlinkNasTransport(transport) => self.handle_downlink_nas(transport),
            Message::InitialContextSetupRequest(request) => self.handle_initial_context_setup(request),
            Message::PduSessionResourceSetupRequest(request) => self.handle_resource_setup(request),
            Message::PduSessionResourceReleaseCommand(command) => self.handle_resource_release(command),
            Message::PduSessionResourceModifyRequest(request) => self.handle_resource_modify(request),
            Message::UeContextReleaseCommand(command) => self.handle_context_release(&command),
            Message::UeContextModificationRequest(request) => self.handle_context_modification(&request),
            Message::NgReset(reset) => self.handle_reset(reset),
            Message::Paging(paging) => self.handle_paging(&paging),
            Message::ErrorIndication(error) => self.handle_error(&error),
            Message::AmfConfigurationUpdate(_) => {
                self.send(
                    0,
                    Message::AmfConfigurationUpdateAcknowledge(ngap::AmfConfigurationUpdateAcknowledge::default()),
                );
            }
            other => tracing::debug!(message = other.name(), "nothing to do"),
        }
    }

    fn send(&mut self, stream: u16, message: Message) {
        self.transmit.push_back((stream, message));
    }

    fn location(&self) -> UserLocationInformation {
        let tai = Tai { plmn_identity: self.plmn, tac: self.tac };
        UserLocationInformation::Nr(UserLocationInformationNr { nr_cgi: self.cell, tai, time_stamp: None })
    }
}

fn s_tmsi_to_ngap(s_tmsi: STmsi) -> FiveGSTmsi {
    let STmsi { amf_set_id, amf_pointer, tmsi } = s_tmsi;
    FiveGSTmsi { amf_set_id, amf_pointer, five_g_tmsi: tmsi }
}

fn s_tmsi_from_ngap(s_tmsi: FiveGSTmsi) -> STmsi {
    let FiveGSTmsi { amf_set_id, amf_pointer, five_g_tmsi } = s_tmsi;
    STmsi { amf_set_id, amf_pointer, tmsi: five_g_tmsi }
}

fn slice_to_ngap(slice: &SNssai) -> Snssai {
    Snssai { sst: slice.sst, sd: slice.sd }
}
