//! What the whole-system tests share: a running core of real processes.

mod core;

pub use core::{Core, program};
