//! `peregrine-ausf`: the authentication server function as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<ausf::Ausf>()
}
