//! 5GMM status and notification (TS 24.501 8.2.23, 8.2.24, 8.2.29).

use crate::GmmCause;
use crate::ie::{AccessType, PduSessions};
use crate::message::message;

message! {
    /// 5GMM STATUS (8.2.29).
    GmmStatus = 0x64 in NasFGmmStatus {
        mandatory {
            /// What was wrong.
            cause: GmmCause = fgmm_cause,
        }
        optional {}
    }
}

message! {
    /// NOTIFICATION (8.2.23).
    Notification = 0x65 in NasNotification {
        mandatory {
            /// The access to be notified of.
            access_type: AccessType = access_type,
        }
        optional {}
    }
}

message! {
    /// NOTIFICATION RESPONSE (8.2.24).
    NotificationResponse = 0x66 in NasNotificationResponse {
        mandatory {}
        optional {
            /// Sessions active in the UE.
            pdu_session_status: PduSessions = pdu_session_status,
        }
    }
}
