//! What the whole-system tests share: a running core of real processes, and scripted peers.

mod core;
mod puppet;
mod world;

pub use core::{Core, Ran, program};
pub use puppet::{Puppet, ScriptError};
pub use world::{AMF, World, plmn};
