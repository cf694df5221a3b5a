//! Cause (TS 38.413 clause 9.3.1.2): why a procedure was started or refused, in five groups.

use std::fmt;

use oxirush_ngap::ngap;

use crate::wire::{Invalid, Wire, enumerated};

/// The Cause IE. Each group has the values of its table in clause 9.3.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Radio network layer.
    RadioNetwork(CauseRadioNetwork),
    /// Transport layer.
    Transport(CauseTransport),
    /// NAS.
    Nas(CauseNas),
    /// Protocol.
    Protocol(CauseProtocol),
    /// Miscellaneous.
    Misc(CauseMisc),
}

/// The value used where a mandatory Cause of criticality ignore is missing or not understood
/// (clause 10.3.5): unspecified, in the group of none in particular.
impl Default for Cause {
    fn default() -> Self {
        Self::Misc(CauseMisc::Unspecified)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RadioNetwork(value) => write!(f, "radio network: {value:?}"),
            Self::Transport(value) => write!(f, "transport: {value:?}"),
            Self::Nas(value) => write!(f, "NAS: {value:?}"),
            Self::Protocol(value) => write!(f, "protocol: {value:?}"),
            Self::Misc(value) => write!(f, "misc: {value:?}"),
        }
    }
}

impl Wire<ngap::Cause> for Cause {
    fn from_wire(wire: ngap::Cause) -> Result<Self, Invalid> {
        Ok(match wire {
            ngap::Cause::radioNetwork(value) => Self::RadioNetwork(Wire::from_wire(value)?),
            ngap::Cause::transport(value) => Self::Transport(Wire::from_wire(value)?),
            ngap::Cause::nas(value) => Self::Nas(Wire::from_wire(value)?),
            ngap::Cause::protocol(value) => Self::Protocol(Wire::from_wire(value)?),
            ngap::Cause::misc(value) => Self::Misc(Wire::from_wire(value)?),
            ngap::Cause::choice_Extensions(_) => return Err(Invalid("Cause of an unknown group")),
        })
    }
    fn to_wire(&self) -> Result<ngap::Cause, Invalid> {
        Ok(match self {
            Self::RadioNetwork(value) => ngap::Cause::radioNetwork(value.to_wire()?),
            Self::Transport(value) => ngap::Cause::transport(value.to_wire()?),
            Self::Nas(value) => ngap::Cause::nas(value.to_wire()?),
            Self::Protocol(value) => ngap::Cause::protocol(value.to_wire()?),
            Self::Misc(value) => ngap::Cause::misc(value.to_wire()?),
        })
    }
}

enumerated! {
    /// Radio network layer causes.
    CauseRadioNetwork = CauseRadioNetwork {
        /// Unspecified.
        Unspecified = unspecified,
        /// Txnrelocoverall expiry.
        TxnRelocOverallExpiry = txnrelocoverall_expiry,
        /// Successful handover.
        SuccessfulHandover = successful_handover,
        /// Release due to ngran generated reason.
        ReleaseDueToNgranGeneratedReason = release_due_to_ngran_generated_reason,
        /// Release due to 5gc generated reason.
        ReleaseDueTo5gcGeneratedReason = release_due_to_5gc_generated_reason,
        /// Handover cancelled.
        HandoverCancelled = handover_cancelled,
        /// Partial handover.
        PartialHandover = partial_handover,
        /// Ho failure in target 5GC ngran node or target system.
        HoFailureInTarget5GcNgranNodeOrTargetSystem = ho_failure_in_target_5GC_ngran_node_or_target_system,
        /// Ho target not allowed.
        HoTargetNotAllowed = ho_target_not_allowed,
        /// Tngrelocoverall expiry.
        TngRelocOverallExpiry = tngrelocoverall_expiry,
        /// Tngrelocprep expiry.
        TngRelocPrepExpiry = tngrelocprep_expiry,
        /// Cell not available.
        CellNotAvailable = cell_not_available,
        /// Unknown targetID.
        UnknownTargetId = unknown_targetID,
        /// No radio resources available in target cell.
        NoRadioResourcesAvailableInTargetCell = no_radio_resources_available_in_target_cell,
        /// Unknown local UE NGAP ID.
        UnknownLocalUeNgapId = unknown_local_UE_NGAP_ID,
        /// Inconsistent remote UE NGAP ID.
        InconsistentRemoteUeNgapId = inconsistent_remote_UE_NGAP_ID,
        /// Handover desirable for radio reason.
        HandoverDesirableForRadioReason = handover_desirable_for_radio_reason,
        /// Time critical handover.
        TimeCriticalHandover = time_critical_handover,
        /// Resource optimisation handover.
        ResourceOptimisationHandover = resource_optimisation_handover,
        /// Reduce load in serving cell.
        ReduceLoadInServingCell = reduce_load_in_serving_cell,
        /// User inactivity.
        UserInactivity = user_inactivity,
        /// Radio connection with ue lost.
        RadioConnectionWithUeLost = radio_connection_with_ue_lost,
        /// Radio resources not available.
        RadioResourcesNotAvailable = radio_resources_not_available,
        /// Invalid qos combination.
        InvalidQosCombination = invalid_qos_combination,
        /// Failure in radio interface procedure.
        FailureInRadioInterfaceProcedure = failure_in_radio_interface_procedure,
        /// Interaction with other procedure.
        InteractionWithOtherProcedure = interaction_with_other_procedure,
        /// Unknown PDU session ID.
        UnknownPduSessionId = unknown_PDU_session_ID,
        /// Unknown qos flow ID.
        UnknownQosFlowId = unkown_qos_flow_ID,
        /// Multiple PDU session ID instances.
        MultiplePduSessionIdInstances = multiple_PDU_session_ID_instances,
        /// Multiple qos flow ID instances.
        MultipleQosFlowIdInstances = multiple_qos_flow_ID_instances,
        /// Encryption and or integrity protection algorithms not supported.
        EncryptionAndOrIntegrityProtectionAlgorithmsNotSupported = encryption_and_or_integrity_protection_algorithms_not_supported,
        /// Ng intra system handover triggered.
        NgIntraSystemHandoverTriggered = ng_intra_system_handover_triggered,
        /// Ng inter system handover triggered.
        NgInterSystemHandoverTriggered = ng_inter_system_handover_triggered,
        /// Xn handover triggered.
        XnHandoverTriggered = xn_handover_triggered,
        /// Not supported 5QI value.
        NotSupported5QiValue = not_supported_5QI_value,
        /// Ue context transfer.
        UeContextTransfer = ue_context_transfer,
        /// Ims voice eps fallback or rat fallback triggered.
        ImsVoiceEpsFallbackOrRatFallbackTriggered = ims_voice_eps_fallback_or_rat_fallback_triggered,
        /// Up integrity protection not possible.
        UpIntegrityProtectionNotPossible = up_integrity_protection_not_possible,
        /// Up confidentiality protection not possible.
        UpConfidentialityProtectionNotPossible = up_confidentiality_protection_not_possible,
        /// Slice not supported.
        SliceNotSupported = slice_not_supported,
        /// Ue in rrc inactive state not reachable.
        UeInRrcInactiveStateNotReachable = ue_in_rrc_inactive_state_not_reachable,
        /// Redirection.
        Redirection = redirection,
        /// Resources not available for the slice.
        ResourcesNotAvailableForTheSlice = resources_not_available_for_the_slice,
        /// Ue max integrity protected data rate reason.
        UeMaxIntegrityProtectedDataRateReason = ue_max_integrity_protected_data_rate_reason,
        /// Release due to cn detected mobility.
        ReleaseDueToCnDetectedMobility = release_due_to_cn_detected_mobility,
        /// N26 interface not available.
        N26InterfaceNotAvailable = n26_interface_not_available,
        /// Release due to pre emption.
        ReleaseDueToPreEmption = release_due_to_pre_emption,
        /// Multiple location reporting reference ID instances.
        MultipleLocationReportingReferenceIdInstances = multiple_location_reporting_reference_ID_instances,
        /// Rsn not available for the up.
        RsnNotAvailableForTheUp = rsn_not_available_for_the_up,
        /// Npn access denied.
        NpnAccessDenied = npn_access_denied,
        /// Cag only access denied.
        CagOnlyAccessDenied = cag_only_access_denied,
        /// Insufficient ue capabilities.
        InsufficientUeCapabilities = insufficient_ue_capabilities,
        /// Redcap ue not supported.
        RedcapUeNotSupported = redcap_ue_not_supported,
        /// Unknown MBS Session ID.
        UnknownMbsSessionId = unknown_MBS_Session_ID,
        /// Indicated MBS session area information not served by the gNB.
        IndicatedMbsSessionAreaInformationNotServedByTheGnb = indicated_MBS_session_area_information_not_served_by_the_gNB,
        /// Inconsistent slice info for the session.
        InconsistentSliceInfoForTheSession = inconsistent_slice_info_for_the_session,
        /// Misaligned association for multicast unicast.
        MisalignedAssociationForMulticastUnicast = misaligned_association_for_multicast_unicast,
        /// Eredcap ue not supported.
        EredcapUeNotSupported = eredcap_ue_not_supported,
        /// Two rx xr ue not supported.
        TwoRxXrUeNotSupported = two_rx_xr_ue_not_supported,
        /// Aerial ue flight information reporting initiation failure.
        AerialUeFlightInformationReportingInitiationFailure = aerial_ue_flight_information_reporting_initiation_failure,
        /// Unknown RAN AIoT Device NGAP ID.
        UnknownRanAioTDeviceNgapId = unknown_RAN_AIoT_Device_NGAP_ID,
        /// Requested AIoT service area information not served by the gNB.
        RequestedAioTServiceAreaInformationNotServedByTheGnb = requested_AIoT_service_area_information_not_served_by_the_gNB,
        /// Unknown AIoT session.
        UnknownAioTSession = unknown_AIoT_session,
        /// Aiot device not reachable.
        AiotDeviceNotReachable = aiot_device_not_reachable,
        /// Multiple AIoT session ID instances.
        MultipleAioTSessionIdInstances = multiple_AIoT_session_ID_instances,
    }
}

enumerated! {
    /// Transport layer causes.
    CauseTransport = CauseTransport {
        /// Transport resource unavailable.
        TransportResourceUnavailable = transport_resource_unavailable,
        /// Unspecified.
        Unspecified = unspecified,
    }
}

enumerated! {
    /// NAS causes.
    CauseNas = CauseNas {
        /// Normal release.
        NormalRelease = normal_release,
        /// Authentication failure.
        AuthenticationFailure = authentication_failure,
        /// Deregister.
        Deregister = deregister,
        /// Unspecified.
        Unspecified = unspecified,
        /// UE not in PLMN serving area.
        UeNotInPlmnServingArea = uE_not_in_PLMN_serving_area,
        /// Mobile IAB not authorized.
        MobileIabNotAuthorized = mobile_IAB_not_authorized,
        /// IAB not authorized.
        IabNotAuthorized = iAB_not_authorized,
        /// No aiot NAS response.
        NoAiotNasResponse = no_aiot_NAS_response,
    }
}

enumerated! {
    /// Protocol causes (clause 10).
    CauseProtocol = CauseProtocol {
        /// Transfer syntax error.
        TransferSyntaxError = transfer_syntax_error,
        /// Abstract syntax error reject.
        AbstractSyntaxErrorReject = abstract_syntax_error_reject,
        /// Abstract syntax error ignore and notify.
        AbstractSyntaxErrorIgnoreAndNotify = abstract_syntax_error_ignore_and_notify,
        /// Message not compatible with receiver state.
        MessageNotCompatibleWithReceiverState = message_not_compatible_with_receiver_state,
        /// Semantic error.
        SemanticError = semantic_error,
        /// Abstract syntax error falsely constructed message.
        AbstractSyntaxErrorFalselyConstructedMessage = abstract_syntax_error_falsely_constructed_message,
        /// Unspecified.
        Unspecified = unspecified,
    }
}

enumerated! {
    /// Miscellaneous causes.
    CauseMisc = CauseMisc {
        /// Control processing overload.
        ControlProcessingOverload = control_processing_overload,
        /// Not enough user plane processing resources.
        NotEnoughUserPlaneProcessingResources = not_enough_user_plane_processing_resources,
        /// Hardware failure.
        HardwareFailure = hardware_failure,
        /// Om intervention.
        OmIntervention = om_intervention,
        /// Unknown PLMN or SNPN.
        UnknownPlmnOrSnpn = unknown_PLMN_or_SNPN,
        /// Unspecified.
        Unspecified = unspecified,
    }
}
