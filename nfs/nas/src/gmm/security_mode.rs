//! Security mode control (TS 24.501 8.2.25 to 8.2.27).

use crate::ie::{AdditionalSecurityInformation, Imeisv, ImeisvRequest, MobileIdentity, NgKsi, UeSecurityCapability};
use crate::message::message;
use crate::{Algorithms, GmmCause};

message! {
    /// SECURITY MODE COMMAND (8.2.25).
    SecurityModeCommand = 0x5d in NasSecurityModeCommand {
        mandatory {
            /// The algorithms from now on.
            algorithms: Algorithms = selected_nas_security_algorithms,
            /// The key set.
            ng_ksi: NgKsi = ngksi,
            /// The UE's capability, the very octets received.
            replayed_security_capability: UeSecurityCapability = replayed_ue_security_capabilities,
        }
        optional {
            /// Asks for the IMEISV.
            imeisv_request: ImeisvRequest = imeisv_request,
            /// Asks for the whole initial message, or says KAMF was derived anew.
            additional_information: AdditionalSecurityInformation = additional_5g_security_information,
            /// ABBA, where KAMF is new.
            abba: Vec<u8> = abba,
        }
    }
}

message! {
    /// SECURITY MODE COMPLETE (8.2.26).
    SecurityModeComplete = 0x5e in NasSecurityModeComplete {
        mandatory {}
        optional {
            /// IMEISV, if asked for.
            imeisv: Imeisv = imeisv,
            /// The whole REGISTRATION REQUEST or SERVICE REQUEST.
            nas_message_container: Vec<u8> = nas_message_container,
            /// A PEI that is no IMEISV.
            non_imeisv_pei: MobileIdentity = non_imeisv_pei,
        }
    }
}

message! {
    /// SECURITY MODE REJECT (8.2.27).
    SecurityModeReject = 0x5f in NasSecurityModeReject {
        mandatory {
            /// Why.
            cause: GmmCause = fgmm_cause,
        }
        optional {}
    }
}
