//! The UPF as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<upf::Upf>()
}
