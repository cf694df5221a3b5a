//! `peregrine-smf`: the session management function as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<smf::Smf>()
}
