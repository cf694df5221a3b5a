//! Which port moves packets, and its opening.

use dataplane::{AfXdp, AfXdpConfig, OpenError, Port, TunAddress, TunConfig, UdpTun, Waker};
use runtime::{Network, StartError};

use crate::config::{PortKind, UpfConfig};
use crate::resources::Pool;
use crate::start::{mtu, pools};

/// A port for each worker, with what wakes it.
type Ports = Vec<(Box<dyn Port>, Waker)>;

/// The port that was taken.
pub(crate) struct Opened {
    /// One for each worker.
    pub(crate) ports: Ports,
    /// What N6 is on.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) n6: String,
}

/// Opens the port of the configuration, or the best that works, and says in the log which and why.
pub(crate) fn open(config: &UpfConfig, network: &Network) -> Result<Opened, StartError> {
    match config.port {
        PortKind::UdpTun => udp_tun(config, network, "configured".into()),
        PortKind::AfXdp => {
            let wanted = af_xdp_config(config, network).map_err(|why| StartError::config("upf.port", why))?;
            let opened = AfXdp::open(&wanted, config.workers);
            af_xdp(
                &wanted,
                network,
                opened.map_err(|why| StartError::system(format!("upf.port af-xdp: {why}")))?,
                "configured",
            )
        }
        PortKind::Auto => {
            let wanted = match af_xdp_config(config, network) {
                Ok(wanted) => wanted,
                Err(why) => return udp_tun(config, network, format!("not af-xdp: {why}")),
            };
            match AfXdp::open(&wanted, config.workers) {
                Ok(ports) => af_xdp(&wanted, network, ports, "the fastest that works"),
                Err(why) => udp_tun(config, network, format!("not af-xdp: {why}")),
            }
        }
    }
}

/// What AF_XDP needs to know, or what of it the configuration does not say.
fn af_xdp_config(config: &UpfConfig, network: &Network) -> Result<AfXdpConfig, String> {
    let (Some(n3), Some(n6), Some(next_hop)) = (&config.n3.interface, &config.n6.interface, config.n6.next_hop) else {
        return Err("it takes upf.n3.interface, upf.n6.interface and upf.n6.next_hop".into());
    };
    let ue = |pool: &Pool| (pool.network.addr(), pool.network.prefix_len());
    Ok(AfXdpConfig {
        n3: config.n3.listen,
        n3_interface: n3.clone(),
        n6_interface: n6.clone(),
        n6_next_hop: next_hop,
        ues: pools(network).iter().filter(|pool| pool.gateway.is_ipv4()).map(ue).collect(),
    })
}

fn af_xdp(config: &AfXdpConfig, network: &Network, ports: Vec<AfXdp>, why: &str) -> Result<Opened, StartError> {
    if network.dnns.iter().any(|dnn| dnn.ipv6.is_some()) {
        tracing::warn!("af-xdp moves packets of IPv4 only: what is sent in IPv6 sessions goes nowhere");
    }
    tracing::info!(port = "af-xdp", n3 = config.n3_interface, n6 = config.n6_interface, why, "packets");
    Ok(Opened { ports: with_wakers(ports)?, kind: "interface", n6: config.n6_interface.clone() })
}

fn udp_tun(config: &UpfConfig, network: &Network, why: String) -> Result<Opened, StartError> {
    let address = |pool: &Pool| TunAddress { address: pool.gateway, prefix: pool.network.prefix_len() };
    let tun = TunConfig {
        name: config.n6.tun.clone(),
        mtu: mtu(network),
        addresses: pools(network).iter().map(address).collect(),
        offload: config.n6.offload,
    };
    let ports = UdpTun::open(config.n3.listen, &tun, config.workers).map_err(|failure| match failure {
        OpenError::N3(why) => StartError::listen("N3", config.n3.listen, "upf.n3.listen", why),
        OpenError::N6(why) => StartError::system(format!(
            "cannot make the TUN device '{}' (configuration: upf.n6.tun): {why}; it takes CAP_NET_ADMIN and /dev/net/tun",
            config.n6.tun
        )),
    })?;
    let offload = ports.iter().all(UdpTun::offloads);
    tracing::info!(port = "udp-tun", offload, why, "packets");
    if config.n6.ip_forward {
        let ipv6 = tun.addresses.iter().any(|of| of.address.is_ipv6()).then_some("ipv6/conf/all/forwarding");
        for name in ["ipv4/ip_forward"].into_iter().chain(ipv6) {
            let file = format!("/proc/sys/net/{name}");
            std::fs::write(&file, "1").map_err(|why| StartError::file(file, why))?;
        }
    }
    Ok(Opened { ports: with_wakers(ports)?, kind: "TUN", n6: config.n6.tun.clone() })
}

fn with_wakers(ports: Vec<impl Port + 'static>) -> Result<Ports, StartError> {
    let with_waker = |port| Ok((Box::new(port) as Box<dyn Port>, Waker::new()?));
    ports.into_iter().map(with_waker).collect::<std::io::Result<_>>().map_err(StartError::system)
}
