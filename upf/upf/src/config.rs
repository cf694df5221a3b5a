//! Section `upf` of the configuration file.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use classifier::Algorithm;
use ipnet::IpNet;
use runtime::within;
use serde::{Deserialize, Serialize};

/// Section `upf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpfConfig {
    /// How packets come and go.
    pub port: PortKind,
    /// Towards gNBs.
    pub n3: N3,
    /// Towards SMFs.
    pub n4: N4,
    /// Towards data networks.
    pub n6: N6,
    /// What N3 and N6 are on with DPDK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpdk: Option<Dpdk>,
    /// PDU sessions at once.
    #[serde(deserialize_with = "within::<_, _, 1, 16_000_000>")]
    pub max_sessions: usize,
    /// How a packet's rule is found among those of its session.
    #[serde(with = "algorithm")]
    pub classifier: Algorithm,
    /// Rules of a kind that a session may have.
    #[serde(deserialize_with = "within::<_, _, 2, 65_535>")]
    pub rules_per_session: usize,
    /// Buffering of downlink packets.
    pub buffer: Buffer,
    /// How long packets beyond their bit rate may wait, in milliseconds; 0: they are dropped.
    #[serde(deserialize_with = "within::<_, _, 0, 1000>")]
    pub shaping_ms: u64,
    /// Threads that move packets.
    #[serde(deserialize_with = "within::<_, _, 1, 64>")]
    pub workers: usize,
    /// Whether sessions move from busy workers to idle ones.
    pub balance: bool,
    /// Whether packets are counted by rule, and by the time they take.
    pub statistics: bool,
    /// Cores that they are pinned to, in turn; without any the system chooses.
    pub cores: Vec<usize>,
}

impl Default for UpfConfig {
    fn default() -> Self {
        Self {
            port: PortKind::default(),
            n3: N3::default(),
            n4: N4::default(),
            n6: N6::default(),
            dpdk: None,
            max_sessions: 1_000_000,
            classifier: Algorithm::default(),
            rules_per_session: 1024,
            buffer: Buffer::default(),
            shaping_ms: 50,
            workers: 1,
            balance: true,
            statistics: false,
            cores: Vec::new(),
        }
    }
}

/// An algorithm by its name.
mod algorithm {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Algorithm;

    pub(super) fn serialize<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(algorithm)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|error| D::Error::custom(format_args!("{name:?} is {error}")))
    }
}

/// How packets come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortKind {
    /// The best that works.
    #[default]
    Auto,
    /// A UDP socket and a TUN device.
    UdpTun,
    /// AF_XDP sockets on the interfaces of N3 and N6.
    AfXdp,
    /// Devices of DPDK.
    Dpdk,
}

/// N3: GTP-U.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N3 {
    /// Own address.
    pub listen: SocketAddr,
    /// The address told to gNBs, where it is another (behind a translation of addresses).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<IpAddr>,
    /// The interface it is on, for AF_XDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Mbit/s that the link takes; 0: not known. Where it is full, only what is within a guaranteed bit rate passes.
    #[serde(deserialize_with = "within::<_, _, 0, 10_000_000>")]
    pub rate_mbps: u64,
    /// Whether gNBs still answer.
    pub echo: Echo,
}

impl Default for N3 {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 7], 2152));
        Self { listen, advertise: None, interface: None, rate_mbps: 0, echo: Echo::default() }
    }
}

/// Supervision of the gNBs that sessions forward to, by Echo Requests (TS 29.281 7.2, 12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Echo {
    /// Seconds from one Echo Request to a gNB to the next; 0: none are sent.
    #[serde(deserialize_with = "within::<_, _, 0, 86_400>")]
    pub seconds: u64,
    /// Milliseconds until a request is repeated (T3-RESPONSE).
    #[serde(deserialize_with = "within::<_, _, 10, 60_000>")]
    pub t3_ms: u64,
    /// How often it is sent at most (N3-REQUESTS).
    #[serde(deserialize_with = "within::<_, _, 1, 20>")]
    pub n3: u32,
    /// gNBs supervised at once.
    #[serde(deserialize_with = "within::<_, _, 1, 100_000>")]
    pub max_gnbs: usize,
}

impl Default for Echo {
    fn default() -> Self {
        Self { seconds: 60, t3_ms: 3000, n3: 5, max_gnbs: 4096 }
    }
}

impl Echo {
    /// How paths are supervised, if they are.
    pub(crate) fn paths(&self) -> Option<gtpu::PathConfig> {
        (self.seconds > 0).then(|| gtpu::PathConfig {
            interval: Duration::from_secs(self.seconds),
            t3_response: Duration::from_millis(self.t3_ms),
            n3_requests: self.n3,
            max_peers: self.max_gnbs,
        })
    }
}

impl N3 {
    /// The address told to gNBs.
    pub fn advertised(&self) -> IpAddr {
        self.advertise.unwrap_or(self.listen.ip())
    }
}

/// N4: PFCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N4 {
    /// Own address.
    pub listen: SocketAddr,
    /// SMFs with which the UPF itself sets the association up; usually they do.
    pub smfs: Vec<SocketAddr>,
    /// Addresses of the SMFs that may set an association up, besides those of `smfs`.
    pub allow: Vec<IpAddr>,
    /// Milliseconds until a request is repeated (T1).
    #[serde(deserialize_with = "within::<_, _, 10, 60_000>")]
    pub t1_ms: u64,
    /// How often it is sent at most (N1).
    #[serde(deserialize_with = "within::<_, _, 1, 20>")]
    pub n1: u32,
    /// Milliseconds between heartbeats.
    #[serde(deserialize_with = "within::<_, _, 100, 3_600_000>")]
    pub heartbeat_ms: u64,
    /// SMFs at once.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000>")]
    pub max_smfs: usize,
    /// Changes of sessions that may wait for the workers; beyond, SMFs are asked to hold requests back.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub queue: usize,
}

impl Default for N4 {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 7], 8805)),
            smfs: Vec::new(),
            allow: vec![IpAddr::from([127, 0, 0, 4])],
            t1_ms: 500,
            n1: 4,
            heartbeat_ms: 2000,
            max_smfs: 64,
            queue: 2048,
        }
    }
}

/// N6: the TUN device, or the interface for AF_XDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N6 {
    /// Name of the device, up to 15 characters.
    pub tun: String,
    /// The interface towards the data networks, for AF_XDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The router, or host, that packets to them go to, for AF_XDP and DPDK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<Ipv4Addr>,
    /// The same for IPv6; it may be an address of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_ipv6: Option<Ipv6Addr>,
    /// Whether to switch the forwarding of IP packets between interfaces on, in the network namespace of the process.
    pub ip_forward: bool,
    /// Mbit/s that the link takes; 0: not known. Where it is full, only what is within a guaranteed bit rate passes.
    #[serde(deserialize_with = "within::<_, _, 0, 10_000_000>")]
    pub rate_mbps: u64,
    /// Whether the system may hand over, and take, many packets of a flow as one, here and on N3.
    pub offload: bool,
    /// Forwarding policies that SMFs can name: the DSCP that each marks packets with, by which routers behind N6 steer them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, u8>,
}

impl Default for N6 {
    fn default() -> Self {
        Self {
            tun: "peregrine".into(),
            interface: None,
            next_hop: None,
            next_hop_ipv6: None,
            ip_forward: false,
            rate_mbps: 0,
            offload: true,
            policies: BTreeMap::new(),
        }
    }
}

/// The devices of DPDK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dpdk {
    /// Arguments of its environment (EAL).
    #[serde(default)]
    pub eal: Vec<String>,
    /// The device of N3.
    pub n3: DpdkLink,
    /// The device of N6, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n6: Option<DpdkLink>,
    /// Microseconds that a worker sleeps at a time when nothing comes; 0: it never does.
    #[serde(default = "nap", deserialize_with = "within::<_, _, 0, 10_000>")]
    pub nap_us: u64,
}

fn nap() -> u64 {
    100
}

/// A device of DPDK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpdkLink {
    /// Its name there.
    pub device: String,
    /// Name of the TAP device by which the system has its share.
    pub tap: String,
    /// Our addresses on the link.
    pub addresses: Vec<IpNet>,
}

/// Bounds of buffering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Buffer {
    /// Packets of one session.
    #[serde(deserialize_with = "within::<_, _, 0, 65_535>")]
    pub packets_per_session: usize,
    /// Packets of all sessions together.
    #[serde(deserialize_with = "within::<_, _, 0, 1_000_000>")]
    pub packets: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { packets_per_session: 256, packets: 16_384 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_in_the_tree_says_what_the_defaults_are() {
        let settings =
            runtime::config::parse::<runtime::config::Of<crate::Upf>>("core.yaml", runtime::config::BUILT_IN);
        assert_eq!(settings.map(|settings| settings.own).map_err(|why| why.to_string()), Ok(UpfConfig::default()));
    }
}
