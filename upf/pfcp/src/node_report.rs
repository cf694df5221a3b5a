//! What a UP function tells of itself and its paths, whatever session it is about (TS 29.244 7.4.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{Malformed, Value, group, take};
use crate::{Cause, NodeId, OffendingIe};

/// What a node report tells (8.2.69).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeReportType(pub u8);

impl NodeReportType {
    /// Peers on the user plane that no longer answer.
    pub const UPFR: Self = Self(1);
    /// Peers on the user plane that answer again.
    pub const UPRR: Self = Self(1 << 1);

    /// Whether all of `kinds` are told.
    pub fn contains(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }
}

impl Value for NodeReportType {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [kinds] = take(&mut octets)?;
        Ok(Self(kinds))
    }
}

/// The far end of a path (8.2.70). Interface, network instance and state of the tunnels are not written, and passed over
/// where they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GtpUPeer {
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
}

impl GtpUPeer {
    const V6: u8 = 1;
    const V4: u8 = 1 << 1;

    /// The addresses, one at least.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ipv4.map(IpAddr::from).into_iter().chain(self.ipv6.map(IpAddr::from))
    }
}

impl From<IpAddr> for GtpUPeer {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self { ipv4: Some(v4), ipv6: None },
            IpAddr::V6(v6) => Self { ipv4: None, ipv6: Some(v6) },
        }
    }
}

impl Value for GtpUPeer {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.ipv6.map_or(0, |_| Self::V6) | self.ipv4.map_or(0, |_| Self::V4));
        out.extend(self.ipv4.iter().flat_map(Ipv4Addr::octets));
        out.extend(self.ipv6.iter().flat_map(Ipv6Addr::octets));
    }

    fn read(mut octets: &[u8]) -> Result<Self, Malformed> {
        let [flags] = take(&mut octets)?;
        let mut peer = Self { ipv4: None, ipv6: None };
        if flags & Self::V4 != 0 {
            peer.ipv4 = Some(Ipv4Addr::from(take(&mut octets)?));
        }
        if flags & Self::V6 != 0 {
            peer.ipv6 = Some(Ipv6Addr::from(take(&mut octets)?));
        }
        if peer.addresses().next().is_none() {
            return Err(Malformed::Content);
        }
        Ok(peer)
    }
}

group! {
    /// Peers that no longer answer (7.4.5.1.2).
    PathFailureReport() {
        /// The peers.
        many peers: GtpUPeer = REMOTE_GTP_U_PEER,
    }
}

group! {
    /// Peers that answer again (7.4.5.1.3).
    PathRecoveryReport() {
        /// The peers.
        many peers: GtpUPeer = REMOTE_GTP_U_PEER,
    }
}

group! {
    /// Tells the CP function of something that is not about one session (7.4.5.1).
    NodeReportRequest(
        /// The UP function.
        node_id: NodeId = NODE_ID,
        /// What is told.
        report_type: NodeReportType = NODE_REPORT_TYPE,
    ) {
        /// Paths that failed.
        once path_failure: PathFailureReport = USER_PLANE_PATH_FAILURE_REPORT,
        /// Paths that recovered.
        once path_recovery: PathRecoveryReport = USER_PLANE_PATH_RECOVERY_REPORT,
    }
}

group! {
    /// Answers a node report (7.4.5.2).
    NodeReportResponse(
        /// The CP function.
        node_id: NodeId = NODE_ID,
        /// The outcome.
        cause: Cause = CAUSE,
    ) {
        /// The element at fault.
        once offending_ie: OffendingIe = OFFENDING_IE,
    }
}
