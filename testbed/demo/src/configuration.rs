//! The core's configuration in the demo: the defaults, with N2 and N3 on the demo's network.

use std::net::Ipv4Addr;

/// The public halves of the home network keys that the core has by default, TS 33.501 annex C.4's, with their identifiers.
pub(crate) const PROFILE_A: &str = "1:5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650";
pub(crate) const PROFILE_B: &str = "2:0272da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1";

/// The second data network, and what the subscription allows a session there, Mbit/s each way.
pub(crate) const SECOND: &str = "ims";
pub(crate) const SECOND_AMBR: u32 = 50;
/// Its service data flows. Those before the last are dropped; the last is the application of the demo's datagrams.
const FLOWS: u16 = 100;
const APPLICATION: &str = "measured";

/// The configuration file's text.
pub(crate) fn yaml(address: Ipv4Addr) -> String {
    format!(
        "network:\n  \
           dnns:\n  \
           - {{name: internet, ipv4: 10.45.0.0/16, ipv6: \"fd00:10:45::/48\"}}\n  \
           - {{name: {SECOND}, ipv4: 10.46.0.0/16, rules: [{}]}}\n  \
           applications: [{{name: {APPLICATION}, flows: [\"permit out 17 from any {} to any\"]}}]\n\
         amf: {{n2: {{listen: [\"{address}:38412\"]}}}}\n\
         upf: {{n3: {{listen: \"{address}:2152\"}}}}\n\
         logging: {{level: warn}}\n",
        rules(),
        crate::transfer::PORT
    )
}

fn rules() -> String {
    let dropped = |number| format!("{{flow: \"permit out 17 from any {} to assigned\", action: drop}}", 6000 + number);
    let passed = [format!("{{application: {APPLICATION}}}")];
    let rules: Vec<String> = (1..FLOWS).map(dropped).chain(passed).collect();
    rules.join(", ")
}

/// The subscribed slices: the first data network as usual, the second with its rate.
pub(crate) fn slices() -> String {
    format!(
        r#"[{{"sst":1,"dnns":[{{"dnn":"internet"}},{{"dnn":"{SECOND}","sessionAmbr":{{"uplink":"{SECOND_AMBR} Mbps","downlink":"{SECOND_AMBR} Mbps"}}}}]}}]"#
    )
}
