//! QoS of PDU sessions and their flows (TS 38.413 clauses 9.3.1.12 to 9.3.1.28).

use oxirush_ngap::ngap;

use crate::cause::Cause;
use crate::ids::Qfi;
use crate::wire::{Invalid, Wire, enumerated, lists, record};

record! {
    /// UE Aggregate Maximum Bit Rate (clause 9.3.1.58), bits per second.
    #[derive(Copy)]
    UeAggregateMaximumBitRate = UEAggregateMaximumBitRate {
        /// Downlink.
        ue_aggregate_maximum_bit_rate_dl: u64,
        /// Uplink.
        ue_aggregate_maximum_bit_rate_ul: u64,
    }
}

record! {
    /// PDU Session Aggregate Maximum Bit Rate (clause 9.3.1.102), bits per second.
    #[derive(Copy)]
    PduSessionAggregateMaximumBitRate = PDUSessionAggregateMaximumBitRate {
        /// Downlink.
        pdu_session_aggregate_maximum_bit_rate_dl: u64,
        /// Uplink.
        pdu_session_aggregate_maximum_bit_rate_ul: u64,
    }
}

enumerated! {
    /// Whether a flow may take resources from others.
    PreEmptionCapability = PreEmptionCapability {
        /// It may not.
        ShallNotTriggerPreEmption = shall_not_trigger_pre_emption,
        /// It may.
        MayTriggerPreEmption = may_trigger_pre_emption,
    }
}

enumerated! {
    /// Whether resources may be taken from a flow.
    PreEmptionVulnerability = PreEmptionVulnerability {
        /// They may not.
        NotPreEmptable = not_pre_emptable,
        /// They may.
        PreEmptable = pre_emptable,
    }
}

record! {
    /// Allocation and Retention Priority (clause 9.3.1.19).
    #[derive(Copy)]
    AllocationAndRetentionPriority = AllocationAndRetentionPriority {
        /// 1 (highest) to 15.
        priority_level_arp: u8,
        /// May it take.
        pre_emption_capability: PreEmptionCapability,
        /// May it be taken.
        pre_emption_vulnerability: PreEmptionVulnerability,
    }
}

record! {
    /// Non Dynamic 5QI Descriptor (clause 9.3.1.28).
    #[derive(Copy)]
    NonDynamic5QiDescriptor = NonDynamic5QIDescriptor {
        /// 5QI, 0 to 255.
        five_qi: u8,
        /// Overrides the standardised priority level, 1 to 127.
        priority_level_qos: Option<u8>,
        /// Overrides the averaging window, milliseconds, up to 4095.
        averaging_window: Option<u16>,
        /// Overrides the maximum data burst volume, octets.
        maximum_data_burst_volume: Option<u32>,
    }
}

/// QoS Characteristics (clause 9.3.1.12's choice). A dynamically assigned 5QI keeps what the
/// RAN needs to know it by; this core assigns none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QosCharacteristics {
    /// Standardised or preconfigured.
    NonDynamic5Qi(NonDynamic5QiDescriptor),
}

impl Wire<ngap::QosCharacteristics> for QosCharacteristics {
    fn from_wire(wire: ngap::QosCharacteristics) -> Result<Self, Invalid> {
        match wire {
            ngap::QosCharacteristics::nonDynamic5QI(qi) => Ok(Self::NonDynamic5Qi(Wire::from_wire(qi)?)),
            _ => Err(Invalid("QosCharacteristics")),
        }
    }
    fn to_wire(&self) -> Result<ngap::QosCharacteristics, Invalid> {
        let Self::NonDynamic5Qi(qi) = self;
        Ok(ngap::QosCharacteristics::nonDynamic5QI(qi.to_wire()?))
    }
}

/// QoS Flow Level QoS Parameters (clause 9.3.1.12) of a non-GBR flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QosFlowLevelQosParameters {
    /// 5QI.
    pub qos_characteristics: QosCharacteristics,
    /// ARP.
    pub allocation_and_retention_priority: AllocationAndRetentionPriority,
}

impl Wire<ngap::QosFlowLevelQosParameters> for QosFlowLevelQosParameters {
    fn from_wire(wire: ngap::QosFlowLevelQosParameters) -> Result<Self, Invalid> {
        Ok(Self {
            qos_characteristics: Wire::from_wire(wire.qos_characteristics)?,
            allocation_and_retention_priority: Wire::from_wire(wire.allocation_and_retention_priority)?,
        })
    }
    fn to_wire(&self) -> Result<ngap::QosFlowLevelQosParameters, Invalid> {
        Ok(ngap::QosFlowLevelQosParameters {
            qos_characteristics: self.qos_characteristics.to_wire()?,
            allocation_and_retention_priority: self.allocation_and_retention_priority.to_wire()?,
            gbr_qos_information: None,
            reflective_qos_attribute: None,
            additional_qos_flow_information: None,
            ie_extensions: None,
        })
    }
}

/// A flow to set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QosFlowSetupRequestItem {
    /// QFI.
    pub qos_flow_identifier: Qfi,
    /// Its QoS.
    pub qos_flow_level_qos_parameters: QosFlowLevelQosParameters,
}

impl Wire<ngap::QosFlowSetupRequestItem> for QosFlowSetupRequestItem {
    fn from_wire(wire: ngap::QosFlowSetupRequestItem) -> Result<Self, Invalid> {
        Ok(Self {
            qos_flow_identifier: Wire::from_wire(wire.qos_flow_identifier)?,
            qos_flow_level_qos_parameters: Wire::from_wire(wire.qos_flow_level_qos_parameters)?,
        })
    }
    fn to_wire(&self) -> Result<ngap::QosFlowSetupRequestItem, Invalid> {
        Ok(ngap::QosFlowSetupRequestItem {
            qos_flow_identifier: self.qos_flow_identifier.to_wire()?,
            qos_flow_level_qos_parameters: self.qos_flow_level_qos_parameters.to_wire()?,
            e_rab_id: None,
            ie_extensions: None,
        })
    }
}

/// A flow to add or change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QosFlowAddOrModifyRequestItem {
    /// QFI.
    pub qos_flow_identifier: Qfi,
    /// Its QoS, when that is new or changes.
    pub qos_flow_level_qos_parameters: Option<QosFlowLevelQosParameters>,
}

impl Wire<ngap::QosFlowAddOrModifyRequestItem> for QosFlowAddOrModifyRequestItem {
    fn from_wire(wire: ngap::QosFlowAddOrModifyRequestItem) -> Result<Self, Invalid> {
        Ok(Self {
            qos_flow_identifier: Wire::from_wire(wire.qos_flow_identifier)?,
            qos_flow_level_qos_parameters: Wire::from_wire(wire.qos_flow_level_qos_parameters)?,
        })
    }
    fn to_wire(&self) -> Result<ngap::QosFlowAddOrModifyRequestItem, Invalid> {
        Ok(ngap::QosFlowAddOrModifyRequestItem {
            qos_flow_identifier: self.qos_flow_identifier.to_wire()?,
            qos_flow_level_qos_parameters: self.qos_flow_level_qos_parameters.to_wire()?,
            e_rab_id: None,
            ie_extensions: None,
        })
    }
}

impl Wire<ngap::QosFlowAddOrModifyResponseItem> for Qfi {
    fn from_wire(wire: ngap::QosFlowAddOrModifyResponseItem) -> Result<Self, Invalid> {
        Self::from_wire(wire.qos_flow_identifier)
    }
    fn to_wire(&self) -> Result<ngap::QosFlowAddOrModifyResponseItem, Invalid> {
        Ok(ngap::QosFlowAddOrModifyResponseItem { qos_flow_identifier: self.to_wire()?, ie_extensions: None })
    }
}

record! {
    /// A flow that failed or is to be released, and why.
    #[derive(Copy)]
    QosFlowWithCauseItem = QosFlowWithCauseItem {
        /// QFI.
        qos_flow_identifier: Qfi,
        /// Why.
        cause: Cause,
    }
}

/// A flow that a tunnel carries. The mapping indication (uplink or downlink only) is not kept.
impl Wire<ngap::AssociatedQosFlowItem> for Qfi {
    fn from_wire(wire: ngap::AssociatedQosFlowItem) -> Result<Self, Invalid> {
        Self::from_wire(wire.qos_flow_identifier)
    }
    fn to_wire(&self) -> Result<ngap::AssociatedQosFlowItem, Invalid> {
        Ok(ngap::AssociatedQosFlowItem {
            qos_flow_identifier: self.to_wire()?,
            qos_flow_mapping_indication: None,
            ie_extensions: None,
        })
    }
}

lists! {
    QosFlowSetupRequestList = QosFlowSetupRequestItem,
    QosFlowAddOrModifyRequestList = QosFlowAddOrModifyRequestItem,
    QosFlowAddOrModifyResponseList = Qfi,
    QosFlowListWithCause = QosFlowWithCauseItem,
    AssociatedQosFlowList = Qfi,
}
