//! All targets under libFuzzer: `FUZZ_TARGET` names the one to run.
#![no_main]
// libFuzzer calls functions by their symbols, which the macro exports.
#![allow(unsafe_code, missing_docs)]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fn chosen() -> fn(&[u8]) {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match fuzz::target(&name) {
        Some(target) => target.run,
        None => {
            let names: Vec<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
            eprintln!("FUZZ_TARGET must be one of {}", names.join(", "));
            std::process::exit(2);
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(chosen)(data));
