//! `peregrine-ausf`: authentication server function.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<ausf::Ausf>()
}
