//! The command line. Defaults fit a core with its default configuration on this host.

use aka::suci::{HomeNetworkPublicKey, Scheme};
use aka::{K, Op, Opc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use nas::ie::{Dnn, PduSessionType, Plmn, SNssai};
use ran::attach::AttachPlan;
use ran::load::{LoadPlan, Mix};
use ran::{RanSetup, Subscriber, SuciChoice};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The public keys of TS 33.501 annex C.4, under the identifiers a core with its default configuration gives them.
const TEST_KEY_A: &str = "1:5a8d38864820197c3394b92613b20b91633cbd897119273bf8e4a6f4eec0a650";
const TEST_KEY_B: &str = "2:0272da71976234ce833a6907425867b82e074d44ef907dfb4b3e21c1c2256ebcd1";

/// A 5G gNB and UE simulator: NGAP over SCTP, NAS, GTP-U, towards any core.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// UEs register, open sessions, ping, stay or leave.
    Attach(Box<AttachOptions>),
    /// Open-loop arrivals of a mix of procedures at a rate for a time.
    Load(Box<LoadOptions>),
}

/// What both commands share.
#[derive(Args)]
pub(crate) struct Common {
    /// The AMF's N2 address.
    #[arg(long, default_value = "127.0.0.5:38412")]
    amf: SocketAddr,
    /// Our N2 address.
    #[arg(long, default_value = "127.0.0.1")]
    n2: IpAddr,
    /// Our N3 address, which the UPF is told.
    #[arg(long, default_value = "127.0.0.1")]
    n3: IpAddr,
    /// The PLMN, MCC/MNC.
    #[arg(long, default_value = "999/70")]
    plmn: Plmn,
    /// The tracking area code.
    #[arg(long, default_value_t = 1)]
    tac: u32,
    /// A slice, SST or SST-SD with six hexadecimal digits; may be given several times.
    #[arg(long, default_value = "1", value_parser = slice)]
    slice: Vec<SNssai>,
    /// The data network of the sessions.
    #[arg(long, default_value = "internet", value_parser = dnn)]
    pub(crate) dnn: Dnn,
    /// What sessions carry.
    #[arg(long, value_enum, default_value_t = PduType::Ipv4)]
    pdu_type: PduType,
    /// The gNB's identity.
    #[arg(long, default_value_t = 1)]
    gnb_id: u32,
    /// The length of the gNB's identity, 22 to 32 bits.
    #[arg(long, default_value_t = 32)]
    gnb_id_length: u8,
    /// The number of UEs.
    #[arg(long, short = 'n', default_value_t = 1)]
    ues: usize,
    /// The first UE's IMSI; the others follow.
    #[arg(long, default_value = "999700000000001")]
    imsi: String,
    /// The UEs' key K.
    #[arg(long, default_value = "465B5CE8B199B49FAA5F0A2EE238A6BC")]
    k: String,
    /// The UEs' OPc.
    #[arg(long, default_value = "E8ED289DEBA952E4283B54E88E6183CA")]
    opc: String,
    /// The operator's OP, in place of OPc.
    #[arg(long)]
    op: Option<String>,
    /// Subscribers from a file (JSON, JSON lines, YAML, CSV with imsi, k, opc or op); --ues takes the first of them.
    #[arg(long)]
    subscribers: Option<PathBuf>,
    /// How UEs conceal their SUPI.
    #[arg(long, value_enum, default_value_t = Suci::Null)]
    suci: Suci,
    /// The home network's profile A public key, ID:HEX; by default the test key of TS 33.501 annex C.4.
    #[arg(long, value_parser = key_a, default_value = TEST_KEY_A, hide_default_value = true)]
    suci_key_a: (u8, HomeNetworkPublicKey),
    /// The home network's profile B public key, ID:HEX; by default the test key of TS 33.501 annex C.4.
    #[arg(long, value_parser = key_b, default_value = TEST_KEY_B, hide_default_value = true)]
    suci_key_b: (u8, HomeNetworkPublicKey),
    /// Seconds a procedure may take.
    #[arg(long, default_value_t = 15.0)]
    timeout: f64,
    /// Writes the result as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Shows no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The protection scheme of the SUCIs.
#[derive(Clone, Copy, ValueEnum)]
enum Suci {
    /// The null scheme.
    Null,
    /// Profile A, X25519.
    A,
    /// Profile B, P-256.
    B,
    /// Profile A, B and null in turn.
    Mix,
}

/// What a session carries.
#[derive(Clone, Copy, ValueEnum)]
enum PduType {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Both.
    Ipv4v6,
    /// IPv4, IPv6 and both, by UE in turn (for load: both).
    Mix,
    /// Ethernet frames.
    Ethernet,
    /// Anything.
    Unstructured,
}

impl PduType {
    fn rota(self) -> Vec<PduSessionType> {
        match self {
            Self::Ipv4 => vec![PduSessionType::Ipv4],
            Self::Ipv6 => vec![PduSessionType::Ipv6],
            Self::Ipv4v6 => vec![PduSessionType::Ipv4v6],
            Self::Ethernet => vec![PduSessionType::Ethernet],
            Self::Unstructured => vec![PduSessionType::Unstructured],
            Self::Mix => vec![PduSessionType::Ipv4, PduSessionType::Ipv6, PduSessionType::Ipv4v6],
        }
    }
}

impl Common {
    pub(crate) fn setup(&self) -> Result<(RanSetup, Vec<Subscriber>), String> {
        let mut setup = RanSetup::new(self.plmn);
        (setup.amf, setup.n2, setup.n3) = (self.amf, self.n2, SocketAddr::new(self.n3, gtpu::PORT));
        setup.gnb.n3 = self.n3;
        (setup.gnb.tac, setup.gnb.slices) = (self.tac, self.slice.clone());
        (setup.gnb.id, setup.gnb.id_length) = (self.gnb_id, self.gnb_id_length);
        setup.gnb.name = format!("peregrine-gnb-{}", self.gnb_id);
        setup.profile.requested_slices.clone_from(&self.slice);
        setup.profile.patience =
            Duration::try_from_secs_f64(self.timeout).map_err(|error| format!("--timeout: {error}"))?;
        setup.suci = self.suci();
        Ok((setup, self.subscribers()?))
    }

    fn suci(&self) -> SuciChoice {
        let (a, b) = (self.suci_key_a.clone(), self.suci_key_b.clone());
        match self.suci {
            Suci::Null => SuciChoice::Null,
            Suci::A => SuciChoice::Key(a.0, a.1),
            Suci::B => SuciChoice::Key(b.0, b.1),
            Suci::Mix => SuciChoice::Mix(vec![a, b]),
        }
    }

    fn subscribers(&self) -> Result<Vec<Subscriber>, String> {
        let mut all = match &self.subscribers {
            Some(path) => Subscriber::load(path).map_err(|error| error.to_string())?,
            None => {
                let k = K::from_hex(&self.k).map_err(|error| format!("--k: {error}"))?;
                let opc = match &self.op {
                    Some(op) => Op::from_hex(op).map(|op| Opc::from_op(&k, &op)),
                    None => Opc::from_hex(&self.opc),
                };
                let opc = opc.map_err(|error| format!("--opc: {error}"))?;
                Subscriber::range(&self.imsi, self.ues, &k, &opc).map_err(|error| error.to_string())?
            }
        };
        all.truncate(self.ues);
        if all.len() < self.ues {
            return Err(format!("--ues {}: the file has only {} subscribers", self.ues, all.len()));
        }
        Ok(all)
    }

    /// The slice sessions ask for: the first.
    fn session_slice(&self) -> Option<SNssai> {
        self.slice.first().copied()
    }
}

#[derive(Args)]
pub(crate) struct AttachOptions {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Sessions of every UE, all to --dnn unless --session-dnn names others.
    #[arg(long, default_value_t = 1)]
    sessions: u8,
    /// The data network of the next session; may be given several times, in place of --sessions.
    #[arg(long, value_parser = dnn)]
    session_dnn: Vec<Dnn>,
    /// A further session to this data network for the first UE.
    #[arg(long, value_parser = dnn)]
    second_session: Option<Dnn>,
    /// Pings this host through every session that has an address of its version; may be given several times.
    #[arg(long)]
    ping: Vec<IpAddr>,
    /// Pings per session.
    #[arg(long, default_value_t = 1)]
    ping_count: u32,
    /// UEs started per second; all at once without it.
    #[arg(long)]
    rate: Option<f64>,
    /// Most UEs at work at once.
    #[arg(long, default_value_t = 100_000)]
    parallel: usize,
    /// A TUN device through which programs use the sessions by binding to their addresses.
    #[arg(long, num_args = 0..=1, default_missing_value = "uetun0")]
    tun: Option<String>,
    /// A TAP device for each Ethernet session, by which programs have its frames: this name and the UE's number (uetap0).
    #[arg(long, num_args = 0..=1, default_missing_value = "uetap")]
    tap: Option<String>,
    /// Writes the sessions' addresses as JSON once all UEs have arrived.
    #[arg(long)]
    pub(crate) ready: Option<PathBuf>,
    /// Stays for so many seconds, or until Ctrl-C.
    #[arg(long, num_args = 0..=1, value_name = "SECONDS")]
    stay: Option<Option<f64>>,
    /// Releases the sessions before leaving.
    #[arg(long)]
    release: bool,
    /// Ends without de-registering.
    #[arg(long)]
    no_deregister: bool,
}

/// How long UEs stay attached.
pub(crate) enum Stay {
    No,
    For(Duration),
    UntilSignal,
}

impl AttachOptions {
    pub(crate) fn stay(&self) -> Stay {
        match self.stay {
            None => Stay::No,
            Some(None) => Stay::UntilSignal,
            Some(Some(seconds)) => Stay::For(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        }
    }

    pub(crate) fn tun(&self) -> Option<String> {
        self.tun.clone()
    }

    pub(crate) fn tap(&self) -> Option<String> {
        self.tap.clone()
    }

    pub(crate) fn plan(&self) -> Result<AttachPlan, String> {
        let slice = self.common.session_slice();
        let sessions: Vec<_> = match self.session_dnn.as_slice() {
            [] => (0..self.sessions).map(|_| (Some(self.common.dnn.clone()), slice)).collect(),
            several => several.iter().map(|dnn| (Some(dnn.clone()), slice)).collect(),
        };
        if sessions.len() + usize::from(self.second_session.is_some()) > 15 {
            return Err("a UE has at most 15 sessions".into());
        }
        Ok(AttachPlan {
            sessions,
            second_session: self.second_session.clone(),
            kinds: self.common.pdu_type.rota(),
            ping: self.ping.clone(),
            ping_count: self.ping_count,
            rate: self.rate,
            parallel: self.parallel,
            release: self.release,
            deregister: !self.no_deregister,
        })
    }
}

#[derive(Args)]
pub(crate) struct LoadOptions {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Arrivals per second.
    #[arg(long)]
    rate: f64,
    /// Seconds of arrivals.
    #[arg(long)]
    duration: f64,
    /// The mix of arrivals.
    #[arg(long, default_value = "register=1,deregister=1")]
    mix: Mix,
    /// The host that pings go to.
    #[arg(long)]
    ping: Option<IpAddr>,
    /// Registers by the GUTI of the registration before.
    #[arg(long)]
    keep_guti: bool,
}

impl LoadOptions {
    pub(crate) fn plan(&self) -> Result<LoadPlan, String> {
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err("--rate must be above 0".into());
        }
        Ok(LoadPlan {
            rate: self.rate,
            duration: Duration::try_from_secs_f64(self.duration).map_err(|error| format!("--duration: {error}"))?,
            mix: self.mix.clone(),
            kind: self.common.pdu_type.rota().pop().unwrap_or(PduSessionType::Ipv4),
            dnn: Some(self.common.dnn.clone()),
            slice: self.common.session_slice(),
            ping: self.ping,
            keep_guti: self.keep_guti,
        })
    }
}

fn dnn(text: &str) -> Result<Dnn, String> {
    Dnn::new(text).ok_or_else(|| "a DNN is labels of letters, digits and hyphens, parted by dots".into())
}

fn slice(text: &str) -> Result<SNssai, String> {
    let syntax = || "a slice is written SST or SST-SD, such as 1 or 1-010203".to_owned();
    let (sst, sd) = text.split_once('-').map_or((text, None), |(sst, sd)| (sst, Some(sd)));
    let sst = sst.parse().map_err(|_| syntax())?;
    let sd = match sd {
        None => None,
        Some(digits) if digits.len() == 6 => {
            let value = u32::from_str_radix(digits, 16).map_err(|_| syntax())?;
            let [_, sd @ ..] = value.to_be_bytes();
            Some(sd)
        }
        Some(_) => return Err(syntax()),
    };
    Ok(SNssai::new(sst, sd))
}

fn key_a(text: &str) -> Result<(u8, HomeNetworkPublicKey), String> {
    key(Scheme::ProfileA, text)
}

fn key_b(text: &str) -> Result<(u8, HomeNetworkPublicKey), String> {
    key(Scheme::ProfileB, text)
}

fn key(scheme: Scheme, text: &str) -> Result<(u8, HomeNetworkPublicKey), String> {
    let (id, digits) = text.split_once(':').ok_or("a key is written ID:HEX")?;
    let id = id.parse().map_err(|_| "a key identifier is 1 to 254")?;
    Ok((id, HomeNetworkPublicKey::from_hex(scheme, digits).map_err(|error| error.to_string())?))
}
