//! From an NF's profile or address to the endpoints where it can be reached, the preferred first.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use sbi_models::nrf::{IpEndPoint, LocalReach, NfProfile, NfService, ServiceName, UriScheme};
use sbi_transport::Endpoint;

use crate::place::Directories;
use crate::sections::TransportKind;

/// What decides on the way to a peer: where we are, and which transports we use.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    node: String,
    directories: Directories,
    transports: Vec<TransportKind>,
}

impl Reach {
    /// The reach of a process on the machine `node`.
    pub(crate) fn new(node: String, directories: Directories, transports: Vec<TransportKind>) -> Self {
        Self { node, directories, transports }
    }

    /// The endpoints of the NF that serves `address`, if it is one of our core on this machine, or else over HTTP/2.
    pub(crate) fn of_address(&self, address: SocketAddr) -> Vec<Endpoint> {
        self.ordered(Some(self.directories.shm_socket(address)), Some(address))
    }

    /// The endpoints of a service in a profile; empty where none of our transports leads there.
    pub(crate) fn of_service(&self, profile: &NfProfile, service: &NfService) -> Vec<Endpoint> {
        let here = profile.local.as_ref().filter(|local| local.node == self.node);
        let shm = here.and_then(|local| local.shm.as_deref()).map(PathBuf::from);
        self.ordered(shm, address_of(profile, service))
    }

    /// What our own profile says about this machine.
    pub(crate) fn local(&self, listen: SocketAddr) -> Option<LocalReach> {
        let shm = self.transports.contains(&TransportKind::Shm);
        let path = self.directories.shm_socket(listen).to_str()?.to_owned();
        shm.then(|| LocalReach { node: self.node.clone(), shm: Some(path), h2_unix: None })
    }

    fn ordered(&self, shm: Option<PathBuf>, h2: Option<SocketAddr>) -> Vec<Endpoint> {
        let endpoint = |transport: &TransportKind| match transport {
            TransportKind::Shm => shm.clone().map(Endpoint::Shm),
            TransportKind::H2 => h2.map(Endpoint::H2),
        };
        self.transports.iter().filter_map(endpoint).collect()
    }
}

/// The service `name` of a profile, where it can be used over plain HTTP.
pub(crate) fn service<'p>(profile: &'p NfProfile, name: &ServiceName) -> Option<&'p NfService> {
    profile
        .nf_services
        .as_ref()?
        .iter()
        .find(|service| service.service_name == *name && service.scheme == UriScheme::Http)
}

/// Address of a service: its own, else that of the profile.
pub(crate) fn address_of(profile: &NfProfile, service: &NfService) -> Option<SocketAddr> {
    let own = service.ip_end_points.as_ref().and_then(|points| points.iter().find_map(end_point));
    let whole = || profile.ipv4_addresses.as_ref().and_then(|list| list.first()).map(|ip| SocketAddr::from((*ip, 80)));
    own.or_else(whole)
}

fn end_point(point: &IpEndPoint) -> Option<SocketAddr> {
    let ip = point.ipv4_address.map(IpAddr::from).or(point.ipv6_address.map(IpAddr::from))?;
    Some(SocketAddr::new(ip, point.port.unwrap_or(80)))
}

/// Identity of this machine, the same in all its containers; changes when it starts anew.
pub(crate) fn node() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map_or_else(|_| "unknown".into(), |id| id.trim().to_owned())
}
