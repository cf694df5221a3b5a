//! Section `smf` of the configuration.

use std::net::{Ipv4Addr, SocketAddr};

use runtime::within;
use serde::{Deserialize, Serialize};

/// The SMF's own settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The interface to the UPFs.
    pub n4: N4Config,
    /// Who chooses the addresses of UEs.
    pub ue_addresses: UeAddresses,
    /// PDU sessions at once, all UEs together.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub max_sessions: usize,
    /// T3592, milliseconds: how long the UE may take to acknowledge a release before it is told again (TS 24.501 10.3).
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3592_ms: u64,
}

/// Who chooses the addresses of UEs (TS 23.501 5.8.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UeAddresses {
    /// The SMF, of the pools of the data networks.
    Smf,
    /// Each UPF, of its own.
    Upf,
}

/// The interface to the UPFs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N4Config {
    /// Own address; UPFs send there.
    pub listen: SocketAddr,
    /// The UPFs.
    pub upfs: Vec<SocketAddr>,
    /// T1, milliseconds: how long a request waits for its answer before it is sent again (TS 29.244 6.4).
    #[serde(deserialize_with = "within::<_, _, 50, 30_000>")]
    pub t1_ms: u64,
    /// N1: how often a request is sent at most (TS 29.244 6.4).
    #[serde(deserialize_with = "within::<_, _, 1, 20>")]
    pub n1: u8,
    /// Milliseconds between heartbeats.
    #[serde(deserialize_with = "within::<_, _, 500, 600_000>")]
    pub heartbeat_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { n4: N4Config::default(), ue_addresses: UeAddresses::Smf, max_sessions: 1_000_000, t3592_ms: 16_000 }
    }
}

impl Default for N4Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::new(127, 0, 0, 4).into(), pfcp::PORT),
            upfs: vec![SocketAddr::new(Ipv4Addr::new(127, 0, 0, 7).into(), pfcp::PORT)],
            t1_ms: 500,
            n1: 4,
            heartbeat_ms: 2_000,
        }
    }
}
