//! UE context management (TS 38.413 clauses 8.3 and 9.2.2) and UE radio capability (9.2.13).

use bytes::Bytes;
use oxirush_ngap::ie;
use oxirush_ngap::ngap::{self as asn, NGAPPDU};

use super::ie::{field_type, messages, read_field, write_field};
use super::pdu_session::{PduSessionResourceFailedItem, PduSessionResourceResponseItem, PduSessionResourceSetupItem};
use crate::cause::Cause;
use crate::diagnostics::CriticalityDiagnostics;
use crate::identity::{Guami, Snssai};
use crate::ids::{AmfUeNgapId, PduSessionId, RanUeNgapId};
use crate::location::UserLocationInformation;
use crate::plmn::PlmnId;
use crate::qos::UeAggregateMaximumBitRate;
use crate::security::{MaskedImeisv, SecurityKey, UeSecurityCapabilities};
use crate::wire::{Invalid, Wire, enumerated, record};

record! {
    /// UE Radio Capability for Paging (clause 9.3.1.68): what the RAN made of the capability,
    /// opaque to the AMF.
    UeRadioCapabilityForPaging = UERadioCapabilityForPaging<'w> {
        /// For NR.
        ue_radio_capability_for_paging_of_nr: Option<Bytes>,
        /// For E-UTRA.
        ue_radio_capability_for_paging_of_eutra: Option<Bytes>,
    }
}

/// Mobility Restriction List (clause 9.3.1.85), without restrictions: where the UE is at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobilityRestrictionList {
    /// The serving network.
    pub serving_plmn: PlmnId,
    /// Networks as good as it, at most 15.
    pub equivalent_plmns: Option<Vec<PlmnId>>,
}

impl<'w> Wire<asn::MobilityRestrictionList<'w>> for MobilityRestrictionList {
    fn from_wire(wire: asn::MobilityRestrictionList<'w>) -> Result<Self, Invalid> {
        let equivalent = wire.equivalent_plmns.map(|list| list.0.into_iter());
        Ok(Self {
            serving_plmn: Wire::from_wire(wire.serving_plmn)?,
            equivalent_plmns: equivalent.map(|list| list.map(PlmnId::from_wire).collect()).transpose()?,
        })
    }
    fn to_wire(&self) -> Result<asn::MobilityRestrictionList<'w>, Invalid> {
        let equivalent = self.equivalent_plmns.as_ref().map(|list| list.iter());
        let equivalent = equivalent.map(|list| list.map(PlmnId::to_wire).collect()).transpose()?;
        Ok(asn::MobilityRestrictionList::new(
            self.serving_plmn.to_wire()?,
            equivalent.map(asn::EquivalentPLMNs),
            None,
            None,
            None,
            None,
        ))
    }
}

/// UE NGAP IDs (clause 9.3.3.21): how a release command names the UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UeNgapIds {
    /// By both identifiers.
    Pair {
        /// What the AMF calls it.
        amf_ue_ngap_id: AmfUeNgapId,
        /// What the RAN calls it.
        ran_ue_ngap_id: RanUeNgapId,
    },
    /// By the AMF's alone, when the RAN's is not known.
    AmfUeNgapId(AmfUeNgapId),
}

impl Wire<asn::UENGAPIDs> for UeNgapIds {
    fn from_wire(wire: asn::UENGAPIDs) -> Result<Self, Invalid> {
        Ok(match wire {
            asn::UENGAPIDs::uE_NGAP_ID_pair(pair) => Self::Pair {
                amf_ue_ngap_id: Wire::from_wire(pair.amf_ue_ngap_id)?,
                ran_ue_ngap_id: Wire::from_wire(pair.ran_ue_ngap_id)?,
            },
            asn::UENGAPIDs::aMF_UE_NGAP_ID(id) => Self::AmfUeNgapId(Wire::from_wire(id)?),
            asn::UENGAPIDs::choice_Extensions(_) => return Err(Invalid("UE NGAP IDs")),
        })
    }
    fn to_wire(&self) -> Result<asn::UENGAPIDs, Invalid> {
        Ok(match self {
            Self::Pair { amf_ue_ngap_id, ran_ue_ngap_id } => asn::UENGAPIDs::uE_NGAP_ID_pair(asn::UENGAPIDPair::new(
                amf_ue_ngap_id.to_wire()?,
                ran_ue_ngap_id.to_wire()?,
                None,
            )),
            Self::AmfUeNgapId(id) => asn::UENGAPIDs::aMF_UE_NGAP_ID(id.to_wire()?),
        })
    }
}

enumerated! {
    /// RRC State (clause 9.3.1.92).
    RrcState = RRCState {
        /// RRC_INACTIVE.
        Inactive = inactive,
        /// RRC_CONNECTED.
        Connected = connected,
    }
}

enumerated! {
    /// RRC Inactive Transition Report Request (clause 9.3.1.91).
    RrcInactiveTransitionReportRequest = RRCInactiveTransitionReportRequest {
        /// Report every transition.
        SubsequentStateTransitionReport = subsequent_state_transition_report,
        /// Report once, when connected.
        SingleRrcConnectedStateReport = single_rrc_connected_state_report,
        /// Stop reporting.
        CancelReport = cancel_report,
    }
}

messages! {
    /// INITIAL CONTEXT SETUP REQUEST (9.2.2.1), AMF to RAN.
    InitialContextSetupRequest = InitialContextSetupRequest {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// The AMF it was rerouted from.
        opt old_amf: String = OldAMF,
        /// There when PDU sessions are set up, and only then.
        opt ue_aggregate_maximum_bit_rate: UeAggregateMaximumBitRate = UEAggregateMaximumBitRate,
        /// The AMF.
        man guami: Guami = GUAMI,
        /// Sessions to set up, 1 to 256.
        opt pdu_session_resource_setup_list: Vec<PduSessionResourceSetupItem>
            = PDUSessionResourceSetupListCxtReq,
        /// The UE's slices, 1 to 8.
        man allowed_nssai: Vec<Snssai> = AllowedNSSAI,
        /// What it can do for security.
        man ue_security_capabilities: UeSecurityCapabilities = UESecurityCapabilities,
        /// KgNB.
        man security_key: SecurityKey = SecurityKey,
        /// Where it may go.
        opt mobility_restriction_list: MobilityRestrictionList = MobilityRestrictionList,
        /// Its radio capability, opaque.
        opt ue_radio_capability: Bytes = UERadioCapability,
        /// RAT/frequency selection priority, 1 to 256.
        opt index_to_rfsp: u16 = IndexToRFSP,
        /// Its equipment.
        opt masked_imeisv: MaskedImeisv = MaskedIMEISV,
        /// A NAS message.
        opt nas_pdu: Bytes = NAS_PDU,
        /// Whether to report RRC inactive transitions.
        opt rrc_inactive_transition_report_request: RrcInactiveTransitionReportRequest
            = RRCInactiveTransitionReportRequest,
        /// Its radio capability for paging.
        opt ue_radio_capability_for_paging: UeRadioCapabilityForPaging = UERadioCapabilityForPaging,
    }

    /// INITIAL CONTEXT SETUP RESPONSE (9.2.2.2), RAN to AMF.
    InitialContextSetupResponse = InitialContextSetupResponse {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Sessions set up (transfer: PDU Session Resource Setup Response Transfer).
        opt pdu_session_resource_setup_list: Vec<PduSessionResourceResponseItem>
            = PDUSessionResourceSetupListCxtRes,
        /// Sessions that failed (transfer: PDU Session Resource Setup Unsuccessful Transfer).
        opt pdu_session_resource_failed_to_setup_list: Vec<PduSessionResourceFailedItem>
            = PDUSessionResourceFailedToSetupListCxtRes,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// INITIAL CONTEXT SETUP FAILURE (9.2.2.3), RAN to AMF.
    InitialContextSetupFailure = InitialContextSetupFailure {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Sessions that failed (transfer: PDU Session Resource Setup Unsuccessful Transfer).
        opt pdu_session_resource_failed_to_setup_list: Vec<PduSessionResourceFailedItem>
            = PDUSessionResourceFailedToSetupListCxtFail,
        /// Why.
        len cause: Cause = Cause,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// UE CONTEXT RELEASE REQUEST (9.2.2.4), RAN to AMF.
    UeContextReleaseRequest = UEContextReleaseRequest {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Its sessions with a user plane, 1 to 256.
        opt pdu_session_resource_list: Vec<PduSessionId> = PDUSessionResourceListCxtRelReq,
        /// Why.
        len cause: Cause = Cause,
    }

    /// UE CONTEXT RELEASE COMMAND (9.2.2.5), AMF to RAN.
    UeContextReleaseCommand = UEContextReleaseCommand {
        /// Which UE.
        man ue_ngap_ids: UeNgapIds = UE_NGAP_IDs,
        /// Why.
        len cause: Cause = Cause,
    }

    /// UE CONTEXT RELEASE COMPLETE (9.2.2.6), RAN to AMF.
    UeContextReleaseComplete = UEContextReleaseComplete {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Where it was.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
        /// Its sessions that had a user plane, 1 to 256.
        opt pdu_session_resource_list: Vec<PduSessionId> = PDUSessionResourceListCxtRelCpl,
        /// What was not comprehended in the command.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// UE CONTEXT MODIFICATION REQUEST (9.2.2.7), AMF to RAN. What is absent does not change.
    UeContextModificationRequest = UEContextModificationRequest {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// A new KgNB.
        opt security_key: SecurityKey = SecurityKey,
        /// RAT/frequency selection priority, 1 to 256.
        opt index_to_rfsp: u16 = IndexToRFSP,
        /// The UE's aggregate maximum bit rate.
        opt ue_aggregate_maximum_bit_rate: UeAggregateMaximumBitRate = UEAggregateMaximumBitRate,
        /// What it can do for security.
        opt ue_security_capabilities: UeSecurityCapabilities = UESecurityCapabilities,
        /// What the AMF calls it from now on.
        opt new_amf_ue_ngap_id: AmfUeNgapId = NewAMF_UE_NGAP_ID,
        /// Whether to report RRC inactive transitions.
        opt rrc_inactive_transition_report_request: RrcInactiveTransitionReportRequest
            = RRCInactiveTransitionReportRequest,
        /// The AMF it belongs to from now on.
        opt new_guami: Guami = NewGUAMI,
    }

    /// UE CONTEXT MODIFICATION RESPONSE (9.2.2.8), RAN to AMF.
    UeContextModificationResponse = UEContextModificationResponse {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Its RRC state, when that was asked.
        opt rrc_state: RrcState = RRCState,
        /// Where it is, when that was asked.
        opt user_location_information: UserLocationInformation = UserLocationInformation,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// UE CONTEXT MODIFICATION FAILURE (9.2.2.9), RAN to AMF.
    UeContextModificationFailure = UEContextModificationFailure {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Why.
        len cause: Cause = Cause,
        /// What was not comprehended in the request.
        opt criticality_diagnostics: CriticalityDiagnostics = CriticalityDiagnostics,
    }

    /// UE RADIO CAPABILITY INFO INDICATION (9.2.13.1), RAN to AMF.
    UeRadioCapabilityInfoIndication = UERadioCapabilityInfoIndication {
        /// What the AMF calls the UE.
        man amf_ue_ngap_id: AmfUeNgapId = AMF_UE_NGAP_ID,
        /// What the RAN calls the UE.
        man ran_ue_ngap_id: RanUeNgapId = RAN_UE_NGAP_ID,
        /// Its radio capability, opaque.
        len ue_radio_capability: Bytes = UERadioCapability,
        /// Its radio capability for paging, opaque.
        opt ue_radio_capability_for_paging: UeRadioCapabilityForPaging = UERadioCapabilityForPaging,
    }
}
