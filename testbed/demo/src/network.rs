//! The demo's network: the core, the RAN and a data network, each a host of its own.
//!
//! ```text
//!   ran 10.100.0.2 ──N2, N3── 10.100.0.1 core 10.60.0.2 ──N6── 10.60.0.1 dn
//!                                             fd00:60::2       fd00:60::1
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use topo::{Host, TopologyError};

/// The core's address on N2 and N3.
pub(crate) const CORE: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 1);
/// The gNB's address on N2 and N3.
pub(crate) const GNB: Ipv4Addr = Ipv4Addr::new(10, 100, 0, 2);
/// The host in the data network that UEs ping and exchange traffic with.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 60, 0, 1);
/// The core's address towards the data network, the way back to the UEs.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 60, 0, 2);
/// The same two of IPv6.
pub(crate) const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x60, 0, 0, 0, 0, 0, 1);
const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x60, 0, 0, 0, 0, 0, 2);

/// The three hosts.
pub(crate) struct Network {
    pub(crate) core: Host,
    pub(crate) ran: Host,
    pub(crate) server: Host,
}

impl Network {
    /// Makes the hosts and joins them.
    pub(crate) fn new() -> Result<Network, TopologyError> {
        let (core, ran, server) = (Host::new("core")?, Host::new("ran")?, Host::new("dn")?);
        topo::link((&core, CORE), (&ran, GNB))?;
        topo::link((&core, GATEWAY), (&server, SERVER))?;
        core.sysctl("net.ipv4.ip_forward=1")?;
        server.ip(["route", "add", "default", "via", &GATEWAY.to_string()])?;
        topo::link_ipv6((&core, GATEWAY_V6), (&server, SERVER_V6))?;
        core.sysctl("net.ipv6.conf.all.forwarding=1")?;
        server.ip(["-6", "route", "add", "default", "via", &GATEWAY_V6.to_string()])?;
        Ok(Network { core, ran, server })
    }
}
