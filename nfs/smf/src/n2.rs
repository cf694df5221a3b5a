//! N2 SM information: the containers that the AMF passes between SMF and RAN (TS 38.413 9.3.4).

use bytes::Bytes;
use ngap::transfer::{
    PduSessionResourceReleaseCommandTransfer, PduSessionResourceSetupRequestTransfer,
    PduSessionResourceSetupResponseTransfer, PduSessionResourceSetupUnsuccessfulTransfer,
};
use ngap::{
    AllocationAndRetentionPriority, Cause, CauseNas, CauseRadioNetwork, GtpTunnel, NonDynamic5QiDescriptor,
    PduSessionAggregateMaximumBitRate, PreEmptionCapability, PreEmptionVulnerability, Qfi, QosCharacteristics,
    QosFlowLevelQosParameters, QosFlowSetupRequestItem, TransportLayerAddress,
};
use sbi_models::{Arp, PreemptionCapability, PreemptionVulnerability};

use crate::n4_rules::DEFAULT_QFI;
use crate::refusal::Refusal;
use crate::session::{AtUpf, Session};

/// PDU Session Resource Setup Request Transfer: the UPF's tunnel and the default QoS flow.
pub(crate) fn setup_request(session: &Session, at_upf: &AtUpf) -> Option<Bytes> {
    let (teid, address) = at_upf.uplink;
    let ambr = &session.granted.ambr;
    let transfer = PduSessionResourceSetupRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: Some(PduSessionAggregateMaximumBitRate {
            pdu_session_aggregate_maximum_bit_rate_dl: ambr.downlink.0,
            pdu_session_aggregate_maximum_bit_rate_ul: ambr.uplink.0,
        }),
        ul_ngu_up_tnl_information: GtpTunnel {
            transport_layer_address: TransportLayerAddress::V4(address),
            gtp_teid: teid.0,
        },
        pdu_session_type: session.address.kind().ngap(),
        security_indication: None,
        qos_flow_setup_request_list: vec![default_flow(session)?],
    };
    written(transfer.encode())
}

fn default_flow(session: &Session) -> Option<QosFlowSetupRequestItem> {
    let descriptor = NonDynamic5QiDescriptor {
        five_qi: session.granted.five_qi,
        priority_level_qos: None,
        averaging_window: None,
        maximum_data_burst_volume: None,
    };
    Some(QosFlowSetupRequestItem {
        qos_flow_identifier: Qfi::new(DEFAULT_QFI)?,
        qos_flow_level_qos_parameters: QosFlowLevelQosParameters {
            qos_characteristics: QosCharacteristics::NonDynamic5Qi(descriptor),
            allocation_and_retention_priority: priority(&session.granted.arp),
        },
    })
}

fn priority(arp: &Arp) -> AllocationAndRetentionPriority {
    AllocationAndRetentionPriority {
        priority_level_arp: arp.priority_level,
        pre_emption_capability: match arp.preempt_cap {
            PreemptionCapability::MayPreempt => PreEmptionCapability::MayTriggerPreEmption,
            _ => PreEmptionCapability::ShallNotTriggerPreEmption,
        },
        pre_emption_vulnerability: match arp.preempt_vuln {
            PreemptionVulnerability::Preemptable => PreEmptionVulnerability::PreEmptable,
            _ => PreEmptionVulnerability::NotPreEmptable,
        },
    }
}

/// PDU Session Resource Release Command Transfer.
pub(crate) fn release_command(regular: bool) -> Option<Bytes> {
    let cause = match regular {
        true => Cause::Nas(CauseNas::NormalRelease),
        false => Cause::RadioNetwork(CauseRadioNetwork::ReleaseDueTo5gcGeneratedReason),
    };
    written(PduSessionResourceReleaseCommandTransfer { cause }.encode())
}

fn written(result: Result<Bytes, ngap::EncodeError>) -> Option<Bytes> {
    result.inspect_err(|error| tracing::error!(%error, "an N2 container of ours cannot be written")).ok()
}

/// The RAN's tunnel from a PDU Session Resource Setup Response Transfer.
///
/// # Errors
/// Where the container is malformed or the default flow was not set up.
pub(crate) fn tunnel(octets: &[u8]) -> Result<GtpTunnel, Refusal> {
    let transfer =
        PduSessionResourceSetupResponseTransfer::decode(octets).map_err(|error| Refusal::Ran(error.to_string()))?;
    let information = transfer.dl_qos_flow_per_tnl_information;
    match information.associated_qos_flow_list.iter().any(|qfi| qfi.get() == DEFAULT_QFI) {
        true => Ok(information.up_transport_layer_information),
        false => Err(Refusal::Ran("the default QoS flow was not set up".into())),
    }
}

/// Why the RAN could not set up the session, from a PDU Session Resource Setup Unsuccessful Transfer.
pub(crate) fn failure(octets: &[u8]) -> Refusal {
    match PduSessionResourceSetupUnsuccessfulTransfer::decode(octets) {
        Ok(transfer) => Refusal::Ran(transfer.cause.to_string()),
        Err(error) => Refusal::Ran(error.to_string()),
    }
}
