//! NAS transport (TS 24.501 8.2.10, 8.2.11).

use crate::GmmCause;
use crate::ie::{Dnn, GprsTimer3, PayloadContainerType, RequestType, SNssai};
use crate::message::message;

message! {
    /// UL NAS TRANSPORT (8.2.10).
    UlNasTransport = 0x67 in NasUlNasTransport {
        mandatory {
            /// What is carried.
            payload_container_type: PayloadContainerType = payload_container_type,
            /// The payload: for N1 SM information a whole 5GSM message.
            payload_container: Vec<u8> = payload_container,
        }
        optional {
            /// The PDU session, 1 to 15.
            pdu_session_id: u8 = pdu_session_id,
            /// The session this one replaces (SSC mode 3).
            old_pdu_session_id: u8 = old_pdu_session_id,
            /// Initial, existing, modification.
            request_type: RequestType = request_type,
            /// The slice.
            s_nssai: SNssai = s_nssai,
            /// The data network.
            dnn: Dnn = dnn,
            /// Where to send it, for other payloads.
            additional_information: Vec<u8> = additional_information,
        }
    }
}

message! {
    /// DL NAS TRANSPORT (8.2.11).
    DlNasTransport = 0x68 in NasDlNasTransport {
        mandatory {
            /// What is carried.
            payload_container_type: PayloadContainerType = payload_container_type,
            /// The payload: for N1 SM information a whole 5GSM message.
            payload_container: Vec<u8> = payload_container,
        }
        optional {
            /// The PDU session, 1 to 15.
            pdu_session_id: u8 = pdu_session_id,
            /// Where it came from, for other payloads.
            additional_information: Vec<u8> = additional_information,
            /// Why the UE's payload came back.
            cause: GmmCause = fgmm_cause,
            /// Not to be tried again before this.
            back_off_timer: GprsTimer3 = back_off_timer_value,
        }
    }
}
