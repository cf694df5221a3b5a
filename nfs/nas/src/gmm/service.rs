//! Service request (TS 24.501 8.2.16 to 8.2.18).

use crate::GmmCause;
use crate::ie::{GprsTimer2, NgKsi, PduSessionCauses, PduSessions, STmsi, ServiceType};
use crate::message::message;

message! {
    /// SERVICE REQUEST (8.2.16).
    ServiceRequest = 0x4c in NasServiceRequest {
        mandatory {
            /// The key set in use.
            ng_ksi: NgKsi = ngksi,
            /// What the service is for.
            service_type: ServiceType = service_type,
            /// Who asks.
            s_tmsi: STmsi = fg_s_tmsi,
        }
        optional {
            /// Sessions with uplink data waiting.
            uplink_data_status: PduSessions = uplink_data_status,
            /// Sessions active in the UE.
            pdu_session_status: PduSessions = pdu_session_status,
            /// Sessions that may move here from non-3GPP access.
            allowed_pdu_session_status: PduSessions = allowed_pdu_session_status,
            /// The whole request, ciphered.
            nas_message_container: Vec<u8> = nas_message_container,
        }
    }
}

message! {
    /// SERVICE ACCEPT (8.2.17).
    ServiceAccept = 0x4e in NasServiceAccept {
        mandatory {}
        optional {
            /// Sessions active in the network.
            pdu_session_status: PduSessions = pdu_session_status,
            /// Sessions whose user plane did not come back.
            reactivation_result: PduSessions = pdu_session_reactivation_result,
            /// And why.
            reactivation_error_causes: PduSessionCauses = pdu_session_reactivation_result_error_cause,
        }
    }
}

message! {
    /// SERVICE REJECT (8.2.18).
    ServiceReject = 0x4d in NasServiceReject {
        mandatory {
            /// Why.
            cause: GmmCause = fgmm_cause,
        }
        optional {
            /// Sessions active in the network.
            pdu_session_status: PduSessions = pdu_session_status,
            /// Back-off time.
            t3346: GprsTimer2 = t3346_value,
        }
    }
}
