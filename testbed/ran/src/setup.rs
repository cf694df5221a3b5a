//! What a run is set up with.

use crate::gnb::GnbConfig;
use crate::ue::Profile;
use aka::suci::{Concealment, HomeNetworkPublicKey};
use nas::ie::{Plmn, SNssai, UeSecurityCapability};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Addresses, identities and UE profile of a gNB and its UEs.
#[derive(Debug, Clone)]
pub struct RanSetup {
    /// The AMF's N2 address.
    pub amf: SocketAddr,
    /// Our N2 address; the port is any.
    pub n2: IpAddr,
    /// Our N3 address and port.
    pub n3: SocketAddr,
    /// The gNB.
    pub gnb: GnbConfig,
    /// The UEs.
    pub profile: Profile,
    /// How the UEs conceal their SUPI.
    pub suci: SuciChoice,
    /// A TUN device through which other programs use the sessions.
    pub tun: Option<String>,
    /// What the names of TAP devices begin with, of which each Ethernet session gets one; the UE's number follows.
    pub tap: Option<String>,
    /// Threads that make SUCIs before the run.
    pub preparing_threads: usize,
}

impl RanSetup {
    /// What fits a core with its default configuration on this host.
    pub fn new(plmn: Plmn) -> Self {
        let slices = vec![SNssai::new(1, None)];
        let n3 = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            amf: SocketAddr::from(([127, 0, 0, 5], 38412)),
            n2: IpAddr::V4(Ipv4Addr::LOCALHOST),
            n3: SocketAddr::new(n3, gtpu::PORT),
            gnb: GnbConfig {
                id: 1,
                id_length: 32,
                name: "peregrine-gnb-1".into(),
                plmn,
                tac: 1,
                slices: slices.clone(),
                n3,
            },
            profile: Profile {
                plmn,
                requested_slices: slices,
                capability: UeSecurityCapability::new(0xf0, 0x70),
                routing_indicator: "0000".into(),
                patience: Duration::from_secs(15),
            },
            suci: SuciChoice::Null,
            tun: None,
            tap: None,
            preparing_threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Which protection scheme which UE uses.
#[derive(Debug, Clone)]
pub enum SuciChoice {
    /// Every UE the null scheme.
    Null,
    /// Every UE the scheme of this key.
    Key(u8, HomeNetworkPublicKey),
    /// The UEs take turns: null, then each key.
    Mix(Vec<(u8, HomeNetworkPublicKey)>),
}

impl SuciChoice {
    /// The schemes in the order in which UEs take them in turn.
    pub(crate) fn rota(&self) -> Vec<Arc<Concealment>> {
        let key = |(key_id, key): &(u8, HomeNetworkPublicKey)| {
            Arc::new(Concealment::Key { key_id: *key_id, key: key.clone() })
        };
        match self {
            Self::Null => vec![Arc::new(Concealment::Null)],
            Self::Key(key_id, public) => vec![key(&(*key_id, public.clone()))],
            Self::Mix(keys) => keys.iter().map(key).chain([Arc::new(Concealment::Null)]).collect(),
        }
    }
}
