//! A scripted gNB.

use std::time::Duration;

use amf::machine::{Association, AssociationId, Machine};
use bytes::Bytes;
use ngap::*;
use tokio::time::{Instant, timeout};

use super::Ladder;

/// One association with the AMF.
pub struct Node {
    machine: Machine,
    pub ladder: Ladder,
    association: Association,
    pub id: u32,
    next_ran_id: u32,
    /// The stream of the last message that came.
    pub last_stream: u16,
    /// Changes messages before they are sent.
    pub mutate: std::cell::RefCell<Option<Mutation>>,
}

/// A change of octets on their way.
pub type Mutation = Box<dyn FnMut(&mut Vec<u8>)>;

pub fn plmn() -> PlmnId {
    "999-70".parse().expect("a PLMN")
}

pub fn tai(tac: u32) -> Tai {
    Tai { plmn_identity: plmn(), tac: Tac::new(tac).expect("24 bits") }
}

pub fn location(tac: u32) -> UserLocationInformation {
    UserLocationInformation::Nr(UserLocationInformationNr {
        nr_cgi: NrCgi { plmn_identity: plmn(), nr_cell_identity: NrCellIdentity::new(16).expect("36 bits") },
        tai: tai(tac),
        time_stamp: None,
    })
}

pub fn areas(plmn: &str, tac: u32, sst: u8) -> Vec<SupportedTaItem> {
    vec![SupportedTaItem {
        tac: Tac::new(tac).expect("24 bits"),
        broadcast_plmn_list: vec![BroadcastPlmnItem {
            plmn_identity: plmn.parse().expect("a PLMN"),
            tai_slice_support_list: vec![Snssai { sst, sd: None }],
        }],
    }]
}

pub fn setup_request(id: u32, areas: Vec<SupportedTaItem>) -> NgSetupRequest {
    NgSetupRequest {
        global_ran_node_id: GlobalRanNodeId::Gnb {
            plmn_identity: plmn(),
            gnb_id: GnbId::new(id, 24).expect("24 bits"),
        },
        ran_node_name: Some(format!("gnb-{id}")),
        supported_ta_list: areas,
        default_paging_drx: PagingDrx::V128,
        ue_retention_information: false,
    }
}

impl Node {
    pub fn connect(machine: &Machine, ladder: &Ladder, id: u32) -> Self {
        let association = machine.connect(Instant::now().into_std(), 10).expect("room for a node");
        Self {
            machine: machine.clone(),
            ladder: ladder.clone(),
            association,
            id,
            next_ran_id: 1,
            last_stream: 0,
            mutate: Default::default(),
        }
    }

    pub fn association(&self) -> AssociationId {
        self.association.id
    }

    pub fn new_ran_id(&mut self) -> RanUeNgapId {
        self.next_ran_id += 1;
        RanUeNgapId(self.next_ran_id - 1)
    }

    /// Sends octets as they are.
    pub fn send_octets(&self, stream: u16, octets: &[u8]) {
        let mut octets = octets.to_vec();
        if let Some(mutate) = &mut *self.mutate.borrow_mut() {
            mutate(&mut octets);
        }
        self.machine.handle_n2(Instant::now().into_std(), self.association.id, stream, &octets);
    }

    /// Sends a message; `nas` is the name of the NAS message in it.
    pub fn send(&self, message: impl Into<Message>, nas: Option<&str>) {
        let message = message.into();
        let inner = nas.map_or(String::new(), |nas| format!(" ({nas})"));
        self.ladder.arrow("gNB", "AMF", format!("{}{inner}", message.name()));
        let stream = if matches!(message, Message::NgSetupRequest(_)) { 0 } else { 3 };
        self.send_octets(stream, &message.encode().expect("a good message"));
    }

    /// The next message, which must come; virtual time passes meanwhile.
    pub async fn recv(&mut self) -> Message {
        self.try_recv(Duration::from_secs(60)).await.expect("the AMF sends something")
    }

    /// The next message within some virtual time.
    pub async fn try_recv(&mut self, within: Duration) -> Option<Message> {
        let outgoing = timeout(within, self.association.outgoing.recv()).await.ok()??;
        self.last_stream = outgoing.stream;
        Some(ngap::decode(&outgoing.octets).expect("the AMF sends what decodes"))
    }

    /// What has come already.
    pub fn drain(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Ok(outgoing) = self.association.outgoing.try_recv() {
            messages.push(ngap::decode(&outgoing.octets).expect("the AMF sends what decodes"));
        }
        messages
    }

    /// The next message, written to the ladder by its name alone.
    pub async fn hear(&mut self) -> Message {
        let message = self.recv().await;
        self.ladder.arrow("AMF", "gNB", message.name());
        message
    }

    pub async fn ng_setup(&mut self) {
        self.send(setup_request(self.id, areas("999-70", 1, 1)), None);
        let answer = self.hear().await;
        assert!(matches!(answer, Message::NgSetupResponse(_)), "{answer:?}");
    }

    pub fn initial(&self, ran: RanUeNgapId, nas_pdu: Bytes, nas: &str) {
        let message = InitialUeMessage {
            ran_ue_ngap_id: ran,
            nas_pdu,
            user_location_information: location(1),
            rrc_establishment_cause: RrcEstablishmentCause::MoSignalling,
            five_g_s_tmsi: None,
            amf_set_id: None,
            ue_context_request: true,
            allowed_nssai: None,
        };
        self.send(message, Some(nas));
    }

    pub fn uplink(&self, amf: AmfUeNgapId, ran: RanUeNgapId, nas_pdu: Bytes, nas: &str) {
        let message = UplinkNasTransport {
            amf_ue_ngap_id: amf,
            ran_ue_ngap_id: ran,
            nas_pdu,
            user_location_information: Some(location(1)),
        };
        self.send(message, Some(nas));
    }

    pub fn is_ended(&self) -> bool {
        *self.association.end.borrow()
    }

    pub fn disconnect(self) {
        self.machine.disconnect(self.association.id);
    }
}
