//! The UPF as a network function.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dataplane::{EthernetNetwork, Workers};
use ipnet::IpNet;
use pfcp::{EndpointConfig, NodeId, Peers, RecoveryTimeStamp, Role, Timers, UpFunctionFeatures};
use rules::Link;
use runtime::{Context, Network, NetworkFunction, Running, StartError};
use sbi_models::nrf::NfType;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::config::UpfConfig;
use crate::control::{Control, Settings, Shared};
use crate::n4::N4;
use crate::ports;
use crate::resources::Pool;

/// The user plane function.
pub struct Upf;

/// Octets that a frame holds beyond the MTU: outer headers, and what of a longer packet is still looked at.
const FRAME_SLACK: usize = 648;

/// Time for the SMFs to bring their sessions back after a start; the gNBs' packets for them are dropped until then.
const RESTORATION: Duration = Duration::from_secs(5);

impl NetworkFunction for Upf {
    const TYPE: NfType = NfType::Upf;
    type Config = UpfConfig;

    fn check(config: &UpfConfig, _network: &Network) -> Result<(), StartError> {
        let links = config.dpdk.iter().flat_map(|dpdk| [("n3", Some(&dpdk.n3)), ("n6", dpdk.n6.as_ref())]);
        let taps = links.filter_map(|(key, link)| Some((format!("upf.dpdk.{key}.tap"), &link?.tap)));
        for (key, name) in taps.chain([("upf.n6.tun".into(), &config.n6.tun)]) {
            if name.is_empty() || name.len() > 15 || name.contains(['/', ' ']) {
                return Err(StartError::config(
                    key,
                    format!("'{name}' is no name of an interface: 1 to 15 characters"),
                ));
            }
        }
        if config.n3.listen.ip().is_unspecified() && config.n3.advertise.is_none() {
            return Err(StartError::config(
                "upf.n3.advertise",
                "must say the address for gNBs where n3.listen is 0.0.0.0",
            ));
        }
        if config.n4.listen.ip().is_unspecified() {
            return Err(StartError::config("upf.n4.listen", "must be one address, SMFs are told it: not 0.0.0.0"));
        }
        if config.n4.allow.is_empty() && config.n4.smfs.is_empty() {
            return Err(StartError::config(
                "upf.n4.allow",
                "names no SMF, nor does n4.smfs: nobody could make sessions",
            ));
        }
        for (name, dscp) in &config.n6.policies {
            if name.is_empty() || name.len() > 255 || *dscp > 63 {
                return Err(StartError::config(
                    format!("upf.n6.policies.{name}"),
                    "a policy has a name of 1 to 255 octets and a DSCP of 0 to 63",
                ));
            }
        }
        Ok(())
    }

    async fn start(ctx: Context<UpfConfig>) -> Result<Running, StartError> {
        let Context { config, network, metrics, rejects, shutdown, trace, state_dir, .. } = ctx;
        let socket = UdpSocket::bind(config.n4.listen)
            .await
            .map_err(|why| StartError::listen("N4", config.n4.listen, "upf.n4.listen", why))?;
        let opened = ports::open(&config, &network)?;
        // Echo Requests have a port of their own (TS 29.281 4.4.2.1): their answers do not come among the packets.
        let echo = UdpSocket::bind((config.n3.listen.ip(), 0))
            .await
            .map_err(|why| StartError::listen("N3", config.n3.listen, "upf.n3.listen", why))?;
        let (told, events) = mpsc::unbounded_channel();
        let path = path_config(&config, &network);
        let workers = Workers::start(opened.ports, &path, &config.cores, move |event| {
            // The receiver ends with the process.
            let _ = told.send(event);
        });
        let workers = workers.map_err(StartError::system)?;
        if config.statistics {
            workers.counters().iter().for_each(|counters| counters.watch_statistics());
        }
        let started = runtime::start_time(&state_dir, &format!("upf-{}", config.n4.listen.ip()));
        let mut control = Control::new(settings(&config, &network, started), workers, &metrics, rejects);
        if config.balance {
            control.keep_balanced(std::time::Instant::now());
        }
        for smf in &config.n4.smfs {
            control.associate(std::time::Instant::now(), *smf);
        }
        let shared = control.shared();
        let (ask, release) = mpsc::channel(1);
        let own = config.n4.listen;
        let n3 = (config.n3.advertised(), config.n3.listen.port()).into();
        tokio::spawn(N4 { socket, echo, control, events, release, shutdown, trace, own, n3 }.run());
        // An NF's profile names an address of it (TS 29.510 table 6.1.6.2.2-1, note 1), services or not: here N4's.
        Ok(Running::new()
            .profile(move |profile| match own.ip() {
                IpAddr::V4(v4) => profile.ipv4_addresses = Some(vec![v4]),
                IpAddr::V6(v6) => profile.ipv6_addresses = Some(vec![v6]),
            })
            .status(status(shared, &config, opened.n6.clone()))
            .drain(drain(ask))
            .interface(format!("N4 on {}", config.n4.listen))
            .interface(format!("N3 on {}", config.n3.listen))
            .interface(format!("N6 on {} {}", opened.kind, opened.n6)))
    }
}

/// How long SMFs may take to release their associations: one that is there does so at once, one that is not will find a UPF
/// that has started again (TS 23.527 4.2).
const FAREWELL: Duration = Duration::from_millis(200);

/// Tells the SMFs, and waits until they have answered.
async fn drain(ask: mpsc::Sender<oneshot::Sender<()>>) {
    let (done, wait) = oneshot::channel();
    if ask.send(done).await.is_ok() {
        let _ = tokio::time::timeout(FAREWELL, wait).await;
    }
}

pub(crate) fn mtu(network: &Network) -> u16 {
    network.dnns.iter().map(|dnn| dnn.mtu).max().unwrap_or(1400)
}

/// The Ethernet data networks, by the number of their N6.
pub(crate) fn ethernet_networks(network: &Network) -> impl Iterator<Item = (&str, EthernetNetwork)> {
    let all = network.dnns.iter().filter_map(|dnn| Some((dnn, dnn.ethernet.as_ref()?)));
    (0..).zip(all).map(|(number, (dnn, ethernet))| {
        (dnn.name.as_str(), EthernetNetwork { link: Link(number), tap: ethernet.tap.clone(), mtu: dnn.mtu })
    })
}

/// The pools of all data networks, and the networks beyond them.
pub(crate) fn pools(network: &Network) -> Vec<Pool> {
    network.dnns.iter().flat_map(pools_of).collect()
}

fn pools_of(dnn: &runtime::DataNetwork) -> impl Iterator<Item = Pool> {
    let ipv4 = dnn.ipv4.map(IpNet::from).zip(dnn.gateway().map(IpAddr::from));
    let ipv6 = dnn.ipv6.map(IpNet::from).zip(dnn.gateway_ipv6().map(IpAddr::from));
    // What lies beyond has the gateway of its version's pool.
    let beyond = dnn.routes.iter().filter_map(move |network| {
        let of_version = if network.addr().is_ipv4() { ipv4 } else { ipv6 };
        of_version.map(|(_, gateway)| (*network, gateway, false))
    });
    let pools = [ipv4, ipv6].into_iter().flatten().map(|(network, gateway)| (network, gateway, true));
    let named =
        |(network, gateway, to_choose)| Pool { dnn: dnn.name.to_string(), network, gateway, mtu: dnn.mtu, to_choose };
    pools.chain(beyond).map(named)
}

fn path_config(config: &UpfConfig, network: &Network) -> dataplane::Config {
    let mut protected: Vec<IpAddr> = vec![config.n3.listen.ip(), config.n3.advertised(), config.n4.listen.ip()];
    protected.retain(|address| !address.is_unspecified());
    protected.dedup();
    dataplane::Config {
        protected,
        subnets: pools(network).iter().map(Pool::subnet).collect(),
        buffer_per_session: config.buffer.packets_per_session,
        buffer_total: config.buffer.packets,
        shaping: Duration::from_millis(config.shaping_ms),
        frame_size: usize::from(mtu(network)) + FRAME_SLACK,
        restoration: RESTORATION,
        links: [config.n6.rate_mbps, config.n3.rate_mbps].map(|rate| rate * 1_000_000),
        ..dataplane::Config::new(config.n3.advertised())
    }
}

fn settings(config: &UpfConfig, network: &Network, started: SystemTime) -> Settings {
    let node_id = NodeId::Address(config.n4.listen.ip());
    let role = Role::Up(
        UpFunctionFeatures::FTUP
            | UpFunctionFeatures::EMPU
            | UpFunctionFeatures::DDND
            | UpFunctionFeatures::MNOP
            | UpFunctionFeatures::PFDM
            | UpFunctionFeatures::UEIP
            | UpFunctionFeatures::FRRT
            | UpFunctionFeatures::TREU
            | UpFunctionFeatures::TRST,
    );
    let recovery = RecoveryTimeStamp::from(started);
    let endpoint = EndpointConfig {
        timers: Timers { t1: Duration::from_millis(config.n4.t1_ms), n1: config.n4.n1 },
        heartbeat: Duration::from_millis(config.n4.heartbeat_ms),
        max_associations: config.n4.max_smfs,
        admitted: Peers::Only(config.n4.allow.clone()),
        ..EndpointConfig::new(node_id, role, recovery)
    };
    Settings {
        endpoint,
        n4: config.n4.listen.ip(),
        n3: config.n3.advertised(),
        pools: pools(network),
        networks: ethernet_networks(network).map(|(name, _)| name.to_owned()).collect(),
        max_sessions: config.max_sessions,
        queue: config.n4.queue,
        classifier: config.classifier,
        limits: rules::Limits { rules: config.rules_per_session, ..rules::Limits::default() },
        policies: config.n6.policies.clone(),
        paths: config.n3.echo.paths(),
    }
}

fn status(
    shared: Arc<Shared>,
    config: &UpfConfig,
    n6: String,
) -> impl Fn() -> serde_json::Value + Send + Sync + 'static {
    let (n3, n4) = (config.n3.listen, config.n4.listen);
    move || {
        let counters = shared.counters();
        let [uplink, downlink] = counters.packets;
        let [supervised, silent] = shared.paths();
        serde_json::json!({
            "sessions": shared.sessions(),
            "smfs": shared.associations(),
            "gnbs": { "supervised": supervised, "silent": silent },
            "n3": n3,
            "n4": n4,
            "n6": n6,
            "packets": { "uplink": uplink, "downlink": downlink, "dropped": counters.drops.iter().sum::<u64>() },
        })
    }
}
