//! `peregrine-udm`: unified data management.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<udm::Udm>()
}
