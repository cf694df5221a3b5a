//! The life of an NF's process, from the command line to its exit status.

use std::process::ExitCode;

use crate::NetworkFunction;

/// The whole of an NF's `main`: reads the command line and the configuration, starts the NF, registers it, and ends it in
/// order on SIGTERM or SIGINT.
pub fn main<N: NetworkFunction>() -> ExitCode {
    eprintln!("peregrine-{}: this build has no network function life yet", N::TYPE.as_str().to_lowercase());
    ExitCode::FAILURE
}
