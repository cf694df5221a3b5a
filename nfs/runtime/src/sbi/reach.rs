//! From an NF's profile or address to the endpoints where it can be reached, the preferred first.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use sbi_api::ApiRoot;
use sbi_models::nrf::{IpEndPoint, LocalReach, NfProfile, NfService, ServiceName, UriScheme};
use sbi_transport::Endpoint;

use crate::place::Directories;
use crate::sections::{SbiSettings, TransportKind};

/// What decides on the way to a peer: where we are, and which transports we use.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    node: String,
    directories: Directories,
    transports: Vec<TransportKind>,
    /// Of URIs over TCP: with `https` nothing goes there in clear, with `http` nothing can go encrypted.
    scheme: UriScheme,
}

impl Reach {
    /// The reach of a process on the machine `node`.
    pub(crate) fn new(node: String, directories: Directories, settings: &SbiSettings) -> Self {
        Self { node, directories, transports: settings.transports.clone(), scheme: settings.scheme() }
    }

    /// The endpoints of the NF that serves `address`, if it is one of our core on this machine, or else over HTTP/2.
    pub(crate) fn of_address(&self, address: SocketAddr) -> Vec<Endpoint> {
        self.ordered(self.own_sockets(address), Some(self.tcp(address, None)))
    }

    /// The endpoints of the NF at `root`, whose name resolves to `address`.
    pub(crate) fn of_root(&self, root: &ApiRoot, address: SocketAddr) -> Vec<Endpoint> {
        let same_scheme = root.is_secure() == (self.scheme == UriScheme::Https);
        let host = root.authority().rsplit_once(':').map_or(root.authority(), |(host, _)| host);
        let name = host.trim_matches(['[', ']']).parse::<IpAddr>().is_err().then_some(host);
        self.ordered(self.own_sockets(address), same_scheme.then(|| self.tcp(address, name)))
    }

    /// The endpoints of a service in a profile; empty where none of our transports leads there.
    pub(crate) fn of_service(&self, profile: &NfProfile, service: &NfService) -> Vec<Endpoint> {
        let here = profile.local.as_ref().filter(|local| local.node == self.node);
        let path = |path: &Option<String>| path.as_deref().map(PathBuf::from);
        let sockets =
            Sockets { shm: here.and_then(|local| path(&local.shm)), h2: here.and_then(|local| path(&local.h2_unix)) };
        let name = service.fqdn.as_deref().or(profile.fqdn.as_deref());
        self.ordered(sockets, address_of(profile, service).map(|address| self.tcp(address, name)))
    }

    /// The service `name` of a profile, where it has our scheme.
    pub(crate) fn service<'p>(&self, profile: &'p NfProfile, name: &ServiceName) -> Option<&'p NfService> {
        let mut services = profile.nf_services.as_ref()?.iter();
        services.find(|service| service.service_name == *name && service.scheme == self.scheme)
    }

    /// What our own profile says about this machine.
    pub(crate) fn local(&self, listen: SocketAddr) -> Option<LocalReach> {
        let sockets = self.own_sockets(listen);
        let served = |transport: TransportKind, path: Option<PathBuf>| {
            let path = path.filter(|_| self.transports.contains(&transport))?;
            path.to_str().map(str::to_owned)
        };
        let (shm, h2_unix) = (served(TransportKind::Shm, sockets.shm), served(TransportKind::Unix, sockets.h2));
        let somewhere = shm.is_some() || h2_unix.is_some();
        somewhere.then(|| LocalReach { node: self.node.clone(), shm, h2_unix })
    }

    fn own_sockets(&self, address: SocketAddr) -> Sockets {
        let (shm, h2) = (self.directories.shm_socket(address), self.directories.h2_socket(address));
        Sockets { shm: Some(shm), h2: Some(h2) }
    }

    fn tcp(&self, address: SocketAddr, name: Option<&str>) -> Endpoint {
        match self.scheme {
            UriScheme::Https => Endpoint::H2Tls { address, name: name.map(str::to_owned) },
            _ => Endpoint::H2(address),
        }
    }

    fn ordered(&self, sockets: Sockets, tcp: Option<Endpoint>) -> Vec<Endpoint> {
        let endpoint = |transport: &TransportKind| match transport {
            TransportKind::Shm => sockets.shm.clone().map(Endpoint::Shm),
            TransportKind::Unix => sockets.h2.clone().map(Endpoint::H2Unix),
            TransportKind::H2 => tcp.clone(),
        };
        self.transports.iter().filter_map(endpoint).collect()
    }
}

/// Unix sockets of an NF on this machine.
struct Sockets {
    shm: Option<PathBuf>,
    h2: Option<PathBuf>,
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
