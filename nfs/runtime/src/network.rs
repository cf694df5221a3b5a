//! Section `network`: what the whole core agrees on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
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
    /// Applications that the rules of data networks can name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Application>,
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
    /// Addresses for UEs; the network's own and the gateway's are left out. Without it there are no IPv4 sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Net>,
    /// Prefix that each IPv6 session gets a /64 of; the first /64 is the gateway's. Without it there are no IPv6 sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Net>,
    /// The UPF's own IPv4 address in the data network; without it the first of the pool. See [`DataNetwork::gateway`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// Networks beyond the pools that lie behind UEs too: addresses that subscriptions fix, and hosts behind UEs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<IpNet>,
    /// Name servers told to UEs.
    #[serde(default = "default_dns")]
    pub dns: Vec<IpAddr>,
    /// Link MTU told to UEs, octets.
    #[serde(default = "default_mtu", deserialize_with = "within::<_, _, 576, 9000>")]
    pub mtu: u16,
    /// The slice it belongs to; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "written::optional_slice")]
    pub slice: Option<Snssai>,
    /// Ethernet PDU sessions. Without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethernet: Option<EthernetSessions>,
    /// Unstructured PDU sessions. Without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstructured: Option<UnstructuredSessions>,
    /// Service data flows that are treated apart, for all sessions; the first that a packet belongs to counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<FlowRule>,
}

/// Ethernet PDU sessions of a data network (TS 23.501 5.6.10.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EthernetSessions {
    /// Name of the TAP device by which the UPF has them on N6, up to 15 characters.
    pub tap: String,
}

/// Unstructured PDU sessions of a data network (TS 23.501 5.6.10.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnstructuredSessions {
    /// What is at the other end of the UDP tunnel that each has on N6. The session's end is an address of the data network's pool,
    /// with the same port.
    pub peer: SocketAddr,
}

/// How a service data flow is treated (TS 23.501 5.8.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowRule {
    /// An IPFilterRule as seen towards the UE, as `permit out 17 from any 53 to assigned` (TS 29.212 5.4.2); uplink packets are
    /// those of the same flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// An application of the network's, in place of a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Whether its packets pass.
    #[serde(default)]
    pub action: FlowAction,
    /// Its maximum bit rate; without it, the session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mbr_kbps: Option<FlowRate>,
}

/// An application that rules can name: the UPFs are told by which flows its packets are known (PFDs, TS 29.244 6.2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// What it is called, on N4 too.
    pub name: String,
    /// Its flows, by protocol, and address and port of the server: `permit out 6 from 192.0.2.7 443 to any`.
    pub flows: Vec<String>,
}

/// Applications of the network.
const MOST_APPLICATIONS: usize = 256;

/// Octets of an application's name.
const LONGEST_NAME: usize = 64;

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

/// Whether a text has the form of a flow description; what its words say is the UPF's to check.
fn is_flow(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let at = |word: &str| words.iter().position(|found| *found == word);
    words.starts_with(&["permit", "out"])
        && at("from") == Some(3)
        && at("to").is_some_and(|to| matches!(to, 5 | 6) && matches!(words.len() - to, 2 | 3))
}

fn no_flow(text: &str) -> String {
    format!("'{text}' is no flow: write 'permit out PROTOCOL from ADDRESS [PORTS] to ADDRESS [PORTS]'")
}

fn default_dns() -> Vec<IpAddr> {
    let ipv6 = |last| Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, last).into();
    vec![Ipv4Addr::new(8, 8, 8, 8).into(), Ipv4Addr::new(8, 8, 4, 4).into(), ipv6(0x8888), ipv6(0x8844)]
}

fn default_mtu() -> u16 {
    1400
}

impl DataNetwork {
    /// A data network with these pools, all else as by default.
    pub fn new(name: Dnn, ipv4: Option<Ipv4Net>, ipv6: Option<Ipv6Net>) -> Self {
        let (dns, mtu) = (default_dns(), default_mtu());
        let (ethernet, unstructured) = (None, None);
        let (gateway, routes, slice, rules) = (None, Vec::new(), None, Vec::new());
        Self { name, ipv4, ipv6, gateway, routes, dns, mtu, slice, ethernet, unstructured, rules }
    }

    /// The UPF's own IPv4 address in the data network, where that has IPv4.
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        let pool = self.ipv4?;
        Some(self.gateway.unwrap_or_else(|| pool.hosts().next().unwrap_or_else(|| pool.addr())))
    }

    /// The UPF's own IPv6 address in the data network, where that has IPv6: the first of the prefix behind its own.
    pub fn gateway_ipv6(&self) -> Option<Ipv6Addr> {
        self.ipv6.map(|prefix| Ipv6Addr::from_bits(prefix.network().to_bits() | 1))
    }

    fn pools(&self) -> impl Iterator<Item = IpNet> {
        self.ipv4.map(IpNet::from).into_iter().chain(self.ipv6.map(IpNet::from))
    }

    /// All networks whose addresses lie behind UEs.
    fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.pools().chain(self.routes.iter().copied())
    }

    fn check_routes(&self) -> Result<(), String> {
        if self.routes.len() > MOST_ROUTES {
            return Err(format!("the list has {} entries: allowed are 0 to {MOST_ROUTES}", self.routes.len()));
        }
        for (place, network) in self.routes.iter().enumerate() {
            if network.trunc() != *network || network.prefix_len() == 0 {
                return Err(format!("{network} is no network: {} is meant?", network.trunc()));
            }
            if !self.pools().any(|pool| pool.addr().is_ipv4() == network.addr().is_ipv4()) {
                return Err(format!("{network} needs a pool of its version: its gateway is that of the pool"));
            }
            let mut others = self.pools().chain(self.routes.iter().take(place).copied());
            if let Some(other) = others.find(|other| overlap(other, network)) {
                return Err(format!("{network} overlaps with {other}"));
            }
        }
        Ok(())
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

    /// Whether addresses of a network are those that UEs are given.
    pub fn has_ues_in(&self, network: &IpNet) -> bool {
        self.dnns.iter().any(|dnn| dnn.pools().any(|pool| overlap(&pool, network)))
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
        self.check_applications()?;
        for (index, dnn) in self.dnns.iter().enumerate() {
            let earlier = self.dnns.get(..index).unwrap_or_default();
            self.check_dnn(dnn, earlier).map_err(|(key, why)| (format!("network.dnns[{index}].{key}"), why))?;
        }
        Ok(())
    }

    fn check_applications(&self) -> Result<(), (String, String)> {
        let count = self.applications.len();
        if count > MOST_APPLICATIONS {
            let why = format!("the list has {count} entries: allowed are 0 to {MOST_APPLICATIONS}");
            return Err(("network.applications".into(), why));
        }
        for (index, application) in self.applications.iter().enumerate() {
            let at = |key: &str, why: String| Err((format!("network.applications[{index}].{key}"), why));
            let Application { name, flows } = application;
            let mut earlier = self.applications.iter().take(index);
            if earlier.any(|other| other.name == *name) {
                return at("name", format!("'{name}' stands here twice"));
            }
            if name.is_empty() || name.len() > LONGEST_NAME {
                return at("name", format!("'{name}' is no name: 1 to {LONGEST_NAME} octets"));
            }
            if !(1..=MOST_RULES).contains(&flows.len()) {
                return at("flows", format!("the list has {} entries: allowed are 1 to {MOST_RULES}", flows.len()));
            }
            if let Some(flow) = flows.iter().find(|flow| !is_flow(flow)) {
                return at("flows", no_flow(flow));
            }
        }
        Ok(())
    }

    fn check_rule(&self, rule: &FlowRule) -> Result<(), String> {
        match (&rule.flow, &rule.application) {
            (Some(flow), None) if is_flow(flow) => Ok(()),
            (Some(flow), None) => Err(no_flow(flow)),
            (None, Some(name)) if self.applications.iter().any(|known| known.name == *name) => Ok(()),
            (None, Some(name)) => Err(format!("'{name}' is not among network.applications")),
            (None, None) | (Some(_), Some(_)) => Err("a rule has either a flow or an application".into()),
        }
    }

    fn check_dnn(&self, dnn: &DataNetwork, earlier: &[DataNetwork]) -> Result<(), (&'static str, String)> {
        check_pools(dnn)?;
        check_other_sessions(dnn)?;
        let taps = earlier.iter().filter_map(|other| Some((&other.name, &other.ethernet.as_ref()?.tap)));
        if let Some((name, tap)) =
            taps.clone().find(|(_, tap)| dnn.ethernet.as_ref().is_some_and(|own| own.tap == **tap))
        {
            return Err(("ethernet", format!("the device '{tap}' is that of {name}")));
        }
        if let Some(slice) = dnn.slice.filter(|slice| !self.offers(*slice)) {
            return Err(("slice", format!("slice {slice} is not among network.slices")));
        }
        if dnn.rules.len() > MOST_RULES {
            return Err(("rules", format!("the list has {} entries: allowed are 0 to {MOST_RULES}", dnn.rules.len())));
        }
        dnn.rules.iter().try_for_each(|rule| self.check_rule(rule)).map_err(|why| ("rules", why))?;
        if earlier.iter().any(|other| other.name.as_str().eq_ignore_ascii_case(dnn.name.as_str())) {
            return Err(("name", format!("'{}' stands here twice", dnn.name)));
        }
        dnn.check_routes().map_err(|why| ("routes", why))?;
        let others = earlier.iter().flat_map(|other| other.networks().map(move |network| (&other.name, network)));
        for (name, other) in others {
            if let Some(network) = dnn.networks().find(|network| overlap(network, &other)) {
                let key = match network {
                    _ if dnn.routes.contains(&network) => "routes",
                    IpNet::V4(_) => "ipv4",
                    IpNet::V6(_) => "ipv6",
                };
                return Err((key, format!("{network} overlaps with a network of {name} ({other})")));
            }
        }
        Ok(())
    }
}

/// Networks of a data network beyond its pools: AF_XDP and DPDK look at each for every packet.
const MOST_ROUTES: usize = 8;

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// The least MTU that a link of IPv6 has (RFC 8200 5).
const LEAST_IPV6_MTU: u16 = 1280;

fn check_other_sessions(dnn: &DataNetwork) -> Result<(), (&'static str, String)> {
    let is_name = |name: &str| (1..=15).contains(&name.len()) && !name.contains(['/', ' ']);
    if let Some(EthernetSessions { tap }) = dnn.ethernet.as_ref().filter(|ethernet| !is_name(&ethernet.tap)) {
        return Err(("ethernet", format!("'{tap}' is no name of an interface: 1 to 15 characters")));
    }
    let Some(UnstructuredSessions { peer }) = dnn.unstructured else { return Ok(()) };
    let pool = if peer.is_ipv4() { dnn.ipv4.map(IpNet::from) } else { dnn.ipv6.map(IpNet::from) };
    match pool {
        None => {
            Err(("unstructured", format!("the sessions' end of the tunnel to {peer} needs a pool of its IP version")))
        }
        Some(pool) if pool.contains(&peer.ip()) => {
            Err(("unstructured", format!("{peer} is in the UEs' own pool {pool}")))
        }
        Some(_) if peer.port() == 0 || peer.ip().is_unspecified() || peer.ip().is_multicast() => {
            Err(("unstructured", format!("{peer} is no address and port of a host")))
        }
        Some(_) => Ok(()),
    }
}

fn check_pools(dnn: &DataNetwork) -> Result<(), (&'static str, String)> {
    if dnn.ipv4.is_none() && dnn.ipv6.is_none() && dnn.ethernet.is_none() {
        return Err((
            "ipv4",
            "a data network needs addresses for UEs (ipv4, ipv6 or both), or is one of Ethernet".into(),
        ));
    }
    if let Some(pool) = dnn.ipv4.filter(|pool| !(8..=30).contains(&pool.prefix_len())) {
        return Err(("ipv4", format!("{pool}: a prefix of /8 to /30 is needed")));
    }
    if let Some(gateway) = dnn.gateway.filter(|gateway| !dnn.ipv4.is_some_and(|pool| pool.contains(gateway))) {
        let pool = dnn.ipv4.map_or("there is none".into(), |pool| pool.to_string());
        return Err(("gateway", format!("{gateway} is not in the pool {pool}")));
    }
    let Some(prefix) = dnn.ipv6 else { return Ok(()) };
    if !(16..=60).contains(&prefix.prefix_len()) {
        return Err(("ipv6", format!("{prefix}: a prefix of /16 to /60 is needed, each session gets a /64 of it")));
    }
    if prefix.trunc().network() != prefix.addr() {
        return Err(("ipv6", format!("{prefix} has bits behind the prefix: {} is meant?", prefix.trunc())));
    }
    // Global unicast (RFC 4291 2.4, unique local ones among them): nothing else is routed to a UE.
    if prefix.addr().is_multicast() || prefix.addr().is_unicast_link_local() || prefix.addr().segments()[0] == 0 {
        return Err(("ipv6", format!("{prefix} is no prefix of unicast addresses that are routed")));
    }
    if dnn.mtu < LEAST_IPV6_MTU {
        return Err(("mtu", format!("{} is too little: a link of IPv6 has {LEAST_IPV6_MTU} at least", dnn.mtu)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::network;

    #[test]
    fn the_gateway_is_the_pools_first_address_unless_given() {
        let internet = &network().dnns[0];
        assert_eq!(internet.gateway(), Some(Ipv4Addr::new(10, 45, 0, 1)));
        assert_eq!(internet.gateway_ipv6(), "fd00:10:45::1".parse().ok());
    }

    fn drop_flow(flow: &str) -> FlowRule {
        FlowRule { flow: Some(flow.into()), application: None, action: FlowAction::Drop, mbr_kbps: None }
    }

    #[test]
    fn rules_name_applications_there_are() {
        let mut network = network();
        let flows = vec!["permit out 6 from 192.0.2.7 443 to any".to_owned()];
        let maps = Application { name: "maps".into(), flows };
        let named = FlowRule { flow: None, application: Some("maps".into()), ..drop_flow("") };
        network.dnns[0].rules = vec![named.clone()];
        assert!(network.check().expect_err("unknown").1.contains("'maps' is not among network.applications"));
        network.applications = vec![maps.clone()];
        assert_eq!(network.check(), Ok(()));
        for rule in [FlowRule { flow: Some(String::new()), ..named.clone() }, FlowRule { application: None, ..named }] {
            network.dnns[0].rules = vec![rule];
            assert!(network.check().expect_err("both or none").1.contains("either"));
        }
        network.dnns[0].rules.clear();
        let wrong = |applications: Vec<Application>| {
            let (key, why) = Network { applications, ..network.clone() }.check().expect_err("wrong");
            format!("{key}: {why}")
        };
        let told = [
            (vec![maps.clone(), maps.clone()], "[1].name: 'maps' stands here twice"),
            (vec![Application { name: String::new(), ..maps.clone() }], "[0].name: '' is no name"),
            (vec![Application { flows: vec![], ..maps.clone() }], "[0].flows: the list has 0 entries"),
            (vec![Application { flows: vec!["ip".into()], ..maps.clone() }], "[0].flows: 'ip' is no flow"),
            (vec![maps; 257], ": the list has 257 entries"),
        ];
        for (applications, expected) in told {
            let told = wrong(applications);
            assert!(told.starts_with(&format!("network.applications{expected}")), "{told}");
        }
    }

    #[test]
    fn flows_have_the_form_of_flow_descriptions() {
        let mut network = network();
        let mut check = |flow: &str| {
            let rule = drop_flow(flow);
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
        let rule = drop_flow("permit out ip from any to any");
        network.dnns[0].rules = vec![rule; 201];
        assert!(network.check().expect_err("too many").1.contains("0 to 200"));
    }

    #[test]
    fn pools_that_overlap_and_gateways_outside_are_refused() {
        let mut network = network();
        assert_eq!(network.check(), Ok(()));
        network.dnns[1].ipv4 = "10.45.128.0/17".parse().ok();
        assert!(network.check().expect_err("they overlap").1.contains("overlaps"));
        let has_ues = |text: &str| network.has_ues_in(&text.parse().expect("a network"));
        assert!(has_ues("10.45.7.7/32") && has_ues("10.0.0.0/8") && !has_ues("198.51.100.0/24"));
        network.dnns.truncate(1);
        network.dnns[0].gateway = Some(Ipv4Addr::new(192, 0, 2, 1));
        assert!(network.check().expect_err("outside").1.contains("not in the pool"));
        network.dnns.clear();
        assert_eq!(network.check().expect_err("none left").0, "network.dnns");
    }

    #[test]
    fn routes_are_networks_beyond_all_pools() {
        let mut network = network();
        let mut check = |routes: &[&str]| {
            network.dnns[1].routes = routes.iter().map(|network| network.parse().expect("a network")).collect();
            network.check()
        };
        assert_eq!(check(&["10.99.0.0/24", "198.51.100.0/24"]), Ok(()));
        for (routes, what) in [
            (&["10.99.0.1/24"][..], "10.99.0.0/24 is meant?"),
            (&["0.0.0.0/0"], "is no network"),
            (&["10.46.1.0/24"], "overlaps with 10.46.0.0/16"),
            (&["10.45.1.0/24"], "overlaps with a network of internet (10.45.0.0/16)"),
            (&["10.99.0.0/24", "10.99.0.128/25"], "overlaps with 10.99.0.0/24"),
            (&["2001:db8:7::/48"], "needs a pool of its version"),
            (&["10.99.0.0/24"; 9], "0 to 8"),
        ] {
            let (at, why) = check(routes).expect_err(what);
            assert!(at == "network.dnns[1].routes" && why.contains(what), "{at}: {why}");
        }
    }

    #[test]
    fn prefixes_of_ipv6_that_cannot_be_are_refused_by_key() {
        let check = |ipv4: Option<&str>, ipv6: Option<&str>, mtu| {
            let mut network = network();
            network.dnns[1].ipv4 = ipv4.map(|pool| pool.parse().expect("a prefix"));
            network.dnns[1].ipv6 = ipv6.map(|pool| pool.parse().expect("a prefix"));
            network.dnns[1].mtu = mtu;
            network.check()
        };
        assert_eq!(check(None, Some("2001:db8::/32"), 1400), Ok(()), "IPv6 alone");
        for (ipv4, ipv6, mtu, key, what) in [
            (None, None, 1400, "ipv4", "ipv4, ipv6 or both"),
            (None, Some("2001:db8::/64"), 1400, "ipv6", "/16 to /60"),
            (None, Some("2001::/15"), 1400, "ipv6", "/16 to /60"),
            (None, Some("2001:db8::1/48"), 1400, "ipv6", "2001:db8::/48 is meant?"),
            (None, Some("fe80::/48"), 1400, "ipv6", "no prefix of unicast"),
            (None, Some("ff0e::/48"), 1400, "ipv6", "no prefix of unicast"),
            (None, Some("::/48"), 1400, "ipv6", "no prefix of unicast"),
            (None, Some("fd00:10:45:8000::/50"), 1400, "ipv6", "overlaps with a network of internet"),
            (Some("10.46.0.0/16"), Some("2001:db8::/32"), 1279, "mtu", "1280 at least"),
        ] {
            let (at, why) = check(ipv4, ipv6, mtu).expect_err(what);
            assert!(at == format!("network.dnns[1].{key}") && why.contains(what), "{at}: {why}");
        }
    }
}
