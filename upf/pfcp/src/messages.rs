//! The messages (TS 29.244 7.4, 7.5): each a struct of its information elements.

use crate::rule::{SeReqFlags, SmReqFlags, SrRspFlags};
use crate::wire::{Malformed, Value, group, integer_values, take};
use crate::{
    ApnDnn, Cause, CpFunctionFeatures, CreateBar, CreateFar, CreatePdr, CreateQer, CreateUrr, CreatedPdr, FSeid, FTeid,
    FailedRuleId, LoadControlInformation, NodeId, OffendingIe, OverloadControlInformation, PdrId, QueryUrr,
    QueryUrrReference, RecoveryTimeStamp, RemoveBar, RemoveFar, RemovePdr, RemoveQer, RemoveUrr, Seconds,
    UpFunctionFeatures, UpdateBar, UpdateFar, UpdatePdr, UpdateQer, UpdateUrr, UsageReport,
};

group! {
    /// Asks whether the peer is alive (7.4.2.1).
    HeartbeatRequest(
        /// When the sender started.
        recovery_time_stamp: RecoveryTimeStamp = RECOVERY_TIME_STAMP,
    ) {}
}

group! {
    /// Says so (7.4.2.2).
    HeartbeatResponse(
        /// When the sender started.
        recovery_time_stamp: RecoveryTimeStamp = RECOVERY_TIME_STAMP,
    ) {}
}

group! {
    /// Sets an association up (7.4.4.1).
    AssociationSetupRequest(
        /// The sender.
        node_id: NodeId = NODE_ID,
        /// When it started.
        recovery_time_stamp: RecoveryTimeStamp = RECOVERY_TIME_STAMP,
    ) {
        /// What it can do, where it is a UP function.
        once up_features: UpFunctionFeatures = UP_FUNCTION_FEATURES,
        /// What it can do, where it is a CP function.
        once cp_features: CpFunctionFeatures = CP_FUNCTION_FEATURES,
    }
}

group! {
    /// Answers an association setup (7.4.4.2).
    AssociationSetupResponse(
        /// The sender.
        node_id: NodeId = NODE_ID,
        /// The outcome.
        cause: Cause = CAUSE,
        /// When the sender started.
        recovery_time_stamp: RecoveryTimeStamp = RECOVERY_TIME_STAMP,
    ) {
        /// What it can do, where it is a UP function.
        once up_features: UpFunctionFeatures = UP_FUNCTION_FEATURES,
        /// What it can do, where it is a CP function.
        once cp_features: CpFunctionFeatures = CP_FUNCTION_FEATURES,
    }
}

/// Whether the UP function asks for the release of the association (8.2.77).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReleaseRequest(pub u8);

integer_values!(ReleaseRequest(u8));

group! {
    /// Tells the peer what has changed (7.4.4.3).
    AssociationUpdateRequest(
        /// The sender.
        node_id: NodeId = NODE_ID,
    ) {
        /// What it can do, where it is a UP function.
        once up_features: UpFunctionFeatures = UP_FUNCTION_FEATURES,
        /// What it can do, where it is a CP function.
        once cp_features: CpFunctionFeatures = CP_FUNCTION_FEATURES,
        /// Asks the CP function to release the association.
        once release_request: ReleaseRequest = ASSOCIATION_RELEASE_REQUEST,
    }
}

group! {
    /// Answers an association update (7.4.4.4).
    AssociationUpdateResponse(
        /// The sender.
        node_id: NodeId = NODE_ID,
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// What it can do, where it is a UP function.
        once up_features: UpFunctionFeatures = UP_FUNCTION_FEATURES,
        /// What it can do, where it is a CP function.
        once cp_features: CpFunctionFeatures = CP_FUNCTION_FEATURES,
    }
}

group! {
    /// Ends an association and its sessions (7.4.4.5).
    AssociationReleaseRequest(
        /// The sender.
        node_id: NodeId = NODE_ID,
    ) {}
}

group! {
    /// Answers an association release (7.4.4.6).
    AssociationReleaseResponse(
        /// The sender.
        node_id: NodeId = NODE_ID,
        /// The outcome.
        cause: Cause = CAUSE,
    ) {}
}

group! {
    /// The version of a request is not spoken here (7.4.4.7).
    VersionNotSupportedResponse() {}
}

/// Type of a PDU session (8.2.79).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PdnType {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Both.
    Ipv4v6,
    /// Unstructured.
    NonIp,
    /// Ethernet.
    Ethernet,
}

impl Value for PdnType {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
            Self::Ipv4v6 => 3,
            Self::NonIp => 4,
            Self::Ethernet => 5,
        });
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [value] = take(&mut octets)?;
        Ok(match value & 7 {
            1 => Self::Ipv4,
            2 => Self::Ipv6,
            3 => Self::Ipv4v6,
            4 => Self::NonIp,
            5 => Self::Ethernet,
            _ => return Err(Malformed::Content),
        })
    }
}

group! {
    /// Makes a session with its rules (7.5.2).
    SessionEstablishmentRequest(
        /// The CP function.
        node_id: NodeId = NODE_ID,
        /// Its end of the session.
        cp_f_seid: FSeid = F_SEID,
    ) {
        /// Detection rules.
        many create_pdrs: CreatePdr = CREATE_PDR,
        /// Forwarding rules.
        many create_fars: CreateFar = CREATE_FAR,
        /// Usage rules.
        many create_urrs: CreateUrr = CREATE_URR,
        /// QoS rules.
        many create_qers: CreateQer = CREATE_QER,
        /// Buffering rules.
        many create_bars: CreateBar = CREATE_BAR,
        /// Type of the PDU session.
        once pdn_type: PdnType = PDN_TYPE,
        /// Time without packets after which a report is wanted.
        once inactivity_timer: Seconds = USER_PLANE_INACTIVITY_TIMER,
        /// The data network.
        once apn_dnn: ApnDnn = APN_DNN,
        /// What else is asked.
        once se_req_flags: SeReqFlags = SE_REQ_FLAGS,
    }
}

group! {
    /// Answers a session establishment (7.5.3).
    SessionEstablishmentResponse(
        /// The UP function.
        node_id: NodeId = NODE_ID,
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
        /// How loaded the UP function is.
        once load: LoadControlInformation = LOAD_CONTROL_INFORMATION,
        /// Whether it wants to be asked less.
        once overload: OverloadControlInformation = OVERLOAD_CONTROL_INFORMATION,
        /// The UP function's end of the session.
        once up_f_seid: FSeid = F_SEID,
        /// What the UP function chose for the PDRs.
        many created_pdrs: CreatedPdr = CREATED_PDR,
        /// The rule that could not be put in force.
        once failed_rule_id: FailedRuleId = FAILED_RULE_ID,
    }
}

group! {
    /// Changes a session's rules (7.5.4).
    SessionModificationRequest() {
        /// The CP function's end of the session, where it changes.
        once cp_f_seid: FSeid = F_SEID,
        /// Detection rules to be removed.
        many remove_pdrs: RemovePdr = REMOVE_PDR,
        /// Forwarding rules to be removed.
        many remove_fars: RemoveFar = REMOVE_FAR,
        /// Usage rules to be removed.
        many remove_urrs: RemoveUrr = REMOVE_URR,
        /// QoS rules to be removed.
        many remove_qers: RemoveQer = REMOVE_QER,
        /// Buffering rules to be removed.
        many remove_bars: RemoveBar = REMOVE_BAR,
        /// New detection rules.
        many create_pdrs: CreatePdr = CREATE_PDR,
        /// New forwarding rules.
        many create_fars: CreateFar = CREATE_FAR,
        /// New usage rules.
        many create_urrs: CreateUrr = CREATE_URR,
        /// New QoS rules.
        many create_qers: CreateQer = CREATE_QER,
        /// New buffering rules.
        many create_bars: CreateBar = CREATE_BAR,
        /// Changed detection rules.
        many update_pdrs: UpdatePdr = UPDATE_PDR,
        /// Changed forwarding rules.
        many update_fars: UpdateFar = UPDATE_FAR,
        /// Changed usage rules.
        many update_urrs: UpdateUrr = UPDATE_URR,
        /// Changed QoS rules.
        many update_qers: UpdateQer = UPDATE_QER,
        /// Changed buffering rules.
        many update_bars: UpdateBar = UPDATE_BAR,
        /// What else is asked.
        once sm_req_flags: SmReqFlags = SM_REQ_FLAGS,
        /// Usage rules whose reports are wanted.
        many query_urrs: QueryUrr = QUERY_URR,
        /// Names the query in the reports that answer it.
        once query_urr_reference: QueryUrrReference = QUERY_URR_REFERENCE,
        /// Time without packets after which a report is wanted.
        once inactivity_timer: Seconds = USER_PLANE_INACTIVITY_TIMER,
    }
}

impl Default for SessionModificationRequest {
    fn default() -> Self {
        Self::new()
    }
}

group! {
    /// Answers a session modification (7.5.5).
    SessionModificationResponse(
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
        /// How loaded the UP function is.
        once load: LoadControlInformation = LOAD_CONTROL_INFORMATION,
        /// Whether it wants to be asked less.
        once overload: OverloadControlInformation = OVERLOAD_CONTROL_INFORMATION,
        /// What the UP function chose for new PDRs.
        many created_pdrs: CreatedPdr = CREATED_PDR,
        /// Usage of rules removed or asked about.
        many usage_reports: UsageReport = USAGE_REPORT_MODIFICATION,
        /// The rule that could not be put in force.
        once failed_rule_id: FailedRuleId = FAILED_RULE_ID,
    }
}

group! {
    /// Ends a session (7.5.6).
    SessionDeletionRequest() {}
}

group! {
    /// Answers a session deletion (7.5.7).
    SessionDeletionResponse(
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
        /// How loaded the UP function is.
        once load: LoadControlInformation = LOAD_CONTROL_INFORMATION,
        /// Whether it wants to be asked less.
        once overload: OverloadControlInformation = OVERLOAD_CONTROL_INFORMATION,
        /// Usage since the last reports.
        many usage_reports: UsageReport = USAGE_REPORT_DELETION,
    }
}

/// What a session report tells (8.2.21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReportType(pub u8);

impl ReportType {
    /// Downlink data arrived.
    pub const DLDR: Self = Self(1);
    /// Usage.
    pub const USAR: Self = Self(1 << 1);
    /// The peer of a tunnel sent an Error Indication.
    pub const ERIR: Self = Self(1 << 2);
    /// No packet passed for the time set.
    pub const UPIR: Self = Self(1 << 3);

    /// Whether all of `kinds` are told.
    pub fn contains(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }
}

impl std::ops::BitOr for ReportType {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

integer_values!(ReportType(u8));

group! {
    /// Rules for which downlink data arrived (7.5.8.2).
    DownlinkDataReport() {
        /// The rules.
        many pdr_ids: PdrId = PDR_ID,
    }
}

group! {
    /// Tunnels whose far end no longer knows them (7.5.8.4).
    ErrorIndicationReport() {
        /// The far ends.
        many remote_f_teids: FTeid = F_TEID,
    }
}

group! {
    /// Tells the CP function of something in a session (7.5.8).
    SessionReportRequest(
        /// What is told.
        report_type: ReportType = REPORT_TYPE,
    ) {
        /// Downlink data that arrived.
        once downlink_data_report: DownlinkDataReport = DOWNLINK_DATA_REPORT,
        /// Usage.
        many usage_reports: UsageReport = USAGE_REPORT_REQUEST,
        /// Error Indications received.
        once error_indication_report: ErrorIndicationReport = ERROR_INDICATION_REPORT,
    }
}

group! {
    /// Answers a session report (7.5.9).
    SessionReportResponse(
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
        /// Changed buffering rules.
        many update_bars: UpdateBar = UPDATE_BAR_IN_REPORT_RESPONSE,
        /// What else is asked.
        once sr_rsp_flags: SrRspFlags = SR_RSP_FLAGS,
    }
}
