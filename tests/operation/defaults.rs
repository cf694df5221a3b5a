//! The configuration in the tree, and every program's defaults.

use std::path::Path;
use std::process::{Command, Output};

use tests::program;

const FUNCTIONS: [&str; 7] = ["nrf", "udr", "udm", "ausf", "amf", "smf", "upf"];

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/core.yaml");

fn run(nf: &str, option: &str, file: &Path) -> Output {
    let mut command = Command::new(program(&format!("peregrine-{nf}")));
    command.arg(option).arg("--config").arg(file).output().expect("started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_file_in_the_tree_says_what_holds_without_a_file() {
    let empty = tempfile::NamedTempFile::new().expect("a file");
    for nf in FUNCTIONS {
        let (with, without) = (run(nf, "--print-config", Path::new(FILE)), run(nf, "--print-config", empty.path()));
        assert!(with.status.success(), "{nf}: {}", text(&with.stderr));
        assert_eq!(text(&with.stdout), text(&without.stdout), "configs/core.yaml differs from the defaults of {nf}");
    }
}

#[test]
fn a_mistake_in_one_functions_section_is_not_the_others_business() {
    for nf in FUNCTIONS {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("{nf}:\n  no_such_key: 1\n")).expect("written");
        for other in FUNCTIONS.into_iter().filter(|other| *other != nf) {
            let output = run(other, "--check-config", file.path());
            assert!(output.status.success(), "{other}: {}", text(&output.stderr));
        }
    }
}
