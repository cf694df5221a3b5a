//! PDU session modification (TS 24.501 8.3.7 to 8.3.11).

use crate::GsmCause;
use crate::ie::{EpcoAnswer, EpcoRequest, GprsTimer3, IntegrityMaximumDataRate, QosFlows, QosRules, SessionAmbr};
use crate::message::message;

message! {
    /// PDU SESSION MODIFICATION REQUEST (8.3.7).
    PduSessionModificationRequest = 0xc9 in NasPduSessionModificationRequest {
        mandatory {}
        optional {
            /// 5GSM capability, its octets.
            capability: Vec<u8> = fgsm_capability,
            /// Why.
            cause: GsmCause = fgsm_cause,
            /// Whether the session is to be always on.
            always_on_requested: u8 = always_on_pdu_session_requested,
            /// The rate at which the UE can protect user data.
            integrity_maximum_data_rate: IntegrityMaximumDataRate = integrity_protection_maximum_data_rate,
            /// Rules the UE asks for.
            requested_qos_rules: QosRules = requested_qos_rules,
            /// Flows the UE asks for.
            requested_qos_flows: QosFlows = requested_qos_flow_descriptions,
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION MODIFICATION REJECT (8.3.8).
    PduSessionModificationReject = 0xca in NasPduSessionModificationReject {
        mandatory {
            /// Why.
            cause: GsmCause = fgsm_cause,
        }
        optional {
            /// Not to be tried again before this.
            back_off_timer: GprsTimer3 = back_off_timer_value,
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION MODIFICATION COMMAND (8.3.9).
    PduSessionModificationCommand = 0xcb in NasPduSessionModificationCommand {
        mandatory {}
        optional {
            /// Why.
            cause: GsmCause = fgsm_cause,
            /// The session's new rate.
            session_ambr: SessionAmbr = session_ambr,
            /// Whether the session is always on.
            always_on: u8 = always_on_pdu_session_indication,
            /// Rules that change.
            qos_rules: QosRules = authorized_qos_rules,
            /// Flows that change.
            qos_flows: QosFlows = authorized_qos_flow_descriptions,
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION MODIFICATION COMPLETE (8.3.10).
    PduSessionModificationComplete = 0xcc in NasPduSessionModificationComplete {
        mandatory {}
        optional {
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION MODIFICATION COMMAND REJECT (8.3.11).
    PduSessionModificationCommandReject = 0xcd in NasPduSessionModificationCommandReject {
        mandatory {
            /// Why.
            cause: GsmCause = fgsm_cause,
        }
        optional {
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}
