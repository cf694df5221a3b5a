//! Where a peer can be reached, and over what.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where requests are served, and by which transport.
///
/// Written as `shm:/run/amf.shm`, `h2:127.0.0.5:7777`, `h2+tls:127.0.0.5:7777`, `h2+tls:amf.example@127.0.0.5:7777`,
/// `h2+unix:/run/amf.sock`, `h2+shm:/run/amf.shm` or `mem:amf`.
#[derive(Clone, Debug, Eq)]
pub enum Endpoint {
    /// Shared memory; the path is the unix socket where channels are made.
    Shm(PathBuf),
    /// HTTP/2 over TCP. Port 0 lets the system choose one.
    H2(SocketAddr),
    /// HTTP/2 over TLS over TCP.
    H2Tls {
        /// Where to.
        address: SocketAddr,
        /// Whose certificate the server must have; without it that of the address.
        name: Option<String>,
    },
    /// HTTP/2 over a unix stream socket.
    H2Unix(PathBuf),
    /// HTTP/2 over a byte stream in shared memory: what leaving out the protocol gains is measured against it.
    H2Shm(PathBuf),
    /// A server in the same process, by name.
    Mem(String),
}

impl Endpoint {
    /// Name of the transport: `shm`, `h2`, `h2+tls`, `h2+unix`, `h2+shm` or `mem`.
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Shm(_) => "shm",
            Self::H2(_) => "h2",
            Self::H2Tls { .. } => "h2+tls",
            Self::H2Unix(_) => "h2+unix",
            Self::H2Shm(_) => "h2+shm",
            Self::Mem(_) => "mem",
        }
    }
}

// Paths are compared and hashed by their octets, not component by component as by themselves: every call does this, and one
// file named in two ways is but two endpoints.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shm(own), Self::Shm(path))
            | (Self::H2Unix(own), Self::H2Unix(path))
            | (Self::H2Shm(own), Self::H2Shm(path)) => own.as_os_str() == path.as_os_str(),
            (Self::H2(own), Self::H2(address)) => own == address,
            (Self::H2Tls { address: own, name: known }, Self::H2Tls { address, name }) => {
                own == address && known == name
            }
            (Self::Mem(own), Self::Mem(name)) => own == name,
            _ => false,
        }
    }
}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Shm(path) | Self::H2Unix(path) | Self::H2Shm(path) => state.write(path.as_os_str().as_bytes()),
            Self::H2(address) => address.hash(state),
            Self::H2Tls { address, name } => (address, name).hash(state),
            Self::Mem(name) => name.hash(state),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.transport())?;
        match self {
            Self::Shm(path) | Self::H2Unix(path) | Self::H2Shm(path) => path.display().fmt(f),
            Self::H2(address) | Self::H2Tls { address, name: None } => address.fmt(f),
            Self::H2Tls { address, name: Some(name) } => write!(f, "{name}@{address}"),
            Self::Mem(name) => name.fmt(f),
        }
    }
}

/// A text that names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not an endpoint: expected shm:PATH, h2:ADDRESS:PORT, h2+tls:[NAME@]ADDRESS:PORT, h2+unix:PATH, h2+shm:PATH or \
     mem:NAME"
)]
pub struct EndpointError(String);

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || EndpointError(text.to_owned());
        let (transport, place) = text.split_once(':').filter(|(_, place)| !place.is_empty()).ok_or_else(wrong)?;
        match transport {
            "shm" => Ok(Self::Shm(place.into())),
            "h2" => place.parse().map(Self::H2).map_err(|_| wrong()),
            "h2+tls" => {
                let (name, address) = place.rsplit_once('@').map_or((None, place), |(name, rest)| (Some(name), rest));
                let address = address.parse().map_err(|_| wrong())?;
                Ok(Self::H2Tls { address, name: name.map(str::to_owned) })
            }
            "h2+unix" => Ok(Self::H2Unix(place.into())),
            "h2+shm" => Ok(Self::H2Shm(place.into())),
            "mem" => Ok(Self::Mem(place.to_owned())),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        for text in [
            "shm:/run/amf.shm",
            "h2:127.0.0.5:7777",
            "h2:[::1]:7777",
            "h2+tls:[::1]:7777",
            "h2+tls:amf.example@127.0.0.5:7777",
            "h2+unix:/run/amf.sock",
            "h2+shm:/run/amf.shm",
            "mem:amf",
        ] {
            let endpoint: Endpoint = text.parse().expect("an endpoint");
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_name() {
        for text in ["", "shm:", "h2:localhost", "tcp:127.0.0.1:1", "/run/x"] {
            let error = text.parse::<Endpoint>().expect_err("not an endpoint");
            assert!(error.to_string().contains(text));
        }
    }
}
