//! Who may depend on whom, held as data: NFs meet only on a wire, what decides never waits, what is unsafe is listed.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Workspace packages and the workspace packages each may name. A package or edge that is not here fails by name.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    // bytes, models, protocols and decisions: nothing of ours
    ("shm", &[]),
    ("sbi-models", &[]),
    ("ngap", &[]),
    ("nas", &[]),
    ("aka", &[]),
    ("sctp", &[]),
    ("pfcp", &[]),
    ("gtpu", &[]),
    ("rules", &[]),
    ("classifier", &[]),
    // the service-based interface
    ("sbi-api", &["sbi-models"]),
    ("sbi-token", &["sbi-models"]),
    ("sbi-transport", &["sbi-api", "shm"]),
    // network functions: the skeleton, the services, the codecs they speak; never another NF
    ("runtime", &["sbi-api", "sbi-models", "sbi-token", "sbi-transport"]),
    ("nrf", &["runtime", "sbi-api", "sbi-models", "sbi-token"]),
    ("udr", &["runtime", "sbi-api", "sbi-models", "aka"]),
    ("udm", &["runtime", "sbi-api", "sbi-models", "aka"]),
    ("ausf", &["runtime", "sbi-api", "sbi-models", "aka"]),
    ("amf", &["runtime", "sbi-api", "sbi-models", "ngap", "nas", "aka", "sctp"]),
    ("smf", &["runtime", "sbi-api", "sbi-models", "ngap", "nas", "pfcp"]),
    ("dpdk-sys", &[]),
    ("dataplane", &["rules", "classifier", "gtpu", "dpdk-sys"]),
    ("upf", &["runtime", "sbi-models", "pfcp", "gtpu", "rules", "classifier", "dataplane"]),
    // the testbed: codecs and carriers, never an NF's library
    ("topo", &[]),
    ("ran", &["ngap", "nas", "aka", "sctp", "gtpu"]),
    ("launcher", &["runtime"]),
    ("demo", &["topo"]),
    ("bench", &["topo", "classifier", "dataplane", "rules", "gtpu", "shm", "sbi-api", "sbi-models", "sbi-transport"]),
    ("tests", &["aka", "nas", "ngap", "ran", "sctp", "topo"]),
    // what takes bytes from outside, and the NFs that can be driven without I/O
    (
        "fuzz",
        &[
            "ngap",
            "nas",
            "aka",
            "pfcp",
            "gtpu",
            "rules",
            "classifier",
            "amf",
            "nrf",
            "runtime",
            "sbi-api",
            "sbi-models",
            "sbi-token",
            "shm",
        ],
    ),
];

/// What tests of a package may name beyond that.
const TESTS_MAY_ALSO_NAME: &[(&str, &[&str])] = &[
    ("sctp", &["topo"]),
    ("upf", &["sbi-api"]),
    ("tests", &["fuzz", "sbi-api", "sbi-models", "sbi-transport", "runtime", "ausf", "udm", "udr"]),
];

/// The packages that may hold `unsafe` code, each with the reason.
const MAY_BE_UNSAFE: &[(&str, &str)] = &[
    ("shm", "memory shared with another process"),
    ("sctp", "system calls of kernel SCTP and the C interface of libusrsctp"),
    ("dataplane", "bursts through sockets, bpf(2) and memory shared with the kernel or DPDK, prefetch"),
    ("dpdk-sys", "the C interface of DPDK"),
    ("classifier", "the call of code compiled for wider vectors, once the processor is known to have them"),
    ("topo", "fork and namespaces"),
    ("fuzz", "libFuzzer calls by symbol"),
];

fn packages() -> Vec<Value> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path", manifest])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// The workspace packages that `package` names, with the kind of each edge (`null`: normal, `build`, `dev`).
fn edges(package: &Value) -> Vec<(String, bool)> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let ours = dependencies.iter().filter(|dependency| dependency["path"].is_string());
    ours.map(|d| (d["name"].as_str().expect("a name").to_owned(), d["kind"] == "dev")).collect()
}

#[test]
fn dependencies_are_those_of_the_table() {
    let table: BTreeMap<_, _> = MAY_DEPEND_ON.iter().copied().collect();
    let in_tests: BTreeMap<_, _> = TESTS_MAY_ALSO_NAME.iter().copied().collect();
    let mut faults = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let Some(allowed) = table.get(name) else {
            faults.push(format!("package {name} is not in the table"));
            continue;
        };
        for (dependency, dev) in edges(&package) {
            let also = if dev { in_tests.get(name).copied().unwrap_or_default() } else { &[] };
            if !allowed.contains(&dependency.as_str()) && !also.contains(&dependency.as_str()) {
                faults.push(format!("{name} may not depend on {dependency}{}", if dev { " (tests)" } else { "" }));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_code_is_where_it_is_listed() {
    let mut faults = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let manifest = std::path::Path::new(package["manifest_path"].as_str().expect("a path"));
        let sources = manifest.parent().expect("a folder").join("src");
        let listed = MAY_BE_UNSAFE.iter().any(|(unsafe_package, _)| *unsafe_package == name);
        if !listed && allows_unsafe(&sources) {
            faults.push(format!("{name} allows unsafe code and is not listed"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn allows_unsafe(folder: &std::path::Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("a source folder").map(|entry| entry.expect("an entry").path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => allows_unsafe(&path),
        false => std::fs::read_to_string(&path).is_ok_and(|text| text.contains("allow(unsafe_code")),
    })
}
