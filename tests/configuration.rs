//! Configuration files with mistakes: every program refuses them with file, line, key and what is allowed.

use std::path::Path;
use std::process::Command;

use tests::program;

const FUNCTIONS: [&str; 7] = ["nrf", "udr", "udm", "ausf", "amf", "smf", "upf"];

/// What an NF says of a file, and whether it takes it.
fn check(nf: &str, file: &Path) -> (bool, String) {
    let mut command = Command::new(program(&format!("peregrine-{nf}")));
    let output = command.arg("--config").arg(file).arg("--check-config").output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Every NF refuses `text` and says each of `wanted`.
fn refused_by_all(text: &str, wanted: &[&str]) {
    FUNCTIONS.iter().for_each(|nf| refused(nf, text, wanted));
}

fn refused(nf: &str, text: &str, wanted: &[&str]) {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("core.yaml");
    std::fs::write(&file, text).expect("written");
    let (taken, said) = check(nf, &file);
    assert!(!taken, "{nf} takes {text:?}: {said}");
    for part in wanted {
        assert!(said.contains(part), "{nf} on {text:?} does not say {part:?}: {said}");
    }
}

#[test]
fn unknown_keys_are_named_with_their_place_and_what_was_meant() {
    refused_by_all("network:\n  plnm: 999/70\n", &["core.yaml:2", "plnm", "plmn"]);
    refused_by_all("netwrok: {}\n", &["core.yaml:1", "netwrok", "network"]);
    for nf in FUNCTIONS {
        refused(nf, &format!("{nf}:\n  no_such_key: 1\n"), &["core.yaml:2", "no_such_key"]);
    }
}

#[test]
fn values_out_of_range_are_named_with_what_is_allowed() {
    refused_by_all("process:\n  workers: 0\n", &["core.yaml:2", "workers", "1", "64"]);
    refused_by_all("sbi: {timeout_ms: 5}\n", &["timeout_ms", "10"]);
    refused_by_all("network: {tacs: [16777216]}\n", &["tacs"]);
    refused_by_all("network: {plmn: 99/7}\n", &["plmn"]);
    refused_by_all("network: {dnns: []}\n", &["dnns"]);
    refused_by_all("logging: {level: loud}\n", &["logging.level", "loud"]);
    refused_by_all("sbi: {transports: []}\n", &["transports"]);
}

#[test]
fn what_is_not_yaml_is_refused() {
    for text in ["network: [", "\u{0}", "a: &a [*a]\n", "- 1\n", "network:\n\tplmn: 999/70\n"] {
        refused_by_all(text, &["core.yaml"]);
    }
    let bomb = format!("network:\n  name: &a {{full: x}}\n{}", "  <<: [*a, *a, *a, *a]\n".repeat(1000));
    refused_by_all(&bomb, &["core.yaml"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for nf in FUNCTIONS {
        let (taken, said) = check(nf, Path::new("/nonexistent/core.yaml"));
        assert!(!taken && said.contains("/nonexistent/core.yaml"), "{nf}: {said}");
    }
}

#[test]
fn the_built_in_configuration_and_an_empty_file_are_taken() {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text) in [("empty.yaml", ""), ("comment.yaml", "# nothing\n")] {
        let file = place.path().join(name);
        std::fs::write(&file, text).expect("written");
        for nf in FUNCTIONS {
            let (taken, said) = check(nf, &file);
            assert!(taken, "{nf}: {said}");
        }
    }
}
