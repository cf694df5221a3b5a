//! Whose address is whose.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use runtime::trace::Call;

use crate::{Core, addresses};

/// The NFs of the configuration and their addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(HashMap<String, SocketAddr>);

impl Names {
    /// Those of a core: where they listen for requests; an NF that does not, by its N4.
    pub(super) fn of(core: &Core) -> Self {
        let mut names = HashMap::new();
        for interface in addresses::of(core.file.as_deref()).into_iter().filter(|interface| interface.name == "N4") {
            names.insert(interface.nf.to_owned(), interface.address);
        }
        let listen = core.settings.sbi.listen.all().into_iter();
        names.extend(listen.map(|(nf, address)| (nf.as_str().to_lowercase(), address)));
        Self(names)
    }

    /// The ends of a call that `nf` shows: client and server. A stranger is called by its address, or as it calls itself.
    pub(super) fn ends(&self, nf: &str, call: &Call) -> (String, String) {
        let server = call.authority.parse().ok().and_then(|address| self.name_of(address));
        match call.incoming {
            true => {
                let agent = call.head.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
                let agent = agent.and_then(|(_, value)| value.split(['-', '/', ' ']).next()).unwrap_or_default();
                let agent: String = agent.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
                (format!("foreign {}", agent.to_lowercase()).trim().to_owned(), nf.to_owned())
            }
            false => (nf.to_owned(), server.unwrap_or_else(|| call.authority.clone())),
        }
    }

    /// The NF that listens at this address.
    pub(super) fn name_of(&self, address: SocketAddr) -> Option<String> {
        self.0.iter().find(|(_, listen)| **listen == address).map(|(name, _)| name.clone())
    }

    /// Where an NF listens.
    pub(super) fn listen_of(&self, nf: &str) -> Option<SocketAddr> {
        self.0.get(nf).copied()
    }

    /// The address an NF calls from; 0.0.0.0 where it is not known.
    pub(super) fn address_of(&self, nf: &str) -> IpAddr {
        self.0.get(nf).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), SocketAddr::ip)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Names {
    fn from(names: [(&str, &str); N]) -> Self {
        Self(names.into_iter().filter_map(|(name, address)| Some((name.to_owned(), address.parse().ok()?))).collect())
    }
}
