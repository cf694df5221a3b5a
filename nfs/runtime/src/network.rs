//! Section `network`: what the whole core agrees on.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use sbi_models::{AmfId, Dnn, PlmnId, Snssai, Tac};
use serde::{Deserialize, Serialize};

use crate::range::within;
use crate::written;

/// The network as its operator describes it, once for all NFs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The network's name as phones show it.
    pub name: NetworkName,
    /// Identity of the network.
    #[serde(with = "written::plmn")]
    pub plmn: PlmnId,
    /// Identity of the AMF within it.
    #[serde(with = "written::amf_id")]
    pub amf_id: AmfId,
    /// Tracking areas served.
    #[serde(with = "written::tacs")]
    pub tacs: Vec<Tac>,
    /// Slices offered; the first is the default.
    #[serde(with = "written::slices")]
    pub slices: Vec<Snssai>,
    /// Data networks; the first is the default.
    pub dnns: Vec<DataNetwork>,
}

/// The network's name (TS 24.501 9.11.3.35), shown by phones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkName {
    /// In full.
    pub full: String,
    /// For small displays.
    pub short: String,
}

impl Default for NetworkName {
    fn default() -> Self {
        Self { full: "Peregrine".into(), short: "Peregrine".into() }
    }
}

/// A data network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataNetwork {
    /// DNN network identifier, as `internet`.
    pub name: Dnn,
    /// Addresses for UEs; the network's own and the gateway's are left out.
    pub ipv4: Ipv4Net,
    /// The UPF's own address in the data network; without it the first of the pool. See [`DataNetwork::gateway`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// Name servers told to UEs.
    #[serde(default = "default_dns")]
    pub dns: Vec<IpAddr>,
    /// Link MTU told to UEs, octets.
    #[serde(default = "default_mtu", deserialize_with = "within::<_, _, 576, 9000>")]
    pub mtu: u16,
    /// The slice it belongs to; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "written::optional_slice")]
    pub slice: Option<Snssai>,
    /// Service data flows that are treated apart, for all sessions; the first that a packet belongs to counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<FlowRule>,
}

/// How a service data flow is treated (TS 23.501 5.8.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowRule {
    /// An IPFilterRule as seen towards the UE, as `permit out 17 from any 53 to assigned` (TS 29.212 5.4.2); uplink packets are
    /// those of the same flow.
    pub flow: String,
    /// Whether its packets pass.
    #[serde(default)]
    pub action: FlowAction,
    /// Its maximum bit rate; without it, the session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mbr_kbps: Option<FlowRate>,
}

/// Whether the packets of a flow pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowAction {
    /// They do.
    #[default]
    Forward,
    /// They do not.
    Drop,
}

/// Bit rates of a flow, kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowRate {
    /// From the UE.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000_000>")]
    pub uplink: u64,
    /// To the UE.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000_000>")]
    pub downlink: u64,
}

/// Rules of a data network, as many as one PFCP message surely carries.
const MOST_RULES: usize = 200;

impl FlowRule {
    /// Whether it has the form of a flow description; what its words say is the UPF's to check.
    fn is_flow(&self) -> bool {
        let words: Vec<&str> = self.flow.split_ascii_whitespace().collect();
        let at = |word: &str| words.iter().position(|found| *found == word);
        words.starts_with(&["permit", "out"])
            && at("from") == Some(3)
            && at("to").is_some_and(|to| matches!(to, 5 | 6) && matches!(words.len() - to, 2 | 3))
    }
}

fn default_dns() -> Vec<IpAddr> {
    vec![Ipv4Addr::new(8, 8, 8, 8).into(), Ipv4Addr::new(8, 8, 4, 4).into()]
}

fn default_mtu() -> u16 {
    1400
}

impl DataNetwork {
    /// A data network with this pool, all else as by default.
    pub fn new(name: Dnn, ipv4: Ipv4Net) -> Self {
        Self { name, ipv4, gateway: None, dns: default_dns(), mtu: default_mtu(), slice: None, rules: Vec::new() }
    }

    /// The UPF's own address in the data network.
    pub fn gateway(&self) -> Ipv4Addr {
        self.gateway.unwrap_or_else(|| self.ipv4.hosts().next().unwrap_or_else(|| self.ipv4.addr()))
    }

    /// Whether UEs of this slice may use it.
    pub fn serves(&self, slice: Snssai) -> bool {
        self.slice.is_none_or(|own| own == slice)
    }
}

impl Network {
    /// The data network `name` (without regard to case: TS 23.003 9.1).
    pub fn dnn(&self, name: &str) -> Option<&DataNetwork> {
        self.dnns.iter().find(|dnn| dnn.name.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the slice is offered.
    pub fn offers(&self, slice: Snssai) -> bool {
        self.slices.contains(&slice)
    }

    /// Finds what no single value shows to be wrong.
    ///
    /// # Errors
    /// The path of the key, and what is wrong there.
    pub fn check(&self) -> Result<(), (String, String)> {
        let counts = [("tacs", self.tacs.len(), 16), ("slices", self.slices.len(), 8), ("dnns", self.dnns.len(), 64)];
        for (key, count, most) in counts {
            if !(1..=most).contains(&count) {
                return Err((
                    format!("network.{key}"),
                    format!("the list has {count} entries: allowed are 1 to {most}"),
                ));
            }
        }
        for (index, dnn) in self.dnns.iter().enumerate() {
            let earlier = self.dnns.get(..index).unwrap_or_default();
            self.check_dnn(dnn, earlier).map_err(|(key, why)| (format!("network.dnns[{index}].{key}"), why))?;
        }
        Ok(())
    }

    fn check_dnn(&self, dnn: &DataNetwork, earlier: &[DataNetwork]) -> Result<(), (&'static str, String)> {
        if !(8..=30).contains(&dnn.ipv4.prefix_len()) {
            return Err(("ipv4", format!("{}: a prefix of /8 to /30 is needed", dnn.ipv4)));
        }
        if let Some(gateway) = dnn.gateway.filter(|gateway| !dnn.ipv4.contains(gateway)) {
            return Err(("gateway", format!("{gateway} is not in the pool {}", dnn.ipv4)));
        }
        if let Some(slice) = dnn.slice.filter(|slice| !self.offers(*slice)) {
            return Err(("slice", format!("slice {slice} is not among network.slices")));
        }
        if dnn.rules.len() > MOST_RULES {
            return Err(("rules", format!("the list has {} entries: allowed are 0 to {MOST_RULES}", dnn.rules.len())));
        }
        if let Some(rule) = dnn.rules.iter().find(|rule| !rule.is_flow()) {
            let form = "'permit out PROTOCOL from ADDRESS [PORTS] to ADDRESS [PORTS]'";
            return Err(("rules", format!("'{}' is no flow: write {form}", rule.flow)));
        }
        if earlier.iter().any(|other| other.name.as_str().eq_ignore_ascii_case(dnn.name.as_str())) {
            return Err(("name", format!("'{}' stands here twice", dnn.name)));
        }
        let overlaps = |other: &&DataNetwork| other.ipv4.contains(&dnn.ipv4) || dnn.ipv4.contains(&other.ipv4);
        match earlier.iter().find(overlaps) {
            Some(other) => {
                Err(("ipv4", format!("{} overlaps with the pool of {} ({})", dnn.ipv4, other.name, other.ipv4)))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::network;

    #[test]
    fn the_gateway_is_the_pools_first_address_unless_given() {
        assert_eq!(network().dnns[0].gateway(), Ipv4Addr::new(10, 45, 0, 1));
    }

    #[test]
    fn flows_have_the_form_of_flow_descriptions() {
        let mut network = network();
        let mut check = |flow: &str| {
            let rule = FlowRule { flow: flow.into(), action: FlowAction::Drop, mbr_kbps: None };
            network.dnns[0].rules = vec![rule];
            network.check()
        };
        for flow in
            ["permit out ip from any to assigned", "permit out 6 from 192.0.2.0/24 80,443 to assigned 1024-65535"]
        {
            assert_eq!(check(flow), Ok(()));
        }
        for flow in
            ["", "permit out", "deny out ip from any to any", "permit out ip from to any", "permit out ip from any to"]
        {
            let (key, why) = check(flow).expect_err(flow);
            assert!(key == "network.dnns[0].rules" && why.contains("is no flow"), "{key}: {why}");
        }
        let rule = FlowRule { flow: "permit out ip from any to any".into(), action: FlowAction::Drop, mbr_kbps: None };
        network.dnns[0].rules = vec![rule; 201];
        assert!(network.check().expect_err("too many").1.contains("0 to 200"));
    }

    #[test]
    fn pools_that_overlap_and_gateways_outside_are_refused() {
        let mut network = network();
        assert_eq!(network.check(), Ok(()));
        network.dnns[1].ipv4 = "10.45.128.0/17".parse().expect("a prefix");
        assert!(network.check().expect_err("they overlap").1.contains("overlaps"));
        network.dnns.truncate(1);
        network.dnns[0].gateway = Some(Ipv4Addr::new(192, 0, 2, 1));
        assert!(network.check().expect_err("outside").1.contains("not in the pool"));
        network.dnns.clear();
        assert_eq!(network.check().expect_err("none left").0, "network.dnns");
    }
}
