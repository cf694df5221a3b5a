//! Interface management messages (TS 38.413 clauses 8.7 and 9.2.6).

use oxirush_ngap::ie;
use oxirush_ngap::ngap::{self as asn, NGAPPDU};

use super::ie::{field_type, messages, read_field, write_field};
use crate::cause::Cause;
use crate::diagnostics::CriticalityDiagnostics;
use crate::identity::{FiveGSTmsi, Guami, Snssai, Tac, Tai};
use crate::ids::{AmfUeNgapId, RanUeNgapId};
use crate::plmn::PlmnId;
use crate::ran_node::GlobalRanNodeId;
use crate::wire::{Invalid, Wire, enumerated, lists, record};

enumerated! {
    /// Paging DRX cycle (clause 9.3.1.90), radio frames.
    #[derive(Default)]
    PagingDrx = PagingDRX {
        /// 32.
        V32 = v32,
        /// 64.
        V64 = v64,
        /// 128, what a gNB has by default.
        #[default]
        V128 = v128,
        /// 256.
        V256 = v256,
    }
}

enumerated! {
    /// How long a node waits before it tries again (clause 9.3.1.56).
    TimeToWait = TimeToWait {
        /// 1 s.
        V1s = v1s,
        /// 2 s.
        V2s = v2s,
        /// 5 s.
        V5s = v5s,
        /// 10 s.
        V10s = v10s,
        /// 20 s.
        V20s = v20s,
        /// 60 s.
        V60s = v60s,
    }
}

record! {
    /// A network broadcast in a tracking area, with its slices there.
    BroadcastPlmnItem = BroadcastPLMNItem {
        /// The network.
        plmn_identity: PlmnId,
        /// Its slices in the area.
        tai_slice_support_list: Vec<Snssai>,
    }
}

record! {
    /// A tracking area of the node.
    SupportedTaItem = SupportedTAItem {
        /// The area.
        tac: Tac,
        /// The networks broadcast there.
        broadcast_plmn_list: Vec<BroadcastPlmnItem>,
    }
}

record! {
    /// A GUAMI of the AMF.
    ServedGuamiItem = ServedGUAMIItem<'w> {
        /// The GUAMI.
        guami: Guami,
        /// The AMF that takes over its UEs.
        backup_amf_name: Option<String>,
    }
}

record! {
    /// A network of the AMF, with its slices.
    PlmnSupportItem = PLMNSupportItem {
        /// The network.
        plmn_identity: PlmnId,
        /// Its slices.
        slice_support_list: Vec<Snssai>,
    }
}

record! {
    /// One UE's connection, named by either or both of its identifiers.
    #[derive(Copy)]
    UeAssociatedLogicalNgConnectionItem = UEAssociatedLogicalNGConnectionItem {
        /// What the AMF calls it.
        amf_ue_ngap_id: Option<AmfUeNgapId>,
        /// What the RAN calls it.
        ran_ue_ngap_id: Option<RanUeNgapId>,
    }
}

lists! {
    BroadcastPLMNList = BroadcastPlmnItem,
    SupportedTAList = SupportedTaItem,
    SliceSupportList = Snssai,
    AllowedNSSAI = Snssai,
    ServedGUAMIList<'w> = ServedGuamiItem,
    PLMNSupportList = PlmnSupportItem,
    UEAssociatedLogicalNGConnectionList = UeAssociatedLogicalNgConnectionItem,
    TAIListForPaging = Tai,
}

impl Wire<asn::TAIListForPagingItem> for Tai {
    fn from_wire(wire: asn::TAIListForPagingItem) -> Result<Self, Invalid> {
        Self::from_wire(wire.tai)
    }
    fn to_wire(&self) -> Result<asn::TAIListForPagingItem, Invalid> {
        Ok(asn::TAIListForPagingItem { tai: self.to_wire()?, ie_extensions: None })
    }
}

/// What an NG Reset resets (clause 9.3.1.97's Reset Type).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetType {
    /// Every UE of the interface.
    NgInterface,
    /// These UEs.
    PartOfNgInterface(Vec<UeAssociatedLogicalNgConnectionItem>),
}

impl Wire<asn::ResetType> for ResetType {
    fn from_wire(wire: asn::ResetType) -> Result<Self, Invalid> {
        match wire {
            asn::ResetType::nG_Interface(_) => Ok(Self::NgInterface),
            asn::ResetType::partOfNG_Interface(list) => Ok(Self::PartOfNgInterface(Wire::from_wire(list)?)),
            asn::ResetType::choice_Extensions(_) => Err(Invalid("ResetType")),
        }
    }
    fn to_wire(&self) -> Result<asn::ResetType, Invalid> {
        Ok(match self {
            Self::NgInterface => asn::ResetType::nG_Interface(asn::ResetAll::reset_all),
            Self::PartOfNgInterface(list) => asn::ResetType::partOfNG_Interface(list.to_wire()?),
        })
    }
}

enumerated! {
    /// What a node is to do while the AMF is overloaded (clause 9.3.1.105).
    OverloadAction = OverloadAction {
        /// Reject non-emergency mobile originated data.
        RejectNonEmergencyMoDt = reject_non_emergency_mo_dt,
        /// Reject RRC connections for signalling.
        RejectRrcCrSignalling = reject_rrc_cr_signalling,
        /// Permit emergency sessions and mobile terminated services only.
        PermitEmergencySessionsAndMobileTerminatedServicesOnly =
            permit_emergency_sessions_and_mobile_terminated_services_only,
        /// Permit high priority sessions and mobile terminated services only.
        PermitHighPrioritySessionsAndMobileTerminatedServicesOnly =
            permit_high_priority_sessions_and_mobile_terminated_services_only,
    }
}

impl Wire<asn::OverloadResponse> for OverloadAction {
    fn from_wire(wire: asn::OverloadResponse) -> Result<Self, Invalid> {
        match wire {
            asn::OverloadResponse::overloadAction(action) => Self::from_wire(action),
            asn::OverloadResponse::choice_Extensions(_) => Err(Invalid("OverloadResponse")),
        }
    }
    fn to_wire(&self) -> Result<asn::OverloadResponse, Invalid> {
        Ok(asn::OverloadResponse::overloadAction(self.to_wire()?))
    }
}

messages! {
    /// NG SETUP REQUEST (9.2.6.1), RAN to AMF.
    NgSetupRequest = NGSetupRequest {
        /// Who the node is.
        man global_ran_node_id: GlobalRanNodeId = GlobalRANNodeID,
        /// A name for people, 1 to 150 characters.
        opt ran_node_name: String = RANNodeName,
        /// Its tracking areas, 1 to 256.
        man supported_ta_list: Vec<SupportedTaItem> = SupportedTAList,
        /// Its default paging cycle.
        len default_paging_drx: PagingDrx = DefaultPagingDRX,
        /// The node kept its UEs.
        flag ue_retention_information: bool = UERetentionInformation,
    }

    /// NG SETUP RESPONSE (9.2.6.2), AMF to RAN.
    NgSetupResponse = NGSetupResponse {
        /// The AMF's name, 1 to 150 characters.
        man amf_name: String = AMFName,
        /// Its GUAMIs, 1 to 256.
        man served_guami_list: Vec<ServedGuamiItem> = ServedGUAMIList,
        /// Its weight among the AMFs of its set.
        len relative_amf_capacity: u8 = RelativeAMFCapacity,
        /// Its networks and slices, 1 to 12.
        man plmn_support_list: Vec<PlmnSupportItem> = PLMNSupportList,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
        /// The AMF kept its UEs.
        flag ue_retention_information: bool = UERetentionInformation,
    }

    /// NG SETUP FAILURE (9.2.6.3), AMF to RAN.
    NgSetupFailure = NGSetupFailure {
        /// Why.
        len cause: Cause = Cause,
        /// How long the node waits before it tries again.
        opt time_to_wait: TimeToWait = TimeToWait,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// RAN CONFIGURATION UPDATE (9.2.6.4), RAN to AMF. What is absent has not changed.
    #[derive(Default)]
    RanConfigurationUpdate = RANConfigurationUpdate {
        /// Its new name.
        opt ran_node_name: String = RANNodeName,
        /// All its tracking areas.
        opt supported_ta_list: Vec<SupportedTaItem> = SupportedTAList,
        /// Its new default paging cycle.
        opt default_paging_drx: PagingDrx = DefaultPagingDRX,
        /// Who the node is, on a new TNL association.
        opt global_ran_node_id: GlobalRanNodeId = GlobalRANNodeID,
    }

    /// RAN CONFIGURATION UPDATE ACKNOWLEDGE (9.2.6.5), AMF to RAN.
    #[derive(Default)]
    RanConfigurationUpdateAcknowledge = RANConfigurationUpdateAcknowledge {
        /// What was not comprehended in the update.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// RAN CONFIGURATION UPDATE FAILURE (9.2.6.6), AMF to RAN.
    RanConfigurationUpdateFailure = RANConfigurationUpdateFailure {
        /// Why.
        len cause: Cause = Cause,
        /// How long the node waits before it tries again.
        opt time_to_wait: TimeToWait = TimeToWait,
        /// What was not comprehended in the update.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// AMF CONFIGURATION UPDATE (9.2.6.7), AMF to RAN. What is absent has not changed.
    #[derive(Default)]
    AmfConfigurationUpdate = AMFConfigurationUpdate {
        /// Its new name.
        opt amf_name: String = AMFName,
        /// All its GUAMIs.
        opt served_guami_list: Vec<ServedGuamiItem> = ServedGUAMIList,
        /// Its new weight.
        opt relative_amf_capacity: u8 = RelativeAMFCapacity,
        /// All its networks and slices.
        opt plmn_support_list: Vec<PlmnSupportItem> = PLMNSupportList,
    }

    /// AMF CONFIGURATION UPDATE ACKNOWLEDGE (9.2.6.8), RAN to AMF.
    #[derive(Default)]
    AmfConfigurationUpdateAcknowledge = AMFConfigurationUpdateAcknowledge {
        /// What was not comprehended in the update.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// AMF CONFIGURATION UPDATE FAILURE (9.2.6.9), RAN to AMF.
    AmfConfigurationUpdateFailure = AMFConfigurationUpdateFailure {
        /// Why.
        len cause: Cause = Cause,
        /// How long the AMF waits before it tries again.
        opt time_to_wait: TimeToWait = TimeToWait,
        /// What was not comprehended in the update.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// NG RESET (9.2.6.11), either way.
    NgReset = NGReset {
        /// Why.
        len cause: Cause = Cause,
        /// What.
        man reset_type: ResetType = ResetType,
    }

    /// NG RESET ACKNOWLEDGE (9.2.6.12), either way.
    #[derive(Default)]
    NgResetAcknowledge = NGResetAcknowledge {
        /// The UEs of a partial reset, in the order of the request, known or not.
        opt ue_associated_logical_ng_connection_list: Vec<UeAssociatedLogicalNgConnectionItem>
            = UE_associatedLogicalNG_connectionList,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// ERROR INDICATION (9.2.6.13), either way. It has a cause, diagnostics or both.
    #[derive(Default)]
    ErrorIndication = ErrorIndication {
        /// The UE, as the AMF calls it.
        opt amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// The UE, as the RAN calls it.
        opt ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// What is wrong.
        opt cause: Cause = Cause,
        /// With which message and IEs.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
        /// The UE, when it was relayed by a node that knows it so.
        opt five_g_s_tmsi: FiveGSTmsi = FiveG_S_TMSI,
    }

    /// OVERLOAD START (9.2.6.14), AMF to RAN.
    #[derive(Default)]
    OverloadStart = OverloadStart {
        /// What the node is to do.
        opt amf_overload_response: OverloadAction = AMFOverloadResponse,
        /// Which share of the traffic to reject, percent, 1 to 99.
        opt amf_traffic_load_reduction_indication: u8 = AMFTrafficLoadReductionIndication,
    }

    /// OVERLOAD STOP (9.2.6.15), AMF to RAN.
    #[derive(Default)]
    OverloadStop = OverloadStop {}
}
