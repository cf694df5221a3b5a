//! Authentication (TS 24.501 8.2.1 to 8.2.5).

use crate::GmmCause;
use crate::ie::NgKsi;
use crate::message::message;

message! {
    /// AUTHENTICATION REQUEST (8.2.1).
    AuthenticationRequest = 0x56 in NasAuthenticationRequest {
        mandatory {
            /// The key set this authentication makes.
            ng_ksi: NgKsi = ngksi,
            /// Anti-bidding down between architectures: 0000 in this release.
            abba: Vec<u8> = abba,
        }
        optional {
            /// RAND.
            rand: [u8; 16] = authentication_parameter_rand,
            /// AUTN.
            autn: [u8; 16] = authentication_parameter_autn,
        }
    }
}

message! {
    /// AUTHENTICATION RESPONSE (8.2.2).
    AuthenticationResponse = 0x57 in NasAuthenticationResponse {
        mandatory {}
        optional {
            /// RES*.
            res_star: [u8; 16] = authentication_response_parameter,
        }
    }
}

message! {
    /// AUTHENTICATION REJECT (8.2.5).
    AuthenticationReject = 0x58 in NasAuthenticationReject {
        mandatory {}
        optional {}
    }
}

message! {
    /// AUTHENTICATION FAILURE (8.2.4).
    AuthenticationFailure = 0x59 in NasAuthenticationFailure {
        mandatory {
            /// MAC failure, synch failure, ngKSI in use, or no 5G authentication.
            cause: GmmCause = fgmm_cause,
        }
        optional {
            /// AUTS of a synch failure.
            auts: [u8; 14] = authentication_failure_parameter,
        }
    }
}
