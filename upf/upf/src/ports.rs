//! Which port moves packets, and its opening.

use std::net::IpAddr;

use dataplane::{AfXdp, AfXdpConfig, EthernetError, NextHops, OpenError, Port, TunAddress, TunConfig, UdpTun, Waker};
use runtime::{Network, StartError};

use crate::config::{PortKind, UpfConfig};
use crate::resources::Pool;
use crate::start::{ethernet_networks, mtu, pools};

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
    // Devices of Ethernet data networks are the system's: no port past it has them.
    let ethernet = ethernet_networks(network).next().map(|(name, _)| name.to_owned());
    match (config.port, ethernet) {
        (PortKind::AfXdp | PortKind::Dpdk, Some(dnn)) => Err(StartError::config(
            "upf.port",
            format!("data network '{dnn}' has Ethernet sessions: they take udp-tun, or auto"),
        )),
        (PortKind::Auto, Some(_)) => udp_tun(config, network, "the one for Ethernet sessions"),
        (kind, _) => open_kind(kind, config, network),
    }
}

fn open_kind(kind: PortKind, config: &UpfConfig, network: &Network) -> Result<Opened, StartError> {
    let refused = |kind: &str, why: NotOpen| match why {
        NotOpen::Configuration(why) => StartError::config("upf.port", why),
        NotOpen::System(why) => StartError::system(format!("upf.port {kind}: {why}")),
    };
    match kind {
        PortKind::UdpTun => udp_tun(config, network, "configured"),
        PortKind::AfXdp => af_xdp(config, network, "configured").map_err(|why| refused("af-xdp", why)),
        PortKind::Dpdk => dpdk::open(config, network, "configured").map_err(|why| refused("dpdk", why)),
        PortKind::Auto => best(config, network),
    }
}

/// The fastest port that opens; UDP and TUN is for everybody.
fn best(config: &UpfConfig, network: &Network) -> Result<Opened, StartError> {
    const WHY: &str = "the fastest that works";
    let no_dpdk = match config.dpdk.as_ref().map(|_| dpdk::open(config, network, WHY)) {
        Some(Ok(opened)) => return Ok(opened),
        Some(Err(why)) => why,
        None => NotOpen::Configuration("it takes upf.dpdk".into()),
    };
    let no_af_xdp = match af_xdp(config, network, &format!("{WHY}; not dpdk: {no_dpdk}")) {
        Ok(opened) => return Ok(opened),
        Err(why) => why,
    };
    udp_tun(config, network, &format!("not dpdk: {no_dpdk}; not af-xdp: {no_af_xdp}"))
}

/// Why a port is not to be had.
#[derive(Debug, thiserror::Error)]
enum NotOpen {
    /// What the configuration does not say, or what was built.
    #[error("{0}")]
    Configuration(String),
    /// The system's fault.
    #[error(transparent)]
    System(#[from] EthernetError),
}

/// The UEs' networks as ports on Ethernet have them.
fn ues(network: &Network) -> Vec<(IpAddr, u8)> {
    pools(network).iter().map(|pool| (pool.network.addr(), pool.network.prefix_len())).collect()
}

/// Where packets to the data networks go, if that is anywhere.
fn next_hops(config: &UpfConfig, network: &Network) -> Option<NextHops> {
    let hops = NextHops { ipv4: config.n6.next_hop, ipv6: config.n6.next_hop_ipv6 };
    for pool in pools(network) {
        let (known, key) = match pool.network.addr() {
            IpAddr::V4(_) => (hops.ipv4.is_some(), "upf.n6.next_hop"),
            IpAddr::V6(_) => (hops.ipv6.is_some(), "upf.n6.next_hop_ipv6"),
        };
        if !known && hops != NextHops::default() {
            tracing::warn!(dnn = pool.dnn, network = %pool.network, "what its UEs send goes nowhere without {key}");
        }
    }
    (hops != NextHops::default()).then_some(hops)
}

fn af_xdp(config: &UpfConfig, network: &Network, why: &str) -> Result<Opened, NotOpen> {
    let wanted = af_xdp_config(config, network).map_err(NotOpen::Configuration)?;
    let ports = AfXdp::open(&wanted, config.workers)?;
    tracing::info!(port = "af-xdp", n3 = wanted.n3_interface, n6 = wanted.n6_interface, why, "packets");
    let ports = with_wakers(ports).map_err(EthernetError::System)?;
    Ok(Opened { ports, kind: "interface", n6: wanted.n6_interface })
}

#[cfg(not(feature = "dpdk"))]
mod dpdk {
    use super::{Network, NotOpen, Opened, UpfConfig};

    /// There is none in this build.
    pub(super) fn open(_config: &UpfConfig, _network: &Network, _why: &str) -> Result<Opened, NotOpen> {
        let how = "this build has no DPDK: install libdpdk-dev and build with \
                   `cargo build --release --workspace --bins --features dpdk`";
        Err(NotOpen::Configuration(how.into()))
    }
}

#[cfg(feature = "dpdk")]
mod dpdk {
    use std::time::Duration;

    use dataplane::{Dpdk, DpdkConfig, DpdkLink, TunAddress};

    use super::{EthernetError, Network, NotOpen, Opened, UpfConfig, mtu, next_hops, ues, with_wakers};
    use crate::config;

    /// Octets around a packet on N3: IPv4, UDP, GTP-U with extension headers, and a margin.
    const TUNNEL: u16 = 100;

    pub(super) fn open(config: &UpfConfig, network: &Network, why: &str) -> Result<Opened, NotOpen> {
        let wanted = wanted(config, network).map_err(|why| NotOpen::Configuration(why.into()))?;
        let ports = Dpdk::open(&wanted, config.workers)?;
        let (n3, n6) = (&wanted.n3_link, wanted.n6_link.as_ref().unwrap_or(&wanted.n3_link));
        tracing::info!(port = "dpdk", n3 = n3.device, n6 = n6.device, why, "packets");
        let ports = with_wakers(ports).map_err(EthernetError::System)?;
        Ok(Opened { ports, kind: "device", n6: n6.device.clone() })
    }

    fn link(link: &config::DpdkLink) -> DpdkLink {
        let address = |of: &ipnet::IpNet| TunAddress { address: of.addr(), prefix: of.prefix_len() };
        let addresses = link.addresses.iter().map(address).collect();
        DpdkLink { device: link.device.clone(), tap: link.tap.clone(), addresses }
    }

    /// What DPDK needs to know, or what of it the configuration does not say.
    fn wanted(config: &UpfConfig, network: &Network) -> Result<DpdkConfig, &'static str> {
        let Some(dpdk) = &config.dpdk else { return Err("it takes upf.dpdk") };
        if !dpdk.n3.addresses.iter().any(|of| of.addr() == config.n3.listen.ip()) {
            return Err("upf.n3.listen must be one of upf.dpdk.n3.addresses");
        }
        let n6_next_hops = next_hops(config, network).ok_or("it takes upf.n6.next_hop, or next_hop_ipv6, or both")?;
        Ok(DpdkConfig {
            eal: dpdk.eal.clone(),
            n3: config.n3.listen,
            n3_link: link(&dpdk.n3),
            n6_link: dpdk.n6.as_ref().map(link),
            n6_next_hops,
            ues: ues(network),
            mtu: mtu(network).saturating_add(TUNNEL).max(1500),
            nap: Duration::from_micros(dpdk.nap_us),
        })
    }
}

/// What AF_XDP needs to know, or what of it the configuration does not say.
fn af_xdp_config(config: &UpfConfig, network: &Network) -> Result<AfXdpConfig, String> {
    let (Some(n3), Some(n6)) = (&config.n3.interface, &config.n6.interface) else {
        return Err("it takes upf.n3.interface and upf.n6.interface".into());
    };
    let next_hops = next_hops(config, network).ok_or("it takes upf.n6.next_hop, or next_hop_ipv6, or both")?;
    Ok(AfXdpConfig {
        n3: config.n3.listen,
        n3_interface: n3.clone(),
        n6_interface: n6.clone(),
        n6_next_hops: next_hops,
        ues: ues(network),
    })
}

fn udp_tun(config: &UpfConfig, network: &Network, why: &str) -> Result<Opened, StartError> {
    let address = |pool: &Pool| TunAddress { address: pool.gateway, prefix: pool.network.prefix_len() };
    let (pools, beyond): (Vec<_>, Vec<_>) = pools(network).into_iter().partition(|pool| pool.to_choose);
    let tun = TunConfig {
        name: config.n6.tun.clone(),
        mtu: mtu(network),
        addresses: pools.iter().map(address).collect(),
        routes: beyond.iter().map(|pool| pool.network).collect(),
        offload: config.n6.offload,
    };
    let ethernet: Vec<_> = ethernet_networks(network).map(|(_, device)| device).collect();
    let ports = UdpTun::open(config.n3.listen, &tun, &ethernet, config.workers).map_err(|failure| match failure {
        OpenError::N3(why) => StartError::listen("N3", config.n3.listen, "upf.n3.listen", why),
        OpenError::N6(why) => StartError::system(format!(
            "cannot make the TUN device '{}' (configuration: upf.n6.tun): {why}; it takes CAP_NET_ADMIN and /dev/net/tun",
            config.n6.tun
        )),
        OpenError::Ethernet(tap, why) => StartError::system(format!(
            "cannot make the TAP device '{tap}' (configuration: network.dnns[].ethernet.tap): {why}; it takes CAP_NET_ADMIN"
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
    let ports = with_wakers(ports).map_err(StartError::system)?;
    Ok(Opened { ports, kind: "TUN", n6: config.n6.tun.clone() })
}

fn with_wakers(ports: Vec<impl Port + 'static>) -> std::io::Result<Ports> {
    let with_waker = |port| Ok((Box::new(port) as Box<dyn Port>, Waker::new()?));
    ports.into_iter().map(with_waker).collect()
}
