//! Why a port on Ethernet cannot be opened.

use std::io;
use std::net::IpAddr;

use super::MOST_NETWORKS;

/// Why the port cannot be opened: the configuration's fault, or the system's.
#[derive(Debug, thiserror::Error)]
pub enum EthernetError {
    /// N3 is IPv6.
    #[error("{0}: N3 past the system is IPv4 only")]
    Ipv6(IpAddr),
    /// More networks of UEs than are looked at.
    #[error("{0} networks of UEs, more than {MOST_NETWORKS}")]
    Networks(usize),
    /// An interface, or a device of DPDK.
    #[error("interface '{name}': {source}")]
    Interface {
        /// Its name.
        name: String,
        /// What the system, or DPDK, said.
        source: io::Error,
    },
    /// The address of N3.
    #[error("N3: {0}")]
    N3(io::Error),
    /// The environment of DPDK (EAL).
    #[error("the environment of DPDK does not start with these arguments (it may have said why before): {0}")]
    Environment(io::Error),
    /// Sockets, programs and threads. AF_XDP takes CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, and a kernel from 5.9.
    #[error("{0}")]
    System(#[from] io::Error),
}
