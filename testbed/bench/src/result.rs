//! What every measurement writes with `--json`: where and how it was measured, and every cell.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::Failure;

/// The machine-readable result: the environment, how many rounds there were, and the cells.
pub(crate) fn result(rounds: usize, cells: &impl Serialize) -> Value {
    let mut result = environment();
    result["rounds"] = json!(rounds);
    result["cells"] = json!(cells);
    result
}

/// Where and how it was measured. The command is as from the project's root, wherever this program lies.
pub(crate) fn environment() -> Value {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let arguments = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "command": format!("target/{build}/bench {arguments}"),
        "build": build,
        "version": env!("CARGO_PKG_VERSION"),
        "cpu": model.map_or("unknown", |(_, model)| model),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, text).map_err(|source| Failure::File { path: path.display().to_string(), source })
}
