//! Detection, forwarding, QoS and buffering rules (TS 29.244 7.5.2 to 7.5.5).

use crate::wire::{Malformed, Value, group, integer_values, take};
use crate::{
    DuplicatingParameters, EthernetPacketFilter, EthernetPduSessionInformation, FTeid, ForwardingPolicy, Interface,
    NetworkInstance, OuterHeaderCreation, OuterHeaderRemoval, RedirectInformation, UeIpAddress,
    UpdateDuplicatingParameters, UrrId,
};

/// Identifier of a packet detection rule (8.2.36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PdrId(pub u16);

/// Identifier of a forwarding action rule (8.2.74).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FarId(pub u32);

/// Identifier of a QoS enforcement rule (8.2.75).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QerId(pub u32);

/// Identifier of a buffering action rule (8.2.57).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BarId(pub u8);

/// Rank of a PDR: the lowest value is matched first (8.2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Precedence(pub u32);

/// Ties QERs of several sessions together (8.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QerCorrelationId(pub u32);

/// ToS or traffic class value in the first octet, mask in the second (8.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransportLevelMarking(pub u16);

/// Delay of a downlink data notification, in units of 50 ms (8.2.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationDelay(pub u8);

/// How many packets to buffer (8.2.100).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SuggestedPackets(pub u8);

integer_values!(
    PdrId(u16),
    FarId(u32),
    QerId(u32),
    BarId(u8),
    Precedence(u32),
    QerCorrelationId(u32),
    TransportLevelMarking(u16),
    NotificationDelay(u8),
    SuggestedPackets(u8),
);

/// QoS flow identifier, 0 to 63 (8.2.89).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Qfi(u8);

impl Qfi {
    /// `None` above 63.
    pub fn new(value: u8) -> Option<Self> {
        (value < 64).then_some(Self(value))
    }

    /// The number.
    pub fn value(self) -> u8 {
        self.0
    }
}

impl Value for Qfi {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [value] = take(&mut octets)?;
        Self::new(value & 0x3f).ok_or(Malformed::Content)
    }
}

/// Octets without further structure here, such as an application id (8.2.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApplicationId(pub Vec<u8>);

impl Value for ApplicationId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        if octets.is_empty() { Err(Malformed::Length) } else { Ok(Self(octets.to_vec())) }
    }
}

/// The octets of an element that says what is to be done with packets and is not offered here. It is read so that it can be
/// refused: passed over, the rule would do something else than it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotOffered(pub Vec<u8>);

impl Value for NotOffered {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(octets.to_vec()))
    }
}

/// A network behind the UE (8.2.109, 8.2.111), as text of RFC 2865 5.22 or RFC 3162 2.5: prefix, gateway, metrics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FramedRoute(pub String);

impl Value for FramedRoute {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        std::str::from_utf8(octets).map(|text| Self(text.to_owned())).map_err(|_| Malformed::Content)
    }
}

/// A service data flow filter (8.2.5): any of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SdfFilter {
    /// An IPFilterRule of RFC 6733 as text, such as `permit out ip from any to assigned`.
    pub flow_description: Option<String>,
    /// ToS or traffic class in the high octet, its mask in the low one.
    pub tos_traffic_class: Option<u16>,
    /// IPsec security parameter index.
    pub security_parameter_index: Option<u32>,
    /// IPv6 flow label, 20 bits.
    pub flow_label: Option<u32>,
    /// Number by which other PDRs of the session refer to this filter (bidirectional).
    pub filter_id: Option<u32>,
}

impl SdfFilter {
    /// A filter of a flow description only.
    pub fn flow(description: impl Into<String>) -> Self {
        Self { flow_description: Some(description.into()), ..Self::default() }
    }
}

impl Value for SdfFilter {
    fn write(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.flow_description.is_some())
            | u8::from(self.tos_traffic_class.is_some()) << 1
            | u8::from(self.security_parameter_index.is_some()) << 2
            | u8::from(self.flow_label.is_some()) << 3
            | u8::from(self.filter_id.is_some()) << 4;
        out.extend_from_slice(&[flags, 0]);
        if let Some(description) = &self.flow_description {
            let length = u16::try_from(description.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend(description.bytes().take(usize::from(length)));
        }
        if let Some(tos) = self.tos_traffic_class {
            out.extend_from_slice(&tos.to_be_bytes());
        }
        if let Some(spi) = self.security_parameter_index {
            out.extend_from_slice(&spi.to_be_bytes());
        }
        if let Some(label) = self.flow_label {
            out.extend(label.to_be_bytes().iter().skip(1));
        }
        if let Some(id) = self.filter_id {
            out.extend_from_slice(&id.to_be_bytes());
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [flags, _spare] = take(&mut octets)?;
        let mut filter = Self::default();
        if flags & 1 != 0 {
            let length = u16::from_be_bytes(take(&mut octets)?);
            let (text, rest) = octets.split_at_checked(usize::from(length)).ok_or(Malformed::Length)?;
            filter.flow_description = Some(std::str::from_utf8(text).map_err(|_| Malformed::Content)?.to_owned());
            octets = rest;
        }
        if flags & 2 != 0 {
            filter.tos_traffic_class = Some(u16::from_be_bytes(take(&mut octets)?));
        }
        if flags & 4 != 0 {
            filter.security_parameter_index = Some(u32::from_be_bytes(take(&mut octets)?));
        }
        if flags & 8 != 0 {
            let [a, b, c] = take(&mut octets)?;
            filter.flow_label = Some(u32::from_be_bytes([0, a & 0x0f, b, c]));
        }
        if flags & 16 != 0 {
            filter.filter_id = Some(u32::from_be_bytes(take(&mut octets)?));
        }
        Ok(filter)
    }
}

group! {
    /// What a packet must look like to match a PDR (7.5.2.2-2).
    Pdi(
        /// Where it comes from.
        source_interface: Interface = SOURCE_INTERFACE,
    ) {
        /// The tunnel it comes in.
        once f_teid: FTeid = F_TEID,
        /// The network it comes from.
        once network_instance: NetworkInstance = NETWORK_INSTANCE,
        /// The UE's address. Several: any of them.
        many ue_ip_addresses: UeIpAddress = UE_IP_ADDRESS,
        /// Service data flows. Several: any of them.
        many sdf_filters: SdfFilter = SDF_FILTER,
        /// An application known to the UP function.
        once application_id: ApplicationId = APPLICATION_ID,
        /// QoS flows. Several: any of them.
        many qfis: Qfi = QFI,
        /// IPv4 networks behind the UE: their addresses count as its own.
        many framed_routes: FramedRoute = FRAMED_ROUTE,
        /// IPv6 networks behind the UE, likewise.
        many framed_ipv6_routes: FramedRoute = FRAMED_IPV6_ROUTE,
        /// In place of tunnel and address: what was said of them once for several PDRs.
        many traffic_endpoint_ids: NotOffered = TRAFFIC_ENDPOINT_ID,
        /// Ethernet frames. Several: any of them.
        many ethernet_packet_filters: EthernetPacketFilter = ETHERNET_PACKET_FILTER,
        /// All downlink frames of an Ethernet session.
        once ethernet_pdu_session_information: EthernetPduSessionInformation = ETHERNET_PDU_SESSION_INFORMATION,
    }
}

group! {
    /// A packet detection rule to be made (7.5.2.2).
    CreatePdr(
        /// Its identifier, unique in the session.
        pdr_id: PdrId = PDR_ID,
        /// Its rank.
        precedence: Precedence = PRECEDENCE,
        /// What it matches.
        pdi: Pdi = PDI,
    ) {
        /// What is taken off a matching packet.
        once outer_header_removal: OuterHeaderRemoval = OUTER_HEADER_REMOVAL,
        /// What is done with it.
        once far_id: FarId = FAR_ID,
        /// How it is measured.
        many urr_ids: UrrId = URR_ID,
        /// How its QoS is enforced.
        many qer_ids: QerId = QER_ID,
        /// Rules that the UP function is to know by name.
        many activate_predefined_rules: NotOffered = ACTIVATE_PREDEFINED_RULES,
    }
}

group! {
    /// Changes of a packet detection rule (7.5.4.2): what is given replaces what there is.
    UpdatePdr(
        /// The rule.
        pdr_id: PdrId = PDR_ID,
    ) {
        /// What is taken off a matching packet.
        once outer_header_removal: OuterHeaderRemoval = OUTER_HEADER_REMOVAL,
        /// Its rank.
        once precedence: Precedence = PRECEDENCE,
        /// What it matches.
        once pdi: Pdi = PDI,
        /// What is done with it.
        once far_id: FarId = FAR_ID,
        /// How it is measured: the whole new list.
        many urr_ids: UrrId = URR_ID,
        /// How its QoS is enforced: the whole new list.
        many qer_ids: QerId = QER_ID,
        /// Rules that the UP function is to know by name.
        many activate_predefined_rules: NotOffered = ACTIVATE_PREDEFINED_RULES,
    }
}

group! {
    /// What the UP function chose for a PDR (7.5.3.2).
    CreatedPdr(
        /// The rule.
        pdr_id: PdrId = PDR_ID,
    ) {
        /// The tunnel endpoint it chose.
        once f_teid: FTeid = F_TEID,
        /// The UE addresses it chose.
        many ue_ip_addresses: UeIpAddress = UE_IP_ADDRESS,
    }
}

group! {
    /// A packet detection rule to be removed (7.5.4.6).
    RemovePdr(
        /// The rule.
        pdr_id: PdrId = PDR_ID,
    ) {}
}

/// What is done with packets (8.2.26): bits of octet 5 in the low octet, of octet 6 in the high one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ApplyAction(pub u16);

impl ApplyAction {
    /// Drop.
    pub const DROP: Self = Self(1);
    /// Forward.
    pub const FORW: Self = Self(1 << 1);
    /// Buffer.
    pub const BUFF: Self = Self(1 << 2);
    /// Notify the CP function of the first packet.
    pub const NOCP: Self = Self(1 << 3);
    /// Duplicate.
    pub const DUPL: Self = Self(1 << 4);

    /// Whether all of `action` is among these.
    pub fn contains(self, action: Self) -> bool {
        self.0 & action.0 == action.0
    }
}

impl std::ops::BitOr for ApplyAction {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Value for ApplyAction {
    fn write(&self, out: &mut Vec<u8>) {
        let [first, second] = self.0.to_le_bytes();
        out.push(first);
        if second != 0 {
            out.push(second);
        }
    }

    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        match *octets {
            [] => Err(Malformed::Length),
            [first] => Ok(Self(u16::from(first))),
            [first, second, ..] => Ok(Self(u16::from_le_bytes([first, second]))),
        }
    }
}

/// What a session modification asks besides its rules (PFCPSMReq-Flags, 8.2.31).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SmReqFlags(pub u8);

impl SmReqFlags {
    /// Drop the packets buffered.
    pub const DROBU: Self = Self(1);
    /// Send an end marker on the old path.
    pub const SNDEM: Self = Self(1 << 1);
    /// Query all usage reports.
    pub const QAURR: Self = Self(1 << 2);

    /// Whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// What a session establishment asks besides its rules (PFCPSEReq-Flags, 8.2.136).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeReqFlags(pub u8);

impl SeReqFlags {
    /// The session was here before this UP function started again: it takes the F-TEIDs that it gave out then.
    pub const RESTI: Self = Self(1);

    /// Whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// What a session report response asks (PFCPSRRsp-Flags, 8.2.32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SrRspFlags(pub u8);

impl SrRspFlags {
    /// Drop the packets buffered.
    pub const DROBU: Self = Self(1);
}

integer_values!(SmReqFlags(u8), SrRspFlags(u8), SeReqFlags(u8));

group! {
    /// How and where packets are forwarded (7.5.2.3-2).
    ForwardingParameters(
        /// Where they go.
        destination_interface: Interface = DESTINATION_INTERFACE,
    ) {
        /// The network they go to.
        once network_instance: NetworkInstance = NETWORK_INSTANCE,
        /// What is put before them.
        once outer_header_creation: OuterHeaderCreation = OUTER_HEADER_CREATION,
        /// How they are marked.
        once transport_level_marking: TransportLevelMarking = TRANSPORT_LEVEL_MARKING,
        /// Where else traffic is sent.
        once redirect_information: RedirectInformation = REDIRECT_INFORMATION,
        /// By what policy of the UP function it is steered.
        once forwarding_policy: ForwardingPolicy = FORWARDING_POLICY,
        /// What is written into its headers.
        many header_enrichment: NotOffered = HEADER_ENRICHMENT,
    }
}

group! {
    /// Changes of forwarding parameters (7.5.4.3-2).
    UpdateForwardingParameters() {
        /// Where packets go.
        once destination_interface: Interface = DESTINATION_INTERFACE,
        /// The network they go to.
        once network_instance: NetworkInstance = NETWORK_INSTANCE,
        /// What is put before them.
        once outer_header_creation: OuterHeaderCreation = OUTER_HEADER_CREATION,
        /// How they are marked.
        once transport_level_marking: TransportLevelMarking = TRANSPORT_LEVEL_MARKING,
        /// Where else traffic is sent.
        once redirect_information: RedirectInformation = REDIRECT_INFORMATION,
        /// By what policy of the UP function it is steered.
        once forwarding_policy: ForwardingPolicy = FORWARDING_POLICY,
        /// What is written into its headers.
        many header_enrichment: NotOffered = HEADER_ENRICHMENT,
        /// Whether an end marker is to be sent on the old path.
        once sm_req_flags: SmReqFlags = SM_REQ_FLAGS,
    }
}

group! {
    /// A forwarding action rule to be made (7.5.2.3).
    CreateFar(
        /// Its identifier, unique in the session.
        far_id: FarId = FAR_ID,
        /// What is done.
        apply_action: ApplyAction = APPLY_ACTION,
    ) {
        /// How packets are forwarded.
        once forwarding_parameters: ForwardingParameters = FORWARDING_PARAMETERS,
        /// Where copies of packets go.
        many duplicating_parameters: DuplicatingParameters = DUPLICATING_PARAMETERS,
        /// How packets are buffered.
        once bar_id: BarId = BAR_ID,
    }
}

group! {
    /// Changes of a forwarding action rule (7.5.4.3).
    UpdateFar(
        /// The rule.
        far_id: FarId = FAR_ID,
    ) {
        /// What is done.
        once apply_action: ApplyAction = APPLY_ACTION,
        /// How packets are forwarded.
        once forwarding_parameters: UpdateForwardingParameters = UPDATE_FORWARDING_PARAMETERS,
        /// Where copies of packets go: the whole new list.
        many duplicating_parameters: UpdateDuplicatingParameters = UPDATE_DUPLICATING_PARAMETERS,
        /// How packets are buffered.
        once bar_id: BarId = BAR_ID,
    }
}

group! {
    /// A forwarding action rule to be removed (7.5.4.7).
    RemoveFar(
        /// The rule.
        far_id: FarId = FAR_ID,
    ) {}
}

/// Whether packets may pass (8.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GateStatus {
    /// Uplink packets are dropped.
    pub uplink_closed: bool,
    /// Downlink packets are dropped.
    pub downlink_closed: bool,
}

impl Value for GateStatus {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.uplink_closed) << 2 | u8::from(self.downlink_closed));
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [gates] = take(&mut octets)?;
        // Values above 1 are for future use and count as closed (8.2.7).
        Ok(Self { uplink_closed: gates & 0x0c != 0, downlink_closed: gates & 0x03 != 0 })
    }
}

/// Bit rates in kilobits per second, 40 bits each (MBR and GBR, 8.2.8, 8.2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BitRates {
    /// Uplink.
    pub uplink: u64,
    /// Downlink.
    pub downlink: u64,
}

impl Value for BitRates {
    fn write(&self, out: &mut Vec<u8>) {
        for rate in [self.uplink, self.downlink] {
            let rate = rate.min((1 << 40) - 1);
            out.extend(rate.to_be_bytes().iter().skip(3));
        }
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let mut rate =
            || take(&mut octets).map(|[a, b, c, d, e]: [u8; 5]| u64::from_be_bytes([0, 0, 0, a, b, c, d, e]));
        Ok(Self { uplink: rate()?, downlink: rate()? })
    }
}

/// Whether downlink packets ask for reflective QoS (8.2.88).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rqi(pub u8);

integer_values!(Rqi(u8));

group! {
    /// A QoS enforcement rule to be made (7.5.2.5).
    CreateQer(
        /// Its identifier, unique in the session.
        qer_id: QerId = QER_ID,
        /// Whether packets may pass.
        gate_status: GateStatus = GATE_STATUS,
    ) {
        /// Shared with QERs of the same number in other sessions.
        once correlation_id: QerCorrelationId = QER_CORRELATION_ID,
        /// At most this rate.
        once mbr: BitRates = MBR,
        /// At least this rate.
        once gbr: BitRates = GBR,
        /// The QoS flow that downlink packets are marked with.
        once qfi: Qfi = QFI,
        /// Reflective QoS.
        once rqi: Rqi = RQI,
    }
}

group! {
    /// Changes of a QoS enforcement rule (7.5.4.5).
    UpdateQer(
        /// The rule.
        qer_id: QerId = QER_ID,
    ) {
        /// Whether packets may pass.
        once gate_status: GateStatus = GATE_STATUS,
        /// Shared with QERs of the same number in other sessions.
        once correlation_id: QerCorrelationId = QER_CORRELATION_ID,
        /// At most this rate.
        once mbr: BitRates = MBR,
        /// At least this rate.
        once gbr: BitRates = GBR,
        /// The QoS flow that downlink packets are marked with.
        once qfi: Qfi = QFI,
        /// Reflective QoS.
        once rqi: Rqi = RQI,
    }
}

group! {
    /// A QoS enforcement rule to be removed (7.5.4.9).
    RemoveQer(
        /// The rule.
        qer_id: QerId = QER_ID,
    ) {}
}

group! {
    /// A buffering action rule to be made (7.5.2.6).
    CreateBar(
        /// Its identifier, unique in the session.
        bar_id: BarId = BAR_ID,
    ) {
        /// How long the notification of downlink data waits.
        once notification_delay: NotificationDelay = DOWNLINK_DATA_NOTIFICATION_DELAY,
        /// How many packets to buffer.
        once suggested_packets: SuggestedPackets = SUGGESTED_BUFFERING_PACKETS_COUNT,
    }
}

group! {
    /// Changes of a buffering action rule (7.5.4.11).
    UpdateBar(
        /// The rule.
        bar_id: BarId = BAR_ID,
    ) {
        /// How long the notification of downlink data waits.
        once notification_delay: NotificationDelay = DOWNLINK_DATA_NOTIFICATION_DELAY,
        /// How many packets to buffer.
        once suggested_packets: SuggestedPackets = SUGGESTED_BUFFERING_PACKETS_COUNT,
    }
}

group! {
    /// A buffering action rule to be removed (7.5.4.12).
    RemoveBar(
        /// The rule.
        bar_id: BarId = BAR_ID,
    ) {}
}
