//! What is to change in a session.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{
    Action, Application, Bar, BarId, Destination, Duplicate, Far, FarId, Filter, Kind, Monitoring, Pdi, Pdr, PdrId,
    Qer, QerId, Rates, Redirect, RemoteTunnel, Session, Triggers, Urr, UrrId, Volumes,
};

/// Changes of a PDR: what is given replaces what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PdrChange {
    /// Its rank.
    pub precedence: Option<u32>,
    /// What it matches.
    pub pdi: Option<Pdi>,
    /// Whether the outer header is taken off.
    pub outer_header_removal: Option<bool>,
    /// What is done with the packet.
    pub far: Option<FarId>,
    /// The whole new list, where not empty.
    pub qers: Vec<QerId>,
    /// The whole new list, where not empty.
    pub urrs: Vec<UrrId>,
}

/// Changes of a FAR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FarChange {
    /// What is done.
    pub action: Option<Action>,
    /// Where packets go.
    pub destination: Option<Destination>,
    /// The tunnel they go in.
    pub tunnel: Option<RemoteTunnel>,
    /// How they are marked.
    pub marking: Option<(u8, u8)>,
    /// The network they go to.
    pub network_instance: Option<String>,
    /// How packets are buffered.
    pub bar: Option<BarId>,
    /// Where packets are redirected to.
    pub redirect: Option<Redirect>,
    /// Where copies go: the whole new list, where not empty.
    pub duplicates: Vec<Duplicate>,
    /// Whether the old tunnel is to get an End Marker, where there is a new one.
    pub end_marker: bool,
}

/// Changes of a QER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QerChange {
    /// Gates, uplink and downlink: closed or not.
    pub closed: Option<(bool, bool)>,
    /// At most this.
    pub mbr: Option<Rates>,
    /// At least this.
    pub gbr: Option<Rates>,
    /// The QoS flow of downlink packets.
    pub qfi: Option<u8>,
    /// Reflective QoS.
    pub rqi: Option<bool>,
}

/// Changes of a URR: what is given replaces what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrrChange {
    /// What is measured: volume, duration.
    pub method: Option<(bool, bool)>,
    /// How: packets too, duration from the start, not for now.
    pub how: Option<(bool, bool, bool)>,
    /// When usage is reported.
    pub triggers: Option<Triggers>,
    /// Volume after which a report is due.
    pub volume_threshold: Option<Volumes>,
    /// Volume after which packets are dropped.
    pub volume_quota: Option<Volumes>,
    /// Duration after which a report is due, in seconds.
    pub time_threshold: Option<u32>,
    /// Duration after which packets are dropped, in seconds.
    pub time_quota: Option<u32>,
    /// Time between periodic reports, in seconds.
    pub period: Option<u32>,
    /// Time without packets after which a quota is given up, in seconds.
    pub quota_holding: Option<u32>,
    /// Time without packets after which the duration stands still, in seconds.
    pub inactivity: Option<u32>,
    /// Time without frames after which a MAC address is gone, in seconds.
    pub mac_inactivity: Option<u32>,
    /// What changes at a moment.
    pub monitoring: Option<Monitoring>,
    /// The whole new list, where not empty.
    pub linked: Vec<UrrId>,
}

/// What is to be done with the rules of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<Id, Rule, Update> {
    /// To be removed.
    pub remove: Vec<Id>,
    /// To be made.
    pub create: Vec<(Id, Rule)>,
    /// To be changed.
    pub update: Vec<(Id, Update)>,
}

impl<Id, Rule, Update> Default for Change<Id, Rule, Update> {
    fn default() -> Self {
        Self { remove: Vec::new(), create: Vec::new(), update: Vec::new() }
    }
}

/// What is to change in a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What the packets of a new session are.
    pub kind: Kind,
    /// Detection rules.
    pub pdrs: Change<PdrId, Pdr, PdrChange>,
    /// Forwarding rules.
    pub fars: Change<FarId, Far, FarChange>,
    /// QoS rules.
    pub qers: Change<QerId, Qer, QerChange>,
    /// Usage rules.
    pub urrs: Change<UrrId, Urr, UrrChange>,
    /// Buffering rules.
    pub bars: Change<BarId, Bar, Bar>,
    /// Usage rules whose report is wanted.
    pub query: Vec<UrrId>,
    /// The reports of all usage rules are wanted.
    pub query_all: bool,
    /// The packets buffered are to be dropped.
    pub drop_buffered: bool,
    /// Seconds without a packet after which the control plane is told; 0: it is told no longer.
    pub inactivity: Option<u32>,
    /// The session was here before the user plane function started again: it may name tunnels given out then.
    pub restoration: bool,
}

impl Request {
    /// The end of a session: all of its rules are removed.
    pub fn deletion(session: &Session) -> Self {
        let mut request = Self::default();
        request.pdrs.remove = session.pdrs.keys().copied().collect();
        request.fars.remove = session.fars.keys().copied().collect();
        request.qers.remove = session.qers.keys().copied().collect();
        request.urrs.remove = session.urrs.keys().copied().collect();
        request.bars.remove = session.bars.keys().copied().collect();
        request.drop_buffered = true;
        request.inactivity = Some(0);
        request
    }
}

impl Request {
    /// Puts applications as they are now in place of what PDRs of the session knew of them; empty where no PDR names any.
    pub fn renewal(session: &Session, now: impl Fn(&[u8]) -> Arc<Application>) -> Self {
        let mut request = Self::default();
        for (id, pdr) in &session.pdrs {
            let Some(known) = pdr.pdi.application.as_ref() else { continue };
            let new = now(&known.id);
            if new == *known {
                continue;
            }
            let pdi = Pdi { application: Some(new), ..pdr.pdi.clone() };
            request.pdrs.update.push((*id, PdrChange { pdi: Some(pdi), ..PdrChange::default() }));
        }
        request
    }
}

impl Pdi {
    /// Of packets from `source`, with nothing else asked of them.
    pub fn from(source: crate::Source) -> Self {
        Self {
            source,
            tunnel: None,
            ue: Vec::new(),
            framed: Vec::new(),
            choose_ue: crate::ChooseUe::default(),
            filters: Vec::new(),
            frames: None,
            application: None,
            qfis: Vec::new(),
            network_instance: None,
        }
    }

    /// Its flow filters, also those within filters of frames.
    pub(crate) fn all_filters(&self) -> impl Iterator<Item = &Filter> {
        let of_frames = self.frames.iter().flat_map(|frames| &frames.filters);
        self.filters.iter().chain(of_frames.flat_map(|frame| &frame.flows))
    }

    /// The same, to be changed.
    pub(crate) fn all_filters_mut(&mut self) -> impl Iterator<Item = &mut Filter> {
        let of_frames = self.frames.iter_mut().flat_map(|frames| &mut frames.filters);
        self.filters.iter_mut().chain(of_frames.flat_map(|frame| &mut frame.flows))
    }

    /// Whether it names an address of the UE, or leaves it to us.
    pub(crate) fn names_ue(&self) -> bool {
        !self.ue.is_empty() || self.choose_ue.any()
    }

    /// Of packets of this UE.
    #[must_use]
    pub fn of(mut self, ue: IpAddr) -> Self {
        self.ue.push(ue);
        self
    }

    /// Of packets that pass this filter too.
    #[must_use]
    pub fn passing(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}
