//! The rules of a session.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use litemap::LiteMap;

use crate::{Flow, Frames, Kind};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty)),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $int);
    )* };
}

ids! {
    /// A packet detection rule.
    PdrId(u16),
    /// A forwarding action rule.
    FarId(u32),
    /// A QoS enforcement rule.
    QerId(u32),
    /// A usage reporting rule.
    UrrId(u32),
    /// A buffering action rule.
    BarId(u8),
    /// A tunnel of ours.
    Teid(u32),
}

/// A rule of any kind, to say which one failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleRef {
    /// A packet detection rule.
    Pdr(PdrId),
    /// A forwarding action rule.
    Far(FarId),
    /// A QoS enforcement rule.
    Qer(QerId),
    /// A usage reporting rule.
    Urr(UrrId),
    /// A buffering action rule.
    Bar(BarId),
}

/// Information elements that a refusal can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of TS 29.244 table 8.1.2-1")]
pub enum Element {
    CreatePdr,
    CreateFar,
    FarId,
    FTeid,
    UeIpAddress,
    FramedRoute,
    NetworkInstance,
    TrafficEndpointId,
    EthernetPacketFilter,
    EthernetPduSessionInformation,
    EthernetInactivityTimer,
    RedirectInformation,
    DuplicatingParameters,
    HeaderEnrichment,
    PdnType,
    SdfFilter,
    ApplyAction,
    ForwardingParameters,
    OuterHeaderCreation,
    SourceInterface,
    DestinationInterface,
    ApplicationId,
    MeasurementMethod,
    MeasurementInformation,
    MeasurementPeriod,
    VolumeThreshold,
    TimeThreshold,
    VolumeQuota,
    TimeQuota,
    QuotaHoldingTime,
    LinkedUrrId,
}

/// Why a request is refused (TS 29.244 8.2.1); always the requester's doing, except the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A mandatory element is missing.
    #[error("mandatory element {0:?} is missing")]
    MandatoryIeMissing(Element),
    /// An element that is mandatory here is missing.
    #[error("conditional element {0:?} is missing")]
    ConditionalIeMissing(Element),
    /// An element says what it must not.
    #[error("element {0:?} is wrong")]
    MandatoryIeIncorrect(Element),
    /// The requester gives out an F-TEID, which is ours to give.
    #[error("F-TEIDs are given out by the user plane function")]
    InvalidFTeidAllocationOption,
    /// A rule refers to one that is not there, or is there already, or is not.
    #[error("rule {0:?} cannot be put in force")]
    RuleCreationModificationFailure(RuleRef),
    /// Something is asked that is not offered.
    #[error("{0:?} asks for what is not offered")]
    ServiceNotSupported(Element),
    /// An application is not known.
    #[error("the application is not known")]
    UnknownApplicationId,
    /// A rule is meant by a name that is not known.
    #[error("the predefined rule is not known")]
    UnknownPredefinedRule,
    /// A forwarding policy is not known.
    #[error("the forwarding policy is not known")]
    InvalidForwardingPolicy,
    /// A limit of ours is reached.
    #[error("too many rules")]
    NoResourcesAvailable,
}

/// Where packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// From the UE: N3 or N9, in a tunnel.
    Access,
    /// From the data network: N6.
    Core,
}

/// A tunnel of ours in a PDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalTunnel {
    /// One given out before.
    Given(Teid),
    /// One to be given out; PDRs with the same number share it.
    Choose(Option<u8>),
}

impl LocalTunnel {
    /// The tunnel, once it is given out.
    pub fn teid(&self) -> Option<Teid> {
        match *self {
            Self::Given(teid) => Some(teid),
            Self::Choose(_) => None,
        }
    }
}

/// Which addresses of the UE are ours to give out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChooseUe {
    /// An IPv4 address.
    pub ipv4: bool,
    /// An IPv6 prefix of 64 bits.
    pub ipv6: bool,
}

impl ChooseUe {
    /// Whether there are any.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// A service data flow filter: all that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Addresses, protocol and ports.
    pub flow: Option<Flow>,
    /// ToS or traffic class, and the mask under which it counts.
    pub tos: Option<(u8, u8)>,
    /// IPsec security parameter index.
    pub spi: Option<u32>,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// Name by which other filters of the session mean this one.
    pub id: Option<u32>,
}

impl Filter {
    /// Whether it says nothing but its name: then it stands for the filter of that name.
    pub fn is_reference(&self) -> bool {
        self.id.is_some()
            && self.flow.is_none()
            && self.tos.is_none()
            && self.spi.is_none()
            && self.flow_label.is_none()
    }
}

/// An application, by what is known of it at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Application {
    /// What it is called on N4.
    pub id: Vec<u8>,
    /// Its flows: a packet of any of them is the application's; without any, none is.
    pub flows: Vec<Flow>,
}

/// What a packet must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdi {
    /// Where it comes from.
    pub source: Source,
    /// The tunnel it comes in.
    pub tunnel: Option<LocalTunnel>,
    /// The UE's address. Several: any of them.
    pub ue: Vec<IpAddr>,
    /// Networks behind the UE: packets of their addresses are the UE's too.
    pub framed: Vec<IpNet>,
    /// Addresses of the UE still to be given out.
    pub choose_ue: ChooseUe,
    /// Flows. Several: any of them; none: every flow.
    pub filters: Vec<Filter>,
    /// What is asked of an Ethernet frame.
    pub frames: Option<Box<Frames>>,
    /// The application that the packet must be of, in place of filters.
    pub application: Option<Arc<Application>>,
    /// QoS flows. Several: any of them; none: every one.
    pub qfis: Vec<u8>,
    /// The network it comes from.
    pub network_instance: Option<String>,
}

/// A packet detection rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdr {
    /// The lowest is tried first.
    pub precedence: u32,
    /// What it matches.
    pub pdi: Pdi,
    /// Whether the outer header is taken off.
    pub outer_header_removal: bool,
    /// What is done with the packet.
    pub far: Option<FarId>,
    /// How its QoS is enforced: by all of them.
    pub qers: Vec<QerId>,
    /// How it is counted: by all of them.
    pub urrs: Vec<UrrId>,
}

/// What is done with packets: exactly one of the first three, and perhaps others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Action {
    /// Drop.
    pub drop: bool,
    /// Forward.
    pub forward: bool,
    /// Buffer.
    pub buffer: bool,
    /// Tell the control plane function of the first packet buffered.
    pub notify: bool,
    /// Send copies elsewhere, besides.
    pub duplicate: bool,
    /// Something not offered here.
    pub other: bool,
}

impl Action {
    /// Forwards.
    pub const FORWARD: Self =
        Self { drop: false, forward: true, buffer: false, notify: false, duplicate: false, other: false };
    /// Drops.
    pub const DROP: Self =
        Self { drop: true, forward: false, buffer: false, notify: false, duplicate: false, other: false };
    /// Buffers and tells.
    pub const BUFFER: Self =
        Self { drop: false, forward: false, buffer: true, notify: true, duplicate: false, other: false };
}

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Towards the UE: N3 or N9, in a tunnel.
    Access,
    /// To the data network: N6.
    Core,
}

/// The far end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RemoteTunnel {
    /// Its number there.
    pub teid: u32,
    /// Its address.
    pub address: IpAddr,
}

/// How packets are forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Where they go.
    pub destination: Destination,
    /// The tunnel they go in.
    pub tunnel: Option<RemoteTunnel>,
    /// ToS or traffic class to mark them with, and the mask of the bits to change.
    pub marking: Option<(u8, u8)>,
    /// The network they go to.
    pub network_instance: Option<String>,
}

/// A forwarding action rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Far {
    /// What is done.
    pub action: Action,
    /// How packets are forwarded.
    pub forwarding: Option<Forwarding>,
    /// How packets are buffered.
    pub bar: Option<BarId>,
    /// Where they go besides, or in place of, where they want to: few do.
    pub steering: Option<Box<Steering>>,
}

/// Where packets go besides, or in place of, where they want to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steering {
    /// Uplink packets go there.
    pub redirect: Option<Redirect>,
    /// Copies go there.
    pub duplicates: Vec<Duplicate>,
}

/// Where uplink packets go in place of where they want to (TS 29.244 5.4.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// To a server, whose answers come as from whom the UE asked.
    Server {
        /// For packets of IPv4.
        ipv4: Option<Ipv4Addr>,
        /// For packets of IPv6.
        ipv6: Option<Ipv6Addr>,
    },
    /// To a web page: who asks a web server is told of it, and nothing else is forwarded.
    Url(Box<str>),
}

/// Where a copy of each packet goes (TS 29.244 5.2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The tunnel it goes in.
    pub tunnel: RemoteTunnel,
    /// ToS or traffic class of what is around it.
    pub marking: (u8, u8),
}

/// Bit rates, in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Uplink.
    pub uplink: u64,
    /// Downlink.
    pub downlink: u64,
}

/// A QoS enforcement rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qer {
    /// Uplink packets are dropped.
    pub uplink_closed: bool,
    /// Downlink packets are dropped.
    pub downlink_closed: bool,
    /// At most this.
    pub mbr: Option<Rates>,
    /// At least this.
    pub gbr: Option<Rates>,
    /// The QoS flow of downlink packets.
    pub qfi: Option<u8>,
    /// Whether downlink packets ask for reflective QoS.
    pub rqi: bool,
}

/// Volumes in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volumes {
    /// Both directions.
    pub total: Option<u64>,
    /// Uplink.
    pub uplink: Option<u64>,
    /// Downlink.
    pub downlink: Option<u64>,
}

/// When usage is reported: any of these (TS 29.244 8.2.19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Triggers(pub u16);

impl Triggers {
    /// Every so often.
    pub const PERIODIC: Self = Self(1);
    /// After a volume.
    pub const VOLUME_THRESHOLD: Self = Self(1 << 1);
    /// After a time.
    pub const TIME_THRESHOLD: Self = Self(1 << 2);
    /// When no packet has come for the time that a quota is held.
    pub const QUOTA_HOLDING: Self = Self(1 << 3);
    /// At the first packet.
    pub const START: Self = Self(1 << 4);
    /// When a MAC address is new or gone.
    pub const MAC_ADDRESSES: Self = Self(1 << 8);
    /// With a rule that this one is linked to.
    pub const LINKED: Self = Self(1 << 5);
    /// When the volume allowed is used up.
    pub const VOLUME_QUOTA: Self = Self(1 << 6);
    /// When the time allowed is used up.
    pub const TIME_QUOTA: Self = Self(1 << 7);

    /// Whether all of `triggers` are among these.
    pub fn contain(self, triggers: Self) -> bool {
        self.0 & triggers.0 == triggers.0
    }
}

impl std::ops::BitOr for Triggers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Triggers {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What changes at a moment: what was measured before is reported apart, with the next report (TS 29.244 5.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// The moment.
    pub at: Instant,
    /// The volume threshold from then on; without one, what is left of that before.
    pub volume_threshold: Option<Volumes>,
    /// The time threshold from then on, in seconds; likewise.
    pub time_threshold: Option<u32>,
}

/// A usage reporting rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urr {
    /// Whether volume is measured.
    pub volume: bool,
    /// Whether duration is measured.
    pub duration: bool,
    /// Whether packets are reported with the volume.
    pub packets: bool,
    /// Whether the duration runs from the start, not from the first packet on.
    pub immediate: bool,
    /// Whether nothing is measured for now.
    pub inactive: bool,
    /// When usage is reported.
    pub triggers: Triggers,
    /// A report is due after this volume.
    pub volume_threshold: Option<Volumes>,
    /// Packets are dropped after this volume.
    pub volume_quota: Option<Volumes>,
    /// A report is due after this duration, in seconds.
    pub time_threshold: Option<u32>,
    /// Packets are dropped after this duration, in seconds.
    pub time_quota: Option<u32>,
    /// A report is due every so many seconds.
    pub period: Option<u32>,
    /// A quota is given up when no packet has come for so many seconds.
    pub quota_holding: Option<u32>,
    /// The duration stands still when no packet has come for so many seconds, until the next.
    pub inactivity: Option<u32>,
    /// A MAC address is gone when no frame of it has come for so many seconds.
    pub mac_inactivity: Option<u32>,
    /// What changes at a moment.
    pub monitoring: Option<Monitoring>,
    /// The rules whose reports this one's go along with.
    pub linked: Vec<UrrId>,
    /// How often quotas have been given: one of the same size is a new one.
    pub quotas_given: u32,
    /// How often thresholds have been given, likewise.
    pub thresholds_given: u32,
}

/// A buffering action rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// How many packets to buffer.
    pub packets: Option<u16>,
    /// How long the notification waits, in milliseconds.
    pub delay_ms: Option<u32>,
}

/// Rules of one kind in the order of their numbers: a sorted list, for most sessions have two.
pub type Rules<Id, Rule> = LiteMap<Id, Rule>;

/// The rules of a session. Empty where there is no session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// What its packets are.
    pub kind: Kind,
    /// Detection rules.
    pub pdrs: Rules<PdrId, Pdr>,
    /// Forwarding rules.
    pub fars: Rules<FarId, Far>,
    /// QoS rules.
    pub qers: Rules<QerId, Qer>,
    /// Usage rules.
    pub urrs: Rules<UrrId, Urr>,
    /// Buffering rules.
    pub bars: Rules<BarId, Bar>,
    /// Seconds without a packet after which the control plane is told.
    pub inactivity: Option<u32>,
}

impl Session {
    /// Takes no more memory than the rules need: there may be a million sessions.
    pub(crate) fn shrink(&mut self) {
        shrink(&mut self.pdrs);
        shrink(&mut self.fars);
        shrink(&mut self.qers);
        shrink(&mut self.urrs);
        shrink(&mut self.bars);
    }

    /// Our tunnels that its PDRs name.
    pub fn tunnels(&self) -> BTreeSet<Teid> {
        self.pdrs.values().filter_map(|pdr| pdr.pdi.tunnel?.teid()).collect()
    }

    /// The UE's addresses.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.pdrs.values().flat_map(|pdr| pdr.pdi.ue.iter().copied()).collect()
    }

    /// The networks behind the UE.
    pub fn framed_routes(&self) -> BTreeSet<IpNet> {
        self.pdrs.values().flat_map(|pdr| pdr.pdi.framed.iter().copied()).collect()
    }

    /// The UE's address of a version, where it has one; of several the first.
    pub fn address(&self, ipv4: bool) -> Option<IpAddr> {
        self.addresses().into_iter().find(|address| address.is_ipv4() == ipv4)
    }

    /// Gives an address to the PDRs that wait for one of its version.
    pub(crate) fn take_address(&mut self, address: IpAddr) {
        let ipv4 = address.is_ipv4();
        for pdi in self.pdrs.iter_mut().map(|(_, pdr)| &mut pdr.pdi) {
            let choose = if ipv4 { &mut pdi.choose_ue.ipv4 } else { &mut pdi.choose_ue.ipv6 };
            if std::mem::take(choose) && !pdi.ue.contains(&address) {
                pdi.ue.push(address);
            }
        }
    }

    /// Whether it has no rules: then it is none.
    pub fn is_empty(&self) -> bool {
        let nothing = Self { kind: self.kind, ..Self::default() };
        *self == nothing
    }
}

fn shrink<Id, Rule>(rules: &mut Rules<Id, Rule>) {
    let mut list = std::mem::take(rules).into_tuple_vec();
    list.shrink_to_fit();
    *rules = Rules::from_sorted_store_unchecked(list);
}
