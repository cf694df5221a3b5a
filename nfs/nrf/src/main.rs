//! The NRF as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<nrf::Nrf>()
}
