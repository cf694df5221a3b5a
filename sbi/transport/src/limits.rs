//! What one end takes from the other.

use crate::Tls;

/// Bounds that protect a process from its peers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of a body; a longer request is answered with 413, a longer response fails the call.
    pub max_body: usize,
    /// Octets of all header fields of one message, names and values.
    pub max_header_list: u32,
    /// Requests that a server handles at once, over all its connections; those beyond are answered with 503.
    pub max_concurrent: usize,
    /// Calls under way on one connection; an HTTP/2 client waits for its turn, a shared-memory one fails the call.
    pub max_in_flight: u32,
    /// Connections that a server has at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Users, besides our own and root, whose processes may open a shared-memory channel, or connect to a unix socket. They cannot
    /// read or change more than the channel, but one that means harm can hold us up, as it shares our doorbell.
    pub allowed_uids: Vec<u32>,
    /// Octets of shared memory per channel, both directions together. Pages cost memory only once used. By default so many that 32 bodies of
    /// 16 KiB are under way each way without waiting for room; readers may hold half of it where it lies, beyond that they copy.
    pub shm_segment: u32,
    /// Whether the shared memory that a server makes is of huge pages, where the system has some.
    pub huge_pages: bool,
    /// Our certificate and those we take, for endpoints with TLS.
    pub tls: Option<Tls>,
}

impl Limits {
    /// Whether a process of this user may connect on this machine.
    pub(crate) fn admits(&self, uid: u32) -> bool {
        uid == 0 || uid == rustix::process::geteuid().as_raw() || self.allowed_uids.contains(&uid)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 4 << 20,
            max_header_list: 64 << 10,
            max_concurrent: 16_384,
            max_in_flight: 16_384,
            max_connections: 4096,
            allowed_uids: Vec::new(),
            shm_segment: 2 << 20,
            huge_pages: false,
            tls: None,
        }
    }
}
