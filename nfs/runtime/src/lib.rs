//! The one skeleton every network function is built on: configuration, tracing, metrics, the operator's socket, signals,
//! serving and calling the service-based interface, and the NRF.
//!
//! An NF's `main.rs` is `fn main() -> ExitCode { runtime::main::<amf::Amf>() }`; what is its own it says in
//! [`NetworkFunction`]. Nothing here knows what a subscriber is.

mod admin;
mod args;
pub mod config;
mod defaults;
mod function;
mod logging;
mod metrics;
mod network;
mod place;
mod placement;
mod process;
mod range;
mod rejects;
mod restart;
mod sbi;
pub mod sections;
mod shutdown;
mod signals;
mod system;
pub mod trace;
mod written;

pub use function::{Context, NetworkFunction, OfferedService, Running, StartError};
pub use metrics::{Metrics, Procedure};
pub use network::{
    Application, DataNetwork, EthernetSessions, FlowAction, FlowRate, FlowRule, Network, NetworkName,
    UnstructuredSessions,
};
pub use place::{Directories, TOKEN_KEYS};
pub use process::main;
pub use range::within;
pub use rejects::{Reject, RejectRecord, Rejects};
pub use restart::start_time;
pub use shutdown::Shutdown;
