//! Registration (TS 24.501 8.2.6 to 8.2.9).

use crate::GmmCause;
use crate::ie::{
    GprsTimer2, GprsTimer3, Guti, MobileIdentity, NetworkFeatureSupport, NgKsi, Nssai, PduSessionCauses, PduSessions,
    RegistrationResult, RegistrationType, RejectedNssai, Tai, TaiList, UeSecurityCapability,
};
use crate::message::message;

message! {
    /// REGISTRATION REQUEST (8.2.6).
    RegistrationRequest = 0x41 in NasRegistrationRequest {
        mandatory {
            /// What kind of registration, and whether a request follows.
            registration_type: RegistrationType = fgs_registration_type,
            /// The key set the UE would use.
            ng_ksi: NgKsi = ngksi,
            /// SUCI, 5G-GUTI or, in an emergency, IMEI.
            identity: MobileIdentity = fgs_mobile_identity,
        }
        optional {
            /// The UE's other native key set.
            non_current_ng_ksi: NgKsi = non_current_native_nas_key_set_identifier,
            /// 5GMM capability, its octets.
            gmm_capability: Vec<u8> = fgmm_capability,
            /// The UE's algorithms.
            security_capability: UeSecurityCapability = ue_security_capability,
            /// The slices the UE asks for.
            requested_nssai: Nssai = requested_nssai,
            /// Where the UE was registered last.
            last_visited_tai: Tai = last_visited_registered_tai,
            /// S1 UE network capability, its octets.
            s1_network_capability: Vec<u8> = s1_ue_network_capability,
            /// Sessions with uplink data waiting.
            uplink_data_status: PduSessions = uplink_data_status,
            /// Sessions active in the UE.
            pdu_session_status: PduSessions = pdu_session_status,
            /// UE status octet: registered in S1 or N1 mode.
            ue_status: Vec<u8> = ue_status,
            /// A 5G-GUTI of another PLMN.
            additional_guti: MobileIdentity = additional_guti,
            /// Sessions that may move here from non-3GPP access.
            allowed_pdu_session_status: PduSessions = allowed_pdu_session_status,
            /// Voice or data centric, its octet.
            ue_usage_setting: Vec<u8> = ue_usage_setting,
            /// DRX the UE asks for, its octet.
            requested_drx: Vec<u8> = requested_drx_parameters,
            /// 5GS update type octet: SMS over NAS, radio capability update.
            update_type: Vec<u8> = fgs_update_type,
            /// The whole request, where this one holds cleartext elements only.
            nas_message_container: Vec<u8> = nas_message_container,
        }
    }
}

message! {
    /// REGISTRATION ACCEPT (8.2.7).
    RegistrationAccept = 0x42 in NasRegistrationAccept {
        mandatory {
            /// The access, and whether SMS is allowed.
            result: RegistrationResult = fgs_registration_result,
        }
        optional {
            /// A new 5G-GUTI.
            guti: Guti = fg_guti,
            /// The registration area.
            tai_list: TaiList = tai_list,
            /// The slices the UE may use.
            allowed_nssai: Nssai = allowed_nssai,
            /// The slices it asked for and may not use.
            rejected_nssai: RejectedNssai = rejected_nssai,
            /// The slices it may ask for.
            configured_nssai: Nssai = configured_nssai,
            /// What the network offers.
            network_feature_support: NetworkFeatureSupport = fgs_network_feature_support,
            /// Sessions active in the network.
            pdu_session_status: PduSessions = pdu_session_status,
            /// Sessions whose user plane did not come back.
            reactivation_result: PduSessions = pdu_session_reactivation_result,
            /// And why.
            reactivation_error_causes: PduSessionCauses = pdu_session_reactivation_result_error_cause,
            /// Time between periodic updates.
            t3512: GprsTimer3 = t3512_value,
            /// Time to wait after a failed attempt.
            t3502: GprsTimer2 = t3502_value,
            /// DRX granted, its octet.
            negotiated_drx: Vec<u8> = negotiated_drx_parameters,
        }
    }
}

message! {
    /// REGISTRATION COMPLETE (8.2.8).
    RegistrationComplete = 0x43 in NasRegistrationComplete {
        mandatory {}
        optional {
            /// Steering of roaming acknowledgement.
            sor_container: Vec<u8> = sor_transparent_container,
        }
    }
}

message! {
    /// REGISTRATION REJECT (8.2.9).
    RegistrationReject = 0x44 in NasRegistrationReject {
        mandatory {
            /// Why.
            cause: GmmCause = fgmm_cause,
        }
        optional {
            /// Back-off time of a congested network.
            t3346: GprsTimer2 = t3346_value,
            /// Time to wait after the attempts are used up.
            t3502: GprsTimer2 = t3502_value,
            /// The slices refused.
            rejected_nssai: RejectedNssai = rejected_nssai,
        }
    }
}
