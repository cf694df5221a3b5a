//! The core's configuration in the demo: the defaults, with N2 and N3 on the demo's network.

use std::net::Ipv4Addr;

/// The public halves of the home network keys that the core has by default, TS 33.501 annex C.4's, with their identifiers.
pub(crate) const PROFILE_A: &str = "1:5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650";
pub(crate) const PROFILE_B: &str = "2:0272da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1";

/// The configuration file's text.
pub(crate) fn yaml(address: Ipv4Addr) -> String {
    format!(
        "amf: {{n2: {{listen: [\"{address}:38412\"]}}}}\n\
         upf: {{n3: {{listen: \"{address}:2152\"}}}}\n\
         logging: {{level: warn}}\n"
    )
}
