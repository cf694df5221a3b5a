//! The user plane function (TS 23.501 6.2.3): N4 towards SMFs, N3 towards gNBs, N6 towards data networks.
//!
//! [`Control`] is the control half without I/O: PFCP in, change sets to the workers of `dataplane` out. The task in
//! `n4` moves its datagrams and timers.

mod applications;
mod config;
mod control;
mod convert;
mod load;
mod metrics;
mod n4;
mod paths;
mod ports;
mod resources;
mod session;
mod shown;
mod start;

pub use config::{Buffer, Dpdk, DpdkLink, Echo, N3, N4, N6, PortKind, UpfConfig};
pub use control::{Control, Settings, Shared};
pub use resources::Pool;
pub use start::Upf;

// What tests share names it as a user does.
#[cfg(test)]
extern crate self as upf;
