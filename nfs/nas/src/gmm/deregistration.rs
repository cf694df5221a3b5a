//! De-registration from either side (TS 24.501 8.2.12 to 8.2.15).

use crate::GmmCause;
use crate::ie::{DeregistrationType, GprsTimer2, MobileIdentity, NgKsi, RejectedNssai};
use crate::message::message;

message! {
    /// DEREGISTRATION REQUEST, UE originating (8.2.12).
    DeregistrationRequestUeOriginating = 0x45 in NasDeregistrationRequestUeOriginating {
        mandatory {
            /// Normal or switched off, and the access.
            deregistration_type: DeregistrationType = de_registration_type,
            /// The key set in use.
            ng_ksi: NgKsi = ngksi,
            /// 5G-GUTI or SUCI.
            identity: MobileIdentity = fgs_mobile_identity,
        }
        optional {}
    }
}

message! {
    /// DEREGISTRATION ACCEPT, UE originating (8.2.13).
    DeregistrationAcceptUeOriginating = 0x46 in NasDeregistrationAcceptUeOriginating {
        mandatory {}
        optional {}
    }
}

message! {
    /// DEREGISTRATION REQUEST, UE terminated (8.2.14).
    DeregistrationRequestUeTerminated = 0x47 in NasDeregistrationRequestUeTerminated {
        mandatory {
            /// Whether to register again, and the access.
            deregistration_type: DeregistrationType = de_registration_type,
        }
        optional {
            /// Why.
            cause: GmmCause = fgmm_cause,
            /// Back-off time.
            t3346: GprsTimer2 = t3346_value,
            /// Slices refused.
            rejected_nssai: RejectedNssai = rejected_nssai,
        }
    }
}

message! {
    /// DEREGISTRATION ACCEPT, UE terminated (8.2.15).
    DeregistrationAcceptUeTerminated = 0x48 in NasDeregistrationAcceptUeTerminated {
        mandatory {}
        optional {}
    }
}
