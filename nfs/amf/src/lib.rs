//! The AMF (TS 23.501 6.2.1): registration, connection and mobility management, and the way of session signalling.
//!
//! - `n2`: associations with nodes as machines without I/O. They know whose UE is whose.
//! - `directory`: every UE, at rest or with the task that owns it.
//! - `ue`: a UE as its task holds it; how it talks and waits.
//! - `procedures`: one file per clause of TS 23.502. To follow a registration: `procedures/initial.rs`,
//!   `procedures/registration.rs`, `procedures/authentication.rs`.
//! - `services`, `namf`: the service operations used and offered.
//! - [`machine`]: all of it without I/O, for tests and fuzzing.

mod admin;
mod admission;
mod config;
mod core;
mod directory;
mod ids;
pub mod machine;
mod n2;
mod namf;
mod procedures;
mod served;
mod services;
mod start;
mod stop;
mod ue;

pub use config::{
    Ciphering, Config, IdentityConfig, Integrity, LimitConfig, N2Config, ProcedureLimits, SctpBackend, SecurityConfig,
    TimerConfig,
};
pub use start::Amf;
