//! A gNB and UE simulator: plain NGAP, NAS and GTP-U towards any 5G core, with its own state machines.
//!
//! [`ue::Ue`] and [`gnb::Gnb`] are state machines without input or output. [`Ran`] runs one gNB and its UEs over an SCTP
//! association and a UDP socket, and hands out procedures as futures. [`attach`] and [`load`] are what the program's
//! commands do; [`peer`] is a scripted NGAP peer for tests.

pub mod attach;
mod autoconfiguration;
mod credentials;
mod driver;
pub mod gnb;
pub mod icmp;
pub mod load;
mod payloads;
pub mod peer;
pub mod report;
mod setup;
mod tun;
pub mod ue;
mod userplane;

pub use credentials::{CredentialsError, Subscriber};
pub use driver::{Ping, Ran, RanError, UeId};
pub use payloads::Payloads;
pub use setup::{RanSetup, SuciChoice};
pub use userplane::PingError;
