//! `peregrine-udr`: the data repository, and with `subscriber` the command that provisions it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("subscriber") => udr::command::main(),
        _ => runtime::main::<udr::Udr>(),
    }
}
