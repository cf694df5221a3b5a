//! Identification (TS 24.501 8.2.21, 8.2.22).

use crate::ie::{IdentityType, MobileIdentity};
use crate::message::message;

message! {
    /// IDENTITY REQUEST (8.2.21).
    IdentityRequest = 0x5b in NasIdentityRequest {
        mandatory {
            /// Which identity.
            identity_type: IdentityType = identity_type,
        }
        optional {}
    }
}

message! {
    /// IDENTITY RESPONSE (8.2.22).
    IdentityResponse = 0x5c in NasIdentityResponse {
        mandatory {
            /// The identity.
            identity: MobileIdentity = mobile_identity,
        }
        optional {}
    }
}
