//! Networks for demo, tests and benchmarks, and cores in them: hosts as network namespaces, joined by veth pairs, gone with the process.
//!
//! All of it lives in a user, network and mount namespace of its own, so that an ordinary user can make it and nothing of
//! it is seen, or left behind, outside. Done with the tools that every Debian has (`unshare`, `nsenter`, `setpriv`,
//! `ip`), so what it does can be repeated by hand.

mod core;
mod namespace;
mod simulator;
mod usage;

pub use core::{Core, CoreError, program};
pub use namespace::{Host, TopologyError, enter, link, link_ipv6};
pub use simulator::{Latency, Outcome, Outcomes, USUAL_SLICES, subscriber_lines};
pub use usage::{Usage, processes_named};
