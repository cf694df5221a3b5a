//! PDU session release, and 5GSM status (TS 24.501 8.3.12 to 8.3.16).

use crate::GsmCause;
use crate::ie::{EpcoAnswer, EpcoRequest, GprsTimer3};
use crate::message::message;

message! {
    /// PDU SESSION RELEASE REQUEST (8.3.12).
    PduSessionReleaseRequest = 0xd1 in NasPduSessionReleaseRequest {
        mandatory {}
        optional {
            /// Why.
            cause: GsmCause = fgsm_cause,
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION RELEASE REJECT (8.3.13).
    PduSessionReleaseReject = 0xd2 in NasPduSessionReleaseReject {
        mandatory {
            /// Why.
            cause: GsmCause = fgsm_cause,
        }
        optional {
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION RELEASE COMMAND (8.3.14).
    PduSessionReleaseCommand = 0xd3 in NasPduSessionReleaseCommand {
        mandatory {
            /// Why.
            cause: GsmCause = fgsm_cause,
        }
        optional {
            /// Not to be established again before this.
            back_off_timer: GprsTimer3 = back_off_timer_value,
            /// What the UE asked to be configured with.
            epco: EpcoAnswer = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// PDU SESSION RELEASE COMPLETE (8.3.15).
    PduSessionReleaseComplete = 0xd4 in NasPduSessionReleaseComplete {
        mandatory {}
        optional {
            /// Why.
            cause: GsmCause = fgsm_cause,
            /// What the UE asks to be configured with.
            epco: EpcoRequest = extended_protocol_configuration_options,
        }
    }
}

message! {
    /// 5GSM STATUS (8.3.16).
    GsmStatus = 0xd6 in NasFGsmStatus {
        mandatory {
            /// What was wrong.
            cause: GsmCause = fgsm_cause,
        }
        optional {}
    }
}
