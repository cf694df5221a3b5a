//! The AMF as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<amf::Amf>()
}
