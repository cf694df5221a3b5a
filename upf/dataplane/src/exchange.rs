//! What the control process and the workers say to each other.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use rules::{Mac, RemoteTunnel};

use crate::usage::Usage;
use crate::{Bucket, Session, Tap};

/// Names an installation, so that its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstallId(pub u64);

/// What the control process asks of a worker, done between bursts.
#[derive(Debug)]
pub enum Command {
    /// Puts a session in force in place of what it was, in one step.
    Install {
        /// For the answer.
        id: InstallId,
        /// Its rules. `None`: the session ends.
        session: Option<Box<Session>>,
        /// The session.
        seid: u64,
        /// Usage rules that are reported, by the counts up to this moment.
        report: BTreeSet<u32>,
        /// Tunnels that get an End Marker first.
        end_markers: Vec<RemoteTunnel>,
        /// Whether the packets buffered are dropped.
        drop_buffered: bool,
    },
    /// Shows packets to this tap from now on, or to none.
    Tap(Option<Tap>),
    /// Gives a bucket to another worker, which will tell.
    Move {
        /// The bucket, of this worker.
        bucket: Bucket,
        /// The worker.
        to: usize,
    },
    /// Has packets to an address taken to a session's bucket, which is not the address's own, or no longer. For who owns the
    /// address's.
    Signpost {
        /// The address; of IPv6 any of its prefix of 64 bits.
        address: IpAddr,
        /// The bucket.
        to: Option<Bucket>,
    },
    /// Has packets to the addresses of a network taken to a session: its bucket, and an address of its UE; or no longer. For
    /// every worker.
    Route {
        /// The network, behind a UE.
        network: IpNet,
        /// The session's.
        to: Option<(Bucket, IpAddr)>,
    },
    /// No more comes from the control process for a bucket that is leaving.
    Drained(Bucket),
    /// The worker ends.
    Stop,
}

/// What a worker tells the control process.
#[derive(Debug)]
pub enum Event {
    /// An installation is done.
    Installed {
        /// Which.
        id: InstallId,
        /// What was measured by the rules to be reported.
        reports: Vec<Usage>,
        /// The session as it was, to be taken apart away from the path.
        old: Option<Box<Session>>,
    },
    /// The first packet of a burst is buffered.
    DownlinkData {
        /// The session.
        seid: u64,
        /// The rule it matched.
        pdr: u16,
    },
    /// Usage is to be reported.
    UsageDue {
        /// The session.
        seid: u64,
        /// What was measured, by each rule that has a reason.
        usage: Vec<Usage>,
    },
    /// Stations behind the UE of an Ethernet session are new or gone, and these usage rules are told.
    MacAddresses {
        /// The session.
        seid: u64,
        /// The rules.
        urrs: Box<[u32]>,
        /// New ones.
        detected: Vec<Mac>,
        /// Those of which nothing came for the time set, or that were heard elsewhere.
        removed: Vec<Mac>,
    },
    /// No packet has passed for the time set.
    Inactive {
        /// The session.
        seid: u64,
    },
    /// The sessions of a bucket came from another worker: commands for it go to the new one from now on.
    BucketArrived {
        /// The bucket.
        bucket: Bucket,
        /// Whose it was.
        from: usize,
        /// Whose it is.
        to: usize,
    },
    /// Nothing more comes by way of the old owner: the bucket may move again.
    BucketMoved(Bucket),
    /// The far end of a tunnel does not know it.
    ErrorIndication {
        /// The session.
        seid: u64,
        /// The tunnel.
        tunnel: RemoteTunnel,
    },
}
