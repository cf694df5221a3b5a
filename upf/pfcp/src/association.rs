//! The state of an association with one peer (TS 29.244 6.2.6 to 6.2.8).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{Cause, NodeId, RecoveryTimeStamp};

/// Why an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The peer started again, or asked for a new association.
    Restarted,
    /// One end released it.
    Released,
    /// The peer does not answer heartbeats.
    Silent,
    /// The peer refused the setup.
    Refused(Cause),
}

impl Down {
    /// How long to wait before setting the association up again.
    pub(crate) fn pause(self, t1: Duration) -> Duration {
        match self {
            Self::Restarted => Duration::ZERO,
            Self::Released | Self::Silent | Self::Refused(_) => t1,
        }
    }
}

/// ```text
///            associate                accepted
///   Down ───────────────▶ SettingUp ───────────▶ Up ──release──▶ Releasing
///    ▲  ▲                   │  ▲  │ no answer     │                  │
///    │  └──────refused──────┘  └──┘               │                  │
///    └────restarted, silent, released─────────────┴──────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none; it is set up again when due, if wanted.
    Down,
    /// We asked and wait for the answer.
    SettingUp,
    /// It stands; a heartbeat is sent when due.
    Up,
    /// We asked for its end and wait for the answer.
    Releasing,
}

/// An association with a peer.
pub(crate) struct Association {
    /// Where requests to the peer go.
    pub(crate) address: SocketAddr,
    /// Whether we set it up and keep it.
    pub(crate) wanted: bool,
    pub(crate) state: State,
    /// When to act: set up again, or send a heartbeat.
    pub(crate) due: Option<Instant>,
    pub(crate) node_id: Option<NodeId>,
    recovery: Option<RecoveryTimeStamp>,
}

impl Association {
    /// One that we set up.
    pub(crate) fn wanted(address: SocketAddr, now: Instant) -> Self {
        Self { address, wanted: true, state: State::Down, due: Some(now), node_id: None, recovery: None }
    }

    /// One that the peer sets up.
    pub(crate) fn accepted(address: SocketAddr) -> Self {
        Self { address, wanted: false, state: State::Down, due: None, node_id: None, recovery: None }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    pub(crate) fn up(&mut self, node_id: NodeId, recovery: RecoveryTimeStamp, heartbeat: Instant) {
        self.state = State::Up;
        self.node_id = Some(node_id);
        self.recovery = Some(recovery);
        self.due = Some(heartbeat);
    }

    /// Whether the peer started after the association was set up. A time stamp that went backwards tells nothing: it
    /// comes from a message delayed on its way.
    pub(crate) fn is_older_than(&self, recovery: RecoveryTimeStamp) -> bool {
        let newer = |known: RecoveryTimeStamp| (recovery.0.wrapping_sub(known.0) as i32) > 0;
        self.is_up() && self.recovery.is_some_and(newer)
    }
}
