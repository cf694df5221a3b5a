//! The sections that every NF reads besides `network`: `process`, `sbi`, `logging`, `metrics`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use sbi_api::ApiRoot;
use sbi_models::nrf::{NfType, UriScheme};
use serde::{Deserialize, Serialize};

use crate::range::within;

/// Section `process`: how an NF runs on its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessSettings {
    /// Directory of sockets; without it `/run/peregrine` for root, else `$XDG_RUNTIME_DIR/peregrine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_dir: Option<PathBuf>,
    /// Directory of what must survive; without it `/var/lib/peregrine` for root, else `$XDG_STATE_HOME/peregrine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
    /// Threads that run an NF's tasks.
    #[serde(deserialize_with = "within::<_, _, 1, 64>")]
    pub workers: usize,
    /// Cores an NF runs on, by its name; without, any. Its memory is then of their NUMA node.
    #[serde(deserialize_with = "cores")]
    pub cpus: BTreeMap<NfName, Vec<u16>>,
    /// Milliseconds an NF takes at most to finish what is under way when told to end.
    #[serde(deserialize_with = "within::<_, _, 0, 600_000>")]
    pub drain_ms: u64,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self { run_dir: None, state_dir: None, workers: 1, cpus: BTreeMap::new(), drain_ms: 5_000 }
    }
}

/// The highest number of a core that can be named.
const LAST_CORE: u16 = 1023;

fn cores<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<NfName, Vec<u16>>, D::Error> {
    let cpus = BTreeMap::<NfName, Vec<u16>>::deserialize(deserializer)?;
    match cpus.values().flatten().find(|cpu| **cpu > LAST_CORE) {
        Some(cpu) => {
            Err(serde::de::Error::custom(format_args!("{cpu} is out of range: allowed are cores 0 to {LAST_CORE}")))
        }
        None => Ok(cpus),
    }
}

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// Shared memory, between NFs on one machine.
    Shm,
    /// HTTP/2 over a unix socket, between NFs on one machine.
    Unix,
    /// HTTP/2 over TCP, with TLS where that is configured.
    H2,
}

/// Section `sbi`: the service-based interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SbiSettings {
    /// Address of each NF's HTTP/2 server, by its name in lower case.
    pub listen: ListenAddresses,
    /// Address of the NRF where it is not the one of `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrf: Option<SocketAddr>,
    /// Transports served and used, the preferred first.
    #[serde(deserialize_with = "some_transports")]
    pub transports: Vec<TransportKind>,
    /// Certificates; with them HTTP/2 over TCP is HTTP/2 over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
    /// Whether requests to services come with access tokens of the NRF, and are refused without.
    pub oauth2: bool,
    /// File with the NRF's public keys as a JWK set, where the NRF does not tell them itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2_keys: Option<PathBuf>,
    /// Milliseconds a call may take in all.
    #[serde(deserialize_with = "within::<_, _, 10, 600_000>")]
    pub timeout_ms: u64,
    /// Milliseconds a call waits for an NF that is not there (yet, or again).
    #[serde(deserialize_with = "within::<_, _, 0, 60_000>")]
    pub patience_ms: u64,
    /// Whether the shared memory of channels that others open is made of huge pages, where the system has some to give.
    pub huge_pages: bool,
    /// Octets of the longest body taken.
    #[serde(deserialize_with = "within::<_, _, 65_536, 67_108_864>")]
    pub max_body: usize,
    /// Requests an NF answers at once; those beyond are refused with 503.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub max_concurrent: usize,
}

impl Default for SbiSettings {
    fn default() -> Self {
        Self {
            listen: ListenAddresses::default(),
            nrf: None,
            transports: vec![TransportKind::Shm, TransportKind::H2],
            tls: None,
            oauth2: true,
            oauth2_keys: None,
            timeout_ms: 5_000,
            patience_ms: 1_000,
            huge_pages: false,
            max_body: 4 << 20,
            max_concurrent: 16_384,
        }
    }
}

/// Certificates of the service-based interface: PEM files. `{nf}` in a path stands for the NF's name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Our certificate, with those up to the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities whose certificates are taken.
    pub ca: PathBuf,
}

impl TlsSettings {
    /// The files of this NF.
    pub fn of(&self, nf: &NfType) -> Self {
        let name = nf.as_str().to_lowercase();
        let own = |path: &PathBuf| PathBuf::from(path.to_string_lossy().replace("{nf}", &name));
        Self { certificate: own(&self.certificate), key: own(&self.key), ca: own(&self.ca) }
    }
}

impl SbiSettings {
    /// Scheme of the URIs of NFs.
    pub fn scheme(&self) -> UriScheme {
        if self.tls.is_some() { UriScheme::Https } else { UriScheme::Http }
    }

    /// Root of the URIs of the NF that serves `address`.
    pub fn root(&self, address: SocketAddr) -> ApiRoot {
        match self.tls {
            Some(_) => ApiRoot::https(address),
            None => ApiRoot::http(address),
        }
    }

    /// Where the NRF answers.
    pub fn nrf(&self) -> Option<SocketAddr> {
        self.nrf.or_else(|| self.listen.of(&NfType::Nrf))
    }
}

fn some_transports<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<TransportKind>, D::Error> {
    let transports = Vec::<TransportKind>::deserialize(deserializer)?;
    match transports.is_empty() {
        true => Err(serde::de::Error::custom("the list is empty: allowed are shm, unix and h2")),
        false => Ok(transports),
    }
}

/// Addresses of the HTTP/2 servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenAddresses {
    nrf: SocketAddr,
    udr: SocketAddr,
    udm: SocketAddr,
    ausf: SocketAddr,
    amf: SocketAddr,
    smf: SocketAddr,
}

impl Default for ListenAddresses {
    fn default() -> Self {
        let on = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 7777));
        Self { nrf: on(10), udr: on(20), udm: on(12), ausf: on(11), amf: on(5), smf: on(4) }
    }
}

impl ListenAddresses {
    /// The address of an NF's server; `None` for one that has no service-based interface.
    pub fn of(&self, nf: &NfType) -> Option<SocketAddr> {
        self.all().remove(nf)
    }

    /// All addresses.
    pub fn all(&self) -> BTreeMap<NfType, SocketAddr> {
        BTreeMap::from([
            (NfType::Nrf, self.nrf),
            (NfType::Udr, self.udr),
            (NfType::Udm, self.udm),
            (NfType::Ausf, self.ausf),
            (NfType::Amf, self.amf),
            (NfType::Smf, self.smf),
        ])
    }

    /// Finds addresses that cannot be told to a peer, or that two NFs share.
    ///
    /// # Errors
    /// The path of the key, and what is wrong there.
    pub fn check(&self) -> Result<(), (String, String)> {
        let mut seen = BTreeMap::new();
        for (nf, address) in self.all() {
            let key = || format!("sbi.listen.{}", nf.as_str().to_lowercase());
            if address.ip().is_unspecified() || address.port() == 0 {
                return Err((
                    key(),
                    format!("{address}: other NFs are told this address, so it must name one interface and a port"),
                ));
            }
            if let Some(other) = seen.insert(address, nf.clone()) {
                return Err((key(), format!("{address} is already that of the {other}")));
            }
        }
        Ok(())
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Section `logging`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`; or by module, as `info,amf=debug`.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// Section `metrics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Addresses where Prometheus may fetch `/metrics`, by NF; without one, only the operator's socket has them.
    pub listen: BTreeMap<NfName, SocketAddr>,
}

/// Name of an NF in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are TS 23.501's")]
pub enum NfName {
    Nrf,
    Udr,
    Udm,
    Ausf,
    Amf,
    Smf,
    Upf,
}

impl NfName {
    /// As written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nrf => "nrf",
            Self::Udr => "udr",
            Self::Udm => "udm",
            Self::Ausf => "ausf",
            Self::Amf => "amf",
            Self::Smf => "smf",
            Self::Upf => "upf",
        }
    }

    /// The name of an NF of this type.
    pub fn of(nf: &NfType) -> Option<Self> {
        Some(match nf {
            NfType::Nrf => Self::Nrf,
            NfType::Udr => Self::Udr,
            NfType::Udm => Self::Udm,
            NfType::Ausf => Self::Ausf,
            NfType::Amf => Self::Amf,
            NfType::Smf => Self::Smf,
            NfType::Upf => Self::Upf,
            _ => return None,
        })
    }
}
