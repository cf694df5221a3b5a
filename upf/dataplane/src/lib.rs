//! The path of a packet through the user plane function.
//!
//! A [`Forwarder`] is the path without I/O: a burst of [`Frame`]s goes in, each comes out with its [`Verdict`]. It owns its
//! sessions, so that neither locks nor copies of rules are needed; they change only between bursts, by [`Command`]s. [`Workers`]
//! are threads, each of which runs a forwarder to completion on the bursts of a [`Port`].
//!
//! Sessions lie in [`BUCKETS`] buckets by the UE's address, and a tunnel's number tells its bucket too: packets of a
//! session in both directions fall into the same bucket, or are led to it, and a bucket belongs to one worker. A frame that another worker
//! received is handed over, unchanged and in order.
#![allow(unsafe_code, reason = "bursts through sockets, bpf(2) and memory shared with the kernel or DPDK; prefetch")]

mod answers;
mod balance;
mod bucket;
mod catalogue;
mod config;
mod counters;
mod detection;
#[cfg(feature = "dpdk")]
mod dpdk;
mod ethernet;
mod exchange;
mod few;
mod forward;
mod frame;
mod handover;
mod hash;
mod huge;
mod inner;
mod lan;
mod memory;
mod moment;
mod mss;
mod netlink;
mod offload;
mod payload;
mod police;
mod port;
mod redirected;
mod rewrite;
mod router;
mod routes;
mod session;
mod shaper;
mod signposts;
mod statistics;
mod steered;
mod subnet;
mod table;
mod tap;
mod timers;
mod too_big;
mod tun;
mod udp;
mod udp_tun;
mod usage;
mod web;
mod worker;
mod xdp;

pub use balance::Balancer;
pub use bucket::{BUCKETS, Bucket, Owners};
pub use catalogue::Catalogue;
pub use config::Config;
pub use counters::{Counters, Direction, DropReason, Snapshot};
#[cfg(feature = "dpdk")]
pub use dpdk::{Dpdk, DpdkConfig, DpdkLink};
pub use ethernet::{EthernetError, NextHops};
pub use exchange::{Command, Event, InstallId};
pub use forward::Forwarder;
pub use frame::{Frame, Origin, Verdict};
pub use lan::EthernetNetwork;
pub use memory::{Memory, MemoryPeer};
pub use moment::Moment;
pub use police::Policer;
pub use port::{Port, Waker};
pub use session::Session;
pub use subnet::Subnet;
pub use tap::{Point, Seen, Tap};
pub use tun::{Tun, TunAddress, TunConfig};
pub use udp_tun::{OpenError, UdpTun};
pub use usage::{Part, Usage};
pub use worker::Workers;
pub use xdp::{AfXdp, AfXdpConfig};
