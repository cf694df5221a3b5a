//! The network functions, their programs, and texts in paths.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Every network function, those that others need last when the core ends: first to go are those that face the radio.
pub(crate) const ALL: [&str; 7] = ["amf", "smf", "ausf", "udm", "udr", "upf", "nrf"];

/// The program of a network function: in `directory` if one is named, else beside this program, else in `$PATH`.
pub(crate) fn program(nf: &str, directory: Option<&Path>) -> Result<PathBuf, Failure> {
    let name = format!("peregrine-{nf}");
    let here = std::env::current_exe().ok().and_then(|own| own.parent().map(Path::to_path_buf));
    let search = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = match directory {
        Some(directory) => vec![directory.to_path_buf()],
        None => here.into_iter().chain(std::env::split_paths(&search)).collect(),
    };
    let found = places.iter().map(|place| place.join(&name)).find(|file| file.is_file());
    found.ok_or(Failure::NoProgram(name))
}

/// A text as a segment of a path or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}"); // a String takes everything
            }
        }
    }
    out
}
