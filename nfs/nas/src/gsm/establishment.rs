//! PDU session establishment (TS 24.501 8.3.1 to 8.3.3).

use crate::GsmCause;
use crate::ie::{
    Dnn, EpcoAnswer, EpcoRequest, GprsTimer3, IntegrityMaximumDataRate, PduAddress, PduSessionType, QosFlows, QosRules,
    SNssai, SessionAmbr, SscMode,
};
use crate::message::message;

message! {
    /// PDU SESSION ESTABLISHMENT REQUEST (8.3.1).
    PduSessionEstablishmentRequest = 0xc1 in NasPduSessionEstablishmentRequest {
        mandatory {
            /// The rate at which the UE can protect user data.
            integrity_maximum_data_rate: IntegrityMaximumDataRate = integrity_protection_maximum_data_rate,
        }
        optional {
            /// IPv4, IPv6, both, ...
            pdu_session_type: PduSessionType = pdu_session_type,
            /// Session and service continuity mode.
            ssc_mode: SscMode = ssc_mode,
            /// 5GSM capability, its octets.
            capability: Vec<u8> = fgsm_capability,
            /// Whether the session is to be always on.
            always_on_requested: u8 = always_on_pdu_session_requested,
            /// For the data network's own authentication.
            dn_request_container: Vec<u8> = sm_pdu_dn_request_container,
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION ESTABLISHMENT ACCEPT (8.3.2).
    PduSessionEstablishmentAccept = 0xc2 in NasPduSessionEstablishmentAccept {
        mandatory {
            /// The type the session has.
            pdu_session_type: PduSessionType = selected_pdu_session_type,
            /// The mode it has.
            ssc_mode: SscMode = selected_ssc_mode,
            /// Which packets go to which flow.
            qos_rules: QosRules = authorized_qos_rules,
            /// The session's rate.
            session_ambr: SessionAmbr = session_ambr,
        }
        optional {
            /// Why the type is not the one asked for (50, 51).
            cause: GsmCause = fgsm_cause,
            /// The UE's address.
            pdu_address: PduAddress = pdu_address,
            /// The slice.
            s_nssai: SNssai = s_nssai,
            /// Whether the session is always on.
            always_on: u8 = always_on_pdu_session_indication,
            /// The flows.
            qos_flows: QosFlows = authorized_qos_flow_descriptions,
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
            /// The data network.
            dnn: Dnn = dnn,
        }
    }
}

message! {
    /// PDU SESSION ESTABLISHMENT REJECT (8.3.3).
    PduSessionEstablishmentReject = 0xc3 in NasPduSessionEstablishmentReject {
        mandatory {
            /// Why.
            cause: GsmCause = fgsm_cause,
        }
        optional {
            /// Not to be tried again before this.
            back_off_timer: GprsTimer3 = back_off_timer_value,
            /// SSC modes that would do, as bits 1 to 3.
            allowed_ssc_mode: u8 = allowed_ssc_mode,
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
        }
    }
}
